//! One test for each way in which a folder of images can be broken, and for what is let pass.

use std::fs;

use image::{GrayImage, Luma, Rgb, RgbImage};
use proptest::prelude::*;

use super::*;

fn gray(path: &Path, (height, width): (u32, u32), value: u8) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    GrayImage::from_pixel(width, height, Luma([value])).save(path).unwrap();
}

fn color(path: &Path, (height, width): (u32, u32), value: [u8; 3]) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    RgbImage::from_pixel(width, height, Rgb(value)).save(path).unwrap();
}

fn to(resize: Option<(usize, usize)>) -> Decoding {
    Decoding { resize, ..Decoding::default() }
}

fn whole(root: &Path, resize: Option<(usize, usize)>) -> Result<Dataset, DataError> {
    match read(root, &to(resize))?.images {
        Images::Whole(set) => Ok(set),
        Images::Split { .. } => panic!("expected no split"),
    }
}

#[test]
fn gray_images_of_each_format_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    gray(&root.join("b/2.png"), (4, 6), 20);
    gray(&root.join("b/1.BMP"), (4, 6), 10);
    gray(&root.join("a/x.pgm"), (4, 6), 30);
    gray(&root.join("a/y.jpg"), (4, 6), 40);
    color(&root.join("b/3.webp"), (4, 6), [50; 3]);
    fs::write(root.join("a/.hidden.png"), "no image").unwrap();
    fs::write(root.join("a/notes.txt"), "no image").unwrap();
    fs::create_dir(root.join(".cache")).unwrap();
    fs::write(root.join("README"), "beside the classes").unwrap();
    let set = whole(root, None).unwrap();
    assert_eq!(set.shape(), Shape::new(1, 4, 6));
    assert_eq!(set.classes(), ["a", "b"]);
    assert_eq!(set.labels(), [0, 0, 1, 1, 1]);
    let firsts: Vec<u8> = (0..5).map(|i| set.image(i).unwrap()[0]).collect();
    assert_eq!(firsts[..1], [30]);
    assert!(firsts[1].abs_diff(40) <= 1, "JPEG is lossy: {firsts:?}");
    assert_eq!(firsts[2..], [10, 20, 50]);
}

#[test]
fn one_color_image_makes_three_channels() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    gray(&root.join("a/1.png"), (2, 3), 7);
    color(&root.join("a/2.webp"), (2, 3), [1, 2, 3]);
    gray(&root.join("b/1.png"), (2, 3), 9);
    let set = whole(root, None).unwrap();
    assert_eq!(set.shape(), Shape::new(3, 2, 3));
    assert_eq!(set.image(0).unwrap()[..], [7; 18]);
    assert_eq!(set.image(1).unwrap(), [[1; 6], [2; 6], [3; 6]].concat());
    assert_eq!(set.image(2).unwrap()[..], [9; 18]);
}

#[test]
fn sixteen_bits_and_transparency() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    fs::create_dir(root.join("a")).unwrap();
    image::ImageBuffer::<Luma<u16>, Vec<u16>>::from_pixel(2, 2, Luma([0x8080])).save(root.join("a/1.png")).unwrap();
    image::GrayAlphaImage::from_pixel(2, 2, image::LumaA([5, 0])).save(root.join("a/2.png")).unwrap();
    let set = whole(root, None).unwrap();
    assert_eq!((&set.image(0).unwrap()[..], &set.image(1).unwrap()[..]), (&[0x80; 4][..], &[5; 4][..]));
}

/// A gray JPEG of a camera that was held on its side.
fn on_its_side(path: &Path, size: (u32, u32)) {
    gray(path, size, 9);
    let plain = fs::read(path).unwrap();
    // An Exif block with one tag: orientation (0x0112), short, 1 value, 6 = turn right to view.
    let tiff = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
    let mut bytes = plain[..2].to_vec();
    bytes.extend_from_slice(&[0xff, 0xe1, 0, 8 + tiff.len() as u8]);
    bytes.extend_from_slice(b"Exif\0\0");
    bytes.extend_from_slice(tiff);
    bytes.extend_from_slice(&plain[2..]);
    fs::write(path, bytes).unwrap();
}

