//! A margin loss in a plan: what was chosen for it, written down and said why.

use super::PlanError;
use crate::config::Config;
use crate::losses::bounds;
use crate::losses::fit::{self, Fit};
use crate::losses::margin::{Extension, MarginLoss, Margins, Recipe, ScaleKind, Unit};
use crate::losses::settings::Chosen;

/// Refuses margins outside their legal ranges.
///
/// # Errors
///
/// [`PlanError::Setting`].
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
    let check = |unit: Unit| bounds::margin(unit).check(unit.value(margins));
    Unit::ALL.into_iter().try_for_each(check).map_err(|refused| PlanError::Setting { section: "loss", refused })
}

/// Writes into a configuration what is given, else the paper's if asked for, else what fits C and D, so that it
/// says all of it. Returns which margins and which scale, and why, in a sentence.
///
/// # Errors
///
/// [`PlanError`] for what the loss cannot have.
pub(super) fn settle(config: &mut Config, loss: &'static MarginLoss, classes: usize) -> Result<String, PlanError> {
    let (l, dim) = (&mut config.loss, config.model.dim);
    let Chosen { recipe, scale_kind, fitted, own_margin, own_scale } = l.settings().choose(loss, classes, dim)?;
    let mut parts = Vec::new();
    if loss.has_margin() {
        let left = fit::angle_left_by(&*loss.build(&recipe), fitted.nearest_angle).to_degrees();
        parts.push(margin_reason(loss, (own_margin, l.paper), &recipe, &fitted, left));
    }
    parts.push(match scale_kind {
        ScaleKind::Fixed => {
            let how = match (own_scale, loss.kind.own_scale, l.paper) {
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

/// Which margins were taken, and why: `given` ones, the `paper`'s, or what fits; `left` is the angle in degrees that
/// they leave around a prototype.
fn margin_reason(loss: &MarginLoss, (given, paper): (bool, bool), taken: &Recipe, fitted: &Fit, left: f64) -> String {
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
