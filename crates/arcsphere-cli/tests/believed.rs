//! Files that a sitting left behind are held to the limits of what is typed, and believed in nothing.

mod common;

use common::{Place, with};

const RUN: [&str; 7] = ["--data", "faces", "--epochs", "1", "--batch", "8", "--threads=2"];

/// The place of a tensor's numbers in a checkpoint.
fn offset(file: &[u8], tensor: &str) -> usize {
    let length = u64::from_le_bytes(file[..8].try_into().expect("a length")) as usize;
    let header: serde_json::Value = serde_json::from_slice(&file[8..8 + length]).expect("JSON");
    8 + length + header[tensor]["data_offsets"][0].as_u64().expect("an offset") as usize
}

/// Replaces text of the header by text that is as long.
fn lie(file: &[u8], was: &str, is: &str) -> Vec<u8> {
    assert_eq!(was.len(), is.len());
    let place = file.windows(was.len()).position(|w| w == was.as_bytes()).unwrap_or_else(|| panic!("no {was}"));
    [&file[..place], is.as_bytes(), &file[place + was.len()..]].concat()
}

#[test]
fn a_run_that_lies_is_refused_by_name_and_a_broken_one_embeds_nothing() {
    let place = Place::new();
    place.classes("faces", 7);
    place.ok(&with(&["train", "--out", "run"], &RUN));
    let whole = place.read("run/checkpoint.safetensors");
    for (was, is, words) in [
        ("dim = 2", "dim = 0", &["model.dim = 0"][..]),
        ("dim = 2", "dim = 3", &["broken checkpoint", "[3, 64]", "whole copy"]),
        ("epochs = 1", "epochs = 0", &["train.epochs = 0"]),
        ("[1,12,12]", "[1,12,99]", &["broken checkpoint", "expected"]),
        ("[1,12,12]", "[1,12,00]", &["provenance"]),
        ("\\\"step\\\":4", "\\\"step\\\":-", &["progress"]),
    ] {
        place.write("lying/checkpoint.safetensors", lie(&whole, was, is));
        place.refused(&["embed", "lying", "faces", "--out", "e.npy"], words);
        place.refused(&["eval", "lying"], words);
        place.refused(&["train", "--resume", "lying"], words);
    }
    std::fs::remove_dir_all(place.path("lying")).expect("a folder");

    let mut broken = whole;
    let bias = offset(&broken, "backbone.Lenet.embedding.bias");
    broken[bias..bias + 4].copy_from_slice(&f32::NAN.to_le_bytes());
    place.write("dead/checkpoint.safetensors", broken);
    let before = place.files();
    let output = place.run(&["embed", "dead", "faces", "--out", "e.npy"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("p0/0.pgm") && said.contains("row 0") && said.contains("NaN"), "{said}");
    assert!(place.files() == before, "something was written");
}

#[test]
fn keys_without_end_are_refused() {
    let place = Place::new();
    let deep = format!("{}=1", vec!["a"; 60_000].join("."));
    place.refused(&["train", "--set", &deep], &["60000 parts"]);
    place.write("deep.toml", format!("{}=1", vec!["a"; 60_000].join(".")));
    place.refused(&["train", "deep.toml"], &["deep.toml"]);
    place.write("deep.toml", format!("[{}]\nb=1", vec!["a"; 60_000].join(".")));
    place.refused(&["train", "deep.toml"], &["deep.toml"]);
    place.write("deep.toml", format!("a={}{}", "[".repeat(60_000), "]".repeat(60_000)));
    place.refused(&["train", "deep.toml"], &["deep.toml"]);
}

#[test]
fn what_is_read_is_bounded_as_what_is_typed() {
    let place = Place::new();
    place.classes("faces", 7);
    let spec = |name: &str, was: &str, is: &str| {
        let text = place.text(name);
        assert!(text.contains(was), "{name}: {text}");
        place.write(name, text.replacen(was, is, 1));
        text
    };
    place.ok(&with(&with(&["compare", "--out", "c"], &RUN), &["--loss", "softmax"]));
    for (was, is, words) in [
        ("\"seeds\": 1", "\"seeds\": 1000000000000000", &["compare.json", "1000000000000000", "1..=1000"][..]),
        ("\"seeds\": 1", "\"seeds\": 0", &["compare.json", "1..=1000"]),
        ("\"seed\": 0", "\"seed\": 18446744073709551615", &["compare.json", "too large"]),
        ("\"softmax\"", "\"softmax\", \"softmax\"", &["compare.json", "twice"]),
        ("\"softmax\"", "\"softmx\"", &["compare.json", "softmx"]),
        ("\"epochs\": 1", "\"epochs\": 2000000", &["train.epochs = 2000000"]),
        ("\"threads\": 1", "\"threads\": 5000", &["train.threads = 5000"]),
        ("\"batch\": 8", "\"batch\": 70000", &["train.batch = 70000"]),
    ] {
        let whole = spec("c/compare.json", was, is);
        place.refused(&["compare", "--resume", "c"], words);
        place.write("c/compare.json", whole);
    }
    place.ok(&["compare", "--resume", "c"]);

    let grid = ["--loss", "cosface", "--margin", "0.1", "--rate", "0.05"];
    place.ok(&with(&with(&["sweep", "--out", "s"], &RUN), &grid));
    for (was, is, words) in [
        ("\"seeds\": 1", "\"seeds\": 1000000000000000", &["grid.json", "1..=1000"][..]),
        ("\"rates\": [", "\"rates\": [0.1, 0.1,", &["grid.json", "0.1 twice"]),
        ("\"margins\": [", "\"margins\": [], \"none\": [", &["grid.json"]),
        ("\"epochs\": 1", "\"epochs\": 2000000", &["train.epochs = 2000000"]),
    ] {
        let whole = spec("s/grid.json", was, is);
        place.refused(&["sweep", "--resume", "s"], words);
        place.write("s/grid.json", whole);
    }
    let many: Vec<String> = (0..20_000).map(|i| format!("{}", (f64::from(i) + 0.5) * 1e-6)).collect();
    let whole = spec("s/grid.json", "\"margins\": [", &format!("\"margins\": [{},", many.join(",")));
    place.refused(&["sweep", "--resume", "s"], &["grid.json", "at most 10000"]);
    place.write("s/grid.json", whole);
    place.ok(&["sweep", "--resume", "s"]);
}

#[test]
fn the_first_line_of_the_help_says_what_it_does() {
    let help = Place::new().ok(&["--help"]);
    assert!(help.starts_with("Train, compare, verify and ship embeddings"), "{help}");
}
