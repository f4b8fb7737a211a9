//! Broken input for every reader: `cargo run -p arcsphere-fuzz -- all`.
//!
//! A target ([`targets`]) is a reader with valid inputs. [`mutate`] makes of them inputs that are nearly valid, the
//! same ones for the same seed; [`child`] reads them one after another in a process of its own, which [`runner`]
//! watches. What ends that process, panics in any thread of it, takes longer than a second or more than 256 MB
//! is a finding: written to `fuzz/findings/`, with the command that repeats it. So is a target of which nothing is
//! accepted, for it tests nothing. Exit code 0: nothing was found. 1: something was. 2: the command line is wrong.

mod child;
mod clock;
mod finding;
mod mutate;
mod runner;
mod state;
mod targets;

use anyhow::{Context, Result, bail};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;
use targets::{TARGETS, Target};

/// The memory of a process that reads inputs is counted, and has an end.
#[global_allocator]
static ALLOCATOR: cap::Cap<std::alloc::System> = cap::Cap::new(std::alloc::System, usize::MAX);

const USAGE: &str = "\
usage: cargo run -p arcsphere-fuzz -- TARGET... | all [options]

      --runs N          inputs a target [1000000]
      --seconds N       at most so long a target [no limit]
      --seed N          of the inputs; the same gives the same [0]
      --start N         the first input [0]
      --jobs N          processes at a time [one a thread]
      --findings DIR    where findings are written [fuzz/findings]
      --repeat DIR      read the input of a finding again, here; a target is named too
  list                  what there is to fuzz";

/// What the command line asks for.
#[derive(Clone, Debug, PartialEq)]
struct Options {
    runs: u64,
    seconds: Option<Duration>,
    seed: u64,
    start: u64,
    jobs: usize,
    findings: PathBuf,
    repeat: Option<PathBuf>,
}

impl Options {
    /// From words: the targets named, and the options.
    fn of(words: &[String]) -> Result<(Vec<&'static Target>, Self)> {
        let jobs = std::thread::available_parallelism().map_or(1, usize::from);
        let findings = PathBuf::from("fuzz/findings");
        let mut options = Options { runs: 1_000_000, seconds: None, seed: 0, start: 0, jobs, findings, repeat: None };
        let mut targets = Vec::new();
        let mut rest = words.iter();
        while let Some(word) = rest.next() {
            if let Some(flag) = word.strip_prefix("--") {
                let value = rest.next().with_context(|| format!("{word} needs a value"))?;
                let number = || value.parse().with_context(|| format!("{word} {value}: expected a whole number"));
                match flag {
                    "runs" => options.runs = number()?,
                    "seconds" => options.seconds = Some(Duration::from_secs(number()?)),
                    "seed" => options.seed = number()?,
                    "start" => options.start = number()?,
                    "jobs" => options.jobs = (number()? as usize).clamp(1, 256),
                    "findings" => options.findings = PathBuf::from(value),
                    "repeat" => options.repeat = Some(PathBuf::from(value)),
                    _ => bail!("there is no option {word}"),
                }
            } else if word == "all" {
                targets.extend(TARGETS);
            } else {
                targets.push(find(word)?);
            }
        }
        if targets.is_empty() {
            bail!("no target is named");
        }
        Ok((targets, options))
    }
}

fn find(name: &str) -> Result<&'static Target> {
    TARGETS.iter().find(|t| t.name == name).with_context(|| {
        let known: Vec<&str> = TARGETS.iter().map(|t| t.name).collect();
        format!("there is no target \"{name}\" (known: {}, or all)", known.join(", "))
    })
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let result = match words.first().map(String::as_str) {
        Some("list") => {
            TARGETS.iter().for_each(|t| println!("{:12} {}", t.name, t.reads));
            return ExitCode::SUCCESS;
        }
        Some("help" | "--help" | "-h") => {
            println!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        Some(child::WORD) => child::main(&words[1..]).map(|()| true),
        _ => match Options::of(&words) {
            Ok((targets, options)) => match &options.repeat {
                Some(folder) => child::repeat(&targets, folder).map(|()| true),
                None => runner::run(&targets, &options),
            },
            Err(error) => {
                eprintln!("fuzz: {error:#}\n\n{USAGE}");
                return ExitCode::from(2);
            }
        },
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("fuzz: {error:#}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(line: &str) -> Result<(Vec<&'static Target>, Options)> {
        Options::of(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn words_become_options() {
        let (targets, options) = of("idx cifar --runs 20 --seed 3 --seconds 5").unwrap();
        assert_eq!(targets.iter().map(|t| t.name).collect::<Vec<_>>(), ["idx", "cifar"]);
        assert_eq!((options.runs, options.seed, options.seconds), (20, 3, Some(Duration::from_secs(5))));
        assert_eq!(of("all").unwrap().0.len(), TARGETS.len());
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (line, word) in
            [("", "no target"), ("idz", "known: idx"), ("idx --runs x", "whole number"), ("idx --x 1", "--x")]
        {
            let error = format!("{:#}", of(line).unwrap_err());
            assert!(error.contains(word), "{line}: {error}");
        }
    }
}
