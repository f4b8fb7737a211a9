//! MagFace: the longer the embedding, the larger its margin, and embeddings are drawn out.
//!
//! ```text
//! z_y = s·cos(θ_y + m1(a)),   a = ‖x‖ clipped to [l_a, u_a]
//! m1(a) = l_m + (u_m − l_m)·(a − l_a)/(u_a − l_a)
//! loss_i += λ_g·g(a),         g(a) = a/u_a² + 1/a
//! ```
//!
//! The gradient goes through a, so a sample pays for its length with a margin and is paid by g,
//! which falls until a = u_a. The paper supposes that norms stay in [l_a, u_a]; where they do
//! not, neither term has a gradient for the norm, as in the authors' code.

use super::target::{Psi, psi};
use super::{Extension, Margin, MarginKind, MarginLoss, Margins, Param, Recipe, Row, Target};
use crate::range::Range;
use std::f64::consts::PI;

const ANGLE: &str = "two directions are at most π apart";
const LENGTH: &str = "it is a length, and 1/a must stay finite";

const LOWER_MARGIN: Param =
    Param::new("lower_margin", 0.45, Range::Closed(0.0, PI), ANGLE, "l_m, m1 of the shortest, in radians")
        .without_margin_at(0.0);
const UPPER_MARGIN: Param =
    Param::new("upper_margin", 0.8, Range::Closed(0.0, PI), ANGLE, "u_m, m1 of the longest, in radians")
        .without_margin_at(0.0);
const LOWER_NORM: Param =
    Param::new("lower_norm", 10.0, Range::Closed(0.01, 10_000.0), LENGTH, "l_a, a norm that counts as the shortest");
const UPPER_NORM: Param =
    Param::new("upper_norm", 110.0, Range::Closed(0.01, 10_000.0), LENGTH, "u_a, a norm that counts as the longest")
        .above("lower_norm");
const NORM_WEIGHT: Param = Param::new(
    "norm_weight",
    35.0,
    Range::Closed(0.0, 1e6),
    "a negative weight would draw embeddings to the origin",
    "λ_g, the weight of g",
);

pub(super) const INFO: MarginLoss = MarginLoss {
    name: "magface",
    aliases: &["mag_face"],
    summary: "angular margin that grows with the embedding's norm, and a term that draws norms out",
    formula: "z_y = s·cos(θ_y + m1(‖x‖)),  m1 from l_m at l_a to u_m at u_a;  + λ_g·(‖x‖/u_a² + 1/‖x‖)",
    source: "Meng et al., MagFace, CVPR 2021, §3",
    params: &[LOWER_MARGIN, UPPER_MARGIN, LOWER_NORM, UPPER_NORM, NORM_WEIGHT],
    kind: MarginKind {
        boundary: "s(cos(θ1 + m1(‖x‖)) − cos θ2) = 0",
        takes_extension: true,
        strongest: "the longest embeddings, ‖x‖ ≥ u_a",
        build: |recipe| Box::new(MagFace::of(recipe)),
        ..MarginKind::RELATIVE
    },
};

#[derive(Debug)]
struct MagFace {
    extension: Extension,
    margins: [f64; 2],
    norms: [f64; 2],
    weight: f64,
}

impl MagFace {
    fn of(recipe: &Recipe) -> MagFace {
        MagFace {
            extension: recipe.extension,
            margins: [recipe.param(&LOWER_MARGIN), recipe.param(&UPPER_MARGIN)],
            norms: [recipe.param(&LOWER_NORM), recipe.param(&UPPER_NORM)],
            weight: recipe.param(&NORM_WEIGHT),
        }
    }
}

impl Margin for MagFace {
    fn target(&self, row: &Row, _memory: &[f64], strength: f64) -> Target {
        let ([low, high], [shortest, longest]) = (self.margins, self.norms);
        let a = row.norm.clamp(shortest, longest);
        let rise = (high - low) / (longest - shortest);
        let angle_margin = strength * (low + rise * (a - shortest));
        let Psi { value, by_theta, by_margin } = psi(Margins { angle_margin, ..Margins::NONE }, self.extension, row);
        let moves = if a == row.norm { strength } else { 0.0 };
        Target {
            psi: value,
            dpsi_dtheta: by_theta,
            dpsi_dnorm: moves * by_margin * rise,
            penalty: strength * self.weight * (a / (longest * longest) + 1.0 / a),
            dpenalty_dnorm: moves * self.weight * (1.0 / (longest * longest) - 1.0 / (a * a)),
        }
    }

    fn steepest(&self) -> f64 {
        1.0
    }

    fn strongest(&self, row: &mut Row) {
        row.norm = if self.margins[1] >= self.margins[0] { self.norms[1] } else { self.norms[0] };
    }
}
