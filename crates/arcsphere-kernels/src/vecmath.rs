//! Elementary functions and sums written so that the compiler makes vectors of them.
//!
//! All are `#[inline(always)]`: inside a kernel they are compiled with its instruction set.

// Loops over constant ranges become registers.
#![allow(clippy::needless_range_loop)]

use crate::isa::Simd;

// ln 2 in two parts: the first is exact in few bits, so n·LN2_HIGH has no rounding.
const LN2_HIGH: f32 = 0.693_359_4;
const LN2_LOW: f32 = -2.121_944_4e-4;

/// The natural exponential in f32, for arguments that are not NaN.
///
/// Cephes' range reduction and degree-6 polynomial: relative error ≤ 2e-7 on
/// [−87, 88]. Below −87.3 the result is 0 (no subnormals), above 88 it is finite
/// and saturated at e^88. Written without branches, so that loops over it vectorize.
#[inline(always)]
pub(crate) fn exp(x: f32) -> f32 {
    const LOG2_E: f32 = std::f32::consts::LOG2_E;
    // Adding and subtracting 1.5·2²³ rounds to the nearest integer.
    const ROUND: f32 = 12_582_912.0;
    let clamped = x.clamp(-87.3, 88.0);
    let shifted = clamped * LOG2_E + ROUND;
    let n = shifted - ROUND;
    let r = (clamped - n * LN2_HIGH) - n * LN2_LOW;
    let mut p = 1.987_569_1e-4_f32;
    p = p * r + 1.398_2e-3;
    p = p * r + 8.333_452e-3;
    p = p * r + 4.166_579_6e-2;
    p = p * r + 1.666_666_5e-1;
    p = p * r + 0.5;
    let y = p * r * r + r + 1.0;
    // The low bits of `shifted` hold n; moved into the exponent, the rest of them falls out.
    let two_to_n = f32::from_bits((shifted.to_bits() << 23).wrapping_add(127 << 23));
    if x < -87.3 { 0.0 } else { y * two_to_n }
}

/// The natural logarithm in f32, for finite x ≥ 1.2e-38.
///
/// x = m·2ⁿ with m in [√½, √2), and log m = 2·artanh((m − 1)/(m + 1)): relative error ≤ 3e-7.
#[inline(always)]
pub(crate) fn ln(x: f32) -> f32 {
    const SQRT_HALF: u32 = std::f32::consts::FRAC_1_SQRT_2.to_bits();
    let above = x.to_bits().wrapping_sub(SQRT_HALF);
    let n = (above.cast_signed() >> 23) as f32;
    let m = f32::from_bits((above & 0x007f_ffff) + SQRT_HALF);
    n * LN2_HIGH + (2.0 * artanh((m - 1.0) / (m + 1.0)) + n * LN2_LOW)
}

/// log(1 + x) in f32 for x in [0, 1]: relative error ≤ 3e-7.
///
/// 2·artanh(x/(2 + x)), which loses no digits near 0.
#[inline(always)]
pub(crate) fn log1p(x: f32) -> f32 {
    2.0 * artanh(x / (2.0 + x))
}

/// x^p in f32 for finite x ≥ 1.2e-38 and x^p ≤ e^88, 0 below e^−87.3.
///
/// e^(p·log x): relative error ≤ 3e-7·(1 + |p·log x|).
#[inline(always)]
pub(crate) fn pow(x: f32, p: f32) -> f32 {
    exp(p * ln(x))
}

/// artanh s = s + s³/3 + s⁵/5 + … for |s| ≤ 1/3, where the terms left out are below 2e-8·s.
#[inline(always)]
fn artanh(s: f32) -> f32 {
    let q = s * s;
    let mut p = 1.0 / 13.0;
    p = p * q + 1.0 / 11.0;
    p = p * q + 1.0 / 9.0;
    p = p * q + 1.0 / 7.0;
    p = p * q + 1.0 / 5.0;
    p = p * q + 1.0 / 3.0;
    p * q * s + s
}

/// Vectors of independent partial sums, which hide the latency of an addition.
const PARTIAL: usize = 4;

/// Σ a·b in f32 over equally long slices.
#[inline(always)]
pub(crate) fn dot<S: Simd>(simd: S, a: &[f32], b: &[f32]) -> f32 {
    let run = PARTIAL * S::LANES;
    let (mut a, mut b) = (a.chunks_exact(run), b.chunks_exact(run));
    let mut sums = [simd.zero(); PARTIAL];
    // `by_ref`: what fills no run is summed below.
    for (a, b) in a.by_ref().zip(b.by_ref()) {
        for n in 0..PARTIAL {
            let at = n * S::LANES;
            sums[n] = simd.mul_add(simd.load(&a[at..]), simd.load(&b[at..]), sums[n]);
        }
    }
    total(simd, sums) + a.remainder().iter().zip(b.remainder()).map(|(a, b)| a * b).sum::<f32>()
}

/// The sum of all lanes.
#[inline(always)]
fn total<S: Simd>(simd: S, sums: [S::V; PARTIAL]) -> f32 {
    // No vector is longer than sixteen values.
    let mut lanes = [0.0_f32; 16];
    simd.store(&mut lanes, simd.add(simd.add(sums[0], sums[1]), simd.add(sums[2], sums[3])));
    for half in [8, 4, 2, 1] {
        for i in 0..half {
            lanes[i] += lanes[i + half];
        }
    }
    lanes[0]
}

