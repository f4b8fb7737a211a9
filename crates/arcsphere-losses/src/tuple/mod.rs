//! Tuple losses: embeddings compared with each other, or with centers and proxies.
//!
//! ```text
//! x_1 … x_B, y_1 … y_B  →  loss, d loss/dX           pairs (contrastive, N-pair, SupCon),
//!                                                    triplets, or a row a class (center, proxies)
//! ```
//!
//! A loss is one file that describes itself in an `INFO`, and one line in the registry
//! below; the conformance tests follow from it. Slices on the host go in and out:
//! numbers come as f32, everything between is f64, and sums have an order that does
//! not depend on threads.
//!
//! Where a loss is not differentiable (a hinge at 0, two embeddings in one place, an
//! embedding without a direction) its gradient is the zero subgradient. A mean over no
//! terms, as in a batch without a pair of one class, is 0 and so is its gradient.
//!
//! ```
//! use arcsphere_losses::tuple::{self, TupleParameters};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let loss = tuple::find("triplet")?.make(&[("margin".to_owned(), 0.3)].into())?;
//! // Four embeddings in two dimensions: a pair of class 0, a pair of class 1.
//! let x = [1.0, 0.0, 0.9, 0.1, -1.0, 0.2, -0.8, 0.0];
//! let mut dx = [0.0; 8];
//! let value = loss.loss(&x, &[0, 0, 1, 1], 2, &mut TupleParameters::default(), &mut dx)?;
//! assert_eq!((value, dx), (0.0, [0.0; 8])); // each is nearer to its own class by far
//! # Ok(())
//! # }
//! ```

mod mining;
mod pairs;
mod parameters;
mod rows;

mod center;
mod contrastive;
mod npair;
mod proxy_anchor;
mod proxy_nca;
mod supcon;
mod triplet;
mod triplet_batch_hard;
mod triplet_semi_hard;

#[cfg(test)]
mod conformance;
#[cfg(test)]
mod oracle;

pub use parameters::TupleParameters;

use crate::entry::Entry;
use crate::param::{Param, ParamError, Values};
use crate::registry::registry;
use arcsphere_kernels::head::Update;
use rand_chacha::ChaCha8Rng;
use std::collections::BTreeMap;
use std::fmt;
use thiserror::Error;

registry! {
    /// Every tuple loss, in the order of their history.
    TUPLES: Entry<TupleKind> = "tuple loss" {
        contrastive,
        triplet,
        triplet_semi_hard,
        triplet_batch_hard,
        center,
        npair,
        proxy_nca,
        supcon,
        proxy_anchor,
    }
}

/// A loss of a batch of embeddings and labels.
///
/// ```
/// use arcsphere_losses::tuple::{self, TupleParameters};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let contrastive = tuple::find("contrastive")?.make(&Default::default())?;
/// let mut dx = [0.0; 4];
/// let loss = contrastive.loss(&[1.0, 0.0, 0.0, 1.0], &[0, 0], 2, &mut TupleParameters::default(), &mut dx)?;
/// assert!((loss - 1.0).abs() < 1e-6); // ½·d², two of a class at a right angle
/// # Ok(())
/// # }
/// ```
pub trait TupleLoss: fmt::Debug + Send + Sync {
    /// The loss's own numbers at the start of a training of `classes` classes in `dim`
    /// dimensions; empty for a loss that has none.
    fn parameters(&self, classes: usize, dim: usize, rng: &mut ChaCha8Rng) -> TupleParameters {
        let _ = (classes, dim, rng);
        TupleParameters::default()
    }

    /// The loss of `embeddings` \[B, D\] as the backbone gives them, with `labels` \[B\].
    ///
    /// Writes d loss/dX into `dx` \[B, D\], through the normalization where there is one,
    /// and what moves the loss's own numbers into [`TupleParameters::gradient`]. Finite
    /// for finite embeddings, at any B (0 included) and any labels.
    ///
    /// # Errors
    ///
    /// [`TupleError`] if lengths disagree, or for a label without a row in `parameters`.
    fn loss(
        &self,
        embeddings: &[f32],
        labels: &[u32],
        dim: usize,
        parameters: &mut TupleParameters,
        dx: &mut [f32],
    ) -> Result<f64, TupleError>;

