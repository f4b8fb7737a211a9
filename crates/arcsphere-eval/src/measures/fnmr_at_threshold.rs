//! False non-match rate at a fixed threshold: what a system that was built before this set rejects of it.

use super::{Better, Column, Compute, Estimate, Measure, Unit, at};

/// Cosines from which on a pair is accepted.
const THRESHOLDS: [f32; 1] = [0.5];

pub(super) const MEASURE: Measure = Measure {
    key: "fnmr_at_threshold",
    name: "FNMR at threshold",
    summary: "share of the genuine pairs whose cosine is below 0.5",
    unit: Unit::Share,
    better: Better::Lower,
    columns: &[Column::new("FNMR at {}")],
    compute: Compute::Scores(|s| {
        let of = |threshold: f32| {
            // Thresholds fall along the points, and the first one accepts nothing.
            let accepted = s.roc.points().partition_point(|p| p.threshold >= threshold);
            let last = s.roc.points()[..accepted].last();
            let fnmr = last.map_or(1.0, |p| 1.0 - s.roc.tmr(p));
            let rejected = s.roc.genuine() - last.map_or(0, |p| p.true_matches);
            at(&threshold.to_string(), Estimate::new(fnmr).resting_on(rejected))
        };
        Ok(THRESHOLDS.map(of).into())
    }),
    ..Measure::PLAIN
};
