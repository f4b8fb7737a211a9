//! The target function of the whole family, in one place.
//!
//! ```text
//! φ = m0·θ + m1,  k = ⌊φ/π⌋,  ψ(θ) = (−1)^k·cos φ − 2k − m2,  ψ′(θ) = −m0·(−1)^k·sin φ
//! ```

use super::{Margin, Recipe, Row, Target};
use serde::{Deserialize, Serialize};
use std::f64::consts::PI;

/// The three margins, by unit.
///
/// ```
/// use arcsphere_losses::margin::Margins;
///
/// let all = Margins { angle_multiplier: 3.0, angle_margin: 0.4, cosine_margin: 0.2 };
/// assert_eq!(all.at_strength(0.0), Margins::NONE);
/// assert_eq!(all.at_strength(0.5).angle_multiplier, 2.0);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Margins {
    /// m0, multiplies the angle; ≥ 1.
    pub angle_multiplier: f64,
    /// m1, added to the angle, in radians; in [0, π].
    pub angle_margin: f64,
    /// m2, taken from the cosine; in [0, 2].
    pub cosine_margin: f64,
}

impl Margins {
    /// No margin: ψ(θ) = cos θ.
    pub const NONE: Margins = Margins { angle_multiplier: 1.0, angle_margin: 0.0, cosine_margin: 0.0 };

    /// The margins at a part `t` in [0, 1] of their strength: 1 + t(m0 − 1), t·m1, t·m2.
    pub fn at_strength(&self, t: f64) -> Margins {
        Margins {
            angle_multiplier: 1.0 + t * (self.angle_multiplier - 1.0),
            angle_margin: t * self.angle_margin,
            cosine_margin: t * self.cosine_margin,
        }
    }
}

/// What ψ does where m0·θ + m1 exceeds π and its cosine would rise again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Extension {
    /// Go on falling: (−1)^k·cos φ − 2k − m2. A-Softmax's own ψ for integer m0 (SphereFace, eq. 7).
    #[default]
    Monotone,
    /// cos θ − m1·sin m1 − m2, as the public ArcFace code has it (m0 = 1 only). Jumps at π − m1.
    Fallback,
    /// The margin only where cos θ > 0, else cos θ − m2.
    Easy,
    /// Plain cos φ − m2, which rises past π: a false minimum, for study.
    Raw,
}

/// ψ of the family and its slopes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Psi {
    /// ψ.
    pub(super) value: f64,
    /// ∂ψ/∂θ.
    pub(super) by_theta: f64,
    /// ∂ψ/∂m1.
    pub(super) by_margin: f64,
}

/// ψ for any margins; m1 may be negative here, and is for some rows of AdaFace.
pub(super) fn psi(margins: Margins, extension: Extension, row: &Row) -> Psi {
    let Margins { angle_multiplier: m0, angle_margin: m1, cosine_margin: m2 } = margins;
    let plain = Psi { value: row.cos - m2, by_theta: -row.sin, by_margin: 0.0 };
    let phi = m0 * row.angle() + m1;
    let (value, slope) = match extension {
        Extension::Monotone => {
            let k = (phi / PI).floor();
            let sign = if k.rem_euclid(2.0) == 0.0 { 1.0 } else { -1.0 };
            (sign * phi.cos() - 2.0 * k, -sign * phi.sin())
        }
        Extension::Fallback if phi > PI => {
            return Psi { value: plain.value - m1 * m1.sin(), by_margin: -(m1.sin() + m1 * m1.cos()), ..plain };
        }
        Extension::Easy if row.cos <= 0.0 => return plain,
        _ => (phi.cos(), -phi.sin()),
    };
    Psi { value: value - m2, by_theta: m0 * slope, by_margin: slope }
}

/// The family: ψ depends on the angle alone.
///
/// ```
/// use arcsphere_losses::margin::{Angular, Extension, Margin, Margins, Row};
///
/// // SphereFace's ψ, m0 = 4: it goes on falling past π.
/// let four = Angular { margins: Margins { angle_multiplier: 4.0, ..Margins::NONE }, extension: Extension::Monotone };
/// let psi = |theta| four.target(&Row::at_angle(theta), &[], 1.0).psi;
/// assert!(psi(0.0) == 1.0 && psi(1.0) < psi(0.5) && psi(3.0) < psi(2.0));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Angular {
    /// m0, m1, m2.
    pub margins: Margins,
    /// What happens past π.
    pub extension: Extension,
}

