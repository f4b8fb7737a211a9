//! A training set of records, as insightface's own reader takes it.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use super::FILE;
use crate::error::DataError;
use crate::files;
use crate::image_record::{ImageRecord, Labels};
use crate::recordio::Writer;

/// Writes `train.rec`, `train.idx` and `property` into a folder, in the layout of insightface's `rec_builder`: the
/// images with the keys 1…n, a record for each run of one class, and record 0.
///
/// The files have other names until [`finish`](Self::finish). What replaces none: a folder that has one of the three
/// is refused.
pub struct RecordSetWriter {
    folder: PathBuf,
    records: Writer<BufWriter<File>>,
    index: BufWriter<File>,
    images: u32,
    /// The first key of each run of one class, and the class.
    runs: Vec<(u32, u32)>,
}

/// More images would have keys that record 0 cannot say exactly, so that insightface would leave one out.
const MAX_IMAGES: u32 = (1 << 24) - 1;

const INDEX: &str = "train.idx";
const PROPERTY: &str = "property";

impl RecordSetWriter {
    /// Begins a set in a folder, which is made where it is not there.
    ///
    /// # Errors
    /// [`Exists`](DataError::Exists) for one of the files, [`Io`](DataError::Io).
    pub fn create(folder: &Path) -> Result<Self, DataError> {
        for name in [FILE, INDEX, PROPERTY] {
            files::require_free(&folder.join(name))?;
        }
        fs::create_dir_all(folder).map_err(|e| DataError::io(folder, "make", e))?;
        let create = |name| {
            let path = part(folder, name);
            File::create(&path).map(BufWriter::new).map_err(|e| DataError::io(&path, "write", e))
        };
        let records = Writer::new(create(FILE)?);
        Ok(Self { folder: folder.to_owned(), records, index: create(INDEX)?, images: 0, runs: Vec::new() })
    }

    /// Adds an image, its bytes as they are; images of a class should follow one another.
    ///
    /// # Errors
    /// [`TooManyImages`](DataError::TooManyImages) beyond 16,777,215, [`Io`](DataError::Io).
    pub fn push(&mut self, class: u32, image: &[u8]) -> Result<(), DataError> {
        if self.images == MAX_IMAGES {
            return Err(DataError::TooManyImages { path: self.folder.join(FILE), max: MAX_IMAGES });
        }
        self.images += 1;
        if self.runs.last().is_none_or(|run| run.1 != class) {
            self.runs.push((self.images, class));
        }
        self.write(self.images, &ImageRecord::of_class(class, self.images.into(), image))
    }

    /// Writes what comes after the images, and gives the files their names. `property` says the number of classes
    /// and the (height, width) of the images.
    ///
    /// # Errors
    /// [`Io`](DataError::Io).
    pub fn finish(mut self, classes: u32, (height, width): (usize, usize)) -> Result<(), DataError> {
        let runs = std::mem::take(&mut self.runs);
        let ends: Vec<u32> = runs.iter().skip(1).map(|run| run.0).chain([self.images + 1]).collect();
        let about = |from: u32, to: u32| Labels::Many(vec![from as f32, to as f32]);
        let mut key = self.images;
        for (&(from, _), &to) in runs.iter().zip(&ends) {
            key += 1;
            self.write(key, &ImageRecord { labels: about(from, to), id: key.into(), id2: 1, image: b"" })?;
        }
        self.write(0, &ImageRecord { labels: about(self.images + 1, key + 1), id: 0, id2: 1, image: b"" })?;
        let Self { folder, records, index, .. } = self;
        for (name, file) in [(FILE, records.into_inner()), (INDEX, index)] {
            let path = part(&folder, name);
            let file = file.into_inner().map_err(|e| DataError::io(&path, "write", e.into_error()))?;
            file.sync_all().map_err(|e| DataError::io(&path, "flush", e))?;
        }
        files::write_new(&folder.join(PROPERTY), format!("{classes},{height},{width}\n").as_bytes())?;
        // The index last: without it, what is there is a whole file of records.
        for name in [FILE, INDEX] {
            let path = folder.join(name);
            fs::rename(part(&folder, name), &path).map_err(|e| DataError::io(&path, "rename into place", e))?;
        }
        Ok(())
    }

    fn write(&mut self, key: u32, record: &ImageRecord<'_>) -> Result<(), DataError> {
        let io = |name: &str| {
            let path = part(&self.folder, name);
            move |e| DataError::io(&path, "write", e)
        };
        let offset = self.records.write(&record.pack()).map_err(io(FILE))?;
        writeln!(self.index, "{key}\t{offset}").map_err(io(INDEX))
    }
}

/// What a file is called until it is whole.
fn part(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("{name}.part"))
}
