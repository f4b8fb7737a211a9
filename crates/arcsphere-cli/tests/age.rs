//! `--task age` from end to end, on faces made here and on the stand-in.

mod common;

use common::{Place, TINY, with};

/// 40 images of 12×12 in 4 ages, brighter with age, named as UTKFace's are.
fn faces(place: &Place, folder: &str) {
    for i in 0..40 {
        let age = 10 + 20 * (i % 4);
        let noise = move |x: usize, y: usize| (x * 7 + y * 13 + i * 29) % 23;
        place.image(&format!("{folder}/{age}_0_1_{i}.pgm"), (12, 12), move |x, y| (3 * age + noise(x, y)) as u8);
    }
}

const FEW: [&str; 9] =
    ["--task", "age", "--resize", "28x28", "--epochs", "2", "--set", "train.batch=8", "--set=train.threads=1"];

#[test]
fn ages_of_a_folder_are_learned_measured_and_measured_again() {
    let place = Place::new();
    faces(&place, "faces");
    let said = place.ok(&with(&["train", "--data", "faces", "--loss", "softmax", "--out", "run"], &FEW));
    assert!(said.contains("MAE ") && said.contains("CS(5 years)") && said.contains("n = 8"), "{said}");
    let run = place.json("run/result.json");
    let number = |key: &str| run[key].as_f64().unwrap_or_else(|| panic!("{key} in {run}"));
    assert_eq!((run["target_unit"].as_str(), run["n_regression"].as_u64()), (Some("years"), Some(8)));
    // The ages are 10 to 70, so no answer is off by more.
    assert!(
        number("mae") <= 60.0 && number("mae_low") <= number("mae") && number("mae") <= number("mae_high"),
        "{run}"
    );
    assert!(number("mae_argmax_low") <= number("mae_argmax"), "{run}");
    assert!(run["cs"]["5"].as_f64().is_some_and(|v| (0.0..=1.0).contains(&v)), "{run}");
    let again: serde_json::Value = serde_json::from_str(&place.ok(&["eval", "run", "--json"])).expect("JSON");
    for key in ["mae", "mae_argmax", "cs"] {
        assert_eq!(again[key], run[key], "{key}");
    }

    // The same faces by a table, in bins of 25 years: 10, 30, 50 and 70 are in three of them.
    let rows: String = (0..40).map(|i| format!("faces/{0}_0_1_{i}.pgm,{0}\n", 10 + 20 * (i % 4))).collect();
    place.write("faces.csv", rows);
    let bins = ["train", "--data", "faces.csv", "--set", "data.age_bin=25", "--loss", "arcface", "--out", "bins"];
    place.ok(&with(&bins, &FEW));
    let run = place.json("bins/result.json");
    assert!(run["mae"].as_f64().is_some_and(|v| v <= 62.0), "{run}");
    assert!(place.text("bins/config.toml").contains("age_bin = 25"));
}

#[test]
fn a_comparison_of_the_stand_in_says_so_and_draws_predicted_against_actual() {
    let place = Place::new();
    let data = ["compare", "--task", "age", "--data", "rotated-digits", "--losses", "softmax,cosface", "--out", "out"];
    let said = place.ok(&with(&data, &TINY));
    assert!(said.contains("MAE by argmax") && said.contains("CS(30°)") && said.contains("CS(5°)"), "{said}");
    let html = place.text("out/report.html");
    assert!(
        html.contains("a stand-in for an ordered target, period 360°") && html.contains("Ordered target"),
        "no label"
    );
    assert!(html.contains("How well an age would be told"), "no limit");
    for loss in ["softmax", "cosface"] {
        let svg = place.text(&format!("out/predicted-{loss}.svg"));
        assert!(svg.contains("predicted rotation") && svg.contains("stand-in"), "{svg}");
    }
    let results = place.json("out/results.json");
    for run in results["runs"].as_array().expect("runs") {
        // The shorter way round a circle is at most half of it.
        assert!(run["mae"].as_f64().is_some_and(|v| (0.0..=180.0).contains(&v)), "{run}");
        assert_eq!((run["target_unit"].as_str(), run["cs"]["30"].is_number()), (Some("°"), true), "{run}");
    }
    assert!(results["command"].as_str().is_some_and(|c| c.contains("--task age")), "{}", results["command"]);
}

#[test]
fn without_the_task_the_same_images_are_classified() {
    let place = Place::new();
    place.ok(&with(&["train", "--data", "rotated-digits", "--loss", "softmax", "--out", "run"], &TINY));
    assert!(place.json("run/result.json")["mae"].is_null());
}

#[test]
fn what_is_no_age_is_refused_in_a_line() {
    let refused = |name: &str, args: &[&str], words: &[&str]| {
        let place = Place::new();
        faces(&place, "faces");
        place.image(&format!("faces/{name}"), (12, 12), |x, _| x as u8);
        place.write("old.csv", "faces/10_0_1_0.pgm,10\nfaces/30_0_1_1.pgm,121\n");
        place.refused(&with(&with(&["train", "--task", "age", "--out", "run"], args), &["--resize", "28x28"]), words);
    };
    refused("130_0_1_x.pgm", &["--data", "faces"], &["130_0_1_x.pgm", "age 130", "0..=120"]);
    refused("portrait.pgm", &["--data", "faces"], &["portrait.pgm", "age"]);
    refused("5_0_0_x.pgm", &["--data", "old.csv"], &["old.csv", "line 2", "121", "0..=120"]);
    refused("5_0_0_x.pgm", &["--data", "none"], &["none"]);
    refused("5_0_0_x.pgm", &["--data", "mnist-embedded"], &["mnist-embedded", "no order", "rotated-digits"]);
    refused("5_0_0_x.pgm", &["--data", "faces", "--set", "data.age_bin=0"], &["data.age_bin = 0", "1..=60"]);
    refused("5_0_0_x.pgm", &["--data", "faces", "--open-set"], &["no open set"]);
    refused("5_0_0_x.pgm", &["--data", "faces", "--set", "task=gender"], &["task", "gender", "classify", "age"]);
}
