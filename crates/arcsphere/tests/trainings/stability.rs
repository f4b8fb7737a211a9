//! Trainings that die, and what becomes of them; and healthy ones, which are left alone.

use crate::common::{evaluate, save, small, splits, start};
use arcsphere::config::{Config, Layers, OnCollapse, to_toml};
use arcsphere::losses::margin::{Extension, LOSSES};
use arcsphere::nn::{export, import};
use arcsphere::plan::Splits;
use arcsphere::train::{End, Flow, Recovery, Trainer, Watcher};
use arcsphere_eval::results::TrainedBy;

/// 12×12 digits in steps of 15: 12 steps an epoch.
fn config(loss: &str, epochs: u64) -> Config {
    let mut config = small(200, 100);
    config.loss.name = loss.into();
    config.train.epochs = epochs;
    config
}

/// Trains to the end or the death.
fn trained(config: &Config) -> (Trainer, Splits, Vec<Recovery>) {
    let splits = splits(config);
    let mut trainer = start(config, &splits);
    let mut log = Log::default();
    assert_eq!(trainer.run(&splits, &mut log).unwrap(), End::Finished);
    (trainer, splits, log.recoveries)
}

/// Notes recoveries; stops after a step.
#[derive(Default)]
struct Log {
    recoveries: Vec<Recovery>,
    stop: Option<u64>,
}

impl Watcher for Log {
    fn step(&mut self, trainer: &Trainer, _loss: f64) -> Flow {
        if self.stop == Some(trainer.progress.step) { Flow::Stop } else { Flow::Continue }
    }

    fn recovered(&mut self, recovery: &Recovery) {
        self.recoveries.push(recovery.clone());
    }
}

/// Every registered loss with the defaults, in two dimensions and in sixteen: it learns, and nobody cries.
#[test]
fn every_loss_learns_and_is_left_alone() {
    for dim in [2, 16] {
        let mut config = config("softmax", 10);
        config.model.dim = dim;
        (config.data.limit_train, config.train.batch) = (Some(600), 20);
        let splits = splits(&config);
        for loss in LOSSES {
            config.loss.name = loss.name.into();
            let mut trainer = start(&config, &splits);
            let what = format!("{} in {dim} dimensions", loss.name);
            assert_eq!(trainer.run(&splits, &mut ()).unwrap(), End::Finished);
            let progress = &trainer.progress;
            assert_eq!((progress.step, progress.causes()), (trainer.plan.steps(), vec![]), "{what}");
            assert!(progress.vitals.are_good(), "{what}: {:?}", progress.vitals);
            let run = evaluate(&trainer, &splits).run;
            assert!(run.get("accuracy") > Some(0.5) && !run.collapsed && run.recovered == 0, "{what}: {run:?}");
            // Chance is 10 %: the interval's lower end is above it.
            assert!(
                run.measures["accuracy"].low > Some(0.1) && run.measures["accuracy"].n == Some(100),
                "{what}: {run:?}"
            );
            assert!(run.get("eer").is_some_and(|eer| eer < 0.45), "{what}: {run:?}");
            assert!(run.get("target_angle@mean") < Some(std::f64::consts::FRAC_PI_2), "{what}: {run:?}");
            let finite = |v: f64| v.is_finite() && v > 0.0;
            assert!(progress.history.iter().all(|e| finite(e.loss) && finite(e.max_gradient_norm)), "{what}");
            assert_eq!(run.trainer, TrainedBy::Default);
        }
    }
}

/// A training stopped after 30 steps, in the middle of its third epoch, with a weight made NaN.
fn poisoned(on_collapse: OnCollapse) -> (Trainer, Splits) {
    let mut config = config("arcface", 10);
    config.train.on_collapse = on_collapse;
    let splits = splits(&config);
    let mut trainer = start(&config, &splits);
    let mut log = Log { stop: Some(30), ..Log::default() };
    assert_eq!(trainer.run(&splits, &mut log).unwrap(), End::Stopped);
    let mut state = export(&trainer.backbone);
    state[0].values[0] = f32::NAN;
    trainer.backbone = import(trainer.backbone.clone(), state).unwrap();
    (trainer, splits)
}

