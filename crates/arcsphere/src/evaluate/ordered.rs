//! An ordered target: what is told of the test images, and how far off it is.
//!
//! Of a loss of classes, with p = softmax of the logits without margin, over classes that stand for the
//! values v:
//!
//! * expectation: Σ p_c v_c (Rothe, Timofte and Van Gool, "DEX: Deep EXpectation of apparent age
//!   from a single image", ICCVW 2015),
//! * argmax: the value of the likeliest class.
//!
//! Of a loss of an ordered target the number and the class that it tells ([`crate::losses::ordinal`]): for
//! `coral` the expectation and the rank, for `regression` the line's number and the step nearest to it.
//!
//! Both are compared with the image's own value, not its bin's. CS(k) is told for k = 5 of the
//! target's unit.

use super::TestSet;
use crate::head::{Head, HeadError};
use arcsphere_data::Unit;
use arcsphere_eval::measures::Numbers;

/// What was told of the test images, in the target's unit.
#[derive(Clone, Debug, PartialEq)]
pub struct Predictions {
    /// The expectation over the classes, or a regression's number, one an image.
    pub expected: Vec<f64>,
    /// The value of the likeliest class, one an image.
    pub likeliest: Vec<f64>,
    /// The images' own values.
    pub actual: Vec<f64>,
    /// What the values count.
    pub unit: Unit,
}

impl Predictions {
    /// The error, in the target's unit, that a cumulative score allows.
    pub const K: f64 = 5.0;

    /// What the measures of an ordered target are computed from.
    pub fn numbers(&self) -> Numbers<'_> {
        Numbers::new(&self.expected, &self.likeliest, &self.actual, &[Self::K])
    }

    /// The unit as results have it: `years`, `°`.
    pub fn unit_sign(&self) -> &'static str {
        match self.unit {
            Unit::Degrees => "°",
            other => other.name(),
        }
    }
}

/// What a head tells of a set; `None` where no order was learned, where the classes are not those
/// trained on, or where its answers are not numbers.
///
/// # Errors
///
/// [`HeadError`] for embeddings that are not the head's.
pub(super) fn predict(head: &Head, set: &TestSet<'_>, embeddings: &[f32]) -> Result<Option<Predictions>, HeadError> {
    let Some(targets) = set.images.targets().filter(|_| set.is_ordered && !set.is_open) else { return Ok(None) };
    let values: Vec<f64> = targets.class_values().iter().map(|&v| f64::from(v)).collect();
    let value_of = |c: u32| values.get(c as usize).copied().unwrap_or(f64::NAN);
    let expected_of = |x: &[f32]| Ok(expectation(&head.logits(x)?, &values));
    let (expected, likeliest) = match head.told(embeddings)? {
        Some(told) => told.iter().map(|t| (t.value, value_of(t.class))).unzip(),
        None => (
            embeddings.chunks_exact(head.dim()).map(expected_of).collect::<Result<_, HeadError>>()?,
            head.predict(embeddings)?.iter().map(|b| value_of(b.class)).collect(),
        ),
    };
    let actual = targets.values().iter().map(|&v| f64::from(v)).collect();
    let told = Predictions { expected, likeliest, actual, unit: targets.unit() };
    Ok(told.expected.iter().all(|v| v.is_finite()).then_some(told))
}

/// The expectation of `values` under softmax of `logits`.
fn expectation(logits: &[f64], values: &[f64]) -> f64 {
    let top = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let weights: Vec<f64> = logits.iter().map(|z| (z - top).exp()).collect();
    weights.iter().zip(values).map(|(w, v)| w * v).sum::<f64>() / weights.iter().sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        // p = 1/4, 3/4.
        let e = expectation(&[0.0, 3f64.ln()], &[20.0, 40.0]);
        assert!((e - 35.0).abs() < 1e-12, "{e}");
        assert_eq!(expectation(&[1e5, -1e5], &[20.0, 40.0]), 20.0);
    }

    #[test]
    fn units_have_a_sign() {
        let of = |unit| Predictions { expected: vec![], likeliest: vec![], actual: vec![], unit }.unit_sign();
        assert_eq!((of(Unit::Years), of(Unit::Degrees)), ("years", "°"));
    }
}
