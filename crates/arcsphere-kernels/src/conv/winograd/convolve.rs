//! The convolution and its input's gradient at the 36 points.

// Loops over constant ranges unroll, and the arrays become registers.
#![allow(clippy::needless_range_loop)]

use std::mem::MaybeUninit;

use super::plan::{Tile, Tiling, plane};
use super::points::{POINTS, from_input, to_output};
use super::weights::{Pairs, Points};
use crate::conv::scratch::Tap;
use crate::conv::shape::{BLOCK, ConvShape};
use crate::conv::tile;
use crate::isa::{Isa, Kernel, Simd};
use crate::parallel;

/// Vectors of a panel: two suit the long rows of tiles.
const VECTORS: usize = 2;

/// See [`crate::conv::forward`]; for shapes that [suit](super::suits).
pub(in crate::conv) fn forward(
    isa: Isa,
    shape: &ConvShape,
    x: &[f32],
    weight: &[f32],
    bias: Option<&[f32]>,
) -> Vec<f32> {
    let (tiling, pairs) = (Tiling::forward(shape), Pairs::forward(shape));
    match shape.kernel {
        3 => convolve::<4, 3>(isa, tiling, pairs, shape.batch, x, weight, bias),
        _ => convolve::<2, 5>(isa, tiling, pairs, shape.batch, x, weight, bias),
    }
}

/// See [`crate::conv::input_grad`]; for shapes that [suit](super::suits).
pub(in crate::conv) fn input_grad(isa: Isa, shape: &ConvShape, dy: &[f32], weight: &[f32]) -> Vec<f32> {
    let (tiling, pairs) = (Tiling::input_grad(shape), Pairs::input_grad(shape));
    match shape.kernel {
        3 => convolve::<4, 3>(isa, tiling, pairs, shape.batch, dy, weight, None),
        _ => convolve::<2, 5>(isa, tiling, pairs, shape.batch, dy, weight, None),
    }
}

fn convolve<const M: usize, const R: usize>(
    isa: Isa,
    tiling: Tiling,
    pairs: Pairs,
    batch: usize,
    x: &[f32],
    weight: &[f32],
    bias: Option<&[f32]>,
) -> Vec<f32> {
    let (inputs, outputs) = (tiling.input[2], tiling.output[2]);
    let points = Points::new(isa, inputs, outputs, VECTORS);
    let weights = points.transform::<R>(isa, pairs, weight);
    let zeros = vec![0.0; outputs];
    let bias = bias.unwrap_or(&zeros);
    let (in_image, out_image): (usize, usize) = (tiling.input.iter().product(), tiling.output.iter().product());
    let (points, weights) = (&points, &weights);
    // SAFETY: the tiles cover every output of every image.
    unsafe {
        parallel::fill(batch, out_image, |images, out| {
            let x = &x[images.start * in_image..images.end * in_image];
            isa.run(Part::<M> { tiling, points, weights, bias, images: images.len(), x, out });
        })
    }
}

/// A part of the batch.
struct Part<'a, const M: usize> {
    tiling: Tiling,
    points: &'a Points,
    weights: &'a [f32],
    bias: &'a [f32],
    images: usize,
    x: &'a [f32],
    out: &'a mut [MaybeUninit<f32>],
}

impl<const M: usize> Kernel for Part<'_, M> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Part { tiling, points, weights, bias, images, x, out } = self;
        let out = out.as_mut_ptr().cast::<f32>();
        let (inputs, outputs) = (tiling.input[2], tiling.output[2]);
        let chunk = tiling.chunk(images);
        let taps = tiling.taps(chunk);
        let (in_plane, out_plane) = (plane(chunk * inputs), plane(chunk * outputs));
        let mut v = vec![0.0; POINTS * POINTS * in_plane];
        let mut m = vec![0.0; POINTS * POINTS * out_plane];
        for tiles in tiling.chunks(images) {
            for (slot, index) in tiles.clone().enumerate() {
                // SAFETY: `v` has a place for each tile of a chunk.
                unsafe { load_tile(simd, &tiling, x, tiling.tile(index), slot, chunk, in_plane, &mut v) };
            }
            // SAFETY: the planes hold a chunk's tiles.
            unsafe {
                products(simd, points, weights, &taps, tiles.len(), (&v, in_plane), (&mut m, out_plane), outputs)
            };
            for (slot, index) in tiles.enumerate() {
                // SAFETY: the tile's image is one of `out`.
                unsafe {
                    store_tile::<S, M>(simd, &tiling, &m[slot * outputs..], out_plane, bias, tiling.tile(index), out)
                };
            }
        }
    }
}

