//! The training loop.
//!
//! A [`Trainer`] holds everything that changes: backbone, head, optimizer, the step. All
//! randomness is a function of (seed, epoch, sample), and schedules are functions of the
//! step, so a trainer read from a checkpoint goes on as if it had never stopped.

use crate::backbones::Backbone;
use crate::config::OptimizerKind;
use crate::embed::host_values;
use crate::head::{Head, HeadSpec, RowStats, Update};
use crate::nn::Rng;
use crate::optim::Optimizer;
use crate::plan::{Plan, Splits};
use arcsphere_data::batch;
use arcsphere_data::sampler::Batches;
use arcsphere_data::{Augment, DataError};
use burn::tensor::{Device, Tensor, TensorData};
use rand::SeedableRng;
use serde::{Deserialize, Serialize};
use std::time::Instant;

/// Independent streams of one seed.
const STREAM_BACKBONE: u64 = 1;
const STREAM_HEAD: u64 = 2;

/// One epoch, as it went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct EpochRecord {
    /// From 1.
    pub epoch: u64,
    /// Mean training loss.
    pub loss: f64,
    /// Training accuracy without margin, on the images as they went by.
    pub train_accuracy: f64,
    /// Accuracy on the validation images, if there are any.
    pub validation_accuracy: Option<f64>,
    /// Largest norm of the backbone's gradient before clipping.
    pub max_gradient_norm: f64,
}

/// Sums of the epoch that is under way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Running {
    /// Σ of the steps' mean losses.
    pub loss: f64,
    /// Images classified correctly.
    pub correct: u64,
    /// Images seen.
    pub seen: u64,
    /// Largest gradient norm.
    pub max_gradient_norm: f64,
}

/// How far a training is; with the tensors, all of a checkpoint.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// Steps done.
    pub step: u64,
    /// Finished epochs.
    pub history: Vec<EpochRecord>,
    /// The unfinished one.
    pub running: Running,
    /// Seconds spent in steps, over all sittings.
    pub seconds: f64,
    /// Why the training is dead, if it is.
    pub collapsed: Option<String>,
}

/// What a watcher wants after a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// Go on.
    Continue,
    /// Stop here; the trainer can be saved and will go on from this step.
    Stop,
}

/// Someone who watches a training and may stop it.
pub trait Watcher {
    /// After each step; `loss` is the step's.
    fn step(&mut self, trainer: &Trainer, loss: f64) -> Flow;

    /// After each epoch.
    fn epoch(&mut self, _trainer: &Trainer, _record: &EpochRecord) {}
}

/// Watches nothing.
impl Watcher for () {
    fn step(&mut self, _trainer: &Trainer, _loss: f64) -> Flow {
        Flow::Continue
    }
}

/// How a sitting ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// All steps are done, or the training is dead ([`Progress::collapsed`]).
    Finished,
    /// The watcher stopped it.
    Stopped,
}

/// A training under way.
#[derive(Debug)]
pub struct Trainer {
    /// What is being done.
    pub plan: Plan,
    /// Where.
    pub device: Device,
    /// The network, on the device's autodiff.
    pub backbone: Backbone,
    /// Prototypes and loss.
    pub head: Head,
    /// The backbone's moments.
    pub optimizer: Optimizer,
    /// How far.
    pub progress: Progress,
}

impl Trainer {
    /// A training at its first step.
    pub fn new(plan: Plan, device: &Device) -> Self {
        let device = device.clone().autodiff();
        let backbone = new_backbone(&plan, &device);
        let head = Head::new(head_spec(&plan), &update_at(&plan, 0), &mut stream(plan.config.train.seed, STREAM_HEAD));
        Trainer { plan, device, backbone, head, optimizer: Optimizer::default(), progress: Progress::default() }
    }

