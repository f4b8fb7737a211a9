//! SphereFace, A-Softmax: `z_y = ‖x‖·ψ(θ_y)`, ψ = cos(m0·θ) made monotone.
//!
//! The own class must win with its angle multiplied: `‖x‖(cos m0θ1 − cos θ2) = 0`.
//! The paper's m0 is 4, with λ-annealing; any real m0 ≥ 1 is meant here.

use super::{MarginKind, MarginLoss, Margins, ScaleKind, Unit};

pub(super) const INFO: MarginLoss = MarginLoss {
    name: "sphereface",
    aliases: &["a_softmax", "asoftmax"],
    summary: "multiplicative angular margin, free embedding norm",
    formula: "z_y = ‖x‖·ψ(θ_y),  ψ(θ) = (−1)^k·cos(m0·θ) − 2k,  k = ⌊m0·θ/π⌋",
    source: "Liu et al., SphereFace, CVPR 2017, eq. 7",
    params: &[],
    kind: MarginKind {
        boundary: "‖x‖(cos m0·θ1 − cos θ2) = 0",
        scale: ScaleKind::EmbeddingNorm,
        paper_scale: 1.0,
        paper: Margins { angle_multiplier: 4.0, ..Margins::NONE },
        takes: &[Unit::AngleMultiplier],
        takes_extension: true,
        ..MarginKind::FAMILY
    },
};
