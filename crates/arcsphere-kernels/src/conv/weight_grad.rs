//! Gradient with respect to weight and bias: dw[o,c,u,v] = Σ_{n,i,j} dy[n,i,j,o] · x[n,i·s+u−p,j·s+v−p,c].
//!
//! A register tile holds R input channels × N vectors of output channels of one tap and adds up
//! the outer products over the pixels of a few rows, which stay in the cache while all taps and
//! channels pass over them.

// Loops over constant ranges are the register tile: they unroll and `acc` becomes registers.
#![allow(clippy::needless_range_loop)]

use std::ops::Range;

use super::scratch::{Layout, Scratch, Tap, for_input};
use super::shape::{BLOCK, ConvShape, WeightGrad};
use super::weights::{Panel, panels};
use crate::isa::{Isa, Kernel, Simd};
use crate::parallel;

/// Pixels that all taps pass over before the next: the rows fit the L1 cache, and writing the
/// sums back costs little beside adding them up.
const PIXELS: usize = 192;

/// A run of output pixels of one row.
#[derive(Clone, Copy)]
pub(super) struct Run {
    /// Scratch offset of the first pixel's origin.
    pub(super) x: usize,
    /// Offset of the first pixel in the output's gradient.
    pub(super) dy: usize,
    pub(super) pixels: usize,
}

/// Adds the outer products of a tile to `sums`, R rows of N vectors.
///
/// # Safety
///
/// For each run, `x` + run.x + i·BLOCK has R readable values
/// and `dy` + run.dy + i·step has N · LANES, for every pixel i; `sums` has R · N · LANES.
#[inline(always)]
unsafe fn tile<S: Simd, const R: usize, const N: usize>(
    simd: S,
    x: *const f32,
    dy: *const f32,
    step: usize,
    runs: &[Run],
    sums: *mut f32,
) {
    // SAFETY: every access is inside what the caller vouches for.
    unsafe {
        let mut acc = [[simd.zero(); N]; R];
        for r in 0..R {
            for n in 0..N {
                acc[r][n] = simd.load_ptr(sums.add((r * N + n) * S::LANES));
            }
        }
        for run in runs {
            let mut x = x.add(run.x);
            let mut dy = dy.add(run.dy);
            for _ in 0..run.pixels {
                let mut grads = [simd.zero(); N];
                for n in 0..N {
                    grads[n] = simd.load_ptr(dy.add(n * S::LANES));
                }
                for r in 0..R {
                    let value = simd.splat(*x.add(r));
                    for n in 0..N {
                        acc[r][n] = simd.mul_add(value, grads[n], acc[r][n]);
                    }
                }
                x = x.add(BLOCK);
                dy = dy.add(step);
            }
        }
        for r in 0..R {
            for n in 0..N {
                simd.store_ptr(sums.add((r * N + n) * S::LANES), acc[r][n]);
            }
        }
    }
}

/// A part of the batch, summed into packed weight gradients.
struct Part<'a> {
    shape: &'a ConvShape,
    layout: &'a Layout,
    panels: &'a [Panel],
    images: Range<usize>,
    x: &'a [f32],
    dy: &'a [f32],
}

impl Kernel for Part<'_> {
    /// Packed sums, and the sums of the output's gradient by channel.
    type Output = (Vec<f32>, Vec<f64>);

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> Self::Output {
        let shape = self.shape;
        let (rows, columns) = (shape.out_height(), shape.out_width());
        let (in_image, out_image) = (shape.in_image(), shape.out_image());
        let mut scratch = for_input(shape, self.images.len()).0;
        let chunk = scratch.images();
        let step: usize = self.panels.iter().map(|panel| panel.vectors * S::LANES).sum();
        let padded = step != shape.out_channels;
        let mut wide = vec![0.0; if padded { chunk * rows * columns * step } else { 0 }];
        let mut sums = vec![0.0; self.panels.last().map_or(0, |panel| panel.data.end)];
        let mut bias = vec![0.0; shape.out_channels];
        let mut runs = Vec::with_capacity(chunk * rows);
        let mut done = self.images.start;
        while done < self.images.end {
            let count = chunk.min(self.images.end - done);
            let dy = &self.dy[done * out_image..][..count * out_image];
            for slot in 0..count {
                let source = &self.x[(done + slot) * in_image..][..in_image];
                self.layout.load(&mut scratch, slot, source, shape);
                add_channels(&dy[slot * out_image..][..out_image], &mut bias);
            }
            let dy = if padded { widen(dy, shape.out_channels, &mut wide, step) } else { dy };
            fill_runs(&mut runs, &scratch, self.layout, count, [rows, columns], step);
            for runs in runs.chunks(PIXELS.div_ceil(columns)) {
                for panel in self.panels {
                    let sums = &mut sums[panel.data.clone()];
                    // SAFETY: the runs lie in the scratch images and in dy, whose pixels are as
                    // wide as all panels together; the taps stay inside a scratch image.
                    unsafe {
                        let dy = dy.as_ptr().add(panel.first);
                        all_taps(simd, scratch.data().as_ptr(), dy, step, runs, &self.layout.taps, panel.vectors, sums);
                    }
                }
            }
            done += count;
        }
        (sums, bias)
    }
}

