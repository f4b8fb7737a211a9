//! One test for each way in which an idx file can be broken.

use std::fs;
use std::io::Write;

use proptest::prelude::*;

use super::*;

fn parse(bytes: &[u8]) -> Result<IdxArray, DataError> {
    read_array(&mut &bytes[..], Path::new("file"), bytes.len() as u64)
}

fn all(_: &[u64]) -> Result<(), DataError> {
    Ok(())
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gz.write_all(bytes).unwrap();
    gz.finish().unwrap()
}

/// A folder with 6 training and 4 test images of 2x3 pixels, labels 0 1 2 0 1 2 and 0 1 2 0.
fn folder() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let train: Vec<u8> = (0..36).collect();
    let test: Vec<u8> = (100..124).collect();
    for (name, bytes) in [
        ("train-images-idx3-ubyte", encode(&[6, 2, 3], &train)),
        ("train-labels-idx1-ubyte", encode(&[6], &[0, 1, 2, 0, 1, 2])),
        ("t10k-images-idx3-ubyte.gz", gzip(&encode(&[4, 2, 3], &test))),
        ("t10k-labels-idx1-ubyte.gz", gzip(&encode(&[4], &[0, 1, 2, 0]))),
    ] {
        fs::write(dir.path().join(name), bytes).unwrap();
    }
    dir
}

#[test]
fn a_folder_of_plain_and_gzipped_files() {
    let dir = folder();
    assert_eq!(sets(dir.path()), [""]);
    let (train, test) = read_folder(dir.path(), None).unwrap();
    assert_eq!((train.len(), test.len(), train.shape()), (6, 4, Shape::new(1, 2, 3)));
    assert_eq!(train.image(1).unwrap()[..], [6, 7, 8, 9, 10, 11]);
    assert_eq!(test.labels(), [0, 1, 2, 0]);
    assert_eq!(train.classes(), ["0", "1", "2"]);
}

#[test]
fn labels_need_not_be_dense() {
    let dir = folder();
    let write = |name: &str, labels: &[u8]| {
        fs::write(dir.path().join(name), encode(&[labels.len() as u32], labels)).unwrap();
    };
    write("train-labels-idx1-ubyte", &[1, 1, 255, 7, 7, 1]);
    fs::remove_file(dir.path().join("t10k-labels-idx1-ubyte.gz")).unwrap();
    write("t10k-labels-idx1-ubyte", &[255, 7, 1, 1]);
    let (train, test) = read_folder(dir.path(), None).unwrap();
    assert_eq!(train.classes(), ["1", "7", "255"]);
    assert_eq!((train.labels(), test.labels()), (&[0, 0, 2, 1, 1, 0][..], &[2, 1, 0, 0][..]));

    write("t10k-labels-idx1-ubyte", &[255, 8, 1, 1]);
    let error = read_folder(dir.path(), None).unwrap_err();
    assert!(matches!(error, DataError::UnseenLabel { record: 1, label: 8, .. }), "{error}");
}

#[test]
fn label_out_of_range_names_the_record() {
    let dir = folder();
    let error = read_folder(dir.path(), Some(&["a", "b"])).unwrap_err();
    assert!(matches!(error, DataError::LabelOutOfRange { record: 2, label: 2, n_classes: 2, .. }), "{error}");
}

#[test]
fn a_class_without_a_sample_is_named() {
    let error = read_folder(folder().path(), Some(&["a", "b", "c", "d"])).unwrap_err();
    assert!(matches!(&error, DataError::EmptyClass { class, .. } if class == "d"), "{error}");
}

#[test]
fn count_mismatch() {
    let dir = folder();
    let labels = dir.path().join("train-labels-idx1-ubyte");
    fs::write(labels, encode(&[5], &[0, 1, 2, 0, 1])).unwrap();
    let error = read_folder(dir.path(), None).unwrap_err();
    assert!(matches!(error, DataError::CountMismatch { found: 5, expected: 6, .. }), "{error}");
}

