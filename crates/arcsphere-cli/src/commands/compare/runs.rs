//! The runs of a comparison, several at a time.
//!
//! One thread a run and several runs at once is faster than the reverse, and a run's bits
//! are then the same on a machine with more threads.

use super::Done;
use crate::args::Compare;
use crate::commands::eval::times;
use crate::commands::run_dir;
use crate::exit::mistake;
use crate::out::note;
use crate::watch;
use anyhow::{Result, anyhow};
use arcsphere::Device;
use arcsphere::evaluate::evaluate;
use arcsphere::plan::{Plan, Splits};
use arcsphere_data::Source;
use arcsphere_eval::results::Run;
use indicatif::ProgressBar;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Where and on what the runs are trained.
pub(super) struct Place<'a> {
    pub(super) folder: &'a Path,
    pub(super) splits: &'a Splits,
    pub(super) source: &'a Source,
    pub(super) device: &'a Device,
}

/// How many runs go at a time, and how many threads each has.
pub(super) fn shares(args: &Compare, runs: usize) -> Result<(usize, usize)> {
    let all = std::thread::available_parallelism().map_or(1, usize::from);
    let total = args.training.threads.filter(|n| *n > 0).unwrap_or(all);
    let jobs = args.jobs.unwrap_or(total);
    if !(1..=1024).contains(&total) || !(1..=1024).contains(&jobs) {
        return Err(mistake!("--threads and --jobs must be in 1..=1024"));
    }
    Ok((jobs.min(runs.max(1)), (total / jobs).max(1)))
}

/// Trains and measures all runs, `jobs` at a time; results come in the plans' order.
pub(super) fn train_all(plans: &[Plan], jobs: usize, place: &Place<'_>) -> Result<Vec<Done>> {
    let bar = watch::bar(plans.iter().map(|p| p.steps).sum());
    let resume = format!("arcsphere compare --resume {}", place.folder.display());
    let next = AtomicUsize::new(0);
    let finished: Vec<OnceLock<Done>> = plans.iter().map(|_| OnceLock::new()).collect();
    let work = || -> Result<()> {
        loop {
            let i = next.fetch_add(1, Ordering::SeqCst);
            let Some(plan) = plans.get(i) else { return Ok(()) };
            run_dir::stop_between(&resume)?;
            let pool = rayon::ThreadPoolBuilder::new().num_threads(plan.threads).build()?;
            let done = pool.install(|| train_one(plan, place, &bar, &resume));
            if done.is_err() {
                // After a failure nobody starts another run.
                next.store(plans.len(), Ordering::SeqCst);
            }
            let _ = finished[i].set(done?);
            let n = finished.iter().filter(|f| f.get().is_some()).count();
            run_dir::label(&bar, &format!("{n}/{} runs", plans.len()));
        }
    };
    let ends: Vec<Result<()>> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..jobs).map(|_| scope.spawn(work)).collect();
        workers.into_iter().map(|w| w.join().unwrap_or_else(|_| Err(anyhow!("a training thread died")))).collect()
    });
    ends.into_iter().collect::<Result<()>>()?;
    bar.finish_and_clear();
    Ok(finished.into_iter().filter_map(OnceLock::into_inner).collect())
}

fn train_one(plan: &Plan, place: &Place<'_>, bar: &ProgressBar, resume: &str) -> Result<Done> {
    let folder = run_folder(place.folder, plan);
    let trainer = run_dir::begin(&folder, plan.clone(), place.splits, place.device)?;
    let trainer = run_dir::train(trainer, &folder, place.splits, &place.source.name, bar, resume)?;
    let evaluation = evaluate(&trainer, place.splits)?;
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
    let number = match (r.collapsed, r.accuracy, r.eer) {
        (true, ..) => format!("collapsed: {}", r.reason),
        (_, Some(accuracy), _) => format!("{:.2} %", 100.0 * accuracy),
        (_, None, Some(eer)) => format!("EER {:.2} %", 100.0 * eer),
        (_, None, None) => "no pairs to measure".to_owned(),
    };
    number + &saved
}

fn run_folder(folder: &Path, plan: &Plan) -> PathBuf {
    folder.join("runs").join(format!("{}-seed{}", plan.loss.name, plan.config.train.seed))
}
