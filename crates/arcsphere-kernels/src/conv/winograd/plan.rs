//! Which convolutions go this way, and how their tiles lie in memory.

use std::ops::Range;

use super::points::POINTS;
use crate::conv::scratch::Tap;
use crate::conv::shape::{BLOCK, ConvShape};

/// Tiles of a chunk should let its points stay in a thread's L2 cache, …
const BUDGET: usize = 512 * 1024 / size_of::<f32>();
/// … but a chunk that walks all weights for fewer tiles waits for memory.
const LEAST_TILES: usize = 56;

/// Whether the convolution is one for the 36 points: stride one, 3×3 or 5×5, whole blocks of
/// channels, and outputs that fill most of their tiles.
pub(in crate::conv) fn suits(shape: &ConvShape) -> bool {
    let side = match shape.kernel {
        3 => 4,
        5 => 2,
        _ => return false,
    };
    let (rows, columns) = (shape.out_height(), shape.out_width());
    let whole = shape.in_channels.is_multiple_of(BLOCK) && shape.out_channels.is_multiple_of(BLOCK);
    let covered = rows.next_multiple_of(side) * columns.next_multiple_of(side);
    shape.stride == 1 && shape.groups == 1 && whole && 2 * covered <= 3 * rows * columns
}

/// A correlation of images with M×M tiles of outputs, seen from either of its ends.
#[derive(Clone, Copy)]
pub(super) struct Tiling {
    /// Height, width and channels of an input image.
    pub(super) input: [usize; 3],
    /// Height, width and channels of an output image.
    pub(super) output: [usize; 3],
    /// Zeros before the first row and column of the input.
    pub(super) padding: usize,
    /// M.
    pub(super) side: usize,
}

/// A tile's place.
#[derive(Clone, Copy)]
pub(super) struct Tile {
    /// Image, counted from the first of the part.
    pub(super) image: usize,
    /// First output row and column.
    pub(super) at: [usize; 2],
}

impl Tiling {
    /// The tiles of the convolution itself.
    pub(super) fn forward(shape: &ConvShape) -> Self {
        Tiling {
            input: [shape.height, shape.width, shape.in_channels],
            output: [shape.out_height(), shape.out_width(), shape.out_channels],
            padding: shape.padding,
            side: POINTS + 1 - shape.kernel,
        }
    }

    /// The tiles of its input's gradient: a convolution of the output's gradient.
    pub(super) fn input_grad(shape: &ConvShape) -> Self {
        let forward = Self::forward(shape);
        Tiling {
            input: forward.output,
            output: forward.input,
            padding: shape.kernel - 1 - shape.padding,
            side: forward.side,
        }
    }

    fn grid(&self) -> [usize; 2] {
        [self.output[0].div_ceil(self.side), self.output[1].div_ceil(self.side)]
    }

    /// Tiles of so many images.
    pub(super) fn tiles(&self, images: usize) -> usize {
        let [rows, columns] = self.grid();
        images * rows * columns
    }

    /// The tile of that number.
    pub(super) fn tile(&self, index: usize) -> Tile {
        let [rows, columns] = self.grid();
        let (image, place) = (index / (rows * columns), index % (rows * columns));
        Tile { image, at: [place / columns * self.side, place % columns * self.side] }
    }

    /// Tiles of a chunk.
    pub(super) fn chunk(&self, images: usize) -> usize {
        let per_tile = POINTS * POINTS * (self.input[2] + self.output[2]);
        (BUDGET / per_tile).max(LEAST_TILES).min(self.tiles(images))
    }

    /// The chunks of so many images.
    pub(super) fn chunks(&self, images: usize) -> impl Iterator<Item = Range<usize>> {
        let (all, size) = (self.tiles(images), self.chunk(images));
        (0..all).step_by(size.max(1)).map(move |start| start..(start + size).min(all))
    }

    /// The blocks of the inputs' points, as taps of a row of `chunk` tiles.
    pub(super) fn taps(&self, chunk: usize) -> Vec<Tap> {
        (0..self.input[2] / BLOCK).map(|block| Tap { at: block * chunk * BLOCK, lanes: BLOCK }).collect()
    }
}

/// Values from one point's plane to the next: one block more than it holds, so that the 36 planes
/// of a tile do not fall into the same lines of a cache.
pub(super) fn plane(values: usize) -> usize {
    values + BLOCK
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_cover_the_outputs_once() {
        let shape = ConvShape::new([3, 7, 10, 16], 16, 3, 1, 1, 1).unwrap();
        let tiling = Tiling::forward(&shape);
        let mut seen = vec![0; 3 * 7 * 10];
        for chunk in tiling.chunks(3) {
            for index in chunk {
                let tile = tiling.tile(index);
                for i in tile.at[0]..(tile.at[0] + 4).min(7) {
                    for j in tile.at[1]..(tile.at[1] + 4).min(10) {
                        seen[(tile.image * 7 + i) * 10 + j] += 1;
                    }
                }
            }
        }
        assert!(seen.iter().all(|&n| n == 1));
    }

    #[test]
    fn only_what_pays_goes_this_way() {
        let suits = |side, channels, kernel, stride| {
            suits(&ConvShape::new([2, side, side, channels], 32, kernel, stride, kernel / 2, 1).unwrap())
        };
        assert!(suits(28, 16, 3, 1) && suits(14, 64, 5, 1) && suits(7, 512, 3, 1));
        assert!(!suits(28, 3, 3, 1) && !suits(28, 16, 3, 2) && !suits(28, 16, 1, 1) && !suits(5, 16, 3, 1));
    }
}
