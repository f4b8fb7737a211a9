//! A training is a function of its configuration and its images: the same twice ends in
//! the same bits, and so does one that was stopped anywhere, saved, read and resumed.

use crate::common::{Left, resumed, save, small, splits, start};
use arcsphere::backbones::BACKBONES;
use arcsphere::checkpoint::{self, Checkpoint, CheckpointError};
use arcsphere::config::{Config, OptimizerKind, Task};
use arcsphere::losses::margin::LOSSES;
use arcsphere::losses::ordinal::ORDINALS;
use arcsphere::losses::tuple::{ClassPoints, TUPLES};
use arcsphere::optim::margin_schedule::{Lambda, MarginSchedule};
use arcsphere::optim::rate_schedule::{Decay, RateSchedule};
use arcsphere::plan::{Plan, Splits};
use arcsphere::train::{End, Flow, Trainer, Watcher};
use arcsphere_data::Dataset;
use std::collections::BTreeMap;

/// 140 images of 12×12 in steps of 15: 9 steps an epoch, 27 in all.
const STEPS: u64 = 27;
/// Plain softmax before this step; the prototypes are placed anew in it.
const PLACING: u64 = 6;

fn config(loss: &str) -> Config {
    let mut config = small(160, 40);
    config.loss.name = loss.into();
    config.data.augment.shift = 1;
    // On a circle they are held still by default; what moves is the harder case.
    config.optim.prototype_rate = Some(0.5);
    config.train.epochs = 3;
    config.margin_schedule = MarginSchedule { soft_start: 0.2, free_until: 0.4, full_at: 0.8, ..Default::default() };
    config
}

/// Stops after a step, and notes λ of every step on the way.
struct StopAfter {
    step: u64,
    lambdas: Vec<f64>,
}

impl Watcher for StopAfter {
    fn step(&mut self, trainer: &Trainer, loss: f64) -> Flow {
        assert!(loss.is_finite());
        let plan = &trainer.plan;
        self.lambdas.push(plan.config().margin_schedule.at(trainer.progress.step - 1, plan.steps()).lambda);
        if trainer.progress.step >= self.step { Flow::Stop } else { Flow::Continue }
    }
}

/// Trains to the end in one go.
fn whole(config: &Config, splits: &Splits) -> Left {
    let mut trainer = start(config, splits);
    assert_eq!(trainer.run(splits, &mut ()).unwrap(), End::Finished);
    assert_eq!(trainer.progress.step, trainer.plan.steps());
    assert_eq!(trainer.progress.collapsed, None);
    let (dir, left) = save(&trainer, splits);
    // The head alone, without the images.
    let (alone, own) = (Checkpoint::read(dir.path()).unwrap().head().unwrap(), trainer.head.state());
    let alone = alone.state();
    assert_eq!((&alone.weights, &alone.bias, &alone.memory), (&own.weights, &own.bias, &own.memory));
    assert_eq!(alone.tuple.values, own.tuple.values);
    left
}

/// Trains to the end, stopped after each of `stops`, saved, dropped, read and resumed.
/// Also returns λ of every step.
fn in_parts(config: &Config, splits: &Splits, stops: &[u64]) -> (Left, Vec<f64>) {
    let mut trainer = start(config, splits);
    let mut watcher = StopAfter { step: 0, lambdas: Vec::new() };
    for &stop in stops {
        watcher.step = stop;
        assert_eq!(trainer.run(splits, &mut watcher).unwrap(), End::Stopped);
        assert_eq!(trainer.progress.step, stop);
        let (dir, _) = save(&trainer, splits);
        drop(trainer);
        trainer = resumed(&dir, splits);
    }
    watcher.step = u64::MAX;
    assert_eq!(trainer.run(splits, &mut watcher).unwrap(), End::Finished);
    (save(&trainer, splits).1, watcher.lambdas)
}

fn assert_same(one: &Left, other: &Left, what: &str) {
    assert_eq!(one.difference(other), None, "{what}");
}

