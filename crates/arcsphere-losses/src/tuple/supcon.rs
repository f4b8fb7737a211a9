//! Supervised contrastive loss, its form with the sum outside the logarithm.
//!
//! ```text
//! L_out = mean over i of −1/|P(i)|·Σ_{p ∈ P(i)} log( exp(x̂_i·x̂_p/τ) / Σ_{a ≠ i} exp(x̂_i·x̂_a/τ) )
//! P(i)  = the other samples of i's class
//! ```
//!
//! Khosla et al., Supervised Contrastive Learning, NeurIPS 2020, eq. 2, τ = 0.1. Samples
//! without a positive are no anchors and are left out of the mean. (The authors' code also
//! multiplies by τ over a base temperature, which the equation does not have.)

use super::pairs::{combine, inner_products, symmetrize};
use super::rows::Rows;
use super::{ClassPoints, Entry, Param, Role, TupleError, TupleKind, TupleLoss, TupleParameters, check};
use crate::numbers::log_sum_exp;
use crate::range::Range;
use rayon::prelude::*;

const TEMPERATURE: Param = Param::new(
    "temperature",
    0.1,
    Range::Closed(0.001, 10.0),
    "cosines are divided by it, and beyond 10 they can no longer be told apart",
    "τ",
);

pub(super) const INFO: Entry<TupleKind> = Entry {
    name: "supcon",
    aliases: &["supervised_contrastive", "sup_con"],
    summary: "softmax over the batch's cosines: each positive against all others",
    formula: "mean over i of −1/|P(i)|·Σ_p log(exp(x̂_i·x̂_p/τ)/Σ_{a≠i} exp(x̂_i·x̂_a/τ))",
    source: "Khosla et al., Supervised Contrastive Learning, NeurIPS 2020, eq. 2 (L_out)",
    params: &[TEMPERATURE],
    kind: TupleKind {
        role: Role::Alone,
        normalized: true,
        needs_pairs: true,
        points: ClassPoints::None,
        build: |p| Box::new(SupCon { temperature: TEMPERATURE.of(p) }),
    },
};

#[derive(Debug)]
struct SupCon {
    temperature: f64,
}

impl TupleLoss for SupCon {
    fn loss(
        &self,
        embeddings: &[f32],
        labels: &[u32],
        dim: usize,
        _parameters: &mut TupleParameters,
        dx: &mut [f32],
    ) -> Result<f64, TupleError> {
        check(embeddings, labels, dim, dx)?;
        let n = labels.len();
        let x = Rows::unit(embeddings, dim);
        let mut cosines = inner_products(&x, &x);
        let positives: Vec<f64> =
            labels.iter().map(|a| labels.iter().filter(|b| a == *b).count() as f64 - 1.0).collect();
        let anchors = positives.iter().filter(|p| **p > 0.0).count().max(1) as f64;
        let rows = cosines.par_chunks_mut(n.max(1)).zip(&positives).enumerate();
        let losses: Vec<f64> = rows.map(|(i, (row, &count))| self.anchor(i, labels, count, anchors, row)).collect();
        symmetrize(&mut cosines, n);
        x.write_gradient(&combine(&cosines, &x), dx);
        Ok(losses.iter().sum::<f64>() / anchors)
    }
}

impl SupCon {
    /// The term of sample `i`; its cosines become their derivatives of the mean over `anchors`.
    fn anchor(&self, i: usize, labels: &[u32], positives: f64, anchors: f64, cosines: &mut [f64]) -> f64 {
        if positives == 0.0 {
            cosines.fill(0.0);
            return 0.0;
        }
        let scale = 1.0 / self.temperature;
        let others = cosines.iter().enumerate().filter(|(a, _)| *a != i).map(|(_, c)| c * scale);
        let total = log_sum_exp(others);
        let mut loss = 0.0;
        for (a, c) in cosines.iter_mut().enumerate() {
            let z = *c * scale;
            let positive = labels[a] == labels[i];
            *c = if a == i {
                0.0
            } else {
                let wanted = if positive { 1.0 / positives } else { 0.0 };
                // total − z has no cancellation, and no 0·∞ at a large scale.
                loss += wanted * (total - z);
                scale / anchors * ((z - total).exp() - wanted)
            };
        }
        loss
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(x: &[f32], labels: &[u32]) -> f64 {
        let mut dx = vec![0.0; x.len()];
        SupCon { temperature: 0.5 }.loss(x, labels, 2, &mut TupleParameters::default(), &mut dx).unwrap()
    }

    #[test]
    fn a_pair_alone_has_nothing_to_be_told_from() {
        assert_eq!(of(&[1.0, 0.0, 0.0, 1.0], &[3, 3]), 0.0);
    }

    /// Samples in one place: every softmax is uniform over the other two.
    #[test]
    fn a_collapsed_class_costs_the_logarithm_of_its_others() {
        assert!((of(&[1.0, 0.0, 2.0, 0.0, 3.0, 0.0], &[0, 0, 0]) - 2.0_f64.ln()).abs() < 1e-12);
    }

    /// A pair at 0° with a third at 90°: logits 2 and 0 for both anchors of the pair.
    #[test]
    fn by_hand() {
        let want = (1.0 + (-2.0_f64).exp()).ln();
        assert!((of(&[1.0, 0.0, 5.0, 0.0, 0.0, 1.0], &[0, 0, 1]) - want).abs() < 1e-12);
    }
}
