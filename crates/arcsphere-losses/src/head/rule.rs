//! A loss at a moment of the training, as the kernel asks for it.

use crate::margin::{Margin, Negatives, OneVsAll, Row, ScaleKind};
use crate::margin_schedule::MarginState;
use crate::random::keyed;
use arcsphere_kernels::head::{MarginRule, RowGeometry, RowLogit};

/// The purpose of a loss's random numbers.
pub(super) const DRAWS: &[u8; 8] = b"margins ";

/// The loss, the moment, and what it remembers.
pub(super) struct Rule<'a> {
    pub(super) margin: &'a dyn Margin,
    pub(super) scale_kind: ScaleKind,
    /// s, where it is fixed.
    pub(super) scale: f64,
    pub(super) seed: u64,
    pub(super) state: MarginState,
    pub(super) memory: &'a mut [f64],
}

impl MarginRule for Rule<'_> {
    fn answer(&mut self, geometry: &[RowGeometry], out: &mut [RowLogit]) -> Negatives {
        let (margin, strength) = (self.margin, self.state.strength);
        let mut rows: Vec<Row> =
            geometry.iter().map(|g| Row { cos: g.cos, sin: g.sin, norm: g.norm, draw: 0.0 }).collect();
        margin.begin(self.memory, &mut rows, strength, &mut keyed(DRAWS, self.seed, self.state.step));
        let scale = margin.scale(self.memory).unwrap_or(self.scale);
        for (row, out) in rows.iter().zip(out) {
            *out = self.logit(row, scale);
        }
        margin.negatives(self.memory, strength)
    }
}

impl Rule<'_> {
    fn logit(&self, row: &Row, fixed: f64) -> RowLogit {
        let target = self.margin.target(row, self.memory, self.state.strength);
        let (scale, dscale_dnorm) = match self.scale_kind {
            ScaleKind::Fixed => {
                let share = self.state.scale_share;
                ((1.0 - share) * row.norm + share * fixed, 1.0 - share)
            }
            _ => (row.norm, 1.0),
        };
        // λ-annealing: (λ·cos θ + ψ)/(1 + λ); at λ = 0 this is ψ itself.
        let lambda = self.state.lambda;
        let blend = |plain: f64, margin: f64| (lambda * plain + margin) / (1.0 + lambda);
        RowLogit {
            scale,
            dscale_dnorm,
            psi: blend(row.cos, target.psi),
            dpsi_dtheta: blend(-row.sin, target.dpsi_dtheta),
            dpsi_dnorm: target.dpsi_dnorm / (1.0 + lambda),
            penalty: target.penalty,
            dpenalty_dnorm: target.dpenalty_dnorm,
        }
    }
}

/// b at which one-against-all's loss is least if all cosines are 0.
///
/// With a = r·(g(0) − m) for the own class, o = r·(g(0) + m) for the others and
/// z = λ/((1 − λ)(C − 1)): e^b = 2z·e^{−o} / (1 − z + √((1 − z)² + 4z·e^{a − o})). Wen et al.,
/// SphereFace2, ICLR 2022, §3.
pub(super) fn first_bias(problems: &OneVsAll, classes: usize) -> f64 {
    let OneVsAll { weight, scale, margin, power } = *problems;
    let at_zero = 2.0 * 0.5_f64.powf(power) - 1.0;
    let (own, other) = (scale * (at_zero - margin), scale * (at_zero + margin));
    let z = weight / ((1.0 - weight) * (classes.max(2) as f64 - 1.0));
    let root = ((1.0 - z).powi(2) + 4.0 * z * (own - other).exp()).sqrt();
    // Where z > 1 and the exponential is small, 1 − z + root cancels; its conjugate does not.
    let sum = if z > 1.0 { 4.0 * z * (own - other).exp() / (root - (1.0 - z)) } else { 1.0 - z + root };
    let b = (2.0 * z).ln() - other - sum.ln();
    if b.is_finite() { b } else { -0.5 * (own + other) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The slope of λ·softplus(−(a + b)) + (1 − λ)(C − 1)·softplus(o + b) is 0 at the first b.
    #[test]
    fn the_first_bias_makes_the_loss_least() {
        for (classes, scale, margin, power) in
            [(2, 8.0, 0.0, 1.0), (10, 16.0, 0.4, 3.0), (1000, 40.0, 0.4, 3.0), (2, 40.0, 0.4, 3.0)]
        {
            let problems = OneVsAll { weight: 0.7, scale, margin, power };
            let b = first_bias(&problems, classes);
            let g = 2.0 * 0.5_f64.powf(power) - 1.0;
            let logistic = |u: f64| 1.0 / (1.0 + (-u).exp());
            let own = 0.7 * logistic(-(scale * (g - margin) + b));
            let others = 0.3 * (classes - 1) as f64 * logistic(scale * (g + margin) + b);
            assert!((own - others).abs() < 1e-9 * own.max(1e-3), "C = {classes}: b = {b}, {own} {others}");
        }
    }
}
