//! Every registered loss learns: a few hundred real images, three epochs, two dimensions.

mod common;

use arcsphere::config::{Config, Layers, preset_for};
use arcsphere::evaluate::evaluate;
use arcsphere::head::{Head, HeadSpec, HeadState, RowStats, Update};
use arcsphere::losses::fit::default_scale;
use arcsphere::losses::margin::{self, LOSSES, Objective, Recipe, ScaleKind};
use arcsphere::optim::margin_schedule::MarginState;
use arcsphere::plan::Splits;
use arcsphere::train::{End, Trainer};
use common::{splits, start};

fn config(images: usize) -> Config {
    let preset = preset_for("mnist-embedded", "lenet_2d").unwrap();
    let mut config = Layers::new().text(preset.text, preset.name).unwrap().build().unwrap();
    config.data.limit_train = Some(images);
    config.data.limit_test = Some(200);
    config.model.dim = 2;
    config.train.batch = 20;
    config.train.epochs = 2;
    config.train.threads = 2;
    config
}

/// Mean cross-entropy of the training images, without a margin and, for angular losses, at
/// one fixed scale. Training losses do not compare over time, for the margin comes in; nor
/// does a free norm, which a strong margin keeps small. This sees the angles alone.
fn cross_entropy(trainer: &Trainer, splits: &Splits) -> f64 {
    let plan = &trainer.plan;
    let (classes, dim) = (plan.classes, plan.config.model.dim);
    let kind = if trainer.head.is_angular() { ScaleKind::Fixed } else { plan.scale_kind };
    // No loss has a margin at strength 0; one that has no softmax is its parent's.
    let parent = margin::find(plan.loss.parent).unwrap();
    let info = if plan.loss.objective == Objective::OneVsAll { parent } else { plan.loss };
    let margin = (info.build)(&Recipe { params: plan.recipe.params.clone(), ..Recipe::paper(info, classes, dim) });
    let spec =
        HeadSpec { lanes: plan.threads, ..HeadSpec::new(classes, dim, margin, kind, default_scale(classes, dim)) };
    let embeddings = trainer.embed(&splits.train, &splits.normalization).unwrap();
    let mut head = Head::with_state(spec, HeadState { memory: Vec::new(), ..trainer.head.state().clone() });
    let (mut dx, mut stats) = (vec![0.0; embeddings.len()], vec![RowStats::default(); splits.train.len()]);
    let plain = MarginState { strength: 0.0, ..MarginState::FULL };
    head.step(&embeddings, splits.train.labels(), plain, &Update::Gradient, &mut dx, &mut stats)
}

#[test]
fn every_loss_learns() {
    let mut config = config(600);
    // 81 steps, of which the margin is whole in 24: a few losses are no better than chance after 54.
    config.train.epochs = 3;
    let splits = splits(&config);
    for loss in LOSSES {
        let mut config = config.clone();
        config.loss.name = loss.name.into();
        let mut trainer = start(&config, &splits);
        let before = cross_entropy(&trainer, &splits);
        assert_eq!(trainer.run(&splits, &mut ()).unwrap(), End::Finished, "{}", loss.name);
        assert_eq!(trainer.progress.collapsed, None, "{}", loss.name);

        let history = &trainer.progress.history;
        assert_eq!(history.len(), 3);
        for epoch in history {
            assert!(epoch.loss.is_finite() && epoch.loss > 0.0, "{}: {epoch:?}", loss.name);
            assert!(epoch.max_gradient_norm.is_finite() && epoch.max_gradient_norm > 0.0, "{}: {epoch:?}", loss.name);
        }
        let after = cross_entropy(&trainer, &splits);
        assert!(after < 0.85 * before, "{}: cross-entropy {before:.3} became {after:.3}", loss.name);

        let run = evaluate(&trainer, &splits).unwrap().run;
        assert!(!run.collapsed, "{}: {}", loss.name, run.reason);
        // Chance is 10 %: the interval's lower end is above it.
        assert!(run.accuracy_low > Some(0.1) && run.n_test == 200, "{}: {run:?}", loss.name);
        assert!(run.eer.is_some_and(|eer| eer < 0.45), "{}: {run:?}", loss.name);
        assert!(run.target_angle_mean < Some(std::f64::consts::FRAC_PI_2), "{}: {run:?}", loss.name);
    }
}

#[test]
fn augmentation_is_reproducible_and_changes_what_is_seen() {
    let train = |shift, pad_crop, flip| {
        let mut config = config(200);
        (config.data.augment.shift, config.data.augment.pad_crop, config.data.augment.flip) = (shift, pad_crop, flip);
        let splits = splits(&config);
        let mut trainer = start(&config, &splits);
        trainer.run(&splits, &mut ()).unwrap();
        (trainer.head.state().clone(), trainer.progress.history)
    };
    let plain = train(0, 0, false);
    let all = train(2, 2, true);
    assert_eq!(all, train(2, 2, true));
    assert_ne!(all, plain);
    assert_ne!(train(2, 0, false), plain);
}

#[test]
fn a_diverging_training_stops_and_says_why() {
    let mut config = config(200);
    config.loss.name = "softmax".into();
    (config.optim.rate, config.optim.clip, config.model.batch_norm) = (1e30, 0.0, false);
    let splits = splits(&config);
    let mut trainer = start(&config, &splits);
    assert_eq!(trainer.run(&splits, &mut ()).unwrap(), End::Finished);
    assert!(trainer.progress.step < trainer.plan.steps);
    let why = trainer.progress.collapsed.clone().expect("it is dead");
    assert!(why.contains("at step"), "{why}");
    // Measuring it is no error, and it is counted: none of its test images is classified.
    let run = evaluate(&trainer, &splits).unwrap().run;
    assert!(run.collapsed && run.reason.contains(&why), "{run:?}");
    assert!(run.reason.contains("not finite"), "{run:?}");
    assert_eq!((run.accuracy, run.accuracy_low, run.n_test), (Some(0.0), Some(0.0), 200), "{run:?}");
    assert!(run.accuracy_high.is_some_and(|high| high > 0.0 && high < 0.05), "{run:?}");
}
