//! Bootstrap intervals of a mean and of a paired difference.
//!
//! B resamples of n values each, drawn with replacement; the interval's ends are
//! quantiles α₁ and α₂ of their means, corrected for bias and skew (BCa: Efron,
//! "Better bootstrap confidence intervals", JASA 1987, eq. 2.3):
//!
//! α = Φ(z₀ + (z₀ + z)/(1 − a·(z₀ + z))), z = ∓Φ⁻¹(½ + level/2),
//! z₀ = Φ⁻¹(share of the resamples below the mean, ties by half),
//! a = Σdᵢ³ / (6·(Σdᵢ²)^{3/2}), dᵢ = xᵢ − x̄ (the jackknife's, for a mean).
//!
//! It assumes no distribution, and pays for that where there are few values: nothing
//! outside what was seen is ever drawn. Of normal values a 95 % interval holds the mean
//! in 72 % of the cases for n = 3, 83 % for n = 5, 90 % for n = 10, 92 % for n = 20. With a
//! handful of seeds Student's t ([`interval`](crate::interval)) is the one to claim by.

use serde::{Deserialize, Serialize};

use crate::error::{EvalError, Result};
use crate::interval::{differences, finite};
use crate::normal::{cumulative, quantile};
use crate::random::{below, keyed};

/// Resamples that place the ends of a 95 % interval to about a fiftieth of its width.
pub const RESAMPLES: usize = 10_000;

/// A mean with its BCa bootstrap interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Bootstrap {
    /// Number of values, n.
    pub n: usize,
    /// Arithmetic mean.
    pub value: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// The mean of `values` with its BCa interval at `level` in (0, 1), from `resamples`
/// resamples drawn from `seed`. Values that are all equal have an interval of width 0.
///
/// # Errors
/// [`EvalError::TooFew`] for fewer than two values, whose spread is unknown, or fewer
/// than 100 resamples; [`EvalError::NotFinite`]; [`EvalError::Range`] for the level.
///
/// ```
/// use arcsphere_eval::bootstrap::{RESAMPLES, mean};
/// let b = mean(&[0.96, 0.97, 0.95, 0.98, 0.97], 0.95, RESAMPLES, 1)?;
/// assert!(b.low < b.value && b.value < b.high);
/// assert_eq!(b, mean(&[0.96, 0.97, 0.95, 0.98, 0.97], 0.95, RESAMPLES, 1)?);
/// # Ok::<(), arcsphere_eval::EvalError>(())
/// ```
pub fn mean(values: &[f64], level: f64, resamples: usize, seed: u64) -> Result<Bootstrap> {
    let n = values.len();
    if n < 2 {
        return Err(EvalError::TooFew { what: "a bootstrap", got: n, needed: 2 });
    }
    if resamples < 100 {
        return Err(EvalError::TooFew { what: "the resamples of a bootstrap", got: resamples, needed: 100 });
    }
    if !(level > 0.0 && level < 1.0) {
        return Err(EvalError::Range {
            what: "the level of an interval",
            value: level,
            expected: "a number between 0 and 1, both excluded",
        });
    }
    finite("a value of a bootstrap", values)?;
    let value = values.iter().sum::<f64>() / n as f64;
    let centered: Vec<f64> = values.iter().map(|v| v - value).collect();
    let mut rng = keyed(b"bootstrp", seed, 0);
    let mut sums: Vec<f64> =
        (0..resamples).map(|_| (0..n).map(|_| centered[below(&mut rng, n)]).sum::<f64>()).collect();
    sums.sort_by(f64::total_cmp);

    // Sums of the same values differ by the rounding of their order and of the centering.
    let total = |v: &[f64]| v.iter().map(|x| x.abs()).sum::<f64>();
    let tie = 1e-12 * total(&centered) + 8.0 * f64::EPSILON * total(values);
    let (less, more) = (sums.partition_point(|s| *s < -tie), sums.partition_point(|s| *s <= tie));
    let all = resamples as f64;
    let share = (0.5 * (less + more) as f64 / all).clamp(0.5 / all, 1.0 - 0.5 / all);
    let (cubes, squares) = centered.iter().fold((0.0, 0.0), |(c, s), d| (c + d * d * d, s + d * d));
    let skew = if squares > 0.0 { cubes / (6.0 * squares * squares.sqrt()) } else { 0.0 };
    let (bias, z) = (quantile(share), quantile(0.5 + 0.5 * level));
    let end = |z: f64| value + interpolated(&sums, corrected(bias, skew, z)) / n as f64;
    Ok(Bootstrap { n, value, low: end(-z), high: end(z) })
}

