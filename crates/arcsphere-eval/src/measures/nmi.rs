//! NMI of k-means clusters with the classes.
//!
//! It is not corrected for chance: with a few samples a class, clusters of noise score far above 0 (ten classes of
//! two, some 60 %). Of classes of one sample it says nothing, and of embeddings in one direction it is 0.

use std::collections::BTreeSet;

use super::{Better, Column, Compute, Limit, Measure, Unit, one};
use crate::error::EvalError;
use crate::retrieval::{RESTARTS, is_one_direction, kmeans, nmi};

pub(super) const MEASURE: Measure = Measure {
    key: "nmi",
    name: "NMI",
    summary: "normalized mutual information of k-means clusters with the classes",
    unit: Unit::Share,
    better: Better::Higher,
    columns: &[Column::new("NMI")],
    limit: Some(LIMIT),
    compute: Compute::Embeddings(|e| {
        let classes = e.labels.iter().collect::<BTreeSet<_>>().len();
        if classes > 1 && classes == e.labels.len() {
            return Err(EvalError::OneEach { classes });
        }
        if classes < 2 {
            // Clusters say nothing of one class.
            return Err(EvalError::TooFew { what: "the list of classes", got: classes, needed: 2 });
        }
        if is_one_direction(e.values, e.dim)? {
            // What tells nothing apart makes one cluster, which says nothing of the classes.
            return Ok(one(0.0));
        }
        let clusters = kmeans(e.values, e.dim, classes, RESTARTS, e.seed, e.progress)?;
        Ok(one(nmi(&clusters.assignment, e.labels)?))
    }),
    ..Measure::PLAIN
};

/// Every sample against a vector a class, some hundred times: some minutes on two cores.
const LIMIT: Limit =
    Limit { work: |n, classes, dim| n * classes * dim, most: 3e11, formula: "images × classes × dimensions" };
