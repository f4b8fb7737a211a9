//! What a head trains: one of three, a file each.
//!
//! | objective | what it keeps | how a class is told |
//! | --- | --- | --- |
//! | [`Prototypes`] | a prototype or more per class, and a bias | the largest logit without a margin |
//! | [`Tuples`] | a running mean of each class, which nothing trains | the nearest mean |
//! | [`Line`] | one direction and its biases | by the number along the direction |

mod line;
mod prototypes;
mod tuples;

pub(super) use line::Line;
pub(super) use prototypes::{Parts, Prototypes, Wrap};
pub(super) use tuples::{TupleTerm, Tuples};

use super::kernel::{Best, RowStats, Update};
use super::{HeadError, HeadPart, HeadState};
use crate::init::Rng;
use crate::margin_schedule::MarginState;
use std::borrow::Cow;

/// The whole loss, without the terms that are added to it.
#[derive(Debug)]
pub(super) enum Objective {
    Prototypes(Box<Prototypes>),
    Batch(Tuples),
    Line(Line),
}

/// How far gradients reach.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Parallel lanes over the classes.
    pub(super) lanes: usize,
    /// Largest norm of a prototype's gradient; infinite for none.
    pub(super) max_gradient_norm: f64,
    /// The prototypes' rate as a part of the update's, once logits are angular.
    pub(super) prototype_rate: f64,
}

/// A batch that was checked, and the moment of the training.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pass<'a> {
    pub(super) embeddings: &'a [f32],
    pub(super) labels: &'a [u32],
    pub(super) margin: MarginState,
    pub(super) limits: Limits,
    /// The terms' gradient for the prototypes; empty for none.
    pub(super) extra: &'a [f32],
}

/// Where a pass writes what it finds of the rows.
pub(super) struct Rows<'a> {
    pub(super) dx: &'a mut [f32],
    pub(super) stats: &'a mut [RowStats],
}

/// The gradient that waits for an update.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Gradient<'a> {
    /// d loss/dW, as long as [`HeadState::weights`]; of normalized prototypes it is tangent.
    pub weights: &'a [f32],
    /// d loss/db; as long as [`HeadState::bias`], with zeros where a loss does not use it.
    pub bias: &'a [f32],
}

impl Objective {
    /// The numbers of the first step.
    pub(super) fn start(&mut self, rng: &mut Rng) {
        match self {
            Objective::Prototypes(p) => p.start(rng),
            Objective::Batch(t) => t.start(rng),
            Objective::Line(l) => l.start(rng),
        }
    }

    /// Which numbers it has, and how many; nothing of it is made for that.
    pub(super) fn parts(&self) -> Vec<HeadPart> {
        match self {
            Objective::Prototypes(p) => p.parts(),
            Objective::Batch(t) => t.parts(),
            Objective::Line(l) => l.parts(),
        }
    }

    /// Fills in what a state from elsewhere may leave out.
    pub(super) fn ready(&self, state: &mut HeadState) {
        if let Objective::Prototypes(p) = self {
            p.ready(state);
        }
    }

    /// Numbers from elsewhere, whose lengths are those of [`parts`](Self::parts).
    pub(super) fn restore(&mut self, state: &mut HeadState) {
        match self {
            Objective::Prototypes(p) => p.restore(state),
            Objective::Batch(t) => t.restore(state),
            Objective::Line(l) => l.restore(state),
        }
    }

    /// The numbers, for a checkpoint.
    pub(super) fn state(&self) -> HeadState {
        match self {
            Objective::Prototypes(p) => p.state(),
            Objective::Batch(t) => t.state(),
            Objective::Line(l) => l.state(),
        }
    }

    /// The mean loss of a batch; with an update the numbers move, else the gradient is kept.
    pub(super) fn pass(&mut self, pass: &Pass<'_>, update: Option<&Update>, rows: Rows<'_>) -> Result<f64, HeadError> {
        let loss = match self {
            // Fused: a gradient of all prototypes is never there at once.
            Objective::Prototypes(p) => return Ok(p.pass(pass, update, rows)),
            Objective::Batch(t) => t.pass(pass, rows)?,
            Objective::Line(l) => l.pass(pass, rows),
        };
        if let Some(update) = update {
            self.update(update, pass.limits);
        }
        Ok(loss)
    }

    /// Moves the numbers by the gradient that was kept; none is kept afterwards.
    pub(super) fn update(&mut self, update: &Update, limits: Limits) {
        match self {
            Objective::Prototypes(p) => p.update(update, limits),
            Objective::Batch(t) => t.update(update),
            Objective::Line(l) => l.update(update),
        }
    }

    /// The gradient that was kept.
    pub(super) fn gradient(&self) -> Option<Gradient<'_>> {
        match self {
            Objective::Prototypes(p) => p.gradient(),
            Objective::Batch(_) => None,
            Objective::Line(l) => l.gradient(),
        }
    }

    /// The best class of each embedding.
    pub(super) fn predict(&self, embeddings: &[f32]) -> Vec<Best> {
        match self {
            Objective::Prototypes(p) => p.predict(embeddings),
            Objective::Batch(t) => t.predict(embeddings),
            Objective::Line(l) => {
                l.told(embeddings).iter().map(|t| Best { class: t.class, logit: t.value as f32 }).collect()
            }
        }
    }

    /// The logits of one embedding without a margin, \[C\]; empty of an ordered target.
    pub(super) fn logits(&self, embedding: &[f32]) -> Vec<f64> {
        match self {
            Objective::Prototypes(p) => p.logits(embedding),
            Objective::Batch(t) => t.logits(embedding),
            Objective::Line(_) => Vec::new(),
        }
    }

    /// A vector for each class, \[C, D\]: the first prototype, or the mean; empty of an ordered target.
    pub(super) fn one_per_class(&self) -> Cow<'_, [f32]> {
        match self {
            Objective::Prototypes(p) => p.one_per_class(),
            Objective::Batch(t) => Cow::Borrowed(t.means()),
            Objective::Line(_) => Cow::Borrowed(&[]),
        }
    }

    /// All that it learns, in slices: the weights, and the bias.
    pub(super) fn numbers(&self) -> [&[f32]; 2] {
        match self {
            Objective::Prototypes(p) => p.numbers(),
            Objective::Batch(t) => [t.means(), &[]],
            Objective::Line(l) => l.numbers(),
        }
    }
}
