//! Max pooling on channels-last slices: `y[i,j,c]` = max over the kernel's window of x.

use std::mem::MaybeUninit;
use std::ops::Range;

use crate::isa::{Isa, Kernel, Simd};
use crate::parallel;

/// The sizes of a pooling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolShape {
    batch: usize,
    height: usize,
    width: usize,
    channels: usize,
    kernel: usize,
    stride: usize,
    padding: usize,
}

/// The output of a pooling, and which input of each window won.
#[derive(Clone, Debug, PartialEq)]
pub struct Pooled {
    /// `[batch, out_height, out_width, channels]`.
    pub values: Vec<f32>,
    /// For each value, row · kernel + column of the winner in its window.
    pub winners: Vec<u8>,
}

impl PoolShape {
    /// A square window over an input `[batch, height, width, channels]`.
    ///
    /// `None` where there is no such pooling or the kernels cannot compute it: a size of zero, a
    /// kernel above 15, a padded input smaller than the kernel, or padding above half the kernel
    /// (a window could lie in the padding alone).
    pub fn new(input: [usize; 4], kernel: usize, stride: usize, padding: usize) -> Option<Self> {
        let [batch, height, width, channels] = input;
        let positive = [batch, height, width, channels, kernel, stride].iter().all(|&s| s > 0);
        let fits =
            kernel <= 15 && padding <= kernel / 2 && height + 2 * padding >= kernel && width + 2 * padding >= kernel;
        (positive && fits).then_some(Self { batch, height, width, channels, kernel, stride, padding })
    }

    /// `[batch, out_height, out_width, channels]`.
    pub fn output(&self) -> [usize; 4] {
        let out = |size| (size + 2 * self.padding - self.kernel) / self.stride + 1;
        [self.batch, out(self.height), out(self.width), self.channels]
    }

    fn in_image(&self) -> usize {
        self.height * self.width * self.channels
    }

    fn out_image(&self) -> usize {
        self.output()[1..].iter().product()
    }

    /// The part of window `index` that lies inside an axis of `size`, as positions in the window.
    #[inline(always)]
    fn window(&self, index: usize, size: usize) -> Range<usize> {
        let start = index * self.stride;
        let first = self.padding.saturating_sub(start);
        let end = (size + self.padding).saturating_sub(start).min(self.kernel);
        first..end
    }
}

/// The largest value of each window; the first of equals; NaN where there is one.
///
/// ```
/// use arcsphere_kernels::isa::Isa;
/// use arcsphere_kernels::pool::{PoolShape, backward, forward};
///
/// // A window of 2 × 2 over an image of 2 × 2.
/// let shape = PoolShape::new([1, 2, 2, 1], 2, 2, 0).ok_or("no such pooling")?;
/// let pooled = forward(Isa::best(), &shape, &[1.0, 4.0, 3.0, 2.0]);
/// assert_eq!((&*pooled.values, &*pooled.winners), (&[4.0][..], &[1][..]));
/// assert_eq!(backward(Isa::best(), &shape, &pooled.winners, &[5.0]), [0.0, 5.0, 0.0, 0.0]);
/// # Ok::<(), &str>(())
/// ```
///
/// # Panics
///
/// If `x` has another length than the shape asks for.
pub fn forward(isa: Isa, shape: &PoolShape, x: &[f32]) -> Pooled {
    assert_eq!(x.len(), shape.batch * shape.in_image(), "input length of {shape:?}");
    let image = shape.out_image();
    let mut values = Box::<[f32]>::new_uninit_slice(shape.batch * image);
    let mut winners = vec![0; shape.batch * image];
    let ranges = parallel::split(shape.batch, parallel::threads());
    let value_parts = parallel::cut(&mut values, &ranges, image);
    let winner_parts = parallel::cut(&mut winners, &ranges, image);
    let parts = ranges.into_iter().zip(value_parts).zip(winner_parts).collect();
    parallel::map(parts, |((images, values), winners): ((Range<usize>, _), _)| {
        let x = &x[images.start * shape.in_image()..images.end * shape.in_image()];
        isa.run(Forward { shape, x, values, winners });
    });
    // SAFETY: each part writes every value of its images, and the parts cover the batch.
    let values = unsafe { values.assume_init() }.into_vec();
    Pooled { values, winners }
}

/// The gradient with respect to the input: each output's gradient goes to its winner.
///
/// # Panics
///
/// If `dy` or `winners` has another length than the shape asks for.
pub fn backward(isa: Isa, shape: &PoolShape, winners: &[u8], dy: &[f32]) -> Vec<f32> {
    let image = shape.out_image();
    assert_eq!(dy.len(), shape.batch * image, "gradient length of {shape:?}");
    assert_eq!(winners.len(), dy.len(), "winners of {shape:?}");
    let mut dx = vec![0.0; shape.batch * shape.in_image()];
    let ranges = parallel::split(shape.batch, parallel::threads());
    let outs = parallel::cut(&mut dx, &ranges, shape.in_image());
    let parts = ranges.into_iter().zip(outs).collect();
    parallel::map(parts, |(images, dx): (Range<usize>, _)| {
        let range = images.start * image..images.end * image;
        isa.run(Backward { shape, winners: &winners[range.clone()], dy: &dy[range], dx });
    });
    dx
}

struct Forward<'a> {
    shape: &'a PoolShape,
    x: &'a [f32],
    values: &'a mut [MaybeUninit<f32>],
    winners: &'a mut [u8],
}

