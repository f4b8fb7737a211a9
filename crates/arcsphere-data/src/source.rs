//! A training and a test set that belong together.

use sha2::{Digest, Sha256};

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
    /// True when no class of `test` is a class of `train`; their labels then have nothing in
    /// common, and only verification or identification makes sense on `test`.
    pub open_set: bool,
    /// SHA-256 in hexadecimal over the digests of `train` and `test`.
    pub sha256: String,
    /// What lies where the images are and is not among them.
    pub left_out: LeftOut,
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
        if train.shape() != test.shape() {
            let (train, test) = (train.shape(), test.shape());
            return Err(DataError::ShapeMismatch { name, train, test });
        }
        let unit = |set: &Dataset| set.targets().map(Targets::unit);
        if unit(&train) != unit(&test) {
            let said = |set| unit(set).map_or("no target", Unit::name);
            let (train, test) = (said(&train), said(&test));
            return Err(DataError::TargetMismatch { name, train, test });
        }
        let mut hash = Sha256::new();
        hash.update(train.sha256()?);
        hash.update(test.sha256()?);
        let sha256 = hex(&hash.finalize());
        Ok(Self { name, train, test, open_set, sha256, left_out: LeftOut::new() })
    }
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
