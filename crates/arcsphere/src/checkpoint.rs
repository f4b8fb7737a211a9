//! Exact resume: everything that a training is, in one safetensors file.
//!
//! Tensors: `backbone.<path>`, `optimizer.first.<i>`, `optimizer.second.<i>`, and the
//! head's `head.weights`, `head.bias`, …, all f32 but `head.memory`, what the loss carries from
//! batch to batch, which is f64 and absent where there is none. Metadata: the format's version, the effective
//! configuration, the [`Progress`] and what a later reader needs of the data (the
//! normalization, class names, image shape), so that a checkpoint can embed images on
//! its own. A file is written beside its name, synced, and renamed. It depends on the training alone: the same seed,
//! threads and instruction set give the same bytes, so there is no wall time in it.
//!
//! A training that is under way may have to go back to its last good state. Where that is
//! another than the saved one, it is in the file too: the same tensors under `good.`, and its
//! progress. After each epoch of a healthy training the two are one. It may have to go back to its first step too: a
//! built-in network's numbers there come from the seed, those of a network of the caller's own are in the file under
//! `first.`.

mod broken;
mod layout;
mod moments;
mod names;
mod progress;
mod provenance;
mod read;
mod same;
mod state;
mod write;

pub use broken::Broken;
pub use provenance::Provenance;
pub use same::same_config;
pub use write::save;

use crate::backbones::{Backbone, BuiltIn};
use crate::collapse::Snapshot;
use crate::config::Config;
use crate::embed::ReadError;
use crate::head::{Head, HeadError, HeadState};
use crate::losses;
use crate::nn::{NamedTensor, ParamsError, import};
use crate::plan::{Plan, PlanError, Splits, backbone_spec};
use crate::progress::Progress;
use crate::train::{Trainer, head_of, new_backbone, on_device, stream};
use arcsphere_data::DataError;
use burn::tensor::Device;
use names::{FIRST, GOOD, NETWORK};
use state::sorted;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// The file's name in a run's folder.
pub const FILE_NAME: &str = "checkpoint.safetensors";

const VERSION: u32 = 1;

/// Why a checkpoint cannot be written or read.
#[derive(Debug, Error)]
pub enum CheckpointError {
    /// The file cannot be read or written.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Not a checkpoint, or a broken one.
    #[error("{path} is not a checkpoint of arcsphere: {message}")]
    Format {
        /// The file.
        path: PathBuf,
        /// What was expected.
        message: String,
    },
    /// A checkpoint that is not what it says.
    #[error("{path} is a broken checkpoint: {broken}; take a whole copy of the file, or train anew")]
    Broken {
        /// The file.
        path: PathBuf,
        /// How.
        #[source]
        broken: Broken,
    },
    /// The tensors do not fit the configuration that the file names.
    #[error("{path}: {source}")]
    Params {
        /// The file.
        path: PathBuf,
        /// Which.
        source: ParamsError,
    },
    /// The configuration of the checkpoint cannot be run on these images.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The images cannot be read.
    #[error("{0}")]
    Data(#[from] DataError),
    /// The device does not hand over what is to be saved.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// Resuming with another configuration.
    #[error(
        "the run was started with another configuration: {key} was {was}, now it is {now}; resume with the run's own, or start a new run with another --out"
    )]
    ConfigChanged {
        /// The first key that differs.
        key: String,
        /// Its value in the checkpoint.
        was: String,
        /// Its value now.
        now: String,
    },
    /// Resuming with other images.
    #[error(
        "the run was started on other images (checksum {was}, of these {now}): give --data where its own lie, or start \
         a new run with another --out"
    )]
    DataChanged {
        /// SHA-256 in the checkpoint.
        was: String,
        /// SHA-256 now.
        now: String,
    },
}

/// A checkpoint in memory.
///
/// ```
/// use arcsphere::checkpoint::{self, Checkpoint, Provenance};
/// use arcsphere::config::Config;
/// use arcsphere::plan::{self, Plan};
/// use arcsphere::train::{Flow, Trainer, Watcher};
///
/// struct AfterTen;
///
/// impl Watcher for AfterTen {
///     fn step(&mut self, trainer: &Trainer, _loss: f64) -> Flow {
///         if trainer.progress.step == 10 { Flow::Stop } else { Flow::Continue }
///     }
/// }
///
/// let (mut config, device) = (Config::default(), arcsphere::device("flex")?);
/// (config.train.epochs, config.train.batch) = (2, 10);
/// let digits = arcsphere_data::embedded::mnist()?;
/// let few = arcsphere_data::Source::new("digits", digits.train.take(100)?, digits.test.take(50)?, false)?;
/// let splits = plan::split(&config, &few)?;
/// let mut trainer = Trainer::new(Plan::check(&config, &splits)?, &device)?;
/// trainer.run(&splits, &mut AfterTen)?;
///
/// let folder = std::env::temp_dir().join("arcsphere-doc-checkpoint");
/// std::fs::create_dir_all(&folder)?;
/// checkpoint::save(&trainer, &Provenance::of("digits", &splits)?, &folder.join(checkpoint::FILE_NAME))?;
///
/// let mut resumed = Checkpoint::read(&folder)?.resume(&splits, &device)?;
/// resumed.run(&splits, &mut ())?;
/// assert_eq!(resumed.progress.step, 18);
/// # std::fs::remove_dir_all(&folder)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Checkpoint {
    /// The effective configuration.
    pub config: Config,
    /// How far the training is.
    pub progress: Progress,
    /// What it was trained on.
    pub provenance: Provenance,
    /// Seconds of wall time that the training took, where an older file says it; else 0.
    pub seconds: f64,
    /// How far the last good state was, if it is another than this.
    good: Option<Progress>,
    path: PathBuf,
    tensors: Vec<NamedTensor>,
    /// The loss's memory, and that of the last good state.
    memory: [Vec<f64>; 2],
}

