//! ElasticFace: ArcFace or CosFace with a margin drawn anew for each sample.
//!
//! ```text
//! z_y = s·(cos(θ_y + m1) − m2),   m1 ~ N(m1, σ) where m1 > 0,   m2 ~ N(m2, σ) where m2 > 0
//! ```
//!
//! The paper's ElasticFace-Arc has m1 = 0.5, m2 = 0, ElasticFace-Cos m1 = 0, m2 = 0.35, both σ =
//! 0.0125; the default is Arc. Drawn margins are kept in [0, π] and [0, 2].

use super::target::psi;
use super::{Extension, Margin, MarginKind, MarginLoss, Margins, Param, Recipe, Row, Target, Unit};
use crate::random::gaussian;
use crate::range::Range;
use rand_chacha::ChaCha8Rng;
use std::f64::consts::PI;

const DEVIATION: Param = deviation(0.0125);

pub(super) const INFO: MarginLoss = MarginLoss {
    name: "elasticface",
    aliases: &["elastic_face", "elasticface_arc"],
    summary: "angular or cosine margin drawn anew for each sample",
    formula: "z_y = s·(cos(θ_y + m1) − m2),  each margin that is not 0 from N(itself, σ)",
    source: "Boutros et al., ElasticFace, CVPR Workshops 2022, §3",
    params: &[DEVIATION],
    kind: MarginKind {
        boundary: "s(cos(θ1 + m1) − m2 − cos θ2) = 0",
        paper: Margins { angle_margin: 0.5, ..Margins::NONE },
        takes: &[Unit::AngleMargin, Unit::CosineMargin],
        takes_extension: true,
        strongest: STRONGEST,
        build: |recipe| Box::new(Elastic::of(recipe, recipe.param(&DEVIATION))),
        ..MarginKind::RELATIVE
    },
};

/// σ, with a paper's value.
pub(super) const fn deviation(paper: f64) -> Param {
    Param::new(
        "deviation",
        paper,
        Range::Closed(0.0, 0.5),
        "a wider spread draws more nonsense than margins",
        "σ, the margin's standard deviation",
    )
    .without_margin_at(0.0)
}

pub(super) const STRONGEST: &str = "a margin two deviations above the mean, which 2 % of the draws exceed";
const DEVIATIONS: f64 = 2.0;

/// Margins with noise; a row's draw is its ε, from N(0, 1).
#[derive(Debug)]
pub(super) struct Elastic {
    margins: Margins,
    deviation: f64,
    extension: Extension,
}

impl Elastic {
    pub(super) fn of(recipe: &Recipe, deviation: f64) -> Elastic {
        Elastic { margins: recipe.margins, deviation, extension: recipe.extension }
    }
}

impl Margin for Elastic {
    fn target(&self, row: &Row, _memory: &[f64], strength: f64) -> Target {
        let m = self.margins.at_strength(strength);
        let noise = strength * self.deviation * row.draw;
        let drawn = |mean: f64, most: f64| if mean > 0.0 { (mean + noise).clamp(0.0, most) } else { mean };
        let margins = Margins {
            angle_multiplier: m.angle_multiplier,
            angle_margin: drawn(m.angle_margin, PI),
            cosine_margin: drawn(m.cosine_margin, 2.0),
        };
        let psi = psi(margins, self.extension, row);
        Target { psi: psi.value, dpsi_dtheta: psi.by_theta, ..Target::default() }
    }

    fn steepest(&self) -> f64 {
        self.margins.angle_multiplier
    }

    fn begin(&self, _memory: &mut [f64], rows: &mut [Row], _strength: f64, rng: &mut ChaCha8Rng) {
        rows.iter_mut().for_each(|row| row.draw = gaussian(rng));
    }

    fn strongest(&self, row: &mut Row) {
        row.draw = DEVIATIONS;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::margin::strongest_target;
    use crate::random::keyed;

    #[test]
    fn every_sample_and_step_has_its_own_draw() {
        let margin = INFO.build(&Recipe::paper(&INFO, 10, 32));
        let draws = |step| {
            let mut rows = [Row::at_angle(0.3); 3];
            margin.begin(&mut [], &mut rows, 1.0, &mut keyed(b"test----", 7, step));
            rows.map(|r| r.draw)
        };
        let [a, b, c] = draws(0);
        assert!(a != b && b != c && draws(0) == [a, b, c] && draws(1) != [a, b, c]);
    }

    #[test]
    fn noise_goes_to_the_margin_that_there_is() {
        let elastic = |m1, m2| {
            let mut recipe = Recipe::paper(&INFO, 10, 32);
            recipe.margins = Margins { angle_margin: m1, cosine_margin: m2, ..Margins::NONE };
            INFO.build(&recipe)
        };
        let theta = 0.6_f64;
        let arc = strongest_target(&*elastic(0.5, 0.0), theta).psi;
        assert!((arc - (theta + 0.525).cos()).abs() < 1e-12);
        let cos = strongest_target(&*elastic(0.0, 0.35), theta).psi;
        assert!((cos - (theta.cos() - 0.375)).abs() < 1e-12);
        assert!((strongest_target(&*elastic(0.0, 0.0), theta).psi - theta.cos()).abs() < 1e-12);
    }
}