/// Passes all taps and input channels over the runs.
///
/// # Safety
///
/// As for a tile, for each tap and each lane of a block; `sums` has BLOCK rows of `vectors` vectors
/// for each tap.
#[inline(always)]
pub(super) unsafe fn all_taps<S: Simd>(
    simd: S,
    x: *const f32,
    dy: *const f32,
    step: usize,
    runs: &[Run],
    taps: &[Tap],
    vectors: usize,
    sums: &mut [f32],
) {
    let width = vectors * S::LANES;
    let height = if vectors == 1 { S::GRAD_ROWS_1 } else { S::GRAD_ROWS_2 };
    for (tap, place) in taps.iter().enumerate() {
        for lane in (0..place.lanes).step_by(height) {
            // SAFETY: by the caller; `height` divides BLOCK, so the sums are inside the panel.
            unsafe {
                let x = x.add(place.at + lane);
                let sums = sums.as_mut_ptr().add((tap * BLOCK + lane) * width);
                match (vectors, height) {
                    (1, 16) => tile::<S, 16, 1>(simd, x, dy, step, runs, sums),
                    (1, _) => tile::<S, 8, 1>(simd, x, dy, step, runs, sums),
                    (_, 8) => tile::<S, 8, 2>(simd, x, dy, step, runs, sums),
                    (_, _) => tile::<S, 4, 2>(simd, x, dy, step, runs, sums),
                }
            }
        }
    }
}

/// The rows of all images of the chunk.
#[inline(always)]
fn fill_runs(
    runs: &mut Vec<Run>,
    scratch: &Scratch,
    layout: &Layout,
    images: usize,
    [rows, columns]: [usize; 2],
    step: usize,
) {
    runs.clear();
    for slot in 0..images {
        for i in 0..rows {
            let x = slot * scratch.image() + i * layout.row;
            let dy = (slot * rows + i) * columns * step;
            runs.push(Run { x, dy, pixels: columns });
        }
    }
}

/// Adds the pixels of an image to the channels' sums.
#[inline(always)]
pub(super) fn add_channels(image: &[f32], sums: &mut [f64]) {
    let channels = sums.len();
    // Single precision for a few pixels, where it vectorizes, double for the rest.
    let mut partial = vec![0.0f32; channels];
    for pixels in image.chunks(256 * channels) {
        partial.fill(0.0);
        for pixel in pixels.chunks_exact(channels) {
            for (sum, value) in partial.iter_mut().zip(pixel) {
                *sum += value;
            }
        }
        for (sum, &value) in sums.iter_mut().zip(&partial) {
            *sum += f64::from(value);
        }
    }
}

/// Copies pixels of `channels` values to pixels of `step`; the rest of each stays zero.
#[inline(always)]
fn widen<'a>(source: &[f32], channels: usize, wide: &'a mut [f32], step: usize) -> &'a [f32] {
    for (target, pixel) in wide.chunks_exact_mut(step).zip(source.chunks_exact(channels)) {
        target[..channels].copy_from_slice(pixel);
    }
    wide
}

/// See [`super::weight_grad`].
pub(super) fn weight_grad(isa: Isa, shape: &ConvShape, x: &[f32], dy: &[f32]) -> WeightGrad {
    let (_, layout) = for_input(shape, 1);
    let panels = panels(shape.out_channels, layout.taps.len(), isa.lanes(), 2);
    let ranges = parallel::split(shape.batch, parallel::threads());
    let parts =
        parallel::map(ranges, |images| isa.run(Part { shape, layout: &layout, panels: &panels, images, x, dy }));
    let mut parts = parts.into_iter();
    let (mut sums, mut bias) = parts.next().expect("a batch has at least one image");
    for (more, more_bias) in parts {
        sums.iter_mut().zip(more).for_each(|(sum, value)| *sum += value);
        bias.iter_mut().zip(more_bias).for_each(|(sum, value)| *sum += value);
    }
    WeightGrad {
        weight: unpack(shape, &layout, &panels, &sums, isa.lanes()),
        bias: bias.into_iter().map(|sum| sum as f32).collect(),
    }
}

/// From packed order to `[out, in, kernel, kernel]`.
fn unpack(shape: &ConvShape, layout: &Layout, panels: &[Panel], sums: &[f32], lanes: usize) -> Vec<f32> {
    let area = shape.kernel * shape.kernel;
    let mut weight = vec![0.0; shape.weights()];
    for panel in panels {
        let width = panel.vectors * lanes;
        let rows = sums[panel.data.clone()].chunks_exact(width);
        for (row, sums) in rows.enumerate() {
            let (tap, lane) = (row / BLOCK, row % BLOCK);
            let Some((place, channel)) = layout.weight_index(shape, tap, lane) else {
                continue;
            };
            for (out, &sum) in sums[..panel.count].iter().enumerate() {
                let out = panel.first + out;
                weight[(out * shape.in_channels + channel) * area + place] = sum;
            }
        }
    }
    weight
}

#[cfg(test)]
mod tests {
    use crate::conv::oracle::{Case, DIRECT, check_weight_grad};

    #[test]
    fn weight_gradient_matches_the_oracle() {
        for case in Case::dense() {
            check_weight_grad(&case, DIRECT, super::weight_grad);
        }
    }
}
