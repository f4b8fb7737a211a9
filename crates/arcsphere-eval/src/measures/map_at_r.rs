//! MAP@R: how early the R others of the query's class come.

use super::recall_at_k::LIMIT;
use super::{Better, Column, Compute, Measure, Unit, one};

pub(super) const MEASURE: Measure = Measure {
    key: "map_at_r",
    name: "MAP@R",
    summary: "mean average precision among the R nearest, R others being of the query's class",
    unit: Unit::Share,
    better: Better::Higher,
    columns: &[Column::new("MAP@R")],
    limit: Some(LIMIT),
    compute: Compute::Retrieval(|r| Ok(one(r.map_at_r))),
    ..Measure::PLAIN
};
