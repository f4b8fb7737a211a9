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
//! progress. After each epoch of a healthy training the two are one.

use crate::backbones::Backbone;
use crate::config::Config;
use crate::embed::{ReadError, host_values};
use crate::head::{Head, HeadState};
use crate::losses::tuple::TupleParameters;
use crate::nn::{NamedTensor, ParamsError, export, import};
use crate::optim::Optimizer;
use crate::plan::{Plan, PlanError, Splits, backbone_spec};
use crate::progress::Progress;
use crate::stability::Snapshot;
use crate::train::{Trainer, head_spec, new_backbone, stream};
use arcsphere_data::{DataError, Normalization, Shape};
use burn::tensor::{Device, Tensor, TensorData};
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};
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

/// The tensors of f64: the loss's memory, and that of the last good state.
const MEMORY: [&str; 2] = ["head.memory", "good.head.memory"];

/// The parts of [`HeadState`] that are f32, by name.
fn head_parts(s: &mut HeadState) -> Vec<(String, &mut Vec<f32>)> {
    let own = s.tuple.tensors().into_iter().map(|(name, values)| (format!("head.{name}"), values));
    let parts = [
        ("head.weights", &mut s.weights),
        ("head.bias", &mut s.bias),
        ("head.first", &mut s.first),
        ("head.second", &mut s.second),
        ("head.bias_first", &mut s.bias_first),
        ("head.bias_second", &mut s.bias_second),
        ("head.mean_sums", &mut s.mean_sums),
        ("head.mean_counts", &mut s.mean_counts),
    ];
    parts.into_iter().map(|(name, values)| (name.to_owned(), values)).chain(own).collect()
}

/// What stands before the names of the last good state's tensors.
const GOOD: &str = "good.";

/// A state's tensors under their names in the file, `prefix` before them.
fn named(
    prefix: &str,
    backbone: Vec<NamedTensor>,
    optimizer: &Optimizer,
    head: &HeadState,
    dim: usize,
) -> Result<Vec<NamedTensor>, ReadError> {
    let mut tensors = backbone;
    for t in &mut tensors {
        t.path.insert_str(0, "backbone.");
    }
    for (order, moments) in [("first", &optimizer.first), ("second", &optimizer.second)] {
        for (i, moment) in moments.iter().enumerate() {
            let values = host_values(moment.clone())?;
            tensors.push(NamedTensor { path: format!("optimizer.{order}.{i}"), shape: vec![values.len()], values });
        }
    }
    for (path, values) in head_parts(&mut head.clone()) {
        let per_class =
            matches!(path.as_str(), "head.bias" | "head.bias_first" | "head.bias_second" | "head.mean_counts");
        let shape = if per_class { vec![values.len()] } else { vec![values.len() / dim, dim] };
        tensors.push(NamedTensor { path, shape, values: std::mem::take(values) });
    }
    for t in &mut tensors {
        t.path.insert_str(0, prefix);
    }
    Ok(tensors)
}

/// Writes a training to `path`, atomically.
///
/// # Errors
///
/// [`CheckpointError::Io`], [`CheckpointError::Read`].
pub fn save(trainer: &Trainer, provenance: &Provenance, path: &Path) -> Result<(), CheckpointError> {
    let io = |source| CheckpointError::Io { path: path.to_owned(), source };
    let dim = trainer.plan.config.model.dim;
    let (backbone, head) = (export(&trainer.backbone), trainer.head.state());
    let mut tensors = named("", backbone, &trainer.optimizer, head, dim)?;
    let under_way = trainer.progress.step < trainer.plan.steps && trainer.progress.collapsed.is_none();
    let good = trainer.good.as_ref().filter(|good| under_way && good.progress.step != trainer.progress.step);
    if let Some(good) = good {
        tensors.extend(named(GOOD, good.backbone.clone(), &good.optimizer, &good.head, dim)?);
    }
    let json = |e: serde_json::Error| io(std::io::Error::other(e));
    let mut metadata = HashMap::from([
        ("format".to_owned(), "arcsphere".to_owned()),
        ("version".to_owned(), VERSION.to_string()),
        ("config".to_owned(), toml::to_string(&trainer.plan.config).map_err(|e| io(std::io::Error::other(e)))?),
        ("progress".to_owned(), serde_json::to_string(&trainer.progress).map_err(json)?),
        ("provenance".to_owned(), serde_json::to_string(provenance).map_err(json)?),
    ]);
    if let Some(good) = good {
        metadata.insert("good".to_owned(), serde_json::to_string(&good.progress).map_err(json)?);
    }
    let bytes: Vec<(String, Vec<usize>, Vec<u8>)> = tensors
        .into_iter()
        .map(|t| (t.path, t.shape, t.values.iter().flat_map(|v| v.to_le_bytes()).collect()))
        .collect();
    let memories = [Some(&head.memory), good.map(|good| &good.head.memory)];
    let memories: Vec<(&str, Vec<u8>)> = MEMORY
        .into_iter()
        .zip(memories)
        .filter_map(|(name, memory)| Some((name, memory?.iter().flat_map(|v| v.to_le_bytes()).collect())))
        .collect();
    let mut views = bytes
        .iter()
        .map(|(name, shape, bytes)| TensorView::new(Dtype::F32, shape.clone(), bytes).map(|view| (name.as_str(), view)))
        .collect::<Result<Vec<_>, _>>()
        .map_err(|e| io(std::io::Error::other(e)))?;
    for (name, bytes) in memories.iter().filter(|(_, bytes)| !bytes.is_empty()) {
        let view = TensorView::new(Dtype::F64, vec![bytes.len() / size_of::<f64>()], bytes);
        views.push((*name, view.map_err(|e| io(std::io::Error::other(e)))?));
    }
    let file = safetensors::serialize(views, Some(metadata)).map_err(|e| io(std::io::Error::other(e)))?;
    let file = in_order(file).map_err(json)?;
    arcsphere_eval::results::write_atomic(path, &file).map_err(|e| io(std::io::Error::other(e)))
}

