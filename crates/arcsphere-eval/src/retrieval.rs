//! Retrieval: is what lies next to an embedding of its class?
//!
//! | number | what it asks | order |
//! | --- | --- | --- |
//! | Recall@K | is one of the K nearest of the query's class? | by cosine |
//! | MAP@R | how early do the R others of its class come? | by cosine |
//! | NMI | do k-means clusters follow the classes? | none |
//!
//! The first two as Musgrave, Belongie and Lim define them ("A Metric Learning Reality
//! Check", ECCV 2020, §3.2 and appendix A), who show what NMI misses; it is here to be
//! compared with older papers.

use crate::error::{Result, rows};
use crate::near;

mod kmeans;
mod neighbors;
mod nmi;

pub use kmeans::{Clusters, RESTARTS, kmeans};
pub use neighbors::{Recall, Retrieval, retrieve};
pub use nmi::nmi;

/// The largest squared distance, of rows at length 1, that rounding in an `f32` network may leave between
/// embeddings that are the same: an angle of 10⁻⁶.
const ROUNDING: f64 = 1e-12;

/// Whether all rows of `embeddings` `[N, dim]` point in one direction, up to rounding.
pub(crate) fn is_one_direction(embeddings: &[f32], dim: usize) -> Result<bool> {
    let rows = unit_rows(embeddings, dim)?;
    let first = rows.get(..dim).unwrap_or(&[]);
    Ok(rows.chunks_exact(dim).all(|row| near::squared(row, first) <= ROUNDING))
}

/// The rows of `embeddings` `[N, dim]` at length 1, in `f64`; a row of zeros has no
/// direction and stays.
fn unit_rows(embeddings: &[f32], dim: usize) -> Result<Vec<f64>> {
    rows("the embeddings", embeddings, dim)?;
    let mut out: Vec<f64> = embeddings.iter().map(|v| f64::from(*v)).collect();
    for row in out.chunks_exact_mut(dim) {
        let norm = row.iter().map(|v| v * v).sum::<f64>().sqrt();
        if norm > 0.0 {
            row.iter_mut().for_each(|v| *v /= norm);
        }
    }
    Ok(out)
}
