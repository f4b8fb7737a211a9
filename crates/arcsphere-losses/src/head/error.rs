//! What a head refuses.

use crate::ordinal::LevelsError;
use crate::param::ParamError;
use crate::range::OutOfRange;
use crate::registry::UnknownName;
use crate::regularizer::RegularizerError;
use crate::settings::SettingError;
use crate::tuple::TupleError;
use thiserror::Error;

/// Why a head cannot be built, or cannot take what it is given. Nothing has changed where one is returned.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum HeadError {
    /// No such loss.
    #[error(transparent)]
    Unknown(#[from] UnknownName),
    /// A number out of its range.
    #[error(transparent)]
    OutOfRange(#[from] OutOfRange),
    /// A setting that the loss does not have or cannot have.
    #[error(transparent)]
    Setting(#[from] SettingError),
    /// A loss of an ordered target without values for its classes, or another loss with them.
    #[error("{loss} {problem}")]
    Levels {
        /// The loss.
        loss: &'static str,
        /// What is wrong, and the way out.
        problem: String,
    },
    /// A term of the prototypes, which is no loss without one.
    #[error("{name} is a term beside a loss: name a margin loss, as sphereface, and call energy(…)")]
    Term {
        /// The term.
        name: &'static str,
    },
    /// Classes that have no order.
    #[error(transparent)]
    Order(#[from] LevelsError),
    /// Slices that do not fit together.
    #[error("{what} has {found} numbers, expected {expected} ({shape}); {way_out}")]
    Length {
        /// The slice.
        what: &'static str,
        /// How many numbers it has.
        found: usize,
        /// How many it must have.
        expected: usize,
        /// Where that number comes from.
        shape: String,
        /// What to do instead.
        way_out: &'static str,
    },
    /// A label without a class.
    #[error("row {row} has label {label}, but there are {classes} classes, from 0; look at the labels")]
    Label {
        /// The row.
        row: usize,
        /// Its label.
        label: u32,
        /// C.
        classes: usize,
    },
    /// An embedding that is not a number.
    #[error(
        "row {row} of the embeddings has the number {value}, and so would all prototypes after a step: lower the rate, clip the gradient, or skip such rows (OnNotFinite::Skip)"
    )]
    NotFinite {
        /// The first such row.
        row: usize,
        /// Its first number that is not finite.
        value: f32,
    },
    /// A state that is not a number throughout.
    #[error(
        "{what} is {value} at index {index}: a training that died; go back to an earlier state, or accept a lost one"
    )]
    Lost {
        /// The part of the state.
        what: &'static str,
        /// Where.
        index: usize,
        /// The number.
        value: f64,
    },
    /// An update without a gradient.
    #[error("there is no gradient to update by: call `gradients` first, once before each `update`")]
    NoGradient,
    /// A tuple loss refused the batch.
    #[error(transparent)]
    Tuple(#[from] TupleError),
    /// A regularizer refused the prototypes.
    #[error(transparent)]
    Regularizer(#[from] RegularizerError),
}

impl From<ParamError> for HeadError {
    fn from(error: ParamError) -> HeadError {
        HeadError::Setting(error.into())
    }
}