    /// Trains until the end, a collapse, or the watcher's word.
    ///
    /// # Errors
    ///
    /// [`DataError`] if a batch cannot be made.
    pub fn run(&mut self, splits: &Splits, watcher: &mut dyn Watcher) -> Result<End, DataError> {
        let per_epoch = self.plan.steps_per_epoch;
        let mut batcher = Batcher::new(&self.plan, splits);
        while self.progress.step < self.plan.steps && self.progress.collapsed.is_none() {
            let started = Instant::now();
            let (images, labels) = batcher.at(self.progress.step, &self.device)?;
            let loss = self.step(images, labels);
            self.progress.seconds += started.elapsed().as_secs_f64();
            if self.progress.step.is_multiple_of(per_epoch) {
                let record = self.finish_epoch(splits)?;
                watcher.epoch(self, &record);
            }
            if watcher.step(self, loss) == Flow::Stop && self.progress.step < self.plan.steps {
                return Ok(End::Stopped);
            }
        }
        Ok(End::Finished)
    }

    /// One step on one batch: forward, loss, backward, update. Returns the loss.
    fn step(&mut self, images: Tensor<4>, labels: &[u32]) -> f64 {
        let (step, plan) = (self.progress.step, &self.plan);
        let margin = plan.config.margin_schedule.at(step, plan.steps);
        let update = update_at(plan, step);
        let first_angular = plan.config.margin_schedule.first_angular_step(plan.steps);

        let embedding = self.backbone.forward(images, true);
        let [rows, dim] = embedding.dims();
        let host = host_values(embedding.clone().inner());
        if self.head.is_angular() {
            // Means over the second half of the soft start only: before, classes still wander.
            if margin.linear && 2 * step >= first_angular {
                self.head.observe(&host, labels);
            }
            if step == first_angular {
                self.head.place_anew(margin);
            }
        }
        let mut dx = vec![0.0; host.len()];
        let mut stats = vec![RowStats::default(); rows];
        let loss = self.head.step(&host, labels, margin, &update, &mut dx, &mut stats);
        self.progress.step += 1;
        if !loss.is_finite() {
            self.progress.collapsed = Some(format!("the loss is {loss} at step {}", self.progress.step));
            return loss;
        }
        // d(Σ embedding·dX)/d embedding = dX: the head's gradient enters the graph here.
        let dx = Tensor::<2>::from_data(TensorData::new(dx, [rows, dim]), &self.device);
        let gradients = (embedding * dx).sum().backward();
        let (backbone, norm) = self.optimizer.step(self.backbone.clone(), gradients, &update, plan.config.optim.clip);
        self.backbone = backbone;
        if !norm.is_finite() {
            self.progress.collapsed = Some(format!("the gradient's norm is {norm} at step {}", self.progress.step));
        }
        let running = &mut self.progress.running;
        running.loss += loss;
        running.seen += rows as u64;
        running.correct += stats.iter().filter(|s| s.correct).count() as u64;
        running.max_gradient_norm = running.max_gradient_norm.max(norm);
        loss
    }

    fn finish_epoch(&mut self, splits: &Splits) -> Result<EpochRecord, DataError> {
        let running = std::mem::take(&mut self.progress.running);
        let validation_accuracy = match &splits.validation {
            Some(set) => {
                let embeddings = self.embed(set, &splits.normalization)?;
                let best = self.head.predict(&embeddings);
                let correct = best.iter().zip(set.labels()).filter(|(b, y)| b.class == **y).count();
                Some(correct as f64 / set.len() as f64)
            }
            None => None,
        };
        let record = EpochRecord {
            epoch: self.progress.history.len() as u64 + 1,
            loss: running.loss / self.plan.steps_per_epoch as f64,
            train_accuracy: running.correct as f64 / running.seen.max(1) as f64,
            validation_accuracy,
            max_gradient_norm: running.max_gradient_norm,
        };
        self.progress.history.push(record);
        Ok(record)
    }