impl Kernel for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let shape = self.shape;
        let (channels, kernel) = (shape.channels, shape.kernel);
        let [_, rows, columns, _] = shape.output();
        let pixels = self.values.chunks_exact_mut(channels);
        let pixels = pixels.zip(self.winners.chunks_exact_mut(channels)).enumerate();
        for (index, (values, winners)) in pixels {
            let (n, i, j) = (index / columns / rows, index / columns % rows, index % columns);
            let image = &self.x[n * shape.in_image()..][..shape.in_image()];
            let (mut unwritten, mut best): (_, &mut [f32]) = (Some(values), &mut []);
            for u in shape.window(i, shape.height) {
                let y = i * shape.stride + u - shape.padding;
                for v in shape.window(j, shape.width) {
                    let x = j * shape.stride + v - shape.padding;
                    let pixel = &image[(y * shape.width + x) * channels..][..channels];
                    let place = (u * kernel + v) as u8;
                    if let Some(values) = unwritten.take() {
                        best = values.write_copy_of_slice(pixel);
                        winners.fill(place);
                        continue;
                    }
                    for ((best, winner), &x) in best.iter_mut().zip(&mut *winners).zip(pixel) {
                        let wins = x > *best || x.is_nan();
                        *best = if wins { x } else { *best };
                        *winner = if wins { place } else { *winner };
                    }
                }
            }
        }
    }
}

struct Backward<'a> {
    shape: &'a PoolShape,
    winners: &'a [u8],
    dy: &'a [f32],
    /// Zeros.
    dx: &'a mut [f32],
}

impl Kernel for Backward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let shape = self.shape;
        let (channels, kernel) = (shape.channels, shape.kernel);
        let [_, rows, columns, _] = shape.output();
        let images = self.dx.chunks_exact_mut(shape.in_image()).enumerate();
        for (n, image) in images {
            for i in 0..rows {
                for j in 0..columns {
                    let at = ((n * rows + i) * columns + j) * channels;
                    let winners = &self.winners[at..at + channels];
                    let dy = &self.dy[at..at + channels];
                    for u in shape.window(i, shape.height) {
                        let y = i * shape.stride + u - shape.padding;
                        for v in shape.window(j, shape.width) {
                            let x = j * shape.stride + v - shape.padding;
                            let at = (y * shape.width + x) * channels;
                            let place = (u * kernel + v) as u8;
                            let pixel = &mut image[at..at + channels];
                            for ((dx, &winner), &dy) in pixel.iter_mut().zip(winners).zip(dy) {
                                *dx += if winner == place { dy } else { 0.0 };
                            }
                        }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(len: usize, a: usize) -> Vec<f32> {
        (0..len).map(|i| ((i * a) % 101) as f32 - 50.0).collect()
    }

    #[test]
    fn both_directions_match_a_plain_search_under_each_instruction_set() {
        for (input, kernel, stride, padding) in [
            ([2, 4, 4, 16], 2, 2, 0),
            ([2, 7, 7, 3], 2, 2, 0),
            ([1, 9, 8, 17], 3, 2, 1),
            ([1, 5, 5, 40], 3, 1, 1),
            ([1, 4, 7, 1], 2, 3, 0),
            ([1, 1, 1, 5], 1, 1, 0),
            ([1, 3, 3, 2], 5, 2, 2),
        ] {
            let shape = PoolShape::new(input, kernel, stride, padding).unwrap();
            let [batch, height, width, channels] = input;
            let [_, rows, columns, _] = shape.output();
            let x = values(input.iter().product(), 37);
            let dy = values(shape.output().iter().product(), 53);
            let mut y = vec![f32::NEG_INFINITY; dy.len()];
            let mut dx = vec![0.0; x.len()];
            for n in 0..batch {
                for o in 0..rows * columns * channels {
                    let (i, j, c) = (o / channels / columns, o / channels % columns, o % channels);
                    let mut winner = 0;
                    for t in 0..kernel * kernel {
                        let (u, v) = (i * stride + t / kernel, j * stride + t % kernel);
                        if u < padding || v < padding || u - padding >= height || v - padding >= width {
                            continue;
                        }
                        let pixel = (n * height + u - padding) * width + v - padding;
                        let at = pixel * channels + c;
                        if x[at] > y[n * rows * columns * channels + o] {
                            y[n * rows * columns * channels + o] = x[at];
                            winner = at;
                        }
                    }
                    dx[winner] += dy[n * rows * columns * channels + o];
                }
            }
            for isa in Isa::available() {
                let pooled = forward(isa, &shape, &x);
                assert_eq!(pooled.values, y, "{shape:?}");
                // Whole numbers: the sums are exact, the tolerance is zero.
                assert_eq!(backward(isa, &shape, &pooled.winners, &dy), dx, "{shape:?}");
            }
        }
    }

    #[test]
    fn nonsense_is_refused_and_nan_stays_visible() {
        assert!(PoolShape::new([1, 1, 1, 1], 2, 1, 0).is_none());
        assert!(PoolShape::new([1, 4, 4, 1], 2, 0, 0).is_none());
        assert!(PoolShape::new([1, 4, 4, 1], 2, 1, 2).is_none());
        let shape = PoolShape::new([1, 1, 2, 1], 1, 2, 0).unwrap();
        assert!(forward(Isa::best(), &shape, &[f32::NAN, 1.0]).values[0].is_nan());
    }
}
