//! The PyTorch side: a Python process that times a round for each line it is sent.

use crate::mistake::Mistake;
use anyhow::{Context, Result, anyhow, bail};
use serde_json::Value;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

const FOLDER: &str = "bench";
const REQUIREMENTS: &str = "bench/requirements.txt";

/// A Python with PyTorch.
#[derive(Debug)]
pub(super) struct Python {
    program: String,
    root: PathBuf,
}

impl Python {
    /// Checks that `program` starts and has what the scripts import.
    pub(super) fn find(root: &Path, program: &str) -> Result<Self> {
        let output = Command::new(program).args(["-c", "import numpy, torch"]).current_dir(root).output();
        match output {
            Ok(output) if output.status.success() => Ok(Python { program: program.to_owned(), root: root.to_owned() }),
            Ok(output) => Err(Mistake(missing(program, &last_line(&output.stderr))).into()),
            Err(error) => Err(Mistake(missing(program, &error.to_string())).into()),
        }
    }
}

fn missing(program: &str, why: &str) -> String {
    format!(
        "bench: `{program}` cannot run the PyTorch side ({why}). Make an environment and name its Python:\n\
         \n  python3 -m venv ENV\n  ENV/bin/pip install -r {REQUIREMENTS}\n  cargo xtask bench SUBJECT --python ENV/bin/python\n\
         \nPyTorch's index for the CPU has a smaller build of the same version; see bench/README.md."
    )
}

fn last_line(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default().to_owned()
}

/// A script that is ready to be timed.
#[derive(Debug)]
pub(super) struct Peer {
    child: Child,
    // `None` once it has been told to end.
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Peer {
    /// Starts a script in one mode and waits until it has warmed up.
    ///
    /// An error says why this mode does not run here.
    pub(super) fn start(python: &Python, script: &str, mode: &str, words: &[String], threads: usize) -> Result<Self> {
        let mut child = Command::new(&python.program)
            .arg(format!("{FOLDER}/{script}"))
            .args(["--on-demand", "--mode", mode, "--threads", &threads.to_string()])
            .args(words)
            .current_dir(&python.root)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {}", python.program))?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            bail!("{script}: no pipes");
        };
        let mut peer = Peer { child, input: Some(input), output: BufReader::new(output) };
        let hello = peer.read()?;
        if hello["ready"] != true {
            bail!("{}", hello["error"].as_str().unwrap_or("it did not get ready"));
        }
        Ok(peer)
    }

    /// One round's figures.
    pub(super) fn round(&mut self) -> Result<Value> {
        let input = self.input.as_mut().ok_or_else(|| anyhow!("it has ended"))?;
        input.write_all(b"round\n").and_then(|()| input.flush()).context("it has ended early")?;
        self.read()
    }

    fn read(&mut self) -> Result<Value> {
        let mut line = String::new();
        if self.output.read_line(&mut line)? == 0 {
            bail!("it ended without an answer; its message is above");
        }
        serde_json::from_str(&line).with_context(|| format!("expected a JSON object, found: {}", line.trim()))
    }
}

impl Drop for Peer {
    /// The script ends with its input.
    fn drop(&mut self) {
        self.input = None;
        let _ = self.child.wait();
    }
}

/// The command that repeats a side by hand.
pub(super) fn shown(script: &str, mode: &str, words: &[String], threads: usize) -> String {
    format!("python {FOLDER}/{script} --mode {mode} --threads {threads} {}", words.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_python_says_how_to_install() {
        let error = Python::find(Path::new("."), "no-such-python").unwrap_err();
        let message = error.downcast_ref::<Mistake>().expect("the user's").to_string();
        assert!(message.contains("-r bench/requirements.txt") && message.contains("--python"), "{message}");
    }

    #[test]
    fn a_command_names_everything() {
        let words = ["--batch", "2"].map(str::to_owned);
        assert_eq!(shown("a.py", "eager", &words, 3), "python bench/a.py --mode eager --threads 3 --batch 2");
    }

    #[test]
    fn the_last_line_is_the_message() {
        assert_eq!(
            last_line(b"Traceback\nModuleNotFoundError: No module named 'torch'\n\n"),
            "ModuleNotFoundError: No module named 'torch'"
        );
    }
}
