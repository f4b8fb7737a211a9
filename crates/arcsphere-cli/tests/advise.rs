//! Advice, from formulas alone and held against sweeps.

mod common;

use common::{Place, TINY, with};
use serde_json::{Value, json};

const CIRCLE: [&str; 5] = ["advise", "--classes", "10", "--dim", "2"];

/// Room that the built-in study knows nothing of.
const ELSEWHERE: [&str; 5] = ["advise", "--classes", "11", "--dim", "2"];

fn json_of(place: &Place, more: &[&str]) -> Value {
    serde_json::from_str(&place.ok(&with(&with(&CIRCLE, more), &["--json"]))).expect("JSON")
}

/// A sweep of arcface on ten classes in two dimensions: accuracies by margin, NaN where it collapsed.
fn sweep(data: &str, accuracies: &[(f64, f64)]) -> String {
    let cells: Vec<Value> = accuracies
        .iter()
        .flat_map(|(margin, accuracy)| {
            (0..3).map(move |seed| {
                let dead = accuracy.is_nan();
                let accuracy = if dead { 0.1 } else { accuracy + 0.001 * f64::from(seed) };
                json!({
                    "loss": "arcface", "margin_key": "angle_margin", "margin": margin, "boundary_cost": margin / 2.0,
                    "rate": 0.1, "seed": seed,
                    "run": {
                        "loss": "arcface", "m0": null, "m1": margin, "m2": null, "scale": 15.9, "seed": seed, "epochs": 3,
                        "dim": 2, "validation_accuracy": accuracy, "accuracy": accuracy, "accuracy_low": accuracy - 0.01, "accuracy_high": accuracy + 0.01,
                        "n_test": 2000, "eer": 0.02, "tmr_at_fmr": {}, "target_angle_mean": null,
                        "nontarget_angle_min_mean": null, "train_seconds": 0.0, "samples_per_second": 0.0,
                        "collapsed": dead, "reason": "",
                    },
                })
            })
        })
        .collect();
    let sweep = json!({
        "version": "0.1.0", "command": "arcsphere sweep", "budget": "3 epochs",
        "data": { "name": data, "n_train": 9000, "n_test": 2000, "classes": 10, "sha256": "" },
        "machine": { "cpu": "", "threads": 1, "isa": "" },
        "cells": cells,
    });
    serde_json::to_string(&sweep).expect("JSON")
}

