//! Runs from end to end: train → eval → embed → plot, a comparison, an open set.

mod common;

use common::{Place, TINY, with};
use serde_json::Value;

#[test]
fn a_run_is_trained_measured_embedded_and_drawn() {
    let place = Place::new();
    let said = place.ok(&with(&["train", "--loss", "cosface", "--out", "run"], &TINY));
    assert!(said.contains("accuracy ") && said.trim_end().ends_with("run"), "{said}");
    assert_eq!(place.names("run"), ["checkpoint.safetensors", "config.toml", "log.txt", "result.json", "timing.json"]);
    assert!(place.text("run/config.toml").contains("batch = 20"));

    // Measured again, from the checkpoint alone.
    let again = measured(&place, "run");
    assert_eq!(again, without_reason(place.json("run/result.json")));
    assert!(place.ok(&["eval", "run/checkpoint.safetensors"]).starts_with("cosface on mnist"));
    assert_eq!((&again["n_test"], &again["loss"]), (&100.into(), &"cosface".into()));

    // Embedded: one row an image, the labels beside them.
    place.ok(&["embed", "run", "mnist-embedded", "--out", "e.npy"]);
    let (shape, values) = npy(&place.read("e.npy"));
    assert_eq!(shape, (2000, 2));
    assert!(values.iter().all(|v| v.is_finite()) && values.iter().any(|v| *v != values[0]));
    let labels = place.text("e.labels.csv");
    assert_eq!((labels.lines().count(), labels.lines().next()), (2001, Some("row,label,class,source")));
    assert!(labels.lines().nth(2000).is_some_and(|l| l.starts_with("1999,")), "{labels}");

    // A file is embedded as the same image in its folder is, whatever its size.
    place.image("mine/seven, or one/a.pgm", (40, 30), |x, y| (x * y) as u8);
    place.image("mine/zero/b.pgm", (28, 28), |x, _| x as u8);
    place.ok(&["embed", "run", "mine", "--out", "folder.npy"]);
    place.ok(&["embed", "run", "mine/zero/b.pgm", "--out", "file.npy"]);
    let (folder, file) = (npy(&place.read("folder.npy")), npy(&place.read("file.npy")));
    assert_eq!((folder.0, file.0), ((2, 2), (1, 2)));
    assert_eq!(folder.1[2..], file.1);
    let labels = place.text("folder.labels.csv");
    assert!(labels.contains("0,0,\"seven, or one\",") && labels.contains("1,1,zero,"), "{labels}");

    // What is no image is said, and a link in a circle is not followed.
    place.write("mine/zero/._b.pgm", "notes of macOS");
    place.write("mine/notes.txt", "no image");
    #[cfg(unix)]
    std::os::unix::fs::symlink(place.path("mine"), place.path("mine/zero/again")).expect("a link");
    let output = place.run(&["embed", "run", "mine/zero/b.pgm", "mine", "mnist-embedded", "--out", "all.npy"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    for left_out in ["mine/zero/._b.pgm: notes of macOS", "mine/notes.txt: not an image by its extension"] {
        assert!(said.contains(left_out), "{said}");
    }
    assert!(!cfg!(unix) || said.contains("mine/zero/again: a link to a folder that it lies in"), "{said}");
    // Classes of one name are one class, and each row says where its image is.
    let labels = place.text("all.labels.csv");
    let rows: Vec<&str> = labels.lines().take(5).collect();
    assert_eq!(
        rows[1..4],
        ["0,0,zero,mine/zero/b.pgm", "1,1,\"seven, or one\",\"mine/seven, or one/a.pgm\"", "2,0,zero,mine/zero/b.pgm",]
    );
    assert!(rows[4].ends_with(": test/00000\""), "{labels}");
    assert_eq!(npy(&place.read("all.npy")).0, (2003, 2));
    // A file that is no image is named, and nothing is written.
    #[cfg(unix)]
    std::fs::remove_file(place.path("mine/zero/again")).expect("removed");
    place.write("mine/zero/c.png", "no image");
    place.refused(&["embed", "run", "mine", "--out", "none.npy"], &["mine/zero/c.png: cannot decode"]);

    for out in ["f.svg", "f.png"] {
        place.ok(&["plot", "features", "run", "--out", out]);
    }
    let svg = place.text("f.svg");
    assert!(svg.contains("<svg ") && svg.contains("cosface"), "{svg}");
    assert!(place.read("f.png").starts_with(b"\x89PNG\r\n\x1a\n"));
}

/// What `eval` says of a run, in numbers.
fn measured(place: &Place, run: &str) -> Value {
    without_reason(serde_json::from_str(&place.ok(&["eval", run, "--json"])).expect("JSON"))
}

/// A run without the sentence about its margins, which a test of its own is about.
fn without_reason(mut run: Value) -> Value {
    run.as_object_mut().expect("an object").remove("margin_reason").expect("a reason");
    run
}

#[test]
fn a_run_remembers_why_it_has_its_margins() {
    let place = Place::new();
    for (loss, why) in [("cosface", "% of the paper's margins"), ("arcface", "the paper's margins")] {
        place.ok(&with(&["train", "--loss", loss, "--out", loss], &TINY));
        let eval: Value = serde_json::from_str(&place.ok(&["eval", loss, "--json"])).expect("JSON");
        let reason = &place.json(&format!("{loss}/result.json"))["margin_reason"];
        assert!(reason.as_str().is_some_and(|r| r.contains(why)), "{reason}");
        // The effective configuration names every margin, but nobody gave them.
        assert_eq!(&eval["margin_reason"], reason);
    }
    let given = ["train", "--loss", "arcface", "--set", "loss.angle_margin=0.2", "--out", "given"];
    place.ok(&with(&given, &TINY));
    let reason = &place.json("given/result.json")["margin_reason"];
    assert!(reason.as_str().is_some_and(|r| r.contains("margins as given")), "{reason}");
}

/// Shape and values of a float32 NumPy file.
fn npy(bytes: &[u8]) -> ((usize, usize), Vec<f32>) {
    assert_eq!(&bytes[..8], b"\x93NUMPY\x01\x00");
    let length = usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    assert_eq!((10 + length) % 64, 0, "the data is not aligned");
    let header = std::str::from_utf8(&bytes[10..10 + length]).expect("text");
    assert!(header.contains("'descr': '<f4'") && header.contains("'fortran_order': False"), "{header}");
    let shape = header.split_once("'shape': (").and_then(|(_, rest)| rest.split_once(')')).expect("a shape").0;
    let mut sizes = shape.split(',').filter_map(|s| s.trim().parse::<usize>().ok());
    let shape = (sizes.next().expect("rows"), sizes.next().expect("columns"));
    let data = &bytes[10 + length..];
    assert_eq!(data.len(), shape.0 * shape.1 * 4);
    (shape, data.chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().expect("four"))).collect())
}

