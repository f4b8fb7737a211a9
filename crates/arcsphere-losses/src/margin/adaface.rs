//! AdaFace: which samples are pushed hardest depends on the norm, as a sign of image quality.
//!
//! ```text
//! z_y = s·(cos(θ_y + m1) − m2),   m1 = −m·n̂,   m2 = m·n̂ + m
//! n̂ = (‖x‖ − μ)/(σ/h) clipped to [−1, 1]
//! μ, σ ← 0.99·(themselves) + 0.01·(mean, deviation of the batch's norms)
//! ```
//!
//! At n̂ = −1 this is ArcFace, at 0 CosFace, at 1 a margin that leans toward hard samples. n̂
//! carries no gradient; μ and σ start at 20 and 100 and norms are clipped to [0.001, 100], as in
//! the authors' code. That code holds θ + m1 within [0, π]; here ψ is continued on both sides
//! and goes on falling in θ: below 0 it is 2 − cos(θ + m1) − m2.

use super::target::psi;
use super::{Extension, Margin, MarginKind, MarginLoss, Margins, Param, Row, Target};
use crate::range::Range;
use rand_chacha::ChaCha8Rng;

const MARGIN: Param = Param::new(
    "margin",
    0.4,
    Range::Closed(0.0, 1.0),
    "m2 reaches 2m, and two cosines are at most 2 apart",
    "m, the cosine margin at the mean norm, and what the norm adds or takes",
)
.without_margin_at(0.0);
const CONCENTRATION: Param = Param::new(
    "concentration",
    0.333,
    Range::Closed(0.0, 10.0),
    "at 0 the norm has no say, and at 10 nearly all are clipped",
    "h, n̂ at one deviation above the mean norm",
);
const MOMENTUM: Param = Param::new(
    "momentum",
    0.99,
    Range::Closed(0.0, 1.0),
    "it is the old value's share",
    "what μ and σ keep of themselves per step",
);

pub(super) const INFO: MarginLoss = MarginLoss {
    name: "adaface",
    aliases: &["ada_face"],
    summary: "margin between ArcFace's and CosFace's and beyond, by the embedding's norm",
    formula: "z_y = s·(cos(θ_y − m·n̂) − m·n̂ − m),  n̂ = clip((‖x‖ − μ)/(σ/h), −1, 1)",
    source: "Kim et al., AdaFace, CVPR 2022, §3.3",
    params: &[MARGIN, CONCENTRATION, MOMENTUM],
    kind: MarginKind {
        boundary: "s(cos(θ1 − m·n̂) − m·n̂ − m − cos θ2) = 0",
        takes_extension: true,
        strongest: "embeddings far longer than the mean, n̂ = 1",
        build: |recipe| {
            Box::new(AdaFace {
                extension: recipe.extension,
                m: recipe.param(&MARGIN),
                h: recipe.param(&CONCENTRATION),
                momentum: recipe.param(&MOMENTUM),
            })
        },
        ..MarginKind::RELATIVE
    },
};

/// μ and σ before the first batch.
const FIRST: [f64; 2] = [20.0, 100.0];
/// Norms count as no shorter and no longer.
const NORMS: [f64; 2] = [0.001, 100.0];
/// Added to σ.
const EPSILON: f64 = 0.001;

#[derive(Debug)]
struct AdaFace {
    extension: Extension,
    m: f64,
    h: f64,
    momentum: f64,
}

impl Margin for AdaFace {
    fn target(&self, row: &Row, _memory: &[f64], strength: f64) -> Target {
        let (m, n) = (strength * self.m, row.draw);
        let margins = Margins { angle_multiplier: 1.0, angle_margin: -m * n, cosine_margin: m * n + m };
        let psi = psi(margins, self.extension, row);
        Target { psi: psi.value, dpsi_dtheta: psi.by_theta, ..Target::default() }
    }

    fn steepest(&self) -> f64 {
        1.0
    }