#[test]
fn a_weight_that_turns_nan_is_taken_back() {
    let (mut trainer, splits) = poisoned(OnCollapse::Recover);
    let mut log = Log::default();
    assert_eq!(trainer.run(&splits, &mut log).unwrap(), End::Finished);
    let progress = &trainer.progress;
    assert_eq!((progress.step, &progress.collapsed), (trainer.plan.steps(), &None));
    assert_eq!(progress.recoveries, log.recoveries, "the watcher is told what the progress says");
    let [recovery] = &log.recoveries[..] else { panic!("{:?}", log.recoveries) };
    assert_eq!((recovery.step, recovery.cause.as_str()), (31, "not_finite"));
    assert_eq!(recovery.figure, "weights are not finite");
    // The last epoch's end, or an earlier one if nothing was learned yet.
    assert!(recovery.back_to.is_multiple_of(12) && recovery.back_to <= 24, "{recovery:?}");
    assert_eq!(progress.steps_computed(), trainer.plan.steps() + 31 - recovery.back_to);
    assert!(recovery.remedy.starts_with("learning rate × 0.5, gradients clipped at 2.5"), "{recovery:?}");
    assert_eq!((progress.softening.rate, progress.history.len()), (0.5, 10));
    assert!(export(&trainer.backbone).iter().flat_map(|t| &t.values).all(|v| v.is_finite()));
    let run = evaluate(&trainer, &splits).run;
    assert!(!run.collapsed && run.get("accuracy") > Some(0.3), "{run:?}");
    assert_eq!((run.recovered, run.causes), (1, vec!["not_finite".to_owned()]));
}

#[test]
fn where_it_is_to_stop_it_stops() {
    let (mut trainer, splits) = poisoned(OnCollapse::Stop);
    assert_eq!(trainer.run(&splits, &mut ()).unwrap(), End::Finished);
    let progress = &trainer.progress;
    assert_eq!(progress.collapsed.as_deref(), Some("weights are not finite at step 31"));
    assert_eq!((progress.step, progress.recoveries.len(), progress.causes()), (31, 0, vec!["not_finite".to_owned()]));
}

#[test]
fn ignored_it_goes_on_until_the_weights_are_lost() {
    let (mut trainer, splits) = poisoned(OnCollapse::Ignore);
    assert_eq!(trainer.run(&splits, &mut ()).unwrap(), End::Finished);
    let progress = &trainer.progress;
    assert_eq!(progress.collapsed.as_deref(), Some("weights are not finite at step 31; the weights are lost"));
    // Nothing kept the gradient out: more than the one weight is lost.
    let lost = export(&trainer.backbone).iter().flat_map(|t| &t.values).filter(|v| !v.is_finite()).count();
    assert!(lost > 100, "{lost}");
    // JSON has no NaN: what is in the progress must be free of it, or it is not read back.
    save(&trainer, &splits);
}

/// A rate so low that nothing moves: no remedy can help, and the end says what was seen.
#[test]
fn a_training_that_guesses_is_found_out() {
    let mut config = config("softmax", 10);
    (config.optim.rate, config.train.recoveries) = (1e-9, 1);
    let (trainer, splits, recoveries) = trained(&config);
    assert_eq!((recoveries.len(), recoveries[0].cause.as_str(), recoveries[0].back_to), (1, "stuck_at_chance", 0));
    let why = trainer.progress.collapsed.clone().unwrap();
    assert!(why.contains("guessing among 10 classes") && why.contains("log C = 2.303"), "{why}");
    assert!(why.ends_with("after one recovery") && trainer.progress.step < trainer.plan.steps(), "{why}");
    let run = evaluate(&trainer, &splits).run;
    assert!(run.collapsed && run.reason == why, "{run:?}");
}

