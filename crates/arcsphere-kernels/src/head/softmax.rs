//! Between the passes: each row's log-sum-exp, loss and pull; after them: the gradient for X.

use super::lane::{self, Lane};
use super::layout::Layout;
use super::rows::Rows;
use super::{Batch, Logits, RowStats};
use crate::isa::{Isa, Kernel, Simd};
use crate::parallel;
use crate::vecmath::dot;

/// What the whole rows' softmax gives to the second pass.
pub(super) struct Softmax {
    /// log Σ_j exp(z_ij).
    pub(super) lse: Vec<f64>,
    /// p_iy − q_iy.
    target_error: Vec<f64>,
    /// ∂(mean loss)/∂θ_iy.
    dtheta: Vec<f64>,
    /// [`dtheta`](Self::dtheta) and target_error / B as the second pass takes them.
    pub(super) dtheta_f32: Vec<f32>,
    pub(super) own_gradient: Vec<f32>,
    /// Σ_{j≠y} (p_ij − q_ij)·cos θ_ij.
    dscale: Vec<f64>,
    /// Label smoothing's share of each other class, ε/C.
    pub(super) other_share: f32,
    /// 1/B.
    pub(super) per_row: f64,
}

impl Softmax {
    pub(super) fn merge(
        batch: &Batch<'_>,
        logits: Logits<'_>,
        rows: &Rows,
        lanes: &[Lane<'_>],
        classes: usize,
        stats: &mut [RowStats],
    ) -> Self {
        let b = batch.labels.len();
        let per_row = 1.0 / b.max(1) as f64;
        let other_share = batch.smoothing / classes as f64;
        let target_share = 1.0 - batch.smoothing + other_share;
        let mut out = Softmax {
            lse: Vec::with_capacity(b),
            target_error: Vec::with_capacity(b),
            dtheta: Vec::with_capacity(b),
            dtheta_f32: Vec::with_capacity(b),
            own_gradient: Vec::with_capacity(b),
            dscale: Vec::with_capacity(b),
            other_share: other_share as f32,
            per_row,
        };
        for (i, stats) in stats.iter_mut().enumerate() {
            let (row, geometry) = (&rows.logits[i], &rows.geometry[i]);
            let plain = match logits {
                Logits::Angular(_) => row.scale * geometry.cos,
                Logits::Linear => rows.target_dot[i] + lane::own_bias(lanes, batch.labels[i] as usize),
            };
            let target = match logits {
                Logits::Angular(_) => row.scale * row.psi,
                Logits::Linear => plain,
            };
            let others_max = lanes.iter().map(|l| l.sums().max[i]).fold(f32::NEG_INFINITY, f32::max);
            let max = target.max(f64::from(others_max));
            let mut sum = (target - max).exp();
            let mut weighted = 0.0;
            for sums in lanes.iter().map(Lane::sums) {
                let factor = (f64::from(sums.max[i]) - max).exp();
                sum += sums.exp[i] * factor;
                weighted += sums.weighted[i] * factor;
            }
            let lse = max + sum.ln();
            let probability = (target - lse).exp();
            let error = probability - target_share;
            let others: f64 = lanes.iter().map(|l| l.sums().logit[i]).sum();
            *stats = RowStats {
                loss: lse - target_share * target - other_share * others + row.penalty,
                target_angle: geometry.sin.atan2(geometry.cos),
                norm: geometry.norm,
                probability,
                correct: plain > f64::from(others_max),
            };
            out.lse.push(lse);
            out.target_error.push(error);
            let dtheta = error * row.scale * row.dpsi_dtheta * per_row;
            out.dtheta.push(dtheta);
            out.dtheta_f32.push(dtheta as f32);
            out.own_gradient.push((error * per_row) as f32);
            // The logits are s·cos, and s = 0 only when no gradient for s is wanted.
            let dz = weighted * (max - lse).exp() - other_share * others;
            out.dscale.push(if row.scale == 0.0 { 0.0 } else { dz / row.scale });
        }
        out
    }

    /// d(mean loss)/dX from the lanes' sums and the rows' own targets.
    pub(super) fn embedding_gradient(
        &self,
        isa: Isa,
        layout: &Layout,
        logits: Logits<'_>,
        rows: &Rows,
        lanes: &[Lane<'_>],
        dx: &mut [f32],
    ) {
        let angular = matches!(logits, Logits::Angular(_));
        let ranges = parallel::split(layout.rows, lanes.len());
        let parts = parallel::cut(dx, &ranges, layout.dim);
        parallel::map(ranges.into_iter().zip(parts).collect(), |(range, dx)| {
            isa.run(EmbeddingGradient { softmax: self, layout, angular, rows, lanes, first: range.start, dx });
        });
    }
}

struct EmbeddingGradient<'a, 'b> {
    softmax: &'a Softmax,
    layout: &'a Layout,
    angular: bool,
    rows: &'a Rows,
    lanes: &'a [Lane<'b>],
    /// The rows of `dx` start here.
    first: usize,
    dx: &'a mut [f32],
}

impl Kernel for EmbeddingGradient<'_, '_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let EmbeddingGradient { softmax, layout, angular, rows, lanes, first, dx } = self;
        let d = layout.dim;
        dx.fill(0.0);
        for (i, dx) in (first..).zip(dx.chunks_exact_mut(d)) {
            for lane in lanes {
                for (q, dx) in dx.chunks_mut(layout.wide).enumerate() {
                    for (to, from) in dx.iter_mut().zip(&lane.dx()[layout.place(q, i)..]) {
                        *to += from;
                    }
                }
            }
            if !angular {
                continue;
            }
            let (row, unit) = (&rows.logits[i], &rows.left[i * d..][..d]);
            let toward = &rows.toward_prototype[i * d..][..d];
            // SAFETY: the caller vouches for the instructions.
            let along = unsafe { dot::<S>(dx, unit) };
            let target_error = softmax.target_error[i];
            let dscale = softmax.dscale[i] + target_error * row.psi;
            let dnorm = softmax.per_row
                * (dscale * row.dscale_dnorm + target_error * row.scale * row.dpsi_dnorm + row.dpenalty_dnorm);
            let (inverse, dtheta) = (1.0 / rows.norms[i], softmax.dtheta[i]);
            for ((dx, &unit), &toward) in dx.iter_mut().zip(unit).zip(toward) {
                let tangent = f64::from(*dx - along * unit) - dtheta * f64::from(toward);
                *dx = (tangent * inverse + dnorm * f64::from(unit)) as f32;
            }
        }
    }
}
