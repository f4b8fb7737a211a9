//! Tests of two paired series: is their mean difference other than zero?
//!
//! | test | what it assumes | smallest p from n pairs |
//! | --- | --- | --- |
//! | [`paired_t`] | differences normal, independent | none |
//! | [`sign_flip`] | differences symmetric about 0 if there is no effect | 2^(1−n) |
//!
//! Both are two-sided. With n ≤ 5 pairs the second cannot come below 0.05, whatever the
//! differences: a p of 0.06 from five seeds that all agree is its best, not a doubt.

use rand::Rng;
use serde::{Deserialize, Serialize};

use crate::error::{EvalError, Result};
use crate::interval::{central_probability, differences, mean};
use crate::random::keyed;

/// Up to here all 2ⁿ sign patterns are counted.
pub const EXACT: usize = 16;

/// Sign patterns drawn beyond [`EXACT`].
pub const FLIPS: u64 = 100_000;

/// Student's paired t-test.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct PairedT {
    /// Number of pairs, n; the degrees of freedom are n − 1.
    pub n: usize,
    /// Mean of aᵢ − bᵢ.
    pub difference: f64,
    /// d̄/(sd/√n); infinite where all differences are equal and not 0.
    pub t: f64,
    /// Two-sided p: P(|T| ≥ |t|) if there is no difference.
    pub p: f64,
}

/// The paired t-test of `a` against `b`: t = d̄/(sd/√n), dᵢ = aᵢ − bᵢ.
///
/// Differences that are all 0 have t = 0 and p = 1; that are all equal and not 0, p = 0:
/// no spread was seen, which with two or three pairs of rounded numbers says little.
///
/// # Errors
/// [`EvalError::TooFew`] for fewer than two pairs, [`EvalError::Length`],
/// [`EvalError::NotFinite`].
pub fn paired_t(a: &[f64], b: &[f64]) -> Result<PairedT> {
    let d = differences(a, b)?;
    let m = mean(&d)?;
    let Some(sd) = m.sd else {
        return Err(EvalError::TooFew { what: "a paired t-test", got: 1, needed: 2 });
    };
    let n = m.n;
    let difference = m.value;
    // Equal differences leave a spread of rounding only.
    let none = sd <= 1e-12 * d.iter().fold(0.0f64, |most, v| most.max(v.abs()));
    let t = match (none, difference == 0.0) {
        (_, true) => 0.0,
        (true, _) => f64::INFINITY.copysign(difference),
        _ => difference / (sd / (n as f64).sqrt()),
    };
    let p = if t.is_infinite() { 0.0 } else { (1.0 - central_probability(t.abs(), n - 1)).clamp(0.0, 1.0) };
    Ok(PairedT { n, difference, t, p })
}

/// The sign-flip permutation test.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct SignFlip {
    /// Number of pairs, n.
    pub n: usize,
    /// Mean of aᵢ − bᵢ.
    pub difference: f64,
    /// Two-sided p, never 0.
    pub p: f64,
    /// Whether all 2ⁿ sign patterns were counted; otherwise [`FLIPS`] of them were drawn.
    pub exact: bool,
}

