//! Training sets as insightface has them: `train.rec`, `train.idx` and `property` in a folder, or one such file of
//! records alone.
//!
//! Of an image no more is kept than where it is and its class, and a batch reads and decodes its own: 17 million
//! images take 400 MB. What is found in a folder is one of:
//!
//! | made by | record 0 | images | other records |
//! | --- | --- | --- | --- |
//! | face2rec2, rec_builder | labels: first identity's key, one past the last | keys 1…n | identities, without an image |
//! | im2rec, shuffle_rec | an image | all keys | none |
//!
//! * The class of an image is its first label; classes may have gaps, and are called by their numbers.
//! * A record without an image is none. Ranges of identities are not read: labels are `f32`, and keys above 2^24
//!   are off by one there.
//! * Without an index, the file is walked from its first byte, and its records have the keys 0, 1, ….
//!
//! Sources: insightface, `recognition/arcface_torch/dataset.py` and `scripts/shuffle_rec.py`,
//! `recognition/subcenter_arcface/common/rec_builder.py`, `src/data/face2rec2.py`; MXNet, `tools/im2rec.py`.

use std::path::Path;

use crate::dataset::Dataset;
use crate::encoded;
use crate::error::DataError;
use crate::files;
use crate::folder::Decoding;

mod layout;
mod write;

pub use write::RecordSetWriter;

/// The file that makes a folder one of these.
pub(crate) const FILE: &str = "train.rec";

/// A training set of records.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Records {
    /// Its images, in the order of their keys; a class is called by its number.
    pub set: Dataset,
    /// What `property` says that is not so.
    pub warnings: Vec<String>,
}

/// Reads a folder with a `train.rec`, or a `.rec` file, with the `.idx` beside it where there is one.
///
/// # Errors
/// [`Missing`](DataError::Missing); those of [`RecordFile::extent`](crate::recordio::RecordFile::extent) and
/// [`Index::read`](crate::recordio::Index::read);
/// [`BadBytes`](DataError::BadBytes) for a record that is no image record, a label that is no class, and a record 0
/// that disagrees with the index; [`EmptySet`](DataError::EmptySet) where no record has an image;
/// [`UndecodableImage`](DataError::UndecodableImage) for the first image.
///
/// ```
/// use arcsphere_data::folder::Decoding;
/// use arcsphere_data::records::{self, RecordSetWriter};
///
/// // Two gray images of 2x1 pixels, of the classes 3 and 8.
/// let dir = tempfile::tempdir().unwrap();
/// let mut writer = RecordSetWriter::create(dir.path())?;
/// for (class, pixels) in [(3, [1, 2]), (8, [3, 4])] {
///     writer.push(class, &[b"P5 2 1 255\n", &pixels[..]].concat())?;
/// }
/// writer.finish(9, (1, 2))?;
///
/// let set = records::read(dir.path(), &Decoding::default())?.set;
/// assert_eq!((set.classes(), set.labels()), (&["3".to_string(), "8".into()][..], &[0, 1][..]));
/// assert_eq!((set.info(1).name.as_str(), &set.image(1)?[..]), ("train.rec/2", &[3, 4][..]));
/// # Ok::<(), arcsphere_data::DataError>(())
/// ```
pub fn read(path: &Path, how: &Decoding) -> Result<Records, DataError> {
    let rec = if path.is_dir() { path.join(FILE) } else { path.to_owned() };
    let (images, classes) = layout::read(&rec)?;
    let mut warnings = images.warnings();
    let names = classes.iter().map(u32::to_string).collect();
    let set = encoded::dataset(images, names, how, &rec.display().to_string())?;
    // `property` belongs to `train.rec`, whatever else lies in the folder.
    let beside = rec.with_file_name("property");
    if files::name_of(&rec) == FILE && beside.is_file() {
        let size = how.resize.is_none().then_some((set.shape().height, set.shape().width));
        warnings.extend(disagreement(&beside, &classes, size)?);
    }
    Ok(Records { set, warnings })
}

/// True for what [`read`] reads: a folder with a `train.rec`, or a `.rec` file.
///
/// ```
/// # let dir = tempfile::tempdir().unwrap();
/// assert!(!arcsphere_data::records::is_records(dir.path()));
/// std::fs::write(dir.path().join("train.rec"), "").unwrap();
/// assert!(arcsphere_data::records::is_records(dir.path()));
/// ```
pub fn is_records(path: &Path) -> bool {
    is_in(path) || path.is_file() && path.extension().is_some_and(|e| e.eq_ignore_ascii_case("rec"))
}

/// True for a folder with a training set of records.
pub(crate) fn is_in(dir: &Path) -> bool {
    dir.join(FILE).is_file()
}

/// What `property` (`classes,height,width`) says that is not so; `size` is not known of images that are resized.
fn disagreement(path: &Path, classes: &[u32], size: Option<(usize, usize)>) -> Result<Option<String>, DataError> {
    let text = files::read_text(path, 1 << 10)?;
    let said: Option<Vec<u64>> = text.trim().split(',').map(|n| n.trim().parse().ok()).collect();
    let Some(&[n, height, width]) = said.as_deref() else {
        let text: String = text.trim().chars().take(60).collect();
        let shown = format!("{}: `{text}`, expected classes,height,width", path.display());
        return Ok(Some(shown));
    };
    // A gap among the classes counts: their numbers are what a head is made for.
    let found = classes.last().map_or(0, |&last| u64::from(last) + 1);
    let differs = size.is_some_and(|(h, w)| (height, width) != (h as u64, w as u64));
    let images = size.map(|(h, w)| format!(", and images of {h}x{w}")).unwrap_or_default();
    Ok((n != found || differs).then(|| {
        let path = path.display();
        format!("{path}: {n} classes and images of {height}x{width}, but the records have {found} classes{images}")
    }))
}

#[cfg(test)]
mod tests;