#[test]
fn the_same_seed_twice_is_the_same_and_another_is_not() {
    let mut config = config("arcface");
    let splits = splits(&config);
    let first = whole(&config, &splits);
    assert_eq!((first.progress.step, first.progress.history.len()), (STEPS, 3));
    for part in ["head.weights", "head.first", "optimizer.first.0"] {
        assert!(first.tensors[part].iter().any(|b| *b != 0), "{part} is not in the checkpoint");
    }
    assert_same(&first, &whole(&config, &splits), "the same seed");
    config.train.seed = 1;
    let other = whole(&config, &splits);
    assert_ne!(first.tensors["head.weights"], other.tensors["head.weights"]);
}

#[test]
fn stopped_in_any_phase_and_resumed_is_the_same() {
    let config = config("arcface");
    let splits = splits(&config);
    let plan = Plan::check(&config, &splits).unwrap();
    assert_eq!((plan.steps(), config.margin_schedule.first_angular_step(plan.steps())), (STEPS, PLACING));
    let whole = whole(&config, &splits);
    let same = |stops: &[u64]| assert_same(&whole, &in_parts(&config, &splits, stops).0, &format!("{stops:?}"));
    same(&[1]); // the soft start
    same(&[4]); // the soft start, with class means being taken
    same(&[PLACING]); // the next step places the prototypes
    same(&[PLACING + 1]); // the last step placed them
    same(&[9]); // an epoch's end
    same(&[14]); // the margin grows
    same(&[26]); // before the last step
    same(&[2, PLACING, 11, 18, 23]);
}

#[test]
fn a_checkpoint_of_the_soft_start_holds_the_class_means() {
    let config = config("arcface");
    let splits = splits(&config);
    let mut trainer = start(&config, &splits);
    trainer.run(&splits, &mut StopAfter { step: PLACING, lambdas: Vec::new() }).unwrap();
    let left = save(&trainer, &splits).1;
    assert_eq!(left.tensors["head.mean_sums"].len(), 10 * 2 * 4);
    assert_eq!(left.tensors["head.mean_counts"].len(), 10 * 4);
    trainer.run(&splits, &mut StopAfter { step: PLACING + 1, lambdas: Vec::new() }).unwrap();
    assert!(save(&trainer, &splits).1.tensors["head.mean_sums"].is_empty());
}

/// With what a loss carries from batch to batch, which is in the checkpoint, bit for bit.
#[test]
fn every_loss_resumes() {
    for loss in LOSSES {
        let mut config = config(loss.name);
        // Where a loss has them, the parameters with which it carries something.
        let (param, value, numbers) = match loss.name {
            "adaface" => ("momentum", 0.9, 2),
            "curricularface" => ("momentum", 0.9, 1),
            "adacos" => ("dynamic", 1.0, 1),
            _ => ("", 0.0, 0),
        };
        if numbers > 0 {
            config.loss.params = BTreeMap::from([(param.to_owned(), value)]);
        }
        config.train.epochs = 2;
        let splits = splits(&config);
        let whole = whole(&config, &splits);
        let memory = whole.tensors.get("head.memory").map_or(0, Vec::len);
        assert_eq!(memory, 8 * numbers, "{}", loss.name);
        assert_same(&whole, &in_parts(&config, &splits, &[3, 11, 16]).0, loss.name);
    }
}

/// With centers, proxies and their moments, and the class means of those that stand alone.
#[test]
fn every_tuple_loss_resumes() {
    for info in TUPLES {
        let mut config = config(info.name);
        config.train.epochs = 2;
        let splits = splits(&config);
        let whole = whole(&config, &splits);
        assert_same(&whole, &in_parts(&config, &splits, &[3, 12]).0, info.name);
        let kept = ["head.centers", "head.proxies"].iter().any(|name| whole.tensors.contains_key(*name));
        assert_eq!(kept, info.kind.points != ClassPoints::None, "{}", info.name);
    }
}

