//! What is added to a margin loss: the energy of its prototypes.

use super::{PlanError, refused, within_of};
use crate::config::Config;
use crate::losses::margin::{MarginLoss, Recipe, ScaleKind};
use crate::losses::regularizer::{POWER, WEIGHT};

/// Refuses an energy out of range, or of prototypes that have no sphere to be on.
///
/// # Errors
///
/// [`PlanError`].
pub(super) fn check_energy(config: &Config, loss: &'static MarginLoss) -> Result<(), PlanError> {
    let (weight, power) = (config.loss.energy_weight, config.loss.energy_power);
    within_of("loss.energy_weight", weight, &WEIGHT)?;
    within_of("loss.energy_power", power, &POWER)?;
    if weight == 0.0 {
        return Ok(());
    }
    if loss.kind.scale == ScaleKind::Unnormalized {
        return Err(refused_for(
            loss.name,
            weight,
            "its prototypes are not on a sphere; use modified_softmax, or leave it out",
        ));
    }
    let mut recipe = Recipe { extension: config.loss.extension, ..Recipe::paper(loss, 2, 2) };
    recipe.params = loss.values_or_defaults(&config.loss.params);
    let margin = loss.build(&recipe);
    if margin.centers() > 1 {
        let why = "prototypes of one class belong together, and it would part them; use arcface, set \
                   loss.params.centers = 1, or leave it out";
        return Err(refused_for(loss.name, weight, why));
    }
    Ok(())
}

/// The energy is refused for a loss.
pub(super) fn refused_for(loss: &str, weight: f64, why: &'static str) -> PlanError {
    refused("loss.energy_weight", weight, format!("0 for {loss}"), why)
}

/// Whether prototypes move, and what the energy does, in words.
pub(super) fn prototypes(config: &mut Config, reason: &mut String) {
    let (weight, dim) = (config.loss.energy_weight, config.model.dim);
    let still = dim == 2 && weight == 0.0;
    let rate = *config.optim.prototype_rate.get_or_insert(if still { 0.0 } else { 1.0 });
    if rate == 0.0 {
        reason.push_str("; prototypes stay where they are placed after the soft start");
    }
    if weight > 0.0 {
        let half = if config.loss.energy_half_space { " in half space" } else { "" };
        let idle = if rate == 0.0 { ", which moves nothing with optim.prototype_rate = 0" } else { "" };
        let power = config.loss.energy_power;
        reason.push_str(&format!("; {weight} times the prototypes' energy of power {power}{half}{idle}"));
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{check, message};
    use crate::config::Config;

    #[test]
    fn energy_is_checked_and_said() {
        for value in [-1.0, f64::NAN, 1e4] {
            assert!(message(|c| c.loss.energy_weight = value).contains("loss.energy_weight"));
        }
        assert!(message(|c| c.loss.energy_power = 1.5).contains("0, 1 or 2"));
        for loss in ["softmax", "subcenter_arcface", "triplet", "center"] {
            let text = message(|c| (c.loss.name, c.loss.energy_weight) = (loss.into(), 1.0));
            assert!(text.contains(&format!("0 for {loss}")) && text.contains("; use "), "{text}");
        }
        let of_centers = |c: &mut Config, centers: f64| {
            (c.loss.name, c.loss.energy_weight) = ("subcenter_arcface".into(), 1.0);
            c.loss.params.insert("centers".into(), centers);
        };
        let text = message(|c| of_centers(c, 2.0));
        assert!(text.contains("belong together") && text.contains("loss.params.centers = 1"), "{text}");
        assert!(check(|c| of_centers(c, 1.0)).is_ok());
        let plan = check(|c| c.loss.energy_weight = 2.0).unwrap();
        assert_eq!(plan.config().optim.prototype_rate, Some(1.0));
        assert!(plan.reason().contains("2 times the prototypes' energy"), "{}", plan.reason());
        let plan = check(|c| (c.loss.energy_weight, c.optim.prototype_rate) = (2.0, Some(0.0))).unwrap();
        assert!(plan.reason().contains("moves nothing"), "{}", plan.reason());
    }
}
