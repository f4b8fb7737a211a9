//! From the files of sweeps to evidence.

use crate::exit::mistake;
use anyhow::Result;
use arcsphere::advise::Evidence;
use arcsphere_eval::sweep::{Cell, Sweep};
use std::path::{Path, PathBuf};

/// Where sweeps are looked for unasked, below the folder that the program runs in.
const STUDY: &str = "study";
/// A sweep's results, in its folder.
const FILE_NAME: &str = "sweep.json";
/// Folders below folders, of a study. More is another's.
const DEPTH: usize = 4;

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
            out.extend(of(&sweep));
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

/// A sweep's word on each of its losses, rates and scales.
fn of(sweep: &Sweep) -> Vec<Evidence> {
    let mut groups: Vec<Vec<&Cell>> = Vec::new();
    let key = |c: &Cell| (c.loss.clone(), c.rate, c.run.scale, c.run.dim);
    for cell in &sweep.cells {
        match groups.iter_mut().find(|g| key(g[0]) == key(cell)) {
            Some(group) => group.push(cell),
            None => groups.push(vec![cell]),
        }
    }
    groups.iter().map(|g| group(sweep, g)).collect()
}

fn group(sweep: &Sweep, cells: &[&Cell]) -> Evidence {
    let mut tried: Vec<f64> = cells.iter().map(|c| c.margin).collect();
    tried.sort_by(f64::total_cmp);
    tried.dedup();
    let at = |m: f64| cells.iter().filter(move |c| c.margin == m);
    let score = |c: &&&Cell| c.run.accuracy.or(c.run.eer.map(|e| 1.0 - e)).unwrap_or(0.0);
    let mean = |m: f64| at(m).map(|c| score(&c)).sum::<f64>() / at(m).count() as f64;
    let collapsed: Vec<f64> = tried.iter().copied().filter(|m| at(*m).any(|c| c.run.collapsed)).collect();
    let best = tried
        .iter()
        .filter(|m| !collapsed.contains(m))
        .map(|m| (*m, mean(*m)))
        .reduce(|a, b| if b.1 > a.1 { b } else { a });
    let usable = best.map(|(margin, top)| {
        let good = |m: &&f64| !collapsed.contains(m) && mean(**m) >= top - 0.01;
        let place = tried.iter().position(|m| *m == margin).unwrap_or(0);
        let low = tried[..place].iter().rev().take_while(good).last().copied();
        let high = tried[place + 1..].iter().take_while(good).last().copied();
        (low.unwrap_or(margin), high.unwrap_or(margin))
    });
    Evidence {
        loss: cells[0].loss.clone(),
        classes: sweep.data.classes as usize,
        dim: cells[0].run.dim as usize,
        data: sweep.data.name.clone(),
        rate: cells[0].rate,
        scale: cells[0].run.scale,
        seeds: tried.iter().map(|m| at(*m).count()).min().unwrap_or(0),
        tried,
        collapsed,
        usable,
        best,
    }
}
