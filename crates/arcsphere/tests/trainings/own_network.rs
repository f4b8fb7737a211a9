//! A network of one's own is trained, saved, resumed and taken back like a built-in one.

use crate::common::{Left, evaluate, save, small, splits, start};
use arcsphere::backbones::Backbone;
use arcsphere::checkpoint::{Checkpoint, CheckpointError};
use arcsphere::config::Config;
use arcsphere::model::Model;
use arcsphere::nn::{export, import};
use arcsphere::plan::{Plan, PlanError, Splits};
use arcsphere::train::{End, Flow, Trainer, Watcher};
use arcsphere_data::Shape;
use burn::module::Module;
use burn::nn::{BatchNorm, BatchNormConfig, Linear, LinearConfig};
use burn::tensor::{Device, Tensor, activation};

/// Two layers with Burn's own batch-norm between them, whose running statistics are part of the state.
#[derive(Module, Debug)]
struct Net {
    hidden: Linear,
    norm: BatchNorm,
    embedding: Linear,
}

impl Net {
    fn new() -> Self {
        let device = Device::flex();
        Net {
            hidden: LinearConfig::new(144, 32).init(&device),
            norm: BatchNormConfig::new(32).init(&device),
            embedding: LinearConfig::new(32, 2).init(&device),
        }
    }
}

impl Backbone for Net {
    fn forward(&self, images: Tensor<4>, _train: bool) -> Tensor<2> {
        // Burn's batch-norm tells training from use by the tensor.
        let x = self.norm.forward(self.hidden.forward(images.flatten(1, 3)));
        self.embedding.forward(activation::relu(x))
    }

    fn dim(&self) -> usize {
        2
    }

    fn input(&self) -> Shape {
        Shape::new(1, 12, 12)
    }

    fn name(&self) -> &str {
        "two_layers"
    }
}

/// Stops after a step.
struct StopAt(u64);

impl Watcher<Net> for StopAt {
    fn step(&mut self, trainer: &Trainer<Net>, _loss: f64) -> Flow {
        if trainer.progress.step == self.0 { Flow::Stop } else { Flow::Continue }
    }
}

fn started(config: &Config, splits: &Splits, net: Net) -> Trainer<Net> {
    Trainer::with_backbone(Plan::for_backbone(config, splits, &net).unwrap(), net, &Device::flex()).unwrap()
}

/// Saved, dropped and resumed in a network with other numbers.
fn again(trainer: Trainer<Net>, splits: &Splits) -> Trainer<Net> {
    let (dir, _) = save(&trainer, splits);
    drop(trainer);
    Checkpoint::read(dir.path()).unwrap().resume_with(Net::new(), splits, &Device::flex()).unwrap()
}

fn finished(mut trainer: Trainer<Net>, splits: &Splits) -> (Trainer<Net>, Left) {
    assert_eq!(trainer.run(splits, &mut ()).unwrap(), End::Finished);
    let left = save(&trainer, splits).1;
    (trainer, left)
}

#[test]
fn it_learns_resumes_and_is_embedded_with() {
    let mut config = small(300, 100);
    config.train.epochs = 8;
    let splits = splits(&config);
    let net = Net::new();
    let (whole, left) = finished(started(&config, &splits, net.clone()), &splits);
    let run = evaluate(&whole, &splits).run;
    assert!(run.get("accuracy") > Some(0.4) && !run.collapsed && run.backbone == "two_layers", "{run:?}");

    let mut part = started(&config, &splits, net);
    assert_eq!(part.run(&splits, &mut StopAt(40)).unwrap(), End::Stopped);
    let (_, resumed) = finished(again(part, &splits), &splits);
    assert_eq!(left.difference(&resumed), None);

    // The network alone, and what it refuses.
    let (dir, _) = save(&whole, &splits);
    let checkpoint = Checkpoint::read(dir.path()).unwrap();
    let read = checkpoint.backbone_in(Net::new()).unwrap();
    assert_eq!(export(&read), export(&whole.backbone));
    let model = Model::load_with(dir.path(), Net::new(), &Device::flex()).unwrap();
    assert_eq!(model.head().state(), whole.head.state());
    assert_eq!(model.embed(&splits.test).unwrap(), whole.embed(&splits.test, &splits.normalization).unwrap());
    assert_eq!((model.classes(), model.shape(), model.dim()), (splits.train.classes(), Shape::new(1, 12, 12), 2));
    let error = checkpoint.resume(&splits, &Device::flex()).unwrap_err();
    assert!(matches!(error, CheckpointError::Plan(_)) && error.to_string().contains("two_layers"), "{error}");
}

/// Twice from one step, and then from the first, whose numbers no seed gives again: they are in the file.
#[test]
fn it_is_taken_back_and_to_its_first_step_too() {
    let mut config = small(200, 40);
    config.train.epochs = 6;
    let splits = splits(&config);
    let poison = |trainer: &mut Trainer<Net>| {
        let mut state = export(&trainer.backbone);
        state[0].values[0] = f32::NAN;
        trainer.backbone = import(trainer.backbone.clone(), state).unwrap();
    };
    let net = Net::new();
    let first = export(&net);
    let ends: Vec<Left> = [false, true]
        .into_iter()
        .map(|resumed| {
            let mut trainer = started(&config, &splits, net.clone());
            for stop in [30, 31, 32] {
                assert_eq!(trainer.run(&splits, &mut StopAt(stop)).unwrap(), End::Stopped);
                if resumed {
                    trainer = again(trainer, &splits);
                }
                poison(&mut trainer);
            }
            let (trainer, left) = finished(trainer, &splits);
            let recoveries = &trainer.progress.recoveries;
            assert_eq!(recoveries.len(), 3, "{recoveries:?}");
            assert!(recoveries.iter().all(|r| r.cause == "not_finite"), "{recoveries:?}");
            assert!(recoveries[0].back_to > 0 && recoveries[2].back_to == 0, "{recoveries:?}");
            assert_ne!(export(&trainer.backbone), first);
            left
        })
        .collect();
    assert_eq!(ends[0].difference(&ends[1]), None);
    assert!(ends[0].tensors.keys().all(|name| !name.starts_with("first.")), "a finished training goes back nowhere");
}

#[test]
fn a_plan_for_another_network_is_refused_by_name() {
    let mut config = small(200, 40);
    let own = splits(&config);
    let mut wider = config.clone();
    wider.model.dim = 3;
    let built_in = start(&wider, &own).plan;
    let refused = Trainer::with_backbone(built_in, Net::new(), &Device::flex());
    assert!(matches!(refused, Err(PlanError::Network { .. })));
    let for_net = Plan::for_backbone(&config, &own, &Net::new()).unwrap();
    let error = Trainer::new(for_net, &Device::flex()).unwrap_err();
    assert!(error.to_string().contains("with_backbone"), "{error}");
    config.data.resize = Some((10, 10));
    let error = Plan::for_backbone(&config, &splits(&config), &Net::new()).unwrap_err().to_string();
    assert!(error.contains("two_layers") && error.contains("12"), "{error}");
}
