//! A threshold for a wanted false match rate, or why the data bear none.
//!
//! Thresholds are the gaps between distinct impostor scores, the strictest first: t is the next `f32` above the score
//! that it shuts out. Down them an upper bound U(t) of the FMR is kept at most the target, and the last threshold
//! before the first failure is taken, by each of two bounds:
//!
//! * **approximate**: the larger of Korn and Graubard's over n_eff ([`rates`](crate::rates)) and of the BCa bootstrap's
//!   over subjects, from 30 false matches on. With S subjects both are taken at the level Φ(√(S/(S − 1))·t), t being
//!   Student's point for S − 1 degrees of freedom, as few subjects show too little of their own spread (Hesterberg,
//!   "What teachers should know about the bootstrap", 2015);
//! * **exact**: Clopper and Pearson's on impostor pairs that share no subject, taken in the order of the list.
//!
//! The looser threshold is kept, with the name of its bound. As the FMR falls with the threshold, a bound that holds at
//! each threshold by itself is enough: the chance that FMR(t) exceeds the target is at most 1 − level, of the exact
//! bound (Bates et al., JACM 2021).
//!
//! The subjects must be such that neither training nor the final test saw.

use crate::error::{EvalError, Result};
use crate::evidence::Evidence;
use crate::interval::{LEVEL, student_t};
use crate::normal;
use crate::rates::{FEW, Kind, Mark, Rate, Walk, check_level, check_scores, marks, proportion_upper, upper_is_at_most};
use crate::units::Units;

mod record;
mod resampled;

pub use record::{Bound, Origin, Record, Threshold};
pub(crate) use resampled::Resampled;

/// Looks for the loosest threshold whose FMR is at most a target.
///
/// ```
/// use arcsphere_eval::calibration::{Bound, Calibration};
/// use arcsphere_eval::units::Units;
/// // 400 subjects, each with a genuine pair and compared with one other.
/// let same: Vec<bool> = (0..800).map(|i| i % 2 == 0).collect();
/// let subjects: Vec<(u32, u32)> = (0..800).map(|i| if i % 2 == 0 { (i, i) } else { (i, 1000 + i) }).collect();
/// let scores: Vec<f32> = (0..800).map(|i| if i % 2 == 0 { 0.7 } else { (i / 2) as f32 / 800.0 }).collect();
/// let units = Units::subjects(&subjects, &same)?;
/// let found = Calibration::of(&scores, &same, &units).target(0.05).run()?;
/// // 12 of 400 pairs without a shared subject bound the FMR by 4.8 %, 13 by 5.1 %.
/// assert_eq!((found.bound, found.fmr.errors), (Bound::Exact, 12));
/// assert!(found.upper <= 0.05 && found.fnmr.errors == 0);
/// // A rate that these data do not bear is refused, with the smallest that they do.
/// let refused = Calibration::of(&scores, &same, &units).target(1e-3).run().unwrap_err();
/// assert!(refused.to_string().contains("the smallest that they bear is 7.47e-3"), "{refused}");
/// # Ok::<(), arcsphere_eval::EvalError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Calibration<'a> {
    scores: &'a [f32],
    same: &'a [bool],
    units: &'a Units,
    target: f64,
    level: f64,
    seed: u64,
    only: Option<Bound>,
}

/// A threshold and what is known of it.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Calibrated {
    /// Accept where score ≥ threshold.
    pub threshold: f32,
    /// The FMR asked for, which it does not exceed with confidence `level`.
    pub target_fmr: f64,
    /// 1 − α.
    pub level: f64,
    /// Which bound it is by.
    pub bound: Bound,
    /// The bound there, at most the target.
    pub upper: f64,
    /// The FMR there, as it was seen.
    pub fmr: Rate,
    /// The FNMR there, of the same subjects.
    pub fnmr: Rate,
    /// Score to evidence; none where genuine pairs score no higher than impostor ones, or where images failed.
    pub evidence: Option<Evidence>,
    /// What must be said beside it.
    pub marks: Vec<Mark>,
}

impl<'a> Calibration<'a> {
    /// A score a pair (−∞ for a failure to acquire, a rejection), whether both are of one subject, and the subjects. An
    /// FMR of 0.1 % at a level of 95 %, seed 0.
    #[must_use]
    pub fn of(scores: &'a [f32], same: &'a [bool], units: &'a Units) -> Self {
        Self { scores, same, units, target: 1e-3, level: LEVEL, seed: 0, only: None }
    }

    /// The FMR that must not be exceeded, in (0, 1).
    #[must_use]
    pub fn target(self, target: f64) -> Self {
        Self { target, ..self }
    }

    /// The confidence with which it is not, in (0, 1).
    #[must_use]
    pub fn level(self, level: f64) -> Self {
        Self { level, ..self }
    }

    /// The seed of the resamples.
    #[must_use]
    pub fn seed(self, seed: u64) -> Self {
        Self { seed, ..self }
    }

    /// By this bound alone. Of the two the looser is taken, which exceeds the target somewhat more often than either by
    /// itself; where a promise must hold whatever the dependence, it is [`Bound::Exact`] alone that keeps it.
    #[must_use]
    pub fn only(self, bound: Bound) -> Self {
        Self { only: Some(bound), ..self }
    }