#[test]
fn missing_file() {
    let dir = folder();
    fs::remove_file(dir.path().join("t10k-labels-idx1-ubyte.gz")).unwrap();
    let error = read_folder(dir.path(), None).unwrap_err();
    assert!(matches!(error, DataError::Missing { .. }), "{error}");
    assert!(error.to_string().contains("t10k-labels-idx1-ubyte"), "{error}");
}

#[test]
fn wrong_magic() {
    let good = encode(&[2], &[1, 2]);
    // A float array, no dimension, too many dimensions, another format's start.
    for (at, byte) in [(2, 0x0d), (3, 0), (3, 5), (0, b'P')] {
        let mut bytes = good.clone();
        bytes[at] = byte;
        assert!(matches!(parse(&bytes), Err(DataError::BadMagic { .. })), "byte {at} = {byte}");
    }
}

#[test]
fn truncated_at_each_byte() {
    let good = encode(&[2, 3], &[1, 2, 3, 4, 5, 6]);
    assert!(parse(&good).is_ok());
    for n in 0..good.len() {
        match parse(&good[..n]) {
            Err(DataError::Truncated { offset, expected, .. }) => {
                assert_eq!(offset, n as u64);
                assert!(expected > offset);
            }
            other => panic!("{n} bytes: {other:?}"),
        }
    }
}

#[test]
fn truncated_and_damaged_gzip() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("file.gz");
    let noise: Vec<u8> = (0..4000_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let packed = gzip(&encode(&[4000], &noise));
    fs::write(&path, &packed[..packed.len() / 2]).unwrap();
    assert!(matches!(read_file(&path, all), Err(DataError::Truncated { expected: 4008, .. })));
    let mut damaged = packed.clone();
    let crc = damaged.len() - 8;
    damaged[crc] ^= 1;
    fs::write(&path, damaged).unwrap();
    let error = read_file(&path, all).unwrap_err();
    assert!(matches!(error, DataError::BadCompression { .. }), "{error}");
}

#[test]
fn bytes_left_over() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("file");
    fs::write(&path, encode(&[2], &[1, 2, 3])).unwrap();
    assert!(matches!(read_file(&path, all), Err(DataError::TrailingBytes { expected: 10, .. })));
}

#[test]
fn impossible_dimensions() {
    assert!(matches!(parse(&encode(&[0, 4], &[])), Err(DataError::BadDimensions { .. })));
    let huge = encode(&[u32::MAX; 4], &[]);
    assert!(matches!(parse(&huge), Err(DataError::BadDimensions { .. })));
    // Larger than the file, addressable: refused by the bound, with nothing allocated.
    let large = encode(&[1 << 20, 1 << 10], &[0; 64]);
    assert!(matches!(parse(&large), Err(DataError::Truncated { offset: 76, .. })));
    // The bound of a gzip is its size times deflate's best ratio.
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("bomb.gz");
    fs::write(&path, gzip(&large)).unwrap();
    assert!(matches!(read_file(&path, all), Err(DataError::Truncated { .. })));
}

#[test]
fn images_and_labels_want_their_dimensions() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("file");
    fs::write(&path, encode(&[2, 2], &[1, 2, 3, 4])).unwrap();
    assert!(matches!(read_images(&path, &[], &path), Err(DataError::BadDimensions { .. })));
    assert!(matches!(read_labels(&path), Err(DataError::BadDimensions { .. })));
}