    /// μ, σ.
    fn memory(&self) -> Vec<f64> {
        FIRST.to_vec()
    }

    fn begin(&self, memory: &mut [f64], rows: &mut [Row], _strength: f64, _rng: &mut ChaCha8Rng) {
        let [mu, sigma] = memory else { return };
        let clipped = |row: &Row| row.norm.clamp(NORMS[0], NORMS[1]);
        let count = rows.len() as f64;
        let keep = |old: f64, new: f64| self.momentum * old + (1.0 - self.momentum) * new;
        if !rows.is_empty() {
            let mean = rows.iter().map(clipped).sum::<f64>() / count;
            *mu = keep(*mu, mean);
            // One norm has no deviation.
            if rows.len() > 1 {
                let squares: f64 = rows.iter().map(|r| (clipped(r) - mean).powi(2)).sum();
                *sigma = keep(*sigma, (squares / (count - 1.0)).sqrt());
            }
        }
        for row in rows {
            row.draw = ((clipped(row) - *mu) / (*sigma + EPSILON) * self.h).clamp(-1.0, 1.0);
        }
    }

    /// ψ falls in n̂ at every angle: its slope is m·(|∂cos(θ + m1)/∂m1| − 1) ≤ 0.
    fn strongest(&self, row: &mut Row) {
        row.draw = if self.h > 0.0 { 1.0 } else { 0.0 };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::margin::Recipe;
    use crate::random::keyed;

    fn adaface(momentum: f64) -> Box<dyn Margin> {
        let mut recipe = Recipe::paper(&INFO, 10, 32);
        recipe.params.insert(MOMENTUM.name, momentum);
        INFO.build(&recipe)
    }

    fn begun(margin: &dyn Margin, norms: &[f64]) -> (Vec<f64>, Vec<f64>) {
        let (mut memory, mut rows) = (margin.memory(), Vec::new());
        rows.extend(norms.iter().map(|&norm| Row { norm, ..Row::at_angle(0.5) }));
        margin.begin(&mut memory, &mut rows, 1.0, &mut keyed(b"test----", 0, 0));
        (memory, rows.iter().map(|r| r.draw).collect())
    }

    #[test]
    fn statistics_and_draws_by_hand() {
        let (memory, draws) = begun(&*adaface(0.0), &[2.0, 4.0, 6.0]);
        assert_eq!(memory, [4.0, 2.0]);
        for (draw, want) in draws.iter().zip([-1.0, 0.0, 1.0]) {
            assert!((draw - want * 2.0 / 2.001 * 0.333).abs() < 1e-12, "{draws:?}");
        }
        let (memory, _) = begun(&*adaface(0.99), &[2.0, 4.0, 6.0]);
        assert!((memory[0] - (19.8 + 0.04)).abs() < 1e-12 && (memory[1] - (99.0 + 0.02)).abs() < 1e-12, "{memory:?}");
        let (memory, draws) = begun(&*adaface(0.0), &[0.0]);
        assert!(memory == [0.001, 100.0] && draws[0].is_finite(), "{memory:?}");
    }

    #[test]
    fn between_arcface_and_cosface() {
        let margin = adaface(0.99);
        let at = |n: f64, theta: f64| margin.target(&Row { draw: n, ..Row::at_angle(theta) }, &[], 1.0).psi;
        assert!((at(-1.0, 0.7) - 1.1_f64.cos()).abs() < 1e-12);
        assert!((at(0.0, 0.7) - (0.7_f64.cos() - 0.4)).abs() < 1e-12);
        assert!((at(1.0, 0.7) - (0.3_f64.cos() - 0.8)).abs() < 1e-12);
        // Below θ = m·n̂ it goes on rising toward the prototype, without a jump.
        assert!((at(1.0, 0.4) - 0.2).abs() < 1e-12 && at(1.0, 0.1) > 0.2);
    }
}