/// Bᵀ d B of a tile, for all channels, to its slot of each point's plane.
///
/// # Safety
///
/// `slot` < `chunk`, and `v` has 36 planes for `chunk` tiles.
#[inline(always)]
pub(super) unsafe fn load_tile<S: Simd>(
    simd: S,
    tiling: &Tiling,
    x: &[f32],
    tile: Tile,
    slot: usize,
    chunk: usize,
    plane: usize,
    v: &mut [f32],
) {
    let [height, width, channels] = tiling.input;
    let image = &x[tile.image * height * width * channels..][..height * width * channels];
    // Rows and columns of the image; outside of it a tile is zero.
    let inside = |at: usize, size: usize| -> [Option<usize>; POINTS] {
        std::array::from_fn(|k| (at + k).checked_sub(tiling.padding).filter(|&place| place < size))
    };
    let (rows, columns) = (inside(tile.at[0], height), inside(tile.at[1], width));
    assert!(slot < chunk && v.len() >= POINTS * POINTS * plane && plane >= chunk * channels);
    for first in (0..channels).step_by(S::LANES) {
        let place = first / BLOCK * chunk * BLOCK + slot * BLOCK + first % BLOCK;
        // SAFETY: a pixel inside the image has LANES values from `first`, as channels are whole
        // blocks; `place` is inside a plane.
        unsafe {
            let mut along = [[simd.zero(); POINTS]; POINTS];
            for u in 0..POINTS {
                let Some(y) = rows[u] else { continue };
                let line = image.as_ptr().add(y * width * channels + first);
                let mut d = [simd.zero(); POINTS];
                for k in 0..POINTS {
                    if let Some(x) = columns[k] {
                        d[k] = simd.load_ptr(line.add(x * channels));
                    }
                }
                along[u] = from_input(simd, d);
            }
            let v = v.as_mut_ptr().add(place);
            for q in 0..POINTS {
                let down = from_input(simd, std::array::from_fn(|u| along[u][q]));
                for p in 0..POINTS {
                    simd.store_ptr(v.add((p * POINTS + q) * plane), down[p]);
                }
            }
        }
    }
}

/// For each point the product of `tiles` tiles' inputs with the weights.
///
/// # Safety
///
/// The planes of `v` hold `tiles` tiles where the taps say,
/// those of `m` `tiles` rows of `outputs`.
#[inline(always)]
unsafe fn products<S: Simd>(
    simd: S,
    points: &Points,
    weights: &[f32],
    taps: &[Tap],
    tiles: usize,
    (v, in_plane): (&[f32], usize),
    (m, out_plane): (&mut [f32], usize),
    outputs: usize,
) {
    let bias = [0.0; VECTORS * BLOCK];
    for p in 0..POINTS * POINTS {
        for panel in &points.panels {
            let at = panel.data.start + p * points.point(panel);
            let out = &mut m[p * out_plane + panel.first..];
            // SAFETY: the caller vouches for the planes; a panel has its values for each point.
            unsafe {
                let target = tile::Target { out: out.as_mut_ptr(), step: outputs, count: panel.count };
                let (x, w) = (v[p * in_plane..].as_ptr(), weights[at..].as_ptr());
                tile::row(simd, panel.vectors, tiles, x, taps, w, bias.as_ptr(), target);
            }
        }
    }
}

/// Aᵀ m A of a tile and the bias, for all channels, to the outputs that exist.
///
/// # Safety
///
/// `m` has 36 planes that start with the tile's outputs, and
/// `out` the tile's image.
#[inline(always)]
unsafe fn store_tile<S: Simd, const M: usize>(
    simd: S,
    tiling: &Tiling,
    m: &[f32],
    plane: usize,
    bias: &[f32],
    tile: Tile,
    out: *mut f32,
) {
    let [height, width, channels] = tiling.output;
    let [rows, columns] = [(height - tile.at[0]).min(M), (width - tile.at[1]).min(M)];
    let corner = ((tile.image * height + tile.at[0]) * width + tile.at[1]) * channels;
    assert!(m.len() >= (POINTS * POINTS - 1) * plane + channels && bias.len() == channels);
    for first in (0..channels).step_by(S::LANES) {
        // SAFETY: channels are whole blocks, so LANES of them start at `first`; rows and columns
        // end with the image.
        unsafe {
            let bias = simd.load_ptr(bias.as_ptr().add(first));
            let m = m.as_ptr().add(first);
            let mut across = [[simd.zero(); POINTS]; M];
            for q in 0..POINTS {
                let down: [S::V; M] =
                    to_output::<S, M>(simd, std::array::from_fn(|p| simd.load_ptr(m.add((p * POINTS + q) * plane))));
                for i in 0..M {
                    across[i][q] = down[i];
                }
            }
            let out = out.add(corner + first);
            for (i, across) in across.into_iter().enumerate().take(rows) {
                let line: [S::V; M] = to_output::<S, M>(simd, across);
                for (j, value) in line.into_iter().enumerate().take(columns) {
                    simd.store_ptr(out.add((i * width + j) * channels), simd.add(value, bias));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::conv::oracle::{Case, WINOGRAD, check_forward, check_input_grad};

    #[test]
    fn forward_matches_the_oracle() {
        for case in Case::winograd() {
            check_forward(&case, WINOGRAD, super::forward);
        }
    }

    #[test]
    fn input_gradient_matches_the_oracle() {
        for case in Case::winograd() {
            check_input_grad(&case, WINOGRAD, super::input_grad);
        }
    }
}