/// The fields that a run in `results.json` has at least.
const RUN_FIELDS: [&str; 22] = [
    "loss",
    "m0",
    "m1",
    "m2",
    "scale",
    "seed",
    "epochs",
    "accuracy",
    "accuracy_low",
    "accuracy_high",
    "n_test",
    "eer",
    "tmr_at_fmr",
    "target_angle_mean",
    "nontarget_angle_min_mean",
    "train_seconds",
    "samples_per_second",
    "collapsed",
    "reason",
    "recovered",
    "causes",
    "trainer",
];

/// The results of softmax and arcface with two seeds each, and their table.
fn assert_results(place: &Place, results: &serde_json::Value) {
    for field in ["version", "command"] {
        assert!(results[field].as_str().is_some_and(|v| !v.is_empty()), "{field}");
    }
    let data = &results["data"];
    assert_eq!((&data["n_train"], &data["n_test"]), (&180.into(), &100.into()), "{data}");
    assert_eq!(data["sha256"].as_str().map(str::len), Some(64), "{data}");
    assert!(data["name"].as_str().is_some_and(|n| n.contains("mnist")), "{data}");
    let machine = &results["machine"];
    assert!(machine["cpu"].is_string() && machine["threads"].is_u64() && machine["isa"].is_string(), "{machine}");
    let runs = results["runs"].as_array().expect("runs");
    let order: Vec<(&str, u64)> =
        runs.iter().filter_map(|r| Some((r["loss"].as_str()?, r["seed"].as_u64()?))).collect();
    assert_eq!(order, [("softmax", 0), ("softmax", 1), ("arcface", 0), ("arcface", 1)]);
    for run in runs {
        for field in RUN_FIELDS {
            assert!(run.get(field).is_some(), "{field} is not in {run}");
        }
        assert_eq!(run["m1"].is_null(), run["loss"] == "softmax", "{run}");
        let [low, mean, high] = ["accuracy_low", "accuracy", "accuracy_high"].map(|f| run[f].as_f64().expect(f));
        assert!(0.0 <= low && low <= mean && mean <= high && high <= 1.0, "{run}");
        assert!(run["eer"].is_number() && run["tmr_at_fmr"]["1e-3"].is_number(), "{run}");
    }
    let csv = place.text("c/results.csv");
    assert_eq!(csv.lines().count(), 1 + runs.len());
    for field in RUN_FIELDS.iter().filter(|f| **f != "tmr_at_fmr") {
        assert!(csv.lines().next().is_some_and(|head| head.split(',').any(|h| h == *field)), "{field}");
    }
}

