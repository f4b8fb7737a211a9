//! insightface's `.bin`: a pickle of a list of images and a list of booleans; pair i is images 2i and 2i + 1.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use super::{Pair, PairSet, check_folds};
use crate::at::FileAt;
use crate::dataset::Dataset;
use crate::encoded::{self, Encoded};
use crate::error::DataError;
use crate::folder::Decoding;
use crate::pickle::{Array, Bytes, Dtype, Kind, Pickle, Value};
use crate::samples::SampleInfo;

/// Folds of the protocols that these files are made for.
const FOLDS: usize = 10;

/// Reads such a file. Images that several pairs share in it are there once.
pub(super) fn read(path: &Path, how: &Decoding) -> Result<PairSet, DataError> {
    let file = FileAt::open(path, "pairs of images (.bin)")?;
    let pickle = Pickle::read(&file)?;
    let (listed, same) = understand(&pickle, &file).map_err(|reason| {
        let (path, offset) = (path.to_owned(), file.len().saturating_sub(1));
        DataError::BadBytes { path, offset, reason }
    })?;
    let mut places: HashMap<Bytes, u32> = HashMap::with_capacity(listed.len());
    let mut images: Vec<Bytes> = Vec::new();
    let mut index = |bytes: Bytes| {
        *places.entry(bytes).or_insert_with(|| {
            images.push(bytes);
            images.len() as u32 - 1
        })
    };
    let ends: Vec<(u32, u32)> = listed.as_chunks::<2>().0.iter().map(|&[a, b]| (index(a), index(b))).collect();
    let n = ends.len();
    if n == 0 {
        let reason = "no pair, expected at least one".into();
        return Err(DataError::BadPairs { origin: path.display().to_string(), reason });
    }
    let folded = |i: usize| n.is_multiple_of(FOLDS).then(|| (i * FOLDS / n) as u32);
    let in_folds = |i: usize, same: bool| (folded(i), same);
    // Ten equal runs, where they are even; a file says nothing of its folds.
    let even = check_folds(same.iter().enumerate().map(|(i, &same)| in_folds(i, same))).is_ok_and(|n| n == FOLDS);
    let pair = |(i, (&(a, b), &same)): (usize, (&(u32, u32), &bool))| Pair {
        fold: if even { folded(i) } else { None },
        ..Pair::new(a, b, same)
    };
    let pairs = ends.iter().zip(&same).enumerate().map(pair).collect();
    let name = crate::files::name_of(path);
    let images = BinImages { name: name.clone(), file, images };
    let images = encoded::dataset(images, vec!["image".into()], how, &path.display().to_string())?;
    let mut set = PairSet::new(name, images, pairs)?;
    if !even {
        set.warnings.push(format!("{}: {n} pairs make no {FOLDS} even folds", path.display()));
    }
    Ok(set)
}

/// Images and booleans of the pickle.
fn understand(pickle: &Pickle, file: &FileAt) -> Result<(Vec<Bytes>, Vec<bool>), String> {
    let expected = "expected a list of images and a list of booleans";
    let Some(&[images, same]) = pickle.items(pickle.root) else {
        return Err(format!("the pickle is {}, {expected}", pickle.word(pickle.root)));
    };
    let list = pickle.items(images).ok_or_else(|| format!("the first part is {}, {expected}", pickle.word(images)))?;
    let image = |(i, &value): (usize, &Value)| match (value, pickle.kind(value)) {
        (Value::Bytes(bytes), _) | (_, Some(&Kind::Array(Array { dtype: Dtype::U8, bytes: Some(bytes) }))) => Ok(bytes),
        _ => Err(format!("image {i} is {}, expected bytes or an array of bytes", pickle.word(value))),
    };
    let images: Vec<Bytes> = list.iter().enumerate().map(image).collect::<Result<_, _>>()?;
    let same = booleans(pickle, same, file)?;
    if images.len() != 2 * same.len() {
        return Err(format!("{} images for {} pairs, expected two for each", images.len(), same.len()));
    }
    Ok((images, same))
}