/// Σ a·b in f64 over equally long slices, in sixteen partial sums.
#[inline(always)]
pub(crate) fn dot_f64(a: &[f64], b: &[f64]) -> f64 {
    let mut sums = [0.0_f64; 16];
    let (a, a_rest) = a.as_chunks::<16>();
    let (b, b_rest) = b.as_chunks::<16>();
    for (a, b) in a.iter().zip(b) {
        for n in 0..16 {
            sums[n] += a[n] * b[n];
        }
    }
    // Not into `sums`: an array indexed by a variable does not become registers.
    sums.iter().sum::<f64>() + a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum::<f64>()
}

/// Σ a·a in f64.
///
/// Relative error ≤ 5e-7: few products meet in an f32 before they go to f64. Where an f32
/// overflows, every product is made in f64; where it underflows, the sum is below 1e-30.
#[inline(always)]
pub(crate) fn sum_squares<S: Simd>(simd: S, a: &[f32]) -> f64 {
    let mut sum = 0.0;
    // A loop, not a closure: that would be compiled without the caller's instruction set.
    for run in a.chunks(8 * PARTIAL * S::LANES) {
        sum += f64::from(dot(simd, run, run));
    }
    if sum == f64::INFINITY { a.iter().map(|&a| f64::from(a) * f64::from(a)).sum() } else { sum }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::isa::{Isa, Kernel};

    struct Sums<'a>(&'a [f32], &'a [f32]);

    impl Kernel for Sums<'_> {
        type Output = [f64; 2];

        #[inline(always)]
        fn run<S: Simd>(self, simd: S) -> [f64; 2] {
            [f64::from(dot(simd, self.0, self.1)), sum_squares(simd, self.0)]
        }
    }

    #[test]
    fn sums_keep_their_stated_error() {
        for isa in Isa::available() {
            for len in [0, 1, 15, 64, 65, 513, 1100] {
                let a: Vec<f32> = (0..len).map(|i| ((i * 37 + 11) % 101) as f32 / 50.0 - 1.0).collect();
                let b: Vec<f32> = (0..len).map(|i| ((i * 53 + 29) % 97) as f32 / 48.0 - 1.0).collect();
                let wide = |v: &[f32]| v.iter().map(|&x| f64::from(x)).collect::<Vec<_>>();
                let (a64, b64) = (wide(&a), wide(&b));
                let want: f64 = a64.iter().zip(&b64).map(|(a, b)| a * b).sum();
                let [dot, squares] = isa.run(Sums(&a, &b));
                assert!((dot - want).abs() <= 1e-6 * len as f64);
                assert!((dot_f64(&a64, &b64) - want).abs() <= 1e-13 * len as f64);
                let want: f64 = a64.iter().map(|a| a * a).sum();
                assert!((squares - want).abs() <= 5e-7 * want, "{len}");
            }
            let squares = |a: &[f32]| isa.run(Sums(a, a))[1];
            assert!((squares(&[1e30, 1e25]) / 1e60 - 1.0).abs() < 1e-6);
            assert!(squares(&[1.0, f32::NAN]).is_nan());
            assert_eq!(squares(&[f32::INFINITY, 1.0]), f64::INFINITY);
        }
    }

    #[test]
    fn exp_keeps_its_stated_error() {
        let mut worst = 0.0_f64;
        for i in -870_000..=880_000 {
            let x = i as f32 * 1e-4;
            let want = f64::from(x).exp();
            worst = worst.max((f64::from(exp(x)) - want).abs() / want);
        }
        assert!(worst <= 2e-7, "relative error {worst}");
    }

    #[test]
    fn logarithms_keep_their_stated_error() {
        let error = |got: f32, want: f64| ((f64::from(got) - want) / want).abs();
        let (mut worst_ln, mut worst_log1p, mut worst_pow) = (0.0_f64, 0.0_f64, 0.0_f64);
        for i in 0..=1_000_000 {
            // From 1e-30 to 1e10, and closely around 1.
            for x in [10.0_f32.powf(i as f32 * 4e-5 - 30.0), 0.6 + i as f32 * 1e-6] {
                let wide = f64::from(x).ln();
                worst_ln = worst_ln.max(if x == 1.0 { f64::from(ln(x)) } else { error(ln(x), wide) });
                for p in [0.0, 0.5, 2.0] {
                    let exponent = f64::from(p) * wide;
                    if exponent.abs() < 87.0 {
                        worst_pow = worst_pow.max(error(pow(x, p), exponent.exp()) / (1.0 + exponent.abs()));
                    }
                }
            }
            let x = i as f32 * 1e-6;
            worst_log1p =
                worst_log1p.max(if i == 0 { f64::from(log1p(x)) } else { error(log1p(x), f64::from(x).ln_1p()) });
        }
        assert!(worst_ln <= 3e-7, "ln: relative error {worst_ln}");
        assert!(worst_log1p <= 3e-7, "log1p: relative error {worst_log1p}");
        assert!(worst_pow <= 3e-7, "pow: relative error {worst_pow}");
        assert!((f64::from(log1p(1e-20)) / 1e-20 - 1.0).abs() < 1e-6);
    }

    #[test]
    fn exp_at_its_ends() {
        assert_eq!(exp(0.0), 1.0);
        assert_eq!(exp(f32::NEG_INFINITY), 0.0);
        assert_eq!(exp(-1e30), 0.0);
        assert!(exp(f32::INFINITY).is_finite());
    }
}
