//! A loss of an ordered target in a plan: what it needs of the images, and its parameters.

use super::tuple::write_down;
use super::{Ordinal, PlanError};
use crate::config::{Config, Task};
use crate::losses::Entry;
use crate::losses::ordinal::{Levels, OrdinalKind};

/// The loss and the values that it is to learn: `values`, what the classes are worth, if they have an order.
///
/// # Errors
///
/// [`PlanError`] for images whose classes have no order or whose order is not to be learned.
pub(super) fn check(
    config: &Config,
    info: &'static Entry<OrdinalKind>,
    values: Option<&[f32]>,
) -> Result<Ordinal, PlanError> {
    let (name, source) = (info.name, &config.data.source);
    let Some(values) = values else {
        return Err(PlanError::Data(format!(
            "{name} learns the number of an ordered target, and the classes of {source} have no order: give --task age \
             with a folder of images named AGE_GENDER_RACE_DATE.jpg, a CSV of (path, age) or the stand-in \
             rotated-digits, or a loss of classes, such as softmax"
        )));
    };
    if config.task != Task::Age {
        return Err(PlanError::Data(format!(
            "{name} learns the number of an ordered target, and here its steps are to be told apart as classes: add \
             --task age, or give a loss of classes, such as softmax"
        )));
    }
    let levels = Levels::new(values.iter().map(|&v| f64::from(v)).collect())
        .map_err(|e| PlanError::Data(format!("{source}: {e}")))?;
    Ok(Ordinal { info, levels })
}

/// Writes every parameter into a configuration. Returns what is trained, and that schedules of a margin do not
/// apply.
pub(super) fn settle(config: &mut Config, ordinal: &Ordinal) -> Result<String, PlanError> {
    write_down(config, ordinal.info)?;
    let v = ordinal.levels.values();
    Ok(format!(
        "a number is learned along one direction of the embedding, of {} values from {} to {}: {}; no prototypes, no margin, no soft start",
        v.len(),
        v[0],
        v[v.len() - 1],
        ordinal.info.kind.predicts
    ))
}

#[cfg(test)]
mod tests {
    use super::super::tests::even;
    use super::super::{LossPlan, Plan, Splits};
    use crate::config::{Config, Task};
    use crate::losses::ordinal::ORDINALS;
    use arcsphere_data::{Targets, Unit};

    /// Three classes that stand for `values`, with four images each.
    fn ordered(values: [f32; 3]) -> Splits {
        let plain = even();
        let of_images = plain.train.labels().iter().map(|&y| values[y as usize]).collect();
        let targets = Targets::new(Unit::Years, of_images, values.to_vec()).unwrap();
        let set = plain.train.clone().with_targets(targets).unwrap();
        Splits { train: set.clone(), test: set, ..plain }
    }

    fn config(loss: &str) -> Config {
        let mut config = Config { task: Task::Age, ..Config::default() };
        (config.loss.name, config.train.threads) = (loss.into(), 2);
        config
    }

    fn message(loss: &str, splits: &Splits, change: impl FnOnce(&mut Config)) -> String {
        let mut config = config(loss);
        change(&mut config);
        Plan::check(&config, splits).expect_err("must be refused").to_string()
    }

    #[test]
    fn each_has_a_plan_that_stays_as_it_is() {
        let splits = ordered([10.0, 20.0, 40.0]);
        for info in ORDINALS {
            let plan = Plan::check(&config(info.name), &splits).unwrap();
            assert_eq!((plan.name(), plan.config().loss.params.len()), (info.name, info.params.len()));
            assert!(plan.reason().contains("3 values from 10 to 40"), "{}", plan.reason());
            let LossPlan::Ordinal(of) = plan.loss() else { panic!("{}", info.name) };
            assert_eq!(of.levels.values(), [10.0, 20.0, 40.0]);
            let again = Plan::check(plan.config(), &splits).unwrap();
            assert_eq!((again.config(), again.reason()), (plan.config(), plan.reason()), "{}", info.name);
        }
    }

    #[test]
    fn classes_without_an_order_are_refused_by_name_with_a_way_out() {
        for info in ORDINALS {
            let text = message(info.name, &even(), |c| c.task = Task::Classify);
            let words = [info.name, "mnist-embedded", "no order", "--task age", "rotated-digits", "softmax"];
            assert!(words.iter().all(|w| text.contains(w)), "{text}");
            let text = message(info.name, &ordered([1.0, 2.0, 3.0]), |c| c.task = Task::Classify);
            assert!(text.contains(info.name) && text.contains("add --task age"), "{text}");
            let text = message(info.name, &ordered([1.0, 3.0, 2.0]), |_| ());
            assert!(text.contains("class 2") && text.contains("rise"), "{text}");
        }
    }

    #[test]
    fn what_it_does_not_have_is_refused_by_name() {
        let splits = ordered([1.0, 2.0, 3.0]);
        let of = |key: &str, change: fn(&mut Config)| {
            let text = message("regression", &splits, change);
            assert!(text.contains("regression") && text.contains(key), "{text}");
        };
        of("angle_margin", |c| c.loss.angle_margin = Some(0.1));
        of("scale", |c| c.loss.scale = Some(8.0));
        of("smoothing", |c| c.loss.smoothing = 0.1);
        of("energy_weight", |c| c.loss.energy_weight = 1.0);
        of("bta", |c| {
            c.loss.params.insert("bta".into(), 0.1);
        });
        of("beta", |c| {
            c.loss.params.insert("beta".into(), 0.0);
        });
    }
}
