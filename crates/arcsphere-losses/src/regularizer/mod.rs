//! Regularizers: what acts on the prototypes alone, beside any loss that has them.
//!
//! A regularizer is one file that describes itself in an `INFO`, and one line in the
//! registry below.

mod potential;
mod sphere;

mod hyperspherical_energy;

pub use hyperspherical_energy::{HALF_SPACE, INFO as HYPERSPHERICAL_ENERGY, POWER, WEIGHT, hyperspherical_energy};

use crate::entry::Entry;
use crate::param::{Param, ParamError, Values};
use crate::registry::registry;
use std::collections::BTreeMap;
use std::fmt;
use thiserror::Error;

registry! {
    /// Every regularizer.
    REGULARIZERS: Entry<EnergyKind> = "regularizer" {
        hyperspherical_energy,
    }
}

/// A term of the prototypes.
///
/// ```
/// use arcsphere_losses::regularizer::HYPERSPHERICAL_ENERGY;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let energy = HYPERSPHERICAL_ENERGY.make(&[("weight".to_owned(), 0.5)].into())?;
/// let mut gradient = [0.0; 4];
/// let term = energy.term(&[1.0, 0.0, -1.0, 0.0], 2, &[0, 1], &mut gradient)?;
/// assert!((term - 0.25).abs() < 1e-6); // half of 1/‖ŵ_1 − ŵ_2‖
/// # Ok(())
/// # }
/// ```
pub trait Regularizer: fmt::Debug + Send + Sync {
    /// The term for prototypes `weights` \[C, D\], its weight already in it. Writes its
    /// gradient for the prototypes as they are, not normalized, into `gradient` \[C, D\].
    /// `labels` are those of the step's batch; where C is large, only they are looked at.
    ///
    /// # Errors
    ///
    /// [`RegularizerError`] if lengths disagree, or for a label without a prototype.
    fn term(&self, weights: &[f32], dim: usize, labels: &[u32], gradient: &mut [f32]) -> Result<f64, RegularizerError>;
}

/// What only regularizers have.
#[derive(Clone, Copy, Debug)]
pub struct EnergyKind {
    /// Makes the regularizer.
    build: fn(&Values) -> Box<dyn Regularizer>,
}

impl Entry<EnergyKind> {
    /// The regularizer with the parameters `given`, and defaults for the others.
    ///
    /// # Errors
    ///
    /// [`ParamError`] for an unknown name and for a value outside its range.
    pub fn make(&self, given: &BTreeMap<String, f64>) -> Result<Box<dyn Regularizer>, ParamError> {
        Ok(self.build(&self.values(given)?))
    }

    /// The regularizer with parameters that were checked; what is missing has its default.
    pub fn build(&self, values: &Values) -> Box<dyn Regularizer> {
        (self.kind.build)(values)
    }
}

/// Why a term cannot be computed.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum RegularizerError {
    /// Slices of different shapes.
    #[error(
        "{weights} numbers of prototypes and {gradient} of their gradient must be as many, and a whole number of rows of {dim} ≥ 1"
    )]
    Lengths {
        /// How many numbers the prototypes have.
        weights: usize,
        /// How many numbers the gradient has.
        gradient: usize,
        /// D.
        dim: usize,
    },
    /// A class without a prototype.
    #[error("class {class} is to be looked at, but there are {classes} prototypes; classes start at 0")]
    Class {
        /// The class.
        class: u32,
        /// C.
        classes: usize,
    },
    /// A power for which there is no energy.
    #[error("the power a = {0} of r^(−a) must be a number from 0 to 16; the paper's are 0, 1 and 2")]
    Power(f64),
}
