//! Faces and ages: a folder of images whose names begin with the age, as UTKFace's do, or a CSV of
//! paths and ages.
//!
//! ```text
//! UTKFace/25_0_2_20170116174525125.jpg              age_gender_race_date
//! UTKFace/25_0_2_20170116174525125.jpg.chip.jpg     its aligned face
//! ```
//!
//! ```text
//! path,age                    file_name,num_ratings,apparent_age_avg,apparent_age_std,real_age
//! faces/1.jpg,25              000000.jpg,36,5.1,1.7,4
//! faces/2.jpg,61              000001.jpg,37,18.2,4.0,18
//! ```
//!
//! An age is a number of years in 0..=120. The class of an image is its bin, ⌊age / width⌋, with a
//! width in whole years; the classes of a set are the bins that occur, the youngest first. A class
//! stands for the middle of its whole years, `first + (width - 1) / 2`: the year itself for width 1,
//! 27 for the bin 25-29. The ages themselves are kept as the set's [`Targets`], in [`Unit::Years`].
//!
//! Where a name has the codes of gender and race behind the age, as UTKFace's names do, they are the sample's
//! group: `gender 0, race 2`.
//!
//! UTKFace: Zhang, Song and Qi 2017, arXiv:1702.08423. APPA-REAL: Agustsson et al. 2017, "Apparent
//! and real age estimation in still images with deep residual regressors on APPA-REAL database".

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use crate::bad::{BadFile, OnBadFile, Sieve};
use crate::dataset::Dataset;
use crate::error::DataError;
use crate::folder::Decoding;
use crate::samples::SampleInfo;
use crate::target::{Targets, Unit};
use crate::walk::{LeftOut, Reason, Walk};
use crate::{files, folder};

pub(crate) mod csv;

/// The ages that are taken for ages, in years.
pub(crate) const AGES: RangeInclusive<f32> = 0.0..=120.0;

/// The widths that a bin may have, in years.
pub const WIDTHS: RangeInclusive<u32> = 1..=60;

const EXPECTED: &str = "a folder of images named AGE_GENDER_RACE_DATE.jpg, or a CSV of (path, age)";

/// Reads faces with their ages from a folder, by the files' names, or from a CSV file.
///
/// In a folder, images (see [`EXTENSIONS`](crate::walk::EXTENSIONS)) are taken in the order of their names;
/// folders and other files are left out, and named. The age is what stands before the first `_`.
///
/// A CSV has a row per image, paths being relative to its folder. Without a header it has two columns,
/// path and age. A header names the columns `path` (or `file`, `filename`, `image`) and `age`, or
/// `file_name` and `real_age` as in APPA-REAL's `gt_avg_train.csv`; others are ignored. For a CSV of
/// this second kind images are also looked for in the folder `train`, `valid` or `test` that the CSV's
/// name ends with, and where `NAME_face.jpg`, the face cut out of the photo NAME, is beside it, that is
/// read. Fields may be quoted; an image may be named once.
///
/// `width` is the width of a class in years. With [`OnBadFile::Skip`] images and rows that cannot be used are left
/// out, and classes of which nothing remains.
///
/// # Errors
/// [`BadBinWidth`](DataError::BadBinWidth), [`Missing`](DataError::Missing),
/// [`NoAge`](DataError::NoAge), [`AgeOutOfRange`](DataError::AgeOutOfRange),
/// [`BadRow`](DataError::BadRow), [`RepeatedImage`](DataError::RepeatedImage),
/// [`EmptySet`](DataError::EmptySet), [`NoClasses`](DataError::NoClasses), and those of [`folder::read`] for the images.
pub(crate) fn read(path: &Path, width: u32, how: &Decoding, on_bad_file: OnBadFile) -> Result<Ages, DataError> {
    if !WIDTHS.contains(&width) {
        return Err(DataError::BadBinWidth { found: width.to_string(), range: WIDTHS });
    }
    let is_folder = path.is_dir();
    let root = if is_folder { path } else { path.parent().unwrap_or(Path::new("")) };
    let mut sieve = Sieve::new(root, on_bad_file);
    let (faces, left_out) = if is_folder {
        let Walk { images, left_out, .. } = Walk::sieved(path, 0, &mut sieve)?;
        (by_name(path, images, &mut sieve)?, left_out)
    } else {
        (csv::read(path, &mut sieve)?, LeftOut::new())
    };
    if faces.is_empty() {
        return Err(no_face(path, &sieve, &left_out));
    }
    let set = labelled(root, faces, width, how, &mut sieve)?;
    Ok(Ages { set, left_out, bad_files: sieve.into_bad() })
}

