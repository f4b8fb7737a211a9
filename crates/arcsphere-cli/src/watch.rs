//! Progress on the terminal, Ctrl-C, and checkpoints while a training runs.

use crate::out::note;
use crate::timing;
use anyhow::Result;
use arcsphere::checkpoint::{self, Provenance};
use arcsphere::train::{Flow, Recovery, Trainer, Watcher};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// From now on the first Ctrl-C asks for a checkpoint and an end; a second one kills.
pub(crate) fn catch_interrupts() -> Result<()> {
    ctrlc::set_handler(|| {
        if INTERRUPTED.swap(true, Ordering::SeqCst) {
            std::process::exit(130);
        }
    })?;
    Ok(())
}

/// Whether Ctrl-C was pressed.
pub(crate) fn interrupted() -> bool {
    INTERRUPTED.load(Ordering::SeqCst)
}

/// A bar over `steps`, hidden where stderr is no terminal.
pub(crate) fn bar(steps: u64) -> ProgressBar {
    let bar = ProgressBar::new(steps);
    if !std::io::stderr().is_terminal() {
        bar.set_draw_target(ProgressDrawTarget::hidden());
    }
    if let Ok(style) = ProgressStyle::with_template("{prefix} {wide_bar} {percent:>3} %  ETA {eta}  {msg}") {
        bar.set_style(style);
    }
    bar
}

/// Shows on a bar what is being measured.
pub(crate) fn measuring(bar: &ProgressBar) -> impl Fn(&'static str, f64) + Sync + '_ {
    |what, share| bar.set_message(format!("measuring: {what} {:.0} %", 100.0 * share))
}

/// Watches one run: moves the bar, writes checkpoints, stops at Ctrl-C.
pub(crate) struct RunWatcher<'a> {
    /// The bar.
    pub(crate) bar: &'a ProgressBar,
    /// Where checkpoints go.
    pub(crate) path: PathBuf,
    /// What they say of the data.
    pub(crate) provenance: &'a Provenance,
    /// Which run it is, for what is said of it.
    pub(crate) name: String,
    /// Steps between checkpoints.
    pub(crate) every: u64,
    /// The first write that failed.
    pub(crate) failed: Option<anyhow::Error>,
}

impl<'a> RunWatcher<'a> {
    /// A watcher that writes checkpoints as the trainer's configuration says.
    pub(crate) fn new(bar: &'a ProgressBar, path: PathBuf, provenance: &'a Provenance, trainer: &Trainer) -> Self {
        let every = match trainer.plan.config().train.checkpoint_every {
            0 => trainer.plan.steps_per_epoch(),
            n => n,
        };
        let name = format!("{} seed {}", trainer.plan.name(), trainer.plan.config().train.seed);
        RunWatcher { bar, path, provenance, name, every, failed: None }
    }

    /// Writes a checkpoint now, and beside it how long the training took.
    pub(crate) fn save(&mut self, trainer: &Trainer) {
        let saved = checkpoint::save(trainer, self.provenance, &self.path).map_err(Into::into);
        if let Err(error) = saved.and_then(|()| timing::write(&self.path, trainer.seconds)) {
            self.failed.get_or_insert(error);
        }
    }
}

impl Watcher for RunWatcher<'_> {
    fn step(&mut self, trainer: &Trainer, loss: f64) -> Flow {
        self.bar.inc(1);
        if trainer.progress.step.is_multiple_of(10) {
            let validation = trainer.progress.history.last().and_then(|e| e.validation_accuracy);
            let seen = validation.map_or(String::new(), |a| format!("  validation {:.1} %", 100.0 * a));
            let epoch = trainer.progress.history.len() as u64 + 1;
            let epochs = trainer.plan.config().train.epochs;
            self.bar.set_message(format!("epoch {}/{epochs}  loss {loss:.3}{seen}", epoch.min(epochs)));
        }
        if interrupted() {
            self.save(trainer);
            return Flow::Stop;
        }
        if trainer.progress.step.is_multiple_of(self.every) {
            self.save(trainer);
        }
        if self.failed.is_some() { Flow::Stop } else { Flow::Continue }
    }

    fn recovered(&mut self, recovery: &Recovery) {
        // The steps taken back are still to come, and the step that showed it was not counted.
        self.bar.inc_length(recovery.step - 1 - recovery.back_to);
        self.bar.suspend(|| note!("{} recovered: {}", self.name, recovery.sentence()));
    }
}
