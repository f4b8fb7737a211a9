//! One test for each way in which faces with ages can be broken, and for what is let pass.

use std::fs;

use image::{GrayImage, Luma};
use proptest::prelude::*;

use super::*;

/// The set alone.
fn read(path: &Path, width: u32, resize: Option<(usize, usize)>) -> Result<Dataset, DataError> {
    super::read(path, width, &Decoding { resize, ..Decoding::default() }, OnBadFile::Error).map(|ages| ages.set)
}

/// A 2x3 image whose pixels are all `value`.
fn face(path: &Path, value: u8) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    GrayImage::from_pixel(3, 2, Luma([value])).save(path).unwrap();
}

/// A folder with `names`, the first image being of value 10, the next of 20, and so on.
fn faces(names: &[&str]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (i, name) in names.iter().enumerate() {
        face(&dir.path().join(name), 10 * (i as u8 + 1));
    }
    dir
}

/// A folder with images `a.png`, `b.png`, `c.png` and a CSV that holds `text`.
fn csv(text: impl AsRef<[u8]>) -> (tempfile::TempDir, PathBuf) {
    let dir = faces(&["a.png", "b.png", "c.png"]);
    let path = dir.path().join("ages.csv");
    fs::write(&path, text).unwrap();
    (dir, path)
}

fn values(set: &Dataset) -> (&[f32], &[f32]) {
    let targets = set.targets().unwrap();
    assert_eq!(targets.unit(), Unit::Years);
    (targets.values(), targets.class_values())
}

const NAMES: [&str; 5] = [
    "101_1_2_20170105174847679.png",
    "27_0_0_20170116174525125.png",
    "25_1_20170116174525124.png",
    "0_0_3_20170116174525126.png",
    "9_0_0_20170116174525127.png",
];

#[test]
fn ages_from_names_by_the_year() {
    let dir = faces(&NAMES);
    fs::write(dir.path().join("readme_1.txt"), "ignored").unwrap();
    fs::create_dir(dir.path().join("crops")).unwrap();
    let set = read(dir.path(), 1, None).unwrap();
    assert_eq!(set.classes(), ["0", "9", "25", "27", "101"]);
    // In the order of the names: 0, 101, 25, 27, 9.
    assert_eq!(set.labels(), [0, 4, 2, 3, 1]);
    assert_eq!(values(&set), (&[0.0, 101.0, 25.0, 27.0, 9.0][..], &[0.0, 9.0, 25.0, 27.0, 101.0][..]));
    assert_eq!((0..5).map(|i| set.image(i).unwrap()[0]).collect::<Vec<_>>(), [40, 10, 30, 20, 50]);
    assert_eq!((set.info(1).name.as_str(), set.info(1).group.as_deref()), (NAMES[0], Some("gender 1, race 2")));
    // A name without race has no group, and the fourth part is the date.
    assert_eq!((set.info(2).name.as_str(), set.info(2).group), (NAMES[2], None));
}

#[test]
fn bins_have_the_middle_of_their_years() {
    let set = read(faces(&NAMES).path(), 5, None).unwrap();
    assert_eq!(set.classes(), ["0-4", "5-9", "25-29", "100-104"]);
    assert_eq!(set.labels(), [0, 3, 2, 2, 1]);
    assert_eq!(values(&set), (&[0.0, 101.0, 25.0, 27.0, 9.0][..], &[2.0, 7.0, 27.0, 102.0][..]));
    // An even width has its middle between two years.
    assert_eq!(values(&read(faces(&NAMES).path(), 10, None).unwrap()).1, [4.5, 24.5, 104.5]);
}

#[test]
fn aligned_faces_but_not_beside_their_photos() {
    let chip = "25_0_2_20170116174525125.jpg.chip.jpg";
    let dir = faces(&[chip, "26_0_2_20170116174525126.jpg.chip.jpg"]);
    assert_eq!(values(&read(dir.path(), 1, None).unwrap()).0, [25.0, 26.0]);
    face(&dir.path().join("25_0_2_20170116174525125.jpg"), 1);
    let error = read(dir.path(), 1, None).unwrap_err();
    assert!(matches!(&error, DataError::RepeatedImage { image, .. } if image == chip), "{error}");
}

