//! The binary format of CIFAR-10 and CIFAR-100.
//!
//! A file is records and nothing else: a label byte (CIFAR-10) or a coarse and a fine one
//! (CIFAR-100, whose fine label is used), then 3 planes (red, green, blue) of 32x32 bytes.
//!
//! Source: A. Krizhevsky, "Learning Multiple Layers of Features from Tiny Images" (2009).

use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use crate::dataset::{Dataset, Shape};
use crate::error::DataError;
use crate::walk::LeftOut;
use crate::{files, found};

/// Shape of every CIFAR image.
pub(crate) const SHAPE: Shape = Shape::new(3, 32, 32);

/// The most records that a file may have: as many as a whole set has. More is a hole on the disk, or another set.
const MAX_RECORDS: u64 = 60_000;

/// Which of the two sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cifar {
    /// 10 classes, 3073-byte records, five training files.
    Ten,
    /// 100 fine classes in 20 coarse ones, 3074-byte records, one training file.
    Hundred,
}

impl Cifar {
    /// Label bytes before the planes; the last one is the label used.
    const fn label_bytes(self) -> usize {
        match self {
            Self::Ten => 1,
            Self::Hundred => 2,
        }
    }

    /// Bytes of one record.
    const fn record_bytes(self) -> usize {
        self.label_bytes() + 3072
    }

    /// The standard class names.
    fn standard_classes(self) -> Vec<String> {
        let names = match self {
            Self::Ten => CIFAR_10,
            Self::Hundred => CIFAR_100,
        };
        names.split_whitespace().map(str::to_owned).collect()
    }

    fn train_files(self) -> &'static [&'static str] {
        match self {
            Self::Ten => {
                &["data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin", "data_batch_5.bin"]
            }
            Self::Hundred => &["train.bin"],
        }
    }

    fn test_file(self) -> &'static str {
        match self {
            Self::Ten => "test_batch.bin",
            Self::Hundred => "test.bin",
        }
    }

    fn names_file(self) -> &'static str {
        match self {
            Self::Ten => "batches.meta.txt",
            Self::Hundred => "fine_label_names.txt",
        }
    }

    /// True when `dir` holds a training file of this set.
    pub(crate) fn is_in(self, dir: &Path) -> bool {
        self.train_files().iter().any(|name| dir.join(name).is_file())
            && (self == Self::Ten || dir.join(self.test_file()).is_file())
    }
}

/// Reads the training and the test images of a folder, with the class names of
/// `batches.meta.txt` or `fine_label_names.txt` when it is there and the standard ones otherwise.
///
/// # Errors
/// [`Missing`](DataError::Missing) for each file that the set has;
/// [`Truncated`](DataError::Truncated) when a file is not a whole number of records;
/// [`NoClasses`](DataError::NoClasses) for the version for Python;
/// [`TooManyRecords`](DataError::TooManyRecords) for more than a set has, before any memory is taken for them;
/// [`EmptySet`](DataError::EmptySet); [`LabelOutOfRange`](DataError::LabelOutOfRange);
/// [`CountMismatch`](DataError::CountMismatch) or [`DuplicateClass`](DataError::DuplicateClass) for
/// the names; [`EmptyClass`](DataError::EmptyClass) when the training images lack a class.
///
/// ```
/// use arcsphere_data::cifar::{self, Cifar};
///
/// // One gray record of each of the 100 fine labels, all of the coarse label 0.
/// let dir = tempfile::tempdir().unwrap();
/// let records: Vec<u8> = (0..100).flat_map(|fine| [&[0, fine][..], &[128; 3072]].concat()).collect();
/// std::fs::write(dir.path().join("train.bin"), &records).unwrap();
/// std::fs::write(dir.path().join("test.bin"), &records[..3074]).unwrap();
/// let (train, test) = cifar::read_folder(dir.path(), Cifar::Hundred)?;
/// assert_eq!((train.len(), test.len(), train.classes()[99].as_str()), (100, 1, "worm"));
/// # Ok::<(), arcsphere_data::DataError>(())
/// ```
pub fn read_folder(dir: &Path, which: Cifar) -> Result<(Dataset, Dataset), DataError> {
    if !which.is_in(dir) && found::python_cifar(dir).is_some() {
        return Err(found::no_class(dir, &[], &LeftOut::new()));
    }
    let classes = read_classes(dir, which)?;
    let paths: Vec<PathBuf> = which.train_files().iter().map(|f| dir.join(f)).collect();
    let train = read_files("train", &paths, which, &classes)?;
    train.require_every_class(&dir.display().to_string())?;
    let test = read_files("test", &[dir.join(which.test_file())], which, &classes)?;
    Ok((train, test))
}

