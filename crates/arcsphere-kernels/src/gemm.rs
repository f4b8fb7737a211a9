//! Row-major f32 matrix products on slices: a safe face of the `gemm` crate.

use gemm::Parallelism;

/// How a matrix stored row-major enters a product.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// As it is stored.
    Plain,
    /// Transposed.
    Transposed,
}

/// `C ← A·B + β·C` with A \[m, k\], B \[k, n\] and C \[m, n\], all row-major and dense.
///
/// `op_a`, `op_b` say whether `a` and `b` hold the operand or its transpose. With
/// `beta` = 0 the old contents of `c` are not read, so they may be anything. Runs
/// on the calling thread: callers parallelize over blocks, in an order that they fix. The bits depend on the
/// CPU's instruction set and on m, n and k, not on threads: blocks of a fixed size repeat bit by bit.
///
/// ```
/// use arcsphere_kernels::gemm::{Op, sgemm};
///
/// // A·Bᵀ: the dots of two rows with three.
/// let (a, b) = ([1.0, 2.0, 3.0, 4.0], [1.0, 0.0, 0.0, 1.0, 1.0, 1.0]);
/// let mut c = [0.0; 6];
/// sgemm(2, 3, 2, &a, Op::Plain, &b, Op::Transposed, 0.0, &mut c);
/// assert_eq!(c, [1.0, 2.0, 3.0, 3.0, 4.0, 7.0]);
/// ```
///
/// # Panics
///
/// If a slice's length is not the product of its matrix's sides.
pub fn sgemm(m: usize, n: usize, k: usize, a: &[f32], op_a: Op, b: &[f32], op_b: Op, beta: f32, c: &mut [f32]) {
    assert_eq!(a.len(), m * k, "A must hold m·k numbers");
    assert_eq!(b.len(), k * n, "B must hold k·n numbers");
    assert_eq!(c.len(), m * n, "C must hold m·n numbers");
    if m == 0 || n == 0 {
        return;
    }
    let (a_row, a_col) = match op_a {
        Op::Plain => (k as isize, 1),
        Op::Transposed => (1, m as isize),
    };
    let (b_row, b_col) = match op_b {
        Op::Plain => (n as isize, 1),
        Op::Transposed => (1, k as isize),
    };
    // SAFETY: the lengths are checked above, the strides describe exactly these dense
    // matrices, and `c` is borrowed mutably, so it overlaps neither `a` nor `b`.
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            c.as_mut_ptr(),
            1,
            n as isize,
            beta != 0.0,
            a.as_ptr(),
            a_col,
            a_row,
            b.as_ptr(),
            b_col,
            b_row,
            beta,
            1.0,
            false,
            false,
            false,
            Parallelism::None,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    fn oracle(
        m: usize,
        n: usize,
        k: usize,
        a: &[f32],
        op_a: Op,
        b: &[f32],
        op_b: Op,
        beta: f32,
        c: &[f32],
    ) -> Vec<f64> {
        let at = |i: usize, l: usize| if op_a == Op::Plain { a[i * k + l] } else { a[l * m + i] };
        let bt = |l: usize, j: usize| if op_b == Op::Plain { b[l * n + j] } else { b[j * k + l] };
        let mut out = vec![0.0; m * n];
        for i in 0..m {
            for j in 0..n {
                let dot: f64 = (0..k).map(|l| f64::from(at(i, l)) * f64::from(bt(l, j))).sum();
                out[i * n + j] = dot + f64::from(beta) * f64::from(c[i * n + j]);
            }
        }
        out
    }

    /// Tolerance: 1e-6·k in absolute terms for entries in [−1, 1].
    #[test]
    fn agrees_with_the_oracle_on_awkward_shapes() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        for &(m, n, k) in &[(1, 1, 1), (1, 7, 3), (13, 17, 31), (33, 5, 64), (128, 10, 2), (2, 129, 65)] {
            for op_a in [Op::Plain, Op::Transposed] {
                for op_b in [Op::Plain, Op::Transposed] {
                    for beta in [0.0, 1.0] {
                        let mut draw =
                            |len: usize| (0..len).map(|_| rng.random_range(-1.0f32..1.0)).collect::<Vec<_>>();
                        let (a, b, mut c) = (draw(m * k), draw(k * n), draw(m * n));
                        let want = oracle(m, n, k, &a, op_a, &b, op_b, beta, &c);
                        if beta == 0.0 {
                            c.fill(f32::NAN);
                        }
                        sgemm(m, n, k, &a, op_a, &b, op_b, beta, &mut c);
                        for (got, want) in c.iter().zip(&want) {
                            assert!((f64::from(*got) - want).abs() <= 1e-6 * k as f64, "{m}x{n}x{k}: {got} for {want}");
                        }
                    }
                }
            }
        }
    }
}
