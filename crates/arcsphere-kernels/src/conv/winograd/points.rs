//! The transforms between pixels and the 36 points, on vectors of channels.
//!
//! Bᵀ is 6×6; A is 6×M with rows (1, a, …, a^(M−1)) for a = 0, 1, −1, 2, −2 and (0, …, 1) for ∞;
//! G is 6×kernel with the same rows of kernel numbers, over N(a) = 4, −6, −6, 24, 24, 1.

// Loops over constant ranges unroll, and the arrays become registers.
#![allow(clippy::needless_range_loop)]

use crate::isa::Simd;

/// Points along an axis; inputs of a tile.
pub(super) const POINTS: usize = 6;

/// Bᵀ d.
#[inline(always)]
pub(super) fn from_input<S: Simd>(simd: S, d: [S::V; POINTS]) -> [S::V; POINTS] {
    let [minus, two, four, minus_four, minus_five] =
        [simd.splat(-1.0), simd.splat(2.0), simd.splat(4.0), simd.splat(-4.0), simd.splat(-5.0)];
    let even = simd.mul_add(minus_four, d[2], d[4]);
    let odd = simd.mul_add(minus_four, d[1], d[3]);
    let far_even = simd.mul_add(minus, d[2], d[4]);
    let far_odd = simd.mul_add(minus, d[1], d[3]);
    [
        simd.mul_add(four, d[0], simd.mul_add(minus_five, d[2], d[4])),
        simd.add(even, odd),
        simd.mul_add(minus, odd, even),
        simd.mul_add(two, far_odd, far_even),
        simd.mul_add(simd.splat(-2.0), far_odd, far_even),
        simd.mul_add(four, d[1], simd.mul_add(minus_five, d[3], d[5])),
    ]
}

/// Aᵀ p.
#[inline(always)]
pub(super) fn to_output<S: Simd, const M: usize>(simd: S, p: [S::V; POINTS]) -> [S::V; M] {
    let minus = simd.splat(-1.0);
    let (near_sum, near_difference) = (simd.add(p[1], p[2]), simd.mul_add(minus, p[2], p[1]));
    let (far_sum, far_difference) = (simd.add(p[3], p[4]), simd.mul_add(minus, p[4], p[3]));
    let mut y = [simd.zero(); M];
    y[0] = simd.add(p[0], simd.add(near_sum, far_sum));
    for k in 1..M {
        let far = simd.splat((1 << k) as f32);
        y[k] = if k % 2 == 1 {
            simd.mul_add(far, far_difference, near_difference)
        } else {
            simd.mul_add(far, far_sum, near_sum)
        };
    }
    y[M - 1] = simd.add(y[M - 1], p[5]);
    y
}

/// A y.
#[inline(always)]
pub(super) fn from_output<S: Simd, const M: usize>(simd: S, y: [S::V; M]) -> [S::V; POINTS] {
    let minus = simd.splat(-1.0);
    let (mut even, mut odd) = (y[0], y[1]);
    let (mut far_even, mut far_odd) = (y[0], simd.add(y[1], y[1]));
    for k in 2..M {
        let far = simd.splat((1 << k) as f32);
        if k % 2 == 0 {
            even = simd.add(even, y[k]);
            far_even = simd.mul_add(far, y[k], far_even);
        } else {
            odd = simd.add(odd, y[k]);
            far_odd = simd.mul_add(far, y[k], far_odd);
        }
    }
    [
        y[0],
        simd.add(even, odd),
        simd.mul_add(minus, odd, even),
        simd.add(far_even, far_odd),
        simd.mul_add(minus, far_odd, far_even),
        y[M - 1],
    ]
}

/// G for a kernel of `R`.
pub(super) const fn kernel_points<const R: usize>() -> [[f32; R]; POINTS] {
    let points = [0.0, 1.0, -1.0, 2.0, -2.0];
    let scales = [1.0 / 4.0, -1.0 / 6.0, -1.0 / 6.0, 1.0 / 24.0, 1.0 / 24.0];
    let mut g = [[0.0; R]; POINTS];
    let mut p = 0;
    while p < 5 {
        let (mut k, mut power) = (0, scales[p]);
        while k < R {
            g[p][k] = power;
            power *= points[p];
            k += 1;
        }
        p += 1;
    }
    g[5][R - 1] = 1.0;
    g
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::isa::{Isa, Kernel};

    /// One axis: Aᵀ [(G w) ⊙ (Bᵀ d)] is the correlation of d with w, and the bilinear form's other
    /// two faces follow from it.
    struct Axis<const M: usize, const R: usize>;

    impl<const M: usize, const R: usize> Kernel for Axis<M, R> {
        type Output = ();

        #[inline(always)]
        fn run<S: Simd>(self, simd: S) {
            let d: [f32; POINTS] = [0.3, -1.2, 0.7, 2.1, -0.4, 1.5];
            let w: [f32; R] = std::array::from_fn(|k| 0.5 - 0.3 * k as f32);
            let g = kernel_points::<R>().map(|row| row.iter().zip(&w).map(|(g, w)| g * w).sum::<f32>());
            let first = |v: S::V| {
                let mut out = [0.0; 16];
                simd.store(&mut out, v);
                out[0]
            };
            let points = from_input(simd, d.map(|v| simd.splat(v)));
            let products = std::array::from_fn(|p| simd.splat(g[p] * first(points[p])));
            let y = to_output::<S, M>(simd, products);
            for (i, y) in y.into_iter().enumerate() {
                let want: f32 = (0..R).map(|k| w[k] * d[i + k]).sum();
                assert!((first(y) - want).abs() < 1e-5, "{} is not {want}", first(y));
            }
            // dw[k] = Σ_i dy[i]·d[i + k] = Gᵀ [(Bᵀ d) ⊙ (A dy)].
            let dy: [f32; M] = std::array::from_fn(|i| 0.8 - 0.5 * i as f32);
            let pulled = from_output::<S, M>(simd, dy.map(|v| simd.splat(v)));
            for k in 0..R {
                let got: f32 =
                    (0..POINTS).map(|p| kernel_points::<R>()[p][k] * first(points[p]) * first(pulled[p])).sum();
                let want: f32 = (0..M).map(|i| dy[i] * d[i + k]).sum();
                assert!((got - want).abs() < 1e-5, "{got} is not {want}");
            }
        }
    }

    #[test]
    fn an_axis_is_the_correlation_it_stands_for() {
        for isa in Isa::available() {
            isa.run(Axis::<4, 3>);
            isa.run(Axis::<2, 5>);
        }
    }
}
