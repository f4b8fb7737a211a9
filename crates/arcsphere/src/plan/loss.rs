//! The loss of a plan: margins, scale and parameters, refused or chosen, and said why.

use super::{PlanError, refused, within_of};
use crate::config::Config;
use crate::losses::fit::{self, Fit};
use crate::losses::margin::{Extension, MarginLoss, Margins, Objective, Recipe, SCALE, ScaleKind, Unit};
use crate::losses::param::{self, Param};

/// The key of a margin in a configuration.
fn key(unit: Unit) -> String {
    format!("loss.{}", unit.key())
}

/// Refuses margins outside their legal ranges.
///
/// # Errors
///
/// [`PlanError::OutOfRange`].
///
/// ```
/// use arcsphere::losses::margin::Unit;
/// use arcsphere::plan::check_range;
///
/// assert!(check_range(Unit::AngleMargin.margins(0.5)).is_ok());
/// let error = check_range(Unit::AngleMargin.margins(30.0)).unwrap_err().to_string();
/// assert!(error.contains("loss.angle_margin = 30") && error.contains("degrees"), "{error}");
/// ```
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

/// Where s comes from: one that is given is fixed.
pub(super) fn scale_kind(loss: &MarginLoss, given: Option<f64>) -> ScaleKind {
    match (loss.kind.scale, given) {
        (ScaleKind::EmbeddingNorm, Some(_)) => ScaleKind::Fixed,
        (kind, _) => kind,
    }
}

/// Writes into a configuration what is given, else the paper's if asked for, else what fits C and D, so that it
/// says all of it. Returns which margins and which scale, and why, in a sentence.
///
/// # Errors
///
/// [`PlanError`] for a parameter that does not exceed the one that it must, and for smoothing of several
/// prototypes per class.
pub(super) fn settle(config: &mut Config, loss: &MarginLoss, classes: usize) -> Result<String, PlanError> {
    let (l, dim) = (&mut config.loss, config.model.dim);
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
    recipe.scale = l.scale.unwrap_or(default_scale);
    let margin = loss.build(&recipe);
    if l.smoothing > 0.0 && margin.centers() > 1 {
        let why = "the gradient goes to one prototype of a class, and smoothing would pull on all";
        let range = format!("0 for {} prototypes per class", margin.centers());
        return Err(refused("loss.smoothing", l.smoothing, range, why));
    }
    let mut parts = Vec::new();
    if loss.has_margin() {
        let left = fit::angle_left_by(&*margin, fitted.nearest_angle).to_degrees();
        parts.push(margin_reason(loss, l.paper, &base, &recipe, &fitted, left));
    }
    let scale_kind = scale_kind(loss, l.scale);
    parts.push(match scale_kind {
        ScaleKind::Fixed => {
            let how = match (l.scale.is_some_and(|s| s != default_scale), loss.kind.own_scale, l.paper) {
                (true, ..) => "as given",
                (_, Some(_), _) => "by the loss's own rule",
                (.., true) => "the paper's",
                _ => "fitted to the number of classes and their angle",
            };
            format!("scale {:.1}, {how}", recipe.scale)
        }
        ScaleKind::EmbeddingNorm => {
            let none = if parts.is_empty() { "no margin; " } else { "" };
            format!("{none}the scale is each embedding's norm")
        }
        ScaleKind::Unnormalized => "no margin, nothing normalized".to_owned(),
    });
    for unit in Unit::ALL {
        l.set_margin(unit, loss.kind.takes(unit).then(|| unit.value(recipe.margins)));
    }
    if scale_kind == ScaleKind::Fixed {
        l.scale = Some(recipe.scale);
    }
    l.params = recipe.params.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    Ok(parts.join("; "))
}

/// Which margins were taken, and why; `left` is the angle in degrees that they leave around a prototype.
fn margin_reason(loss: &MarginLoss, paper: bool, base: &Recipe, taken: &Recipe, fitted: &Fit, left: f64) -> String {
    // An effective configuration repeats the defaults; only what differs from them was asked for.
    let differs = |p: &Param| p.neutral.is_some() && base.param(p) != taken.param(p);
    let given = taken.margins != base.margins || loss.params.iter().any(differs);
    let why = match (given, paper, fitted.strength < 1.0) {
        (true, ..) => "margins as given".to_owned(),
        (_, true, _) => "the paper's margins, as asked for".to_owned(),
        (.., true) => format!("{:.0} % of the paper's margins", 100.0 * fitted.strength),
        _ => "the paper's margins".to_owned(),
    };
    let at = if loss.kind.strongest.is_empty() { String::new() } else { format!(" for {}", loss.kind.strongest) };
    let none = if left == 0.0 { " (none: the margin asks for more than there is)" } else { "" };
    let (classes, dim, alpha) = (taken.classes, taken.dim, fitted.nearest_angle.to_degrees());
    format!(
        "{why}: {classes} prototypes in {dim} dimensions are at most {alpha:.1}° apart, and this leaves each class {left:.1}° around its prototype{at}{none}"
    )
}

/// What public code does past π where nothing else is asked for: SphereFace-like losses
/// nothing, ArcFace the fallback.
pub(super) fn naive_extension(asked: Extension, margins: Margins) -> Extension {
    match asked {
        Extension::Monotone if margins.angle_multiplier != 1.0 => Extension::Raw,
        Extension::Monotone if margins.angle_margin > 0.0 => Extension::Fallback,
        other => other,
    }
}