#[test]
fn a_name_without_an_age_is_named() {
    for name in ["ada_1.png", "25.png", "_25.png", "nan_0_0_1.png", "inf_0.png", "1e1_0.png", "-_0.png", "1.2.3_0.png"]
    {
        let error = read(faces(&["7_0_0_1.png", name]).path(), 1, None).unwrap_err();
        assert!(matches!(&error, DataError::NoAge { path } if path.ends_with(name)), "{name}: {error}");
        assert!(error.to_string().contains("a CSV of (path, age)"), "{error}");
    }
}

#[test]
fn an_age_outside_the_range_is_named() {
    let many = format!("{}_0.png", "9".repeat(60));
    for name in ["121_0_0_1.png", "-1_0_0_1.png", &many] {
        let error = read(faces(&[name]).path(), 1, None).unwrap_err();
        assert!(matches!(&error, DataError::AgeOutOfRange { origin, .. } if origin.ends_with(name)), "{error}");
        assert!(error.to_string().contains("0..=120"), "{error}");
    }
    assert_eq!(values(&read(faces(&["120_0.png", "000_0.png"]).path(), 1, None).unwrap()).0, [0.0, 120.0]);
}

#[test]
fn what_cannot_be_an_age_is_left_out_where_that_is_asked_for() {
    let skip = |path: &Path| super::read(path, 1, &Decoding::default(), OnBadFile::Skip).unwrap();
    let bad = |ages: &Ages| ages.bad_files.iter().map(|bad| bad.name.clone()).collect::<Vec<_>>();
    let dir =
        faces(&["20_0_0_1.png", "-31_0_0_2.png", "2014_0_0_3.png", "ada_0_0_4.png", "90_0_0_5.png", "91_0_0_6.png"]);
    fs::write(dir.path().join("90_0_0_5.png"), "no image").unwrap();
    let ages = skip(dir.path());
    assert_eq!(bad(&ages), ["-31_0_0_2.png", "2014_0_0_3.png", "90_0_0_5.png", "ada_0_0_4.png"]);
    // The class of the image that is none is gone with it, and values stay with their images.
    assert_eq!(values(&ages.set), (&[20.0, 91.0][..], &[20.0, 91.0][..]));
    assert_eq!((ages.set.classes(), ages.set.labels()), (&["20".to_owned(), "91".into()][..], &[0, 1][..]));
    assert_eq!((ages.set.image(1).unwrap()[0], ages.set.info(1).group.as_deref()), (60, Some("gender 0, race 0")));

    let (_dir, path) =
        csv("path,age\na.png,-31\nb.png,20\nb.png,21\nc.png,2014\nlost.png,5\nc.png,30,x\nc.png,old\nc.png,40\n");
    let ages = skip(&path);
    assert_eq!(bad(&ages), [2, 4, 5, 6, 7, 8].map(|line| format!("ages.csv, line {line}")));
    assert_eq!(values(&ages.set), (&[20.0, 40.0][..], &[20.0, 40.0][..]));

    let (_dir, path) = csv("a.png,-31\n");
    let error = super::read(&path, 1, &Decoding::default(), OnBadFile::Skip).map(|_| ()).unwrap_err().to_string();
    assert!(error.contains("none of its 1 files can be used") && error.contains("line 1: age -31"), "{error}");
}

#[test]
fn nothing_there() {
    let dir = tempfile::tempdir().unwrap();
    assert!(matches!(read(dir.path(), 1, None), Err(DataError::EmptySet { .. })));
    let error = read(&dir.path().join("ages.csv"), 1, None).unwrap_err();
    assert!(matches!(error, DataError::Missing { .. }), "{error}");
    let (_dir, path) = csv("path,age\n\n");
    assert!(matches!(read(&path, 1, None), Err(DataError::EmptySet { .. })));
}

#[test]
fn a_bin_without_width_or_too_wide() {
    let dir = faces(&NAMES);
    for width in [0, 61, u32::MAX] {
        let error = read(dir.path(), width, None).unwrap_err();
        assert!(matches!(error, DataError::BadBinWidth { .. }), "{error}");
    }
}

#[test]
fn images_are_read_as_strictly_as_in_folders_of_classes() {
    let dir = faces(&["1_0.png", "2_0.png"]);
    GrayImage::from_pixel(5, 5, Luma([1])).save(dir.path().join("3_0.png")).unwrap();
    assert!(matches!(read(dir.path(), 1, None), Err(DataError::ImageSize { .. })));
    assert_eq!(read(dir.path(), 1, Some((4, 4))).unwrap().len(), 3);
    assert!(matches!(read(dir.path(), 1, Some((0, 4))), Err(DataError::BadShape { .. })));
    fs::write(dir.path().join("2_0.png"), "nonsense").unwrap();
    assert!(matches!(read(dir.path(), 1, None), Err(DataError::UndecodableImage { .. })));
}

