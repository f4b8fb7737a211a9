//! One line a loss: the runs of all its seeds together.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Run;
use crate::interval::{mean, wilson};

/// What an interval of a summary speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// Wilson's interval of a single run: other test samples, the same network.
    Wilson,
    /// Student's t over the seeds: other seeds, the same data.
    StudentT,
}

/// All runs of one loss with the same margins, scale, backbone and dimension.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LossSummary {
    /// Registry name of the loss.
    pub loss: String,
    /// Angle multiplier.
    pub m0: Option<f64>,
    /// Angle margin in radians.
    pub m1: Option<f64>,
    /// Cosine margin.
    pub m2: Option<f64>,
    /// Fixed scale; none where the scale is the embedding norm.
    pub scale: Option<f64>,
    /// Registry name of the backbone.
    pub backbone: String,
    /// Embedding dimension.
    pub dim: u64,
    /// Seeds and their test accuracies, in the order of the runs.
    pub accuracies: Vec<(u64, f64)>,
    /// Mean test accuracy over the seeds.
    pub accuracy: f64,
    /// Lower end of its 95 % interval, cut at 0.
    pub accuracy_low: f64,
    /// Upper end of its 95 % interval, cut at 1.
    pub accuracy_high: f64,
    /// What that interval speaks of.
    pub method: Method,
    /// The worst seed and its accuracy.
    pub worst: (u64, f64),
    /// Number of runs that collapsed; they are part of every mean.
    pub collapsed: usize,
    /// Mean EER over the runs that have one.
    pub eer: Option<f64>,
    /// Mean TMR by target FMR over the runs that have it.
    pub tmr_at_fmr: BTreeMap<String, f64>,
    /// Mean target angle in radians.
    pub target_angle: Option<f64>,
    /// Mean smallest non-target angle in radians.
    pub nontarget_angle_min: Option<f64>,
    /// Mean angle between neighboring prototypes in radians.
    pub nearest_prototype_angle: Option<f64>,
    /// Mean training time in seconds.
    pub train_seconds: f64,
    /// Mean training samples per second.
    pub samples_per_second: f64,
}

/// Groups `runs` by loss, margins, scale, backbone and dimension, in the order in
/// which the groups first appear. A run whose accuracy is not finite counts as 0.
pub fn summarize(runs: &[Run]) -> Vec<LossSummary> {
    let same = |a: &Run, b: &Run| {
        a.loss == b.loss
            && (a.m0, a.m1, a.m2, a.scale) == (b.m0, b.m1, b.m2, b.scale)
            && (&a.backbone, a.dim) == (&b.backbone, b.dim)
    };
    let mut groups: Vec<Vec<&Run>> = Vec::new();
    for run in runs {
        match groups.iter_mut().find(|g| same(g[0], run)) {
            Some(group) => group.push(run),
            None => groups.push(vec![run]),
        }
    }
    groups.iter().map(|g| group_summary(g)).collect()
}

fn group_summary(runs: &[&Run]) -> LossSummary {
    let finite = |v: f64| if v.is_finite() { v } else { 0.0 };
    let accuracies: Vec<(u64, f64)> = runs.iter().map(|r| (r.seed, finite(r.accuracy))).collect();
    let values: Vec<f64> = accuracies.iter().map(|a| a.1).collect();
    let average = |f: &dyn Fn(&Run) -> Option<f64>| {
        let present: Vec<f64> = runs.iter().filter_map(|r| f(r)).filter(|v| v.is_finite()).collect();
        mean(&present).ok().map(|m| m.value)
    };
    let accuracy = average(&|r| Some(finite(r.accuracy))).unwrap_or(0.0);
    let spread = mean(&values).ok();
    let (low, high, method) = match spread.and_then(|m| m.low.zip(m.high)) {
        Some((low, high)) => (low.max(0.0), high.min(1.0), Method::StudentT),
        None => {
            let n = runs[0].n_test;
            let correct = (accuracy * n as f64).round() as u64;
            let p = wilson(correct.min(n), n).ok();
            let (low, high) = p.map_or((0.0, 1.0), |p| (p.low, p.high));
            (low, high, Method::Wilson)
        }
    };
    let worst = accuracies.iter().copied().fold((runs[0].seed, f64::INFINITY), |w, a| if a.1 < w.1 { a } else { w });
    let mut tmr_at_fmr = BTreeMap::new();
    for key in runs.iter().flat_map(|r| r.tmr_at_fmr.keys()) {
        if let Some(value) = average(&|r| r.tmr_at_fmr.get(key).copied()) {
            tmr_at_fmr.insert(key.clone(), value);
        }
    }
    LossSummary {
        loss: runs[0].loss.clone(),
        m0: runs[0].m0,
        m1: runs[0].m1,
        m2: runs[0].m2,
        scale: runs[0].scale,
        backbone: runs[0].backbone.clone(),
        dim: runs[0].dim,
        accuracy,
        accuracy_low: low,
        accuracy_high: high,
        method,
        worst,
        collapsed: runs.iter().filter(|r| r.collapsed).count(),
        eer: average(&|r| r.eer),
        tmr_at_fmr,
        target_angle: average(&|r| r.target_angle_mean),
        nontarget_angle_min: average(&|r| r.nontarget_angle_min_mean),
        nearest_prototype_angle: average(&|r| r.nearest_prototype_angle_mean),
        train_seconds: average(&|r| Some(r.train_seconds)).unwrap_or(0.0),
        samples_per_second: average(&|r| Some(r.samples_per_second)).unwrap_or(0.0),
        accuracies,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::tests::run;

    #[test]
    fn groups_by_loss_and_settings() {
        let mut other = run("arcface", 1, 900);
        other.m1 = Some(0.3);
        let runs = [run("softmax", 1, 960), run("arcface", 1, 970), run("softmax", 2, 980), other];
        let s = summarize(&runs);
        assert_eq!(s.len(), 3);
        assert_eq!(s[0].loss, "softmax");
        assert!((s[0].accuracy - 0.97).abs() < 1e-12);
        assert_eq!(s[0].worst, (1, 0.96));
        assert_eq!(s[0].method, Method::StudentT);
        // t(1) = 12.706 times sd/√2 = 0.01: cut at 1 above.
        assert!((s[0].accuracy_low - (0.97 - 0.127_062)).abs() < 1e-5);
        assert_eq!(s[0].accuracy_high, 1.0);
        assert_eq!(s[1].method, Method::Wilson);
        assert!((s[1].accuracy_low - wilson(970, 1000).unwrap().low).abs() < 1e-12);
    }

    #[test]
    fn a_collapsed_run_counts() {
        let mut dead = run("arcface", 2, 100);
        dead.collapsed = true;
        dead.eer = None;
        dead.accuracy = f64::NAN;
        let s = summarize(&[run("arcface", 1, 980), dead]);
        assert_eq!((s[0].collapsed, s[0].worst), (1, (2, 0.0)));
        assert!((s[0].accuracy - 0.49).abs() < 1e-12);
        assert_eq!(s[0].eer, Some(0.02), "a mean over the runs that have one");
        assert!(summarize(&[]).is_empty());
    }
}
