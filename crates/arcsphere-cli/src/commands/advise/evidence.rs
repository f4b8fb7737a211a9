//! From the files of sweeps to evidence.

use crate::mistake::mistake;
use anyhow::Result;
use arcsphere::advise::{Evidence, of_the_study};
use arcsphere_eval::sweep::{Sweep, evidence};
use std::path::{Path, PathBuf};

/// A sweep's results, in its folder.
const FILE_NAME: &str = "sweep.json";
/// Folders below folders, of a study. More is another's.
const DEPTH: usize = 4;
/// Of the resamples of bootstrap and sign-flip tests: advice is the same each time.
const SEED: u64 = 0;

/// What the named sweeps say and those below a folder; if none is named, those of the built-in study.
pub(super) fn find(named: &[PathBuf], folder: Option<&Path>) -> Result<Vec<Evidence>> {
    if named.is_empty() && folder.is_none() {
        return Ok(of_the_study()?);
    }
    let mut files = Vec::new();
    for path in named {
        let file = if path.is_dir() { path.join(FILE_NAME) } else { path.clone() };
        if !file.is_file() {
            return Err(mistake!(
                "there is no sweep at {}: name a finished sweep's folder or its {FILE_NAME}",
                path.display()
            ));
        }
        files.push(file);
    }
    if let Some(folder) = folder {
        if !folder.is_dir() {
            return Err(mistake!("--sweeps-in {}: there is no such folder", folder.display()));
        }
        below(folder, DEPTH, &mut files)?;
    }
    let mut seen: Vec<PathBuf> = Vec::new();
    let mut out = Vec::new();
    for file in files {
        let place = file.canonicalize().unwrap_or_else(|_| file.clone());
        if !seen.contains(&place) {
            seen.push(place);
            let sweep = Sweep::read_json(&file).map_err(|e| mistake!("{e}"))?;
            let source = file.display().to_string();
            out.extend(evidence(&sweep, &source, SEED).map_err(|e| mistake!("{source}: {e}"))?);
        }
    }
    Ok(out)
}

/// The sweeps below a folder, in the order of their names.
fn below(folder: &Path, depth: usize, out: &mut Vec<PathBuf>) -> Result<()> {
    let file = folder.join(FILE_NAME);
    if file.is_file() {
        out.push(file);
    }
    if depth == 0 {
        return Ok(());
    }
    let unreadable = |e: std::io::Error| mistake!("--sweeps-in: cannot read the folder {}: {e}", folder.display());
    let mut folders = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.is_dir() {
            folders.push(path);
        }
    }
    folders.sort();
    folders.iter().try_for_each(|inner| below(inner, depth - 1, out))
}