#[test]
fn a_comparison_leaves_everything_and_its_command_repeats_it() {
    let place = Place::new();
    let args = with(&["compare", "--loss", "softmax,arcface", "--seeds", "2", "--out", "c"], &TINY);
    let said = place.ok(&args);
    assert!(said.contains("softmax") && said.trim_end().ends_with("report.html"), "{said}");
    let expected = [
        "angles-arcface.svg",
        "angles-softmax.svg",
        "boundaries.png",
        "boundaries.svg",
        "compare.json",
        "curves.svg",
        "features-arcface.png",
        "features-arcface.svg",
        "features-softmax.png",
        "features-softmax.svg",
        "report.html",
        "results.csv",
        "results.json",
        "runs",
        "target-curves.svg",
    ];
    assert_eq!(place.names("c"), expected);
    for name in expected {
        match name.rsplit_once('.').map(|(_, e)| e) {
            Some("png") => assert!(place.read(&format!("c/{name}")).starts_with(b"\x89PNG\r\n\x1a\n"), "{name}"),
            Some("svg") => assert!(place.text(&format!("c/{name}")).trim_end().ends_with("</svg>"), "{name}"),
            _ => {}
        }
    }

    let results = place.json("c/results.json");
    assert_results(&place, &results);

    // One file that needs no other, and no network.
    let html = place.text("c/report.html");
    assert!(html.matches("<svg").count() >= 7 && html.contains("prefers-color-scheme"));
    for outside in ["<link", "src=\"", "@import", "url(http"] {
        assert!(!html.contains(outside), "report.html refers to something outside: {outside}");
    }
    let command = results["command"].as_str().expect("a command");
    assert!(html.contains(command), "report.html does not say how to repeat it: {command}");

    // Each run's checkpoint serves on its own.
    let last = results["runs"][3].clone();
    assert_eq!(measured(&place, "c/runs/arcface-seed1"), without_reason(last));

    // The command that it names does the same again.
    let mut again: Vec<&str> = command.split(' ').collect();
    assert_eq!(again.remove(0), "arcsphere");
    place.ok(&with(&again, &["--out", "d"]));
    for run in ["softmax-seed0", "arcface-seed1"] {
        let read = |folder: &str| place.read(&format!("{folder}/runs/{run}/checkpoint.safetensors"));
        assert!(read("c") == read("d"), "{run} is another");
    }
}

#[test]
fn a_naive_comparison_says_so_and_its_command_repeats_it() {
    let place = Place::new();
    let args = with(&["compare", "--naive", "--loss", "sphereface,arcface", "--out", "c"], &TINY);
    place.ok(&args);
    let results = place.json("c/results.json");
    let command = results["command"].as_str().expect("a command");
    assert!(command.contains(" --naive"), "{command}");
    let runs = results["runs"].as_array().expect("runs");
    assert_eq!((&runs[0]["m0"], &runs[1]["m1"], &runs[1]["scale"]), (&4.0.into(), &0.5.into(), &64.0.into()));
    assert!(runs.iter().all(|r| r["trainer"] == "naive" && r["recovered"] == 0), "{runs:?}");
    assert!(runs[0]["margin_reason"].as_str().is_some_and(|r| r.contains("naive")), "{}", runs[0]);
    let config = place.text("c/runs/arcface-seed0/config.toml");
    for line in ["naive = true", "extension = \"fallback\"", "clip = 0.0", "on_collapse = \"ignore\"", "full_at = 0.0"]
    {
        assert!(config.contains(line), "{line} is not in\n{config}");
    }
    assert!(place.text("c/runs/sphereface-seed0/config.toml").contains("extension = \"raw\""));
    let report = place.text("c/report.html");
    assert!(report.contains("as the usual public code does") && report.contains("<dt>trainer</dt><dd>naive</dd>"));
    let mut again: Vec<&str> = command.split(' ').collect();
    assert_eq!(again.remove(0), "arcsphere");
    place.ok(&with(&again, &["--out", "d"]));
    let read = |folder: &str| place.read(&format!("{folder}/runs/arcface-seed0/checkpoint.safetensors"));
    assert!(read("c") == read("d"));
}

