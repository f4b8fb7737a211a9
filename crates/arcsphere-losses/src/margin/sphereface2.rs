//! SphereFace2: not one choice among C classes but C binary problems, each class against the rest.
//!
//! ```text
//! loss_i = λ/r·log(1 + exp(−(r·(g(cos θ_y) − m) + b)))
//!        + (1 − λ)/r·Σ_{j≠y} log(1 + exp(r·(g(cos θ_j) + m) + b)),    g(z) = 2((z + 1)/2)^t − 1
//! ```
//!
//! The scalar b is learned; it starts where the loss is least if all cosines are 0. This is the
//! paper's C form, with the margin on g. A class's problem is not weighed against another's, so
//! there is no probability that sums to 1 and no label smoothing.
//!
//! The soft start: until a fixed scale comes in, the loss is its parent, modified softmax; from
//! then on it is this one at scale r, with m and t − 1 growing from 0 by the strength.

use super::{Margin, MarginKind, MarginLoss, Objective, OneVsAll, Param, Recipe, Row, Target};
use crate::range::Range;

const POSITIVE_WEIGHT: Param = Param::new(
    "positive_weight",
    0.7,
    Range::Inside(0.0, 1.0),
    "the others have 1 − λ, and both must count",
    "λ, the weight of the own class",
);
const MARGIN: Param =
    Param::new("margin", 0.4, Range::Closed(0.0, 1.0), "g is in [−1, 1], and both sides give up m", "m, taken from g")
        .without_margin_at(0.0);
const POWER: Param = Param::new(
    "power",
    3.0,
    Range::Closed(1.0, 10.0),
    "1 is the cosine itself, and below it g would flatten where samples should be told apart",
    "t, how much of g lies near the prototype",
);

pub(super) const INFO: MarginLoss = MarginLoss {
    name: "sphereface2",
    aliases: &["sphere_face2"],
    summary: "binary problems, each class against the rest, with a margin on both sides",
    formula: "λ/r·softplus(−r(g(cos θ_y) − m) − b) + (1 − λ)/r·Σ_j softplus(r(g(cos θ_j) + m) + b)",
    source: "Wen et al., SphereFace2, ICLR 2022, §3, the C form",
    params: &[POSITIVE_WEIGHT, MARGIN, POWER],
    kind: MarginKind {
        boundary: "r(g(cos θ1) − m) + b = 0 and r(g(cos θ2) + m) + b = 0",
        objective: Objective::OneVsAll,
        paper_scale: 40.0,
        build: |recipe| Box::new(SphereFace2::of(recipe)),
        ..MarginKind::RELATIVE
    },
};

#[derive(Debug)]
struct SphereFace2 {
    weight: f64,
    margin: f64,
    power: f64,
}

impl SphereFace2 {
    fn of(recipe: &Recipe) -> SphereFace2 {
        SphereFace2 {
            weight: recipe.param(&POSITIVE_WEIGHT),
            margin: recipe.param(&MARGIN),
            power: recipe.param(&POWER),
        }
    }

    /// m and t at a strength.
    fn at_strength(&self, strength: f64) -> (f64, f64) {
        (strength * self.margin, 1.0 + strength * (self.power - 1.0))
    }
}

impl Margin for SphereFace2 {
    /// ψ = g(cos θ) − m: what the own class's problem sees in place of the cosine.
    fn target(&self, row: &Row, _memory: &[f64], strength: f64) -> Target {
        let (margin, power) = self.at_strength(strength);
        let half = 0.5 * (row.cos + 1.0);
        let slope = power * half.powf(power - 1.0);
        Target { psi: 2.0 * half.powf(power) - 1.0 - margin, dpsi_dtheta: -slope * row.sin, ..Target::default() }
    }

    fn steepest(&self) -> f64 {
        self.power
    }

    fn one_vs_all(&self, scale: f64, strength: f64) -> Option<OneVsAll> {
        let (margin, power) = self.at_strength(strength);
        Some(OneVsAll { weight: self.weight, scale, margin, power })
    }

    /// g(c) + m = ψ: the other class's problem pays the margin as well.
    fn rival(&self, psi: f64) -> f64 {
        let half = 0.5 * (psi - self.margin + 1.0);
        if half >= 0.0 { 2.0 * half.powf(1.0 / self.power) - 1.0 } else { -2.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sides_pay_the_margin() {
        let margin = INFO.build(&Recipe::paper(&INFO, 10, 32));
        let g = |c: f64| 2.0 * (0.5 * (c + 1.0)).powi(3) - 1.0;
        let psi = margin.target(&Row::at_angle(0.3), &[], 1.0).psi;
        assert!((g(margin.rival(psi)) - (g(0.3_f64.cos()) - 0.8)).abs() < 1e-12);
    }
}