#[test]
fn rows_with_and_without_a_header() {
    for text in [
        "c.png,30\na.png,4.5\n",
        "path,age\r\nc.png,30\r\na.png,4.5",
        "\u{feff}Age,\"Image\"\n\n30,c.png\n4.5,\"a.png\"\n",
        "id,file,age,note\n1,c.png,30,x\n2,./a.png, 4.5 ,\n",
    ] {
        let (_dir, path) = csv(text);
        let set = read(&path, 1, None).unwrap();
        // In the order of the rows; part of a year counts to the year that was completed.
        assert_eq!((set.classes(), set.labels()), (&["4".to_string(), "30".into()][..], &[1, 0][..]), "{text}");
        assert_eq!(values(&set), (&[30.0, 4.5][..], &[4.0, 30.0][..]));
        assert_eq!((set.image(0).unwrap()[0], set.image(1).unwrap()[0]), (30, 10));
    }
}

#[test]
fn a_path_may_be_absolute() {
    let (dir, _) = csv("");
    let elsewhere = tempfile::tempdir().unwrap();
    let path = elsewhere.path().join("ages.csv");
    fs::write(&path, format!("\"{}\",8\n", dir.path().join("b.png").display())).unwrap();
    assert_eq!(read(&path, 1, None).unwrap().image(0).unwrap()[0], 20);
}

#[test]
fn the_columns_and_folders_of_appa_real() {
    let dir =
        faces(&["train/000000.jpg", "train/000000.jpg_face.jpg", "train/000001.jpg", "000002.jpg", "valid/000003.jpg"]);
    let csv = dir.path().join("gt_avg_train.csv");
    let rows = "file_name,num_ratings,apparent_age_avg,apparent_age_std,real_age\n\
                000000.jpg,36,5.0556,1.7396,4\n000001.jpg,37,18.2162,4.0143,18\n000002.jpg,40,60.1,6.0,61\n";
    fs::write(&csv, rows).unwrap();
    let set = read(&csv, 1, None).unwrap();
    assert_eq!(values(&set).0, [4.0, 18.0, 61.0]);
    for (i, value) in [20_u8, 30, 40].into_iter().enumerate() {
        assert!(set.image(i).unwrap()[0].abs_diff(value) <= 1, "image {i}: {}", set.image(i).unwrap()[0]);
    }
    // The folder of another part is not looked into.
    fs::write(&csv, format!("{rows}000003.jpg,38,40.0,5.0,41\n")).unwrap();
    assert!(matches!(read(&csv, 1, None), Err(DataError::Missing { .. })));
}

#[test]
fn each_broken_row_is_named_by_its_line() {
    for (text, line, says) in [
        ("a.png,4\nb.png\n", 2, "1 fields"),
        ("a.png,4\nb.png,5,6\n", 2, "3 fields"),
        ("path,age,x\na.png,4\n", 2, "2 fields"),
        ("a.png,4\n\nb.png,five\n", 3, "`five` is not a number"),
        ("path,age\na.png,\n", 2, "is not a number"),
        ("path,age\na.png,NaN\n", 2, "is not a number"),
        ("path,age\n,7\n", 2, "no path"),
        ("a.png\n", 1, "a header with the columns"),
        ("a.png,old\n", 1, "a header with the columns"),
        ("name,years\na.png,4\n", 1, "a header with the columns"),
        ("path,sex\na.png,0\n", 1, "a header with the columns"),
        ("a.png,4\n\"b.png,5\n", 2, "no closing quote"),
        ("a.png,4\n\"b.png\"x,5\n", 2, "after the closing quote"),
    ] {
        let (_dir, path) = csv(text);
        let error = read(&path, 1, None).unwrap_err();
        assert!(matches!(&error, DataError::BadRow { line: found, .. } if *found == line), "{text}: {error}");
        assert!(error.to_string().contains(says), "{text}: {error}");
    }
}

