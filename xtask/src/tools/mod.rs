//! The tools that `check` runs, and what their output means.

pub(crate) mod clippy;
pub(crate) mod deny;
pub(crate) mod fuzz;
pub(crate) mod rustfmt;

use std::path::Path;
use std::process::Command;

/// The cargo that runs this program, else the one on the PATH.
fn cargo(root: &Path) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root);
    command
}

/// The end of a tool's output, for a failure that it did not tie to a file.
fn tail(output: &str) -> String {
    let lines: Vec<&str> = output.lines().filter(|line| !line.trim().is_empty()).collect();
    lines[lines.len().saturating_sub(5)..].join(" | ")
}
