//! Zero-padded images in blocks of [`BLOCK`] channels.

use super::shape::{BLOCK, ConvShape};

/// A few images, each as `[blocks][rows][phases][columns][BLOCK]`.
///
/// Column x of the padded image is column x / phases of phase x mod phases: a convolution of
/// stride s over s phases reads neighboring columns for neighboring outputs.
pub(super) struct Scratch {
    data: Vec<f32>,
    blocks: usize,
    rows: usize,
    phases: usize,
    columns: usize,
}

/// Scratch images of a thread should stay in its L2 cache beside the weights.
const BUDGET: usize = 256 * 1024 / size_of::<f32>();

impl Scratch {
    /// Room for images of `channels` × `rows` × `width` (padding included), as many as fit the
    /// cache, at least one and at most `images`.
    pub(super) fn new(images: usize, channels: usize, rows: usize, width: usize, phases: usize) -> Self {
        let blocks = channels.div_ceil(BLOCK);
        let columns = width.div_ceil(phases);
        let image = blocks * rows * phases * columns * BLOCK;
        let images = (BUDGET / image.max(1)).clamp(1, images.max(1));
        Self { data: vec![0.0; image * images], blocks, rows, phases, columns }
    }

    /// Images that fit at a time.
    pub(super) fn images(&self) -> usize {
        self.data.len() / self.image()
    }

    /// Values per image.
    pub(super) fn image(&self) -> usize {
        self.blocks * self.rows * self.row() * self.phases
    }

    /// Values per row of a phase.
    pub(super) fn row(&self) -> usize {
        self.columns * BLOCK
    }

    /// The offset of a pixel of the padded image in a block.
    pub(super) fn at(&self, block: usize, row: usize, x: usize) -> usize {
        ((block * self.rows + row) * self.phases + x % self.phases) * self.row() + x / self.phases * BLOCK
    }

    pub(super) fn data(&self) -> &[f32] {
        &self.data
    }

    /// Copies a channels-last image to `slot`, its corner at row `top` and column `left`. What
    /// lies around it stays as it is: zero, if every image of the slot had the same place.
    pub(super) fn fill(
        &mut self,
        slot: usize,
        source: &[f32],
        [height, width, channels]: [usize; 3],
        [top, left]: [usize; 2],
    ) {
        let base = slot * self.image();
        for block in 0..self.blocks {
            let first = block * BLOCK;
            let count = (channels - first).min(BLOCK);
            for y in 0..height {
                let line = &source[y * width * channels..][..width * channels];
                for phase in 0..self.phases {
                    // The first x with (x + left) mod phases = phase.
                    let start = (phase + self.phases - left % self.phases) % self.phases;
                    if start >= width {
                        continue;
                    }
                    let at = base + self.at(block, top + y, left + start);
                    let target = self.data[at..].chunks_exact_mut(BLOCK);
                    let pixels = line[start * channels..].chunks(self.phases * channels);
                    if count == BLOCK {
                        for (target, pixel) in target.zip(pixels) {
                            target.copy_from_slice(&pixel[first..first + BLOCK]);
                        }
                    } else {
                        for (target, pixel) in target.zip(pixels) {
                            target[..count].copy_from_slice(&pixel[first..first + count]);
                        }
                    }
                }
            }
        }
    }

    /// Unfolds a channels-last image to `slot`: the "channels" of an output pixel are its
    /// kernel² · channels inputs, in the order (u, v, c). For images of few channels, which
    /// would fill a fraction of a block. Inputs in the padding stay as they are: zero.
    pub(super) fn unfold(&mut self, slot: usize, source: &[f32], shape: &ConvShape) {
        let base = slot * self.image();
        let (kernel, channels, stride) = (shape.kernel, shape.in_channels, shape.stride);
        let (padding, width) = (shape.padding, shape.width);
        for i in 0..shape.out_height() {
            for u in 0..kernel {
                let y = i * stride + u;
                if y < padding || y >= padding + shape.height {
                    continue;
                }
                let line = &source[(y - padding) * width * channels..][..width * channels];
                for v in 0..kernel {
                    // The output columns j with 0 ≤ j·stride + v − padding < width.
                    let first = padding.saturating_sub(v).div_ceil(stride);
                    let end = (width + padding).saturating_sub(v).div_ceil(stride);
                    let end = end.min(shape.out_width());
                    if first >= end {
                        continue;
                    }
                    for c in 0..channels {
                        let k = (u * kernel + v) * channels + c;
                        let at = base + self.at(k / BLOCK, i, first) + k % BLOCK;
                        let values =
                            line[(first * stride + v - padding) * channels + c..].iter().step_by(stride * channels);
                        let targets = self.data[at..].iter_mut().step_by(BLOCK);
                        for (target, value) in targets.zip(values).take(end - first) {
                            *target = *value;
                        }
                    }
                }
            }
        }
    }
}

