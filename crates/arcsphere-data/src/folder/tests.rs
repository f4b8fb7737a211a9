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

fn whole(root: &Path, resize: Option<(usize, usize)>) -> Result<Dataset, DataError> {
    match read(root, resize)?.images {
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
    let set = files(paths.clone(), Shape::new(3, 4, 4)).unwrap();
    assert_eq!((set.classes(), set.labels()), (&["b".to_string(), "a".into()][..], &[0, 1, 0][..]));
    assert_eq!(set.image(0).unwrap(), [[1; 16], [2; 16], [3; 16]].concat());
    assert_eq!(set.image(1).unwrap()[..], [7; 48]);
    assert!(matches!(set.image(2), Err(DataError::Missing { path, .. }) if path == paths[2]));
    assert_eq!(set.info(1).name, paths[1].display().to_string());
    let set = files(paths, Shape::new(1, 4, 4)).unwrap();
    let error = set.image(0).unwrap_err();
    assert!(matches!(&error, DataError::ImageShape { found, .. } if found.channels == 3), "{error}");
    assert!(matches!(files(vec!["x.png".into()], Shape::new(1, 4, 0)), Err(DataError::BadShape { .. })));
    assert!(matches!(files(vec![], Shape::new(1, 4, 4)), Err(DataError::EmptySet { .. })));
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
    let (files, _) = Files::by_class(root, root).unwrap();
    let opened = Opened::check(&files, None, CACHE_BYTES, None).unwrap();
    assert_eq!(opened.cache, [0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2]);
    // As if only one image fitted into memory.
    let opened = Opened::check(&files, None, 7, None).unwrap();
    assert_eq!(opened.cache, [0, 0, 0, 0]);
    let set = files.dataset(None, opened).unwrap();
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
        let (files, _) = Files::by_class(root, root).unwrap();
        let opened = Opened::check(&files, resize, limit, None).unwrap();
        assert!(opened.cache.len() <= limit);
        files.dataset(resize, opened).unwrap()
    };
    for resize in [None, Some((3, 3))] {
        let whole = set(CACHE_BYTES, resize);
        assert_eq!(whole.shape().channels, 3);
        for limit in [0, 5, 100, 700, 1815] {
            assert_eq!(set(limit, resize), whole, "{limit}");
        }
    }
    gray(&root.join("a/299.png"), (2, 2), 1);
    let (files, _) = Files::by_class(root, root).unwrap();
    for limit in [0, CACHE_BYTES] {
        let error = Opened::check(&files, None, limit, None).map(|_| ()).unwrap_err();
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
            let (whole, head) = (decode::file(path, size).unwrap(), decode::look(path, size, false).unwrap());
            let shape = |d: &decode::Decoded| (d.channels, d.height, d.width);
            assert_eq!(shape(&whole), shape(&head), "{}", path.display());
        }
    }
    // Where color is there anyway, an image is taken for colored without a look at its pixels.
    assert_eq!(decode::look(&images[1], None, true).unwrap().channels, 3);
    assert_eq!(decode::look(&images[3], None, true).map(|d| (d.height, d.width)).unwrap(), (5, 3));
    fs::write(path.join("bad.png"), "nonsense").unwrap();
    assert!(matches!(decode::look(&path.join("bad.png"), None, true), Err(DataError::UndecodableImage { .. })));
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
    assert!(matches!(whole(dir.path(), None), Err(DataError::ZeroClasses { .. })));
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
    let Folder { images: Images::Split { train, test, open_set }, left_out } = read(root, None).unwrap() else {
        panic!("expected a split");
    };
    assert_eq!(left_out, LeftOut::from([(Reason::NotAnImage, vec![root.join("notes.txt")])]));
    assert_eq!((train.info(2).name.as_str(), test.info(0).name.as_str()), ("train/c/1.png", "test/c/1.png"));
    assert!(!open_set);
    // Only the test side has color: both have 3 channels, and the label is that of `train`.
    assert_eq!((train.shape(), test.shape()), (Shape::new(3, 2, 2), Shape::new(3, 2, 2)));
    assert_eq!((test.labels(), test.classes()), (&[2][..], train.classes()));

    gray(&root.join("test/d/1.png"), (2, 2), 9);
    let error = read(root, None).unwrap_err();
    assert!(matches!(&error, DataError::ClassMismatch { class, .. } if class == "d"), "{error}");

    fs::remove_dir_all(root.join("test/c")).unwrap();
    assert!(matches!(read(root, None).unwrap().images, Images::Split { open_set: true, .. }));

    gray(&root.join("test/d/1.png"), (3, 2), 9);
    assert!(matches!(read(root, None), Err(DataError::ImageSize { .. })));
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