/// The same file with the entries of its header by name: safetensors writes its metadata in the order of a hash map,
/// which is another one each time.
fn in_order(mut file: Vec<u8>) -> Result<Vec<u8>, serde_json::Error> {
    type Header = BTreeMap<String, BTreeMap<String, serde_json::Value>>;
    let Some((length, rest)) = file.split_first_chunk_mut::<8>() else { return Ok(file) };
    if let Some(text) = rest.get_mut(..u64::from_le_bytes(*length) as usize) {
        // The same entries and the same writer, so the length is the same; what is padded stays spaces.
        let header: Header = serde_json::from_slice(text)?;
        text.iter_mut().zip(serde_json::to_vec(&header)?).for_each(|(old, new)| *old = new);
    }
    Ok(file)
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
        let bytes = std::fs::read(&path).map_err(|source| CheckpointError::Io { path: path.clone(), source })?;
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
    /// [`CheckpointError::DataChanged`], [`CheckpointError::Data`], [`CheckpointError::Plan`], [`CheckpointError::Params`],
    /// [`CheckpointError::Format`].
    pub fn resume(self, splits: &Splits, device: &Device) -> Result<Trainer, CheckpointError> {
        let now = splits.train.sha256()?;
        if now != self.provenance.sha256 {
            return Err(CheckpointError::DataChanged { was: self.provenance.sha256, now });
        }
        let plan = Plan::check(&self.config, splits)?;
        self.restore(plan, device)
    }

    /// The trainer that was saved, for a plan made otherwise.
    ///
    /// # Errors
    ///
    /// [`CheckpointError::Params`], [`CheckpointError::Format`].
    pub fn restore(self, plan: Plan, device: &Device) -> Result<Trainer, CheckpointError> {
        let device = device.clone().autodiff();
        let Checkpoint { progress, seconds, good, path, tensors, memory: [own_memory, good_memory], .. } = self;
        let (mut own, mut of_good) = (Vec::new(), Vec::new());
        for mut tensor in tensors {
            match tensor.path.strip_prefix(GOOD).map(str::to_owned) {
                Some(name) => {
                    tensor.path = name;
                    of_good.push(tensor);
                }
                None => own.push(tensor),
            }
        }
        let fit = |state: Snapshot| {
            import(new_backbone(&plan, &device), state.backbone)
                .map(|backbone| (backbone, state.optimizer, state.head, state.progress))
                .map_err(|source| CheckpointError::Params { path: path.clone(), source })
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
        let head = Head::with_state(head_spec(&plan, &progress.softening), head);
        Ok(Trainer { plan, device, backbone, head, optimizer, progress, seconds, good })
    }
}

/// A file's tensors as the state that they are.
fn sorted(
    tensors: Vec<NamedTensor>,
    memory: Vec<f64>,
    progress: Progress,
    plan: &Plan,
    device: &Device,
    path: &Path,
) -> Result<Snapshot, CheckpointError> {
    let format = |message: String| CheckpointError::Format { path: path.to_owned(), message };
    let mut backbone = Vec::new();
    let mut moments: [Vec<(usize, Vec<f32>)>; 2] = Default::default();
    let spec = head_spec(plan, &progress.softening);
    // What a tuple loss keeps has its names from the loss; its numbers come from the file.
    let tuple = match &spec.tuple {
        Some(term) => term.loss.parameters(plan.classes, spec.dim, &mut stream(0, 0)),
        None => TupleParameters::default(),
    };
    let kept = tuple.values.len();
    let mut head = HeadState { tuple, ..HeadState::default() };
    let mut missing: Vec<String> = head.tuple.tensors().into_iter().map(|(name, _)| format!("head.{name}")).collect();
    for mut tensor in tensors {
        if let Some(rest) = tensor.path.strip_prefix("backbone.") {
            tensor.path = rest.to_owned();
            backbone.push(tensor);
        } else if let Some(rest) = tensor.path.strip_prefix("optimizer.") {
            let (which, index) = rest.split_once('.').unwrap_or((rest, ""));
            let index = index.parse().map_err(|_| format(format!("{} has no index", tensor.path)))?;
            moments[usize::from(which == "second")].push((index, tensor.values));
        } else if let Some((_, part)) = head_parts(&mut head).into_iter().find(|(name, _)| *name == tensor.path) {
            *part = tensor.values;
            missing.retain(|name| *name != tensor.path);
        } else {
            return Err(format(format!("the tensor {} has no place", tensor.path)));
        }
    }
    if let Some(name) = missing.first() {
        return Err(format(format!("it lacks {name}")));
    }
    let (biases, numbers) = (spec.biases(), spec.rows() * spec.dim);
    head.memory = memory;
    let sized = [
        ("head.weights", head.weights.len(), numbers),
        ("head.first", head.first.len(), numbers),
        ("head.bias", head.bias.len(), biases),
        ("head.bias_first", head.bias_first.len(), biases),
        ("what the loss keeps", head.tuple.values.len(), kept),
        (MEMORY[0], head.memory.len(), spec.margin.memory().len()),
    ];
    if let Some((name, found, expected)) = sized.into_iter().find(|(_, found, expected)| found != expected) {
        return Err(format(format!("{name} has {found} numbers, expected {expected}")));
    }
    let tensors = |mut list: Vec<(usize, Vec<f32>)>| -> Vec<Tensor<1>> {
        list.sort_by_key(|(index, _)| *index);
        let plain = device.clone().inner();
        list.into_iter()
            .map(|(_, values)| {
                let n = values.len();
                Tensor::from_data(TensorData::new(values, [n]), &plain)
            })
            .collect()
    };
    let [first, second] = moments;
    Ok(Snapshot { backbone, optimizer: Optimizer { first: tensors(first), second: tensors(second) }, head, progress })
}

impl Checkpoint {
    /// The backbone alone, for embedding.
    ///
    /// # Errors
    ///
    /// [`CheckpointError::Plan`] for a backbone that this program lacks, [`CheckpointError::Params`].
    pub fn backbone(&self, device: &Device) -> Result<Backbone, CheckpointError> {
        let (info, spec) = backbone_spec(&self.config, self.provenance.shape())?;
        let fresh = (info.build)(&spec, &mut stream(self.config.train.seed, 0), device);
        let own = self.tensors.iter().filter_map(|t| {
            let path = t.path.strip_prefix("backbone.")?.to_owned();
            Some(NamedTensor { path, shape: t.shape.clone(), values: t.values.clone() })
        });
        import(fresh, own.collect()).map_err(|source| CheckpointError::Params { path: self.path.clone(), source })
    }
}

/// Refuses to resume with a configuration other than the run's own.
///
/// # Errors
///
/// [`CheckpointError::ConfigChanged`] with the first key that differs.
pub fn same_config(was: &Config, now: &Config) -> Result<(), CheckpointError> {
    let flat = |c: &Config| {
        let mut out = Vec::new();
        if let Ok(toml::Value::Table(table)) = toml::Value::try_from(c) {
            flatten("", &toml::Value::Table(table), &mut out);
        }
        out
    };
    let (was, now) = (flat(was), flat(now));
    let of = |list: &[(String, String)], key: &str| {
        list.iter().find(|(k, _)| k == key).map_or("not set".to_owned(), |(_, v)| v.clone())
    };
    for (key, _) in was.iter().chain(&now) {
        let (was, now) = (of(&was, key), of(&now, key));
        if was != now {
            return Err(CheckpointError::ConfigChanged { key: key.clone(), was, now });
        }
    }
    Ok(())
}

fn flatten(prefix: &str, value: &toml::Value, out: &mut Vec<(String, String)>) {
    match value {
        toml::Value::Table(table) => {
            for (key, value) in table {
                let path = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
                flatten(&path, value, out);
            }
        }
        other => out.push((prefix.to_owned(), other.to_string())),
    }
}