#[test]
fn the_orientation_of_a_camera_is_applied() {
    let dir = tempfile::tempdir().unwrap();
    on_its_side(&dir.path().join("a/1.jpg"), (8, 16));
    assert_eq!(whole(dir.path(), None).unwrap().shape(), Shape::new(1, 16, 8));
}

#[test]
fn files_are_brought_to_the_shape_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let paths: Vec<PathBuf> = ["b/face.png", "a/gray.png", "b/none.png"].map(|n| dir.path().join(n)).into();
    color(&paths[0], (2, 3), [1, 2, 3]);
    gray(&paths[1], (9, 9), 7);
    let set = files(paths.clone(), Shape::new(3, 4, 4), &to(None)).unwrap();
    assert_eq!((set.classes(), set.labels()), (&["b".to_string(), "a".into()][..], &[0, 1, 0][..]));
    assert_eq!(set.image(0).unwrap(), [[1; 16], [2; 16], [3; 16]].concat());
    assert_eq!(set.image(1).unwrap()[..], [7; 48]);
    assert!(matches!(set.image(2), Err(DataError::Missing { path, .. }) if path == paths[2]));
    assert_eq!(set.info(1).name, paths[1].display().to_string());
    let set = files(paths, Shape::new(1, 4, 4), &to(None)).unwrap();
    let error = set.image(0).unwrap_err();
    assert!(matches!(&error, DataError::ImageShape { found, .. } if found.channels == 3), "{error}");
    assert!(matches!(files(vec!["x.png".into()], Shape::new(1, 4, 0), &to(None)), Err(DataError::BadShape { .. })));
    assert!(matches!(files(vec![], Shape::new(1, 4, 4), &to(None)), Err(DataError::EmptySet { .. })));
}

#[test]
fn another_size_names_both_and_the_way_out() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    gray(&root.join("a/1.png"), (4, 6), 1);
    gray(&root.join("b/1.png"), (5, 7), 2);
    let error = whole(root, None).unwrap_err();
    assert!(
        matches!(&error, DataError::ImageSize { found_height: 5, found_width: 7, height: 4, width: 6, path, .. }
            if path.ends_with("b/1.png")),
        "{error}"
    );
    assert!(error.to_string().contains("--size HxW"), "{error}");
    let set = whole(root, Some((3, 2))).unwrap();
    assert_eq!(set.shape(), Shape::new(1, 3, 2));
    assert_eq!((&set.image(0).unwrap()[..], &set.image(1).unwrap()[..]), (&[1; 6][..], &[2; 6][..]));
    assert!(matches!(whole(root, Some((0, 2))), Err(DataError::BadShape { .. })));
}

#[test]
fn an_undecodable_image_is_named_the_first_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    for i in 0..40 {
        gray(&root.join(format!("a/{i:02}.png")), (2, 2), i);
    }
    fs::write(root.join("a/17.png"), b"\x89PNG\r\n\x1a\nand then nonsense").unwrap();
    fs::write(root.join("a/30.png"), b"nonsense").unwrap();
    let error = whole(root, None).unwrap_err();
    assert!(matches!(&error, DataError::UndecodableImage { path, .. } if path.ends_with("a/17.png")), "{error}");
}

#[test]
fn a_truncated_image_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a/1.png");
    gray(&path, (40, 40), 3);
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() - 20]).unwrap();
    assert!(matches!(whole(dir.path(), None), Err(DataError::UndecodableImage { .. })));
}

#[test]
fn a_file_that_changes_after_the_folder_was_opened_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    for i in 0..3 {
        gray(&root.join(format!("a/{i}.png")), (2, 2), i);
    }
    let mut sieve = Sieve::new(root, OnBadFile::Error);
    let (mut files, _) = Files::by_class(root, root, &mut sieve).unwrap();
    let opened = Opened::check(&mut files, &to(None), CACHE_BYTES, None, &mut sieve).unwrap();
    assert_eq!(opened.cache, [0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2]);
    // As if only one image fitted into memory.
    let opened = Opened::check(&mut files, &to(None), 7, None, &mut sieve).unwrap();
    assert_eq!(opened.cache, [0, 0, 0, 0]);
    let set = files.dataset(&to(None), opened).unwrap();
    assert_eq!(set.pixels(), [0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2]);
    gray(&root.join("a/1.png"), (2, 3), 9);
    color(&root.join("a/2.png"), (2, 2), [1, 2, 3]);
    fs::remove_file(root.join("a/0.png")).unwrap();
    assert_eq!(set.image(0).unwrap()[..], [0; 4]);
    for i in 1..3 {
        let error = set.image(i).unwrap_err();
        assert!(matches!(&error, DataError::ImageShape { expected, .. } if *expected == set.shape()), "{error}");
        assert!(error.to_string().contains(&format!("{i}.png")), "{error}");
    }
}

