//! Losses of an ordered target, which learn a number and not a class.
//!
//! ```text
//! z = w·x,  b_1 … b_n   →   loss, d loss/dX, d loss/dw, d loss/db       n = 1 (regression), C − 1 (coral)
//! ```
//!
//! An embedding is seen along one direction w \[D\] only, and is not normalized. What a class is
//! worth is the value that it stands for ([`Levels`]): the losses learn from the labels that softmax
//! and the margins learn from, and what differs is what they make of their order.
//!
//! A loss is one file that describes itself in an `INFO`, and one line in the registry below; the
//! conformance tests follow from it. Numbers come as f32, everything between is f64, and sums go
//! over the rows in their order.
//!
//! ```
//! use arcsphere_losses::ordinal::{self, Levels};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let loss = ordinal::find("regression")?.make(&Default::default())?;
//! let years = Levels::new(vec![20.0, 30.0, 40.0])?;
//! let predicted = loss.predict(10.0, &[0.0], &years);
//! assert_eq!((predicted.value, predicted.class), (40.0, 2)); // no one is older than the oldest class
//! # Ok(())
//! # }
//! ```

mod batch;
mod levels;

mod coral;
mod regression;

#[cfg(test)]
mod conformance;

pub use batch::{Batch, Gradients};
pub use levels::{Levels, LevelsError};

use crate::entry::Entry;
use crate::param::{Param, ParamError, Values};
use crate::registry::registry;
use std::collections::BTreeMap;
use std::fmt;

registry! {
    /// Every loss of an ordered target.
    ORDINALS: Entry<OrdinalKind> = "loss of an ordered target" {
        regression,
        coral,
    }
}

/// What is predicted of an embedding.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Prediction {
    /// The number, in the target's unit, from the first class's value to the last's.
    pub value: f64,
    /// The class, for the accuracy.
    pub class: u32,
}

/// A loss of numbers z = w·x and classes in order.
///
/// ```
/// use arcsphere_losses::ordinal::{self, Levels};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let coral = ordinal::find("coral")?.make(&Default::default())?;
/// let years = Levels::new(vec![20.0, 30.0, 40.0])?;
/// let b: Vec<f32> = coral.biases(3).iter().map(|b| *b as f32).collect();
/// assert!((coral.predict(0.0, &b, &years).value - 30.0).abs() < 1e-5); // even classes: their middle
/// # Ok(())
/// # }
/// ```
pub trait OrdinalLoss: fmt::Debug + Send + Sync {
    /// b at the start of a training of `classes` ≥ 2 classes; as many are trained.
    fn biases(&self, classes: usize) -> Vec<f64>;

    /// The loss of a row of class `class` and its derivative by z. Adds those by b to `slopes` \[n\].
    /// Finite for finite z and b; `class` below C.
    fn row(&self, z: f64, class: usize, biases: &[f32], levels: &Levels, slopes: &mut [f64]) -> (f64, f64);

    /// What is predicted of a row.
    fn predict(&self, z: f64, biases: &[f32], levels: &Levels) -> Prediction;
}

/// What only losses of an ordered target have.
#[derive(Clone, Copy, Debug)]
pub struct OrdinalKind {
    /// The number that is predicted, and the class.
    pub predicts: &'static str,
    /// Makes the loss.
    build: fn(&Values) -> Box<dyn OrdinalLoss>,
}

impl Entry<OrdinalKind> {
    /// The loss with the parameters `given`, and defaults for the others.
    ///
    /// # Errors
    ///
    /// [`ParamError`] for an unknown name and for a value outside its range.
    pub fn make(&self, given: &BTreeMap<String, f64>) -> Result<Box<dyn OrdinalLoss>, ParamError> {
        Ok(self.build(&self.values(given)?))
    }

    /// The loss with parameters that were checked; what is missing has its default.
    pub fn build(&self, values: &Values) -> Box<dyn OrdinalLoss> {
        (self.kind.build)(values)
    }
}
