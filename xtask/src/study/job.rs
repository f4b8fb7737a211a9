//! A job's folder below `study/work`, and how the program is told to begin or to go on.
//!
//! ```text
//! study/work/NAME/         what the program writes
//! study/work/NAME.command  the line that it was begun by
//! study/results/NAME.json  a copy of the result, committed
//! ```

use super::parts::Job;
use crate::mistake::mistake;
use anyhow::{Context, Result};
use arcsphere_eval::results::{Results, write_atomic};
use arcsphere_eval::sweep::Sweep;
use std::path::{Path, PathBuf};

/// How far a job is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Nothing is there to go on from.
    New,
    /// Stopped or killed on the way.
    Begun,
    /// Its result is there: nothing is left to train.
    Finished,
}

/// A job's files.
#[derive(Debug)]
pub(super) struct Place<'a> {
    job: &'a Job,
    folder: PathBuf,
    note: PathBuf,
    result: PathBuf,
}

impl<'a> Place<'a> {
    pub(super) fn of(root: &Path, job: &'a Job) -> Self {
        let work = root.join("study/work");
        Place {
            job,
            folder: work.join(&job.name),
            note: work.join(format!("{}.command", job.name)),
            result: result_path(root, job),
        }
    }

    /// How far it is. A folder that another line began is the user's to remove: what is in it is not what
    /// `parts.toml` asks for.
    pub(super) fn state(&self) -> Result<State> {
        let run = &self.job.run;
        if !self.folder.join(run.begun()).is_file() {
            return Ok(State::New);
        }
        if let Ok(line) = std::fs::read_to_string(&self.note)
            && line.trim_end() != run.to_string()
        {
            let folder = self.folder.display();
            return Err(mistake!(
                "study: {folder} was begun by `{}`, and the job is `{run}` by now: remove {folder} and run it again",
                line.trim_end()
            ));
        }
        Ok(if self.folder.join(run.result()).is_file() { State::Finished } else { State::Begun })
    }

    /// Keeps the line beside the folder. To be called before the program begins.
    pub(super) fn begin(&self) -> Result<()> {
        let work = self.folder.parent().unwrap_or(Path::new("."));
        std::fs::create_dir_all(work).with_context(|| format!("cannot make {}", work.display()))?;
        Ok(write_atomic(&self.note, format!("{}\n", self.job.run).as_bytes())?)
    }

    /// The program's arguments. Flags are repeated when it goes on, so that it refuses a folder of another run.
    pub(super) fn words(&self, state: State, data: Option<&str>, jobs: Option<usize>) -> Vec<String> {
        let mut words = self.job.run.words().to_vec();
        let mut flag = |name: &str, value: String| words.extend([name.to_owned(), value]);
        if let Some(data) = data {
            flag("--root", data.to_owned());
        }
        if let Some(jobs) = jobs {
            flag("--jobs", jobs.to_string());
        }
        let folder = if state == State::New { "--out" } else { "--resume" };
        flag(folder, self.folder.display().to_string());
        words
    }

    /// Copies the result to where it is committed, without the place of one machine's data.
    pub(super) fn publish(&self, data: Option<&str>) -> Result<()> {
        let folder = self.result.parent().unwrap_or(Path::new("."));
        std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let own = self.folder.join(self.job.run.result());
        if self.job.run.is_sweep() {
            let mut sweep = Sweep::read_json(&own)?;
            sweep.command = portable(&sweep.command, data);
            sweep.write_json(&self.result)?;
        } else {
            let mut results = Results::read_json(&own)?;
            results.command = portable(&results.command, data);
            results.write_json(&self.result)?;
        }
        Ok(())
    }
}

/// Where a job's result is committed.
pub(super) fn result_path(root: &Path, job: &Job) -> PathBuf {
    root.join("study/results").join(format!("{}.json", job.name))
}

/// A command with `data`, the default, for the folder of data sets.
fn portable(command: &str, data: Option<&str>) -> String {
    match data {
        Some(data) if data != "data" => command.replace(data, "data"),
        _ => command.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::parts::tests::{comparison, sweeps};
    use super::*;

    fn root(name: &str) -> PathBuf {
        let root = std::env::temp_dir().join(format!("xtask-job-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&root);
        std::fs::create_dir_all(root.join("study/work/a")).unwrap();
        root
    }

    #[test]
    fn a_job_goes_on_from_what_is_there() {
        let root = root("state");
        let part = sweeps("sensitivity");
        let place = Place::of(&root, &part.jobs[0]);
        assert_eq!(place.state().unwrap(), State::New);
        place.begin().unwrap();
        std::fs::write(root.join("study/work/a/grid.json"), "{}").unwrap();
        assert_eq!(place.state().unwrap(), State::Begun);
        std::fs::write(root.join("study/work/a/sweep.json"), "{}").unwrap();
        assert_eq!(place.state().unwrap(), State::Finished);
        // Another line in parts.toml is another study.
        let mut changed = part.jobs[0].clone();
        changed.run = "sweep --dim 3".to_owned().try_into().unwrap();
        let error = Place::of(&root, &changed).state().unwrap_err();
        assert!(error.is::<crate::mistake::Mistake>() && error.to_string().contains("`sweep --dim 2`"), "{error}");
        std::fs::remove_dir_all(&root).unwrap();
    }

    #[test]
    fn the_program_begins_or_resumes_with_the_same_flags() {
        let part = comparison();
        let place = Place::of(Path::new("r"), &part.jobs[0]);
        let folder = Path::new("r").join("study/work").join("a").display().to_string();
        assert_eq!(place.words(State::New, None, None), ["compare", "--dim", "2", "--out", &folder]);
        let words = place.words(State::Begun, Some("d"), Some(2));
        assert_eq!(words, ["compare", "--dim", "2", "--root", "d", "--jobs", "2", "--resume", &folder]);
    }

    #[test]
    fn what_is_committed_names_no_folder_of_the_machine() {
        let root = root("publish");
        let results =
            Results { command: "arcsphere compare --set 'data.root=\"my sets\"'".into(), ..Results::default() };
        let part = comparison();
        results.write_json(&root.join("study/work/a/results.json")).unwrap();
        let place = Place::of(&root, &part.jobs[0]);
        place.publish(Some("my sets")).unwrap();
        let copy = Results::read_json(&result_path(&root, &part.jobs[0])).unwrap();
        assert_eq!(copy.command, "arcsphere compare --set 'data.root=\"data\"'");
        // A sweep's copy is the file itself, byte for byte.
        let part = sweeps("collapse");
        let own = root.join("study/work/a/sweep.json");
        Sweep { command: "arcsphere sweep".into(), ..Sweep::default() }.write_json(&own).unwrap();
        Place::of(&root, &part.jobs[0]).publish(None).unwrap();
        let copy = std::fs::read(result_path(&root, &part.jobs[0])).unwrap();
        assert_eq!(copy, std::fs::read(&own).unwrap());
        std::fs::remove_dir_all(&root).unwrap();
    }
}
