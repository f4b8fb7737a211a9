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

/// All runs of one loss with the same trainer, margins, scale, backbone and dimension.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LossSummary {
    /// Registry name of the loss.
    pub loss: String,
    /// Who trained it, as in [`Run::trainer`].
    pub trainer: String,
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
    /// Number of runs.
    pub runs: usize,
    /// Seeds and their test accuracies, in the order of the runs that have one.
    pub accuracies: Vec<(u64, f64)>,
    /// Mean of those accuracies; none if no run has one, as on an open set.
    pub accuracy: Option<f64>,
    /// Lower end of its 95 % interval, cut at 0.
    pub accuracy_low: Option<f64>,
    /// Upper end of its 95 % interval, cut at 1.
    pub accuracy_high: Option<f64>,
    /// What that interval speaks of; none without one.
    pub method: Option<Method>,
    /// The worst seed and its accuracy.
    pub worst: Option<(u64, f64)>,
    /// Number of runs that collapsed; their accuracies are part of the mean.
    pub collapsed: usize,
    /// Number of runs that were saved from a collapse, once or several times, to their end.
    #[serde(default)]
    pub recovered: usize,
    /// Seeds and their EERs, in the order of the runs that have one.
    pub eers: Vec<(u64, f64)>,
    /// Mean of those EERs.
    pub eer: Option<f64>,
    /// Mean TMR by target FMR over the runs that have it.
    pub tmr_at_fmr: BTreeMap<String, f64>,
    /// Mean target angle in radians.
    pub target_angle: Option<f64>,
    /// Mean smallest non-target angle in radians.
    pub nontarget_angle_min: Option<f64>,
    /// Mean angle between neighboring prototypes in radians.
    pub nearest_prototype_angle: Option<f64>,
    /// Mean Recall@1.
    pub recall_at_1: Option<f64>,
    /// Mean MAP@R.
    pub map_at_r: Option<f64>,
    /// Mean NMI.
    pub nmi: Option<f64>,
    /// Seeds and their MAEs, in the order of the runs that have one.
    #[serde(default)]
    pub maes: Vec<(u64, f64)>,
    /// Mean of those MAEs, in `target_unit`.
    pub mae: Option<f64>,
    /// Unit of the predicted number.
    pub target_unit: String,
    /// Mean training time in seconds.
    pub train_seconds: f64,
    /// Mean training samples per second.
    pub samples_per_second: f64,
}

/// Groups `runs` by loss, trainer, margins, scale, backbone and dimension, in the order in
/// which the groups first appear.
///
/// An accuracy that is not finite counts as 0, and so does that of a collapsed run
/// without one where another run of its group has one: to leave it out would make a
/// loss look better by failing.
pub fn summarize(runs: &[Run]) -> Vec<LossSummary> {
    groups(runs).iter().map(|g| group_summary(g)).collect()
}

