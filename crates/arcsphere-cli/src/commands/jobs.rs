//! Several trainings at a time.
//!
//! One thread a training and several trainings at once is faster than the reverse, and a
//! training's bits are then the same on a machine with more threads.

use crate::commands::run_dir;
use crate::mistake::mistake;
use anyhow::{Result, anyhow};
use indicatif::ProgressBar;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How many of `runs` trainings go at a time, and how many threads each has.
pub(super) fn shares(threads: Option<usize>, jobs: Option<usize>, runs: usize) -> Result<(usize, usize)> {
    let all = std::thread::available_parallelism().map_or(1, usize::from);
    let total = threads.filter(|n| *n > 0).unwrap_or(all);
    let jobs = jobs.unwrap_or(total);
    if !(1..=1024).contains(&total) || !(1..=1024).contains(&jobs) {
        return Err(mistake!("--threads and --jobs must be in 1..=1024"));
    }
    Ok((jobs.min(runs.max(1)), (total / jobs).max(1)))
}

/// Trainings to be done.
pub(super) struct Jobs<'a> {
    /// How many go at a time.
    pub(super) at_once: usize,
    /// Threads of each.
    pub(super) threads: usize,
    /// Those that an earlier sitting finished, for the bar.
    pub(super) before: usize,
    /// What they are called, for the bar.
    pub(super) noun: &'static str,
    /// The bar over all of them.
    pub(super) bar: &'a ProgressBar,
    /// The command that goes on after Ctrl-C.
    pub(super) resume: &'a str,
}

impl Jobs<'_> {
    /// Does `work` for each of `what`; results come in its order. After a failure or Ctrl-C
    /// nobody starts another.
    pub(super) fn run<W: Sync, T: Send + Sync>(
        &self,
        what: &[W],
        work: impl Fn(&W) -> Result<T> + Sync,
    ) -> Result<Vec<T>> {
        let next = AtomicUsize::new(0);
        let finished: Vec<OnceLock<T>> = what.iter().map(|_| OnceLock::new()).collect();
        let worker = || -> Result<()> {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(self.threads).build()?;
            loop {
                let i = next.fetch_add(1, Ordering::SeqCst);
                let Some(one) = what.get(i) else { return Ok(()) };
                run_dir::stop_between(self.resume)?;
                let done = pool.install(|| work(one));
                if done.is_err() {
                    next.store(what.len(), Ordering::SeqCst);
                }
                let _ = finished[i].set(done?);
                let n = self.before + finished.iter().filter(|f| f.get().is_some()).count();
                run_dir::label(self.bar, &format!("{n}/{} {}", self.before + what.len(), self.noun));
            }
        };
        let ends: Vec<Result<()>> = std::thread::scope(|scope| {
            let workers: Vec<_> = (0..self.at_once).map(|_| scope.spawn(worker)).collect();
            workers.into_iter().map(|w| w.join().unwrap_or_else(|_| Err(anyhow!("a training thread died")))).collect()
        });
        ends.into_iter().collect::<Result<()>>()?;
        self.bar.finish_and_clear();
        Ok(finished.into_iter().filter_map(OnceLock::into_inner).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicBool;

    fn jobs(at_once: usize, bar: &ProgressBar) -> Jobs<'_> {
        Jobs { at_once, threads: 1, before: 0, noun: "runs", bar, resume: "resume" }
    }

    #[test]
    fn results_come_in_order_whoever_is_first() {
        let bar = ProgressBar::hidden();
        let slow_first = |n: &u64| {
            std::thread::sleep(std::time::Duration::from_millis(20 - 4 * n));
            Ok(n * n)
        };
        assert_eq!(jobs(3, &bar).run(&[0, 1, 2, 3, 4], slow_first).unwrap(), [0, 1, 4, 9, 16]);
    }

    #[test]
    fn after_a_failure_nothing_is_begun() {
        let bar = ProgressBar::hidden();
        let late = AtomicBool::new(false);
        let work = |n: &usize| {
            late.fetch_or(*n > 1, Ordering::SeqCst);
            if *n == 1 { Err(anyhow!("the disk is full")) } else { Ok(()) }
        };
        let error = jobs(1, &bar).run(&[0, 1, 2, 3], work).unwrap_err();
        assert_eq!(error.to_string(), "the disk is full");
        assert!(!late.load(Ordering::SeqCst));
    }

    #[test]
    fn threads_are_shared() {
        assert_eq!(shares(Some(8), Some(2), 10).unwrap(), (2, 4));
        assert_eq!(shares(Some(2), None, 10).unwrap(), (2, 1));
        assert_eq!(shares(Some(2), Some(8), 3).unwrap(), (3, 1));
        assert!(shares(Some(5000), None, 1).is_err() && shares(None, Some(0), 1).is_err());
    }
}
