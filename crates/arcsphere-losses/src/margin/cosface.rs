//! CosFace, AM-Softmax: `z_y = s·(cos θ_y − m2)`.
//!
//! The margin is on the cosine, so its price in degrees depends on where it is paid:
//! `s(cos θ1 − m2 − cos θ2) = 0`.

use super::{MarginKind, MarginLoss, Margins, Unit};

pub(super) const INFO: MarginLoss = MarginLoss {
    name: "cosface",
    aliases: &["am_softmax", "amsoftmax", "lmcl"],
    summary: "additive cosine margin, fixed scale",
    formula: "z_y = s·(cos θ_y − m2)",
    source: "Wang et al., CosFace, CVPR 2018, eq. 4; Wang et al., AM-Softmax, 2018, eq. 6",
    params: &[],
    kind: MarginKind {
        boundary: "s(cos θ1 − m2 − cos θ2) = 0",
        paper: Margins { cosine_margin: 0.35, ..Margins::NONE },
        takes: &[Unit::CosineMargin],
        ..MarginKind::FAMILY
    },
};