/// The groups of [`summarize`].
pub(super) fn groups(runs: &[Run]) -> Vec<Vec<&Run>> {
    let same = |a: &Run, b: &Run| {
        (&a.loss, &a.trainer) == (&b.loss, &b.trainer)
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
    groups
}

fn group_summary(runs: &[&Run]) -> LossSummary {
    let accuracies = accuracies(runs);
    let by_seed = |f: &dyn Fn(&Run) -> Option<f64>| {
        runs.iter().filter_map(|r| Some((r.seed, f(r).filter(|v| v.is_finite())?))).collect()
    };
    let average = |f: &dyn Fn(&Run) -> Option<f64>| {
        let present: Vec<f64> = runs.iter().filter_map(|r| f(r)).filter(|v| v.is_finite()).collect();
        mean(&present).ok().map(|m| m.value)
    };
    let values: Vec<f64> = accuracies.iter().map(|a| a.1).collect();
    let spread = mean(&values).ok();
    let interval = spread.and_then(|m| {
        if let Some((low, high)) = m.low.zip(m.high) {
            return Some((low.max(0.0), high.min(1.0), Method::StudentT));
        }
        let n = runs.iter().find(|r| r.accuracy.is_some())?.n_test;
        let correct = (m.value * n as f64).round() as u64;
        let p = wilson(correct.min(n), n).ok()?;
        Some((p.low, p.high, Method::Wilson))
    });
    let worst = accuracies.iter().copied().reduce(|w, a| if a.1 < w.1 { a } else { w });
    let mut tmr_at_fmr = BTreeMap::new();
    for key in runs.iter().flat_map(|r| r.tmr_at_fmr.keys()) {
        if let Some(value) = average(&|r| r.tmr_at_fmr.get(key).copied()) {
            tmr_at_fmr.insert(key.clone(), value);
        }
    }
    LossSummary {
        loss: runs[0].loss.clone(),
        trainer: runs[0].trainer.clone(),
        m0: runs[0].m0,
        m1: runs[0].m1,
        m2: runs[0].m2,
        scale: runs[0].scale,
        backbone: runs[0].backbone.clone(),
        dim: runs[0].dim,
        runs: runs.len(),
        accuracy: spread.map(|m| m.value),
        accuracy_low: interval.map(|i| i.0),
        accuracy_high: interval.map(|i| i.1),
        method: interval.map(|i| i.2),
        worst,
        collapsed: runs.iter().filter(|r| r.collapsed).count(),
        recovered: runs.iter().filter(|r| r.recovered > 0 && !r.collapsed).count(),
        eers: by_seed(&|r| r.eer),
        eer: average(&|r| r.eer),
        tmr_at_fmr,
        target_angle: average(&|r| r.target_angle_mean),
        nontarget_angle_min: average(&|r| r.nontarget_angle_min_mean),
        nearest_prototype_angle: average(&|r| r.nearest_prototype_angle_mean),
        recall_at_1: average(&|r| r.recall_at_1),
        map_at_r: average(&|r| r.map_at_r),
        nmi: average(&|r| r.nmi),
        maes: by_seed(&|r| r.mae),
        mae: average(&|r| r.mae),
        target_unit: runs[0].target_unit.clone(),
        train_seconds: average(&|r| Some(r.train_seconds)).unwrap_or(0.0),
        samples_per_second: average(&|r| Some(r.samples_per_second)).unwrap_or(0.0),
        accuracies,
    }
}

/// Seeds and accuracies of the runs that have one, by the rule of [`summarize`].
pub(crate) fn accuracies(runs: &[&Run]) -> Vec<(u64, f64)> {
    let finite = |v: f64| if v.is_finite() { v } else { 0.0 };
    let classified = runs.iter().any(|r| r.accuracy.is_some());
    let of = |r: &Run| r.accuracy.map(finite).or((classified && r.collapsed).then_some(0.0));
    runs.iter().filter_map(|r| of(r).map(|a| (r.seed, a))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{run, unclassified};

    #[test]
    fn naive_runs_stand_apart_and_saved_ones_are_counted() {
        let mut naive = run("arcface", 1, 600);
        naive.trainer = "naive".into();
        let mut saved = run("arcface", 2, 960);
        saved.recovered = 2;
        let mut lost = run("arcface", 3, 100);
        (lost.recovered, lost.collapsed) = (5, true);
        let s = summarize(&[run("arcface", 1, 970), naive, saved, lost]);
        let counts: Vec<_> = s.iter().map(|s| (s.trainer.as_str(), s.runs, s.recovered, s.collapsed)).collect();
        assert_eq!(counts[1], ("naive", 1, 0, 0));
        assert_eq!((counts.len(), counts[0].1, counts[0].2, counts[0].3), (2, 3, 1, 1));
    }

    #[test]
    fn groups_by_loss_and_settings() {
        let mut other = run("arcface", 1, 900);
        other.m1 = Some(0.3);
        let naive = Run { trainer: "naive".into(), ..run("softmax", 1, 100) };
        let runs = [run("softmax", 1, 960), run("arcface", 1, 970), run("softmax", 2, 980), other, naive];
        let s = summarize(&runs);
        assert_eq!((s.len(), s[3].trainer.as_str()), (4, "naive"));
        assert_eq!(s[0].loss, "softmax");
        assert!((s[0].accuracy.unwrap() - 0.97).abs() < 1e-12);
        assert_eq!((s[0].runs, s[0].worst), (2, Some((1, 0.96))));
        assert_eq!(s[0].method, Some(Method::StudentT));
        // t(1) = 12.706 times sd/√2 = 0.01: cut at 1 above.
        assert!((s[0].accuracy_low.unwrap() - (0.97 - 0.127_062)).abs() < 1e-5);
        assert_eq!(s[0].accuracy_high, Some(1.0));
        assert_eq!(s[1].method, Some(Method::Wilson));
        assert!((s[1].accuracy_low.unwrap() - wilson(970, 1000).unwrap().low).abs() < 1e-12);
    }

    #[test]
    fn a_collapsed_run_counts() {
        let mut dead = run("arcface", 2, 100);
        dead.collapsed = true;
        dead.eer = None;
        // As it is in memory, and as JSON gives it back.
        for accuracy in [Some(f64::NAN), None, Some(0.0)] {
            dead.accuracy = accuracy;
            let s = summarize(&[run("arcface", 1, 980), dead.clone()]);
            assert_eq!((s[0].collapsed, s[0].worst), (1, Some((2, 0.0))));
            assert!((s[0].accuracy.unwrap() - 0.49).abs() < 1e-12);
            assert_eq!(s[0].eer, Some(0.02), "a mean over the runs that have one");
        }
        assert!(summarize(&[]).is_empty());
    }

    #[test]
    fn without_a_classified_sample_there_is_no_accuracy() {
        let mut dead = unclassified("arcface", 3, f64::NAN);
        dead.collapsed = true;
        let s = summarize(&[unclassified("arcface", 1, 0.1), unclassified("arcface", 2, 0.2), dead]);
        let s = &s[0];
        assert_eq!((s.accuracy, s.accuracy_low, s.accuracy_high, s.method, s.worst), (None, None, None, None, None));
        assert!(s.accuracies.is_empty());
        assert_eq!((s.runs, s.collapsed, &s.eers[..]), (3, 1, &[(1, 0.1), (2, 0.2)][..]));
        assert!((s.eer.unwrap() - 0.15).abs() < 1e-12);
    }

    #[test]
    fn a_run_without_an_accuracy_is_no_zero() {
        let s = summarize(&[unclassified("arcface", 1, 0.1), run("arcface", 2, 970)]);
        assert_eq!((s[0].accuracy, s[0].worst), (Some(0.97), Some((2, 0.97))));
        // The interval is that of the run that has one.
        assert_eq!(s[0].accuracy_low, Some(wilson(970, 1000).unwrap().low));
    }
}
