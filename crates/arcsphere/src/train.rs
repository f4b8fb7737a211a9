//! The training loop.
//!
//! A [`Trainer`] holds everything that changes: backbone, head, optimizer, the step. All
//! randomness is a function of (seed, epoch, sample), and schedules are functions of the
//! step and the progress, so a trainer read from a checkpoint goes on as if it had never
//! stopped. What a step shows is examined ([`crate::stability`]), and a dying training taken
//! back to a good step (`recovery`).

mod recovery;

pub use crate::progress::{EpochRecord, Finding, Progress, Recovery, Running};

use crate::backbones::Backbone;
use crate::config::{OnCollapse, OptimizerKind, Task};
use crate::embed::{EmbedError, ReadError, host_values};
use crate::head::{Head, HeadSpec, HeadState, RowStats, Update};
use crate::losses::margin::{Margin, Naive, Recipe};
use crate::nn::{Init, Rng};
use crate::optim::{NotFinite, Optimizer};
use crate::plan::{Plan, Splits};
use crate::progress::Softening;
use crate::stability::{self, Evidence, Place, Snapshot};
use arcsphere_data::batch;
use arcsphere_data::sampler::Batches;
use arcsphere_data::{Augment, DataError};
use burn::tensor::{Device, Tensor, TensorData};
use rand::SeedableRng;
use std::time::Instant;

/// Independent streams of one seed.
const STREAM_BACKBONE: u64 = 1;
const STREAM_HEAD: u64 = 2;

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

    /// After the training was saved from dying. The step that showed it is not announced.
    fn recovered(&mut self, _recovery: &Recovery) {}
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
    /// Seconds of wall time spent in steps, over all sittings, those of steps taken back included. No part of
    /// the training's state: a checkpoint is without it, and who resumes one adds what went before.
    pub seconds: f64,
    /// Where a recovery goes back to; none before the first step, and where none is wanted.
    pub(crate) good: Option<Snapshot>,
}

impl Trainer {
    /// A training at its first step.
    pub fn new(plan: Plan, device: &Device) -> Self {
        let device = device.clone().autodiff();
        let (backbone, head) = (new_backbone(&plan, &device), new_head(&plan));
        let (optimizer, progress) = (Optimizer::default(), Progress::default());
        Trainer { plan, device, backbone, head, optimizer, progress, seconds: 0.0, good: None }
    }

    /// Trains until the end, a collapse, or the watcher's word.
    ///
    /// # Errors
    ///
    /// [`EmbedError`] if a batch cannot be made, or the device fails.
    pub fn run(&mut self, splits: &Splits, watcher: &mut dyn Watcher) -> Result<End, EmbedError> {
        let per_epoch = self.plan.steps_per_epoch;
        let mut batcher = Batcher::new(&self.plan, splits);
        self.remember();
        while self.progress.step < self.plan.steps && self.progress.collapsed.is_none() {
            let started = Instant::now();
            let (images, labels) = batcher.at(self.progress.step, &self.device)?;
            let (loss, finding) = self.step(images, labels)?;
            self.seconds += started.elapsed().as_secs_f64();
            if let Some(recovery) = finding.and_then(|finding| self.act_on(finding)) {
                watcher.recovered(&recovery);
                continue;
            }
            if self.progress.step.is_multiple_of(per_epoch) && self.progress.collapsed.is_none() {
                let record = self.finish_epoch(splits)?;
                watcher.epoch(self, &record);
            }
            self.remember();
            if watcher.step(self, loss) == Flow::Stop && self.progress.step < self.plan.steps {
                return Ok(End::Stopped);
            }
        }
        Ok(End::Finished)
    }

