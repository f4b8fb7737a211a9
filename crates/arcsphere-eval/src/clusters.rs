//! The bootstrap of what each unit (a subject, a person) has a part in.

use rayon::prelude::*;

use crate::bootstrap::Bca;
use crate::interval::{Estimate, LEVEL};
use crate::random::{below, keyed};

/// Resamples behind an interval.
const RESAMPLES: u64 = 2000;

/// Most parts of the units that are left out in turn.
const PARTS: usize = 400;

/// `statistic` of weights of all units, with BCa's interval over resamples of `units` units: weights say how often each
/// was drawn. A resample of which it is none is left out; without an interval where all are one.
pub(crate) fn estimate(units: usize, seed: u64, statistic: impl Fn(&[f64]) -> Option<f64> + Sync) -> Option<Estimate> {
    let value = statistic(&vec![1.0; units])?;
    let drawn = |i: u64| {
        let mut rng = keyed(b"clusters", seed, i);
        let mut weights = vec![0.0; units];
        (0..units).for_each(|_| weights[below(&mut rng, units)] += 1.0);
        weights
    };
    let resamples: Vec<f64> = (0..RESAMPLES).into_par_iter().filter_map(|i| statistic(&drawn(i))).collect();
    let parts = units.min(PARTS);
    let left_out = |part: usize| {
        let mut weights = vec![1.0; units];
        weights.iter_mut().skip(part).step_by(parts).for_each(|w| *w = 0.0);
        weights
    };
    let jackknife: Vec<f64> = (0..parts).into_par_iter().filter_map(|p| statistic(&left_out(p))).collect();
    let estimate = Estimate::new(value);
    Some(match Bca::new(value, resamples, &jackknife) {
        Some(bca) => {
            let (low, high) = bca.interval(LEVEL);
            estimate.within(low, high)
        }
        None => estimate,
    })
}

/// Σ w·sum / Σ w·count over units.
pub(crate) fn ratio(parts: &[(f64, f64)], weights: &[f64]) -> Option<f64> {
    let (sum, count) =
        parts.iter().zip(weights).fold((0.0, 0.0), |(s, n), ((sum, count), w)| (s + w * sum, n + w * count));
    (count > 0.0).then_some(sum / count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_of_one_value_are_a_mean() {
        let values = [0.2, 0.5, 1.1, 4.0, 9.5, 0.7];
        let parts: Vec<(f64, f64)> = values.iter().map(|v| (*v, 1.0)).collect();
        let found = estimate(6, 1, |w| ratio(&parts, w)).unwrap();
        let mean = crate::bootstrap::mean(&values, LEVEL, 20_000, 1).unwrap();
        assert!((found.value - mean.value).abs() < 1e-12);
        let near = |a: Option<f64>, b: f64| (a.unwrap() - b).abs() < 0.6;
        assert!(near(found.low, mean.low) && near(found.high, mean.high), "{found:?} {mean:?}");
        assert_eq!(estimate(0, 1, |w| ratio(&[], w)), None);
        assert_eq!(estimate(3, 1, |w| ratio(&[(1.0, 1.0); 3], w)), Some(Estimate::new(1.0)));
    }
}