#[test]
fn how_much_is_kept_in_memory_does_not_show() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    // More than a chunk, and the first color comes late: what was kept as gray gets three planes.
    for i in 0..300 {
        gray(&root.join(format!("a/{i:03}.png")), (1, 2), (i % 251) as u8);
    }
    for i in 0..3 {
        color(&root.join(format!("b/{i}.webp")), (1, 2), [7, 8, 9 + i]);
    }
    let set = |limit, resize| {
        let mut sieve = Sieve::new(root, OnBadFile::Error);
        let (mut files, _) = Files::by_class(root, root, &mut sieve).unwrap();
        let opened = Opened::check(&mut files, &to(resize), limit, None, &mut sieve).unwrap();
        assert!(opened.cache.len() <= limit);
        files.dataset(&to(resize), opened).unwrap()
    };
    for resize in [None, Some((3, 3))] {
        let whole = set(CACHE_BYTES, resize);
        assert_eq!(whole.shape().channels, 3);
        for limit in [0, 5, 100, 700, 1815] {
            assert_eq!(set(limit, resize), whole, "{limit}");
        }
    }
    gray(&root.join("a/299.png"), (2, 2), 1);
    let mut sieve = Sieve::new(root, OnBadFile::Error);
    let (mut files, _) = Files::by_class(root, root, &mut sieve).unwrap();
    for limit in [0, CACHE_BYTES] {
        let error = Opened::check(&mut files, &to(None), limit, None, &mut sieve).map(|_| ()).unwrap_err();
        assert!(matches!(&error, DataError::ImageSize { path, .. } if path.ends_with("a/299.png")), "{error}");
    }
}

#[test]
fn a_head_tells_what_decoding_finds() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x");
    let save = |image: &dyn Fn(&Path), name: &str| {
        let path = path.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        image(&path);
        path
    };
    let images = [
        save(&|p| color(p, (3, 5), [1, 2, 3]), "color.png"),
        save(&|p| color(p, (3, 5), [4; 3]), "gray.webp"),
        save(&|p| gray(p, (3, 5), 4), "gray.jpg"),
        save(&|p| on_its_side(p, (3, 5)), "side.jpg"),
    ];
    for path in &images {
        for size in [None, Some((2, 2))] {
            let (whole, head) = (decode::file(path, &to(size)).unwrap(), decode::look(path, &to(size), false).unwrap());
            let shape = |d: &decode::Decoded| (d.channels, d.height, d.width);
            assert_eq!(shape(&whole), shape(&head), "{}", path.display());
        }
    }
    // Where color is there anyway, an image is taken for colored without a look at its pixels.
    assert_eq!(decode::look(&images[1], &to(None), true).unwrap().channels, 3);
    assert_eq!(decode::look(&images[3], &to(None), true).map(|d| (d.height, d.width)).unwrap(), (5, 3));
    fs::write(path.join("bad.png"), "nonsense").unwrap();
    assert!(matches!(decode::look(&path.join("bad.png"), &to(None), true), Err(DataError::UndecodableImage { .. })));
}

#[test]
fn a_class_without_an_image_is_named() {
    let dir = tempfile::tempdir().unwrap();
    gray(&dir.path().join("a/1.png"), (2, 2), 1);
    fs::create_dir(dir.path().join("b")).unwrap();
    fs::write(dir.path().join("b/notes.txt"), "").unwrap();
    let error = whole(dir.path(), None).unwrap_err();
    assert!(matches!(&error, DataError::EmptyClass { class, .. } if class == "b"), "{error}");
}

