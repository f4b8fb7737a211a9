//! Norms: of which prototypes and embeddings they are no obstacle, and what becomes of the others.
//!
//! A product of f32 numbers between 1e-15 and 1e15 in size neither overflows nor vanishes. Vectors
//! of another norm enter the products as copies, brought near norm 1 by a power of two, which
//! changes no direction.

use std::ops::Range;

use crate::isa::{Isa, Kernel, Simd};
use crate::vecmath::sum_squares;

/// Norms below this count as this when a gradient is divided by the norm.
///
/// The value of a loss knows no floor: x/‖x‖ is what it is at every norm above 0, and 0 at 0. But the gradient of
/// x/‖x‖ grows as 1/‖x‖. With the floor its direction is kept below 1e-6 and its length is the
/// true one times ‖x‖/`NORM_FLOOR`, so that a gradient for an embedding never exceeds
/// (scale · |ψ′|) / `NORM_FLOOR`; at the origin itself it is 0 for a free norm. The same holds for prototypes.
pub const NORM_FLOOR: f64 = 1e-6;

/// Sizes between which f32 products are safe.
const ORDINARY: Range<f32> = 1e-15..1e15;

/// The first row of \[rows, `dim`\] in which a number is NaN or infinite.
///
/// `None` where all are finite, or there are none. Reads the numbers once, at the speed of memory: a check
/// before [`step_in`](super::step_in), whose prototypes one such row would spoil.
///
/// ```
/// use arcsphere_kernels::head::first_not_finite_row;
///
/// assert_eq!(first_not_finite_row(&[1.0, 2.0, f32::MAX, -0.0], 2), None);
/// assert_eq!(first_not_finite_row(&[1.0, 2.0, 0.0, f32::NAN, f32::INFINITY, 0.0], 2), Some(1));
/// ```
pub fn first_not_finite_row(rows: &[f32], dim: usize) -> Option<usize> {
    Isa::best().run(FirstNotFinite { rows, dim: dim.max(1) })
}

struct FirstNotFinite<'a> {
    rows: &'a [f32],
    dim: usize,
}

impl Kernel for FirstNotFinite<'_> {
    type Output = Option<usize>;

    #[inline(always)]
    fn run<S: Simd>(self, _: S) -> Option<usize> {
        for (i, row) in self.rows.chunks(self.dim).enumerate() {
            if !largest(row).is_finite() {
                return Some(i);
            }
        }
        None
    }
}

/// The largest size of a number, by its bits: NaN is above ∞.
#[inline(always)]
fn largest(row: &[f32]) -> f32 {
    let mut bits = 0;
    for x in row {
        bits = (x.to_bits() & (u32::MAX >> 1)).max(bits);
    }
    f32::from_bits(bits)
}

/// 1/max(‖w‖, floor) of each prototype.
pub(super) struct InverseNorms<'a> {
    pub(super) weights: &'a [f32],
    pub(super) dim: usize,
    pub(super) out: &'a mut [f32],
}

impl Kernel for InverseNorms<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        for (out, w) in self.out.iter_mut().zip(self.weights.chunks_exact(self.dim)) {
            *out = (1.0 / sum_squares(simd, w).sqrt().max(NORM_FLOOR)) as f32;
        }
    }
}

/// A prototype, or an embedding, that enters the products by a power of two nearer to norm 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Rescaled {
    /// Its place.
    pub(super) index: usize,
    /// ‖w‖.
    pub(super) norm: f64,
    /// The power of two.
    pub(super) factor: f64,
}

impl Rescaled {
    /// A vector of this norm, if it is one for a copy. 0 has no direction, and what is not finite no norm.
    fn of(index: usize, v: &[f32]) -> Option<Self> {
        let norm = v.iter().map(|&v| f64::from(v) * f64::from(v)).sum::<f64>().sqrt();
        let ordinary = NORM_FLOOR..f64::from(ORDINARY.end);
        let unfit = norm > 0.0 && norm.is_finite() && !ordinary.contains(&norm);
        unfit.then(|| Rescaled { index, norm, factor: (-norm.log2().floor()).exp2() })
    }

    /// Those among `index` and on, and their `inverse`, which [`InverseNorms`] wrote for the originals.
    pub(super) fn find(weights: &[f32], dim: usize, index: usize, inverse: &mut [f32], found: &mut Vec<Self>) {
        let ordinary = ORDINARY.end.recip()..(1.0 / NORM_FLOOR) as f32;
        for ((j, w), inverse) in (index..).zip(weights.chunks_exact(dim)).zip(inverse) {
            if ordinary.contains(inverse) {
                continue;
            }
            if let Some(one) = Rescaled::of(j, w) {
                *inverse = (1.0 / (one.norm * one.factor)) as f32;
                found.push(one);
            }
        }
    }

