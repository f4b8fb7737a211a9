//! A loss of an ordered target at the head: one direction and its biases, and no prototypes.
//!
//! ```text
//! z = w·x,   L(z, b)        w in the place of the prototypes [1, D], b in that of their bias [n]
//! ```
//!
//! w and b move by the backbone's rule and rate, w with its decay, as plain softmax's prototypes.
//! Their gradient is clipped as one, as that of a prototype is. A class has no direction here, so there
//! is no angle to it; what is told of an embedding is a number, and a class for the accuracy.

use super::kernel::Moments;
use super::tuple::length;
use super::{Head, HeadSpec, RowStats, Update};
use crate::init::Init;
use crate::ordinal::{Batch, Levels, OrdinalLoss, Prediction};
use rand_chacha::ChaCha8Rng;

/// A loss of an ordered target, and what the classes are worth.
#[derive(Debug)]
pub struct OrdinalTerm {
    /// The loss.
    pub loss: Box<dyn OrdinalLoss>,
    /// The classes' values.
    pub levels: Levels,
}

/// w and b at the first step.
pub(super) fn start(spec: &HeadSpec, term: &OrdinalTerm, rng: &mut ChaCha8Rng) -> (Vec<f32>, Vec<f32>) {
    let biases = term.loss.biases(spec.classes).into_iter().map(|b| b as f32).collect();
    (Init::FanInUniform.draw(spec.dim, spec.dim, 1, rng), biases)
}

impl Head {
    /// Whether a number is learned, by a loss of an ordered target.
    pub fn is_ordinal(&self) -> bool {
        self.spec.ordinal.is_some()
    }

