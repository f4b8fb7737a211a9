//! A binary problem per class and row, all of one bias.
//!
//! No gradient waits for a sum over the classes, so that a single pass makes everything:
//! u_j = r·(g(cos θ_j) + m) + b of the other classes, softplus(u_j) for the loss, σ(u_j)·g′ for
//! the gradient.

use super::batch::RowStats;
use super::embedding::Pull;
use super::lane::Lane;
use super::logits::OneVsAll;
use super::rows::Rows;
use super::softmax::log_sum;
use super::standing::wins;
use super::workspace::{OUT, RowSums};
use crate::isa::{Kernel, Simd};
use crate::vecmath::{exp, log1p, pow};

/// (c + 1)/2 counts as this at least, for its logarithm's sake.
const LEAST: f64 = 1e-30;

/// The own classes' problems, and what turns u into loss and gradient.
pub(super) struct Pairs {
    rule: OneVsAll,
    bias: f64,
    /// 1/B.
    per_row: f64,
    /// u_y = r·(g(cos θ_y) − m) + b of each row.
    own: Vec<f64>,
    /// Towards the own prototypes.
    pub(super) pull: Pull,
}

impl Pairs {
    pub(super) fn new(rule: OneVsAll, bias: f64, rows: &Rows) -> Self {
        let per_row = 1.0 / rows.geometry.len() as f64;
        let mut out = Pairs { rule, bias, per_row, own: Vec::new(), pull: Pull::default() };
        for geometry in &rows.geometry {
            let h = (0.5 * geometry.cos + 0.5).max(LEAST);
            let slope = rule.power * h.powf(rule.power - 1.0);
            let u = rule.scale * (2.0 * h.powf(rule.power) - 1.0 - rule.margin) + bias;
            out.own.push(u);
            out.pull.push(rule.weight * sigmoid(-u) * slope * geometry.sin * per_row, 0.0);
        }
        out
    }

    /// A block's kernel.
    pub(super) fn others<'a>(
        &self,
        z: &'a mut [f32],
        g: &'a mut [f32],
        inverse: &'a [f32],
        sums: &'a mut RowSums,
    ) -> Others<'a> {
        Others { z, g, inverse, sums, rule: self.rule, bias: self.bias, per_row: self.per_row }
    }

    /// What was seen of each row, once all lanes are through; returns ∂(mean loss)/∂b.
    pub(super) fn finish(&self, rows: &Rows, lanes: &[Lane<'_>], stats: &mut [RowStats]) -> f64 {
        let (own_share, other_share) = (self.rule.weight / self.rule.scale, (1.0 - self.rule.weight) / self.rule.scale);
        let mut dbias = 0.0;
        for (i, (stats, &u)) in stats.iter_mut().zip(&self.own).enumerate() {
            let over = |field: fn(&RowSums) -> &[f64]| lanes.iter().map(|l| field(l.sums())[i]).sum::<f64>();
            let geometry = &rows.geometry[i];
            *stats = RowStats {
                loss: own_share * softplus(-u) + other_share * over(|s| &s.softplus),
                target_angle: geometry.sin.atan2(geometry.cos),
                norm: geometry.norm,
                probability: sigmoid(u),
                others: log_sum(lanes, i),
                correct: wins(lanes, i),
            };
            dbias += self.per_row * (other_share * over(|s| &s.sigmoid) - own_share * sigmoid(-u));
        }
        dbias
    }
}

/// log(1 + e^u).
fn softplus(u: f64) -> f64 {
    u.max(0.0) + (-u.abs()).exp().ln_1p()
}

/// 1/(1 + e^−u).
fn sigmoid(u: f64) -> f64 {
    let e = (-u.abs()).exp();
    (if u < 0.0 { e } else { 1.0 }) / (1.0 + e)
}

/// A block of \[prototypes, rows\]: cosines to gradients, and to the rows' sums.
pub(super) struct Others<'a> {
    /// Cosines, [`OUT`] where there is no problem; overwritten.
    z: &'a mut [f32],
    /// Gᵀ: gradients by w·x̂.
    g: &'a mut [f32],
    /// 1/‖w‖ of each prototype.
    inverse: &'a [f32],
    sums: &'a mut RowSums,
    rule: OneVsAll,
    bias: f64,
    per_row: f64,
}

impl Kernel for Others<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let Others { z, g, inverse, sums, rule, bias, per_row } = self;
        let rows = sums.max.len();
        let mut shift = vec![OUT; rows];
        let (power, scale) = (rule.power as f32, rule.scale as f32);
        // r·(2·h^t − 1 + m) + b = 2·r·h^t + rest
        let rest = (rule.scale * (rule.margin - 1.0) + bias) as f32;
        for (z, g) in z.chunks_exact_mut(rows).zip(g.chunks_exact_mut(rows)) {
            for (plain, &c) in sums.plain.iter_mut().zip(&*z) {
                *plain = if c > *plain { c } else { *plain };
            }
            for ((z, g), max) in z.iter_mut().zip(g).zip(&mut shift) {
                let out = *z < -1.0;
                let h = (0.5 * *z + 0.5).max(LEAST as f32);
                let below = pow(h, power - 1.0);
                let u = 2.0 * scale * (h * below) + rest;
                *g = if out { 0.0 } else { power * below };
                *z = if out { OUT } else { u };
                *max = if *z > *max { *z } else { *max };
            }
        }
        shift.iter_mut().enumerate().for_each(|(i, shift)| *shift = sums.raise(i, *shift));
        let RowSums { exp: exps, softplus, sigmoid, .. } = sums;
        let share = ((1.0 - rule.weight) * per_row) as f32;
        for ((z, g), inverse) in z.chunks_exact(rows).zip(g.chunks_exact_mut(rows)).zip(inverse) {
            for ((sum, u), shift) in exps.iter_mut().zip(z).zip(&shift) {
                *sum += f64::from(exp(u - shift));
            }
            let factor = share * inverse;
            for ((u, g), (softplus, sigmoid)) in z.iter().zip(g).zip(softplus.iter_mut().zip(&mut *sigmoid)) {
                let e = exp(-u.abs());
                let sigma = if *u < 0.0 { e } else { 1.0 } / (1.0 + e);
                *softplus += f64::from(u.max(0.0) + log1p(e));
                *sigmoid += f64::from(sigma);
                *g *= sigma * factor;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn far_from_zero_softplus_and_sigmoid_are_straight() {
        for u in [40.0, 800.0, 1e300] {
            assert_eq!((softplus(u), sigmoid(u)), (u, 1.0));
            assert_eq!((softplus(-u), sigmoid(-u)), ((-u).exp(), (-u).exp()));
        }
        assert!((softplus(0.0) - 2.0_f64.ln()).abs() < 1e-15 && sigmoid(0.0) == 0.5);
    }
}
