//! `arcsphere sweep`: a grid of margins, rates, scales and seeds, several at a time.

mod folder;
mod grid;
mod margins;
mod report;

use super::jobs::{self, Jobs};
use super::{margin_loss, run_dir};
use crate::args;
use crate::log::Log;
use crate::machine::machine;
use crate::mistake::{Interrupted, mistake};
use crate::out::{note, say};
use crate::{settings, timing, watch};
use anyhow::{Context, Result};
use arcsphere::Device;
use arcsphere::checkpoint::{self, Provenance};
use arcsphere::config::{Layers, to_toml};
use arcsphere::evaluate::{evaluate, protocols};
use arcsphere::plan::{self, Splits};
use arcsphere::train::{End, EpochRecord, Flow, Recovery, Trainer, Watcher};
use folder::{Cells, SweepSpec};
use grid::{Grid, Point};
use indicatif::ProgressBar;
use std::path::PathBuf;

/// Trains what is not trained yet, and reports.
pub(crate) fn run(args: &args::Sweep) -> Result<()> {
    watch::catch_interrupts()?;
    let device = settings::device(&args.training.device)?;
    let begun = args.series.resume.as_deref().map(SweepSpec::read).transpose()?;
    let grid = match &begun {
        Some(begun) => resumed(args, begun.grid.clone())?,
        None => grid::asked(args)?,
    };
    let (at_once, _) = jobs::shares(args.training.settings.count("train.threads"), args.series.jobs, usize::MAX)?;
    let is_given = args.series.resume.is_none() || args.data.get("data.source").is_some();
    let source = settings::open_again(&grid.config, is_given)?;
    let splits = plan::split(&grid.config, &source)?;
    let points = settings::understood(&source, grid.points(&splits))?;
    let now = SweepSpec {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        grid,
        data: settings::data_info(&source, &splits),
        machine: machine(1, &args.training.device),
    };
    let (folder, begun) = place(args, begun, now)?;
    let (cells, log) = (Cells::of(&folder)?, Log::open(&folder)?);
    let missing = cells.missing(&points)?;
    let (all, before) = (points.len(), points.len() - missing.len());
    let done = if before > 0 { format!(", {before} of them finished") } else { String::new() };
    settings::notes(&source);
    note!("{}: {all} trainings into {}{done}", source.name, folder.display());
    if !missing.is_empty() {
        log.line(&format!("{}: {all} trainings{done}", source.name));
    }

    let bar = watch::bar(missing.iter().map(|p| p.plan.steps()).sum());
    let resume = format!("arcsphere sweep --resume {}", folder.display());
    let jobs =
        Jobs { at_once: at_once.min(missing.len()), threads: 1, before, noun: "cells", bar: &bar, resume: &resume };
    let place = Place { cells: &cells, splits: &splits, name: &source.name, device: &device, bar: &bar, log: &log };
    if let Err(error) = jobs.run(&missing, |point| one(point, &place)) {
        if error.is::<Interrupted>() {
            bar.abandon();
            let left = cells.missing(&points)?.len();
            log.line(&format!("stopped with {} of {all} trainings finished", all - left));
            let text = format!("stopped with {} of {all} trainings finished; go on with: {resume}", all - left);
            return Err(Interrupted(text).into());
        }
        log.line(&format!("failed: {error:#}"));
        return Err(error.context(format!("a training failed; what is finished is kept (go on with {resume})")));
    }
    let sweep = report::write(&folder, &begun, &points, cells.read(&points)?)?;
    say!("{}", report::table(&sweep, begun.grid.seeds as usize).trim_end());
    for page in report::pages(&folder, &begun, &sweep)? {
        say!("{}", page.display());
    }
    Ok(())
}

/// The folder of a sweep, and what it holds: what it held where it goes on, else what is asked for.
fn place(args: &args::Sweep, begun: Option<SweepSpec>, now: SweepSpec) -> Result<(PathBuf, SweepSpec)> {
    let (Some(folder), Some(begun)) = (&args.series.resume, begun) else {
        let folder = settings::output_folder(args.series.out.as_deref(), "sweep")?;
        now.write(&folder)?;
        return Ok((folder, now));
    };
    begun.same_place(&now)?;
    // The images may lie elsewhere by now, and have another name there.
    let moved = SweepSpec { grid: now.grid, ..begun.clone() };
    if moved != begun {
        moved.write(folder)?;
    }
    Ok((folder.clone(), moved))
}