/// The quantile of the resamples at which the interval ends, α of the formula above.
fn corrected(bias: f64, skew: f64, z: f64) -> f64 {
    let below = 1.0 - skew * (bias + z);
    // Past the pole nothing of the resamples lies beyond.
    if below > 0.0 { cumulative(bias + (bias + z) / below) } else { f64::from(u8::from(bias + z > 0.0)) }
}

/// The BCa interval of any statistic: its resamples, and its values with a part of the data left out each.
#[derive(Debug, Clone)]
pub(crate) struct Bca {
    sorted: Vec<f64>,
    bias: f64,
    skew: f64,
}

impl Bca {
    /// None where there are fewer than 100 resamples, or where all are one: such data hold no evidence of a spread.
    pub(crate) fn new(value: f64, mut resamples: Vec<f64>, jackknife: &[f64]) -> Option<Self> {
        resamples.sort_by(f64::total_cmp);
        if resamples.len() < 100 || resamples.first() == resamples.last() {
            return None;
        }
        let (less, more) = (resamples.partition_point(|r| *r < value), resamples.partition_point(|r| *r <= value));
        let all = resamples.len() as f64;
        let share = (0.5 * (less + more) as f64 / all).clamp(0.5 / all, 1.0 - 0.5 / all);
        let center = jackknife.iter().sum::<f64>() / jackknife.len().max(1) as f64;
        let (cubes, squares) = jackknife.iter().fold((0.0, 0.0), |(c, s), v| {
            let d = center - v;
            (c + d * d * d, s + d * d)
        });
        let skew = if squares > 0.0 { cubes / (6.0 * squares * squares.sqrt()) } else { 0.0 };
        Some(Self { sorted: resamples, bias: quantile(share), skew })
    }

    /// The two-sided interval at `level`, in (0, 1).
    pub(crate) fn interval(&self, level: f64) -> (f64, f64) {
        let z = quantile(0.5 + 0.5 * level);
        let end = |z| interpolated(&self.sorted, corrected(self.bias, self.skew, z));
        (end(-z), end(z))
    }

    /// The one-sided upper bound at `level`, in (0, 1).
    pub(crate) fn upper(&self, level: f64) -> f64 {
        interpolated(&self.sorted, corrected(self.bias, self.skew, quantile(level)))
    }
}

/// The mean of `a[i] − b[i]` with its BCa interval; see [`mean`].
///
/// # Errors
/// [`EvalError::Length`] if the two differ in length, else as [`mean`].
pub fn paired_difference(a: &[f64], b: &[f64], level: f64, resamples: usize, seed: u64) -> Result<Bootstrap> {
    mean(&differences(a, b)?, level, resamples, seed)
}

