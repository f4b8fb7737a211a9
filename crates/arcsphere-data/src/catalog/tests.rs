//! Names, folders, splits and limits.

use std::fs;

use super::*;

/// Writes an idx folder with two images of each of ten classes to train and one to test.
fn idx_folder(dir: &Path) {
    fs::create_dir_all(dir).unwrap();
    let labels: Vec<u8> = (0..20).map(|i| i % 10).collect();
    let pixels: Vec<u8> = (0..20 * 4).collect();
    for (name, bytes) in [
        ("train-images-idx3-ubyte", idx::encode(&[20, 2, 2], &pixels)),
        ("train-labels-idx1-ubyte", idx::encode(&[20], &labels)),
        ("t10k-images-idx3-ubyte", idx::encode(&[10, 2, 2], &pixels[..40])),
        ("t10k-labels-idx1-ubyte", idx::encode(&[10], &labels[..10])),
    ] {
        fs::write(dir.join(name), bytes).unwrap();
    }
}

fn under(root: &Path) -> OpenOptions {
    OpenOptions { root: root.to_owned(), ..OpenOptions::default() }
}

#[test]
fn known_names_are_found_in_their_usual_folders() {
    let dir = tempfile::tempdir().unwrap();
    let error = open("fashion-mnist", &under(dir.path())).unwrap_err().to_string();
    assert!(error.contains("arcsphere data fetch fashion-mnist"), "{error}");
    idx_folder(&dir.path().join("FashionMNIST/raw"));
    let source = open("fashion-mnist", &under(dir.path())).unwrap();
    assert_eq!(source.name, "fashion-mnist");
    assert_eq!(source.train.classes()[9], "Ankle boot");
    // The same, by its folder.
    let path = dir.path().join("FashionMNIST/raw");
    let by_path = open(path.to_str().unwrap(), &OpenOptions::default()).unwrap();
    assert_eq!((by_path.name, by_path.sha256), (source.name, source.sha256));
}

#[test]
fn a_folder_is_known_by_its_content() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    idx_folder(&dir.path().join("letters"));
    let letters = open(&at("letters"), &OpenOptions::default()).unwrap();
    assert_eq!((letters.name.as_str(), letters.train.classes()[3].as_str()), ("letters", "3"));

    let hundred = dir.path().join("some-cifar");
    fs::create_dir(&hundred).unwrap();
    let records: Vec<u8> = (0..100).flat_map(|l| [&[0, l][..], &[l; 3072]].concat()).collect();
    fs::write(hundred.join("train.bin"), &records).unwrap();
    fs::write(hundred.join("test.bin"), &records[..3074]).unwrap();
    let hundred = open(&at("some-cifar"), &OpenOptions::default()).unwrap();
    assert_eq!((hundred.name.as_str(), hundred.train.n_classes()), ("cifar-100", 100));
}

fn image_folder(root: &Path, classes: usize, each: usize) {
    for c in 0..classes {
        fs::create_dir_all(root.join(format!("c{c}"))).unwrap();
        for i in 0..each {
            let value = (c * each + i) as u8;
            image::GrayImage::from_pixel(3, 2, image::Luma([value])).save(root.join(format!("c{c}/{i}.png"))).unwrap();
        }
    }
}

#[test]
fn a_folder_of_images_is_split_by_seed() {
    let dir = tempfile::tempdir().unwrap();
    image_folder(dir.path(), 5, 10);
    let spec = dir.path().to_str().unwrap();
    let source = open(spec, &OpenOptions::default()).unwrap();
    assert_eq!(source.train.class_counts(), [8; 5]);
    assert_eq!(source.test.class_counts(), [2; 5]);
    assert!(!source.open_set);
    let again = open(spec, &OpenOptions::default()).unwrap();
    assert_eq!(source.sha256, again.sha256);
    let other = open(spec, &OpenOptions { seed: 1, ..OpenOptions::default() }).unwrap();
    assert_ne!(source.sha256, other.sha256);

    let options = OpenOptions { open_set: true, test_fraction: 0.4, ..OpenOptions::default() };
    let open_set = open(spec, &options).unwrap();
    assert!(open_set.open_set);
    assert_eq!((open_set.train.n_classes(), open_set.test.n_classes()), (3, 2));
    assert_eq!((open_set.train.len(), open_set.test.len()), (30, 20));

    let options = OpenOptions { resize: Some((5, 4)), ..OpenOptions::default() };
    assert_eq!(open(spec, &options).unwrap().test.shape(), Shape::new(1, 5, 4));
}

