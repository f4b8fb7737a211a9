//! `arcsphere compare`: every loss on the same images, in one report.

pub(super) mod report;
mod runs;

use super::command_line::Line;
use super::jobs;
use super::margin_loss::takes_extension;
use crate::args::Compare;
use crate::machine::machine;
use crate::mistake::mistake;
use crate::out::{note, say};
use crate::{settings, watch};
use anyhow::Result;
use arcsphere::checkpoint::{self, CheckpointError};
use arcsphere::config::{Config, Layers, to_toml};
use arcsphere::evaluate::Evaluation;
use arcsphere::losses::margin::{self, Extension, Group, ScaleKind, Unit};
use arcsphere::losses::{self, Loss};
use arcsphere::plan::{self, Plan, Splits};
use arcsphere::train::Trainer;
use arcsphere_eval::results::write_atomic;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// What a comparison's folder remembers of it, so that it can go on.
const SPEC_FILE: &str = "compare.json";

/// A comparison: one configuration, several losses and seeds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Spec {
    losses: Vec<String>,
    seed: u64,
    seeds: u64,
    config: Config,
    /// Of all images; older comparisons do not say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sha256: Option<String>,
}

/// One run of a comparison, finished.
struct Done {
    plan: Plan,
    trainer: Trainer,
    evaluation: Evaluation,
}

/// Trains, measures, draws, reports.
pub(crate) fn run(args: &Compare) -> Result<()> {
    watch::catch_interrupts()?;
    let device = settings::device(&args.training.device)?;
    let mut spec = match &args.series.resume {
        Some(folder) => resumed(args, folder)?,
        None => fresh(args)?,
    };
    let (at_once, _) = jobs::shares(
        args.training.settings.count("train.threads"),
        args.series.jobs,
        spec.losses.len() * spec.seeds as usize,
    )?;
    let is_given = args.series.resume.is_none() || args.data.get("data.source").is_some();
    let source = settings::open_again(&spec.config, is_given)?;
    if let Some(was) = spec.sha256.replace(source.sha256.clone()).filter(|was| *was != source.sha256) {
        return Err(CheckpointError::DataChanged { was, now: source.sha256 }.into());
    }
    let splits = plan::split(&spec.config, &source)?;
    let plans = settings::understood(&source, plans(&spec, &splits))?;
    let folder = match &args.series.resume {
        Some(folder) => folder.clone(),
        None => settings::output_folder(args.series.out.as_deref(), "compare")?,
    };
    // Again where it goes on, for the images may lie elsewhere by now.
    write_atomic(&folder.join(SPEC_FILE), (serde_json::to_string_pretty(&spec)? + "\n").as_bytes())?;
    settings::notes(&source);
    note!("{}: {} runs into {}", source.name, plans.len(), folder.display());
    let place = runs::Context { folder: &folder, splits: &splits, source: &source, device: &device };
    let done = runs::train_all(&plans, at_once, &place)?;
    let machine = machine(at_once * spec.config.train.threads, &args.training.device);
    let results = report::write(&folder, &spec, &splits, &source, &done, &command_line(&spec)?, machine)?;
    say!("{}", report::table(&results).trim_end());
    say!("{}", folder.join("report.html").display());
    Ok(())
}

fn fresh(args: &Compare) -> Result<Spec> {
    let layers = settings::layers(None, &args.data, &args.training)?;
    let mut config = args.margins.over(layers)?.build()?;
    let names = chosen(&args.losses)?;
    let (seed, seeds) = settings::seeds(args.series.seed, args.series.seeds)?;
    config.train.threads =
        jobs::shares(args.training.settings.count("train.threads"), args.series.jobs, names.len() * seeds as usize)?.1;
    Ok(Spec { losses: names, seed, seeds, config, sha256: None })
}

/// The command that repeats a comparison.
fn command_line(spec: &Spec) -> Result<String> {
    let mut line = Line::new("arcsphere compare");
    if !spec.losses.iter().map(String::as_str).eq(margin::group(Group::Family).map(|l| l.name)) {
        line.flag("--loss", &spec.losses.join(","));
    }
    line.settings(&spec.config)?;
    line.flag("--seeds", &spec.seeds.to_string());
    line.flag("--seed", &spec.seed.to_string());
    Ok(line.into())
}

