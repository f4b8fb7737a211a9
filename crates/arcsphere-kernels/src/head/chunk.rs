//! The two passes over blocks of classes, and what lies between them.

use super::rows::Rows;
use super::{Batch, Logits, Moments, NORM_FLOOR, Parameters, RowStats, Update};
use crate::gemm::{Op, sgemm};
use crate::vecmath::exp;
use rayon::prelude::*;

/// A block of classes with the parameters that belong to it.
struct Block<'a> {
    first_class: usize,
    weights: &'a mut [f32],
    bias: &'a mut [f32],
    moments: Moments<'a>,
    bias_moments: Moments<'a>,
}

/// A contiguous range of blocks that one thread walks in order, and its partial sums.
///
/// Sums over classes are made per lane in class order and then over lanes in lane
/// order, so the bits depend on the number of lanes and not on who ran first.
pub(super) struct Lane<'a> {
    blocks: Vec<Block<'a>>,
    angular: bool,
    /// Over the lane's other classes, per row: the largest logit, Σ exp(z − max), Σ z.
    max: Vec<f32>,
    sum: Vec<f64>,
    logit_sum: Vec<f64>,
    /// Σ_j G_ij·w_j, \[B, D\].
    dx: Vec<f32>,
    /// Σ_{j≠y} (p_ij − q_ij)·cos θ_ij, per row.
    dscale: Vec<f64>,
    scratch: Scratch,
}

#[derive(Default)]
struct Scratch {
    /// Logits or their gradients of a block, \[B, chunk\].
    z: Vec<f32>,
    /// 1/‖w‖ of a block; ones for linear logits.
    inverse: Vec<f32>,
    /// Gradient of a block's prototypes, \[chunk, D\].
    dw: Vec<f32>,
    db: Vec<f32>,
}

/// Takes the first `n` numbers off a slice, or nothing of an empty one.
fn split_off<'a>(rest: &mut &'a mut [f32], n: usize) -> &'a mut [f32] {
    let n = n.min(rest.len());
    rest.split_off_mut(..n).unwrap_or_default()
}

impl<'a> Lane<'a> {
    pub(super) fn split(
        batch: &Batch<'_>,
        logits: Logits<'_>,
        parameters: Parameters<'a>,
        classes: usize,
    ) -> Vec<Self> {
        let (d, b) = (batch.dim, batch.labels.len());
        let Parameters { weights: mut w, bias: mut bias_rest, moments, bias_moments } = parameters;
        let (mut m1, mut m2) = (moments.first, moments.second);
        let (mut b1, mut b2) = (bias_moments.first, bias_moments.second);
        let chunk = batch.chunk.max(1);
        let n_blocks = classes.div_ceil(chunk);
        let n_lanes = batch.lanes.clamp(1, n_blocks.max(1));
        let mut lanes = Vec::with_capacity(n_lanes);
        for lane in 0..n_lanes {
            let mut blocks = Vec::new();
            for block in (lane * n_blocks / n_lanes)..((lane + 1) * n_blocks / n_lanes) {
                let first_class = block * chunk;
                let n = chunk.min(classes - first_class);
                blocks.push(Block {
                    first_class,
                    weights: split_off(&mut w, n * d),
                    bias: split_off(&mut bias_rest, n),
                    moments: Moments { first: split_off(&mut m1, n * d), second: split_off(&mut m2, n * d) },
                    bias_moments: Moments { first: split_off(&mut b1, n), second: split_off(&mut b2, n) },
                });
            }
            lanes.push(Lane {
                blocks,
                angular: matches!(logits, Logits::Angular(_)),
                max: vec![f32::NEG_INFINITY; b],
                sum: vec![0.0; b],
                logit_sum: vec![0.0; b],
                dx: vec![0.0; b * d],
                dscale: vec![0.0; b],
                scratch: Scratch::default(),
            });
        }
        lanes
    }

    pub(super) fn pass_one(&mut self, batch: &Batch<'_>, rows: &Rows) {
        let Lane { blocks, angular, max, sum, logit_sum, scratch, .. } = self;
        for block in blocks.iter() {
            let n = scratch.logits(batch, rows, block, *angular);
            for (i, z) in scratch.z.chunks_exact_mut(n).enumerate() {
                if let Some(own) = own_column(batch, block, i, n) {
                    z[own] = f32::NEG_INFINITY;
                }
                let block_max = z.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                if block_max == f32::NEG_INFINITY {
                    continue;
                }
                let block_sum: f32 = z.iter().map(|&z| exp(z - block_max)).sum();
                if batch.smoothing > 0.0 {
                    logit_sum[i] += z.iter().filter(|z| z.is_finite()).map(|&z| f64::from(z)).sum::<f64>();
                }
                let new_max = max[i].max(block_max);
                sum[i] = sum[i] * f64::from(max[i] - new_max).exp()
                    + f64::from(block_sum) * f64::from(block_max - new_max).exp();
                max[i] = new_max;
            }
        }
    }

