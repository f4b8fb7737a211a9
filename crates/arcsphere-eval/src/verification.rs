//! Verification: are two embeddings of one class?
//!
//! A pair is accepted where its score ≥ a threshold. Over all thresholds:
//!
//! * FMR = accepted impostor pairs / impostor pairs,
//! * TMR = accepted genuine pairs / genuine pairs, FNMR = 1 − TMR,
//! * EER: where FMR = FNMR,
//! * TMR@FMR (TAR@FAR): the largest TMR whose FMR does not exceed a target,
//! * AUC: the chance that a genuine pair outscores an impostor pair, a tie
//!   counting half.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

mod of_scores;
mod weighted;

pub use of_scores::{OperatingEstimate, Verification, Verified};

use crate::error::{EvalError, Result, rows};
use crate::interval::{Proportion, wilson};

/// Cosine scores of pairs of rows of `embeddings` `[N, dim]`, in [−1, 1].
///
/// The product is accumulated in `f64`. A row of zeros has no direction; its
/// cosine with anything is taken as 0.
///
/// # Errors
/// [`EvalError::Index`] for a row that does not exist, [`EvalError::NotFinite`]
/// or [`EvalError::Length`] for broken embeddings.
pub fn pair_scores(embeddings: &[f32], dim: usize, pairs: &[(u32, u32)]) -> Result<Vec<f32>> {
    let n = rows("the embeddings", embeddings, dim)?;
    for (position, &(a, b)) in pairs.iter().enumerate() {
        let index = a.max(b) as usize;
        if index >= n {
            return Err(EvalError::Index { what: "a pair's row", position, index, limit: n });
        }
    }
    let row = |i: u32| &embeddings[i as usize * dim..][..dim];
    let dot = |a: &[f32], b: &[f32]| -> f64 { a.iter().zip(b).map(|(x, y)| f64::from(*x) * f64::from(*y)).sum() };
    let norms: Vec<f64> = embeddings.chunks_exact(dim).map(|x| dot(x, x).sqrt()).collect();
    Ok(pairs
        .par_iter()
        .map(|&(a, b)| {
            let norm = norms[a as usize] * norms[b as usize];
            if norm > 0.0 { (dot(row(a), row(b)) / norm).clamp(-1.0, 1.0) as f32 } else { 0.0 }
        })
        .collect())
}

/// What a threshold accepts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RocPoint {
    /// Accept where score ≥ threshold; +∞ at the point that accepts nothing.
    pub threshold: f32,
    /// Accepted genuine pairs.
    pub true_matches: u64,
    /// Accepted impostor pairs.
    pub false_matches: u64,
}

/// The receiver operating characteristic: one point a distinct score, from
/// "accept nothing" to "accept everything". Equal scores make one point, as no
/// threshold can tell them apart.
#[derive(Debug, Clone, PartialEq)]
pub struct Roc {
    points: Vec<RocPoint>,
    genuine: u64,
    impostor: u64,
}

/// The equal error rate.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Eer {
    /// The rate, in [0, 1].
    pub value: f64,
    /// The first threshold, from the strictest down, at which FMR ≥ FNMR.
    pub threshold: f32,
}

/// TMR at a target FMR.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OperatingPoint {
    /// The FMR asked for.
    pub target_fmr: f64,
    /// Accept where score ≥ threshold; +∞ where only accepting nothing keeps the
    /// target.
    pub threshold: f32,
    /// The TMR there, with its interval and the number of genuine pairs.
    pub tmr: Proportion,
    /// The FMR there, at most the target, with its interval and the number of
    /// impostor pairs.
    pub fmr: Proportion,
}

