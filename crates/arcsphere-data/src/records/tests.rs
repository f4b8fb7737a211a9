use std::fs;
use std::path::PathBuf;

use super::*;
use crate::image_record::{ImageRecord, Labels};
use crate::recordio::{MAGIC, Writer};
use crate::{OpenOptions, catalog};

/// A gray image of 2x1 pixels.
fn gray(value: u8) -> Vec<u8> {
    [b"P5 2 1 255\n", &[value, value + 1][..]].concat()
}

/// Labels and an image, as a record of a file.
struct Entry(u64, Vec<f32>, Vec<u8>);

fn image(key: u64, labels: &[f32], value: u8) -> Entry {
    Entry(key, labels.to_vec(), gray(value))
}

fn about(key: u64, from: f32, to: f32) -> Entry {
    Entry(key, vec![from, to], Vec::new())
}

fn packed(Entry(key, labels, image): &Entry) -> Vec<u8> {
    let labels = match labels[..] {
        [one] => Labels::One(one),
        _ => Labels::Many(labels.clone()),
    };
    ImageRecord { labels, id: *key, id2: 0, image }.pack()
}

struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes entries in this order, with an index.
    fn write(&self, entries: &[Entry]) -> &Self {
        let mut writer = Writer::new(Vec::new());
        let line = |e: &Entry| format!("{}\t{}\n", e.0, writer.write(&packed(e)).unwrap());
        let index: String = entries.iter().map(line).collect();
        fs::write(self.path("train.idx"), index).unwrap();
        fs::write(self.path(FILE), writer.into_inner()).unwrap();
        self
    }

    fn read(&self) -> Result<Records, DataError> {
        read(self.0.path(), &Decoding::default())
    }

    /// Names, classes and first pixels.
    fn seen(&self) -> Vec<(String, String, u8)> {
        let set = self.read().unwrap().set;
        let class = |i: usize| set.classes()[set.labels()[i] as usize].clone();
        (0..set.len()).map(|i| (set.info(i).name, class(i), set.image(i).unwrap()[0])).collect()
    }

    fn refused(&self, words: &[&str]) {
        let error = self.read().map(|r| r.set).unwrap_err().to_string();
        assert!(words.iter().all(|word| error.contains(word)), "{words:?} in {error}");
    }
}

fn named(of: &[(u64, u32, u8)]) -> Vec<(String, String, u8)> {
    of.iter().map(|(key, class, value)| (format!("train.rec/{key}"), class.to_string(), *value)).collect()
}

/// What all four layouts below say.
fn expected() -> Vec<(String, String, u8)> {
    named(&[(1, 0, 10), (2, 0, 20), (3, 4, 30)])
}

#[test]
fn face2rec2() {
    // Images with two labels (class, aligned), 0, identities; class 0 has two runs, class 4 one.
    let place = Place::new();
    let images = [image(1, &[0.0, 1.0], 10), image(2, &[0.0, 1.0], 20), image(3, &[4.0, 1.0], 30)];
    let rest = [about(0, 4.0, 7.0), about(4, 1.0, 2.0), about(5, 2.0, 3.0), about(6, 3.0, 4.0)];
    place.write(&images.into_iter().chain(rest).collect::<Vec<_>>());
    assert_eq!(place.seen(), expected());
}

#[test]
fn rec_builder_with_record_0_last() {
    let place = Place::new();
    let images = [image(1, &[0.0], 10), image(2, &[0.0], 20), image(3, &[4.0], 30)];
    let rest = [about(4, 1.0, 3.0), about(5, 3.0, 4.0), about(0, 4.0, 6.0)];
    place.write(&images.into_iter().chain(rest).collect::<Vec<_>>());
    assert_eq!(place.seen(), expected());
    assert_eq!(place.read().unwrap().warnings, [""; 0]);
}

#[test]
fn im2rec_and_shuffled() {
    let place = Place::new();
    place.write(&[image(0, &[0.0], 10), image(1, &[0.0], 20), image(2, &[4.0], 30)]);
    assert_eq!(place.seen(), named(&[(0, 0, 10), (1, 0, 20), (2, 4, 30)]));
    // im2rec leaves out what it cannot read, so that keys have gaps; and the index is in any order.
    place.write(&[image(9, &[4.0], 30), image(2, &[0.0], 10), image(5, &[0.0], 20)]);
    assert_eq!(place.seen(), named(&[(2, 0, 10), (5, 0, 20), (9, 4, 30)]));
    // im2rec --pack-label: two labels and an image in record 0 as in all.
    place.write(&[image(0, &[1.0, 7.0], 10), image(1, &[0.0, 7.0], 20)]);
    assert_eq!(place.seen(), named(&[(0, 1, 10), (1, 0, 20)]));
}

