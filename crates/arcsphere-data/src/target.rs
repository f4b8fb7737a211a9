//! Ordered targets: a number of each image, and of each class, with its unit.

use std::fmt;

use crate::error::DataError;

/// What an ordered target counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Unit {
    /// Age in years.
    Years,
    /// An angle in degrees. Its values are a line like any others: those of a set must not go round.
    Degrees,
}

impl Unit {
    /// Its name in the plural, for people: "years", "degrees".
    pub const fn name(self) -> &'static str {
        match self {
            Self::Years => "years",
            Self::Degrees => "degrees",
        }
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The true value of each image, which a class only says to its own width, and the value that each
/// class stands for.
///
/// A mean absolute error is the mean of |a − b| between an image's value and what was answered: a
/// class's value, or one in between.
#[derive(Clone, Debug, PartialEq)]
pub struct Targets {
    unit: Unit,
    values: Vec<f32>,
    class_values: Vec<f32>,
}

// All values are finite, so each equals itself.
impl Eq for Targets {}

impl Targets {
    /// Targets of images and of classes, in the order of each.
    ///
    /// # Errors
    /// [`TargetNotFinite`](DataError::TargetNotFinite).
    ///
    /// ```
    /// use arcsphere_data::{Targets, Unit};
    ///
    /// // Three faces in bins of five years.
    /// let ages = Targets::new(Unit::Years, vec![29.0, 20.0, 25.0], vec![22.0, 27.0])?;
    /// assert_eq!((ages.unit().name(), ages.class_values().len()), ("years", 2));
    /// assert!(Targets::new(Unit::Years, vec![f32::NAN], vec![22.0]).is_err());
    /// # Ok::<(), arcsphere_data::DataError>(())
    /// ```
    pub fn new(unit: Unit, values: Vec<f32>, class_values: Vec<f32>) -> Result<Self, DataError> {
        for (of, values) in [("image", &values), ("class", &class_values)] {
            if let Some(index) = values.iter().position(|v| !v.is_finite()) {
                return Err(DataError::TargetNotFinite { of, index, value: values[index] });
            }
        }
        Ok(Self { unit, values, class_values })
    }

    /// What the values count.
    pub fn unit(&self) -> Unit {
        self.unit
    }

    /// The value of each image, in the set's order.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// The value that each class stands for, by label: its year, the middle of its bin, its angle.
    pub fn class_values(&self) -> &[f32] {
        &self.class_values
    }

    /// Those of the images at `indices`, all of which exist, and of the same classes.
    pub(crate) fn of_images(&self, indices: &[usize]) -> Self {
        Self { values: indices.iter().map(|&i| self.values[i]).collect(), ..self.clone() }
    }

    /// Those of the same images and of the classes for which `keep` holds.
    pub(crate) fn of_classes(&self, keep: impl Fn(usize) -> bool) -> Self {
        let kept = self.class_values.iter().enumerate().filter(|&(c, _)| keep(c));
        Self { class_values: kept.map(|(_, &v)| v).collect(), ..self.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_that_is_none_is_named() {
        let error = Targets::new(Unit::Years, vec![1.0, f32::NAN], vec![]).unwrap_err();
        assert!(matches!(error, DataError::TargetNotFinite { of: "image", index: 1, .. }), "{error}");
        let error = Targets::new(Unit::Degrees, vec![1.0], vec![f32::INFINITY]).unwrap_err();
        assert!(matches!(error, DataError::TargetNotFinite { of: "class", index: 0, .. }), "{error}");
    }

    #[test]
    fn a_part_keeps_its_values() {
        let all = Targets::new(Unit::Degrees, vec![-3.0, 0.0, 3.0], vec![-3.0, 0.0, 3.0]).unwrap();
        let part = all.of_images(&[2, 0]).of_classes(|c| c != 1);
        assert_eq!((part.values(), part.class_values()), ([3.0, -3.0].as_slice(), [-3.0, 3.0].as_slice()));
        assert_eq!(part.unit().to_string(), "degrees");
    }
}
