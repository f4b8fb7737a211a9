//! Angle between a prototype and the nearest other one.

use super::target_angle::LIMIT;
use super::{Better, Column, Compute, Estimate, Measure, Tables, Unit};
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
        Ok(vec![("mean".to_owned(), Estimate::new(nearest.mean)), ("min".to_owned(), Estimate::new(nearest.min))])
    }),
    ..Measure::PLAIN
};
