//! Triplet loss with a semi-hard negative for each pair of one class.
//!
//! ```text
//! L = mean over (a, p) of [d_ap − d_an + m]₊,   d_ij = ‖x̂_i − x̂_j‖²
//! n = the nearest negative with d_an > d_ap; if there is none, the farthest negative
//! ```
//!
//! Schroff et al., FaceNet, CVPR 2015, eq. 4 and §3.2. The paper does not say what
//! happens where no negative is farther than the positive; the farthest one is what
//! TensorFlow's `triplet_semihard_loss` takes. Pairs without any negative are left out.

use super::mining::{Distance, Terms, mined};
use super::triplet::MARGIN;
use super::{ClassPoints, Entry, Role, TupleError, TupleKind, TupleLoss, TupleParameters};

pub(super) const INFO: Entry<TupleKind> = Entry {
    name: "triplet_semi_hard",
    aliases: &["semi_hard", "triplet_semihard"],
    summary: "each pair of a class against the nearest negative that is farther",
    formula: "mean over (a, p) of [‖x̂_a − x̂_p‖² − ‖x̂_a − x̂_n‖² + m]₊,  n = argmin of ‖x̂_a − x̂_n‖ > ‖x̂_a − x̂_p‖",
    source: "Schroff et al., FaceNet, CVPR 2015, eq. 4",
    params: &[MARGIN],
    kind: TupleKind {
        role: Role::Alone,
        normalized: true,
        needs_pairs: true,
        points: ClassPoints::None,
        build: |p| Box::new(SemiHard { margin: MARGIN.of(p) }),
    },
};

#[derive(Debug)]
struct SemiHard {
    margin: f64,
}

impl TupleLoss for SemiHard {
    fn loss(
        &self,
        embeddings: &[f32],
        labels: &[u32],
        dim: usize,
        _parameters: &mut TupleParameters,
        dx: &mut [f32],
    ) -> Result<f64, TupleError> {
        mined(embeddings, labels, dim, Distance::Squared, dx, |anchor, slopes| {
            let mut terms = Terms::default();
            for (p, to_positive) in anchor.positives() {
                let farther = anchor.negatives().filter(|&(_, d)| d > to_positive);
                let chosen = farther
                    .reduce(|a, b| if b.1 < a.1 { b } else { a })
                    .or_else(|| anchor.negatives().reduce(|a, b| if b.1 > a.1 { b } else { a }));
                if let Some((n, to_negative)) = chosen
                    && terms.hinge(to_positive - to_negative + self.margin)
                {
                    slopes[p] += 1.0;
                    slopes[n] -= 1.0;
                }
            }
            terms
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A pair at 0° and 60° (d = 1) and negatives at 50°, 70° and 180°, of one class each.
    #[test]
    fn the_nearest_of_those_that_are_farther() {
        let x: Vec<f32> = [0.0_f32, 60.0, 50.0, 70.0, 180.0]
            .iter()
            .flat_map(|a| [a.to_radians().cos(), a.to_radians().sin()])
            .collect();
        let squared = |degrees: f64| 2.0 - 2.0 * degrees.to_radians().cos();
        // From 0°: 70° is the nearest beyond 60°. From 60°: 180° is the only one beyond.
        let want = [squared(60.0) - squared(70.0) + 0.5, squared(60.0) - squared(120.0) + 0.5];
        let want = want.iter().map(|z| z.max(0.0)).sum::<f64>() / 2.0;
        let mut dx = vec![0.0; 10];
        let got =
            SemiHard { margin: 0.5 }.loss(&x, &[0, 0, 1, 2, 3], 2, &mut TupleParameters::default(), &mut dx).unwrap();
        assert!((got - want).abs() < 1e-6, "{got} for {want}");
    }

    /// No negative beyond the positive: the farthest one, at 30° from 0° and 90° from 90°.
    #[test]
    fn the_farthest_if_none_is_farther() {
        let x: Vec<f32> =
            [0.0_f32, 90.0, 20.0, 30.0].iter().flat_map(|a| [a.to_radians().cos(), a.to_radians().sin()]).collect();
        let squared = |degrees: f64| 2.0 - 2.0 * degrees.to_radians().cos();
        let want = (squared(90.0) - squared(30.0) + squared(90.0) - squared(70.0)) / 2.0 + 0.2;
        let mut dx = vec![0.0; 8];
        let got =
            SemiHard { margin: 0.2 }.loss(&x, &[0, 0, 1, 2], 2, &mut TupleParameters::default(), &mut dx).unwrap();
        assert!((got - want).abs() < 1e-6, "{got} for {want}");
    }
}
