//! Batch normalization on channels-last slices, with an optional PReLU in the same pass.
//!
//! `z = γ[c] · (x − μ[c]) / √(σ²[c] + ε) + β[c]; y = z where z > 0 or there is no slope, else a[c] · z.`

use std::mem::MaybeUninit;
use std::ops::Range;

use crate::isa::{Isa, Kernel, Simd};
use crate::parallel::{self, Periodic};

/// Mean and biased variance by channel.
#[derive(Clone, Debug, PartialEq)]
pub struct Statistics {
    /// Mean over all pixels.
    pub mean: Vec<f32>,
    /// Mean square distance from the mean.
    pub variance: Vec<f32>,
}

/// What a normalization is made of, each `[channels]`.
#[derive(Clone, Copy, Debug)]
pub struct Norm<'a> {
    /// μ and σ².
    pub statistics: &'a Statistics,
    /// γ.
    pub weight: &'a [f32],
    /// β.
    pub bias: &'a [f32],
    /// ε, added to the variance.
    pub epsilon: f32,
    /// a, the slopes of a PReLU that follows, if one does.
    pub slope: Option<&'a [f32]>,
}

/// The gradients of a normalization's parameters.
#[derive(Clone, Debug, PartialEq)]
pub struct NormGrad {
    /// The gradient with respect to γ.
    pub weight: Vec<f32>,
    /// The gradient with respect to β.
    pub bias: Vec<f32>,
    /// The gradient with respect to the slopes; empty without any.
    pub slope: Vec<f32>,
}

/// Mean and biased variance of `x`, `[..., channels]`, over all pixels; zero if there is none.
///
/// The sums are taken around the first pixel, so a mean far from zero costs no digits.
///
/// ```
/// use arcsphere_kernels::{isa::Isa, norm};
///
/// // Two pixels of two channels.
/// let found = norm::statistics(Isa::best(), &[1.0, 10.0, 3.0, 14.0], 2);
/// assert_eq!((found.mean, found.variance), (vec![2.0, 12.0], vec![1.0, 4.0]));
/// ```
///
/// # Panics
///
/// If `channels` is zero or `x` is not a whole number of pixels.
pub fn statistics(isa: Isa, x: &[f32], channels: usize) -> Statistics {
    let pixels = pixels(x, channels);
    if pixels == 0 {
        return Statistics { mean: vec![0.0; channels], variance: vec![0.0; channels] };
    }
    let shift = &x[..channels];
    let shifts = Periodic::new(shift);
    let parts = parallel::map(parallel::split(pixels, parallel::threads()), |range| {
        isa.run(Moments { x: part(x, &range, channels), shifts: &shifts })
    });
    let count = pixels as f64;
    let sum = |c: usize| parts.iter().map(|part| part.0[c]).sum::<f64>() / count;
    let square = |c: usize| parts.iter().map(|part| part.1[c]).sum::<f64>() / count;
    let mean = |c: usize| (f64::from(shift[c]) + sum(c)) as f32;
    let variance = |c: usize| (square(c) - sum(c) * sum(c)).max(0.0) as f32;
    Statistics { mean: (0..channels).map(mean).collect(), variance: (0..channels).map(variance).collect() }
}

/// Normalizes `x`, `[..., channels]`.
///
/// ```
/// use arcsphere_kernels::isa::Isa;
/// use arcsphere_kernels::norm::{Norm, backward, forward, statistics};
///
/// let x = [1.0, 3.0];
/// let statistics = &statistics(Isa::best(), &x, 1);
/// let norm = Norm { statistics, weight: &[1.0], bias: &[0.5], epsilon: 0.0, slope: None };
/// assert_eq!(forward(Isa::best(), &x, &norm), [-0.5, 1.5]);
/// // What shifts both pixels alike is normalized away.
/// let mut grad = [1.0, 1.0];
/// let parameters = backward(Isa::best(), &x, &norm, &mut grad);
/// assert_eq!((grad, parameters.weight, parameters.bias), ([0.0, 0.0], vec![0.0], vec![2.0]));
/// ```
///
/// # Panics
///
/// If the slices of `norm` differ in length or `x` is not a whole number of pixels.
pub fn forward(isa: Isa, x: &[f32], norm: &Norm<'_>) -> Vec<f32> {
    let channels = norm.channels();
    let affine = Affine::new(norm);
    // SAFETY: the kernel writes a value for each of the part's.
    unsafe {
        parallel::fill(pixels(x, channels), channels, |range, y| {
            isa.run(Forward { x: part(x, &range, channels), affine: &affine, y });
        })
    }
}