/// The place of one tap's block in scratch.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tap {
    /// Offset from the output pixel's origin.
    pub(super) at: usize,
    /// Channels of the block that exist.
    pub(super) lanes: usize,
}

/// Channels in block `block` of `channels`.
pub(super) fn lanes(block: usize, channels: usize) -> usize {
    (channels - block * BLOCK).min(BLOCK)
}

/// How the input of a convolution is laid out in scratch, and where its taps are.
pub(super) struct Layout {
    /// Whether the input is unfolded (few channels) or only padded.
    pub(super) unfold: bool,
    /// For each block of channels, all places of the kernel.
    pub(super) taps: Vec<Tap>,
    /// From one output row to the next.
    pub(super) row: usize,
}

/// Below this many channels the input is unfolded.
const UNFOLD_BELOW: usize = 5;

/// Scratch for the input of `shape`.
pub(super) fn for_input(shape: &ConvShape, images: usize) -> (Scratch, Layout) {
    let kernel = shape.kernel;
    if shape.in_channels < UNFOLD_BELOW && kernel > 1 {
        let inputs = kernel * kernel * shape.in_channels;
        let (rows, width) = (shape.out_height(), shape.out_width());
        let scratch = Scratch::new(images, inputs, rows, width, 1);
        let taps =
            (0..scratch.blocks).map(|block| Tap { at: scratch.at(block, 0, 0), lanes: lanes(block, inputs) }).collect();
        let row = scratch.row();
        return (scratch, Layout { unfold: true, taps, row });
    }
    let rows = shape.height + 2 * shape.padding;
    let width = shape.width + 2 * shape.padding;
    let scratch = Scratch::new(images, shape.in_channels, rows, width, shape.stride);
    let mut taps = Vec::with_capacity(scratch.blocks * kernel * kernel);
    for block in 0..scratch.blocks {
        for u in 0..kernel {
            for v in 0..kernel {
                let lanes = lanes(block, shape.in_channels);
                taps.push(Tap { at: scratch.at(block, u, v), lanes });
            }
        }
    }
    let row = scratch.at(0, shape.stride, 0);
    (scratch, Layout { unfold: false, taps, row })
}

impl Layout {
    /// The weight index (u · kernel + v, c) of lane `lane` of tap `tap`, if it is one.
    pub(super) fn weight_index(&self, shape: &ConvShape, tap: usize, lane: usize) -> Option<(usize, usize)> {
        let area = shape.kernel * shape.kernel;
        let (place, channel) = if self.unfold {
            let k = tap * BLOCK + lane;
            (k / shape.in_channels, k % shape.in_channels)
        } else {
            (tap % area, tap / area * BLOCK + lane)
        };
        (place < area && channel < shape.in_channels).then_some((place, channel))
    }

    /// Brings one image of the input to its slot.
    pub(super) fn load(&self, scratch: &mut Scratch, slot: usize, source: &[f32], shape: &ConvShape) {
        if self.unfold {
            scratch.unfold(slot, source, shape);
        } else {
            let size = [shape.height, shape.width, shape.in_channels];
            scratch.fill(slot, source, size, [shape.padding; 2]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pixel_lands_in_its_place_and_the_rest_is_zero() {
        for (phases, channels) in [(1, 17), (2, 3), (3, 16)] {
            let (height, width) = (2, 5);
            let len = height * width * channels;
            let image: Vec<f32> = (1..=len).map(|v| v as f32).collect();
            let mut scratch = Scratch::new(2, channels, height + 2, width + 3, phases);
            let slot = scratch.images() - 1;
            scratch.fill(slot, &image, [height, width, channels], [1, 2]);
            let mut sum = 0.0;
            for y in 0..height {
                for x in 0..width {
                    for c in 0..channels {
                        let at = scratch.at(c / BLOCK, y + 1, x + 2) + c % BLOCK;
                        let value = scratch.data[slot * scratch.image() + at];
                        assert_eq!(value, image[(y * width + x) * channels + c]);
                        sum += value;
                    }
                }
            }
            assert_eq!(scratch.data.iter().sum::<f32>(), sum);
        }
    }
}
