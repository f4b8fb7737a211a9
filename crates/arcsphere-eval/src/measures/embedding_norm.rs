//! Length of an embedding.

use super::{Column, Compute, Measure, Tables, spread};
use crate::angles::norms;

pub(super) const MEASURE: Measure = Measure {
    key: "embedding_norm",
    name: "embedding norm",
    summary: "Euclidean norm of a test image's embedding: mean and standard deviation",
    columns: &[Column::new("embedding norm").at("mean").only(Tables::Runs).always().with_spread("sd")],
    compute: Compute::Embeddings(|e| spread(&norms(e.values, e.dim)?)),
    ..Measure::PLAIN
};
