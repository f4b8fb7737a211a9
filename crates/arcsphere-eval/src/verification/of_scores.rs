use rayon::prelude::*;

use super::weighted::Weighted;
use super::{OperatingPoint, Roc};
use crate::error::{EvalError, Result};
use crate::interval::Estimate;
use crate::random::{below, keyed};

/// Resamples behind an interval: its ends are then within about a twentieth of its width.
const RESAMPLES: u64 = 2000;

/// Fewest resamples that an interval is read from.
const FEWEST: usize = 100;

/// Verification from scores alone: EER and TMR@FMR (TAR@FAR) with 95 % intervals, and their thresholds.
///
/// Intervals are percentiles of 2000 resamples, and thresholds are set anew in each:
///
/// * with [subjects](Verification::subjects), subjects are drawn with replacement, and a pair counts as often as both
///   of its subjects were drawn (Owen, "The pigeonhole bootstrap", 2007). This is the one to claim by where a
///   subject is in several pairs;
/// * without, genuine and impostor pairs are drawn, as if each were of other subjects. Where subjects recur that is
///   too narrow.
///
/// ```
/// use arcsphere_eval::verification::Verification;
/// // Two images each of four subjects: a score a pair, and whether both are of one subject.
/// let scores = [0.9, 0.8, 0.85, 0.4, 0.5, 0.2, 0.1, 0.3];
/// let same = [true, true, true, true, false, false, false, false];
/// let subjects = [(0, 0), (1, 1), (2, 2), (3, 3), (0, 1), (1, 2), (2, 3), (0, 3)];
/// let found = Verification::of(&scores, &same).subjects(&subjects).fmr(&[0.25, 0.01]).measure()?;
/// assert_eq!(found.eer.value, 0.25);
/// let point = &found.at_fmr[0];
/// assert_eq!((point.threshold, point.tmr.value, point.fmr.value), (0.4, 1.0, 0.25));
/// // Four impostor pairs show no FMR of 1 %, and no false non-match is few to speak of a rate.
/// assert_eq!((&found.too_fine[..], point.tmr.few_errors), (&[0.01][..], Some(0)));
/// assert!(point.tmr.low <= Some(1.0) && point.tmr.high >= Some(1.0));
/// // Accept where score ≥ threshold.
/// assert_eq!(scores.iter().filter(|s| **s >= point.threshold).count(), 5);
/// # Ok::<(), arcsphere_eval::EvalError>(())
/// ```
///
/// A rate that rests on fewer than 30 errors of either kind has its number of errors in
/// [`Estimate::few_errors`].
#[derive(Debug, Clone)]
pub struct Verification<'a> {
    scores: &'a [f32],
    same: &'a [bool],
    subjects: Option<&'a [(u32, u32)]>,
    fmr: Vec<f64>,
    seed: u64,
}

/// What scores say.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Verified {
    /// The equal error rate; n counts all pairs.
    pub eer: Estimate,
    /// The threshold of the EER: the strictest at which FMR ≥ FNMR.
    pub eer_threshold: f32,
    /// One entry an FMR, in the order asked for, but for those that are too fine.
    pub at_fmr: Vec<OperatingEstimate>,
    /// The FMRs asked for that are below 1/impostor: no number of these pairs speaks of them.
    pub too_fine: Vec<f64>,
    /// Number of genuine pairs.
    pub genuine: u64,
    /// Number of impostor pairs.
    pub impostor: u64,
}

/// The largest TMR whose FMR does not exceed a target.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct OperatingEstimate {
    /// The FMR asked for.
    pub target_fmr: f64,
    /// Accept where score ≥ threshold; +∞ where only accepting nothing keeps the target.
    pub threshold: f32,
    /// The TMR there; n counts the genuine pairs. The interval is that of thresholds set anew.
    pub tmr: Estimate,
    /// The FMR there, at most the target; n counts the impostor pairs. Its interval is Wilson's, over the pairs.
    pub fmr: Estimate,
}

impl<'a> Verification<'a> {
    /// A score a pair, higher for more alike; `same[i]` says whether pair i is of one subject. FMRs of 1 % and
    /// 0.1 %, seed 0.
    #[must_use]
    pub fn of(scores: &'a [f32], same: &'a [bool]) -> Self {
        Self { scores, same, subjects: None, fmr: vec![1e-2, 1e-3], seed: 0 }
    }

    /// The two subjects of each pair.
    #[must_use]
    pub fn subjects(self, subjects: &'a [(u32, u32)]) -> Self {
        Self { subjects: Some(subjects), ..self }
    }

