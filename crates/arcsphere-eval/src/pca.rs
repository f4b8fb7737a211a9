//! The first two principal axes, to draw embeddings of more than two dimensions.
//!
//! Covariance Σ = 1/N · Σᵢ (xᵢ − x̄)(xᵢ − x̄)ᵀ in `f64`; its eigenvectors by cyclic
//! Jacobi rotations (Golub and Van Loan, §8.5), which find repeated eigenvalues
//! without a start vector, so that the same input gives the same axes.

use rayon::prelude::*;

use crate::error::{EvalError, Result, rows};

/// Two principal axes of a set of embeddings.
#[derive(Debug, Clone, PartialEq)]
pub struct Pca {
    /// Unit axes, the first with the larger variance. An axis points to where its
    /// entry of largest magnitude is positive.
    pub axes: [Vec<f64>; 2],
    /// Share of the total variance along each axis, in [0, 1]; 0 if there is none.
    pub explained: [f64; 2],
}

impl Pca {
    /// The axes of `embeddings` `[N, dim]`, dim ≥ 2. O(N·dim² + dim³).
    ///
    /// # Errors
    /// [`EvalError::TooFew`] for no embedding, [`EvalError::Range`] for dim < 2,
    /// [`EvalError::NotFinite`], [`EvalError::Length`].
    pub fn fit(embeddings: &[f32], dim: usize) -> Result<Self> {
        let n = rows("the embeddings", embeddings, dim)?;
        if dim < 2 {
            return Err(EvalError::Range {
                what: "the dimension",
                value: dim as f64,
                expected: "at least 2 for two principal axes",
            });
        }
        if n == 0 {
            return Err(EvalError::TooFew { what: "the embeddings", got: 0, needed: 1 });
        }
        let mut mean = vec![0.0; dim];
        for x in embeddings.chunks_exact(dim) {
            for (m, v) in mean.iter_mut().zip(x) {
                *m += f64::from(*v) / n as f64;
            }
        }
        // One row of Σ a task: each entry is summed in sample order by one thread.
        let mut sigma = vec![0.0; dim * dim];
        sigma.par_chunks_exact_mut(dim).enumerate().for_each(|(i, row)| {
            for x in embeddings.chunks_exact(dim) {
                let xi = (f64::from(x[i]) - mean[i]) / n as f64;
                for (j, out) in row.iter_mut().enumerate() {
                    *out += xi * (f64::from(x[j]) - mean[j]);
                }
            }
        });
        let (values, vectors) = jacobi(sigma, dim);

        let total: f64 = values.iter().map(|v| v.max(0.0)).sum();
        let mut order: Vec<usize> = (0..dim).collect();
        order.sort_by(|a, b| values[*b].total_cmp(&values[*a]));
        let axis = |k: usize| -> Vec<f64> {
            let column: Vec<f64> = (0..dim).map(|i| vectors[i * dim + order[k]]).collect();
            let largest = column.iter().fold(0.0f64, |m, v| if v.abs() > m.abs() { *v } else { m });
            let sign = if largest < 0.0 { -1.0 } else { 1.0 };
            column.iter().map(|v| v * sign).collect()
        };
        let share = |k: usize| {
            if total > 0.0 { values[order[k]].max(0.0) / total } else { 0.0 }
        };
        Ok(Self { axes: [axis(0), axis(1)], explained: [share(0), share(1)] })
    }

    /// Coordinates of each row of `vectors` `[N, dim]` along the two axes. The mean
    /// is not taken off: the origin, from which angles are counted, stays (0, 0).
    ///
    /// # Errors
    /// [`EvalError::Length`], [`EvalError::NotFinite`].
    pub fn project(&self, vectors: &[f32]) -> Result<Vec<[f64; 2]>> {
        let dim = self.axes[0].len();
        rows("the vectors to project", vectors, dim)?;
        let along = |x: &[f32], axis: &[f64]| -> f64 { x.iter().zip(axis).map(|(v, a)| f64::from(*v) * a).sum() };
        Ok(vectors.chunks_exact(dim).map(|x| [along(x, &self.axes[0]), along(x, &self.axes[1])]).collect())
    }
}

