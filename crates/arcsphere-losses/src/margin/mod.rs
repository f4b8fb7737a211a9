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
mod unit;

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
pub use recipe::{Recipe, SCALE, SMOOTHING};
pub use target::{Angular, Extension, Margins};
pub use unit::Unit;

pub use arcsphere_kernels::head::{Negatives, OneVsAll, Parabola, RowStats, Threshold};

use crate::entry::Entry;
use crate::param::Param;
use crate::registry::registry;

registry! {
    /// Every margin loss: the family in the order of its history, then its relatives.
    LOSSES: MarginLoss = "margin loss" {
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
///
/// ```
/// use arcsphere_losses::margin::{Group, group};
///
/// let family: Vec<&str> = group(Group::Family).map(|loss| loss.name).collect();
/// assert_eq!(family.len(), 7);
/// assert_eq!((family[0], family[5]), ("softmax", "arcface"));
/// ```
pub fn group(group: Group) -> impl Iterator<Item = &'static MarginLoss> {
    LOSSES.iter().filter(move |l| l.kind.group == group)
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

/// What only margin losses have.
#[derive(Clone, Copy, Debug)]
pub struct MarginKind {
    /// Family or relative.
    pub group: Group,
    /// Where a sample of class 1 is on the border to class 2.
    pub boundary: &'static str,
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
    pub takes: &'static [Unit],
    /// Whether its target can pass π, so that [`Extension`] says what it does there. Else
    /// `loss.extension` is refused.
    pub takes_extension: bool,
    /// Where a margin that depends on more than the angle takes most ([`Margin::strongest`]);
    /// empty for one that does not.
    pub strongest: &'static str,
    /// The loss that this is at strength 0.
    pub parent: &'static str,
    /// Makes the margin.
    build: fn(&Recipe) -> Box<dyn Margin>,
}

impl MarginKind {
    /// What a member of the family need not say. The boundary is for the loss to fill in.
    const FAMILY: MarginKind = MarginKind {
        group: Group::Family,
        boundary: "",
        objective: Objective::SoftmaxCe,
        scale: ScaleKind::Fixed,
        paper_scale: 64.0,
        own_scale: None,
        paper: Margins::NONE,
        takes: &[],
        takes_extension: false,
        strongest: "",
        parent: "modified_softmax",
        build: |recipe| Box::new(Angular::of(recipe)),
    };

    /// The same for a relative.
    const RELATIVE: MarginKind = MarginKind { group: Group::Relative, ..MarginKind::FAMILY };

    /// Whether a margin of this unit may be set.
    pub fn takes(&self, unit: Unit) -> bool {
        self.takes.contains(&unit)
    }

    /// The unit of its margin, if it has exactly one.
    pub fn unit(&self) -> Option<Unit> {
        match self.takes {
            [unit] => Some(*unit),
            _ => None,
        }
    }
}

/// A margin loss as it describes itself.
///
/// ```
/// use arcsphere_losses::margin::{self, Recipe, Row};
///
/// let arcface = margin::find("arcface")?;
/// let margin = arcface.build(&Recipe::paper(arcface, 10, 512));
/// // On its prototype a sample's target is cos(0 + m1), m1 = 0.5.
/// let target = margin.target(&Row::at_angle(0.0), &margin.memory(), 1.0);
/// assert!((target.psi - 0.5_f64.cos()).abs() < 1e-12);
/// # Ok::<(), arcsphere_losses::registry::UnknownName>(())
/// ```
pub type MarginLoss = Entry<MarginKind>;

impl MarginLoss {
    /// The margin of a recipe.
    pub fn build(&self, recipe: &Recipe) -> Box<dyn Margin> {
        (self.kind.build)(recipe)
    }

    /// s where none is given; `usual` is what a loss without a rule of its own takes: the
    /// paper's, or the one fitted to C and D.
    pub fn scale_for(&self, recipe: &Recipe, usual: f64) -> f64 {
        self.kind.own_scale.map_or(usual, |own| own(recipe, usual))
    }

    /// Where s comes from: one that is given is fixed.
    pub fn scale_kind(&self, given: Option<f64>) -> ScaleKind {
        match (self.kind.scale, given) {
            (ScaleKind::EmbeddingNorm, Some(_)) => ScaleKind::Fixed,
            (kind, _) => kind,
        }
    }

    /// Whether it has a margin that can be weakened.
    pub fn has_margin(&self) -> bool {
        !self.kind.takes.is_empty() || self.params.iter().any(|p| p.neutral.is_some())
    }
}
