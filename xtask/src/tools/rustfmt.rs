//! `rustfmt --check` over every Rust file by path.
//!
//! `cargo fmt` follows `mod` declarations and so never sees a module that a macro declares.

use super::tail;
use crate::report::{Outcome, Violation};
use crate::tree::Tree;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

pub(crate) fn check(root: &Path, tree: &Tree) -> Outcome {
    let mut outcome = Outcome::new("rustfmt", "one style, so that a difference in a review is a difference in meaning");
    let files: Vec<&str> = tree.rust().map(|(path, _)| path).collect();
    outcome.seen = format!("{} files", files.len());
    let result = Command::new("rustfmt")
        .args(["--check", "--edition", "2024", "--color", "never", "--config-path", "rustfmt.toml"])
        .args(&files)
        .current_dir(root)
        .output();
    match result {
        Ok(output) => {
            let stdout = String::from_utf8_lossy(&output.stdout);
            outcome.violations = differences(root, &stdout);
            if !output.status.success() && outcome.violations.is_empty() {
                let what = format!("failed: {}", tail(&String::from_utf8_lossy(&output.stderr)));
                outcome.violations.push(Violation::new("rustfmt", 0, what));
            }
        }
        Err(error) => {
            let what = format!("cannot run it ({error}); rustup component add rustfmt");
            outcome.violations.push(Violation::new("rustfmt", 0, what));
        }
    }
    outcome
}

/// One violation a file, at its first place; rustfmt visits a module once by path and once from
/// its parent.
fn differences(root: &Path, output: &str) -> Vec<Violation> {
    let mut places: BTreeMap<String, BTreeSet<usize>> = BTreeMap::new();
    for line in output.lines().filter_map(|line| line.strip_prefix("Diff in ")) {
        let line = line.trim_end_matches(':');
        let (path, number) = line.rsplit_once(':').unwrap_or((line, "0"));
        let path = Path::new(path).strip_prefix(root).unwrap_or(Path::new(path)).display().to_string();
        places.entry(path).or_default().insert(number.parse().unwrap_or(0));
    }
    let describe = |(path, lines): (String, BTreeSet<usize>)| {
        let what = match lines.len() {
            1 => "not formatted".to_owned(),
            count => format!("not formatted, here and in {} more place(s)", count - 1),
        };
        let first = lines.first().copied().unwrap_or(0);
        Violation::new(&path, first, format!("{what}: rustfmt --edition 2024 {path}"))
    };
    places.into_iter().map(describe).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_file_is_listed_once_and_relative() {
        let output =
            "Diff in /r/a/b.rs:12:\n-x\n+y\nDiff in /r/a/b.rs:12:\n-x\n+y\nDiff in /r/c.rs:3:\nDiff in /r/c.rs:9:\n";
        let found: Vec<String> = differences(Path::new("/r"), output).iter().map(ToString::to_string).collect();
        let expected = [
            "a/b.rs:12: not formatted: rustfmt --edition 2024 a/b.rs",
            "c.rs:3: not formatted, here and in 1 more place(s): rustfmt --edition 2024 c.rs",
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn no_output_is_no_violation() {
        assert_eq!(differences(Path::new("/r"), ""), []);
    }
}
