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
    ["--task", "age", "--size", "28x28", "--epochs", "2", "--set", "train.batch=8", "--set=train.threads=1"];

#[test]
fn ages_of_a_folder_are_learned_measured_and_measured_again() {
    let place = Place::new();
    faces(&place, "faces");
    let said = place.ok(&with(&["train", "--data", "faces", "--loss", "softmax", "--out", "run"], &FEW));
    for way in ["by the expectation (95 %, n = 8)", "by the likeliest class (95 %, n = 8)"] {
        let line = said.lines().find(|l| l.contains(way)).unwrap_or_else(|| panic!("no \"{way}\" in\n{said}"));
        assert!(line.starts_with("MAE ") && line.contains(" years [") && line.contains("CS(5 years) "), "{line}");
        assert!(line.matches(" [").count() == 2, "an interval each: {line}");
    }
    let run = place.json("run/result.json");
    let number = |key: &str| run[key].as_f64().unwrap_or_else(|| panic!("{key} in {run}"));
    assert_eq!((run["target_unit"].as_str(), run["n_regression"].as_u64()), (Some("years"), Some(8)));
    // The ages are 10 to 70, so no answer is off by more.
    assert!(
        number("mae") <= 60.0 && number("mae_low") <= number("mae") && number("mae") <= number("mae_high"),
        "{run}"
    );
    assert!(number("mae_argmax_low") <= number("mae_argmax"), "{run}");
    for key in ["cs", "cs_argmax"] {
        let [value, low, high] = ["", "_low", "_high"].map(|end| run[format!("{key}{end}")]["5"].as_f64());
        assert!(Some(0.0) <= low && low <= value && value <= high && high <= Some(1.0) && low < high, "{key} in {run}");
    }
    let again: serde_json::Value = serde_json::from_str(&place.ok(&["eval", "run", "--json"])).expect("JSON");
    for key in ["mae", "mae_argmax", "cs", "cs_argmax"] {
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
    let losses = ["softmax", "cosface", "regression", "coral"];
    let names = losses.join(",");
    let data = ["compare", "--task", "age", "--data", "rotated-digits", "--loss", &names, "--out", "out"];
    let said = place.ok(&with(&with(&data, &TINY), &["--seeds", "2"]));
    let head = said.lines().find(|l| l.contains("MAE by argmax")).unwrap_or_else(|| panic!("no MAE in\n{said}"));
    assert!(head.contains("CS(5°) % [95 %]") && head.contains("CS(5°) by argmax"), "{said}");
    let html = place.text("out/report.html");
    assert!(html.contains("60 steps of 3° (a stand-in for an ordered target)"), "no label");
    assert!(html.contains("Ordered target") && html.contains("of the likeliest class, %"), "no table");
    assert!(html.contains("How well an age would be told"), "no limit");
    for loss in losses {
        let svg = place.text(&format!("out/predicted-{loss}.svg"));
        assert!(svg.contains("predicted rotation") && svg.contains("stand-in"), "{svg}");
    }
    let results = place.json("out/results.json");
    for run in results["runs"].as_array().expect("runs") {
        // From one end of the line to the other are 177°.
        assert!(run["mae"].as_f64().is_some_and(|v| (0.0..=177.0).contains(&v)), "{run}");
        assert_eq!((run["target_unit"].as_str(), run["cs_argmax"]["5"].is_number()), (Some("°"), true), "{run}");
        // What learns a number has embeddings to compare, and no prototype to be at an angle to.
        let ordinal = ["regression", "coral"].contains(&run["loss"].as_str().expect("a loss"));
        assert_eq!(run["target_angle_mean"].is_null(), ordinal, "{run}");
        assert!(run["eer"].is_number() && run["recall_at_1"].is_number() && run["accuracy"].is_number(), "{run}");
    }
    for (loss, there) in [("cosface", true), ("coral", false)] {
        assert_eq!(place.path(&format!("out/angles-{loss}.svg")).exists(), there, "{loss}");
    }
    let csv = place.text("out/results.csv");
    assert!(csv.lines().next().is_some_and(|l| l.contains("cs_argmax_5,cs_argmax_5_low,cs_argmax_5_high")), "{csv}");
    assert!(results["command"].as_str().is_some_and(|c| c.contains("--task age")), "{}", results["command"]);
}

#[test]
fn what_learns_a_number_is_trained_evaluated_and_drawn() {
    let place = Place::new();
    faces(&place, "faces");
    for loss in ["regression", "coral"] {
        let train = ["train", "--task", "age", "--data", "rotated-digits", "--loss", loss, "--out", loss];
        let said = place.ok(&with(&train, &TINY));
        let way = if loss == "regression" { "by the number" } else { "by the expectation" };
        assert!(said.contains(way) && !said.contains("target angle"), "{said}");
        let again: serde_json::Value = serde_json::from_str(&place.ok(&["eval", loss, "--json"])).expect("JSON");
        let run = place.json(&format!("{loss}/result.json"));
        for key in ["loss", "mae", "mae_argmax", "cs", "cs_argmax", "eer", "accuracy"] {
            assert_eq!(again[key], run[key], "{key}");
        }
        assert_eq!(run["loss"], loss);
        place.ok(&["plot", "features", loss, "--out", &format!("{loss}.svg")]);
        assert!(place.text(&format!("{loss}.svg")).contains(loss));
        // Other values are none that it could tell, but their embeddings can be compared.
        let said = place.ok(&["eval", loss, "--data", "faces", "--size", "28x28"]);
        assert!(said.contains("EER ") && !said.contains("MAE "), "{said}");
    }
}

#[test]
fn a_number_of_what_has_none_is_refused_with_a_way_out() {
    for loss in ["regression", "coral"] {
        let refused = |args: &[&str], words: &[&str]| {
            Place::new().refused(&with(&["train", "--loss", loss, "--out", "run"], args), words);
        };
        refused(&["--data", "mnist-embedded"], &[loss, "mnist-embedded", "no order", "--task age", "softmax"]);
        refused(&["--data", "rotated-digits"], &[loss, "add --task age"]);
        let of_age = ["--data", "rotated-digits", "--task", "age"];
        refused(&with(&of_age, &["--set", "loss.scale=8"]), &[loss, "no scale"]);
        refused(&with(&of_age, &["--set", "loss.params.beta=0"]), &[loss, "beta"]);
    }
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
        place.refused(&with(&with(&["train", "--task", "age", "--out", "run"], args), &["--size", "28x28"]), words);
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
