//! Which class an embedding belongs to: the largest logit without a margin.

use super::norms::{InverseNorms, Rescaled, sort_out};
use crate::gemm::{Op, sgemm};
use crate::isa::Isa;

/// The best class of a row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Best {
    /// Its index; 0 where the logit is NaN.
    pub class: u32,
    /// Its logit: cos θ if `angular`, else w·x + b. For angular logits this is
    /// multiplied by ‖x‖, which does not change the order within a row. NaN where the embedding
    /// is not finite, so that no class is the best; −∞ where every class's logit is NaN.
    pub logit: f32,
}

/// The class with the largest plain logit for each embedding, the lowest index among equals.
///
/// `embeddings` \[B, D\], `weights` \[C·K, D\] with K = `centers` ≥ 1 prototypes per class, of which
/// the largest counts, `bias` \[C\] or empty. With `angular` the prototypes count as
/// normalized, and every finite norm of both is right; without, w·x + b must be within f32's range. NaN logits never
/// win. The bits do not depend on threads.
///
/// ```
/// use arcsphere_kernels::head::predict;
///
/// let prototypes = [1.0, 0.0, 0.0, 2.0];
/// let best = predict(&[0.6, 0.8, 1.0, 0.0, f32::NAN, 0.0], &prototypes, &[], 2, true, 1);
/// assert_eq!([best[0].class, best[1].class], [1, 0]);
/// assert!(best[2].logit.is_nan());
/// ```
pub fn predict(
    embeddings: &[f32],
    weights: &[f32],
    bias: &[f32],
    dim: usize,
    angular: bool,
    centers: usize,
) -> Vec<Best> {
    const CHUNK: usize = 1024;
    let rows = embeddings.len() / dim;
    let mut best = vec![Best { class: 0, logit: f32::NEG_INFINITY }; rows];
    let (not_finite, mut small_or_large) = sort_out(embeddings, dim);
    if !angular {
        small_or_large.clear();
    }
    let (mut z, mut near, mut copy, mut rescaled) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let embeddings = Rescaled::apply(&small_or_large, embeddings, dim, 0, &mut near);
    for (block, w) in weights.chunks(CHUNK * dim).enumerate() {
        let n = w.len() / dim;
        let mut factor = vec![1.0; n];
        rescaled.clear();
        if angular {
            Isa::best().run(InverseNorms { weights: w, dim, out: &mut factor });
            Rescaled::find(w, dim, 0, &mut factor, &mut rescaled);
        }
        let w = Rescaled::apply(&rescaled, w, dim, 0, &mut copy);
        z.resize(rows * n, 0.0);
        sgemm(rows, n, dim, embeddings, Op::Plain, w, Op::Transposed, 0.0, &mut z);
        for (best, z) in best.iter_mut().zip(z.chunks_exact(n)) {
            for (j, (&z, &factor)) in z.iter().zip(&factor).enumerate() {
                let class = (block * CHUNK + j) / centers;
                let logit = z * factor + bias.get(class).copied().unwrap_or(0.0);
                if logit > best.logit {
                    *best = Best { class: class as u32, logit };
                }
            }
        }
    }
    for one in small_or_large {
        let logit = &mut best[one.index].logit;
        *logit = (f64::from(*logit) / one.factor) as f32;
    }
    for row in not_finite {
        best[row] = Best { class: 0, logit: f32::NAN };
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn length_of_a_prototype_counts_only_for_linear_logits() {
        let weights = [10.0, 0.0, 0.0, 1.0];
        let x = [0.6, 0.8];
        assert_eq!(predict(&x, &weights, &[], 2, false, 1)[0].class, 0);
        assert_eq!(predict(&x, &weights, &[], 2, true, 1)[0].class, 1);
        assert_eq!(predict(&x, &weights, &[0.0, 9.0], 2, false, 1)[0].class, 1);
    }

    #[test]
    fn a_class_is_as_near_as_its_nearest_prototype() {
        let weights = [0.0, 1.0, 1.0, 0.0, 0.6, 0.8, -1.0, 0.0];
        let best = |x: [f32; 2], bias| predict(&x, &weights, bias, 2, true, 2)[0];
        assert_eq!(best([1.0, 0.1], &[]), Best { class: 0, logit: 1.0 });
        assert_eq!(best([0.6, 0.7], &[]).class, 1);
        assert_eq!(best([1.0, 0.1], &[0.0, 5.0]).class, 1);
    }

    #[test]
    fn nan_never_wins() {
        assert_eq!(predict(&[1.0, 0.0], &[f32::NAN, 0.0, -1.0, 0.0], &[], 2, false, 1)[0].class, 1);
    }
}
