//! The idx format of MNIST and Fashion-MNIST, plain or gzipped.
//!
//! ```text
//! byte 0..2  zero
//! byte 2     element type; 0x08 = unsigned byte, the only one read here
//! byte 3     number of dimensions d
//! 4·d bytes  the dimensions, big-endian u32
//! rest       the elements, row-major
//! ```
//!
//! Source: Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits".

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::dataset::{Dataset, Shape};
use crate::error::DataError;
use crate::files;

/// An array of unsigned bytes, as one idx file holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct IdxArray {
    /// The dimensions; their product is `data.len()`.
    pub(crate) dims: Vec<usize>,
    /// The elements, row-major.
    pub(crate) data: Vec<u8>,
}

/// More dimensions than this is a foreign file.
const MAX_DIMS: u8 = 4;

/// The most labels of a file.
const MAX_LABELS: u64 = 1 << 26;

/// The most elements of an array: 64 GiB.
const MAX_ELEMENTS: u64 = 1 << 36;

/// What stands before the elements.
struct Header {
    /// The dimensions, none of them zero.
    sizes: Vec<u64>,
    /// Its own bytes.
    bytes: u64,
    /// The product of the dimensions.
    elements: u64,
}

/// Reads one array from `reader`, leaving what follows it unread. `path` is named in errors;
/// `at_most` bounds the number of bytes that `reader` can give (`u64::MAX` when unknown), so that a
/// header that promises more is refused before anything is allocated.
///
/// # Errors
/// [`Truncated`](DataError::Truncated), [`BadMagic`](DataError::BadMagic),
/// [`BadDimensions`](DataError::BadDimensions), [`BadCompression`](DataError::BadCompression),
/// [`Io`](DataError::Io).
pub(crate) fn read_array(reader: &mut dyn Read, path: &Path, at_most: u64) -> Result<IdxArray, DataError> {
    read_header(reader, path, at_most)?.elements(reader, path)
}

fn read_header(reader: &mut dyn Read, path: &Path, at_most: u64) -> Result<Header, DataError> {
    let magic = read_part(reader, path, "the magic", 0, 4)?;
    if magic[..2] != [0, 0] || magic[2] != 0x08 || magic[3] == 0 || magic[3] > MAX_DIMS {
        return Err(DataError::BadMagic {
            path: path.to_owned(),
            found: magic,
            expected: format!("00 00 08 d: an idx file of unsigned bytes with d = 1..={MAX_DIMS}"),
        });
    }
    let bytes = 4 + 4 * u64::from(magic[3]);
    let sizes: Vec<u64> = read_part(reader, path, "the dimensions", 4, bytes - 4)?
        .chunks_exact(4)
        .map(|b| u64::from(u32::from_be_bytes([b[0], b[1], b[2], b[3]])))
        .collect();
    if sizes.contains(&0) {
        return Err(wrong_dims(path, &sizes, "no dimension of zero"));
    }
    let elements = sizes
        .iter()
        .try_fold(1_u64, |n, &d| n.checked_mul(d))
        .filter(|n| *n <= MAX_ELEMENTS && usize::try_from(*n).is_ok())
        .ok_or_else(|| wrong_dims(path, &sizes, &format!("a product of at most {MAX_ELEMENTS}")))?;
    if bytes + elements > at_most {
        return Err(DataError::Truncated {
            path: path.to_owned(),
            what: format!("an idx array of {sizes:?}"),
            offset: at_most,
            expected: bytes + elements,
        });
    }
    Ok(Header { sizes, bytes, elements })
}

impl Header {
    /// Reads what follows.
    fn elements(self, reader: &mut dyn Read, path: &Path) -> Result<IdxArray, DataError> {
        let data = read_part(reader, path, "the elements", self.bytes, self.elements)?;
        Ok(IdxArray { dims: self.sizes.into_iter().map(|d| d as usize).collect(), data })
    }
}

/// Reads a whole idx file, plain or gzipped (told by its content). `check` sees the dimensions before the elements
/// are read.
///
/// # Errors
/// Those of [`read_array`] and of `check`, [`Missing`](DataError::Missing), and
/// [`TrailingBytes`](DataError::TrailingBytes) when the file goes on after the array.
fn read_file(path: &Path, check: impl FnOnce(&[u64]) -> Result<(), DataError>) -> Result<IdxArray, DataError> {
    let mut bounded = files::open_bounded(path, "an idx file")?;
    let header = read_header(&mut bounded.reader, path, bounded.at_most)?;
    check(&header.sizes)?;
    let end = header.bytes + header.elements;
    let array = header.elements(&mut bounded.reader, path)?;
    let (rest, outcome) = files::read_up_to(&mut bounded.reader, 1);
    outcome.map_err(|e| read_error(path, end, e))?;
    if !rest.is_empty() {
        return Err(DataError::TrailingBytes { path: path.to_owned(), expected: end });
    }
    Ok(array)
}

