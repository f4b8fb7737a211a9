//! The unit of a margin, and what margins of any unit cost at the boundary.

use crate::losses::fit;
use crate::losses::margin::{LossInfo, Margins};
use serde::{Deserialize, Serialize};

/// The unit in which a loss's one margin is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// m0, a factor of the angle.
    AngleMultiplier,
    /// m1, in radians.
    AngleMargin,
    /// m2, taken from the cosine.
    CosineMargin,
}

impl Unit {
    /// Every unit, in the order m0, m1, m2.
    pub const ALL: [Unit; 3] = [Unit::AngleMultiplier, Unit::AngleMargin, Unit::CosineMargin];

    /// The unit of a loss with exactly one margin; `None` for no margin or several.
    pub fn of(loss: &LossInfo) -> Option<Unit> {
        let takes = |unit: &Unit| match unit {
            Unit::AngleMultiplier => loss.takes.angle_multiplier,
            Unit::AngleMargin => loss.takes.angle_margin,
            Unit::CosineMargin => loss.takes.cosine_margin,
        };
        let mut own = Unit::ALL.into_iter().filter(takes);
        own.next().filter(|_| own.next().is_none())
    }

    /// The configuration's key under `loss`.
    pub fn key(self) -> &'static str {
        match self {
            Unit::AngleMultiplier => "angle_multiplier",
            Unit::AngleMargin => "angle_margin",
            Unit::CosineMargin => "cosine_margin",
        }
    }

    /// The sign in formulas.
    pub fn symbol(self) -> &'static str {
        match self {
            Unit::AngleMultiplier => "m0",
            Unit::AngleMargin => "m1",
            Unit::CosineMargin => "m2",
        }
    }

    /// Margins of which this one is `value` and the others are none.
    pub fn margins(self, value: f64) -> Margins {
        match self {
            Unit::AngleMultiplier => Margins { angle_multiplier: value, ..Margins::NONE },
            Unit::AngleMargin => Margins { angle_margin: value, ..Margins::NONE },
            Unit::CosineMargin => Margins { cosine_margin: value, ..Margins::NONE },
        }
    }

    /// This one of `margins`.
    pub fn value(self, margins: Margins) -> f64 {
        match self {
            Unit::AngleMultiplier => margins.angle_multiplier,
            Unit::AngleMargin => margins.angle_margin,
            Unit::CosineMargin => margins.cosine_margin,
        }
    }
}

/// The angle in radians, in [0, α/2], that margins take at the boundary between two classes
/// whose prototypes are `alpha` apart: α/2 − [`angle_left`](fit::angle_left).
///
/// Without a margin a class reaches to α/2, with one only to θ*, the root of
/// ψ(θ) = cos(α − θ). ArcFace's m1 costs m1/2, a multiplier m0 costs α(m0 − 1)/(2(m0 + 1));
/// what leaves no angle at all costs all of α/2.
pub fn boundary_cost(margins: Margins, alpha: f64) -> f64 {
    let cost = 0.5 * alpha - fit::angle_left(margins, alpha);
    // The root is bracketed to a few units in its last place: no margin must cost exactly 0.
    if cost < 1e-12 { 0.0 } else { cost }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::losses::margin::{LOSSES, find};

    #[test]
    fn a_loss_with_one_margin_has_its_unit() {
        let unit = |name| Unit::of(find(name).unwrap());
        assert_eq!(unit("sphereface"), Some(Unit::AngleMultiplier));
        assert_eq!(unit("arcface"), Some(Unit::AngleMargin));
        assert_eq!(unit("cosface"), Some(Unit::CosineMargin));
        assert_eq!((unit("softmax"), unit("combined")), (None, None));
        for loss in LOSSES {
            let Some(unit) = Unit::of(loss) else { continue };
            assert_eq!(unit.margins(unit.value(loss.paper)), loss.paper, "{}", loss.name);
        }
    }

    #[test]
    fn units_are_the_configurations_keys() {
        for unit in Unit::ALL {
            assert_eq!(serde_json::to_value(unit).unwrap(), unit.key());
        }
    }

    #[test]
    fn costs_agree_with_their_closed_forms() {
        let alpha = 0.628;
        assert_eq!(boundary_cost(Margins::NONE, alpha), 0.0);
        assert!((boundary_cost(Unit::AngleMargin.margins(0.4), alpha) - 0.2).abs() < 1e-9);
        let m0 = 3.0;
        let want = alpha * (m0 - 1.0) / (2.0 * (m0 + 1.0));
        assert!((boundary_cost(Unit::AngleMultiplier.margins(m0), alpha) - want).abs() < 1e-9);
        // CosFace: θ* solves cos θ − m2 = cos(α − θ).
        let left = 0.5 * alpha - boundary_cost(Unit::CosineMargin.margins(0.1), alpha);
        assert!((left.cos() - 0.1 - (alpha - left).cos()).abs() < 1e-9);
    }

    #[test]
    fn what_leaves_nothing_costs_half_the_nearest_angle() {
        assert_eq!(boundary_cost(Unit::AngleMargin.margins(0.7), 0.628), 0.314);
        assert_eq!(boundary_cost(Unit::CosineMargin.margins(0.35), 0.628), 0.314);
    }

    #[test]
    fn more_margin_never_costs_less() {
        for unit in Unit::ALL {
            let costs: Vec<f64> = (0..20)
                .map(|i| boundary_cost(Unit::margins(unit, unit.value(Margins::NONE) + 0.05 * f64::from(i)), 0.6))
                .collect();
            assert!(costs.is_sorted() && costs[19] > costs[0], "{costs:?}");
        }
    }
}