#[test]
fn without_an_index_the_file_is_walked() {
    let place = Place::new();
    place.write(&[image(1, &[0.0], 10), image(2, &[4.0], 30), about(3, 1.0, 2.0), about(0, 3.0, 4.0)]);
    fs::remove_file(place.path("train.idx")).unwrap();
    assert_eq!(place.seen(), named(&[(0, 0, 10), (1, 4, 30)]));
    let warnings = place.read().unwrap().warnings;
    assert!(warnings.len() == 1 && warnings[0].contains("2 records have no image"), "{warnings:?}");
    // Another name than insightface's.
    fs::rename(place.path(FILE), place.path("test.rec")).unwrap();
    assert_eq!(read(&place.path("test.rec"), &Decoding::default()).unwrap().set.info(1).name, "test.rec/1");
    place.refused(&["train.rec", "not found"]);
}

#[test]
fn the_magic_in_an_image_comes_back() {
    // At a multiple of 4 of the record, twice, and once where it is not.
    let head = b"P5\n#";
    assert_eq!((HEAD_LEN + head.len()) % 4, 0);
    let with_magic = [&head[..], &MAGIC, &MAGIC, b"a", &MAGIC, b"\n2 1 255\n", &[50, 51]].concat();
    let place = Place::new();
    place.write(&[Entry(0, vec![0.0], with_magic.clone()), image(1, &[1.0], 7)]);
    assert_eq!(place.seen(), named(&[(0, 0, 50), (1, 1, 7)]));
    let set = place.read().unwrap().set;
    assert_eq!(set.encoded(0).unwrap().unwrap(), with_magic);
}

const HEAD_LEN: usize = crate::image_record::HEAD;

#[test]
fn record_0_must_agree_with_the_index() {
    let place = Place::new();
    let three = || vec![image(1, &[0.0], 1), image(2, &[0.0], 2), image(4, &[1.0], 3), about(0, 5.0, 5.0)];
    place.write(&three()).refused(&["keys 1 to 4 are images", "has 3 of them, but not key 3"]);
    for label in [3.0, 5.0, 0.0, f32::NAN, 4.5] {
        let mut entries = three();
        entries[2].0 = 3;
        entries[3].1[0] = label;
        place.write(&entries).refused(&["record 0 says", "the index has 3"]);
    }
    // A record without an image among the images.
    let mut entries = three();
    entries[2] = about(3, 1.0, 2.0);
    place.write(&entries).refused(&["keys 1 to 4 are images", "the index has 2"]);
}

#[test]
fn a_label_that_is_no_class() {
    let place = Place::new();
    for label in [-1.0, 0.5, f32::NAN, 16_777_216.0] {
        place.write(&[image(0, &[0.0], 1), image(1, &[label], 2)]).refused(&["train.rec", "record 1", "the label is"]);
    }
    place.write(&[image(0, &[0.0], 1), image(1, &[0.5, 1.0], 2)]).refused(&["record 1", "the label is 0.5"]);
}

#[test]
fn what_is_no_image_record() {
    let place = Place::new();
    let raw = |bytes: &[u8]| {
        let mut writer = Writer::new(Vec::new());
        writer.write(&packed(&image(0, &[0.0], 1))).unwrap();
        let offset = writer.write(bytes).unwrap();
        fs::write(place.path(FILE), writer.into_inner()).unwrap();
        fs::write(place.path("train.idx"), format!("0\t0\n1\t{offset}\n")).unwrap();
    };
    let whole = packed(&image(0, &[0.0, 1.0], 1));
    for n in 0..HEAD_LEN + 8 {
        raw(&whole[..n]);
        place.refused(&["record 1", &format!("{n} bytes")]);
    }
    raw(&[&[255; 4][..], &whole[4..]].concat());
    place.refused(&["record 1", "for its head and labels"]);
}

#[test]
fn an_index_of_another_file() {
    let place = Place::new();
    place.write(&[image(0, &[0.0], 1), image(1, &[1.0], 2)]);
    let index = |text: &str| fs::write(place.path("train.idx"), text).unwrap();
    index("0\t0\n1\t8\n");
    place.refused(&["train.rec: byte 8", "magic"]);
    index("0\t0\n0\t44\n");
    place.refused(&["train.idx, line 2", "key 0"]);
    index("0\t0\n1\t4000\n");
    place.refused(&["train.idx, line 2", "4000"]);
    index("");
    place.refused(&["train.rec", "no image"]);
    place.write(&[about(0, 1.0, 1.0)]).refused(&["no image"]);
}

#[test]
fn an_image_that_is_none() {
    let place = Place::new();
    place.write(&[Entry(0, vec![0.0], b"nonsense".to_vec()), image(1, &[1.0], 2)]);
    place.refused(&["train.rec/0", "cannot decode"]);
    // A later one is gray or not by its head too; of a colored set, the first batch finds it.
    place.write(&[image(0, &[0.0], 2), Entry(1, vec![0.0], b"nonsense".to_vec())]);
    place.refused(&["train.rec/1", "cannot decode"]);
    // Another size.
    let wide = b"P5 3 1 255\n123".to_vec();
    place.write(&[image(0, &[0.0], 2), Entry(1, vec![0.0], wide)]);
    let set = place.read().unwrap().set;
    assert!(matches!(set.image(1), Err(DataError::ImageShape { name, .. }) if name == "train.rec/1"));
    let set = read(place.0.path(), &Decoding { resize: Some((2, 2)), ..Decoding::default() }).unwrap().set;
    assert_eq!(set.image(1).unwrap().len(), 4);
}