    /// Embeddings \[N, D\] of a set, in its order, with batch-norm's running statistics.
    ///
    /// # Errors
    ///
    /// [`DataError`] if a batch cannot be made.
    pub fn embed(
        &self,
        set: &arcsphere_data::Dataset,
        normalization: &batch::Normalization,
    ) -> Result<Vec<f32>, DataError> {
        crate::embed::embed(&self.backbone, set, normalization, &self.device.clone().inner())
    }
}

pub(crate) fn stream(seed: u64, stream: u64) -> Rng {
    let mut rng = Rng::seed_from_u64(seed);
    rng.set_stream(stream);
    rng
}

pub(crate) fn new_backbone(plan: &Plan, device: &Device) -> Backbone {
    (plan.backbone.build)(&plan.spec, &mut stream(plan.config.train.seed, STREAM_BACKBONE), device)
}

pub(crate) fn head_spec(plan: &Plan) -> HeadSpec {
    let clip = plan.config.optim.clip;
    HeadSpec {
        classes: plan.classes,
        dim: plan.config.model.dim,
        margin: (plan.loss.build)(&plan.recipe),
        scale_kind: plan.scale_kind,
        scale: plan.scale,
        smoothing: plan.config.loss.smoothing,
        lanes: plan.threads,
        max_gradient_norm: if clip > 0.0 { clip } else { f64::INFINITY },
        prototype_rate: plan.config.optim.prototype_rate.unwrap_or(1.0),
        seed: plan.config.train.seed,
    }
}

/// The update rule at a step: the schedule's rate in the configured optimizer.
pub(crate) fn update_at(plan: &Plan, step: u64) -> Update {
    let o = &plan.config.optim;
    let rate = (o.rate * o.schedule.at(step, plan.steps)) as f32;
    let (momentum, decay) = (o.momentum as f32, o.decay as f32);
    match o.kind {
        OptimizerKind::Sgd => Update::Sgd { rate, momentum, decay },
        OptimizerKind::Adamw => Update::AdamW {
            rate,
            beta1: momentum,
            beta2: o.beta2 as f32,
            epsilon: o.epsilon as f32,
            decay,
            step: step + 1,
        },
    }
}

/// Batches by step.
struct Batcher<'a> {
    splits: &'a Splits,
    augment: Augment,
    seed: u64,
    batch: usize,
    per_epoch: u64,
    order: Option<(u64, Batches)>,
    pixels: Vec<f32>,
    labels: Vec<u32>,
}

impl<'a> Batcher<'a> {
    fn new(plan: &Plan, splits: &'a Splits) -> Self {
        let a = plan.config.data.augment;
        Batcher {
            splits,
            augment: Augment { pad_crop: a.pad_crop, flip: a.flip, shift: a.shift },
            seed: plan.config.train.seed,
            batch: plan.batch(&splits.train),
            per_epoch: plan.steps_per_epoch,
            order: None,
            pixels: Vec::new(),
            labels: Vec::new(),
        }
    }

    /// Images and labels of a step: full batches only, in an order that depends on the
    /// seed and the epoch alone.
    fn at(&mut self, step: u64, device: &Device) -> Result<(Tensor<4>, &[u32]), DataError> {
        let (epoch, place) = (step / self.per_epoch, (step % self.per_epoch) as usize);
        if self.order.as_ref().is_none_or(|(e, _)| *e != epoch) {
            self.order = Some((epoch, Batches::new(self.splits.train.len(), self.batch, self.seed, epoch, true)));
        }
        let indices = self.order.as_ref().and_then(|(_, b)| b.get(place)).unwrap_or_default();
        let change = Some((&self.augment, self.seed, epoch));
        let train = &self.splits.train;
        batch::fill(train, indices, &self.splits.normalization, change, &mut self.pixels, &mut self.labels)?;
        let shape = train.shape();
        let data = TensorData::new(self.pixels.clone(), [self.labels.len(), shape.channels, shape.height, shape.width]);
        Ok((Tensor::from_data(data, device), &self.labels))
    }
}
