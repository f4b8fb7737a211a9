use std::collections::HashMap;

use rayon::prelude::*;

use super::{Rate, Spread, rate};
use crate::error::Result;
use crate::units::{Known, Units};

/// The pairs of one kind in the order in which a moving threshold makes them errors, with the rate so far.
#[derive(Debug, Clone)]
pub(crate) struct Walk {
    steps: Vec<Step>,
    at: usize,
    kind: Kind,
    pub(crate) spread: Spread,
    /// Errors and pairs that share no unit.
    pub(crate) exact: (u64, u64),
    pub(crate) units: u64,
    known: Known,
}

/// Which pairs are errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Impostor pairs from a threshold on; it falls.
    FalseMatches,
    /// Genuine pairs below a threshold; it rises.
    FalseNonMatches,
}

#[derive(Debug, Clone, Copy)]
struct Step {
    score: f32,
    cell: u32,
    alone: bool,
}

impl Walk {
    /// The pairs of that kind. `scores` without a NaN.
    pub(crate) fn new(scores: &[f32], same: &[bool], units: &Units, kind: Kind) -> Self {
        let genuine = kind == Kind::FalseNonMatches;
        let mut spread = Spread::new(units.len());
        let mut cells: HashMap<(u32, u32), u32> = HashMap::new();
        let mut taken = vec![false; units.len()];
        let mut steps = Vec::with_capacity(same.iter().filter(|s| **s == genuine).count());
        for ((&(a, b), &score), _) in units.pairs().iter().zip(scores).zip(same).filter(|(_, s)| **s == genuine) {
            let key = (a.min(b), a.max(b));
            let cell = *cells.entry(key).or_insert_with(|| spread.add_cell(key));
            spread.compare(cell);
            let alone = !(taken[a as usize] || taken[b as usize]);
            if alone {
                taken[a as usize] = true;
                taken[b as usize] = true;
            }
            // −0.0 and 0.0 are one threshold.
            steps.push(Step { score: score + 0.0, cell, alone });
        }
        let exact = (0, steps.iter().filter(|s| s.alone).count() as u64);
        match kind {
            Kind::FalseMatches => steps.par_sort_unstable_by(|a, b| b.score.total_cmp(&a.score)),
            Kind::FalseNonMatches => steps.par_sort_unstable_by(|a, b| a.score.total_cmp(&b.score)),
        }
        let in_pairs = spread.by_unit().filter(|u| u.0 > 0).count() as u64;
        Self { steps, at: 0, kind, spread, exact, units: in_pairs, known: units.known() }
    }

    /// The score of the next pair that is no error yet.
    pub(crate) fn next(&self) -> Option<f32> {
        self.steps.get(self.at).map(|s| s.score)
    }

    /// Makes all pairs of the next score errors, and gives the cells that they are in.
    pub(crate) fn step(&mut self) -> impl Iterator<Item = (u32, u32)> + '_ {
        let from = self.at;
        while let Some(step) = self.steps.get(self.at).filter(|s| s.score == self.steps[from].score) {
            self.spread.err(step.cell);
            self.exact.0 += u64::from(step.alone);
            self.at += 1;
        }
        self.steps[from..self.at].iter().map(|s| self.spread.units_of(s.cell))
    }

    /// Goes on to a threshold: pairs are accepted where score ≥ threshold.
    pub(crate) fn advance(&mut self, threshold: f32) {
        while self.next().is_some_and(|score| (score >= threshold) == (self.kind == Kind::FalseMatches)) {
            let _ = self.step();
        }
    }

    /// The rate so far.
    pub(crate) fn rate(&self) -> Result<Rate> {
        rate(&self.spread, self.exact, self.units, self.known)
    }

    /// The rate at each of some thresholds, in their order.
    pub(crate) fn rates(mut self, thresholds: &[f32]) -> Result<Vec<Rate>> {
        let mut order: Vec<usize> = (0..thresholds.len()).collect();
        order.sort_by(|a, b| thresholds[*b].total_cmp(&thresholds[*a]));
        if self.kind == Kind::FalseNonMatches {
            order.reverse();
        }
        let mut found = Vec::with_capacity(order.len());
        for i in order {
            self.advance(thresholds[i]);
            found.push((i, self.rate()?));
        }
        found.sort_by_key(|f| f.0);
        Ok(found.into_iter().map(|f| f.1).collect())
    }
}
