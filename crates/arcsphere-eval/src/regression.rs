//! Predictions of a number: mean absolute error and cumulative score.
//!
//! eᵢ = predictedᵢ − actualᵢ;
//!
//! * MAE = mean of |eᵢ|, with a Student-t interval over the samples,
//! * CS(k) = share of the samples with |eᵢ| ≤ k, with Wilson's interval
//!   (Geng, Zhou and Smith-Miles, "Automatic Age Estimation Based on Facial Aging
//!   Patterns", PAMI 2007).
//!
//! All numbers are in the unit of what is predicted: years, degrees. A quantity that wraps, as a
//! direction does, is not what these measure.

use std::collections::BTreeMap;

use crate::clusters;
use crate::error::{EvalError, Result};
use crate::interval::{Estimate, Mean, Proportion, finite, mean, wilson};

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

/// Compares `predicted` with `actual`, sample by sample.
///
/// # Errors
/// [`EvalError::Length`], [`EvalError::NotFinite`], [`EvalError::TooFew`] for no sample,
/// [`EvalError::Range`] for a negative k.
///
/// ```
/// use arcsphere_eval::regression::regression;
/// let r = regression(&[30.0, 40.0], &[10.0, 45.0], &[5.0, 10.0])?;
/// assert_eq!(r.mae.value, 12.5);
/// assert_eq!(r.cs[0].share.value, 0.5);
/// # Ok::<(), arcsphere_eval::EvalError>(())
/// ```
pub fn regression(predicted: &[f64], actual: &[f64], ks: &[f64]) -> Result<Regression> {
    let errors = absolute_errors(predicted, actual)?;
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

/// MAE and CS(k) with BCa's 95 % intervals over persons.
#[derive(Debug, Clone, PartialEq)]
pub struct ByPerson {
    /// Mean absolute error; n counts the samples.
    pub mae: Estimate,
    /// The cumulative score of each k, in the order asked for.
    pub cs: Vec<Estimate>,
}

/// [`regression`] of a set in which a person has several samples, as sets of ages have: intervals are bootstrapped over
/// `persons`, the person of each sample.
///
/// # Errors
/// Those of [`regression`], and [`EvalError::Length`] for another number of persons.
///
/// ```
/// use arcsphere_eval::regression::by_person;
/// let found = by_person(&[30.0, 40.0, 20.0], &[10.0, 45.0, 21.0], &[7, 7, 8], &[5.0], 0)?;
/// assert_eq!((found.mae.value, found.cs[0].value), (26.0 / 3.0, 2.0 / 3.0));
/// # Ok::<(), arcsphere_eval::EvalError>(())
/// ```
pub fn by_person(predicted: &[f64], actual: &[f64], persons: &[u32], ks: &[f64], seed: u64) -> Result<ByPerson> {
    let plain = regression(predicted, actual, ks)?;
    let errors = absolute_errors(predicted, actual)?;
    if persons.len() != errors.len() {
        return Err(EvalError::Length { what: "the list of persons", got: persons.len(), expected: errors.len() });
    }
    let over = |value: f64, of: &dyn Fn(f64) -> f64| {
        let mut parts: BTreeMap<u32, (f64, f64)> = BTreeMap::new();
        for (person, error) in persons.iter().zip(&errors) {
            let (sum, count) = parts.entry(*person).or_default();
            *sum += of(*error);
            *count += 1.0;
        }
        let parts: Vec<(f64, f64)> = parts.into_values().collect();
        let found = clusters::estimate(parts.len(), seed, |weights| clusters::ratio(&parts, weights));
        // The value is that of the samples in their order, to the last bit.
        Estimate { value, ..found.unwrap_or(Estimate::new(value)) }.over(errors.len() as u64)
    };
    let mae = over(plain.mae.value, &|e| e);
    let cs = plain.cs.iter().map(|c| over(c.share.value, &|e| f64::from(u8::from(e <= c.k))));
    Ok(ByPerson { mae, cs: cs.collect() })
}

/// |predictedᵢ − actualᵢ|.
fn absolute_errors(predicted: &[f64], actual: &[f64]) -> Result<Vec<f64>> {
    if predicted.len() != actual.len() {
        return Err(EvalError::Length { what: "the actual values", got: actual.len(), expected: predicted.len() });
    }
    finite("a predicted value", predicted)?;
    finite("an actual value", actual)?;
    Ok(predicted.iter().zip(actual).map(|(p, a)| (p - a).abs()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn by_hand() {
        let r = regression(&[21.0, 30.0, 44.0, 50.0], &[20.0, 33.0, 44.0, 58.0], &[0.0, 3.0, 10.0]).unwrap();
        // Errors 1, 3, 0, 8: mean 3, sd √(38/3), t(3) = 3.182446.
        assert_eq!((r.mae.n, r.mae.value, r.mae.low), (4, 3.0, Some(0.0)));
        let high = 3.0 + 3.182_446 * (38.0f64 / 3.0).sqrt() / 2.0;
        assert!((r.mae.high.unwrap() - high).abs() < 1e-5);
        let shares: Vec<f64> = r.cs.iter().map(|c| c.share.value).collect();
        assert_eq!(shares, [0.25, 0.75, 1.0]);
        assert_eq!(r.cs[1].share, wilson(3, 4).unwrap());
        assert_eq!(regression(&[1.0], &[3.0], &[]).unwrap().mae.high, None);
    }

    #[test]
    fn samples_of_one_person_are_one() {
        // Thirty persons, whose four samples are off by as much.
        let actual: Vec<f64> = (0..120).map(|i| f64::from(i / 4)).collect();
        let predicted = vec![0.0; 120];
        let width = |persons: &[u32]| {
            let mae = by_person(&predicted, &actual, persons, &[10.0], 1).unwrap().mae;
            mae.high.unwrap() - mae.low.unwrap()
        };
        let (together, apart): (Vec<u32>, Vec<u32>) = (0..120).map(|i| (i / 4, i)).unzip();
        assert!((1.6..2.4).contains(&(width(&together) / width(&apart))), "{}", width(&together) / width(&apart));
        assert!(by_person(&predicted, &actual, &[0], &[], 1).unwrap_err().to_string().contains("persons"));
    }

    #[test]
    fn wrong_input_is_named() {
        let says = |p: &[f64], a: &[f64], k: f64| regression(p, a, &[k]).unwrap_err().to_string();
        assert!(says(&[1.0], &[], 1.0).contains("expected 1"));
        assert!(says(&[], &[], 1.0).contains("at least 1"));
        assert!(says(&[f64::NAN], &[1.0], 1.0).contains("predicted"));
        assert!(says(&[1.0], &[f64::INFINITY], 1.0).contains("actual"));
        for k in [-1.0, f64::NAN] {
            assert!(says(&[1.0], &[1.0], k).contains("cumulative"));
        }
    }

    proptest! {
        #[test]
        fn cs_grows_with_k_to_one(
            values in prop::collection::vec((-50.0..50.0f64, -50.0..50.0f64), 1..30),
        ) {
            let (p, a): (Vec<f64>, Vec<f64>) = values.into_iter().unzip();
            let r = regression(&p, &a, &[0.0, 1.0, 5.0, 20.0, 100.0]).unwrap();
            prop_assert!(r.cs.windows(2).all(|w| w[0].share.value <= w[1].share.value));
            prop_assert_eq!(r.cs[4].share.value, 1.0);
        }
    }
}
