//! `cargo clippy --workspace --all-targets --locked -- -D warnings`.

use super::{cargo, tail};
use crate::report::{Outcome, Violation};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Stdio;

const REASON: &str = "a warning that stays hides the one that matters";

pub(crate) fn check(root: &Path) -> Outcome {
    let mut outcome = Outcome::new("clippy", REASON);
    outcome.seen = "the whole workspace, all targets".to_owned();
    match run(root) {
        Ok((true, _)) => {}
        Ok((false, output)) => {
            outcome.violations = diagnostics(&output);
            if outcome.violations.is_empty() {
                outcome.violations.push(Violation::new("clippy", 0, format!("failed: {}", tail(&output))));
            }
        }
        Err(error) => {
            let what = format!("cannot run it ({error}); rustup component add clippy");
            outcome.violations.push(Violation::new("clippy", 0, what));
        }
    }
    outcome
}

/// Runs clippy and passes its lines on as they come, since a cold build takes minutes.
fn run(root: &Path) -> std::io::Result<(bool, String)> {
    let mut child = cargo(root)
        .args(["clippy", "--workspace", "--all-targets", "--locked", "--message-format", "short"])
        .args(["--", "-D", "warnings"])
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()?;
    let mut output = String::new();
    if let Some(stderr) = child.stderr.take() {
        for line in BufReader::new(stderr).lines() {
            let line = line?;
            eprintln!("{line}");
            output += &line;
            output.push('\n');
        }
    }
    Ok((child.wait()?.success(), output))
}

/// `path:line:column: error…: text`, once each: a library is checked as itself and as a test.
fn diagnostics(output: &str) -> Vec<Violation> {
    let mut found: Vec<Violation> = Vec::new();
    for line in output.lines() {
        let Some((place, what)) = line.split_once(": ") else { continue };
        let mut parts = place.rsplitn(3, ':');
        let (Some(Ok(_)), Some(Ok(number)), Some(path)) =
            (parts.next().map(str::parse::<usize>), parts.next().map(str::parse::<usize>), parts.next())
        else {
            continue;
        };
        let violation = Violation::new(path, number, what);
        if !found.contains(&violation) {
            found.push(violation);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn diagnostics_are_listed_once() {
        let output = "    Checking a v0.1.0\na/src/b.rs:3:9: error: unused variable: `x`\n\
                      a/src/b.rs:3:9: error: unused variable: `x`\nerror: could not compile `a`";
        let found = diagnostics(output);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].to_string(), "a/src/b.rs:3: error: unused variable: `x`");
    }

    #[test]
    fn progress_is_no_diagnostic() {
        assert_eq!(diagnostics("    Finished `dev` profile in 1:02: ok\nwarning: unused"), []);
    }
}
