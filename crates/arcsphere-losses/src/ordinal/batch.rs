//! A batch of an ordinal loss: rows along w, and back.
//!
//! ```text
//! z_i = w·x_i,   L = mean of L_i
//! dL/dx_i = L_i'(z_i)·w/B,   dL/dw = Σ_i L_i'(z_i)·x_i/B,   dL/db = Σ_i dL_i/db/B
//! ```

use super::{Levels, OrdinalLoss, Prediction};
use crate::numbers::dot;

/// A batch, and what the loss has learned.
#[derive(Clone, Copy, Debug)]
pub struct Batch<'a> {
    /// Embeddings as the backbone gives them, \[B, D\].
    pub embeddings: &'a [f32],
    /// w \[D\], D ≥ 1.
    pub weights: &'a [f32],
    /// b \[n\].
    pub biases: &'a [f32],
    /// The classes' values.
    pub levels: &'a Levels,
}

/// What a batch says of w and b.
#[derive(Clone, Debug, PartialEq)]
pub struct Gradients {
    /// L.
    pub loss: f64,
    /// L_i, \[B\].
    pub rows: Vec<f64>,
    /// dL/dw, \[D\].
    pub weights: Vec<f32>,
    /// dL/db, \[n\].
    pub biases: Vec<f32>,
}

impl Batch<'_> {
    /// z of each row.
    fn along(&self) -> impl Iterator<Item = f64> {
        self.embeddings.chunks_exact(self.weights.len()).map(|x| dot(x, self.weights))
    }

    /// What each row is told to be.
    pub fn predict(&self, loss: &dyn OrdinalLoss) -> Vec<Prediction> {
        self.along().map(|z| loss.predict(z, self.biases, self.levels)).collect()
    }

    /// The mean loss of the rows with `labels` \[B\], and its gradients; that by the embeddings goes into
    /// `dx` \[B, D\]. Labels are below C. An empty batch has no loss.
    pub fn gradients(&self, loss: &dyn OrdinalLoss, labels: &[u32], dx: &mut [f32]) -> Gradients {
        let d = self.weights.len();
        let share = 1.0 / labels.len().max(1) as f64;
        let (mut dw, mut db) = (vec![0.0; d], vec![0.0; self.biases.len()]);
        let rows = self.embeddings.chunks_exact(d).zip(dx.chunks_exact_mut(d)).zip(labels).zip(self.along());
        let rows: Vec<f64> = rows
            .map(|(((x, dx), &y), z)| {
                let (value, slope) = loss.row(z, y as usize, self.biases, self.levels, &mut db);
                for (((dw, dx), &x), &w) in dw.iter_mut().zip(dx).zip(x).zip(self.weights) {
                    *dw += slope * f64::from(x);
                    *dx = (share * slope * f64::from(w)) as f32;
                }
                value
            })
            .collect();
        let mean = |sums: Vec<f64>| sums.iter().map(|sum| (share * sum) as f32).collect();
        Gradients { loss: share * rows.iter().sum::<f64>(), rows, weights: mean(dw), biases: mean(db) }
    }
}
