//! The arcsphere side: the release program, one process a round.

use super::cases::{Case, Subject};
use crate::program;
use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Instant;

/// The program.
#[derive(Debug)]
pub(super) struct Program {
    path: PathBuf,
}

impl Program {
    /// The one at a path, or the one that cargo builds.
    pub(super) fn find(root: &Path, path: Option<&str>) -> Result<Self> {
        Ok(Program { path: program::find(root, path)? })
    }

    /// One round's figures.
    pub(super) fn round(&self, case: &Case, threads: usize) -> Result<Value> {
        if case.subject == Subject::Compare {
            return self.comparison(case, threads);
        }
        let output = self.run(&words(case, threads))?;
        serde_json::from_slice(&output.stdout).context("`arcsphere bench --json` did not print a JSON object")
    }

    /// A comparison is timed from outside: the whole job, from start to report.
    fn comparison(&self, case: &Case, threads: usize) -> Result<Value> {
        // The machine's description comes from the shortest benchmark there is.
        let threads_text = threads.to_string();
        let tiny = ["bench", "conv", "--json", "--batch", "1", "--repeats", "1", "--threads", &threads_text];
        let about = self.run(&tiny.map(str::to_owned))?;
        let about: Value = serde_json::from_slice(&about.stdout).context("`arcsphere bench --json` gave no JSON")?;
        let folder = std::env::temp_dir().join(format!("arcsphere-bench-{}", std::process::id()));
        let mut all = words(case, threads);
        all.extend(["--out".to_owned(), folder.display().to_string()]);
        let started = Instant::now();
        let result = self.run(&all);
        let seconds = started.elapsed().as_secs_f64();
        let _ = std::fs::remove_dir_all(&folder);
        result?;
        Ok(json!({
            "subject": "compare",
            "median_ms": 1e3 * seconds,
            "threads": threads,
            "cpu": about["cpu"],
            "isa": about["isa"],
        }))
    }

    fn run(&self, words: &[String]) -> Result<Output> {
        let output = Command::new(&self.path)
            .args(words)
            .stdin(Stdio::null())
            .output()
            .with_context(|| format!("cannot start {}", self.path.display()))?;
        if !output.status.success() {
            let message = String::from_utf8_lossy(&output.stderr);
            bail!("`arcsphere {}` failed ({}): {}", words.join(" "), output.status, message.trim());
        }
        Ok(output)
    }

    /// The command that repeats a round by hand.
    pub(super) fn shown(&self, case: &Case, threads: usize) -> String {
        format!("arcsphere {}", words(case, threads).join(" "))
    }
}

fn words(case: &Case, threads: usize) -> Vec<String> {
    let mut words = case.own.clone();
    words.extend(["--threads".to_owned(), threads.to_string()]);
    if case.subject != Subject::Compare {
        words.push("--json".to_owned());
    }
    words
}

#[cfg(test)]
mod tests {
    use super::super::cases;
    use super::*;

    #[test]
    fn only_benchmarks_print_json() {
        let head = &cases::of(Subject::Head)[0];
        assert_eq!(words(head, 2)[head.own.len()..], ["--threads", "2", "--json"]);
        let compare = &cases::of(Subject::Compare)[0];
        assert_eq!(words(compare, 2)[compare.own.len()..], ["--threads", "2"]);
    }
}
