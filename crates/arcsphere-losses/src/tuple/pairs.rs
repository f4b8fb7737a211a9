//! Tables over all pairs of rows, and the gradients that go with them.
//!
//! ```text
//! table          t_ij = f(a_i, b_j)
//! combine        g_i = Σ_j k_ij·b_j               of Σ t_ij with t_ij = a_i·b_j
//! pull           g_i = Σ_j k_ij·(x_i − x_j)       of distances within a batch
//! ```
//!
//! O(A·B·D) in f64. A block of rows goes over all the others together, so that these
//! come from memory once a block. Rows are shared out among threads whole, so the bits do
//! not depend on how many threads there are.

use super::rows::Rows;
use rayon::prelude::*;

/// Rows that go over all the others together.
const BLOCK: usize = 8;

/// Multiplications that are worth a task of their own.
const TASK: usize = 1 << 16;

/// Σ_d term(a_d, b_d), in eight sums that the compiler turns into vectors.
#[inline(always)]
fn sum(a: &[f64], b: &[f64], term: impl Fn(f64, f64) -> f64) -> f64 {
    let ((a8, a_rest), (b8, b_rest)) = (a.as_chunks::<8>(), b.as_chunks::<8>());
    let mut lanes = [0.0; 8];
    for (a, b) in a8.iter().zip(b8) {
        for (lane, (&a, &b)) in lanes.iter_mut().zip(a.iter().zip(b)) {
            *lane += term(a, b);
        }
    }
    lanes.iter().sum::<f64>() + a_rest.iter().zip(b_rest).map(|(&a, &b)| term(a, b)).sum::<f64>()
}

/// How many blocks of `columns`·D multiplications a row make a task.
fn blocks_a_task(columns: usize, dim: usize) -> usize {
    1 + TASK / (BLOCK * columns * dim).max(1)
}

/// f of every row of `a` with every row of `b`: \[A, B\].
fn table(a: &Rows, b: &Rows, f: impl Fn(&[f64], &[f64]) -> f64 + Sync) -> Vec<f64> {
    let columns = b.len();
    let mut out = vec![0.0; a.len() * columns];
    if out.is_empty() {
        return out;
    }
    let blocks = out.par_chunks_mut(BLOCK * columns).with_min_len(blocks_a_task(columns, a.dim()));
    blocks.enumerate().for_each(|(block, out)| {
        for j in 0..columns {
            let right = b.row(j);
            for (i, row) in out.chunks_exact_mut(columns).enumerate() {
                row[j] = f(a.row(block * BLOCK + i), right);
            }
        }
    });
    out
}

/// a_i·b_j: \[A, B\].
pub(super) fn inner_products(a: &Rows, b: &Rows) -> Vec<f64> {
    table(a, b, |a, b| sum(a, b, |a, b| a * b))
}

/// ‖x_i − x_j‖²: \[B, B\]. From the differences themselves, so that near pairs are exact.
pub(super) fn squared_distances(x: &Rows) -> Vec<f64> {
    table(x, x, |a, b| sum(a, b, |a, b| (a - b) * (a - b)))
}

/// Adds `add(sum_i, i, k_ij, b_j)` over all j, for each of the rows of k \[A, B\]: \[A, D\].
fn gather(k: &[f64], b: &Rows, add: impl Fn(&mut [f64], usize, f64, &[f64]) + Sync) -> Vec<f64> {
    let (columns, dim) = (b.len(), b.dim());
    let mut out = vec![0.0; k.len().checked_div(columns).unwrap_or(0) * dim];
    let blocks = out.par_chunks_mut(BLOCK * dim).with_min_len(blocks_a_task(columns, dim));
    blocks.enumerate().for_each(|(block, out)| {
        for j in 0..columns {
            let right = b.row(j);
            for (i, sum) in out.chunks_exact_mut(dim).enumerate() {
                let row = block * BLOCK + i;
                let factor = k[row * columns + j];
                // Most pairs of a mined batch take no part.
                if factor != 0.0 {
                    add(sum, row, factor, right);
                }
            }
        }
    });
    out
}