#[test]
fn one_colored_image_makes_three_channels() {
    let place = Place::new();
    place.write(&[image(0, &[0.0], 2), Entry(1, vec![0.0], b"P6 2 1 255\nrgbRGB".to_vec())]);
    let set = place.read().unwrap().set;
    assert_eq!(set.shape().channels, 3);
    assert_eq!(set.image(0).unwrap()[..], [2, 3, 2, 3, 2, 3]);
    assert_eq!(set.image(1).unwrap()[..], *b"rRgGbB");
}

#[test]
fn property_that_is_wrong_is_a_warning() {
    let place = Place::new();
    place.write(&[image(0, &[0.0], 1), image(1, &[4.0], 2)]);
    let said = |text: &str| {
        fs::write(place.path("property"), text).unwrap();
        place.read().unwrap().warnings
    };
    assert_eq!(said("5,1,2\n"), [""; 0]);
    for (text, word) in
        [("6,1,2", "6 classes"), ("5,2,2", "2x2"), ("5,1", "expected classes"), ("", "expected classes")]
    {
        let warnings = said(text);
        assert!(warnings.len() == 1 && warnings[0].contains(word), "{text}: {warnings:?}");
    }
}

#[test]
fn what_is_written_is_the_layout_of_rec_builder() {
    let place = Place::new();
    let mut writer = RecordSetWriter::create(&place.path("set")).unwrap();
    for (class, value) in [(0, 1), (0, 2), (1, 3), (0, 4)] {
        writer.push(class, &gray(value)).unwrap();
    }
    assert!(!place.path("set").join(FILE).exists());
    writer.finish(2, (1, 2)).unwrap();
    let records = read(&place.path("set"), &Decoding::default()).unwrap();
    assert_eq!((records.set.labels(), records.warnings.len()), (&[0, 0, 1, 0][..], 0));
    // By hand: 24 bytes of head and 13 of image are 48 with padding and 8 of a part; 32 and 8 are 40.
    let index = fs::read_to_string(place.path("set/train.idx")).unwrap();
    assert_eq!(index, "1\t0\n2\t48\n3\t96\n4\t144\n5\t192\n6\t232\n7\t272\n0\t312\n");
    let bytes = fs::read(place.path("set").join(FILE)).unwrap();
    let float = |at: usize| f32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
    // Identities from 1, 3 and 4 to the next; then record 0: identities from 5 to 7.
    let ranges: Vec<(f32, f32)> = [192, 232, 272, 312].map(|at| (float(at + 32), float(at + 36))).to_vec();
    assert_eq!(ranges, [(1.0, 3.0), (3.0, 4.0), (4.0, 5.0), (5.0, 8.0)]);
    assert_eq!(bytes.len(), 352);
    assert_eq!(fs::read_to_string(place.path("set/property")).unwrap(), "2,1,2\n");
    let names: Vec<String> =
        crate::files::list(&place.path("set"), "x").unwrap().iter().map(|p| files::name_of(p)).collect();
    assert_eq!(names, ["property", "train.idx", "train.rec"]);
    // Nothing is replaced.
    let again = RecordSetWriter::create(&place.path("set")).map(|_| ()).unwrap_err();
    assert!(matches!(again, DataError::Exists { .. }), "{again}");
}

#[test]
fn a_set_of_records_is_split_as_a_folder_is() {
    let place = Place::new();
    let entries: Vec<Entry> = (0..60).map(|i| image(i, &[(i % 6) as f32], i as u8)).collect();
    place.write(&entries);
    let spec = place.0.path().to_str().unwrap().to_owned();
    let open = |spec: &str, open_set| catalog::open(spec, &OpenOptions { open_set, ..OpenOptions::default() }).unwrap();
    let closed = open(&spec, false);
    assert_eq!((closed.train.len(), closed.test.len(), closed.test.n_classes()), (48, 12, 6));
    let unseen = open(&spec, true);
    assert_eq!((unseen.train.n_classes(), unseen.test.n_classes(), unseen.open_set), (4, 2, true));
    // The folder and its file are one set, and so is the file without its index.
    let file = open(&format!("{spec}/{FILE}"), false);
    assert_eq!(file.sha256, closed.sha256);
    fs::remove_file(place.path("train.idx")).unwrap();
    assert_eq!(open(&spec, false).sha256, closed.sha256);
    // Another image, another digest.
    let mut others = entries;
    others[7].2[12] ^= 1;
    assert_ne!(open(place.write(&others).0.path().to_str().unwrap(), false).sha256, closed.sha256);
}
