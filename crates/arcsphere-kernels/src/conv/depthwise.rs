//! Depthwise convolution: each channel with its own kernel, `y[i,j,c] = b[c] + Σ w[c,u,v] · x[i·s+u−p, j·s+v−p, c]`.
//!
//! Channels are the lanes, so a tile is R pixels × one vector: the weight of a tap is loaded once
//! for R multiply-adds. The work is bounded by loads, not by arithmetic.

// Loops over constant ranges are the register tile: they unroll and `acc` becomes registers.
#![allow(clippy::needless_range_loop)]

use std::mem::MaybeUninit;
use std::ops::Range;

use super::input_grad::{classes, margins};
use super::scratch::Scratch;
use super::shape::{BLOCK, ConvShape, WeightGrad};
use crate::isa::{Isa, Kernel, Simd};
use crate::parallel;

/// Taps with one weight per channel, over a grid of output pixels.
struct Pass {
    /// Offsets of the taps from an output pixel's origin, in the channel block 0.
    taps: Vec<usize>,
    /// `[blocks][taps][BLOCK]`.
    weights: Vec<f32>,
    size: [usize; 2],
    origin: usize,
    row: usize,
    /// Output offset of the first pixel, from row to row, from pixel to pixel.
    out: [usize; 3],
}

struct Part<'a> {
    passes: &'a [Pass],
    scratch: Scratch,
    images: Range<usize>,
    source: &'a [f32],
    source_size: [usize; 3],
    corner: [usize; 2],
    bias: &'a [f32],
    out: &'a mut [MaybeUninit<f32>],
    out_image: usize,
}

/// Pixels of a tile.
const ROWS: usize = 6;

impl Kernel for Part<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(mut self, simd: S) {
        let channels = self.source_size[2];
        let image: usize = self.source_size.iter().product();
        let block_step = self.scratch.at(1, 0, 0);
        let out = self.out.as_mut_ptr().cast::<f32>();
        for index in 0..self.images.len() {
            let source = &self.source[(self.images.start + index) * image..][..image];
            self.scratch.fill(0, source, self.source_size, self.corner);
            for pass in self.passes {
                let [first, row_step, pixel_step] = pass.out;
                for c in (0..channels).step_by(S::LANES) {
                    let (block, lane) = (c / BLOCK, c % BLOCK);
                    let weights = &pass.weights[block * pass.taps.len() * BLOCK..];
                    let x = &self.scratch.data()[block * block_step + pass.origin..];
                    for i in 0..pass.size[0] {
                        let at = index * self.out_image + first + i * row_step + c;
                        // SAFETY: the pass stays inside the scratch image and the output;
                        // weights and bias are padded to whole blocks.
                        unsafe {
                            row(
                                simd,
                                x.as_ptr().add(i * pass.row + lane),
                                &pass.taps,
                                weights.as_ptr().add(lane),
                                simd.load_ptr(self.bias.as_ptr().add(c)),
                                out.add(at),
                                pass.size[1],
                                pixel_step,
                                (channels - c).min(S::LANES),
                            );
                        }
                    }
                }
            }
        }
    }
}

/// One output row of one vector of channels.
///
/// # Safety
///
/// LANES values are readable at `x` + tap + j·BLOCK for each
/// tap and pixel and at `w` + tap index · BLOCK; `count` values are writable at `out` + j·step.
#[inline(always)]
unsafe fn row<S: Simd>(
    simd: S,
    x: *const f32,
    taps: &[usize],
    w: *const f32,
    bias: S::V,
    out: *mut f32,
    pixels: usize,
    step: usize,
    count: usize,
) {
    let mut j = 0;
    while j < pixels {
        let tile = (pixels - j).min(ROWS);
        // SAFETY: by the caller, for the pixels j..j + tile.
        unsafe {
            let x = x.add(j * BLOCK);
            let mut acc = [bias; ROWS];
            if tile == ROWS {
                for (index, &tap) in taps.iter().enumerate() {
                    let weight = simd.load_ptr(w.add(index * BLOCK));
                    for r in 0..ROWS {
                        let value = simd.load_ptr(x.add(tap + r * BLOCK));
                        acc[r] = simd.mul_add(value, weight, acc[r]);
                    }
                }
            } else {
                for (r, acc) in acc.iter_mut().enumerate().take(tile) {
                    for (index, &tap) in taps.iter().enumerate() {
                        let value = simd.load_ptr(x.add(tap + r * BLOCK));
                        *acc = simd.mul_add(value, simd.load_ptr(w.add(index * BLOCK)), *acc);
                    }
                }
            }
            for (r, &acc) in acc.iter().enumerate().take(tile) {
                let out = out.add((j + r) * step);
                if count == S::LANES {
                    simd.store_ptr(out, acc);
                } else {
                    let mut row = [0.0f32; BLOCK];
                    simd.store_ptr(row.as_mut_ptr(), acc);
                    std::ptr::copy_nonoverlapping(row.as_ptr(), out, count);
                }
            }
        }
        j += tile;
    }
}

