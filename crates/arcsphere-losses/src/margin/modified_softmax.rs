//! Modified softmax: `z_j = ‖x‖·cos θ_j`, that is softmax with ‖w‖ = 1 and b = 0.
//!
//! Only the angle decides between classes: the boundary is the bisector
//! `‖x‖(cos θ1 − cos θ2) = 0`. The norm still says how sure the network is, and can
//! grow without bound. With a fixed scale this is NormFace.

use super::{MarginKind, MarginLoss, ScaleKind};

pub(super) const INFO: MarginLoss = MarginLoss {
    name: "modified_softmax",
    aliases: &["norm_softmax"],
    summary: "prototypes of length 1, no bias; the embedding keeps its norm",
    formula: "z_y = ‖x‖·cos θ_y",
    source: "Liu et al., SphereFace, CVPR 2017, eq. 4",
    params: &[],
    kind: MarginKind {
        boundary: "‖x‖(cos θ1 − cos θ2) = 0",
        scale: ScaleKind::EmbeddingNorm,
        paper_scale: 1.0,
        ..MarginKind::FAMILY
    },
};