fn booleans(pickle: &Pickle, value: Value, file: &FileAt) -> Result<Vec<bool>, String> {
    if let Some(&Kind::Array(Array { dtype: Dtype::Bool | Dtype::U8, bytes: Some(bytes) })) = pickle.kind(value) {
        let mut found = Vec::new();
        bytes.read(file, &mut found).map_err(|e| e.to_string())?;
        let one = |(i, &byte): (usize, &u8)| match byte {
            0 | 1 => Ok(byte == 1),
            _ => Err(format!("boolean {i} is {byte}, expected 0 or 1")),
        };
        return found.iter().enumerate().map(one).collect();
    }
    let list = pickle
        .items(value)
        .ok_or_else(|| format!("the second part is {}, expected a list or an array of booleans", pickle.word(value)))?;
    let one = |(i, &value): (usize, &Value)| match value {
        Value::Bool(same) => Ok(same),
        Value::Int(same @ 0..=1) => Ok(same == 1),
        _ => Err(format!("boolean {i} is {}, expected true, false, 0 or 1", pickle.word(value))),
    };
    list.iter().enumerate().map(one).collect()
}

struct BinImages {
    name: String,
    file: FileAt,
    images: Vec<Bytes>,
}

impl Encoded for BinImages {
    fn len(&self) -> usize {
        self.images.len()
    }

    fn info(&self, i: usize) -> SampleInfo {
        SampleInfo::named(format!("{}/{i:05}", self.name))
    }

    fn read(&self, i: usize, bytes: &mut Vec<u8>) -> Result<(), DataError> {
        self.images[i].read(&self.file, bytes)
    }
}

/// Writes pairs of encoded images as insightface's `load_bin` reads them, with `pickle.load(f)`: in protocol 3, which
/// every Python 3 knows.
///
/// # Errors
/// [`Exists`](DataError::Exists), [`Io`](DataError::Io); [`NotEncoded`](DataError::NotEncoded) for images that are
/// pixels; and those of [`Dataset::encoded`].
///
/// ```
/// use arcsphere_data::pairs::{self, PairOptions};
///
/// let dir = tempfile::tempdir().unwrap();
/// let (list, bin) = (dir.path().join("pairs.csv"), dir.path().join("pairs.bin"));
/// std::fs::write(&list, "a,b,same\n1.pgm,2.pgm,1\n").unwrap();
/// for name in ["1.pgm", "2.pgm"] {
///     std::fs::write(dir.path().join(name), format!("P5 1 1 255\n{}", &name[..1])).unwrap();
/// }
/// let set = pairs::open(&list, &PairOptions::default())?;
/// pairs::write_bin(&bin, &set)?;
/// let again = pairs::open(&bin, &PairOptions::default())?;
/// assert_eq!((again.pairs, again.images.sha256()?), (set.pairs.clone(), again.images.sha256()?));
/// # Ok::<(), arcsphere_data::DataError>(())
/// ```
pub fn write_bin(path: &Path, set: &PairSet) -> Result<(), DataError> {
    crate::files::require_free(path)?;
    let mut part = path.as_os_str().to_owned();
    part.push(".part");
    let part = PathBuf::from(part);
    let io = |e: io::Error| DataError::io(&part, "write", e);
    let mut to = BufWriter::new(File::create(&part).map_err(io)?);
    let written = write(&mut to, set, &io);
    let synced = written.and_then(|()| to.into_inner().map_err(|e| io(e.into_error()))?.sync_all().map_err(io));
    if synced.is_err() {
        let _ = fs::remove_file(&part);
    }
    synced?;
    fs::rename(&part, path).map_err(|e| DataError::io(path, "rename into place", e))
}

fn write(to: &mut impl Write, set: &PairSet, io: &dyn Fn(io::Error) -> DataError) -> Result<(), DataError> {
    // PROTO 3, EMPTY_LIST, MARK; images; APPENDS.
    to.write_all(b"\x80\x03](").map_err(io)?;
    for pair in &set.pairs {
        for i in [pair.a, pair.b] {
            let image = encoded_image(&set.images, i as usize)?;
            let len = u32::try_from(image.len())
                .map_err(|_| io(io::Error::new(io::ErrorKind::InvalidInput, "an image of more than 4 GiB")))?;
            // BINBYTES.
            to.write_all(b"B").and_then(|()| to.write_all(&len.to_le_bytes())).map_err(io)?;
            to.write_all(&image).map_err(io)?;
        }
    }
    to.write_all(b"e](").map_err(io)?;
    for pair in &set.pairs {
        to.write_all(if pair.same { b"\x88" } else { b"\x89" }).map_err(io)?;
    }
    // APPENDS, TUPLE2, STOP.
    to.write_all(b"e\x86.").map_err(io)
}

pub(crate) fn encoded_image(images: &Dataset, i: usize) -> Result<Vec<u8>, DataError> {
    images.encoded(i)?.ok_or_else(|| DataError::NotEncoded { name: images.info(i).name })
}
