//! CurricularFace: ArcFace in which classes that beat the target count less at first, more later.
//!
//! ```text
//! z_y = s·cos(θ_y + m1),   z_j = s·cos θ_j·(t + cos θ_j)  where cos θ_j > ψ(θ_y),  else s·cos θ_j
//! t ← μ·t + (1 − μ)·mean_i cos θ_iy,   t = 0 at first,  μ = 0.99
//! ```
//!
//! t follows the batches' mean target cosine, the current one included, and carries no
//! gradient. While t + cos θ_j < 1 a class that beats the target is held down: the curriculum.

use super::{Angular, Margin, MarginKind, MarginLoss, Margins, Negatives, Parabola, Param, Row, Target, Unit};
use crate::range::Range;
use rand_chacha::ChaCha8Rng;

const MOMENTUM: Param = Param::new(
    "momentum",
    0.99,
    Range::Closed(0.0, 1.0),
    "it is the old value's share",
    "μ, what t keeps of itself per step",
);

pub(super) const INFO: MarginLoss = MarginLoss {
    name: "curricularface",
    aliases: &["curricular_face"],
    summary: "ArcFace in which classes that beat the target count less at first, more later",
    formula: "z_y = s·cos(θ_y + m1),  z_j = s·cos θ_j·(t + cos θ_j) where cos θ_j > ψ(θ_y);  t follows mean cos θ_y",
    source: "Huang et al., CurricularFace, CVPR 2020, §3.2",
    params: &[MOMENTUM],
    kind: MarginKind {
        boundary: "s(cos(θ1 + m1) − cos θ2) = 0",
        paper: Margins { angle_margin: 0.5, ..Margins::NONE },
        takes: &[Unit::AngleMargin],
        takes_extension: true,
        build: |recipe| Box::new(CurricularFace { arc: Angular::of(recipe), momentum: recipe.param(&MOMENTUM) }),
        ..MarginKind::RELATIVE
    },
};

#[derive(Debug)]
struct CurricularFace {
    arc: Angular,
    momentum: f64,
}

impl Margin for CurricularFace {
    fn target(&self, row: &Row, memory: &[f64], strength: f64) -> Target {
        self.arc.target(row, memory, strength)
    }

    fn steepest(&self) -> f64 {
        self.arc.steepest()
    }

    /// t.
    fn memory(&self) -> Vec<f64> {
        vec![0.0]
    }

    fn begin(&self, memory: &mut [f64], rows: &mut [Row], _strength: f64, _rng: &mut ChaCha8Rng) {
        let [t] = memory else { return };
        if !rows.is_empty() {
            let mean = rows.iter().map(|r| r.cos).sum::<f64>() / rows.len() as f64;
            *t = self.momentum * *t + (1.0 - self.momentum) * mean;
        }
    }

    /// (1 − strength)·c + strength·c·(t + c) is one parabola.
    fn negatives(&self, memory: &[f64], strength: f64) -> Negatives {
        let t = memory.first().copied().unwrap_or(0.0);
        let lift = 1.0 - strength + strength * t;
        Negatives::Parabola(Parabola { slant: strength, lift, ..Parabola::IDENTITY })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::margin::Recipe;
    use crate::random::keyed;

    #[test]
    fn t_follows_the_mean_target_cosine() {
        let mut recipe = Recipe::paper(&INFO, 10, 2);
        recipe.params.insert(MOMENTUM.name, 0.9);
        let margin = INFO.build(&recipe);
        let mut memory = margin.memory();
        let mut rows = [1.0, 0.4].map(|cos| Row { cos, sin: 0.0, norm: 1.0, draw: 0.0 });
        margin.begin(&mut memory, &mut rows, 1.0, &mut keyed(b"test----", 0, 0));
        assert!((memory[0] - 0.07).abs() < 1e-12);
        margin.begin(&mut memory, &mut rows, 1.0, &mut keyed(b"test----", 0, 1));
        assert!((memory[0] - (0.9 * 0.07 + 0.07)).abs() < 1e-12);
        let negatives = margin.negatives(&memory, 0.5);
        let (easy, hard) = (negatives.value(0.3, 0.4), negatives.value(0.3, 0.2));
        assert_eq!(easy, 0.3);
        assert!((hard - 0.5 * (0.3 + 0.3 * (memory[0] + 0.3))).abs() < 1e-15, "{hard}");
    }
}
