//! The combined margin: `z_y = s·(cos(m0·θ_y + m1) − m2)`.
//!
//! All three margins at once, each counting whatever the others are;
//! `s(cos(m0θ1 + m1) − m2 − cos θ2) = 0`. The other losses of fixed scale are its edges.

use super::{MarginKind, MarginLoss, Margins, Unit};

pub(super) const INFO: MarginLoss = MarginLoss {
    name: "combined",
    aliases: &["general", "combined_margin"],
    summary: "all three margins at once, fixed scale",
    formula: "z_y = s·(cos(m0·θ_y + m1) − m2),  continued monotonically past m0·θ_y + m1 = π",
    source: "Deng et al., ArcFace, CVPR 2019, eq. 4",
    params: &[],
    kind: MarginKind {
        boundary: "s(cos(m0·θ1 + m1) − m2 − cos θ2) = 0",
        paper: Margins { angle_multiplier: 1.0, angle_margin: 0.3, cosine_margin: 0.2 },
        takes: &[Unit::AngleMultiplier, Unit::AngleMargin, Unit::CosineMargin],
        takes_extension: true,
        ..MarginKind::FAMILY
    },
};