#[test]
fn bytes_that_are_no_text_and_lines_without_end() {
    let (_dir, path) = csv(b"a.png,4\n\xff\xfe,5\n");
    let error = read(&path, 1, None).unwrap_err();
    assert!(matches!(&error, DataError::BadRow { line: 2, .. }) && error.to_string().contains("UTF-8"), "{error}");
    let (_dir, path) = csv([b"a.png,4\n".to_vec(), vec![b'x'; 1 << 17]].concat());
    let error = read(&path, 1, None).unwrap_err();
    assert!(matches!(&error, DataError::BadRow { line: 2, .. }) && error.to_string().contains("longer"), "{error}");
}

#[test]
fn an_age_outside_the_range_has_its_line() {
    for age in ["121", "-1", "120.5", "99999999999999999999999999999999999999999"] {
        let (_dir, path) = csv(format!("a.png,4\nb.png,{age}\n"));
        let error = read(&path, 1, None).unwrap_err();
        assert!(matches!(&error, DataError::AgeOutOfRange { origin, .. } if origin.ends_with("line 2")), "{error}");
    }
}

#[test]
fn an_image_that_is_not_there_or_twice_has_its_line() {
    let (_dir, path) = csv("a.png,4\nd.png,5\n");
    let error = read(&path, 1, None).unwrap_err();
    assert!(matches!(&error, DataError::Missing { path, .. } if path.ends_with("d.png")), "{error}");
    assert!(error.to_string().contains("line 2"), "{error}");
    let (_dir, path) = csv("a.png,4\nb.png,5\n./a.png,6\n");
    let error = read(&path, 1, None).unwrap_err();
    assert!(matches!(&error, DataError::RepeatedImage { first, .. } if first == "line 1"), "{error}");
    assert!(error.to_string().contains("line 3"), "{error}");
}

#[test]
fn ages_survive_every_way_to_a_part() {
    let names: Vec<String> = (0..40).map(|i| format!("{}_0_0_{i:02}.png", 20 + i % 4)).collect();
    let dir = faces(&names.iter().map(String::as_str).collect::<Vec<_>>()[..20]);
    let set = read(dir.path(), 1, None).unwrap();
    let fits = |part: &Dataset| {
        let (ages, years) = values(part);
        assert_eq!((ages.len(), years.len()), (part.len(), part.n_classes()));
        for (age, &label) in ages.iter().zip(part.labels()) {
            assert_eq!(*age, years[label as usize]);
            assert_eq!(part.classes()[label as usize], age.to_string());
        }
    };
    let (train, test) = set.stratified_split(0.4, 3).unwrap();
    assert_eq!((train.class_counts(), test.class_counts()), (vec![3; 4], vec![2; 4]));
    let (some, others) = set.split_classes(0.5, 3).unwrap();
    let parts = [
        set.take(7).unwrap(),
        set.take_balanced(6).unwrap(),
        set.subset(&[9, 2]).unwrap(),
        set.resized(4, 4, crate::Fit::Squash).unwrap(),
    ];
    for part in [train, test, some, others].iter().chain(&parts) {
        fits(part);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn random_bytes_never_panic(
        head in prop::sample::select(vec![&b""[..], b"path,age\n", b"a.png,3\n", b"file_name,real_age\n"]),
        bytes in prop::collection::vec(any::<u8>(), 0..120),
        text in "[abc.png,0-9\"\n -]{0,80}",
    ) {
        for tail in [&bytes[..], text.as_bytes()] {
            let (_dir, path) = csv([head, tail].concat());
            if let Ok(set) = read(&path, 5, None) {
                prop_assert!(set.targets().is_some_and(|t| t.values().iter().all(|a| AGES.contains(a))));
            }
        }
    }

    #[test]
    fn any_age_falls_into_the_bin_that_names_it(years in prop::collection::vec(0_u32..=120, 1..12), width in 1_u32..=60) {
        let names: Vec<String> = years.iter().enumerate().map(|(i, y)| format!("{y}_0_0_{i:02}.png")).collect();
        let dir = faces(&names.iter().map(String::as_str).collect::<Vec<_>>());
        let set = read(dir.path(), width, None).unwrap();
        set.require_every_class("faces").unwrap();
        let (ages, middles) = values(&set);
        prop_assert!(middles.windows(2).all(|w| w[0] < w[1]));
        for (age, &label) in ages.iter().zip(set.labels()) {
            let half = (width - 1) as f32 / 2.0;
            prop_assert!((age - middles[label as usize]).abs() <= half);
        }
    }
}
