//! The head: a loss, what it learns beside the network, and the gradient that the network gets back.
//!
//! ```text
//! embeddings X [B, D], labels [B]  →  mean loss L, dL/dX [B, D]        (f32 in and out, sums in f64)
//! ```
//!
//! A head is an objective (`objective`): prototypes under a softmax or a margin, a tuple loss with its
//! class means, or the direction of an ordered target; and the terms that are added to it (`terms`). It
//! owns its numbers, their momentum and the schedule of the margin: the soft start, in which plain softmax sorts
//! the classes and after which the prototypes are placed where their classes went, is part of its steps.
//!
//! A loop of one's own calls [`Head::gradients`], hands `dx` back to the network, and calls [`Head::update`]:
//!
//! ```
//! use arcsphere_losses::head::{Head, Update};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut head = Head::builder("arcface", 3, 2).build()?;
//! let update = Update::Sgd { rate: 0.1, momentum: 0.9, decay: 0.0 };
//! let labels = [0, 1, 2, 0];
//! // The "network" here is a table of embeddings, which its own gradient moves.
//! let mut x = vec![0.9, 0.1, 0.2, 0.8, -0.7, 0.3, 0.5, -0.6];
//! let first = head.gradients(&x, &labels)?.loss;
//! for _ in 0..100 {
//!     let batch = head.gradients(&x, &labels)?;
//!     x.iter_mut().zip(&batch.dx).for_each(|(x, dx)| *x -= 0.5 * dx);
//!     head.update(&update)?;
//! }
//! let last = head.gradients(&x, &labels)?;
//! assert!(last.loss < 0.5 * first && last.rows.iter().all(|row| row.correct));
//! # Ok(())
//! # }
//! ```

mod batch;
mod builder;
mod error;
mod objective;
mod parts;
mod placement;
mod rule;
mod state;
mod terms;

#[cfg(test)]
mod conformance;
#[cfg(test)]
mod tests;

pub use arcsphere_kernels::head::{Best, RowStats, Update};
pub use batch::{BatchLoss, OnNotFinite};
pub use builder::HeadBuilder;
pub use error::HeadError;
pub use objective::Gradient;
pub use parts::HeadPart;
pub use state::HeadState;

use crate::margin_schedule::{MarginSchedule, MarginState, Softening};
use crate::ordinal::Prediction;
use crate::range::OutOfRange;
use arcsphere_kernels::head as kernel;
use objective::{Limits, Objective, Pass, Rows, TupleTerm};
use std::borrow::Cow;
use terms::Term;

/// When the parts of a margin loss come in.
#[derive(Clone, Copy, Debug)]
enum Timing {
    /// By a schedule over so many steps.
    Scheduled { schedule: MarginSchedule, steps: u64 },
    /// Always in one state.
    Held(MarginState),
}

/// A loss with its numbers. See the [module](self) for a loop around it and [`Head::builder`] for how one is
/// made.
#[derive(Debug)]
pub struct Head {
    loss: &'static str,
    classes: usize,
    dim: usize,
    limits: Limits,
    objective: Objective,
    terms: Vec<Term>,
    timing: Timing,
    softening: Softening,
    on_not_finite: OnNotFinite,
    accepts_lost: bool,
    seed: u64,
    step: u64,
    moments_since: u64,
    /// Whether an update is awaited.
    pending: bool,
}

