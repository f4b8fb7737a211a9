//! How sure a number is: intervals of proportions, means and differences.
//!
//! | what | interval |
//! | --- | --- |
//! | proportion k/n | Wilson's score interval (Wilson, JASA 1927) |
//! | mean of n runs | x̄ ± t(n−1) · sd/√n, Student's t |
//! | difference of two paired series | the mean interval of their differences |
//!
//! The mean's interval over seeds speaks of runs with other seeds on the same
//! data; Wilson's speaks of other test samples with the same network. Neither
//! covers both. Intervals that assume no distribution are in
//! [`bootstrap`](crate::bootstrap), tests of differences in [`paired`](crate::paired).

use serde::{Deserialize, Serialize};

use crate::error::{EvalError, Result};

mod estimate;

pub use estimate::{ENOUGH_ERRORS, Estimate};

/// The level of every interval in this crate unless a level is passed: 95 %.
pub const LEVEL: f64 = 0.95;

/// The normal distribution's two-sided 95 % point.
const Z95: f64 = 1.959_963_984_540_054;

/// A proportion with its 95 % Wilson interval; all in [0, 1].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Proportion {
    /// k/n.
    pub value: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// Number of trials, n.
    pub n: u64,
}

/// Wilson's 95 % score interval of `successes` in `n` trials:
///
/// (p + z²/2n ± z·√(p(1−p)/n + z²/4n²)) / (1 + z²/n), p = successes/n.
///
/// Unlike p ± z·√(p(1−p)/n) it stays inside [0, 1] and is never empty at p = 0
/// or 1.
///
/// # Errors
/// [`EvalError::TooFew`] if `n` is 0, [`EvalError::Range`] if `successes > n`.
///
/// ```
/// let p = arcsphere_eval::interval::wilson(95, 100)?;
/// assert!((p.low - 0.8882).abs() < 1e-4 && (p.high - 0.9785).abs() < 1e-4);
/// # Ok::<(), arcsphere_eval::EvalError>(())
/// ```
pub fn wilson(successes: u64, n: u64) -> Result<Proportion> {
    if n == 0 {
        return Err(EvalError::TooFew { what: "a proportion", got: 0, needed: 1 });
    }
    if successes > n {
        return Err(EvalError::Range {
            what: "the number of successes",
            value: successes as f64,
            expected: "at most the number of trials",
        });
    }
    let p = successes as f64 / n as f64;
    let (low, high) = wilson_of(p, n as f64);
    Ok(Proportion { value: p, low, high, n })
}

/// Wilson's interval of a proportion `p` seen in `trials` trials, which need not be a whole number of them.
pub(crate) fn wilson_of(p: f64, trials: f64) -> (f64, f64) {
    let z2 = Z95 * Z95;
    let center = p + z2 / (2.0 * trials);
    let half = Z95 * (p * (1.0 - p) / trials + z2 / (4.0 * trials * trials)).sqrt();
    let scale = 1.0 + z2 / trials;
    // At the two ends the exact bounds are 0 and 1; rounding would miss them.
    let low = if p == 0.0 { 0.0 } else { (center - half) / scale };
    let high = if p == 1.0 { 1.0 } else { (center + half) / scale };
    (low, high)
}

/// A mean with its Student-t interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Mean {
    /// Number of values, n.
    pub n: usize,
    /// Arithmetic mean.
    pub value: f64,
    /// Sample standard deviation (n − 1 below the line); none for one value.
    pub sd: Option<f64>,
    /// Lower end; none for one value, whose spread is unknown.
    pub low: Option<f64>,
    /// Upper end; none for one value.
    pub high: Option<f64>,
}

/// The mean of `values` with its 95 % Student-t interval.
///
/// # Errors
/// [`EvalError::TooFew`] if `values` is empty, [`EvalError::NotFinite`].
pub fn mean(values: &[f64]) -> Result<Mean> {
    mean_at(values, LEVEL)
}

/// The mean of `values` with its Student-t interval at `level` in (0, 1).
///
/// # Errors
/// As [`mean`], and [`EvalError::Range`] for a level outside (0, 1).
pub fn mean_at(values: &[f64], level: f64) -> Result<Mean> {
    let n = values.len();
    if n == 0 {
        return Err(EvalError::TooFew { what: "a mean", got: 0, needed: 1 });
    }
    finite("a value of a mean", values)?;
    let value = values.iter().sum::<f64>() / n as f64;
    if n == 1 {
        student_t(1, level)?;
        return Ok(Mean { n, value, sd: None, low: None, high: None });
    }
    let ss: f64 = values.iter().map(|v| (v - value) * (v - value)).sum();
    let sd = (ss / (n - 1) as f64).sqrt();
    let half = student_t(n - 1, level)? * sd / (n as f64).sqrt();
    Ok(Mean { n, value, sd: Some(sd), low: Some(value - half), high: Some(value + half) })
}

/// The mean of `a[i] − b[i]` with its Student-t interval at `level`.
///
/// Two losses trained with the same seeds and batches share what the seed does
/// to both; the paired interval takes that out.
///
/// # Errors
/// [`EvalError::Length`] if the two differ in length, else as [`mean_at`].
pub fn paired_difference(a: &[f64], b: &[f64], level: f64) -> Result<Mean> {
    mean_at(&differences(a, b)?, level)
}

/// a[i] − b[i].
pub(crate) fn differences(a: &[f64], b: &[f64]) -> Result<Vec<f64>> {
    if a.len() != b.len() {
        return Err(EvalError::Length {
            what: "the second series of a paired difference",
            got: b.len(),
            expected: a.len(),
        });
    }
    Ok(a.iter().zip(b).map(|(x, y)| x - y).collect())
}

