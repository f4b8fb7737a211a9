//! Recall@K: whether one of the K nearest is of the query's class.

use super::{Better, Column, Compute, Estimate, Limit, Measure, Unit};
use crate::error::EvalError;
use crate::retrieval::Recall;

pub(super) const MEASURE: Measure = Measure {
    key: "recall_at_k",
    name: "Recall@K",
    summary: "share of the queries with one of their class among the K nearest, for K = 1, 2, 4, 8",
    unit: Unit::Share,
    better: Better::Higher,
    columns: &[Column::new("Recall@{}").at("1")],
    limit: Some(LIMIT),
    compute: Compute::Retrieval(|r| {
        let of = |recall: &Recall| {
            if recall.k as u64 >= r.others {
                return Err(EvalError::LooksAtAll { k: recall.k, others: r.others });
            }
            let share = recall.share;
            let missed = ((1.0 - share.value) * share.n as f64).round() as u64;
            Ok(Estimate::new(share.value).resting_on(missed))
        };
        Ok(r.recall.iter().map(|recall| (recall.k.to_string(), of(recall))).collect())
    }),
    ..Measure::PLAIN
};

/// Every sample against every other: some minutes on two cores.
pub(super) const LIMIT: Limit = Limit { work: |n, _, dim| n * n * dim, most: 1e13, formula: "images² × dimensions" };
