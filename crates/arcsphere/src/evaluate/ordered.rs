//! An ordered target, read off the classes.
//!
//! With p = softmax of the logits without margin, over classes that stand for the values v:
//!
//! * expectation: Σ p_c v_c (Rothe, Timofte and Van Gool, "DEX: Deep EXpectation of apparent age
//!   from a single image", ICCVW 2015); on a circle of period P the direction of the mean vector,
//!   P/2π · atan2(Σ p_c sin(2π v_c / P), Σ p_c cos(2π v_c / P)), in [0, P),
//! * argmax: the value of the likeliest class.
//!
//! Both are compared with the image's own value, not its bin's. CS(k) is told of the expectation,
//! for k = 5 of the target's unit; for degrees also for five classes' steps (30° at 6° a step),
//! since 5° there is less than one.

use super::EvaluateError;
use crate::config::Task;
use crate::head::Head;
use crate::plan::{Plan, Splits};
use arcsphere_data::{Targets, Unit};
use arcsphere_eval::regression::regression;
use arcsphere_eval::results::{Run, cs_key};
use std::f64::consts::TAU;

/// The error, in the target's unit or in steps, that a cumulative score allows.
const K: f64 = 5.0;

/// What was told of the test images, in the target's unit.
#[derive(Clone, Debug, PartialEq)]
pub struct Predictions {
    /// The expectation over the classes, one an image.
    pub expected: Vec<f64>,
    /// The value of the likeliest class, one an image.
    pub likeliest: Vec<f64>,
    /// The images' own values.
    pub actual: Vec<f64>,
    /// What the values count.
    pub unit: Unit,
    /// The smallest distance between the values of two classes; 0 for a single value.
    pub step: f64,
}

impl Predictions {
    /// The unit as results have it: `years`, `°`.
    pub fn unit_sign(&self) -> &'static str {
        match self.unit {
            Unit::Degrees => "°",
            other => other.name(),
        }
    }

    /// The k of CS(k): 5 of the unit, and for degrees 5 steps.
    pub fn ks(&self) -> Vec<f64> {
        match self.unit {
            Unit::Degrees => vec![K, K * self.step],
            _ => vec![K],
        }
    }
}

/// Measures an ordered target on the test set; `None` where none is learned, where the classes
/// are not those trained on, or where the network's answers are not numbers.
pub(super) fn measure(
    run: &mut Run,
    plan: &Plan,
    head: &Head,
    splits: &Splits,
    embeddings: &[f32],
) -> Result<Option<Predictions>, EvaluateError> {
    let Some(targets) = splits.test.targets().filter(|_| plan.config.task == Task::Age && !splits.open_set) else {
        return Ok(None);
    };
    let p = predict(head, targets, embeddings);
    if p.expected.iter().any(|v| !v.is_finite()) {
        return Ok(None);
    }
    let (period, ks) = (p.unit.period(), p.ks());
    let expected = regression(&p.expected, &p.actual, &ks, period)?;
    let likeliest = regression(&p.likeliest, &p.actual, &[], period)?.mae;
    (run.mae, run.mae_low, run.mae_high) = (Some(expected.mae.value), expected.mae.low, expected.mae.high);
    run.mae_argmax = Some(likeliest.value);
    (run.mae_argmax_low, run.mae_argmax_high) = (likeliest.low, likeliest.high);
    run.cs = expected.cs.iter().map(|c| (cs_key(c.k), c.share.value)).collect();
    run.n_regression = expected.mae.n as u64;
    run.target_unit = p.unit_sign().to_owned();
    Ok(Some(p))
}

fn predict(head: &Head, targets: &Targets, embeddings: &[f32]) -> Predictions {
    let values: Vec<f64> = targets.class_values().iter().map(|&v| f64::from(v)).collect();
    let unit = targets.unit();
    let value_of = |c: u32| values.get(c as usize).copied().unwrap_or(f64::NAN);
    let likeliest: Vec<f64> = head.predict(embeddings).iter().map(|b| value_of(b.class)).collect();
    let rows = embeddings.chunks_exact(head.spec().dim);
    let expected = rows
        .zip(&likeliest)
        .map(|(x, &likeliest)| expectation(&head.logits(x), &values, unit.period()).unwrap_or(likeliest))
        .collect();
    let actual = targets.values().iter().map(|&v| f64::from(v)).collect();
    let pairs = values.iter().enumerate().flat_map(|(i, &a)| values[..i].iter().map(move |&b| unit.distance(a, b)));
    let step = pairs.filter(|d| *d > 0.0).reduce(f64::min).unwrap_or(0.0);
    Predictions { expected, likeliest, actual, unit, step }
}

/// The expectation of `values` under softmax of `logits`; `None` where the classes of a circle
/// cancel out, so that no direction is meant.
fn expectation(logits: &[f64], values: &[f64], period: Option<f64>) -> Option<f64> {
    let top = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let weights: Vec<f64> = logits.iter().map(|z| (z - top).exp()).collect();
    let total: f64 = weights.iter().sum();
    let mean = |f: &dyn Fn(f64) -> f64| weights.iter().zip(values).map(|(w, &v)| w * f(v)).sum::<f64>() / total;
    let Some(period) = period else { return Some(mean(&|v| v)) };
    let (sin, cos) = (mean(&|v| (TAU * v / period).sin()), mean(&|v| (TAU * v / period).cos()));
    (sin.hypot(cos) > 1e-9).then(|| {
        let turned = (sin.atan2(cos) * period / TAU).rem_euclid(period);
        // Just below 0 the remainder rounds up to the whole period.
        if turned < period { turned } else { 0.0 }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand_on_a_line() {
        // p = 1/4, 3/4.
        let e = expectation(&[0.0, 3f64.ln()], &[20.0, 40.0], None).unwrap();
        assert!((e - 35.0).abs() < 1e-12, "{e}");
        let far = expectation(&[1e5, -1e5], &[20.0, 40.0], None).unwrap();
        assert_eq!(far, 20.0);
    }

    #[test]
    fn a_circle_has_its_mean_on_the_short_side() {
        let e = expectation(&[0.0, 0.0], &[354.0, 12.0], Some(360.0)).unwrap();
        assert!((e - 3.0).abs() < 1e-9, "{e}");
        let e = expectation(&[0.0, 0.0], &[0.0, 330.0], Some(360.0)).unwrap();
        assert!((e - 345.0).abs() < 1e-9, "{e}");
        assert_eq!(expectation(&[0.0, 0.0], &[0.0, 180.0], Some(360.0)), None);
        let e = expectation(&[1.0], &[0.0], Some(360.0)).unwrap();
        assert!((0.0..360.0).contains(&e), "{e}");
    }

    #[test]
    fn five_steps_are_told_beside_five_degrees() {
        let p = |unit, step| Predictions { expected: vec![], likeliest: vec![], actual: vec![], unit, step };
        assert_eq!(p(Unit::Degrees, 6.0).ks(), [5.0, 30.0]);
        assert_eq!(p(Unit::Years, 1.0).ks(), [5.0]);
        assert_eq!((p(Unit::Years, 1.0).unit_sign(), p(Unit::Degrees, 6.0).unit_sign()), ("years", "°"));
    }
}
