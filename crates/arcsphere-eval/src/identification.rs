//! One to many: who of a gallery is it, if anybody?
//!
//! * Closed set: rank-k is the share of mated probes whose subject is among the k best *subjects*, each by its best
//!   score. A tie counts against us.
//! * Open set: FPIR(N, t) is the share of non-mated probes with any candidate whose score ≥ t, FNIR(N, R, t) that of
//!   mated probes whose subject is not among the first R with a score ≥ t; TPIR = 1 − FNIR (NISTIR 8271; ISO/IEC
//!   19795-1:2021).
//!
//! The gallery is fixed and intervals are over the subjects of probes. FPIR grows with the gallery: a threshold is
//! calibrated at the size that it serves ([`check_gallery`]).

use std::collections::HashMap;

use crate::clusters;
use crate::error::{EvalError, Result};
use crate::interval::Estimate;
use crate::rates::{Rate, Tally};
use crate::units::{Known, number};

/// Searches of probes in a gallery.
///
/// ```
/// use arcsphere_eval::identification::Identification;
/// // Subjects 1 and 2 are enrolled, 2 with two images.
/// let mut found = Identification::new(&[1, 2, 2])?;
/// found.push(1, &[0.9, 0.1, 0.2])?;
/// // Its own subject is only as good as another: that counts against us.
/// found.push(2, &[0.6, 0.5, 0.6])?;
/// // Subjects 7 and 8 are not enrolled.
/// found.push(7, &[0.3, 0.4, 0.1])?;
/// found.push(8, &[0.3, 0.7, 0.1])?;
/// assert_eq!(found.rank(1)?.value, 0.5);
/// assert_eq!(found.rank(2)?.value, 1.0);
/// let open = found.at_threshold(0.5, 1)?;
/// assert_eq!((open.fpir.value, open.fnir.value), (0.5, 0.5));
/// // Never beyond the target: at FPIR 0 the 0.7 must be shut out.
/// let best = found.tpir_at_fpir(0.0, 1, 0)?;
/// assert_eq!((best.threshold, best.fpir, best.tpir.value), (0.7_f32.next_up(), 0.0, 0.5));
/// # Ok::<(), arcsphere_eval::EvalError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Identification {
    subjects: HashMap<u32, u32>,
    /// The subject of each image of the gallery, numbered.
    gallery: Vec<u32>,
    mated: Vec<Mated>,
    non_mated: Vec<NonMated>,
    /// Best score of each subject of the gallery, for the probe at hand.
    best: Vec<f32>,
}

#[derive(Debug, Clone, Copy)]
struct Mated {
    subject: u32,
    /// From 1; none for a failure to acquire.
    rank: Option<usize>,
    score: f32,
}

#[derive(Debug, Clone, Copy)]
struct NonMated {
    subject: u32,
    best: f32,
}

/// Error rates at a threshold.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Open {
    /// Non-mated probes with a candidate.
    pub fpir: Rate,
    /// Mated probes without their subject among the first R candidates.
    pub fnir: Rate,
}

/// The largest TPIR whose FPIR does not exceed a target.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct AtFpir {
    /// The FPIR asked for.
    pub target_fpir: f64,
    /// A candidate is one where score ≥ threshold: the next number above the score that it shuts out, −∞ for none.
    pub threshold: f32,
    /// The FPIR there, at most the target.
    pub fpir: f64,
    /// Non-mated probes with a candidate.
    pub false_positives: u64,
    /// How many non-mated probes there are.
    pub non_mated: u64,
    /// The TPIR; the interval is that of thresholds found anew, n counts the mated probes.
    pub tpir: Estimate,
}

impl Identification {
    /// A gallery: the subject of each of its images.
    ///
    /// # Errors
    /// [`EvalError::TooFew`] for an empty one.
    pub fn new(gallery: &[u32]) -> Result<Self> {
        if gallery.is_empty() {
            return Err(EvalError::TooFew { what: "the gallery", got: 0, needed: 1 });
        }
        let mut subjects = HashMap::new();
        let gallery = gallery.iter().map(|s| number(&mut subjects, *s)).collect();
        let best = vec![f32::NEG_INFINITY; subjects.len()];
        Ok(Self { subjects, gallery, mated: Vec::new(), non_mated: Vec::new(), best })
    }