    /// The loss, and the batch that `embeddings` are to it.
    fn ordinal<'a>(&'a self, embeddings: &'a [f32]) -> Option<(&'a dyn OrdinalLoss, Batch<'a>)> {
        let OrdinalTerm { loss, levels } = self.spec.ordinal.as_ref()?;
        let (weights, biases) = (&self.state.weights, &self.state.bias);
        Some((&**loss, Batch { embeddings, weights, biases, levels }))
    }

    /// What each of `embeddings` \[B, D\] is told to be; `None` where a class is learned.
    pub fn told(&self, embeddings: &[f32]) -> Option<Vec<Prediction>> {
        self.ordinal(embeddings).map(|(loss, batch)| batch.predict(loss))
    }

    /// Whether each of `embeddings` \[B, D\] is told nearer to its true value than the median of the
    /// true values is; `None` where a class is learned. Of what tells all images the same, whatever that is, it
    /// holds for at most half of a batch.
    pub fn beats_median(&self, embeddings: &[f32], labels: &[u32]) -> Option<Vec<bool>> {
        let (told, term) = (self.told(embeddings)?, self.spec.ordinal.as_ref()?);
        let actual: Vec<f64> = labels.iter().map(|&y| term.levels.values()[y as usize]).collect();
        let mut sorted = actual.clone();
        sorted.sort_by(f64::total_cmp);
        let median = sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN);
        let nearer = |(told, actual): (&Prediction, &f64)| (told.value - actual).abs() < (median - actual).abs();
        Some(told.iter().zip(&actual).map(nearer).collect())
    }

    /// A step of a loss of an ordered target.
    pub(super) fn step_ordinal(
        &mut self,
        embeddings: &[f32],
        labels: &[u32],
        update: &Update,
        dx: &mut [f32],
        stats: &mut [RowStats],
    ) -> f64 {
        let Some((loss, batch)) = self.ordinal(embeddings) else { return 0.0 };
        let told = batch.predict(loss);
        let mut found = batch.gradients(loss, labels, dx);
        let rows = embeddings.chunks_exact(self.spec.dim).zip(labels).zip(&told).zip(&found.rows);
        for ((((x, &y), told), &loss), out) in rows.zip(stats) {
            *out = RowStats { loss, norm: length(x), correct: told.class == y, ..RowStats::default() };
        }
        if found.loss.is_finite() {
            let numbers = || found.weights.iter().chain(&found.biases);
            let norm = numbers().map(|g| f64::from(*g).powi(2)).sum::<f64>().sqrt();
            if norm > self.spec.max_gradient_norm {
                let factor = (self.spec.max_gradient_norm / norm) as f32;
                found.weights.iter_mut().chain(&mut found.biases).for_each(|g| *g *= factor);
            }
            let s = &mut self.state;
            let mut moments = Moments { first: &mut s.first, second: &mut s.second };
            update.apply(&mut s.weights, &found.weights, &mut moments);
            let mut moments = Moments { first: &mut s.bias_first, second: &mut s.bias_second };
            update.without_decay().apply(&mut s.bias, &found.biases, &mut moments);
        }
        found.loss
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::margin::{Recipe, find};
    use crate::margin_schedule::MarginState;
    use crate::ordinal;
    use crate::random::keyed;

    fn head(loss: &str, update: &Update) -> Head {
        let info = find("softmax").unwrap();
        let recipe = Recipe::paper(info, 3, 2);
        let levels = Levels::new(vec![10.0, 20.0, 40.0]).unwrap();
        let term = OrdinalTerm { loss: ordinal::find(loss).unwrap().make(&Default::default()).unwrap(), levels };
        let spec =
            HeadSpec { ordinal: Some(term), ..HeadSpec::new(3, 2, info.build(&recipe), info.kind.scale, recipe.scale) };
        Head::new(spec, update, &mut keyed(b"test----", 0, 0))
    }

    const X: [f32; 8] = [-1.0, 0.2, 0.1, 0.3, 1.0, -0.2, 1.2, -0.3];
    const LABELS: [u32; 4] = [0, 1, 2, 2];

    /// The loss's slope along each of w and b, by what a step of plain descent moves them.
    #[test]
    fn a_step_goes_down_the_gradient_of_w_and_b() {
        for (loss, biases) in [("regression", 1), ("coral", 2)] {
            let rate = 1e-2;
            let mut moved = head(loss, &Update::Gradient);
            let at = moved.state().clone();
            assert_eq!((at.weights.len(), at.bias.len(), at.first.len(), at.bias_first.len()), (2, biases, 2, biases));
            let step = |head: &mut Head, update: &Update| {
                let (mut dx, mut stats) = ([0.0; 8], [RowStats::default(); 4]);
                head.step(&X, &LABELS, MarginState::FULL, update, &mut dx, &mut stats)
            };
            step(&mut moved, &Update::Sgd { rate, momentum: 0.9, decay: 0.0 });
            let h = 1e-2_f32;
            for k in 0..2 + biases {
                let beside = |by: f32| {
                    let mut head = head(loss, &Update::Gradient);
                    let s = &mut head.state;
                    if k < 2 {
                        s.weights[k] += by
                    } else {
                        s.bias[k - 2] += by
                    }
                    step(&mut head, &Update::Gradient)
                };
                let slope = (beside(h) - beside(-h)) / (2.0 * f64::from(h));
                let (before, after) = match k {
                    0 | 1 => (at.weights[k], moved.state().weights[k]),
                    _ => (at.bias[k - 2], moved.state().bias[k - 2]),
                };
                let got = f64::from(before - after) / f64::from(rate);
                assert!((got - slope).abs() < 1e-3, "{loss} {k}: {got} for {slope}");
            }
        }
    }

    #[test]
    fn steps_of_either_optimizer_learn_the_values() {
        let sgd = Update::Sgd { rate: 0.1, momentum: 0.9, decay: 0.0 };
        let adamw = |step| Update::AdamW { rate: 0.05, beta1: 0.9, beta2: 0.99, epsilon: 1e-8, decay: 0.0, step };
        for loss in ["regression", "coral"] {
            for adam in [false, true] {
                let mut head = head(loss, &if adam { adamw(1) } else { sgd });
                let (mut dx, mut stats) = ([0.0; 8], [RowStats::default(); 4]);
                let mut losses = Vec::new();
                for step in 1..=400 {
                    let update = if adam { adamw(step) } else { sgd };
                    losses.push(head.step(&X, &LABELS, MarginState::FULL, &update, &mut dx, &mut stats));
                }
                assert!(losses[399] < 0.3 * losses[0], "{loss}: {} became {}", losses[0], losses[399]);
                assert!(stats.iter().all(|s| s.correct && s.norm > 0.0 && s.target_angle == 0.0), "{loss}: {stats:?}");
                let told = head.told(&X).unwrap();
                assert!(told.windows(2).take(2).all(|w| w[0].value < w[1].value), "{loss}: {told:?}");
                assert_eq!(head.predict(&X).iter().map(|b| b.class).collect::<Vec<_>>(), LABELS, "{loss}");
            }
        }
    }

    #[test]
    fn a_long_gradient_is_cut_to_its_limit() {
        let mut head = head("regression", &Update::Gradient);
        head.spec.max_gradient_norm = 1e-3;
        let (mut dx, mut stats) = ([0.0; 8], [RowStats::default(); 4]);
        head.step(&X, &LABELS, MarginState::FULL, &Update::Gradient, &mut dx, &mut stats);
        let s = head.state();
        let norm = s.first.iter().chain(&s.bias_first).map(|g| g * g).sum::<f32>().sqrt();
        assert!((norm - 1e-3).abs() < 1e-8, "{norm}");
    }

    #[test]
    fn what_tells_all_the_same_does_not_beat_the_median() {
        for loss in ["regression", "coral"] {
            let mut head = head(loss, &Update::Gradient);
            head.state.weights.fill(0.0);
            for by in [-2.0, -0.3, 0.0, 0.3, 2.0] {
                head.state.bias.iter_mut().for_each(|b| *b += by);
                let beaten = head.beats_median(&X, &LABELS).unwrap();
                assert!(beaten.iter().filter(|b| **b).count() <= 2, "{loss} {by}: {beaten:?}");
            }
        }
        assert!(super::super::tests::head("softmax", 3, 2).beats_median(&X, &LABELS).is_none());
    }

    #[test]
    fn a_loss_that_is_not_finite_moves_nothing() {
        let sgd = Update::Sgd { rate: 0.1, momentum: 0.0, decay: 0.1 };
        let mut head = head("coral", &sgd);
        let before = head.state().clone();
        let (mut dx, mut stats) = ([0.0; 2], [RowStats::default(); 1]);
        let loss = head.step(&[f32::NAN, 1.0], &[1], MarginState::FULL, &sgd, &mut dx, &mut stats);
        assert!(loss.is_nan() && head.state() == &before);
    }
}
