//! Gradient with respect to the input: dx[y,x,c] = Σ_{u,v,o} w[o,c,u,v] · dy[(y+p−u)/s, (x+p−v)/s, o]
//! over the taps for which both divisions are exact.
//!
//! Input pixels with the same (y+p) mod s and (x+p) mod s share their taps, so each of the s²
//! classes is a convolution of stride one over dy, written to every s-th pixel.

use super::dense::{Pass, panel_vectors, run_passes};
use super::scratch::{Scratch, Tap, lanes};
use super::shape::{BLOCK, ConvShape};
use super::weights::{Packed, panels};
use crate::isa::Isa;

/// The pixels of one axis with the same (position + padding) mod stride.
#[derive(Clone, Copy)]
pub(super) struct Class {
    /// First position of the class, and the number of positions, `stride` apart.
    pub(super) first: usize,
    pub(super) count: usize,
    /// The kernel's taps are `tap`, `tap` + s, ...: `taps` of them.
    pub(super) tap: usize,
    pub(super) taps: usize,
    /// The output position that tap `tap` takes from position `first`.
    pub(super) source: usize,
}

/// The classes of an axis of `size` input positions.
pub(super) fn classes(shape: &ConvShape, size: usize) -> Vec<Class> {
    let (stride, padding) = (shape.stride, shape.padding);
    (0..stride)
        .map(|tap| {
            let first = (tap + stride - padding % stride) % stride;
            Class {
                first,
                count: size.saturating_sub(first).div_ceil(stride),
                tap,
                taps: shape.kernel.saturating_sub(tap).div_ceil(stride),
                source: (first + padding - tap) / stride,
            }
        })
        .filter(|class| class.count > 0)
        .collect()
}

/// Zeros before the first and after the last of `out` output positions that the taps reach.
pub(super) fn margins(shape: &ConvShape, size: usize, out: usize) -> [usize; 2] {
    let before = shape.kernel.div_ceil(shape.stride) - 1;
    let last = (size - 1 + shape.padding) / shape.stride;
    [before, (last + 1).saturating_sub(out)]
}

/// See [`super::input_grad`].
pub(super) fn input_grad(isa: Isa, shape: &ConvShape, dy: &[f32], weight: &[f32]) -> Vec<f32> {
    let size = [shape.out_height(), shape.out_width(), shape.out_channels];
    let [top, bottom] = margins(shape, shape.height, size[0]);
    let [left, right] = margins(shape, shape.width, size[1]);
    let scratch = |images| {
        let (rows, columns) = (top + size[0] + bottom, left + size[1] + right);
        Scratch::new(images, shape.out_channels, rows, columns, 1)
    };
    let layout = scratch(1);
    let mut passes = Vec::new();
    for y in classes(shape, shape.height) {
        for x in classes(shape, shape.width) {
            passes.push(class_pass(isa, shape, &layout, weight, y, x, [top, left]));
        }
    }
    let image = shape.out_image();
    run_passes(isa, &passes, shape.batch, shape.in_image(), scratch, |scratch, slot, index| {
        scratch.fill(slot, &dy[index * image..][..image], size, [top, left]);
    })
}

fn class_pass(
    isa: Isa,
    shape: &ConvShape,
    layout: &Scratch,
    weight: &[f32],
    y: Class,
    x: Class,
    [top, left]: [usize; 2],
) -> Pass {
    let (kernel, channels, stride) = (shape.kernel, shape.in_channels, shape.stride);
    // Later taps take from earlier outputs, so offsets are counted from the last tap's.
    let back = [y.taps.max(1) - 1, x.taps.max(1) - 1];
    let mut taps = Vec::new();
    let mut places = Vec::new();
    for block in 0..shape.out_channels.div_ceil(BLOCK) {
        for t in 0..y.taps {
            for s in 0..x.taps {
                let lanes = lanes(block, shape.out_channels);
                taps.push(Tap { at: layout.at(block, back[0] - t, back[1] - s), lanes });
                places.push((block * BLOCK, (y.tap + t * stride) * kernel + x.tap + s * stride));
            }
        }
    }
    let vectors = panel_vectors(isa, x.count, channels);
    let weights = Packed::new(
        panels(channels, taps.len(), isa.lanes(), vectors),
        taps.len(),
        isa.lanes(),
        None,
        |tap, lane, channel| {
            let (first, place) = places[tap];
            let out = first + lane;
            (out < shape.out_channels).then(|| (out * channels + channel) * kernel * kernel + place)
        },
        weight,
    );
    Pass {
        taps,
        weights,
        size: [y.count, x.count],
        origin: layout.at(0, top + y.source - back[0], left + x.source - back[1]),
        row: layout.row(),
        out: [(y.first * shape.width + x.first) * channels, stride * shape.width * channels, stride * channels],
    }
}

#[cfg(test)]
mod tests {
    use crate::conv::oracle::{Case, DIRECT, check_input_grad};

    #[test]
    fn input_gradient_matches_the_oracle() {
        for case in Case::dense() {
            check_input_grad(&case, DIRECT, super::input_grad);
        }
    }
}