impl Roc {
    /// Sorts `scores` once; `genuine[i]` says whether pair i is of one class.
    ///
    /// # Errors
    /// [`EvalError::Length`], [`EvalError::NotFinite`] for a NaN or an infinite
    /// score, [`EvalError::NoGenuine`], [`EvalError::NoImpostor`].
    ///
    /// ```
    /// use arcsphere_eval::verification::Roc;
    /// let roc = Roc::new(&[0.9, 0.8, 0.3, 0.1], &[true, true, false, false])?;
    /// assert_eq!(roc.eer().value, 0.0);
    /// assert_eq!(roc.tmr_at_fmr(0.5)?.tmr.value, 1.0);
    /// # Ok::<(), arcsphere_eval::EvalError>(())
    /// ```
    pub fn new(scores: &[f32], genuine: &[bool]) -> Result<Self> {
        if scores.len() != genuine.len() {
            return Err(EvalError::Length {
                what: "the list of genuine flags",
                got: genuine.len(),
                expected: scores.len(),
            });
        }
        if let Some(index) = scores.iter().position(|s| !s.is_finite()) {
            return Err(EvalError::NotFinite { what: "the score", index, value: f64::from(scores[index]) });
        }
        let pairs = scores.len();
        let positives = genuine.iter().filter(|g| **g).count() as u64;
        let negatives = pairs as u64 - positives;
        if positives == 0 {
            return Err(EvalError::NoGenuine { pairs });
        }
        if negatives == 0 {
            return Err(EvalError::NoImpostor { pairs });
        }
        // −0.0 and 0.0 are one threshold; adding 0.0 makes them one bit pattern.
        let mut sorted: Vec<(f32, bool)> = scores.iter().map(|s| s + 0.0).zip(genuine.iter().copied()).collect();
        sorted.par_sort_unstable_by(|a, b| b.0.total_cmp(&a.0));

        let mut points = vec![RocPoint { threshold: f32::INFINITY, true_matches: 0, false_matches: 0 }];
        let (mut tm, mut fm) = (0, 0);
        for group in sorted.chunk_by(|a, b| a.0 == b.0) {
            let genuine_here = group.iter().filter(|s| s.1).count() as u64;
            tm += genuine_here;
            fm += group.len() as u64 - genuine_here;
            points.push(RocPoint { threshold: group[0].0, true_matches: tm, false_matches: fm });
        }
        Ok(Self { points, genuine: positives, impostor: negatives })
    }

    /// The points, thresholds falling.
    pub fn points(&self) -> &[RocPoint] {
        &self.points
    }

    /// Number of genuine pairs.
    pub fn genuine(&self) -> u64 {
        self.genuine
    }

    /// Number of impostor pairs.
    pub fn impostor(&self) -> u64 {
        self.impostor
    }

    /// FMR of a point of this curve, in [0, 1].
    pub fn fmr(&self, point: &RocPoint) -> f64 {
        point.false_matches as f64 / self.impostor as f64
    }

    /// TMR of a point of this curve, in [0, 1].
    pub fn tmr(&self, point: &RocPoint) -> f64 {
        point.true_matches as f64 / self.genuine as f64
    }

    /// The equal error rate.
    ///
    /// Going down the thresholds FMR rises from 0 and FNMR falls from 1. Between
    /// the last point with FMR < FNMR and the next one both are taken as
    /// straight lines; the rate is where the lines meet.
    pub fn eer(&self) -> Eer {
        let gap = |p: &RocPoint| self.fmr(p) - (1.0 - self.tmr(p));
        // The gap runs from −1 at the first point to +1 at the last one.
        let i = self.points.partition_point(|p| gap(p) < 0.0);
        let (before, after) = (&self.points[i - 1], &self.points[i]);
        let (g0, g1) = (gap(before), gap(after));
        let t = -g0 / (g1 - g0);
        Eer { value: self.fmr(before) + t * (self.fmr(after) - self.fmr(before)), threshold: after.threshold }
    }

    /// The largest TMR whose FMR does not exceed `target_fmr`: never a point
    /// beyond the target, however near. Below 1/impostor it is the TMR without a false match, and no
    /// FMR is shown by it: ask [`Roc::admitted`].
    ///
    /// # Errors
    /// [`EvalError::Range`] unless 0 ≤ `target_fmr` ≤ 1.
    pub fn tmr_at_fmr(&self, target_fmr: f64) -> Result<OperatingPoint> {
        if !(0.0..=1.0).contains(&target_fmr) {
            return Err(EvalError::Range {
                what: "the target FMR",
                value: target_fmr,
                expected: "a number from 0 to 1",
            });
        }
        // Both rates grow along the points, so the last legal point is the best;
        // the first point has FMR 0 and is always legal.
        let legal = self.points.partition_point(|p| self.fmr(p) <= target_fmr);
        let best = self.tmr(&self.points[legal - 1]);
        // Of the points with this TMR the strictest: it accepts fewest impostors.
        let i = self.points.partition_point(|p| self.tmr(p) < best);
        let point = self.points[i];
        Ok(OperatingPoint {
            target_fmr,
            threshold: point.threshold,
            tmr: wilson(point.true_matches, self.genuine)?,
            fmr: wilson(point.false_matches, self.impostor)?,
        })
    }

