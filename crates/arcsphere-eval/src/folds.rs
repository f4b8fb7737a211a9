//! Accuracy by folds, as LFW's second view is reported.
//!
//! For each fold the threshold is that of the highest accuracy on the other folds, of equals the highest one, among the
//! midpoints of neighboring distinct scores and ±∞; the accuracy is that of the fold. Reported are the mean, its standard
//! error S_E = sd/√folds with n − 1 below the line (Huang, Ramesh, Berg and Learned-Miller, UM-CS 07-49, 2007), and a
//! Student-t interval. Folds that share subjects flatter the result ([`shared_subjects`]).

use std::collections::BTreeMap;

use crate::error::{EvalError, Result};
use crate::interval::mean;
use crate::rates::check_scores;
use crate::units::Units;

/// The accuracy of folds.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Folds {
    /// Each fold, by its number.
    pub folds: Vec<Fold>,
    /// The mean of their accuracies.
    pub accuracy: f64,
    /// Its standard error, sd/√folds.
    pub standard_error: f64,
    /// Lower end of Student's 95 % interval, folds − 1 degrees of freedom.
    pub low: f64,
    /// Its upper end.
    pub high: f64,
}

/// One fold.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Fold {
    /// Accept where score ≥ threshold, set on the other folds; ±∞ where that was best.
    pub threshold: f64,
    /// The share of the fold's pairs that it decides well.
    pub accuracy: f64,
    /// How many pairs are in it.
    pub pairs: usize,
}

/// The folds of a list of `pairs` pairs that holds them one after the other, `folds` of one length.
///
/// # Errors
/// [`EvalError::Length`] where the list cannot be cut so, [`EvalError::TooFew`] for fewer than two folds.
pub fn consecutive(pairs: usize, folds: usize) -> Result<Vec<u32>> {
    if folds < 2 {
        return Err(EvalError::TooFew { what: "the folds", got: folds, needed: 2 });
    }
    if pairs == 0 || !pairs.is_multiple_of(folds) {
        let expected = pairs.next_multiple_of(folds).max(folds);
        return Err(EvalError::Length { what: "the list of pairs, cut into folds,", got: pairs, expected });
    }
    Ok((0..pairs).map(|i| (i / (pairs / folds)) as u32).collect())
}

/// The accuracy of folds: a score a pair (−∞ for a failure to acquire: a rejection, which stays in its fold), whether
/// it is genuine, and its fold.
///
/// ```
/// use arcsphere_eval::folds::{accuracy, consecutive};
/// let scores = [0.9, 0.2, 0.8, 0.1, 0.85, 0.5, 0.4, 0.3];
/// let same = [true, false, true, false, true, false, true, false];
/// let found = accuracy(&scores, &same, &consecutive(8, 4)?)?;
/// // The last fold's 0.4 lies below 0.65, the threshold of the others.
/// assert!((found.folds[3].threshold - 0.65).abs() < 1e-6);
/// // The mean of 1, 1, 1/2 and 1/2.
/// assert_eq!((found.accuracy, found.folds[3].accuracy), (0.75, 0.5));
/// # Ok::<(), arcsphere_eval::EvalError>(())
/// ```
///
/// # Errors
/// [`EvalError::Length`], [`EvalError::NotFinite`], [`EvalError::TooFew`] for fewer than two folds,
/// [`EvalError::NoGenuine`], [`EvalError::NoImpostor`].
pub fn accuracy(scores: &[f32], same: &[bool], fold: &[u32]) -> Result<Folds> {
    check_scores(scores, same, &Units::unknown(scores.len()))?;
    if fold.len() != scores.len() {
        return Err(EvalError::Length { what: "the list of folds", got: fold.len(), expected: scores.len() });
    }
    let mut sizes: BTreeMap<u32, usize> = BTreeMap::new();
    fold.iter().for_each(|f| *sizes.entry(*f).or_insert(0) += 1);
    if sizes.len() < 2 {
        return Err(EvalError::TooFew { what: "the folds", got: sizes.len(), needed: 2 });
    }
    let mut order: Vec<usize> = (0..scores.len()).filter(|i| scores[*i].is_finite()).collect();
    order.sort_by(|a, b| scores[*b].total_cmp(&scores[*a]));
    let folds: Vec<Fold> = sizes
        .into_iter()
        .map(|(own, pairs)| {
            let others: Vec<(f64, bool)> =
                order.iter().filter(|i| fold[**i] != own).map(|i| (f64::from(scores[*i]), same[*i])).collect();
            let threshold = best_threshold(&others);
            let of_fold = scores.iter().zip(same).zip(fold).filter(|(_, f)| **f == own);
            let is_accepted = |score: f32| score.is_finite() && f64::from(score) >= threshold;
            let right = of_fold.filter(|((score, same), _)| is_accepted(**score) == **same).count();
            Fold { threshold, accuracy: right as f64 / pairs as f64, pairs }
        })
        .collect();
    let all = mean(&folds.iter().map(|f| f.accuracy).collect::<Vec<_>>())?;
    let standard_error = all.sd.unwrap_or(f64::NAN) / (all.n as f64).sqrt();
    let (low, high) = (all.low.unwrap_or(all.value), all.high.unwrap_or(all.value));
    Ok(Folds { folds, accuracy: all.value, standard_error, low, high })
}

