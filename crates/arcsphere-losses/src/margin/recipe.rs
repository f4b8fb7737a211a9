//! What a loss is made from: its margins, its own parameters, and the classes it is for.

use super::{Extension, MarginLoss, Margins, Param};
use crate::param::Values;
use crate::range::Range;

/// s of the logits, where it is fixed.
pub const SCALE: Param = Param::new(
    "scale",
    64.0,
    Range::Above(0.0, 10_000.0),
    "it multiplies the logits, and f32 has an end",
    "s, the fixed factor of the cosines",
);

/// Label smoothing: the part of the label that is spread over all classes.
pub const SMOOTHING: Param = Param::new(
    "smoothing",
    0.0,
    Range::Below(0.0, 1.0),
    "at 1 the label says nothing",
    "ε, the part of the label that goes to all classes alike",
);

/// Everything that [`MarginLoss::build`] needs.
///
/// ```
/// use arcsphere_losses::margin::{self, Recipe};
///
/// let arcface = margin::find("arcface")?;
/// let (paper, half) = (Recipe::paper(arcface, 10, 512), Recipe::weakened(arcface, 0.5, 10, 512));
/// assert_eq!((paper.margins.angle_margin, half.margins.angle_margin, paper.scale), (0.5, 0.25, 64.0));
/// # Ok::<(), arcsphere_losses::registry::UnknownName>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Recipe {
    /// m0, m1, m2.
    pub margins: Margins,
    /// What ψ does past π.
    pub extension: Extension,
    /// Parameters by name; one that is missing has its default.
    pub params: Values,
    /// s, where it is fixed: for a loss that moves it, the first.
    pub scale: f64,
    /// C.
    pub classes: usize,
    /// D.
    pub dim: usize,
}

impl Recipe {
    /// The paper's, for `classes` classes in `dim` dimensions.
    pub fn paper(info: &MarginLoss, classes: usize, dim: usize) -> Recipe {
        Recipe::weakened(info, 1.0, classes, dim)
    }

    /// The same with a part `strength` in \[0, 1\] of the paper's margins.
    pub fn weakened(info: &MarginLoss, strength: f64, classes: usize, dim: usize) -> Recipe {
        let mut recipe = Recipe {
            margins: info.kind.paper.at_strength(strength),
            extension: Extension::Monotone,
            params: info.params.iter().map(|p| (p.name, p.at_strength(strength))).collect(),
            scale: 1.0,
            classes,
            dim,
        };
        recipe.scale = info.scale_for(&recipe, info.kind.paper_scale);
        recipe
    }

    /// The value of a parameter.
    pub fn param(&self, param: &Param) -> f64 {
        param.of(&self.params)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_parameter_has_its_default() {
        const P: Param = Param::new("p", 3.0, Range::Over(0.0), "", "");
        let info = super::super::find("arcface").unwrap();
        let mut recipe = Recipe::paper(info, 10, 2);
        assert_eq!(recipe.param(&P), 3.0);
        recipe.params.insert("p", 4.0);
        assert_eq!(recipe.param(&P), 4.0);
    }
}
