use rayon::prelude::*;

use crate::bootstrap::Bca;
use crate::random::{below, keyed};
use crate::rates::Spread;
use crate::units::Units;

/// Resamples of the units; see [`Verification`](crate::verification::Verification).
const RESAMPLES: usize = 2000;

/// Resamples whose comparisons are counted in one go; it divides their number.
const LANES: usize = 16;

/// The false matches of resamples of the units, as the threshold falls.
pub(crate) struct Resampled {
    /// How often each unit is drawn, resample by resample within a unit.
    drawn: Vec<u16>,
    comparisons: Vec<f64>,
    errors: Vec<f64>,
}

impl Resampled {
    pub(crate) fn new(units: &Units, spread: &Spread, seed: u64) -> Self {
        let n = units.len();
        let mut drawn = vec![0_u16; n * RESAMPLES];
        for i in 0..RESAMPLES {
            let mut rng = keyed(b"calibrat", seed, i as u64);
            for _ in 0..n {
                let times = &mut drawn[below(&mut rng, n) * RESAMPLES + i];
                *times = times.saturating_add(1);
            }
        }
        let starts: Vec<usize> = (0..RESAMPLES).step_by(LANES).collect();
        let counted = |first: &usize| {
            let mut sums = [0.0; LANES];
            for ((a, b), comparisons) in spread.cells() {
                let of = |unit: u32| &drawn[unit as usize * RESAMPLES + first..][..LANES];
                let both = of(a).iter().zip(of(b)).map(|(v, w)| weight(a == b, *v, *w));
                sums.iter_mut().zip(both).for_each(|(s, w)| *s += w * comparisons as f64);
            }
            sums
        };
        let comparisons = starts.par_iter().map(counted).collect::<Vec<_>>().concat();
        Self { drawn, comparisons, errors: vec![0.0; RESAMPLES] }
    }

    /// One more false match in each of these pairs of units.
    pub(crate) fn add(&mut self, cells: &[(u32, u32)]) {
        for &(a, b) in cells {
            let of = |unit: u32| &self.drawn[unit as usize * RESAMPLES..][..RESAMPLES];
            let both = of(a).iter().zip(of(b));
            self.errors.iter_mut().zip(both).for_each(|(e, (v, w))| *e += weight(a == b, *v, *w));
        }
    }

    /// BCa's upper bound of the rate; none where the resamples are too few or all one.
    pub(crate) fn upper(&self, spread: &Spread, level: f64) -> Option<f64> {
        let (k, m) = (spread.errors() as f64, spread.pairs() as f64);
        let counts = self.errors.iter().zip(&self.comparisons).filter(|(_, m)| **m > 0.0);
        let left_out = spread.by_unit().filter(|u| u.0 > 0 && (u.0 as f64) < m);
        let jackknife: Vec<f64> = left_out.map(|u| (k - u.1 as f64) / (m - u.0 as f64)).collect();
        Bca::new(k / m, counts.map(|(k, m)| k / m).collect(), &jackknife).map(|bca| bca.upper(level))
    }
}

fn weight(is_one: bool, a: u16, b: u16) -> f64 {
    if is_one { f64::from(a) } else { f64::from(a) * f64::from(b) }
}
