use std::fs;
use std::path::PathBuf;

use proptest::prelude::*;

use super::*;
use crate::SampleInfo;

struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        path
    }

    /// A gray image of 1x1 pixel.
    fn image(&self, name: &str) {
        self.write(name, gray(name.len() as u8));
    }

    fn open(&self, name: &str) -> Result<PairSet, DataError> {
        open(&self.path(name), &PairOptions::default())
    }

    fn refused(&self, name: &str, words: &[&str]) {
        let error = self.open(name).unwrap_err().to_string();
        assert!(words.iter().all(|word| error.contains(word)), "{words:?} in {error}");
    }

    fn bin(&self, bytes: &[u8]) -> Result<PairSet, DataError> {
        self.write("x.bin", bytes);
        self.open("x.bin")
    }

    fn bin_refused(&self, bytes: &[u8], words: &[&str]) {
        let error = self.bin(bytes).map(|_| ()).unwrap_err().to_string();
        assert!(words.iter().all(|word| error.contains(word)), "{words:?} in {error}");
    }
}

fn gray(value: u8) -> Vec<u8> {
    [&b"P5 1 1 255\n"[..], &[value]].concat()
}

/// Names and truth of each pair, and its fold.
fn said(set: &PairSet) -> Vec<(String, String, bool, Option<u32>)> {
    let name = |i: u32| set.images.info(i as usize).name;
    set.pairs.iter().map(|p| (name(p.a), name(p.b), p.same, p.fold)).collect()
}

fn fixtures() -> Vec<PathBuf> {
    let dir = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/src/pairs/fixtures"));
    let all = crate::files::list(&dir, "fixtures").unwrap();
    all.into_iter().filter(|p| p.extension().is_some_and(|e| e == "bin")).collect()
}

#[test]
fn pickles_of_python_3_and_both_numpys() {
    let fixtures = fixtures();
    // Six protocols: bytes, and arrays and labels of two versions of NumPy.
    assert_eq!(fixtures.len(), 6 + 2 * 2 * 6);
    for path in fixtures {
        let set = open(&path, &PairOptions::default()).unwrap_or_else(|e| panic!("{e}"));
        let values: Vec<u8> = (0..4).map(|i| set.images.image(i).unwrap()[0]).collect();
        assert_eq!(values, [10, 0, 255, 92], "{}", path.display());
        assert_eq!(set.pairs, [Pair::new(0, 1, true), Pair::new(2, 3, false)], "{}", path.display());
        assert_eq!((set.folds, set.images.n_classes(), set.has_subjects()), (0, 1, false));
    }
}

#[test]
fn a_fixture_cut_off_anywhere_or_with_any_byte_changed() {
    let place = Place::new();
    for path in fixtures() {
        let whole = fs::read(&path).unwrap();
        for n in (0..whole.len()).step_by(if whole.len() < 200 { 1 } else { 5 }) {
            assert!(place.bin(&whole[..n]).is_err(), "{}: {n} bytes", path.display());
        }
        place.bin_refused(&[&whole[..], b"."].concat(), &["x.bin", "bytes left over"]);
        for n in (0..whole.len()).step_by(7) {
            for byte in [0xff, whole[n] ^ 1] {
                let mut changed = whole.clone();
                changed[n] = byte;
                let _ = place.bin(&changed);
            }
        }
    }
}

/// PROTO 2, the two images given and one boolean.
fn by_python_2(images: [&[u8]; 2], same: &[u8]) -> Vec<u8> {
    let string = |image: &[u8]| [b"U", &[image.len() as u8][..], image, b"q\x01"].concat();
    [b"\x80\x02]q\x00(", &string(images[0])[..], &string(images[1]), b"e]q\x03", same, b"a\x86q\x04."].concat()
}

