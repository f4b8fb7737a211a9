//! The trainings that differ in their seed only.

use super::Cell;
use crate::error::Result;
use crate::interval::{Mean, Proportion, mean, wilson};
use crate::measures::Key;
use crate::results::{Run, values};

/// All trainings of one loss, trainer, margin and learning rate.
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    /// The margin in its own unit.
    pub margin: f64,
    /// What it takes at the boundary, in radians.
    pub boundary_cost: f64,
    /// The learning rate.
    pub rate: f64,
    /// Seeds and test accuracies, seeds rising. A collapsed run without an accuracy counts
    /// as 0; see [`summarize`](crate::results::summarize).
    pub accuracies: Vec<(u64, f64)>,
    /// Mean of those, its 95 % Student-t interval over the seeds cut to [0, 1]; no interval
    /// with one seed.
    pub accuracy: Option<Mean>,
    /// Mean validation accuracy, a collapsed run without one counting as 0; none where
    /// another run has none.
    pub validation: Option<f64>,
    /// Share of the runs that collapsed, with Wilson's interval. A recovered run did not.
    pub collapsed: Proportion,
    /// Seeds of the runs that collapsed.
    pub collapsed_seeds: Vec<u64>,
    /// Seeds of the runs that were saved, and by how many rollbacks.
    pub recovered: Vec<(u64, u64)>,
    /// Causes named by the runs, and by how many of them.
    pub causes: Vec<(String, usize)>,
}

impl Group {
    /// Number of runs.
    pub fn runs(&self) -> usize {
        self.collapsed.n as usize
    }

    /// `cells` must hold one at least; their loss, trainer, margin and rate are the same.
    pub(super) fn of(cells: &[&Cell]) -> Result<Self> {
        let mut cells = cells.to_vec();
        cells.sort_by_key(|c| c.seed);
        let runs: Vec<Run> = cells.iter().map(|c| Run { seed: c.seed, ..c.run.clone() }).collect();
        let accuracies = values(&runs.iter().collect::<Vec<_>>(), &Key::from("accuracy"));
        let accuracy = mean(&accuracies.iter().map(|a| a.1).collect::<Vec<f64>>()).ok().map(|m| Mean {
            low: m.low.map(|low| low.max(0.0)),
            high: m.high.map(|high| high.min(1.0)),
            ..m
        });
        let validation: Option<Vec<f64>> = runs
            .iter()
            .map(|r| r.validation_accuracy.filter(|v| v.is_finite()).or(r.collapsed.then_some(0.0)))
            .collect();
        let mut causes: Vec<(String, usize)> = Vec::new();
        for run in &runs {
            for (i, cause) in run.causes.iter().enumerate() {
                // A run that names a cause twice is one run.
                if run.causes[..i].contains(cause) {
                    continue;
                }
                match causes.iter_mut().find(|known| known.0 == *cause) {
                    Some(known) => known.1 += 1,
                    None => causes.push((cause.clone(), 1)),
                }
            }
        }
        let collapsed_seeds: Vec<u64> = runs.iter().filter(|r| r.collapsed).map(|r| r.seed).collect();
        Ok(Self {
            margin: cells[0].margin,
            boundary_cost: cells[0].boundary_cost,
            rate: cells[0].rate,
            accuracies,
            accuracy,
            validation: validation.and_then(|v| mean(&v).ok()).map(|m| m.value),
            collapsed: wilson(collapsed_seeds.len() as u64, runs.len() as u64)?,
            collapsed_seeds,
            recovered: runs.iter().filter(|r| r.recovered > 0 && !r.collapsed).map(|r| (r.seed, r.recovered)).collect(),
            causes,
        })
    }

    /// Accuracies of the seeds that both have.
    pub(super) fn paired(&self, other: &Self) -> (Vec<f64>, Vec<f64>) {
        let pairs = self.accuracies.iter().filter_map(|(seed, a)| {
            let same = other.accuracies.iter().find(|o| o.0 == *seed)?;
            Some((*a, same.1))
        });
        pairs.unzip()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{cell, dead};

    fn group(cells: &[Cell]) -> Group {
        Group::of(&cells.iter().collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn a_collapsed_run_counts_and_a_recovered_one_is_listed() {
        let mut saved = cell("a", 0.5, 0.1, 3, 0.94, 940);
        (saved.run.recovered, saved.run.causes) = (2, vec!["spike".into(), "spike".into()]);
        let mut none = dead("a", 0.5, 0.1, 2, "NaN");
        none.run.measures.remove("accuracy");
        none.run.validation_accuracy = None;
        let g = group(&[saved, cell("a", 0.5, 0.1, 1, 0.96, 960), none]);
        assert_eq!(g.accuracies, [(1, 0.96), (2, 0.0), (3, 0.94)]);
        assert!((g.validation.unwrap() - 1.9 / 3.0).abs() < 1e-12);
        assert_eq!((g.collapsed, g.runs()), (wilson(1, 3).unwrap(), 3));
        assert_eq!((&g.collapsed_seeds[..], &g.recovered[..]), (&[2][..], &[(3, 2)][..]));
        assert_eq!(g.causes, [("NaN".to_owned(), 1), ("spike".to_owned(), 1)]);
        let m = g.accuracy.unwrap();
        assert!(m.low == Some(0.0) && m.high == Some(1.0), "cut to shares: {m:?}");
    }

    #[test]
    fn one_seed_has_no_interval_and_a_missing_validation_leaves_none() {
        let g = group(&[cell("a", 0.5, 0.1, 1, 0.96, 960)]);
        assert_eq!((g.accuracy.unwrap().low, g.validation), (None, Some(0.96)));
        let mut other = cell("a", 0.5, 0.1, 2, 0.96, 960);
        other.run.validation_accuracy = None;
        assert_eq!(group(&[cell("a", 0.5, 0.1, 1, 0.96, 960), other]).validation, None);
    }
}
