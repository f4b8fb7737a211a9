//! Predictions of a number: mean absolute error and cumulative score.
//!
//! eᵢ = predictedᵢ − actualᵢ;
//!
//! * MAE = mean of |eᵢ|, with a Student-t interval over the samples,
//! * CS(k) = share of the samples with |eᵢ| ≤ k, with Wilson's interval
//!   (Geng, Zhou and Smith-Miles, "Automatic Age Estimation Based on Facial Aging
//!   Patterns", PAMI 2007).
//!
//! An angle wraps: at a period of 360 from 350 to 10 is 20, not −340. All numbers are in
//! the unit of what is predicted: years, degrees.

use crate::error::{EvalError, Result};
use crate::interval::{Mean, Proportion, finite, mean, wilson};

/// A cumulative score.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CumulativeScore {
    /// Largest error that counts as good.
    pub k: f64,
    /// Share of the samples within it.
    pub share: Proportion,
}

/// How far predictions are off.
#[derive(Debug, Clone, PartialEq)]
pub struct Regression {
    /// Mean absolute error, its n and its 95 % interval, cut at 0; none for one sample.
    pub mae: Mean,
    /// One entry a k, in the order asked for.
    pub cs: Vec<CumulativeScore>,
}

/// Compares `predicted` with `actual`; `period` is that of a quantity that wraps.
///
/// # Errors
/// [`EvalError::Length`], [`EvalError::NotFinite`], [`EvalError::TooFew`] for no sample,
/// [`EvalError::Range`] for a negative k or a period that is not positive.
///
/// ```
/// use arcsphere_eval::regression::regression;
/// let r = regression(&[350.0, 40.0], &[10.0, 45.0], &[5.0, 10.0], Some(360.0))?;
/// assert_eq!(r.mae.value, 12.5);
/// assert_eq!(r.cs[0].share.value, 0.5);
/// # Ok::<(), arcsphere_eval::EvalError>(())
/// ```
pub fn regression(predicted: &[f64], actual: &[f64], ks: &[f64], period: Option<f64>) -> Result<Regression> {
    let errors: Vec<f64> = errors(predicted, actual, period)?.into_iter().map(f64::abs).collect();
    let mut mae = mean(&errors)?;
    mae.low = mae.low.map(|low| low.max(0.0));
    let cs = ks.iter().map(|&k| {
        if k.is_nan() || k < 0.0 {
            return Err(EvalError::Range { what: "the k of a cumulative score", value: k, expected: "at least 0" });
        }
        let within = errors.iter().filter(|e| **e <= k).count() as u64;
        Ok(CumulativeScore { k, share: wilson(within, errors.len() as u64)? })
    });
    Ok(Regression { mae, cs: cs.collect::<Result<_>>()? })
}

/// predictedᵢ − actualᵢ; with a period P wrapped into [−P/2, P/2].
///
/// # Errors
/// As [`regression`], but none for no sample.
pub fn errors(predicted: &[f64], actual: &[f64], period: Option<f64>) -> Result<Vec<f64>> {
    if predicted.len() != actual.len() {
        return Err(EvalError::Length { what: "the actual values", got: actual.len(), expected: predicted.len() });
    }
    finite("a predicted value", predicted)?;
    finite("an actual value", actual)?;
    let pairs = predicted.iter().zip(actual).map(|(p, a)| p - a);
    match period {
        None => Ok(pairs.collect()),
        Some(period) if period > 0.0 && period.is_finite() => {
            Ok(pairs.map(|e| e - period * (e / period).round()).collect())
        }
        Some(period) => {
            Err(EvalError::Range { what: "the period of a regression", value: period, expected: "a positive number" })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn by_hand() {
        let r = regression(&[21.0, 30.0, 44.0, 50.0], &[20.0, 33.0, 44.0, 58.0], &[0.0, 3.0, 10.0], None).unwrap();
        // Errors 1, 3, 0, 8: mean 3, sd √(38/3), t(3) = 3.182446.
        assert_eq!((r.mae.n, r.mae.value, r.mae.low), (4, 3.0, Some(0.0)));
        let high = 3.0 + 3.182_446 * (38.0f64 / 3.0).sqrt() / 2.0;
        assert!((r.mae.high.unwrap() - high).abs() < 1e-5);
        let shares: Vec<f64> = r.cs.iter().map(|c| c.share.value).collect();
        assert_eq!(shares, [0.25, 0.75, 1.0]);
        assert_eq!(r.cs[1].share, wilson(3, 4).unwrap());
        assert_eq!(regression(&[1.0], &[3.0], &[], None).unwrap().mae.high, None);
    }

    #[test]
    fn wrong_input_is_named() {
        let says = |p: &[f64], a: &[f64], k: f64, period| regression(p, a, &[k], period).unwrap_err().to_string();
        assert!(says(&[1.0], &[], 1.0, None).contains("expected 1"));
        assert!(says(&[], &[], 1.0, None).contains("at least 1"));
        assert!(says(&[f64::NAN], &[1.0], 1.0, None).contains("predicted"));
        assert!(says(&[1.0], &[f64::INFINITY], 1.0, None).contains("actual"));
        for k in [-1.0, f64::NAN] {
            assert!(says(&[1.0], &[1.0], k, None).contains("cumulative"));
        }
        for period in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(says(&[1.0], &[1.0], 1.0, Some(period)).contains("period"));
        }
    }

    proptest! {
        #[test]
        fn a_circle_has_no_start(
            values in prop::collection::vec((0.0..360.0f64, 0.0..360.0f64), 1..30),
            turn in -1000.0..1000.0f64,
        ) {
            let (p, a): (Vec<f64>, Vec<f64>) = values.into_iter().unzip();
            let plain = errors(&p, &a, Some(360.0)).unwrap();
            let turned = |v: &[f64]| -> Vec<f64> { v.iter().map(|x| (x + turn).rem_euclid(360.0)).collect() };
            let moved = errors(&turned(&p), &turned(&a), Some(360.0)).unwrap();
            for (e, m) in plain.iter().zip(&moved) {
                prop_assert!(e.abs() <= 180.0 && (e.abs() - m.abs()).abs() < 1e-9);
            }
            let (wrapped, straight) = (regression(&p, &a, &[9.0], Some(360.0)), regression(&p, &a, &[9.0], None));
            let (wrapped, straight) = (wrapped.unwrap(), straight.unwrap());
            prop_assert!(wrapped.mae.value <= straight.mae.value + 1e-9);
            prop_assert!(wrapped.cs[0].share.value >= straight.cs[0].share.value);
        }

        #[test]
        fn cs_grows_with_k_to_one(
            values in prop::collection::vec((-50.0..50.0f64, -50.0..50.0f64), 1..30),
        ) {
            let (p, a): (Vec<f64>, Vec<f64>) = values.into_iter().unzip();
            let r = regression(&p, &a, &[0.0, 1.0, 5.0, 20.0, 100.0], None).unwrap();
            prop_assert!(r.cs.windows(2).all(|w| w[0].share.value <= w[1].share.value));
            prop_assert_eq!(r.cs[4].share.value, 1.0);
        }
    }
}
