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

/// Reads one array from `reader`, leaving what follows it unread. `path` is named in errors;
/// `at_most` bounds the number of bytes that `reader` can give (`u64::MAX` when unknown), so that a
/// header that promises more is refused before anything is allocated.
///
/// # Errors
/// [`Truncated`](DataError::Truncated), [`BadMagic`](DataError::BadMagic),
/// [`BadDimensions`](DataError::BadDimensions), [`BadCompression`](DataError::BadCompression),
/// [`Io`](DataError::Io).
pub(crate) fn read_array(reader: &mut dyn Read, path: &Path, at_most: u64) -> Result<IdxArray, DataError> {
    let magic = read_part(reader, path, "the magic", 0, 4)?;
    if magic[..2] != [0, 0] || magic[2] != 0x08 || magic[3] == 0 || magic[3] > MAX_DIMS {
        return Err(DataError::BadMagic {
            path: path.to_owned(),
            found: magic,
            expected: format!("00 00 08 d: an idx file of unsigned bytes with d = 1..={MAX_DIMS}"),
        });
    }
    let header = 4 + 4 * u64::from(magic[3]);
    let sizes: Vec<u64> = read_part(reader, path, "the dimensions", 4, header - 4)?
        .chunks_exact(4)
        .map(|b| u64::from(u32::from_be_bytes([b[0], b[1], b[2], b[3]])))
        .collect();
    let bad = |expected: &str| DataError::BadDimensions {
        path: path.to_owned(),
        found: sizes.clone(),
        expected: expected.to_owned(),
    };
    if sizes.contains(&0) {
        return Err(bad("no dimension of zero"));
    }
    let elements = sizes
        .iter()
        .try_fold(1_u64, |n, &d| n.checked_mul(d))
        .filter(|n| usize::try_from(*n).is_ok() && n.checked_add(header).is_some())
        .ok_or_else(|| bad("a product that can be addressed"))?;
    if header + elements > at_most {
        return Err(DataError::Truncated {
            path: path.to_owned(),
            what: format!("an idx array of {sizes:?}"),
            offset: at_most,
            expected: header + elements,
        });
    }
    let data = read_part(reader, path, "the elements", header, elements)?;
    Ok(IdxArray { dims: sizes.into_iter().map(|d| d as usize).collect(), data })
}

/// Reads a whole idx file, plain or gzipped (told by its content).
///
/// # Errors
/// Those of [`read_array`], [`Missing`](DataError::Missing), and
/// [`TrailingBytes`](DataError::TrailingBytes) when the file goes on after the array.
pub(crate) fn read_file(path: &Path) -> Result<IdxArray, DataError> {
    let mut bounded = files::open_bounded(path, "an idx file")?;
    let array = read_array(&mut bounded.reader, path, bounded.at_most)?;
    let end = 4 + 4 * array.dims.len() as u64 + array.data.len() as u64;
    let (rest, outcome) = files::read_up_to(&mut bounded.reader, 1);
    outcome.map_err(|e| read_error(path, end, e))?;
    if !rest.is_empty() {
        return Err(DataError::TrailingBytes { path: path.to_owned(), expected: end });
    }
    Ok(array)
}

/// Reads images (3 dimensions: count, height, width).
///
/// # Errors
/// Those of [`read_file`]; [`BadDimensions`](DataError::BadDimensions) for another number of them.
fn read_images(path: &Path) -> Result<(Shape, Vec<u8>), DataError> {
    let array = read_file(path)?;
    match array.dims[..] {
        [_, height, width] => Ok((Shape::new(1, height, width), array.data)),
        _ => Err(wrong_dims(path, &array.dims, "3: count, height, width")),
    }
}

/// Reads labels (1 dimension).
///
/// # Errors
/// Those of [`read_file`]; [`BadDimensions`](DataError::BadDimensions) for another number of them.
fn read_labels(path: &Path) -> Result<Vec<u8>, DataError> {
    let array = read_file(path)?;
    match array.dims[..] {
        [_] => Ok(array.data),
        _ => Err(wrong_dims(path, &array.dims, "1: count")),
    }
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
    let (shape, pixels, labels, labels_path) = read_pair(dir, &["train"])?;
    let (test_shape, test_pixels, test_labels, test_path) = read_pair(dir, &["t10k", "test"])?;
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

/// True when `dir` holds the training images of an idx set.
pub(crate) fn is_in(dir: &Path) -> bool {
    find(dir, &["train"], "images", 3).is_ok()
}

type Pair = (Shape, Vec<u8>, Vec<u8>, PathBuf);

fn read_pair(dir: &Path, stems: &[&str]) -> Result<Pair, DataError> {
    let images_path = find(dir, stems, "images", 3)?;
    let labels_path = find(dir, stems, "labels", 1)?;
    // The small file first: a mismatch between a header and its file shows before the large read.
    let labels = read_labels(&labels_path)?;
    let (shape, pixels) = read_images(&images_path)?;
    let images = pixels.len() / shape.values().max(1);
    if images != labels.len() {
        return Err(DataError::CountMismatch {
            path: labels_path,
            what: "labels",
            found: labels.len(),
            expected: images,
            because: format!("the number of images in {}", images_path.display()),
        });
    }
    Ok((shape, pixels, labels, labels_path))
}

/// The file of one role, by any of the spellings in use.
fn find(dir: &Path, stems: &[&str], kind: &str, dims: u8) -> Result<PathBuf, DataError> {
    for stem in stems {
        for separator in ['-', '.'] {
            for suffix in ["", ".gz"] {
                let path = dir.join(format!("{stem}-{kind}{separator}idx{dims}-ubyte{suffix}"));
                if path.is_file() {
                    return Ok(path);
                }
            }
        }
    }
    let stem = stems.first().copied().unwrap_or_default();
    Err(DataError::Missing {
        path: dir.join(format!("{stem}-{kind}-idx{dims}-ubyte")),
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

fn wrong_dims(path: &Path, dims: &[usize], expected: &str) -> DataError {
    DataError::BadDimensions {
        path: path.to_owned(),
        found: dims.iter().map(|&d| d as u64).collect(),
        expected: expected.to_owned(),
    }
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