#[test]
fn no_class_and_no_folder() {
    let dir = tempfile::tempdir().unwrap();
    assert!(matches!(whole(dir.path(), None), Err(DataError::NoClasses { .. })));
    assert!(matches!(whole(&dir.path().join("x"), None), Err(DataError::Missing { .. })));
}

#[test]
fn a_train_and_test_pair() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    for (path, value) in [("train/a/1.png", 1), ("train/b/1.png", 2), ("train/c/1.png", 3)] {
        gray(&root.join(path), (2, 2), value);
    }
    color(&root.join("test/c/1.png"), (2, 2), [4, 5, 6]);
    fs::write(root.join("notes.txt"), "beside").unwrap();
    let Folder { images: Images::Split { train, test, open_set, validation: None }, left_out, .. } =
        read(root, &to(None)).unwrap()
    else {
        panic!("expected a split");
    };
    assert_eq!(left_out, LeftOut::from([(Reason::NotAnImage, vec![root.join("notes.txt")])]));
    assert_eq!((train.info(2).name.as_str(), test.info(0).name.as_str()), ("train/c/1.png", "test/c/1.png"));
    assert!(!open_set);
    // Only the test side has color: both have 3 channels, and the label is that of `train`.
    assert_eq!((train.shape(), test.shape()), (Shape::new(3, 2, 2), Shape::new(3, 2, 2)));
    assert_eq!((test.labels(), test.classes()), (&[2][..], train.classes()));

    gray(&root.join("test/d/1.png"), (2, 2), 9);
    let error = read(root, &to(None)).unwrap_err();
    assert!(matches!(&error, DataError::ClassMismatch { class, .. } if class == "d"), "{error}");

    fs::remove_dir_all(root.join("test/c")).unwrap();
    assert!(matches!(read(root, &to(None)).unwrap().images, Images::Split { open_set: true, .. }));

    gray(&root.join("test/d/1.png"), (3, 2), 9);
    assert!(matches!(read(root, &to(None)), Err(DataError::ImageSize { .. })));
}

/// The names of parts, in the spellings in use: what is meant is used, by its place.
#[test]
fn parts_are_known_by_their_names() {
    for train in ["train", "Train", "TRAIN", "training"] {
        for test in ["test", "Test", "TESTING"] {
            for validation in ["val", "valid", "Validation", "DEV"] {
                let dir = tempfile::tempdir().unwrap();
                let root = dir.path();
                for (part, value) in [(train, 1), (test, 2), (validation, 3)] {
                    for class in ["a", "b"] {
                        gray(&root.join(part).join(class).join("1.png"), (1, 1), value);
                    }
                }
                color(&root.join(validation).join("b/2.png"), (1, 1), [3, 4, 5]);
                let Folder { images, left_out, remarks, .. } = read(root, &to(None)).unwrap();
                let Images::Split { train, test, validation: Some(validation), open_set: false } = images else {
                    panic!("{train} {test} {validation}");
                };
                // Color in one part makes three channels of all.
                assert_eq!((train.pixels(), test.pixels()), (vec![1; 6], vec![2; 6]));
                assert_eq!((validation.labels(), &validation.pixels()[6..]), (&[0, 1, 1][..], &[3, 4, 5][..]));
                assert!(left_out.is_empty() && remarks.is_empty(), "{left_out:?} {remarks:?}");
            }
        }
    }
}

/// A folder with one image in each place.
fn places(names: &[&str]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (i, name) in names.iter().enumerate() {
        gray(&dir.path().join(name), (1, 1), i as u8);
    }
    dir
}

