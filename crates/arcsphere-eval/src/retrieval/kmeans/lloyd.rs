//! Lloyd's iteration, which looks only at the centers that may have become the nearest.
//!
//! The centers stand in groups of neighbors. A sample keeps how far its own center is at
//! most and, for each group, how far the group's other centers are at least. A center that moves
//! by δ changes a distance by at most δ, and a group whose bound stays above the own distance is
//! not looked at (Ding et al., "Yinyang K-Means", ICML 2015); one whose bound is passed only by its centers' moves
//! is looked at as far as they moved. The distances come
//! from a product in `f32`, and what this cannot tell apart is decided in `f64`, by a look
//! at all centers: so the clusters are those of the plain iteration, to the bit.

use rayon::prelude::*;

use super::Clusters;
use super::block::{BLOCK, Block};
use super::groups::Groups;
use super::members::Members;
use super::points::Points;
use super::start::{Start, TIE};
use crate::near::{above, dot, squared};

/// Iterations at most; within a few dozen it has settled.
const ITERATIONS: usize = 300;

/// What a bound loses to rounding when a center has moved: more than half a unit in the last place of 2.
const ROUNDING: f32 = 2.4e-7;

/// The centers of one iteration, and how far each has come since the one before.
pub(super) struct Centers {
    /// `[k, dim]`.
    exact: Vec<f64>,
    /// ‖c‖².
    squares: Vec<f64>,
    /// At most; 0 for a center that stands still.
    pub(super) moved: Vec<f32>,
    /// The largest of a group.
    pub(super) group_moved: Vec<f32>,
    pub(super) groups: Groups,
}

/// The iteration from `start` until no sample changes its cluster.
pub(super) fn lloyd(x: &Points, start: &Start) -> Clusters {
    let mut centers = Centers::new(x, start.centers.iter().flat_map(|s| x.row(*s)).copied().collect());
    let mut members = Members::new(start.centers.len());
    let mut blocks = Block::cut(x, &centers, &start.own);
    let mut iteration = 0;
    loop {
        iteration += 1;
        if iteration > 1 {
            blocks.par_iter_mut().for_each(|block| block.assign(x, &centers));
        }
        let changed = members.take(blocks.iter().flat_map(|block| &block.own).copied().collect());
        let last = iteration == ITERATIONS;
        let mut distances = Vec::new();
        if !changed || last || members.has_empty() {
            distances = centers.distances(x, members.own());
        }
        if changed {
            for (sample, cluster) in members.fill_empty(&mut distances) {
                blocks[sample / BLOCK].place(sample % BLOCK, cluster, &centers.groups);
            }
        }
        if !changed || last {
            return Clusters {
                inertia: distances.iter().sum(),
                assignment: members.own().to_vec(),
                iterations: iteration,
            };
        }
        centers.advance(x, members.means(x));
    }
}

impl Centers {
    fn new(x: &Points, exact: Vec<f64>) -> Self {
        let groups = Groups::new(x, &exact);
        let squares = exact.chunks_exact(x.dim).map(|c| dot(c, c)).collect();
        let (moved, group_moved) = (vec![0.0; exact.len() / x.dim], vec![0.0; groups.len()]);
        Self { exact, squares, moved, group_moved, groups }
    }

    pub(super) fn row(&self, c: usize, dim: usize) -> &[f64] {
        &self.exact[c * dim..][..dim]
    }

    /// The squared distance of each sample from its center.
    fn distances(&self, x: &Points, own: &[u32]) -> Vec<f64> {
        own.par_iter().enumerate().map(|(i, c)| squared(x.row(i), self.row(*c as usize, x.dim))).collect()
    }

    /// Moves some centers.
    fn advance(&mut self, x: &Points, to: Vec<(usize, Vec<f64>)>) {
        self.moved.fill(0.0);
        self.group_moved.fill(0.0);
        for (c, center) in to {
            let place = &mut self.exact[c * x.dim..][..x.dim];
            let distance = squared(place, &center).sqrt();
            place.copy_from_slice(&center);
            self.squares[c] = dot(&center, &center);
            if distance > 0.0 {
                self.moved[c] = above(distance * (1.0 + 1e-9)) + ROUNDING;
                let largest = &mut self.group_moved[self.groups.of[c] as usize];
                *largest = largest.max(self.moved[c]);
            }
        }
        self.groups.update(x, &self.exact, |c| self.moved[c as usize] > 0.0);
    }

    /// The nearest center of a sample, the first of equal ones.
    pub(super) fn nearest(&self, row: &[f64]) -> u32 {
        let (mut best, mut least) = (0, f64::INFINITY);
        for (c, (center, square)) in self.exact.chunks_exact(row.len()).zip(&self.squares).enumerate() {
            // ‖x − c‖² less ‖x‖², which is the same for every center.
            let distance = square - 2.0 * dot(row, center);
            if distance < least {
                (best, least) = (c, distance);
            }
        }
        best as u32
    }

    /// The nearest center of a sample, which `own` says unless there is a tie.
    pub(super) fn resolve(&self, row: &[f64], own: u32) -> u32 {
        if own == TIE { self.nearest(row) } else { own }
    }
}
