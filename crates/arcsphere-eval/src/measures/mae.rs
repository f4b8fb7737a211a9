//! Mean absolute error of a predicted number.

use super::{Better, Column, Compute, Interval, Measure, Unit, one};
use crate::regression::regression;

pub(super) const MEASURE: Measure = Measure {
    key: "mae",
    name: "MAE",
    summary: "mean absolute error of a predicted number, by the expectation over the classes",
    unit: Unit::Target,
    better: Better::Lower,
    interval: Interval::Samples,
    // What an ordered target asks for, before anything else.
    ranks: Some(0),
    columns: &[Column::new("MAE")],
    compute: Compute::Numbers(|n| Ok(one(regression(n.expected, n.actual, &[])?.mae))),
    ..Measure::PLAIN
};
