//! Center loss: embeddings near a running center of their class, beside softmax.
//!
//! ```text
//! L    = λ·½·mean_i ‖x_i − c_{y_i}‖²
//! c_j ← c_j − α·Δ_j,   Δ_j = Σ_{i: y_i = j} (c_j − x_i)/(1 + #{i: y_i = j})
//! ```
//!
//! Wen et al., A Discriminative Feature Learning Approach for Deep Face Recognition,
//! ECCV 2016, eq. 2–4 (there with a sum over the batch; here the mean, as softmax's).
//! Alone it is least where all embeddings are one point, so it goes beside softmax. The
//! centers are not trained down its gradient: α is their own rate. Embeddings are not
//! normalized. Centers start at the origin.

use super::{ClassPoints, Entry, Param, Role, TupleError, TupleKind, TupleLoss, TupleParameters, check};
use crate::range::Range;
use arcsphere_kernels::head::Update;
use rand_chacha::ChaCha8Rng;

const WEIGHT: Param = Param::new(
    "weight",
    0.003,
    Range::Closed(0.0, 100.0),
    "beyond that softmax would not be heard",
    "λ, beside softmax's 1",
);
const CENTER_RATE: Param = Param::new(
    "center_rate",
    0.5,
    Range::Closed(0.0, 1.0),
    "at 1 a center goes all the way to its batch",
    "α, how fast centers follow",
);

pub(super) const INFO: Entry<TupleKind> = Entry {
    name: "center",
    aliases: &["center_loss"],
    summary: "squared distance to the own class's running center, beside softmax",
    formula: "λ·½·mean ‖x_i − c_y‖²,  c_j ← c_j − α·Σ(c_j − x_i)/(1 + n_j)",
    source: "Wen et al., A Discriminative Feature Learning Approach for Deep Face Recognition, ECCV 2016, eq. 2–4",
    params: &[WEIGHT, CENTER_RATE],
    kind: TupleKind {
        role: Role::BesideSoftmax,
        normalized: false,
        needs_pairs: false,
        points: ClassPoints::Centers,
        build: |p| Box::new(Center { weight: WEIGHT.of(p), rate: CENTER_RATE.of(p) }),
    },
};

const CENTERS: &str = "centers";

#[derive(Debug)]
struct Center {
    weight: f64,
    rate: f64,
}

impl TupleLoss for Center {
    fn parameters(&self, classes: usize, dim: usize, _rng: &mut ChaCha8Rng) -> TupleParameters {
        TupleParameters::new(CENTERS, vec![0.0; classes * dim])
    }

    fn loss(
        &self,
        embeddings: &[f32],
        labels: &[u32],
        dim: usize,
        parameters: &mut TupleParameters,
        dx: &mut [f32],
    ) -> Result<f64, TupleError> {
        check(embeddings, labels, dim, dx)?;
        parameters.classes(CENTERS, labels, dim)?;
        parameters.gradient.fill(0.0);
        let share = self.weight / labels.len().max(1) as f64;
        let mut by_class: Vec<usize> = (0..labels.len()).collect();
        by_class.sort_by_key(|&i| labels[i]);
        let mut squares = 0.0;
        for samples in by_class.chunk_by(|&a, &b| labels[a] == labels[b]) {
            let at = labels[samples[0]] as usize * dim;
            let center = &parameters.values[at..][..dim];
            let mut away = vec![0.0; dim];
            for &i in samples {
                let (x, dx) = (&embeddings[i * dim..][..dim], &mut dx[i * dim..][..dim]);
                for (((away, dx), &x), &c) in away.iter_mut().zip(dx).zip(x).zip(center) {
                    let off = f64::from(x) - f64::from(c);
                    squares += off * off;
                    *away -= off;
                    *dx = (share * off) as f32;
                }
            }
            let count = 1.0 + samples.len() as f64;
            for (delta, away) in parameters.gradient[at..][..dim].iter_mut().zip(away) {
                *delta = (away / count) as f32;
            }
        }
        Ok(0.5 * share * squares)
    }

    fn advance(&self, parameters: &mut TupleParameters, update: &Update) {
        if *update != Update::Gradient {
            let TupleParameters { values, gradient, .. } = parameters;
            for (c, delta) in values.iter_mut().zip(gradient) {
                *c -= (self.rate * f64::from(*delta)) as f32;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SGD: Update = Update::Sgd { rate: 100.0, momentum: 0.9, decay: 0.1 };

    fn two_centers() -> TupleParameters {
        TupleParameters::new(CENTERS, vec![1.0, 0.0, 0.0, 2.0])
    }

    #[test]
    fn no_loss_at_the_center() {
        let (mut dx, mut p) = ([1.0; 2], two_centers());
        let loss = Center { weight: 1.0, rate: 0.5 };
        assert_eq!(loss.loss(&[0.0, 2.0], &[1], 2, &mut p, &mut dx), Ok(0.0));
        assert_eq!(dx, [0.0; 2]);
        loss.advance(&mut p, &SGD);
        assert_eq!(p.values, two_centers().values);
    }

    /// Wen et al., eq. 4, by hand: two samples of class 0, off by (2, 0) and (0, 3); none of class 1.
    #[test]
    fn centers_move_by_their_own_rule() {
        let (mut dx, mut p) = ([0.0; 4], two_centers());
        let loss = Center { weight: 0.1, rate: 0.5 };
        let value = loss.loss(&[3.0, 0.0, 1.0, 3.0], &[0, 0], 2, &mut p, &mut dx).unwrap();
        assert!((value - 0.1 * 0.5 * (4.0 + 9.0) / 2.0).abs() < 1e-12);
        assert_eq!(dx, [0.1, 0.0, 0.0, 0.15]);
        loss.advance(&mut p, &Update::Gradient);
        assert_eq!(p.values, two_centers().values);
        loss.advance(&mut p, &SGD);
        let want = [1.0 + 0.5 * 2.0 / 3.0, 0.5, 0.0, 2.0];
        assert!(p.values.iter().zip(want).all(|(&got, want): (_, f64)| (f64::from(got) - want).abs() < 1e-6));
    }

    /// Over many batches a center comes to its class's mean.
    #[test]
    fn centers_find_the_means() {
        let (mut dx, mut p) = ([0.0; 8], two_centers());
        let x = [5.0, 1.0, 7.0, 3.0, -1.0, 0.0, -3.0, -2.0];
        let loss = Center { weight: 0.003, rate: 0.5 };
        for _ in 0..60 {
            loss.loss(&x, &[0, 0, 1, 1], 2, &mut p, &mut dx).unwrap();
            loss.advance(&mut p, &SGD);
        }
        assert!(p.values.iter().zip([6.0, 2.0, -2.0, -1.0]).all(|(c, want)| (c - want).abs() < 1e-4), "{:?}", p.values);
    }
}
