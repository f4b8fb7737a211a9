//! Triplet loss over all valid triplets of a batch.
//!
//! ```text
//! L = mean over (a, p, n) of [d_ap − d_an + m]₊,   d_ij = ‖x̂_i − x̂_j‖²,   y_a = y_p ≠ y_n
//! ```
//!
//! Schroff et al., FaceNet, CVPR 2015, eq. 1–2, with m = 0.2 on the unit sphere. In a
//! trained network nearly all triplets are at 0, and their mean with them. So the mean
//! is over those above 0, "batch all, ≠ 0" of Hermans et al., 2017, §3.2, unless
//! `active_only` is 0. (Then the loss is continuous, and its gradient fades.)
//! Anchors without a positive or a negative add no triplet.

use super::mining::{Distance, Terms, mined};
use super::{ClassPoints, Entry, Param, Role, TupleError, TupleKind, TupleLoss, TupleParameters};
use crate::range::Range;

/// m of all triplet losses.
pub(super) const MARGIN: Param = Param::new(
    "margin",
    0.2,
    Range::Closed(0.0, 4.0),
    "no two points of the unit sphere are farther apart than 4, squared",
    "m, by how much the negative must be farther than the positive",
);

const ACTIVE_ONLY: Param = Param::new(
    "active_only",
    1.0,
    Range::Whole(0, 1),
    "it is a switch",
    "1: the mean is over triplets with a loss above 0; 0: over all",
);

pub(super) const INFO: Entry<TupleKind> = Entry {
    name: "triplet",
    aliases: &["triplet_all", "batch_all"],
    summary: "every triplet of the batch: nearer to its class than to others by a margin",
    formula: "mean of [‖x̂_a − x̂_p‖² − ‖x̂_a − x̂_n‖² + m]₊ over all (a, p, n)",
    source: "Schroff et al., FaceNet, CVPR 2015, eq. 2; Hermans et al., 2017, §3.2",
    params: &[MARGIN, ACTIVE_ONLY],
    kind: TupleKind {
        role: Role::Alone,
        normalized: true,
        needs_pairs: true,
        points: ClassPoints::None,
        build: |p| Box::new(Triplet { margin: MARGIN.of(p), active_only: ACTIVE_ONLY.is_on(p) }),
    },
};

#[derive(Debug)]
struct Triplet {
    margin: f64,
    active_only: bool,
}

impl TupleLoss for Triplet {
    fn loss(
        &self,
        embeddings: &[f32],
        labels: &[u32],
        dim: usize,
        _parameters: &mut TupleParameters,
        dx: &mut [f32],
    ) -> Result<f64, TupleError> {
        mined(embeddings, labels, dim, Distance::Squared, dx, |anchor, slopes| {
            let (mut terms, mut active) = (Terms::default(), 0);
            for (p, to_positive) in anchor.positives() {
                let mut pulls = 0_u32;
                for (n, to_negative) in anchor.negatives() {
                    if terms.hinge(to_positive - to_negative + self.margin) {
                        slopes[n] -= 1.0;
                        pulls += 1;
                    }
                }
                slopes[p] += f64::from(pulls);
                active += u64::from(pulls);
            }
            if self.active_only {
                terms.count = active;
            }
            terms
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(degrees: &[f64], labels: &[u32], active_only: bool) -> f64 {
        let x: Vec<f32> =
            degrees.iter().flat_map(|a| [a.to_radians().cos() as f32, a.to_radians().sin() as f32]).collect();
        let mut dx = vec![0.0; x.len()];
        let loss = Triplet { margin: 0.2, active_only };
        loss.loss(&x, labels, 2, &mut TupleParameters::default(), &mut dx).unwrap()
    }

    #[test]
    fn no_loss_where_every_negative_is_farther_by_the_margin() {
        assert_eq!(at(&[0.0, 5.0, 180.0, 175.0], &[0, 0, 1, 1], true), 0.0);
        assert!(at(&[0.0, 5.0, 10.0, 175.0], &[0, 0, 1, 1], true) > 0.0);
    }

    /// Anchors 0° and 60° of one class with a negative at 180°: d = 1 to each other, 4 and 3 to it.
    /// With a negative at 90° in the place of 180°: 2 and 2 − √3.
    #[test]
    fn the_two_means() {
        assert_eq!(at(&[0.0, 60.0, 180.0], &[0, 0, 1], false), 0.0);
        let term = 1.0 - (2.0 - 3.0_f64.sqrt()) + 0.2;
        let (all, active) = (at(&[0.0, 60.0, 90.0], &[0, 0, 1], false), at(&[0.0, 60.0, 90.0], &[0, 0, 1], true));
        assert!((all - term / 2.0).abs() < 1e-6, "{all}");
        assert!((active - term).abs() < 1e-6, "{active}");
    }
}
