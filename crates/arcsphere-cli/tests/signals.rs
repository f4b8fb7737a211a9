//! A training that is told to end ends saved, whoever tells it; what happened is in its log, and on stderr where there
//! is no terminal.
#![cfg(unix)]

mod common;

use common::{Place, progress, with};

const RUN: [&str; 9] =
    ["--data", "faces", "--epochs", "30", "--batch", "8", "--set", "train.checkpoint_every=3", "--threads=2"];

#[test]
fn a_service_that_is_stopped_and_a_line_that_is_cut_lose_nothing() {
    let place = Place::new();
    place.classes("faces", 7);
    place.ok(&with(&["train", "--out", "whole"], &RUN));
    // Who ends a session may send both.
    for (signal, signals) in [("term", "TERM"), ("hup", "HUP"), ("both", "TERM HUP")] {
        let train = with(&["train", "--out", signal], &RUN);
        let file = format!("{signal}/checkpoint.safetensors");
        let (status, said) = place.stopped(&train, &file, signals);
        assert_eq!(status.code(), Some(130), "{signal}: {said}");
        assert!(said.contains("nothing lost") && said.contains(&format!("train --resume {signal}")), "{said}");
        let step = progress(&place.read(&file))["step"].as_u64().expect("a step");
        assert!(step < 120, "{signal}: it was over before it was stopped");
        place.ok(&["train", "--resume", signal]);
        assert!(place.read(&file) == place.read("whole/checkpoint.safetensors"), "{signal}: it is another");

        let log = place.text(&format!("{signal}/log.txt"));
        let stopped = format!("stopped at step {step} of 120");
        let resumed = format!("resumed on faces at step {step} of 120");
        for words in ["started: arcface on faces, 120 steps", &stopped, &resumed, "epoch 30/30: loss ", "trained, "] {
            assert_eq!(log.lines().filter(|line| line[21..].starts_with(words)).count(), 1, "{words} in\n{log}");
        }
        // 2026-01-31T23:59:59Z before each.
        let is_time = |line: &str| line.as_bytes()[10] == b'T' && line.as_bytes()[19] == b'Z' && line.starts_with("20");
        assert!(log.lines().all(is_time), "{log}");
        assert_eq!(log.lines().filter(|line| line.contains(" epoch ")).count(), 30, "{log}");
    }
}

#[test]
fn a_line_an_epoch_goes_to_stderr_where_there_is_no_terminal() {
    let place = Place::new();
    place.classes("faces", 7);
    let run = ["--data", "faces", "--epochs", "3", "--batch", "8"];
    let sweep = ["sweep", "--loss", "cosface", "--margin", "0,0.1", "--rate", "0.05"];
    for (command, trainings) in [(&["train"][..], 1), (&["compare", "--loss", "softmax,arcface"], 2), (&sweep, 2)] {
        let output = place.run(&with(&with(command, &run), &["--out", command[0]]));
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
        for epoch in 1..=3 {
            let lines = said.lines().filter(|line| line.contains(&format!(": epoch {epoch}/3: loss "))).count();
            assert_eq!(lines, trainings, "{command:?}, epoch {epoch}:\n{said}");
        }
    }
    assert!(place.path("compare/runs/arcface-seed0/log.txt").is_file());
    let log = place.text("sweep/log.txt");
    assert_eq!(log.lines().filter(|line| line.contains("trained and measured")).count(), 2, "{log}");
}

/// A rate of which every training dies: its scale is softened, which is no other point of the grid.
#[test]
fn a_softened_scale_is_no_point_of_a_grid() {
    let place = Place::new();
    place.classes("faces", 7);
    let sweep = ["sweep", "--data", "faces", "--epochs", "8", "--batch", "8", "--loss", "arcface", "--margin", "0.1"];
    place.ok(&with(&sweep, &["--lr", "0.1,1e30", "--out", "s"]));
    let cells = place.json("s/sweep.json")["cells"].as_array().expect("cells").clone();
    assert!(cells.iter().any(|cell| cell["run"]["recovered"].as_u64() > Some(0)), "nothing was softened");
    assert!(place.path("s/report.html").is_file());
    assert!(place.names("s").iter().all(|name| !name.starts_with("scale-")), "{:?}", place.names("s"));
    let scales: Vec<f64> = cells.iter().filter_map(|cell| cell["run"]["scale"].as_f64()).collect();
    assert!(scales.len() == 2 && scales[0] == scales[1], "{scales:?}");
}
