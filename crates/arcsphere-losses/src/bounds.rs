//! What the numbers of a head and of its schedule may be, each range written once for all who check it.

use crate::margin::{self, Unit};
use crate::param::Param;
use crate::range::{OutOfRange, Range};
use crate::regularizer::{POWER, WEIGHT};
use std::fmt;

/// The range of a setting, written once for all who check it.
///
/// ```
/// use arcsphere_losses::bounds::SMOOTHING;
///
/// assert!(SMOOTHING.check(0.1).is_ok());
/// let error = SMOOTHING.check(-3.0).unwrap_err().to_string();
/// assert!(error.starts_with("smoothing = -3 is out of range: it must be in [0, 1), because"), "{error}");
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bounds {
    /// The setting's name.
    pub key: &'static str,
    /// What is allowed, …
    pub range: Range,
    /// … why no more is, …
    pub why: &'static str,
    /// … and what to do instead.
    pub way_out: &'static str,
}

impl Bounds {
    const fn new(key: &'static str, range: Range, why: &'static str, way_out: &'static str) -> Bounds {
        Bounds { key, range, why, way_out }
    }

    /// Those of a parameter.
    const fn of(param: &Param, way_out: &'static str) -> Bounds {
        Bounds::new(param.name, param.range, param.why, way_out)
    }

    /// Refuses a value outside.
    ///
    /// # Errors
    ///
    /// [`OutOfRange`] with key, range, reason and way out. NaN and infinities are in no range.
    pub fn check(&self, value: f64) -> Result<(), OutOfRange> {
        if self.range.contains(value) { Ok(()) } else { Err(self.refuse(value, self.range)) }
    }

    /// The refusal of a value for another reason than the range itself: `range` says what is allowed instead.
    pub(crate) fn refuse(&self, value: f64, range: impl fmt::Display) -> OutOfRange {
        OutOfRange { key: self.key, value, range: range.to_string(), why: self.why, way_out: self.way_out }
    }
}

const SHARE: &str = "it is a part of the training";

/// C.
pub const CLASSES: Bounds =
    Bounds::new("classes", Range::AtLeast(2.0), "a margin is between two classes", "give the number of classes");
/// D.
pub const DIM: Bounds = Bounds::new(
    "dim",
    Range::Whole(2, 65_536),
    "on a line there are no angles but 0 and π",
    "give the length of an embedding",
);
/// s.
pub const SCALE: Bounds = Bounds::of(&margin::SCALE, "leave it out for what the classes need");
/// ε of label smoothing.
pub const SMOOTHING: Bounds = Bounds::of(&margin::SMOOTHING, "leave it out for 0");

/// A margin of a unit.
pub fn margin(unit: Unit) -> Bounds {
    Bounds::of(unit.param(), "leave it out for what the classes have room for")
}

/// λ_M of the prototypes' energy.
pub const ENERGY_WEIGHT: Bounds = Bounds::new("energy_weight", WEIGHT.range, WEIGHT.why, "leave it out for none");
/// a of the prototypes' energy.
pub const ENERGY_POWER: Bounds = Bounds::new("energy_power", POWER.range, POWER.why, "leave it out for 1");
/// Parallel lanes over the classes.
pub const LANES: Bounds = Bounds::new(
    "lanes",
    Range::Whole(1, 1024),
    "each lane has a part of the classes, and a thread",
    "leave it out for one",
);
/// The largest norm of a gradient, where there is a limit.
pub const MAX_GRADIENT_NORM: Bounds = Bounds::new(
    "max_gradient_norm",
    Range::Over(0.0),
    "a gradient cut to nothing moves nothing",
    "leave it out for no limit",
);
/// The prototypes' rate as a part of the update's.
pub const PROTOTYPE_RATE: Bounds = Bounds::new(
    "prototype_rate",
    Range::Closed(0.0, 100.0),
    "it is a part of the rate; 0 holds prototypes still",
    "leave it out for 1",
);
/// The end of plain softmax, as a part of the training.
pub const SOFT_START: Bounds = Bounds::new("soft_start", Range::Closed(0.0, 1.0), SHARE, "leave it out for 0.1");
/// The end of the free norm.
pub const FREE_UNTIL: Bounds = Bounds::new("free_until", Range::Closed(0.0, 1.0), SHARE, "leave it out for 0.35");
/// The beginning of the whole margin.
pub const FULL_AT: Bounds = Bounds::new("full_at", Range::Closed(0.0, 1.0), SHARE, "leave it out for 0.7");
/// γ of SphereFace's λ.
pub const LAMBDA_GAMMA: Bounds =
    Bounds::new("lambda.gamma", Range::AtLeast(0.0), "λ must not grow", "leave it out for 0.12");
/// p of SphereFace's λ.
pub const LAMBDA_POWER: Bounds =
    Bounds::new("lambda.power", Range::AtLeast(0.0), "λ must not grow", "leave it out for 1");
/// The steps of a training.
pub const STEPS: Bounds = Bounds::new(
    "steps",
    Range::AtLeast(1.0),
    "a schedule has times in parts of them",
    "give the number of steps that the training has",
);
