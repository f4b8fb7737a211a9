//! One line a loss: the runs of all its seeds together.

use std::collections::{BTreeMap, BTreeSet};

use super::{Run, TrainedBy};
use crate::interval::{mean, wilson};
use crate::measures::{Better, Estimate, Interval, Key, MEASURES, Measure};

/// What an interval of a summary speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spread {
    /// Other test samples, the same network.
    Samples,
    /// Other seeds, the same data: Student's t.
    Seeds,
}

/// One number over the runs of a loss.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    /// Seeds and values, in the order of the runs that have one.
    pub values: Vec<(u64, f64)>,
    /// Their mean, its 95 % interval, and the n of the first run.
    pub estimate: Estimate,
    /// What that interval speaks of; none without one.
    pub spread: Option<Spread>,
}

impl Summary {
    /// The seed of the worst value, and the value; the first of equal ones.
    pub fn worst(&self, better: Better) -> Option<(u64, f64)> {
        let is_worse = |a: f64, b: f64| if better == Better::Lower { a > b } else { a < b };
        self.values.iter().copied().reduce(|w, v| if is_worse(v.1, w.1) { v } else { w })
    }
}

/// All runs of one loss with the same trainer, margins, scale, backbone and dimension.
#[derive(Debug, Clone, PartialEq)]
pub struct LossSummary {
    /// Registry name of the loss.
    pub loss: String,
    /// Who trained it.
    pub trainer: TrainedBy,
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
    /// Every number that some run has.
    pub measures: BTreeMap<Key, Summary>,
    /// Number of runs that collapsed.
    pub collapsed: usize,
    /// Number of runs that were saved from a collapse, once or several times, to their end.
    pub recovered: usize,
    /// Unit of a predicted number.
    pub target_unit: String,
    /// Mean training time in seconds.
    pub train_seconds: f64,
    /// Mean training samples per second.
    pub samples_per_second: f64,
}

impl LossSummary {
    /// The mean under a key such as `eer` or `tmr_at_fmr@1e-2`.
    pub fn get(&self, key: &str) -> Option<f64> {
        self.measures.get(key).map(|s| s.estimate.value)
    }

    /// The values of a measure of one value; none where no run has one.
    pub fn of(&self, measure: &Measure) -> Option<&Summary> {
        self.measures.get(measure.key)
    }

    /// Whether every run has a value of a measure.
    pub fn is_whole(&self, measure: &Measure) -> bool {
        self.of(measure).map_or(0, |s| s.values.len()) == self.runs
    }
}

/// The measure that ranks losses: the first by [`Measure::ranks`] that any of them has.
///
/// ```
/// use arcsphere_eval::results::{Run, ranking, summarize};
/// let run = Run::default().with("eer", 0.02).with("accuracy", 0.97);
/// assert_eq!(ranking(&summarize(&[run])).map(|m| m.key), Some("accuracy"));
/// ```
pub fn ranking(summaries: &[LossSummary]) -> Option<&'static Measure> {
    let has = |m: &&&Measure| summaries.iter().any(|s| s.of(m).is_some());
    MEASURES.iter().filter(|m| m.ranks.is_some()).filter(has).min_by_key(|m| m.ranks).copied()
}

