//! Progress on the terminal, signals, and checkpoints while a training runs.

use crate::log::Log;
use crate::out::note;
use crate::timing;
use anyhow::Result;
use arcsphere::checkpoint::{self, Provenance};
use arcsphere::train::{EpochRecord, Flow, Recovery, Trainer, Watcher};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

static INTERRUPTED: AtomicBool = AtomicBool::new(false);
/// Whether there is a handler; a process has one.
static CAUGHT: AtomicBool = AtomicBool::new(false);

/// When the first signal came.
static SINCE: OnceLock<Instant> = OnceLock::new();

/// Signals within this time are one: who ends a session sends several at once, such as SIGTERM and SIGHUP.
const AT_ONCE: Duration = Duration::from_secs(1);

/// From now on the first Ctrl-C, SIGTERM or SIGHUP asks for a checkpoint and an end, with exit code 130; one that
/// comes a second later or more kills.
pub(crate) fn catch_interrupts() -> Result<()> {
    if CAUGHT.swap(true, Ordering::SeqCst) {
        return Ok(());
    }
    ctrlc::set_handler(|| {
        INTERRUPTED.store(true, Ordering::SeqCst);
        if SINCE.get_or_init(Instant::now).elapsed() >= AT_ONCE {
            std::process::exit(130);
        }
    })?;
    Ok(())
}

/// Whether Ctrl-C was pressed, or another such signal came.
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

/// What an epoch showed, in a line.
pub(crate) fn epoch_line(trainer: &Trainer, record: &EpochRecord) -> String {
    let validation = record.validation_accuracy.map_or(String::new(), |a| format!(", validation {:.1} %", 100.0 * a));
    let (epochs, training) = (trainer.plan.config().train.epochs, 100.0 * record.train_accuracy);
    format!("epoch {}/{epochs}: loss {:.4}, training {training:.1} %{validation}", record.epoch, record.loss)
}

/// Says a line of a run where no bar shows how far it is.
pub(crate) fn without_terminal(bar: &ProgressBar, name: &str, line: &str) {
    if bar.is_hidden() {
        note!("{name}: {line}");
    }
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
    /// The run's own log.
    pub(crate) log: &'a Log,
    /// The first write that failed.
    pub(crate) failed: Option<anyhow::Error>,
}

impl<'a> RunWatcher<'a> {
    /// A watcher that writes checkpoints as the trainer's configuration says.
    pub(crate) fn new(
        bar: &'a ProgressBar,
        path: PathBuf,
        provenance: &'a Provenance,
        log: &'a Log,
        trainer: &Trainer,
    ) -> Self {
        let every = match trainer.plan.config().train.checkpoint_every {
            0 => trainer.plan.steps_per_epoch(),
            n => n,
        };
        let name = format!("{} seed {}", trainer.plan.name(), trainer.plan.config().train.seed);
        RunWatcher { bar, path, provenance, name, every, log, failed: None }
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

    fn epoch(&mut self, trainer: &Trainer, record: &EpochRecord) {
        let line = epoch_line(trainer, record);
        self.log.line(&line);
        without_terminal(self.bar, &self.name, &line);
    }

    fn recovered(&mut self, recovery: &Recovery) {
        self.log.line(&format!("recovered: {}", recovery.sentence()));
        // The steps taken back are still to come, and the step that showed it was not counted.
        self.bar.inc_length(recovery.step - 1 - recovery.back_to);
        self.bar.suspend(|| note!("{} recovered: {}", self.name, recovery.sentence()));
    }
}
