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

mod names;
mod same;
mod state;
mod write;

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
use arcsphere_data::{DataError, Normalization, Shape};
use burn::tensor::Device;
use names::{FIRST, GOOD, MEMORY, NETWORK};
use safetensors::tensor::{Dtype, SafeTensors};
use serde::{Deserialize, Serialize};
use state::sorted;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// The file's name in a run's folder.
pub const FILE_NAME: &str = "checkpoint.safetensors";

const VERSION: u32 = 1;

/// The most bytes of a file that is taken for a checkpoint, 1 TiB: more is a hole on the disk.
const MAX_BYTES: u64 = 1 << 40;

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
    #[error("the run was started on other images ({was}); these are {now}")]
    DataChanged {
        /// SHA-256 in the checkpoint.
        was: String,
        /// SHA-256 now.
        now: String,
    },
}

/// What a checkpoint knows of the images that it was trained on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Provenance {
    /// The data set's name.
    pub data: String,
    /// SHA-256 of the training images.
    pub sha256: String,
    /// Class names, by label.
    pub classes: Vec<String>,
    /// What each class is worth, where they have an order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub values: Option<Vec<f32>>,
    /// Channels, height, width.
    pub shape: [usize; 3],
    /// Mean per channel, of pixels in [0, 1].
    pub mean: Vec<f32>,
    /// Standard deviation per channel.
    pub std: Vec<f32>,
}

impl Provenance {
    /// Of a set that is about to be trained on.
    ///
    /// # Errors
    ///
    /// [`DataError`] if an image cannot be read.
    pub fn of(name: &str, splits: &Splits) -> Result<Self, DataError> {
        let shape = splits.train.shape();
        Ok(Provenance {
            data: name.to_owned(),
            sha256: splits.train.sha256()?,
            classes: splits.train.classes().to_vec(),
            values: splits.train.targets().map(|targets| targets.class_values().to_vec()),
            shape: [shape.channels, shape.height, shape.width],
            mean: splits.normalization.mean.clone(),
            std: splits.normalization.std.clone(),
        })
    }

    /// The images' shape.
    pub fn shape(&self) -> Shape {
        let [channels, height, width] = self.shape;
        Shape { channels, height, width }
    }

    /// How pixels become numbers.
    pub fn normalization(&self) -> Normalization {
        Normalization { mean: self.mean.clone(), std: self.std.clone() }
    }
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

/// What only older checkpoints have in their progress.
#[derive(Deserialize)]
struct WallTime {
    #[serde(default)]
    seconds: f64,
}

impl Checkpoint {
    /// Reads a checkpoint: a file, or a run's folder with one in it.
    ///
    /// # Errors
    ///
    /// [`CheckpointError::Io`], [`CheckpointError::Format`].
    pub fn read(path: &Path) -> Result<Self, CheckpointError> {
        let path = if path.is_dir() { path.join(FILE_NAME) } else { path.to_owned() };
        let bytes = arcsphere_files::read(&path, MAX_BYTES)
            .map_err(|source| CheckpointError::Io { path: path.clone(), source })?;
        let format = |message: String| CheckpointError::Format { path: path.clone(), message };
        let (_, header) = SafeTensors::read_metadata(&bytes).map_err(|e| format(e.to_string()))?;
        let file = SafeTensors::deserialize(&bytes).map_err(|e| format(e.to_string()))?;
        let metadata = header.metadata().clone().unwrap_or_default();
        let entry = |key: &str| metadata.get(key).ok_or_else(|| format(format!("its metadata lacks \"{key}\"")));
        if entry("format")? != "arcsphere" {
            return Err(format("its format is another".to_owned()));
        }
        let version = entry("version")?;
        if *version != VERSION.to_string() {
            return Err(format(format!("it has version {version}, this program reads version {VERSION}")));
        }
        let config = toml::from_str(entry("config")?).map_err(|e| format(format!("its configuration: {e}")))?;
        let progress = entry("progress")?;
        let of_progress = |e: serde_json::Error| format(format!("its progress: {e}"));
        let WallTime { seconds } = serde_json::from_str(progress).map_err(of_progress)?;
        let progress = serde_json::from_str(progress).map_err(of_progress)?;
        let provenance =
            serde_json::from_str(entry("provenance")?).map_err(|e| format(format!("its provenance: {e}")))?;
        let good = metadata.get("good").map(|text| serde_json::from_str(text)).transpose();
        let good = good.map_err(|e| format(format!("the progress of its last good state: {e}")))?;
        let (mut tensors, mut memory) = (Vec::new(), <[Vec<f64>; 2]>::default());
        for (name, view) in file.tensors() {
            let place = MEMORY.iter().position(|memory| *memory == name);
            if let (Some(place), Dtype::F64) = (place, view.dtype()) {
                memory[place] = view.data().as_chunks::<8>().0.iter().map(|b| f64::from_le_bytes(*b)).collect();
                continue;
            }
            if view.dtype() != Dtype::F32 {
                return Err(format(format!("{name} is of type {:?}, expected F32", view.dtype())));
            }
            let values = view.data().as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect();
            tensors.push(NamedTensor { path: name, shape: view.shape().to_vec(), values });
        }
        Ok(Checkpoint { config, progress, provenance, seconds, good, path, tensors, memory })
    }

    /// The trainer that was saved, checked against the images it is to go on with.
    ///
    /// # Errors
    ///
    /// [`CheckpointError::DataChanged`], [`CheckpointError::Data`]; [`CheckpointError::Plan`], as of [`Plan::check`];
    /// [`CheckpointError::Params`], [`CheckpointError::Format`].
    pub fn resume(self, splits: &Splits, device: &Device) -> Result<Trainer, CheckpointError> {
        self.same_data(splits)?;
        let plan = Plan::check(&self.config, splits)?;
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
        let device = device.clone().autodiff();
        let net = on_device(&plan, net, &device)?;
        self.restore_in(plan, net, device)
    }

    fn same_data(&self, splits: &Splits) -> Result<(), CheckpointError> {
        let (was, now) = (&self.provenance.sha256, splits.train.sha256()?);
        if now == *was { Ok(()) } else { Err(CheckpointError::DataChanged { was: was.clone(), now }) }
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
        let fit = |state: Snapshot| {
            let backbone = import(net.clone(), state.backbone)
                .map_err(|source| CheckpointError::Params { path: path.clone(), source })?;
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

    /// The head alone, without the images.
    ///
    /// # Errors
    ///
    /// [`CheckpointError::Plan`] for a loss that this program lacks, [`CheckpointError::Format`] for numbers that are
    /// not the loss's.
    pub fn head(&self) -> Result<Head, CheckpointError> {
        let known = &self.provenance;
        let is_ordinal = losses::find(&self.config.loss.name).is_ok_and(|l| matches!(l.kind, losses::Kind::Ordinal(_)));
        if is_ordinal && known.values.is_none() {
            let message = "it does not say what its classes are worth, as older ones do not: save it anew by resuming \
                           it, or evaluate it with its images";
            return Err(CheckpointError::Format { path: self.path.clone(), message: message.to_owned() });
        }
        let plan = Plan::of_run(&self.config, known.shape(), known.classes.len(), known.values.as_deref())?;
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