/// Files whose headers are kept by holes on the disk, so that only the headers can tell.
#[test]
fn what_the_headers_say_is_checked_before_the_elements_are_read() {
    let dir = folder();
    let hole = |name: &str, dims: &[u32]| {
        let path = dir.path().join(name);
        fs::write(&path, encode(dims, &[])).unwrap();
        let elements: u64 = dims.iter().map(|&d| u64::from(d)).product();
        fs::File::options().write(true).open(path).unwrap().set_len(4 + 4 * dims.len() as u64 + elements).unwrap();
        read_folder(dir.path(), None).unwrap_err()
    };
    let error = hole("train-images-idx3-ubyte", &[7, 1 << 14, 1 << 14]);
    assert!(matches!(error, DataError::CountMismatch { found: 6, expected: 7, .. }), "{error}");
    let error = hole("train-images-idx3-ubyte", &[6, 1 << 16, 1 << 14]);
    assert!(matches!(error, DataError::BadShape { .. }), "{error}");
    let error = hole("train-images-idx3-ubyte", &[1 << 24, 1 << 14, 1 << 3]);
    assert!(matches!(error, DataError::BadDimensions { .. }), "{error}");
    let error = hole("train-labels-idx1-ubyte", &[u32::MAX]);
    assert!(matches!(error, DataError::TooManyRecords { what: "labels", .. }), "{error}");
}

/// EMNIST's files, in which rows and columns change places.
#[test]
fn sets_with_a_name_before_their_files_names() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| fs::write(dir.path().join(name), bytes).unwrap();
    // 1 2 3     1 4
    // 4 5 6  →  2 5
    //           3 6
    for set in ["emnist-letters", "emnist-digits"] {
        write(
            &format!("{set}-train-images-idx3-ubyte.gz"),
            &gzip(&encode(&[2, 2, 3], &[1, 2, 3, 4, 5, 6, 0, 0, 9, 0, 0, 0])),
        );
        write(&format!("{set}-train-labels-idx1-ubyte.gz"), &gzip(&encode(&[2], &[1, 26])));
        write(&format!("{set}-test-images-idx3-ubyte"), &encode(&[1, 2, 3], &[7; 6]));
        write(&format!("{set}-test-labels-idx1-ubyte"), &encode(&[1], &[26]));
    }
    write("emnist-letters-mapping.txt", b"1 65 97");
    assert_eq!(sets(dir.path()), ["emnist-digits-", "emnist-letters-"]);
    let (train, test) = read_set(dir.path(), "emnist-letters-", None).unwrap();
    assert_eq!(train.shape(), Shape::new(1, 3, 2));
    assert_eq!(
        (&train.image(0).unwrap()[..], &train.image(1).unwrap()[..]),
        (&[1, 4, 2, 5, 3, 6][..], &[0, 0, 0, 0, 9, 0][..])
    );
    assert_eq!((train.classes(), test.labels()), (&["1".to_string(), "26".into()][..], &[1][..]));
    assert_eq!(sets(folder().path()), [""]);
    assert!(sets(&dir.path().join("nowhere")).is_empty());
}

proptest! {
    #[test]
    fn any_array_round_trips(rows in 1_u32..9, cols in 1_u32..9, fill: u8) {
        let data = vec![fill; (rows * cols) as usize];
        let array = parse(&encode(&[rows, cols], &data)).unwrap();
        prop_assert_eq!(array.dims, [rows as usize, cols as usize]);
        prop_assert_eq!(array.data, data);
    }

    #[test]
    fn random_bytes_never_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        valid_magic: bool,
        dims in 1_u8..5,
        unknown_size: bool,
    ) {
        let mut bytes = bytes;
        if valid_magic && bytes.len() >= 4 {
            bytes[..4].copy_from_slice(&[0, 0, 8, dims]);
        }
        let at_most = if unknown_size { u64::MAX } else { bytes.len() as u64 };
        if let Ok(array) = read_array(&mut &bytes[..], Path::new("file"), at_most) {
            prop_assert!(array.data.len() <= bytes.len());
            prop_assert_eq!(array.dims.iter().product::<usize>(), array.data.len());
        }
    }

    #[test]
    fn random_gzip_content_never_panics(
        bytes in prop::collection::vec(any::<u8>(), 0..200), flip in 0_usize..200,
    ) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file.gz");
        let mut packed = gzip(&bytes);
        let at = flip % packed.len();
        packed[at] ^= 0x55;
        fs::write(&path, packed).unwrap();
        let _ = read_file(&path, all);
    }
}