    /// A probe: its subject, enrolled or not, and its score with each image of the gallery.
    ///
    /// # Errors
    /// [`EvalError::Length`] for another number of scores than of images, [`EvalError::NotFinite`].
    pub fn push(&mut self, subject: u32, scores: &[f32]) -> Result<()> {
        if scores.len() != self.gallery.len() {
            let (got, expected) = (scores.len(), self.gallery.len());
            return Err(EvalError::Length { what: "the scores of a probe", got, expected });
        }
        if let Some(index) = scores.iter().position(|s| !s.is_finite()) {
            return Err(EvalError::NotFinite { what: "the score", index, value: f64::from(scores[index]) });
        }
        self.best.fill(f32::NEG_INFINITY);
        for (of, score) in self.gallery.iter().zip(scores) {
            let best = &mut self.best[*of as usize];
            *best = best.max(*score);
        }
        match self.subjects.get(&subject) {
            Some(own) => {
                let score = self.best[*own as usize];
                let rank = self.best.iter().filter(|b| **b >= score).count();
                self.mated.push(Mated { subject, rank: Some(rank), score });
            }
            None => {
                let best = self.best.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                self.non_mated.push(NonMated { subject, best });
            }
        }
        Ok(())
    }

    /// A probe that could not be embedded: it finds nobody.
    pub fn push_failure(&mut self, subject: u32) {
        if self.subjects.contains_key(&subject) {
            self.mated.push(Mated { subject, rank: None, score: f32::NEG_INFINITY });
        } else {
            self.non_mated.push(NonMated { subject, best: f32::NEG_INFINITY });
        }
    }

    /// How many subjects are enrolled, N.
    pub fn enrolled(&self) -> usize {
        self.best.len()
    }

    /// The share of mated probes whose subject is among the `k` best, with Wilson's interval over the subjects of
    /// probes.
    ///
    /// # Errors
    /// [`EvalError::TooFew`] without a mated probe, [`EvalError::Range`] for a `k` of 0.
    pub fn rank(&self, k: usize) -> Result<Rate> {
        if k == 0 {
            return Err(EvalError::Range { what: "the rank", value: 0.0, expected: "at least 1" });
        }
        self.of_mated(|m| m.rank.is_some_and(|r| r <= k))
    }

    /// Error rates of a candidate list of the first `r` with a score ≥ threshold.
    ///
    /// # Errors
    /// [`EvalError::TooFew`] without a mated or without a non-mated probe, [`EvalError::NotFinite`] for a NaN.
    pub fn at_threshold(&self, threshold: f32, r: usize) -> Result<Open> {
        if threshold.is_nan() {
            return Err(EvalError::NotFinite { what: "the threshold", index: 0, value: f64::NAN });
        }
        let mut fpir = Tally::new(Known::Subjects);
        let is_candidate = |best: f32| best.is_finite() && best >= threshold;
        self.non_mated.iter().for_each(|p| fpir.push(p.subject, p.subject, is_candidate(p.best)));
        let fnir = self.of_mated(|m| !m.is_found(r, threshold))?;
        Ok(Open { fpir: fpir.rate()?, fnir })
    }

    fn of_mated(&self, hit: impl Fn(&Mated) -> bool) -> Result<Rate> {
        let mut tally = Tally::new(Known::Subjects);
        self.mated.iter().for_each(|p| tally.push(p.subject, p.subject, hit(p)));
        tally.rate()
    }

