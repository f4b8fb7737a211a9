use serde::{Deserialize, Serialize};

use super::counted;
use crate::error::{EvalError, Result};

/// What keeps the curvature from 0, in units of standardized scores.
const RIDGE: f64 = 1e-9;

/// llr = a·s + b, fitted with equal priors.
///
/// It minimizes the mean of the two class-wise mean log losses, so that it does not depend on how many pairs of each
/// kind there are (Brümmer and du Preez 2006). The targets are Platt's (1999), (N₊ + 1)/(N₊ + 2) of a genuine and
/// 1/(N₋ + 2) of an impostor pair, which keep a and b finite where one threshold separates the two.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Platt {
    /// The slope, positive.
    pub a: f64,
    /// The llr of a score of 0.
    pub b: f64,
}

impl Platt {
    /// Newton's method with a ridge, steps halved until the loss falls.
    ///
    /// # Errors
    /// [`EvalError::Length`], [`EvalError::NotFinite`], [`EvalError::NoGenuine`], [`EvalError::NoImpostor`];
    /// [`EvalError::Backwards`] where a ≤ 0: genuine pairs score no higher than impostor ones.
    pub fn fit(scores: &[f32], same: &[bool]) -> Result<Self> {
        let (genuine, impostor) = counted(scores, same)?;
        let n = scores.len() as f64;
        let mean = scores.iter().map(|s| f64::from(*s)).sum::<f64>() / n;
        let sd = (scores.iter().map(|s| (f64::from(*s) - mean).powi(2)).sum::<f64>() / n).sqrt();
        if sd == 0.0 {
            return Err(EvalError::Backwards { slope: 0.0 });
        }
        let standard: Vec<f64> = scores.iter().map(|s| (f64::from(*s) - mean) / sd).collect();
        let kinds = Kinds { genuine, impostor, scores: &standard, same };
        let (a, b) = kinds.minimum();
        if a <= 1e-6 {
            return Err(EvalError::Backwards { slope: a / sd });
        }
        Ok(Self { a: a / sd, b: b - a * mean / sd })
    }

    /// The log-likelihood ratio of a score, natural logarithm.
    pub fn llr(&self, score: f32) -> f64 {
        self.a * f64::from(score) + self.b
    }
}

struct Kinds<'a> {
    genuine: f64,
    impostor: f64,
    scores: &'a [f64],
    same: &'a [bool],
}

impl Kinds<'_> {
    /// Weight and target of each score.
    fn each(&self) -> impl Iterator<Item = (f64, f64, f64)> + '_ {
        let of_genuine = (0.5 / self.genuine, (self.genuine + 1.0) / (self.genuine + 2.0));
        let of_impostor = (0.5 / self.impostor, 1.0 / (self.impostor + 2.0));
        self.scores.iter().zip(self.same).map(move |(s, same)| {
            let (weight, target) = if *same { of_genuine } else { of_impostor };
            (*s, weight, target)
        })
    }

    fn loss(&self, a: f64, b: f64) -> f64 {
        let sum: f64 = self
            .each()
            .map(|(s, weight, target)| {
                let x = a * s + b;
                // log(1 + eˣ) − target·x, without overflow.
                weight * (x.max(0.0) + (-x.abs()).exp().ln_1p() - target * x)
            })
            .sum();
        sum + 0.5 * RIDGE * (a * a + b * b)
    }

    fn minimum(&self) -> (f64, f64) {
        let (mut a, mut b) = (0.0, 0.0);
        let mut loss = self.loss(a, b);
        for _ in 0..100 {
            let (mut ga, mut gb) = (RIDGE * a, RIDGE * b);
            let (mut haa, mut hab, mut hbb) = (RIDGE, 0.0, RIDGE);
            for (s, weight, target) in self.each() {
                let p = 1.0 / (1.0 + (-(a * s + b)).exp());
                let (g, h) = (weight * (p - target), weight * p * (1.0 - p));
                ga += g * s;
                gb += g;
                haa += h * s * s;
                hab += h * s;
                hbb += h;
            }
            let determinant = haa * hbb - hab * hab;
            let (da, db) = ((hbb * ga - hab * gb) / determinant, (haa * gb - hab * ga) / determinant);
            let mut step = 1.0;
            while step > 1e-10 && self.loss(a - step * da, b - step * db) > loss {
                step *= 0.5;
            }
            (a, b) = (a - step * da, b - step * db);
            let before = std::mem::replace(&mut loss, self.loss(a, b));
            if before - loss <= 1e-15 * before && step * (da.abs() + db.abs()) < 1e-9 * (1.0 + a.abs() + b.abs()) {
                break;
            }
        }
        (a, b)
    }
}
