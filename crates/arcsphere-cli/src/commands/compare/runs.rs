//! The runs of a comparison.

use super::Done;
use crate::commands::eval::times;
use crate::commands::jobs::Jobs;
use crate::commands::run_dir;
use crate::out::note;
use crate::watch;
use anyhow::Result;
use arcsphere::Device;
use arcsphere::evaluate::{evaluate, protocols};
use arcsphere::plan::{Plan, Splits};
use arcsphere_data::Source;
use arcsphere_eval::results::Run;
use arcsphere_eval::show::percent;
use indicatif::ProgressBar;
use std::path::{Path, PathBuf};

/// Where and on what the runs are trained.
pub(super) struct Context<'a> {
    pub(super) folder: &'a Path,
    pub(super) splits: &'a Splits,
    pub(super) source: &'a Source,
    pub(super) device: &'a Device,
}

/// Trains and measures all runs, `at_once` at a time; results come in the plans' order.
pub(super) fn train_all(plans: &[Plan], at_once: usize, place: &Context<'_>) -> Result<Vec<Done>> {
    let bar = watch::bar(plans.iter().map(|p| p.steps()).sum());
    let resume = format!("arcsphere compare --resume {}", place.folder.display());
    let threads = plans.first().map_or(1, |p| p.threads());
    let jobs = Jobs { at_once, threads, before: 0, noun: "runs", bar: &bar, resume: &resume };
    jobs.run(plans, |plan| train_one(plan, place, &bar, &resume))
}

fn train_one(plan: &Plan, place: &Context<'_>, bar: &ProgressBar, resume: &str) -> Result<Done> {
    let folder = run_folder(place.folder, plan);
    let trainer = run_dir::begin(&folder, plan.clone(), place.splits, place.device)?;
    let trainer = run_dir::train(trainer, &folder, place.splits, &place.source.name, bar, resume)?;
    let config = plan.config();
    let measures = protocols(&config.eval, config.data.split_seed)?;
    let evaluation = evaluate(&trainer, place.splits, &measures, &watch::measuring(bar))?;
    run_dir::write_result(&folder, &evaluation.run)?;
    let r = &evaluation.run;
    bar.suspend(|| note!("{} seed {}: {} in {:.0} s", r.loss, r.seed, verdict(r), r.train_seconds));
    Ok(Done { plan: plan.clone(), trainer, evaluation })
}

fn verdict(r: &Run) -> String {
    let saved = match r.recovered {
        n if n > 0 && !r.collapsed => format!(", recovered {} ({})", times(n), r.causes.join(", ")),
        _ => String::new(),
    };
    let number = match (r.collapsed, r.get("accuracy"), r.get("eer")) {
        (true, ..) => format!("collapsed: {}", r.reason),
        (_, Some(accuracy), _) => format!("{} %", percent(accuracy)),
        (_, None, Some(eer)) => format!("EER {} %", percent(eer)),
        (_, None, None) => {
            let why = r.not_measured.iter().find(|n| n.measures.iter().any(|m| m == "eer"));
            format!("neither accuracy nor EER measured{}", why.map_or(String::new(), |n| format!(" ({})", n.reason)))
        }
    };
    number + &saved
}

fn run_folder(folder: &Path, plan: &Plan) -> PathBuf {
    folder.join("runs").join(format!("{}-seed{}", plan.name(), plan.config().train.seed))
}
