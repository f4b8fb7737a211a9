//! Market-1501: `0002_c1s1_000451_03.jpg` is person 2 by camera 1; person −1 is no one, person 0 a distractor.

use std::path::{Path, PathBuf};

use super::{QueryGallery, Retrieval, open};
use crate::error::DataError;
use crate::files;
use crate::folder::Decoding;
use crate::walk::Walk;

const TRAIN: &str = "bounding_box_train";
const QUERY: &str = "query";
const GALLERY: &str = "bounding_box_test";

/// An image, its person and its camera.
struct Seen {
    path: PathBuf,
    person: i32,
    camera: u32,
}

pub(super) fn is_in(dir: &Path) -> bool {
    [TRAIN, QUERY, GALLERY].iter().all(|part| dir.join(part).is_dir())
}

pub(super) fn read(dir: &Path, how: &Decoding) -> Result<Retrieval, DataError> {
    let [train, query, gallery] = [TRAIN, QUERY, GALLERY].map(|part| seen(&dir.join(part)));
    let (train, mut test, gallery) = (train?, query?, gallery?);
    let (queries, in_gallery) = (test.len(), gallery.len());
    // No one in a training image or a query is a mistake of the file's name; in the gallery it is junk.
    if let Some(no_one) = train.iter().chain(&test).find(|seen| seen.person < 0) {
        return Err(bad(&no_one.path, "person −1, expected it in the gallery only"));
    }
    test.extend(gallery.into_iter().filter(|seen| seen.person >= 0));
    let junk = queries + in_gallery - test.len();
    let cameras = test.iter().map(|seen| seen.camera).collect();
    let named = |part: Vec<Seen>| part.into_iter().map(|s| (s.path, format!("{:04}", s.person))).collect();
    let parts = open(dir, dir, "Market-1501", named(train), named(test), how)?;
    Ok(Retrieval { query_gallery: Some(QueryGallery { queries, cameras: Some(cameras), junk }), ..parts })
}

fn seen(dir: &Path) -> Result<Vec<Seen>, DataError> {
    let one = |path: PathBuf| match understand(&files::name_of(&path)) {
        Some((person, camera)) => Ok(Seen { path, person, camera }),
        None => Err(bad(&path, "expected a name as 0002_c1s1_000451_03.jpg: person, then camera")),
    };
    Walk::below(dir, 0)?.images.into_iter().map(one).collect()
}

fn understand(name: &str) -> Option<(i32, u32)> {
    let (person, rest) = name.split_once("_c")?;
    let camera: String = rest.chars().take_while(char::is_ascii_digit).collect();
    let person: i32 = person.parse().ok().filter(|&p| p >= -1)?;
    Some((person, camera.parse().ok()?))
}

fn bad(path: &Path, reason: &str) -> DataError {
    DataError::BadPairs { origin: path.display().to_string(), reason: reason.to_owned() }
}