/// The sign-flip test of `a` against `b` (Fisher, The Design of Experiments, 1935, §21):
/// the share of sign patterns s ∈ {−1, 1}ⁿ with |Σsᵢdᵢ| ≥ |Σdᵢ|, dᵢ = aᵢ − bᵢ.
///
/// Exact for n ≤ [`EXACT`]. Beyond, [`FLIPS`] patterns are drawn from `seed` and
/// p = (1 + as large)/(1 + drawn), which cannot understate it (Phipson and Smyth, 2010).
///
/// # Errors
/// [`EvalError::TooFew`] without a pair, [`EvalError::Length`], [`EvalError::NotFinite`].
///
/// ```
/// let p = arcsphere_eval::paired::sign_flip(&[0.97, 0.95, 0.96], &[0.96, 0.94, 0.93], 1)?.p;
/// assert_eq!(p, 0.25); // 2 of 8: the smallest that three pairs can give
/// # Ok::<(), arcsphere_eval::EvalError>(())
/// ```
pub fn sign_flip(a: &[f64], b: &[f64], seed: u64) -> Result<SignFlip> {
    let d = differences(a, b)?;
    let difference = mean(&d)?.value;
    let n = d.len();
    // Patterns of the same sum differ by rounding; they are ties, and count.
    let rounding = 8.0 * f64::EPSILON * a.iter().chain(b).map(|v| v.abs()).sum::<f64>();
    let bar = d.iter().sum::<f64>().abs() - rounding;
    let as_large = |flips: &[u64]| {
        let sign = |i: usize| if flips[i / 64] >> (i % 64) & 1 == 1 { -1.0 } else { 1.0 };
        d.iter().enumerate().map(|(i, v)| sign(i) * v).sum::<f64>().abs() >= bar
    };
    let exact = n <= EXACT;
    let p = if exact {
        let all = 1_u64 << n;
        (0..all).filter(|pattern| as_large(&[*pattern])).count() as f64 / all as f64
    } else {
        let mut rng = keyed(b"signflip", seed, 0);
        let mut flips = vec![0; n.div_ceil(64)];
        let mut count = 0_u64;
        for _ in 0..FLIPS {
            flips.iter_mut().for_each(|word| *word = rng.next_u64());
            count += u64::from(as_large(&flips));
        }
        (1 + count) as f64 / (1 + FLIPS) as f64
    };
    Ok(SignFlip { n, difference, p, exact })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Darwin's cross- and self-fertilized maize: differences in height of fifteen pairs,
    /// in eighths of an inch.
    const DARWIN: [f64; 15] =
        [49.0, -67.0, 8.0, 16.0, 6.0, 23.0, 28.0, 41.0, 14.0, 29.0, 56.0, 24.0, 75.0, 60.0, -48.0];

    #[test]
    fn darwins_plants_as_fisher_counted_them() {
        // The Design of Experiments, §17 and §21: t = 2.148, 14 degrees of freedom; 863 of
        // 32 768 patterns sum to +314 or more, and as many to −314 or less.
        let zero = [0.0; 15];
        let t = paired_t(&DARWIN, &zero).unwrap();
        assert!((t.t - 2.148).abs() < 5e-4 && (t.p - 0.0497).abs() < 5e-5, "{t:?}");
        let s = sign_flip(&DARWIN, &zero, 1).unwrap();
        assert_eq!((s.p, s.exact, s.n), (2.0 * 863.0 / 32_768.0, true, 15));
    }

    #[test]
    fn beyond_sixteen_pairs_the_drawn_p_is_near_the_normal_one() {
        // Two copies: z = Σd/√Σd² = √2 times that of one. Φ as a check from elsewhere.
        let twice: Vec<f64> = DARWIN.iter().chain(&DARWIN).copied().collect();
        let s = sign_flip(&twice, &[0.0; 30], 7).unwrap();
        let z = twice.iter().sum::<f64>() / twice.iter().map(|d| d * d).sum::<f64>().sqrt();
        let normal = 2.0 * (1.0 - crate::normal::cumulative(z));
        assert!(!s.exact && (s.p - normal).abs() < 0.003, "{} against {normal}", s.p);
        assert_eq!(s, sign_flip(&twice, &[0.0; 30], 7).unwrap());
    }

    #[test]
    fn no_spread_and_no_difference() {
        let same = paired_t(&[1.0, 2.0], &[1.0, 2.0]).unwrap();
        assert_eq!((same.t, same.p), (0.0, 1.0));
        let steady = paired_t(&[0.93, 0.95, 0.97], &[0.92, 0.94, 0.96]).unwrap();
        assert_eq!((steady.t, steady.p), (f64::INFINITY, 0.0));
        // Steps of 0.001 that sum to 0, but for rounding: every pattern is as large.
        let flips = sign_flip(&[0.951, 0.963, 0.940], &[0.950, 0.961, 0.943], 1).unwrap();
        assert_eq!((flips.p, flips.exact), (1.0, true));
    }

    #[test]
    fn wrong_input_is_named() {
        assert!(paired_t(&[1.0], &[2.0]).unwrap_err().to_string().contains("at least 2"));
        assert!(paired_t(&[1.0], &[]).is_err() && sign_flip(&[], &[], 1).is_err());
        assert!(sign_flip(&[f64::NAN], &[0.0], 1).is_err());
    }

    proptest! {
        #[test]
        fn exchanging_the_series_changes_the_sign_only(
            d in prop::collection::vec(-1.0..1.0f64, 2..11),
        ) {
            let zero = vec![0.0; d.len()];
            let (t, back) = (paired_t(&d, &zero).unwrap(), paired_t(&zero, &d).unwrap());
            prop_assert_eq!((t.p, t.t), (back.p, -back.t));
            let (s, back) = (sign_flip(&d, &zero, 1).unwrap(), sign_flip(&zero, &d, 2).unwrap());
            prop_assert_eq!(s.p, back.p);
            let least = 2f64.powi(1 - d.len() as i32);
            prop_assert!(least <= s.p && s.p <= 1.0);
            if d.iter().all(|v| *v > 1e-6) {
                prop_assert_eq!(s.p, least);
            }
        }

        #[test]
        fn the_t_test_and_the_t_interval_agree(d in prop::collection::vec(-1.0..1.0f64, 2..12)) {
            let t = paired_t(&d, &vec![0.0; d.len()]).unwrap();
            prop_assume!((t.p - 0.05).abs() > 1e-6);
            let m = mean(&d).unwrap();
            let outside = m.low.unwrap() > 0.0 || m.high.unwrap() < 0.0;
            prop_assert_eq!(outside, t.p < 0.05, "{:?} {:?}", t, m);
        }
    }
}
