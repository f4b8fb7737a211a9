//! From the files of sweeps to evidence.

use crate::exit::mistake;
use anyhow::Result;
use arcsphere::advise::Evidence;
use arcsphere_eval::sweep::{Cell, Group, LossSweep, RateSweep, Sweep, analyze};
use std::path::{Path, PathBuf};

/// Where sweeps are looked for unasked, below the folder that the program runs in.
const STUDY: &str = "study";
/// A sweep's results, in its folder.
const FILE_NAME: &str = "sweep.json";
/// Folders below folders, of a study. More is another's.
const DEPTH: usize = 4;
/// Of the resamples of bootstrap and sign-flip tests: advice is the same each time.
const SEED: u64 = 0;

/// What the named sweeps and those of a study say.
pub(super) fn find(named: &[PathBuf], study: Option<&Path>) -> Result<Vec<Evidence>> {
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
    match study {
        Some(folder) if !folder.is_dir() => {
            return Err(mistake!("--study {}: there is no such folder", folder.display()));
        }
        folder => below(folder.unwrap_or(Path::new(STUDY)), DEPTH, &mut files),
    }
    let mut seen: Vec<PathBuf> = Vec::new();
    let mut out = Vec::new();
    for file in files {
        let place = file.canonicalize().unwrap_or_else(|_| file.clone());
        if !seen.contains(&place) {
            seen.push(place);
            let sweep = Sweep::read_json(&file).map_err(|e| mistake!("{e}"))?;
            out.extend(of(&sweep, &file.display().to_string())?);
        }
    }
    Ok(out)
}

/// The sweeps below a folder, in the order of their names.
fn below(folder: &Path, depth: usize, out: &mut Vec<PathBuf>) {
    let file = folder.join(FILE_NAME);
    if file.is_file() {
        out.push(file);
    }
    if depth == 0 {
        return;
    }
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut folders: Vec<PathBuf> = entries.map(|e| e.path()).filter(|p| p.is_dir()).collect();
    folders.sort();
    for inner in folders {
        below(&inner, depth - 1, out);
    }
}

/// A sweep's word on each of its losses and scales. Runs of the naive trainer say nothing of
/// what the default one makes of a margin.
fn of(sweep: &Sweep, source: &str) -> Result<Vec<Evidence>> {
    let cells: Vec<&Cell> = sweep.cells.iter().filter(|c| c.run.trainer != "naive").collect();
    let mut places: Vec<(Option<f64>, u64)> = Vec::new();
    for cell in &cells {
        let place = (cell.run.scale, cell.run.dim);
        if !places.contains(&place) {
            places.push(place);
        }
    }
    let mut out = Vec::new();
    for (scale, dim) in places {
        let here = cells.iter().filter(|c| (c.run.scale, c.run.dim) == (scale, dim)).map(|c| (*c).clone());
        let part = Sweep { cells: here.collect(), ..sweep.clone() };
        for loss in analyze(&part, SEED).map_err(|e| mistake!("{source}: {e}"))? {
            let Some(rate) = loss.best_rate().or_else(|| least_collapsed(&loss)) else { continue };
            let dead = |r: &RateSweep| -> Vec<f64> {
                r.groups.iter().filter(|g| !g.collapsed_seeds.is_empty()).map(|g| g.margin).collect()
            };
            let usable = rate.usable.as_ref();
            out.push(Evidence {
                loss: loss.loss.clone(),
                classes: sweep.data.classes as usize,
                dim: dim as usize,
                data: sweep.data.name.clone(),
                source: source.to_owned(),
                scale,
                rate: rate.rate,
                seeds: rate.groups.iter().map(Group::runs).min().unwrap_or(0),
                tried: rate.groups.iter().map(|g| g.margin).collect(),
                collapsed: dead(rate),
                usable: usable.ok().map(|u| (u.low, u.high)),
                no_range: usable.err().map_or(String::new(), |why| why.reason().to_owned()),
                unseen: usable.ok().and_then(|u| u.unseen),
                best: rate.best_group().and_then(|g| Some((g.margin, g.accuracy?.value))),
                other_rates: loss.rates.iter().filter(|r| r.rate != rate.rate).map(|r| (r.rate, dead(r))).collect(),
            });
        }
    }
    Ok(out)
}

/// The rate at which the fewest trainings collapsed, where nothing else chooses one.
fn least_collapsed(loss: &LossSweep) -> Option<&RateSweep> {
    loss.rates.iter().min_by_key(|r| r.groups.iter().map(|g| g.collapsed_seeds.len()).sum::<usize>())
}
