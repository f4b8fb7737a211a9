//! A tuple loss in a plan: what it does not have, and its parameters.

use super::loss::check_extension;
use super::terms::refused_for;
use super::{PlanError, refused};
use crate::config::Config;
use crate::losses::Entry;
use crate::losses::margin::Unit;
use crate::losses::param;
use crate::losses::tuple::{Role, TupleKind};

/// Refuses what a tuple loss cannot have.
///
/// # Errors
///
/// [`PlanError`] for margins, a scale, an energy, and smoothing without a softmax.
pub(super) fn check(config: &Config, info: &Entry<TupleKind>) -> Result<(), PlanError> {
    let l = &config.loss;
    let hint = "it has no margin on angles and no scale of logits; see its parameters in `arcsphere explain`";
    refuse_margins(config, info.name, hint)?;
    param::check(info.name, info.params, &l.params)?;
    if info.kind.role == Role::Alone && l.smoothing > 0.0 {
        let range = format!("0 for {}", info.name);
        return Err(refused("loss.smoothing", l.smoothing, range, "there is no softmax whose target it could smooth"));
    }
    Ok(())
}

/// Refuses what only an angular loss has.
///
/// # Errors
///
/// [`PlanError`] for margins, a scale and an energy.
pub(super) fn refuse_margins(config: &Config, loss: &'static str, hint: &'static str) -> Result<(), PlanError> {
    let l = &config.loss;
    for (key, value) in Unit::ALL.map(|unit| (unit.key(), l.margin(unit))).into_iter().chain([("scale", l.scale)]) {
        if value.is_some() {
            return Err(PlanError::NotTaken { loss, key, hint });
        }
    }
    check_extension(loss, l.extension)?;
    // Not `> 0`: NaN is refused as well.
    if l.energy_weight != 0.0 {
        let why = "it trains no prototypes on a sphere; use an angular loss";
        return Err(refused_for(loss, l.energy_weight, why));
    }
    Ok(())
}

/// Writes every parameter into a configuration, so that it says all of them. Returns what is trained, and that
/// schedules of a margin do not apply.
pub(super) fn settle(config: &mut Config, info: &Entry<TupleKind>) -> Result<String, PlanError> {
    write_down(config, info)?;
    let reason = match info.kind.role {
        Role::Alone => {
            "embeddings are compared with each other or with the loss's own centers, so there is no margin, no soft start and no schedule of it; a class is told by its nearest running mean"
        }
        Role::BesideSoftmax => "beside softmax, in which nothing is normalized; no margin, no soft start",
    };
    Ok(reason.to_owned())
}

/// Writes every parameter into a configuration.
pub(super) fn write_down<K>(config: &mut Config, info: &Entry<K>) -> Result<(), PlanError> {
    let values = info.values(&config.loss.params)?;
    config.loss.params = values.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::Plan;
    use super::super::tests::{even, message};
    use crate::config::Config;
    use crate::losses::margin::Extension;
    use crate::losses::tuple::TUPLES;

    #[test]
    fn every_tuple_loss_has_a_plan_that_stays_as_it_is() {
        let splits = even();
        for info in TUPLES {
            let mut config = Config::default();
            (config.loss.name, config.train.threads) = (info.name.into(), 2);
            let plan = Plan::check(&config, &splits).unwrap();
            assert_eq!((plan.name(), plan.per_class().is_some()), (info.name, info.kind.needs_pairs));
            assert_eq!(plan.config().loss.params.len(), info.params.len(), "{}", info.name);
            assert!(plan.margin_loss().is_none());
            let again = Plan::check(plan.config(), &splits).unwrap();
            assert_eq!((again.config(), again.reason()), (plan.config(), plan.reason()), "{}", info.name);
        }
    }

    #[test]
    fn what_a_tuple_loss_does_not_have_is_refused_by_name() {
        let of = |key: &str, change: fn(&mut Config)| {
            let text = message(|c| {
                c.loss.name = "triplet".into();
                change(c);
            });
            assert!(text.contains("triplet") && text.contains(key), "{text}");
        };
        of("angle_margin", |c| c.loss.angle_margin = Some(0.1));
        of("scale", |c| c.loss.scale = Some(8.0));
        of("extension", |c| c.loss.extension = Extension::Raw);
        of("smoothing", |c| c.loss.smoothing = 0.1);
        of("margn", |c| {
            c.loss.params.insert("margn".into(), 0.1);
        });
        of("margin", |c| {
            c.loss.params.insert("margin".into(), 9.0);
        });
    }
}
