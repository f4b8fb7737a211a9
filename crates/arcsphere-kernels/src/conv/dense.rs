//! Full convolution, and the pass of tiles over images that the input gradient shares.

use std::mem::MaybeUninit;
use std::ops::Range;

use super::scratch::{Layout, Scratch, Tap, for_input};
use super::shape::ConvShape;
use super::tile;
use super::weights::{Packed, panels};
use crate::isa::{Isa, Kernel, Simd};
use crate::parallel;

/// One set of taps and weights over a grid of output pixels.
pub(super) struct Pass {
    /// Offsets of the taps from an output pixel's origin in scratch.
    pub(super) taps: Vec<Tap>,
    /// The weights of the taps.
    pub(super) weights: Packed,
    /// Output rows and columns.
    pub(super) size: [usize; 2],
    /// Scratch offset of the first output pixel, and from one output row to the next.
    pub(super) origin: usize,
    /// See `origin`.
    pub(super) row: usize,
    /// Output offset of the first pixel, from one row to the next, from one pixel to the next.
    pub(super) out: [usize; 3],
}

/// A part of the batch through a list of passes.
struct Part<'a, L> {
    passes: &'a [Pass],
    load: L,
    scratch: Scratch,
    images: Range<usize>,
    out: &'a mut [MaybeUninit<f32>],
    out_image: usize,
}

impl<L: Fn(&mut Scratch, usize, usize)> Kernel for Part<'_, L> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(mut self, simd: S) {
        let out = self.out.as_mut_ptr().cast::<f32>();
        let chunk = self.scratch.images();
        let mut done = 0;
        while done < self.images.len() {
            let count = chunk.min(self.images.len() - done);
            for slot in 0..count {
                (self.load)(&mut self.scratch, slot, self.images.start + done + slot);
            }
            for pass in self.passes {
                let [rows, columns] = pass.size;
                let [first, row_step, pixel_step] = pass.out;
                for panel in &pass.weights.panels {
                    let w = &pass.weights.data[panel.data.clone()];
                    let bias = pass.weights.bias(panel);
                    for slot in 0..count {
                        let x = &self.scratch.data()[slot * self.scratch.image() + pass.origin..];
                        let image = (done + slot) * self.out_image + first + panel.first;
                        for i in 0..rows {
                            // SAFETY: the pass was made for this scratch and output: its taps,
                            // rows and columns stay inside an image of both, the weights have a
                            // row for each tap and lane.
                            unsafe {
                                let target = tile::Target {
                                    out: out.add(image + i * row_step),
                                    step: pixel_step,
                                    count: panel.count,
                                };
                                let x = x.as_ptr().add(i * pass.row);
                                tile::row(
                                    simd,
                                    panel.vectors,
                                    columns,
                                    x,
                                    &pass.taps,
                                    w.as_ptr(),
                                    bias.as_ptr(),
                                    target,
                                );
                            }
                        }
                    }
                }
            }
            done += count;
        }
    }
}

/// Runs the passes over the batch in parallel; together they must write every output value.
pub(super) fn run_passes(
    isa: Isa,
    passes: &[Pass],
    batch: usize,
    out_image: usize,
    scratch: impl Fn(usize) -> Scratch + Sync,
    load: impl Fn(&mut Scratch, usize, usize) + Sync,
) -> Vec<f32> {
    // SAFETY: the passes write every value, by this function's contract.
    unsafe {
        parallel::fill(batch, out_image, |images, out| {
            let scratch = scratch(images.len());
            isa.run(Part { passes, load: &load, scratch, images, out, out_image });
        })
    }
}

/// Vectors per panel that suit rows of `columns` pixels: wide tiles for short rows.
pub(super) fn panel_vectors(isa: Isa, columns: usize, channels: usize) -> usize {
    if columns <= isa.rows_4() && channels >= 4 * isa.lanes() { 4 } else { 2 }
}

/// The convolution of `x`; see [`super::forward`].
pub(super) fn forward(isa: Isa, shape: &ConvShape, x: &[f32], weight: &[f32], bias: Option<&[f32]>) -> Vec<f32> {
    let (_, layout) = for_input(shape, 1);
    let passes = [forward_pass(isa, shape, &layout, weight, bias)];
    let image = shape.in_image();
    run_passes(
        isa,
        &passes,
        shape.batch,
        shape.out_image(),
        |images| for_input(shape, images).0,
        |scratch, slot, index| {
            layout.load(scratch, slot, &x[index * image..][..image], shape);
        },
    )
}

fn forward_pass(isa: Isa, shape: &ConvShape, layout: &Layout, weight: &[f32], bias: Option<&[f32]>) -> Pass {
    let (rows, columns) = (shape.out_height(), shape.out_width());
    let channels = shape.out_channels;
    let area = shape.kernel * shape.kernel;
    let taps = layout.taps.clone();
    let vectors = panel_vectors(isa, columns, channels);
    let weights = Packed::new(
        panels(channels, taps.len(), isa.lanes(), vectors),
        taps.len(),
        isa.lanes(),
        bias,
        |tap, lane, out| {
            let (place, channel) = layout.weight_index(shape, tap, lane)?;
            Some((out * shape.in_channels + channel) * area + place)
        },
        weight,
    );
    Pass { taps, weights, size: [rows, columns], origin: 0, row: layout.row, out: [0, columns * channels, channels] }
}

#[cfg(test)]
mod tests {
    use crate::conv::oracle::{Case, DIRECT, check_forward};

    #[test]
    fn forward_matches_the_oracle() {
        for case in Case::dense() {
            check_forward(&case, DIRECT, super::forward);
        }
    }
}
