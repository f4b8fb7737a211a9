//! A tuple loss in a plan: its parameters, written down, and what is trained in words.

use super::PlanError;
use crate::config::Config;
use crate::losses::Entry;
use crate::losses::tuple::{Role, TupleKind};

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
