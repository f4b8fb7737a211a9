//! Cumulative score where the likeliest class's value is told.

use super::cs::scores;
use super::{Compute, Measure};

pub(super) const MEASURE: Measure = Measure {
    key: "cs_argmax",
    name: "CS(k) by argmax",
    summary: "share of the predicted numbers that are at most k off, by the likeliest class",
    compute: Compute::Numbers(|n| scores(n.likeliest, n.actual, n.k)),
    ..super::cs::MEASURE
};
