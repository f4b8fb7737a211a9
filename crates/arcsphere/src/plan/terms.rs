//! What is added to a margin loss: the energy of its prototypes.

use crate::config::Config;

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