/// Weights as `[blocks][taps][BLOCK]`, from PyTorch's `[channels, 1, kernel, kernel]`.
fn pack(shape: &ConvShape, weight: &[f32], places: &[usize]) -> Vec<f32> {
    let area = shape.kernel * shape.kernel;
    let mut packed = vec![0.0; shape.in_channels.div_ceil(BLOCK) * places.len() * BLOCK];
    for c in 0..shape.in_channels {
        for (tap, place) in places.iter().enumerate() {
            packed[(c / BLOCK * places.len() + tap) * BLOCK + c % BLOCK] = weight[c * area + place];
        }
    }
    packed
}

/// Runs the passes over the batch; together they must write every output value.
fn run_passes(
    isa: Isa,
    passes: &[Pass],
    (source, source_size, corner): (&[f32], [usize; 3], [usize; 2]),
    bias: Option<&[f32]>,
    batch: usize,
    out_image: usize,
    scratch: impl Fn() -> Scratch + Sync,
) -> Vec<f32> {
    let mut padded_bias = bias.unwrap_or_default().to_vec();
    padded_bias.resize(source_size[2].next_multiple_of(BLOCK), 0.0);
    let bias = &*padded_bias;
    // SAFETY: the passes write every value, by this function's contract.
    unsafe {
        parallel::fill(batch, out_image, |images, out| {
            let scratch = scratch();
            isa.run(Part { passes, scratch, images, source, source_size, corner, bias, out, out_image });
        })
    }
}

/// Scratch for one padded input image, whatever its channels.
fn padded_input(shape: &ConvShape) -> Scratch {
    let rows = shape.height + 2 * shape.padding;
    let width = shape.width + 2 * shape.padding;
    Scratch::new(1, shape.in_channels, rows, width, shape.stride)
}

/// See [`super::forward`].
pub(super) fn forward(isa: Isa, shape: &ConvShape, x: &[f32], weight: &[f32], bias: Option<&[f32]>) -> Vec<f32> {
    let layout = padded_input(shape);
    let kernel = shape.kernel;
    let places: Vec<usize> = (0..kernel * kernel).collect();
    let (channels, columns) = (shape.out_channels, shape.out_width());
    let pass = Pass {
        taps: places.iter().map(|place| layout.at(0, place / kernel, place % kernel)).collect(),
        weights: pack(shape, weight, &places),
        size: [shape.out_height(), columns],
        origin: 0,
        row: layout.at(0, shape.stride, 0),
        out: [0, columns * channels, channels],
    };
    let size = [shape.height, shape.width, shape.in_channels];
    let source = (x, size, [shape.padding; 2]);
    run_passes(isa, &[pass], source, bias, shape.batch, shape.out_image(), || padded_input(shape))
}

/// See [`super::input_grad`].
pub(super) fn input_grad(isa: Isa, shape: &ConvShape, dy: &[f32], weight: &[f32]) -> Vec<f32> {
    let size = [shape.out_height(), shape.out_width(), shape.out_channels];
    let [top, bottom] = margins(shape, shape.height, size[0]);
    let [left, right] = margins(shape, shape.width, size[1]);
    let scratch = || Scratch::new(1, size[2], top + size[0] + bottom, left + size[1] + right, 1);
    let layout = scratch();
    let (channels, stride, kernel) = (shape.in_channels, shape.stride, shape.kernel);
    let mut passes = Vec::new();
    for y in classes(shape, shape.height) {
        for x in classes(shape, shape.width) {
            let back = [y.taps.max(1) - 1, x.taps.max(1) - 1];
            let mut taps = Vec::new();
            let mut places = Vec::new();
            for t in 0..y.taps {
                for s in 0..x.taps {
                    taps.push(layout.at(0, back[0] - t, back[1] - s));
                    places.push((y.tap + t * stride) * kernel + x.tap + s * stride);
                }
            }
            passes.push(Pass {
                taps,
                weights: pack(shape, weight, &places),
                size: [y.count, x.count],
                origin: layout.at(0, top + y.source - back[0], left + x.source - back[1]),
                row: layout.row(),
                out: [(y.first * shape.width + x.first) * channels, stride * shape.width * channels, stride * channels],
            });
        }
    }
    let source = (dy, size, [top, left]);
    run_passes(isa, &passes, source, None, shape.batch, shape.in_image(), scratch)
}

