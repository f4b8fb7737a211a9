//! A block of samples: their clusters and what bounds the distances of all others.

use std::mem;
use std::ops::Range;

use arcsphere_kernels::gemm::{Op, sgemm};
use rayon::prelude::*;

use super::groups::{Groups, Listed};
use super::lloyd::Centers;
use super::points::Points;
use crate::near::{above, below, squared};

/// Samples that share a product.
pub(super) const BLOCK: usize = 512;

pub(super) struct Block {
    /// The first sample.
    first: usize,
    /// The own center of each.
    pub(super) own: Vec<u32>,
    /// How far it is, at most.
    upper: Vec<f32>,
    /// How far a group's other centers are, at least: `[samples, groups]`.
    lower: Vec<f32>,
}

/// A sample that may have another center. Distances are squared, less ‖x‖².
struct Row {
    /// Its place in the block.
    at: usize,
    /// The own center's distance.
    own: f32,
    /// That of the nearest other center, and which it is.
    best: f32,
    best_center: u32,
    /// The next one's.
    second: f32,
}

/// What must be looked at.
struct Open {
    rows: Vec<Row>,
    /// Per group the rows whose bound is passed.
    groups: Vec<Vec<u32>>,
    /// Those whose bound is passed even if no center of the group but the own has moved.
    still: Vec<Vec<u32>>,
}

/// Distances of some rows from the centers at `places` of a list, which are of `groups`.
struct Look<'a> {
    list: &'a Listed,
    groups: &'a [usize],
    places: Range<usize>,
    who: &'a [u32],
}

#[derive(Default)]
struct Scratch {
    samples: Vec<f32>,
    products: Vec<f32>,
}

impl Block {
    /// All samples in blocks.
    pub(super) fn cut(x: &Points, centers: &Centers, own: &[u32]) -> Vec<Self> {
        let groups = centers.groups.len();
        own.par_chunks(BLOCK)
            .enumerate()
            .map(|(b, own)| {
                let first = b * BLOCK;
                let own = own.iter().enumerate().map(|(i, c)| centers.resolve(x.row(first + i), *c));
                let own: Vec<u32> = own.collect();
                Self { first, upper: vec![f32::INFINITY; own.len()], lower: vec![0.0; own.len() * groups], own }
            })
            .collect()
    }

    /// Gives a sample to a cluster, wherever this is.
    pub(super) fn place(&mut self, at: usize, cluster: u32, groups: &Groups) {
        self.lower[at * groups.len() + groups.of[self.own[at] as usize] as usize] = 0.0;
        (self.own[at], self.upper[at]) = (cluster, f32::INFINITY);
    }

    /// Gives each sample to its nearest center, the first of equal ones.
    pub(super) fn assign(&mut self, x: &Points, centers: &Centers) {
        let groups = &centers.groups;
        let Open { mut rows, groups: open, still } = self.open(x, centers);
        let mut scratch = Scratch::default();
        let (all, moved) = (&groups.all, &groups.moved);
        let pairs: usize = open.iter().enumerate().map(|(g, who)| who.len() * all.group(g).len()).sum();
        let rest = |g: usize| all.begin[g] + groups.moving[g]..all.begin[g + 1];
        let others: usize = still.iter().enumerate().map(|(g, who)| who.len() * rest(g).len()).sum();
        let by_move = others + rows.len() * moved.order.len();
        let passed = if by_move < pairs { &still } else { &open };
        for (g, who) in passed.iter().enumerate() {
            who.iter().for_each(|row| self.lower[rows[*row as usize].at * groups.len() + g] = f32::INFINITY);
        }
        if by_move < pairs {
            let everyone: Vec<u32> = (0..rows.len() as u32).collect();
            let of: Vec<usize> = (0..groups.len()).filter(|g| groups.moving[*g] > 0).collect();
            let look = Look { list: moved, groups: &of, places: 0..moved.order.len(), who: &everyone };
            self.look(x, groups, &look, &mut rows, &mut scratch);
            for (g, who) in still.iter().enumerate() {
                let look = Look { list: all, groups: &[g], places: rest(g), who };
                self.look(x, groups, &look, &mut rows, &mut scratch);
            }
        } else {
            for row in &rows {
                let lower = &mut self.lower[row.at * groups.len()..][..groups.len()];
                fall(lower, &centers.group_moved);
            }
            for (g, who) in open.iter().enumerate() {
                let look = Look { list: all, groups: &[g], places: all.group(g), who };
                self.look(x, groups, &look, &mut rows, &mut scratch);
            }
        }
        for row in &rows {
            self.settle(x, centers, row);
        }
    }

