//! `cargo xtask`: what the project asks of itself beyond its tests.
//!
//! `check` holds the architecture's rules, the format and the lints; `golden` makes the
//! golden files anew; `bench` measures against PyTorch; `study` runs the trainings behind
//! `study/README.md`. Exit code 0: nothing to say. 1: a violation, or a tool failed. 2: the
//! command line is wrong, or what the user must install is missing. 130: Ctrl-C.

mod bench;
mod check;
mod golden;
mod markers;
#[path = "../../crates/arcsphere-cli/src/mistake.rs"]
mod mistake;
mod program;
mod report;
mod rules;
mod study;
mod svg;
mod tools;
mod tree;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo xtask <command>

  check [--no-clippy]   formatting, lints, architecture rules, licences of dependencies,
                        and broken input for every reader (not with --no-clippy)
  golden                run the scripts of golden/ that write the golden files
      --check           compare the files with central differences instead; needs no PyTorch
      --python PATH     a Python with golden/requirements.txt [python3]
  bench SUBJECT         head, conv, train or compare: PyTorch and arcsphere in turn, into
                        bench/results/SUBJECT.json, the figure and table of bench/README.md
      --repeats N       rounds [7; compare 3]
      --python PATH     a Python with bench/requirements.txt [python3]
      --program PATH    arcsphere, built already [built here for release]
      --case TEXT       only the cases with this in their names
      --threads N       of both sides [all]
      --modes A,B       of PyTorch: eager, compile, … [all of the subject]
  bench figure          draw the figure anew
  study [PART...]       train the parts of study/parts.toml, all or some, or `papers`, each
                        from where it stopped, into study/results and study/README.md
      --program PATH    as of bench
      --data DIR        where data sets are [data]
      --jobs N          trainings at a time [one a thread]
      --only NAME       this job alone; may be given several times
  study report          draw figures and tables anew, train nothing";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    let result = match words.as_slice() {
        ["check"] => root().and_then(|root| check::run(&root, true)),
        ["check", "--no-clippy"] => root().and_then(|root| check::run(&root, false)),
        ["golden", rest @ ..] => root().and_then(|root| golden::run(&root, rest)),
        ["bench", rest @ ..] => root().and_then(|root| bench::run(&root, rest)),
        ["study", rest @ ..] => root().and_then(|root| study::run(&root, rest)),
        ["help" | "--help" | "-h"] => {
            println!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        _ => {
            eprintln!("xtask: no such command: `{}`\n\n{USAGE}", words.join(" "));
            return ExitCode::from(2);
        }
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) if error.is::<mistake::Mistake>() => {
            eprintln!("xtask: {error}");
            ExitCode::from(2)
        }
        Err(error) if error.is::<mistake::Interrupted>() => {
            eprintln!("xtask: {error}");
            ExitCode::from(130)
        }
        Err(error) => {
            eprintln!("xtask: {}", mistake::one_line(&error));
            ExitCode::FAILURE
        }
    }
}

/// The workspace's root: the folder above this package, as cargo tells it at run time.
///
/// Not `env!`: a compile-time path would be wrong once the checkout has moved.
fn root() -> anyhow::Result<PathBuf> {
    let package = std::env::var_os("CARGO_MANIFEST_DIR")
        .ok_or_else(|| anyhow::anyhow!("CARGO_MANIFEST_DIR is not set; run it as `cargo xtask`"))?;
    let root = Path::new(&package).parent().map(Path::to_path_buf);
    root.ok_or_else(|| anyhow::anyhow!("CARGO_MANIFEST_DIR has no parent folder"))
}