fn read_files(part: &'static str, paths: &[PathBuf], which: Cifar, classes: &[String]) -> Result<Dataset, DataError> {
    let mut pixels = Vec::new();
    let mut labels = Vec::new();
    for path in paths {
        read_file(path, which, &mut pixels, &mut labels)?;
    }
    Dataset::in_memory(part, SHAPE, pixels, labels, classes.to_vec())
}

/// Appends the records of one file.
fn read_file(path: &Path, which: Cifar, pixels: &mut Vec<u8>, labels: &mut Vec<u32>) -> Result<(), DataError> {
    let file = files::open(path, "a CIFAR binary file")?;
    let size = file.metadata().map_err(|e| DataError::io(path, "read the size", e))?.len();
    read_records(&mut BufReader::with_capacity(1 << 17, file), size, path, which, pixels, labels)
}

/// Appends the records of a stream of `size` bytes.
fn read_records(
    reader: &mut dyn Read,
    size: u64,
    path: &Path,
    which: Cifar,
    pixels: &mut Vec<u8>,
    labels: &mut Vec<u32>,
) -> Result<(), DataError> {
    let record_bytes = which.record_bytes() as u64;
    let n_classes = which.standard_classes().len();
    if size == 0 {
        return Err(DataError::EmptySet { origin: path.display().to_string() });
    }
    let truncated = |record: u64, offset: u64| DataError::Truncated {
        path: path.to_owned(),
        what: format!("record {record}"),
        offset,
        expected: (record + 1) * record_bytes,
    };
    if !size.is_multiple_of(record_bytes) {
        return Err(truncated(size / record_bytes, size));
    }
    if size / record_bytes > MAX_RECORDS {
        let (path, found) = (path.to_owned(), size / record_bytes);
        return Err(DataError::TooManyRecords { path, what: "records", found, most: MAX_RECORDS });
    }
    let records = (size / record_bytes) as usize;
    let bytes = records.saturating_mul(3072);
    pixels
        .try_reserve(bytes)
        .map_err(|_| DataError::TooLarge { origin: path.display().to_string(), bytes: bytes as u64 })?;
    labels.reserve(records);
    let mut buffer = vec![0; which.record_bytes()];
    for record in 0..records {
        reader.read_exact(&mut buffer).map_err(|e| match e.kind() {
            // The file shrank while it was read.
            std::io::ErrorKind::UnexpectedEof => truncated(record as u64, record as u64 * record_bytes),
            _ => DataError::io(path, "read", e),
        })?;
        let (head, planes) = buffer.split_at(which.label_bytes());
        let label = u32::from(head.last().copied().unwrap_or_default());
        if label as usize >= n_classes {
            let origin = path.display().to_string();
            return Err(DataError::LabelOutOfRange { origin, record, label, n_classes });
        }
        labels.push(label);
        pixels.extend_from_slice(planes);
    }
    Ok(())
}

/// Class names of a folder, one a line.
fn read_classes(dir: &Path, which: Cifar) -> Result<Vec<String>, DataError> {
    let standard = which.standard_classes();
    let path = dir.join(which.names_file());
    if !path.is_file() {
        return Ok(standard);
    }
    let text = files::read_text(&path, 1 << 16)?;
    let names: Vec<String> = text.lines().map(str::trim).filter(|l| !l.is_empty()).map(str::to_owned).collect();
    if names.len() != standard.len() {
        return Err(DataError::CountMismatch {
            path,
            what: "class names",
            found: names.len(),
            expected: standard.len(),
            because: "the set's number of classes".into(),
        });
    }
    Ok(names)
}