    /// Moves the loss's own numbers by what the last [`loss`](Self::loss) found.
    /// `update` is the backbone's rule; nothing moves for [`Update::Gradient`].
    fn advance(&self, parameters: &mut TupleParameters, update: &Update) {
        parameters.step(update, 1.0);
    }
}

/// What a loss is trained with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It is the whole loss.
    Alone,
    /// It is added to a softmax head's loss, its weight already in it.
    BesideSoftmax,
}

/// What a loss keeps from batch to batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClassPoints {
    /// Nothing.
    None,
    /// A center a class, moved by a rule of the loss.
    Centers,
    /// A proxy a class, moved down its gradient by the optimizer.
    Proxies,
}

/// What only tuple losses have.
#[derive(Clone, Copy, Debug)]
pub struct TupleKind {
    /// What it is trained with.
    pub role: Role,
    /// Whether it sees x/max(‖x‖, ε) in the place of x, ε = 10⁻⁶
    /// ([`NORM_FLOOR`](arcsphere_kernels::head::NORM_FLOOR)). An embedding shorter than
    /// ε has no direction and gets no gradient.
    pub normalized: bool,
    /// Whether it learns from nothing but pairs of one class within a batch, so that it
    /// needs batches of P classes with K ≥ 2 samples each.
    pub needs_pairs: bool,
    /// What it keeps from batch to batch.
    pub points: ClassPoints,
    /// Makes the loss.
    build: fn(&Values) -> Box<dyn TupleLoss>,
}

impl Entry<TupleKind> {
    /// The loss with the parameters `given`, and defaults for the others.
    ///
    /// # Errors
    ///
    /// [`ParamError`] for an unknown name and for a value outside its range.
    pub fn make(&self, given: &BTreeMap<String, f64>) -> Result<Box<dyn TupleLoss>, ParamError> {
        Ok(self.build(&self.values(given)?))
    }

    /// The loss with parameters that were checked; what is missing has its default.
    pub fn build(&self, values: &Values) -> Box<dyn TupleLoss> {
        (self.kind.build)(values)
    }
}

/// Slices that do not fit together.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TupleError {
    /// Embeddings and labels, or embeddings and their gradient, differ in number.
    #[error(
        "{labels} labels in {dim} dimensions need {labels}·{dim} numbers, with at least one dimension, but {what} has {found}; pass the batch's own"
    )]
    Lengths {
        /// "the embeddings", "the gradient".
        what: &'static str,
        /// B.
        labels: usize,
        /// D.
        dim: usize,
        /// The slice's length.
        found: usize,
    },
    /// Own numbers of another shape than the batch's.
    #[error(
        "{found} numbers are not a whole number of {what} in {dim} dimensions with a gradient as long; make them by `TupleLoss::parameters` with the embedding's dimension"
    )]
    Parameters {
        /// "centers", "proxies".
        what: &'static str,
        /// D.
        dim: usize,
        /// How many numbers there are.
        found: usize,
    },
    /// A label without a row.
    #[error("sample {row} of the batch has label {label}, but there are {classes} {what}; labels start at 0")]
    Label {
        /// "centers", "proxies".
        what: &'static str,
        /// The sample's place in the batch.
        row: usize,
        /// Its label.
        label: u32,
        /// C.
        classes: usize,
    },
}

/// Whether embeddings, labels and gradient are of one batch.
fn check(embeddings: &[f32], labels: &[u32], dim: usize, dx: &[f32]) -> Result<(), TupleError> {
    for (what, found) in [("the embeddings", embeddings.len()), ("the gradient", dx.len())] {
        if dim == 0 || labels.len().checked_mul(dim) != Some(found) {
            return Err(TupleError::Lengths { what, labels: labels.len(), dim, found });
        }
    }
    Ok(())
}