#[test]
fn some_parts_are_enough() {
    // ImageNet's way: what is called val is what one tests on.
    let dir = places(&["train/a/1.png", "val/a/2.png"]);
    let Folder { images, remarks, .. } = read(dir.path(), &to(None)).unwrap();
    assert!(matches!(images, Images::Split { test, validation: None, .. } if test.pixels() == [1]));
    assert!(remarks[0].ends_with("val is the test set: there is no test/ beside it"), "{remarks:?}");
    // A train alone is a whole set, also beside a test without classes.
    let dir = places(&["train/a/1.png", "train/b/2.png", "test/3.png", "notes/4/x.txt.png"]);
    fs::remove_dir_all(dir.path().join("notes/4")).unwrap();
    let Folder { images, remarks, left_out, .. } = read(dir.path(), &to(None)).unwrap();
    assert!(matches!(images, Images::Whole(all) if all.pixels() == [0, 1] && all.info(1).name == "train/b/2.png"));
    assert!(
        remarks.len() == 2 && remarks[0].contains("test is left out: there are no folders of classes"),
        "{remarks:?}"
    );
    let beside = ["notes", "test"].map(|name| dir.path().join(name));
    assert_eq!(left_out, LeftOut::from([(Reason::Folder, beside.to_vec())]));
    // A class may be called train.
    let dir = places(&["bus/1.png", "train/2.png", "train/night/3.png"]);
    let Folder { images, remarks, .. } = read(dir.path(), &to(None)).unwrap();
    assert!(matches!(images, Images::Whole(all) if all.classes() == ["bus", "train"] && all.labels() == [0, 1, 1]));
    assert!(
        remarks[0].contains("1 of 3 images are in folders of their class's folder: train/night/3.png"),
        "{remarks:?}"
    );
    // What is open is no validation of closed classes.
    let dir = places(&["train/a/1.png", "test/a/2.png", "val/z/3.png", "loose.png"]);
    let Folder { images, remarks, left_out, .. } = read(dir.path(), &to(None)).unwrap();
    assert!(matches!(images, Images::Split { validation: None, open_set: false, .. }));
    assert!(remarks[0].contains("val is left out: none of its classes is trained on"), "{remarks:?}");
    assert_eq!(left_out[&Reason::Folder], [dir.path().join("val")]);
    assert_eq!(left_out[&Reason::NoClass], [dir.path().join("loose.png")]);
}

#[test]
fn parts_that_cannot_be_meant_are_named() {
    let refused = |names: &[&str]| read(places(names).path(), &to(None)).unwrap_err().to_string();
    let error = refused(&["train/a/1.png", "Train/a/1.png", "test/a/1.png"]);
    assert!(error.contains("both Train and train") && error.contains("keep one"), "{error}");
    let error = refused(&["test/a/1.png"]);
    assert!(error.contains("test without a train/ beside it") && error.contains("give"), "{error}");
    let error = refused(&["1.png", "2.png"]);
    assert!(error.contains("2 images without a folder, the first 1.png"), "{error}");
    let error = refused(&["25_0_1_2017.png"]);
    assert!(error.contains("give `age:"), "{error}");
}

#[test]
fn images_deeper_than_their_classes_folder_are_of_the_class() {
    let dir = places(&["a/session1/1.png", "a/session2/deep/2.png", "a/3.png", "a b/session1/4.png"]);
    let set = whole(dir.path(), None).unwrap();
    assert_eq!(set.classes(), ["a", "a b"]);
    // In the order of the paths.
    assert_eq!((set.labels(), set.pixels()), (&[0, 0, 0, 1][..], vec![2, 0, 1, 3]));
    assert_eq!(set.info(2).name, "a/session2/deep/2.png");
}

#[test]
fn classes_that_are_alike_are_no_open_set_unless_that_is_meant() {
    let (composed, decomposed) = ("train/caf\u{e9}/1.png", "test/cafe\u{301}/2.png");
    for (names, pair) in [
        (["train/Cat/1.png", "test/cat/2.png"], "`cat` and `Cat`"),
        ([composed, decomposed], "`cafe\\u{301}` and `caf\u{e9}`"),
    ] {
        let dir = places(&names);
        let error = read(dir.path(), &to(None)).unwrap_err().to_string();
        for part in ["test and train have no class in common", pair, "--open-set"] {
            assert!(error.contains(part), "{part}: {error}");
        }
        let meant = ReadOptions { open_set: true, ..ReadOptions::default() };
        let images = read_with(dir.path(), &meant).unwrap().images;
        assert!(matches!(images, Images::Split { open_set: true, .. }));
    }
    // Where others agree, the one that does not is named with what it is like.
    let dir = places(&["train/Cat/1.png", "train/dog/2.png", "test/cat/3.png", "test/dog/4.png"]);
    let error = read(dir.path(), &to(None)).unwrap_err().to_string();
    assert!(error.contains("class `cat` is in test and not in train (`cat` and `Cat` differ only"), "{error}");
    // Names that differ are an open set, as they were.
    let dir = places(&["train/cat/1.png", "test/dog/2.png"]);
    assert!(matches!(read(dir.path(), &to(None)).unwrap().images, Images::Split { open_set: true, .. }));
    // Letters of both cases in both parts are what they say.
    let dir = places(&["train/A/1.png", "train/a/2.png", "test/A/3.png", "test/a/4.png"]);
    assert!(matches!(read(dir.path(), &to(None)).unwrap().images, Images::Split { open_set: false, .. }));
}