#[test]
fn faces_with_ages_are_split_and_keep_them() {
    let dir = tempfile::tempdir().unwrap();
    for i in 0..40_u8 {
        let path = dir.path().join(format!("{}_0_0_{i:02}.png", 20 + i % 4));
        image::GrayImage::from_pixel(3, 2, image::Luma([i])).save(path).unwrap();
    }
    let at = |prefix: &str| format!("{prefix}:{}", dir.path().display());
    let source = open(&at("age"), &OpenOptions::default()).unwrap();
    assert!(source.name.ends_with("(ages by the year)"), "{}", source.name);
    assert_eq!((source.train.class_counts(), source.test.class_counts()), (vec![8; 4], vec![2; 4]));
    assert_eq!(source.test.targets().unwrap().class_values(), [20.0, 21.0, 22.0, 23.0]);
    let again = OpenOptions { seed: 1, ..OpenOptions::default() };
    assert_ne!(open(&at("age"), &again).unwrap().sha256, source.sha256);

    let options = OpenOptions { limit_train: Some(4), resize: Some((4, 4)), ..OpenOptions::default() };
    let bins = open(&at("age/2"), &options).unwrap();
    assert!(bins.name.ends_with("(ages in bins of 2 years)"), "{}", bins.name);
    assert_eq!((bins.train.classes(), bins.train.len()), (&["20-21".to_string(), "22-23".into()][..], 4));
    let targets = bins.train.targets().unwrap();
    assert_eq!((targets.values().len(), targets.class_values()), (4, &[20.5, 22.5][..]));

    let options = OpenOptions { open_set: true, test_fraction: 0.5, ..OpenOptions::default() };
    let unseen = open(&at("age"), &options).unwrap();
    let years = |set: &Dataset| set.targets().unwrap().class_values().to_vec();
    assert!(years(&unseen.train).iter().all(|y| !years(&unseen.test).contains(y)));

    for spec in ["age/x", "age/0", "age/", "age/1/2"] {
        let error = open(&at(spec), &OpenOptions::default()).unwrap_err();
        assert!(matches!(error, DataError::BadBinWidth { .. }), "{spec}: {error}");
    }
    let error = open("age:no/such/folder", &OpenOptions::default()).unwrap_err();
    assert!(matches!(error, DataError::Missing { .. }), "{error}");
}

#[test]
fn rotated_digits_say_what_they_are() {
    let info = find("rotated-digits").unwrap();
    let source = open("rotated-digits", &OpenOptions::default()).unwrap();
    assert!(info.description.contains("stand-in") && source.name.contains("stand-in"), "{}", source.name);
    assert_eq!((source.train.len(), source.test.len()), (info.train, info.test));
    assert_eq!((source.train.n_classes(), source.train.shape()), (info.classes, info.shape));
    assert!(rotated::DIGITS.iter().all(|d| info.description.contains(d)), "{}", info.description);
    for part in [&source.train, &source.test] {
        assert_eq!(part.targets().map(|t| t.unit()), info.target);
        let (each, counts) = (part.len() / 60, part.class_counts());
        assert!(counts.iter().all(|n| (each - 3..=each + 3).contains(n)), "{counts:?}");
    }
    let by_prefix = open("rotated:mnist-embedded", &OpenOptions::default()).unwrap();
    assert_eq!((&by_prefix.name, &by_prefix.sha256), (&source.name, &source.sha256));
    let other = open("rotated-digits", &OpenOptions { seed: 1, ..OpenOptions::default() }).unwrap();
    assert_ne!(other.sha256, source.sha256);
}