/// Several prototypes a class: trained, measured, drawn and reported like any other.
#[test]
fn a_loss_with_several_prototypes_a_class_is_compared() {
    let place = Place::new();
    // Enough steps after the soft start for the embeddings to find their prototypes.
    let enough = ["--limit-train", "600", "--limit-test", "100", "--epochs", "3", "--set", "train.batch=20"];
    place.ok(&with(&["compare", "--loss", "subcenter_arcface", "--out", "c"], &enough));
    let results = place.json("c/results.json");
    let run = &results["runs"][0];
    assert_eq!((&run["loss"], &run["collapsed"]), (&"subcenter_arcface".into(), &false.into()), "{run}");
    assert!(run["target_angle_mean"].as_f64().is_some_and(f64::is_finite), "{run}");
    assert!(place.text("c/report.html").contains("subcenter_arcface"));
    let energy = ["compare", "--loss", "subcenter_arcface", "--set", "loss.energy_weight=1", "--out", "d"];
    place.refused(&with(&energy, &TINY), &["0 for subcenter_arcface", "belong together", "use arcface"]);
}

/// Numbers that end f32 at once, whatever is made softer in two recoveries.
const DEADLY: [&str; 10] = [
    "train",
    "--loss",
    "softmax",
    "--rate",
    "1e30",
    "--set",
    "model.batch_norm=false",
    "--set",
    "train.recoveries=2",
    "--set=optim.clip=0.0",
];

#[test]
fn a_report_says_what_became_of_a_run_that_died() {
    let place = Place::new();
    let compare = with(&["compare", "--loss", "softmax"], &DEADLY[3..]);
    place.ok(&with(&with(&compare, &["--out", "c"]), &TINY));
    let report = place.text("c/report.html");
    for part in [
        "<h2>Collapsed and recovered runs</h2>",
        "1 collapsed, 0 recovered, of 1.",
        "softmax<small>default</small>",
        "collapsed after 2 rollbacks",
        "<td class=\"t\">not_finite</td>",
        "back to step 0, learning rate × 0.5, gradients clipped at 5",
        "<dt>trainer</dt><dd>default</dd>",
    ] {
        assert!(report.contains(part), "{part} is not in the report");
    }
}

#[test]
fn a_training_that_dies_says_what_was_tried() {
    let place = Place::new();
    let output = place.run(&with(&with(&DEADLY, &["--out", "run"]), &TINY));
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "a collapsed run is a result: {out}\n{err}");
    let said: Vec<&str> = err.lines().filter(|l| l.starts_with("softmax seed 0 recovered: ")).collect();
    assert_eq!(said.len(), 2, "{err}");
    assert!(said[0].contains("back to step 0, learning rate × 0.5, gradients clipped at 5"), "{err}");
    assert!(out.contains("collapsed: ") && out.contains("recovered 2 times, in vain: not_finite"), "{out}");
    let run = place.json("run/result.json");
    assert_eq!((&run["recovered"], &run["collapsed"], &run["trainer"]), (&2.into(), &true.into(), &"default".into()));
    assert!(run["reason"].as_str().is_some_and(|r| r.contains("after 2 recoveries")), "{run}");
    assert_eq!(run["causes"], serde_json::json!(["not_finite"]));
    assert_eq!(measured(&place, "run")["causes"], run["causes"]);
    let told = run["recoveries"].as_array().expect("a sentence each");
    assert!(told.len() == 2 && told[0].as_str().is_some_and(|t| t.contains("learning rate × 0.5")), "{run}");

    let output = place.run(&with(&with(&DEADLY, &["--on-collapse", "stop", "--out", "stopped"]), &TINY));
    assert!(output.status.success() && !String::from_utf8_lossy(&output.stderr).contains("recovered"));
    let run = place.json("stopped/result.json");
    assert_eq!((&run["recovered"], &run["collapsed"]), (&0.into(), &true.into()));
}

