//! Margin losses: one cross-entropy, many targets.
//!
//! ```text
//! z_ij = s·cos θ_ij  (j ≠ y),   z_iy = s·ψ(θ_iy),   ψ(θ) = cos(m0·θ + m1) − m2
//! ```
//!
//! The family is this formula. Its relatives let the margin depend on more than the angle,
//! or change what becomes of the other classes ([`contract`](Margin)).
//!
//! A loss is one file that describes itself in an `INFO`, and one line in the
//! registry below. Names on the command line, `arcsphere list`, `arcsphere explain`
//! and the conformance tests follow from the registry.

mod contract;
mod naive;
mod recipe;
mod target;

mod arcface;
mod combined;
mod cosface;
mod fnorm_sphereface;
mod modified_softmax;
mod softmax;
mod sphereface;

mod adacos;
mod adaface;
mod circle;
mod curricularface;
mod elasticface;
mod elasticface_plus;
mod magface;
mod mv_softmax;
mod sphereface2;
mod sphereface_r;
mod subcenter_arcface;

#[cfg(test)]
mod conformance;

pub use contract::{Margin, Row, Target, strongest_target};
pub use naive::Naive;
pub use recipe::Recipe;
pub use target::{Angular, Extension, Margins};

pub use arcsphere_kernels::head::{Negatives, OneVsAll, Parabola, RowStats, Threshold};

use super::Param;
use crate::registry::registry;

registry! {
    /// Every margin loss: the family in the order of its history, then its relatives.
    LOSSES: LossInfo = "loss" {
        softmax,
        modified_softmax,
        sphereface,
        fnorm_sphereface,
        cosface,
        arcface,
        combined,
        adacos,
        mv_softmax,
        curricularface,
        circle,
        subcenter_arcface,
        magface,
        adaface,
        elasticface,
        elasticface_plus,
        sphereface2,
        sphereface_r,
    }
}

/// The losses of a group, in the registry's order.
pub fn group(group: Group) -> impl Iterator<Item = &'static LossInfo> {
    LOSSES.iter().filter(move |l| l.group == group)
}

/// How a loss is related to the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// The seven: softmax, and what is one formula in m0, m1, m2 and s.
    Family,
    /// A loss on the same engine whose margin, scale or negatives depend on more than the angle.
    Relative,
}

impl Group {
    /// Its name, in lists.
    pub fn name(self) -> &'static str {
        match self {
            Group::Family => "family",
            Group::Relative => "relative",
        }
    }
}

/// What is made of the logits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Objective {
    /// −log softmax(z)_y.
    SoftmaxCe,
    /// C binary problems, each class against all others.
    OneVsAll,
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
    /// Family or relative.
    pub group: Group,
    /// One line.
    pub summary: &'static str,
    /// The target's logit, and what else differs from s·cos θ.
    pub formula: &'static str,
    /// Where a sample of class 1 is on the border to class 2.
    pub boundary: &'static str,
    /// The paper, and the equation where there is one.
    pub source: &'static str,
    /// What is made of the logits.
    pub objective: Objective,
    /// Where s comes from.
    pub scale: ScaleKind,
    /// The paper's fixed scale; unused otherwise.
    pub paper_scale: f64,
    /// s of a loss with a rule of its own, from the recipe and the s that others would take.
    pub own_scale: Option<fn(&Recipe, f64) -> f64>,
    /// The paper's margins.
    pub paper: Margins,
    /// Which of them may be set.
    pub takes: Takes,
    /// Its other parameters.
    pub params: &'static [Param],
    /// Whether its target can pass π, so that [`Extension`] says what it does there. Else
    /// `loss.extension` is refused.
    pub takes_extension: bool,
    /// Where a margin that depends on more than the angle takes most ([`Margin::strongest`]);
    /// empty for one that does not.
    pub strongest: &'static str,
    /// The loss that this is at strength 0.
    pub parent: &'static str,
    /// Makes the margin.
    pub build: fn(&Recipe) -> Box<dyn Margin>,
}

impl LossInfo {
    /// What a member of the family need not say. Names and texts are for the loss to fill in.
    const FAMILY: LossInfo = LossInfo {
        name: "",
        aliases: &[],
        group: Group::Family,
        summary: "",
        formula: "",
        boundary: "",
        source: "",
        objective: Objective::SoftmaxCe,
        scale: ScaleKind::Fixed,
        paper_scale: 64.0,
        own_scale: None,
        paper: Margins::NONE,
        takes: Takes::NONE,
        params: &[],
        takes_extension: false,
        strongest: "",
        parent: "modified_softmax",
        build: |recipe| Box::new(Angular::of(recipe)),
    };

    /// The same for a relative.
    const RELATIVE: LossInfo = LossInfo { group: Group::Relative, ..LossInfo::FAMILY };

    /// s where none is given; `usual` is what a loss without a rule of its own takes: the
    /// paper's, or the one fitted to C and D.
    pub fn scale_for(&self, recipe: &Recipe, usual: f64) -> f64 {
        self.own_scale.map_or(usual, |own| own(recipe, usual))
    }

    /// Whether it has a margin that can be weakened.
    pub fn has_margin(&self) -> bool {
        self.takes.any() || self.params.iter().any(|p| p.neutral.is_some())
    }
}

impl crate::registry::Named for LossInfo {
    fn name(&self) -> &'static str {
        self.name
    }

    fn aliases(&self) -> &'static [&'static str] {
        self.aliases
    }
}