#[test]
fn numbers_that_end_f32_at_once_use_up_all_recoveries() {
    let mut config = config("softmax", 4);
    (config.optim.rate, config.optim.clip, config.model.batch_norm) = (1e30, 0.0, false);
    let (trainer, splits, recoveries) = trained(&config);
    assert_eq!(recoveries.len(), 5);
    let rates = [0.5, 0.25, 0.125, 0.0625, 0.03125].map(|r| format!("learning rate × {r},"));
    for (recovery, rate) in recoveries.iter().zip(rates) {
        assert!(recovery.remedy.contains(&rate), "{recovery:?}");
    }
    let why = trainer.progress.collapsed.clone().unwrap();
    assert!(why.contains("at step") && why.ends_with("after 5 recoveries"), "{why}");
    save(&trainer, &splits);
    // Measuring it is no error, and it is counted: none of its test images is classified.
    let run = evaluate(&trainer, &splits).run;
    assert!(run.collapsed && run.reason.contains(&why) && run.reason.contains("not finite"), "{run:?}");
    let accuracy = run.measures["accuracy"];
    assert_eq!((accuracy.value, accuracy.low, accuracy.n), (0.0, Some(0.0), Some(100)), "{run:?}");
    assert!(accuracy.high.is_some_and(|high| high > 0.0 && high < 0.05), "{run:?}");
}

/// What `--naive` gives, from a configuration of one key.
fn naive(loss: &str, epochs: u64) -> Config {
    let mut config = config(loss, epochs);
    let naive = Layers::new().assignment("train.naive=true").unwrap().build().unwrap();
    (config.loss.paper, config.margin_schedule) = (naive.loss.paper, naive.margin_schedule);
    (config.optim, config.train.naive) = (naive.optim, true);
    config.train.on_collapse = naive.train.on_collapse;
    config
}

/// SphereFace's raw cos 4θ has false minima; the same images, batches and rate, with
/// recoveries, are learned, and with the defaults without any.
#[test]
fn what_dies_naively_lives() {
    let config = naive("sphereface", 20);
    let (trainer, splits, recoveries) = trained(&config);
    let naive = evaluate(&trainer, &splits).run;
    assert_eq!((naive.trainer.name(), recoveries.len(), naive.recovered), ("naive", 0, 0));
    assert!(!naive.causes.is_empty() && naive.get("accuracy") < Some(0.3), "{naive:?}");
    assert_eq!(trainer.progress.step, trainer.plan.steps(), "it was let go");

    let saved = Config {
        train: arcsphere::config::TrainConfig { on_collapse: OnCollapse::Recover, ..config.train.clone() },
        ..config
    };
    let (trainer, splits, recoveries) = trained(&saved);
    let saved = evaluate(&trainer, &splits).run;
    assert!(!recoveries.is_empty() && saved.recovered > 0 && !saved.collapsed, "{saved:?}");
    assert!(saved.get("accuracy") > naive.get("accuracy"), "{saved:?}");

    let (trainer, splits, _) = trained(&self::config("sphereface", 20));
    let ours = evaluate(&trainer, &splits).run;
    assert!(ours.causes.is_empty() && ours.get("accuracy") > Some(0.5), "{ours:?}");
}

#[test]
fn naive_means_what_it_says() {
    let config = naive("arcface", 1);
    let splits = splits(&config);
    let trainer = start(&config, &splits);
    let plan = &trainer.plan;
    assert_eq!(
        (plan.margins().angle_margin, plan.scale(), plan.config().loss.extension),
        (0.5, 64.0, Extension::Fallback)
    );
    assert_eq!(plan.config().optim.clip, 0.0);
    let margin = format!("{:?}", trainer.head.margin());
    assert!(margin.starts_with("Some(Naive"), "{margin}");
    // Xavier's uniform numbers, not unit vectors at even gaps.
    let weights = &trainer.head.state().weights;
    let bound = (6.0_f32 / 12.0).sqrt();
    assert!(weights.iter().all(|w| w.abs() <= bound) && weights.iter().any(|w| w.abs() > 0.8 * bound), "{weights:?}");
    let lengths: Vec<f32> = weights.chunks(2).map(|w| w[0].hypot(w[1])).collect();
    assert!(lengths.iter().any(|l| (l - lengths[0]).abs() > 0.05), "{lengths:?}");
    // CosFace has no arccos in public code either.
    let cosface = start(&naive("cosface", 1), &splits);
    assert!(!format!("{:?}", cosface.head.margin()).contains("Naive"));
    // The whole of it is in the effective configuration.
    let again = Layers::new().text(&to_toml(plan.config()).unwrap(), "it").unwrap().build().unwrap();
    assert_eq!(&again, plan.config());
}
