//! Mean absolute error where the likeliest class's value is told.

use super::{Compute, Measure, one};
use crate::regression::regression;

pub(super) const MEASURE: Measure = Measure {
    key: "mae_argmax",
    name: "MAE by argmax",
    summary: "mean absolute error of a predicted number, by the likeliest class",
    ranks: None,
    columns: &[],
    compute: Compute::Numbers(|n| Ok(one(regression(n.likeliest, n.actual, &[])?.mae))),
    ..super::mae::MEASURE
};
