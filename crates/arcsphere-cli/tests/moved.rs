//! Images that lie elsewhere by now: their checksum tells whether they are the same, not their path.

mod common;

use common::{Place, progress, with};

const RUN: [&str; 7] = ["--data", "faces", "--epochs", "2", "--batch", "8", "--threads=2"];

/// Moves the images, and says where from another folder they are.
fn move_away(place: &Place) {
    std::fs::create_dir_all(place.path("disk/of/photos")).expect("a folder");
    std::fs::rename(place.path("faces"), place.path("disk/of/photos/people")).expect("a move");
}

#[test]
fn a_run_goes_on_where_its_images_are_and_on_no_others() {
    let place = Place::new();
    place.classes("faces", 7);
    place.classes("others", 5);
    place.ok(&with(&["train", "--out", "run"], &RUN));
    let (whole, told) = (place.read("run/checkpoint.safetensors"), place.ok(&["eval", "run", "--json"]));
    move_away(&place);

    for command in [&["train", "--resume", "run"][..], &["eval", "run"]] {
        place.refused(command, &["faces", "say where they are now by --data"]);
    }
    place.refused(&["train", "--resume", "run", "--data", "others"], &["other images"]);
    place.refused(&["train", "--resume", "run", "--data", "nowhere/at/all"], &["nowhere/at/all"]);
    place.refused(&["train", "--resume", "run", "--epochs", "3"], &["train.epochs was 2, now it is 3"]);
    // What the message names helps, here and from another folder.
    let people = "disk/of/photos/people";
    assert_eq!(place.ok(&["eval", "run", "--data", people, "--json"]), told);
    place.ok(&["train", "--resume", "run", "--data", people]);
    let output = place
        .command(&["train", "--resume", "../../run", "--data", "photos/people"])
        .current_dir(place.path("disk/of"))
        .output()
        .expect("it runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    // Trained to the end before: nothing but the place is another.
    let again = place.read("run/checkpoint.safetensors");
    assert_eq!(progress(&again), progress(&whole));
    assert!(place.text("run/config.toml").contains("source = \"photos/people\""));
    // And now it knows the place.
    let output = place.command(&["train", "--resume", "../../run"]).current_dir(place.path("disk/of")).output();
    assert!(output.expect("it runs").status.success());
}

#[test]
fn a_comparison_goes_on_where_its_images_are_and_on_no_others() {
    let place = Place::new();
    place.classes("faces", 7);
    place.classes("others", 7);
    place.image("others/p0/0.pgm", (12, 12), |x, _| 20 * x as u8);
    place.ok(&with(&with(&["compare", "--out", "c"], &RUN), &["--loss", "softmax,arcface"]));
    let first = place.json("c/results.json");
    // One run is still to be trained.
    std::fs::remove_dir_all(place.path("c/runs/arcface-seed0")).expect("a run");
    move_away(&place);
    place.refused(&["compare", "--resume", "c"], &["faces", "by --data"]);
    place.refused(&["compare", "--resume", "c", "--data", "others"], &["other images"]);
    place.ok(&["compare", "--resume", "c", "--data", "disk/of/photos/people"]);
    let again = place.json("c/results.json");
    for run in 0..2 {
        assert_eq!(again["runs"][run]["measures"], first["runs"][run]["measures"], "run {run}");
    }
    place.ok(&["compare", "--resume", "c"]);
}

#[test]
fn a_sweep_goes_on_where_its_images_are_and_on_no_others() {
    let place = Place::new();
    place.classes("faces", 7);
    place.classes("others", 5);
    let grid = ["--loss", "cosface", "--margin", "0,0.1", "--scale", "12", "--rate", "0.05"];
    place.ok(&with(&with(&["sweep", "--out", "s"], &RUN), &grid));
    let cells = place.names("s/cells");
    let kept = place.read(&format!("s/cells/{}", cells[0]));
    std::fs::remove_file(place.path(&format!("s/cells/{}", cells[1]))).expect("a cell");
    move_away(&place);
    place.refused(&["sweep", "--resume", "s"], &["faces", "by --data"]);
    place.refused(&["sweep", "--resume", "s", "--data", "others"], &["checksum"]);
    place.ok(&["sweep", "--resume", "s", "--data", "disk/of/photos/people"]);
    assert_eq!(place.names("s/cells"), cells);
    assert!(place.read(&format!("s/cells/{}", cells[0])) == kept, "a finished cell was trained again");
    place.ok(&["sweep", "--resume", "s"]);
}
