//! ArcFace: `z_y = s·cos(θ_y + m1)`, made monotone past π.
//!
//! The margin is an arc of the sphere, the same everywhere:
//! `s(cos(θ1 + m1) − cos θ2) = 0` is a straight line in the (θ1, θ2) plane.

use super::{MarginKind, MarginLoss, Margins, Unit};

pub(super) const INFO: MarginLoss = MarginLoss {
    name: "arcface",
    aliases: &["additive_angular_margin", "aam_softmax"],
    summary: "additive angular margin, fixed scale",
    formula: "z_y = s·cos(θ_y + m1),  continued monotonically past θ_y + m1 = π",
    source: "Deng et al., ArcFace, CVPR 2019, eq. 3",
    params: &[],
    kind: MarginKind {
        boundary: "s(cos(θ1 + m1) − cos θ2) = 0",
        paper: Margins { angle_margin: 0.5, ..Margins::NONE },
        takes: &[Unit::AngleMargin],
        takes_extension: true,
        ..MarginKind::FAMILY
    },
};