    /// Those of `all`, which are sorted, that lie in a range.
    pub(super) fn among<'a>(all: &'a [Self], range: &Range<usize>) -> &'a [Self] {
        let below = |end: usize| all.partition_point(|one| one.index < end);
        &all[below(range.start)..below(range.end)]
    }

    /// `vectors`, the first of them at `first`, or a copy in which these are rescaled.
    pub(super) fn apply<'a>(
        these: &[Self],
        vectors: &'a [f32],
        dim: usize,
        first: usize,
        copy: &'a mut Vec<f32>,
    ) -> &'a [f32] {
        if these.is_empty() {
            return vectors;
        }
        copy.clear();
        copy.extend_from_slice(vectors);
        for one in these {
            let v = &mut copy[(one.index - first) * dim..][..dim];
            v.iter_mut().for_each(|v| *v = (f64::from(*v) * one.factor) as f32);
        }
        copy
    }

    /// Makes of `gradient`, that for the copy, and a further one for `w` itself the gradient for `w`: tangent, and
    /// divided by max(‖w‖, floor).
    #[cold]
    pub(super) fn gradient(&self, gradient: &mut [f32], further: &[f32], w: &[f32]) {
        let stretch = self.factor * self.norm / self.norm.max(NORM_FLOOR);
        let sum = |j: usize, g: f32| f64::from(g) * stretch + further.get(j).copied().map_or(0.0, f64::from);
        let unit = |j: usize| f64::from(w[j]) / self.norm;
        let along: f64 = gradient.iter().enumerate().map(|(j, &g)| sum(j, g) * unit(j)).sum();
        for (j, g) in gradient.iter_mut().enumerate() {
            *g = (sum(j, *g) - along * unit(j)) as f32;
        }
    }
}

/// Which embeddings are not finite, and which enter the products of normalized prototypes as copies.
pub(super) fn sort_out(embeddings: &[f32], dim: usize) -> (Vec<usize>, Vec<Rescaled>) {
    let (mut not_finite, mut rescaled) = (Vec::new(), Vec::new());
    for (i, x) in embeddings.chunks_exact(dim).enumerate() {
        let size = largest(x);
        if !size.is_finite() {
            not_finite.push(i);
        } else if !ORDINARY.contains(&size) {
            rescaled.extend(Rescaled::of(i, x));
        }
    }
    (not_finite, rescaled)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_row_that_is_not_finite_is_found_whatever_the_shape() {
        for dim in [1, 2, 7, 16, 33, 512] {
            let mut rows = vec![f32::MAX; 5 * dim];
            rows[0] = -f32::MAX;
            for isa in Isa::available() {
                assert_eq!(isa.run(FirstNotFinite { rows: &rows, dim }), None);
                for bad in [f32::NAN, -f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
                    for at in [0, dim - 1, 3 * dim, 5 * dim - 1] {
                        let mut rows = rows.clone();
                        rows[at] = bad;
                        rows[5 * dim - 1] = if at < 2 * dim { f32::NAN } else { rows[5 * dim - 1] };
                        assert_eq!(isa.run(FirstNotFinite { rows: &rows, dim }), Some(at / dim), "{bad} at {at}");
                    }
                }
            }
        }
        assert_eq!(first_not_finite_row(&[], 3), None);
        assert_eq!(first_not_finite_row(&[f32::NAN], 0), Some(0));
    }

    /// Norms from the smallest number that an f32 has to the largest; 0 and ordinary ones stay.
    #[test]
    fn a_copy_has_the_direction_and_a_norm_near_one() {
        for size in [1e-45_f32, 1e-38, 1e-20, 9e-7, 2e15, 1e30, 2e38, f32::MAX] {
            let mut weights = vec![0.0, 0.0, 3.0, 4.0, 0.6 * size, -0.8 * size];
            if size == 1e-45 {
                weights[4] = 0.0;
                weights[5] = -size;
            }
            let (mut inverse, mut found, mut copy) = (vec![0.0; 3], Vec::new(), Vec::new());
            Isa::best().run(InverseNorms { weights: &weights, dim: 2, out: &mut inverse });
            Rescaled::find(&weights, 2, 10, &mut inverse, &mut found);
            assert_eq!(found.iter().map(|one| one.index).collect::<Vec<_>>(), [12], "{size}");
            let near = Rescaled::apply(&found, &weights, 2, 10, &mut copy);
            assert_eq!(near[..4], weights[..4]);
            let norm = f64::from(near[4]).hypot(f64::from(near[5]));
            assert!(
                (0.99..2.01).contains(&norm) && (norm * f64::from(inverse[2]) - 1.0).abs() < 1e-6,
                "{size}: {norm}"
            );
            let want = if size == 1e-45 { [0.0, -1.0] } else { [0.6, -0.8] };
            assert!((f64::from(near[4]) / norm - want[0]).abs() < 1e-6, "{size}");
            assert!((f64::from(near[5]) / norm - want[1]).abs() < 1e-6, "{size}");
        }
    }
}
