//! Norms of prototypes.

use crate::isa::{Kernel, Simd};
use crate::vecmath::sum_squares;

/// Embedding norms below this count as this when a gradient is divided by the norm.
///
/// The gradient of x/‖x‖ grows as 1/‖x‖; with the floor a gradient for an embedding
/// never exceeds (scale · |ψ′|) / `NORM_FLOOR`; at the origin itself it is 0 for a free norm.
pub const NORM_FLOOR: f64 = 1e-6;

/// 1/max(‖w‖, floor) of each prototype.
pub(super) struct InverseNorms<'a> {
    pub(super) weights: &'a [f32],
    pub(super) dim: usize,
    pub(super) out: &'a mut [f32],
}

impl Kernel for InverseNorms<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        for (out, w) in self.out.iter_mut().zip(self.weights.chunks_exact(self.dim)) {
            *out = (1.0 / sum_squares(simd, w).sqrt().max(NORM_FLOOR)) as f32;
        }
    }
}
