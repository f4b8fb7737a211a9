//! A short run of `fuzz/`: every reader on the same broken inputs each time.

use super::{cargo, tail};
use crate::program::executable;
use crate::report::{Outcome, Violation};
use std::path::Path;
use std::process::{Command, Stdio};

/// Inputs a target, and the seconds after which it is ended whatever was read.
const RUNS: &str = "3000";
const SECONDS: &str = "4";

pub(crate) fn check(root: &Path) -> Outcome {
    let mut outcome = Outcome::new("fuzz", "no file that a user has may end the program, hang it or take all memory");
    match run(root) {
        Ok(said) => {
            let last = said.lines().rev().find(|line| line.contains(" targets, "));
            outcome.seen = last.unwrap_or("nothing was read").to_owned();
        }
        Err(said) => outcome.violations.push(Violation::new("fuzz", 0, said)),
    }
    outcome
}

/// What it said, or what was found. All packages are built with the same features as for the tests.
fn run(root: &Path) -> Result<String, String> {
    let failed = |error: std::io::Error| format!("cannot run it ({error})");
    let build = ["build", "--workspace", "--bin", "arcsphere-fuzz", "--locked"];
    let mut command = cargo(root);
    command.args(build).args(["--message-format", "json-render-diagnostics"]).stderr(Stdio::inherit());
    let built = command.output().map_err(failed)?;
    let program = executable(&String::from_utf8_lossy(&built.stdout)).filter(|_| built.status.success());
    let program = program.ok_or_else(|| format!("cargo {} failed", build.join(" ")))?;
    let mut command = Command::new(program);
    command.args(["all", "--runs", RUNS, "--seconds", SECONDS]).current_dir(root).stderr(Stdio::inherit());
    let output = command.output().map_err(failed)?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    print!("{said}");
    if output.status.success() { Ok(said) } else { Err(tail(&said)) }
}