/// With the direction, the biases and the moments of both.
#[test]
fn every_loss_of_an_ordered_target_resumes() {
    for info in ORDINALS {
        for kind in [OptimizerKind::Sgd, OptimizerKind::Adamw] {
            let mut config = config(info.name);
            (config.task, config.data.source, config.data.limit_train) =
                (Task::Age, "rotated-digits".into(), Some(200));
            (config.train.epochs, config.optim.kind) = (2, kind);
            let splits = splits(&config);
            let whole = whole(&config, &splits);
            let what = format!("{} with {kind:?}", info.name);
            assert_same(&whole, &in_parts(&config, &splits, &[3, 14]).0, &what);
            let biases = info.make(&BTreeMap::new()).unwrap().biases(60).len();
            for (part, numbers) in [("weights", 2), ("first", 2), ("bias", biases), ("bias_first", biases)] {
                let bytes = &whole.tensors[&format!("head.{part}")];
                assert!(bytes.len() == 4 * numbers && bytes.iter().any(|b| *b != 0), "{what}: {part}");
            }
        }
    }
}

#[test]
fn every_backbone_resumes() {
    for backbone in BACKBONES {
        let mut config = config("cosface");
        config.model.backbone = backbone.name.into();
        (config.model.dim, config.train.epochs, config.train.batch) = (3, 1, 10);
        // The smallest images and two steps: some of these networks are large.
        (config.data.resize, config.data.limit_train) = (Some((backbone.min_side, backbone.min_side)), Some(30));
        let splits = splits(&config);
        let whole = whole(&config, &splits);
        assert_eq!(whole.progress.step, 2);
        assert_same(&whole, &in_parts(&config, &splits, &[1]).0, backbone.name);
    }
}

#[test]
fn adamw_resumes_with_both_moments() {
    let mut config = config("arcface");
    (config.optim.kind, config.optim.rate) = (OptimizerKind::Adamw, 2e-3);
    let splits = splits(&config);
    let whole = whole(&config, &splits);
    for part in ["head.second", "optimizer.second.0"] {
        assert!(whole.tensors[part].iter().any(|b| *b != 0), "{part} is not in the checkpoint");
    }
    assert_same(&whole, &in_parts(&config, &splits, &[3, PLACING, 20]).0, "AdamW");
}

/// Where a prototype was placed is on the unit sphere, and AdamW's first step from there goes by
/// the whole rate on each axis, against the gradient's sign: m̂/√v̂ = ±1, though the training is at
/// its seventh step. The step back must meet the sphere.
#[test]
fn adamw_starts_anew_where_the_prototypes_are_placed() {
    let mut config = config("arcface");
    (config.optim.kind, config.optim.rate) = (OptimizerKind::Adamw, 0.02);
    config.optim.schedule = RateSchedule { warmup: 0.0, decay: Decay::Constant {} };
    let splits = splits(&config);
    let mut trainer = start(&config, &splits);
    trainer.run(&splits, &mut StopAfter { step: PLACING + 1, lambdas: Vec::new() }).unwrap();
    assert_eq!(trainer.progress.moments_since, PLACING);
    let (state, step) = (trainer.head.state(), 0.5 * 0.02);
    let mut moved = 0;
    for (w, m) in state.weights.chunks(2).zip(state.first.chunks(2)) {
        // A gradient near ε = 1e-8 goes by less.
        if m.iter().all(|m| m.abs() > 1e-5) {
            let placed = [w[0] + step * m[0].signum(), w[1] + step * m[1].signum()];
            let norm = placed[0].hypot(placed[1]);
            assert!((norm - 1.0).abs() < 1e-4, "{w:?} with moments {m:?} came from {placed:?}, of length {norm}");
            moved += 1;
        }
    }
    assert!(moved >= 5, "{moved} prototypes moved");
}

#[test]
fn annealing_goes_on_where_it_stopped() {
    let mut config = config("sphereface");
    let lambda = Lambda { base: 100.0, gamma: 0.5, power: 1.0, min: 5.0 };
    config.margin_schedule.lambda = Some(lambda);
    let splits = splits(&config);
    let whole = whole(&config, &splits);
    let (left, lambdas) = in_parts(&config, &splits, &[10, 20]);
    // λ falls over the stops: it depends on the step, not on when the program was started.
    let expected: Vec<f64> = (0..STEPS).map(|step| lambda.at(step.saturating_sub(PLACING))).collect();
    assert_eq!(lambdas, expected);
    assert!(lambdas[10] < lambdas[9] && lambdas[20] < lambdas[19], "{lambdas:?}");
    assert_same(&whole, &left, "λ");
    // The weights tell: had λ stayed at its base, they would be others.
    config.margin_schedule.lambda = Some(Lambda { gamma: 0.0, ..lambda });
    let (stuck, _) = in_parts(&config, &splits, &[10, 20]);
    assert_ne!(whole.tensors["head.weights"], stuck.tensors["head.weights"]);
}

