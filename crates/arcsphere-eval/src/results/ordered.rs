//! What each loss makes of an ordered target, over its seeds.

use std::collections::BTreeMap;

use super::summary::groups;
use super::{Method, Run};
use crate::interval::{mean, wilson};

/// A number and its 95 % interval, where there is one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// The number; over several seeds their mean.
    pub value: f64,
    /// Lower end.
    pub low: Option<f64>,
    /// Upper end.
    pub high: Option<f64>,
}

/// A loss's errors on an ordered target.
#[derive(Debug, Clone, PartialEq)]
pub struct OrderedSummary {
    /// Registry name of the loss.
    pub loss: String,
    /// Who trained it.
    pub trainer: String,
    /// Runs, those that have no MAE included.
    pub runs: usize,
    /// Runs with an MAE: over these are the means.
    pub measured: usize,
    /// Test samples of a run.
    pub n: u64,
    /// Unit of the errors.
    pub unit: String,
    /// MAE of the expectation over the classes.
    pub mae: Estimate,
    /// MAE of the likeliest class.
    pub mae_argmax: Option<Estimate>,
    /// CS(k) of the expectation by k, ascending.
    pub cs: Vec<(f64, Estimate)>,
    /// CS(k) of the likeliest class, for the same k; a k without is absent.
    pub cs_argmax: Vec<(f64, Estimate)>,
    /// [`Method::StudentT`] over several seeds; else the intervals are over the test samples of
    /// the one.
    pub method: Option<Method>,
}

/// Groups `runs` as [`summarize`](super::summarize) does; groups without an MAE are left out.
pub fn summarize_ordered(runs: &[Run]) -> Vec<OrderedSummary> {
    groups(runs).iter().filter_map(|g| summary(g)).collect()
}

fn summary(runs: &[&Run]) -> Option<OrderedSummary> {
    let measured: Vec<&Run> = runs.iter().copied().filter(|r| r.mae.is_some_and(f64::is_finite)).collect();
    let first = *measured.first()?;
    let over = |f: &dyn Fn(&Run) -> Option<f64>, alone: &dyn Fn(f64) -> (Option<f64>, Option<f64>), most: f64| {
        let values: Vec<f64> = measured.iter().filter_map(|r| f(r)).filter(|v| v.is_finite()).collect();
        let m = mean(&values).ok()?;
        let (low, high) = if values.len() > 1 { (m.low, m.high) } else { alone(m.value) };
        Some(Estimate { value: m.value, low: low.map(|v| v.max(0.0)), high: high.map(|v| v.min(most)) })
    };
    let mut keys: Vec<(&String, f64)> = first.cs.keys().filter_map(|k| Some((k, k.parse().ok()?))).collect();
    keys.sort_by(|a, b| a.1.total_cmp(&b.1));
    let n = first.n_regression;
    let share = |p: f64| match wilson(((p * n as f64).round() as u64).min(n), n) {
        Ok(p) => (Some(p.low), Some(p.high)),
        Err(_) => (None, None),
    };
    let scores = |of: fn(&Run) -> &BTreeMap<String, f64>| {
        keys.iter().filter_map(|(key, k)| Some((*k, over(&|r| of(r).get(*key).copied(), &share, 1.0)?))).collect()
    };
    Some(OrderedSummary {
        loss: first.loss.clone(),
        trainer: first.trainer.clone(),
        runs: runs.len(),
        measured: measured.len(),
        n,
        unit: first.target_unit.clone(),
        mae: over(&|r| r.mae, &|_| (first.mae_low, first.mae_high), f64::INFINITY)?,
        mae_argmax: over(&|r| r.mae_argmax, &|_| (first.mae_argmax_low, first.mae_argmax_high), f64::INFINITY),
        cs: scores(|r| &r.cs),
        cs_argmax: scores(|r| &r.cs_argmax),
        method: (measured.len() > 1).then_some(Method::StudentT),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{aged, run};

    #[test]
    fn one_seed_has_the_interval_of_its_samples_and_several_that_of_the_seeds() {
        let one = summarize_ordered(&[aged("arcface", 0, 4.0), run("softmax", 0, 500)]);
        assert_eq!(one.len(), 1);
        assert_eq!(one[0].mae, Estimate { value: 4.0, low: Some(3.5), high: Some(4.5) });
        let p = wilson(60, 100).unwrap();
        assert_eq!(one[0].cs[0], (5.0, Estimate { value: 0.6, low: Some(p.low), high: Some(p.high) }));
        assert_eq!((one[0].cs[1].0, one[0].method), (10.0, None));
        let p = wilson(50, 100).unwrap();
        assert_eq!(one[0].cs_argmax, [(5.0, Estimate { value: 0.5, low: Some(p.low), high: Some(p.high) })]);

        let mut lost = run("arcface", 2, 100);
        lost.collapsed = true;
        let two = summarize_ordered(&[aged("arcface", 0, 4.0), aged("arcface", 1, 6.0), lost]);
        // t(1) = 12.7062, sd/√2 = 1; cut at 0.
        assert_eq!((two[0].runs, two[0].measured, two[0].mae.value, two[0].mae.low), (3, 2, 5.0, Some(0.0)));
        assert!((two[0].mae.high.unwrap() - 17.7062).abs() < 1e-3);
        assert_eq!(two[0].mae_argmax.map(|e| e.value), Some(6.0));
    }
}