/// The share of a thread in the weight's gradient.
struct GradPart<'a> {
    shape: &'a ConvShape,
    images: Range<usize>,
    x: &'a [f32],
    dy: &'a [f32],
}

impl Kernel for GradPart<'_> {
    /// `[blocks][taps + 1][BLOCK]`; the last tap is the bias.
    type Output = Vec<f64>;

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> Vec<f64> {
        let shape = self.shape;
        let kernel = shape.kernel;
        let taps = kernel * kernel + 1;
        let blocks = shape.in_channels.div_ceil(BLOCK);
        let (rows, columns) = (shape.out_height(), shape.out_width());
        let mut x = padded_input(shape);
        let mut dy = Scratch::new(1, shape.out_channels, rows, columns, 1);
        let in_size = [shape.height, shape.width, shape.in_channels];
        let out_size = [rows, columns, shape.out_channels];
        let mut sums = vec![0.0; blocks * taps * BLOCK];
        for n in self.images {
            let image = &self.x[n * shape.in_image()..][..shape.in_image()];
            x.fill(0, image, in_size, [shape.padding; 2]);
            let image = &self.dy[n * shape.out_image()..][..shape.out_image()];
            dy.fill(0, image, out_size, [0, 0]);
            for block in 0..blocks {
                for tap in 0..taps {
                    let place = (tap + 1 < taps).then(|| (tap / kernel, tap % kernel));
                    let sums = &mut sums[(block * taps + tap) * BLOCK..][..BLOCK];
                    for lane in (0..BLOCK).step_by(S::LANES) {
                        // SAFETY: rows and columns of the output stay inside both scratch
                        // images for every tap; blocks are whole.
                        let partial: [f32; BLOCK] = unsafe {
                            let mut acc = simd.zero();
                            for i in 0..rows {
                                let g = dy.data().as_ptr().add(dy.at(block, i, 0) + lane);
                                match place {
                                    Some((u, v)) => {
                                        let at = x.at(block, i * shape.stride + u, v);
                                        let x = x.data().as_ptr().add(at + lane);
                                        for j in 0..columns {
                                            let value = simd.load_ptr(x.add(j * BLOCK));
                                            let grad = simd.load_ptr(g.add(j * BLOCK));
                                            acc = simd.mul_add(value, grad, acc);
                                        }
                                    }
                                    None => {
                                        for j in 0..columns {
                                            acc = simd.add(acc, simd.load_ptr(g.add(j * BLOCK)));
                                        }
                                    }
                                }
                            }
                            let mut partial = [0.0; BLOCK];
                            simd.store_ptr(partial.as_mut_ptr(), acc);
                            partial
                        };
                        let lanes = sums[lane..].iter_mut().zip(partial).take(S::LANES);
                        lanes.for_each(|(sum, value)| *sum += f64::from(value));
                    }
                }
            }
        }
        sums
    }
}

/// See [`super::weight_grad`].
pub(super) fn weight_grad(isa: Isa, shape: &ConvShape, x: &[f32], dy: &[f32]) -> WeightGrad {
    let ranges = parallel::split(shape.batch, parallel::threads());
    let parts = parallel::map(ranges, |images| isa.run(GradPart { shape, images, x, dy }));
    let area = shape.kernel * shape.kernel;
    let sum = |c: usize, tap: usize| {
        let at = (c / BLOCK * (area + 1) + tap) * BLOCK + c % BLOCK;
        parts.iter().map(|part| part[at]).sum::<f64>() as f32
    };
    WeightGrad {
        weight: (0..shape.weights()).map(|index| sum(index / area, index % area)).collect(),
        bias: (0..shape.out_channels).map(|c| sum(c, area)).collect(),
    }
}

#[cfg(test)]
mod tests {
    use crate::conv::oracle::{Case, DIRECT, check_forward, check_input_grad, check_weight_grad};

    #[test]
    fn all_three_match_the_oracle() {
        for case in Case::depthwise() {
            check_forward(&case, DIRECT, crate::conv::forward);
            check_input_grad(&case, DIRECT, crate::conv::input_grad);
            check_weight_grad(&case, DIRECT, crate::conv::weight_grad);
        }
    }
}