#[test]
fn pickles_of_python_2() {
    let place = Place::new();
    let (first, second) = (gray(255), gray(10));
    // cPickle writes booleans of protocol 2 as such; SHORT_BINSTRING, then BINSTRING.
    let set = place.bin(&by_python_2([&first, &second], b"\x88")).unwrap();
    assert_eq!(set.images.encoded(0).unwrap().unwrap(), first);
    assert_eq!(set.pairs, [Pair::new(0, 1, true)]);
    let long = |image: &[u8]| [b"T", &(image.len() as i32).to_le_bytes()[..], image].concat();
    let set = place.bin(&[b"\x80\x02](", &long(&first)[..], &long(&second), b"e](\x89e\x86."].concat()).unwrap();
    assert_eq!((set.images.image(1).unwrap()[0], set.pairs[0].same), (10, false));
    // Protocol 0: (lp0\nS'...'\np1\na...
    let text = b"((lp0\nS'P5 1 1 255\\n\\xff'\np1\naS\"P5 1 1 255\\n'\"\np2\na(lp3\nI00\natp4\n.";
    let set = place.bin(text).unwrap();
    assert_eq!((set.images.image(0).unwrap()[0], set.images.image(1).unwrap()[0]), (255, b'\''));
}

#[test]
fn every_other_instruction_is_refused_by_name_and_place() {
    let known = b"\x80\x95.(]late)t\x85\x86\x87pqr\x94ghjN\x88\x89IJKM\x8aSTUBC\x8e\x96VX\x8c\x8dc\x93Rb";
    let place = Place::new();
    for op in (0..=255_u8).filter(|op| !known.contains(op)) {
        place.bin_refused(&[b"\x80\x02]", &[op][..], b"."].concat(), &["byte 3", &format!("0x{op:02x}")]);
    }
    place.bin_refused(b"\x80\x02}.", &["byte 2", "EMPTY_DICT"]);
    place.bin_refused(b"\x80\x02ios\nsystem\n.", &["byte 2", "INST"]);
    place.bin_refused(b"\x80\x02cos\nsystem\nX\x02\0\0\0ls\x85R.", &["byte 2", "os.system"]);
    place.bin_refused(b"\x80\x04\x8c\x02os\x8c\x06system\x93.", &["byte 14", "os.system"]);
    place.bin_refused(b"\x80\x06.", &["protocol 6"]);
    place.bin_refused(b"\x80\x04\x95\xff\0\0\0\0\0\0\0.", &["a frame of 255 bytes, but 1 are left"]);
}

#[test]
fn pickles_that_hold_something_else() {
    let place = Place::new();
    let image = b"C\x0cP5 1 1 255\n7";
    let two = [&image[..], &[b"C\x0cP5 1 1 255\n8"][0][..]].concat();
    let pair = |images: &[u8], same: &[u8]| [b"\x80\x03](", images, b"e](", same, b"e\x86."].concat();
    assert!(place.bin(&pair(&two, b"\x88")).is_ok());
    assert!(place.bin(&pair(&two, b"K\x01")).is_ok());
    place.bin_refused(b"\x80\x02N.", &["the pickle is None"]);
    place.bin_refused(b"\x80\x02]]]\x87.", &["the pickle is a tuple"]);
    place.bin_refused(b"\x80\x02K\x01]\x86.", &["the first part is a number"]);
    place.bin_refused(b"\x80\x02]N\x86.", &["the second part is None"]);
    place.bin_refused(&pair(&two, b"K\x02"), &["boolean 0 is a number"]);
    place.bin_refused(&pair(&two, b"\x88\x88"), &["2 images for 2 pairs"]);
    place.bin_refused(&pair(&[image, &b"N"[..]].concat(), b"\x88"), &["image 1 is None"]);
    place.bin_refused(&pair(b"", b""), &["no pair"]);
    place.bin_refused(&pair(&[image, &b"q\x01h\x01"[..]].concat(), b"\x88"), &["pair 1 is of an image with itself"]);
    place.bin_refused(&pair(b"C\x01aC\x01b", b"\x88"), &["x.bin/00000", "cannot decode"]);
    // The stack and the memo.
    place.bin_refused(b".", &["0 values at the end"]);
    place.bin_refused(b"NN.", &["2 values at the end"]);
    place.bin_refused(b"N(.", &["values at the end"]);
    place.bin_refused(b"]a.", &["byte 1"]);
    place.bin_refused(b"NNa.", &["APPEND to what is no list"]);
    place.bin_refused(b"](a.", &["MARK"]);
    place.bin_refused(b"]e.", &["no MARK"]);
    place.bin_refused(b"h\x07.", &["the memo has no number 7"]);
    place.bin_refused(b"q\x07.", &["a memo of nothing"]);
    place.bin_refused(b"\x8a\x09123456789.", &["a number of 9 bytes"]);
    place.bin_refused(b"T\xff\xff\xff\xff.", &["negative length"]);
    place.bin_refused(b"X\xff\0\0\0.", &["truncated"]);
    place.bin_refused(b"Ix\n.", &["`x`"]);
}

