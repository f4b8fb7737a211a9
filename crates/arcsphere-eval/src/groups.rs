//! Error rates by group, at one threshold for all.
//!
//! A group's FMR is that of impostor pairs within it, its FNMR that of its genuine pairs; pairs across groups are a row
//! of their own. How far groups lie apart is said by the largest rate over the smallest and over the geometric mean
//! (NISTIR 8280 and 8429; ISO/IEC 19795-10), with bootstrap intervals over subjects. A group without an error has no
//! rate to divide by: it enters by its upper bound, and is marked. There is no threshold for each group.

use std::collections::{BTreeMap, HashMap};

use crate::clusters;
use crate::error::{EvalError, Result};
use crate::interval::{Estimate, LEVEL};
use crate::rates::{Rate, Tally, check_scores, proportion_upper};
use crate::units::{Units, number};

/// Error rates of a group.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Group {
    /// Its number.
    pub group: u32,
    /// Of impostor pairs within it; none where there is no such pair.
    pub fmr: Option<Rate>,
    /// Of genuine pairs within it.
    pub fnmr: Option<Rate>,
}

/// How far the rates of groups lie apart.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Apart {
    /// The largest rate over the smallest.
    pub max_over_min: Estimate,
    /// The largest rate over the geometric mean of all.
    pub max_over_mean: Estimate,
    /// Groups without an error, which are in it by their 95 % upper bound: "at least" where they are the smallest.
    pub by_bound: Vec<u32>,
}

/// Error rates of groups.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Groups {
    /// Each group, by its number.
    pub groups: Vec<Group>,
    /// The FMR of impostor pairs across groups.
    pub cross_fmr: Option<Rate>,
    /// The FNMR of genuine pairs across groups, such as two styles of one character.
    pub cross_fnmr: Option<Rate>,
    /// How far the FMRs lie apart; none for fewer than two groups with impostor pairs.
    pub fmr_apart: Option<Apart>,
    /// How far the FNMRs do.
    pub fnmr_apart: Option<Apart>,
}

impl Groups {
    /// The groups whose own upper bound of the FMR exceeds `fmr`.
    pub fn beyond(&self, fmr: f64) -> impl Iterator<Item = &Group> + '_ {
        self.groups.iter().filter(move |g| g.fmr.is_some_and(|r| r.upper > fmr))
    }
}

/// Measures scores by group at a threshold: a score a pair (−∞ for a failure to acquire), whether it is genuine, its
/// units, and the groups of its two sides.
///
/// ```
/// use arcsphere_eval::groups::measure;
/// use arcsphere_eval::units::Units;
/// let (same, subjects) = ([true, true, false, false, false], [(0, 0), (1, 1), (0, 2), (1, 3), (0, 1)]);
/// let groups = [(5, 5), (6, 6), (5, 5), (6, 6), (5, 6)];
/// let units = Units::subjects(&subjects, &same)?;
/// let found = measure(&[0.9, 0.3, 0.6, 0.1, 0.2], &same, &units, &groups, 0.5, 0)?;
/// let rates: Vec<_> = found.groups.iter().map(|g| (g.group, g.fmr.map(|r| r.value), g.fnmr.map(|r| r.value))).collect();
/// assert_eq!(rates, [(5, Some(1.0), Some(0.0)), (6, Some(0.0), Some(1.0))]);
/// assert_eq!(found.cross_fmr.map(|r| r.errors), Some(0));
/// // Group 6 has no false match: it enters by the bound of one pair without an error, 95 %.
/// let apart = found.fmr_apart.ok_or("two groups")?;
/// assert_eq!(apart.by_bound, [6]);
/// assert!((apart.max_over_min.value - 1.0 / 0.95).abs() < 1e-9);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// Those of [`at_thresholds`](crate::rates::at_thresholds), and [`EvalError::Length`] for another number of groups.
pub fn measure(
    scores: &[f32],
    same: &[bool],
    units: &Units,
    groups: &[(u32, u32)],
    threshold: f32,
    seed: u64,
) -> Result<Groups> {
    check_scores(scores, same, units)?;
    if groups.len() != scores.len() {
        return Err(EvalError::Length { what: "the list of groups", got: groups.len(), expected: scores.len() });
    }
    if threshold.is_nan() {
        return Err(EvalError::NotFinite { what: "the threshold", index: 0, value: f64::NAN });
    }
    let kind = |genuine: bool| {
        let mut kind = Kind::default();
        for (i, _) in same.iter().enumerate().filter(|(_, s)| **s == genuine) {
            let own = (groups[i].0 == groups[i].1).then_some(groups[i].0);
            kind.push(own, units.pairs()[i], (scores[i] >= threshold) != genuine, units);
        }
        kind
    };
    let (impostor, genuine) = (kind(false), kind(true));
    let mut names: Vec<u32> = impostor.tallies.keys().chain(genuine.tallies.keys()).copied().flatten().collect();
    names.sort_unstable();
    names.dedup();
    let each = names
        .into_iter()
        .map(|group| Ok(Group { group, fmr: impostor.rate(Some(group))?, fnmr: genuine.rate(Some(group))? }));
    Ok(Groups {
        groups: each.collect::<Result<_>>()?,
        cross_fmr: impostor.rate(None)?,
        cross_fnmr: genuine.rate(None)?,
        fmr_apart: impostor.apart(units.len(), seed),
        fnmr_apart: genuine.apart(units.len(), seed),
    })
}