impl Head {
    /// The loss's name.
    pub fn loss_name(&self) -> &'static str {
        self.loss
    }

    /// C.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// D.
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// K, prototypes per class; 1 where classes have none.
    pub fn centers(&self) -> usize {
        if let Objective::Prototypes(p) = &self.objective { p.margin.centers() } else { 1 }
    }

    /// The margin as it answers for the rows of a batch; none of a tuple loss alone and of an ordered target.
    pub fn margin(&self) -> Option<&dyn crate::margin::Margin> {
        if let Objective::Prototypes(p) = &self.objective { Some(&*p.margin) } else { None }
    }

    /// Its numbers, to be saved and given to [`HeadBuilder::with_state`].
    ///
    /// ```
    /// use arcsphere_losses::head::{Head, Update};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let mut head = Head::builder("cosface", 3, 2).build()?;
    /// head.gradients(&[0.3, 0.4], &[1])?;
    /// head.update(&Update::Sgd { rate: 0.1, momentum: 0.9, decay: 0.0 })?;
    /// let saved = head.state();
    /// assert_eq!((saved.weights.len(), saved.step), (3 * 2, 1));
    /// let again = Head::builder("cosface", 3, 2).with_state(saved.clone())?;
    /// assert_eq!(again.state(), saved);
    /// # Ok(())
    /// # }
    /// ```
    pub fn state(&self) -> HeadState {
        let tuple = self.tuple_term().map(|term| term.own.clone()).unwrap_or_default();
        HeadState { tuple, step: self.step, moments_since: self.moments_since, ..self.objective.state() }
    }

    /// Takes other numbers, of a head of the same loss, classes and dimensions, as an earlier
    /// [`state`](Self::state) of this one.
    ///
    /// # Errors
    ///
    /// As [`HeadBuilder::with_state`]; this head has then changed in nothing.
    pub fn restore(&mut self, mut state: HeadState) -> Result<(), HeadError> {
        let mut own = std::mem::take(&mut state.tuple);
        let rng = &mut builder::first_draws(self.seed);
        if let Some(term) = self.tuple_term() {
            term.check(&mut own, rng)?;
        }
        self.objective.ready(&mut state);
        parts::check(&self.objective.parts(), &state, self.accepts_lost)?;
        self.objective.restore(&mut state);
        if let Some(term) = self.tuple_term_mut() {
            term.own = own;
        }
        (self.step, self.moments_since, self.pending) = (state.step, state.moments_since, false);
        Ok(())
    }

    fn tuple_term(&self) -> Option<&TupleTerm> {
        match &self.objective {
            Objective::Batch(tuples) => Some(&tuples.term),
            _ => self.terms.iter().find_map(|term| if let Term::Tuple(term) = term { Some(term) } else { None }),
        }
    }

    fn tuple_term_mut(&mut self) -> Option<&mut TupleTerm> {
        match &mut self.objective {
            Objective::Batch(tuples) => Some(&mut tuples.term),
            _ => self.terms.iter_mut().find_map(|term| if let Term::Tuple(term) = term { Some(term) } else { None }),
        }
    }

    /// Whether logits are cosines in the loss's final form: of the margins and their relatives.
    pub fn is_angular(&self) -> bool {
        matches!(&self.objective, Objective::Prototypes(p) if p.is_angular())
    }

    /// s as it stands, of a loss with a fixed scale or one that it moves itself.
    pub fn scale(&self) -> Option<f64> {
        if let Objective::Prototypes(p) = &self.objective { p.scale() } else { None }
    }

    /// Steps done.
    pub fn steps_done(&self) -> u64 {
        self.step
    }

    /// The step before which the moments of its weights were last empty.
    pub fn moments_since(&self) -> u64 {
        self.moments_since
    }

    /// The loss's state at the step that comes next.
    pub fn margin_state(&self) -> MarginState {
        match self.timing {
            Timing::Held(state) => state,
            Timing::Scheduled { schedule, steps } => self.softening.margin(schedule.at(self.step, steps), self.step),
        }
    }

    /// Goes on more softly: with a part of the margin, the scale and the prototypes' rate, with shorter
    /// gradients, through a soft start again, in the place of what was softened before. The learning rate is that
    /// of each update.
    ///
    /// ```
    /// use arcsphere_losses::{head::Head, margin_schedule::{MarginSchedule, Softening}};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let mut head = Head::builder("cosface", 10, 8).scale(64.0).schedule(MarginSchedule::IMMEDIATE, 1000).build()?;
    /// head.soften(&Softening { scale: 0.5, strength: 0.75, ..Softening::default() })?;
    /// assert_eq!((head.scale(), head.margin_state().strength), (Some(32.0), 0.75));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`HeadError::OutOfRange`] for a factor that is no part.
    pub fn soften(&mut self, softening: &Softening) -> Result<(), HeadError> {
        softening.check()?;
        self.softening = *softening;
        if let Objective::Prototypes(p) = &mut self.objective {
            p.soften(softening.scale);
        }
        if self.step == 0 {
            self.ready_bias();
        }
        Ok(())
    }

    /// Gives binary problems the bias that they start with, where there is no soft start that ends with it.
    fn ready_bias(&mut self) {
        let margin = self.margin_state();
        if let (Objective::Prototypes(p), false) = (&mut self.objective, margin.linear) {
            p.ready_bias(margin);
        }
    }

    /// Spreads the prototypes evenly, in their order, and forgets what moved them. Where classes have no
    /// prototypes nothing happens.
    pub fn spread_prototypes(&mut self) {
        if let Objective::Prototypes(p) = &mut self.objective {
            p.spread();
            self.moments_since = self.step;
        }
    }

    /// Whether all that it has learned is finite.
    pub fn is_finite(&self) -> bool {
        self.objective.numbers().iter().all(|part| part.iter().all(|v| v.is_finite()))
    }

    /// Whether what a batch with these labels meets is finite: the prototypes of its classes, or all of an
    /// ordered target. Labels that are no class are passed over.
    pub fn is_finite_at(&self, labels: &[u32]) -> bool {
        if matches!(self.objective, Objective::Line(_)) {
            return self.is_finite();
        }
        let [weights, _] = self.objective.numbers();
        let per_class = weights.len() / self.classes;
        let own = |y: u32| weights.chunks_exact(per_class.max(1)).nth(y as usize).unwrap_or_default();
        labels.iter().all(|&y| own(y).iter().all(|v| v.is_finite()))
    }

    /// The gradient of its own numbers that the last [`gradients`](Self::gradients) found; none after an update,
    /// and none of a tuple loss alone.
    pub fn gradient(&self) -> Option<Gradient<'_>> {
        self.objective.gradient()
    }

    /// A vector for each class, \[C, D\]: its prototype, the first where it has several, or its mean; empty of
    /// an ordered target, whose classes have no direction.
    pub fn one_per_class(&self) -> Cow<'_, [f32]> {
        self.objective.one_per_class()
    }

    /// The same, but of several prototypes the dominant one, that is nearest to most of the class's `embeddings`
    /// \[N, D\] with `labels` \[N\], the first among equals.
    ///
    /// What is not dominant holds a class's odd images (Deng et al., Sub-center ArcFace, ECCV
    /// 2020), and angles to it say little of the class.
    ///
    /// # Errors
    ///
    /// [`HeadError`] for lengths, labels or embeddings that cannot be, where classes have several prototypes.
    pub fn dominant(&self, embeddings: &[f32], labels: &[u32]) -> Result<Cow<'_, [f32]>, HeadError> {
        match &self.objective {
            Objective::Prototypes(p) if p.margin.centers() > 1 => {
                self.check_batch(embeddings, labels)?;
                Ok(Cow::Owned(p.dominant(embeddings, labels)))
            }
            _ => Ok(self.one_per_class()),
        }
    }

    /// The best class of each of `embeddings` \[B, D\], without a margin, and its logit: w·x + b of plain softmax,
    /// ‖x‖·cos θ of the others. Of an ordered target the class that is told, and for its logit the number.
    ///
    /// ```
    /// use arcsphere_losses::head::{Head, HeadError, HeadState};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let own = HeadState { weights: vec![1.0, 0.0, 0.0, 1.0], ..HeadState::default() };
    /// let head = Head::builder("arcface", 2, 2).with_state(own)?;
    /// let best = head.predict(&[3.0, 4.0])?[0];
    /// assert!(best.class == 1 && (best.logit - 4.0).abs() < 1e-6);
    /// assert!(matches!(head.predict(&[3.0, 4.0, f32::NAN, 0.0]), Err(HeadError::NotFinite { row: 1, .. })));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`HeadError::Length`] for numbers that are no whole rows, [`HeadError::NotFinite`] by row.
    pub fn predict(&self, embeddings: &[f32]) -> Result<Vec<Best>, HeadError> {
        self.check_rows(embeddings)?;
        Ok(self.objective.predict(embeddings))
    }

    /// The logits of one embedding \[D\] without a margin, \[C\]: w·x + b of plain softmax; else s·cos θ, with s
    /// the scale as it stands or ‖x‖, and of several prototypes of a class the nearest's. Binary
    /// problems have one bias for all classes, which softmax does not see. Empty where a number is learned
    /// ([`told`](Self::told)).
    ///
    /// # Errors
    ///
    /// [`HeadError::Length`] for another number than D, [`HeadError::NotFinite`].
    pub fn logits(&self, embedding: &[f32]) -> Result<Vec<f64>, HeadError> {
        self.check_length("the embedding", embedding.len(), 1)?;
        self.check_rows(embedding)?;
        Ok(self.objective.logits(embedding))
    }

    /// Whether a number is learned, by a loss of an ordered target.
    pub fn is_ordinal(&self) -> bool {
        matches!(self.objective, Objective::Line(_))
    }

    /// What each of `embeddings` \[B, D\] is told to be; `None` where a class is learned.
    ///
    /// # Errors
    ///
    /// As [`predict`](Self::predict).
    pub fn told(&self, embeddings: &[f32]) -> Result<Option<Vec<Prediction>>, HeadError> {
        let Objective::Line(line) = &self.objective else { return Ok(None) };
        self.check_rows(embeddings)?;
        Ok(Some(line.told(embeddings)))
    }

    /// Whether each of `embeddings` \[B, D\] is told nearer to its true value than the median of the
    /// true values is; `None` where a class is learned. Of what tells all images the same, whatever that is, it
    /// holds for at most half of a batch.
    ///
    /// # Errors
    ///
    /// [`HeadError`] for lengths, labels or embeddings that cannot be.
    pub fn beats_median(&self, embeddings: &[f32], labels: &[u32]) -> Result<Option<Vec<bool>>, HeadError> {
        let Objective::Line(line) = &self.objective else { return Ok(None) };
        self.check_batch(embeddings, labels)?;
        Ok(Some(line.beats_median(embeddings, labels)))
    }
}
