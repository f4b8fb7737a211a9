use crate::error::{EvalError, Result, rows};
use crate::measures::Numbers;

/// A set to be measured: embeddings, and what is known and was predicted of them.
///
/// ```
/// use arcsphere_eval::protocols::EmbeddedSet;
/// let samples = EmbeddedSet::new(&[1.0, 0.0, 0.0, 1.0], 2, &[0, 1])?.classified(&[0, 0])?;
/// assert!(samples.classified(&[0]).is_err());
/// # Ok::<(), arcsphere_eval::EvalError>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct EmbeddedSet<'a> {
    pub(super) embeddings: &'a [f32],
    pub(super) dim: usize,
    pub(super) labels: &'a [u32],
    pub(super) predicted: Option<&'a [u32]>,
    pub(super) prototypes: &'a [f32],
    pub(super) numbers: Option<Numbers<'a>>,
}

impl<'a> EmbeddedSet<'a> {
    /// Embeddings `[N, dim]` and the class of each.
    ///
    /// # Errors
    /// [`EvalError::Length`] where they do not fit, [`EvalError::NotFinite`], [`EvalError::TooFew`]
    /// for no sample.
    pub fn new(embeddings: &'a [f32], dim: usize, labels: &'a [u32]) -> Result<Self> {
        let n = rows("the embeddings", embeddings, dim)?;
        if n == 0 {
            return Err(EvalError::TooFew { what: "the set", got: 0, needed: 1 });
        }
        let samples = Self { embeddings, dim, labels, predicted: None, prototypes: &[], numbers: None };
        samples.fits("the labels", labels.len(), n)
    }

    /// The class that was predicted of each sample.
    ///
    /// # Errors
    /// [`EvalError::Length`].
    pub fn classified(self, predicted: &'a [u32]) -> Result<Self> {
        Self { predicted: Some(predicted), ..self }.fits("the predicted classes", predicted.len(), self.labels.len())
    }

    /// A prototype a class, `[C, dim]`, in the order of the labels; empty for none.
    #[must_use]
    pub fn with_prototypes(self, prototypes: &'a [f32]) -> Self {
        Self { prototypes, ..self }
    }

    /// The numbers that were predicted of an ordered target.
    #[must_use]
    pub fn with_numbers(self, numbers: Numbers<'a>) -> Self {
        Self { numbers: Some(numbers), ..self }
    }

    fn fits(self, what: &'static str, got: usize, expected: usize) -> Result<Self> {
        if got == expected { Ok(self) } else { Err(EvalError::Length { what, got, expected }) }
    }
}