    fn open(&mut self, x: &Points, centers: &Centers) -> Open {
        let slack = (2.0 * x.tie()).sqrt();
        let groups = centers.groups.len();
        let mut open = Open { rows: Vec::new(), groups: vec![Vec::new(); groups], still: vec![Vec::new(); groups] };
        for (at, lower) in self.lower.chunks_exact_mut(groups).enumerate() {
            let (sample, own, upper) = (self.first + at, self.own[at] as usize, &mut self.upper[at]);
            *upper += centers.moved[own];
            let bounds = lower.iter().zip(&centers.group_moved);
            let least = bounds.fold(f32::INFINITY, |least, (bound, moved)| least.min(bound - moved));
            if *upper + slack >= least {
                let distance = squared(x.row(sample), centers.row(own, x.dim));
                *upper = above(distance.sqrt() * (1.0 + 1e-9));
                if *upper + slack >= least {
                    for (g, bound) in lower.iter().enumerate() {
                        if *bound - centers.group_moved[g] <= *upper + slack {
                            open.groups[g].push(open.rows.len() as u32);
                            if *bound <= *upper + slack {
                                open.still[g].push(open.rows.len() as u32);
                            }
                        }
                    }
                    let own = (distance - f64::from(x.square[sample])) as f32;
                    let far = f32::INFINITY;
                    open.rows.push(Row { at, own, best: far, best_center: 0, second: far });
                    continue;
                }
            }
            fall(lower, &centers.group_moved);
        }
        open
    }

    /// Takes the distances that a look asks for.
    fn look(&mut self, x: &Points, groups: &Groups, look: &Look<'_>, rows: &mut [Row], scratch: &mut Scratch) {
        let (list, places, who) = (look.list, &look.places, look.who);
        let (dim, size, count) = (x.dim, places.len(), who.len());
        if size == 0 || count == 0 {
            return;
        }
        let samples = if count == self.own.len() {
            &x.near[self.first * dim..][..count * dim]
        } else {
            scratch.samples.clear();
            for row in who {
                let sample = self.first + rows[*row as usize].at;
                scratch.samples.extend_from_slice(&x.near[sample * dim..][..dim]);
            }
            scratch.samples.as_slice()
        };
        scratch.products.resize(count * size, 0.0);
        let centers = &list.near[places.start * dim..places.end * dim];
        sgemm(count, size, dim, samples, Op::Plain, centers, Op::Transposed, 0.0, &mut scratch.products);
        for (row, distances) in who.iter().zip(scratch.products.chunks_exact_mut(size)) {
            let row = &mut rows[*row as usize];
            for (d, square) in distances.iter_mut().zip(&list.square[places.clone()]) {
                *d = square - 2.0 * *d;
            }
            if let Some(own) = groups.find(self.own[row.at], list).filter(|own| places.contains(own)) {
                distances[own - places.start] = f32::INFINITY;
            }
            let sample = self.first + row.at;
            let up = x.square[sample] - x.error(x.length[sample] + groups.longest);
            for &group in look.groups {
                let part = list.begin[group].max(places.start)..list.begin[group + 1].min(places.end);
                let least = row.meet(&distances[part.start - places.start..part.end - places.start], &list.order[part]);
                let lower = &mut self.lower[row.at * groups.len() + group];
                *lower = lower.min(bound(least + up));
            }
        }
    }

    /// Decides where a sample goes.
    fn settle(&mut self, x: &Points, centers: &Centers, row: &Row) {
        let (sample, groups) = (self.first + row.at, &centers.groups);
        let error = x.error(x.length[sample] + groups.longest);
        let gap = 2.0 * (error + x.tie());
        if row.best - row.own > gap {
            return;
        }
        let sure = row.own - row.best > gap && row.second - row.best > gap;
        let to = if sure { row.best_center } else { centers.nearest(x.row(sample)) };
        let before = mem::replace(&mut self.own[row.at], to);
        if before != to {
            let lower = &mut self.lower[row.at * groups.len() + groups.of[before as usize] as usize];
            *lower = lower.min(bound(row.own + x.square[sample] - error));
            self.upper[row.at] = above(squared(x.row(sample), centers.row(to as usize, x.dim)).sqrt() * (1.0 + 1e-9));
        }
    }
}

impl Row {
    /// Takes the distances of some centers and returns the least.
    fn meet(&mut self, distances: &[f32], centers: &[u32]) -> f32 {
        let least = least(distances);
        if least >= self.best {
            self.second = self.second.min(least);
        } else {
            self.second = self.best;
            for (d, c) in distances.iter().zip(centers) {
                if *d < self.best {
                    (self.second, self.best, self.best_center) = (self.best, *d, *c);
                } else {
                    self.second = self.second.min(*d);
                }
            }
        }
        least
    }
}

/// What is left of bounds after the centers' moves.
fn fall(lower: &mut [f32], moved: &[f32]) {
    lower.iter_mut().zip(moved).for_each(|(bound, moved)| *bound = f32::max(*bound - moved, 0.0));
}

/// The least, in lanes.
fn least(values: &[f32]) -> f32 {
    let (whole, rest) = values.as_chunks::<8>();
    let less = |a: f32, b: f32| if b < a { b } else { a };
    let mut lanes = [f32::INFINITY; 8];
    for chunk in whole {
        for (lane, v) in lanes.iter_mut().zip(chunk) {
            *lane = less(*lane, *v);
        }
    }
    lanes.iter().chain(rest).fold(f32::INFINITY, |a, b| less(a, *b))
}

/// A distance, at least, from its square, which may be off into the negative.
fn bound(square: f32) -> f32 {
    below(f64::from(square.max(0.0).sqrt())).max(0.0)
}
