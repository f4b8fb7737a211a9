use serde::{Deserialize, Serialize};

use super::counted_llrs;
use crate::error::Result;

/// Step of the thresholds that are looked at, in powers of ten.
const STEP: f64 = 0.01;

/// Beyond 10^±9 a ratio counts as this.
const EXTREME: f64 = 9.0;

/// The log-likelihood ratios (natural logarithm) that the data bear: empirical lower and upper bounds (ELUB: Vergeer,
/// van Es, de Jongh, Alberink and Stoel, Science and Justice 56, 2016).
///
/// With one misleading pair of either kind added, deciding at a threshold beyond them costs more than deciding without
/// looking: nothing seen speaks for a ratio so large. Looked for in steps of 10^0.01, as `lir` does.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Limits {
    /// The smallest, at most 0.
    pub low: f64,
    /// The largest, at least 0.
    pub high: f64,
}

impl Limits {
    /// The limits of llrs of pairs.
    ///
    /// # Errors
    /// Those of [`cllr`](super::cllr).
    pub fn of(llrs: &[f64], same: &[bool]) -> Result<Self> {
        let (genuine, impostor) = counted_llrs(llrs, same)?;
        let of = |kind: bool| {
            let own = llrs.iter().zip(same).filter(|(_, s)| **s == kind);
            let mut tens: Vec<f64> = own.map(|(l, _)| (l / std::f64::consts::LN_10).clamp(-EXTREME, EXTREME)).collect();
            tens.sort_by(f64::total_cmp);
            tens
        };
        let (matches, others) = (of(true), of(false));
        let ends = |tens: &[f64]| (tens.first().copied().unwrap_or(0.0), tens.last().copied().unwrap_or(0.0));
        let ((low_match, high_match), (low_other, high_other)) = (ends(&matches), ends(&others));
        let least = low_match.min(low_other).max(-(genuine + 1.0).log10());
        let most = high_match.max(high_other).min((impostor + 1.0).log10());
        let (first, last) = ((least / STEP).floor().min(0.0) as i64, ((most / STEP).floor() as i64 + 1).max(0));
        let accepted = |tens: &[f64], threshold: f64| (tens.len() - tens.partition_point(|t| *t <= threshold)) as f64;
        let is_worse = |threshold: f64| {
            let odds = 10_f64.powf(threshold);
            let neutral = if threshold < 0.0 { odds } else { 1.0 };
            let missed = 1.0 - accepted(&matches, threshold) / (genuine + 1.0);
            let wrong = (accepted(&others, threshold) + 1.0) / (impostor + 1.0);
            neutral < missed + odds * wrong
        };
        let at = |step: i64| step as f64 * STEP;
        let low = (first..=0).rev().find(|s| is_worse(at(*s))).map_or(at(first), |s| at(s) + STEP);
        let high = (0..=last).find(|s| is_worse(at(*s))).map_or(at(last), |s| at(s) - STEP);
        let natural = |tens: f64| tens * std::f64::consts::LN_10;
        Ok(Self { low: natural(low.min(0.0)), high: natural(high.max(0.0)) })
    }
}
