//! Data as the field has it: records, pairs, and what is converted into what.

mod common;

use common::{Place, TINY, with};

/// Two people with two images each, a third with one, and a list of three pairs.
fn pairs(place: &Place) {
    for name in ["ada/ada_0001.jpg", "ada/ada_0002.jpg", "bob/bob_0001.jpg", "bob/bob_0002.jpg", "cyd/cyd_0001.jpg"] {
        place.image(name, (3, 2), |x, y| (40 * name.len() + 9 * x + y) as u8);
    }
    place.write("pairs.txt", "1\t2\nada\t1\t2\nbob\t1\t2\nada\t1\tbob\t2\nada\t2\tcyd\t1\n");
}

#[test]
fn a_folder_becomes_records_that_are_trained_on() {
    let place = Place::new();
    place.classes("parts", 4);
    let said = place.ok(&["data", "convert", "parts", "records/train.rec"]);
    assert_eq!(said, "records/train.rec: 32 images, 4 classes\n");
    for source in ["records", "records/train.rec"] {
        let said = place.ok(&["data", "check", source]);
        assert!(said.contains("images of 1x12x12") && said.contains("training: 24 images, 4 classes"), "{said}");
        assert!(said.ends_with("ok\n") && !said.contains("property"), "{said}");
    }
    place.write("records/property", "9,12,12\n");
    assert!(place.ok(&["data", "info", "records"]).contains("records/property: 9 classes"));

    let train = ["train", "--data", "records", "--loss", "arcface", "--out", "run"];
    place.ok(&with(&train, &TINY));
    let said = place.ok(&["eval", "run", "--data", "records/train.rec"]);
    assert!(said.contains("accuracy"), "{said}");
    let said = place.ok(&["embed", "run", "records", "--out", "x.npy"]);
    assert!(said.starts_with("32 embeddings"), "{said}");
    assert!(place.text("x.labels.csv").contains("train.rec/32"));

    assert_eq!(place.ok(&["data", "convert", "records", "back"]), "back: 32 images, 4 classes\n");
    assert_eq!(place.names("back"), ["0", "1", "2", "3"]);
    assert_eq!(place.read("back/3/25.pgm"), place.read("parts/p3/0.pgm"));
    for (from, to, word) in [
        ("parts", "records/train.rec", "exists already"),
        ("parts", "x.rec", "give DIR/train.rec"),
        ("parts", "x.bin", "give a list of pairs"),
        ("nothing", "x/train.rec", "not found"),
    ] {
        place.refused(&["data", "convert", from, to], &[word]);
    }
    let bytes = place.read("records/train.rec");
    place.write("records/train.rec", &bytes[..bytes.len() - 40]);
    place.refused(&["data", "info", "records"], &["train.idx", "the offset"]);
}

#[test]
fn pairs_are_described_checked_and_converted() {
    let place = Place::new();
    pairs(&place);
    let said = place.ok(&["data", "check", "pairs.txt"]);
    for line in ["5 images of 1x2x3", "4 pairs: 2 genuine, 2 impostor, 1 folds", "3 subjects", "\nok\n"] {
        assert!(said.contains(line), "{line:?} in\n{said}");
    }
    assert_eq!(place.ok(&["data", "convert", "pairs.txt", "pairs.bin"]), "pairs.bin: 5 images, 4 pairs\n");
    let said = place.ok(&["data", "info", "pairs.bin"]);
    for line in ["8 images of 1x2x3", "4 pairs: 2 genuine", "subjects unknown", "no 10 even folds"] {
        assert!(said.contains(line), "{line:?} in\n{said}");
    }
    place.ok(&["data", "convert", "pairs.bin", "back"]);
    assert!(place.ok(&["data", "info", "back/pairs.csv"]).contains("4 pairs: 2 genuine, 2 impostor"));

    place.refused(
        &["train", "--data", "pairs.bin"],
        &["pairs.bin: no class: found pairs of images", "`arcsphere data info pairs.bin`"],
    );
    place.refused(&["data", "convert", "pairs.txt", "x/train.rec"], &["pairs have no classes"]);
    std::fs::remove_file(place.path("cyd/cyd_0001.jpg")).expect("a file");
    place.refused(&["data", "info", "pairs.txt"], &["1 of its 5 images", "cyd/cyd_0001.jpg", "--missing reject"]);
    place.refused(&["data", "info", "pairs.txt", "--images", "back"], &["5 of its 5 images"]);
    let said = place.ok(&["data", "info", "pairs.txt", "--missing", "reject"]);
    assert!(said.contains("rejected: 1 pairs, as 1 images are missing (cyd/cyd_0001.jpg)"), "{said}");
    place.write("evil.bin", b"\x80\x02cos\nsystem\nX\x02\0\0\0ls\x85R.");
    place.refused(&["data", "info", "evil.bin"], &["evil.bin: byte 2", "os.system"]);
}