/// Reads images (3 dimensions: count, height, width), of which there are as many as `labels` has in the file
/// `labels_path`.
///
/// # Errors
/// Those of [`read_file`]; [`BadDimensions`](DataError::BadDimensions) for another number of them,
/// [`BadShape`](DataError::BadShape), [`CountMismatch`](DataError::CountMismatch).
fn read_images(path: &Path, labels: &[u8], labels_path: &Path) -> Result<(Shape, Vec<u8>), DataError> {
    let mut shape = Shape::new(1, 0, 0);
    let array = read_file(path, |sizes| {
        let &[images, height, width] = sizes else {
            return Err(wrong_dims(path, sizes, "3: count, height, width"));
        };
        shape = Shape::new(1, height as usize, width as usize);
        if !shape.is_usable() {
            return Err(DataError::BadShape { shape, max: Shape::MAX_VALUES });
        }
        if images == labels.len() as u64 {
            return Ok(());
        }
        Err(DataError::CountMismatch {
            path: labels_path.to_owned(),
            what: "labels",
            found: labels.len(),
            expected: images as usize,
            because: format!("the number of images in {}", path.display()),
        })
    })?;
    Ok((shape, array.data))
}

/// Reads labels (1 dimension).
///
/// # Errors
/// Those of [`read_file`]; [`BadDimensions`](DataError::BadDimensions) for another number of them,
/// [`TooManyRecords`](DataError::TooManyRecords).
fn read_labels(path: &Path) -> Result<Vec<u8>, DataError> {
    let array = read_file(path, |sizes| match *sizes {
        [labels] if labels <= MAX_LABELS => Ok(()),
        [found] => Err(DataError::TooManyRecords { path: path.to_owned(), what: "labels", found, most: MAX_LABELS }),
        _ => Err(wrong_dims(path, sizes, "1: count")),
    })?;
    Ok(array.data)
}

/// Reads the four files of a folder: `train` and `t10k` (or `test`), `-images-idx3-ubyte` and
/// `-labels-idx1-ubyte`, each with or without `.gz`.
///
/// With `names`, label `i` is class `names[i]`. Without, the classes are the labels that the
/// training images have, in increasing order, named by their numbers.
///
/// # Errors
/// [`Missing`](DataError::Missing); [`BadMagic`](DataError::BadMagic),
/// [`BadDimensions`](DataError::BadDimensions), [`Truncated`](DataError::Truncated),
/// [`TrailingBytes`](DataError::TrailingBytes) or [`BadCompression`](DataError::BadCompression) for each of
/// the files; [`CountMismatch`](DataError::CountMismatch) between images and labels;
/// [`LabelOutOfRange`](DataError::LabelOutOfRange) or [`UnseenLabel`](DataError::UnseenLabel);
/// [`EmptyClass`](DataError::EmptyClass).
///
/// ```
/// use arcsphere_data::idx;
///
/// // Two training images of 1x2 pixels with the labels 3 and 5, and one test image.
/// let dir = tempfile::tempdir().unwrap();
/// let write = |name: &str, bytes: &[u8]| std::fs::write(dir.path().join(name), bytes).unwrap();
/// write("train-images-idx3-ubyte", &[0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2, 10, 20, 30, 40]);
/// write("train-labels-idx1-ubyte", &[0, 0, 8, 1, 0, 0, 0, 2, 3, 5]);
/// write("t10k-images-idx3-ubyte", &[0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 2, 50, 60]);
/// write("t10k-labels-idx1-ubyte", &[0, 0, 8, 1, 0, 0, 0, 1, 5]);
/// let (train, test) = idx::read_folder(dir.path(), None)?;
/// assert_eq!((train.classes(), test.labels()), (&["3".to_string(), "5".into()][..], &[1][..]));
/// assert_eq!(train.image(1)?[..], [30, 40]);
/// # Ok::<(), arcsphere_data::DataError>(())
/// ```
pub fn read_folder(dir: &Path, names: Option<&[&str]>) -> Result<(Dataset, Dataset), DataError> {
    read_set(dir, "", names)
}

/// As [`read_folder`], of files whose names begin with `prefix`, one of [`sets`]. The images of EMNIST, which are
/// stored column by column, are turned upright.
pub(crate) fn read_set(dir: &Path, prefix: &str, names: Option<&[&str]>) -> Result<(Dataset, Dataset), DataError> {
    let (shape, pixels, labels, labels_path) = read_pair(dir, prefix, &["train"])?;
    let (test_shape, test_pixels, test_labels, test_path) = read_pair(dir, prefix, &["t10k", "test"])?;
    let mut present = [false; 256];
    for &label in &labels {
        present[usize::from(label)] = true;
    }
    let values: Vec<u8> = match names {
        Some(names) => (0..names.len().min(256) as u16).map(|v| v as u8).collect(),
        None => (0..=255).filter(|&v| present[usize::from(v)]).collect(),
    };
    let classes: Vec<String> = match names {
        Some(names) => names.iter().map(ToString::to_string).collect(),
        None => values.iter().map(ToString::to_string).collect(),
    };
    let dense = |labels: &[u8], path: &Path| -> Result<Vec<u32>, DataError> {
        let look_up = |(record, &label): (usize, &u8)| {
            let label_u32 = u32::from(label);
            values.binary_search(&label).map(|i| i as u32).map_err(|_| match names {
                Some(names) => DataError::LabelOutOfRange {
                    origin: path.display().to_string(),
                    record,
                    label: label_u32,
                    n_classes: names.len(),
                },
                None => DataError::UnseenLabel { path: path.to_owned(), record, label: label_u32 },
            })
        };
        labels.iter().enumerate().map(look_up).collect()
    };
    let (train_labels, test_labels) = (dense(&labels, &labels_path)?, dense(&test_labels, &test_path)?);
    let train = Dataset::in_memory("train", shape, pixels, train_labels, classes.clone())?;
    train.require_every_class(&labels_path.display().to_string())?;
    Ok((train, Dataset::in_memory("test", test_shape, test_pixels, test_labels, classes)?))
}