    /// The largest TPIR within the first `r` whose FPIR is at most `target`, with BCa's 95 % interval over the subjects
    /// of probes: thresholds are found anew in each resample.
    ///
    /// # Errors
    /// [`EvalError::Range`] unless 0 ≤ `target` ≤ 1; [`EvalError::TooFew`] without a mated or a non-mated probe.
    pub fn tpir_at_fpir(&self, target: f64, r: usize, seed: u64) -> Result<AtFpir> {
        if !(0.0..=1.0).contains(&target) {
            let expected = "a number from 0 to 1";
            return Err(EvalError::Range { what: "the target FPIR", value: target, expected });
        }
        for (what, got) in [("the mated probes", self.mated.len()), ("the non-mated probes", self.non_mated.len())] {
            if got == 0 {
                return Err(EvalError::TooFew { what, got, needed: 1 });
            }
        }
        let mut units = HashMap::new();
        let mut non_mated: Vec<(f32, usize)> =
            self.non_mated.iter().map(|p| (p.best, number(&mut units, p.subject) as usize)).collect();
        non_mated.sort_by(|a, b| b.0.total_cmp(&a.0));
        let mated: Vec<usize> = self.mated.iter().map(|p| number(&mut units, p.subject) as usize).collect();
        let tpir = |weights: &[f64]| {
            let (threshold, _) = shut_out(&non_mated, weights, target)?;
            let (mut found, mut all) = (0.0, 0.0);
            for (probe, unit) in self.mated.iter().zip(&mated) {
                all += weights[*unit];
                found += if probe.is_found(r, threshold) { weights[*unit] } else { 0.0 };
            }
            (all > 0.0).then_some(found / all)
        };
        let ones = vec![1.0; units.len()];
        let (threshold, false_positives) = shut_out(&non_mated, &ones, target).unwrap_or((f32::INFINITY, 0.0));
        let estimate = clusters::estimate(units.len(), seed, tpir).unwrap_or(Estimate::new(0.0));
        Ok(AtFpir {
            target_fpir: target,
            threshold,
            fpir: false_positives / non_mated.len() as f64,
            false_positives: false_positives as u64,
            non_mated: non_mated.len() as u64,
            tpir: estimate.over(self.mated.len() as u64),
        })
    }
}

impl Mated {
    fn is_found(&self, r: usize, threshold: f32) -> bool {
        self.rank.is_some_and(|rank| rank <= r) && self.score >= threshold
    }
}

/// The lowest threshold whose weight of non-mated scores, which fall, is at most `target` of all, and that weight.
fn shut_out(scores: &[(f32, usize)], weights: &[f64], target: f64) -> Option<(f32, f64)> {
    let all: f64 = scores.iter().map(|s| weights[s.1]).sum();
    let mut accepted = 0.0;
    for group in scores.chunk_by(|a, b| a.0 == b.0) {
        let with = accepted + group.iter().map(|s| weights[s.1]).sum::<f64>();
        // What failed is no candidate at any threshold.
        if group[0].0.is_finite() && with > 0.0 && with / all > target {
            return Some((group[0].0.next_up(), accepted));
        }
        accepted = if group[0].0.is_finite() { with } else { accepted };
    }
    (all > 0.0).then_some((f32::NEG_INFINITY, accepted))
}

