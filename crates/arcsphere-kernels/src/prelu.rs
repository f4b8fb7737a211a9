//! Parametric ReLU on channels-last slices: y = x where x > 0, else `a[c] · x`.

use std::mem::MaybeUninit;
use std::ops::Range;

use crate::isa::{Isa, Kernel, Simd};
use crate::parallel::{self, Periodic};

/// Parametric ReLU of `x`, `[..., channels]`, with one slope per channel.
///
/// ```
/// use arcsphere_kernels::{isa::Isa, prelu};
///
/// // Two pixels of two channels.
/// let y = prelu::forward(Isa::best(), &[1.0, -2.0, -4.0, 3.0], &[0.25, 0.5]);
/// assert_eq!(y, [1.0, -1.0, -1.0, 3.0]);
/// ```
///
/// # Panics
///
/// If there is no slope or `x` is not a whole number of pixels.
pub fn forward(isa: Isa, x: &[f32], slope: &[f32]) -> Vec<f32> {
    let pixels = pixels(x, slope.len());
    let slopes = Periodic::new(slope);
    // SAFETY: the kernel writes a value for each of the part's.
    unsafe {
        parallel::fill(pixels, slope.len(), |range, y| {
            isa.run(Forward { x: part(x, &range, slope.len()), slopes: &slopes, y });
        })
    }
}

/// Turns `grad` from the output's gradient into the input's, and returns the slopes' gradient,
/// `[channels]`. At x = 0 the slope's side counts, as in PyTorch.
///
/// ```
/// use arcsphere_kernels::{isa::Isa, prelu};
///
/// let mut grad = [1.0, 1.0, 1.0, 1.0];
/// let slopes = prelu::backward(Isa::best(), &[1.0, -2.0, -4.0, 3.0], &[0.25, 0.5], &mut grad);
/// assert_eq!((grad, slopes), ([1.0, 0.5, 0.25, 1.0], vec![-4.0, -2.0]));
/// ```
///
/// # Panics
///
/// As for [`forward`], or if `grad` has another length than `x`.
pub fn backward(isa: Isa, x: &[f32], slope: &[f32], grad: &mut [f32]) -> Vec<f32> {
    assert_eq!(x.len(), grad.len(), "the gradient's length must be the input's");
    let slopes = Periodic::new(slope);
    let ranges = parallel::split(pixels(x, slope.len()), parallel::threads());
    let grads = parallel::cut(grad, &ranges, slope.len());
    let parts = ranges.into_iter().zip(grads).collect();
    let sums = parallel::map(parts, |(range, grad)| {
        isa.run(Backward { x: part(x, &range, slope.len()), grad, slopes: &slopes })
    });
    parallel::reduce(sums, slope.len())
}

/// max(0, x) in place; NaN stays.
///
/// ```
/// use arcsphere_kernels::{isa::Isa, prelu};
///
/// let (mut x, mut grad) = ([1.0, -2.0], [5.0, 5.0]);
/// prelu::relu(Isa::best(), &mut x);
/// prelu::relu_backward(Isa::best(), &x, &mut grad);
/// assert_eq!((x, grad), ([1.0, 0.0], [5.0, 0.0]));
/// ```
pub fn relu(isa: Isa, x: &mut [f32]) {
    let ranges = parallel::split(x.len(), parallel::threads());
    parallel::map(parallel::cut(x, &ranges, 1), |x| isa.run(Relu { x }));
}

/// Turns `grad` from the output's gradient of [`relu`] into the input's, by the output `y`.
///
/// # Panics
///
/// If the lengths differ.
pub fn relu_backward(isa: Isa, y: &[f32], grad: &mut [f32]) {
    assert_eq!(y.len(), grad.len(), "the gradient's length must be the output's");
    let ranges = parallel::split(y.len(), parallel::threads());
    let grads = parallel::cut(grad, &ranges, 1);
    let parts = ranges.into_iter().zip(grads).collect();
    parallel::map(parts, |(range, grad): (Range<usize>, _)| {
        isa.run(ReluBackward { y: &y[range], grad });
    });
}

fn pixels(x: &[f32], channels: usize) -> usize {
    assert!(channels > 0, "a PReLU needs at least one slope");
    assert_eq!(x.len() % channels, 0, "{} values are no pixels of {channels}", x.len());
    x.len() / channels
}

fn part<'a>(x: &'a [f32], pixels: &Range<usize>, channels: usize) -> &'a [f32] {
    &x[pixels.start * channels..pixels.end * channels]
}

