//! From exponentials to gradients of the logits, and from prototypes' gradients to their update.

use super::norms::Rescaled;
use super::update::{Moments, Update};
use crate::isa::{Kernel, Simd};
use crate::vecmath::{dot, exp, sum_squares};

/// Gᵀ of a block: g = (p − q)·s/B·1/‖w‖·N′ with p = e·exp(shift − lse).
pub(super) struct Gradient<'a> {
    /// Exponentials and their gradients, \[prototypes, rows\].
    pub(super) e: &'a [f32],
    pub(super) g: &'a mut [f32],
    pub(super) shift: &'a [f32],
    /// Log-sum-exp of each row.
    pub(super) lse: &'a [f64],
    pub(super) scale: &'a [f32],
    pub(super) per_row: f32,
    /// q of the other classes.
    pub(super) other_share: f32,
    /// 1/‖w‖ of each prototype; empty for 1.
    pub(super) inverse: &'a [f32],
    /// N′, the logit's derivative by the cosine over the scale, as long as `e`; empty for 1.
    pub(super) slope: &'a [f32],
    /// (prototype within the block, row) of the rows whose own is here.
    pub(super) own: &'a [(u32, u32)],
    /// Gradient of the rows' own logits; empty where it goes another way.
    pub(super) own_gradient: &'a [f32],
}

impl Kernel for Gradient<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let rows = self.scale.len();
        let mut factors = vec![0.0_f32; 2 * rows];
        let (factor, offset) = factors.split_at_mut(rows);
        for (i, &lse) in self.lse.iter().enumerate() {
            factor[i] = (f64::from(self.shift[i]) - lse) as f32;
        }
        for ((factor, offset), scale) in factor.iter_mut().zip(&mut *offset).zip(self.scale) {
            *factor = exp(*factor) * (scale * self.per_row);
            *offset = self.other_share * (scale * self.per_row);
        }
        for (j, (e, g)) in self.e.chunks_exact(rows).zip(self.g.chunks_exact_mut(rows)).enumerate() {
            let inverse = self.inverse.get(j).copied().unwrap_or(1.0);
            for (((g, e), factor), offset) in g.iter_mut().zip(e).zip(&*factor).zip(&*offset) {
                *g = (e * factor - offset) * inverse;
            }
        }
        for (g, slope) in self.g.iter_mut().zip(self.slope) {
            *g *= slope;
        }
        for &(own, row) in self.own {
            // By its own rule, not by the exponential: that has no bound when the margin has
            // pushed the log-sum-exp below the plain logit.
            self.g[own as usize * rows + row as usize] = self.own_gradient.get(row as usize).copied().unwrap_or(0.0);
        }
    }
}

/// Projects the gradients of a few prototypes, adds the pull of their own rows, and moves them.
pub(super) struct Descend<'a> {
    /// Gradients, \[prototypes, `dw_step`\].
    pub(super) dw: &'a mut [f32],
    pub(super) dw_step: usize,
    pub(super) dim: usize,
    /// Prototypes, \[prototypes, D\].
    pub(super) weights: &'a mut [f32],
    pub(super) moments: Moments<'a>,
    /// 1/‖w‖; empty for linear logits, which are not projected.
    pub(super) inverse: &'a [f32],
    /// Those among them whose gradient is that for a copy; the first of the few is number `first`.
    pub(super) rescaled: &'a [Rescaled],
    pub(super) first: usize,
    /// (prototype of these few, row), sorted.
    pub(super) own: &'a [(u32, u32)],
    /// ∂loss/∂θ of each row.
    pub(super) dtheta: &'a [f32],
    /// Unit tangents at the prototype towards the embedding, \[B, D\].
    pub(super) toward_embedding: &'a [f32],
    /// A further gradient, \[prototypes, D\]; empty for none.
    pub(super) extra: &'a [f32],
    pub(super) limit: f64,
    pub(super) update: &'a Update,
}

impl Kernel for Descend<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(mut self, simd: S) {
        let d = self.dim;
        let (mut own, mut rescaled) = (self.own, self.rescaled);
        for (j, (dw, w)) in self.dw.chunks_exact_mut(self.dw_step).zip(self.weights.chunks_exact_mut(d)).enumerate() {
            let dw = &mut dw[..d];
            let extra = self.extra.get(j * d..(j + 1) * d).unwrap_or_default();
            let copied = rescaled.first().filter(|one| one.index == self.first + j);
            rescaled = &rescaled[usize::from(copied.is_some())..];
            if copied.is_none() {
                dw.iter_mut().zip(extra).for_each(|(dw, extra)| *dw += extra);
            }
            let mut along = 0.0;
            if let Some(&inverse) = self.inverse.get(j) {
                while let Some((&(_, row), later)) = own.split_first().filter(|(o, _)| o.0 as usize == j) {
                    own = later;
                    let pull = -self.dtheta[row as usize] * inverse;
                    for (dw, t) in dw.iter_mut().zip(&self.toward_embedding[row as usize * d..][..d]) {
                        *dw += pull * t;
                    }
                }
                // The part along ŵ does not change a normalized prototype.
                match copied {
                    Some(copied) => copied.gradient(dw, extra, w),
                    None => along = dot(simd, dw, w) * inverse * inverse,
                }
            }
            if self.limit < f64::INFINITY {
                for (dw, w) in dw.iter_mut().zip(&*w) {
                    *dw -= along * w;
                }
                along = 0.0;
                let norm = sum_squares(simd, dw).sqrt();
                if norm > self.limit {
                    let factor = (self.limit / norm) as f32;
                    dw.iter_mut().for_each(|g| *g *= factor);
                }
            }
            self.update.apply_tangent(w, dw, along, &mut self.moments.part(j * d..(j + 1) * d));
        }
    }
}
