//! Angle between a prototype and the nearest other one.

use super::target_angle::LIMIT;
use super::{Better, Column, Compute, Measure, Tables, Unit, at};
use crate::angles::summarize;

pub(super) const MEASURE: Measure = Measure {
    key: "nearest_prototype_angle",
    name: "angle between prototypes",
    summary: "angle between a prototype and the nearest other one: mean and minimum over the classes",
    unit: Unit::Angle,
    better: Better::Higher,
    columns: &[Column::new("between prototypes").at("mean").only(Tables::Losses).always()],
    limit: Some(LIMIT),
    compute: Compute::Prototypes(|p| {
        let nearest = summarize(&p.nearest()?)?;
        Ok(vec![at("mean", nearest.mean), at("min", nearest.min)])
    }),
    ..Measure::PLAIN
};
