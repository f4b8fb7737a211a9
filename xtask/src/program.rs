//! The release program, built by cargo or named by the user.

use crate::mistake::mistake;
use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The program at `path`, which is relative to the workspace's root, or the one that cargo builds.
pub(crate) fn find(root: &Path, path: Option<&str>) -> Result<PathBuf> {
    match path {
        None => build(root),
        Some(path) => {
            let path = root.join(path);
            if !path.is_file() {
                return Err(mistake!("--program {}: there is no such file", path.display()));
            }
            Ok(path)
        }
    }
}

fn build(root: &Path) -> Result<PathBuf> {
    let output = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["build", "--release", "--locked", "-p", "arcsphere-cli"])
        .args(["--message-format", "json-render-diagnostics"])
        .current_dir(root)
        .stderr(Stdio::inherit())
        .output()
        .context("cannot run cargo")?;
    if !output.status.success() {
        bail!("cargo build --release -p arcsphere-cli failed");
    }
    executable(&String::from_utf8_lossy(&output.stdout)).context("cargo built no executable")
}

/// The executable in cargo's messages.
pub(crate) fn executable(messages: &str) -> Option<PathBuf> {
    messages
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter_map(|message| Some(PathBuf::from(message["executable"].as_str()?)))
        .next_back()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mistake::Mistake;

    #[test]
    fn the_executable_is_what_cargo_says() {
        let messages = "{\"reason\":\"compiler-artifact\",\"executable\":null}\nnot json\n\
                        {\"reason\":\"compiler-artifact\",\"executable\":\"a/arcsphere\"}\n{\"reason\":\"build-finished\"}";
        assert_eq!(executable(messages), Some(PathBuf::from("a/arcsphere")));
        assert_eq!(executable("{\"executable\":null}"), None);
    }

    #[test]
    fn a_missing_program_is_the_users_mistake() {
        assert!(find(Path::new("."), Some("no/such/program")).unwrap_err().is::<Mistake>());
    }
}
