//! Pairs of images of which it is known whether they show the same: what verification is measured on.
//!
//! | read by | what | folds |
//! | --- | --- | --- |
//! | [`open`] of a `.bin` | insightface's pickle of images and booleans | ten equal runs |
//! | … of a `pairs.txt`, `pairsDevTrain.txt` | LFW; RFW's `GROUP_pairs.txt` | ten; view 1 has none |
//! | … of a CFP folder | `Protocol/Split/FP` or `FF` | its folders |
//! | … of a list with two lines a pair | CALFW, CPLFW | ten |
//! | … of a `.csv` | `a,b,same`, and `fold,subject_a,subject_b,group_a,group_b` where known | as it says |
//!
//! An image that is in several pairs is there once, and no image is decoded before a batch asks for it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use crate::dataset::Dataset;
use crate::error::DataError;
use crate::folder::Decoding;

mod bin;
mod cfp;
mod files;
mod lfw;
mod list;
mod table;
mod two_lines;

pub(crate) use bin::encoded_image;
pub use bin::write_bin;

/// Two images.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Pair {
    /// Index of the first image.
    pub a: u32,
    /// Index of the second one.
    pub b: u32,
    /// True for a genuine pair: both show the same.
    pub same: bool,
    /// The fold that it is in, from 0, where there are folds.
    pub fold: Option<u32>,
}

impl Pair {
    /// A pair in no fold.
    pub fn new(a: u32, b: u32, same: bool) -> Self {
        Self { a, b, same, fold: None }
    }
}

/// A pair of which an image is missing: a failure to acquire.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rejected {
    /// Name of the first image.
    pub a: String,
    /// Name of the second one.
    pub b: String,
    /// True for a genuine pair.
    pub same: bool,
    /// Its fold, from 0.
    pub fold: Option<u32>,
}

/// Images, and pairs of them.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PairSet {
    /// What reports call it.
    pub name: String,
    /// The images. Where subjects are known, they are its classes, and also in what
    /// [`info`](Dataset::info) says, as is the group; else there is one class.
    pub images: Dataset,
    /// The pairs, in the order of the list.
    pub pairs: Vec<Pair>,
    /// Number of folds, 0 where there are none.
    pub folds: usize,
    /// Pairs that an image is missing of; they count as rejections.
    pub rejected: Vec<Rejected>,
    /// Images that are missing, by name.
    pub missing: Vec<String>,
    /// What is unusual of the list.
    pub warnings: Vec<String>,
}

/// What to do where an image of a list is not there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MissingImages {
    /// Refuse the list, with the names of ten of them.
    #[default]
    Fail,
    /// Count each pair of such an image as rejected.
    Reject,
}

/// How [`open`] reads pairs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PairOptions {
    /// The folder that the names in a list are relative to. Default: that of the list; for CFP, the folder that holds
    /// `Protocol`.
    pub images: Option<PathBuf>,
    /// What to do where an image is not there.
    pub missing: MissingImages,
    /// How image files become planes.
    pub decoding: Decoding,
}

impl PairSet {
    /// Puts images and pairs together.
    ///
    /// # Errors
    /// [`BadPairs`](DataError::BadPairs) for an index past the images, an image with itself, a pair that is there
    /// twice, a genuine pair of two subjects or an impostor pair of one, folds that only some pairs have, and folds
    /// that differ in the number of genuine or impostor pairs, and no pair at all.
    ///
    /// ```
    /// use arcsphere_data::pairs::{Pair, PairSet};
    ///
    /// let digits = arcsphere_data::embedded::mnist()?.test.take(3)?;
    /// let set = PairSet::new("three", digits.clone(), vec![Pair::new(0, 1, false), Pair::new(2, 1, true)])?;
    /// assert_eq!((set.genuine(), set.folds), (1, 0));
    /// let twice = PairSet::new("twice", digits, vec![Pair::new(0, 1, false), Pair::new(1, 0, false)]);
    /// assert!(twice.unwrap_err().to_string().contains("pair 2 is pair 1"));
    /// # Ok::<(), arcsphere_data::DataError>(())
    /// ```
    pub fn new(name: impl Into<String>, images: Dataset, pairs: Vec<Pair>) -> Result<Self, DataError> {
        let name = name.into();
        let bad = |reason| DataError::BadPairs { origin: name.clone(), reason };
        if pairs.is_empty() {
            return Err(bad("no pair, expected at least one".into()));
        }
        let info = |i: u32| images.info(i as usize);
        check_pairs(images.len(), &|i| (info(i).name, info(i).subject), &pairs).map_err(bad)?;
        let folds = check_folds(pairs.iter().map(|pair| (pair.fold, pair.same))).map_err(bad)?;
        let (rejected, missing, warnings) = (Vec::new(), Vec::new(), Vec::new());
        Ok(Self { name, images, pairs, folds, rejected, missing, warnings })
    }

    /// Number of genuine pairs whose images are both there.
    pub fn genuine(&self) -> usize {
        self.pairs.iter().filter(|pair| pair.same).count()
    }

    /// True where the subject of every image is known.
    pub fn has_subjects(&self) -> bool {
        (0..self.images.len()).all(|i| self.images.info(i).subject.is_some())
    }
}

