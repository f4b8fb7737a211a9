//! Error rates of pairs that depend on one another, and how sure they are.
//!
//! Pairs that share a subject are dependent: n of them say less than n independent ones, by far where everybody is
//! compared with everybody. With m_ij comparisons of units i and j, k_ij of them errors, M = Σm, K = Σk, p = K/M,
//! d_ij = k_ij − p·m_ij and D_i = Σ_j d_ij:
//!
//! Var = \[Σ d_ij² + max(0, Σ_i D_i² − 2·Σ_{i<j} d_ij² − Σ_i d_ii²)\] / M², n_eff = min(M, p(1 − p)/Var)
//!
//! (plug-in variance: Fogliato, Patil and Perona, IJCV 2024). For impostor pairs no d_ii is there, for genuine ones of
//! subjects nothing else, and Var is Σ d_ii²/M². From n_eff follow
//!
//! * Wilson's interval, two-sided,
//! * Korn and Graubard's upper bound, Beta⁻¹(1 − α; p·n_eff + 1, n_eff − p·n_eff) (Survey Methodology 1998).
//!
//! Both are approximate. Simulated (`examples/coverage.rs`, 300 repeats, everybody against everybody), 95 % intervals of
//! a threshold's FMR hold the truth in 84 % of the cases with 20 subjects, 86 to 95 % with 40, 91 % with 100, 91 to
//! 95 % with 200, 97 % of a published list of 4,281; those of its FNMR in 85 %, 91 %, 93 %, 91 to 94 % and 97 %. The
//! lower figures are those of populations in which some subjects are taken for anybody. [`Mark`]s say what to think of
//! an interval.
//!
//! An *exact* bound holds whatever the dependence: before any score is looked at, pairs that share no unit with one
//! taken before are taken in the order of the list, and Clopper and Pearson's bound is that of these alone.

use serde::{Deserialize, Serialize};

use crate::beta;
use crate::error::{EvalError, Result};
use crate::interval::{Estimate, LEVEL, wilson_of};
use crate::units::{Known, Units};

mod spread;
mod tally;
mod walk;

pub(crate) use spread::Spread;
pub use tally::Tally;
pub(crate) use walk::{Kind, Walk};

/// Error rates at thresholds, of scores in memory: FMR of the impostor pairs and FNMR of the genuine ones, accepted
/// where score ≥ threshold. A score of −∞ is a failure to acquire: rejected at every threshold.
///
/// ```
/// use arcsphere_eval::rates::at_thresholds;
/// use arcsphere_eval::units::Units;
/// let same = [true, true, false, false];
/// let units = Units::subjects(&[(0, 0), (1, 1), (0, 1), (1, 2)], &same)?;
/// let rates = at_thresholds(&[0.9, f32::NEG_INFINITY, 0.4, 0.1], &same, &units, &[0.5, 0.3])?;
/// assert_eq!((rates[0].fmr.errors, rates[0].fnmr.errors), (0, 1));
/// assert_eq!((rates[1].fmr.errors, rates[1].fnmr.errors), (1, 1));
/// # Ok::<(), arcsphere_eval::EvalError>(())
/// ```
///
/// # Errors
/// [`EvalError::Length`], [`EvalError::NotFinite`] for a NaN or +∞, [`EvalError::NoGenuine`],
/// [`EvalError::NoImpostor`].
pub fn at_thresholds(scores: &[f32], same: &[bool], units: &Units, thresholds: &[f32]) -> Result<Vec<AtThreshold>> {
    check_scores(scores, same, units)?;
    if let Some(index) = thresholds.iter().position(|t| t.is_nan()) {
        return Err(EvalError::NotFinite { what: "the threshold", index, value: f64::NAN });
    }
    let of = |kind| Walk::new(scores, same, units, kind).rates(thresholds);
    let (fmr, fnmr) = (of(Kind::FalseMatches)?, of(Kind::FalseNonMatches)?);
    let all = thresholds.iter().zip(fmr).zip(fnmr);
    Ok(all.map(|((&threshold, fmr), fnmr)| AtThreshold { threshold, fmr, fnmr }).collect())
}

/// Both error rates at a threshold.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct AtThreshold {
    /// Accept where score ≥ threshold.
    pub threshold: f32,
    /// The share of the impostor pairs that are accepted.
    pub fmr: Rate,
    /// The share of the genuine pairs that are not.
    pub fnmr: Rate,
}

/// Refuses scores that do not fit flags and units, that are NaN or +∞, or that lack a kind of pairs.
pub(crate) fn check_scores(scores: &[f32], same: &[bool], units: &Units) -> Result<()> {
    let expected = scores.len();
    for (what, got) in [("the list of genuine flags", same.len()), ("the list of subjects", units.pairs().len())] {
        if got != expected {
            return Err(EvalError::Length { what, got, expected });
        }
    }
    if let Some(index) = scores.iter().position(|s| s.is_nan() || *s == f32::INFINITY) {
        return Err(EvalError::NotFinite { what: "the score", index, value: f64::from(scores[index]) });
    }
    match (same.iter().any(|s| *s), same.iter().any(|s| !s)) {
        (false, _) => Err(EvalError::NoGenuine { pairs: expected }),
        (_, false) => Err(EvalError::NoImpostor { pairs: expected }),
        _ => Ok(()),
    }
}

/// Fewest errors of a rate that is within 30 % of the truth with 90 % confidence (the rule of 30: Doddington et al.
/// 2000; ISO/IEC 19795-1).
pub const FEW: u64 = 30;

/// Units below which an interval is no more than a first look.
pub const EXPLORATORY: u64 = 40;