impl Angular {
    /// A recipe's margins.
    pub fn of(recipe: &Recipe) -> Angular {
        Angular { margins: recipe.margins, extension: recipe.extension }
    }
}

impl Margin for Angular {
    fn target(&self, row: &Row, _memory: &[f64], strength: f64) -> Target {
        let psi = psi(self.margins.at_strength(strength), self.extension, row);
        Target { psi: psi.value, dpsi_dtheta: psi.by_theta, ..Target::default() }
    }

    fn steepest(&self) -> f64 {
        self.margins.angle_multiplier
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(angular: Angular, theta: f64) -> Target {
        angular.target(&Row::at_angle(theta), &[], 1.0)
    }

    fn monotone(m0: f64, m1: f64, m2: f64) -> Angular {
        let margins = Margins { angle_multiplier: m0, angle_margin: m1, cosine_margin: m2 };
        Angular { margins, extension: Extension::Monotone }
    }

    #[test]
    fn each_margin_of_a_combination_counts() {
        let base = at(monotone(1.0, 0.3, 0.2), 0.5).psi;
        assert!((base - (0.8_f64.cos() - 0.2)).abs() < 1e-12);
        assert!((at(monotone(1.3, 0.3, 0.2), 0.5).psi - (0.95_f64.cos() - 0.2)).abs() < 1e-12);
        assert!((at(monotone(1.3, 0.0, 0.0), 0.5).psi - 0.65_f64.cos()).abs() < 1e-12);
    }

    #[test]
    fn integer_multiplier_is_the_papers_psi() {
        // SphereFace, eq. 7: (−1)^k·cos(mθ) − 2k for θ in [kπ/m, (k+1)π/m].
        for (theta, k) in [(0.3_f64, 0.0), (1.0, 1.0), (2.0, 2.0), (3.0, 3.0)] {
            let want = (-1.0_f64).powf(k) * (4.0 * theta).cos() - 2.0 * k;
            assert!((at(monotone(4.0, 0.0, 0.0), theta).psi - want).abs() < 1e-12, "θ = {theta}");
        }
    }

    #[test]
    fn fallback_jumps_by_what_the_specification_says_and_monotone_does_not() {
        let arc = Angular { extension: Extension::Fallback, ..monotone(1.0, 0.5, 0.0) };
        let edge = PI - 0.5;
        let jump = |a| (at(a, edge - 1e-9).psi - at(a, edge + 1e-9).psi).abs();
        assert!((jump(arc) - 0.117).abs() < 1e-3, "{}", jump(arc));
        assert!(jump(monotone(1.0, 0.5, 0.0)) < 1e-8);
    }

    #[test]
    fn raw_has_the_false_minimum_that_monotone_lacks() {
        let raw = Angular { extension: Extension::Raw, ..monotone(4.0, 0.0, 0.0) };
        assert!(at(raw, PI / 2.0).psi > 0.999);
        assert!(at(monotone(4.0, 0.0, 0.0), PI / 2.0).psi < -2.9);
    }

    #[test]
    fn easy_leaves_the_far_side_alone() {
        let easy = Angular { extension: Extension::Easy, ..monotone(1.0, 0.5, 0.1) };
        assert!((at(easy, 2.0).psi - (2.0_f64.cos() - 0.1)).abs() < 1e-12);
        assert!((at(easy, 1.0).psi - (1.5_f64.cos() - 0.1)).abs() < 1e-12);
    }

    #[test]
    fn strength_zero_is_the_cosine() {
        let row = Row { cos: 0.6, sin: 0.8, norm: 1.0, draw: 0.0 };
        let target = monotone(4.0, 0.5, 0.3).target(&row, &[], 0.0);
        assert!((target.psi - 0.6).abs() < 1e-12 && (target.dpsi_dtheta + 0.8).abs() < 1e-12);
    }
}
