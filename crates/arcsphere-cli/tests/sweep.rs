//! Sweeps: end to end, killed and resumed, refused.

mod common;

use common::{Place, TINY, with};
use serde_json::Value;

/// Two margins of arcface and one of sphereface, two seeds each.
const GRID: [&str; 8] =
    ["--loss", "arcface,sphereface", "--margin", "arcface=0:0.4:0.4", "--margin", "sphereface=2", "--seeds", "2"];

fn sweep<'a>(more: &[&'a str]) -> Vec<&'a str> {
    with(&with(&["sweep"], &GRID), &with(&TINY, more))
}

/// Two losses, three margins, two seeds, and what each margin costs at the boundary.
fn assert_cells(results: &serde_json::Value) {
    let cells = results["cells"].as_array().expect("cells");
    let order: Vec<(&str, f64, u64)> =
        cells.iter().filter_map(|c| Some((c["loss"].as_str()?, c["margin"].as_f64()?, c["seed"].as_u64()?))).collect();
    let expected = [
        ("arcface", 0.0, 0),
        ("arcface", 0.0, 1),
        ("arcface", 0.4, 0),
        ("arcface", 0.4, 1),
        ("sphereface", 2.0, 0),
        ("sphereface", 2.0, 1),
    ];
    assert_eq!(order, expected);
    for cell in cells {
        let run = &cell["run"];
        assert_eq!((&run["loss"], &run["seed"], &run["n_test"]), (&cell["loss"], &cell["seed"], &100.into()));
        assert!(run["accuracy"].is_number() && run["eer"].is_number(), "{run}");
        assert_eq!((run["train_seconds"].as_f64(), run["samples_per_second"].as_f64()), (Some(0.0), Some(0.0)));
        assert_eq!(cell["rate"], 0.1);
        assert_eq!(run["scale"].is_null(), cell["loss"] == "sphereface", "{run}");
    }
    // Ten classes on a circle are 36° apart: m1 costs half of itself, m0 = 2 a sixth of that angle.
    let cost = |i: usize| cells[i]["boundary_cost"].as_f64().expect("a cost");
    let alpha = 36.0_f64.to_radians();
    assert_eq!(cost(0), 0.0);
    assert!((cost(2) - 0.2).abs() < 1e-9 && (cost(4) - alpha / 6.0).abs() < 1e-9, "{} {}", cost(2), cost(4));
    assert_eq!(
        (&cells[2]["margin_key"], &cells[4]["margin_key"]),
        (&"angle_margin".into(), &"angle_multiplier".into())
    );
    assert_eq!((&cells[2]["run"]["m1"], &cells[4]["run"]["m0"]), (&0.4.into(), &2.0.into()));
    assert!(results["budget"].as_str().is_some_and(|b| b.contains("1 epoch of 180 images")), "{}", results["budget"]);
}

#[test]
fn a_grid_is_trained_and_its_command_repeats_it() {
    let place = Place::new();
    let said = place.ok(&sweep(&["--out", "s"]));
    assert!(said.contains("arcface") && said.trim_end().ends_with("report.html"), "{said}");
    let expected = [
        "cells",
        "collapse.png",
        "collapse.svg",
        "differences-arcface-angle_margin-default.png",
        "differences-arcface-angle_margin-default.svg",
        "grid.json",
        "log.txt",
        "report.html",
        "sensitivity-boundary.png",
        "sensitivity-boundary.svg",
        "sensitivity.png",
        "sensitivity.svg",
        "sweep.csv",
        "sweep.json",
    ];
    assert_eq!(place.names("s"), expected);
    assert_eq!(
        place.names("s/cells"),
        [
            "arcface-m1_0-lr0.1-s15.9-seed0.json",
            "arcface-m1_0-lr0.1-s15.9-seed1.json",
            "arcface-m1_0.4-lr0.1-s15.9-seed0.json",
            "arcface-m1_0.4-lr0.1-s15.9-seed1.json",
            "sphereface-m0_2-lr0.1-seed0.json",
            "sphereface-m0_2-lr0.1-seed1.json",
        ]
    );
    let results = place.json("s/sweep.json");
    assert_cells(&results);
    let cells = results["cells"].as_array().expect("cells");
    assert_eq!(place.text("s/sweep.csv").lines().count(), 1 + cells.len());
    // The time that a training took is in its own file, and nowhere else.
    assert!(place.json("s/cells/arcface-m1_0-lr0.1-s15.9-seed0.json")["run"]["train_seconds"].as_f64() > Some(0.0));

    // The command that it names does the same again, byte for byte, however many go at once.
    let mut again: Vec<&str> = results["command"].as_str().expect("a command").split(' ').collect();
    assert_eq!(again.remove(0), "arcsphere");
    place.ok(&with(&again, &["--out", "t", "--jobs", "1"]));
    assert_same(&place, "s", "t");
}

