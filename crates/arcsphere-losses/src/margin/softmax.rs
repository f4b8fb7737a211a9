//! Softmax: `z_j = w_j·x + b_j`.
//!
//! Nothing is normalized: a class can win by a long weight, a large bias or a small
//! angle, and the boundary between two classes is the line
//! `(w1 − w2)·x + b1 − b2 = 0`. The head computes it linearly, so ψ is never asked.

use super::{LossInfo, ScaleKind};

pub(super) const INFO: LossInfo = LossInfo {
    name: "softmax",
    aliases: &["cross_entropy"],
    summary: "plain softmax with bias, nothing normalized",
    formula: "z_y = w_y·x + b_y",
    boundary: "(w1 − w2)·x + b1 − b2 = 0",
    source: "the usual cross-entropy; Liu et al., SphereFace, CVPR 2017, eq. 1",
    scale: ScaleKind::Unnormalized,
    paper_scale: 1.0,
    parent: "softmax",
    ..LossInfo::FAMILY
};