/// Turns `grad` from the output's gradient into the input's, where `norm.statistics` are those of
/// `x`, and returns the parameters' gradients.
///
/// # Panics
///
/// As for [`forward`], or if `grad` has another length than `x`.
pub fn backward(isa: Isa, x: &[f32], norm: &Norm<'_>, grad: &mut [f32]) -> NormGrad {
    assert_eq!(x.len(), grad.len(), "the gradient's length must be the input's");
    let channels = norm.channels();
    let count = pixels(x, channels).max(1) as f32;
    let affine = Affine::new(norm);
    let ranges = parallel::split(pixels(x, channels), parallel::threads());
    let sums = parallel::map(ranges.clone(), |range| {
        let (x, dy) = (part(x, &range, channels), part(grad, &range, channels));
        isa.run(Reduce { x, dy, affine: &affine })
    });
    let take = |index: usize| {
        let parts = sums.iter().map(|sums| sums[index].clone()).collect();
        parallel::reduce(parts, channels)
    };
    let (bias, products, slope) = (take(0), take(1), take(2));
    let inverse: Vec<f32> = norm.inverse().collect();
    let weight: Vec<f32> = products.iter().zip(&inverse).map(|(p, i)| p * i).collect();
    let scale = norm.weight.iter().zip(&inverse);
    let offset: Vec<f32> = scale.clone().zip(&bias).map(|((g, i), b)| -g * i * b / count).collect();
    let slant: Vec<f32> = scale.zip(&weight).map(|((g, i), w)| -g * i * i * w / count).collect();
    let (offset, slant) = (Periodic::new(&offset), Periodic::new(&slant));
    let grads = parallel::cut(grad, &ranges, channels);
    let parts = ranges.into_iter().zip(grads).collect();
    parallel::map(parts, |(range, grad)| {
        let x = part(x, &range, channels);
        isa.run(Backward { x, affine: &affine, offset: &offset, slant: &slant, grad });
    });
    let slope = if norm.slope.is_some() { slope } else { Vec::new() };
    NormGrad { weight, bias, slope }
}

impl Norm<'_> {
    /// The number of channels.
    fn channels(&self) -> usize {
        let channels = self.weight.len();
        let fits = self.bias.len() == channels
            && self.statistics.mean.len() == channels
            && self.statistics.variance.len() == channels
            && self.slope.is_none_or(|slope| slope.len() == channels);
        assert!(fits, "a normalization's slices must have one value per channel");
        channels
    }

    /// 1 / √(σ² + ε).
    fn inverse(&self) -> impl Iterator<Item = f32> + '_ {
        self.statistics.variance.iter().map(|v| (v + self.epsilon).sqrt().recip())
    }
}

/// The parameters by pixel value: z = (x − mean) · scale + bias, then the slope.
struct Affine {
    mean: Periodic,
    scale: Periodic,
    bias: Periodic,
    /// Ones without a PReLU.
    slope: Periodic,
}

impl Affine {
    fn new(norm: &Norm<'_>) -> Self {
        let scale: Vec<f32> = norm.weight.iter().zip(norm.inverse()).map(|(w, i)| w * i).collect();
        let ones = vec![1.0; norm.weight.len()];
        Self {
            mean: Periodic::new(&norm.statistics.mean),
            scale: Periodic::new(&scale),
            bias: Periodic::new(norm.bias),
            slope: Periodic::new(norm.slope.unwrap_or(&ones)),
        }
    }
}

fn pixels(x: &[f32], channels: usize) -> usize {
    assert!(channels > 0, "a normalization needs at least one channel");
    assert_eq!(x.len() % channels, 0, "{} values are no pixels of {channels}", x.len());
    x.len() / channels
}

fn part<'a>(x: &'a [f32], pixels: &Range<usize>, channels: usize) -> &'a [f32] {
    &x[pixels.start * channels..pixels.end * channels]
}

struct Moments<'a> {
    x: &'a [f32],
    shifts: &'a Periodic,
}

impl Kernel for Moments<'_> {
    type Output = (Vec<f64>, Vec<f64>);

    #[inline(always)]
    fn run<S: Simd>(self, _: S) -> Self::Output {
        let (mut sums, mut squares) = (self.shifts.sums(), self.shifts.sums());
        for x in self.x.chunks(self.shifts.period()) {
            let (sum, square) = (sums.next(), squares.next());
            let values = x.iter().zip(self.shifts.values()).zip(sum).zip(square);
            for (((&x, &shift), sum), square) in values {
                let d = x - shift;
                *sum += d;
                *square += d * d;
            }
        }
        (sums.finish(), squares.finish())
    }
}

