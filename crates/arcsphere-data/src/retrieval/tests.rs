use std::fs;

use super::*;
use crate::{OpenOptions, catalog};

struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        let path = self.0.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    fn image(&self, name: &str) {
        self.write(name, [&b"P5 1 1 255\n"[..], &[name.len() as u8]].concat());
    }

    fn read(&self) -> Result<Retrieval, DataError> {
        read(self.0.path(), &Decoding::default()).expect("a known layout")
    }

    fn refused(&self, words: &[&str]) {
        let error = self.read().map(|_| ()).unwrap_err().to_string();
        assert!(words.iter().all(|word| error.contains(word)), "{words:?} in {error}");
    }
}

/// Names and classes.
fn said(set: &Dataset) -> Vec<(String, String)> {
    (0..set.len()).map(|i| (set.info(i).name, set.classes()[set.labels()[i] as usize].clone())).collect()
}

fn of(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(a, b)| (a.to_string(), b.to_string())).collect()
}

#[test]
fn online_products() {
    let place = Place::new();
    let header = "image_id class_id super_class_id path\n";
    let (train, test) = ("1 1 1 a/1.jpg\n2 1 1 a/2.jpg\n3 10 1 a/3.jpg\n", "4 20 1 b/1.jpg\n5 20 1 b/2.jpg\n");
    place.write("Ebay_train.txt", format!("{header}{train}"));
    place.write("Ebay_test.txt", format!("{header}{test}"));
    ["a/1.jpg", "a/2.jpg", "a/3.jpg", "b/1.jpg", "b/2.jpg"].iter().for_each(|name| place.image(name));
    let set = place.read().unwrap();
    assert_eq!(said(&set.train), of(&[("a/1.jpg", "1"), ("a/2.jpg", "1"), ("a/3.jpg", "10")]));
    assert_eq!(said(&set.test), of(&[("b/1.jpg", "20"), ("b/2.jpg", "20")]));
    assert_eq!(set.query_gallery, None);
    let source = catalog::open(place.0.path().to_str().unwrap(), &OpenOptions::default()).unwrap();
    assert_eq!((source.name.as_str(), source.open_set, source.test.len()), ("Stanford Online Products", true, 2));

    let refused = |text: String, words: &[&str]| {
        place.write("Ebay_test.txt", text);
        place.refused(words);
    };
    refused(test.to_owned(), &["Ebay_test.txt, line 1", "expected image_id"]);
    refused(format!("{header}4 20 b/1.jpg\n"), &["line 2"]);
    refused(format!("{header}4 x 1 b/1.jpg\n"), &["line 2"]);
    refused(format!("{header}4 10 1 b/1.jpg\n"), &["the class 10 is both"]);
    refused(header.to_owned(), &["test", "no image"]);
    refused(format!("{header}4 20 1 b/lost.jpg\n"), &["b/lost.jpg", "not found"]);
    fs::remove_file(place.0.path().join("Ebay_test.txt")).unwrap();
    place.refused(&["Ebay_test.txt", "not found"]);
}

#[test]
fn in_shop_clothes() {
    let place = Place::new();
    let list = "4\nimage_name item_id evaluation_status\nimg/1.jpg id_1 train\nimg/2.jpg id_2 gallery\n\
                img/3.jpg  id_2   query\nimg/4.jpg id_3 gallery\n";
    let write = |text: &str| place.write("Eval/list_eval_partition.txt", text);
    write(list);
    (1..=4).for_each(|i| place.image(&format!("img/{i}.jpg")));
    let set = place.read().unwrap();
    assert_eq!(said(&set.train), of(&[("img/1.jpg", "id_1")]));
    assert_eq!(said(&set.test), of(&[("img/3.jpg", "id_2"), ("img/2.jpg", "id_2"), ("img/4.jpg", "id_3")]));
    assert_eq!(set.query_gallery, Some(QueryGallery { queries: 1, cameras: None, junk: 0 }));
    for (from, to, word) in [
        ("4\n", "5\n", "4 images, expected 5"),
        ("4\n", "x\n", "line 1"),
        ("image_name item_id", "image item", "line 2"),
        ("query", "probe", "`probe`, expected train, query or gallery"),
        ("id_1 train", "train", "line 3"),
        ("id_3 gallery", "id_1 gallery", "the class id_1 is both"),
    ] {
        write(&list.replacen(from, to, 1));
        place.refused(&[word]);
    }
}