/// Refuses a NaN or an infinity by its place.
pub(crate) fn finite(what: &'static str, values: &[f64]) -> Result<()> {
    match values.iter().position(|v| !v.is_finite()) {
        Some(index) => Err(EvalError::NotFinite { what, index, value: values[index] }),
        None => Ok(()),
    }
}

/// The two-sided point t of Student's distribution with `df` degrees of freedom:
/// P(|T| ≤ t) = `level`.
///
/// # Errors
/// [`EvalError::Range`] if `df` is 0 or `level` lies outside (0, 1).
pub fn student_t(df: usize, level: f64) -> Result<f64> {
    if df == 0 {
        return Err(EvalError::Range { what: "the degrees of freedom", value: 0.0, expected: "at least 1" });
    }
    if !(level > 0.0 && level < 1.0) {
        return Err(EvalError::Range {
            what: "the level of an interval",
            value: level,
            expected: "a number between 0 and 1, both excluded",
        });
    }
    // The central probability grows with t, so that halving a bracket finds it.
    let (mut low, mut high) = (0.0, 1.0);
    while central_probability(high, df) < level && high < 1e12 {
        high *= 2.0;
    }
    for _ in 0..200 {
        let middle = 0.5 * (low + high);
        if central_probability(middle, df) < level {
            low = middle;
        } else {
            high = middle;
        }
    }
    Ok(0.5 * (low + high))
}

/// P(|T| ≤ t) for integer degrees of freedom, as the finite sums of Abramowitz
/// and Stegun 26.7.3 and 26.7.4, with θ = arctan(t/√df).
pub(crate) fn central_probability(t: f64, df: usize) -> f64 {
    let theta = (t / (df as f64).sqrt()).atan();
    let (sin, cos) = theta.sin_cos();
    let cos2 = cos * cos;
    if df.is_multiple_of(2) {
        // sin θ · (1 + ½cos²θ + (1·3)/(2·4)cos⁴θ + … up to cos^(df−2)).
        let (mut term, mut sum) = (1.0, 1.0);
        for k in 1..df / 2 {
            term *= cos2 * (2 * k - 1) as f64 / (2 * k) as f64;
            sum += term;
        }
        sin * sum
    } else {
        // 2/π · (θ + sin θ · (cos θ + ⅔cos³θ + … up to cos^(df−2))).
        let mut sum = 0.0;
        if df > 1 {
            let mut term = cos;
            sum = term;
            for k in 1..(df - 1) / 2 {
                term *= cos2 * (2 * k) as f64 / (2 * k + 1) as f64;
                sum += term;
            }
        }
        (theta + sin * sum) * std::f64::consts::FRAC_2_PI
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn t_points_match_the_tables() {
        for (df, expected) in [
            (1, 12.706_205),
            (2, 4.302_653),
            (3, 3.182_446),
            (4, 2.776_445),
            (9, 2.262_157),
            (30, 2.042_272),
            (1000, 1.962_339),
        ] {
            let t = student_t(df, 0.95).unwrap();
            assert!((t - expected).abs() < 1e-5, "df {df}: {t}");
        }
        let t = student_t(4, 0.99).unwrap();
        assert!((t - 4.604_095).abs() < 1e-5, "{t}");
    }

    #[test]
    fn wilson_matches_published_values() {
        // Newcombe, Statistics in Medicine 1998, table I, method 3.
        for (k, n, low, high) in
            [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)]
        {
            let p = wilson(k, n).unwrap();
            assert!((p.low - low).abs() < 6e-5, "{p:?}");
            assert!((p.high - high).abs() < 6e-5, "{p:?}");
        }
    }

    #[test]
    fn a_mean_of_three() {
        let m = mean(&[1.0, 2.0, 3.0]).unwrap();
        assert_eq!((m.n, m.value, m.sd), (3, 2.0, Some(1.0)));
        let half = 4.302_652_7 / 3f64.sqrt();
        assert!((m.high.unwrap() - 2.0 - half).abs() < 1e-6);
        assert!((2.0 - m.low.unwrap() - half).abs() < 1e-6);
    }

    #[test]
    fn one_value_has_no_interval() {
        let m = mean(&[0.97]).unwrap();
        assert_eq!((m.sd, m.low, m.high), (None, None, None));
    }

    #[test]
    fn pairing_takes_out_what_both_share() {
        let a = [0.95, 0.90, 0.97, 0.92];
        let b = [0.94, 0.89, 0.96, 0.91];
        let d = paired_difference(&a, &b, LEVEL).unwrap();
        assert!((d.value - 0.01).abs() < 1e-12);
        assert!(d.sd.unwrap() < 1e-9, "the shared spread must cancel");
        assert!(paired_difference(&a, &b[..3], LEVEL).is_err());
    }

    #[test]
    fn wrong_input_is_named() {
        assert!(wilson(0, 0).unwrap_err().to_string().contains("at least 1"));
        assert!(wilson(3, 2).is_err());
        assert!(mean(&[]).is_err());
        assert!(mean(&[1.0, f64::NAN]).unwrap_err().to_string().contains("index 1"));
        assert!(student_t(0, 0.95).is_err() && student_t(3, 1.0).is_err());
        assert!(student_t(3, f64::NAN).is_err());
    }

    proptest! {
        #[test]
        fn wilson_holds_its_value_and_stays_a_proportion(n in 1u64..5000, share in 0.0..=1.0f64) {
            let k = (share * n as f64) as u64;
            let p = wilson(k, n).unwrap();
            prop_assert!(0.0 <= p.low && p.low <= p.value && p.value <= p.high && p.high <= 1.0);
            prop_assert!(p.low < p.high);
        }
    }
}
