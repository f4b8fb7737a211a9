//! `cargo deny check`: licences, sources, bans and advisories of every dependency.

use super::{cargo, tail};
use crate::report::{Outcome, Violation};
use std::path::Path;

pub(crate) fn check(root: &Path) -> Outcome {
    let mut outcome =
        Outcome::new("cargo deny", "deny.toml says under which licences and from where a dependency may come");
    let installed = cargo(root).args(["deny", "--version"]).output().is_ok_and(|output| output.status.success());
    if !installed {
        outcome.skipped = true;
        outcome.seen = "cargo-deny is not installed (cargo install cargo-deny --locked)".to_owned();
        return outcome;
    }
    outcome.seen = "licenses, sources, bans".to_owned();
    for (what, needs_network) in [("bans", false), ("licenses", false), ("sources", false), ("advisories", true)] {
        let result = cargo(root).args(["deny", "--color", "never", "check", what]).output();
        let text = match result {
            Ok(output) if output.status.success() => {
                if needs_network {
                    outcome.seen += ", advisories";
                }
                continue;
            }
            Ok(output) => String::from_utf8_lossy(&output.stderr).into_owned(),
            Err(error) => error.to_string(),
        };
        // Without a network the dependencies are no worse than they were.
        if needs_network && is_fetch_failure(&text) {
            outcome.seen += "; advisories skipped: their database could not be fetched";
        } else {
            outcome.violations.push(Violation::new("deny.toml", 0, format!("{what}: {}", failure(&text))));
        }
    }
    outcome
}

fn is_fetch_failure(output: &str) -> bool {
    output.contains("failed to fetch advisory database") || output.contains("failed to load advisory database")
}

/// The `error[...]` lines, else the end of the output.
fn failure(output: &str) -> String {
    let errors: Vec<&str> = output.lines().filter(|line| line.starts_with("error")).collect();
    if errors.is_empty() { tail(output) } else { errors.join(" | ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_failed_fetch_is_forgiven() {
        assert!(is_fetch_failure("[ERROR] failed to fetch advisory database https://example.org/db"));
        assert!(!is_fetch_failure("error[vulnerability]: a crate has one"));
    }

    #[test]
    fn errors_are_picked_from_the_output() {
        let output = "warning[duplicate]: two\nerror[rejected]: failed to satisfy license requirements\n  note";
        assert_eq!(failure(output), "error[rejected]: failed to satisfy license requirements");
        assert_eq!(failure("a\nb"), "a | b");
    }
}