    /// The most false matches that an FMR of at most `target_fmr` has: what a TMR there rests on. None is
    /// what makes a rate too fine for these pairs, for the smallest that they show is 1/impostor; fewer than
    /// [`ENOUGH_ERRORS`](crate::interval::ENOUGH_ERRORS) make it a rough one.
    ///
    /// ```
    /// use arcsphere_eval::verification::Roc;
    /// let (scores, genuine): (Vec<f32>, Vec<bool>) = (0..1008).map(|i| (i as f32, i >= 1000)).unzip();
    /// let roc = Roc::new(&scores, &genuine)?;
    /// assert_eq!([0.1, 1e-3, 9e-4].map(|fmr| roc.admitted(fmr)), [100, 1, 0]);
    /// # Ok::<(), arcsphere_eval::EvalError>(())
    /// ```
    pub fn admitted(&self, target_fmr: f64) -> u64 {
        let rate = |k: u64| k as f64 / self.impostor as f64;
        let k = ((target_fmr * self.impostor as f64).max(0.0) as u64).min(self.impostor);
        // The product is rounded; the rates themselves decide, as in `tmr_at_fmr`.
        match () {
            () if k < self.impostor && rate(k + 1) <= target_fmr => k + 1,
            () if rate(k) > target_fmr => k.saturating_sub(1),
            () => k,
        }
    }

    /// What the TMR of an operating point rests on: the fewer of the false matches that its target admits
    /// and the false non-matches there are.
    pub(crate) fn errors_at(&self, point: &OperatingPoint) -> u64 {
        let rejected = ((1.0 - point.tmr.value) * self.genuine as f64).round() as u64;
        self.admitted(point.target_fmr).min(rejected)
    }

    /// The whole errors of the scarcer kind of pairs that the EER is a share of.
    pub(crate) fn errors_at_eer(&self) -> u64 {
        // Shares of pairs are rounded; a part of an error is none.
        (self.eer().value * self.genuine.min(self.impostor) as f64 + 1e-9) as u64
    }