struct Forward<'a> {
    x: &'a [f32],
    affine: &'a Affine,
    y: &'a mut [MaybeUninit<f32>],
}

impl Kernel for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let Affine { mean, scale, bias, slope } = self.affine;
        let period = mean.period();
        for (y, x) in self.y.chunks_mut(period).zip(self.x.chunks(period)) {
            let parameters = mean.values().iter().zip(scale.values());
            let parameters = parameters.zip(bias.values()).zip(slope.values());
            for ((y, &x), (((&mean, &scale), &bias), &slope)) in y.iter_mut().zip(x).zip(parameters) {
                let z = (x - mean) * scale + bias;
                y.write(if z > 0.0 { z } else { slope * z });
            }
        }
    }
}

struct Reduce<'a> {
    x: &'a [f32],
    dy: &'a [f32],
    affine: &'a Affine,
}

impl Kernel for Reduce<'_> {
    /// Σ dz, Σ dz · (x − μ) and Σ dy · min(z, 0), by channel.
    type Output = [Vec<f64>; 3];

    #[inline(always)]
    fn run<S: Simd>(self, _: S) -> Self::Output {
        let Affine { mean, scale, bias, slope } = self.affine;
        let (mut grads, mut products, mut slopes) = (mean.sums(), mean.sums(), mean.sums());
        let period = mean.period();
        for (x, dy) in self.x.chunks(period).zip(self.dy.chunks(period)) {
            let len = x.len();
            // One length for all, or the loop keeps its bounds checks and stays scalar.
            let dy = &dy[..len];
            let (grads, products, slopes) = (grads.next(), products.next(), slopes.next());
            let (mean, scale) = (&mean.values()[..len], &scale.values()[..len]);
            let (bias, slope) = (&bias.values()[..len], &slope.values()[..len]);
            let (grads, products) = (&mut grads[..len], &mut products[..len]);
            let slopes = &mut slopes[..len];
            for i in 0..len {
                let centered = x[i] - mean[i];
                let z = centered * scale[i] + bias[i];
                let positive = z > 0.0;
                let dz = if positive { dy[i] } else { slope[i] * dy[i] };
                grads[i] += dz;
                products[i] += dz * centered;
                slopes[i] += if positive { 0.0 } else { z * dy[i] };
            }
        }
        [grads.finish(), products.finish(), slopes.finish()]
    }
}

struct Backward<'a> {
    x: &'a [f32],
    affine: &'a Affine,
    offset: &'a Periodic,
    slant: &'a Periodic,
    grad: &'a mut [f32],
}

