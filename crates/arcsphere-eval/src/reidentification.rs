//! Re-identification by the rules of Market-1501: the same person from another camera.
//!
//! Of a query's gallery the images of its person *and* its camera are dropped, and those of person −1 (junk); person 0
//! stays, as a distractor that is nobody's match. A query without a match left is skipped and counted. CMC is by the
//! first match, AP the mean precision at the matches (Zheng et al. 2015; torchreid's `metrics/rank.py`). The first
//! public evaluation of Market-1501 took trapezoids between these points instead: its AP is another number.

use std::collections::BTreeMap;

use crate::clusters;
use crate::error::{EvalError, Result};
use crate::interval::Estimate;
use crate::rates::{Rate, Tally};
use crate::units::Known;

/// A person of a gallery that is dropped for every query.
pub const JUNK: i32 = -1;

/// Queries against a gallery.
///
/// ```
/// use arcsphere_eval::reidentification::Reidentification;
/// // Persons and cameras of the gallery; 0 is a distractor, −1 is junk.
/// let mut found = Reidentification::new(&[7, 7, 0, 9, -1, 7], &[1, 2, 2, 1, 2, 3])?;
/// // The first image is of the same person and camera, the fifth is junk: both are dropped. What is left ranks
/// // 0 (distractor), 7, 9, 7: matches at 2 and 4.
/// assert!(found.push(7, 1, &[0.99, 0.8, 0.9, 0.7, 0.95, 0.6])?);
/// // Person 5 is not there.
/// assert!(!found.push(5, 1, &[0.9, 0.8, 0.7, 0.6, 0.5, 0.4])?);
/// assert_eq!((found.cmc(1)?.value, found.cmc(2)?.value), (0.0, 1.0));
/// assert_eq!(found.mean_average_precision(0)?.value, (1.0 / 2.0 + 2.0 / 4.0) / 2.0);
/// assert_eq!((found.queries(), found.skipped()), (1, 1));
/// # Ok::<(), arcsphere_eval::EvalError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Reidentification {
    gallery: Vec<(i32, u32)>,
    queries: Vec<Query>,
    skipped: usize,
}

#[derive(Debug, Clone, Copy)]
struct Query {
    person: i32,
    /// The rank of the first match, from 1.
    first: usize,
    precision: f64,
}

impl Reidentification {
    /// The person and the camera of each image of the gallery.
    ///
    /// # Errors
    /// [`EvalError::Length`] where they differ in number, [`EvalError::TooFew`] for none.
    pub fn new(persons: &[i32], cameras: &[u32]) -> Result<Self> {
        if persons.len() != cameras.len() {
            let (got, expected) = (cameras.len(), persons.len());
            return Err(EvalError::Length { what: "the cameras of the gallery", got, expected });
        }
        if persons.is_empty() {
            return Err(EvalError::TooFew { what: "the gallery", got: 0, needed: 1 });
        }
        let gallery = persons.iter().copied().zip(cameras.iter().copied()).collect();
        Ok(Self { gallery, queries: Vec::new(), skipped: 0 })
    }

    /// A query: its person, its camera, and its score with each image of the gallery, higher for more alike. Whether a
    /// match is left for it; of equal scores a match comes last.
    ///
    /// # Errors
    /// [`EvalError::Length`], [`EvalError::NotFinite`].
    pub fn push(&mut self, person: i32, camera: u32, scores: &[f32]) -> Result<bool> {
        if scores.len() != self.gallery.len() {
            let (got, expected) = (scores.len(), self.gallery.len());
            return Err(EvalError::Length { what: "the scores of a query", got, expected });
        }
        if let Some(index) = scores.iter().position(|s| !s.is_finite()) {
            return Err(EvalError::NotFinite { what: "the score", index, value: f64::from(scores[index]) });
        }
        let kept = self.gallery.iter().zip(scores).filter(|((p, c), _)| *p != JUNK && (*p, *c) != (person, camera));
        let mut ranked: Vec<(f32, bool)> =
            kept.map(|((p, _), score)| (score + 0.0, *p == person && person > 0)).collect();
        ranked.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        let ranks = ranked.iter().enumerate().filter(|(_, r)| r.1).map(|(i, _)| i + 1);
        let precisions: Vec<f64> =
            ranks.clone().enumerate().map(|(hit, rank)| (hit + 1) as f64 / rank as f64).collect();
        let Some(first) = ranks.clone().next() else {
            self.skipped += 1;
            return Ok(false);
        };
        let precision = precisions.iter().sum::<f64>() / precisions.len() as f64;
        self.queries.push(Query { person, first, precision });
        Ok(true)
    }

