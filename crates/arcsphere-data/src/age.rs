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

use crate::dataset::Dataset;
use crate::error::DataError;
use crate::samples::SampleInfo;
use crate::target::{Targets, Unit};
use crate::walk::{LeftOut, Walk};
use crate::{files, folder};

mod csv;

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
/// `width` is the width of a class in years; `resize` is a (height, width) in pixels that each image
/// is brought to; without it they must all have one size.
///
/// # Errors
/// [`BadBinWidth`](DataError::BadBinWidth), [`Missing`](DataError::Missing),
/// [`NoAge`](DataError::NoAge), [`AgeOutOfRange`](DataError::AgeOutOfRange),
/// [`BadRow`](DataError::BadRow), [`RepeatedImage`](DataError::RepeatedImage),
/// [`EmptySet`](DataError::EmptySet), and those of [`folder::read`] for the images.
pub(crate) fn read(path: &Path, width: u32, resize: Option<(usize, usize)>) -> Result<(Dataset, LeftOut), DataError> {
    if !WIDTHS.contains(&width) {
        return Err(DataError::BadBinWidth { found: width.to_string(), range: WIDTHS });
    }
    let (root, faces, left_out) = if path.is_dir() {
        let Walk { images, left_out, .. } = Walk::below(path, 0)?;
        (path, by_name(path, images)?, left_out)
    } else {
        (path.parent().unwrap_or(Path::new("")), csv::read(path)?, LeftOut::new())
    };
    let bin = |age: f32| age as u32 / width;
    let bins: Vec<u32> = faces.iter().map(|f| bin(f.age)).collect::<BTreeSet<_>>().into_iter().collect();
    if bins.is_empty() {
        return Err(DataError::EmptySet { origin: path.display().to_string() });
    }
    let first = |bin: &u32| bin * width;
    let name = |bin| match width {
        1 => first(bin).to_string(),
        _ => format!("{}-{}", first(bin), first(bin) + width - 1),
    };
    let ages: Vec<f32> = faces.iter().map(|f| f.age).collect();
    let middles = bins.iter().map(|bin| first(bin) as f32 + (width - 1) as f32 / 2.0).collect();
    let classes = bins.iter().map(name).collect();
    let label = |age| bins.partition_point(|&b| b < bin(age)) as u32;
    let groups: Vec<Option<String>> = faces.iter().map(|f| f.group.clone()).collect();
    let images = faces.into_iter().map(|f| (f.path, label(f.age))).collect();
    let set = folder::read_labelled(root, images, classes, resize)?;
    let infos = groups.into_iter().enumerate().map(|(i, group)| SampleInfo { group, ..set.info(i) }).collect();
    let set = set.with_info(infos)?;
    Ok((set.with_targets(Targets::new(Unit::Years, ages, middles)?)?, left_out))
}

/// An image and its age.
struct Face {
    path: PathBuf,
    age: f32,
    group: Option<String>,
}

fn by_name(dir: &Path, images: Vec<PathBuf>) -> Result<Vec<Face>, DataError> {
    let mut faces = Vec::new();
    for path in images {
        let name = files::name_of(&path);
        let Some(age) = name.split_once('_').and_then(|(age, _)| number(age)) else {
            return Err(DataError::NoAge { path });
        };
        // A photo and its aligned face would be the same face twice, perhaps once to train and once
        // to test.
        if let Some(photo) = name.strip_suffix(".chip.jpg").filter(|photo| dir.join(photo).is_file()) {
            let (origin, first) = (dir.display().to_string(), photo.to_owned());
            return Err(DataError::RepeatedImage { origin, image: name, first });
        }
        let age = in_range(age, || path.display().to_string())?;
        let group = group(&name);
        faces.push(Face { path, age, group });
    }
    Ok(faces)
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
