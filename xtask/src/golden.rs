//! `cargo xtask golden`: runs the script that writes the golden files.
//!
//! The script is Python because an oracle that shares code with what it judges is none.

use anyhow::{Context, Result, bail};
use std::path::Path;
use std::process::Command;

const SCRIPT: &str = "golden/make.py";
const REQUIREMENTS: &str = "golden/requirements.txt";

/// Runs `python3 golden/make.py ARGS...` in the workspace's root.
pub(crate) fn run(root: &Path, args: &[&str]) -> Result<bool> {
    if !root.join(SCRIPT).is_file() {
        bail!("{SCRIPT} does not exist in this checkout");
    }
    let status = Command::new("python3")
        .arg(SCRIPT)
        .args(args)
        .current_dir(root)
        .status()
        .context("cannot start python3; install Python 3 and put it on the PATH")?;
    if !status.success() {
        eprintln!("xtask: {SCRIPT} failed ({status}). {}", advice(root));
    }
    Ok(status.success())
}

fn advice(root: &Path) -> String {
    if root.join(REQUIREMENTS).is_file() {
        format!("If a module is missing: python3 -m pip install -r {REQUIREMENTS}")
    } else {
        format!("If a module is missing, install what the head of {SCRIPT} names with python3 -m pip install")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_script_is_named() {
        let error = run(Path::new("no-such-folder"), &[]).unwrap_err();
        assert!(error.to_string().contains("golden/make.py"), "{error}");
    }

    #[test]
    fn the_advice_says_how_to_install() {
        assert!(advice(Path::new("no-such-folder")).contains("pip install"));
    }
}