    pub(super) fn pass_two(&mut self, batch: &Batch<'_>, rows: &Rows, softmax: &Softmax, update: &Update) {
        let d = batch.dim;
        let Lane { blocks, angular, dx, dscale, scratch, .. } = self;
        let smooth = softmax.other_share;
        let per_row = softmax.per_row as f32;
        for block in blocks.iter_mut() {
            let n = scratch.logits(batch, rows, block, *angular);
            for (i, z) in scratch.z.chunks_exact_mut(n).enumerate() {
                let lse = softmax.lse[i] as f32;
                let scale = rows.logits[i].scale as f32;
                let own = own_column(batch, block, i, n);
                if let Some(j) = own {
                    // The own cosine's exponential has no bound when the margin has pushed the
                    // log-sum-exp below it, and its share of the sums is added elsewhere.
                    z[j] = 0.0;
                }
                let mut with_cos = 0.0_f32;
                for (z, &inverse) in z.iter_mut().zip(&scratch.inverse) {
                    let error = exp(*z - lse) - smooth;
                    with_cos += error * *z;
                    *z = error * (scale * per_row) * inverse;
                }
                if let Some(j) = own {
                    z[j] = if *angular { 0.0 } else { softmax.target_error[i] as f32 * per_row };
                }
                // The logits are s·cos, and s = 0 only when no gradient for s is wanted.
                dscale[i] += if scale == 0.0 { 0.0 } else { f64::from(with_cos) / f64::from(scale) };
            }
            sgemm(batch.labels.len(), d, n, &scratch.z, Op::Plain, block.weights, Op::Plain, 1.0, dx);
            scratch.dw.resize(n * d, 0.0);
            sgemm(n, d, batch.labels.len(), &scratch.z, Op::Transposed, &rows.left, Op::Plain, 0.0, &mut scratch.dw);
            if *angular {
                scratch.project(d, block.weights);
                scratch.add_targets(batch, rows, softmax, block, n);
            } else if !block.bias.is_empty() {
                scratch.db.clear();
                scratch.db.resize(n, 0.0);
                for g in scratch.z.chunks_exact(n) {
                    for (db, g) in scratch.db.iter_mut().zip(g) {
                        *db += g;
                    }
                }
                update.apply(block.bias, &scratch.db, &mut block.bias_moments);
            }
            scratch.shorten(d, batch.max_gradient_norm);
            update.apply(block.weights, &scratch.dw, &mut block.moments);
        }
    }
}

/// The column of row `i`'s own class in the block, if it lies there.
fn own_column(batch: &Batch<'_>, block: &Block<'_>, i: usize, n: usize) -> Option<usize> {
    (batch.labels[i] as usize).checked_sub(block.first_class).filter(|&j| j < n)
}

impl Scratch {
    /// Fills `z` with the block's logits \[B, n\] and returns n.
    fn logits(&mut self, batch: &Batch<'_>, rows: &Rows, block: &Block<'_>, angular: bool) -> usize {
        let d = batch.dim;
        let n = block.weights.len() / d;
        let b = batch.labels.len();
        self.inverse.clear();
        if angular {
            self.inverse.extend(block.weights.chunks_exact(d).map(inverse_norm));
        } else {
            self.inverse.resize(n, 1.0);
        }
        self.z.resize(b * n, 0.0);
        sgemm(b, n, d, &rows.left, Op::Plain, block.weights, Op::Transposed, 0.0, &mut self.z);
        for (z, logit) in self.z.chunks_exact_mut(n).zip(&rows.logits) {
            if angular {
                let scale = logit.scale as f32;
                for (z, inverse) in z.iter_mut().zip(&self.inverse) {
                    // Rounding may push a cosine past 1 by an ulp or two.
                    *z = scale * (*z * inverse).clamp(-1.0, 1.0);
                }
            } else if !block.bias.is_empty() {
                for (z, bias) in z.iter_mut().zip(block.bias.iter()) {
                    *z += bias;
                }
            }
        }
        n
    }

    /// dW ← dW − (dW·ŵ)·ŵ: the part along ŵ does not change a normalized prototype.
    fn project(&mut self, d: usize, weights: &[f32]) {
        for ((dw, w), inverse) in self.dw.chunks_exact_mut(d).zip(weights.chunks_exact(d)).zip(&self.inverse) {
            let along = dw.iter().zip(w).map(|(a, b)| a * b).sum::<f32>() * inverse * inverse;
            for (dw, w) in dw.iter_mut().zip(w) {
                *dw -= along * w;
            }
        }
    }

    /// Shortens gradients longer than `limit`, each by itself.
    fn shorten(&mut self, d: usize, limit: f64) {
        if limit.is_infinite() {
            return;
        }
        for dw in self.dw.chunks_exact_mut(d) {
            let norm = dw.iter().map(|&g| f64::from(g) * f64::from(g)).sum::<f64>().sqrt();
            if norm > limit {
                let factor = (limit / norm) as f32;
                dw.iter_mut().for_each(|g| *g *= factor);
            }
        }
    }