#[test]
fn above_two_dimensions_the_pictures_are_there_too() {
    let place = Place::new();
    let args = ["compare", "--data", "faces", "--loss", "cosface", "--dim", "5", "--epochs", "1", "--out", "c"];
    place.classes("faces", 4);
    place.ok(&args);
    let svg = place.text("c/features-cosface.svg");
    assert!(svg.contains("PC1 (") && svg.contains("of the variance"), "the projection is not named");
}

#[test]
fn an_open_set_is_verified_and_not_classified() {
    let place = Place::new();
    place.classes("faces", 6);
    let args = ["--data", "faces", "--open-set", "--epochs", "2", "--batch", "8"];
    let said = place.ok(&with(&["train", "--out", "run"], &args));
    assert!(said.contains("EER ") && !said.contains("accuracy "), "{said}");
    assert!(said.contains("not measured: accuracy: no class was predicted"), "{said}");
    let result = place.json("run/result.json");
    assert!(result["eer"].is_number() && result["n_test"] == 0, "{result}");
    assert!(result["target_angle_mean"].is_null() && result["n_genuine"].as_u64() > Some(0), "{result}");
    assert!(["accuracy", "accuracy_low", "accuracy_high"].iter().all(|f| result[f].is_null()), "{result}");
    assert_eq!(result["not_measured"][0]["protocol"], "closed_set", "{result}");
    assert_eq!(measured(&place, "run"), without_reason(result));
    let some = place.ok(&["eval", "run", "--measures", "eer,nmi", "--json"]);
    let some: Value = serde_json::from_str(&some).expect("JSON");
    assert!(some["eer"].is_number() && some["nmi"].is_number() && some["recall_at_1"].is_null(), "{some}");
    assert!(some["tmr_at_fmr"].as_object().is_some_and(|m| m.is_empty()) && some["not_measured"].is_null(), "{some}");
    place.ok(&["embed", "run", "faces", "--out", "e.npy"]);
    assert_eq!(npy(&place.read("e.npy")).0, (48, 2));
    place.ok(&["plot", "features", "run", "--out", "f.svg"]);

    let table = place.ok(&with(&["compare", "--loss", "arcface", "--out", "c"], &args));
    let row = table.lines().find(|l| l.starts_with("arcface")).expect("a row");
    assert!(!row.contains("[0.00, 100.00]") && row.contains('–'), "an accuracy that was not measured: {row}");
    for name in ["features-arcface.svg", "features-arcface.png", "report.html", "results.json", "boundaries.svg"] {
        assert!(place.path(&format!("c/{name}")).is_file(), "{name}");
    }
    let run = &place.json("c/results.json")["runs"][0];
    assert!(run["eer"].is_number() && run["accuracy"].is_null(), "{run}");
    let csv = place.text("c/results.csv");
    let column = |name| csv.lines().next().and_then(|head| head.split(',').position(|h| h == name)).expect(name);
    let values: Vec<&str> = csv.lines().nth(1).expect("a run").split(',').collect();
    assert_eq!((values[column("accuracy")], values[column("n_test")]), ("", "0"), "{csv}");
    let html = place.text("c/report.html");
    assert!(html.contains("arcface reaches an EER of ") && html.contains("Test accuracy –; EER "));
    assert!(html.contains("<h2>Not measured</h2>") && html.contains("<li>accuracy: no class was predicted"), "{html}");
}

#[test]
fn train_and_test_folders_without_a_common_class_are_an_open_set() {
    let place = Place::new();
    place.classes("all", 6);
    for (from, to) in [("p0", "train/p0"), ("p1", "train/p1"), ("p2", "train/p2"), ("p3", "test/p3"), ("p4", "test/p4")]
    {
        std::fs::create_dir_all(place.path(&format!("people/{to}"))).expect("a folder");
        std::fs::rename(place.path(&format!("all/{from}")), place.path(&format!("people/{to}"))).expect("moved");
    }
    place.ok(&["train", "--data", "people", "--epochs", "1", "--batch", "8", "--out", "run"]);
    let result = place.json("run/result.json");
    assert!(result["eer"].is_number() && result["n_test"] == 0, "{result}");
}
