//! TMR at a target FMR (TAR@FAR).

use super::{Better, Column, Compute, Estimate, Measure, Unit, fmr_key};
use crate::error::EvalError;

pub(super) const MEASURE: Measure = Measure {
    key: "tmr_at_fmr",
    name: "TMR@FMR",
    summary: "largest true match rate whose false match rate does not exceed a target (TAR@FAR)",
    unit: Unit::Share,
    better: Better::Higher,
    columns: &[Column::new("TMR@FMR {}")],
    compute: Compute::Scores(|s| {
        let of = |fmr: f64| {
            let point = s.roc.tmr_at_fmr(fmr)?;
            match s.roc.admitted(fmr) {
                0 => Err(EvalError::TooFine { fmr, impostor: s.roc.impostor() }),
                _ => Ok(Estimate::new(point.tmr.value).resting_on(s.roc.errors_at(&point))),
            }
        };
        Ok(s.fmr.iter().map(|&fmr| (fmr_key(fmr), of(fmr))).collect())
    }),
    ..Measure::PLAIN
};
