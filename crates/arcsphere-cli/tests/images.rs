//! Image files as people have them: formats, proportions, and what decoding may take.

mod common;

use common::Place;

/// Images of 12 rows and 6 columns, and the same with three black columns on each side, by hand.
fn tall_and_padded(place: &Place) {
    for class in 0..3 {
        for i in 0..8 {
            let pixel = move |x: usize, y: usize| (60 * class + 9 * x + 5 * y + i) as u8;
            place.image(&format!("tall/p{class}/{i}.pgm"), (6, 12), pixel);
            let padded = move |x: usize, y: usize| if (3..9).contains(&x) { pixel(x - 3, y) } else { 0 };
            place.image(&format!("padded/p{class}/{i}.pgm"), (12, 12), padded);
        }
    }
}

/// The line of a set's checksum.
fn checksum(check: &str) -> String {
    check.lines().find(|line| line.contains("sha256")).expect("a checksum").to_owned()
}

#[test]
fn a_run_embeds_and_measures_by_the_fit_that_it_was_trained_with() {
    let place = Place::new();
    tall_and_padded(&place);
    let check = |folder, fit| checksum(&place.ok(&["data", "check", folder, "--size", "12x12", "--fit", fit]));
    assert_eq!(check("tall", "pad"), check("padded", "squash"));
    assert_ne!(check("tall", "pad"), check("tall", "squash"));
    assert_ne!(check("tall", "crop"), check("tall", "squash"));
    assert_eq!(check("tall", "squash"), checksum(&place.ok(&["data", "check", "tall", "--size", "12x12"])));
    place.refused(
        &["data", "check", "tall", "--size", "12x12", "--fit", "squeeze"],
        &["data.fit", "no fit \"squeeze\"", "squash, crop, pad"],
    );

    let training = ["--epochs", "1", "--set", "train.batch=8", "--out", "run"];
    place.ok(&[&["train", "--data", "tall", "--size", "12x12", "--fit", "pad"], &training[..]].concat());
    let measured = place.ok(&["eval", "run", "--json"]);
    assert_eq!(measured, place.ok(&["eval", "run", "--json", "--data", "padded"]));
    place.ok(&["embed", "run", "tall", "--out", "tall.npy"]);
    place.ok(&["embed", "run", "padded", "--out", "padded.npy"]);
    assert_eq!(place.read("tall.npy"), place.read("padded.npy"));
}

/// What the message says is enough is enough, in each command that reads image files.
#[test]
fn memory_for_decoding_is_bounded_and_the_message_helps() {
    let place = Place::new();
    for (name, side) in [("p0/0", 12), ("p0/1", 12), ("p1/0", 12), ("p1/1", 1100)] {
        place.image(&format!("faces/{name}.pgm"), (side, side), |x, y| (x ^ y) as u8);
    }
    let check = ["data", "check", "faces", "--size", "12x12"];
    let words = ["p1/1.pgm", "an image of 1100x1100", "expected at most 1 MiB", "--decode-memory 6"];
    let info = ["data", "info", "faces", "--size", "12x12", "--decode-memory"];
    place.refused(&[&info[..], &["1"]].concat(), &words);
    place.ok(&[&info[..], &["6"]].concat());
    let enough = place.ok(&[&check[..], &["--decode-memory", "6"]].concat());
    assert_eq!(checksum(&enough), checksum(&place.ok(&check)));

    place.ok(&[
        "train",
        "--limit-train",
        "200",
        "--limit-test",
        "50",
        "--epochs",
        "1",
        "--size",
        "12x12",
        "--out",
        "run",
    ]);
    let embed = ["embed", "run", "faces", "--out", "e.npy"];
    place.refused(&[&embed[..], &["--decode-memory", "1"]].concat(), &words);
    place.ok(&[&embed[..], &["--decode-memory", "6"]].concat());
    let out_of_range = ["train", "--decode-memory", "0", "--out", "new"];
    place.refused(&out_of_range, &["data.decode_memory = 0", "1..=1048576"]);
}

#[test]
fn formats_that_are_not_read_are_counted_and_named() {
    let place = Place::new();
    place.classes("faces", 2);
    for name in ["p0/a.heic", "p0/b.HEIC", "p1/c.avif", "p1/d.svg"] {
        place.write(&format!("faces/{name}"), "an image, perhaps");
    }
    let output = place.run(&["data", "check", "faces"]);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    for line in [
        "left out: faces/p1/c.avif: an image format that is not read: avif; convert it to jpg or png",
        "left out: 2 files or folders, the first faces/p0/a.heic: an image format that is not read: heic",
        "left out: faces/p1/d.svg: an image format that is not read: svg",
    ] {
        assert!(said.contains(line), "{line}\n{said}");
    }
    // By what it holds, not by its name.
    place.write("faces/p0/photo.jpg", b"\0\0\0\x1cftypheic\0\0\0\0mif1heic");
    place.refused(
        &["data", "info", "faces"],
        &["photo.jpg", "it is HEIC, which is not read; convert it to JPEG or PNG"],
    );
}

#[test]
fn a_cut_jpeg_is_refused_by_name() {
    let place = Place::new();
    place.classes("faces", 2);
    let whole = include_bytes!("../../arcsphere-data/src/jpeg/golden/progressive.jpg");
    place.write("faces/p0/cut.jpg", &whole[..whole.len() / 4]);
    place.refused(&["data", "info", "faces", "--size", "12x12"], &["p0/cut.jpg", "cut off"]);
    place.write("faces/p0/cut.jpg", whole);
    place.ok(&["data", "check", "faces", "--size", "12x12"]);
}