/// What stands before the names of the training images of each idx set in `dir`: nothing, or `emnist-letters-`.
pub(crate) fn sets(dir: &Path) -> Vec<String> {
    let names = files::list(dir, "a folder").unwrap_or_default();
    let mut sets: Vec<String> = names.iter().filter_map(|path| prefix_of(path)).collect();
    sets.sort_unstable();
    sets.dedup();
    sets
}

fn prefix_of(path: &Path) -> Option<String> {
    let name = path.file_name()?.to_str()?;
    let name = name.strip_suffix(".gz").unwrap_or(name).strip_suffix("idx3-ubyte")?;
    let prefix = name.strip_suffix(['-', '.'])?.strip_suffix("train-images")?;
    path.is_file().then(|| prefix.to_owned())
}

/// True for a set of which rows and columns change places.
pub(crate) fn is_transposed(prefix: &str) -> bool {
    prefix.to_lowercase().starts_with("emnist")
}

type Pair = (Shape, Vec<u8>, Vec<u8>, PathBuf);

fn read_pair(dir: &Path, prefix: &str, stems: &[&str]) -> Result<Pair, DataError> {
    let images_path = find(dir, prefix, stems, "images", 3)?;
    let labels_path = find(dir, prefix, stems, "labels", 1)?;
    // The small file first: a mismatch between a header and its file shows before the large read.
    let labels = read_labels(&labels_path)?;
    let (mut shape, mut pixels) = read_images(&images_path, &labels, &labels_path)?;
    if is_transposed(prefix) {
        let (height, width) = (shape.height, shape.width);
        for image in pixels.chunks_exact_mut(shape.plane().max(1)) {
            let upright: Vec<u8> = (0..width).flat_map(|x| image.iter().skip(x).step_by(width).copied()).collect();
            image.copy_from_slice(&upright);
        }
        (shape.height, shape.width) = (width, height);
    }
    Ok((shape, pixels, labels, labels_path))
}

/// The file of one role, by any of the spellings in use.
fn find(dir: &Path, prefix: &str, stems: &[&str], kind: &str, dims: u8) -> Result<PathBuf, DataError> {
    for stem in stems {
        for separator in ['-', '.'] {
            for suffix in ["", ".gz"] {
                let path = dir.join(format!("{prefix}{stem}-{kind}{separator}idx{dims}-ubyte{suffix}"));
                if path.is_file() {
                    return Ok(path);
                }
            }
        }
    }
    let stem = stems.first().copied().unwrap_or_default();
    Err(DataError::Missing {
        path: dir.join(format!("{prefix}{stem}-{kind}-idx{dims}-ubyte")),
        expected: format!("the {kind} as an idx file, plain or .gz"),
    })
}

/// Reads exactly `n` bytes that begin at `offset` of the file.
fn read_part(reader: &mut dyn Read, path: &Path, what: &str, offset: u64, n: u64) -> Result<Vec<u8>, DataError> {
    let (bytes, outcome) = files::read_up_to(reader, n);
    let end = offset + bytes.len() as u64;
    match outcome {
        Err(e) if e.kind() != io::ErrorKind::UnexpectedEof => Err(read_error(path, end, e)),
        Ok(()) if bytes.len() as u64 == n => Ok(bytes),
        _ => Err(DataError::Truncated {
            path: path.to_owned(),
            what: what.to_owned(),
            offset: end,
            expected: offset + n,
        }),
    }
}

/// A gzip's decoder reports damage as invalid input or data; anything else is the system's.
fn read_error(path: &Path, offset: u64, e: io::Error) -> DataError {
    use io::ErrorKind::{InvalidData, InvalidInput, UnexpectedEof};
    match e.kind() {
        InvalidData | InvalidInput | UnexpectedEof => {
            DataError::BadCompression { path: path.to_owned(), offset, reason: e.to_string() }
        }
        _ => DataError::io(path, "read", e),
    }
}

fn wrong_dims(path: &Path, found: &[u64], expected: &str) -> DataError {
    DataError::BadDimensions { path: path.to_owned(), found: found.to_vec(), expected: expected.to_owned() }
}

/// An idx file's bytes, for this crate's tests.
#[cfg(test)]
pub(crate) fn encode(dims: &[u32], data: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0, 0, 8, dims.len() as u8];
    for d in dims {
        bytes.extend_from_slice(&d.to_be_bytes());
    }
    bytes.extend_from_slice(data);
    bytes
}

#[cfg(test)]
mod tests;
