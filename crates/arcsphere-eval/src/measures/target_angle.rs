//! Angle between a sample and the prototype of its class.

use super::{Better, Column, Compute, Limit, Measure, Tables, Unit, spread};

pub(super) const MEASURE: Measure = Measure {
    key: "target_angle",
    name: "target angle",
    summary: "angle between a test image and its class's prototype: mean and standard deviation",
    unit: Unit::Angle,
    better: Better::Lower,
    columns: &[Column::new("target angle").at("mean").always(), Column::new("sd").at("sd").only(Tables::Runs).always()],
    limit: Some(LIMIT),
    compute: Compute::Prototypes(|p| spread(&p.angles.target)),
    ..Measure::PLAIN
};

/// Every sample against every prototype: some minutes on two cores.
pub(super) const LIMIT: Limit =
    Limit { work: |n, classes, dim| n * classes * dim, most: 3e11, formula: "images × classes × dimensions" };
