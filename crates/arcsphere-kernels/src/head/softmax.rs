//! Between the passes: each row's log-sum-exp, loss and pull.

use super::batch::{Batch, RowStats};
use super::embedding::Pull;
use super::lane::Lane;
use super::rows::Rows;
use super::standing::wins;

/// Below this share of the other classes p − 1 and lse − z_y are taken from their sum, as they cancel: of logits
/// around 64 lse lost 7e-15 to rounding, which at a share of 3e-13 is a fortieth. Here it is 1e-4, a tenth
/// of what a gradient may be off; above, the difference is the form that costs no row of a usual training a bit.
const NEAR_ONE: f64 = 1e-10;

/// What the whole rows' softmax gives to the second pass.
pub(super) struct Softmax {
    /// log Σ_j exp(z_ij).
    pub(super) lse: Vec<f64>,
    /// (p_iy − q_iy)/B: the gradient of the own logit.
    pub(super) own_gradient: Vec<f32>,
    /// What the own logit makes of it, where it is angular.
    pub(super) pull: Pull,
    /// Label smoothing's share of each other class, ε/C.
    pub(super) other_share: f32,
    /// 1/B.
    pub(super) per_row: f64,
}

impl Softmax {
    pub(super) fn merge(
        batch: &Batch<'_>,
        rows: &Rows,
        lanes: &[Lane<'_>],
        classes: usize,
        stats: &mut [RowStats],
    ) -> Self {
        let b = batch.labels.len();
        let angular = rows.form.is_angular();
        let per_row = 1.0 / b.max(1) as f64;
        let other_share = batch.smoothing / classes as f64;
        let target_share = 1.0 - batch.smoothing + other_share;
        let mut out = Softmax {
            lse: Vec::with_capacity(b),
            own_gradient: Vec::with_capacity(b),
            pull: Pull::default(),
            other_share: other_share as f32,
            per_row,
        };
        for (i, stats) in stats.iter_mut().enumerate() {
            let (row, geometry) = (&rows.logits[i], &rows.geometry[i]);
            let target = if angular { row.scale * row.psi } else { rows.target_dot[i] };
            let others_max = lanes.iter().map(|l| l.sums().max[i]).fold(f32::NEG_INFINITY, f32::max);
            let max = target.max(f64::from(others_max));
            let own = (target - max).exp();
            let (mut sum, mut rest, mut weighted) = (own, 0.0, 0.0);
            for sums in lanes.iter().map(Lane::sums) {
                let factor = (f64::from(sums.max[i]) - max).exp();
                sum += sums.exp[i] * factor;
                rest += sums.exp[i] * factor;
                weighted += sums.weighted[i] * factor;
            }
            let lse = max + sum.ln();
            let probability = (target - lse).exp();
            let others: f64 = lanes.iter().map(|l| l.sums().logit[i]).sum();
            let near_one = batch.smoothing == 0.0 && rest < NEAR_ONE * sum;
            let (error, loss) = if near_one {
                (-rest / sum, (rest / own).ln_1p())
            } else {
                (probability - target_share, lse - target_share * target - other_share * others)
            };
            *stats = RowStats {
                loss: loss + row.penalty,
                target_angle: geometry.sin.atan2(geometry.cos),
                norm: geometry.norm,
                probability,
                others: log_sum(lanes, i),
                correct: wins(lanes, i),
            };
            out.lse.push(lse);
            out.own_gradient.push((error * per_row) as f32);
            // Σ_{j≠y} (p_ij − q_ij)·N(cos θ_ij): the other logits are s·N, and s = 0 only when no
            // gradient for s is wanted.
            let dz = weighted * (max - lse).exp() - other_share * others;
            let by_others = if row.scale == 0.0 { 0.0 } else { dz / row.scale };
            let dscale = by_others + error * row.psi;
            let dnorm = per_row * (dscale * row.dscale_dnorm + error * row.scale * row.dpsi_dnorm + row.dpenalty_dnorm);
            out.pull.push(error * row.scale * row.dpsi_dtheta * per_row, dnorm);
        }
        out
    }
}

/// log Σ exp(z) over the other classes of row `i`; −∞ if there are none.
pub(super) fn log_sum(lanes: &[Lane<'_>], i: usize) -> f64 {
    let sums = lanes.iter().map(Lane::sums).filter(|s| s.exp[i] > 0.0);
    let max = sums.clone().map(|s| s.max[i]).fold(f32::NEG_INFINITY, f32::max);
    let sum: f64 = sums.map(|s| s.exp[i] * f64::from(s.max[i] - max).exp()).sum();
    f64::from(max) + sum.ln()
}