impl Kernel for Backward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let Affine { mean, scale, bias, slope } = self.affine;
        let period = mean.period();
        for (x, grad) in self.x.chunks(period).zip(self.grad.chunks_mut(period)) {
            let len = x.len();
            let grad = &mut grad[..len];
            let (mean, scale) = (&mean.values()[..len], &scale.values()[..len]);
            let (bias, slope) = (&bias.values()[..len], &slope.values()[..len]);
            let (offset, slant) = (&self.offset.values()[..len], &self.slant.values()[..len]);
            for i in 0..len {
                let centered = x[i] - mean[i];
                let z = centered * scale[i] + bias[i];
                let dz = if z > 0.0 { grad[i] } else { slope[i] * grad[i] };
                grad[i] = dz * scale[i] + (centered * slant[i] + offset[i]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Case {
        channels: usize,
        x: Vec<f32>,
        dy: Vec<f32>,
        weight: Vec<f32>,
        bias: Vec<f32>,
        slope: Vec<f32>,
    }

    fn cases() -> Vec<Case> {
        let mut cases = Vec::new();
        for channels in [1, 3, 16, 17, 300] {
            for pixels in [1, 2, 13, 500] {
                let len = channels * pixels;
                let value = |i: usize, a: usize, m: usize| ((i * a) % m) as f32 / (m as f32 / 2.0) - 1.0;
                cases.push(Case {
                    channels,
                    x: (0..len).map(|i| 3.0 + value(i * i + i, 37, 1009)).collect(),
                    dy: (0..len).map(|i| value(i, 53, 997)).collect(),
                    weight: (0..channels).map(|c| 1.5 - c as f32 * 0.01).collect(),
                    bias: (0..channels).map(|c| value(c, 31, 67)).collect(),
                    slope: (0..channels).map(|c| 0.3 - c as f32 * 0.005).collect(),
                });
            }
        }
        cases
    }

    const EPSILON: f32 = 1e-5;

    /// All results in f64: mean, variance, y, dx, dγ, dβ, da.
    fn oracle(case: &Case, slope: Option<&[f32]>) -> [Vec<f64>; 7] {
        let (c, n) = (case.channels, case.x.len() / case.channels);
        let mut out: [Vec<f64>; 7] = std::array::from_fn(|_| vec![0.0; c]);
        out[2] = vec![0.0; case.x.len()];
        out[3] = vec![0.0; case.x.len()];
        for ch in 0..c {
            let at: Vec<usize> = (0..n).map(|p| p * c + ch).collect();
            let x = |i: usize| f64::from(case.x[i]);
            let mean = at.iter().map(|&i| x(i)).sum::<f64>() / n as f64;
            let variance = at.iter().map(|&i| (x(i) - mean).powi(2)).sum::<f64>() / n as f64;
            let inverse = (variance + f64::from(EPSILON)).sqrt().recip();
            let gamma = f64::from(case.weight[ch]);
            let a = slope.map_or(1.0, |slope| f64::from(slope[ch]));
            let mut dz = Vec::new();
            for &i in &at {
                let z = gamma * (x(i) - mean) * inverse + f64::from(case.bias[ch]);
                let dy = f64::from(case.dy[i]);
                out[2][i] = if z > 0.0 { z } else { a * z };
                dz.push(if z > 0.0 { dy } else { a * dy });
                out[6][ch] += if z > 0.0 { 0.0 } else { z * dy };
            }
            let beta: f64 = dz.iter().sum();
            let hat = |i: usize| (x(i) - mean) * inverse;
            let weight: f64 = dz.iter().zip(&at).map(|(dz, &i)| dz * hat(i)).sum();
            for (dz, &i) in dz.iter().zip(&at) {
                out[3][i] = gamma * inverse * (dz - beta / n as f64 - hat(i) * weight / n as f64);
            }
            (out[0][ch], out[1][ch]) = (mean, variance);
            (out[4][ch], out[5][ch]) = (weight, beta);
        }
        out
    }

    fn close(what: &str, actual: &[f32], expected: &[f64], tolerance: f64) {
        assert_eq!(actual.len(), expected.len(), "{what}");
        for (a, e) in actual.iter().zip(expected) {
            let error = (f64::from(*a) - e).abs();
            assert!(error <= tolerance * (1.0 + e.abs()), "{what}: {a} is not {e}");
        }
    }

    #[test]
    fn a_mean_far_from_zero_costs_no_digits() {
        let x: Vec<f32> = (0..2000).map(|i| 1000.0 + (i % 2) as f32).collect();
        for isa in Isa::available() {
            let found = statistics(isa, &x, 1);
            assert_eq!((found.mean[0], found.variance[0]), (1000.5, 0.25));
        }
    }

    /// Tolerance: rounding x − μ costs 2e-7, which 1/√(σ² + ε), up to 316 where a channel has few
    /// or equal pixels, brings to 6e-5; dx is that large itself, so its error is held against
    /// 1/√(σ² + ε) squared.
    #[test]
    fn everything_matches_the_oracle_under_each_instruction_set() {
        for case in cases() {
            for slope in [None, Some(case.slope.as_slice())] {
                let [mean, variance, y, dx, weight, bias, slopes] = oracle(&case, slope);
                for isa in Isa::available() {
                    let statistics = statistics(isa, &case.x, case.channels);
                    close("mean", &statistics.mean, &mean, 1e-7);
                    close("variance", &statistics.variance, &variance, 1e-6);
                    let norm = Norm {
                        statistics: &statistics,
                        weight: &case.weight,
                        bias: &case.bias,
                        epsilon: EPSILON,
                        slope,
                    };
                    close("output", &forward(isa, &case.x, &norm), &y, 1e-4);
                    let mut input = case.dy.clone();
                    let grad = backward(isa, &case.x, &norm, &mut input);
                    let steep = 1.0 + 1.0 / (variance.iter().fold(1.0, |a: f64, &b| a.min(b)) + 1e-5);
                    close("dx", &input, &dx, 2e-6 * steep);
                    close("dγ", &grad.weight, &weight, 2e-4);
                    close("dβ", &grad.bias, &bias, 1e-5);
                    match slope {
                        Some(_) => close("slope", &grad.slope, &slopes, 2e-4),
                        None => assert!(grad.slope.is_empty()),
                    }
                }
            }
        }
    }
}
