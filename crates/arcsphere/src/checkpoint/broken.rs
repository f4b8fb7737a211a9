//! The ways in which a checkpoint can be broken, by name.

use thiserror::Error;

/// What is wrong with a file that is a checkpoint by its header.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Broken {
    /// A tensor that its configuration asks for.
    #[error("it lacks {tensor}, expected with shape {expected:?}")]
    Missing {
        /// What it is called.
        tensor: String,
        /// Its shape.
        expected: Vec<usize>,
    },
    /// A tensor that its configuration has no place for.
    #[error("it has a tensor {tensor} of shape {found:?}, for which its configuration has no place")]
    Unexpected {
        /// What it is called.
        tensor: String,
        /// Its shape.
        found: Vec<usize>,
    },
    /// A tensor of other dimensions.
    #[error("{tensor} has shape {found:?}, expected {expected:?} by its configuration")]
    Shape {
        /// What it is called.
        tensor: String,
        /// The shape in the file.
        found: Vec<usize>,
        /// The shape that the configuration gives it.
        expected: Vec<usize>,
    },
    /// A tensor of another type of numbers.
    #[error("{tensor} is of type {found}, expected {expected}")]
    Type {
        /// What it is called.
        tensor: String,
        /// The type in the file.
        found: String,
        /// The type that it must be of.
        expected: String,
    },
    /// The moments of the optimizer are of more or fewer parameters than the network has, or of others.
    #[error("optimizer.{order} has moments of {found} parameters, expected {expected}")]
    Moments {
        /// "first" or "second".
        order: &'static str,
        /// For how many parameters there are some.
        found: usize,
        /// How many the network has, or none.
        expected: String,
    },
    /// A number of its configuration, its progress or its provenance that cannot be.
    #[error("{what} is {found}, expected {expected}")]
    Value {
        /// Where it stands.
        what: String,
        /// What stands there.
        found: String,
        /// What could.
        expected: String,
    },
    /// Bytes beyond its last tensor, or fewer than its header says.
    #[error("it has {found} bytes, expected {expected} by its header")]
    Length {
        /// The file's size.
        found: u64,
        /// Header and tensors.
        expected: u64,
    },
}

impl Broken {
    /// A number that cannot be.
    pub(crate) fn value(what: impl Into<String>, found: impl ToString, expected: impl Into<String>) -> Broken {
        Broken::Value { what: what.into(), found: found.to_string(), expected: expected.into() }
    }
}
