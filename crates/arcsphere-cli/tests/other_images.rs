//! `eval` on images that are not the run's own: all of them are measured, by no rule that only a training needs.

mod common;

use common::{Place, with};
use serde_json::Value;

const RUN: [&str; 7] = ["--data", "faces", "--epochs", "2", "--batch", "8", "--threads=2"];

fn trained(place: &Place) {
    place.classes("faces", 7);
    place.ok(&with(&["train", "--out", "run"], &RUN));
}

/// What `eval` says of a run on other images, in words and in numbers.
fn told(place: &Place, images: &str) -> (String, Value) {
    let args = ["eval", "run", "--data", images];
    let json = place.ok(&with(&args, &["--json"]));
    (place.ok(&args), serde_json::from_str(&json).expect("JSON"))
}

/// A copy of some of the images of `faces`, renamed as by `name`.
fn copy(place: &Place, to: &str, which: impl Fn(usize, usize) -> bool, name: impl Fn(usize) -> String) {
    for (class, image) in (0..7).flat_map(|c| (0..8).map(move |i| (c, i))).filter(|&(c, i)| which(c, i)) {
        place.write(&format!("{to}/{}/{image}.pgm", name(class)), place.read(&format!("faces/p{class}/{image}.pgm")));
    }
}

/// Of n images of known classes all are classified, and of n·(n − 1)/2 pairs those of one class are genuine.
#[test]
fn a_folder_is_measured_whole() {
    let place = Place::new();
    trained(&place);
    assert!(place.ok(&["eval", "run"]).starts_with("arcface on faces, the run's own test part (14 images)\n"));
    // Six images of each class: the checksum is another.
    copy(&place, "most", |_, i| i < 6, |c| format!("p{c}"));
    let (said, run) = told(&place, "most");
    assert!(said.starts_with("arcface on most, all of it (42 images)\n"), "{said}");
    assert_eq!(run["n_test"], 42);
    let genuine = 7 * (6 * 5 / 2);
    assert_eq!([&run["n_genuine"], &run["n_impostor"]], [&Value::from(genuine), &Value::from(42 * 41 / 2 - genuine)]);
    place.refused(&["eval", "run", "--data", "most", "--test-fraction", "0.5"], &["takes all of --data: leave it out"]);
    // With a test part of its own that part is meant.
    copy(&place, "parts/train", |_, i| i < 3, |c| format!("p{c}"));
    copy(&place, "parts/test", |_, i| i > 3, |c| format!("p{c}"));
    let (said, run) = told(&place, "parts");
    assert!(said.starts_with("arcface on parts, its test part (28 images)\n"), "{said}");
    assert_eq!(run["n_test"], 28);
    // The run's own images are its own under another name, and only their test part was not trained on.
    std::fs::rename(place.path("faces"), place.path("same")).expect("a move");
    let (said, _) = told(&place, "same");
    assert!(said.starts_with("arcface on same, the run's own test part (14 images)\n"), "{said}");
}

#[test]
fn one_class_and_one_image_a_class_are_enough() {
    let place = Place::new();
    trained(&place);
    // One known class: all of its images are classified among the seven.
    copy(&place, "alone", |c, _| c == 4, |c| format!("p{c}"));
    let (said, run) = told(&place, "alone");
    assert!(said.starts_with("arcface on alone, all of it (8 images)\n"), "{said}");
    assert_eq!(run["n_test"], 8);
    assert!(said.contains("not measured: eer"), "{said}");
    // One class that it never saw: nothing can be classified, and there is no pair of two.
    copy(&place, "stranger", |c, _| c == 4, |_| "eve".into());
    let (said, run) = told(&place, "stranger");
    assert!(said.contains("all of it (8 images)") && run["accuracy"].is_null(), "{said}");
    assert!(said.contains("not measured: eer"), "{said}");
    // One image of each.
    copy(&place, "few", |_, i| i == 5, |c| format!("p{c}"));
    let (said, run) = told(&place, "few");
    assert!(said.starts_with("arcface on few, all of it (7 images)\n") && run["n_test"] == 7, "{said}");
    assert!(said.contains("not measured: eer"), "{said}");
    copy(&place, "strangers", |_, i| i == 5, |c| format!("x{c}"));
    assert!(told(&place, "strangers").0.contains("not measured: eer"));
}

