//! Angle between a sample and the nearest prototype of another class.

use super::target_angle::LIMIT;
use super::{Better, Column, Compute, Measure, Tables, Unit, one};
use crate::angles::summarize;

pub(super) const MEASURE: Measure = Measure {
    key: "nontarget_angle",
    name: "nearest other angle",
    summary: "mean over the test images of the smallest angle to another class's prototype",
    unit: Unit::Angle,
    better: Better::Higher,
    columns: &[
        Column::new("nearest other angle").at("").only(Tables::Losses).always(),
        Column::new("nearest other").at("").only(Tables::Runs).always(),
    ],
    limit: Some(LIMIT),
    compute: Compute::Prototypes(|p| Ok(one(summarize(&p.angles.nearest_nontarget)?.mean))),
    ..Measure::PLAIN
};