    /// Adds each row's pull on its own prototype, which is tangent already.
    fn add_targets(&mut self, batch: &Batch<'_>, rows: &Rows, softmax: &Softmax, block: &Block<'_>, n: usize) {
        let d = batch.dim;
        for i in 0..batch.labels.len() {
            if let Some(j) = own_column(batch, block, i, n) {
                let pull = -softmax.dtheta[i] as f32 * self.inverse[j];
                for (dw, t) in self.dw[j * d..][..d].iter_mut().zip(&rows.toward_embedding[i * d..][..d]) {
                    *dw += pull * t;
                }
            }
        }
    }
}

/// 1/max(‖w‖, floor), summed in f64.
pub(super) fn inverse_norm(w: &[f32]) -> f32 {
    let norm = w.iter().map(|&a| f64::from(a) * f64::from(a)).sum::<f64>().sqrt();
    (1.0 / norm.max(NORM_FLOOR)) as f32
}

/// What the whole rows' softmax gives to the second pass.
pub(super) struct Softmax {
    /// log Σ_j exp(z_ij).
    lse: Vec<f64>,
    /// p_iy − q_iy.
    target_error: Vec<f64>,
    /// ∂(mean loss)/∂θ_iy.
    dtheta: Vec<f64>,
    /// Label smoothing's share of each other class, ε/C.
    other_share: f32,
    /// 1/B.
    per_row: f64,
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
            other_share: other_share as f32,
            per_row,
        };
        for (i, stats) in stats.iter_mut().enumerate() {
            let (row, geometry) = (&rows.logits[i], &rows.geometry[i]);
            let plain = match logits {
                Logits::Angular(_) => row.scale * geometry.cos,
                Logits::Linear => rows.target_dot[i] + own_bias(lanes, batch.labels[i] as usize),
            };
            let target = match logits {
                Logits::Angular(_) => row.scale * row.psi,
                Logits::Linear => plain,
            };
            let others_max = lanes.iter().map(|l| l.max[i]).fold(f32::NEG_INFINITY, f32::max);
            let max = target.max(f64::from(others_max));
            let mut sum = (target - max).exp();
            for lane in lanes {
                sum += lane.sum[i] * (f64::from(lane.max[i]) - max).exp();
            }
            let lse = max + sum.ln();
            let probability = (target - lse).exp();
            let error = probability - target_share;
            let others: f64 = lanes.iter().map(|l| l.logit_sum[i]).sum();
            *stats = RowStats {
                loss: lse - target_share * target - other_share * others + row.penalty,
                target_angle: geometry.sin.atan2(geometry.cos),
                norm: geometry.norm,
                probability,
                correct: plain > f64::from(others_max),
            };
            out.lse.push(lse);
            out.target_error.push(error);
            out.dtheta.push(error * row.scale * row.dpsi_dtheta * per_row);
        }
        out
    }

    /// d(mean loss)/dX from the lanes' sums and the rows' own targets.
    pub(super) fn embedding_gradient(
        &self,
        batch: &Batch<'_>,
        logits: Logits<'_>,
        rows: &Rows,
        lanes: &[Lane<'_>],
        dx: &mut [f32],
    ) {
        let d = batch.dim;
        dx.fill(0.0);
        for lane in lanes {
            for (to, from) in dx.iter_mut().zip(&lane.dx) {
                *to += from;
            }
        }
        if matches!(logits, Logits::Linear) {
            return;
        }
        for (i, dx) in dx.chunks_exact_mut(d).enumerate() {
            let (row, unit) = (&rows.logits[i], &rows.left[i * d..][..d]);
            let toward = &rows.toward_prototype[i * d..][..d];
            let along = dx.iter().zip(unit).map(|(a, b)| a * b).sum::<f32>();
            let others: f64 = lanes.iter().map(|l| l.dscale[i]).sum();
            let dscale = others + self.target_error[i] * row.psi;
            let dnorm = self.per_row
                * (dscale * row.dscale_dnorm + self.target_error[i] * row.scale * row.dpsi_dnorm + row.dpenalty_dnorm);
            let inverse = 1.0 / rows.norms[i];
            for ((dx, &unit), &toward) in dx.iter_mut().zip(unit).zip(toward) {
                let tangent = f64::from(*dx - along * unit) - self.dtheta[i] * f64::from(toward);
                *dx = (tangent * inverse + dnorm * f64::from(unit)) as f32;
            }
        }
    }
}

fn own_bias(lanes: &[Lane<'_>], class: usize) -> f64 {
    for lane in lanes {
        for block in &lane.blocks {
            if let Some(bias) = class.checked_sub(block.first_class).and_then(|j| block.bias.get(j)) {
                return f64::from(*bias);
            }
        }
    }
    0.0
}

/// Runs `work` for every lane, in parallel where there is more than one.
pub(super) fn for_each_lane<'a>(lanes: &mut [Lane<'a>], work: impl Fn(&mut Lane<'a>) + Sync + Send) {
    match lanes {
        [only] => work(only),
        many => many.par_iter_mut().for_each(work),
    }
}