struct Forward<'a> {
    x: &'a [f32],
    slopes: &'a Periodic,
    y: &'a mut [MaybeUninit<f32>],
}

impl Kernel for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let period = self.slopes.period();
        for (y, x) in self.y.chunks_mut(period).zip(self.x.chunks(period)) {
            for ((y, &x), &a) in y.iter_mut().zip(x).zip(self.slopes.values()) {
                y.write(if x > 0.0 { x } else { a * x });
            }
        }
    }
}

struct Backward<'a> {
    x: &'a [f32],
    grad: &'a mut [f32],
    slopes: &'a Periodic,
}

impl Kernel for Backward<'_> {
    type Output = Vec<f64>;

    #[inline(always)]
    fn run<S: Simd>(self, _: S) -> Vec<f64> {
        let period = self.slopes.period();
        let mut sums = self.slopes.sums();
        for (grad, x) in self.grad.chunks_mut(period).zip(self.x.chunks(period)) {
            let values = grad.iter_mut().zip(x).zip(self.slopes.values()).zip(sums.next());
            for (((grad, &x), &a), sum) in values {
                let (dy, positive) = (*grad, x > 0.0);
                *grad = if positive { dy } else { a * dy };
                *sum += if positive { 0.0 } else { x * dy };
            }
        }
        sums.finish()
    }
}

struct Relu<'a> {
    x: &'a mut [f32],
}

impl Kernel for Relu<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        for x in self.x {
            *x = if *x < 0.0 { 0.0 } else { *x };
        }
    }
}

struct ReluBackward<'a> {
    y: &'a [f32],
    grad: &'a mut [f32],
}

impl Kernel for ReluBackward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        for (grad, &y) in self.grad.iter_mut().zip(self.y) {
            *grad = if y > 0.0 { *grad } else { 0.0 };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_directions_match_the_formula_under_each_instruction_set() {
        for channels in [1, 3, 16, 17, 300] {
            for pixels in [1, 2, 7, 600] {
                let len = channels * pixels;
                let x: Vec<f32> = (0..len).map(|i| ((i * 37) % 101) as f32 / 50.0 - 1.0).collect();
                let dy: Vec<f32> = (0..len).map(|i| ((i * 53) % 97) as f32 / 48.0 - 1.0).collect();
                let slope: Vec<f32> = (0..channels).map(|c| 0.3 - c as f32 * 0.01).collect();
                let mut expected = vec![(0.0f64, 0.0f64); channels];
                for (i, (&x, &dy)) in x.iter().zip(&dy).enumerate() {
                    if x <= 0.0 {
                        let product = f64::from(x) * f64::from(dy);
                        expected[i % channels].0 += product;
                        expected[i % channels].1 += product.abs();
                    }
                }
                for isa in Isa::available() {
                    let y = forward(isa, &x, &slope);
                    let mut dx = dy.clone();
                    let da = backward(isa, &x, &slope, &mut dx);
                    for i in 0..len {
                        let a = if x[i] > 0.0 { 1.0 } else { slope[i % channels] };
                        assert_eq!(y[i], a * x[i]);
                        assert_eq!(dx[i], a * dy[i]);
                    }
                    // Tolerance: 1e-6 of the sum of magnitudes.
                    for (actual, (sum, magnitude)) in da.iter().zip(&expected) {
                        let error = (f64::from(*actual) - sum).abs();
                        assert!(error <= 1e-6 * magnitude, "{actual} is not {sum}");
                    }
                }
            }
        }
    }

    #[test]
    fn relu_is_the_slope_zero_but_keeps_nan() {
        for isa in Isa::available() {
            let mut x = vec![-1.0, 0.0, 2.0, -0.5, 3.0];
            relu(isa, &mut x);
            assert_eq!(x, [0.0, 0.0, 2.0, 0.0, 3.0]);
            let mut grad = vec![1.0, 2.0, 3.0, 4.0, 5.0];
            relu_backward(isa, &x, &mut grad);
            assert_eq!(grad, [0.0, 0.0, 3.0, 0.0, 5.0]);
            let mut nan = [f32::NAN];
            relu(isa, &mut nan);
            assert!(nan[0].is_nan());
        }
    }

    #[test]
    fn what_is_not_a_number_stays_visible() {
        assert!(forward(Isa::best(), &[f32::NAN], &[0.25])[0].is_nan());
    }
}
