use crate::angles::{Angles, angles, nearest_prototype_angles};
use crate::error::{EvalError, Result, rows};
use crate::progress::Progress;
use crate::retrieval::Retrieval;
use crate::verification::Roc;

/// What measures are computed from: what a protocol makes of a set.
#[derive(Debug)]
#[non_exhaustive]
pub enum Input<'a> {
    /// Embeddings and their labels.
    Embeddings(&'a Embeddings<'a>),
    /// Scores of pairs.
    Scores(&'a Scores<'a>),
    /// What each query found.
    Retrieval(&'a Retrieval),
    /// Predicted and true classes.
    Classes(&'a Classes<'a>),
    /// Prototypes, and the angles to them.
    Prototypes(&'a Prototypes<'a>),
    /// Predicted and true numbers.
    Numbers(&'a Numbers<'a>),
}

/// The kinds of [`Input`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// [`Input::Embeddings`].
    Embeddings,
    /// [`Input::Scores`].
    Scores,
    /// [`Input::Retrieval`].
    Retrieval,
    /// [`Input::Classes`].
    Classes,
    /// [`Input::Prototypes`].
    Prototypes,
    /// [`Input::Numbers`].
    Numbers,
}

impl Input<'_> {
    /// Its kind.
    pub fn kind(&self) -> Kind {
        match self {
            Input::Embeddings(_) => Kind::Embeddings,
            Input::Scores(_) => Kind::Scores,
            Input::Retrieval(_) => Kind::Retrieval,
            Input::Classes(_) => Kind::Classes,
            Input::Prototypes(_) => Kind::Prototypes,
            Input::Numbers(_) => Kind::Numbers,
        }
    }
}

/// Embeddings `[N, dim]` with a label each.
pub struct Embeddings<'a> {
    pub(crate) values: &'a [f32],
    pub(crate) dim: usize,
    pub(crate) labels: &'a [u32],
    /// Of what a measure draws.
    pub(crate) seed: u64,
    pub(crate) progress: Progress<'a>,
}

impl std::fmt::Debug for Embeddings<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Embeddings[{}, {}]", self.labels.len(), self.dim)
    }
}

impl<'a> Embeddings<'a> {
    /// Embeddings `[N, dim]` and N labels. Whatever a measure draws, it draws from `seed`, and it
    /// tells `progress` how far it is.
    ///
    /// # Errors
    /// [`EvalError::Length`] where they do not fit, [`EvalError::NotFinite`].
    pub fn new(values: &'a [f32], dim: usize, labels: &'a [u32], seed: u64, progress: Progress<'a>) -> Result<Self> {
        same_length("the labels", labels.len(), rows("the embeddings", values, dim)?)?;
        Ok(Self { values, dim, labels, seed, progress })
    }
}

/// The scores of pairs as a curve, and the FMRs of interest.
#[derive(Debug)]
pub struct Scores<'a> {
    pub(crate) roc: Roc,
    pub(crate) fmr: &'a [f64],
}

impl<'a> Scores<'a> {
    /// A score a pair, higher for more alike; `genuine[i]` says whether pair i is of one class.
    /// `fmr` are the false match rates at which a TMR is told.
    ///
    /// # Errors
    /// Those of [`Roc::new`].
    pub fn new(scores: &[f32], genuine: &[bool], fmr: &'a [f64]) -> Result<Self> {
        Ok(Self { roc: Roc::new(scores, genuine)?, fmr })
    }

    /// The curve.
    pub fn roc(&self) -> &Roc {
        &self.roc
    }
}

/// A predicted and a true class a sample.
#[derive(Debug)]
pub struct Classes<'a> {
    pub(crate) predicted: &'a [u32],
    pub(crate) labels: &'a [u32],
}

impl<'a> Classes<'a> {
    /// The classes of the same samples.
    ///
    /// # Errors
    /// [`EvalError::Length`] where they differ in number.
    pub fn new(predicted: &'a [u32], labels: &'a [u32]) -> Result<Self> {
        same_length("the predicted classes", predicted.len(), labels.len())?;
        Ok(Self { predicted, labels })
    }
}

/// Prototypes, and the angles of embeddings with them.
#[derive(Debug)]
pub struct Prototypes<'a> {
    pub(crate) angles: Angles,
    pub(crate) prototypes: &'a [f32],
    pub(crate) dim: usize,
}

impl<'a> Prototypes<'a> {
    /// The angles of `embeddings` `[N, dim]` with `prototypes` `[C, dim]`.
    ///
    /// # Errors
    /// Those of [`angles`].
    pub fn new(embeddings: &[f32], prototypes: &'a [f32], dim: usize, labels: &[u32]) -> Result<Self> {
        Ok(Self { angles: angles(embeddings, prototypes, dim, labels)?, prototypes, dim })
    }

    /// For each prototype the angle with the nearest other one.
    pub(crate) fn nearest(&self) -> Result<Vec<f64>> {
        nearest_prototype_angles(self.prototypes, self.dim)
    }
}

/// Predicted and true numbers of an ordered target.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Numbers<'a> {
    /// The expectation over the classes, or a regression's number, one a sample.
    pub expected: &'a [f64],
    /// The value of the likeliest class, one a sample.
    pub likeliest: &'a [f64],
    /// The samples' own values.
    pub actual: &'a [f64],
    /// The errors that count as good, in the target's unit.
    pub k: &'a [f64],
}

impl<'a> Numbers<'a> {
    /// The numbers of the same samples, and the largest errors that count as good.
    pub fn new(expected: &'a [f64], likeliest: &'a [f64], actual: &'a [f64], k: &'a [f64]) -> Self {
        Self { expected, likeliest, actual, k }
    }
}

fn same_length(what: &'static str, got: usize, expected: usize) -> Result<()> {
    if got == expected { Ok(()) } else { Err(EvalError::Length { what, got, expected }) }
}