    /// How many queries have a match.
    pub fn queries(&self) -> usize {
        self.queries.len()
    }

    /// How many have none, and are left out.
    pub fn skipped(&self) -> usize {
        self.skipped
    }

    /// The share of queries whose first match is among the `k` best, with Wilson's interval over persons.
    ///
    /// # Errors
    /// [`EvalError::TooFew`] without a query, [`EvalError::Range`] for a `k` of 0.
    pub fn cmc(&self, k: usize) -> Result<Rate> {
        if k == 0 {
            return Err(EvalError::Range { what: "the rank", value: 0.0, expected: "at least 1" });
        }
        let mut tally = Tally::new(Known::Subjects);
        for q in &self.queries {
            let person = q.person.unsigned_abs();
            tally.push(person, person, q.first <= k);
        }
        tally.rate()
    }

    /// The mean of the average precisions, with BCa's 95 % interval over persons.
    ///
    /// # Errors
    /// [`EvalError::TooFew`] without a query.
    pub fn mean_average_precision(&self, seed: u64) -> Result<Estimate> {
        let mut persons: BTreeMap<i32, (f64, f64)> = BTreeMap::new();
        for q in &self.queries {
            let (sum, count) = persons.entry(q.person).or_default();
            *sum += q.precision;
            *count += 1.0;
        }
        let parts: Vec<(f64, f64)> = persons.into_values().collect();
        let found = clusters::estimate(parts.len(), seed, |weights| clusters::ratio(&parts, weights));
        let none = EvalError::TooFew { what: "the queries with a match", got: 0, needed: 1 };
        found.map(|e| e.over(self.queries.len() as u64)).ok_or(none)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_camera_counts_for_nothing_but_another_person_in_it_counts() {
        let mut found = Reidentification::new(&[1, 2, 1], &[1, 1, 2]).unwrap();
        found.push(1, 1, &[0.9, 0.8, 0.7]).unwrap();
        // The first is dropped, the second (another person, the same camera) stands before the match.
        assert_eq!(found.cmc(1).unwrap().value, 0.0);
        assert_eq!(found.mean_average_precision(0).unwrap(), Estimate::new(0.5).over(1));
    }

    #[test]
    fn ties_count_against_us_and_distractors_match_nobody() {
        let mut found = Reidentification::new(&[0, 1, 2], &[2, 2, 2]).unwrap();
        assert!(found.push(1, 1, &[0.5, 0.5, 0.5]).unwrap());
        assert_eq!((found.cmc(2).unwrap().value, found.cmc(3).unwrap().value), (0.0, 1.0));
        assert!(!found.push(0, 1, &[0.9, 0.1, 0.1]).unwrap());
        assert!(!found.push(JUNK, 1, &[0.9, 0.1, 0.1]).unwrap());
        assert_eq!((found.queries(), found.skipped()), (1, 2));
    }

    #[test]
    fn wrong_input_is_named() {
        assert!(Reidentification::new(&[1], &[]).is_err() && Reidentification::new(&[], &[]).is_err());
        let mut found = Reidentification::new(&[1, 2], &[1, 1]).unwrap();
        assert!(found.push(1, 2, &[0.5]).unwrap_err().to_string().contains("expected 2"));
        assert!(found.push(1, 2, &[f32::NAN, 0.5]).is_err() && found.cmc(0).is_err() && found.cmc(1).is_err());
        assert!(found.mean_average_precision(0).unwrap_err().to_string().contains("queries with a match"));
    }
}