#[test]
fn one_loss_is_advised_on_with_reasons() {
    insta::assert_snapshot!(Place::new().ok(&with(&ELSEWHERE, &["--loss", "cosface"])), @r"
    cosface for 11 classes in 2 dimensions
    room       prototypes can be 32.7° apart, so a class without a margin reaches to 16.4°
    margin     m2 = 0.1274: it costs 13.1° at the boundary and leaves 3.3°
    largest    m2 = 0.158 is the largest that leaves any angle
               the paper's margin leaves nothing around a prototype; 36 % of it leaves 3.3°
               no sweep with these classes and dimensions is known: the formula alone speaks
    scale      19.8: the default: it allows probability 0.70
               3.3 is AdaCos' √2·log(C − 1)
               28.3 is the smallest at which probability 0.9 is within reach
    train      arcsphere train --loss cosface --dim 2 --cosine-margin 0.1274 --scale 19.8
    ");
}

#[test]
fn every_loss_with_a_margin_is_in_the_table() {
    let place = Place::new();
    let text = place.ok(&CIRCLE);
    let advice = json_of(&place, &[]);
    let losses: Vec<&str> =
        advice["advice"].as_array().expect("a list").iter().filter_map(|a| a["loss"].as_str()).collect();
    assert!(losses.contains(&"arcface") && losses.contains(&"combined") && !losses.contains(&"softmax"), "{losses:?}");
    for loss in losses {
        assert!(text.lines().any(|l| l.starts_with(loss)), "{loss} is not in\n{text}");
    }
}

#[test]
fn the_probability_that_is_wanted_is_within_reach() {
    let place = Place::new();
    let scale = |more: &[&str]| json_of(&place, &with(&["--loss", "arcface"], more))["advice"][0]["scale"].clone();
    let (default, wanted) = (scale(&[]), scale(&["--probability", "0.99"]));
    assert_eq!((default["taken"].as_f64(), default["taken"] == default["default"]), (Some(15.9), true));
    assert!((default["adacos"].as_f64().expect("a number") - 3.107).abs() < 1e-3, "{default}");
    assert!(wanted["taken"].as_f64() > default["taken"].as_f64() && wanted["reach"].as_f64() >= Some(0.99), "{wanted}");
}

#[test]
fn a_sweep_binds() {
    let place = Place::new();
    let good = [(0.0, 0.95), (0.1, 0.96), (0.2, 0.962), (0.3, 0.961), (0.4, f64::NAN), (0.5, f64::NAN), (0.6, 0.2)];
    place.write("swept/sweep.json", sweep("digits", &good));
    let advice = json_of(&place, &["--loss", "arcface", "--sweep", "swept"])["advice"][0].clone();
    assert_eq!((&advice["formula"]["angle_margin"], &advice["margins"]["angle_margin"]), (&0.5.into(), &0.3.into()));
    assert_eq!(advice["evidence"][0]["collapsed"], json!([0.4, 0.5]));
    let text = place.ok(&with(&CIRCLE, &["--loss", "arcface", "--sweep", "swept/sweep.json"]));
    for words in ["m1 = 0.3 rad", "lies outside [0, 0.3]", "digits, 3 seeds a margin", "--angle-margin 0.3"] {
        assert!(text.contains(words), "\"{words}\" is not in\n{text}");
    }
    // Other dimensions, other classes: no evidence there.
    let other = place.ok(&["advise", "--classes", "10", "--dim", "3", "--loss", "arcface", "--sweep", "swept"]);
    assert!(other.contains("the formula alone speaks") && other.contains("m1 = 0.5 rad"), "{other}");

    // Found below a folder without being named; the data that is asked about goes first.
    place.write("all/a/sweep.json", sweep("digits", &good));
    place.write("all/b/c/sweep.json", sweep("letters", &[(0.0, 0.9), (0.1, 0.91), (0.2, f64::NAN)]));
    let both = json_of(&place, &["--loss", "arcface", "--sweeps-in", "all"])["advice"][0].clone();
    assert_eq!((&both["margins"]["angle_margin"], both["evidence"].as_array().map(Vec::len)), (&0.1.into(), Some(2)));
    let of = json_of(&place, &["--loss", "arcface", "--data", "digits", "--sweeps-in", "all"])["advice"][0].clone();
    assert_eq!((&of["margins"]["angle_margin"], of["evidence"].as_array().map(Vec::len)), (&0.3.into(), Some(1)));

    // Nothing trains: no margin is named.
    place.write("dead/sweep.json", sweep("digits", &[(0.3, f64::NAN), (0.5, f64::NAN)]));
    let none = ["--loss", "arcface", "--sweeps-in", "dead"];
    assert!(json_of(&place, &none)["advice"][0]["margins"].is_null());
    let text = place.ok(&with(&CIRCLE, &none));
    assert!(text.contains("collapsed at every margin that was tried") && !text.contains("arcsphere train"), "{text}");
}

#[test]
fn what_was_swept_is_what_is_advised() {
    let place = Place::new();
    let args = ["sweep", "--loss", "arcface", "--margin", "0,0.1", "--out", "s"];
    place.ok(&with(&args, &TINY));
    let advice =
        json_of(&place, &["--loss", "arcface", "--data", "mnist-embedded", "--sweep", "s"])["advice"][0].clone();
    assert_eq!(advice["evidence"][0]["tried"], json!([0.0, 0.1]));
    assert_eq!(advice["evidence"][0]["seeds"], 1);
    // 0.5 was not tried.
    assert!(advice["margins"]["angle_margin"].as_f64().is_none_or(|m| m <= 0.1), "{advice}");
}

#[test]
fn the_data_says_how_many_classes_there_are() {
    let place = Place::new();
    place.classes("faces", 4);
    let classes = |data: &str| {
        let text = place.ok(&["advise", "--data", data, "--dim", "16", "--json"]);
        serde_json::from_str::<Value>(&text).expect("JSON")["classes"].as_u64()
    };
    assert_eq!((classes("cifar-100"), classes("faces")), (Some(100), Some(4)));
}

#[test]
fn what_cannot_be_advised_on_is_refused() {
    let place = Place::new();
    place.write("broken/sweep.json", "{\"version\": 3}");
    let refused = |args: &[&str], words: &[&str]| place.refused(&with(&["advise"], args), words);
    refused(&["--classes", "1", "--dim", "2"], &["at least 2 classes"]);
    refused(&["--classes", "10", "--dim", "1"], &["at least 2 dimensions"]);
    refused(&["--classes", "10", "--dim", "2", "--probability", "1"], &["below 1"]);
    refused(&["--classes", "10", "--dim", "2", "--loss", "arcfac"], &["did you mean \"arcface\"?"]);
    refused(&["--classes", "10", "--dim", "2", "--loss", "softmax"], &["softmax has no margin"]);
    refused(&["--classes", "9", "--dim", "2", "--data", "mnist"], &["mnist has 10 classes", "leave out"]);
    refused(&["--dim", "2", "--data", "./nowhere"], &["./nowhere", "not found"]);
    refused(&["--classes", "10", "--dim", "2", "--sweep", "nowhere"], &["no sweep at nowhere"]);
    refused(&["--classes", "10", "--dim", "2", "--sweep", "broken"], &["broken/sweep.json", "not a results file"]);
    refused(&["--classes", "10", "--dim", "2", "--sweeps-in", "nowhere"], &["--sweeps-in nowhere", "no such folder"]);
}