    /// Area under the curve, in [0, 1]; equal to the Mann–Whitney statistic.
    pub fn auc(&self) -> f64 {
        // Twice the area in units of one pair, kept in integers: exact.
        let twice: u128 = self
            .points
            .windows(2)
            .map(|w| {
                u128::from(w[1].false_matches - w[0].false_matches) * u128::from(w[1].true_matches + w[0].true_matches)
            })
            .sum();
        twice as f64 / (2.0 * self.genuine as f64 * self.impostor as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// (FMR, TMR) of one threshold, counted pair by pair.
    fn rates(scores: &[f32], genuine: &[bool], threshold: f32) -> (f64, f64) {
        let count = |want: bool| {
            let of: Vec<_> = scores.iter().zip(genuine).filter(|(_, g)| **g == want).collect();
            of.iter().filter(|(s, _)| **s >= threshold).count() as f64 / of.len() as f64
        };
        (count(false), count(true))
    }

    #[test]
    fn never_the_nearest() {
        // 10 impostors: FMR steps are 0.1. At a target of 0.19 the nearest step
        // is 0.2; the answer must be that of 0.1.
        let mut scores = vec![0.95, 0.85, 0.75];
        let mut genuine = vec![true; 3];
        for i in 0..10 {
            scores.push(0.9 - 0.1 * i as f32);
            genuine.push(false);
        }
        let roc = Roc::new(&scores, &genuine).unwrap();
        let p = roc.tmr_at_fmr(0.19).unwrap();
        assert_eq!((p.fmr.value, p.tmr.value), (0.1, 2.0 / 3.0));
        assert_eq!(p.threshold, 0.85);
        let strict = roc.tmr_at_fmr(0.0).unwrap();
        assert_eq!((strict.threshold, strict.tmr.value), (0.95, 1.0 / 3.0));
        assert_eq!(roc.tmr_at_fmr(1.0).unwrap().tmr.value, 1.0);
    }

    #[test]
    fn when_nothing_keeps_the_target_nothing_is_accepted() {
        let roc = Roc::new(&[0.9, 0.5], &[false, true]).unwrap();
        let p = roc.tmr_at_fmr(0.5).unwrap();
        assert_eq!((p.tmr.value, p.fmr.value), (0.0, 0.0));
        assert_eq!(p.threshold, f32::INFINITY);
    }

    #[test]
    fn ties_are_one_threshold() {
        let roc = Roc::new(&[0.5, 0.5, 0.5, 0.5], &[true, false, true, false]).unwrap();
        assert_eq!(roc.points().len(), 2);
        assert_eq!(roc.eer().value, 0.5);
        assert_eq!(roc.auc(), 0.5);
        assert_eq!(roc.tmr_at_fmr(0.9).unwrap().tmr.value, 0.0);
        let zeros = Roc::new(&[0.0, -0.0], &[true, false]).unwrap();
        assert_eq!(zeros.points().len(), 2);
    }

    #[test]
    fn eer_between_two_points() {
        // Points (FMR, FNMR): (0, 1), (0, ½), (1, ½), (1, 0). The lines cross
        // between the second and the third, at FMR = ½.
        let roc = Roc::new(&[0.9, 0.6, 0.3], &[true, false, true]).unwrap();
        assert!((roc.eer().value - 0.5).abs() < 1e-12);
        assert_eq!(roc.eer().threshold, 0.6);
    }

    #[test]
    fn a_wrong_way_round_system_has_eer_one() {
        let roc = Roc::new(&[0.1, 0.9], &[true, false]).unwrap();
        assert_eq!((roc.eer().value, roc.auc()), (1.0, 0.0));
    }

    #[test]
    fn wrong_input_is_named() {
        let name = |s: &[f32], g: &[bool]| Roc::new(s, g).unwrap_err().to_string();
        assert!(name(&[0.1], &[false]).contains("no genuine pair"));
        assert!(name(&[0.1], &[true]).contains("no impostor pair"));
        assert!(name(&[0.1, f32::NAN], &[true, false]).contains("index 1 is NaN"));
        assert!(name(&[0.1, f32::INFINITY], &[true, false]).contains("finite"));
        assert!(name(&[0.1], &[true, false]).contains("expected 1"));
        assert!(name(&[], &[]).contains("no genuine pair"));
        let roc = Roc::new(&[0.9, 0.1], &[true, false]).unwrap();
        assert!(roc.tmr_at_fmr(f64::NAN).is_err() && roc.tmr_at_fmr(-0.1).is_err());
    }

    #[test]
    fn scores_are_cosines_and_a_zero_row_scores_zero() {
        let x = [3.0, 0.0, 0.0, 5.0, -2.0, 0.0, 0.0, 0.0, 1.0, 1.0];
        let s = pair_scores(&x, 2, &[(0, 1), (0, 2), (0, 0), (0, 3), (0, 4)]).unwrap();
        let expected = [0.0, -1.0, 1.0, 0.0, std::f32::consts::FRAC_1_SQRT_2];
        assert_eq!(s, expected);
        assert!(pair_scores(&x, 2, &[(0, 5)]).unwrap_err().to_string().contains("less than 5"));
        assert!(pair_scores(&x, 3, &[]).is_err());
    }

    proptest! {
        #[test]
        fn agrees_with_counting(
            // Few distinct scores, so that ties are common.
            pairs in prop::collection::vec((0u8..12, any::<bool>()), 2..60),
            target in 0.0..=1.0f64,
        ) {
            let scores: Vec<f32> = pairs.iter().map(|p| f32::from(p.0) / 8.0 - 0.5).collect();
            let genuine: Vec<bool> = pairs.iter().map(|p| p.1).collect();
            prop_assume!(genuine.iter().any(|g| *g) && genuine.iter().any(|g| !*g));
            let roc = Roc::new(&scores, &genuine).unwrap();

            for w in roc.points().windows(2) {
                prop_assert!(w[0].threshold > w[1].threshold);
                prop_assert!(roc.fmr(&w[0]) <= roc.fmr(&w[1]), "FMR rose with the threshold");
                prop_assert!(roc.tmr(&w[0]) <= roc.tmr(&w[1]));
            }
            for p in roc.points() {
                prop_assert_eq!((roc.fmr(p), roc.tmr(p)), rates(&scores, &genuine, p.threshold));
            }

            let mut candidates = scores.clone();
            candidates.push(f32::INFINITY);
            let best = candidates
                .iter()
                .map(|t| rates(&scores, &genuine, *t))
                .filter(|(fmr, _)| *fmr <= target)
                .map(|(_, tmr)| tmr)
                .fold(0.0, f64::max);
            let point = roc.tmr_at_fmr(target).unwrap();
            prop_assert_eq!(point.tmr.value, best);
            prop_assert!(point.fmr.value <= target);
            let (fmr, tmr) = rates(&scores, &genuine, point.threshold);
            prop_assert_eq!((fmr, tmr), (point.fmr.value, point.tmr.value));

            let mut wins = 0.0;
            let mut total = 0.0;
            for (s, _) in scores.iter().zip(&genuine).filter(|(_, g)| **g) {
                for (o, _) in scores.iter().zip(&genuine).filter(|(_, g)| !**g) {
                    wins += if s > o { 1.0 } else if s == o { 0.5 } else { 0.0 };
                    total += 1.0;
                }
            }
            prop_assert!((roc.auc() - wins / total).abs() < 1e-12);

            // The EER lies between max(FMR, FNMR) at its best and at the crossing.
            let eer = roc.eer().value;
            let lower = roc.points().iter().map(|p| roc.fmr(p).min(1.0 - roc.tmr(p)));
            let upper = roc.points().iter().map(|p| roc.fmr(p).max(1.0 - roc.tmr(p)));
            prop_assert!(lower.fold(0.0, f64::max) <= eer + 1e-12);
            prop_assert!(eer <= upper.fold(1.0, f64::min) + 1e-12);
        }
    }
}
