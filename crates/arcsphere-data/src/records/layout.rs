//! Which records of a file are images, and of which class.

use std::path::Path;

use rayon::prelude::*;

use crate::encoded::Encoded;
use crate::error::DataError;
use crate::files;
use crate::image_record::{self, HEAD, ImageRecord};
use crate::recordio::{Extent, Index, RecordFile};
use crate::samples::SampleInfo;

/// The images of a file of records.
pub(super) struct Images {
    file: RecordFile,
    name: String,
    /// Where each begins.
    offsets: Vec<u64>,
    /// Bytes of each, with [`IN_PARTS`] where the record has more than one part.
    lens: Vec<u32>,
    labels: Vec<u32>,
    keys: Keys,
    /// Records without an image that no record 0 accounts for.
    without_image: usize,
}

/// A record has 29 bits of bytes.
const IN_PARTS: u32 = 1 << 31;

/// The key of each image.
enum Keys {
    /// They are in order, from this one on.
    From(u64),
    Each(Vec<u64>),
}

/// Records looked at before what was found of them is kept.
const CHUNK: usize = 1 << 16;

/// The images of a file, and the numbers of their classes in order; a label is an index into these.
pub(super) fn read(rec: &Path) -> Result<(Images, Vec<u32>), DataError> {
    let file = RecordFile::open(rec)?;
    let mut table = Table::default();
    let idx = rec.with_extension("idx");
    if idx.is_file() {
        for chunk in Index::read(&idx, file.bytes())?.entries.chunks(CHUNK) {
            let seen: Vec<Result<Record, DataError>> =
                chunk.par_iter().map(|&(key, offset)| Record::see(&file, key, offset)).collect();
            for record in seen {
                table.add(&file, record?)?;
            }
        }
        table.check_record_0(&file)?;
    } else {
        let (mut offset, mut key) = (0, 0);
        while offset < file.bytes() {
            let record = Record::see(&file, key, offset)?;
            (offset, key) = (record.extent.end, key + 1);
            table.add(&file, record)?;
        }
    }
    let Table { offsets, lens, mut labels, keys, without_image, record_0 } = table;
    let in_order = keys.windows(2).all(|w| w[1] == w[0] + 1);
    let keys = if in_order { Keys::From(keys.first().copied().unwrap_or(0)) } else { Keys::Each(keys) };
    let classes = close_gaps(&mut labels);
    let without_image = if record_0.is_some() { 0 } else { without_image };
    Ok((Images { file, name: files::name_of(rec), offsets, lens, labels, keys, without_image }, classes))
}

/// What the head of a record says.
struct Record {
    key: u64,
    extent: Extent,
    flag: u32,
    /// The first label.
    label: f32,
}

impl Record {
    fn see(file: &RecordFile, key: u64, offset: u64) -> Result<Self, DataError> {
        let mut head = [0; HEAD + 4];
        let extent = file.peek(offset, &mut head)?;
        // The image is not here, and nothing but labels is looked at.
        let flag = u32::from_le_bytes([head[0], head[1], head[2], head[3]]);
        let labels = 4 * u64::from(flag);
        if u64::from(extent.len) < HEAD as u64 + labels {
            let expected = HEAD as u64 + labels;
            let reason = format!("record {key} has {} bytes, expected {expected} for its head and labels", extent.len);
            return Err(DataError::BadBytes { path: file.path().to_owned(), offset, reason });
        }
        let from = if flag == 0 { 4 } else { HEAD };
        let label = f32::from_le_bytes([head[from], head[from + 1], head[from + 2], head[from + 3]]);
        Ok(Self { key, extent, flag, label })
    }

    fn has_image(&self) -> bool {
        u64::from(self.extent.len) > HEAD as u64 + 4 * u64::from(self.flag)
    }

    fn in_parts(&self) -> bool {
        self.extent != whole(self.extent.offset, self.extent.len)
    }
}

/// Where a record of one part lies.
fn whole(offset: u64, len: u32) -> Extent {
    Extent { offset, len, end: offset + 8 + u64::from(len).next_multiple_of(4) }
}

/// What was found of all images.
#[derive(Default)]
struct Table {
    offsets: Vec<u64>,
    lens: Vec<u32>,
    labels: Vec<u32>,
    keys: Vec<u64>,
    without_image: usize,
    /// Where record 0 is and its first label, where it speaks of the others.
    record_0: Option<(u64, f32)>,
}

