//! The numbers of a run that tables show.

use arcsphere_eval::interval::{Mean, mean, wilson};
use arcsphere_eval::results::Run;
use serde::Deserialize;

/// A number of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Measure {
    Accuracy,
    Eer,
    /// TMR at an FMR of 1 %.
    Tmr,
    TargetAngle,
    NontargetAngle,
    #[serde(rename = "recall_at_1")]
    RecallAt1,
    MapAtR,
    Nmi,
    Mae,
    /// Share of predictions that are at most 5 off.
    Cs5,
}

impl Measure {
    /// As a table's head names it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Measure::Accuracy => "accuracy",
            Measure::Eer => "EER",
            Measure::Tmr => "TMR@FMR 1 %",
            Measure::TargetAngle => "target angle",
            Measure::NontargetAngle => "nearest other angle",
            Measure::RecallAt1 => "Recall@1",
            Measure::MapAtR => "MAP@R",
            Measure::Nmi => "NMI",
            Measure::Mae => "MAE",
            Measure::Cs5 => "CS(5)",
        }
    }

    /// Unit of [`Measure::shown`]; the study's one ordered target is an angle, too.
    pub(super) fn unit(self) -> &'static str {
        match self {
            Measure::TargetAngle | Measure::NontargetAngle | Measure::Mae => "°",
            _ => "%",
        }
    }

    /// Unit of a difference of such numbers.
    pub(super) fn difference_unit(self) -> &'static str {
        if self.unit() == "%" { "points" } else { self.unit() }
    }

    /// Whether less is better.
    pub(super) fn less_is_better(self) -> bool {
        matches!(self, Measure::Eer | Measure::TargetAngle | Measure::Mae)
    }

    /// A value in the unit that a reader sees.
    pub(super) fn shown(self, value: f64) -> f64 {
        match self {
            Measure::TargetAngle | Measure::NontargetAngle => value.to_degrees(),
            Measure::Mae => value,
            _ => 100.0 * value,
        }
    }

    /// The value of a run.
    pub(super) fn of(self, run: &Run) -> Option<f64> {
        let value = match self {
            Measure::Accuracy => run.get("accuracy"),
            Measure::Eer => run.get("eer"),
            Measure::Tmr => run.get("tmr_at_fmr@1e-2"),
            Measure::TargetAngle => run.get("target_angle@mean"),
            Measure::NontargetAngle => run.get("nontarget_angle"),
            Measure::RecallAt1 => run.get("recall_at_k@1"),
            Measure::MapAtR => run.get("map_at_r"),
            Measure::Nmi => run.get("nmi"),
            Measure::Mae => run.get("mae"),
            Measure::Cs5 => run.get("cs@5"),
        };
        value.filter(|v| v.is_finite())
    }

    /// Seeds and values of the runs that have one. A collapsed run without an accuracy counts as 0 where another
    /// has one: to leave it out would make a loss look better by failing.
    pub(super) fn values(self, runs: &[Run]) -> Vec<(u64, f64)> {
        let classified = self == Measure::Accuracy && runs.iter().any(|run| self.of(run).is_some());
        let of = |run: &Run| self.of(run).or((classified && run.collapsed).then_some(0.0));
        runs.iter().filter_map(|run| Some((run.seed, of(run)?))).collect()
    }

    /// Mean over the seeds with its 95 % Student-t interval, cut where a value cannot lie. One seed has Wilson's over the test samples where it
    /// is an accuracy, and none otherwise.
    pub(super) fn mean(self, runs: &[Run]) -> Option<Mean> {
        let values: Vec<f64> = self.values(runs).into_iter().map(|v| v.1).collect();
        let mut m = mean(&values).ok()?;
        m.low = m.low.map(|low| low.max(0.0));
        if self.unit() == "%" {
            m.high = m.high.map(|high| high.min(1.0));
        }
        if self == Measure::Accuracy && m.n == 1 {
            let n = runs.iter().find_map(|run| run.measures.get("accuracy")?.n).unwrap_or(0);
            if let Ok(p) = wilson(((m.value * n as f64).round() as u64).min(n), n) {
                (m.low, m.high) = (Some(p.low), Some(p.high));
            }
        }
        Some(m)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arcsphere_eval::measures::Estimate;

    #[test]
    fn a_collapsed_run_counts_as_nothing_right() {
        let dead = Run { seed: 1, collapsed: true, ..Run::default() };
        let well = Run::default().with("accuracy", 0.9).with("eer", f64::NAN);
        assert_eq!(Measure::Accuracy.values(&[well.clone(), dead.clone()]), [(0, 0.9), (1, 0.0)]);
        assert_eq!(Measure::Accuracy.values(std::slice::from_ref(&dead)), []);
        assert_eq!(Measure::Eer.values(&[well, dead]), []);
    }

    #[test]
    fn one_seed_has_the_samples_interval_and_more_the_seeds() {
        let run = |seed, accuracy| Run { seed, ..Run::default() }.with("accuracy", Estimate::new(accuracy).over(1000));
        let one = Measure::Accuracy.mean(&[run(0, 0.95)]).unwrap();
        let p = wilson(950, 1000).unwrap();
        assert_eq!((one.n, one.low, one.high), (1, Some(p.low), Some(p.high)));
        let two = Measure::Accuracy.mean(&[run(0, 0.95), run(1, 0.97)]).unwrap();
        // t(1) = 12.706 times sd/√2 = 0.01.
        assert!((two.low.unwrap() - (0.96 - 0.127_062)).abs() < 1e-5, "{two:?}");
        assert_eq!(two.high, Some(1.0));
        assert!(Measure::Eer.mean(&[Run::default()]).is_none());
    }

    #[test]
    fn keys_are_those_that_results_write() {
        let run = Run::default().with("tmr_at_fmr@1e-2", 0.9).with("cs@5", 0.4);
        assert_eq!((Measure::Tmr.of(&run), Measure::Cs5.of(&run)), (Some(0.9), Some(0.4)));
        assert_eq!(Measure::TargetAngle.shown(std::f64::consts::PI), 180.0);
    }
}
