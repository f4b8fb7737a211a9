//! Losses of an ordered target learn a real one: how far a digit is turned, two thousand images, four epochs.

use crate::common::evaluate;
use arcsphere::config::{Config, Layers, Task, preset_for};
use arcsphere::evaluate::Evaluation;
use arcsphere::losses::ordinal::ORDINALS;
use arcsphere::plan::{self, Plan, Splits};
use arcsphere::train::{Trainer, Watcher};
use arcsphere_data::OpenOptions;

fn config(loss: &str) -> Config {
    let preset = preset_for("mnist", "lenet_2d").unwrap();
    let mut config = Layers::new().text(preset.text, preset.name).unwrap().build().unwrap();
    (config.task, config.data.source, config.loss.name) = (Task::Age, "rotated-digits".into(), loss.into());
    (config.data.limit_train, config.data.limit_test) = (Some(2000), Some(200));
    (config.train.batch, config.train.epochs, config.train.threads) = (40, 4, 2);
    config.model.dim = 8;
    config
}

fn splits(config: &Config) -> Splits {
    let d = &config.data;
    let options = OpenOptions { limit_train: d.limit_train, limit_test: d.limit_test, ..OpenOptions::default() };
    plan::split(config, &arcsphere_data::open(&d.source, &options).unwrap()).unwrap()
}

fn trained(config: &Config, splits: &Splits, watcher: &mut dyn Watcher) -> (Trainer, Evaluation) {
    let mut trainer = Trainer::new(Plan::check(config, splits).unwrap(), &arcsphere::Device::flex()).unwrap();
    trainer.run(splits, watcher).unwrap();
    let evaluation = evaluate(&trainer, splits);
    (trainer, evaluation)
}

#[test]
fn every_loss_tells_an_angle_far_better_than_by_guessing() {
    let splits = splits(&config("coral"));
    // One number for all, the best that there is: 60 even steps from -88.5° to 88.5° are 45° from their middle.
    let guessing = 45.0;
    for info in ORDINALS {
        let (trainer, Evaluation { run, angles, prototypes, predictions, .. }) =
            trained(&config(info.name), &splits, &mut ());
        assert!(!run.collapsed && run.recovered == 0 && run.causes.is_empty(), "{}: {run:?}", info.name);
        assert_eq!((run.loss.as_str(), run.target_unit.as_str(), run.measures["mae"].n), (info.name, "°", Some(200)));
        for (way, key) in [("number", "mae"), ("class", "mae_argmax")] {
            let (mae, high) = (run.get(key), run.measures[key].high);
            assert!(mae < high && high < Some(0.7 * guessing), "{}, {way}: {run:?}", info.name);
        }
        assert!(["cs@5", "cs_argmax@5"].iter().all(|key| run.get(key) <= run.measures[*key].high));
        // There is no direction of a class, and all that asks only for embeddings is there.
        assert!(angles.is_none() && prototypes.is_empty() && run.get("target_angle@mean").is_none());
        assert!(
            run.get("eer").is_some_and(|eer| eer < 0.45)
                && run.get("recall_at_k@1").is_some()
                && run.get("nmi").is_some(),
            "{run:?}"
        );
        let p = predictions.expect("an ordered target");
        assert!(p.expected.iter().all(|v| (-88.5..=88.5).contains(v)), "{}", info.name);
        let history = &trainer.progress.history;
        assert!(history[3].loss < 0.85 * history[0].loss, "{}: {history:?}", info.name);
    }
}

#[test]
fn an_exploding_regression_is_taken_back() {
    let mut config = config("regression");
    (config.optim.rate, config.optim.clip, config.model.batch_norm) = (1e20, 0.0, false);
    config.data.limit_train = Some(200);
    config.train.epochs = 2;
    let splits = splits(&config);
    let (trainer, Evaluation { run, .. }) = trained(&config, &splits, &mut ());
    // Half the rate five times over is far too much still: the end is told, and nothing panics.
    assert!(run.collapsed && run.causes == ["not_finite"], "{run:?}");
    assert_eq!(trainer.progress.recoveries.len(), 5);
    let remedy = &trainer.progress.recoveries[0].remedy;
    assert!(remedy.contains("learning rate") && !remedy.contains("softmax") && !remedy.contains("margin"), "{remedy}");
}
