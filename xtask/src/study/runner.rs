//! Runs jobs one after another.
//!
//! The program does the work of going on where it stopped; here it is only begun, or told to resume. Ctrl-C
//! reaches the program by itself, for it is of the same process group: it saves and ends, and the study ends
//! after it.

use super::args::Train;
use super::job::{Place, State};
use super::parts::{Job, Part};
use super::report;
use crate::mistake::{Interrupted, mistake};
use crate::program;
use anyhow::{Context, Result};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};

static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// What the program's exit code says when it was stopped and saved everything.
const STOPPED: i32 = 130;

/// Trains what the request asks for and is not trained yet. After a job that fails the next one is begun; the
/// answer is whether all have a result that do not wait for something.
pub(super) fn run(root: &Path, request: &Train, study: &[Part], papers: &[Part]) -> Result<bool> {
    let jobs = chosen(request, study, papers)?;
    // What the user must put right shows before the first hour, not after it.
    for job in &jobs {
        Place::of(root, job).state()?;
    }
    let program = program::find(root, request.program.as_deref())?;
    ctrlc::set_handler(|| INTERRUPTED.store(true, Ordering::SeqCst)).context("cannot catch Ctrl-C")?;
    let mut without = Vec::new();
    for (i, job) in jobs.iter().enumerate() {
        eprintln!("study {}/{}: {}: arcsphere {}", i + 1, jobs.len(), job.name, job.run);
        match one(root, request, &program, job)? {
            End::Result => {}
            // Known, and said in the report.
            End::Waits if !job.waits_for.is_empty() => {}
            End::Waits | End::Failed => without.push(job.name.as_str()),
        }
        if INTERRUPTED.load(Ordering::SeqCst) {
            return Err(Interrupted(format!("stopped in {}; the same command goes on from there", job.name)).into());
        }
    }
    if !without.is_empty() {
        eprintln!("study: without a result: {}", without.join(", "));
    }
    Ok(without.is_empty())
}

/// The jobs of a request, in the study's order.
fn chosen<'a>(request: &Train, study: &'a [Part], papers: &'a [Part]) -> Result<Vec<&'a Job>> {
    let all = || study.iter().chain(papers);
    if let Some(unknown) = request.parts.iter().find(|id| all().all(|part| part.id != **id)) {
        let known: Vec<&str> = all().map(|part| part.id.as_str()).collect();
        return Err(mistake!("study: no part `{unknown}` (known: {})", known.join(", ")));
    }
    let asked = |part: &&Part| match (request.parts.is_empty(), request.only.is_empty()) {
        (false, _) => request.parts.contains(&part.id),
        // A job's name says its part.
        (true, false) => true,
        (true, true) => study.contains(part),
    };
    let jobs: Vec<&Job> = all().filter(asked).flat_map(|part| &part.jobs).collect();
    if let Some(unknown) = request.only.iter().find(|name| jobs.iter().all(|job| job.name != **name)) {
        let known: Vec<&str> = jobs.iter().map(|job| job.name.as_str()).collect();
        return Err(mistake!("study: no job `{unknown}` in these parts (known: {})", known.join(", ")));
    }
    Ok(jobs.into_iter().filter(|job| request.only.is_empty() || request.only.contains(&job.name)).collect())
}

/// How a job ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// Its result is there, and in the report.
    Result,
    /// Its data set is not there.
    Waits,
    /// It failed or was stopped.
    Failed,
}

/// Brings one job to its end.
fn one(root: &Path, request: &Train, program: &Path, job: &Job) -> Result<End> {
    let place = Place::of(root, job);
    let data = request.data.as_deref();
    let state = place.state()?;
    if state != State::Finished {
        if let Some(name) = job.run.data()
            && !is_there(root, program, name, data)?
        {
            eprintln!("study: {} waits for {name}: fetch it, or say by --data where it is", job.name);
            return Ok(End::Waits);
        }
        place.begin()?;
        let status = Command::new(program)
            .args(place.words(state, data, request.jobs))
            .current_dir(root)
            .stdin(Stdio::null())
            .status()
            .with_context(|| format!("cannot start {}", program.display()))?;
        if status.code() == Some(STOPPED) {
            INTERRUPTED.store(true, Ordering::SeqCst);
            return Ok(End::Failed);
        }
        if !status.success() {
            eprintln!("study: {} has not ended well ({status})", job.name);
            return Ok(End::Failed);
        }
    }
    place.publish(data)?;
    report::refresh(root)?;
    Ok(End::Result)
}

