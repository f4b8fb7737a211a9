//! Which class an embedding belongs to: the largest logit without a margin.

use super::norms::InverseNorms;
use crate::gemm::{Op, sgemm};
use crate::isa::Isa;

/// The best class of a row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Best {
    /// Its index.
    pub class: u32,
    /// Its logit: cos θ if `angular`, else w·x + b. For angular logits this is
    /// multiplied by ‖x‖, which does not change the order within a row.
    pub logit: f32,
}

/// The class with the largest plain logit for each embedding, the lowest index among equals.
///
/// `embeddings` \[B, D\], `weights` \[C·K, D\] with K = `centers` ≥ 1 prototypes per class, of which
/// the largest counts, `bias` \[C\] or empty. With `angular` the prototypes count as
/// normalized. NaN logits never win.
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
    let mut z = Vec::new();
    for (block, w) in weights.chunks(CHUNK * dim).enumerate() {
        let n = w.len() / dim;
        let mut factor = vec![1.0; n];
        if angular {
            Isa::best().run(InverseNorms { weights: w, dim, out: &mut factor });
        }
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
