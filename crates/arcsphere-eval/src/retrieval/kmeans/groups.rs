//! Groups of neighboring centers, and where the centers are.

use std::ops::Range;

use rayon::prelude::*;

use super::points::Points;
use crate::near::squared;

/// Centers per group on average: with fewer a product is slow, with more a bound says little.
const SIZE: usize = 32;

/// Rounds in which centers find their group.
const ROUNDS: usize = 3;

/// Centers, group by group, as their products need them.
#[derive(Default)]
pub(super) struct Listed {
    /// Which they are.
    pub(super) order: Vec<u32>,
    /// Where each group begins, and the end.
    pub(super) begin: Vec<usize>,
    /// The centers less the samples' mean.
    pub(super) near: Vec<f32>,
    /// ‖c‖² of these.
    pub(super) square: Vec<f32>,
}

pub(super) struct Groups {
    /// The group of each center.
    pub(super) of: Vec<u32>,
    /// All centers; in each group first those that moved.
    pub(super) all: Listed,
    /// How many of a group moved.
    pub(super) moving: Vec<usize>,
    /// Those that moved.
    pub(super) moved: Listed,
    /// The place of each center in `all.order`.
    pub(super) place: Vec<usize>,
    /// The largest ‖c‖ of the centers less the samples' mean.
    pub(super) longest: f32,
}

impl Listed {
    fn new(order: Vec<u32>, groups: &[u32], count: usize) -> Self {
        let begin = (0..=count as u32).map(|g| order.partition_point(|c| groups[*c as usize] < g)).collect();
        Self { order, begin, ..Self::default() }
    }

    /// The places of a group's centers.
    pub(super) fn group(&self, group: usize) -> Range<usize> {
        self.begin[group]..self.begin[group + 1]
    }

    fn fill(&mut self, dim: usize, near: &[f32], square: &[f32]) {
        self.near = self.order.iter().flat_map(|c| &near[*c as usize * dim..][..dim]).copied().collect();
        self.square = self.order.iter().map(|c| square[*c as usize]).collect();
    }
}

impl Groups {
    /// Groups of `centers`, by where they are at first.
    pub(super) fn new(x: &Points, centers: &[f64]) -> Self {
        let k = centers.len() / x.dim;
        let count = k.div_ceil(SIZE);
        let of = grouped(centers, x.dim, count);
        let all = Listed::new(Vec::new(), &of, count);
        Self { of, all, moving: vec![0; count], moved: Listed::default(), place: vec![0; k], longest: 0.0 }
    }

    pub(super) fn len(&self) -> usize {
        self.moving.len()
    }

    /// Where a center is in a list of these groups, if it is there.
    pub(super) fn find(&self, center: u32, list: &Listed) -> Option<usize> {
        let group = self.of[center as usize] as usize;
        let at = list.begin[group] + self.place[center as usize] - self.all.begin[group];
        (at < list.begin[group + 1]).then_some(at)
    }

    /// Takes the centers' places, and which of them have `moved`.
    pub(super) fn update(&mut self, x: &Points, centers: &[f64], moved: impl Fn(u32) -> bool) {
        let mut order: Vec<u32> = (0..self.of.len() as u32).collect();
        order.sort_by_key(|c| (self.of[*c as usize], !moved(*c)));
        order.iter().enumerate().for_each(|(at, c)| self.place[*c as usize] = at);
        let (near, square, length) = x.less_mean(centers);
        self.moved = Listed::new(order.iter().copied().filter(|c| moved(*c)).collect(), &self.of, self.len());
        self.all = Listed::new(order, &self.of, self.len());
        self.moved.fill(x.dim, &near, &square);
        self.all.fill(x.dim, &near, &square);
        self.moving = (0..self.len()).map(|g| self.moved.group(g).len()).collect();
        self.longest = length.iter().fold(0.0, |a: f32, b| a.max(*b));
    }
}

/// The group of each center: a few rounds of k-means, started from the first of them.
fn grouped(centers: &[f64], dim: usize, groups: usize) -> Vec<u32> {
    let mut middles = centers[..groups * dim].to_vec();
    let mut of = Vec::new();
    for _ in 0..ROUNDS {
        let nearest = |c: &[f64]| {
            let distances = middles.chunks_exact(dim).map(|m| squared(c, m));
            (0..).zip(distances).fold((0, f64::INFINITY), |a, b| if b.1 < a.1 { b } else { a }).0
        };
        of = centers.par_chunks_exact(dim).map(nearest).collect::<Vec<u32>>();
        let mut counts = vec![0.0; groups];
        middles.fill(0.0);
        for (c, g) in centers.chunks_exact(dim).zip(&of) {
            counts[*g as usize] += 1.0;
            middles[*g as usize * dim..][..dim].iter_mut().zip(c).for_each(|(m, v)| *m += v);
        }
        for (middle, count) in middles.chunks_exact_mut(dim).zip(&counts) {
            middle.iter_mut().for_each(|v| *v /= f64::max(*count, 1.0));
        }
    }
    of
}
