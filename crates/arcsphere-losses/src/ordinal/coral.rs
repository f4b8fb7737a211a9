//! CORAL: whether a sample is above each step, by one direction for all of them.
//!
//! ```text
//! p_k = σ(z + b_k) = P(y > k),   z = w·x,   k = 0 … K − 2
//! L   = mean over rows and k of −[y > k]·log p_k − [y ≤ k]·log(1 − p_k)
//! dL_i/dz = mean over k of (p_k − [y > k]),    dL_i/db_k = (p_k − [y > k])/(K − 1)
//! ```
//!
//! Cao, Mirjalili and Raschka, Rank consistent ordinal regression for neural networks with
//! application to age estimation, Pattern Recognition Letters 140, 2020. The K − 1 problems share w,
//! so that p_k falls with k wherever b does, and no answer contradicts another; the paper's theorem
//! says that the biases of the least loss do fall. The paper sums over k, with an importance λ_k for
//! each; it is 1/(K − 1) here: |dL_i/dz| ≤ 1 for any number of classes, as of softmax in a logit, and
//! the rate that losses share fits this one too.
//!
//! b_k starts where p_k at z = 0 is the share of K even classes above k, log((K − 1 − k)/(k + 1)): in
//! falling order, so that answers are consistent from the first step and z has steps to sort
//! samples by. From zeros all problems would be one until the biases, whose slopes are only 1/(K − 1)
//! of z's, have moved apart. (The authors' layer starts them in falling order too, from 1 to 0.)
//!
//! Prediction is Σ over classes of v times its probability, v_0 + Σ_k p_k·(v_{k+1} − v_k); the class is the
//! paper's rank, Σ_k [p_k > ½].

use super::{Entry, Levels, OrdinalKind, OrdinalLoss, Prediction};
use crate::numbers::{sigmoid, softplus};

pub(super) const INFO: Entry<OrdinalKind> = Entry {
    name: "coral",
    aliases: &["rank_consistent"],
    summary: "CORAL: above each step or not, C − 1 binary problems that share one direction",
    formula: "mean over k of −[y > k]·log p_k − [y ≤ k]·log(1 − p_k),  p_k = σ(w·x + b_k)",
    source: "Cao, Mirjalili and Raschka, Rank consistent ordinal regression for neural networks with application to age estimation, Pattern Recognition Letters 2020, arXiv:1901.07884",
    params: &[],
    kind: OrdinalKind {
        predicts: "v_0 + Σ_k p_k·(v_{k+1} − v_k), the expectation over the classes; the class is the rank, Σ_k [p_k > ½]",
        build: |_| Box::new(Coral),
    },
};

#[derive(Debug)]
struct Coral;

impl OrdinalLoss for Coral {
    fn biases(&self, classes: usize) -> Vec<f64> {
        (1..classes).map(|k| ((classes - k) as f64 / k as f64).ln()).collect()
    }

    fn row(&self, z: f64, class: usize, biases: &[f32], _levels: &Levels, slopes: &mut [f64]) -> (f64, f64) {
        let share = 1.0 / biases.len().max(1) as f64;
        let (mut loss, mut slope) = (0.0, 0.0);
        for (k, (&b, to)) in biases.iter().zip(slopes).enumerate() {
            let (logit, above) = (z + f64::from(b), if class > k { 1.0 } else { 0.0 });
            let off = share * (sigmoid(logit) - above);
            loss += share * softplus(if class > k { -logit } else { logit });
            slope += off;
            *to += off;
        }
        (loss, slope)
    }

    fn predict(&self, z: f64, biases: &[f32], levels: &Levels) -> Prediction {
        let v = levels.values();
        let steps = v.windows(2).map(|pair| pair[1] - pair[0]);
        let value = v[0] + biases.iter().zip(steps).map(|(&b, step)| step * sigmoid(z + f64::from(b))).sum::<f64>();
        // A sum of all steps may end above the last value by its rounding.
        let value = value.clamp(v[0], v[v.len() - 1]);
        Prediction { value, class: biases.iter().filter(|b| z + f64::from(**b) > 0.0).count() as u32 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f64::consts::LN_2;

    #[test]
    fn by_hand() {
        let (levels, mut slopes) = (Levels::new(vec![0.0, 10.0, 30.0]).unwrap(), [0.0; 2]);
        // p = 3/4 and 1/4; class 1 is above the first step and not above the second.
        let b = [3.0_f32.ln(), -(3.0_f32.ln())];
        let (loss, slope) = Coral.row(0.0, 1, &b, &levels, &mut slopes);
        assert!((loss - (4.0_f64 / 3.0).ln()).abs() < 1e-7, "{loss}");
        assert!(slope.abs() < 1e-7 && (slopes[0] + 0.125).abs() < 1e-7 && (slopes[1] - 0.125).abs() < 1e-7);
        let predicted = Coral.predict(0.0, &b, &levels);
        assert!((predicted.value - (7.5 + 5.0)).abs() < 1e-6 && predicted.class == 1, "{predicted:?}");
        assert_eq!((Coral.predict(-9.0, &b, &levels).class, Coral.predict(9.0, &b, &levels).class), (0, 2));
    }

    #[test]
    fn biases_start_at_the_shares_of_even_classes() {
        let b = Coral.biases(4);
        assert_eq!((b.len(), b[1]), (3, 0.0));
        for (k, b) in b.iter().enumerate() {
            assert!((sigmoid(*b) - (3 - k) as f64 / 4.0).abs() < 1e-12);
        }
        // Even classes are told their middle by z = 0.
        let levels = Levels::new(vec![0.0, 1.0, 2.0, 3.0]).unwrap();
        let b: Vec<f32> = b.iter().map(|b| *b as f32).collect();
        assert!((Coral.predict(0.0, &b, &levels).value - 1.5).abs() < 1e-6);
    }

    #[test]
    fn far_away_it_is_finite() {
        let (levels, mut slopes) = (Levels::new(vec![0.0, 1.0]).unwrap(), [0.0]);
        assert_eq!(Coral.row(1e30, 0, &[0.0], &levels, &mut slopes), (1e30, 1.0));
        assert_eq!(Coral.row(-1e30, 1, &[0.0], &levels, &mut slopes), (1e30, -1.0));
        assert_eq!(Coral.row(1e30, 1, &[0.0], &levels, &mut slopes), (0.0, 0.0));
        assert!((Coral.row(0.0, 1, &[0.0], &levels, &mut slopes).0 - LN_2).abs() < 1e-15);
    }
}
