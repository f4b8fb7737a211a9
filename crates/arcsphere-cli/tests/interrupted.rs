//! A training that is stopped, by Ctrl-C or by a kill at any moment, and resumed, ends
//! bit-identical to one that never stopped.
#![cfg(unix)]

mod common;

use common::{Essence, Place, essence, with};
use std::process::{Child, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// 35 images: 4 steps an epoch, 120 in all. Most checkpoints fall inside an epoch.
const RUN: [&str; 9] =
    ["--data", "faces", "--epochs", "30", "--batch", "8", "--set", "train.checkpoint_every=3", "--threads=2"];

/// Starts the program, waits for `file`, sends `signal`, and waits for the end.
fn stopped(place: &Place, args: &[&str], file: &str, signal: &str) -> (ExitStatus, String) {
    let mut child = place.command(args).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("it starts");
    let started = Instant::now();
    while !place.path(file).is_file() {
        assert!(child.try_wait().expect("a state").is_none(), "it ended before it was stopped");
        assert!(started.elapsed() < Duration::from_secs(60), "no {file} after a minute");
        std::thread::sleep(Duration::from_millis(1));
    }
    send(&child, signal);
    let output = child.wait_with_output().expect("it ends");
    (output.status, String::from_utf8_lossy(&output.stderr).into_owned())
}

fn send(child: &Child, signal: &str) {
    let line = format!("kill -{signal} {}", child.id());
    assert!(std::process::Command::new("sh").args(["-c", &line]).status().expect("a shell").success());
}

fn checkpoint(place: &Place, folder: &str) -> Essence {
    essence(&place.read(&format!("{folder}/checkpoint.safetensors")))
}

#[test]
fn ctrl_c_and_kill_lose_nothing() {
    let place = Place::new();
    place.classes("faces", 7);
    place.ok(&with(&["train", "--out", "whole"], &RUN));
    let whole = checkpoint(&place, "whole");
    assert_eq!(whole.progress["step"], 120);

    let train = with(&["train", "--out", "run"], &RUN);
    let (status, said) = stopped(&place, &train, "run/checkpoint.safetensors", "INT");
    assert_eq!(status.code(), Some(130), "{said}");
    assert!(said.contains("nothing lost") && said.contains("arcsphere train --resume run"), "{said}");
    let part = checkpoint(&place, "run");
    assert!(part.progress["step"].as_u64() < Some(120), "it was over before it was stopped");
    assert!(part != whole);
    place.ok(&["train", "--resume", "run"]);
    assert!(checkpoint(&place, "run") == whole, "stopped at {} and resumed, it is another", part.progress["step"]);

    let train = with(&["train", "--out", "killed"], &RUN);
    let (status, said) = stopped(&place, &train, "killed/checkpoint.safetensors", "KILL");
    assert!(status.code().is_none(), "{said}");
    let step = checkpoint(&place, "killed").progress["step"].as_u64().expect("a step");
    assert!(step < 120 && step.is_multiple_of(3), "step {step}");
    place.ok(&["train", "--resume", "killed"]);
    assert!(checkpoint(&place, "killed") == whole, "killed after step {step} and resumed, it is another");
}

#[test]
fn a_comparison_goes_on_where_it_stopped() {
    let place = Place::new();
    place.classes("faces", 7);
    let losses = ["--losses", "softmax,sphereface"];
    place.ok(&with(&with(&["compare", "--out", "whole"], &RUN), &losses));
    let compare = with(&with(&["compare", "--out", "c"], &RUN), &losses);
    let (status, said) = stopped(&place, &compare, "c/runs/sphereface-seed0/checkpoint.safetensors", "INT");
    assert_eq!(status.code(), Some(130), "{said}");
    assert!(said.contains("arcsphere compare --resume c"), "{said}");
    assert!(!place.path("c/report.html").exists());
    place.ok(&["compare", "--resume", "c"]);
    assert!(place.path("c/report.html").is_file());
    for run in ["runs/softmax-seed0", "runs/sphereface-seed0"] {
        assert!(checkpoint(&place, &format!("c/{run}")) == checkpoint(&place, &format!("whole/{run}")), "{run}");
    }
}
