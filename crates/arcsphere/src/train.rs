//! The training loop.
//!
//! A [`Trainer`] holds everything that changes: backbone, head, optimizer, the step. All
//! randomness is a function of (seed, epoch, sample), and schedules are functions of the
//! step and the progress, so a trainer read from a checkpoint goes on as if it had never
//! stopped. What a step shows is examined ([`crate::collapse`]), and a dying training taken
//! back to a good step (`recovery`).

mod batcher;
mod recovery;
mod start;
mod step;

pub use crate::progress::{EpochRecord, Finding, Progress, Recovery, Running};

use crate::backbones::{Backbone, BuiltIn};
use crate::collapse::Snapshot;
use crate::config::OnCollapse;
use crate::embed::EmbedError;
use crate::head::Head;
use crate::nn::{NamedTensor, export};
use crate::optim::Optimizer;
use crate::plan::{Plan, PlanError, Splits};
use arcsphere_data::batch;
use batcher::Batcher;
use burn::tensor::Device;
use std::time::Instant;

pub(crate) use start::{correct_of, head_of, new_backbone, stream, update_at};

/// What a watcher wants after a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// Go on.
    Continue,
    /// Stop here; the trainer can be saved and will go on from this step.
    Stop,
}

/// Someone who watches a training and may stop it.
///
/// ```
/// use arcsphere::train::{Flow, Trainer, Watcher};
///
/// /// Stops at the first step whose loss is low.
/// struct LowLoss(f64);
///
/// impl Watcher for LowLoss {
///     fn step(&mut self, trainer: &Trainer, loss: f64) -> Flow {
///         println!("step {}: {loss:.3}", trainer.progress.step);
///         if loss < self.0 { Flow::Stop } else { Flow::Continue }
///     }
/// }
/// ```
pub trait Watcher<B: Backbone = BuiltIn> {
    /// After each step; `loss` is the step's.
    fn step(&mut self, trainer: &Trainer<B>, loss: f64) -> Flow;

    /// After each epoch.
    fn epoch(&mut self, _trainer: &Trainer<B>, _record: &EpochRecord) {}

    /// After the training was saved from dying. The step that showed it is not announced.
    fn recovered(&mut self, _recovery: &Recovery) {}
}

/// Watches nothing.
impl<B: Backbone> Watcher<B> for () {
    fn step(&mut self, _trainer: &Trainer<B>, _loss: f64) -> Flow {
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

/// A training under way, of a built-in network or of one's own.
///
/// ```
/// use arcsphere::config::Config;
/// use arcsphere::plan::{self, Plan};
/// use arcsphere::train::{End, Trainer};
///
/// let mut config = Config::default();
/// (config.loss.name, config.train.epochs, config.train.batch) = ("arcface".into(), 1, 20);
/// let digits = arcsphere_data::embedded::mnist()?;
/// let few = arcsphere_data::Source::new("digits", digits.train.take(100)?, digits.test.take(50)?, false)?;
/// let splits = plan::split(&config, &few)?;
///
/// let mut trainer = Trainer::new(Plan::check(&config, &splits)?, &arcsphere::device("flex")?)?;
/// assert_eq!(trainer.run(&splits, &mut ())?, End::Finished);
/// assert_eq!(trainer.progress.step, trainer.plan.steps());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Trainer<B: Backbone = BuiltIn> {
    /// What is being done.
    pub plan: Plan,
    /// Where.
    pub device: Device,
    /// The network, on the device's autodiff.
    pub backbone: B,
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
    /// The network at the first step, where the seed does not give it again and it may be needed.
    pub(crate) first: Option<Vec<NamedTensor>>,
}

impl Trainer {
    /// A training of a built-in network at its first step.
    ///
    /// # Errors
    ///
    /// [`PlanError::NotBuiltIn`] for a plan of a network of the caller's own.
    pub fn new(plan: Plan, device: &Device) -> Result<Self, PlanError> {
        let device = device.clone().autodiff();
        let backbone = new_backbone(&plan, &device)?;
        Self::at_start(plan, backbone, device, None)
    }
}

impl<B: Backbone> Trainer<B> {
    /// A training of a network of the caller's own at its first step; the plan is
    /// [`Plan::for_backbone`]'s. A [built-in](BuiltIn) network that was trained before goes on so with other images
    /// or another loss.
    ///
    /// # Errors
    ///
    /// [`PlanError::Network`] if the plan is for other images or another dimension.
    pub fn with_backbone(plan: Plan, net: B, device: &Device) -> Result<Self, PlanError> {
        let device = device.clone().autodiff();
        let net = on_device(&plan, net, &device)?;
        let first = (plan.config().train.on_collapse == OnCollapse::Recover).then(|| export(&net));
        Self::at_start(plan, net, device, first)
    }

    fn at_start(plan: Plan, backbone: B, device: Device, first: Option<Vec<NamedTensor>>) -> Result<Self, PlanError> {
        let (head, optimizer, progress) = (head_of(&plan).build()?, Optimizer::default(), Progress::default());
        Ok(Trainer { plan, device, backbone, head, optimizer, progress, seconds: 0.0, good: None, first })
    }

    /// Trains until the end, a collapse, or the watcher's word.
    ///
    /// # Errors
    ///
    /// [`EmbedError`] if a batch cannot be made, or the device fails.
    pub fn run(&mut self, splits: &Splits, watcher: &mut dyn Watcher<B>) -> Result<End, EmbedError> {
        let per_epoch = self.plan.steps_per_epoch();
        let mut batcher = Batcher::new(&self.plan, splits);
        self.remember();
        while self.progress.step < self.plan.steps() && self.progress.collapsed.is_none() {
            let started = Instant::now();
            let (images, labels) = batcher.at(self.progress.step, &self.device)?;
            let (loss, finding) = self.step(images, labels)?;
            self.seconds += started.elapsed().as_secs_f64();
            if let Some(recovery) = finding.map_or(Ok(None), |finding| self.act_on(finding))? {
                watcher.recovered(&recovery);
                continue;
            }
            if self.progress.step.is_multiple_of(per_epoch) && self.progress.collapsed.is_none() {
                let record = self.finish_epoch(splits)?;
                watcher.epoch(self, &record);
            }
            self.remember();
            if watcher.step(self, loss) == Flow::Stop && self.progress.step < self.plan.steps() {
                return Ok(End::Stopped);
            }
        }
        Ok(End::Finished)
    }

    fn finish_epoch(&mut self, splits: &Splits) -> Result<EpochRecord, EmbedError> {
        let running = std::mem::take(&mut self.progress.running);
        let validation_accuracy = match &splits.validation {
            Some(set) => {
                let embeddings = self.embed(set, &splits.normalization)?;
                Some(correct_of(&self.head, &embeddings, set.labels())? as f64 / set.len() as f64)
            }
            None => None,
        };
        let record = EpochRecord {
            epoch: self.progress.history.len() as u64 + 1,
            loss: running.loss / self.plan.steps_per_epoch() as f64,
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

/// A network that is handed over, ready to be trained on a device, if it is what the plan is for.
pub(crate) fn on_device<B: Backbone>(plan: &Plan, net: B, device: &Device) -> Result<B, PlanError> {
    let (input, dim) = (plan.network().input(), plan.dim());
    if (net.input(), net.dim()) != (input, dim) {
        let said = |name: &str, input, dim| format!("{name} (images of {input}, {dim} dimensions)");
        let (planned, found) = (said(plan.backbone(), input, dim), said(net.name(), net.input(), net.dim()));
        return Err(PlanError::Network { planned, found });
    }
    Ok(net.train().fork(device))
}
