//! What a sweep leaves behind: its numbers, pictures and a page, and a table for the terminal.

use super::folder::SweepSpec;
use super::grid::Point;
use crate::commands::compare::report::{accuracy, eer, not_measured, worst};
use anyhow::{Context, Result};
use arcsphere::config::to_toml;
use arcsphere_eval::results::{Run, summarize};
use arcsphere_eval::show::{MARK_NOTE, percent};
use arcsphere_eval::sweep::{Cell, Sweep, analyze};
use arcsphere_report::report::{SweepReport, sweep_pictures};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

const JSON_FILE: &str = "sweep.json";
const CSV_FILE: &str = "sweep.csv";
const PAGE_FILE: &str = "report.html";
/// Of the resamples of bootstrap and sign-flip tests: a page is the same each time.
const SEED: u64 = 0;

/// Writes everything and returns the numbers.
pub(super) fn write(folder: &Path, begun: &SweepSpec, points: &[Point], cells: Vec<Cell>) -> Result<Sweep> {
    let sweep = Sweep {
        version: begun.version.clone(),
        command: begun.grid.command_line(&begun.machine.device)?,
        data: begun.data.clone(),
        machine: begun.machine.clone(),
        budget: budget(begun, points),
        cells,
    };
    sweep.write_csv(&folder.join(CSV_FILE))?;
    // Last, for it says that the sweep is whole.
    sweep.write_json(&folder.join(JSON_FILE))?;
    Ok(sweep)
}

/// Draws a page a scale, for an analysis is over margins and rates: beside the numbers where
/// there is one scale, else below `scale-<s>/`. Losses without a fixed scale are on each.
pub(super) fn pages(folder: &Path, begun: &SweepSpec, sweep: &Sweep) -> Result<Vec<PathBuf>> {
    let mut scales: Vec<f64> = Vec::new();
    for scale in sweep.cells.iter().filter_map(|c| c.run.scale) {
        if !scales.contains(&scale) {
            scales.push(scale);
        }
    }
    if scales.len() < 2 {
        return Ok(vec![page(folder, begun, sweep.clone(), "")?]);
    }
    let mut pages = Vec::new();
    for scale in scales {
        let cells = sweep.cells.iter().filter(|c| c.run.scale.is_none_or(|s| s == scale)).cloned().collect();
        let folder = folder.join(format!("scale-{scale}"));
        std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        pages.push(page(&folder, begun, Sweep { cells, ..sweep.clone() }, &format!(", scale {scale}"))?);
    }
    Ok(pages)
}

fn page(folder: &Path, begun: &SweepSpec, sweep: Sweep, scale: &str) -> Result<PathBuf> {
    let losses = analyze(&sweep, SEED)?;
    let report = SweepReport {
        title: format!("Margins on {}{scale}", sweep.data.name),
        pictures: sweep_pictures(&losses, Some(folder))?,
        losses,
        configuration: to_toml(&begun.grid.config)?,
        reproduce: sweep.command.clone(),
        limits: limits(begun),
        sweep,
    };
    let path = folder.join(PAGE_FILE);
    report.write(&path)?;
    Ok(path)
}

fn limits(begun: &SweepSpec) -> Vec<String> {
    let mut out = Vec::new();
    if begun.grid.config.model.dim == 2 {
        out.push("What margins do in the dimensions in which they are used: two leave little room for one.".to_owned());
    }
    if begun.data.n_train < 20_000 {
        out.push(format!("What more images would give: the networks saw {}.", begun.data.n_train));
    }
    out
}

/// What each cell was given.
fn budget(begun: &SweepSpec, points: &[Point]) -> String {
    let c = &begun.grid.config;
    let steps = points.first().map_or(0, |p| p.plan.steps());
    let epochs = if c.train.epochs == 1 { "epoch" } else { "epochs" };
    format!(
        "{} {epochs} of {} images, {steps} steps of {}, {} in {} dimensions, one thread",
        c.train.epochs,
        begun.data.n_train,
        c.train.batch.min(begun.data.n_train as usize),
        c.model.backbone,
        c.model.dim
    )
}

/// A line a point of the grid, over its seeds.
pub(super) fn table(sweep: &Sweep, seeds: usize) -> String {
    let mut out = format!(
        "{:<18} {:>7} {:>7} {:>8} {:>7} {:>22} {:>8} {:>8}\n",
        "loss", "margin", "costs", "rate", "scale", "accuracy [95 %]", "worst", "EER"
    );
    for point in sweep.cells.chunks(seeds.max(1)) {
        let runs: Vec<Run> = point.iter().map(|c| c.run.clone()).collect();
        let (first, summaries) = (&point[0], summarize(&runs));
        let Some(s) = summaries.first() else { continue };
        let percent = |v: Option<f64>| v.map_or("–".to_owned(), percent);
        let accuracy = accuracy(s);
        let _ = writeln!(
            out,
            "{:<18} {:>7} {:>6.1}° {:>8} {:>7} {:>22} {:>8} {:>8}{}",
            first.loss,
            first.margin,
            first.boundary_cost.to_degrees(),
            first.rate,
            s.scale.map_or("‖x‖".to_owned(), |s| format!("{s:.1}")),
            accuracy,
            percent(worst(s)),
            eer(s),
            if s.collapsed > 0 { format!("  {} of {} collapsed", s.collapsed, s.runs) } else { String::new() }
        );
    }
    if sweep.cells.iter().any(|c| c.run.measures.get("eer").is_some_and(|e| e.few_errors.is_some())) {
        let _ = writeln!(out, "{MARK_NOTE}");
    }
    out + &not_measured(&sweep.results())
}
