//! The samples of a k-means, in `f64` and, for the bounds, in `f32` from their mean: distances do
//! not depend on the origin, and what `f32` loses grows with the distance from it.

use crate::near::{above, relative_error};

pub(super) struct Points {
    /// `[N, dim]`, at length 1.
    pub(super) exact: Vec<f64>,
    pub(super) dim: usize,
    /// The same less their mean.
    pub(super) near: Vec<f32>,
    /// ‖x‖² of these.
    pub(super) square: Vec<f32>,
    /// ‖x‖ of these, rounded up.
    pub(super) length: Vec<f32>,
    mean: Vec<f64>,
}

impl Points {
    pub(super) fn new(exact: Vec<f64>, dim: usize) -> Self {
        let n = exact.len() / dim;
        let mut mean = vec![0.0; dim];
        for row in exact.chunks_exact(dim) {
            mean.iter_mut().zip(row).for_each(|(m, v)| *m += v / n as f64);
        }
        let mut points = Self { exact, dim, near: Vec::new(), square: Vec::new(), length: Vec::new(), mean };
        (points.near, points.square, points.length) = points.less_mean(&points.exact);
        points
    }

    pub(super) fn len(&self) -> usize {
        self.square.len()
    }

    pub(super) fn row(&self, i: usize) -> &[f64] {
        &self.exact[i * self.dim..][..self.dim]
    }

    /// Rows less the samples' mean, their squared lengths and their lengths.
    pub(super) fn less_mean(&self, rows: &[f64]) -> (Vec<f32>, Vec<f32>, Vec<f32>) {
        let mut near = Vec::with_capacity(rows.len());
        let (mut squares, mut lengths) = (Vec::new(), Vec::new());
        for row in rows.chunks_exact(self.dim) {
            let mut square = 0.0;
            for (v, m) in row.iter().zip(&self.mean) {
                near.push((v - m) as f32);
                square += (v - m) * (v - m);
            }
            squares.push(square as f32);
            lengths.push(above(square.sqrt() * (1.0 + 1e-9)));
        }
        (near, squares, lengths)
    }

    /// By how much ‖x‖² + ‖c‖² − 2·x·c, computed in `f32`, may be off for vectors of lengths whose
    /// sum is `lengths`: 2·‖x‖·‖c‖ ≤ ½·(‖x‖ + ‖c‖)², and 16 units for the three other roundings and what `f64`
    /// loses.
    pub(super) fn error(&self, lengths: f32) -> f32 {
        let product = 0.5 * relative_error(self.dim) + 16.0 / f64::from(1 << 24);
        above(product * f64::from(lengths) * f64::from(lengths) + 1e-30)
    }

    /// Squared distances that differ by more than this are in the same order when they are computed in
    /// `f64` as `‖c‖² − 2·x·c`, where no vector is longer than 1.
    pub(super) fn tie(&self) -> f32 {
        ((self.dim + 8) as f64 * 32.0 * f64::EPSILON) as f32
    }
}
