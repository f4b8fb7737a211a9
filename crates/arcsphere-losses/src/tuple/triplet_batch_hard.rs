//! Triplet loss with each anchor's hardest positive and hardest negative.
//!
//! ```text
//! L = mean over a of [max_p d_ap − min_n d_an + m]₊,   d_ij = ‖x̂_i − x̂_j‖ (not squared)
//! ```
//!
//! Hermans, Beyer and Leibe, In Defense of the Triplet Loss, 2017, eq. 5, on the unit
//! sphere. An anchor without a positive or without a negative is left out of the mean.
//! The first of several that are equally hard is taken.

use super::mining::{Distance, Terms, mined};
use super::triplet::MARGIN;
use super::{ClassPoints, Entry, Role, TupleError, TupleKind, TupleLoss, TupleParameters};

pub(super) const INFO: Entry<TupleKind> = Entry {
    name: "triplet_batch_hard",
    aliases: &["batch_hard"],
    summary: "each sample's farthest positive against its nearest negative",
    formula: "mean over a of [max_p ‖x̂_a − x̂_p‖ − min_n ‖x̂_a − x̂_n‖ + m]₊",
    source: "Hermans et al., In Defense of the Triplet Loss, 2017, eq. 5",
    params: &[MARGIN],
    kind: TupleKind {
        role: Role::Alone,
        normalized: true,
        needs_pairs: true,
        points: ClassPoints::None,
        build: |p| Box::new(BatchHard { margin: MARGIN.of(p) }),
    },
};

#[derive(Debug)]
struct BatchHard {
    margin: f64,
}

impl TupleLoss for BatchHard {
    fn loss(
        &self,
        embeddings: &[f32],
        labels: &[u32],
        dim: usize,
        _parameters: &mut TupleParameters,
        dx: &mut [f32],
    ) -> Result<f64, TupleError> {
        mined(embeddings, labels, dim, Distance::Plain, dx, |anchor, slopes| {
            let mut terms = Terms::default();
            let farthest = anchor.positives().reduce(|a, b| if b.1 > a.1 { b } else { a });
            let nearest = anchor.negatives().reduce(|a, b| if b.1 < a.1 { b } else { a });
            if let (Some((p, to_positive)), Some((n, to_negative))) = (farthest, nearest)
                && terms.hinge(to_positive - to_negative + self.margin)
            {
                slopes[p] += 1.0;
                slopes[n] -= 1.0;
            }
            terms
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Class 0 at 0°, 30° and 90°, class 1 at 180°: chords 2·sin(half the angle).
    #[test]
    fn the_hardest_of_each_kind_count() {
        let x: Vec<f32> =
            [0.0_f32, 30.0, 90.0, 180.0].iter().flat_map(|a| [a.to_radians().cos(), a.to_radians().sin()]).collect();
        let chord = |degrees: f64| 2.0 * (degrees.to_radians() / 2.0).sin();
        let term = |positive, negative| (chord(positive) - chord(negative) + 0.6_f64).max(0.0);
        // The sample at 180° has no positive.
        let want = (term(90.0, 180.0) + term(60.0, 150.0) + term(90.0, 90.0)) / 3.0;
        let mut dx = vec![0.0; 8];
        let got =
            BatchHard { margin: 0.6 }.loss(&x, &[0, 0, 0, 1], 2, &mut TupleParameters::default(), &mut dx).unwrap();
        assert!((got - want).abs() < 1e-6, "{got} for {want}");
        let none =
            BatchHard { margin: 0.0 }.loss(&x, &[0, 0, 1, 1], 2, &mut TupleParameters::default(), &mut dx).unwrap();
        assert!(none > 0.0 && none < 0.3);
    }

    #[test]
    fn no_loss_where_every_negative_is_farther_by_the_margin() {
        let (x, mut dx) = ([1.0, 0.0, 1.0, 0.1, -1.0, 0.0, -1.0, -0.1], [1.0; 8]);
        let loss = BatchHard { margin: 0.2 };
        assert_eq!(loss.loss(&x, &[0, 0, 1, 1], 2, &mut TupleParameters::default(), &mut dx), Ok(0.0));
        assert_eq!(dx, [0.0; 8]);
    }
}
