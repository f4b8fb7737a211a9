//! Recall@K: whether one of the K nearest is of the query's class.

use super::{Better, Column, Compute, Estimate, Limit, Measure, Unit};

pub(super) const MEASURE: Measure = Measure {
    key: "recall_at_k",
    name: "Recall@K",
    summary: "share of the queries with one of their class among the K nearest, for K = 1, 2, 4, 8",
    unit: Unit::Share,
    better: Better::Higher,
    columns: &[Column::new("Recall@{}").at("1")],
    limit: Some(LIMIT),
    compute: Compute::Retrieval(|r| {
        Ok(r.recall.iter().map(|r| (r.k.to_string(), Estimate::new(r.share.value))).collect())
    }),
    ..Measure::PLAIN
};

/// Every sample against every other: some minutes on two cores.
pub(super) const LIMIT: Limit = Limit { work: |n, _, dim| n * n * dim, most: 1e13, formula: "images² × dimensions" };
