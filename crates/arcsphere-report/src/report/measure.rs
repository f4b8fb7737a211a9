//! The number by which losses are ranked.

use super::html::percent;
use arcsphere_eval::interval::mean;
use arcsphere_eval::results::LossSummary;

/// The number by which losses are ranked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    /// Test accuracy, higher is better.
    Accuracy,
    /// Mean absolute error of a predicted number, lower is better: what an ordered target asks for.
    Mae,
    /// Equal error rate on the test pairs, lower is better: what an open set leaves,
    /// whose classes have no prototype to be classified by.
    Eer,
}

impl Measure {
    /// The first that any loss has: MAE, which only an ordered target gives, accuracy, EER.
    pub(crate) fn of(summaries: &[LossSummary]) -> Option<Self> {
        [Self::Mae, Self::Accuracy, Self::Eer].into_iter().find(|m| summaries.iter().any(|s| m.mean(s).is_some()))
    }

    /// Its mean over the runs that have it.
    pub(crate) fn mean(self, s: &LossSummary) -> Option<f64> {
        match self {
            Self::Accuracy => s.accuracy,
            Self::Mae => s.mae,
            Self::Eer => s.eer,
        }
    }

    /// Seeds and values of the runs that have it.
    pub(crate) fn values(self, s: &LossSummary) -> &[(u64, f64)] {
        match self {
            Self::Accuracy => &s.accuracies,
            Self::Mae => &s.maes,
            Self::Eer => &s.eers,
        }
    }

    /// The 95 % interval of the mean. An EER is no proportion of independent trials, and an MAE
    /// none at all, so that a single one has none.
    pub(crate) fn interval(self, s: &LossSummary) -> Option<(f64, f64)> {
        match self {
            Self::Accuracy => s.accuracy_low.zip(s.accuracy_high),
            Self::Mae | Self::Eer => {
                let most = if self == Self::Eer { 1.0 } else { f64::INFINITY };
                let values: Vec<f64> = self.values(s).iter().map(|e| e.1).collect();
                let spread = mean(&values).ok()?;
                spread.low.zip(spread.high).map(|(low, high)| (low.max(0.0), high.min(most)))
            }
        }
    }

    /// Whether every run of the loss has it.
    pub(crate) fn is_whole(self, s: &LossSummary) -> bool {
        self.values(s).len() == s.runs
    }

    /// `value` turned so that more is better.
    pub(crate) fn merit(self, value: f64) -> f64 {
        match self {
            Self::Accuracy => value,
            Self::Mae | Self::Eer => -value,
        }
    }

    /// As a sentence names it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Accuracy => "accuracy",
            Self::Mae => "MAE",
            Self::Eer => "EER",
        }
    }

    /// The end of its scale that is best.
    pub(crate) fn best_is(self) -> &'static str {
        match self {
            Self::Accuracy => "highest",
            Self::Mae | Self::Eer => "lowest",
        }
    }

    /// A value of a loss as a sentence shows it, without its unit.
    pub(crate) fn number(self, value: f64) -> String {
        match self {
            Self::Mae => format!("{value:.2}"),
            Self::Accuracy | Self::Eer => percent(value),
        }
    }

    /// What follows a number: ` %`, `°`, ` years`.
    pub(crate) fn unit(self, s: &LossSummary) -> String {
        match (self, s.target_unit.as_str()) {
            (Self::Mae, "°") => "°".to_owned(),
            (Self::Mae, unit) => format!(" {unit}"),
            _ => " %".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arcsphere_eval::fixtures::{run, unclassified};
    use arcsphere_eval::results::summarize;

    #[test]
    fn accuracy_where_there_is_one() {
        let mut none = unclassified("a", 1, 0.1);
        assert_eq!(Measure::of(&summarize(&[none.clone(), run("b", 1, 900)])), Some(Measure::Accuracy));
        assert_eq!(Measure::of(&summarize(&[none.clone()])), Some(Measure::Eer));
        none.eer = None;
        assert_eq!(Measure::of(&summarize(&[none])), None);
    }

    #[test]
    fn an_eer_has_an_interval_over_seeds_only() {
        let one = summarize(&[unclassified("a", 1, 0.1)]);
        assert_eq!(Measure::Eer.interval(&one[0]), None);
        let two = summarize(&[unclassified("a", 1, 0.10), unclassified("a", 2, 0.12)]);
        // t(1) = 12.706 times sd/√2 = 0.01: cut at 0 below.
        let (low, high) = Measure::Eer.interval(&two[0]).unwrap();
        assert!(low == 0.0 && (high - (0.11 + 0.127_062)).abs() < 1e-5, "{low} {high}");
    }
}
