//! Circle loss, class level: every cosine is weighted by how far it is from its optimum.
//!
//! ```text
//! z_y = s·α_y·(cos θ_y − (1 − m)),   α_y = [1 + m − cos θ_y]₊
//! z_j = s·α_j·(cos θ_j − m),         α_j = [cos θ_j + m]₊
//! ```
//!
//! The α carry no gradient. z_y = z_j is the circle (1 − cos θ_y)² + cos²θ_j = 2m², which gives
//! the loss its name. A smaller m asks for more; at m = 1 nothing is asked of a sample on its
//! own side. Close to its prototype a sample's pull is s·m, so s = 256 with m = 0.25 is the
//! usual 64: the scale taken here is the usual one over m.

use super::{Margin, MarginKind, MarginLoss, Negatives, Parabola, Param, Row, Target, Threshold};
use crate::range::Range;
use rand_chacha::ChaCha8Rng;

const RELAXATION: Param = Param::new(
    "relaxation",
    0.25,
    Range::Closed(0.01, 1.0),
    "the cosines aimed at are 1 + m and −m, and at 0 nothing pulls on a sample near its prototype",
    "m, the circle's radius over √2; smaller asks for more",
)
.without_margin_at(1.0);

pub(super) const INFO: MarginLoss = MarginLoss {
    name: "circle",
    aliases: &["circle_loss"],
    summary: "every cosine is weighted by its distance from the optimum; the boundary is a circle",
    formula: "z_y = s·[1 + m − cos θ_y]₊·(cos θ_y − 1 + m),  z_j = s·[cos θ_j + m]₊·(cos θ_j − m)",
    source: "Sun et al., Circle Loss, CVPR 2020, §3",
    params: &[RELAXATION],
    kind: MarginKind {
        boundary: "(1 − cos θ1)² + cos²θ2 = 2m²",
        own_scale: Some(|recipe, usual| usual / recipe.param(&RELAXATION)),
        build: |recipe| Box::new(Circle { m: recipe.param(&RELAXATION) }),
        ..MarginKind::RELATIVE
    },
};

#[derive(Debug)]
struct Circle {
    m: f64,
}

impl Circle {
    /// α_y.
    fn weight(&self, cos: f64) -> f64 {
        (1.0 + self.m - cos).max(0.0)
    }
}

impl Margin for Circle {
    /// (1 − t)·cos θ + t·α·(cos θ − (1 − m)) with α as it was drawn.
    fn target(&self, row: &Row, _memory: &[f64], strength: f64) -> Target {
        let psi = (1.0 - strength) * row.cos + strength * row.draw * (row.cos - (1.0 - self.m));
        let slope = (1.0 - strength) + strength * row.draw;
        Target { psi, dpsi_dtheta: -slope * row.sin, ..Target::default() }
    }

    fn steepest(&self) -> f64 {
        self.weight(-1.0)
    }

    fn begin(&self, _memory: &mut [f64], rows: &mut [Row], _strength: f64, _rng: &mut ChaCha8Rng) {
        rows.iter_mut().for_each(|row| row.draw = self.weight(row.cos));
    }

    /// (1 − t)·c + t·α·(c − m), where α is not 0 above −m.
    fn negatives(&self, _memory: &[f64], strength: f64) -> Negatives {
        Negatives::Parabola(Parabola {
            above: Threshold::Cosine(-self.m),
            keep: 1.0 - strength,
            gain: strength,
            slant: 1.0,
            lift: self.m,
            zero: self.m,
            held: true,
            below: 1.0 - strength,
            ..Parabola::IDENTITY
        })
    }

    fn strongest(&self, row: &mut Row) {
        row.draw = self.weight(row.cos);
    }

    /// α_j·(c − m) = c² − m² for c ≥ −m, which is lowest at 0.
    fn rival(&self, psi: f64) -> f64 {
        let squared = psi + self.m * self.m;
        if squared >= 0.0 { squared.sqrt() } else { -2.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::margin::{Recipe, strongest_target};

    #[test]
    fn the_border_is_the_papers_circle() {
        let recipe = Recipe::paper(&INFO, 100, 64);
        let margin = INFO.build(&recipe);
        for theta in [0.0_f64, 0.2, 0.5, 0.7] {
            let other = margin.rival(strongest_target(&*margin, theta).psi);
            let off = (1.0 - theta.cos()).powi(2) + other * other - 2.0 * 0.25 * 0.25;
            assert!(off.abs() < 1e-12, "{theta}: {other}");
        }
        // Outside the circle no class is far enough away.
        assert_eq!(margin.rival(strongest_target(&*margin, 1.2).psi), -2.0);
    }

    #[test]
    fn other_classes_are_weighted_by_their_distance_from_the_optimum() {
        let margin = INFO.build(&Recipe::paper(&INFO, 100, 64));
        for (c, want) in [(0.5, 0.75 * 0.25), (0.0, -0.0625), (-0.25, 0.0), (-0.6, 0.0)] {
            assert_eq!(margin.negatives(&[], 1.0).value(c, 0.9), want, "{c}");
            assert!((margin.negatives(&[], 0.4).value(c, 0.9) - (0.4 * want + 0.6 * c)).abs() < 1e-15, "{c}");
        }
    }

    #[test]
    fn the_papers_scale_is_256() {
        assert_eq!(Recipe::paper(&INFO, 100, 64).scale, 256.0);
    }
}
