//! The process that reads inputs one after another.
//!
//! Everything is done in a pool of one thread: the readers' own threads are then this one, and a job costs a core.

use crate::finding::{self, Origin};
use crate::mutate::{Mutator, Parts};
use crate::state::State;
use crate::targets::Target;
use crate::{ALLOCATOR, find};
use anyhow::{Context, Result, bail};
use std::backtrace::Backtrace;
use std::collections::HashMap;
use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// The first word of a child's command line.
pub(crate) const WORD: &str = "child";
/// How a child ends whose input took too much memory: the most that was ever taken cannot be counted anew.
pub(crate) const TOO_MUCH: i32 = 87;

/// The most that an input may take, beside what is there already.
const MEMORY: usize = 256 << 20;
/// Beyond this an allocation fails, so that the machine is none the worse for it.
const MACHINE: usize = 2 << 30;
/// Findings of one place that are written; the others are counted.
const ALIKE: u64 = 3;
/// As large as the main thread's, in which the program reads.
const STACK: usize = 8 << 20;

/// What panicked since this was last looked at, in any thread, caught or not: message and place, and the way there.
static PANICS: Mutex<Vec<(String, String)>> = Mutex::new(Vec::new());

fn panics() -> Vec<(String, String)> {
    std::mem::take(&mut *PANICS.lock().unwrap_or_else(PoisonError::into_inner))
}

/// What a child is to do, as its parent says it.
pub(crate) struct Task {
    pub(crate) target: &'static Target,
    pub(crate) seed: u64,
    /// The first input, one past the last one, and how many a step is.
    pub(crate) range: (u64, u64, u64),
    /// Where it says how far it is.
    pub(crate) state: PathBuf,
    pub(crate) findings: PathBuf,
    /// Where it may write files.
    pub(crate) place: PathBuf,
}

impl Task {
    /// The task as words, for [`main`].
    pub(crate) fn words(&self) -> Vec<String> {
        let (start, end, step) = self.range;
        let mut words = vec![WORD.to_owned(), self.target.name.to_owned()];
        words.extend([self.seed, start, end, step].map(|n| n.to_string()));
        words.extend([&self.state, &self.findings, &self.place].map(|p| p.display().to_string()));
        words
    }

    fn of(words: &[String]) -> Result<Self> {
        let [target, seed, start, end, step, state, findings, place] = words else { bail!("a child takes 8 words") };
        Ok(Task {
            target: find(target)?,
            seed: seed.parse()?,
            range: (start.parse()?, end.parse()?, step.parse()?),
            state: state.into(),
            findings: findings.into(),
            place: place.into(),
        })
    }
}

/// Reads the inputs of a task.
pub(crate) fn main(words: &[String]) -> Result<()> {
    let task = Task::of(words)?;
    in_a_pool(|| read(&task))
}

/// Reads the input of a finding again; what it does to this process is what is to be seen.
pub(crate) fn repeat(targets: &[&'static Target], folder: &Path) -> Result<()> {
    let parts = finding::read(folder)?;
    let place = tempfile::tempdir()?;
    let before = ALLOCATOR.allocated();
    for target in targets {
        let started = std::time::Instant::now();
        let accepted = in_a_pool(|| (target.run)(&parts, place.path()))?;
        let (seconds, bytes) = (started.elapsed().as_secs_f64(), ALLOCATOR.max_allocated().saturating_sub(before));
        println!("{}: accepted: {accepted}, {seconds:.3} s, {:.1} MB", target.name, bytes as f64 / 1e6);
    }
    Ok(())
}

/// Does work in the process's pool, of one thread; the program's commands find theirs there.
pub(crate) fn in_a_pool<T: Send>(work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
    let _ = rayon::ThreadPoolBuilder::new().num_threads(1).stack_size(STACK).build_global();
    rayon::scope(|_| work())
}

fn read(task: &Task) -> Result<()> {
    let seeds = (task.target.seeds)().with_context(|| format!("the valid inputs of {}", task.target.name))?;
    let mutator = Mutator::new(&seeds, task.target.tokens);
    std::panic::set_hook(Box::new(|info| {
        // The names of generic functions go on for pages.
        let way = Backtrace::force_capture().to_string();
        let way = way.lines().map(|line| format!("{line:.160}\n")).collect();
        let what = (info.to_string().replace('\n', " "), way);
        PANICS.lock().unwrap_or_else(PoisonError::into_inner).push(what);
    }));
    let mut file = File::create(&task.state)?;
    let before = ALLOCATOR.allocated();
    let _ = ALLOCATOR.set_limit(before + MACHINE);
    let mut alike: HashMap<String, u64> = HashMap::new();
    let (start, end, step) = task.range;
    let mut state = State::default();
    let mut index = start;
    while index < end {
        state.index = index;
        state.write(&mut file)?;
        let parts = mutator.input(task.seed, index);
        let what = what_happens(task, &parts, &mut state.accepted);
        state.runs += 1;
        let took = ALLOCATOR.max_allocated().saturating_sub(before);
        let what = what.or_else(|| (took > MEMORY).then(|| (format!("it takes {} MB", took >> 20), String::new())));
        if let Some((what, way)) = what {
            state.findings += 1;
            let seen = alike.entry(place_of(&what)).or_default();
            *seen += 1;
            if *seen <= ALIKE {
                let origin = Origin { target: task.target.name, seed: task.seed, index };
                finding::write(&task.findings, &origin, &parts, &format!("{what}\n\n{way}"))?;
            }
        }
        index += step;
        if took > MEMORY {
            state.index = index;
            state.write(&mut file)?;
            std::process::exit(TOO_MUCH);
        }
    }
    state.index = end;
    state.write(&mut file)
}

/// What is wrong with an input's reading, and the way there.
fn what_happens(task: &Task, parts: &Parts, accepted: &mut u64) -> Option<(String, String)> {
    let read = catch_unwind(AssertUnwindSafe(|| (task.target.run)(parts, &task.place)));
    let panicked = panics().into_iter().next();
    match read {
        Ok(Ok(is_accepted)) => *accepted += u64::from(is_accepted),
        Ok(Err(error)) if panicked.is_none() => return Some((format!("{error:#}"), String::new())),
        _ => {}
    }
    panicked
}

/// Where it happened, by which findings are alike: the file and line of a panic, else the text without its numbers.
fn place_of(what: &str) -> String {
    match what.strip_prefix("panicked at ").and_then(|rest| rest.split(": ").next()) {
        Some(place) => place.to_owned(),
        None => what.chars().filter(|c| !c.is_ascii_digit()).collect(),
    }
}
