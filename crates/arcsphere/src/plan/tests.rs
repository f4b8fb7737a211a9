use super::*;
use crate::losses::margin::{self, Extension};

/// Three classes with four images each.
pub(super) fn even() -> Splits {
    splits(3, (0..12).map(|i| i % 3).collect())
}

fn splits(classes: usize, labels: Vec<u32>) -> Splits {
    let shape = Shape { channels: 1, height: 8, width: 8 };
    let names = (0..classes).map(|c| c.to_string()).collect();
    let set = Dataset::new(shape, vec![7; 64 * labels.len()], labels, names).unwrap();
    Splits {
        train: set.clone(),
        validation: None,
        test: set.clone(),
        open_set: false,
        normalization: Normalization::from_dataset(&set).unwrap(),
    }
}

pub(super) fn check(change: impl FnOnce(&mut Config)) -> Result<Plan, PlanError> {
    let mut config = Config::default();
    config.train.threads = 2;
    change(&mut config);
    Plan::check(&config, &splits(3, vec![0, 1, 2, 0]))
}

pub(super) fn message(change: impl FnOnce(&mut Config)) -> String {
    check(change).expect_err("must be refused").to_string()
}

#[test]
fn a_margin_out_of_range_is_refused_with_the_range_and_the_reason() {
    let text = message(|c| c.loss.angle_margin = Some(30.0));
    assert!(text.contains("[0, π]") && text.contains("because"), "{text}");
    let text = message(|c| (c.loss.name, c.loss.angle_multiplier) = ("sphereface".into(), Some(0.5)));
    assert!(text.contains("[1, 16]"), "{text}");
    assert!(message(|c| c.loss.angle_margin = Some(f64::NAN)).contains("NaN"));
}

#[test]
fn a_margin_of_another_loss_is_refused_by_name() {
    let text = message(|c| c.loss.cosine_margin = Some(0.2));
    assert!(text.contains("arcface has no cosine_margin"), "{text}");
    let text = message(|c| (c.loss.name, c.loss.scale) = ("softmax".into(), Some(8.0)));
    assert!(text.contains("softmax has no scale"), "{text}");
}

#[test]
fn an_extension_is_taken_or_refused_by_name() {
    for loss in margin::LOSSES {
        for extension in [Extension::Fallback, Extension::Easy, Extension::Raw] {
            let plan = check(|c| (c.loss.name, c.loss.extension) = (loss.name.into(), extension));
            if loss.kind.takes_extension {
                // The fallback is defined for m0 = 1 only.
                let defined = extension != Extension::Fallback || loss.kind.paper.angle_multiplier == 1.0;
                assert_eq!(plan.is_ok(), defined, "{} {extension:?}: {:?}", loss.name, plan.err());
            } else {
                let text = plan.expect_err(loss.name).to_string();
                assert!(text.starts_with(&format!("{} has no extension: ", loss.name)), "{text}");
                assert!(text.contains("leave loss.extension out"), "{text}");
            }
        }
    }
}

#[test]
fn dimension_one_and_unknown_names_are_refused() {
    assert!(message(|c| c.model.dim = 1).contains("model.dim = 1"));
    assert!(message(|c| c.loss.name = "arcfce".into()).contains("did you mean \"arcface\""));
    assert!(message(|c| c.model.backbone = "lenet2d".into()).contains("lenet_2d"));
    assert!(message(|c| c.model.depth = Some(3)).contains("model.depth"));
}

#[test]
fn one_class_and_a_class_without_a_sample_are_refused() {
    let config = Config::default();
    let text = Plan::check(&config, &splits(1, vec![0, 0])).unwrap_err().to_string();
    assert!(text.contains("1 class"), "{text}");
    let text = Plan::check(&config, &splits(3, vec![0, 2])).unwrap_err().to_string();
    assert!(text.contains("class \"1\" has no training image"), "{text}");
}

#[test]
fn a_fixed_scale_on_modified_softmax_is_normface() {
    let plan = check(|c| (c.loss.name, c.loss.scale) = ("modified_softmax".into(), Some(20.0))).unwrap();
    assert_eq!((plan.scale_kind(), plan.scale()), (ScaleKind::Fixed, 20.0));
}

#[test]
fn checking_the_effective_configuration_changes_nothing() {
    for (loss, naive) in margin::LOSSES.iter().flat_map(|loss| [(loss, false), (loss, true)]) {
        let plan = check(|c| (c.loss.name, c.train.naive) = (loss.name.into(), naive)).unwrap();
        let again = Plan::check(plan.config(), &splits(3, vec![0, 1, 2, 0])).unwrap();
        assert_eq!((again.config(), again.reason()), (plan.config(), plan.reason()), "{}, naive {naive}", loss.name);
    }
}

#[test]
fn naive_takes_the_extension_of_public_code_unless_given_one() {
    let naive = |loss: &str, extension| {
        let plan = check(|c| {
            (c.loss.name, c.loss.extension, c.train.naive) = (loss.into(), extension, true);
        });
        plan.unwrap().config().loss.extension
    };
    assert_eq!(naive("sphereface", Extension::Monotone), Extension::Raw);
    assert_eq!(naive("arcface", Extension::Monotone), Extension::Fallback);
    assert_eq!(naive("cosface", Extension::Monotone), Extension::Monotone);
    assert_eq!(naive("arcface", Extension::Easy), Extension::Easy);
    let plan = check(|c| c.train.naive = true).unwrap();
    let again = Plan::check(plan.config(), &splits(3, vec![0, 1, 2, 0])).unwrap();
    assert_eq!((again.config(), again.reason()), (plan.config(), plan.reason()));
    assert!(plan.reason().contains("naive, as the usual public code trains"), "{}", plan.reason());
}

#[test]
fn more_recoveries_than_can_help_are_refused() {
    assert!(message(|c| c.train.recoveries = 31).contains("train.recoveries = 31"));
    assert!(check(|c| c.train.recoveries = 0).is_ok());
}

#[test]
fn the_papers_values_are_a_flag_away() {
    let plan = check(|c| c.loss.paper = true).unwrap();
    assert_eq!((plan.margins().angle_margin, plan.scale()), (0.5, 64.0));
}