    /// The false match rates, in [0, 1], at which a TMR is told.
    #[must_use]
    pub fn fmr(self, fmr: &[f64]) -> Self {
        Self { fmr: fmr.to_vec(), ..self }
    }

    /// The seed of the resamples.
    #[must_use]
    pub fn seed(self, seed: u64) -> Self {
        Self { seed, ..self }
    }

    /// Measures.
    ///
    /// # Errors
    /// Those of [`Roc::new`] and [`Roc::tmr_at_fmr`]; [`EvalError::Length`] for another number of subjects than of
    /// scores, [`EvalError::Subjects`] where a pair's subjects are one and it is no genuine pair, or the reverse.
    pub fn measure(&self) -> Result<Verified> {
        let roc = Roc::new(self.scores, self.same)?;
        self.check_subjects()?;
        let points = self.fmr.iter().map(|f| roc.tmr_at_fmr(*f)).collect::<Result<Vec<_>>>()?;
        let is_shown = |p: &OperatingPoint| roc.admitted(p.target_fmr) > 0;
        let resampled = self.resample();
        let eers: Vec<f64> = resampled.iter().map(|r| r.0).collect();
        let eer = roc.eer();
        let at_fmr = points.iter().enumerate().filter(|(_, p)| is_shown(p)).map(|(i, p)| {
            let tmr = within(p.tmr.value, resampled.iter().map(|r| r.1[i]).collect()).over(roc.genuine());
            let errors = roc.errors_at(p);
            OperatingEstimate {
                target_fmr: p.target_fmr,
                threshold: p.threshold,
                tmr: tmr.resting_on(errors),
                fmr: p.fmr.into(),
            }
        });
        let eer_alone = within(eer.value, eers).over(self.scores.len() as u64);
        Ok(Verified {
            eer: eer_alone.resting_on(roc.errors_at_eer()),
            eer_threshold: eer.threshold,
            at_fmr: at_fmr.collect(),
            too_fine: points.iter().filter(|p| !is_shown(p)).map(|p| p.target_fmr).collect(),
            genuine: roc.genuine(),
            impostor: roc.impostor(),
        })
    }

    fn check_subjects(&self) -> Result<()> {
        let Some(subjects) = self.subjects else { return Ok(()) };
        if subjects.len() != self.scores.len() {
            let (got, expected) = (subjects.len(), self.scores.len());
            return Err(EvalError::Length { what: "the list of subjects", got, expected });
        }
        match subjects.iter().zip(self.same).position(|((a, b), same)| (a == b) != *same) {
            Some(pair) => Err(EvalError::Subjects { pair, a: subjects[pair].0, b: subjects[pair].1 }),
            None => Ok(()),
        }
    }

    /// EER and TMRs of each resample that has both kinds of pairs.
    fn resample(&self) -> Vec<(f64, Vec<f64>)> {
        let curve = Weighted::new(self.scores, self.same);
        let numbered = self.subjects.map(numbered);
        let kinds: [Vec<usize>; 2] =
            [true, false].map(|kind| (0..self.same.len()).filter(|i| self.same[*i] == kind).collect());
        (0..RESAMPLES)
            .into_par_iter()
            .filter_map(|i| {
                let mut rng = keyed(b"verifica", self.seed, i);
                let weights = match &numbered {
                    Some((pairs, subjects)) => {
                        let drawn = draw(*subjects, &mut rng);
                        let both = |&(a, b): &(usize, usize)| if a == b { drawn[a] } else { drawn[a] * drawn[b] };
                        pairs.iter().map(both).collect()
                    }
                    None => draw_pairs(&kinds, &mut rng),
                };
                curve.rates(&weights, &self.fmr)
            })
            .collect()
    }
}

/// How often each pair is drawn, as many of each of the two `kinds` as there are.
fn draw_pairs(kinds: &[Vec<usize>; 2], rng: &mut rand_chacha::ChaCha8Rng) -> Vec<f64> {
    let mut weights = vec![0.0; kinds.iter().map(Vec::len).sum()];
    for own in kinds {
        for _ in 0..own.len() {
            weights[own[below(rng, own.len())]] += 1.0;
        }
    }
    weights
}

/// The pairs with subjects numbered from 0, and how many subjects there are.
fn numbered(subjects: &[(u32, u32)]) -> (Vec<(usize, usize)>, usize) {
    let mut known: Vec<u32> = subjects.iter().flat_map(|s| [s.0, s.1]).collect();
    known.sort_unstable();
    known.dedup();
    let place = |s: u32| known.partition_point(|k| *k < s);
    (subjects.iter().map(|s| (place(s.0), place(s.1))).collect(), known.len())
}

