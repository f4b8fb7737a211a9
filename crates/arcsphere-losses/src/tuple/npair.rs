//! N-pair loss: a pair of one class against all other classes of the batch at once.
//!
//! ```text
//! L = mean over (a, p) of log(1 + Σ_{n: y_n ≠ y_a} exp(x_a·x_n − x_a·x_p))  +  λ·mean_i ‖x_i‖²
//! ```
//!
//! Sohn, Improved Deep Metric Learning with Multi-class N-pair Loss Objective, NeurIPS
//! 2016, eq. 6 and §3.2.2. The mean is over all ordered pairs of one class, each against
//! all samples of other classes: in a batch of N classes with two samples each, every
//! negative class of the paper's eq. 7 counts with both its samples. Embeddings are not
//! normalized; their norms are held by λ instead. The paper gives no number for it: 0.001
//! is what TensorFlow's `npairs_loss` comes to.

use super::pairs::{combine, inner_products, symmetrize};
use super::rows::Rows;
use super::{ClassPoints, Entry, Param, Role, TupleError, TupleKind, TupleLoss, TupleParameters, check};
use crate::numbers::{log_sum_exp, sigmoid, softplus};
use crate::range::Range;
use rayon::prelude::*;

const NORM_WEIGHT: Param = Param::new(
    "norm_weight",
    0.001,
    Range::Closed(0.0, 100.0),
    "a negative weight would draw norms out without end, and beyond 100 nothing else is learned",
    "λ, the weight of the embeddings' mean squared norm",
);

pub(super) const INFO: Entry<TupleKind> = Entry {
    name: "npair",
    aliases: &["n_pair", "npairs"],
    summary: "each pair of a class against all other classes of the batch, norms held small",
    formula: "mean over (a, p) of log(1 + Σ_n exp(x_a·x_n − x_a·x_p)) + λ·mean ‖x_i‖²",
    source: "Sohn, Improved Deep Metric Learning with Multi-class N-pair Loss Objective, NeurIPS 2016, eq. 6",
    params: &[NORM_WEIGHT],
    kind: TupleKind {
        role: Role::Alone,
        normalized: false,
        needs_pairs: true,
        points: ClassPoints::None,
        build: |p| Box::new(NPair { norm_weight: NORM_WEIGHT.of(p) }),
    },
};

#[derive(Debug)]
struct NPair {
    norm_weight: f64,
}

impl TupleLoss for NPair {
    fn loss(
        &self,
        embeddings: &[f32],
        labels: &[u32],
        dim: usize,
        _parameters: &mut TupleParameters,
        dx: &mut [f32],
    ) -> Result<f64, TupleError> {
        check(embeddings, labels, dim, dx)?;
        let n = labels.len().max(1);
        let x = Rows::plain(embeddings, dim);
        let mut z = inner_products(&x, &x);
        let norms: f64 = (0..labels.len()).map(|i| z[i * n + i]).sum();
        let share = |a: usize| labels.iter().filter(|&&y| y == labels[a]).count() as f64 - 1.0;
        let pairs = (0..labels.len()).map(share).sum::<f64>().max(1.0);
        let rows = z.par_chunks_mut(n).enumerate();
        let losses: Vec<f64> = rows.map(|(a, z)| anchor(a, labels, z, 1.0 / pairs)).collect();
        symmetrize(&mut z, labels.len());
        let pull_in = 2.0 * self.norm_weight / n as f64;
        (0..labels.len()).for_each(|i| z[i * n + i] += pull_in);
        x.write_gradient(&combine(&z, &x), dx);
        Ok(losses.iter().sum::<f64>() + self.norm_weight * norms / n as f64)
    }
}

/// The terms of anchor `a`, times `share`; its products `z` become their derivatives.
fn anchor(a: usize, labels: &[u32], z: &mut [f64], share: f64) -> f64 {
    let others = log_sum_exp(z.iter().zip(labels).filter(|(_, y)| **y != labels[a]).map(|(z, _)| *z));
    let (mut loss, mut pushed) = (0.0, 0.0);
    for (p, z) in z.iter_mut().enumerate().filter(|(p, _)| labels[*p] == labels[a]) {
        if p == a {
            *z = 0.0;
            continue;
        }
        loss += share * softplus(others - *z);
        let push = share * sigmoid(others - *z);
        pushed += push;
        *z = -push;
    }
    for (z, _) in z.iter_mut().zip(labels).filter(|(_, y)| **y != labels[a]) {
        *z = pushed * (*z - others).exp();
    }
    loss
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(norm_weight: f64, x: &[f32], labels: &[u32]) -> f64 {
        let mut dx = vec![0.0; x.len()];
        NPair { norm_weight }.loss(x, labels, 2, &mut TupleParameters::default(), &mut dx).unwrap()
    }

    #[test]
    fn without_negatives_only_the_norms_cost() {
        let x = [1.0, 2.0, 3.0, 0.0];
        assert_eq!(of(0.0, &x, &[0, 0]), 0.0);
        assert!((of(0.1, &x, &[0, 0]) - 0.1 * (5.0 + 9.0) / 2.0).abs() < 1e-12);
    }

    /// Pair (1, 0), (2, 0) and negative (3, 0): log(1 + e^(3−2)) and log(1 + e^(6−2)).
    #[test]
    fn by_hand() {
        let want = ((1.0_f64 + 1.0_f64.exp()).ln() + (1.0 + 4.0_f64.exp()).ln()) / 2.0;
        assert!((of(0.0, &[1.0, 0.0, 2.0, 0.0, 3.0, 0.0], &[0, 0, 1]) - want).abs() < 1e-12);
    }

    #[test]
    fn far_apart_classes_cost_nothing() {
        assert_eq!(of(0.0, &[100.0, 0.0, 100.0, 1.0, -100.0, 0.0], &[0, 0, 1]), 0.0);
    }
}
