//! Watches over the processes that read inputs.

use crate::Options;
use crate::child::{TOO_MUCH, Task};
use crate::clock::{Clock, INPUT};
use crate::finding::{self, Origin};
use crate::mutate::Mutator;
use crate::state::State;
use crate::targets::Target;
use anyhow::{Context, Result};
use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// How often children are looked at.
const LOOK: Duration = Duration::from_millis(50);
/// How often is said how far it is.
const SAY: Duration = Duration::from_secs(5);
/// An input that was slow once is read so often again, alone: a busy machine is no finding.
const AGAIN: usize = 3;
/// What a child says before it has begun, making its valid inputs, may take so long.
const BEGIN: Duration = Duration::from_secs(120);
/// The longest text of a dead child that is kept.
const LAST_WORDS: u64 = 4096;

/// Runs targets one after another; whether nothing was found.
pub(crate) fn run(targets: &[&'static Target], options: &Options) -> Result<bool> {
    let (mut all, mut is_fine) = (State::default(), true);
    for target in targets {
        let mut run = TargetRun::new(target, options)?;
        let started = Instant::now();
        let state = run.go_on()?;
        let rate = state.runs as f64 / started.elapsed().as_secs_f64().max(1e-3);
        println!("{}", line(target, &state, rate));
        if state.accepted == 0 {
            println!("{}: not one input is accepted, so nothing is tested", target.name);
        }
        is_fine &= state.findings == 0 && state.accepted > 0;
        all.add(&state);
    }
    println!("{} targets, {} inputs, {} findings", targets.len(), all.runs, all.findings);
    if all.findings > 0 {
        println!("findings: {}", options.findings.display());
    }
    Ok(is_fine)
}

fn line(target: &Target, state: &State, rate: f64) -> String {
    let State { runs, accepted, findings, .. } = state;
    let share = 100.0 * *accepted as f64 / (*runs).max(1) as f64;
    format!("{}: {runs} inputs, {rate:.0}/s, {share:.1} % accepted, {findings} findings", target.name)
}

/// A target under way.
struct TargetRun<'a> {
    target: &'static Target,
    options: &'a Options,
    /// In memory, where the machine has a place for it.
    place: TempDir,
    /// What dead children did.
    done: State,
}

/// A child and what is known of it.
struct Job {
    number: u64,
    child: Child,
    state: PathBuf,
    stderr: PathBuf,
    /// The input that it reads, and since when that is so.
    at: Option<u64>,
    since: Instant,
    clock: Clock,
}

impl<'a> TargetRun<'a> {
    fn new(target: &'static Target, options: &'a Options) -> Result<Self> {
        let memory = Path::new("/dev/shm");
        let in_memory = if memory.is_dir() { TempDir::new_in(memory).ok() } else { None };
        let place = in_memory.map_or_else(TempDir::new, Ok).context("no folder for files")?;
        Ok(TargetRun { target, options, place, done: State::default() })
    }

    fn end(&self) -> u64 {
        self.options.start.saturating_add(self.options.runs)
    }

    fn go_on(&mut self) -> Result<State> {
        let (mut started, mut said) = (Instant::now(), Instant::now());
        let mut has_begun = false;
        let n = (self.options.jobs as u64).min(self.options.runs.max(1));
        let mut jobs = Vec::new();
        for number in 0..n {
            jobs.push(self.spawn(number, self.options.start + number, n)?);
        }
        while !jobs.is_empty() {
            sleep(LOOK);
            let mut going = Vec::new();
            for job in jobs {
                going.extend(self.look(job, n)?);
            }
            jobs = going;
            if !has_begun && jobs.iter().all(|job| job.at.is_none()) {
                // Valid inputs are made first, which is none of the time that is given.
                started = Instant::now();
            } else {
                has_begun = true;
            }
            let is_over = self.options.seconds.is_some_and(|limit| started.elapsed() > limit);
            if is_over || said.elapsed() > SAY {
                said = Instant::now();
                let mut state = self.done;
                jobs.iter().filter_map(|job| State::read(&job.state)).for_each(|s| state.add(&s));
                if !is_over {
                    eprintln!("{}", line(self.target, &state, state.runs as f64 / started.elapsed().as_secs_f64()));
                }
            }
            if is_over {
                for job in jobs.drain(..) {
                    self.finish(job)?;
                }
            }
        }
        Ok(self.done)
    }

    fn task(&self, number: u64, range: (u64, u64, u64)) -> Task {
        let of = |what: &str| self.place.path().join(format!("{what}-{number}"));
        let (state, place) = (of("state"), of("place"));
        Task {
            target: self.target,
            seed: self.options.seed,
            range,
            state,
            findings: self.options.findings.clone(),
            place,
        }
    }

