//! Softmax: `z_j = w_j·x + b_j`.
//!
//! Nothing is normalized: a class can win by a long weight, a large bias or a small
//! angle, and the boundary between two classes is the line
//! `(w1 − w2)·x + b1 − b2 = 0`. The head computes it linearly, so ψ is never asked.

use super::{MarginKind, MarginLoss, ScaleKind};

pub(super) const INFO: MarginLoss = MarginLoss {
    name: "softmax",
    aliases: &["cross_entropy"],
    summary: "plain softmax with bias, nothing normalized",
    formula: "z_y = w_y·x + b_y",
    source: "the usual cross-entropy; Liu et al., SphereFace, CVPR 2017, eq. 1",
    params: &[],
    kind: MarginKind {
        boundary: "(w1 − w2)·x + b1 − b2 = 0",
        scale: ScaleKind::Unnormalized,
        paper_scale: 1.0,
        parent: "softmax",
        ..MarginKind::FAMILY
    },
};
