//! A training that is stopped, by Ctrl-C or by a kill at any moment, and resumed, ends
//! byte-identical to one that never stopped.
#![cfg(unix)]

mod common;

use common::{Place, progress, with};

/// 35 images: 4 steps an epoch, 120 in all. Most checkpoints fall inside an epoch.
const RUN: [&str; 9] =
    ["--data", "faces", "--epochs", "30", "--batch", "8", "--set", "train.checkpoint_every=3", "--threads=2"];

fn checkpoint(place: &Place, folder: &str) -> Vec<u8> {
    place.read(&format!("{folder}/checkpoint.safetensors"))
}

#[test]
fn ctrl_c_and_kill_lose_nothing() {
    let place = Place::new();
    place.classes("faces", 7);
    place.ok(&with(&["train", "--out", "whole"], &RUN));
    let whole = checkpoint(&place, "whole");
    assert_eq!(progress(&whole)["step"], 120);

    // A kill while it is measured: trained and saved, and without a result.
    let result = place.json("whole/result.json");
    std::fs::remove_file(place.path("whole/result.json")).expect("a result");
    place.ok(&["train", "--resume", "whole"]);
    assert!(place.json("whole/result.json") == result && checkpoint(&place, "whole") == whole, "it was trained again");

    let train = with(&["train", "--out", "run"], &RUN);
    let (status, said) = place.stopped(&train, "run/checkpoint.safetensors", "INT");
    assert_eq!(status.code(), Some(130), "{said}");
    assert!(said.contains("nothing lost") && said.contains("arcsphere train --resume run"), "{said}");
    let part = checkpoint(&place, "run");
    assert!(progress(&part)["step"].as_u64() < Some(120), "it was over before it was stopped");
    assert!(part != whole);
    // Its wall time stands beside it, for both sittings together.
    let before = place.json("run/timing.json")["train_seconds"].as_f64();
    place.ok(&["train", "--resume", "run"]);
    let seconds = place.json("run/result.json")["train_seconds"].as_f64();
    assert!(before > Some(0.0) && seconds > before, "{before:?} s, then {seconds:?} s");
    assert!(checkpoint(&place, "run") == whole, "stopped at {} and resumed, it is another", progress(&part)["step"]);

    let train = with(&["train", "--out", "killed"], &RUN);
    let (status, said) = place.stopped(&train, "killed/checkpoint.safetensors", "KILL");
    assert!(status.code().is_none(), "{said}");
    let step = progress(&checkpoint(&place, "killed"))["step"].as_u64().expect("a step");
    assert!(step < 120 && step.is_multiple_of(3), "step {step}");
    place.ok(&["train", "--resume", "killed"]);
    assert!(checkpoint(&place, "killed") == whole, "killed after step {step} and resumed, it is another");
}

#[test]
fn a_comparison_goes_on_where_it_stopped() {
    let place = Place::new();
    place.classes("faces", 7);
    let losses = ["--loss", "softmax,sphereface"];
    place.ok(&with(&with(&["compare", "--out", "whole"], &RUN), &losses));
    let compare = with(&with(&["compare", "--out", "c"], &RUN), &losses);
    let (status, said) = place.stopped(&compare, "c/runs/sphereface-seed0/checkpoint.safetensors", "INT");
    assert_eq!(status.code(), Some(130), "{said}");
    assert!(said.contains("arcsphere compare --resume c"), "{said}");
    assert!(!place.path("c/report.html").exists());
    place.ok(&["compare", "--resume", "c"]);
    assert!(place.path("c/report.html").is_file());
    for run in ["runs/softmax-seed0", "runs/sphereface-seed0"] {
        assert!(checkpoint(&place, &format!("c/{run}")) == checkpoint(&place, &format!("whole/{run}")), "{run}");
    }
}

/// Two margins of two losses and three seeds, each cell a second or less.
const SWEEP: [&str; 18] = [
    "--data",
    "faces",
    "--epochs",
    "8",
    "--batch",
    "8",
    "--loss",
    "arcface,cosface",
    "--margin",
    "0,0.05",
    "--seeds",
    "3",
    "--rate",
    "0.05",
    "--scale",
    "12",
    "--jobs",
    "2",
];

