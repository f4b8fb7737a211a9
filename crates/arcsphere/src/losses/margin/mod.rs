//! Margin losses: one cross-entropy, many targets.
//!
//! ```text
//! z_ij = s·cos θ_ij  (j ≠ y),   z_iy = s·ψ(θ_iy),   ψ(θ) = cos(m0·θ + m1) − m2
//! ```
//!
//! A loss is one file that describes itself in an `INFO`, and one line in the
//! registry below. Names on the command line, `arcsphere list`, `arcsphere explain`
//! and the conformance tests follow from the registry.

mod naive;
mod target;

mod arcface;
mod combined;
mod cosface;
mod fnorm_sphereface;
mod modified_softmax;
mod softmax;
mod sphereface;

#[cfg(test)]
mod conformance;

pub use naive::Naive;
pub use target::{Angular, Extension, Margins, Target};

use crate::registry::registry;
use std::fmt;

registry! {
    /// Every margin loss, in the order of the family's history.
    LOSSES: LossInfo = "loss" {
        softmax,
        modified_softmax,
        sphereface,
        fnorm_sphereface,
        cosface,
        arcface,
        combined,
    }
}

/// What a row's own angle is turned into.
pub trait Margin: fmt::Debug + Send + Sync {
    /// ψ and its derivatives at (cos θ, sin θ) for an embedding of norm `norm`.
    ///
    /// `strength` t in [0, 1] weakens the margin: at 1 it is the loss's own, at 0 ψ is
    /// cos θ. All of ψ, ∂ψ/∂θ, ∂ψ/∂‖x‖ are finite for every θ in [0, π] and norm ≥ 0.
    fn target(&self, cos: f64, sin: f64, norm: f64, strength: f64) -> Target;
}

/// Where the factor of the logits comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScaleKind {
    /// No normalization at all: logits are w·x + b.
    Unnormalized,
    /// s = ‖x‖: the embedding is not normalized.
    EmbeddingNorm,
    /// s is a constant: the embedding is normalized.
    Fixed,
}

/// Which margin parameters a loss has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Takes {
    /// `angle_multiplier`, m0.
    pub angle_multiplier: bool,
    /// `angle_margin`, m1.
    pub angle_margin: bool,
    /// `cosine_margin`, m2.
    pub cosine_margin: bool,
}

impl Takes {
    /// No margin at all.
    pub const NONE: Takes = Takes { angle_multiplier: false, angle_margin: false, cosine_margin: false };

    /// Whether there is any.
    pub fn any(self) -> bool {
        self != Takes::NONE
    }
}

/// A loss as it describes itself.
#[derive(Clone, Copy, Debug)]
pub struct LossInfo {
    /// The registry's name, and the file's.
    pub name: &'static str,
    /// Other names that users know it by.
    pub aliases: &'static [&'static str],
    /// One line.
    pub summary: &'static str,
    /// The target's logit.
    pub formula: &'static str,
    /// Where a sample of class 1 is on the border to class 2.
    pub boundary: &'static str,
    /// The paper, and the equation where there is one.
    pub source: &'static str,
    /// Where s comes from.
    pub scale: ScaleKind,
    /// The paper's fixed scale; unused otherwise.
    pub paper_scale: f64,
    /// The paper's margins.
    pub paper: Margins,
    /// Which of them may be set.
    pub takes: Takes,
    /// The loss that this is at margin 0.
    pub parent: &'static str,
    /// Makes the target function.
    pub build: fn(Margins, Extension) -> Box<dyn Margin>,
}

impl crate::registry::Named for LossInfo {
    fn name(&self) -> &'static str {
        self.name
    }

    fn aliases(&self) -> &'static [&'static str] {
        self.aliases
    }
}

/// The family's own target function, for a loss's `build`.
fn angular(margins: Margins, extension: Extension) -> Box<dyn Margin> {
    Box::new(Angular { margins, extension })
}
