//! Cumulative score: share of the predicted numbers that are at most k off.

use super::{Better, Compute, Interval, Measure, Unit, Values, at, cs_key};
use crate::error::Result;
use crate::regression::regression;

pub(super) const MEASURE: Measure = Measure {
    key: "cs",
    name: "CS(k)",
    summary: "share of the predicted numbers that are at most k off, by the expectation over the classes",
    unit: Unit::Share,
    better: Better::Higher,
    interval: Interval::Wilson,
    compute: Compute::Numbers(|n| scores(n.expected, n.actual, n.k)),
    ..Measure::PLAIN
};

pub(super) fn scores(predicted: &[f64], actual: &[f64], k: &[f64]) -> Result<Values> {
    let found = regression(predicted, actual, k)?;
    Ok(found.cs.iter().map(|score| at(&cs_key(score.k), score.share)).collect())
}
