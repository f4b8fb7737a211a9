//! One run in its folder: trained, checkpointed, measured.

use crate::log::Log;
use crate::mistake::{Interrupted, mistake};
use crate::timing;
use crate::watch::{self, RunWatcher};
use anyhow::Result;
use arcsphere::Device;
use arcsphere::checkpoint::{self, Checkpoint, Provenance};
use arcsphere::plan::{Plan, Splits};
use arcsphere::train::{End, Trainer};
use arcsphere_eval::results::{Run, write_atomic};
use indicatif::ProgressBar;
use std::path::Path;

/// The effective configuration's file in a run's folder.
const CONFIG_FILE: &str = "config.toml";
/// The result's file in a run's folder.
const RESULT_FILE: &str = "result.json";

/// The training that `folder` holds, or one at its first step. A run that cannot go on
/// with this plan and these images is refused here, before anything is said or done.
pub(crate) fn begin(folder: &Path, plan: Plan, splits: &Splits, device: &Device) -> Result<Trainer> {
    std::fs::create_dir_all(folder)?;
    let path = folder.join(checkpoint::FILE_NAME);
    if path.is_file() {
        let mut found = Checkpoint::read(&path)?;
        checkpoint::same_config(&found.config, plan.config())?;
        let seconds = timing::read(&path, &found)?;
        // The same but for where the images are, which is where they are now.
        let moved = found.config != *plan.config();
        found.config = plan.config().clone();
        let mut trainer = found.resume(splits, device)?;
        trainer.seconds = seconds;
        if moved {
            write_atomic(&folder.join(CONFIG_FILE), toml_of(&plan)?.as_bytes())?;
        }
        return Ok(trainer);
    }
    write_atomic(&folder.join(CONFIG_FILE), toml_of(&plan)?.as_bytes())?;
    Ok(Trainer::new(plan, device)?)
}

/// Trains until the end, with checkpoints in `folder`. Ctrl-C leaves one, and an error that
/// says how to go on.
pub(crate) fn train(
    mut trainer: Trainer,
    folder: &Path,
    splits: &Splits,
    name: &str,
    bar: &ProgressBar,
    how_to_resume: &str,
) -> Result<Trainer> {
    let (provenance, log) = (Provenance::of(name, splits)?, Log::open(folder)?);
    bar.inc(trainer.progress.step);
    let (step, steps) = (trainer.progress.step, trainer.plan.steps());
    log.line(&match step {
        0 => format!("started: {} on {name}, {steps} steps", trainer.plan.name()),
        _ => format!("resumed on {name} at step {step} of {steps}"),
    });
    let mut watcher = RunWatcher::new(bar, folder.join(checkpoint::FILE_NAME), &provenance, &log, &trainer);
    let end = trainer.run(splits, &mut watcher).inspect_err(|error| log.line(&format!("failed: {error}")))?;
    if watcher.failed.is_none() {
        watcher.save(&trainer);
    }
    if let Some(error) = watcher.failed {
        log.line(&format!("failed: {error}"));
        return Err(error);
    }
    if end == End::Stopped {
        bar.abandon();
        let step = trainer.progress.step;
        log.line(&format!("stopped at step {step} of {steps}"));
        let text = format!("stopped at step {step} of {steps}, nothing lost; go on with: {how_to_resume}");
        return Err(Interrupted(text).into());
    }
    log.line(&match &trainer.progress.collapsed {
        Some(reason) => format!("ended, collapsed: {reason}"),
        None => format!("trained, {:.0} s", trainer.seconds),
    });
    Ok(trainer)
}

/// The effective configuration as TOML.
pub(crate) fn toml_of(plan: &Plan) -> Result<String> {
    Ok(arcsphere::config::to_toml(plan.config())?)
}

/// Writes a run's result beside its checkpoint.
pub(crate) fn write_result(folder: &Path, run: &Run) -> Result<()> {
    let mut json = serde_json::to_string_pretty(run)?;
    json.push('\n');
    Ok(write_atomic(&folder.join(RESULT_FILE), json.as_bytes())?)
}

/// A run's checkpoint, from its folder or file.
pub(crate) fn read(path: &Path) -> Result<Checkpoint> {
    if !path.exists() {
        return Err(mistake!("there is no run at {}", path.display()));
    }
    Ok(Checkpoint::read(path)?)
}

/// What stands before a run's bar.
pub(crate) fn label(bar: &ProgressBar, text: &str) {
    bar.set_prefix(text.to_owned());
}

/// Whether the user asked to stop between two runs.
pub(crate) fn stop_between(how_to_resume: &str) -> Result<()> {
    if watch::interrupted() {
        return Err(Interrupted(format!("stopped, nothing lost; go on with: {how_to_resume}")).into());
    }
    Ok(())
}