    /// One step on one batch: forward, loss, backward, update, examination. Returns the loss,
    /// and what is wrong.
    fn step(&mut self, images: Tensor<4>, labels: &[u32]) -> Result<(f64, Option<Finding>), ReadError> {
        let (step, plan, soft) = (self.progress.step, &self.plan, &self.progress.softening);
        let margin = soft.margin(plan.config.margin_schedule.at(step, plan.steps), step);
        let update = update_at(plan, soft, step);
        let first_angular = plan.config.margin_schedule.first_angular_step(plan.steps);
        let (soft_from, first_angular) = soft.soft_phase(first_angular, step);

        let embedding = self.backbone.forward(images, true);
        let [rows, dim] = embedding.dims();
        let host = host_values(embedding.clone().inner())?;
        if self.head.is_angular() && !self.head.is_alone() {
            // Means over the second half of the soft start only: before, classes still wander.
            if margin.linear && 2 * step >= soft_from + first_angular {
                self.head.observe(&host, labels);
            }
            if step == first_angular {
                self.head.place_anew(margin);
                self.progress.moments_since = step;
            }
        }
        let own_prototypes = self.own_prototypes_are_finite(labels);
        let beats_median = self.head.beats_median(&host, labels);
        let mut dx = vec![0.0; host.len()];
        let mut stats = vec![RowStats::default(); rows];
        // Class means that take the prototypes' place are an effect of the embeddings, no cause.
        let angular = self.head.is_angular() && !margin.linear && !self.head.is_alone();
        let of_head = update.since(self.progress.moments_since);
        let loss = self.head.step(&host, labels, margin, &of_head, &mut dx, &mut stats);
        self.progress.step += 1;

        let backbone = || stability::all_finite_in(&self.backbone);
        let mut broken = Place::first(own_prototypes, &host, backbone, &stats, loss, &dx);
        let go_on = plan.config.train.on_collapse == OnCollapse::Ignore;
        let mut gradient_norm = 0.0;
        if broken.is_none() || go_on {
            // d(Σ embedding·dX)/d embedding = dX: the head's gradient enters the graph here.
            let dx = Tensor::<2>::from_data(TensorData::new(dx, [rows, dim]), &self.device);
            let gradients = (embedding * dx).sum().backward();
            let not_finite = if go_on { NotFinite::Apply } else { NotFinite::Skip };
            let clip = soft.clip(plan.config.optim.clip);
            (self.backbone, gradient_norm) =
                self.optimizer.step(self.backbone.clone(), gradients, &update, clip, not_finite);
            broken = broken.or((!gradient_norm.is_finite()).then_some(Place::Gradient));
        }
        let running = &mut self.progress.running;
        running.seen += rows as u64;
        running.correct += stats.iter().filter(|s| s.correct).count() as u64;
        // JSON, in which a checkpoint keeps them, has no NaN and no infinity.
        running.loss += if loss.is_finite() { loss } else { 0.0 };
        running.max_gradient_norm =
            running.max_gradient_norm.max(if gradient_norm.is_finite() { gradient_norm } else { 0.0 });
        let prototypes = self.head.one_per_class();
        let evidence = Evidence {
            step,
            steps: plan.steps,
            look_every: plan.steps_per_epoch,
            embeddings: &host,
            labels,
            dim,
            classes: plan.classes,
            stats: &stats,
            beats_median: beats_median.as_deref(),
            ordered: self.plan.config.task == Task::Age,
            loss,
            gradient_norm,
            prototypes: &prototypes,
            angular,
            last_monotone: stability::last_monotone(
                plan.margins.at_strength(margin.strength),
                plan.config.loss.extension,
            ),
            broken,
        };
        let finding = stability::examine(&evidence, &mut self.progress.vitals);
        Ok((loss, finding))
    }

    /// Whether the prototypes of these classes are numbers; of an ordered target, whether its direction is
    /// one and its biases are.
    fn own_prototypes_are_finite(&self, labels: &[u32]) -> bool {
        let weights = &self.head.state().weights;
        if self.head.is_ordinal() {
            return stability::all_finite(weights) && stability::all_finite(&self.head.state().bias);
        }
        let per_class = weights.len() / self.plan.classes;
        labels.iter().all(|&y| stability::all_finite(&weights[y as usize * per_class..][..per_class]))
    }

    fn finish_epoch(&mut self, splits: &Splits) -> Result<EpochRecord, EmbedError> {
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
    /// [`EmbedError`] if a batch cannot be made, or the device fails.
    pub fn embed(
        &self,
        set: &arcsphere_data::Dataset,
        normalization: &batch::Normalization,
    ) -> Result<Vec<f32>, EmbedError> {
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

pub(crate) fn new_head(plan: &Plan) -> Head {
    let (rng, soft) = (&mut stream(plan.config.train.seed, STREAM_HEAD), Softening::default());
    let head = Head::new(head_spec(plan, &soft), &update_at(plan, &soft, 0), rng);
    if !plan.config.train.naive || head.is_ordinal() {
        return head;
    }
    let state = head.state().clone();
    let weights = Init::XavierUniform.draw(state.weights.len(), plan.config.model.dim, plan.classes, rng);
    Head::with_state(head_spec(plan, &soft), HeadState { weights, ..state })
}

pub(crate) fn head_spec(plan: &Plan, soft: &Softening) -> HeadSpec {
    let clip = soft.clip(plan.config.optim.clip);
    HeadSpec {
        classes: plan.classes,
        dim: plan.config.model.dim,
        margin: margin_of(plan, soft),
        scale_kind: plan.scale_kind,
        scale: plan.scale * soft.scale,
        smoothing: plan.config.loss.smoothing,
        lanes: plan.threads,
        max_gradient_norm: if clip > 0.0 { clip } else { f64::INFINITY },
        prototype_rate: soft.prototype_rate * plan.config.optim.prototype_rate.unwrap_or(1.0),
        seed: plan.config.train.seed,
        energy: plan.energy(),
        tuple: plan.tuple_term(),
        ordinal: plan.ordinal_term(),
    }
}

fn margin_of(plan: &Plan, soft: &Softening) -> Box<dyn Margin> {
    let recipe = Recipe { scale: plan.recipe.scale * soft.scale, ..plan.recipe.clone() };
    let margin = (plan.loss.build)(&recipe);
    let takes = plan.loss.takes;
    // Without an angle in it, public code has no arccos either.
    if plan.config.train.naive && (takes.angle_multiplier || takes.angle_margin) {
        Box::new(Naive::new(margin))
    } else {
        margin
    }
}

/// The update rule at a step: the schedule's rate, softened, in the configured optimizer.
pub(crate) fn update_at(plan: &Plan, soft: &Softening, step: u64) -> Update {
    let o = &plan.config.optim;
    let rate = (soft.rate * o.rate * o.schedule.at(step, plan.steps)) as f32;
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
    /// P and K of batches by class.
    per_class: Option<(usize, usize)>,
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
            per_class: plan.per_class,
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
            let train = &self.splits.train;
            let order = match self.per_class {
                Some((classes, images)) => Batches::by_class(train, classes, images, self.seed, epoch)?,
                None => Batches::new(train.len(), self.batch, self.seed, epoch, true),
            };
            self.order = Some((epoch, order));
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
