//! What is added to an objective.
//!
//! ```text
//! L = objective + Σ terms
//! ```

use super::HeadError;
use super::kernel::Update;
use super::objective::TupleTerm;
use crate::init::Rng;
use crate::regularizer::Regularizer;

/// A term beside the objective's own loss, its weight already in it.
#[derive(Debug)]
pub(super) enum Term {
    /// Of the prototypes alone, whole from the first step with angular logits on: it asks nothing of the
    /// embeddings, so there is nothing to bring in slowly.
    Energy(Box<dyn Regularizer>),
    /// Of the batch's embeddings.
    Tuple(TupleTerm),
}

impl Term {
    /// The numbers of the first step.
    pub(super) fn start(&mut self, rng: &mut Rng) {
        if let Term::Tuple(term) = self {
            term.start(rng);
        }
    }

    /// The value for prototypes `weights` \[C, D\], 0 of a term of the embeddings; adds its gradient to `extra`.
    pub(super) fn of_prototypes(
        &self,
        weights: &[f32],
        dim: usize,
        labels: &[u32],
        extra: &mut Vec<f32>,
    ) -> Result<f64, HeadError> {
        let Term::Energy(energy) = self else { return Ok(0.0) };
        if extra.is_empty() {
            extra.resize(weights.len(), 0.0);
            return Ok(energy.term(weights, dim, labels, extra)?);
        }
        let mut own = vec![0.0; weights.len()];
        let value = energy.term(weights, dim, labels, &mut own)?;
        extra.iter_mut().zip(&own).for_each(|(to, from)| *to += from);
        Ok(value)
    }

    /// The value for a batch, 0 of a term of the prototypes; adds its gradient to `dx`.
    pub(super) fn of_batch(&mut self, x: &[f32], labels: &[u32], dx: &mut [f32]) -> Result<f64, HeadError> {
        let Term::Tuple(term) = self else { return Ok(0.0) };
        let mut own = vec![0.0; dx.len()];
        let value = term.value(x, labels, &mut own)?;
        dx.iter_mut().zip(&own).for_each(|(to, from)| *to += from);
        Ok(value)
    }

    /// Moves its own numbers.
    pub(super) fn update(&mut self, update: &Update) {
        if let Term::Tuple(term) = self {
            term.update(update);
        }
    }
}
