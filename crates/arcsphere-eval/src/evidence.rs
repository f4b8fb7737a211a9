//! From a score to evidence: how many times as likely it is if both are of one subject.
//!
//! A log-likelihood ratio (llr, natural logarithm) is a·s + b, fitted so that it does not depend on how many pairs of
//! each kind there are ([`Platt`]), and clamped to what the data bear ([`Limits`]). How good llrs are say [`cllr`]
//! (1 says nothing, 0 is perfect), [`min_cllr`] (what is left after the best monotone recalibration, [`pav`]) and
//! [`Costs`]. A probability needs a prior ([`posterior`]); there is no "percent match".

use serde::{Deserialize, Serialize};

use crate::error::{EvalError, Result};
use crate::rates::check_scores;
use crate::units::Units;

mod cost;
mod limits;
mod pav;
mod platt;

pub use cost::{Costs, cllr, min_cllr};
pub use limits::Limits;
pub use pav::{Segment, pav};
pub use platt::Platt;

/// A score's evidence: Platt's line within the limits that the data bear.
///
/// ```
/// use arcsphere_eval::evidence::{Evidence, posterior};
/// let scores = [0.9, 0.7, 0.8, 0.3, 0.4, 0.1, 0.2, 0.0];
/// let same = [true, true, true, true, false, false, false, false];
/// let evidence = Evidence::of(&scores, &same)?;
/// assert!(evidence.llr(0.9) > 0.0 && evidence.llr(0.0) < 0.0);
/// // Four pairs of each kind bear little, and the limits say so.
/// assert_eq!(evidence.llr(0.99), evidence.limits.high);
/// // With a prior of one half the odds are the ratio itself.
/// let llr = evidence.llr(0.9);
/// assert!((posterior(llr, 0.5)? - 1.0 / (1.0 + (-llr).exp())).abs() < 1e-12);
/// # Ok::<(), arcsphere_eval::EvalError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// The line.
    pub line: Platt,
    /// Where it ends.
    pub limits: Limits,
}

impl Evidence {
    /// Fits both to the scores of pairs.
    ///
    /// # Errors
    /// Those of [`Platt::fit`].
    pub fn of(scores: &[f32], same: &[bool]) -> Result<Self> {
        let line = Platt::fit(scores, same)?;
        let llrs: Vec<f64> = scores.iter().map(|s| line.llr(*s)).collect();
        Ok(Self { line, limits: Limits::of(&llrs, same)? })
    }

    /// The log-likelihood ratio of a score, natural logarithm.
    pub fn llr(&self, score: f32) -> f64 {
        self.line.llr(score).clamp(self.limits.low, self.limits.high)
    }
}

/// The probability that both are of one subject: σ(llr + ln(π/(1 − π))), `prior` π in (0, 1) being what it is before
/// the images are looked at.
///
/// # Errors
/// [`EvalError::Range`] for a prior outside (0, 1), [`EvalError::NotFinite`] for an llr that is NaN.
pub fn posterior(llr: f64, prior: f64) -> Result<f64> {
    if !(prior > 0.0 && prior < 1.0) {
        let expected = "a number between 0 and 1, both excluded";
        return Err(EvalError::Range { what: "the prior", value: prior, expected });
    }
    if llr.is_nan() {
        return Err(EvalError::NotFinite { what: "the log-likelihood ratio", index: 0, value: llr });
    }
    Ok(1.0 / (1.0 + (-(llr + (prior / (1.0 - prior)).ln())).exp()))
}

/// Refuses what is no list of finite scores of both kinds of pairs; how many there are of each.
fn counted(scores: &[f32], same: &[bool]) -> Result<(f64, f64)> {
    check_scores(scores, same, &Units::unknown(scores.len()))?;
    if let Some(index) = scores.iter().position(|s| !s.is_finite()) {
        return Err(EvalError::NotFinite { what: "the score", index, value: f64::from(scores[index]) });
    }
    let genuine = same.iter().filter(|s| **s).count();
    Ok((genuine as f64, (same.len() - genuine) as f64))
}

/// The same of log-likelihood ratios, which may be infinite.
fn counted_llrs(llrs: &[f64], same: &[bool]) -> Result<(f64, f64)> {
    if let Some(index) = llrs.iter().position(|l| l.is_nan()) {
        return Err(EvalError::NotFinite { what: "the log-likelihood ratio", index, value: llrs[index] });
    }
    counted(&vec![0.0; llrs.len()], same)
}

#[cfg(test)]
mod tests;
