//! SphereFace-R: the multiplied angle with a gradient that does not know of the multiplier.
//!
//! ```text
//! z_y = s·(cos θ_y + [cos min(m0·θ_y, π) − cos θ_y])     [·] carries no gradient
//! ```
//!
//! The value has the margin, the gradient is that of cos θ: characteristic gradient detachment.
//! This is the paper's first version with hard feature normalization; past m0·θ = π it stays at −1.

use super::{Margin, MarginKind, MarginLoss, Margins, Row, Target, Unit};
use rand_chacha::ChaCha8Rng;
use std::f64::consts::PI;

pub(super) const INFO: MarginLoss = MarginLoss {
    name: "sphereface_r",
    aliases: &["sphere_face_r", "sphereface_revived"],
    summary: "multiplicative angular margin, fixed scale, the gradient of the plain cosine",
    formula: "z_y = s·cos min(m0·θ_y, π),  its gradient taken as that of s·cos θ_y",
    source: "Liu et al., SphereFace Revived, TPAMI 2022, version 1 with hard feature normalization",
    params: &[],
    kind: MarginKind {
        boundary: "s(cos min(m0·θ1, π) − cos θ2) = 0",
        paper_scale: 30.0,
        paper: Margins { angle_multiplier: 1.5, ..Margins::NONE },
        takes: &[Unit::AngleMultiplier],
        build: |recipe| Box::new(SphereFaceR { multiplier: recipe.margins.angle_multiplier }),
        ..MarginKind::RELATIVE
    },
};

#[derive(Debug)]
struct SphereFaceR {
    multiplier: f64,
}

impl SphereFaceR {
    /// What is added to the cosine.
    fn detached(&self, row: &Row, strength: f64) -> f64 {
        let multiplier = 1.0 + strength * (self.multiplier - 1.0);
        (multiplier * row.angle()).min(PI).cos() - row.cos
    }
}

impl Margin for SphereFaceR {
    fn target(&self, row: &Row, _memory: &[f64], _strength: f64) -> Target {
        Target { psi: row.cos + row.draw, dpsi_dtheta: -row.sin, ..Target::default() }
    }

    fn steepest(&self) -> f64 {
        1.0
    }

    fn begin(&self, _memory: &mut [f64], rows: &mut [Row], strength: f64, _rng: &mut ChaCha8Rng) {
        rows.iter_mut().for_each(|row| row.draw = self.detached(row, strength));
    }

    fn strongest(&self, row: &mut Row) {
        row.draw = self.detached(row, 1.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::margin::{Recipe, strongest_target};

    #[test]
    fn the_value_has_the_margin_and_the_gradient_has_not() {
        let margin = INFO.build(&Recipe::paper(&INFO, 10, 32));
        for theta in [0.2_f64, 1.0, 2.0, 2.5] {
            let target = strongest_target(&*margin, theta);
            assert!((target.psi - (1.5 * theta).min(PI).cos()).abs() < 1e-12, "{theta}");
            assert!((target.dpsi_dtheta + theta.sin()).abs() < 1e-12, "{theta}");
        }
    }
}
