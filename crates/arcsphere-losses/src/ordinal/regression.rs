//! Plain regression: one number, by a straight line from the embedding.
//!
//! ```text
//! L = mean of H(ŷ − t_y),    ŷ = w·x + b,   t_c = (v_c − v̄)/sd(v)
//! H(d) = d²/(2β)   where |d| < β,   else |d| − β/2
//! dL/dŷ = clamp(d/β, −1, 1)/B
//! ```
//!
//! Girshick, Fast R-CNN, ICCV 2015, eq. 3, with β = 1; Huber, Robust Estimation of a Location
//! Parameter, 1964, up to the factor 1/β. A regression of ages is measured by its mean absolute
//! error, so the tails are |d| and what is told is drawn to a median; near 0 it is a square, for |d|
//! has a kink there, across which steps go to and fro. The slope is at most 1, as that of softmax
//! in a logit, so the rate that losses share fits this one too, and a batch of outliers is no jump.
//!
//! β is in standard deviations of the classes' values. b starts at 0, the middle of the target.

use super::{Entry, Levels, OrdinalKind, OrdinalLoss, Param, Prediction};
use crate::range::Range;

const BETA: Param = Param::new(
    "beta",
    1.0,
    Range::Closed(0.001, 100.0),
    "below it is |d|, whose kink steps cross to and fro, and above all errors lie on the square",
    "β, the error up to which the loss is a square, in standard deviations of the classes' values",
);

pub(super) const INFO: Entry<OrdinalKind> = Entry {
    name: "regression",
    aliases: &["plain_regression", "smooth_l1", "huber"],
    summary: "plain regression: a number by a straight line from the embedding, smooth L1",
    formula: "mean of H(w·x + b − t_y),  H(d) = d²/(2β) where |d| < β, else |d| − β/2,  t_c = (v_c − v̄)/sd(v)",
    source: "Girshick, Fast R-CNN, ICCV 2015, eq. 3 (β = 1); Huber, Robust Estimation of a Location Parameter, 1964",
    params: &[BETA],
    kind: OrdinalKind {
        predicts: "the number w·x + b, cut to the values that there are; the class is the one nearest to it",
        build: |p| Box::new(Regression { beta: BETA.of(p) }),
    },
};

#[derive(Debug)]
struct Regression {
    beta: f64,
}

impl Regression {
    /// ŷ. There is one bias.
    fn number(z: f64, biases: &[f32]) -> f64 {
        z + biases.iter().map(|b| f64::from(*b)).sum::<f64>()
    }
}

impl OrdinalLoss for Regression {
    fn biases(&self, _classes: usize) -> Vec<f64> {
        vec![0.0]
    }

    fn row(&self, z: f64, class: usize, biases: &[f32], levels: &Levels, slopes: &mut [f64]) -> (f64, f64) {
        let (beta, off) = (self.beta, Self::number(z, biases) - levels.standardized(class));
        let slope = (off / beta).clamp(-1.0, 1.0);
        let loss = if off.abs() < beta { off * off / (2.0 * beta) } else { off.abs() - beta / 2.0 };
        slopes.iter_mut().for_each(|s| *s += slope);
        (loss, slope)
    }

    fn predict(&self, z: f64, biases: &[f32], levels: &Levels) -> Prediction {
        let value = levels.value(Self::number(z, biases));
        Prediction { value, class: levels.nearest(value) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two classes are at −1 and 1.
    fn of(beta: f64, z: f64, class: usize) -> (f64, f64, f64) {
        let (levels, mut slopes) = (Levels::new(vec![30.0, 40.0]).unwrap(), [0.5]);
        let (loss, slope) = Regression { beta }.row(z, class, &[0.25], &levels, &mut slopes);
        (loss, slope, slopes[0] - 0.5)
    }

    #[test]
    fn by_hand() {
        assert_eq!(of(1.0, 0.75, 1), (0.0, 0.0, 0.0));
        assert_eq!(of(1.0, 0.25, 1), (0.125, -0.5, -0.5));
        assert_eq!(of(1.0, 3.75, 0), (4.5, 1.0, 1.0));
        assert_eq!(of(0.5, 0.5, 1), (0.0625, -0.5, -0.5));
    }

    #[test]
    fn square_and_line_meet() {
        let (below, above) = (of(0.5, 1.25 - 1e-9, 1), of(0.5, 1.25 + 1e-9, 1));
        assert!((below.0 - above.0).abs() < 1e-8 && (below.1 - above.1).abs() < 1e-8, "{below:?} {above:?}");
    }

    #[test]
    fn a_number_is_told_in_the_unit_of_the_target() {
        let (levels, loss) = (Levels::new(vec![30.0, 40.0]).unwrap(), Regression { beta: 1.0 });
        let predicted = |z| loss.predict(z, &[0.25], &levels);
        assert_eq!(predicted(-0.25), Prediction { value: 35.0, class: 0 });
        assert_eq!(predicted(0.15), Prediction { value: 37.0, class: 1 });
        assert_eq!(predicted(1e9), Prediction { value: 40.0, class: 1 });
    }
}
