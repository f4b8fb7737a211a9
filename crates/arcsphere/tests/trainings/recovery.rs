//! A training that dies and recovers is as reproducible as one that does not: the same seed
//! twice, and one stopped anywhere, saved, read and resumed, give the same bits.

use crate::common::{Left, resumed, save, small, splits, start};
use arcsphere::config::{Config, OptimizerKind};
use arcsphere::optim::rate_schedule::{Decay, RateSchedule};
use arcsphere::plan::Splits;
use arcsphere::train::{End, Flow, Trainer, Watcher};

/// Healthy for 60 steps; then the rate is 300 times what it was, and it dies until that is
/// softened enough.
fn dying() -> Config {
    let mut config = small(200, 40);
    config.train.epochs = 10;
    let decay = Decay::Step { milestones: vec![0.5], factor: 300.0 };
    (config.optim.clip, config.optim.schedule) = (0.0, RateSchedule { warmup: 0.0, decay });
    // Moving prototypes are the harder case.
    config.optim.prototype_rate = Some(0.1);
    config
}

/// Stops once, after so many recoveries at such a step, counted with those taken back.
struct StopAt(u64);

impl Watcher for StopAt {
    fn step(&mut self, trainer: &Trainer, loss: f64) -> Flow {
        assert!(loss.is_finite(), "a step that died is not announced");
        if trainer.progress.steps_computed() == self.0 { Flow::Stop } else { Flow::Continue }
    }
}

fn whole(config: &Config, splits: &Splits) -> Left {
    let mut trainer = start(config, splits);
    assert_eq!(trainer.run(splits, &mut ()).unwrap(), End::Finished);
    save(&trainer, splits).1
}

/// The same with a stop after so many computed steps; and whether the file had a good state
/// of its own.
fn with_stop(config: &Config, splits: &Splits, stop: u64) -> (Left, bool) {
    let mut trainer = start(config, splits);
    assert_eq!(trainer.run(splits, &mut StopAt(stop)).unwrap(), End::Stopped, "{stop}");
    let (dir, left) = save(&trainer, splits);
    drop(trainer);
    let mut trainer = resumed(&dir, splits);
    assert_eq!(trainer.run(splits, &mut StopAt(u64::MAX)).unwrap(), End::Finished);
    (save(&trainer, splits).1, left.tensors.keys().any(|name| name.starts_with("good.")))
}

#[test]
fn recoveries_are_part_of_what_a_seed_gives() {
    let config = dying();
    let splits = splits(&config);
    let first = whole(&config, &splits);
    let recoveries = &first.progress.recoveries;
    assert!(recoveries.len() >= 2 && recoveries.iter().all(|r| r.step > 60), "{recoveries:?}");
    assert!(recoveries.iter().any(|r| r.back_to > 0), "none went back to a later state than the first: {recoveries:?}");
    assert!(first.tensors.keys().all(|name| !name.starts_with("good.")), "a finished training goes back nowhere");
    assert!(first == whole(&config, &splits), "the same seed twice");
}

#[test]
fn stopped_before_between_and_after_recoveries_and_resumed_it_is_the_same() {
    let config = dying();
    let splits = splits(&config);
    let whole = whole(&config, &splits);
    let recoveries = &whole.progress.recoveries;
    // Before the first death, soon after the return from it, and after the second.
    let first = recoveries[0].step;
    let second = first + recoveries[1].step - recoveries[0].back_to;
    let stops = [first - 3, first + 2, second + 2];
    let mut with_good_state = 0;
    for stop in stops {
        let (left, good) = with_stop(&config, &splits, stop);
        with_good_state += u64::from(good);
        assert_eq!(left.progress, whole.progress, "stopped after {stop} computed steps");
        assert!(left == whole, "stopped after {stop} computed steps");
    }
    assert!(with_good_state > 0, "one stop was within an epoch");
}

/// With AdamW, whose second moments are gone back to as well.
#[test]
fn snapshots_at_steps_of_ones_own_choice() {
    let mut config = dying();
    (config.train.snapshot_every, config.train.epochs) = (5, 6);
    let decay = Decay::Step { milestones: vec![0.5], factor: 1e6 };
    (config.optim.kind, config.optim.rate) = (OptimizerKind::Adamw, 2e-3);
    config.optim.schedule.decay = decay;
    let splits = splits(&config);
    let whole = whole(&config, &splits);
    let recoveries = &whole.progress.recoveries;
    assert!(!recoveries.is_empty() && recoveries.iter().all(|r| r.back_to.is_multiple_of(5)), "{recoveries:?}");
    assert!(recoveries[0].back_to > 0, "{recoveries:?}");
    let (left, good) = with_stop(&config, &splits, recoveries[0].step - 1);
    assert!(good && left.tensors.contains_key("optimizer.second.0") && left == whole);
}