/// A sweep's cells, less those that are being written.
fn cells(place: &Place, folder: &str) -> Vec<String> {
    place.names(&format!("{folder}/cells")).into_iter().filter(|n| n.ends_with(".json")).collect()
}

#[test]
fn a_sweep_that_is_killed_again_and_again_ends_as_one_that_was_not() {
    let place = Place::new();
    place.classes("faces", 7);
    place.ok(&with(&["sweep", "--out", "whole"], &SWEEP));
    assert_eq!(cells(&place, "whole").len(), 12);

    // Killed after the first cell, interrupted after one of the middle, killed once more.
    let first = "s/cells/arcface-m1_0-lr0.05-s12-seed0.json";
    let (status, said) = place.stopped(&with(&["sweep", "--out", "s"], &SWEEP), first, "KILL");
    assert!(status.code().is_none(), "{said}");
    let after_kill = cells(&place, "s");
    assert!(after_kill.len() < 12 && !place.path("s/sweep.json").exists(), "{after_kill:?}");
    let kept = place.read(first);

    let middle = "s/cells/arcface-m1_0.05-lr0.05-s12-seed1.json";
    let (status, said) = place.stopped(&["sweep", "--resume", "s"], middle, "INT");
    assert_eq!(status.code(), Some(130), "{said}");
    let n = cells(&place, "s").len();
    assert!(n > after_kill.len() && n < 12, "{n}");
    assert!(said.contains(&format!("stopped with {n} of 12 trainings finished")), "{said}");
    assert!(said.contains("arcsphere sweep --resume s"), "{said}");

    let (status, said) =
        place.stopped(&["sweep", "--resume", "s"], "s/cells/cosface-m2_0-lr0.05-s12-seed1.json", "KILL");
    assert!(status.code().is_none(), "{said}");
    // What a kill in the middle of a write leaves.
    place.write("s/cells/.cosface-m2_0-lr0.05-s12-seed2.json.1-0.tmp", "{\"loss\": \"cosf");
    place.ok(&["sweep", "--resume", "s", "--jobs", "1"]);

    assert_eq!(place.names("s/cells"), place.names("whole/cells"));
    // Its seconds would be others if it had been trained again.
    assert!(place.read(first) == kept, "a finished cell was trained again");
    for name in ["sweep.json", "sweep.csv", "report.html"] {
        assert!(place.read(&format!("s/{name}")) == place.read(&format!("whole/{name}")), "{name} is another");
    }
}

#[test]
fn a_sweep_that_is_killed_while_it_measures_does_not_train_again() {
    let place = Place::new();
    place.classes("faces", 7);
    let cell = "s/cells/cosface-m2_0.05-lr0.05-s12-seed1";
    let sweep = ["--data", "faces", "--epochs", "8", "--batch", "8", "--lr", "0.05", "--seed", "1"];
    let grid = ["--loss", "cosface", "--margin", "0.05", "--scale", "12", "--seeds", "1"];
    place.ok(&with(&with(&["sweep", "--out", "s"], &sweep), &grid));
    let whole = (place.json(&format!("{cell}.json")), place.read("s/sweep.json"));

    // What such a kill leaves: the training's last checkpoint, and no numbers.
    let own = ["--loss", "cosface", "--set", "loss.cosine_margin=0.05", "--set", "loss.scale=12", "--threads", "1"];
    place.ok(&with(&with(&["train", "--out", "t"], &sweep), &own));
    let kept = place.path(&format!("{cell}.training"));
    std::fs::create_dir(&kept).expect("a folder");
    for name in ["checkpoint.safetensors", "timing.json"] {
        std::fs::copy(place.path("t").join(name), kept.join(name)).expect("a copy");
    }
    std::fs::remove_file(place.path(&format!("{cell}.json"))).expect("a cell");
    place.ok(&["sweep", "--resume", "s"]);

    let found = place.json(&format!("{cell}.json"));
    assert_eq!(found["run"]["train_seconds"], place.json("t/result.json")["train_seconds"], "it was trained again");
    assert_eq!(found["run"]["accuracy"], whole.0["run"]["accuracy"]);
    assert!(place.read("s/sweep.json") == whole.1 && !kept.exists());
}