fn assert_same(place: &Place, a: &str, b: &str) {
    for name in ["sweep.json", "sweep.csv"] {
        assert!(
            place.read(&format!("{a}/{name}")) == place.read(&format!("{b}/{name}")),
            "{name} of {a} and {b} differ"
        );
    }
}

#[test]
fn rates_and_scales_are_axes_too() {
    let place = Place::new();
    let args = ["sweep", "--loss", "cosface,sphereface", "--margin", "cosface=0.1", "--margin", "sphereface=2"];
    place.ok(&with(&with(&args, &TINY), &["--rate", "0.05,0.1", "--scale", "12,16", "--seed", "7", "--out", "s"]));
    let results = place.json("s/sweep.json");
    let cells = results["cells"].as_array().expect("cells");
    let found: Vec<String> =
        cells.iter().map(|c| format!("{} {} {} {}", c["loss"], c["rate"], c["run"]["scale"], c["seed"])).collect();
    // SphereFace's scale is the embedding's norm: it has no second axis.
    let expected = [
        "\"cosface\" 0.05 12.0 7",
        "\"cosface\" 0.05 16.0 7",
        "\"cosface\" 0.1 12.0 7",
        "\"cosface\" 0.1 16.0 7",
        "\"sphereface\" 0.05 null 7",
        "\"sphereface\" 0.1 null 7",
    ];
    assert_eq!(found, expected);
    // A page a scale: an analysis is over margins and rates.
    for page in ["s/scale-12/report.html", "s/scale-16/report.html"] {
        assert!(place.text(page).contains("cosface") && place.text(page).contains("sphereface"), "{page}");
    }
    assert!(!place.path("s/report.html").exists());
}

#[test]
fn a_cell_is_the_training_that_train_does() {
    let place = Place::new();
    place.ok(&with(
        &["sweep", "--loss", "arcface", "--margin", "0.3", "--scale", "12", "--seed", "3", "--out", "s"],
        &TINY,
    ));
    let train = ["train", "--loss", "arcface", "--seed", "3", "--threads", "1", "--out", "t"];
    place.ok(&with(&with(&train, &TINY), &["--set", "loss.angle_margin=0.3", "--set", "loss.scale=12"]));
    let number_of = |run: &Value| {
        let mut run = run.clone();
        for seconds in ["train_seconds", "samples_per_second"] {
            run.as_object_mut().expect("an object").remove(seconds).expect(seconds);
        }
        run
    };
    assert_eq!(number_of(&place.json("s/sweep.json")["cells"][0]["run"]), number_of(&place.json("t/result.json")));
}