/// Pairs of one kind.
#[derive(Default)]
struct Kind {
    /// By group, none for pairs across groups.
    tallies: BTreeMap<Option<u32>, Tally>,
    cells: BTreeMap<u32, Cells>,
}

/// Comparisons and errors of a group, by pair of units.
#[derive(Default)]
struct Cells {
    numbers: HashMap<(u32, u32), u32>,
    counts: Vec<(u32, u32, f64, f64)>,
}

impl Cells {
    /// Errors and comparisons where units count by weight.
    fn weigh(&self, weights: &[f64]) -> (f64, f64) {
        self.counts.iter().fold((0.0, 0.0), |(k, m), (a, b, errors, comparisons)| {
            let (v, w) = (weights[*a as usize], weights[*b as usize]);
            let weight = if a == b { v } else { v * w };
            (k + weight * errors, m + weight * comparisons)
        })
    }
}

impl Kind {
    fn push(&mut self, group: Option<u32>, (a, b): (u32, u32), error: bool, units: &Units) {
        self.tallies.entry(group).or_insert_with(|| Tally::new(units.known())).push(a, b, error);
        let Some(group) = group else { return };
        let cells = self.cells.entry(group).or_default();
        let cell = number(&mut cells.numbers, (a.min(b), a.max(b))) as usize;
        if cell == cells.counts.len() {
            cells.counts.push((a, b, 0.0, 0.0));
        }
        cells.counts[cell].2 += f64::from(u8::from(error));
        cells.counts[cell].3 += 1.0;
    }

    fn rate(&self, group: Option<u32>) -> Result<Option<Rate>> {
        self.tallies.get(&group).map(Tally::rate).transpose()
    }

    fn apart(&self, units: usize, seed: u64) -> Option<Apart> {
        if self.cells.len() < 2 {
            return None;
        }
        let rates = |weights: &[f64]| -> Option<Vec<f64>> {
            let found: Vec<f64> = self.cells.values().filter_map(|c| entering(c.weigh(weights))).collect();
            (found.len() == self.cells.len()).then_some(found)
        };
        let over = |of: fn(&[f64]) -> f64| clusters::estimate(units, seed, |weights| Some(of(&rates(weights)?)));
        let ones = vec![1.0; units];
        let none = self.cells.iter().filter(|(_, c)| c.weigh(&ones).0 == 0.0);
        Some(Apart {
            max_over_min: over(|rates: &[f64]| largest(rates) / rates.iter().copied().fold(f64::INFINITY, f64::min))?,
            max_over_mean: over(|rates: &[f64]| {
                let mean = rates.iter().map(|r| r.ln()).sum::<f64>() / rates.len() as f64;
                largest(rates) / mean.exp()
            })?,
            by_bound: none.map(|(group, _)| *group).collect(),
        })
    }
}

