//! `cargo xtask bench SUBJECT`: PyTorch and arcsphere in turn, on one machine in one go.
//!
//! A round is one median of each side: PyTorch in each of its modes, then arcsphere, then the
//! machine's own limits. Rounds follow one another, so what disturbs the machine disturbs all.
//! A Python process gets ready once (torch.compile takes minutes) and sleeps between its rounds.

mod args;
mod cases;
mod figure;
mod ours;
mod peer;
mod results;
mod statistics;
mod table;
mod write;

use crate::mistake::mistake;
use anyhow::{Context, Result};
use args::Request;
use cases::Case;
use ours::Program;
use peer::{Peer, Python};
use results::{Measured, Side};
use serde_json::Value;
use std::path::Path;
use std::time::Duration;

/// OpenMP's threads spin for a while after their work; the other side must not pay for it.
const PAUSE: Duration = Duration::from_millis(300);

/// Runs a subject's cases, writes `bench/results/SUBJECT.json`, and from all results the figure
/// `bench/results.svg` and the table in `bench/README.md`. `figure` instead of a subject draws only.
pub(crate) fn run(root: &Path, words: &[&str]) -> Result<bool> {
    let folder = root.join("bench/results");
    let picture = root.join("bench").join(figure::FILE);
    if words == ["figure"] {
        figure::draw(&picture, &figure::documents(&folder)?)?;
        return Ok(true);
    }
    let request = Request::parse(words)?;
    let python = Python::find(root, &request.python)?;
    let program = Program::find(root, request.program.as_deref())?;
    let wanted: Vec<Case> = cases::of(request.subject)
        .into_iter()
        .filter(|case| request.case.as_ref().is_none_or(|text| case.name.contains(text.as_str())))
        .collect();
    if wanted.is_empty() {
        let known: Vec<String> = cases::of(request.subject).into_iter().map(|case| case.name).collect();
        let text = request.case.as_deref().unwrap_or_default();
        return Err(mistake!("bench: no case has `{text}` in its name (known: {})", known.join("; ")));
    }
    let rounds = request.repeats.unwrap_or(request.subject.rounds());
    let mut limits = Peer::start(&python, "machine.py", "eager", &[], request.threads)?;
    let (mut measured, mut machine) = (Vec::new(), Vec::new());
    for case in &wanted {
        eprintln!("{}: {rounds} rounds", case.name);
        measured.push(measure(case, &request, &python, &program, &mut limits, &mut machine, rounds)?);
    }
    let result = results::document(request.subject, &measured, &machine, &write::commit(root));
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    write::json(&folder.join(format!("{}.json", request.subject.name())), &result)?;
    let documents = figure::documents(&folder)?;
    if measured.iter().any(|case| case.ratio().is_some()) {
        figure::draw(&picture, &documents)?;
    }
    table::refresh(&root.join("bench/README.md"), &documents)?;
    for case in &measured {
        println!("{}", table::line(case));
    }
    Ok(true)
}

fn measure(
    case: &Case,
    request: &Request,
    python: &Python,
    program: &Program,
    limits: &mut Peer,
    machine: &mut Vec<Value>,
    rounds: usize,
) -> Result<Measured> {
    let threads = request.threads;
    let mut peers = Vec::new();
    for mode in &request.modes {
        peers.push((*mode, Peer::start(python, case.script(), mode, &case.peer, threads)));
    }
    let mut sides: Vec<Side> = Vec::new();
    for (mode, peer) in &peers {
        let command = peer::shown(case.script(), mode, &case.peer, threads);
        let error = peer.as_ref().err().map(|e| e.to_string());
        if let Some(error) = &error {
            eprintln!("  PyTorch {mode} does not run: {error}");
        }
        sides.push(Side { mode: (*mode).to_owned(), command, rounds: Vec::new(), error });
    }
    let mut own = Side { mode: String::new(), command: program.shown(case, threads), rounds: Vec::new(), error: None };
    for round in 1..=rounds {
        for ((mode, peer), side) in peers.iter_mut().zip(&mut sides) {
            if let Ok(peer) = peer {
                side.rounds.push(peer.round().with_context(|| format!("PyTorch {mode}"))?);
                std::thread::sleep(PAUSE);
            }
        }
        own.rounds.push(program.round(case, threads)?);
        machine.push(limits.round()?);
        std::thread::sleep(PAUSE);
        eprintln!("  {round}/{rounds}");
    }
    Ok(Measured { name: case.name.clone(), peers: sides, own })
}
