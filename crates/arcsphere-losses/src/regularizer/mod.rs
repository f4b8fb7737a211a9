//! Regularizers: what acts on the prototypes alone, beside any loss that has them.
//!
//! A regularizer is one file that describes itself in an `INFO`, and one line in the
//! registry below.

mod potential;
mod sphere;

mod hyperspherical_energy;

pub use hyperspherical_energy::hyperspherical_energy;

use super::param::{Param, ParamError, resolve};
use crate::registry::registry;
use std::collections::BTreeMap;
use std::fmt;
use thiserror::Error;

registry! {
    /// Every regularizer.
    REGULARIZERS: RegularizerInfo = "regularizer" {
        hyperspherical_energy,
    }
}

/// A term of the prototypes.
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

/// A regularizer as it describes itself.
#[derive(Clone, Copy, Debug)]
pub struct RegularizerInfo {
    /// The registry's name, and the file's.
    pub name: &'static str,
    /// Other names that users know it by.
    pub aliases: &'static [&'static str],
    /// One line.
    pub summary: &'static str,
    /// The term.
    pub formula: &'static str,
    /// The paper, and the equation where there is one.
    pub source: &'static str,
    /// What may be set.
    pub params: &'static [Param],
    /// Makes the regularizer, given a value for each of `params`.
    build: fn(&[f64]) -> Box<dyn Regularizer>,
}

impl RegularizerInfo {
    /// The regularizer with the parameters `given`, and defaults for the others.
    ///
    /// # Errors
    ///
    /// [`ParamError`] for an unknown name and for a value outside its range.
    pub fn make(&self, given: &BTreeMap<String, f64>) -> Result<Box<dyn Regularizer>, ParamError> {
        Ok((self.build)(&resolve(self.name, self.params, given, |p| p.default)?))
    }
}

impl crate::registry::Named for RegularizerInfo {
    fn name(&self) -> &'static str {
        self.name
    }

    fn aliases(&self) -> &'static [&'static str] {
        self.aliases
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