fn largest(rates: &[f64]) -> f64 {
    rates.iter().copied().fold(0.0, f64::max)
}

/// The rate by which a group enters: its own, or its upper bound where it has no error; none without a comparison.
fn entering((errors, comparisons): (f64, f64)) -> Option<f64> {
    if errors > 0.0 { Some(errors / comparisons) } else { proportion_upper(0.0, comparisons, LEVEL).ok() }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The two subjects, or the two groups, of each pair.
    type Both = Vec<(u32, u32)>;

    /// A group an entry: how many subjects, with five impostor pairs each, and which of these are errors, every so many.
    fn impostors(of: &[(u32, u32)]) -> (Vec<f32>, Vec<bool>, Both, Both) {
        let (mut scores, mut same, mut subjects, mut groups) = (Vec::new(), Vec::new(), Both::new(), Both::new());
        for (group, &(n, every)) in of.iter().enumerate() {
            let group = group as u32;
            for i in 0..5 * n {
                scores.push(if every > 0 && i % every == 0 { 0.9 } else { 0.1 });
                same.push(false);
                let first = 1000 * group + i % n;
                subjects.push((first, 1000 * group + (i % n + 1 + i / n) % n));
                groups.push((group, group));
            }
            scores.push(0.9);
            same.push(true);
            subjects.push((1000 * group, 1000 * group));
            groups.push((group, group));
        }
        (scores, same, subjects, groups)
    }

    #[test]
    fn ratios_are_those_of_the_rates() {
        // FMRs of 1/5, 1/10 and 1/20: 4 over the smallest, 2 over the geometric mean.
        let (scores, same, subjects, groups) = impostors(&[(60, 5), (60, 10), (60, 20)]);
        let units = Units::subjects(&subjects, &same).unwrap();
        let found = measure(&scores, &same, &units, &groups, 0.5, 1).unwrap();
        let apart = found.fmr_apart.clone().unwrap();
        assert!((apart.max_over_min.value - 4.0).abs() < 1e-9 && (apart.max_over_mean.value - 2.0).abs() < 1e-9);
        assert!(apart.max_over_min.low.unwrap() < 4.0 && apart.max_over_min.high.unwrap() > 4.0, "{apart:?}");
        assert_eq!(apart.by_bound, Vec::<u32>::new());
        let beyond: Vec<u32> = found.beyond(0.2).map(|g| g.group).collect();
        assert!(beyond.contains(&0) && !beyond.contains(&2), "{beyond:?}");
        assert_eq!(found, measure(&scores, &same, &units, &groups, 0.5, 1).unwrap());
    }

    #[test]
    fn a_group_without_an_error_enters_by_its_bound() {
        let (scores, same, subjects, groups) = impostors(&[(60, 5), (60, 0)]);
        let units = Units::subjects(&subjects, &same).unwrap();
        let apart = measure(&scores, &same, &units, &groups, 0.5, 1).unwrap().fmr_apart.unwrap();
        let bound = 1.0 - 0.05_f64.powf(1.0 / 300.0);
        assert!((apart.max_over_min.value - 0.2 / bound).abs() < 1e-6, "{apart:?}");
        assert_eq!(apart.by_bound, [1]);
    }

    #[test]
    fn pairs_across_groups_are_a_row_of_their_own() {
        let same = [true, false, false];
        let units = Units::subjects(&[(0, 0), (0, 1), (0, 2)], &same).unwrap();
        let scores = [f32::NEG_INFINITY, 0.9, 0.9];
        let found = measure(&scores, &same, &units, &[(1, 2), (1, 2), (1, 1)], 0.5, 1).unwrap();
        assert_eq!(found.cross_fnmr.map(|r| (r.errors, r.pairs)), Some((1, 1)));
        assert_eq!(found.cross_fmr.map(|r| (r.errors, r.pairs)), Some((1, 1)));
        assert_eq!((found.groups.len(), found.groups[0].fnmr, found.fmr_apart), (1, None, None));
        assert!(measure(&scores, &same, &units, &[(1, 2)], 0.5, 1).is_err());
        assert!(measure(&scores, &same, &units, &[(1, 2); 3], f32::NAN, 1).is_err());
    }
}