/// How often each of `n` is drawn in `n` draws.
fn draw(n: usize, rng: &mut rand_chacha::ChaCha8Rng) -> Vec<f64> {
    let mut drawn = vec![0.0; n];
    for _ in 0..n {
        drawn[below(rng, n)] += 1.0;
    }
    drawn
}

/// A value with the 2.5 % and 97.5 % quantiles of its resamples; without an interval where there are too few.
fn within(value: f64, mut resamples: Vec<f64>) -> Estimate {
    if resamples.len() < FEWEST {
        return Estimate::new(value);
    }
    resamples.sort_by(f64::total_cmp);
    let at = |q: f64| resamples[(q * (resamples.len() - 1) as f64).round() as usize];
    Estimate::new(value).within(at(0.025), at(0.975))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Genuine scores around 1, impostor scores around 0, evenly spread; `n` pairs of each kind.
    fn even(n: usize) -> (Vec<f32>, Vec<bool>) {
        let spread = |i: usize| (i as f32 + 0.5) / n as f32;
        let scores = (0..n).map(|i| 0.5 + spread(i)).chain((0..n).map(spread)).collect();
        (scores, (0..2 * n).map(|i| i < n).collect())
    }

    #[test]
    fn intervals_hold_the_value_and_shrink_with_the_root_of_n() {
        let width = |n: usize| {
            let (scores, same) = even(n);
            let found = Verification::of(&scores, &same).fmr(&[0.1]).measure().unwrap();
            assert!((found.eer.value - 0.25).abs() < 0.03 && found.eer.n == Some(2 * n as u64), "{found:?}");
            let (eer, tmr) = (found.eer, found.at_fmr[0].tmr);
            for e in [eer, tmr] {
                assert!(e.low.unwrap() <= e.value && e.value <= e.high.unwrap(), "{e:?}");
            }
            eer.high.unwrap() - eer.low.unwrap()
        };
        let (few, many) = (width(50), width(800));
        // √16 = 4 times the pairs' root.
        assert!((2.5..6.5).contains(&(few / many)), "{few} {many}");
    }

    #[test]
    fn pairs_of_few_subjects_say_less_than_their_number() {
        let (scores, same) = even(400);
        // Twenty subjects with twenty pairs of each kind.
        let subjects: Vec<(u32, u32)> =
            (0..800).map(|i| if i < 400 { (i % 20, i % 20) } else { (i % 20, (i + 1 + i / 20 % 19) % 20) }).collect();
        let apart: Vec<(u32, u32)> = (0..800).map(|i| if i < 400 { (i, i) } else { (i, 10_000 + i) }).collect();
        // A quarter of the subjects, whose genuine pairs are all bad.
        let mut scores = scores;
        (0..400).filter(|i| i % 20 < 5).for_each(|i| scores[i] = 0.1);
        let width = |s: Option<&[(u32, u32)]>| {
            let mut v = Verification::of(&scores, &same).fmr(&[0.5]);
            v.subjects = s;
            let tmr = v.measure().unwrap().at_fmr[0].tmr;
            tmr.high.unwrap() - tmr.low.unwrap()
        };
        assert!(width(Some(&subjects)) > 2.0 * width(None), "{} {}", width(Some(&subjects)), width(None));
        // A subject a pair is nearly the same as drawing pairs.
        assert!((width(Some(&apart)) / width(None) - 1.0).abs() < 0.5, "{} {}", width(Some(&apart)), width(None));
    }

    #[test]
    fn the_same_seed_gives_the_same_intervals() {
        let (scores, same) = even(40);
        let of = |seed| Verification::of(&scores, &same).seed(seed).measure().unwrap();
        assert_eq!(of(1), of(1));
        let drawn = |seed| Verification::of(&scores, &same).seed(seed).resample();
        assert_ne!(drawn(1), drawn(2));
        let two = Verification::of(&[0.9, 0.1], &[true, false]).measure().unwrap();
        assert_eq!((two.eer.value, two.genuine, two.impostor), (0.0, 1, 1));
    }

    #[test]
    fn wrong_input_is_named() {
        let says = |v: Verification<'_>| v.measure().unwrap_err().to_string();
        let (scores, same) = ([0.9, 0.1], [true, false]);
        assert!(says(Verification::of(&scores, &same).subjects(&[(0, 0)])).contains("subjects has 1 entries"));
        let twice = says(Verification::of(&scores, &same).subjects(&[(0, 0), (1, 1)]));
        assert!(twice.contains("pair 1") && twice.contains("subjects 1 and 1"), "{twice}");
        assert!(says(Verification::of(&scores, &same).fmr(&[2.0])).contains("target FMR"));
        assert!(says(Verification::of(&scores, &[true, true])).contains("no impostor pair"));
    }
}