#[test]
fn what_cannot_be_a_grid_is_refused_before_anything_is_written() {
    let refused = |args: &[&str], words: &[&str]| {
        Place::new().refused(&with(&with(&["sweep"], args), &with(&TINY, &["--out", "s"])), words);
    };
    let arcface = |args: &[&'static str], words: &[&str]| refused(&with(&["--loss", "arcface"], args), words);
    refused(&["--margin", "0:1:0.1"], &["a sweep needs losses", "--loss"]);
    refused(&["--loss", "arkface", "--margin", "0.1"], &["did you mean \"arcface\"?"]);
    refused(&["--loss", "combined", "--margin", "0.1"], &["combined has several margins", "arcface (m1)"]);
    refused(&["--loss", "softmax", "--margin", "0.1"], &["softmax has no margin", "margin 0"]);
    refused(&["--loss", "arcface,sphereface", "--margin", "0:1.2:0.1"], &["[1, 16]", "--margin sphereface=1:8:1"]);
    refused(
        &["--loss", "arcface,cosface", "--margin", "cosface=0.1"],
        &["arcface has no margins", "--margin arcface="],
    );
    arcface(&[], &["arcface has no margins", "--margin arcface=0:1.2:0.1"]);
    arcface(&["--margin", "1:0:0.1"], &["1:0:0.1 is empty", "STEP above 0"]);
    arcface(&["--margin", "0:30:10"], &["--margin 0:30:10", "[0, π]", "degrees"]);
    arcface(&["--margin", "-0.1:0.5:0.1"], &["--margin -0.1:0.5:0.1", "[0, π]"]);
    arcface(&["--margin", "some"], &["neither FROM:TO:STEP", "0:1.2:0.1"]);
    arcface(&["--margin", "cosface=0.1"], &["cosface is not among the losses", "--loss"]);
    arcface(&["--margin", "0:1:0.001", "--seeds", "20"], &["20020 cells", "at most 10000"]);
    arcface(&["--margin", "0.1", "--seeds", "0"], &["--seeds 0", "1..=1000"]);
    arcface(&["--margin", "0.1", "--rate", "0.1,0"], &["optim.rate = 0", "> 0"]);
    arcface(&["--margin", "0.1", "--rate", "0.1,0.1"], &["--rate names 0.1 twice"]);
    arcface(&["--margin", "0.1", "--scale", "0"], &["loss.scale = 0", "(0, 10000]"]);
    arcface(&["--margin", "0.1", "--jobs", "0"], &["--jobs must be in 1..=1024"]);
    arcface(&["--margin", "0.1", "--set", "loss.angle_margin=0.2"], &["by --margin, not by --set"]);
    arcface(&["--margin", "0.1", "--data", "./nowhere"], &["./nowhere", "not found"]);
    refused(&["--loss", "sphereface", "--margin", "2", "--scale", "16"], &["sphereface has the embedding's norm"]);
    // Several rates are for sweeps.
    Place::new().refused(&["train", "--rate", "0.1,0.2", "--out", "run"], &["2 rates", "arcsphere sweep"]);
}

#[test]
fn mistakes_with_a_sweeps_folder() {
    let place = Place::new();
    place.classes("faces", 4);
    place.write("mine/precious.txt", "years of work");
    let faces = ["sweep", "--data", "faces", "--epochs", "1", "--batch", "8", "--loss", "arcface", "--margin", "0,0.1"];
    let faces = with(&faces, &["--scale", "12"]);
    place.refused(&with(&faces, &["--out", "mine"]), &["mine is not empty", "give --out a new folder"]);
    place.refused(&["sweep", "--resume", "nowhere"], &["nowhere holds no sweep", "nothing to resume"]);
    place.refused(&["sweep", "--resume", "mine"], &["mine holds no sweep"]);
    place.ok(&with(&faces, &["--out", "s"]));
    let resume = |more: &[&str], words: &[&str]| place.refused(&with(&["sweep", "--resume", "s"], more), words);
    resume(&["--loss", "cosface"], &["--margin arcface=[0.0, 0.1]", "another --out"]);
    resume(&["--margin", "0,0.2"], &["--margin arcface=[0.0, 0.1]"]);
    resume(&["--rate", "0.3"], &["--rate [0.1]"]);
    resume(&["--scale", "9"], &["--scale [12.0]"]);
    resume(&["--seeds", "3"], &["--seeds 1"]);
    resume(&["--seed", "7"], &["--seed 0"]);
    resume(&["--dim", "3"], &["model.dim was 2, now it is 3"]);
    place.refused(&["compare", "--resume", "s"], &["s holds no comparison"]);

    // What is there may be said again, and nothing is trained twice.
    let before = place.files();
    place.ok(&with(&faces, &["--resume", "s"]));
    assert!(before == place.files(), "resuming a finished sweep changed it");

    // A cell that is no cell, and one of another training.
    let (name, other) = ("s/cells/arcface-m1_0-lr0.1-s12-seed0.json", "s/cells/arcface-m1_0.1-lr0.1-s12-seed0.json");
    let whole = place.read(name);
    place.write(name, &whole[..whole.len() / 2]);
    resume(&[], &["arcface-m1_0-lr0.1-s12-seed0.json is broken", "remove it and resume"]);
    place.write(name, place.read(other));
    resume(&[], &["it is of another training"]);
    std::fs::remove_file(place.path(name)).expect("removed");
    place.ok(&["sweep", "--resume", "s"]);
    assert!(place.path(name).is_file());

    // Other images in the same place, another program, a broken grid.
    let grid = place.text("s/grid.json");
    place.write("s/grid.json", grid.replace("\"version\": \"0", "\"version\": \"9"));
    resume(&[], &["begun by version 9", "start another with --out"]);
    place.write("s/grid.json", &grid);
    place.image("faces/p2/3.pgm", (12, 12), |_, _| 255);
    resume(&[], &["begun on images with the checksum"]);
    place.write("s/grid.json", "{}");
    resume(&[], &["grid.json is broken"]);
}
