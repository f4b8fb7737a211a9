//! The loss of a plan: margins, scale and parameters, refused or chosen, and said why.

use super::{PlanError, refused, within};
use crate::config::{Config, LossConfig};
use crate::losses::fit::{self, Fitted};
use crate::losses::margin::{Extension, LossInfo, Margins, Objective, Recipe, ScaleKind};
use crate::losses::param;
use crate::range::Range;
use std::f64::consts::PI;

const MULTIPLIER: &str = "loss.angle_multiplier";

/// Refuses margins outside their legal ranges.
///
/// # Errors
///
/// [`PlanError::OutOfRange`].
pub fn check_range(margins: Margins) -> Result<(), PlanError> {
    let Margins { angle_multiplier: m0, angle_margin: m1, cosine_margin: m2 } = margins;
    let too_little = "below 1 it would ease the own class, and above 16 no class has room";
    within(MULTIPLIER, m0, Range::Closed(1.0, 16.0), too_little)?;
    if !Range::Closed(0.0, PI).contains(m1) {
        let why = "two directions are at most π apart (a margin in degrees? divide by 57.3)";
        return Err(refused("loss.angle_margin", m1, "in [0, π] radians", why));
    }
    within("loss.cosine_margin", m2, Range::Closed(0.0, 2.0), "two cosines are at most 2 apart")
}

/// Refuses what the loss does not have, and values that it cannot have.
pub(super) fn check(config: &Config, loss: &'static LossInfo) -> Result<(), PlanError> {
    let l = &config.loss;
    let taken = |key, value: Option<f64>, takes: bool, hint| match value {
        // An effective configuration writes margins only for the losses that have them,
        // so a neutral value is the one other thing that may stand here.
        Some(_) if !takes => Err(PlanError::NotTaken { loss: loss.name, key, hint }),
        _ => Ok(()),
    };
    let takes = loss.takes;
    let hint = "use sphereface, fnorm_sphereface or combined";
    taken("angle_multiplier", l.angle_multiplier, takes.angle_multiplier, hint)?;
    taken("angle_margin", l.angle_margin, takes.angle_margin, "use arcface or combined")?;
    taken("cosine_margin", l.cosine_margin, takes.cosine_margin, "use cosface or combined")?;
    if loss.scale == ScaleKind::Unnormalized {
        taken("scale", l.scale, false, "its logits are w·x + b; use modified_softmax with a scale (NormFace)")?;
    }
    if !loss.takes_extension {
        check_extension(loss.name, l.extension)?;
    }
    check_range(Margins {
        angle_multiplier: l.angle_multiplier.unwrap_or(1.0),
        angle_margin: l.angle_margin.unwrap_or(0.0),
        cosine_margin: l.cosine_margin.unwrap_or(0.0),
    })?;
    if let Some(s) = l.scale {
        within("loss.scale", s, Range::Above(0.0, 10_000.0), "it multiplies the logits, and f32 has an end")?;
    }
    let m0 = l.angle_multiplier.unwrap_or(loss.paper.angle_multiplier);
    if l.extension == Extension::Fallback && m0 != 1.0 {
        let why = "the fallback is defined for m0 = 1 only";
        return Err(refused(MULTIPLIER, m0, "1 with extension = \"fallback\"", why));
    }
    param::check(loss.name, loss.params, &l.params)?;
    if l.smoothing > 0.0 && loss.objective == Objective::OneVsAll {
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
    pub(super) fitted: Fitted,
    /// Which margins and scale, and why, in a sentence.
    pub(super) reason: String,
}

/// What is given, else the paper's if asked for, else what fits C and D.
pub(super) fn choose(
    config: &Config,
    loss: &'static LossInfo,
    classes: usize,
    dim: usize,
) -> Result<Chosen, PlanError> {
    let l = &config.loss;
    let fitted = fit::fitted(loss, classes, dim);
    let base = if l.paper { Recipe::paper(loss, classes, dim) } else { fitted.recipe.clone() };
    let mut recipe = Recipe { extension: l.extension, ..base.clone() };
    let m = &mut recipe.margins;
    m.angle_multiplier = l.angle_multiplier.unwrap_or(m.angle_multiplier);
    m.angle_margin = l.angle_margin.unwrap_or(m.angle_margin);
    m.cosine_margin = l.cosine_margin.unwrap_or(m.cosine_margin);
    let values = param::resolve(loss.name, loss.params, &l.params, |p| base.param(p))?;
    recipe.params = loss.params.iter().map(|p| p.name).zip(values).collect();
    let usual = if l.paper { loss.paper_scale } else { fit::default_scale(classes, dim) };
    let default_scale = loss.scale_for(&recipe, usual);
    let scale_kind = match (loss.scale, l.scale) {
        (ScaleKind::EmbeddingNorm, Some(_)) => ScaleKind::Fixed,
        (kind, _) => kind,
    };
    recipe.scale = l.scale.unwrap_or(default_scale);

    let margin = (loss.build)(&recipe);
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
        let at = if loss.strongest.is_empty() { String::new() } else { format!(" for {}", loss.strongest) };
        let none = if left == 0.0 { " (none: the margin asks for more than there is)" } else { "" };
        parts.push(format!(
            "{why}: {classes} prototypes in {dim} dimensions are at most {alpha:.1}° apart, and this leaves each class {left:.1}° around its prototype{at}{none}"
        ));
    }
    match scale_kind {
        ScaleKind::Fixed => {
            let how = match (l.scale.is_some_and(|s| s != default_scale), loss.own_scale, l.paper) {
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
pub(super) fn write_down(l: &mut LossConfig, loss: &'static LossInfo, recipe: &Recipe, scale_kind: ScaleKind) {
    loss.name.clone_into(&mut l.name);
    let (takes, m) = (loss.takes, recipe.margins);
    l.angle_multiplier = takes.angle_multiplier.then_some(m.angle_multiplier);
    l.angle_margin = takes.angle_margin.then_some(m.angle_margin);
    l.cosine_margin = takes.cosine_margin.then_some(m.cosine_margin);
    if scale_kind == ScaleKind::Fixed {
        l.scale = Some(recipe.scale);
    }
    l.params = recipe.params.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect();
}
