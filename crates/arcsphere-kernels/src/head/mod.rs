//! The classification head in two chunked passes over the prototypes.
//!
//! For embeddings X \[B, D\] and prototypes W \[C, D\] the head computes the mean
//! cross-entropy, its gradient for X, and updates W, block after block of classes. Of
//! B×C it holds what fits a budget, 40 MB and 9 % of W and its velocity: the
//! exponentials of the first pass, which the second takes instead of making them anew.
//!
//! ```text
//! before   per row:    ‖x‖, x̂, cos θ and sin θ to the own prototype (f64), the margin's answer
//! pass 1   per block:  cosines, running maximum, exp and its sums over the other classes
//! between  per row:    log-sum-exp, loss, probability of the target
//! pass 2   per block:  exp, kept or again, p = exp(z − lse), dX̂ += G·Ŵ, dW = Gᵀ·X̂, update of W
//! ```
//!
//! The head is loss-blind: all that it knows of a margin is a [`MarginRule`], which
//! it asks once per row.

mod ahead;
mod descend;
mod exponentials;
mod lane;
mod layout;
mod predict;
mod product;
mod rows;
mod softmax;
mod update;
mod workspace;

#[cfg(test)]
mod oracle;

pub use predict::{Best, predict};
pub use update::{Moments, Update};
pub use workspace::Workspace;

use crate::isa::Isa;
use lane::Lane;
use layout::Layout;
use rows::Rows;
use softmax::Softmax;

/// Embedding norms below this count as this when a gradient is divided by the norm.
///
/// The gradient of x/‖x‖ grows as 1/‖x‖; with the floor a gradient for an embedding
/// never exceeds (scale · |ψ′|) / `NORM_FLOOR`; at the origin itself it is 0 for a free norm.
pub const NORM_FLOOR: f64 = 1e-6;

/// Where a row stands towards the prototype of its own class.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RowGeometry {
    /// cos θ, in [−1, 1].
    pub cos: f64,
    /// sin θ = ‖ŵ − cos θ · x̂‖, in [0, 1]; computed without cancellation.
    pub sin: f64,
    /// The embedding's norm ‖x‖, ≥ 0.
    pub norm: f64,
}

/// A margin's answer for one row: target logit = `scale` · `psi`, others = `scale` · cos θ_j.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RowLogit {
    /// s, the factor of all logits of the row.
    pub scale: f64,
    /// ∂s/∂‖x‖.
    pub dscale_dnorm: f64,
    /// ψ, which takes the place of cos θ for the row's own class.
    pub psi: f64,
    /// ∂ψ/∂θ.
    pub dpsi_dtheta: f64,
    /// ∂ψ/∂‖x‖.
    pub dpsi_dnorm: f64,
    /// A term of the row that depends on the norm alone, added to its loss.
    pub penalty: f64,
    /// ∂penalty/∂‖x‖.
    pub dpenalty_dnorm: f64,
}

/// A margin, as the head sees it: one question per row.
pub trait MarginRule: Sync {
    /// The row's scale and target value. `row` is its place in the batch.
    fn row(&self, row: usize, geometry: RowGeometry) -> RowLogit;
}

/// How logits come from embeddings and prototypes.
#[derive(Clone, Copy)]
pub enum Logits<'a> {
    /// z_j = w_j·x + b_j: plain softmax.
    Linear,
    /// z_j = s·cos θ_j, with the target's cosine replaced by the rule's ψ.
    Angular(&'a dyn MarginRule),
}

/// A batch and how to treat it.
#[derive(Clone, Copy)]
pub struct Batch<'a> {
    /// Embeddings, \[B, D\].
    pub embeddings: &'a [f32],
    /// Labels, \[B\], each below the number of classes.
    pub labels: &'a [u32],
    /// D.
    pub dim: usize,
    /// ε of label smoothing in [0, 1): the target gets 1 − ε + ε/C, every class ε/C.
    pub smoothing: f64,
    /// Parallel lanes over the classes. The result's bits depend on it, not on the pool.
    pub lanes: usize,
    /// Classes in a block, at most: no more than fit a core's cache are taken.
    pub chunk: usize,
    /// A prototype's gradient longer than this is shortened to it; infinite for no limit.
    /// Per prototype, because the whole gradient is never there to be measured.
    pub max_gradient_norm: f64,
}

/// The head's own numbers, updated in place.
pub struct Parameters<'a> {
    /// Prototypes, \[C, D\].
    pub weights: &'a mut [f32],
    /// Bias, \[C\]; empty for none. Only [`Logits::Linear`] reads it.
    pub bias: &'a mut [f32],
    /// What the update rule remembers of the prototypes.
    pub moments: Moments<'a>,
    /// What the update rule remembers of the bias.
    pub bias_moments: Moments<'a>,
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
    /// Probability of the target under the loss's logits.
    pub probability: f64,
    /// Whether no other class had a larger plain logit (no margin).
    pub correct: bool,
}

/// One training step of the head, with the widest instructions of this CPU and memory of its own.
///
/// See [`step_in`].
///
/// # Panics
///
/// As [`step_in`].
pub fn step(
    batch: &Batch<'_>,
    logits: Logits<'_>,
    parameters: Parameters<'_>,
    update: &Update,
    dx: &mut [f32],
    stats: &mut [RowStats],
) -> f64 {
    step_in(Isa::best(), &mut Workspace::default(), batch, logits, parameters, update, dx, stats)
}

/// One training step of the head.
///
/// Writes d(mean loss)/dX into `dx` \[B, D\], a [`RowStats`] per row into `stats`
/// \[B\], applies `update` to the parameters, and returns the mean loss. Gradients
/// for prototypes are those of the normalized prototypes, projected on the tangent
/// and divided by ‖w‖, when logits are angular. The bits of all of it depend on
/// `isa`, `batch.lanes` and `batch.chunk`, not on `workspace` or on threads.
///
/// # Panics
///
/// If lengths disagree or a label is not below C: callers check both beforehand.
pub fn step_in(
    isa: Isa,
    workspace: &mut Workspace,
    batch: &Batch<'_>,
    logits: Logits<'_>,
    parameters: Parameters<'_>,
    update: &Update,
    dx: &mut [f32],
    stats: &mut [RowStats],
) -> f64 {
    let rows = batch.labels.len();
    let classes = parameters.weights.len() / batch.dim;
    assert_eq!(batch.embeddings.len(), rows * batch.dim);
    assert_eq!(dx.len(), rows * batch.dim);
    assert_eq!(stats.len(), rows);
    assert!(batch.labels.iter().all(|&y| (y as usize) < classes), "a label is not below the number of classes");
    if rows == 0 {
        return 0.0;
    }

    let prepared = Rows::prepare(isa, batch, logits, parameters.weights);
    let layout = Layout::new(isa, rows, batch.dim);
    let kept = workspace.kept_classes(classes, batch.dim, layout.row_step);
    let Workspace { packed, lanes, .. } = workspace;
    packed.fill(&layout, &prepared.left);
    let mut lanes = Lane::split(batch, &layout, logits, parameters, lanes, kept);
    let shared = lane::Shared { isa, batch, layout: &layout, packed, rows: &prepared };
    lane::for_each(&mut lanes, |lane| lane.pass_one(&shared));
    let softmax = Softmax::merge(batch, logits, &prepared, &lanes, classes, stats);
    lane::for_each(&mut lanes, |lane| lane.pass_two(&shared, &softmax, update));
    softmax.embedding_gradient(isa, &layout, logits, &prepared, &lanes, dx);
    stats.iter().map(|s| s.loss).sum::<f64>() / rows as f64
}
