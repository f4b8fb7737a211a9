//! A file as a checkpoint: the header first, and the numbers when all that it says of itself can be.

use super::layout::{Found, Layout};
use super::names::MEMORY;
use super::{Broken, Checkpoint, CheckpointError, FILE_NAME, Provenance, VERSION, progress};
use crate::config::Config;
use crate::nn::NamedTensor;
use crate::progress::Progress;
use safetensors::tensor::{Metadata, SafeTensors};
use serde::Deserialize;
use std::collections::HashMap;
use std::fs::File;
use std::io::{Read, Seek};
use std::path::Path;

/// The largest header that safetensors has.
const MOST_HEADER: u64 = 100_000_000;

/// What only older checkpoints have in their progress.
#[derive(Deserialize)]
struct WallTime {
    #[serde(default)]
    seconds: f64,
}

/// What the text entries of a file say.
struct Said {
    config: Config,
    progress: Progress,
    provenance: Provenance,
    seconds: f64,
    good: Option<Progress>,
}

pub(super) fn read(path: &Path) -> Result<Checkpoint, CheckpointError> {
    let path = if path.is_dir() { path.join(FILE_NAME) } else { path.to_owned() };
    let broken = |broken: Broken| CheckpointError::Broken { path: path.clone(), broken };
    let (mut file, size) = opened(&path)?;
    let (header, end) = header(&path, &mut file, size)?;
    let said = said(&path, header.metadata().as_ref().unwrap_or(&HashMap::new()))?;
    said.provenance.check().and_then(|()| said.check()).map_err(broken)?;
    let layout = Layout::of(&said.config, &said.provenance)?;
    let found: Found<'_> = header.tensors().into_iter().collect();
    layout.check(&found, said.good.is_some()).map_err(broken)?;
    let expected = end.saturating_add(header.data_len() as u64);
    if size != expected {
        return Err(broken(Broken::Length { found: size, expected }));
    }
    let (tensors, memory) = numbers(&path, &mut file, size)?;
    let Said { config, progress, provenance, seconds, good } = said;
    Ok(Checkpoint { config, progress, provenance, seconds, good, path, tensors, memory })
}

impl Said {
    fn check(&self) -> Result<(), Broken> {
        let recoveries = self.config.train.recoveries;
        progress::check(&self.progress, "progress", recoveries)?;
        let Some(good) = &self.good else { return Ok(()) };
        progress::check(good, "good", recoveries)?;
        match good.step > self.progress.step {
            true => {
                Err(Broken::value("good.step", good.step, format!("at most progress.step = {}", self.progress.step)))
            }
            false => Ok(()),
        }
    }
}

fn io(path: &Path) -> impl Fn(std::io::Error) -> CheckpointError + '_ {
    |source| CheckpointError::Io { path: path.to_owned(), source }
}

fn format(path: &Path, message: impl ToString) -> CheckpointError {
    CheckpointError::Format { path: path.to_owned(), message: message.to_string() }
}

/// A regular file and its size.
fn opened(path: &Path) -> Result<(File, u64), CheckpointError> {
    let file = arcsphere_files::open(path).map_err(io(path))?;
    let size = file.metadata().map_err(io(path))?.len();
    Ok((file, size))
}

/// What the file says of its tensors and itself, and where its numbers begin. The memory for it is bounded by the
/// file's size.
fn header(path: &Path, file: &mut File, size: u64) -> Result<(Metadata, u64), CheckpointError> {
    let mut length = [0; 8];
    file.read_exact(&mut length).map_err(|_| format(path, "it is shorter than the length of a header"))?;
    let length = u64::from_le_bytes(length);
    if length > MOST_HEADER.min(size.saturating_sub(8)) {
        return Err(format(path, format!("its header has {length} bytes by its beginning, and the file {size}")));
    }
    let text = bytes(file, length).map_err(io(path))?;
    let header = serde_json::from_slice(&text).map_err(|e| format(path, format!("its header: {e}")))?;
    Ok((header, 8 + length))
}

/// So many bytes from where a file stands.
fn bytes(file: &mut File, n: u64) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let room = usize::try_from(n).map_err(|_| std::io::ErrorKind::OutOfMemory)?;
    bytes.try_reserve_exact(room).map_err(|_| std::io::ErrorKind::OutOfMemory)?;
    file.take(n).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn said(path: &Path, metadata: &HashMap<String, String>) -> Result<Said, CheckpointError> {
    let entry = |key: &str| metadata.get(key).ok_or_else(|| format(path, format!("its metadata lacks \"{key}\"")));
    if entry("format")? != "arcsphere" {
        return Err(format(path, "its format is another"));
    }
    let version = entry("version")?;
    if *version != VERSION.to_string() {
        return Err(format(path, format!("it has version {version}, this program reads version {VERSION}")));
    }
    let config = toml::from_str(entry("config")?).map_err(|e| format(path, format!("its configuration: {e}")))?;
    let progress = entry("progress")?;
    let of_progress = |e: serde_json::Error| format(path, format!("its progress: {e}"));
    let WallTime { seconds } = serde_json::from_str(progress).map_err(of_progress)?;
    let progress = serde_json::from_str(progress).map_err(of_progress)?;
    let provenance = entry("provenance")?;
    let provenance = serde_json::from_str(provenance).map_err(|e| format(path, format!("its provenance: {e}")))?;
    let good = metadata.get("good").map(|text| serde_json::from_str(text)).transpose();
    let good = good.map_err(|e| format(path, format!("the progress of its last good state: {e}")))?;
    Ok(Said { config, progress, provenance, seconds, good })
}

type Numbers = (Vec<NamedTensor>, [Vec<f64>; 2]);

/// The tensors of a file whose header was checked.
fn numbers(path: &Path, file: &mut File, size: u64) -> Result<Numbers, CheckpointError> {
    file.rewind().map_err(io(path))?;
    let bytes = bytes(file, size).map_err(io(path))?;
    let file = SafeTensors::deserialize(&bytes).map_err(|e| format(path, e))?;
    let (mut tensors, mut memory) = (Vec::new(), <[Vec<f64>; 2]>::default());
    for (name, view) in file.tensors() {
        if let Some(place) = MEMORY.iter().position(|memory| *memory == name) {
            memory[place] = view.data().as_chunks::<8>().0.iter().map(|b| f64::from_le_bytes(*b)).collect();
            continue;
        }
        let values = view.data().as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect();
        tensors.push(NamedTensor { path: name, shape: view.shape().to_vec(), values });
    }
    Ok((tensors, memory))
}
