//! Which samples are in which cluster, and their means.

use rayon::prelude::*;

use super::ON_CENTER;
use super::points::Points;

pub(super) struct Members {
    own: Vec<u32>,
    counts: Vec<usize>,
    /// The clusters that are not what they were when their means were taken.
    changed: Vec<bool>,
}

impl Members {
    pub(super) fn new(k: usize) -> Self {
        Self { own: Vec::new(), counts: vec![0; k], changed: vec![true; k] }
    }

    /// Takes the cluster of each sample; false where all are as before.
    pub(super) fn take(&mut self, own: Vec<u32>) -> bool {
        self.changed.fill(self.own.is_empty());
        self.counts.fill(0);
        own.iter().for_each(|c| self.counts[*c as usize] += 1);
        for (before, now) in self.own.iter().zip(&own).filter(|(before, now)| before != now) {
            self.changed[*before as usize] = true;
            self.changed[*now as usize] = true;
        }
        self.own = own;
        self.changed.contains(&true)
    }

    pub(super) fn own(&self) -> &[u32] {
        &self.own
    }

    pub(super) fn has_empty(&self) -> bool {
        self.counts.contains(&0)
    }

    /// An empty cluster takes the sample farthest from its center, out of a cluster that can spare
    /// it; none where all stand on their centers. `distances` are squared. Returns who went, and whither.
    pub(super) fn fill_empty(&mut self, distances: &mut [f64]) -> Vec<(usize, u32)> {
        let mut moves = Vec::new();
        for empty in 0..self.counts.len() {
            if self.counts[empty] > 0 {
                continue;
            }
            let spare = |i: &usize| self.counts[self.own[*i] as usize] > 1;
            let farthest =
                (0..self.own.len()).filter(spare).reduce(|a, b| if distances[b] > distances[a] { b } else { a });
            if let Some(i) = farthest.filter(|i| distances[*i] > ON_CENTER) {
                let from = self.own[i] as usize;
                self.counts[from] -= 1;
                self.counts[empty] = 1;
                (self.changed[from], self.changed[empty]) = (true, true);
                (self.own[i], distances[i]) = (empty as u32, 0.0);
                moves.push((i, empty as u32));
            }
        }
        moves
    }

    /// The means of the clusters that changed, summed in the order of the samples.
    pub(super) fn means(&self, x: &Points) -> Vec<(usize, Vec<f64>)> {
        let mut end = 0;
        let mut next: Vec<usize> = self
            .counts
            .iter()
            .map(|count| {
                end += count;
                end - count
            })
            .collect();
        let mut samples = vec![0_u32; self.own.len()];
        for (i, c) in self.own.iter().enumerate() {
            samples[next[*c as usize]] = i as u32;
            next[*c as usize] += 1;
        }
        (0..self.counts.len())
            .into_par_iter()
            .filter(|c| self.changed[*c])
            .map(|c| {
                let mut mean = vec![0.0; x.dim];
                for sample in &samples[next[c] - self.counts[c]..next[c]] {
                    mean.iter_mut().zip(x.row(*sample as usize)).for_each(|(sum, v)| *sum += v);
                }
                mean.iter_mut().for_each(|v| *v /= self.counts[c].max(1) as f64);
                (c, mean)
            })
            .collect()
    }
}
