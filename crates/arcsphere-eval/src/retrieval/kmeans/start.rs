//! k-means++, all starts side by side: one pass over the samples serves the next center of each.

use arcsphere_kernels::gemm::{Op, sgemm};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::points::Points;
use crate::near::{below as lower, squared};
use crate::progress::Progress;
use crate::random::{below, keyed, unit};

/// Samples that share a product.
const BLOCK: usize = 1024;

/// Where a k-means begins.
pub(super) struct Start {
    /// The samples that are its centers, in the order of the draws.
    pub(super) centers: Vec<usize>,
    /// The nearest of them of each sample; [`TIE`] where several are equally near, or may be.
    pub(super) own: Vec<u32>,
}

/// In the place of a center: this must be looked at.
pub(super) const TIE: u32 = u32::MAX;

/// Samples that are passed over together.
const CHUNK: usize = 16;

/// The distances of up to [`BLOCK`] samples from the nearest center of each start.
struct Block {
    /// The first sample.
    first: usize,
    len: usize,
    /// Squared, `[starts, len]`.
    nearest: Vec<f64>,
    /// Which center that is, `[starts, len]`.
    own: Vec<u32>,
    /// A center c can only be nearer where x·c − ½‖c‖² exceeds this, `[starts, len]`.
    reach: Vec<f32>,
    products: Vec<f32>,
}

/// `restarts` starts of k-means++ with `k` centers.
pub(super) fn starts(x: &Points, k: usize, restarts: usize, seed: u64, progress: Progress<'_>) -> Vec<Start> {
    let n = x.len();
    let mut generators: Vec<ChaCha8Rng> = (0..restarts).map(|r| keyed(b"kmeans++", seed, r as u64)).collect();
    let mut chosen: Vec<Vec<usize>> = generators.iter_mut().map(|rng| vec![below(rng, n)]).collect();
    let longest = x.length.iter().fold(0.0, |a: f32, b| a.max(*b));
    let mut blocks: Vec<Block> = (0..n).step_by(BLOCK).map(|first| Block::new(first, n, restarts)).collect();
    for step in 0..k {
        if step > 0 {
            let draws = generators.par_iter_mut().zip(&mut chosen).enumerate();
            draws.for_each(|(r, (rng, chosen))| chosen.push(next(&blocks, r, n, rng)));
        }
        let last: Vec<usize> = chosen.iter().map(|c| c[step]).collect();
        let centers: Vec<f32> = last.iter().flat_map(|s| &x.near[s * x.dim..][..x.dim]).copied().collect();
        blocks.par_iter_mut().for_each(|block| block.meet(x, step as u32, &last, &centers, longest));
        if step.is_multiple_of(32) {
            progress(step as f64 / k as f64);
        }
    }
    let own = |r: usize| blocks.iter().flat_map(|b| &b.own[r * b.len..][..b.len]).copied().collect();
    chosen.into_iter().enumerate().map(|(r, centers)| Start { centers, own: own(r) }).collect()
}

/// A sample drawn with a chance in proportion to its distance; where all that is left coincides with
/// a center, any sample will do.
fn next(blocks: &[Block], start: usize, n: usize, rng: &mut ChaCha8Rng) -> usize {
    // The sum up to each block, so that the draw begins in the right one.
    let mut sum = 0.0;
    let sums: Vec<f64> = blocks
        .iter()
        .map(|block| {
            block.of(start).iter().for_each(|w| sum += w);
            sum
        })
        .collect();
    if sum > 0.0 { draw(blocks, start, &sums, unit(rng) * sum) } else { below(rng, n) }
}

/// The first sample whose weights up to it exceed `at`, else the last one with a weight.
fn draw(blocks: &[Block], start: usize, sums: &[f64], at: f64) -> usize {
    let b = sums.partition_point(|sum| *sum <= at);
    let Some(block) = blocks.get(b) else {
        let last = |block: &Block| block.of(start).iter().rposition(|w| *w > 0.0).map(|i| block.first + i);
        return blocks.iter().rev().find_map(last).unwrap_or(0);
    };
    let mut sum = if b > 0 { sums[b - 1] } else { 0.0 };
    let passes = |w: &f64| {
        sum += w;
        sum > at
    };
    block.first + block.of(start).iter().position(passes).unwrap_or(block.len - 1)
}

impl Block {
    fn new(first: usize, n: usize, starts: usize) -> Self {
        let len = BLOCK.min(n - first);
        let size = starts * len;
        Self {
            first,
            len,
            nearest: vec![f64::INFINITY; size],
            own: vec![TIE; size],
            reach: vec![f32::NEG_INFINITY; size],
            products: vec![0.0; size],
        }
    }

    fn of(&self, start: usize) -> &[f64] {
        &self.nearest[start * self.len..][..self.len]
    }

    /// Looks at the centers number `step` of all starts, which are the samples `last`.
    fn meet(&mut self, x: &Points, step: u32, last: &[usize], centers: &[f32], longest: f32) {
        let (len, dim) = (self.len, x.dim);
        let rows = &x.near[self.first * dim..][..len * dim];
        sgemm(last.len(), len, dim, centers, Op::Plain, rows, Op::Transposed, 0.0, &mut self.products);
        for (start, &center) in last.iter().enumerate() {
            let half = 0.5 * x.square[center];
            for first in (start * len..(start + 1) * len).step_by(CHUNK) {
                let chunk = first..(first + CHUNK).min((start + 1) * len);
                let pairs = self.products[chunk.clone()].iter().zip(&self.reach[chunk.clone()]);
                if !pairs.fold(false, |any, (p, reach)| any | (p - half >= *reach)) {
                    continue;
                }
                for i in chunk {
                    if self.products[i] - half < self.reach[i] {
                        continue;
                    }
                    let sample = self.first + i - start * len;
                    let distance = squared(x.row(sample), x.row(center));
                    let nearer = self.nearest[i] - distance;
                    if nearer.abs() <= f64::from(x.tie()) {
                        self.own[i] = TIE;
                    } else if nearer > 0.0 {
                        self.own[i] = step;
                    }
                    self.nearest[i] = self.nearest[i].min(distance);
                    let error = f64::from(x.error(x.length[sample] + longest) + x.tie());
                    self.reach[i] = lower(0.5 * (f64::from(x.square[sample]) - self.nearest[i] - error));
                }
            }
        }
    }
}