const CIFAR_10: &str = "airplane automobile bird cat deer dog frog horse ship truck";

const CIFAR_100: &str = "apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy \
    bridge bus butterfly camel can castle caterpillar cattle chair chimpanzee clock cloud cockroach \
    couch crab crocodile cup dinosaur dolphin elephant flatfish forest fox girl hamster house \
    kangaroo keyboard lamp lawn_mower leopard lion lizard lobster man maple_tree motorcycle mountain \
    mouse mushroom oak_tree orange orchid otter palm_tree pear pickup_truck pine_tree plain plate \
    poppy porcupine possum rabbit raccoon ray road rocket rose sea seal shark shrew skunk skyscraper \
    snail snake spider squirrel streetcar sunflower sweet_pepper table tank telephone television \
    tiger tractor train trout tulip turtle wardrobe whale willow_tree wolf woman worm";

#[cfg(test)]
mod tests {
    use std::fs;

    use proptest::prelude::*;

    use super::*;

    /// Records whose planes are filled with 1, 2, 3 and whose labels are given.
    pub(crate) fn records(which: Cifar, labels: &[u8]) -> Vec<u8> {
        let planes = [[1; 1024], [2; 1024], [3; 1024]].concat();
        labels
            .iter()
            .flat_map(|&label| {
                // The coarse label is made to differ, so that taking it for the fine one shows.
                let head = [label.wrapping_add(1), label];
                [&head[2 - which.label_bytes()..], &planes].concat()
            })
            .collect()
    }

