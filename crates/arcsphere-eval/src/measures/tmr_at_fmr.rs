//! TMR at a target FMR (TAR@FAR).

use super::{Better, Column, Compute, Estimate, Measure, Unit, fmr_key};

pub(super) const MEASURE: Measure = Measure {
    key: "tmr_at_fmr",
    name: "TMR@FMR",
    summary: "largest true match rate whose false match rate does not exceed a target (TAR@FAR)",
    unit: Unit::Share,
    better: Better::Higher,
    columns: &[Column::new("TMR@FMR {}")],
    compute: Compute::Scores(|s| {
        s.fmr.iter().map(|&fmr| Ok((fmr_key(fmr), Estimate::new(s.roc.tmr_at_fmr(fmr)?.tmr.value)))).collect()
    }),
    ..Measure::PLAIN
};
