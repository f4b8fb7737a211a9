//! Contrastive loss: pairs of one class together, others apart by a margin.
//!
//! ```text
//! L = mean over pairs of one class of ½·d²  +  mean over all other pairs of ½·[m − d]₊²,   d = ‖x̂_i − x̂_j‖
//! ```
//!
//! Hadsell, Chopra and LeCun, CVPR 2006, eq. 4. The paper draws pairs of both kinds; a
//! batch has far more of the second, so each kind has a mean of its own. On the unit
//! sphere d is in [0, 2]; m = 1 is an angle of 60°. Where two embeddings of different
//! classes coincide, [m − d]² has a kink and they get the zero subgradient.

use super::pairs::{pull, squared_distances};
use super::rows::Rows;
use super::{ClassPoints, Entry, Param, Role, TupleError, TupleKind, TupleLoss, TupleParameters, check};
use crate::range::Range;

const MARGIN: Param = Param::new(
    "margin",
    1.0,
    Range::Closed(0.0, 2.0),
    "no two points of the unit sphere are farther apart",
    "m, the distance on the unit sphere beyond which two classes are left alone",
);

pub(super) const INFO: Entry<TupleKind> = Entry {
    name: "contrastive",
    aliases: &["pair"],
    summary: "pairs of a class together, others apart by a margin",
    formula: "mean of ½·d² over pairs of a class + mean of ½·[m − d]₊² over others,  d = ‖x̂_i − x̂_j‖",
    source: "Hadsell et al., Dimensionality Reduction by Learning an Invariant Mapping, CVPR 2006, eq. 4",
    params: &[MARGIN],
    kind: TupleKind {
        role: Role::Alone,
        normalized: true,
        needs_pairs: true,
        points: ClassPoints::None,
        build: |p| Box::new(Contrastive { margin: MARGIN.of(p) }),
    },
};

#[derive(Debug)]
struct Contrastive {
    margin: f64,
}

impl TupleLoss for Contrastive {
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
        let mut table = squared_distances(&x);
        let ordered = n as f64 * (n as f64 - 1.0);
        let same = labels.iter().map(|a| labels.iter().filter(|b| a == *b).count() as f64 - 1.0).sum::<f64>();
        // Each unordered pair is met twice, once from either end.
        let share = |pairs: f64| if pairs > 0.0 { 2.0 / pairs } else { 0.0 };
        let (of_same, of_others) = (share(same), share(ordered - same));
        let mut loss = 0.0;
        for i in 0..n {
            for j in 0..n {
                let squared = table[i * n + j];
                table[i * n + j] = if i == j {
                    0.0
                } else if labels[i] == labels[j] {
                    loss += 0.25 * of_same * squared;
                    of_same
                } else {
                    let d = squared.sqrt();
                    let short = (self.margin - d).max(0.0);
                    loss += 0.25 * of_others * short * short;
                    if d > 0.0 { -of_others * short / d } else { 0.0 }
                };
            }
        }
        x.write_gradient(&pull(&table, &x), dx);
        Ok(loss)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(x: &[f32], labels: &[u32]) -> (f64, Vec<f32>) {
        let mut dx = vec![9.0; x.len()];
        let loss = Contrastive { margin: 1.0 };
        (loss.loss(x, labels, 2, &mut TupleParameters::default(), &mut dx).unwrap(), dx)
    }

    #[test]
    fn no_loss_for_equal_positives_and_far_negatives() {
        let (loss, dx) = of(&[1.0, 0.0, 3.0, 0.0, 0.0, 2.0, 0.0, 1.0], &[4, 4, 2, 2]);
        assert_eq!((loss, dx), (0.0, vec![0.0; 8]));
    }

    /// One pair of a class at 90° (d² = 2), two others at 90° and 0°.
    #[test]
    fn each_kind_has_its_mean() {
        let (loss, _) = of(&[1.0, 0.0, 0.0, 1.0, 1.0, 0.0], &[0, 0, 1]);
        assert!((loss - (1.0 + 0.25)).abs() < 1e-12, "{loss}");
    }
}