/// The grid that a folder holds; flags may repeat it, not change it.
fn resumed(args: &args::Sweep, own: Grid) -> Result<Grid> {
    let layers = Layers::new().text(&to_toml(&own.config)?, "the sweep's configuration")?;
    let mut config = settings::flags(layers, &args.data, &grid::without_rates(args))?.build()?;
    // How many trainings go at once is no part of what they are.
    config.train.threads = own.config.train.threads;
    checkpoint::same_config(&own.config, &config)?;
    let own = Grid { config, ..own };
    let another = |what: String| mistake!("the sweep has {what}; start another with another --out");
    if !args.loss.is_empty() || !args.margin.is_empty() {
        let names: Vec<String> = own.axes.iter().map(|a| a.loss.clone()).collect();
        let losses = if args.loss.is_empty() { &names } else { &args.loss };
        let same = if args.margin.is_empty() {
            let found = losses.iter().map(|l| Ok(margin_loss::find(l, margins::PURPOSE)?.name.to_owned()));
            found.collect::<Result<Vec<_>>>()? == names
        } else {
            margins::axes(losses, &args.margin)? == own.axes
        };
        if !same {
            let of: Vec<String> = own.axes.iter().map(|a| format!("{}={:?}", a.loss, a.margins)).collect();
            return Err(another(format!("--margin {}", of.join(" --margin "))));
        }
    }
    for (flag, wanted, own) in
        [("rate", &args.training.settings.numbers("optim.rate"), &own.rates), ("scale", &args.scale, &own.scales)]
    {
        if !wanted.is_empty() && wanted != own {
            return Err(another(format!("--{flag} {own:?}")));
        }
    }
    for (flag, wanted, own) in [("seeds", args.series.seeds, own.seeds), ("seed", args.series.seed, own.seed)] {
        if wanted.is_some_and(|wanted| wanted != own) {
            return Err(another(format!("--{flag} {own}")));
        }
    }
    Ok(own)
}

/// Where and on what the points are trained.
struct Place<'a> {
    cells: &'a Cells,
    splits: &'a Splits,
    name: &'a str,
    device: &'a Device,
    bar: &'a ProgressBar,
    log: &'a Log,
}

/// Trains and measures one point, and keeps nothing of it but its numbers.
fn one(point: &Point, place: &Place<'_>) -> Result<()> {
    let trainer = trained(point, place)?;
    let config = point.plan.config();
    let measures = protocols(&config.eval, config.data.split_seed)?;
    let run = evaluate(&trainer, place.splits, &measures, &watch::measuring(place.bar))?.run;
    let end = if run.collapsed { format!("collapsed: {}", run.reason) } else { "trained".to_owned() };
    place.log.line(&format!("{}: {end} and measured, {:.0} s", point.name(), run.train_seconds));
    place.cells.write(point, run)
}

/// A finished training: one that was not measured, or a new one, which is kept until it is.
fn trained(point: &Point, place: &Place<'_>) -> Result<Trainer> {
    let folder = place.cells.training(point);
    let path = folder.join(checkpoint::FILE_NAME);
    if path.is_file() {
        place.bar.inc(point.plan.steps());
        return run_dir::begin(&folder, point.plan.clone(), place.splits, place.device);
    }
    let mut trainer = Trainer::new(point.plan.clone(), place.device)?;
    let mut watcher = CellWatcher { bar: place.bar, log: place.log, name: point.name() };
    if trainer.run(place.splits, &mut watcher)? == End::Stopped {
        return Err(Interrupted(String::new()).into());
    }
    // A training that died early has no more steps to show.
    place.bar.inc(point.plan.steps().saturating_sub(trainer.progress.step));
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    checkpoint::save(&trainer, &Provenance::of(place.name, place.splits)?, &path)?;
    timing::write(&path, trainer.seconds)?;
    Ok(trainer)
}

/// Moves the bar over all cells, and stops at Ctrl-C.
struct CellWatcher<'a> {
    bar: &'a ProgressBar,
    log: &'a Log,
    name: String,
}

impl Watcher for CellWatcher<'_> {
    fn step(&mut self, _trainer: &Trainer, _loss: f64) -> Flow {
        self.bar.inc(1);
        if watch::interrupted() { Flow::Stop } else { Flow::Continue }
    }

    fn epoch(&mut self, trainer: &Trainer, record: &EpochRecord) {
        watch::without_terminal(self.bar, &self.name, &watch::epoch_line(trainer, record));
    }

    fn recovered(&mut self, recovery: &Recovery) {
        self.log.line(&format!("{}: recovered: {}", self.name, recovery.sentence()));
    }
}