#[test]
fn birds() {
    let place = Place::new();
    let images = "1 001.A/a.jpg\n2 001.A/b.jpg\n3 002.B/c.jpg\n4 003.C/d.jpg\n5 004.D/e.jpg\n";
    let classes = "1 1\n2 1\n3 2\n4 3\n5 4\n";
    place.write("images.txt", images);
    place.write("image_class_labels.txt", classes);
    images.lines().for_each(|line| place.image(&format!("images/{}", &line[2..])));
    let set = place.read().unwrap();
    assert_eq!(
        (set.train.classes(), set.test.classes()),
        (&["001.A".to_string(), "002.B".into()][..], &["003.C".to_string(), "004.D".into()][..])
    );
    assert_eq!((set.train.labels(), set.test.len()), (&[0, 0, 1][..], 2));
    for (text, word) in [
        ("1 1\n2 1\n3 2\n4 3\n", "4 classes, expected 5"),
        ("1 1\n2 1\n3 2\n4 3\n6 4\n", "5 classes, expected 5"),
        ("1 1\n1 1\n3 2\n4 3\n5 4\n", "image 1 is there already"),
        ("1 1\nx 1\n3 2\n4 3\n5 4\n", "line 2"),
        ("1 1\n2\n3 2\n4 3\n5 4\n", "line 2"),
        ("1 1\n2 x\n3 2\n4 3\n5 4\n", "the class of image 2 is `x`"),
    ] {
        place.write("image_class_labels.txt", text);
        place.refused(&["image_class_labels.txt", word]);
    }
    place.write("image_class_labels.txt", classes.replace("5 4", "5 2"));
    place.write("images.txt", images.replace("004.D/e.jpg", "002.B/c.jpg"));
    assert!(place.read().is_ok());
    fs::remove_file(place.0.path().join("images.txt")).unwrap();
    place.refused(&["images.txt", "not found"]);
}

#[test]
fn market() {
    let place = Place::new();
    for name in ["bounding_box_train/0002_c1s1_000451_03.jpg", "bounding_box_train/0007_c2s3_000001_01.jpg"] {
        place.image(name);
    }
    place.image("query/0001_c1s1_001051_00.jpg");
    for name in ["-1_c1s1_000401_03", "0000_c3s1_000551_00", "0001_c1s1_002051_00", "0001_c6s2_000001_00"] {
        place.image(&format!("bounding_box_test/{name}.jpg"));
    }
    place.write("bounding_box_test/Thumbs.db", "");
    let set = place.read().unwrap();
    assert_eq!(
        (set.train.classes(), set.test.classes()),
        (&["0002".to_string(), "0007".into()][..], &["0000".to_string(), "0001".into()][..])
    );
    // The query, then the distractor and two of the person, one by the query's camera; person −1 is left out.
    assert_eq!(set.test.labels(), [1, 0, 1, 1]);
    let cameras = Some(vec![1, 3, 1, 6]);
    assert_eq!(set.query_gallery, Some(QueryGallery { queries: 1, cameras, junk: 1 }));
    for (name, word) in [
        ("query/-1_c1s1_000401_03.jpg", "person −1"),
        ("query/0001.jpg", "expected a name as"),
        ("query/-2_c1.jpg", "expected a name as"),
        ("query/0002_cx.jpg", "expected a name as"),
        ("bounding_box_test/0002_c1.jpg", "the class 0002 is both"),
    ] {
        place.image(name);
        place.refused(&[word]);
        fs::remove_file(place.0.path().join(name)).unwrap();
    }
}

#[test]
fn another_folder_is_none_of_these() {
    let place = Place::new();
    place.image("query/0001_c1.jpg");
    assert!(read(place.0.path(), &Decoding::default()).is_none());
}
