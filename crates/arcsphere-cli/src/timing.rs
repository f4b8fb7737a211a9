//! How long a training took, in a file beside its checkpoint: wall time is no part of what a seed gives.

use crate::mistake::mistake;
use anyhow::Result;
use arcsphere::checkpoint::Checkpoint;
use arcsphere_eval::results::write_atomic;
use serde::{Deserialize, Serialize};
use std::path::Path;

const FILE_NAME: &str = "timing.json";

#[derive(Serialize, Deserialize)]
struct Timing {
    train_seconds: f64,
}

/// Writes beside a checkpoint how many seconds its training took.
pub(crate) fn write(checkpoint: &Path, train_seconds: f64) -> Result<()> {
    let json = serde_json::to_string(&Timing { train_seconds })? + "\n";
    Ok(write_atomic(&checkpoint.with_file_name(FILE_NAME), json.as_bytes())?)
}

/// The seconds that stand beside the checkpoint of a run, its folder or file; those of an older checkpoint itself;
/// else 0.
pub(crate) fn read(run: &Path, checkpoint: &Checkpoint) -> Result<f64> {
    let path = if run.is_dir() { run.join(FILE_NAME) } else { run.with_file_name(FILE_NAME) };
    match arcsphere_files::read_text(&path) {
        Ok(text) => match serde_json::from_str::<Timing>(&text) {
            Ok(timing) => Ok(timing.train_seconds),
            Err(error) => Err(mistake!("{}: {error}; without the file the seconds count from 0", path.display())),
        },
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(checkpoint.seconds),
        Err(error) => Err(anyhow::Error::new(error).context(path.display().to_string())),
    }
}