    /// Walks down the thresholds.
    ///
    /// # Errors
    /// [`EvalError::NotBorne`] with the smallest FMR that would pass; [`EvalError::Range`] for a target or level outside
    /// (0, 1); those of [`at_thresholds`](crate::rates::at_thresholds).
    pub fn run(&self) -> Result<Calibrated> {
        check_scores(self.scores, self.same, self.units)?;
        check_level(self.level)?;
        if !(self.target > 0.0 && self.target < 1.0) {
            let expected = "a number between 0 and 1, both excluded";
            return Err(EvalError::Range { what: "the target FMR", value: self.target, expected });
        }
        let walk = Walk::new(self.scores, self.same, self.units, Kind::FalseMatches);
        let is_wanted = |bound| self.only.is_none_or(|only| only == bound);
        let exact = if is_wanted(Bound::Exact) { self.by_exact(walk.clone())? } else { Walked::NOWHERE };
        let approximate = if is_wanted(Bound::Approximate) {
            self.by_approximate(walk.clone(), widened(self.level, walk.units)?)
        } else {
            Walked::NOWHERE
        };
        let found = match (approximate.found, exact.found) {
            (Some(a), Some(e)) if a.0 < e.0 => (Bound::Approximate, a),
            (_, Some(e)) => (Bound::Exact, e),
            (Some(a), None) => (Bound::Approximate, a),
            (None, None) => {
                return Err(EvalError::NotBorne {
                    target: self.target,
                    smallest: rounded_up(exact.smallest.min(approximate.smallest)),
                    pairs: walk.spread.pairs(),
                    alone: walk.exact.1,
                    units: walk.units,
                });
            }
        };
        self.calibrated(walk, found)
    }

    fn calibrated(&self, walk: Walk, (bound, (threshold, upper)): (Bound, (f32, f64))) -> Result<Calibrated> {
        let genuine = Walk::new(self.scores, self.same, self.units, Kind::FalseNonMatches);
        let mut fmr = walk.rates(&[threshold])?;
        let mut fnmr = genuine.rates(&[threshold])?;
        let (Some(fmr), Some(fnmr)) = (fmr.pop(), fnmr.pop()) else {
            return Err(EvalError::TooFew { what: "the thresholds of a calibration", got: 0, needed: 1 });
        };
        // The exact bound counts its own errors, few or many.
        let errors = if bound == Bound::Exact { FEW } else { fmr.errors };
        Ok(Calibrated {
            threshold,
            target_fmr: self.target,
            level: self.level,
            bound,
            upper,
            fmr,
            fnmr,
            evidence: Evidence::of(self.scores, self.same).ok(),
            marks: marks(self.units.known(), fmr.units, errors),
        })
    }

    /// The loosest threshold by the exact bound.
    fn by_exact(&self, mut walk: Walk) -> Result<Walked> {
        let of = |walk: &Walk| proportion_upper(walk.exact.0 as f64, walk.exact.1 as f64, self.level);
        let mut walked = Walked { found: None, smallest: of(&walk)? };
        let mut errors = None;
        while let Some(shut_out) = walk.next().filter(|s| s.is_finite()) {
            let (k, n) = walk.exact;
            if errors != Some(k) && !upper_is_at_most(self.target, k as f64, n as f64, self.level) {
                break;
            }
            errors = Some(k);
            walked.found = Some((shut_out.next_up(), 0.0));
            let _ = walk.step();
        }
        if let (Some(found), Some(k)) = (walked.found.as_mut(), errors) {
            found.1 = proportion_upper(k as f64, walk.exact.1 as f64, self.level)?;
        }
        Ok(walked)
    }

    /// The loosest threshold by the approximate bound.
    fn by_approximate(&self, mut walk: Walk, level: f64) -> Walked {
        let mut walked = Walked::NOWHERE;
        let mut resampled = None;
        let mut cells = Vec::new();
        while let Some(shut_out) = walk.next().filter(|s| s.is_finite()) {
            if walk.spread.errors() >= FEW {
                let resampled = resampled.get_or_insert_with(|| Resampled::new(self.units, &walk.spread, self.seed));
                resampled.add(&cells);
                cells.clear();
                let upper = upper(&walk, resampled, level);
                walked.smallest = walked.smallest.min(upper);
                if upper > self.target {
                    break;
                }
                walked.found = Some((shut_out.next_up(), upper));
            }
            cells.extend(walk.step());
        }
        walked
    }
}

/// The larger of the two approximate bounds.
fn upper(walk: &Walk, resampled: &Resampled, level: f64) -> f64 {
    let (k, m) = (walk.spread.errors() as f64, walk.spread.pairs() as f64);
    let n_eff = walk.spread.n_eff();
    // Out of range only where all pairs are errors, and then the bound is 1.
    let by_n_eff = proportion_upper(k / m * n_eff, n_eff, level).unwrap_or(1.0);
    by_n_eff.max(resampled.upper(&walk.spread, level).unwrap_or(1.0))
}

/// The level at which bounds over `units` units are taken, for one of `level` to come out.
fn widened(level: f64, units: u64) -> Result<f64> {
    // Above, Student's distribution is the normal one; at levels up to one half there is nothing to widen.
    if !(2..=1000).contains(&units) || level <= 0.5 {
        return Ok(level);
    }
    let n = units as f64;
    let t = student_t(units as usize - 1, 2.0 * level - 1.0)?;
    Ok(normal::cumulative((n / (n - 1.0)).sqrt() * t).min(1.0 - f64::EPSILON))
}

/// How far a bound goes.
struct Walked {
    /// The threshold, and the bound there.
    found: Option<(f32, f64)>,
    /// The smallest target that would have a threshold.
    smallest: f64,
}

impl Walked {
    const NOWHERE: Self = Self { found: None, smallest: f64::INFINITY };
}

/// With three digits, never below.
fn rounded_up(value: f64) -> f64 {
    if !(value > 0.0 && value < 1.0) {
        return 1.0;
    }
    let digits = 10_f64.powi(2 - value.log10().floor() as i32);
    ((value * digits + 1e-6).ceil() / digits).min(1.0)
}

#[cfg(test)]
mod tests;
