//! Share of the samples that are classified correctly.

use super::{Better, Column, Compute, Interval, Measure, Unit, one};
use crate::interval::wilson;

pub(super) const MEASURE: Measure = Measure {
    key: "accuracy",
    name: "accuracy",
    summary: "share of the test images classified correctly",
    unit: Unit::Share,
    better: Better::Higher,
    interval: Interval::Wilson,
    ranks: Some(1),
    // To leave a dead network out would make its loss look better by failing.
    lost: Some(0.0),
    columns: &[Column::new("accuracy").always()],
    compute: Compute::Classes(|c| {
        let correct = c.predicted.iter().zip(c.labels).filter(|(p, y)| p == y).count();
        Ok(one(wilson(correct as u64, c.labels.len() as u64)?))
    }),
    ..Measure::PLAIN
};