/// Σ_j k_ij·b_j: \[A, D\].
pub(super) fn combine(k: &[f64], b: &Rows) -> Vec<f64> {
    gather(k, b, |sum, _, k, b| sum.iter_mut().zip(b).for_each(|(sum, b)| *sum += k * b))
}

/// Σ_j k_ij·(x_i − x_j): \[B, D\].
pub(super) fn pull(k: &[f64], x: &Rows) -> Vec<f64> {
    gather(k, x, |sum, i, k, other| {
        for (sum, (own, other)) in sum.iter_mut().zip(x.row(i).iter().zip(other)) {
            *sum += k * (own - other);
        }
    })
}

/// k_ij + k_ji in the place of k_ij, for k \[n, n\].
pub(super) fn symmetrize(k: &mut [f64], n: usize) {
    for i in 0..n {
        for j in 0..=i {
            let both = k[i * n + j] + k[j * n + i];
            k[i * n + j] = both;
            k[j * n + i] = both;
        }
    }
}

/// \[B, A\] of k \[A, B\].
pub(super) fn transposed(k: &[f64], columns: usize) -> Vec<f64> {
    let rows = k.len().checked_div(columns).unwrap_or(0);
    (0..columns).flat_map(|j| (0..rows).map(move |i| k[i * columns + j])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    fn draw(rng: &mut ChaCha8Rng, n: usize) -> Vec<f32> {
        (0..n).map(|_| rng.random_range(-1.0f32..1.0)).collect()
    }

    /// Tolerance: 1e-12, against one sum in order.
    #[test]
    fn tables_and_gradients_agree_with_plain_sums() {
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        for (a, b, dim) in [(1, 1, 1), (3, 5, 2), (9, 17, 7), (33, 8, 65), (130, 140, 9)] {
            let (left, right) =
                (Rows::plain(&draw(&mut rng, a * dim), dim), Rows::plain(&draw(&mut rng, b * dim), dim));
            let products = inner_products(&left, &right);
            let distances = squared_distances(&left);
            let both = combine(&products, &right);
            let pulled = pull(&distances, &left);
            for i in 0..a {
                for j in 0..b {
                    let want: f64 = (0..dim).map(|d| left.row(i)[d] * right.row(j)[d]).sum();
                    assert!((products[i * b + j] - want).abs() < 1e-12);
                }
                for j in 0..a {
                    let want: f64 = (0..dim).map(|d| (left.row(i)[d] - left.row(j)[d]).powi(2)).sum();
                    assert!((distances[i * a + j] - want).abs() < 1e-12);
                }
                for d in 0..dim {
                    let want: f64 = (0..b).map(|j| products[i * b + j] * right.row(j)[d]).sum();
                    assert!((both[i * dim + d] - want).abs() < 1e-12 * (1 + b * dim) as f64);
                    let want: f64 = (0..a).map(|j| distances[i * a + j] * (left.row(i)[d] - left.row(j)[d])).sum();
                    assert!((pulled[i * dim + d] - want).abs() < 1e-12 * (1 + a * dim) as f64);
                }
            }
        }
    }

    #[test]
    fn no_rows_no_table() {
        let (none, one) = (Rows::plain(&[], 3), Rows::plain(&[1.0, 2.0, 3.0], 3));
        assert!(inner_products(&none, &one).is_empty() && inner_products(&one, &none).is_empty());
        assert!(combine(&[], &none).is_empty() && pull(&[], &none).is_empty());
        assert!(transposed(&[], 0).is_empty() && transposed(&[], 3).is_empty());
    }

    #[test]
    fn transposing_and_symmetrizing() {
        assert_eq!(transposed(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], 3), [1.0, 4.0, 2.0, 5.0, 3.0, 6.0]);
        let mut k = [1.0, 2.0, 3.0, 4.0];
        symmetrize(&mut k, 2);
        assert_eq!(k, [2.0, 5.0, 5.0, 8.0]);
    }
}