/// Refuses to search `enrolled` subjects by a threshold that was calibrated with `calibrated_at`: beyond twice as many
/// nothing is known of its FPIR.
///
/// # Errors
/// [`EvalError::Range`].
pub fn check_gallery(enrolled: usize, calibrated_at: usize) -> Result<()> {
    if enrolled <= calibrated_at.saturating_mul(2) {
        return Ok(());
    }
    let expected = "at most twice the number that the threshold was calibrated with";
    Err(EvalError::Range { what: "the number of enrolled subjects", value: enrolled as f64, expected })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn fpir_is_never_beyond_its_target() {
        // Ten non-mated probes. At 0.1 one may be a candidate: its peers' rule max(int(n·x) − 1, 0) with a strict
        // comparison lets none in, and is one count off at every target.
        let mut found = Identification::new(&[0]).unwrap();
        (1..=10_u8).for_each(|i| found.push(u32::from(i), &[f32::from(i) / 10.0]).unwrap());
        found.push(0, &[0.95]).unwrap();
        found.push(0, &[0.85]).unwrap();
        let at = |target| found.tpir_at_fpir(target, 1, 0).unwrap();
        assert_eq!((at(0.0).false_positives, at(0.0).tpir.value), (0, 0.0));
        assert_eq!((at(0.1).false_positives, at(0.1).tpir.value), (1, 0.5));
        assert_eq!((at(0.19).false_positives, at(0.2).false_positives), (1, 2));
        assert_eq!((at(0.2).tpir.value, at(1.0).threshold), (1.0, f32::NEG_INFINITY));
    }

    #[test]
    fn images_of_one_subject_are_one_candidate() {
        let mut found = Identification::new(&[5, 5, 5, 6]).unwrap();
        found.push(6, &[0.9, 0.8, 0.7, 0.1]).unwrap();
        assert_eq!((found.rank(1).unwrap().value, found.rank(2).unwrap().value, found.enrolled()), (0.0, 1.0, 2));
        found.push_failure(6);
        assert_eq!(found.rank(2).unwrap().value, 0.5);
        found.push_failure(9);
        let open = found.at_threshold(f32::NEG_INFINITY, 2).unwrap();
        assert_eq!((open.fpir.errors, open.fnir.errors), (0, 1));
        assert_eq!(found.tpir_at_fpir(0.0, 2, 0).unwrap().tpir.value, 0.5);
    }

    #[test]
    fn wrong_input_is_named() {
        assert!(Identification::new(&[]).is_err());
        let mut found = Identification::new(&[1, 2]).unwrap();
        assert!(found.push(1, &[0.5]).unwrap_err().to_string().contains("expected 2"));
        assert!(found.push(1, &[0.5, f32::NAN]).unwrap_err().to_string().contains("index 1"));
        assert!(found.rank(1).is_err() && found.rank(0).is_err());
        found.push(1, &[0.5, 0.1]).unwrap();
        assert!(found.tpir_at_fpir(0.1, 1, 0).unwrap_err().to_string().contains("non-mated"));
        assert!(found.tpir_at_fpir(-0.1, 1, 0).is_err() && found.at_threshold(f32::NAN, 1).is_err());
        assert!(check_gallery(2000, 1000).is_ok() && check_gallery(2001, 1000).is_err());
    }

    proptest! {
        #[test]
        fn agrees_with_counting(
            probes in prop::collection::vec((0_u32..5, prop::collection::vec(0_u8..6, 4)), 1..30), target in 0.0..1.0f64,
        ) {
            let gallery = [0, 1, 1, 2];
            let mut found = Identification::new(&gallery).unwrap();
            for (subject, scores) in &probes {
                found.push(*subject, &scores.iter().map(|s| f32::from(*s)).collect::<Vec<_>>()).unwrap();
            }
            let best = |scores: &[u8], of: u32| (0..4).filter(|i| gallery[*i] == of).map(|i| scores[i]).max().unwrap();
            let of = |mated: bool| probes.iter().filter(move |p| (p.0 < 3) == mated);
            let (mated, others) = (of(true).count(), of(false).count());
            if mated > 0 && others > 0 {
                let fpir = |t: f32| of(false).filter(|p| p.1.iter().any(|s| f32::from(*s) >= t)).count();
                let tpir = |t: f32| of(true).filter(|p| {
                    let own = best(&p.1, p.0);
                    f32::from(own) >= t && (0..3).filter(|s| best(&p.1, *s) >= own).count() <= 1
                }).count();
                let all = (0..14).map(|t| f32::from(t as u8) / 2.0 - 0.25);
                let legal = all.filter(|t| fpir(*t) as f64 / others as f64 <= target);
                let most = legal.map(tpir).max().unwrap_or(0);
                let at = found.tpir_at_fpir(target, 1, 0).unwrap();
                prop_assert_eq!(at.tpir.value, most as f64 / mated as f64);
                prop_assert!(at.fpir <= target);
                prop_assert_eq!(at.false_positives, fpir(at.threshold) as u64);
            }
        }
    }
}