    fn ten() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for (i, name) in Cifar::Ten.train_files().iter().enumerate() {
            let labels = [2 * i as u8, 2 * i as u8 + 1];
            fs::write(dir.path().join(name), records(Cifar::Ten, &labels)).unwrap();
        }
        fs::write(dir.path().join("test_batch.bin"), records(Cifar::Ten, &[9, 0])).unwrap();
        dir
    }

    #[test]
    fn cifar_10() {
        let dir = ten();
        assert!(Cifar::Ten.is_in(dir.path()) && !Cifar::Hundred.is_in(dir.path()));
        let (train, test) = read_folder(dir.path(), Cifar::Ten).unwrap();
        assert_eq!(train.labels(), (0..10).collect::<Vec<_>>());
        assert_eq!(test.labels(), [9, 0]);
        assert_eq!(train.classes()[9], "truck");
        assert_eq!(
            (train.image(1).unwrap()[0], train.image(1).unwrap()[1024], train.image(1).unwrap()[3071]),
            (1, 2, 3)
        );
    }

    #[test]
    fn cifar_100_uses_the_fine_label() {
        let dir = tempfile::tempdir().unwrap();
        let all: Vec<u8> = (0..100).collect();
        fs::write(dir.path().join("train.bin"), records(Cifar::Hundred, &all)).unwrap();
        fs::write(dir.path().join("test.bin"), records(Cifar::Hundred, &[42, 99])).unwrap();
        assert!(Cifar::Hundred.is_in(dir.path()) && !Cifar::Ten.is_in(dir.path()));
        let (train, test) = read_folder(dir.path(), Cifar::Hundred).unwrap();
        assert_eq!((train.len(), train.n_classes()), (100, 100));
        assert_eq!(test.labels(), [42, 99]);
        assert_eq!((train.classes()[0].as_str(), train.classes()[99].as_str()), ("apple", "worm"));
        assert_eq!(train.image(7).unwrap()[1023..1025], [1, 2]);
    }

    #[test]
    fn names_from_the_folder() {
        let dir = ten();
        let path = dir.path().join("batches.meta.txt");
        fs::write(&path, "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\n\n").unwrap();
        assert_eq!(read_folder(dir.path(), Cifar::Ten).unwrap().1.classes()[9], "j");
        fs::write(&path, "a\nb\n").unwrap();
        let error = read_folder(dir.path(), Cifar::Ten).unwrap_err();
        assert!(matches!(error, DataError::CountMismatch { found: 2, expected: 10, .. }), "{error}");
        fs::write(&path, "a\nb\nc\nd\ne\nf\ng\nh\ni\na\n").unwrap();
        let error = read_folder(dir.path(), Cifar::Ten).unwrap_err();
        assert!(matches!(error, DataError::DuplicateClass { .. }), "{error}");
    }

    #[test]
    fn each_missing_file_is_named() {
        for name in ["data_batch_3.bin", "test_batch.bin"] {
            let dir = ten();
            fs::remove_file(dir.path().join(name)).unwrap();
            let error = read_folder(dir.path(), Cifar::Ten).unwrap_err();
            assert!(matches!(&error, DataError::Missing { path, .. } if path.ends_with(name)), "{error}");
        }
    }

    #[test]
    fn truncated_record() {
        let dir = ten();
        let path = dir.path().join("data_batch_2.bin");
        fs::write(&path, &records(Cifar::Ten, &[2, 3])[..4000]).unwrap();
        match read_folder(dir.path(), Cifar::Ten) {
            Err(DataError::Truncated { path: found, offset: 4000, expected: 6146, .. }) => {
                assert_eq!(found, path);
            }
            other => panic!("{other:?}"),
        }
    }

    /// 12 TB that take no room on the disk, of which not one record is read.
    #[test]
    fn a_file_with_a_hole_is_refused_before_memory_is_taken() {
        let dir = ten();
        let path = dir.path().join("data_batch_2.bin");
        let records = 4_000_000_000;
        fs::File::create(&path).unwrap().set_len(records * 3073).unwrap();
        let error = read_folder(dir.path(), Cifar::Ten).unwrap_err();
        assert!(
            matches!(&error, DataError::TooManyRecords { found, most: 60_000, .. } if *found == records),
            "{error}"
        );
        // As many as the set has are read, here up to the end of the stream.
        let (mut pixels, mut labels) = (Vec::new(), Vec::new());
        let error = read_records(&mut &[0_u8; 3073][..], 60_000 * 3073, &path, Cifar::Ten, &mut pixels, &mut labels);
        assert!(matches!(error, Err(DataError::Truncated { offset: 3073, .. })));
    }

    #[test]
    fn empty_file() {
        let dir = ten();
        fs::write(dir.path().join("test_batch.bin"), []).unwrap();
        assert!(matches!(read_folder(dir.path(), Cifar::Ten), Err(DataError::EmptySet { .. })));
    }

    #[test]
    fn label_out_of_range_names_file_and_record() {
        let dir = ten();
        let path = dir.path().join("data_batch_4.bin");
        fs::write(&path, records(Cifar::Ten, &[6, 10])).unwrap();
        match read_folder(dir.path(), Cifar::Ten) {
            Err(DataError::LabelOutOfRange { origin, record: 1, label: 10, n_classes: 10 }) => {
                assert_eq!(origin, path.display().to_string());
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_class_without_a_sample_is_named() {
        let dir = ten();
        fs::write(dir.path().join("data_batch_5.bin"), records(Cifar::Ten, &[8, 8])).unwrap();
        let error = read_folder(dir.path(), Cifar::Ten).unwrap_err();
        assert!(matches!(&error, DataError::EmptyClass { class, .. } if class == "truck"));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn random_bytes_never_panic(
            seed in prop::collection::vec(any::<u8>(), 1..64),
            n in 0_usize..10_000,
            stated in prop::option::of(0_u64..1 << 14),
            hundred: bool,
        ) {
            let which = if hundred { Cifar::Hundred } else { Cifar::Ten };
            let bytes: Vec<u8> = seed.iter().copied().cycle().take(n).collect();
            let size = stated.unwrap_or(n as u64);
            let (mut pixels, mut labels) = (Vec::new(), Vec::new());
            let read = read_records(
                &mut &bytes[..], size, Path::new("file"), which, &mut pixels, &mut labels,
            );
            if read.is_ok() {
                prop_assert_eq!(pixels.len(), labels.len() * 3072);
                prop_assert!(labels.len() * which.record_bytes() <= n);
            }
        }
    }
}