#[test]
fn a_pickle_stays_small_and_flat() {
    let place = Place::new();
    // A list in itself, at once and around a corner.
    place.bin_refused(b"]q\x00h\x00a.", &["byte 5", "contains itself"]);
    place.bin_refused(b"]q\x00]q\x01h\x00ah\x00h\x01a.", &["grows after it was put into another"]);
    place.bin_refused(&[&[b']'; 1][..], &b"\x85".repeat(40), b"."].concat(), &["more than 16 levels"]);
    place.bin_refused(&[&b"]".repeat(3 << 20)[..], b"."].concat(), &["more than"]);
    place.bin_refused(&b"(".repeat(3 << 20), &["too many MARKs"]);
    place.bin_refused(&b"N".repeat(3 << 20), &["on the stack"]);
    place.bin_refused(&[&b"N"[..], &b"\x94".repeat(3 << 20), b"."].concat(), &["more than 2097152 values"]);
    // The memo multiplies what is in it, but not here.
    let bomb = [&b"(]q\x00("[..], &b"N".repeat(1 << 19), b"e", &b"(h\x00h\x00h\x00lq\x00".repeat(12), b"l."].concat();
    place.bin_refused(&bomb, &["the pickle is a list, expected a list of images"]);
}

#[test]
fn arrays_that_are_none_of_bytes() {
    let place = Place::new();
    let fixture = |name: &str| fs::read(format!("{}/src/pairs/fixtures/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let replaced = |bytes: &[u8], from: &[u8], to: &[u8]| {
        let at = bytes.windows(from.len()).position(|w| w == from).unwrap();
        [&bytes[..at], to, &bytes[at + from.len()..]].concat()
    };
    let two = fixture("numpy1-arrays-2.bin");
    place.bin_refused(&replaced(&two, b"u1", b"i1"), &["another type"]);
    place.bin_refused(
        &replaced(&two, b"_reconstruct", b"_reconstrucX"),
        &["the name numpy.core.multiarray._reconstrucX"],
    );
    place.bin_refused(&replaced(&two, b"latin1", b"latin2"), &["Encode"]);
    // The shape (12,) becomes (11,), and (12, 1) becomes (12, 2).
    place.bin_refused(&replaced(&two, b"K\x0c\x85", b"K\x0b\x85"), &["an array of 12 bytes, expected 11"]);
    place.bin_refused(&replaced(&two, b"K\x0cK\x01\x86", b"K\x0cK\x02\x86"), &["another shape"]);
    // Order of bytes; order of elements.
    place.bin_refused(&replaced(&two, b"|", b"<"), &["order of bytes"]);
    let five = fixture("numpy2-arrays-5.bin");
    place.bin_refused(&replaced(&five, b"\x8c\x01C", b"\x8c\x01F"), &["FromBuffer"]);
    let labels = fixture("numpy2-labels-4.bin");
    place.bin_refused(&replaced(&labels, b"C\x02\x01\x00", b"C\x02\x02\x00"), &["boolean 0 is 2"]);
}

#[test]
fn ten_folds_are_equal_runs() {
    let place = Place::new();
    let write = |pairs: usize| {
        let images: Vec<u8> = (0..2 * pairs).flat_map(|i| [b"C\x0c".to_vec(), gray(i as u8)].concat()).collect();
        let same: Vec<u8> = (0..pairs).map(|i| if i % 2 == 0 { 0x88 } else { 0x89 }).collect();
        place.bin(&[b"\x80\x03](", &images[..], b"e](", &same, b"e\x86."].concat()).unwrap()
    };
    let set = write(40);
    let folds: Vec<u32> = set.pairs.iter().map(|p| p.fold.unwrap()).collect();
    assert_eq!((set.folds, folds), (10, (0..40).map(|i| i / 4).collect()));
    // 12 pairs make no ten folds, and of 30 each has two of one kind.
    for pairs in [12, 30] {
        let set = write(pairs);
        assert!(set.folds == 0 && set.pairs[0].fold.is_none());
        assert!(set.warnings[0].contains("no 10 even folds"), "{:?}", set.warnings);
    }
}

#[test]
fn what_is_written_is_read_again() {
    let place = Place::new();
    ["a.pgm", "bb.pgm", "ccc.pgm"].iter().for_each(|name| place.image(name));
    place.write("x.csv", "a,b,same\na.pgm,bb.pgm,1\nccc.pgm,bb.pgm,0\n");
    let set = place.open("x.csv").unwrap();
    write_bin(&place.path("x.bin"), &set).unwrap();
    // By hand: PROTO 3, a list of four bytes, a list of two booleans.
    let string = |value: u8| [&b"B\x0c\0\0\0"[..], &gray(value)].concat();
    let images = [5, 6, 7, 6].map(string).concat();
    assert_eq!(fs::read(place.path("x.bin")).unwrap(), [b"\x80\x03](", &images[..], b"e](\x88\x89e\x86."].concat());
    let again = place.open("x.bin").unwrap();
    assert_eq!(again.pairs, [Pair::new(0, 1, true), Pair::new(2, 3, false)]);
    assert!(matches!(write_bin(&place.path("x.bin"), &set), Err(DataError::Exists { .. })));
    let pixels = crate::embedded::mnist().unwrap().test.take(2).unwrap();
    let set = PairSet::new("digits", pixels, vec![Pair::new(0, 1, true)]).unwrap();
    assert!(matches!(write_bin(&place.path("y.bin"), &set), Err(DataError::NotEncoded { .. })));
    assert!(crate::files::list(place.0.path(), "x").unwrap().iter().all(|p| !p.ends_with("y.bin.part")));
}

#[test]
fn pairs_of_ones_own() {
    let place = Place::new();
    ["1.pgm", "22.pgm", "333.pgm"].iter().for_each(|name| place.image(name));
    let header = "same,a,b,fold,subject_a,subject_b,group_a,group_b,note\n";
    let rows = "TRUE,1.pgm,22.pgm,7,ada,ada,x,y,?\nfalse,1.pgm,333.pgm,7,ada,bob,x,,\n";
    let more = "1,333.pgm,\"22.pgm\",9,bob,bob,,y,\n0,22.pgm,1.pgm,9,ada,ada,y,x,\n";
    place.write("x.csv", format!("\u{feff}{header}{rows}\n"));
    let set = place.open("x.csv").unwrap();
    let pair = |a: &str, b: &str, same| (a.to_owned(), b.to_owned(), same, Some(0));
    assert_eq!(said(&set), [pair("1.pgm", "22.pgm", true), pair("1.pgm", "333.pgm", false)]);
    assert_eq!((set.folds, set.genuine(), set.has_subjects()), (1, 1, true));
    assert_eq!((set.images.classes(), set.images.labels()), (&["ada".to_string(), "bob".into()][..], &[0, 0, 1][..]));
    let info = set.images.info(1);
    assert_eq!((info.subject.as_deref(), info.group.as_deref()), (Some("ada"), Some("y")));
    place.write("x.csv", format!("{header}{rows}{more}"));
    place.refused("x.csv", &["pair 3: 22.pgm has subject bob, group y, but subject ada"]);
}

#[test]
fn tables_that_cannot_be_right() {
    let place = Place::new();
    ["1.pgm", "22.pgm", "333.pgm", "4444.pgm"].iter().for_each(|name| place.image(name));
    let refused = |text: &str, words: &[&str]| {
        place.write("x.csv", text);
        place.refused("x.csv", words);
    };
    refused("", &["no pair"]);
    refused("a,b\n", &["line 1", "without same"]);
    refused("a,b,same,a\n", &["line 1", "a is there twice"]);
    refused("a,b,same,subject_a\n", &["line 1", "subject_b"]);
    refused("a,b,same\n1.pgm,22.pgm\n", &["line 2", "2 fields, expected 3"]);
    refused("a,b,same\n1.pgm,,1\n", &["line 2", "no image in column b"]);
    refused("a,b,same\n1.pgm,22.pgm,yes\n", &["line 2", "`yes`"]);
    refused("a,b,same,fold\n1.pgm,22.pgm,1,x\n", &["line 2", "fold", "`x`"]);
    refused("a,b,same\n1.pgm,1.pgm,1\n", &["an image with itself, 1.pgm"]);
    refused("a,b,same\n1.pgm,22.pgm,1\n22.pgm,1.pgm,1\n", &["pair 2 is pair 1 again"]);
    let subjects = "a,b,same,subject_a,subject_b\n";
    refused(&format!("{subjects}1.pgm,22.pgm,1,ada,bob\n"), &["pair 1", "genuine, but of ada and bob"]);
    refused(&format!("{subjects}1.pgm,22.pgm,0,ada,ada\n"), &["pair 1", "impostor pair, but of one subject"]);
    let folds = "a,b,same,fold\n1.pgm,22.pgm,1,1\n1.pgm,333.pgm,0,1\n";
    refused(&format!("{folds}22.pgm,333.pgm,1,2\n"), &["uneven folds", "fold 2 has 1 genuine and 0 impostor"]);
    refused(&format!("{folds}22.pgm,333.pgm,1,\n"), &["1 of 3 pairs are in no fold"]);
    refused("a,b,same\n1.pgm,x.pgm,1\n1.pgm,y.pgm,0\n", &["2 of its 3 images", "x.pgm, y.pgm", "--missing reject"]);
}

#[test]
fn missing_images_are_counted_and_ten_are_named() {
    let place = Place::new();
    let mut text = "a,b,same,fold\n".to_owned();
    for i in 0..12 {
        place.image(&format!("a{i}.pgm"));
        text.push_str(&format!("a{i}.pgm,lost{i:02}.pgm,{},{}\n", i % 2, i / 2));
    }
    text.push_str("a0.pgm,a1.pgm,1,6\na1.pgm,a2.pgm,0,6\n");
    let list = place.write("x.csv", text);
    place.refused("x.csv", &["12 of its 24 images", "lost00.pgm, lost01.pgm", "lost09.pgm, …"]);
    let options = PairOptions { missing: MissingImages::Reject, ..PairOptions::default() };
    let set = open(&list, &options).unwrap();
    assert_eq!((set.pairs.len(), set.rejected.len(), set.missing.len(), set.folds), (2, 12, 12, 7));
    let last = &set.rejected[11];
    assert_eq!((last.a.as_str(), last.b.as_str(), last.same, last.fold), ("a11.pgm", "lost11.pgm", true, Some(5)));
    assert_eq!(set.pairs[0].fold, Some(6));
}

/// LFW in small: two folds of two and two, of three people.
const LFW: &str = "2\t2\nada\t1\t2\nbob\t1\t2\nada\t1\tbob\t1\nada\t2\tbob\t2\n\
                   ada\t1\t3\nbob\t1\t3\nada\t3\tbob\t3\nada\t1\tcyd\t1\n";

#[test]
fn lfw() {
    let place = Place::new();
    for (name, n) in [("ada", 3), ("bob", 3), ("cyd", 1)] {
        (1..=n).for_each(|i| place.image(&format!("{name}/{name}_{i:04}.jpg")));
    }
    place.write("pairs.txt", LFW);
    let set = place.open("pairs.txt").unwrap();
    assert_eq!((set.folds, set.genuine(), set.images.len(), set.images.n_classes()), (2, 4, 7, 3));
    let pair = |a: &str, b: &str, same, fold| (a.to_owned(), b.to_owned(), same, Some(fold));
    assert_eq!(said(&set)[2], pair("ada/ada_0001.jpg", "bob/bob_0001.jpg", false, 0));
    assert_eq!(said(&set)[4], pair("ada/ada_0001.jpg", "ada/ada_0003.jpg", true, 1));
    // The folder is enough; and the images may be elsewhere, as another format.
    assert_eq!(place.open("").unwrap().pairs, set.pairs);
    let other = Place::new();
    for file in ["ada/ada_0001", "ada/ada_0002", "ada/ada_0003", "bob/bob_0001", "bob/bob_0002", "bob/bob_0003"] {
        other.image(&format!("{file}.png"));
    }
    let list = place.path("pairs.txt");
    let options = PairOptions { images: Some(other.0.path().to_owned()), ..PairOptions::default() };
    assert!(open(&list, &options).unwrap_err().to_string().contains("1 of its 7 images are not in"));
    other.image("cyd/cyd_0001.png");
    assert_eq!(open(&list, &options).unwrap().pairs, set.pairs);
    // View 1: no folds.
    place.write("pairsDevTest.txt", "2\nada\t1\t2\nbob\t1\t2\nada\t1\tbob\t1\nada\t2\tbob\t2\n");
    let set = place.open("pairsDevTest.txt").unwrap();
    assert_eq!((set.folds, set.genuine(), set.pairs.len()), (0, 2, 4));
}

#[test]
fn lists_of_lfw_that_cannot_be_right() {
    let place = Place::new();
    let refused = |text: &str, words: &[&str]| {
        place.write("pairs.txt", text);
        place.refused("pairs.txt", words);
    };
    refused("", &["0 pairs"]);
    refused(&LFW.replace("ada\t1\tcyd\t1\n", ""), &["7 pairs, expected 8"]);
    // Twice as many pairs as there are numbers.
    for n in ["9223372036854775808", "18446744073709551615", "0"] {
        refused(&format!("{n}\n"), &["line 1", n]);
    }
    refused(&format!("{LFW}ada\t1\tcyd\t1\n"), &["line 10", "an impostor pair, expected a genuine one"]);
    refused(&LFW.replace("bob\t1\t2", "bob\t1\tada\t2"), &["line 3", "an impostor pair, expected a genuine"]);
    refused(&LFW.replace("ada\t1\tbob\t1", "ada\t1\tada\t2"), &["line 4", "both of them `ada`"]);
    refused(&LFW.replace("ada\t1\t2", "ada\t0\t2"), &["line 2", "`0`"]);
    refused(&LFW.replace("ada\t1\t2", "ada\t1\tx"), &["line 2", "`x`"]);
    refused(&LFW.replace("ada\t1\t2", "ada\t1"), &["line 2", "expected name n1 n2"]);
    refused(&LFW.replace("ada\t1\t2", "\t1\t2"), &["line 2"]);
    refused(&LFW.replace("2\t2\n", "0\t2\n"), &["line 1"]);
    refused(&LFW.replace("2\t2\n", "x\n"), &["line 1"]);
    refused("1\nada\t1\t1\nada\t1\tbob\t1\n", &["an image with itself"]);
    refused(&LFW.replace("ada\t1\t3", "ada\t2\t1"), &["pair 5 is pair 1 again"]);
    refused(LFW, &["7 of its 7 images", "ada/ada_0001.jpg"]);
}

#[test]
fn rfw_has_no_first_line() {
    let place = Place::new();
    let mut text = String::new();
    for fold in 0..10 {
        text.push_str(&format!("ada\t1\t{}\nada\t1\tbob\t{}\n", fold + 2, fold + 1));
        place.image(&format!("ada/ada_{:04}.jpg", fold + 2));
        place.image(&format!("bob/bob_{:04}.jpg", fold + 1));
    }
    place.image("ada/ada_0001.jpg");
    place.write("African_pairs.txt", &text);
    let set = place.open("African_pairs.txt").unwrap();
    assert_eq!((set.folds, set.genuine(), set.pairs[5].fold), (10, 10, Some(2)));
    place.write("African_pairs.txt", text.replace("ada\t1\t2\n", "ada\t1\tbob\t11\n"));
    place.image("bob/bob_0011.jpg");
    place.refused("African_pairs.txt", &["uneven folds"]);
    place.write("African_pairs.txt", text.replace("ada\t1\t2\n", ""));
    place.refused("African_pairs.txt", &["19 pairs, expected 20"]);
}

#[test]
fn calfw_has_two_lines_a_pair() {
    let place = Place::new();
    let (mut genuine, mut impostor) = (String::new(), String::new());
    for i in 1..=20 {
        // Genuine pairs have other numbers than 1.
        genuine.push_str(&format!("Ada_B_{:04}.jpg {i}\nAda_B_{i:04}.jpg {i}\n", i + 40));
        impostor.push_str(&format!("Ada_B_{i:04}.jpg 0\nCyd_{i:04}.jpg 0\n"));
        for name in [format!("Ada_B_{:04}.jpg", i + 40), format!("Ada_B_{i:04}.jpg"), format!("Cyd_{i:04}.jpg")] {
            place.image(&name);
        }
    }
    let text = format!("{genuine}{impostor}");
    place.write("pairs_CALFW.txt", &text);
    let set = place.open("pairs_CALFW.txt").unwrap();
    assert_eq!((set.folds, set.genuine(), set.images.n_classes()), (10, 20, 2));
    // The k-th tenth of each kind: pairs 2 and 3 of both are fold 1.
    let fold_1: Vec<usize> = (0..40).filter(|&i| set.pairs[i].fold == Some(1)).collect();
    assert_eq!(fold_1, [2, 3, 22, 23]);
    let refused = |text: &str, words: &[&str]| {
        place.write("pairs_CALFW.txt", text);
        place.refused("pairs_CALFW.txt", words);
    };
    refused(&text.replace("Cyd_0003.jpg 0", "Cyd_0003.jpg 1"), &["line 46", "disagree"]);
    refused(&text.replace("Cyd_0003.jpg 0\n", "Ada_B_0009.jpg 0\n"), &["pair 23", "impostor pair, but of one subject"]);
    refused(&text.replace("Ada_B_0043.jpg 3", "Cyd_0003.jpg 3"), &["pair 3", "genuine, but of"]);
    refused(&text.replace("Cyd_0020.jpg 0\n", ""), &["79 lines, expected 80"]);
    refused(&text.replace("Ada_B_0020.jpg 0\nCyd_0020.jpg 0\n", ""), &["19 impostor pairs, expected 20"]);
    refused(&text.replace("Cyd_0003.jpg 0", "Cyd_0003.jpg x"), &["line 46", "a number"]);
    refused(&text.replace("Cyd_0003.jpg 0", "Cyd.jpg 0"), &["line 46", "Ada_Lovelace_0001.jpg"]);
}

#[test]
fn cfp() {
    let place = Place::new();
    let write_list = |kind: &str, folder: &str| {
        let line = |i: usize| format!("{i} ../Data/Images/{:03}/{folder}/{:02}.jpg\n", i.div_ceil(2), (i + 1) % 2 + 1);
        place.write(&format!("Protocol/Pair_list_{kind}.txt"), (1..=4).map(line).collect::<String>());
        for (subject, i) in [(1, 1), (1, 2), (2, 1), (2, 2)] {
            place.image(&format!("Data/Images/{subject:03}/{folder}/{i:02}.jpg"));
        }
    };
    write_list("F", "frontal");
    write_list("P", "profile");
    for (fold, same, diff) in [("01", "1,2\n", "1,3\n"), ("02", "3,4\n", "2,4\n")] {
        for kind in ["FF", "FP"] {
            place.write(&format!("Protocol/Split/{kind}/{fold}/same.txt"), same);
            place.write(&format!("Protocol/Split/{kind}/{fold}/diff.txt"), diff);
        }
    }
    let set = place.open("").unwrap();
    let pair =
        |a: &str, b: &str, same, fold| (format!("Data/Images/{a}"), format!("Data/Images/{b}"), same, Some(fold));
    let first = pair("001/frontal/01.jpg", "001/profile/02.jpg", true, 0);
    let last = pair("001/frontal/02.jpg", "002/profile/02.jpg", false, 1);
    assert_eq!(
        (set.name.as_str(), set.folds, said(&set)[0].clone(), said(&set)[3].clone()),
        ("CFP-FP", 2, first, last)
    );
    assert_eq!(set.images.classes(), ["001", "002"]);
    let set = place.open("Protocol/Split/FF").unwrap();
    assert_eq!((set.name.as_str(), said(&set)[0].1.as_str()), ("CFP-FF", "Data/Images/001/frontal/02.jpg"));

    let same = "Protocol/Split/FP/02/same.txt";
    for (text, words) in [("3;4\n", "expected i,j"), ("3,9\n", "`9`"), ("0,3\n", "`0`"), ("x,3\n", "`x`")] {
        place.write(same, text);
        place.refused("", &[same, "line 1", words]);
    }
    place.write(same, "1,4\n");
    place.refused("", &["genuine, but of 001 and 002"]);
    place.write(same, "3,4\n4,3\n");
    place.refused("", &["uneven folds"]);
    place.write(same, "3,4\n");
    place.write("Protocol/Pair_list_P.txt", "2 ../Data/Images/001/profile/01.jpg\n");
    place.refused("", &["Pair_list_P.txt", "line 1", "the index `2`, expected 1"]);
    place.write("Protocol/Pair_list_P.txt", "1 01.jpg\n");
    place.refused("", &["Pair_list_P.txt", "line 1", "001/frontal/01.jpg"]);
    fs::remove_file(place.path("Protocol/Pair_list_P.txt")).unwrap();
    place.refused("", &["Pair_list_P.txt", "not found"]);
}

#[test]
fn pairs_in_memory_are_checked_too() {
    let info = |name: &str, subject: &str| SampleInfo { subject: Some(subject.into()), ..SampleInfo::named(name) };
    let images = crate::embedded::mnist().unwrap().test.take(3).unwrap();
    let images = images.with_info(vec![info("1", "ada"), info("2", "ada"), info("3", "bob")]).unwrap();
    let new = |pairs: &[Pair]| PairSet::new("x", images.clone(), pairs.to_vec()).map_err(|e| e.to_string());
    assert!(new(&[Pair::new(0, 1, true), Pair::new(0, 2, false)]).unwrap().has_subjects());
    for (pairs, word) in [
        (vec![], "no pair"),
        (vec![Pair::new(0, 3, false)], "image 3, but there are 3"),
        (vec![Pair::new(1, 1, true)], "with itself"),
        (vec![Pair::new(0, 2, true)], "genuine, but of ada and bob"),
        (vec![Pair::new(0, 1, false)], "impostor"),
    ] {
        assert!(new(&pairs).unwrap_err().contains(word), "{word}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]
    #[test]
    fn any_bytes_are_pairs_or_a_named_error(
        pieces in prop::collection::vec(prop_oneof![
            prop::sample::select(&b"(]late)t\x85\x86\x87NRbe.\x88\x89\x94\x93"[..]).prop_map(|op| vec![op]),
            prop::sample::select(vec![
                &b"\x80\x02"[..], b"K\x01", b"q\x01", b"h\x01", b"C\x0cP5 1 1 255\n7", b"U\x01b", b"I01\n", b"J\xff\xff\xff\xff",
                b"cnumpy.core.multiarray\n_reconstruct\n", b"cnumpy\nndarray\n", b"cnumpy\ndtype\n", b"X\x02\0\0\0u1",
                b"X\x06\0\0\0latin1", b"c_codecs\nencode\n", b"cnumpy.core.multiarray\nscalar\n", b"C\x01|",
            ]).prop_map(<[u8]>::to_vec),
            prop::collection::vec(any::<u8>(), 0..4),
        ], 0..40),
    ) {
        let place = Place::new();
        let _ = place.bin(&pieces.concat());
    }

    #[test]
    fn any_text_is_pairs_or_a_named_error(text in "[a-c0-2\t\n, .jpg_\\PC]{0,80}", head in 0..5_usize) {
        let place = Place::new();
        let head = ["", "2\t2\n", "1\n", "a,b,same\n", "a_0001.jpg 1\n"][head];
        for name in ["x.txt", "x.csv"] {
            place.write(name, format!("{head}{text}"));
            let _ = place.open(name);
        }
    }
}