/// Eigenvalues, and eigenvectors in the columns, of a symmetric matrix `[d, d]`.
fn jacobi(mut a: Vec<f64>, d: usize) -> (Vec<f64>, Vec<f64>) {
    let mut v = vec![0.0; d * d];
    for i in 0..d {
        v[i * d + i] = 1.0;
    }
    let norm: f64 = a.iter().map(|x| x * x).sum();
    // Convergence is quadratic at the end: 6 to 10 sweeps for any size met here.
    for _ in 0..60 {
        let off: f64 = (0..d).flat_map(|i| (0..i).map(move |j| (i, j))).map(|(i, j)| a[i * d + j] * a[i * d + j]).sum();
        if off <= 1e-26 * norm {
            break;
        }
        for p in 0..d {
            for q in p + 1..d {
                let apq = a[p * d + q];
                if apq == 0.0 {
                    continue;
                }
                let tau = (a[q * d + q] - a[p * d + p]) / (2.0 * apq);
                let t = tau.signum() / (tau.abs() + tau.hypot(1.0));
                let c = 1.0 / t.hypot(1.0);
                let s = t * c;
                for k in 0..d {
                    let (x, y) = (a[k * d + p], a[k * d + q]);
                    a[k * d + p] = c * x - s * y;
                    a[k * d + q] = s * x + c * y;
                }
                for k in 0..d {
                    let (x, y) = (a[p * d + k], a[q * d + k]);
                    a[p * d + k] = c * x - s * y;
                    a[q * d + k] = s * x + c * y;
                }
                for k in 0..d {
                    let (x, y) = (v[k * d + p], v[k * d + q]);
                    v[k * d + p] = c * x - s * y;
                    v[k * d + q] = s * x + c * y;
                }
            }
        }
    }
    ((0..d).map(|i| a[i * d + i]).collect(), v)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn finds_the_long_axis() {
        // Points along (3, 4)/5 with a little spread across it.
        let mut x = Vec::new();
        for i in -10..=10 {
            let (t, u) = (i as f32, if i % 2 == 0 { 0.1 } else { -0.1 });
            x.extend([0.6 * t - 0.8 * u + 7.0, 0.8 * t + 0.6 * u]);
        }
        let pca = Pca::fit(&x, 2).unwrap();
        assert!((pca.axes[0][0] - 0.6).abs() < 1e-3 && (pca.axes[0][1] - 0.8).abs() < 1e-3);
        assert!(pca.explained[0] > 0.999);
        assert!((pca.explained[0] + pca.explained[1] - 1.0).abs() < 1e-12);
        let origin = pca.project(&[0.0, 0.0]).unwrap();
        assert_eq!(origin, [[0.0, 0.0]]);
    }

    #[test]
    fn no_variance_and_wrong_input() {
        let pca = Pca::fit(&[1.0, 2.0, 3.0, 1.0, 2.0, 3.0], 3).unwrap();
        assert_eq!(pca.explained, [0.0, 0.0]);
        assert!(Pca::fit(&[1.0, 2.0], 1).unwrap_err().to_string().contains("at least 2"));
        assert!(Pca::fit(&[], 2).is_err());
        assert!(Pca::fit(&[1.0, f32::INFINITY], 2).is_err());
        assert!(pca.project(&[1.0]).is_err());
    }

    proptest! {
        #[test]
        fn eigenpairs_satisfy_their_equation(
            x in prop::collection::vec(-5.0f32..5.0, 7 * 12),
        ) {
            let d = 7;
            let mut sigma = vec![0.0f64; d * d];
            for row in x.chunks_exact(d) {
                for i in 0..d {
                    for j in 0..d {
                        sigma[i * d + j] += f64::from(row[i]) * f64::from(row[j]);
                    }
                }
            }
            let (values, vectors) = jacobi(sigma.clone(), d);
            for k in 0..d {
                for i in 0..d {
                    let av: f64 = (0..d).map(|j| sigma[i * d + j] * vectors[j * d + k]).sum();
                    let lv = values[k] * vectors[i * d + k];
                    prop_assert!((av - lv).abs() < 1e-8, "column {}: {} against {}", k, av, lv);
                }
                let length: f64 = (0..d).map(|i| vectors[i * d + k].powi(2)).sum();
                prop_assert!((length - 1.0).abs() < 1e-10);
            }
        }
    }
}