#[test]
fn any_set_can_be_rotated_but_only_once() {
    let dir = tempfile::tempdir().unwrap();
    image_folder(dir.path(), 5, 30);
    let spec = format!("rotated:{}", dir.path().display());
    let options = OpenOptions { resize: Some((4, 4)), ..OpenOptions::default() };
    let source = open(&spec, &options).unwrap();
    assert_eq!((source.train.len(), source.test.len(), source.train.n_classes()), (120, 30, 60));
    assert_eq!(source.train.shape(), Shape::new(1, 4, 4));
    // An open set holds out angles, not the folder's classes.
    let options = OpenOptions { open_set: true, test_fraction: 0.5, ..options };
    let source = open(&spec, &options).unwrap();
    assert_eq!((source.train.n_classes(), source.test.n_classes()), (30, 30));
    assert!(source.train.classes().iter().all(|c| !source.test.classes().contains(c)));
    assert_eq!(source.train.targets().unwrap().class_values().len(), 30);

    for twice in ["rotated:rotated-digits", "rotated:rotated:mnist", &"rotated:".repeat(100_000)] {
        let error = open(twice, &OpenOptions::default()).unwrap_err();
        assert!(matches!(error, DataError::AlreadyRotated { .. }));
    }
    let error = open("rotated:minst", &OpenOptions::default()).unwrap_err();
    assert!(error.to_string().contains("did you mean `mnist`?"), "{error}");
    let error = open("rotated:mnist", &under(dir.path())).unwrap_err();
    assert!(matches!(error, DataError::NotFetched { .. }), "{error}");
}

#[test]
fn an_open_set_from_a_set_with_its_own_test_images() {
    let options = OpenOptions { open_set: true, test_fraction: 0.3, ..OpenOptions::default() };
    let source = open("mnist-embedded", &options).unwrap();
    let whole = embedded::mnist().unwrap();
    assert!(source.open_set);
    assert_eq!((source.train.n_classes(), source.test.n_classes()), (7, 3));
    assert!(source.train.classes().iter().all(|c| !source.test.classes().contains(c)));
    // Test images come from the test images: none was ever a training image.
    let held: usize =
        source.test.classes().iter().map(|c| whole.test.class_counts()[c.parse::<usize>().unwrap()]).sum();
    assert_eq!(source.test.len(), held);
}

#[test]
fn limits_are_balanced_and_leave_no_class_empty() {
    let options = OpenOptions { limit_train: Some(100), limit_test: Some(30), ..OpenOptions::default() };
    let source = open("mnist-embedded", &options).unwrap();
    assert_eq!(source.train.class_counts(), [10; 10]);
    assert_eq!(source.test.class_counts(), [3; 10]);
    let options = OpenOptions { limit_train: Some(9), ..OpenOptions::default() };
    let error = open("mnist-embedded", &options).unwrap_err();
    assert!(matches!(error, DataError::EmptyClass { .. }), "{error}");
}

#[test]
fn unknown_names_get_the_nearest() {
    let suggestion = |spec: &str| match open(spec, &OpenOptions::default()) {
        Err(DataError::UnknownDataset { suggestion, .. }) => suggestion,
        other => panic!("{other:?}"),
    };
    assert_eq!(suggestion("cifar10").as_deref(), Some("cifar-10"));
    assert_eq!(suggestion("MNIST").as_deref(), Some("mnist"));
    assert_eq!(suggestion("fashionmnist").as_deref(), Some("fashion-mnist"));
    assert_eq!(suggestion("fashion").as_deref(), Some("fashion-mnist"));
    assert_eq!(suggestion("imagenet"), None);
    let error = open("./no/such/folder", &OpenOptions::default()).unwrap_err();
    assert!(matches!(error, DataError::Missing { .. }), "{error}");
}
