use super::weighted::{Curve, Rates};
use super::{OperatingPoint, Roc};
use crate::bootstrap::Bca;
use crate::error::{EvalError, Result};
use crate::interval::{Estimate, LEVEL};
use crate::rates::{Mark, Rate, at_thresholds, marks};
use crate::units::{Known, Units};

/// Resamples behind an interval: its ends are then within about a twentieth of its width.
const RESAMPLES: u64 = 2000;

/// Verification from scores alone: EER, AUC and TMR@FMR (TAR@FAR) with 95 % intervals, thresholds, and the error
/// rates there.
///
/// Pairs that share a subject are dependent, so that intervals are taken over subjects:
///
/// * FMR and FNMR at a threshold by the plug-in variance, as [`rates`](crate::rates) says;
/// * EER, AUC and TMR@FMR by the bootstrap: of S subjects S are drawn with replacement, subject i w_i times; a genuine
///   pair of i counts w_i, an impostor pair w_i·w_j times, and two copies of one subject make no impostor pair
///   (Owen, "The pigeonhole bootstrap", 2007). Thresholds are found anew in each of 2000 resamples; the ends are BCa's
///   ([`bootstrap`](crate::bootstrap)), with a jackknife over the subjects. No interval where all resamples are one.
///
/// Without [subjects](Verification::subjects), [images](Verification::images) or [joined](Verification::joined) each
/// pair counts as independent, and what comes out is marked [`Mark::AtBest`].
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
/// assert_eq!(point.marks[0].to_string(), "exploratory: fewer than 40 subjects");
/// # Ok::<(), arcsphere_eval::EvalError>(())
/// ```
///
/// A rate that rests on fewer than 30 errors of either kind has its number of errors in
/// [`Estimate::few_errors`].
#[derive(Debug, Clone)]
pub struct Verification<'a> {
    scores: &'a [f32],
    same: &'a [bool],
    units: Named<'a>,
    fmr: Vec<f64>,
    seed: u64,
}

#[derive(Debug, Clone, Copy)]
enum Named<'a> {
    Subjects(&'a [(u32, u32)]),
    Images(&'a [(u32, u32)]),
    Joined(&'a [(u32, u32)]),
    Nothing,
}

/// What scores say.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Verified {
    /// The equal error rate; n counts all pairs.
    pub eer: Estimate,
    /// The threshold of the EER: the strictest at which FMR ≥ FNMR.
    pub eer_threshold: f32,
    /// The area under the curve; n counts all pairs.
    pub auc: Estimate,
    /// One entry an FMR, in the order asked for, but for those that are too fine.
    pub at_fmr: Vec<OperatingEstimate>,
    /// The FMRs asked for that are below 1/impostor: no number of these pairs speaks of them.
    pub too_fine: Vec<f64>,
    /// Number of genuine pairs.
    pub genuine: u64,
    /// Number of impostor pairs.
    pub impostor: u64,
    /// How many units the intervals are over.
    pub units: u64,
    /// How they are known.
    pub known: Known,
    /// What must be said beside EER and AUC.
    pub marks: Vec<Mark>,
}

/// The largest TMR whose FMR does not exceed a target.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct OperatingEstimate {
    /// The FMR asked for.
    pub target_fmr: f64,
    /// Accept where score ≥ threshold; +∞ where only accepting nothing keeps the target.
    pub threshold: f32,
    /// The TMR there; n counts the genuine pairs. The interval is that of thresholds found anew.
    pub tmr: Estimate,
    /// The FMR there, at most the target.
    pub fmr: Rate,
    /// The FNMR there, 1 − TMR, with the interval of this one threshold.
    pub fnmr: Rate,
    /// What must be said beside it: [`Mark::FewErrors`] counts the false matches.
    pub marks: Vec<Mark>,
}

impl<'a> Verification<'a> {
    /// A score a pair, higher for more alike; `same[i]` says whether pair i is of one subject. FMRs of 1 % and
    /// 0.1 %, seed 0.
    #[must_use]
    pub fn of(scores: &'a [f32], same: &'a [bool]) -> Self {
        Self { scores, same, units: Named::Nothing, fmr: vec![1e-2, 1e-3], seed: 0 }
    }

    /// The two subjects of each pair. This is the one to claim by where new data would bring new subjects.
    #[must_use]
    pub fn subjects(self, subjects: &'a [(u32, u32)]) -> Self {
        Self { units: Named::Subjects(subjects), ..self }
    }