/// The quantile `q` in [0, 1] of sorted values, on the line between its two neighbors.
fn interpolated(sorted: &[f64], q: f64) -> f64 {
    let place = q.clamp(0.0, 1.0) * (sorted.len() - 1) as f64;
    let (i, t) = (place as usize, place.fract());
    sorted[i] + t * (sorted[(i + 1).min(sorted.len() - 1)] - sorted[i])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn agrees_with_scipy() {
        // scipy.stats.bootstrap of the mean, BCa, 400 000 resamples, the mean of three
        // seeds. The first are Darwin's differences between fifteen pairs of plants.
        let darwin = [49.0, -67.0, 8.0, 16.0, 6.0, 23.0, 28.0, 41.0, 14.0, 29.0, 56.0, 24.0, 75.0, 60.0, -48.0];
        for (values, low, high, tolerance) in
            [(&darwin[..], -1.60, 36.36, 0.25), (&[0.2, 0.5, 1.1, 4.0, 9.5, 0.7], 0.733, 6.72, 0.06)]
        {
            let b = mean(values, 0.95, 100_000, 3).unwrap();
            assert!((b.low - low).abs() < tolerance && (b.high - high).abs() < tolerance, "{b:?}");
        }
    }

    #[test]
    fn equal_values_have_no_width() {
        let b = mean(&[0.7; 5], 0.95, 100, 1).unwrap();
        assert!((b.low - 0.7).abs() < 1e-15 && (b.high - 0.7).abs() < 1e-15, "{b:?}");
    }

    #[test]
    fn a_tie_is_a_tie_far_from_zero_too() {
        // Half of the resamples of two values are their mean, but for rounding.
        let near = [-3.688_209_330_139_243_6, -3.678_674_421_344_922_5];
        let far = near.map(|v| v + 94.313_083_601_569_69);
        let (a, b) = (mean(&near, 0.95, 400, 5).unwrap(), mean(&far, 0.95, 400, 5).unwrap());
        assert!((a.high - a.low - (b.high - b.low)).abs() < 1e-9, "{a:?} {b:?}");
    }

    #[test]
    fn pairing_takes_out_what_both_share() {
        let a = [0.95, 0.90, 0.97, 0.92];
        let b = [0.94, 0.88, 0.96, 0.91];
        let d = paired_difference(&a, &b, 0.95, RESAMPLES, 1).unwrap();
        assert!((d.value - 0.0125).abs() < 1e-12 && d.low > 0.009 && d.high < 0.021, "{d:?}");
        assert!(paired_difference(&a, &b[..3], 0.95, RESAMPLES, 1).is_err());
    }

    #[test]
    fn wrong_input_is_named() {
        let says = |v: &[f64], level, resamples| mean(v, level, resamples, 1).unwrap_err().to_string();
        assert!(says(&[1.0], 0.95, 100).contains("at least 2"));
        assert!(says(&[1.0, 2.0], 0.95, 99).contains("at least 100"));
        assert!(says(&[1.0, 2.0], 1.0, 100).contains("level"));
        assert!(says(&[1.0, f64::INFINITY], 0.95, 100).contains("index 1"));
    }

    proptest! {
        #[test]
        fn holds_its_mean_moves_with_its_values_and_repeats(
            values in prop::collection::vec(-5.0..5.0f64, 2..30),
            seed in any::<u64>(),
            shift in -100.0..100.0f64,
        ) {
            let b = mean(&values, 0.95, 400, seed).unwrap();
            let slack = 1e-9;
            prop_assert!(b.low <= b.value + slack && b.value <= b.high + slack, "{:?}", b);
            let (least, most) = values.iter().fold((5.0f64, -5.0f64), |(l, m), v| (l.min(*v), m.max(*v)));
            prop_assert!(least - slack <= b.low && b.high <= most + slack, "{:?}", b);
            prop_assert_eq!(b, mean(&values, 0.95, 400, seed).unwrap());

            let moved: Vec<f64> = values.iter().map(|v| v + shift).collect();
            let m = mean(&moved, 0.95, 400, seed).unwrap();
            prop_assert!((m.low - b.low - shift).abs() < 1e-6 && (m.high - b.high - shift).abs() < 1e-6);

            let wide = mean(&values, 0.99, 400, seed).unwrap();
            prop_assert!(wide.low <= b.low + slack && b.high <= wide.high + slack);
        }
    }
}
