//! A training as the bytes of a file.

use super::names::{FIRST, GOOD, MEMORY, head_parts};
use super::{CheckpointError, Provenance, VERSION};
use crate::backbones::Backbone;
use crate::collapse::Snapshot;
use crate::embed::{ReadError, host_values};
use crate::head::HeadState;
use crate::nn::{NamedTensor, export};
use crate::optim::Optimizer;
use crate::train::Trainer;
use safetensors::tensor::{Dtype, TensorView};
use std::collections::{BTreeMap, HashMap};
use std::path::Path;

/// Writes a training to `path`, atomically. The bytes depend on the training alone.
///
/// # Errors
///
/// [`CheckpointError::Io`], [`CheckpointError::Read`].
pub fn save<B: Backbone>(trainer: &Trainer<B>, provenance: &Provenance, path: &Path) -> Result<(), CheckpointError> {
    let under_way = trainer.progress.step < trainer.plan.steps() && trainer.progress.collapsed.is_none();
    let good = trainer.good.as_ref().filter(|good| under_way && good.progress.step != trainer.progress.step);
    let entries = entries(trainer, good, trainer.first.as_ref().filter(|_| under_way))?;
    let io = |source| CheckpointError::Io { path: path.to_owned(), source };
    let file = metadata(trainer, good, provenance).and_then(|metadata| file(&entries, metadata));
    let file = file.map_err(|source| io(std::io::Error::other(source)))?;
    arcsphere_eval::results::write_atomic(path, &file).map_err(|e| io(std::io::Error::other(e)))
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// What the file says beside its tensors.
fn metadata<B: Backbone>(
    trainer: &Trainer<B>,
    good: Option<&Snapshot>,
    provenance: &Provenance,
) -> Result<HashMap<String, String>, Failure> {
    let mut entries = vec![
        ("format", "arcsphere".to_owned()),
        ("version", VERSION.to_string()),
        ("config", toml::to_string(trainer.plan.config())?),
        ("progress", serde_json::to_string(&trainer.progress)?),
        ("provenance", serde_json::to_string(provenance)?),
    ];
    if let Some(good) = good {
        entries.push(("good", serde_json::to_string(&good.progress)?));
    }
    Ok(entries.into_iter().map(|(key, text)| (key.to_owned(), text)).collect())
}

/// A tensor of the file.
struct Entry {
    name: String,
    dtype: Dtype,
    shape: Vec<usize>,
    bytes: Vec<u8>,
}

impl Entry {
    fn f32(prefix: &str, path: &str, shape: Vec<usize>, values: &[f32]) -> Entry {
        let bytes = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        Entry { name: format!("{prefix}{path}"), dtype: Dtype::F32, shape, bytes }
    }
}

/// All tensors: the training's, those of its last good state, and its network's at the first step.
fn entries<B: Backbone>(
    trainer: &Trainer<B>,
    good: Option<&Snapshot>,
    first: Option<&Vec<NamedTensor>>,
) -> Result<Vec<Entry>, ReadError> {
    let dim = trainer.plan.dim();
    let (mut out, head) = (Vec::new(), trainer.head.state());
    add(&mut out, "", &export(&trainer.backbone), &trainer.optimizer, &head, dim)?;
    if let Some(good) = good {
        add(&mut out, GOOD, &good.backbone, &good.optimizer, &good.head, dim)?;
    }
    add_network(&mut out, FIRST, first.map_or(&[], |first| first));
    let memories = [Some(&head.memory), good.map(|good| &good.head.memory)];
    for (name, memory) in MEMORY.into_iter().zip(memories) {
        let memory = memory.map_or(&[][..], |memory| memory);
        if !memory.is_empty() {
            let bytes = memory.iter().flat_map(|v| v.to_le_bytes()).collect();
            out.push(Entry { name: name.to_owned(), dtype: Dtype::F64, shape: vec![memory.len()], bytes });
        }
    }
    Ok(out)
}

/// A state's tensors of f32, `prefix` before their names.
fn add(
    out: &mut Vec<Entry>,
    prefix: &str,
    backbone: &[NamedTensor],
    optimizer: &Optimizer,
    head: &HeadState,
    dim: usize,
) -> Result<(), ReadError> {
    add_network(out, prefix, backbone);
    for (order, moments) in [("first", &optimizer.first), ("second", &optimizer.second)] {
        for (i, moment) in moments.iter().enumerate() {
            let values = host_values(moment.clone())?;
            out.push(Entry::f32(prefix, &format!("optimizer.{order}.{i}"), vec![values.len()], &values));
        }
    }
    for (path, values) in head_parts(&mut head.clone()) {
        let per_class =
            matches!(path.as_str(), "head.bias" | "head.bias_first" | "head.bias_second" | "head.mean_counts");
        let shape = if per_class { vec![values.len()] } else { vec![values.len() / dim, dim] };
        out.push(Entry::f32(prefix, &path, shape, values));
    }
    Ok(())
}

fn add_network(out: &mut Vec<Entry>, prefix: &str, backbone: &[NamedTensor]) {
    out.extend(
        backbone.iter().map(|t| Entry::f32(prefix, &format!("backbone.{}", t.path), t.shape.clone(), &t.values)),
    );
}

/// The file: what safetensors writes, with the entries of its header by name, for its metadata comes in the order of
/// a hash map, which is another one each time.
fn file(entries: &[Entry], metadata: HashMap<String, String>) -> Result<Vec<u8>, Failure> {
    type Header = BTreeMap<String, BTreeMap<String, serde_json::Value>>;
    let mut views = Vec::with_capacity(entries.len());
    for e in entries {
        views.push((e.name.as_str(), TensorView::new(e.dtype, e.shape.clone(), &e.bytes)?));
    }
    let mut file = safetensors::serialize(views, Some(metadata))?;
    if let Some((length, rest)) = file.split_first_chunk_mut::<8>()
        && let Some(text) = rest.get_mut(..u64::from_le_bytes(*length) as usize)
    {
        // The same entries and the same writer, so the length is the same; what is padded stays spaces.
        let header: Header = serde_json::from_slice(text)?;
        text.iter_mut().zip(serde_json::to_vec(&header)?).for_each(|(old, new)| *old = new);
    }
    Ok(file)
}