/// Red images of `classes` classes.
fn red(place: &Place, folder: &str, classes: usize) {
    for (class, image) in (0..classes).flat_map(|c| (0..8).map(move |i| (c, i))) {
        let pixel = |i: usize| [(class * 37 + i * 3 + image * 5) as u8, (i * image) as u8, (class * i) as u8];
        let bytes = (0..144).flat_map(pixel);
        let file = b"P6\n12 12\n255\n".iter().copied().chain(bytes).collect::<Vec<u8>>();
        place.write(&format!("{folder}/p{class}/{image}.ppm"), file);
    }
}

#[test]
fn gray_is_made_color_and_color_is_refused_with_a_way_out() {
    let place = Place::new();
    trained(&place);
    red(&place, "red", 7);
    let colored = ["--out", "colored", "--epochs", "1", "--batch", "8", "--threads=2"];
    place.ok(&with(&["train", "--data", "red"], &colored));
    // Gray images are what three equal planes are.
    let said = place.ok(&["eval", "colored", "--data", "faces"]);
    assert!(said.starts_with("arcface on faces, all of it (56 images)\n"), "{said}");
    place.ok(&["embed", "colored", "faces", "--out", "e.npy"]);
    place.ok(&["embed", "colored", "mnist-embedded", "--out", "d.npy"]);
    // The other way round color would be lost.
    let words = ["1x12x12", "3x12x12", "no use for color", "gray"];
    place.refused(&["eval", "run", "--data", "red"], &words);
    for (class, image) in (0..7).flat_map(|c| (0..8).map(move |i| (c, i))) {
        let file = place.read(&format!("red/p{class}/{image}.ppm"));
        let pixels: Vec<u8> =
            file[13..].chunks(3).map(|p| (p.iter().map(|v| u32::from(*v)).sum::<u32>() / 3) as u8).collect();
        place.image(&format!("gray/p{class}/{image}.pgm"), (12, 12), |x, y| pixels[12 * y + x]);
    }
    place.ok(&["eval", "run", "--data", "gray"]);
    // A size that is named helps, alone and with the color.
    place.refused(&["eval", "colored", "--data", "mnist-embedded"], &["--size 12x12"]);
    place.ok(&["eval", "colored", "--data", "mnist-embedded", "--size", "12x12"]);
}

/// What a message says to do is done, until it is trained.
#[test]
fn few_images_a_class_are_trained_as_the_messages_say() {
    let place = Place::new();
    place.classes("faces", 7);
    for class in 0..7 {
        for image in 2..8 {
            std::fs::remove_file(place.path(&format!("faces/p{class}/{image}.pgm"))).expect("an image");
        }
    }
    let train = with(&["train"], &RUN);
    place.refused(&train, &["no class has two training images", "--set data.validation=0"]);
    let without = ["--set", "data.validation=0"];
    place.ok(&with(&with(&train, &without), &["--out", "two"]));
    // Pairs need two images to train on, and the test takes one.
    let triplet = with(&with(&train, &without), &["--loss", "triplet"]);
    place.refused(&triplet, &["class `p0` has 1 image to train on", "--open-set", "arcface"]);
    place.ok(&with(&triplet, &["--open-set", "--out", "triplet"]));
    let open = with(&train, &["--open-set"]);
    place.ok(&with(&open, &["--out", "open"]));

    for class in 0..7 {
        std::fs::remove_file(place.path(&format!("faces/p{class}/1.pgm"))).expect("an image");
    }
    place.refused(&train, &["no class has two images", "--open-set", "--set data.validation=0"]);
    place.ok(&with(&with(&open, &without), &["--out", "one"]));
}

#[test]
fn images_that_are_too_small_are_trained_at_the_size_that_is_named() {
    let place = Place::new();
    for (class, image) in (0..4).flat_map(|c| (0..8).map(move |i| (c, i))) {
        place.image(&format!("faces/p{class}/{image}.pgm"), (6, 6), |x, y| (class * 50 + x * image + y) as u8);
    }
    let train = with(&["train"], &RUN);
    place.refused(&train, &["1x6x6", "lenet_2d", "give --size 8x8"]);
    place.ok(&with(&train, &["--size", "8x8", "--out", "run"]));
}
