//! The units of margins: a factor of the angle, radians, a part of the cosine.

use super::Margins;
use crate::param::Param;
use crate::range::Range;
use serde::{Deserialize, Serialize};
use std::f64::consts::PI;

/// The unit in which a margin is given.
///
/// ```
/// use arcsphere_losses::margin::Unit;
///
/// let m1 = Unit::AngleMargin;
/// assert_eq!((m1.key(), m1.symbol()), ("angle_margin", "m1"));
/// assert!(m1.param().range.contains(0.5) && !m1.param().range.contains(30.0)); // radians
/// assert_eq!(m1.value(m1.margins(0.5)), 0.5);
/// ```
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

const ANGLE_MULTIPLIER: Param = Param::new(
    "angle_multiplier",
    1.0,
    Range::Closed(1.0, 16.0),
    "below 1 it would ease the own class, and above 16 no class has room",
    "m0, multiplies the angle",
);
const ANGLE_MARGIN: Param = Param::new(
    "angle_margin",
    0.0,
    Range::Closed(0.0, PI),
    "it is in radians, and two directions are at most π apart (a margin in degrees? divide by 57.3)",
    "m1, added to the angle, in radians",
);
const COSINE_MARGIN: Param = Param::new(
    "cosine_margin",
    0.0,
    Range::Closed(0.0, 2.0),
    "two cosines are at most 2 apart",
    "m2, taken from the cosine",
);

impl Unit {
    /// Every unit, in the order m0, m1, m2.
    pub const ALL: [Unit; 3] = [Unit::AngleMultiplier, Unit::AngleMargin, Unit::CosineMargin];

    /// The margin of this unit as a number that may be set: its range, the reason, its default.
    pub const fn param(self) -> &'static Param {
        match self {
            Unit::AngleMultiplier => &ANGLE_MULTIPLIER,
            Unit::AngleMargin => &ANGLE_MARGIN,
            Unit::CosineMargin => &COSINE_MARGIN,
        }
    }

    /// The key under `loss` in a configuration.
    pub const fn key(self) -> &'static str {
        self.param().name
    }

    /// The sign in formulas.
    pub fn symbol(self) -> &'static str {
        self.param().symbol()
    }

    /// Margins of which this one is `value` and the others are none.
    pub fn margins(self, value: f64) -> Margins {
        let mut margins = Margins::NONE;
        *self.value_mut(&mut margins) = value;
        margins
    }

    /// This one of `margins`.
    pub fn value(self, margins: Margins) -> f64 {
        match self {
            Unit::AngleMultiplier => margins.angle_multiplier,
            Unit::AngleMargin => margins.angle_margin,
            Unit::CosineMargin => margins.cosine_margin,
        }
    }

    /// This one of `margins`, to be changed.
    pub fn value_mut(self, margins: &mut Margins) -> &mut f64 {
        match self {
            Unit::AngleMultiplier => &mut margins.angle_multiplier,
            Unit::AngleMargin => &mut margins.angle_margin,
            Unit::CosineMargin => &mut margins.cosine_margin,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_the_configurations_keys() {
        for unit in Unit::ALL {
            assert_eq!(serde_json::to_value(unit).unwrap(), unit.key());
            assert_eq!(unit.value(Margins::NONE), unit.param().default);
        }
    }
}
