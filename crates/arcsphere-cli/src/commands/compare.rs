//! `arcsphere compare`: every loss on the same images, in one report.

mod report;

use super::run_dir;
use crate::args::Compare;
use crate::exit::mistake;
use crate::{settings, watch};
use anyhow::Result;
use arcsphere::Device;
use arcsphere::checkpoint;
use arcsphere::config::{Config, Layers, to_toml};
use arcsphere::evaluate::{Evaluation, evaluate};
use arcsphere::losses::margin::{self, LOSSES, LossInfo};
use arcsphere::plan::{self, Plan, Splits};
use arcsphere::train::Trainer;
use arcsphere_data::Source;
use arcsphere_eval::results::write_atomic;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// What a comparison's folder remembers of it, so that it can go on.
const SPEC_FILE: &str = "compare.json";

/// A comparison: one configuration, several losses and seeds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Spec {
    losses: Vec<String>,
    seed: u64,
    seeds: u64,
    config: Config,
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
    let spec = match &args.resume {
        Some(folder) => resumed(args, folder)?,
        None => fresh(args)?,
    };
    settings::set_threads(spec.config.train.threads)?;
    let source = settings::open(&spec.config)?;
    let splits = plan::split(&spec.config, &source)?;
    let plans = plans(&spec, &splits)?;
    let folder = match &args.resume {
        Some(folder) => folder.clone(),
        None => {
            let folder = settings::output_folder(args.out.as_deref(), "compare")?;
            let mut json = serde_json::to_string_pretty(&spec)?;
            json.push('\n');
            write_atomic(&folder.join(SPEC_FILE), json.as_bytes())?;
            folder
        }
    };
    eprintln!("{}: {} runs into {}", source.name, plans.len(), folder.display());
    let done = train_all(&plans, &splits, &source, &folder, &device)?;
    let results = report::write(&folder, &spec, &splits, &source, &done, &command_line(&spec))?;
    print!("{}", report::table(&results));
    println!("{}", folder.join("report.html").display());
    Ok(())
}

fn fresh(args: &Compare) -> Result<Spec> {
    let config = settings::layers(None, &args.data, &args.training)?.build()?;
    let names = losses(&args.losses)?;
    if !(1..=1000).contains(&args.seeds) {
        return Err(mistake!(
            "--seeds {} is out of range: it must be in 1..=1000, a loss is trained once a seed",
            args.seeds
        ));
    }
    if args.seed > i64::MAX as u64 - args.seeds {
        return Err(mistake!("--seed {} is too large: at most {}", args.seed, i64::MAX as u64 - args.seeds));
    }
    Ok(Spec { losses: names, seed: args.seed, seeds: args.seeds, config })
}

fn losses(wanted: &[String]) -> Result<Vec<String>> {
    if wanted.is_empty() {
        return Ok(LOSSES.iter().map(|l| l.name.to_owned()).collect());
    }
    let mut names: Vec<String> = Vec::new();
    for name in wanted {
        let found = margin::find(name)?.name.to_owned();
        if names.contains(&found) {
            return Err(mistake!("--losses names {found} twice"));
        }
        names.push(found);
    }
    Ok(names)
}

/// The comparison that a folder holds; flags may repeat its settings, not change them.
fn resumed(args: &Compare, folder: &Path) -> Result<Spec> {
    let path = folder.join(SPEC_FILE);
    let text = std::fs::read_to_string(&path).map_err(|_| {
        mistake!("{} holds no comparison (no {SPEC_FILE}), so there is nothing to resume", folder.display())
    })?;
    let spec: Spec = serde_json::from_str(&text).map_err(|e| mistake!("{} is broken: {e}", path.display()))?;
    let layers = Layers::new().text(&to_toml(&spec.config)?, "the comparison's configuration")?;
    let config = settings::flags(layers, &args.data, &args.training)?.build()?;
    checkpoint::same_config(&spec.config, &config)?;
    if !args.losses.is_empty() && losses(&args.losses)? != spec.losses {
        return Err(mistake!("the comparison is of {}; start another with another --out", spec.losses.join(", ")));
    }
    Ok(spec)
}

/// A checked plan per loss and seed. A mistake in the last shows before the first is trained.
fn plans(spec: &Spec, splits: &Splits) -> Result<Vec<Plan>> {
    let mut plans = Vec::new();
    for name in &spec.losses {
        for seed in spec.seed..spec.seed + spec.seeds {
            let mut config = spec.config.clone();
            config.loss.name = name.clone();
            config.train.seed = seed;
            only_own_margins(&mut config, margin::find(name)?);
            plans.push(Plan::check(&config, splits)?);
        }
    }
    Ok(plans)
}

/// In a comparison a margin that is set holds for the losses that have it.
fn only_own_margins(config: &mut Config, info: &LossInfo) {
    let l = &mut config.loss;
    l.angle_multiplier = l.angle_multiplier.filter(|_| info.takes.angle_multiplier);
    l.angle_margin = l.angle_margin.filter(|_| info.takes.angle_margin);
    l.cosine_margin = l.cosine_margin.filter(|_| info.takes.cosine_margin);
    l.scale = l.scale.filter(|_| info.scale == margin::ScaleKind::Fixed);
}

fn run_folder(folder: &Path, plan: &Plan) -> PathBuf {
    folder.join("runs").join(format!("{}-seed{}", plan.loss.name, plan.config.train.seed))
}

fn train_all(plans: &[Plan], splits: &Splits, source: &Source, folder: &Path, device: &Device) -> Result<Vec<Done>> {
    let bar = watch::bar(plans.iter().map(|p| p.steps).sum());
    let resume = format!("arcsphere compare --resume {}", folder.display());
    let mut done = Vec::new();
    for (i, plan) in plans.iter().enumerate() {
        run_dir::stop_between(&resume)?;
        let seed = plan.config.train.seed;
        run_dir::label(&bar, &format!("{}/{} {} seed {seed}", i + 1, plans.len(), plan.loss.name));
        let place = run_folder(folder, plan);
        let trainer = run_dir::train_in(&place, plan.clone(), splits, &source.name, device, &bar, &resume)?;
        let evaluation = evaluate(&trainer, splits)?;
        run_dir::write_result(&place, &evaluation.run)?;
        let r = &evaluation.run;
        let verdict =
            if r.collapsed { format!("collapsed: {}", r.reason) } else { format!("{:.2} %", 100.0 * r.accuracy) };
        bar.suspend(|| eprintln!("{} seed {seed}: {verdict} in {:.0} s", r.loss, r.train_seconds));
        done.push(Done { plan: plan.clone(), trainer, evaluation });
    }
    bar.finish_and_clear();
    Ok(done)
}

/// The command that repeats a comparison, by what differs from the defaults.
fn command_line(spec: &Spec) -> String {
    let mut out = "arcsphere compare".to_owned();
    let c = &spec.config;
    let defaults = Config::default();
    if c.data.source != defaults.data.source {
        out.push_str(&format!(" --data {}", c.data.source));
    }
    if spec.losses.len() != LOSSES.len() {
        out.push_str(&format!(" --losses {}", spec.losses.join(",")));
    }
    out.push_str(&format!(
        " --backbone {} --dim {} --epochs {} --seeds {} --seed {}",
        c.model.backbone, c.model.dim, c.train.epochs, spec.seeds, spec.seed
    ));
    out
}
