//! The gradients of weight and bias at the 36 points.

// Loops over constant ranges unroll, and the arrays become registers.
#![allow(clippy::needless_range_loop)]

use super::convolve::load_tile;
use super::plan::{Tile, Tiling, plane};
use super::points::{POINTS, from_output};
use super::weights::Points;
use crate::conv::shape::{ConvShape, WeightGrad};
use crate::conv::weight_grad::{Run, add_channels, all_taps};
use crate::isa::{Isa, Kernel, Simd};
use crate::parallel;

/// See [`crate::conv::weight_grad`]; for shapes that [suit](super::suits).
pub(in crate::conv) fn weight_grad(isa: Isa, shape: &ConvShape, x: &[f32], dy: &[f32]) -> WeightGrad {
    let tiling = Tiling::forward(shape);
    let points = Points::new(isa, shape.in_channels, shape.out_channels, 2);
    let parts: Vec<Part<'_>> = parallel::split(shape.batch, parallel::threads())
        .into_iter()
        .map(|images| Part {
            tiling,
            points: &points,
            images: images.len(),
            x: &x[images.start * shape.in_image()..images.end * shape.in_image()],
            dy: &dy[images.start * shape.out_image()..images.end * shape.out_image()],
        })
        .collect();
    let mut parts = parallel::map(parts, |part| isa.run(part)).into_iter();
    let (mut sums, mut bias) = parts.next().expect("a batch has at least one image");
    for (more, more_bias) in parts {
        sums.iter_mut().zip(more).for_each(|(sum, value)| *sum += value);
        bias.iter_mut().zip(more_bias).for_each(|(sum, value)| *sum += value);
    }
    let weight = match shape.kernel {
        3 => points.gather::<3>(isa, &sums, shape.out_channels),
        _ => points.gather::<5>(isa, &sums, shape.out_channels),
    };
    WeightGrad { weight, bias: bias.into_iter().map(|sum| sum as f32).collect() }
}

/// A part of the batch, summed at the points.
struct Part<'a> {
    tiling: Tiling,
    points: &'a Points,
    images: usize,
    x: &'a [f32],
    dy: &'a [f32],
}

impl Kernel for Part<'_> {
    /// Sums at the points, and the sums of the output's gradient by channel.
    type Output = (Vec<f32>, Vec<f64>);

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> Self::Output {
        let Part { tiling, points, images, x, dy } = self;
        let (inputs, outputs) = (tiling.input[2], tiling.output[2]);
        let chunk = tiling.chunk(images);
        let taps = tiling.taps(chunk);
        let (in_plane, out_plane) = (plane(chunk * inputs), plane(chunk * outputs));
        let mut v = vec![0.0; POINTS * POINTS * in_plane];
        let mut d = vec![0.0; POINTS * POINTS * out_plane];
        let mut sums = vec![0.0; points.len()];
        let mut bias = vec![0.0; outputs];
        add_channels(dy, &mut bias);
        for tiles in tiling.chunks(images) {
            for (slot, index) in tiles.clone().enumerate() {
                let tile = tiling.tile(index);
                // SAFETY: both have a place for each tile of a chunk.
                unsafe {
                    load_tile(simd, &tiling, x, tile, slot, chunk, in_plane, &mut v);
                    let d = &mut d[slot * outputs..];
                    if tiling.side == 4 {
                        load_output::<S, 4>(simd, &tiling, dy, tile, d, out_plane);
                    } else {
                        load_output::<S, 2>(simd, &tiling, dy, tile, d, out_plane);
                    }
                }
            }
            let runs = [Run { x: 0, dy: 0, pixels: tiles.len() }];
            for p in 0..POINTS * POINTS {
                for panel in &points.panels {
                    let values = points.point(panel);
                    let sums = &mut sums[panel.data.start + p * values..][..values];
                    // SAFETY: the planes hold the chunk's tiles, of whole blocks of channels.
                    unsafe {
                        let (x, dy) = (v[p * in_plane..].as_ptr(), d[p * out_plane + panel.first..].as_ptr());
                        all_taps(simd, x, dy, outputs, &runs, &taps, panel.vectors, sums);
                    }
                }
            }
        }
        (sums, bias)
    }
}

/// A dy Aᵀ of a tile, for all channels, to the start of each point's plane.
///
/// # Safety
///
/// `d` has 36 planes of at least a tile's outputs.
#[inline(always)]
unsafe fn load_output<S: Simd, const M: usize>(
    simd: S,
    tiling: &Tiling,
    dy: &[f32],
    tile: Tile,
    d: &mut [f32],
    plane: usize,
) {
    let [height, width, channels] = tiling.output;
    let [rows, columns] = [(height - tile.at[0]).min(M), (width - tile.at[1]).min(M)];
    let corner = ((tile.image * height + tile.at[0]) * width + tile.at[1]) * channels;
    assert!(d.len() >= (POINTS * POINTS - 1) * plane + channels);
    assert!(dy.len() >= corner + ((rows - 1) * width + columns) * channels);
    for first in (0..channels).step_by(S::LANES) {
        // SAFETY: channels are whole blocks, so LANES of them start at `first`; the tile's pixels
        // are inside `dy` and its outputs inside each plane.
        unsafe {
            let source = dy.as_ptr().add(corner + first);
            let mut along = [[simd.zero(); POINTS]; M];
            for i in 0..rows {
                let mut y = [simd.zero(); M];
                for j in 0..columns {
                    y[j] = simd.load_ptr(source.add((i * width + j) * channels));
                }
                along[i] = from_output::<S, M>(simd, y);
            }
            let d = d.as_mut_ptr().add(first);
            for q in 0..POINTS {
                let down = from_output::<S, M>(simd, std::array::from_fn(|i| along[i][q]));
                for p in 0..POINTS {
                    simd.store_ptr(d.add((p * POINTS + q) * plane), down[p]);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::conv::oracle::{Case, WINOGRAD, check_weight_grad};

    #[test]
    fn weight_gradient_matches_the_oracle() {
        for case in Case::winograd() {
            check_weight_grad(&case, WINOGRAD, super::weight_grad);
        }
    }
}