impl Checkpoint {
    /// Reads a checkpoint: a file, or a run's folder with one in it. What the file says of itself is checked before
    /// its numbers are read, so that nothing is allocated that the file does not hold.
    ///
    /// # Errors
    ///
    /// [`CheckpointError::Io`]; [`CheckpointError::Format`] for what is no checkpoint, [`CheckpointError::Plan`] for
    /// one of a configuration that cannot be, [`CheckpointError::Broken`] for one whose tensors, progress or images
    /// are not those of its configuration.
    pub fn read(path: &Path) -> Result<Self, CheckpointError> {
        read::read(path)
    }

    /// The trainer that was saved, checked against the images it is to go on with.
    ///
    /// # Errors
    ///
    /// [`CheckpointError::DataChanged`], [`CheckpointError::Data`]; [`CheckpointError::Plan`], as of [`Plan::check`];
    /// [`CheckpointError::Broken`] for more steps than the plan has; [`CheckpointError::Params`],
    /// [`CheckpointError::Format`].
    pub fn resume(self, splits: &Splits, device: &Device) -> Result<Trainer, CheckpointError> {
        self.same_data(splits)?;
        let plan = Plan::check(&self.config, splits)?;
        self.within(&plan)?;
        self.restore(plan, device)
    }

    /// The trainer that was saved, of a network of the caller's own: `net` is one of the same form, whose numbers
    /// do not matter.
    ///
    /// # Errors
    ///
    /// As of [`resume`](Self::resume), and [`CheckpointError::Params`] for a network of another form.
    pub fn resume_with<B: Backbone>(
        self,
        net: B,
        splits: &Splits,
        device: &Device,
    ) -> Result<Trainer<B>, CheckpointError> {
        self.same_data(splits)?;
        let plan = Plan::for_backbone(&self.config, splits, &net)?;
        self.within(&plan)?;
        let device = device.clone().autodiff();
        let net = on_device(&plan, net, &device)?;
        self.restore_in(plan, net, device)
    }

    fn same_data(&self, splits: &Splits) -> Result<(), CheckpointError> {
        let (was, now) = (&self.provenance.sha256, splits.train.sha256()?);
        if now == *was { Ok(()) } else { Err(CheckpointError::DataChanged { was: was.clone(), now }) }
    }

    /// Refuses a progress beyond what the plan has.
    fn within(&self, plan: &Plan) -> Result<(), CheckpointError> {
        let all = [("progress", Some(&self.progress)), ("good", self.good.as_ref())];
        for (what, of) in all.into_iter().filter_map(|(what, of)| Some((what, of?))) {
            let within = progress::within(of, what, plan.steps(), plan.steps_per_epoch());
            within.map_err(|broken| CheckpointError::Broken { path: self.path.clone(), broken })?;
        }
        Ok(())
    }

    /// The trainer that was saved, for a plan made otherwise.
    ///
    /// # Errors
    ///
    /// [`CheckpointError::Plan`] for a network that is not built in, [`CheckpointError::Params`],
    /// [`CheckpointError::Format`].
    pub fn restore(self, plan: Plan, device: &Device) -> Result<Trainer, CheckpointError> {
        let device = device.clone().autodiff();
        let net = new_backbone(&plan, &device)?;
        self.restore_in(plan, net, device)
    }

    /// The trainer that was saved, its numbers in a network that has others.
    fn restore_in<B: Backbone>(self, plan: Plan, net: B, device: Device) -> Result<Trainer<B>, CheckpointError> {
        let Checkpoint { progress, seconds, good, path, tensors, memory: [own_memory, good_memory], .. } = self;
        let (own, of_good, first) = by_state(tensors);
        let broken = |broken: Broken| CheckpointError::Broken { path: path.clone(), broken };
        let params = |source| CheckpointError::Params { path: path.clone(), source };
        if let Some(first) = &first {
            import(net.clone(), first.clone()).map_err(params)?;
        }
        let fit = |state: Snapshot| {
            moments::check(&net, &state.optimizer).map_err(broken)?;
            let backbone = import(net.clone(), state.backbone).map_err(params)?;
            let head = head_with(&plan, state.head, &state.progress, &path)?;
            Ok::<_, CheckpointError>((backbone, state.optimizer, head, state.progress))
        };
        let good = match good {
            Some(progress) => {
                let state = sorted(of_good, good_memory, progress, &plan, &device, &path)?;
                // Whether it fits shows now, and not when it is needed.
                fit(state.clone())?;
                Some(state)
            }
            None => None,
        };
        let (backbone, optimizer, head, progress) = fit(sorted(own, own_memory, progress, &plan, &device, &path)?)?;
        Ok(Trainer { plan, device, backbone, head, optimizer, progress, seconds, good, first })
    }