#[test]
fn bad_files_are_left_out_where_that_is_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    for i in 0..40 {
        gray(&root.join(format!("{}/{i:02}.png", if i < 20 { "a" } else { "b" })), (2, 2), i);
    }
    let bad = ["a/03.png", "a/19.png", "b/20.png", "b/21.png", "b/39.png"];
    for name in bad {
        fs::write(root.join(name), "no image").unwrap();
    }
    let skip = ReadOptions { on_bad_file: OnBadFile::Skip, ..ReadOptions::default() };
    let Folder { images: Images::Whole(set), bad_files, .. } = read_with(root, &skip).unwrap() else {
        panic!("expected no split");
    };
    assert_eq!(bad_files.iter().map(|bad| bad.name.as_str()).collect::<Vec<_>>(), bad);
    assert!(bad_files[0].error.contains("a/03.png: cannot decode"), "{bad_files:?}");
    let good: Vec<u8> = (0..40).filter(|i| ![3, 19, 20, 21, 39].contains(i)).collect();
    assert_eq!(set.pixels(), good.iter().flat_map(|&i| [i; 4]).collect::<Vec<_>>());
    assert_eq!(set.class_counts(), [18, 17]);
    // What is not kept in memory is decoded all the same, once.
    let mut sieve = Sieve::new(root, OnBadFile::Skip);
    let (mut files, _) = Files::by_class(root, root, &mut sieve).unwrap();
    let opened = Opened::check(&mut files, &to(None), 0, None, &mut sieve).unwrap();
    assert_eq!((opened.kept.len(), sieve.into_bad()), (35, bad_files));
    // A class of which nothing is left is no class.
    for i in 20..40 {
        fs::write(root.join(format!("b/{i}.png")), "no image").unwrap();
    }
    let error = read_with(root, &skip).unwrap_err().to_string();
    assert!(
        error.contains("class `b`: none of its 20 files can be used, the first") && error.contains("b/20.png"),
        "{error}"
    );
}

#[test]
fn classes_to_embed_are_told_apart_and_have_names() {
    let dir = places(&["a/session1/1.png", "b/session1/2.png", "3.png"]);
    let root = dir.path();
    let below = |root: &Path| classes_below(root, &Walk::below(root, usize::MAX).unwrap().images).unwrap();
    let own = root.file_name().unwrap().to_string_lossy().into_owned();
    assert_eq!(below(root), [own, "a/session1".into(), "b/session1".into()]);
    let dir = places(&["train/a/1.png", "test/a/2.png", "test/b/3.png"]);
    assert_eq!(below(dir.path()), ["a", "b", "a"]);
    // The names of folders whose paths do not say them.
    let here = std::env::current_dir().unwrap();
    let here = here.file_name().unwrap().to_string_lossy();
    assert_eq!(classes_below(Path::new("."), &[PathBuf::from("./1.png")]).unwrap()[0], here);
    assert_eq!(classes_of(&[PathBuf::from("1.png")])[0], here);
    assert_eq!(classes_of(&[PathBuf::from("/1.png")]), ["/"]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]
    #[test]
    fn random_bytes_never_panic(
        head in prop::sample::select(vec![
            &b""[..], b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", b"\xff\xd8\xff\xe0", b"BM", b"P5 ", b"P2 3 3 255 ",
            b"RIFF\x20\0\0\0WEBPVP8 ", b"RIFF\x20\0\0\0WEBPVP8L",
        ]),
        bytes in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("a")).unwrap();
        fs::write(dir.path().join("a/1.png"), [head, &bytes[..]].concat()).unwrap();
        if let Ok(set) = whole(dir.path(), Some((3, 3))) {
            prop_assert_eq!(set.len(), 1);
        }
    }
}