#[test]
fn other_images_are_refused() {
    let config = config("arcface");
    let own = splits(&config);
    let mut trainer = start(&config, &own);
    trainer.run(&own, &mut StopAfter { step: 3, lambdas: Vec::new() }).unwrap();
    let (dir, _) = save(&trainer, &own);
    let resume = |splits: &Splits| {
        Checkpoint::read(dir.path()).unwrap().resume(splits, &arcsphere::Device::flex()).map(|t| t.progress.step)
    };
    assert_eq!(resume(&own).unwrap(), 3);
    // One pixel of one image is enough.
    let mut other = own.clone();
    other.train = changed(&own.train, |pixels, _| pixels[7] ^= 1);
    let error = resume(&other).unwrap_err();
    assert!(matches!(&error, CheckpointError::DataChanged { was, now } if was != now), "{error}");
    other.train = changed(&own.train, |_, labels| labels.swap(0, 1));
    if own.train.label(0) != own.train.label(1) {
        assert!(matches!(resume(&other), Err(CheckpointError::DataChanged { .. })));
    }
}

#[test]
fn another_configuration_is_named_by_its_key() {
    let was = config("arcface");
    let mut now = was.clone();
    assert!(checkpoint::same_config(&was, &now).is_ok());
    now.margin_schedule.full_at = 0.9;
    let error = checkpoint::same_config(&was, &now).unwrap_err();
    assert!(
        matches!(&error, CheckpointError::ConfigChanged { key, .. } if key == "margin_schedule.full_at"),
        "{error}"
    );
    now = was.clone();
    now.model.depth = Some(20);
    let error = checkpoint::same_config(&was, &now).unwrap_err();
    assert!(error.to_string().contains("model.depth was not set, now it is 20"), "{error}");
}

#[test]
fn the_test_set_has_no_say_in_training() {
    let config = config("cosface");
    let own = splits(&config);
    let whole = whole(&config, &own);
    assert!(whole.progress.history.iter().all(|e| e.validation_accuracy.is_some()));
    // The labels turned by one class, the pixels upside down.
    let garbled = changed(&own.test, |pixels, labels| {
        pixels.iter_mut().for_each(|p| *p = 255 - *p);
        labels.iter_mut().for_each(|l| *l = (*l + 1) % 10);
    });
    let other = Splits { test: garbled, ..own };
    assert_same(&whole, &self::whole(&config, &other), "a garbled test set");
}

#[test]
fn augmentation_is_reproducible_and_changes_what_is_seen() {
    let train = |shift, pad_crop, flip| {
        let mut config = config("arcface");
        (config.data.augment.shift, config.data.augment.pad_crop, config.data.augment.flip) = (shift, pad_crop, flip);
        config.train.epochs = 2;
        whole(&config, &splits(&config))
    };
    let plain = train(0, 0, false);
    let all = train(2, 2, true);
    assert_same(&all, &train(2, 2, true), "augmented twice");
    for other in [&plain, &train(2, 0, false)] {
        assert_ne!(all.tensors["head.weights"], other.tensors["head.weights"]);
    }
}

/// A set with other pixels or labels.
fn changed(set: &Dataset, change: impl FnOnce(&mut [u8], &mut [u32])) -> Dataset {
    let mut pixels: Vec<u8> = (0..set.len()).flat_map(|i| set.image(i).unwrap().into_owned()).collect();
    let mut labels = set.labels().to_vec();
    change(&mut pixels, &mut labels);
    Dataset::new(set.shape(), pixels, labels, set.classes().to_vec()).unwrap()
}