/// Faces with their ages.
pub(crate) struct Ages {
    pub(crate) set: Dataset,
    pub(crate) left_out: LeftOut,
    pub(crate) bad_files: Vec<BadFile>,
}

/// Says what is there where no face is.
fn no_face(path: &Path, sieve: &Sieve, left_out: &LeftOut) -> DataError {
    let origin = path.display().to_string();
    if let Some(found) = sieve.said() {
        return DataError::UnusableClass { origin, class: "ages".to_owned(), found };
    }
    match left_out.get(&Reason::Folder).and_then(|folders| Some((folders.first()?, folders.len()))) {
        Some((first, n)) => DataError::NoClasses {
            path: path.to_owned(),
            found: format!("{n} folders and no image beside them"),
            way_out: format!("give one of them, as `age:{}`", first.display()),
        },
        None => DataError::EmptySet { origin },
    }
}

/// The set of faces, with a class for every `width` years.
fn labelled(
    root: &Path,
    faces: Vec<Face>,
    width: u32,
    how: &Decoding,
    sieve: &mut Sieve,
) -> Result<Dataset, DataError> {
    let bin = |age: f32| age as u32 / width;
    let bins: Vec<u32> = faces.iter().map(|f| bin(f.age)).collect::<BTreeSet<_>>().into_iter().collect();
    let first = |bin: &u32| bin * width;
    let name = |bin| match width {
        1 => first(bin).to_string(),
        _ => format!("{}-{}", first(bin), first(bin) + width - 1),
    };
    let middles = bins.iter().map(|bin| first(bin) as f32 + (width - 1) as f32 / 2.0).collect();
    let classes = bins.iter().map(name).collect();
    let label = |age| bins.partition_point(|&b| b < bin(age)) as u32;
    let images = faces.iter().map(|f| (f.path.clone(), label(f.age))).collect();
    let (set, kept) = folder::read_labelled(root, images, classes, how, sieve)?;
    let ages = kept.iter().map(|&i| faces[i].age).collect();
    let info = |(i, &at): (usize, &usize)| SampleInfo { group: faces[at].group.clone(), ..set.info(i) };
    let infos = kept.iter().enumerate().map(info).collect();
    let set = set.with_info(infos)?.with_targets(Targets::new(Unit::Years, ages, middles)?)?;
    let counts = set.class_counts();
    if counts.contains(&0) { set.keep_classes(|class| counts[class] > 0) } else { Ok(set) }
}

/// An image and its age.
struct Face {
    path: PathBuf,
    age: f32,
    group: Option<String>,
}

fn by_name(dir: &Path, images: Vec<PathBuf>, sieve: &mut Sieve) -> Result<Vec<Face>, DataError> {
    let mut faces = Vec::new();
    for path in images {
        match face(dir, &path) {
            Ok(face) => faces.push(face),
            Err(error) => sieve.drop(&path, None, error)?,
        }
    }
    Ok(faces)
}

fn face(dir: &Path, path: &Path) -> Result<Face, DataError> {
    let name = files::name_of(path);
    let Some(age) = name.split_once('_').and_then(|(age, _)| number(age)) else {
        return Err(DataError::NoAge { path: path.to_owned() });
    };
    // A photo and its aligned face would be the same face twice, perhaps once to train and once
    // to test.
    if let Some(photo) = name.strip_suffix(".chip.jpg").filter(|photo| dir.join(photo).is_file()) {
        let (origin, first) = (dir.display().to_string(), photo.to_owned());
        return Err(DataError::RepeatedImage { origin, image: name, first });
    }
    let age = in_range(age, || path.display().to_string())?;
    Ok(Face { path: path.to_owned(), age, group: group(&name) })
}

/// Gender and race of `age_gender_race_date`; nothing where a part is missing or no code.
fn group(name: &str) -> Option<String> {
    let mut parts = name.split('_').skip(1);
    let [gender, race, _date] = [parts.next()?, parts.next()?, parts.next()?];
    let is_code = |text: &str| text.len() == 1 && text.bytes().all(|b| b.is_ascii_digit());
    (is_code(gender) && is_code(race)).then(|| format!("gender {gender}, race {race}"))
}

/// A number as people write an age: digits with a sign or a point, and nothing like `inf` or `1e3`.
fn number(text: &str) -> Option<f32> {
    let text = text.trim();
    let plain = text.bytes().all(|b| b.is_ascii_digit() || b"+-.".contains(&b));
    text.parse().ok().filter(|_| plain)
}

fn in_range(age: f32, origin: impl FnOnce() -> String) -> Result<f32, DataError> {
    if AGES.contains(&age) { Ok(age) } else { Err(DataError::AgeOutOfRange { origin: origin(), age, range: AGES }) }
}

#[cfg(test)]
mod tests;