/// The highest of the thresholds with the highest accuracy, of scores that fall.
fn best_threshold(scores: &[(f64, bool)]) -> f64 {
    // Of accepting, against accepting nothing: how many more are decided well.
    let (mut gained, mut best) = (0_i64, (0_i64, f64::INFINITY));
    for (i, &(score, same)) in scores.iter().enumerate() {
        gained += if same { 1 } else { -1 };
        let next = scores.get(i + 1).map(|s| s.0);
        if next != Some(score) && gained > best.0 {
            best = (gained, next.map_or(f64::NEG_INFINITY, |next| 0.5 * (score + next)));
        }
    }
    best.1
}

/// How many subjects are in more than one fold.
///
/// # Errors
/// [`EvalError::Length`] for another number of folds than of pairs.
///
/// ```
/// use arcsphere_eval::folds::shared_subjects;
/// use arcsphere_eval::units::Units;
/// let units = Units::subjects(&[(0, 0), (0, 1), (2, 2), (2, 1)], &[true, false, true, false])?;
/// assert_eq!(shared_subjects(&units, &[0, 0, 1, 1])?, 1);
/// # Ok::<(), arcsphere_eval::EvalError>(())
/// ```
pub fn shared_subjects(units: &Units, fold: &[u32]) -> Result<usize> {
    let pairs = units.pairs();
    if pairs.len() != fold.len() {
        return Err(EvalError::Length { what: "the list of folds", got: fold.len(), expected: pairs.len() });
    }
    let mut seen: Vec<Option<u32>> = vec![None; units.len()];
    let mut shared = vec![false; units.len()];
    for (&(a, b), &fold) in pairs.iter().zip(fold) {
        for unit in [a, b] {
            shared[unit as usize] |= seen[unit as usize].is_some_and(|f| f != fold);
            seen[unit as usize] = Some(fold);
        }
    }
    Ok(shared.iter().filter(|s| **s).count())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_error_is_that_of_the_mean() {
        // Ten folds of which one is decided wrongly in half: mean 0.95, sd 0.5/√10, S_E 0.05.
        let (mut scores, mut same) = (Vec::new(), Vec::new());
        for fold in 0..10 {
            for genuine in [true, false] {
                scores.push(if fold == 4 { 0.9 } else { f32::from(u8::from(genuine)) });
                same.push(genuine);
            }
        }
        let found = accuracy(&scores, &same, &consecutive(20, 10).unwrap()).unwrap();
        assert!((found.accuracy - 0.95).abs() < 1e-12 && (found.standard_error - 0.05).abs() < 1e-12, "{found:?}");
        // 2.262157 is Student's point for nine degrees of freedom.
        assert!((found.high - found.accuracy - 2.262_157 * 0.05).abs() < 1e-7, "{found:?}");
    }

    #[test]
    fn of_equal_thresholds_the_highest_and_infinity_where_nothing_helps() {
        let t = |s: &[(f64, bool)]| best_threshold(s);
        assert_eq!(t(&[(0.9, true), (0.5, false), (0.4, true), (0.1, false)]), 0.7);
        assert_eq!(t(&[(0.9, false), (0.5, true)]), f64::INFINITY);
        assert_eq!(t(&[(0.9, true), (0.5, true)]), f64::NEG_INFINITY);
        // Equal scores are told apart by no threshold.
        assert_eq!(t(&[(0.9, true), (0.5, true), (0.5, false), (0.5, false)]), 0.7);
        // Neighbors between which there is no f32.
        let next = f64::from(0.5_f32.next_up());
        assert!(t(&[(next, true), (0.5, false)]) > 0.5 && t(&[(next, true), (0.5, false)]) < next);
    }

    #[test]
    fn a_failure_is_a_rejection_and_moves_no_pair() {
        let scores = [0.9, 0.1, f32::NEG_INFINITY, 0.1, 0.9, 0.1];
        let same = [true, false, true, false, true, false];
        let found = accuracy(&scores, &same, &consecutive(6, 3).unwrap()).unwrap();
        let each: Vec<f64> = found.folds.iter().map(|f| f.accuracy).collect();
        assert_eq!(each, [1.0, 0.5, 1.0]);
    }

    #[test]
    fn wrong_input_is_named() {
        assert!(consecutive(6001, 10).unwrap_err().to_string().contains("6001"));
        assert!(consecutive(10, 1).is_err() && consecutive(0, 10).is_err());
        let of = |fold: &[u32]| accuracy(&[0.9, 0.1], &[true, false], fold).unwrap_err().to_string();
        assert!(of(&[0]).contains("folds has 1 entries") && of(&[3, 3]).contains("at least 2"));
        assert!(shared_subjects(&Units::unknown(2), &[0]).is_err());
    }

    proptest! {
        #[test]
        fn the_threshold_is_the_best_of_all(pairs in prop::collection::vec((0_u8..9, any::<bool>()), 1..40)) {
            let mut scores: Vec<(f64, bool)> = pairs.iter().map(|p| (f64::from(p.0), p.1)).collect();
            scores.sort_by(|a, b| b.0.total_cmp(&a.0));
            let right = |t: f64| scores.iter().filter(|(s, same)| (*s >= t) == *same).count();
            let best = best_threshold(&scores);
            let all = (0..=20).map(|i| f64::from(i) / 2.0 - 0.75).chain([f64::INFINITY, f64::NEG_INFINITY]);
            for t in all {
                let is_the_same = !scores.iter().any(|(s, _)| *s >= best && *s < t);
                prop_assert!(right(t) < right(best) || (right(t) == right(best) && (t <= best || is_the_same)));
            }
        }
    }
}