    /// The two images of each pair, where the classes are fixed, as digits are.
    #[must_use]
    pub fn images(self, images: &'a [(u32, u32)]) -> Self {
        Self { units: Named::Images(images), ..self }
    }

    /// The two images of each pair, whose subjects nobody names: those that genuine pairs join are taken for one
    /// subject, and what comes out is [`Mark::AtBest`].
    #[must_use]
    pub fn joined(self, images: &'a [(u32, u32)]) -> Self {
        Self { units: Named::Joined(images), ..self }
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
    /// Those of [`Roc::new`] and [`Roc::tmr_at_fmr`], and of [`Units`].
    pub fn measure(&self) -> Result<Verified> {
        let roc = Roc::new(self.scores, self.same)?;
        let units = self.units()?;
        let points = self.fmr.iter().map(|f| roc.tmr_at_fmr(*f)).collect::<Result<Vec<_>>>()?;
        let (points, too_fine): (Vec<OperatingPoint>, Vec<_>) =
            points.into_iter().partition(|p| roc.admitted(p.target_fmr) > 0);
        let thresholds: Vec<f32> = points.iter().map(|p| p.threshold).collect();
        let targets: Vec<f64> = points.iter().map(|p| p.target_fmr).collect();
        let errors: Vec<u64> = points.iter().map(|p| roc.errors_at(p)).collect();
        let at = at_thresholds(self.scores, self.same, &units, &thresholds)?;
        let (eer, n) = (roc.eer(), self.scores.len() as u64);
        let (genuine, impostor, auc) = (roc.genuine(), roc.impostor(), roc.auc());
        let errors_at_eer = roc.errors_at_eer();
        // The curve takes as much memory as the pairs do.
        drop(roc);
        let spread = Spread::of(&Curve::new(self.scores, self.same, &units), self.seed, &targets);
        let count = units.len() as u64;
        let at_fmr = points.iter().zip(at).enumerate().map(|(i, (p, at))| OperatingEstimate {
            target_fmr: p.target_fmr,
            threshold: p.threshold,
            tmr: spread.within(p.tmr.value, |r| r.tmrs[i]).over(genuine).resting_on(errors[i]),
            fmr: at.fmr,
            fnmr: at.fnmr,
            marks: marks(units.known(), count, at.fmr.errors),
        });
        Ok(Verified {
            eer: spread.within(eer.value, |r| r.eer).over(n).resting_on(errors_at_eer),
            eer_threshold: eer.threshold,
            auc: spread.within(auc, |r| r.auc).over(n),
            at_fmr: at_fmr.collect(),
            too_fine: too_fine.iter().map(|p| p.target_fmr).collect(),
            genuine,
            impostor,
            units: count,
            known: units.known(),
            marks: marks(units.known(), count, errors_at_eer),
        })
    }

    fn units(&self) -> Result<Units> {
        let images = |images: &[(u32, u32)]| {
            if images.len() == self.scores.len() {
                return Ok(Units::images(images));
            }
            Err(EvalError::Length { what: "the list of images", got: images.len(), expected: self.scores.len() })
        };
        match self.units {
            Named::Subjects(s) => Units::subjects(s, self.same),
            Named::Images(i) => images(i),
            Named::Joined(i) => Units::joined(i, self.same),
            Named::Nothing => Ok(Units::unknown(self.scores.len())),
        }
    }
}

/// Rates of resamples, and with a part of the units left out each.
struct Spread {
    resampled: Vec<Rates>,
    jackknife: Vec<Rates>,
}

impl Spread {
    fn of(curve: &Curve, seed: u64, targets: &[f64]) -> Self {
        Self { resampled: curve.resampled(RESAMPLES, seed, targets), jackknife: curve.jackknife(targets) }
    }

    /// A value with its BCa interval, where the resamples have one.
    fn within(&self, value: f64, of: impl Fn(&Rates) -> f64) -> Estimate {
        let jackknife: Vec<f64> = self.jackknife.iter().map(&of).collect();
        match Bca::new(value, self.resampled.iter().map(&of).collect(), &jackknife) {
            Some(bca) => {
                let (low, high) = bca.interval(LEVEL);
                Estimate::new(value).within(low, high)
            }
            None => Estimate::new(value),
        }
    }
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
            v.units = s.map_or(Named::Nothing, Named::Subjects);
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
        let curve = Curve::new(&scores, &same, &Units::unknown(scores.len()));
        assert_ne!(curve.resampled(50, 1, &[0.1]), curve.resampled(50, 2, &[0.1]));
        assert_eq!(curve.resampled(50, 1, &[0.1]).len(), 50);
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
