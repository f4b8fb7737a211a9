//! Ordered targets: a number of each image, and of each class, with its unit.

use std::fmt;

use crate::error::DataError;

/// What an ordered target counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Unit {
    /// Age in years: a line.
    Years,
    /// An angle in degrees: a circle, on which 359 is next to 0.
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

    /// The length of the circle that the values lie on (360 for degrees); `None` for a line.
    pub const fn period(self) -> Option<f64> {
        match self {
            Self::Years => None,
            Self::Degrees => Some(360.0),
        }
    }

    /// How far two values are apart: |a − b| on a line, the shorter way round on a circle.
    ///
    /// ```
    /// use arcsphere_data::Unit;
    ///
    /// assert_eq!(Unit::Years.distance(3.0, 20.5), 17.5);
    /// assert_eq!(Unit::Degrees.distance(354.0, 12.0), 18.0);
    /// ```
    pub fn distance(self, a: f64, b: f64) -> f64 {
        let apart = (a - b).abs();
        match self.period() {
            None => apart,
            Some(period) => (apart % period).min(period - apart % period),
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
/// A mean absolute error is the mean of [`Unit::distance`] between an image's value and what was
/// answered: a class's value, or one in between.
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
    pub fn new(unit: Unit, values: Vec<f32>, class_values: Vec<f32>) -> Result<Self, DataError> {
        for (of, values) in [("image", &values), ("class", &class_values)] {
            if let Some(index) = values.iter().position(|v| !v.is_finite()) {
                return Err(DataError::TargetNotFinite { of, index, value: values[index] });
            }
        }
        Ok(Self { unit, values, class_values })
    }

    /// What the values count, and whether they go round.
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
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_value_that_is_none_is_named() {
        let error = Targets::new(Unit::Years, vec![1.0, f32::NAN], vec![]).unwrap_err();
        assert!(matches!(error, DataError::TargetNotFinite { of: "image", index: 1, .. }), "{error}");
        let error = Targets::new(Unit::Degrees, vec![1.0], vec![f32::INFINITY]).unwrap_err();
        assert!(matches!(error, DataError::TargetNotFinite { of: "class", index: 0, .. }), "{error}");
    }

    #[test]
    fn only_angles_go_round() {
        assert_eq!((Unit::Years.period(), Unit::Degrees.period()), (None, Some(360.0)));
        assert_eq!(Unit::Years.distance(0.0, 120.0), 120.0);
        assert_eq!(Unit::Degrees.distance(0.0, 180.0), 180.0);
        assert_eq!(Unit::Degrees.distance(-90.0, 630.0), 0.0);
        assert_eq!(Unit::Degrees.to_string(), "degrees");
    }

    proptest! {
        #[test]
        fn the_shorter_way_round_is_a_distance(a in -720..720_i32, b in -720..720_i32, turns in -3..4_i32) {
            let distance = |a: i32, b: i32| Unit::Degrees.distance(f64::from(a), f64::from(b));
            let d = distance(a, b);
            prop_assert!((0.0..=180.0).contains(&d));
            prop_assert_eq!(d, distance(b, a));
            prop_assert_eq!(d, distance(a + 360 * turns, b));
            // The oracle: the nearest of the copies of a.
            let nearest = (-5..=5).map(|k| (a + 360 * k - b).abs()).min().unwrap_or(0);
            prop_assert_eq!(d, f64::from(nearest));
        }
    }
}