    fn spawn(&self, number: u64, from: u64, step: u64) -> Result<Job> {
        self.spawn_task(number, &self.task(number, (from, self.end(), step)))
    }

    fn spawn_task(&self, number: u64, task: &Task) -> Result<Job> {
        fs::create_dir_all(&task.place)?;
        let _ = fs::remove_file(&task.state);
        let stderr = self.place.path().join(format!("stderr-{number}"));
        let _ = fs::remove_file(&stderr);
        let child = Command::new(std::env::current_exe()?)
            .args(task.words())
            // What it says when it dies is kept, and the way there would push it out.
            .env("RUST_BACKTRACE", "0")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(OpenOptions::new().create(true).append(true).open(&stderr)?)
            .spawn()
            .context("cannot start a child")?;
        let clock = Clock::start(child.id());
        Ok(Job { number, child, state: task.state.clone(), stderr, at: None, since: Instant::now(), clock })
    }

    /// Looks after a child: it as it is, another in its place, or none if its work is done.
    fn look(&mut self, mut job: Job, step: u64) -> Result<Option<Job>> {
        if let Some(status) = job.child.try_wait()? {
            return self.ended(job, status, step);
        }
        let at = State::read(&job.state).map(|s| s.index);
        if at != job.at {
            (job.at, job.since, job.clock) = (at, Instant::now(), Clock::start(job.child.id()));
        }
        let is_noisy = fs::metadata(&job.stderr).is_ok_and(|m| m.len() > 1 << 20);
        if is_noisy {
            OpenOptions::new().write(true).open(&job.stderr)?.set_len(0)?;
        }
        match at {
            Some(index) if job.clock.is_over() => {
                let number = job.number;
                self.finish(job)?;
                // Whoever was slow is read again below, if only to see that it is not.
                self.done.runs += u64::from(index < self.end());
                if index < self.end() && self.is_slow(number, index)? {
                    self.found(index, &format!("it takes longer than {} s", INPUT.as_secs()))?;
                }
                (index + step < self.end()).then(|| self.spawn(number, index + step, step)).transpose()
            }
            None if job.since.elapsed() > BEGIN => {
                let _ = job.child.kill();
                anyhow::bail!("{}: its valid inputs take longer than {} s", self.target.name, BEGIN.as_secs())
            }
            _ => Ok(Some(job)),
        }
    }

    /// Ends a child and keeps what it did.
    fn finish(&mut self, mut job: Job) -> Result<()> {
        let _ = job.child.kill();
        job.child.wait()?;
        if let Some(state) = State::read(&job.state) {
            self.done.add(&state);
        }
        Ok(())
    }

    /// A child that ended by itself.
    fn ended(&mut self, job: Job, status: ExitStatus, step: u64) -> Result<Option<Job>> {
        let words = last_words(&job.stderr);
        let Some(state) = State::read(&job.state) else {
            anyhow::bail!("{}: a child ended before it began ({status}): {words}", self.target.name);
        };
        self.done.add(&state);
        if status.success() {
            return Ok(None);
        }
        let mut next = state.index;
        if status.code() != Some(TOO_MUCH) {
            self.done.runs += 1;
            self.found(state.index, &format!("it ends the program: {status}\n{words}"))?;
            next += step;
        }
        (next < self.end()).then(|| self.spawn(job.number, next, step)).transpose()
    }

    /// Whether an input is slow each time that it is read.
    fn is_slow(&self, number: u64, index: u64) -> Result<bool> {
        for _ in 0..AGAIN {
            let mut job = self.spawn_task(number, &self.task(number, (index, index + 1, 1)))?;
            let begun = Instant::now();
            while State::read(&job.state).is_none() && begun.elapsed() < BEGIN && job.child.try_wait()?.is_none() {
                sleep(LOOK / 10);
            }
            let clock = Clock::start(job.child.id());
            while job.child.try_wait()?.is_none() && !clock.is_over() {
                sleep(LOOK / 10);
            }
            let is_over = job.child.try_wait()?.is_some();
            let _ = job.child.kill();
            job.child.wait()?;
            if is_over {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn found(&mut self, index: u64, what: &str) -> Result<()> {
        self.done.findings += 1;
        let seeds = (self.target.seeds)()?;
        let parts = Mutator::new(&seeds, self.target.tokens).input(self.options.seed, index);
        let origin = Origin { target: self.target.name, seed: self.options.seed, index };
        finding::write(&self.options.findings, &origin, &parts, what)?;
        Ok(())
    }
}

/// The end of what a child said.
fn last_words(path: &Path) -> String {
    let read = || -> std::io::Result<String> {
        let mut file = File::open(path)?;
        let start = file.metadata()?.len().saturating_sub(LAST_WORDS);
        file.seek(SeekFrom::Start(start))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    };
    read().unwrap_or_default()
}