/// An error rate with its intervals.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Rate {
    /// Errors / pairs, in [0, 1].
    pub value: f64,
    /// How many of the pairs are errors.
    pub errors: u64,
    /// How many pairs there are.
    pub pairs: u64,
    /// How many units (subjects) are in them.
    pub units: u64,
    /// How the units are known.
    pub known: Known,
    /// How many independent pairs say as much.
    pub n_eff: f64,
    /// Lower end of Wilson's 95 % interval over n_eff.
    pub low: f64,
    /// Its upper end.
    pub high: f64,
    /// Korn and Graubard's 95 % upper bound over n_eff.
    pub upper: f64,
    /// The bound that holds whatever the dependence.
    pub exact: Exact,
    /// Clopper and Pearson's 95 % upper bound over all pairs, as if they were independent: 3/M where there is no error
    /// (the rule of three). Not a bound where subjects recur.
    pub if_independent: f64,
}

/// The 95 % upper bound of pairs that share no unit.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Exact {
    /// Errors among them.
    pub errors: u64,
    /// How many there are.
    pub pairs: u64,
    /// Clopper and Pearson's upper bound.
    pub upper: f64,
}

/// What must be said beside a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mark {
    /// Units are not known, and intervals may be too narrow.
    AtBest,
    /// Fewer than [`EXPLORATORY`] units.
    Exploratory,
    /// Fewer than [`FEW`] errors: n_eff is close to the number of pairs for want of evidence.
    FewErrors,
}

impl std::fmt::Display for Mark {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::AtBest => "at best: subjects are not known",
            Self::Exploratory => "exploratory: fewer than 40 subjects",
            Self::FewErrors => "fewer than 30 errors",
        })
    }
}

/// The marks of a number over so many units and errors.
pub fn marks(known: Known, units: u64, errors: u64) -> Vec<Mark> {
    let at_best = known.is_at_best().then_some(Mark::AtBest);
    let exploratory = (units < EXPLORATORY).then_some(Mark::Exploratory);
    let few = (errors < FEW).then_some(Mark::FewErrors);
    [at_best, exploratory, few].into_iter().flatten().collect()
}

impl Rate {
    /// What must be said beside it.
    pub fn marks(&self) -> Vec<Mark> {
        marks(self.known, self.units, self.errors)
    }

    /// Korn and Graubard's upper bound over n_eff at `level`, in (0, 1).
    ///
    /// # Errors
    /// [`EvalError::Range`] for a level outside (0, 1).
    pub fn upper_at(&self, level: f64) -> Result<f64> {
        proportion_upper(self.value * self.n_eff, self.n_eff, level)
    }
}

impl From<Rate> for Estimate {
    fn from(r: Rate) -> Self {
        Estimate::new(r.value).within(r.low, r.high).over(r.pairs)
    }
}

/// The upper bound at `level` of a proportion seen as `errors` in `n`, both real: Beta⁻¹(level; errors + 1, n − errors).
/// For integers it is Clopper and Pearson's, whose chance to lie below the truth is at most 1 − level.
///
/// # Errors
/// [`EvalError::TooFew`] for an `n` of 0, [`EvalError::Range`] unless 0 ≤ `errors` ≤ `n` and 0 < `level` < 1.
///
/// ```
/// use arcsphere_eval::rates::proportion_upper;
/// // No error among 1,501 pairs: 1 − 0.05^(1/1501).
/// assert!((proportion_upper(0.0, 1501.0, 0.95)? - 0.001994).abs() < 1e-6);
/// # Ok::<(), arcsphere_eval::EvalError>(())
/// ```
pub fn proportion_upper(errors: f64, n: f64, level: f64) -> Result<f64> {
    check_level(level)?;
    if n == 0.0 {
        return Err(EvalError::TooFew { what: "the pairs of an upper bound", got: 0, needed: 1 });
    }
    if !(n.is_finite() && n > 0.0 && (0.0..=n).contains(&errors)) {
        return Err(EvalError::Range { what: "the errors", value: errors, expected: "from 0 to the number of pairs" });
    }
    Ok(if errors >= n { 1.0 } else { beta::quantile(level, errors + 1.0, n - errors) })
}

/// Whether that bound is at most `most`; one look at the distribution, where the bound itself takes a search.
pub(crate) fn upper_is_at_most(most: f64, errors: f64, n: f64, level: f64) -> bool {
    errors < n && beta::cumulative(errors + 1.0, n - errors, most) >= level
}

pub(crate) fn check_level(level: f64) -> Result<()> {
    if level > 0.0 && level < 1.0 {
        return Ok(());
    }
    Err(EvalError::Range {
        what: "the level of an interval",
        value: level,
        expected: "a number between 0 and 1, both excluded",
    })
}

/// The rate of a [`Spread`], and of the pairs among it that share no unit.
pub(crate) fn rate(spread: &Spread, exact: (u64, u64), units: u64, known: Known) -> Result<Rate> {
    let (errors, pairs) = (spread.errors(), spread.pairs());
    if pairs == 0 {
        return Err(EvalError::TooFew { what: "an error rate", got: 0, needed: 1 });
    }
    let (value, n_eff) = (errors as f64 / pairs as f64, spread.n_eff());
    let (low, high) = wilson_of(value, n_eff);
    Ok(Rate {
        value,
        errors,
        pairs,
        units,
        known,
        n_eff,
        low,
        high,
        upper: proportion_upper(value * n_eff, n_eff, LEVEL)?,
        exact: Exact {
            errors: exact.0,
            pairs: exact.1,
            upper: proportion_upper(exact.0 as f64, exact.1 as f64, LEVEL)?,
        },
        if_independent: proportion_upper(errors as f64, pairs as f64, LEVEL)?,
    })
}

#[cfg(test)]
mod tests;