/// Reads pairs from a file or, for CFP, a folder; its form is told by its name and its first line.
///
/// # Errors
/// [`Missing`](DataError::Missing); [`BadRow`](DataError::BadRow) for a line that cannot be understood;
/// [`BadBytes`](DataError::BadBytes) and [`TrailingBytes`](DataError::TrailingBytes) for a pickle that holds anything
/// but images and booleans; those of [`PairSet::new`]; [`MissingImages`](DataError::MissingImages);
/// [`UndecodableImage`](DataError::UndecodableImage) for the first image.
///
/// ```
/// use arcsphere_data::pairs::{self, MissingImages, PairOptions};
///
/// let dir = tempfile::tempdir().unwrap();
/// let list = dir.path().join("parts.csv");
/// std::fs::write(&list, "a,b,same\n1.pgm,2.pgm,true\n1.pgm,3.pgm,false\n").unwrap();
/// for name in ["1.pgm", "2.pgm"] {
///     std::fs::write(dir.path().join(name), b"P5 2 1 255\n12").unwrap();
/// }
/// let error = pairs::open(&list, &PairOptions::default()).unwrap_err();
/// assert!(error.to_string().contains("3.pgm"));
///
/// let reject = PairOptions { missing: MissingImages::Reject, ..PairOptions::default() };
/// let set = pairs::open(&list, &reject)?;
/// assert_eq!((set.images.len(), set.pairs.len(), set.rejected.len()), (2, 1, 1));
/// # Ok::<(), arcsphere_data::DataError>(())
/// ```
pub fn open(path: &Path, options: &PairOptions) -> Result<PairSet, DataError> {
    if path.is_dir() {
        return if cfp::is_in(path) { cfp::read(path, options) } else { lfw::read(&path.join("pairs.txt"), options) };
    }
    let extension = path.extension().map(|e| e.to_string_lossy().to_lowercase());
    match extension.as_deref() {
        Some("bin") => bin::read(path, &options.decoding),
        Some("csv") => table::read(path, options),
        _ if two_lines::is_one(path)? => two_lines::read(path, options),
        _ => lfw::read(path, options),
    }
}

/// True for what [`open`] reads and [`catalog::open`](crate::open) does not: a `.bin` or `.txt` file, a `.csv` with the
/// columns of pairs, and the folders of LFW and CFP.
pub fn is_pairs(path: &Path) -> bool {
    let extension = path.extension().map(|e| e.to_string_lossy().to_lowercase());
    if path.is_dir() {
        return cfp::is_in(path) || path.join("pairs.txt").is_file();
    }
    path.is_file()
        && match extension.as_deref() {
            Some("csv") => table::is_one(path),
            other => matches!(other, Some("bin" | "txt")),
        }
}

/// Checks pairs of `n` images, of which `info` says the name and the subject.
fn check_pairs(n: usize, info: &dyn Fn(u32) -> (String, Option<String>), pairs: &[Pair]) -> Result<(), String> {
    let mut seen: HashMap<(u32, u32), usize> = HashMap::with_capacity(pairs.len());
    for (number, pair) in (1..).zip(pairs) {
        let (a, b) = (pair.a.min(pair.b), pair.a.max(pair.b));
        if b as usize >= n {
            return Err(format!("pair {number} is of image {b}, but there are {n}"));
        }
        let ((first, of_first), (second, of_second)) = (info(pair.a), info(pair.b));
        if a == b {
            return Err(format!("pair {number} is of an image with itself, {first}"));
        }
        if let Some(before) = seen.insert((a, b), number) {
            return Err(format!("pair {number} is pair {before} again, {first} and {second}"));
        }
        if let (Some(one), Some(other)) = (of_first, of_second)
            && (one == other) != pair.same
        {
            let said = if pair.same { "genuine, but of" } else { "an impostor pair, but of one subject," };
            return Err(format!("pair {number} ({first}, {second}) is {said} {one} and {other}"));
        }
    }
    Ok(())
}

/// The number of folds, of which each must have as many genuine and as many impostor pairs as the others.
fn check_folds(folds: impl Iterator<Item = (Option<u32>, bool)>) -> Result<usize, String> {
    let mut counts: Vec<[usize; 2]> = Vec::new();
    let (mut without, mut n) = (0, 0);
    for (fold, same) in folds {
        n += 1;
        let Some(fold) = fold else {
            without += 1;
            continue;
        };
        // Folds are numbered from 0 by whoever reads them, so there are no more than pairs.
        if counts.len() <= fold as usize {
            counts.resize(fold as usize + 1, [0, 0]);
        }
        counts[fold as usize][usize::from(same)] += 1;
    }
    if without == n {
        return Ok(0);
    }
    if without > 0 {
        return Err(format!("{without} of {n} pairs are in no fold, expected all or none"));
    }
    match counts.iter().position(|count| *count != counts[0]) {
        Some(fold) => {
            let ([i0, g0], [i, g]) = (counts[0], counts[fold]);
            Err(format!(
                "uneven folds: fold {} has {g} genuine and {i} impostor pairs, fold 1 has {g0} and {i0}; expected one \
                 number in all",
                fold + 1
            ))
        }
        None => Ok(counts.len()),
    }
}

#[cfg(test)]
mod tests;
