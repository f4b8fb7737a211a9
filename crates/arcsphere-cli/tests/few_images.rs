//! Sets that are too small for a figure: what they cannot show is not told, and what they hardly show is marked.

mod common;

use common::Place;
use serde_json::Value;

/// Six classes of eight images, two of which are the test.
const OPEN: [&str; 9] = ["--data", "faces", "--open-set", "--epochs", "1", "--batch", "8", "--loss", "softmax"];

fn with<'a>(first: &[&'a str], then: &[&'a str]) -> Vec<&'a str> {
    [first, then].concat()
}

/// The reason for which a run has no number under a key.
fn why(run: &Value, key: &str) -> String {
    let missing = run["not_measured"].as_array().map_or(&[][..], Vec::as_slice);
    let of = missing.iter().find(|n| n["measures"].as_array().is_some_and(|m| m.contains(&key.into())));
    of.and_then(|n| n["reason"].as_str()).unwrap_or_default().to_owned()
}

#[test]
fn a_rate_below_one_impostor_pair_is_not_told_and_more_pairs_tell_it() {
    let place = Place::new();
    place.classes("faces", 6);
    // With --pairs 8 there are 8 impostor pairs, of which one is 12.5 %.
    let said = place.ok(&with(&["train", "--out", "run", "--pairs", "8"], &OPEN));
    let fine = "tmr_at_fmr@1e-1, tmr_at_fmr@1e-2, tmr_at_fmr@1e-3";
    assert!(said.contains(&format!("not measured: {fine}: 8 impostor pairs show no FMR below 1.25e-1")), "{said}");
    assert!(!said.contains("TMR@FMR"), "{said}");
    let run = place.json("run/result.json");
    assert_eq!((&run["n_impostor"], &run["tmr_at_fmr"]), (&8.into(), &serde_json::json!({})));
    assert!(why(&run, "tmr_at_fmr@1e-3").contains("--pairs"), "{run}");
    // The way out that is named, taken: all 8·8 pairs of two classes of eight show 10 %, and not 1 %.
    let more: Value = serde_json::from_str(&place.ok(&["eval", "run", "--pairs", "1000", "--json"])).expect("JSON");
    assert_eq!((&more["n_impostor"], &more["n_genuine"]), (&64.into(), &56.into()), "{more}");
    let told: Vec<&String> = more["tmr_at_fmr"].as_object().expect("a map").keys().collect();
    assert_eq!(told, ["1e-1"], "{more}");
    assert!(why(&more, "tmr_at_fmr@1e-2").starts_with("64 impostor pairs show no FMR below 1.56e-2"), "{more}");
    // An FMR of 10 % admits 6 of them: it is marked.
    assert!(more["few_errors"]["tmr_at_fmr@1e-1"].as_u64().is_some_and(|errors| errors <= 6), "{more}");
    let said = place.ok(&["eval", "run", "--pairs", "1000"]);
    let line = said.lines().find(|l| l.contains("TMR@FMR")).expect("a line");
    assert!(line.contains("%† at 1e-1 (56 genuine, 64 impostor pairs)"), "{said}");
    assert!(said.contains("† rests on fewer than 30 errors"), "{said}");
}

#[test]
fn a_comparison_marks_and_explains_in_every_place() {
    let place = Place::new();
    place.classes("faces", 6);
    let said = place.ok(&with(&["compare", "--out", "c", "--pairs", "8"], &OPEN));
    let html = place.text("c/report.html");
    let csv = place.text("c/results.csv");
    for (what, text) in [("terminal", &said), ("page", &html)] {
        assert!(text.contains("† rests on fewer than 30 errors"), "{what}: {text}");
        assert!(text.contains("8 impostor pairs show no FMR below 1.25e-1"), "{what}: {text}");
        assert!(!text.contains("-0.00") && !text.contains("−0.00"), "{what}: {text}");
    }
    assert!(html.contains("†</td>"), "{html}");
    let (head, line) = csv.trim_end().split_once("\r\n").expect("two lines");
    assert!(head.ends_with(",few_errors") && line.contains("eer; "), "{csv}");
}

#[test]
fn one_image_a_class_is_said_to_be_too_few_for_each_measure() {
    let place = Place::new();
    // Twelve classes of one test image each, of a run that was trained on others.
    place.classes("faces", 6);
    place.ok(&with(&["train", "--out", "run"], &OPEN));
    for (c, i) in (0..12).flat_map(|c| (0..10).map(move |i| (c, i))) {
        let pixel = move |x: usize, y: usize| (x * c + 3 * y + 7 * c + 11 * i) as u8;
        place.image(&format!("others/train/q{c}/{i}.pgm"), (12, 12), pixel);
        if i == 0 {
            place.image(&format!("others/test/q{c}/{i}.pgm"), (12, 12), pixel);
        }
    }
    let run: Value = serde_json::from_str(&place.ok(&["eval", "run", "--data", "others", "--json"])).expect("JSON");
    for (field, key) in [("eer", "eer"), ("recall_at_1", "recall_at_k"), ("map_at_r", "map_at_r"), ("nmi", "nmi")] {
        assert!(run[field].is_null() && !why(&run, key).is_empty(), "{field} is missing without a word: {run}");
    }
}

#[test]
fn names_of_any_script_are_in_the_pictures() {
    let place = Place::new();
    let long = "x".repeat(160);
    for (c, name) in ["猫", "قطة", "кошка", &long].into_iter().enumerate() {
        for i in 0..8 {
            let pixel = move |x: usize, y: usize| (c * 37 + (x * (c + 1) + y) * 9 % 60 + (x * 7 + i * 29) % 23) as u8;
            place.image(&format!("faces/{name}/{i}.pgm"), (12, 12), pixel);
        }
    }
    place.ok(&["train", "--data", "faces", "--epochs", "1", "--batch", "8", "--out", "run"]);
    for out in ["f.svg", "f.png"] {
        place.ok(&["plot", "features", "run", "--out", out]);
    }
    let svg = place.text("f.svg");
    for text in [">猫<", ">\u{2068}قطة\u{2069}<", ">кошка<", "…"] {
        assert!(svg.contains(text), "{text} is not in {svg}");
    }
    assert!(!svg.contains(&format!(">{long}<")) && svg.contains(&long), "it is whole in the description alone");
    assert!(place.read("f.png").starts_with(b"\x89PNG\r\n\x1a\n"));
}