/// Whether the program finds a data set.
fn is_there(root: &Path, program: &Path, name: &str, data: Option<&str>) -> Result<bool> {
    let mut command = Command::new(program);
    command.args(["data", "info", name]).current_dir(root).stdin(Stdio::null()).stdout(Stdio::null());
    if let Some(data) = data {
        command.args(["--root", data]);
    }
    let status = command.status().with_context(|| format!("cannot start {}", program.display()))?;
    Ok(status.success())
}

#[cfg(test)]
mod tests {
    use super::super::parts::tests::{comparison, sweeps};
    use super::*;
    use crate::mistake::Mistake;

    fn parts() -> (Vec<Part>, Vec<Part>) {
        let second = {
            let mut part = sweeps("collapse");
            (part.id, part.jobs[0].name) = ("2".to_owned(), "b".to_owned());
            part
        };
        let papers = {
            let mut part = comparison();
            (part.id, part.jobs[0].name) = ("papers".to_owned(), "p".to_owned());
            part
        };
        (vec![comparison(), second], vec![papers])
    }

    fn names(parts: &[&str], only: &[&str]) -> Result<Vec<String>> {
        let owned = |words: &[&str]| words.iter().map(|w| (*w).to_owned()).collect();
        let request = Train { parts: owned(parts), only: owned(only), ..Train::default() };
        let (study, papers) = self::parts();
        Ok(chosen(&request, &study, &papers)?.iter().map(|job| job.name.clone()).collect())
    }

    #[test]
    fn the_papers_schedules_run_only_when_named() {
        assert_eq!(names(&[], &[]).unwrap(), ["a", "b"]);
        assert_eq!(names(&["papers", "2"], &[]).unwrap(), ["b", "p"]);
        assert_eq!(names(&[], &["p"]).unwrap(), ["p"]);
        assert_eq!(names(&["1"], &["a"]).unwrap(), ["a"]);
    }

    #[test]
    fn what_is_not_there_is_the_users_mistake() {
        for (parts, only, word) in [(&["7"][..], &[][..], "known: 1, 2, papers"), (&["1"], &["b"], "known: a")] {
            let error = names(parts, only).unwrap_err();
            assert!(error.is::<Mistake>() && error.to_string().contains(word), "{error}");
        }
    }

    /// A program of a few lines of shell in arcsphere's place: what matters here is when it is called and how.
    #[cfg(unix)]
    #[test]
    fn a_job_is_begun_then_resumed_then_left_alone() {
        use super::super::sensitivity::tests::cell;
        use arcsphere_eval::sweep::Sweep;
        use std::os::unix::fs::PermissionsExt;
        let root = std::env::temp_dir().join(format!("xtask-runner-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&root);
        std::fs::create_dir_all(root.join("study")).unwrap();
        std::fs::create_dir_all(root.join("crates/arcsphere/src/advise")).unwrap();
        let part = sweeps("collapse");
        let job = &part.jobs[0];
        let program = root.join("program");
        // Stops on the way at first, and ends well when it is told to go on.
        let script = "#!/bin/sh\necho \"$@\" >> calls\nmkdir -p study/work/a\ntouch study/work/a/grid.json\n\
                      case \"$*\" in *--resume*) cp whole.json study/work/a/sweep.json;; *) exit 1;; esac\n";
        let cells = vec![cell("arcface", 0.2, 0, 0.9)];
        Sweep { cells, ..Sweep::default() }.write_json(&root.join("whole.json")).unwrap();
        std::fs::write(&program, script).unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        let parts = "[[part]]\nid = \"1\"\ntitle = \"t\"\nquestion = \"q\"\nshows = \"collapse\"\n\
                     [[part.job]]\nname = \"a\"\ngroup = \"g\"\nrun = \"sweep --dim 2\"\nminutes = 3\nbudget = \"b\"\n";
        std::fs::write(root.join("study/parts.toml"), parts).unwrap();
        std::fs::write(root.join("study/papers.toml"), "part = []\n").unwrap();
        let readme = "<!-- state -->\n<!-- end of state -->\n<!-- part 1 -->\n<!-- end of part 1 -->\n";
        std::fs::write(root.join("study/README.md"), readme).unwrap();

        let request = Train::default();
        let ends = [(); 3].map(|()| one(&root, &request, &program, job).unwrap());
        assert_eq!(ends, [End::Failed, End::Result, End::Result]);
        let calls = std::fs::read_to_string(root.join("calls")).unwrap();
        let folder = root.join("study/work/a").display().to_string();
        let expected = format!("sweep --dim 2 --out {folder}\nsweep --dim 2 --resume {folder}\n");
        assert_eq!(calls, expected);
        assert!(root.join("study/results/a.json").is_file());
        std::fs::remove_dir_all(&root).unwrap();
    }
}
