//! MAP@R: how early the R others of the query's class come.

use super::recall_at_k::LIMIT;
use super::{Better, Column, Compute, Estimate, Measure, Unit, one};

pub(super) const MEASURE: Measure = Measure {
    key: "map_at_r",
    name: "MAP@R",
    summary: "mean average precision among the R nearest, R others being of the query's class",
    unit: Unit::Share,
    better: Better::Higher,
    columns: &[Column::new("MAP@R")],
    limit: Some(LIMIT),
    compute: Compute::Retrieval(|r| {
        // Of a query that finds half of its class early, half an error is left.
        let lost = ((1.0 - r.map_at_r) * r.queries as f64 + 1e-9) as u64;
        Ok(one(Estimate::new(r.map_at_r).resting_on(lost)))
    }),
    ..Measure::PLAIN
};
