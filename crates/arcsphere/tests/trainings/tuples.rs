//! Every tuple loss learns, and the energy of prototypes falls where it is asked to: a thousand
//! real images, two epochs.

use crate::common::{evaluate, splits, start};
use arcsphere::config::{Config, Layers, preset_for};
use arcsphere::losses::regularizer::hyperspherical_energy;
use arcsphere::losses::tuple::TUPLES;
use arcsphere::plan::Splits;
use arcsphere::train::Trainer;

fn config(loss: &str) -> Config {
    let preset = preset_for("mnist-embedded", "lenet_2d").unwrap();
    let mut config = Layers::new().text(preset.text, preset.name).unwrap().build().unwrap();
    config.loss.name = loss.into();
    (config.data.limit_train, config.data.limit_test) = (Some(1000), Some(200));
    (config.train.batch, config.train.epochs, config.train.threads) = (40, 2, 2);
    config.model.dim = 8;
    config
}

fn trained(config: &Config, splits: &Splits) -> Trainer {
    let mut trainer = start(config, splits);
    trainer.run(splits, &mut ()).unwrap();
    trainer
}

#[test]
fn every_tuple_loss_learns() {
    let splits = splits(&config("triplet"));
    for info in TUPLES {
        let trainer = trained(&config(info.name), &splits);
        let run = evaluate(&trainer, &splits).run;
        assert!(!run.collapsed && run.loss == info.name, "{}: {}", info.name, run.reason);
        // Chance is 10 %: the interval's lower end is above it.
        assert!(
            run.measures["accuracy"].low > Some(0.1) && run.measures["accuracy"].n == Some(200),
            "{}: {run:?}",
            info.name
        );
        let recalls = [1, 2, 4, 8].map(|k| run.get(&format!("recall_at_k@{k}")));
        assert!(recalls.is_sorted() && recalls[0].is_some(), "{recalls:?}");
        for (what, value) in
            [("Recall@1", run.get("recall_at_k@1")), ("MAP@R", run.get("map_at_r")), ("NMI", run.get("nmi"))]
        {
            assert!(value.is_some_and(|v| v > 0.1 && v <= 1.0), "{}: {what} {value:?}", info.name);
        }
    }
}

#[test]
fn prototypes_trained_with_energy_have_less_of_it() {
    let mut config = config("arcface");
    (config.data.limit_train, config.model.dim) = (Some(400), 3);
    let splits = splits(&config);
    let mut energy = |weight: f64| {
        config.loss.energy_weight = weight;
        let trainer = trained(&config, &splits);
        let w = &trainer.head.state().weights;
        hyperspherical_energy(w, 3, 1.0, false, None, &mut vec![0.0; w.len()]).unwrap()
    };
    let (with, without) = (energy(10.0), energy(0.0));
    assert!(with < without, "energy {with} with the term, {without} without");
}
