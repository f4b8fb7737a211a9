//! Reads all of a data set and says what is in it: what `arcsphere data info` and `check` print.

use std::collections::HashMap;

use rayon::prelude::*;
use sha2::{Digest, Sha256};

use crate::bad::BadFile;
use crate::batch::Normalization;
use crate::catalog::{self, OpenOptions};
use crate::dataset::{Dataset, Shape};
use crate::error::DataError;
use crate::folder::alike;
use crate::source::Source;
use crate::walk::LeftOut;

/// What a data set holds.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Summary {
    /// The source's name.
    pub name: String,
    /// Shape of every image.
    pub shape: Shape,
    /// True when train and test have no class in common.
    pub open_set: bool,
    /// The source's digest.
    pub sha256: String,
    /// Per-channel moments of the training images.
    pub normalization: Normalization,
    /// The training images.
    pub train: Part,
    /// The test images.
    pub test: Part,
    /// The validation images, where the set says which they are.
    pub validation: Option<Part>,
    /// Test images whose pixels are also a training image's: a leak from train to test.
    pub duplicates_across: usize,
    /// What lies where the images are and is not among them.
    pub left_out: LeftOut,
    /// What cannot be used and was left out.
    pub bad_files: Vec<BadFile>,
    /// How the images were understood, where somebody might expect otherwise.
    pub remarks: Vec<String>,
    /// Classes of one part whose names differ only in case, spaces or Unicode form, two and two.
    pub alike: Vec<String>,
}

impl Summary {
    /// Number of images of all parts.
    pub fn images(&self) -> usize {
        self.train.images + self.test.images + self.validation.as_ref().map_or(0, |part| part.images)
    }
}

/// What the training or the test images are.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Part {
    /// Number of images.
    pub images: usize,
    /// Name and number of images of each class, in label order.
    pub per_class: Vec<(String, usize)>,
    /// Images whose pixels equal those of an earlier image of this part.
    pub duplicates: usize,
    /// Those among the duplicates whose label is not that of the first image with these pixels.
    pub conflicting_labels: usize,
}

/// Opens a data set as [`catalog::open`] does, reads all of it and summarizes it.
///
/// With [`OnBadFile::Skip`](crate::OnBadFile::Skip) it names every file that cannot be used, not only the first.
///
/// # Errors
/// Those of [`catalog::open`]: whatever is broken is found here.
///
/// ```
/// use arcsphere_data::{OpenOptions, check};
///
/// let options = OpenOptions { limit_train: Some(1000), ..OpenOptions::default() };
/// let summary = check::check("mnist-embedded", &options)?;
/// assert_eq!((summary.train.images, summary.test.images), (1000, 2000));
/// assert_eq!(summary.duplicates_across, 0);
/// # Ok::<(), arcsphere_data::DataError>(())
/// ```
pub fn check(spec: &str, options: &OpenOptions) -> Result<Summary, DataError> {
    let source = catalog::open(spec, options)?;
    for part in [&source.train, &source.test] {
        decode_all(part)?;
    }
    summarize(&source)
}

/// As [`check`], but images that are encoded in files of records are not all decoded: duplicates among them are those
/// with the same bytes.
///
/// # Errors
/// Those of [`catalog::open`].
pub fn describe(spec: &str, options: &OpenOptions) -> Result<Summary, DataError> {
    summarize(&catalog::open(spec, options)?)
}

/// Decodes the images that opening did not.
///
/// # Errors
/// That of the first image that cannot be decoded.
pub fn decode_all(set: &Dataset) -> Result<(), DataError> {
    if set.digest(0)?.is_none() {
        return Ok(());
    }
    let failed = (0..set.len()).into_par_iter().with_min_len(64).map(|i| set.image(i).map(|_| ()));
    failed.find_map_first(Result::err).map_or(Ok(()), Err)
}

fn summarize(source: &Source) -> Result<Summary, DataError> {
    let train_digests = digests(&source.train)?;
    let test_digests = digests(&source.test)?;
    let (train, first_seen) = part(&source.train, &train_digests);
    let (test, _) = part(&source.test, &test_digests);
    let of_validation = |set| Ok::<_, DataError>(part(set, &digests(set)?).0);
    let validation = source.validation.as_ref().map(of_validation).transpose()?;
    Ok(Summary {
        name: source.name.clone(),
        shape: source.train.shape(),
        open_set: source.open_set,
        sha256: source.sha256.clone(),
        normalization: Normalization::from_dataset(&source.train)?,
        train,
        test,
        validation,
        duplicates_across: test_digests.iter().filter(|d| first_seen.contains_key(*d)).count(),
        left_out: source.left_out.clone(),
        bad_files: source.bad_files.clone(),
        remarks: source.remarks.clone(),
        alike: alike::within(source.train.classes()),
    })
}

type PixelDigest = [u8; 32];

fn digests(set: &Dataset) -> Result<Vec<PixelDigest>, DataError> {
    let digest = |i| match set.digest(i)? {
        Some(digest) => Ok(digest),
        None => Ok(Sha256::digest(set.image(i)?).into()),
    };
    (0..set.len()).into_par_iter().with_min_len(64).map(digest).collect()
}

fn part(set: &Dataset, digests: &[PixelDigest]) -> (Part, HashMap<PixelDigest, u32>) {
    let mut first_seen: HashMap<PixelDigest, u32> = HashMap::with_capacity(digests.len());
    let mut conflicting_labels = 0;
    for (digest, &label) in digests.iter().zip(set.labels()) {
        let first = *first_seen.entry(*digest).or_insert(label);
        conflicting_labels += usize::from(first != label);
    }
    let per_class = set.classes().iter().cloned().zip(set.class_counts()).collect();
    let duplicates = digests.len() - first_seen.len();
    (Part { images: set.len(), per_class, duplicates, conflicting_labels }, first_seen)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn duplicates_within_and_across_are_counted() {
        let names = || vec!["a".to_string(), "b".into()];
        let shape = Shape::new(1, 1, 2);
        // Pixels:      11  12  11  11
        let train = Dataset::new(shape, vec![1, 1, 1, 2, 1, 1, 1, 1], vec![0, 0, 0, 1], names()).unwrap();
        let test = Dataset::new(shape, vec![1, 2, 9, 9, 1, 2], vec![0, 1, 0], names()).unwrap();
        let summary = summarize(&Source::new("s", train, test, false).unwrap()).unwrap();
        assert_eq!((summary.train.duplicates, summary.train.conflicting_labels), (2, 1));
        assert_eq!((summary.test.duplicates, summary.test.conflicting_labels), (1, 0));
        assert_eq!(summary.duplicates_across, 2);
        assert_eq!(summary.train.per_class, [("a".to_string(), 3), ("b".to_string(), 1)]);
        assert_eq!((summary.test.images, summary.shape), (3, shape));
    }

    #[test]
    fn a_broken_set_is_an_error_not_a_summary() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("train-images-idx3-ubyte"), b"nonsense").unwrap();
        let spec = dir.path().to_str().unwrap();
        assert!(check(spec, &OpenOptions::default()).is_err());
    }
}
