use super::{counted, counted_llrs, pav};
use crate::error::{EvalError, Result};
use crate::verification::Roc;

/// The cost of log-likelihood ratios, in bits: ½·(mean log₂(1 + e^−llr) over genuine + mean log₂(1 + e^llr) over
/// impostor pairs). 1 says nothing, 0 is perfect, more than 1 is worse than saying nothing (Brümmer and du Preez 2006).
///
/// # Errors
/// [`EvalError`] for a NaN, another number of flags, or one kind of pairs only.
///
/// ```
/// use arcsphere_eval::evidence::cllr;
/// assert_eq!(cllr(&[0.0, 0.0], &[true, false])?, 1.0);
/// // Odds of 3 to 1, the right way: log₂(4/3).
/// assert!((cllr(&[3_f64.ln(), -3_f64.ln()], &[true, false])? - (4.0 / 3.0_f64).log2()).abs() < 1e-12);
/// # Ok::<(), arcsphere_eval::EvalError>(())
/// ```
pub fn cllr(llrs: &[f64], same: &[bool]) -> Result<f64> {
    let (genuine, impostor) = counted_llrs(llrs, same)?;
    let sum = |kind: bool| -> f64 {
        llrs.iter().zip(same).filter(|(_, s)| **s == kind).map(|(l, _)| bits(if kind { -l } else { *l })).sum()
    };
    Ok(0.5 * (sum(true) / genuine + sum(false) / impostor))
}

/// log₂(1 + eˣ), without overflow.
fn bits(x: f64) -> f64 {
    (x.max(0.0) + (-x.abs()).exp().ln_1p()) / std::f64::consts::LN_2
}

/// [`cllr`] after the best monotone calibration of the scores ([`pav`]): what no calibration takes away. `cllr −
/// min_cllr` is the loss by calibration.
///
/// # Errors
/// Those of [`pav`].
pub fn min_cllr(scores: &[f32], same: &[bool]) -> Result<f64> {
    let (genuine, impostor) = counted(scores, same)?;
    let each = pav(scores, same)?.into_iter().map(|s| {
        // Where a segment is of one kind, its infinite llr costs that kind nothing and the other has no pair.
        let of = |n: u64, all: f64, llr: f64| if n == 0 { 0.0 } else { n as f64 / all * bits(llr) };
        of(s.genuine, genuine, -s.llr) + of(s.impostor, impostor, s.llr)
    });
    Ok(0.5 * each.sum::<f64>())
}

/// What errors cost, and how often pairs are genuine.
///
/// DCF = π·C_miss·FNMR + (1 − π)·C_fa·FMR, divided by min(π·C_miss, (1 − π)·C_fa), which deciding without looking costs.
///
/// ```
/// use arcsphere_eval::evidence::Costs;
/// let costs = Costs::new(0.01, 1.0, 1.0)?;
/// assert!((costs.threshold() - 99_f64.ln()).abs() < 1e-12);
/// // One of two genuine pairs is missed, no impostor pair accepted.
/// let (llrs, same) = ([6.0, 1.0, -3.0, -4.0], [true, true, false, false]);
/// assert_eq!(costs.actual(&llrs, &same)?, 0.5);
/// assert_eq!(costs.minimum(&[0.9, 0.4, 0.2, 0.1], &same)?, 0.0);
/// # Ok::<(), arcsphere_eval::EvalError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Costs {
    prior: f64,
    miss: f64,
    false_match: f64,
}

impl Costs {
    /// The prior π of a genuine pair, in (0, 1), and what a miss and a false match cost.
    ///
    /// # Errors
    /// [`EvalError::Range`] for a prior outside (0, 1) or a cost that is not positive.
    pub fn new(prior: f64, miss: f64, false_match: f64) -> Result<Self> {
        if !(prior > 0.0 && prior < 1.0) {
            let expected = "a number between 0 and 1, both excluded";
            return Err(EvalError::Range { what: "the prior", value: prior, expected });
        }
        for value in [miss, false_match] {
            if !(value > 0.0 && value.is_finite()) {
                return Err(EvalError::Range { what: "a cost", value, expected: "a positive number" });
            }
        }
        Ok(Self { prior, miss, false_match })
    }

    /// The llr from which accepting costs less than refusing: ln(C_fa(1 − π)/(C_miss·π)).
    pub fn threshold(&self) -> f64 {
        (self.false_match * (1.0 - self.prior) / (self.miss * self.prior)).ln()
    }

    /// The normalized cost of these error rates.
    fn of(&self, fmr: f64, fnmr: f64) -> f64 {
        let (miss, false_match) = (self.prior * self.miss, (1.0 - self.prior) * self.false_match);
        (miss * fnmr + false_match * fmr) / miss.min(false_match)
    }

    /// The cost of deciding by log-likelihood ratios at [`Costs::threshold`].
    ///
    /// # Errors
    /// Those of [`cllr`].
    pub fn actual(&self, llrs: &[f64], same: &[bool]) -> Result<f64> {
        let (genuine, impostor) = counted_llrs(llrs, same)?;
        let accepted =
            |kind: bool| llrs.iter().zip(same).filter(|(l, s)| **s == kind && **l >= self.threshold()).count() as f64;
        Ok(self.of(accepted(false) / impostor, 1.0 - accepted(true) / genuine))
    }

    /// The cost at the best threshold of the scores.
    ///
    /// # Errors
    /// Those of [`Roc::new`].
    pub fn minimum(&self, scores: &[f32], same: &[bool]) -> Result<f64> {
        let roc = Roc::new(scores, same)?;
        Ok(roc.points().iter().map(|p| self.of(roc.fmr(p), 1.0 - roc.tmr(p))).fold(f64::INFINITY, f64::min))
    }
}
