//! Equal error rate.

use super::{Better, Column, Compute, Estimate, Measure, Unit, one};

pub(super) const MEASURE: Measure = Measure {
    key: "eer",
    name: "EER",
    summary: "equal error rate of the pairs: where FMR = FNMR",
    unit: Unit::Share,
    better: Better::Lower,
    // What an open set leaves, whose classes have no prototype to be classified by.
    ranks: Some(2),
    columns: &[Column::new("EER").always()],
    compute: Compute::Scores(|s| Ok(one(Estimate::new(s.roc.eer().value).resting_on(s.roc.errors_at_eer())))),
    ..Measure::PLAIN
};
