//! What a loss is made from: its margins, its own parameters, and the classes it is for.

use super::{Extension, LossInfo, Margins};
use crate::range::Range;
use std::collections::BTreeMap;

/// A number that a loss has beside m0, m1, m2 and s: `loss.params.NAME` in a configuration.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Param {
    /// Its name.
    pub name: &'static str,
    /// The paper's value.
    pub default: f64,
    /// What is allowed, …
    pub range: Range,
    /// … and why no more is.
    pub why: &'static str,
    /// Its symbol in the formula, where it has one, and what it is.
    pub meaning: &'static str,
    /// Where it is part of the margin: its value without any. Margins that are fitted to C and D
    /// go from the default toward it.
    pub neutral: Option<f64>,
    /// Another parameter that it must exceed.
    pub above: Option<&'static str>,
}

impl Param {
    /// A parameter that is no part of the margin.
    pub const fn new(
        name: &'static str,
        default: f64,
        range: Range,
        why: &'static str,
        meaning: &'static str,
    ) -> Param {
        Param { name, default, range, why, meaning, neutral: None, above: None }
    }

    /// The same as a part of the margin, which is none at `value`.
    pub const fn without_margin_at(self, value: f64) -> Param {
        Param { neutral: Some(value), ..self }
    }

    /// The same, to exceed another parameter.
    pub const fn above(self, other: &'static str) -> Param {
        Param { above: Some(other), ..self }
    }

    /// The symbol.
    pub fn symbol(&self) -> &'static str {
        self.meaning.split(", ").next().unwrap_or(self.name)
    }

    /// The value at a part `t` in \[0, 1\] of the paper's margin.
    pub fn at_strength(&self, t: f64) -> f64 {
        self.neutral.map_or(self.default, |neutral| neutral + t * (self.default - neutral))
    }
}

/// Everything that [`LossInfo::build`] needs.
#[derive(Clone, Debug, PartialEq)]
pub struct Recipe {
    /// m0, m1, m2.
    pub margins: Margins,
    /// What ψ does past π.
    pub extension: Extension,
    /// Parameters by name; one that is missing has its default.
    pub params: BTreeMap<&'static str, f64>,
    /// s, where it is fixed: for a loss that moves it, the first.
    pub scale: f64,
    /// C.
    pub classes: usize,
    /// D.
    pub dim: usize,
}

impl Recipe {
    /// The paper's, for `classes` classes in `dim` dimensions.
    pub fn paper(info: &LossInfo, classes: usize, dim: usize) -> Recipe {
        Recipe::weakened(info, 1.0, classes, dim)
    }

    /// The same with a part `strength` in \[0, 1\] of the paper's margins.
    pub fn weakened(info: &LossInfo, strength: f64, classes: usize, dim: usize) -> Recipe {
        let mut recipe = Recipe {
            margins: info.paper.at_strength(strength),
            extension: Extension::Monotone,
            params: info.params.iter().map(|p| (p.name, p.at_strength(strength))).collect(),
            scale: 1.0,
            classes,
            dim,
        };
        recipe.scale = info.scale_for(&recipe, info.paper_scale);
        recipe
    }

    /// The value of a parameter.
    pub fn param(&self, param: &Param) -> f64 {
        self.params.get(param.name).copied().unwrap_or(param.default)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_part_of_the_margin_is_weakened() {
        const PLAIN: Param = Param::new("plain", 3.0, Range::Over(0.0), "", "");
        const MARGIN: Param = Param::new("margin", 0.25, Range::Closed(0.0, 1.0), "", "").without_margin_at(1.0);
        assert_eq!((PLAIN.at_strength(0.0), PLAIN.at_strength(1.0)), (3.0, 3.0));
        assert_eq!((MARGIN.at_strength(0.0), MARGIN.at_strength(0.5), MARGIN.at_strength(1.0)), (1.0, 0.625, 0.25));
    }

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
