//! A margin against the best margin of its loss, seed by seed.

use super::Group;
use crate::bootstrap::{self, Bootstrap, RESAMPLES};
use crate::error::Result;
use crate::holm::holm;
use crate::interval::{LEVEL, Mean, paired_difference};
use crate::paired::{paired_t, sign_flip};

/// An adjusted p at or below this is called significant.
pub const SIGNIFICANT: f64 = 0.05;

/// The test accuracy of a margin minus that of the best margin, over the seeds that both
/// were trained with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Difference {
    /// Mean difference, number of seeds, and the 95 % Student-t interval.
    pub mean: Mean,
    /// The same mean with its 95 % BCa bootstrap interval, too narrow for few seeds.
    pub bootstrap: Bootstrap,
    /// Two-sided p of the paired t-test, or of the sign-flip test where all differences
    /// are equal: a spread that was not seen is not known to be 0.
    pub p: f64,
    /// `p` by Holm's rule over all margins compared with this best one.
    pub p_adjusted: f64,
    /// Two-sided p of the sign-flip test, at least 2^(1−n).
    pub p_sign_flip: f64,
    /// `p_sign_flip` by the same rule.
    pub p_sign_flip_adjusted: f64,
}

impl Difference {
    /// Whether the margin is behind the best one by more than chance between seeds
    /// explains: a negative mean and an adjusted p of at most [`SIGNIFICANT`].
    pub fn is_below(&self) -> bool {
        self.mean.value < 0.0 && self.p_adjusted <= SIGNIFICANT
    }
}

/// Each group against `groups[best]`; none for the best itself and for a group with fewer
/// than two seeds in common with it.
pub(super) fn differences(groups: &[Group], best: usize, seed: u64) -> Result<Vec<Option<Difference>>> {
    let mut out = Vec::with_capacity(groups.len());
    for (i, group) in groups.iter().enumerate() {
        let (a, b) = group.paired(&groups[best]);
        if i == best || a.len() < 2 {
            out.push(None);
            continue;
        }
        let (t, flip) = (paired_t(&a, &b)?, sign_flip(&a, &b, seed)?);
        let p = if t.t.is_infinite() { flip.p } else { t.p };
        out.push(Some(Difference {
            mean: paired_difference(&a, &b, LEVEL)?,
            bootstrap: bootstrap::paired_difference(&a, &b, LEVEL, RESAMPLES, seed)?,
            p,
            p_adjusted: p,
            p_sign_flip: flip.p,
            p_sign_flip_adjusted: flip.p,
        }));
    }
    let raw = |p: fn(&Difference) -> f64| -> Vec<f64> { out.iter().flatten().map(p).collect() };
    let (adjusted, flips) = (holm(&raw(|d| d.p))?, holm(&raw(|d| d.p_sign_flip))?);
    for (d, (p, flip)) in out.iter_mut().flatten().zip(adjusted.into_iter().zip(flips)) {
        (d.p_adjusted, d.p_sign_flip_adjusted) = (p, flip);
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::super::Cell;
    use super::*;
    use crate::fixtures::cell;

    fn group(margin: f64, correct: &[u64]) -> Group {
        let cells: Vec<Cell> =
            correct.iter().enumerate().map(|(s, c)| cell("a", margin, 0.1, s as u64, 0.9, *c)).collect();
        Group::of(&cells.iter().collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn paired_over_common_seeds_and_adjusted_over_the_margins() {
        let groups = [
            group(0.1, &[950, 940, 955, 948]),
            group(0.2, &[960, 951, 966, 957]),
            group(0.3, &[958, 953, 964, 959]),
            group(0.4, &[900]),
        ];
        let d = differences(&groups, 1, 1).unwrap();
        assert!(d[1].is_none() && d[3].is_none());
        let below = d[0].unwrap();
        // −10, −11, −11, −9 of 1000: t = −0.01025/(0.000957/2) = −21.4, p = 2.2·10⁻⁴.
        assert!((below.mean.value + 0.010_25).abs() < 1e-9 && (below.p - 2.229_084_4e-4).abs() < 1e-6, "{below:?}");
        assert!((below.p_adjusted - 2.0 * below.p).abs() < 1e-12 && below.is_below());
        assert_eq!((below.p_sign_flip, below.p_sign_flip_adjusted), (0.125, 0.25));
        assert!(below.bootstrap.high < 0.0 && below.mean.high.unwrap() < 0.0);
        let same = d[2].unwrap();
        assert!(same.p_adjusted > 0.5 && !same.is_below(), "{same:?}");
    }

    #[test]
    fn differences_without_a_spread_are_judged_by_their_signs() {
        let d = differences(&[group(0.1, &[949, 939]), group(0.2, &[950, 940])], 1, 1).unwrap();
        let d = d[0].unwrap();
        assert_eq!(d.p, 0.5);
        assert!(!d.is_below(), "two equal differences of one image are no proof: {d:?}");
    }
}
