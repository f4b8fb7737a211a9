//! What a step is given, and what it tells of each row.

use super::update::{Moments, Update};

/// A batch and how to treat it.
#[derive(Clone, Copy, Debug)]
pub struct Batch<'a> {
    /// Embeddings, \[B, D\].
    pub embeddings: &'a [f32],
    /// Labels, \[B\], each below the number of classes C.
    pub labels: &'a [u32],
    /// D.
    pub dim: usize,
    /// K ≥ 1, prototypes per class. A class's cosine, or
    /// w·x, is the largest of its K; the gradient goes to that prototype alone, the first among
    /// equals.
    pub centers: usize,
    /// ε of label smoothing in [0, 1): the target gets 1 − ε + ε/C, every class ε/C. 0 where
    /// K > 1 or problems are binary.
    pub smoothing: f64,
    /// Parallel lanes over the classes. The result's bits depend on it, not on the pool.
    pub lanes: usize,
    /// Classes in a block, at most: no more than fit a core's cache are taken.
    pub chunk: usize,
    /// A prototype's gradient longer than this is shortened to it; infinite for no limit.
    /// Per prototype, because the whole gradient is never there to be measured.
    pub max_gradient_norm: f64,
}

impl Batch<'_> {
    /// No rows of `dim` numbers, to start from: one prototype per class, no smoothing, no limit of
    /// gradients, one lane, and blocks as large as a core's cache has room for.
    pub fn new(dim: usize) -> Self {
        Batch {
            embeddings: &[],
            labels: &[],
            dim,
            centers: 1,
            smoothing: 0.0,
            lanes: 1,
            chunk: usize::MAX,
            max_gradient_norm: f64::INFINITY,
        }
    }
}

/// The head's own numbers, updated in place.
#[derive(Default)]
pub struct Parameters<'a> {
    /// Prototypes, \[C·K, D\]: prototype k of class y is row y·K + k.
    pub weights: &'a mut [f32],
    /// For [`Logits::Linear`](super::Logits::Linear) the bias, \[C\], or empty for none; for
    /// [`Logits::OneVsAll`](super::Logits::OneVsAll) b, the first number. Else it is not read.
    pub bias: &'a mut [f32],
    /// What the update rule remembers of the prototypes.
    pub moments: Moments<'a>,
    /// What the update rule remembers of the bias.
    pub bias_moments: Moments<'a>,
    /// The rule that moves the bias; none for that of the prototypes. Neither decays a bias.
    pub bias_update: Option<&'a Update>,
    /// A further gradient for the prototypes, a regularizer's, \[C·K, D\] or empty for none. It is
    /// added to the loss's own before projection, limit and update.
    pub extra_gradient: &'a [f32],
}

/// What the head saw of one row.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct RowStats {
    /// The row's loss.
    pub loss: f64,
    /// Angle to the own prototype in radians.
    pub target_angle: f64,
    /// ‖x‖.
    pub norm: f64,
    /// Probability of the target under the loss's logits. For one-against-all that of the own
    /// class's binary problem.
    pub probability: f64,
    /// log Σ_{j≠y} exp(z_j) under the loss's logits; −∞ where there is no other class. For
    /// one-against-all z_j = r·(g(cos θ_j) + m) + b.
    pub others: f64,
    /// Whether [`predict`](super::predict()) would name the own class: no other one has a larger plain
    /// logit (no margin, nothing re-weighted), and none before it an equal one. So of equal
    /// prototypes the first is right, and an embedding of zeros, to which all cosines are 0, belongs to class 0.
    pub correct: bool,
}
