//! MV-Softmax, MV-Arc-Softmax: ArcFace in which classes that beat the target count more.
//!
//! ```text
//! z_y = s·cos(θ_y + m1),   z_j = s·(t·cos θ_j + t − 1)  where cos θ_j > ψ(θ_y),  else s·cos θ_j
//! ```
//!
//! This is the paper's arc form with its adaptive weight; the fixed one has 2t − 1 + cos θ_j.
//! Here t ≥ 1 is the factor, as in the authors' code; the paper's own t is one less. The border is
//! ArcFace's: there the other class is not yet above the target.

use super::{Angular, Margin, MarginKind, MarginLoss, Margins, Negatives, Parabola, Param, Row, Target, Unit};
use crate::range::Range;

const T: Param = Param::new(
    "t",
    1.2,
    Range::Closed(1.0, 4.0),
    "1 is ArcFace, and below it the classes that beat the target would count less",
    "t, the factor of classes that beat the target",
);

pub(super) const INFO: MarginLoss = MarginLoss {
    name: "mv_softmax",
    aliases: &["mv_arc_softmax"],
    summary: "ArcFace in which classes that beat the target count more",
    formula: "z_y = s·cos(θ_y + m1),  z_j = s·(t·cos θ_j + t − 1) where cos θ_j > ψ(θ_y)",
    source: "Wang et al., Mis-classified Vector Guided Softmax Loss, AAAI 2020, §3, MV-Arc-Softmax with the adaptive weight",
    params: &[T],
    kind: MarginKind {
        boundary: "s(cos(θ1 + m1) − cos θ2) = 0",
        paper_scale: 32.0,
        paper: Margins { angle_margin: 0.5, ..Margins::NONE },
        takes: &[Unit::AngleMargin],
        takes_extension: true,
        build: |recipe| Box::new(MvSoftmax { arc: Angular::of(recipe), t: recipe.param(&T) }),
        ..MarginKind::RELATIVE
    },
};

#[derive(Debug)]
struct MvSoftmax {
    arc: Angular,
    t: f64,
}

impl Margin for MvSoftmax {
    fn target(&self, row: &Row, memory: &[f64], strength: f64) -> Target {
        self.arc.target(row, memory, strength)
    }

    fn steepest(&self) -> f64 {
        self.arc.steepest()
    }

    /// (1 − strength)·c + strength·(t·c + t − 1) is the same form with another t.
    fn negatives(&self, _memory: &[f64], strength: f64) -> Negatives {
        let t = 1.0 + strength * (self.t - 1.0);
        Negatives::Parabola(Parabola { lift: t, offset: t - 1.0, ..Parabola::IDENTITY })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::margin::Recipe;

    #[test]
    fn classes_that_beat_the_target_count_more() {
        let margin = INFO.build(&Recipe::paper(&INFO, 10, 32));
        for (c, psi, want) in [(0.5, 0.4, 0.8), (0.5, 0.6, 0.5), (-0.5, -0.6, -0.4)] {
            assert!((margin.negatives(&[], 1.0).value(c, psi) - want).abs() < 1e-12, "{c} against {psi}");
        }
    }
}
