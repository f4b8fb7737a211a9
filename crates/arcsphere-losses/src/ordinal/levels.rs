//! The values that classes stand for, in their order.

use thiserror::Error;

/// Values v_0 < v_1 < … of the classes, in the target's unit.
///
/// For what learns a number they are standardized, t_c = (v_c − v̄)/sd(v), each class counting once:
/// of the target alone, whatever its unit is and however many images a class has.
#[derive(Clone, Debug, PartialEq)]
pub struct Levels {
    values: Vec<f64>,
    mean: f64,
    deviation: f64,
}

/// Values that have no order to be learned.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum LevelsError {
    /// Fewer than two.
    #[error("an ordered target of {0} class has nothing to tell apart; give images of at least 2 values")]
    TooFew(usize),
    /// A value that is not above the one before it.
    #[error(
        "class {class} of the ordered target stands for {value} and the class before it for {before}; values must be numbers that rise from class to class"
    )]
    NotRising {
        /// The class.
        class: usize,
        /// Its value.
        value: f64,
        /// The value of the class before it.
        before: f64,
    },
}

impl Levels {
    /// The values of classes 0, 1, …
    ///
    /// # Errors
    ///
    /// [`LevelsError`] for fewer than two values, and where they are not finite or do not rise.
    pub fn new(values: Vec<f64>) -> Result<Self, LevelsError> {
        if values.len() < 2 {
            return Err(LevelsError::TooFew(values.len()));
        }
        let rises = |pair: &[f64]| pair[0].is_finite() && pair[1].is_finite() && pair[0] < pair[1];
        if let Some(i) = values.windows(2).position(|pair| !rises(pair)) {
            return Err(LevelsError::NotRising { class: i + 1, value: values[i + 1], before: values[i] });
        }
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        let deviation = (values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n).sqrt();
        Ok(Levels { values, mean, deviation })
    }

    /// The values, by class.
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// t_c of a class.
    pub fn standardized(&self, class: usize) -> f64 {
        (self.values[class] - self.mean) / self.deviation
    }

    /// The value of a standardized number, cut to those that there are. NaN stays NaN.
    pub fn value(&self, standardized: f64) -> f64 {
        let value = self.mean + self.deviation * standardized;
        value.clamp(self.values[0], self.values[self.values.len() - 1])
    }

    /// The class whose value is nearest, of two equally near the lower.
    pub fn nearest(&self, value: f64) -> u32 {
        let above = self.values.partition_point(|v| *v < value).min(self.values.len() - 1);
        let below = above.saturating_sub(1);
        let nearest = if value - self.values[below] <= self.values[above] - value { below } else { above };
        nearest as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_has_no_order_is_named() {
        assert_eq!(Levels::new(vec![3.0]), Err(LevelsError::TooFew(1)));
        for (values, class) in [(vec![1.0, 1.0], 1), (vec![0.0, 2.0, 1.0], 2), (vec![0.0, f64::INFINITY], 1)] {
            assert!(matches!(Levels::new(values), Err(LevelsError::NotRising { class: c, .. }) if c == class));
        }
        assert!(matches!(Levels::new(vec![f64::NAN, 1.0]), Err(LevelsError::NotRising { class: 1, .. })));
    }

    #[test]
    fn standardized_by_the_classes_and_back() {
        // Mean 20, deviation √(200/3).
        let years = Levels::new(vec![10.0, 20.0, 30.0]).unwrap();
        assert_eq!(years.standardized(1), 0.0);
        assert!((years.standardized(2) - 1.5_f64.sqrt()).abs() < 1e-12);
        assert!((years.value(years.standardized(0)) - 10.0).abs() < 1e-12);
        assert_eq!((years.value(99.0), years.value(-99.0)), (30.0, 10.0));
        assert!(years.value(f64::NAN).is_nan());
    }

    proptest! {
        #[test]
        fn the_nearest_is_the_nearest(steps in prop::collection::vec(0.1..9.0_f64, 2..20), at in -0.5..1.5_f64) {
            let values: Vec<f64> = steps.iter().scan(0.0, |sum, s| { *sum += s; Some(*sum) }).collect();
            let value = at * values[values.len() - 1];
            let found = Levels::new(values.clone()).unwrap().nearest(value) as usize;
            let off = |v: f64| (v - value).abs();
            prop_assert!(values.iter().all(|v| off(values[found]) <= off(*v)));
            prop_assert!(values[..found].iter().all(|v| off(values[found]) < off(*v)));
        }
    }
}
