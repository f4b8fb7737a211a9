//! A loss of an ordered target: one direction and its biases, and no prototypes.
//!
//! ```text
//! z = w·x,   L(z, b)        w [D], b [n]
//! ```
//!
//! w and b move by the update's own rate, w with its decay, as plain softmax's prototypes.
//! Their gradient is clipped as one, as that of a prototype is. A class has no direction here, so there
//! is no angle to it; what is told of an embedding is a number, and a class for the accuracy.

use super::super::kernel::{RowStats, Update};
use super::super::state::Parameters;
use super::super::{HeadPart, HeadState};
use super::{Gradient, Pass, Rows};
use crate::init::{Init, Rng};
use crate::numbers::length;
use crate::ordinal::{Batch, Levels, OrdinalLoss, Prediction};

/// The loss, what the classes are worth, and what is learned.
#[derive(Debug)]
pub(in super::super) struct Line {
    loss: Box<dyn OrdinalLoss>,
    levels: Levels,
    dim: usize,
    direction: Parameters,
    biases: Parameters,
    /// The gradients by w and b that wait for an update.
    kept: Option<(Vec<f32>, Vec<f32>)>,
}

impl Line {
    pub(in super::super) fn new(loss: Box<dyn OrdinalLoss>, levels: Levels, dim: usize) -> Line {
        let (direction, biases) = Default::default();
        Line { loss, levels, dim, direction, biases, kept: None }
    }

    fn first_biases(&self) -> Vec<f32> {
        self.loss.biases(self.levels.values().len()).into_iter().map(|b| b as f32).collect()
    }

    pub(super) fn start(&mut self, rng: &mut Rng) {
        self.direction = Parameters::new(Init::FanInUniform.draw(self.dim, self.dim, 1, rng));
        self.biases = Parameters::new(self.first_biases());
    }

    pub(super) fn parts(&self) -> Vec<HeadPart> {
        let (dim, biases) = (self.dim, self.first_biases().len());
        let why = format!("one direction in {dim} dimensions");
        let each = format!("as many as the loss has for {} classes", self.levels.values().len());
        vec![
            HeadPart::whole("weights", &[1, dim], &why),
            HeadPart::optional("first", &[1, dim], &why),
            HeadPart::optional("second", &[1, dim], &why),
            HeadPart::whole("bias", &[biases], &each),
            HeadPart::optional("bias_first", &[biases], &each),
            HeadPart::optional("bias_second", &[biases], &each),
        ]
    }

    pub(super) fn restore(&mut self, s: &mut HeadState) {
        let take = std::mem::take::<Vec<f32>>;
        self.direction = Parameters::restored(take(&mut s.weights), take(&mut s.first), take(&mut s.second));
        self.biases = Parameters::restored(take(&mut s.bias), take(&mut s.bias_first), take(&mut s.bias_second));
        self.kept = None;
    }

    pub(super) fn state(&self) -> HeadState {
        let Line { direction, biases, .. } = self;
        HeadState {
            weights: direction.values.clone(),
            bias: biases.values.clone(),
            first: direction.first.clone(),
            second: direction.second.clone(),
            bias_first: biases.first.clone(),
            bias_second: biases.second.clone(),
            ..HeadState::default()
        }
    }

    fn batch<'a>(&'a self, embeddings: &'a [f32]) -> Batch<'a> {
        Batch { embeddings, weights: &self.direction.values, biases: &self.biases.values, levels: &self.levels }
    }

    pub(super) fn pass(&mut self, pass: &Pass<'_>, rows: Rows<'_>) -> f64 {
        let Pass { embeddings, labels, limits, .. } = *pass;
        let batch = self.batch(embeddings);
        let told = batch.predict(&*self.loss);
        let mut found = batch.gradients(&*self.loss, labels, rows.dx);
        let seen = embeddings.chunks_exact(self.dim).zip(labels).zip(&told).zip(&found.rows);
        for ((((x, &y), told), &loss), out) in seen.zip(rows.stats) {
            *out = RowStats { loss, norm: length(x), correct: told.class == y, ..RowStats::default() };
        }
        self.kept = found.loss.is_finite().then(|| {
            let numbers = || found.weights.iter().chain(&found.biases);
            let norm = numbers().map(|g| f64::from(*g).powi(2)).sum::<f64>().sqrt();
            if norm > limits.max_gradient_norm {
                let factor = (limits.max_gradient_norm / norm) as f32;
                found.weights.iter_mut().chain(&mut found.biases).for_each(|g| *g *= factor);
            }
            (found.weights, found.biases)
        });
        found.loss
    }

    pub(super) fn update(&mut self, update: &Update) {
        if let Some((weights, biases)) = self.kept.take() {
            self.direction.step(update, &weights);
            self.biases.step(&update.without_decay(), &biases);
        }
    }

    pub(super) fn gradient(&self) -> Option<Gradient<'_>> {
        self.kept.as_ref().map(|(weights, bias)| Gradient { weights, bias })
    }

    /// What each of `embeddings` \[B, D\] is told to be.
    pub(in super::super) fn told(&self, embeddings: &[f32]) -> Vec<Prediction> {
        self.batch(embeddings).predict(&*self.loss)
    }

    /// Whether each row is told nearer to its true value than the median of the true values is.
    pub(in super::super) fn beats_median(&self, embeddings: &[f32], labels: &[u32]) -> Vec<bool> {
        let actual: Vec<f64> = labels.iter().map(|&y| self.levels.values()[y as usize]).collect();
        let mut sorted = actual.clone();
        sorted.sort_by(f64::total_cmp);
        let median = sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN);
        let nearer = |(told, actual): (&Prediction, &f64)| (told.value - actual).abs() < (median - actual).abs();
        self.told(embeddings).iter().zip(&actual).map(nearer).collect()
    }

    pub(super) fn numbers(&self) -> [&[f32]; 2] {
        [&self.direction.values, &self.biases.values]
    }
}