/// Groups `runs` by loss, trainer, margins, scale, backbone and dimension, in the order in
/// which the groups first appear.
///
/// An accuracy that is not finite counts as 0, and so does that of a collapsed run
/// without one where another run of its group has one: to leave it out would make a
/// loss look better by failing.
///
/// ```
/// use arcsphere_eval::results::{Run, summarize};
/// let run = |seed, eer| Run { loss: "arcface".into(), seed, ..Run::default() }.with("eer", eer);
/// let summaries = summarize(&[run(0, 0.02), run(1, 0.04)]);
/// assert_eq!((summaries.len(), summaries[0].get("eer")), (1, Some(0.03)));
/// ```
pub fn summarize(runs: &[Run]) -> Vec<LossSummary> {
    let same = |a: &Run, b: &Run| {
        (&a.loss, a.trainer) == (&b.loss, b.trainer)
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
    let keys: BTreeSet<&Key> = runs.iter().flat_map(|r| r.measures.keys()).collect();
    let average = |f: fn(&Run) -> f64| {
        let present: Vec<f64> = runs.iter().map(|r| f(r)).filter(|v| v.is_finite()).collect();
        mean(&present).map_or(0.0, |m| m.value)
    };
    let first = runs[0];
    LossSummary {
        loss: first.loss.clone(),
        trainer: first.trainer,
        m0: first.m0,
        m1: first.m1,
        m2: first.m2,
        scale: first.scale,
        backbone: first.backbone.clone(),
        dim: first.dim,
        runs: runs.len(),
        measures: keys.into_iter().filter_map(|k| Some((k.clone(), summary(runs, k)?))).collect(),
        collapsed: runs.iter().filter(|r| r.collapsed).count(),
        recovered: runs.iter().filter(|r| r.recovered > 0 && !r.collapsed).count(),
        target_unit: first.target_unit.clone(),
        train_seconds: average(|r| r.train_seconds),
        samples_per_second: average(|r| r.samples_per_second),
    }
}

/// Seeds and values of the runs that have one, by the rule of [`summarize`].
pub(crate) fn values(runs: &[&Run], key: &Key) -> Vec<(u64, f64)> {
    let lost = key.measure().and_then(|m| m.lost);
    let measured = runs.iter().any(|r| r.measures.contains_key(key));
    let of = |r: &Run| match (r.get(key.as_str()), lost) {
        (Some(v), _) if v.is_finite() => Some(v),
        (Some(_), lost) => lost,
        (None, lost) => lost.filter(|_| measured && r.collapsed),
    };
    runs.iter().filter_map(|r| Some((r.seed, of(r)?))).collect()
}

fn summary(runs: &[&Run], key: &Key) -> Option<Summary> {
    let values = values(runs, key);
    let numbers: Vec<f64> = values.iter().map(|v| v.1).collect();
    let m = mean(&numbers).ok()?;
    let first = runs.iter().find_map(|r| r.measures.get(key))?;
    let cut = |low: f64, high: f64| key.measure().map_or((low, high), |measure| measure.cut(low, high));
    let (ends, spread) = match m.low.zip(m.high) {
        Some((low, high)) => (Some(cut(low, high)), Some(Spread::Seeds)),
        None => {
            let own = of_samples(key, m.value, first).map(|(low, high)| cut(low, high));
            (own, own.map(|_| Spread::Samples))
        }
    };
    // The runs share their test set, so that no mean of theirs knows more of it than the poorest.
    let few_errors = runs.iter().filter_map(|r| r.measures.get(key)?.few_errors).min();
    let (low, high) = (ends.map(|e| e.0), ends.map(|e| e.1));
    let estimate = Estimate { value: m.value, low, high, n: first.n, few_errors };
    Some(Summary { values, estimate, spread })
}

/// The interval over the samples, where a single run has one.
fn of_samples(key: &Key, value: f64, first: &Estimate) -> Option<(f64, f64)> {
    match (key.measure().map_or(Interval::Samples, |m| m.interval), first.n) {
        (Interval::Wilson, Some(n)) => {
            wilson(((value * n as f64).round() as u64).min(n), n).ok().map(|p| (p.low, p.high))
        }
        _ => first.low.zip(first.high),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{aged, run, unclassified};

    fn accuracy(s: &LossSummary) -> &Summary {
        &s.measures["accuracy"]
    }

    #[test]
    fn naive_runs_stand_apart_and_saved_ones_are_counted() {
        let mut naive = run("arcface", 1, 600);
        naive.trainer = TrainedBy::Naive;
        let mut saved = run("arcface", 2, 960);
        saved.recovered = 2;
        let mut lost = run("arcface", 3, 100);
        (lost.recovered, lost.collapsed) = (5, true);
        let s = summarize(&[run("arcface", 1, 970), naive, saved, lost]);
        let counts: Vec<_> = s.iter().map(|s| (s.trainer.name(), s.runs, s.recovered, s.collapsed)).collect();
        assert_eq!(counts[1], ("naive", 1, 0, 0));
        assert_eq!((counts.len(), counts[0].1, counts[0].2, counts[0].3), (2, 3, 1, 1));
    }

    #[test]
    fn groups_by_loss_and_settings() {
        let mut other = run("arcface", 1, 900);
        other.m1 = Some(0.3);
        let naive = Run { trainer: TrainedBy::Naive, ..run("softmax", 1, 100) };
        let runs = [run("softmax", 1, 960), run("arcface", 1, 970), run("softmax", 2, 980), other, naive];
        let s = summarize(&runs);
        assert_eq!((s.len(), s[3].trainer.name()), (4, "naive"));
        assert_eq!(s[0].loss, "softmax");
        let first = accuracy(&s[0]);
        assert!((first.estimate.value - 0.97).abs() < 1e-12);
        assert_eq!((s[0].runs, first.worst(Better::Higher)), (2, Some((1, 0.96))));
        assert_eq!(first.spread, Some(Spread::Seeds));
        // t(1) = 12.706 times sd/√2 = 0.01: cut at 1 above.
        assert!((first.estimate.low.unwrap() - (0.97 - 0.127_062)).abs() < 1e-5);
        assert_eq!(first.estimate.high, Some(1.0));
        let second = accuracy(&s[1]);
        assert_eq!(second.spread, Some(Spread::Samples));
        assert!((second.estimate.low.unwrap() - wilson(970, 1000).unwrap().low).abs() < 1e-12);
    }

    #[test]
    fn a_collapsed_run_counts() {
        let mut dead = run("arcface", 2, 100);
        dead.collapsed = true;
        dead.measures.remove("eer");
        // As it is in memory, and as JSON gives it back.
        for value in [Some(f64::NAN), None, Some(0.0)] {
            match value {
                Some(value) => dead = dead.with("accuracy", value),
                None => drop(dead.measures.remove("accuracy")),
            }
            let s = summarize(&[run("arcface", 1, 980), dead.clone()]);
            assert_eq!((s[0].collapsed, accuracy(&s[0]).worst(Better::Higher)), (1, Some((2, 0.0))));
            assert!((accuracy(&s[0]).estimate.value - 0.49).abs() < 1e-12);
            assert_eq!(s[0].get("eer"), Some(0.02), "a mean over the runs that have one");
        }
        assert!(summarize(&[]).is_empty());
    }

    #[test]
    fn without_a_classified_sample_there_is_no_accuracy() {
        let mut dead = unclassified("arcface", 3, f64::NAN);
        dead.collapsed = true;
        let s = summarize(&[unclassified("arcface", 1, 0.1), unclassified("arcface", 2, 0.2), dead]);
        let s = &s[0];
        assert!(!s.measures.contains_key("accuracy"));
        let eer = &s.measures["eer"];
        assert_eq!((s.runs, s.collapsed, &eer.values[..]), (3, 1, &[(1, 0.1), (2, 0.2)][..]));
        assert!((eer.estimate.value - 0.15).abs() < 1e-12);
    }

    #[test]
    fn a_run_without_an_accuracy_is_no_zero() {
        let s = summarize(&[unclassified("arcface", 1, 0.1), run("arcface", 2, 970)]);
        let own = accuracy(&s[0]);
        assert_eq!((own.estimate.value, own.worst(Better::Higher)), (0.97, Some((2, 0.97))));
        // The interval is that of the run that has one.
        assert_eq!(own.estimate.low, Some(wilson(970, 1000).unwrap().low));
    }

    #[test]
    fn one_seed_has_the_interval_of_its_samples_and_several_that_of_the_seeds() {
        let one = &summarize(&[aged("arcface", 0, 4.0)])[0];
        assert_eq!(one.measures["mae"].estimate, Estimate::new(4.0).within(3.5, 4.5).over(100));
        for (key, right) in [("cs@5", 60), ("cs_argmax@5", 50)] {
            assert_eq!(one.measures[key].estimate, wilson(right, 100).unwrap().into());
            assert_eq!(one.measures[key].spread, Some(Spread::Samples));
        }
        let mut lost = run("arcface", 2, 100);
        lost.collapsed = true;
        let two = &summarize(&[aged("arcface", 0, 4.0), aged("arcface", 1, 6.0), lost])[0];
        // t(1) = 12.7062, sd/√2 = 1; cut at 0.
        let mae = &two.measures["mae"];
        assert_eq!((two.runs, mae.values.len(), mae.estimate.value, mae.estimate.low), (3, 2, 5.0, Some(0.0)));
        assert!((mae.estimate.high.unwrap() - 17.7062).abs() < 1e-3);
        assert_eq!((two.get("mae_argmax"), mae.spread), (Some(6.0), Some(Spread::Seeds)));
    }

    #[test]
    fn losses_are_ranked_by_the_first_measure_that_any_has() {
        let key = |runs: &[Run]| ranking(&summarize(runs)).map(|m| m.key);
        let none = unclassified("a", 1, 0.1);
        assert_eq!(key(&[none.clone(), run("b", 1, 900)]), Some("accuracy"));
        assert_eq!((key(&[aged("a", 1, 2.0)]), key(std::slice::from_ref(&none))), (Some("mae"), Some("eer")));
        let two = summarize(&[unclassified("a", 1, 0.10), unclassified("a", 2, 0.12)]);
        // t(1) = 12.706 times sd/√2 = 0.01: cut at 0 below. A single EER has no interval.
        let eer = two[0].measures["eer"].estimate;
        assert!(eer.low == Some(0.0) && (eer.high.unwrap() - (0.11 + 0.127_062)).abs() < 1e-5, "{eer:?}");
        assert_eq!(summarize(&[none])[0].measures["eer"].estimate.low, None);
    }
}
