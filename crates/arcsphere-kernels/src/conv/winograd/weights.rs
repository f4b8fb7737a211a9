//! Kernels at the 36 points, in the panels that the register tile wants, and back.

// Loops over constant ranges unroll, and the arrays become registers.
#![allow(clippy::needless_range_loop)]

use super::points::{POINTS, kernel_points};
use crate::conv::shape::{BLOCK, ConvShape};
use crate::conv::weights::{Panel, panels};
use crate::isa::{Isa, Kernel, Simd};
use crate::parallel;

/// Where the kernel of an (input, output) pair of channels lies.
#[derive(Clone, Copy)]
pub(super) struct Pairs {
    /// Values from one input channel to the next, and from one output channel to the next.
    pub(super) steps: [usize; 2],
    /// The kernel is read from its end.
    pub(super) turned: bool,
}

impl Pairs {
    /// The convolution's own: `[out, in, kernel, kernel]`.
    pub(super) fn forward(shape: &ConvShape) -> Self {
        let area = shape.kernel * shape.kernel;
        Pairs { steps: [area, shape.in_channels * area], turned: false }
    }

    /// Those of its input's gradient: roles exchanged, kernels turned.
    pub(super) fn input_grad(shape: &ConvShape) -> Self {
        let [input, output] = Self::forward(shape).steps;
        Pairs { steps: [output, input], turned: true }
    }
}

/// The panels of `outputs` channels, `[panel][point][input][width]`.
pub(super) struct Points {
    pub(super) panels: Vec<Panel>,
    pub(super) inputs: usize,
}

impl Points {
    pub(super) fn new(isa: Isa, inputs: usize, outputs: usize, vectors: usize) -> Self {
        let taps = POINTS * POINTS * inputs / BLOCK;
        Points { panels: panels(outputs, taps, isa.lanes(), vectors), inputs }
    }

    /// Values in all.
    pub(super) fn len(&self) -> usize {
        self.panels.last().map_or(0, |panel| panel.data.end)
    }

    /// Values of a panel's point.
    pub(super) fn point(&self, panel: &Panel) -> usize {
        panel.data.len() / (POINTS * POINTS)
    }

    /// A panel by itself, and its values in `data`, for each panel.
    fn cut<'a>(&'a self, mut data: &'a mut [f32]) -> Vec<(&'a Panel, &'a mut [f32])> {
        self.panels
            .iter()
            .map(|panel| {
                let (own, rest) = std::mem::take(&mut data).split_at_mut(panel.data.len());
                data = rest;
                (panel, own)
            })
            .collect()
    }

    /// G w Gᵀ of every pair of channels.
    pub(super) fn transform<const R: usize>(&self, isa: Isa, pairs: Pairs, weight: &[f32]) -> Vec<f32> {
        let mut data = vec![0.0; self.len()];
        parallel::map(self.cut(&mut data), |(panel, out)| {
            isa.run(Forward::<R> { points: self, panel, pairs, weight, out });
        });
        data
    }

    /// Gᵀ p G of every pair of channels, to `[out, in, kernel, kernel]`.
    pub(super) fn gather<const R: usize>(&self, isa: Isa, sums: &[f32], outputs: usize) -> Vec<f32> {
        let area = R * R;
        let mut weight = vec![0.0; outputs * self.inputs * area];
        let mut rest = weight.as_mut_slice();
        let mut parts = Vec::with_capacity(self.panels.len());
        for panel in &self.panels {
            let (own, later) = rest.split_at_mut(panel.count * self.inputs * area);
            rest = later;
            parts.push((panel, own));
        }
        parallel::map(parts, |(panel, out)| {
            isa.run(Gather::<R> { points: self, panel, sums: &sums[panel.data.clone()], out });
        });
        weight
    }
}

/// Sixteen channels of an array of numbers.
type Lanes = [f32; BLOCK];

/// Σ_k matrix[p][k] · v[k] on each lane.
#[inline(always)]
fn combine<const K: usize>(row: &[f32; K], v: [&Lanes; K]) -> Lanes {
    let mut out = [0.0; BLOCK];
    for k in 0..K {
        for l in 0..BLOCK {
            out[l] += row[k] * v[k][l];
        }
    }
    out
}

struct Forward<'a, const R: usize> {
    points: &'a Points,
    panel: &'a Panel,
    pairs: Pairs,
    weight: &'a [f32],
    out: &'a mut [f32],
}

impl<const R: usize> Kernel for Forward<'_, R> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let g = kernel_points::<R>();
        let width = self.panel.vectors * S::LANES;
        let point = self.points.point(self.panel);
        for input in 0..self.points.inputs {
            // Channels in groups of a block; a panel narrower than that fills a part of one.
            for first in (0..width).step_by(BLOCK) {
                let count = BLOCK.min(width - first);
                let mut w = [[[0.0; BLOCK]; R]; R];
                for l in 0..count {
                    let at = input * self.pairs.steps[0] + (self.panel.first + first + l) * self.pairs.steps[1];
                    let kernel = &self.weight[at..at + R * R];
                    for u in 0..R {
                        for v in 0..R {
                            let k = u * R + v;
                            w[u][v][l] = kernel[if self.pairs.turned { R * R - 1 - k } else { k }];
                        }
                    }
                }
                for p in 0..POINTS {
                    let row: [Lanes; R] = std::array::from_fn(|v| combine(&g[p], std::array::from_fn(|u| &w[u][v])));
                    for q in 0..POINTS {
                        let value = combine(&g[q], std::array::from_fn(|v| &row[v]));
                        let at = (p * POINTS + q) * point + input * width + first;
                        self.out[at..at + count].copy_from_slice(&value[..count]);
                    }
                }
            }
        }
    }
}

struct Gather<'a, const R: usize> {
    points: &'a Points,
    panel: &'a Panel,
    sums: &'a [f32],
    /// `[the panel's outputs, inputs, R, R]`.
    out: &'a mut [f32],
}

impl<const R: usize> Kernel for Gather<'_, R> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let g = kernel_points::<R>();
        let by_kernel: [[f32; POINTS]; R] = std::array::from_fn(|k| std::array::from_fn(|p| g[p][k]));
        let width = self.panel.vectors * S::LANES;
        let point = self.points.point(self.panel);
        for input in 0..self.points.inputs {
            for first in (0..self.panel.count).step_by(BLOCK) {
                let count = BLOCK.min(self.panel.count - first);
                let mut sums = [[[0.0; BLOCK]; POINTS]; POINTS];
                for p in 0..POINTS {
                    for q in 0..POINTS {
                        let at = (p * POINTS + q) * point + input * width + first;
                        sums[p][q][..count].copy_from_slice(&self.sums[at..at + count]);
                    }
                }
                for u in 0..R {
                    let row: [Lanes; POINTS] =
                        std::array::from_fn(|q| combine(&by_kernel[u], std::array::from_fn(|p| &sums[p][q])));
                    for v in 0..R {
                        let value = combine(&by_kernel[v], std::array::from_fn(|q| &row[q]));
                        for l in 0..count {
                            self.out[(((first + l) * self.points.inputs + input) * R + u) * R + v] = value[l];
                        }
                    }
                }
            }
        }
    }
}
