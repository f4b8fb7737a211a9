//! The loss of a plan: margins, scale and parameters, refused or chosen, and said why.

use super::{PlanError, refused, within_of};
use crate::config::{Config, LossConfig};
use crate::losses::fit::{self, Fit};
use crate::losses::margin::{Extension, MarginLoss, Margins, Objective, Recipe, SCALE, ScaleKind, Unit};
use crate::losses::param;

/// The key of a margin in a configuration.
fn key(unit: Unit) -> String {
    format!("loss.{}", unit.key())
}

/// Refuses margins outside their legal ranges.
///
/// # Errors
///
/// [`PlanError::OutOfRange`].
pub fn check_range(margins: Margins) -> Result<(), PlanError> {
    Unit::ALL.into_iter().try_for_each(|unit| within_of(&key(unit), unit.value(margins), unit.param()))
}

/// Refuses what the loss does not have, and values that it cannot have.
pub(super) fn check(config: &Config, loss: &'static MarginLoss) -> Result<(), PlanError> {
    let l = &config.loss;
    for unit in Unit::ALL {
        let Some(value) = l.margin(unit) else { continue };
        if !loss.kind.takes(unit) {
            let hint = match unit {
                Unit::AngleMultiplier => "use sphereface, fnorm_sphereface or combined",
                Unit::AngleMargin => "use arcface or combined",
                Unit::CosineMargin => "use cosface or combined",
            };
            return Err(PlanError::NotTaken { loss: loss.name, key: unit.key(), hint });
        }
        within_of(&key(unit), value, unit.param())?;
    }
    if !loss.kind.takes_extension {
        check_extension(loss.name, l.extension)?;
    }
    match l.scale {
        Some(_) if loss.kind.scale == ScaleKind::Unnormalized => {
            let hint = "its logits are w·x + b; use modified_softmax with a scale (NormFace)";
            return Err(PlanError::NotTaken { loss: loss.name, key: SCALE.name, hint });
        }
        Some(s) => within_of("loss.scale", s, &SCALE)?,
        None => {}
    }
    let m0 = l.angle_multiplier.unwrap_or(loss.kind.paper.angle_multiplier);
    if l.extension == Extension::Fallback && m0 != 1.0 {
        let why = "the fallback is defined for m0 = 1 only";
        return Err(refused(&key(Unit::AngleMultiplier), m0, "1 with extension = \"fallback\"", why));
    }
    param::check(loss.name, loss.params, &l.params)?;
    if l.smoothing > 0.0 && loss.kind.objective == Objective::OneVsAll {
        let why = "each class has a binary problem of its own, and there is no distribution over them to smooth";
        return Err(refused("loss.smoothing", l.smoothing, format!("0 for {}", loss.name), why));
    }
    Ok(())
}

/// Refuses an extension for a loss that has nothing to extend.
pub(super) fn check_extension(loss: &'static str, extension: Extension) -> Result<(), PlanError> {
    if extension == Extension::default() {
        return Ok(());
    }
    let hint =
        "no angle of its target passes π; leave loss.extension out, or use a loss with an angular margin, as arcface";
    Err(PlanError::NotTaken { loss, key: "extension", hint })
}

/// What was chosen for the loss.
pub(super) struct Chosen {
    pub(super) recipe: Recipe,
    pub(super) scale_kind: ScaleKind,
    pub(super) fitted: Fit,
    /// Which margins and scale, and why, in a sentence.
    pub(super) reason: String,
}

/// What is given, else the paper's if asked for, else what fits C and D.
pub(super) fn choose(
    config: &Config,
    loss: &'static MarginLoss,
    classes: usize,
    dim: usize,
) -> Result<Chosen, PlanError> {
    let l = &config.loss;
    let fitted = fit::fitted(loss, classes, dim);
    let base = if l.paper { Recipe::paper(loss, classes, dim) } else { fitted.recipe.clone() };
    let mut recipe = Recipe { extension: l.extension, ..base.clone() };
    for unit in Unit::ALL {
        let of_unit = unit.value_mut(&mut recipe.margins);
        *of_unit = l.margin(unit).unwrap_or(*of_unit);
    }
    recipe.params = param::resolve(loss.name, loss.params, &l.params, |p| base.param(p))?;
    let usual = if l.paper { loss.kind.paper_scale } else { fit::default_scale(classes, dim) };
    let default_scale = loss.scale_for(&recipe, usual);
    let scale_kind = match (loss.kind.scale, l.scale) {
        (ScaleKind::EmbeddingNorm, Some(_)) => ScaleKind::Fixed,
        (kind, _) => kind,
    };
    recipe.scale = l.scale.unwrap_or(default_scale);

    let margin = loss.build(&recipe);
    if l.smoothing > 0.0 && margin.centers() > 1 {
        let why = "the gradient goes to one prototype of a class, and smoothing would pull on all";
        let range = format!("0 for {} prototypes per class", margin.centers());
        return Err(refused("loss.smoothing", l.smoothing, range, why));
    }

    // An effective configuration repeats the defaults; only what differs from them was asked for.
    let is_margin = |name: &str| loss.params.iter().any(|p| p.name == name && p.neutral.is_some());
    let given = recipe.margins != base.margins
        || recipe.params.iter().any(|(name, value)| is_margin(name) && base.params.get(name) != Some(value));
    let mut parts = Vec::new();
    if loss.has_margin() {
        let alpha = fitted.nearest_angle.to_degrees();
        let left = fit::angle_left_by(&*margin, fitted.nearest_angle).to_degrees();
        let why = match (given, l.paper, fitted.strength < 1.0) {
            (true, ..) => "margins as given".to_owned(),
            (_, true, _) => "the paper's margins, as asked for".to_owned(),
            (.., true) => format!("{:.0} % of the paper's margins", 100.0 * fitted.strength),
            _ => "the paper's margins".to_owned(),
        };
        let at = if loss.kind.strongest.is_empty() { String::new() } else { format!(" for {}", loss.kind.strongest) };
        let none = if left == 0.0 { " (none: the margin asks for more than there is)" } else { "" };
        parts.push(format!(
            "{why}: {classes} prototypes in {dim} dimensions are at most {alpha:.1}° apart, and this leaves each class {left:.1}° around its prototype{at}{none}"
        ));
    }
    match scale_kind {
        ScaleKind::Fixed => {
            let how = match (l.scale.is_some_and(|s| s != default_scale), loss.kind.own_scale, l.paper) {
                (true, ..) => "as given",
                (_, Some(_), _) => "by the loss's own rule",
                (.., true) => "the paper's",
                _ => "fitted to the number of classes and their angle",
            };
            parts.push(format!("scale {:.1}, {how}", recipe.scale));
        }
        ScaleKind::EmbeddingNorm => {
            let none = if parts.is_empty() { "no margin; " } else { "" };
            parts.push(format!("{none}the scale is each embedding's norm"));
        }
        ScaleKind::Unnormalized => parts.push("no margin, nothing normalized".to_owned()),
    }
    Ok(Chosen { recipe, scale_kind, fitted, reason: parts.join("; ") })
}

/// Writes into a configuration what was chosen, so that it says all of it.
pub(super) fn write_down(l: &mut LossConfig, loss: &'static MarginLoss, recipe: &Recipe, scale_kind: ScaleKind) {
    loss.name.clone_into(&mut l.name);
    for unit in Unit::ALL {
        l.set_margin(unit, loss.kind.takes(unit).then(|| unit.value(recipe.margins)));
    }
    if scale_kind == ScaleKind::Fixed {
        l.scale = Some(recipe.scale);
    }
    l.params = recipe.params.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect();
}
