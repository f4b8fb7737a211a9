//! A training and a test set that belong together.

use sha2::{Digest, Sha256};

use crate::bad::BadFile;
use crate::dataset::{Dataset, hex};
use crate::error::DataError;
use crate::target::{Targets, Unit};
use crate::walk::LeftOut;

/// A training and a test set that belong together.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Source {
    /// What reports call it; says so when it is a part of something.
    pub name: String,
    /// Images to train on.
    pub train: Dataset,
    /// Images to test on.
    pub test: Dataset,
    /// Images to look at while training, of the classes of `train`, where the set says which they are.
    pub validation: Option<Dataset>,
    /// True when no class of `test` is a class of `train`; their labels then have nothing in
    /// common, and only verification or identification makes sense on `test`.
    pub open_set: bool,
    /// SHA-256 in hexadecimal over the digests of `train` and `test`; of `validation` where there is one, and the
    /// names of the bad files where there are any.
    pub sha256: String,
    /// True when the images came without a test part and were [left whole](crate::OpenOptions::whole): `train` and
    /// `test` are then the same.
    pub whole: bool,
    /// What lies where the images are and is not among them.
    pub left_out: LeftOut,
    /// What could not be used and was left out, by name.
    pub bad_files: Vec<BadFile>,
    /// How the images were understood, where somebody might expect otherwise.
    pub remarks: Vec<String>,
}

impl Source {
    /// Puts two sets together, and reads both once for their digests.
    ///
    /// # Errors
    /// [`ShapeMismatch`](DataError::ShapeMismatch) when their images differ in shape,
    /// [`TargetMismatch`](DataError::TargetMismatch) when their ordered targets differ in unit, or only
    /// one has any, and those of [`Dataset::sha256`].
    ///
    /// ```
    /// use arcsphere_data::{Source, embedded};
    ///
    /// let digits = embedded::mnist()?;
    /// let few = Source::new("a few digits", digits.train.take(500)?, digits.test.take(100)?, false)?;
    /// assert_eq!((few.train.len(), few.sha256.len()), (500, 64));
    /// # Ok::<(), arcsphere_data::DataError>(())
    /// ```
    pub fn new(name: impl Into<String>, train: Dataset, test: Dataset, open_set: bool) -> Result<Self, DataError> {
        let name = name.into();
        check_alike(&name, &train, &test)?;
        let (left_out, bad_files, remarks, sha256) = (LeftOut::new(), Vec::new(), Vec::new(), String::new());
        let (validation, whole) = (None, false);
        let source = Self { name, train, test, validation, open_set, sha256, whole, left_out, bad_files, remarks };
        source.digested()
    }

    /// The same with images to look at while training.
    ///
    /// # Errors
    /// As [`new`](Self::new), and [`UnseenClasses`](DataError::UnseenClasses) unless the classes are those of
    /// `train`.
    ///
    /// ```
    /// use arcsphere_data::{Source, embedded};
    ///
    /// let Source { train, test, .. } = embedded::mnist()?;
    /// let (test, validation) = (test.take(1_000)?, test.subset(&[1_500])?);
    /// let source = Source::new("digits", train, test, false)?;
    /// let sha256 = source.sha256.clone();
    /// let source = source.with_validation(Some(validation))?;
    /// assert_eq!(source.validation.unwrap().info(0).name, "test/01500");
    /// assert_ne!(source.sha256, sha256);
    /// # Ok::<(), arcsphere_data::DataError>(())
    /// ```
    pub fn with_validation(mut self, validation: Option<Dataset>) -> Result<Self, DataError> {
        if let Some(set) = &validation {
            check_alike(&self.name, &self.train, set)?;
            if set.classes() != self.train.classes() {
                return Err(DataError::UnseenClasses { name: self.name });
            }
        }
        self.validation = validation;
        self.digested()
    }

    /// The same without files that could not be used.
    pub(crate) fn with_bad_files(mut self, bad_files: Vec<BadFile>) -> Result<Self, DataError> {
        self.bad_files = bad_files;
        self.digested()
    }

    fn digested(mut self) -> Result<Self, DataError> {
        let mut hash = Sha256::new();
        for set in [&self.train, &self.test].into_iter().chain(&self.validation) {
            hash.update(set.sha256()?);
        }
        for bad in &self.bad_files {
            hash.update(b"\0left out: ");
            hash.update(&bad.name);
        }
        self.sha256 = hex(&hash.finalize());
        Ok(self)
    }
}

/// Refuses parts that differ in shape or in what their targets count.
fn check_alike(name: &str, train: &Dataset, part: &Dataset) -> Result<(), DataError> {
    let name = || name.to_owned();
    if train.shape() != part.shape() {
        let (train, test) = (train.shape(), part.shape());
        return Err(DataError::ShapeMismatch { name: name(), train, test });
    }
    let unit = |set: &Dataset| set.targets().map(Targets::unit);
    if unit(train) != unit(part) {
        let said = |set| unit(set).map_or("no target", Unit::name);
        let (train, test) = (said(train), said(part));
        return Err(DataError::TargetMismatch { name: name(), train, test });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shape::Shape;

    fn names(n: usize) -> Vec<String> {
        (0..n).map(|i| format!("c{i}")).collect()
    }

    fn small() -> Dataset {
        Dataset::new(Shape::new(1, 2, 2), vec![0; 4], vec![0], names(1)).unwrap()
    }

    fn ordered(unit: Unit) -> Dataset {
        small().with_targets(Targets::new(unit, vec![1.0], vec![2.0]).unwrap()).unwrap()
    }

    #[test]
    fn a_source_wants_one_shape_and_one_unit() {
        let flat = Dataset::new(Shape::new(1, 1, 4), vec![0; 4], vec![0], names(3)).unwrap();
        let error = Source::new("mixed", small(), flat, false).unwrap_err();
        assert!(error.to_string().contains("1x2x2"), "{error}");
        for (train, test) in [(small(), ordered(Unit::Years)), (ordered(Unit::Years), ordered(Unit::Degrees))] {
            let error = Source::new("mixed", train, test, false).unwrap_err();
            assert!(matches!(error, DataError::TargetMismatch { .. }), "{error}");
        }
        assert!(Source::new("both", ordered(Unit::Years), ordered(Unit::Years), false).is_ok());
    }
}
