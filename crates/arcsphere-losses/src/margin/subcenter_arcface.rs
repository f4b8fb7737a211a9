//! Sub-center ArcFace: K prototypes per class, of which the nearest counts.
//!
//! ```text
//! cos θ_j = max_k cos θ_jk,   z_y = s·cos(θ_y + m1)
//! ```
//!
//! The gradient goes to the nearest alone, so that odd images of a class gather at a prototype
//! of their own and leave the others in peace. The K of a class start close to one another. In
//! an evaluation each class is stood for by its dominant prototype, the one that is nearest
//! to most of its training images.

use super::{Angular, Margin, MarginKind, MarginLoss, Margins, Param, Row, Target, Unit};
use crate::range::Range;

const CENTERS: Param = Param::new(
    "centers",
    3.0,
    Range::Whole(1, 64),
    "a class needs a prototype, and more than a few are never the nearest",
    "K, prototypes per class; 1 is ArcFace",
);

pub(super) const INFO: MarginLoss = MarginLoss {
    name: "subcenter_arcface",
    aliases: &["sub_center_arcface", "subcenter"],
    summary: "ArcFace with K prototypes per class, of which the nearest counts",
    formula: "z_y = s·cos(θ_y + m1),  cos θ_j = max_k cos θ_jk",
    source: "Deng et al., Sub-center ArcFace, ECCV 2020, §3",
    params: &[CENTERS],
    kind: MarginKind {
        boundary: "s(cos(min_k θ1k + m1) − cos min_k θ2k) = 0",
        paper: Margins { angle_margin: 0.5, ..Margins::NONE },
        takes: &[Unit::AngleMargin],
        takes_extension: true,
        build: |recipe| Box::new(SubCenter { arc: Angular::of(recipe), centers: recipe.param(&CENTERS) as usize }),
        ..MarginKind::RELATIVE
    },
};

#[derive(Debug)]
struct SubCenter {
    arc: Angular,
    centers: usize,
}

impl Margin for SubCenter {
    fn target(&self, row: &Row, memory: &[f64], strength: f64) -> Target {
        self.arc.target(row, memory, strength)
    }

    fn steepest(&self) -> f64 {
        self.arc.steepest()
    }

    fn centers(&self) -> usize {
        self.centers.max(1)
    }
}