fn chosen(wanted: &[String]) -> Result<Vec<String>> {
    if wanted.is_empty() {
        return Ok(margin::group(Group::Family).map(|l| l.name.to_owned()).collect());
    }
    let mut names: Vec<String> = Vec::new();
    for name in wanted {
        let found = losses::find(name)?.name.to_owned();
        if names.contains(&found) {
            return Err(mistake!("--loss names {found} twice"));
        }
        names.push(found);
    }
    Ok(names)
}

/// The comparison that a folder holds; flags may repeat its settings, not change them.
fn resumed(args: &Compare, folder: &Path) -> Result<Spec> {
    let path = folder.join(SPEC_FILE);
    let text = settings::text_of_run(&path, || {
        format!("{} holds no comparison (no {SPEC_FILE}), so there is nothing to resume", folder.display())
    })?;
    let broken =
        |why: String| mistake!("{} is broken: {why}; take a whole copy, or start another with --out", path.display());
    let mut spec: Spec = serde_json::from_str(&text).map_err(|e| broken(e.to_string()))?;
    // What is read is bounded as what is typed.
    settings::seeds(Some(spec.seed), Some(spec.seeds)).map_err(|e| broken(e.to_string()))?;
    match chosen(&spec.losses) {
        Ok(losses) if losses == spec.losses && !losses.is_empty() => {}
        Ok(_) => return Err(broken(format!("its losses are {:?}", spec.losses))),
        Err(error) => return Err(broken(error.to_string())),
    }
    let layers = Layers::new().text(&to_toml(&spec.config)?, "the comparison's configuration")?;
    let layers = settings::flags(layers, &args.data, &args.training)?;
    let mut config = args.margins.over(layers)?.build()?;
    // How many runs go at once is no part of what they are.
    config.train.threads = spec.config.train.threads;
    checkpoint::same_config(&spec.config, &config)?;
    spec.config = config;
    if !args.losses.is_empty() && chosen(&args.losses)? != spec.losses {
        return Err(mistake!("the comparison is of {}; start another with another --out", spec.losses.join(", ")));
    }
    for (flag, wanted, own) in [("seeds", args.series.seeds, spec.seeds), ("seed", args.series.seed, spec.seed)] {
        if wanted.is_some_and(|wanted| wanted != own) {
            return Err(mistake!("the comparison has --{flag} {own}; start another with another --out"));
        }
    }
    Ok(spec)
}

/// A checked plan per loss and seed. A mistake in the last shows before the first is trained.
fn plans(spec: &Spec, splits: &Splits) -> Result<Vec<Plan>> {
    let mut plans = Vec::new();
    for name in spec.config.loss.params.keys() {
        let infos: Vec<Loss> = spec.losses.iter().map(|l| losses::find(l)).collect::<Result<_, _>>()?;
        if !infos.iter().any(|info| info.has_param(name)) {
            return Err(mistake!("none of {} has a parameter \"{name}\"", spec.losses.join(", ")));
        }
    }
    for unit in Unit::ALL.into_iter().filter(|unit| spec.config.loss.margin(*unit).is_some()) {
        let takes = |name: &String| losses::find(name).is_ok_and(|l| l.margin().is_some_and(|m| m.kind.takes(unit)));
        if !spec.losses.iter().any(takes) {
            let (names, key) = (spec.losses.join(", "), unit.key());
            return Err(mistake!("none of {names} has {key}; leave it out, or add a loss that has, as combined"));
        }
    }
    takes_extension(&spec.losses, spec.config.loss.extension)?;
    for name in &spec.losses {
        for seed in spec.seed..spec.seed + spec.seeds {
            let mut config = spec.config.clone();
            config.loss.name = name.clone();
            config.train.seed = seed;
            only_own_margins(&mut config, &losses::find(name)?);
            plans.push(Plan::check(&config, splits)?);
        }
    }
    Ok(plans)
}

/// In a comparison a margin, parameter, extension or energy that is set holds for the losses that
/// have it.
fn only_own_margins(config: &mut Config, loss: &Loss) {
    let l = &mut config.loss;
    if !loss.takes_extension() {
        l.extension = Extension::default();
    }
    l.params.retain(|name, _| loss.has_param(name));
    let scale = loss.margin().map_or(ScaleKind::Unnormalized, |margin| margin.kind.scale);
    for unit in Unit::ALL {
        let takes = loss.margin().is_some_and(|margin| margin.kind.takes(unit));
        l.set_margin(unit, l.margin(unit).filter(|_| takes));
    }
    l.scale = l.scale.filter(|_| scale == ScaleKind::Fixed);
    if scale == ScaleKind::Unnormalized {
        l.energy_weight = 0.0;
    }
}