    /// The plan of the run without its images: to measure it on others, not to go on with.
    ///
    /// # Errors
    ///
    /// [`CheckpointError::Plan`] for a loss that this program lacks; [`CheckpointError::Format`] where an older file does
    /// not say what its ordered classes are worth, which its images do.
    pub fn plan(&self) -> Result<Plan, CheckpointError> {
        let known = &self.provenance;
        let is_ordinal = losses::find(&self.config.loss.name).is_ok_and(|l| matches!(l.kind, losses::Kind::Ordinal(_)));
        if is_ordinal && known.values.is_none() {
            let message = "it does not say what its classes are worth, as older ones do not: save it anew by resuming \
                           it, or evaluate it with its images";
            return Err(CheckpointError::Format { path: self.path.clone(), message: message.to_owned() });
        }
        Ok(Plan::of_run(&self.config, known.shape(), known.classes.len(), known.values.as_deref())?)
    }

    /// The trainer that was saved, without its images: to measure it.
    ///
    /// # Errors
    ///
    /// As of [`restore`](Self::restore).
    pub fn restore_alone(self, device: &Device) -> Result<Trainer, CheckpointError> {
        let plan = self.plan()?;
        self.restore(plan, device)
    }

    /// The head alone, without the images.
    ///
    /// # Errors
    ///
    /// [`CheckpointError::Plan`] for a loss that this program lacks, [`CheckpointError::Format`] for numbers that are
    /// not the loss's.
    pub fn head(&self) -> Result<Head, CheckpointError> {
        let plan = self.plan()?;
        let own = self.tensors.iter().filter(|t| t.path.starts_with("head.")).cloned().collect();
        let (progress, memory) = (self.progress.clone(), self.memory[0].clone());
        let state = sorted(own, memory, progress, &plan, &Device::flex(), &self.path)?;
        head_with(&plan, state.head, &state.progress, &self.path)
    }

    /// The network alone, for embedding.
    ///
    /// # Errors
    ///
    /// [`CheckpointError::Plan`] for a backbone that this program lacks, [`CheckpointError::Params`].
    pub fn backbone(&self, device: &Device) -> Result<BuiltIn, CheckpointError> {
        let spec = backbone_spec(&self.config, self.provenance.shape())?;
        self.backbone_in(spec.make(&mut stream(self.config.train.seed, 0), device))
    }

    /// The network alone, its numbers in one of the same form.
    ///
    /// # Errors
    ///
    /// [`CheckpointError::Params`] for a network of another form.
    pub fn backbone_in<B: Backbone>(&self, net: B) -> Result<B, CheckpointError> {
        let own = self.tensors.iter().filter_map(|t| {
            let path = t.path.strip_prefix(NETWORK)?.to_owned();
            Some(NamedTensor { path, shape: t.shape.clone(), values: t.values.clone() })
        });
        import(net, own.collect()).map_err(|source| CheckpointError::Params { path: self.path.clone(), source })
    }
}

/// The head of a plan with the numbers that it had, as soft as the training was.
fn head_with(plan: &Plan, state: HeadState, progress: &Progress, path: &Path) -> Result<Head, CheckpointError> {
    let refused = |e: HeadError| CheckpointError::Format { path: path.to_owned(), message: e.to_string() };
    let mut head = head_of(plan).with_state(state).map_err(refused)?;
    head.soften(&progress.softening).map_err(refused)?;
    Ok(head)
}

/// The tensors of the training, of its last good state, and of its network at the first step, where the file has it.
fn by_state(tensors: Vec<NamedTensor>) -> (Vec<NamedTensor>, Vec<NamedTensor>, Option<Vec<NamedTensor>>) {
    let (mut own, mut of_good, mut first) = (Vec::new(), Vec::new(), Vec::new());
    for NamedTensor { path, shape, values } in tensors {
        let (list, path) = if let Some(name) = path.strip_prefix(GOOD) {
            (&mut of_good, name.to_owned())
        } else if let Some(name) = path.strip_prefix(FIRST).and_then(|name| name.strip_prefix(NETWORK)) {
            (&mut first, name.to_owned())
        } else {
            (&mut own, path)
        };
        list.push(NamedTensor { path, shape, values });
    }
    (own, of_good, (!first.is_empty()).then_some(first))
}
