//! F-Norm SphereFace: `z_y = s·ψ(θ_y)`, SphereFace with the embedding normalized too.
//!
//! The boundary `s(cos m0θ1 − cos θ2) = 0` is SphereFace's; what changes is that no
//! sample can buy itself a smaller loss with a longer embedding.

use super::{MarginKind, MarginLoss, Margins, Unit};

pub(super) const INFO: MarginLoss = MarginLoss {
    name: "fnorm_sphereface",
    aliases: &["f_norm_sphereface", "sphereface_fnorm"],
    summary: "multiplicative angular margin, fixed scale",
    formula: "z_y = s·ψ(θ_y),  ψ(θ) = (−1)^k·cos(m0·θ) − 2k,  k = ⌊m0·θ/π⌋",
    source: "Liu et al., SphereFace, CVPR 2017, eq. 7, with the feature normalization of Wang et al., NormFace, 2017",
    params: &[],
    kind: MarginKind {
        boundary: "s(cos m0·θ1 − cos θ2) = 0",
        paper: Margins { angle_multiplier: 4.0, ..Margins::NONE },
        takes: &[Unit::AngleMultiplier],
        takes_extension: true,
        ..MarginKind::FAMILY
    },
};