impl Table {
    fn add(&mut self, file: &RecordFile, record: Record) -> Result<(), DataError> {
        let offset = record.extent.offset;
        if !record.has_image() {
            if record.key == 0 && record.flag > 0 {
                self.record_0 = Some((offset, record.label));
            }
            self.without_image += 1;
            return Ok(());
        }
        let class = image_record::class(record.label).map_err(|reason| {
            let reason = format!("record {}: {reason}", record.key);
            DataError::BadBytes { path: file.path().to_owned(), offset, reason }
        })?;
        self.offsets.push(offset);
        self.lens.push(record.extent.len | if record.in_parts() { IN_PARTS } else { 0 });
        self.labels.push(class);
        self.keys.push(record.key);
        Ok(())
    }

    /// Where record 0 says which keys are images, these and no others must be.
    fn check_record_0(&self, file: &RecordFile) -> Result<(), DataError> {
        let Some((offset, label)) = self.record_0 else { return Ok(()) };
        let n = self.keys.len() as u64;
        // They are sorted, and none is 0.
        let missing = self.keys.iter().zip(1..).find(|&(&key, expected)| key != expected).map(|(_, expected)| expected);
        if missing.is_none() && is_one_past(label, n) {
            return Ok(());
        }
        let gap = missing.map(|key| format!(", but not key {key}")).unwrap_or_default();
        let reason = format!("record 0 says that keys 1 to {} are images; the index has {n} of them{gap}", label - 1.0);
        Err(DataError::BadBytes { path: file.path().to_owned(), offset, reason })
    }
}

/// True where `label` is one past `n` images, as exactly as an `f32` says that.
fn is_one_past(label: f32, n: u64) -> bool {
    label == (n + 1) as f32
}

/// Numbers classes from 0 in the order of their labels, and returns the labels that there are.
fn close_gaps(labels: &mut [u32]) -> Vec<u32> {
    // Labels are below 2^24.
    let mut table = vec![0; labels.iter().max().map_or(0, |&max| max as usize + 1)];
    labels.iter().for_each(|&label| table[label as usize] = 1);
    let classes: Vec<u32> = (0..).zip(&table).filter(|&(_, &there)| there == 1).map(|(label, _)| label).collect();
    (0..).zip(&classes).for_each(|(number, &label)| table[label as usize] = number);
    labels.iter_mut().for_each(|label| *label = table[*label as usize]);
    classes
}

impl Images {
    pub(super) fn warnings(&self) -> Vec<String> {
        let n = self.without_image;
        let said = || format!("{}: {n} records have no image and are left out", self.file.path().display());
        (n > 0).then(said).into_iter().collect()
    }

    fn key(&self, i: usize) -> u64 {
        match &self.keys {
            Keys::From(first) => first + i as u64,
            Keys::Each(keys) => keys[i],
        }
    }
}

impl Encoded for Images {
    fn len(&self) -> usize {
        self.offsets.len()
    }

    fn info(&self, i: usize) -> SampleInfo {
        SampleInfo::named(format!("{}/{}", self.name, self.key(i)))
    }

    fn read(&self, i: usize, bytes: &mut Vec<u8>) -> Result<(), DataError> {
        let (offset, len) = (self.offsets[i], self.lens[i]);
        let extent = if len & IN_PARTS == 0 { whole(offset, len) } else { self.file.extent(offset)? };
        self.file.read_into(extent, bytes)?;
        let image = ImageRecord::unpack(bytes).map(|record| record.image.len());
        let bad = |reason| DataError::BadBytes { path: self.file.path().to_owned(), offset, reason };
        let image = image.map_err(bad)?;
        bytes.drain(..bytes.len() - image);
        Ok(())
    }

    fn label(&self, i: usize) -> u32 {
        self.labels[i]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_keys_of_17_million_images_are_off_by_one() {
        // 16,777,216 images: one past the last is 2^24 + 1, which an f32 holds as 2^24.
        let label = 16_777_217_u32 as f32;
        assert_eq!(label, 16_777_216.0);
        assert!(is_one_past(label, 16_777_216));
        // Glint360K.
        assert!(is_one_past(17_091_658_u32 as f32, 17_091_657));
        assert!(is_one_past(4.0, 3) && !is_one_past(4.0, 4) && !is_one_past(4.5, 3) && !is_one_past(f32::NAN, 3));
    }

    #[test]
    fn gaps_among_classes_are_closed_in_order() {
        let mut labels = [7, 0, 7, 3];
        assert_eq!(close_gaps(&mut labels), [0, 3, 7]);
        assert_eq!(labels, [2, 0, 2, 1]);
        assert_eq!(close_gaps(&mut []), [0; 0]);
    }
}
