//! RecordIO: records one after the other in a file, found by an index or by walking through it.
//!
//! ```text
//! part     magic 0A 23 D7 CE, a u32 with flag << 29 | length, the bytes, zeros up to a multiple of 4
//! record   one part with flag 0, or a first (1), middle ones (2) and a last one (3)
//! ```
//!
//! Numbers are little-endian. Where the magic stands at a multiple of 4 in a record's bytes, the writer ends a
//! part and leaves it out, and the reader puts it back; so it never stands there inside of a part.
//!
//! Sources: dmlc-core, `include/dmlc/recordio.h` and `src/recordio.cc`; MXNet, `python/mxnet/recordio.py`.

use std::path::Path;

use crate::at::FileAt;
use crate::error::DataError;

mod index;
mod writer;

pub use index::Index;
pub use writer::Writer;

/// What every part begins with.
pub const MAGIC: [u8; 4] = [0x0a, 0x23, 0xd7, 0xce];

/// The most bytes that a record may have: its length has 29 bits.
pub const MAX_LEN: u32 = (1 << 29) - 1;

/// Where a record lies in its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Extent {
    /// Where its first magic is, in bytes.
    pub offset: u64,
    /// Number of its bytes, without magics, flags and padding.
    pub len: u32,
    /// Where the next record begins.
    pub end: u64,
}

/// A file of records.
///
/// ```
/// use arcsphere_data::recordio::{RecordFile, Writer};
///
/// let dir = tempfile::tempdir().unwrap();
/// let path = dir.path().join("words.rec");
/// let mut bytes = Vec::new();
/// let mut writer = Writer::new(&mut bytes);
/// // The second one has the magic in it.
/// let words = [&b"a word"[..], b"four\x0a\x23\xd7\xcemore", b""];
/// for word in words {
///     writer.write(word)?;
/// }
/// std::fs::write(&path, bytes).unwrap();
///
/// let file = RecordFile::open(&path)?;
/// let read: Vec<Vec<u8>> = file.walk().map(|extent| file.read(extent?)).collect::<Result<_, _>>()?;
/// assert_eq!(read, words);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct RecordFile {
    file: FileAt,
}

/// One part of a record.
#[derive(Clone, Copy)]
struct Part {
    flag: u32,
    len: u32,
    /// Where its bytes begin.
    start: u64,
    /// Where the next part begins.
    end: u64,
}

const HEAD: u64 = 8;

impl RecordFile {
    /// Opens a file; nothing of it is read.
    ///
    /// # Errors
    /// [`Missing`](DataError::Missing), [`Io`](DataError::Io).
    pub fn open(path: &Path) -> Result<Self, DataError> {
        Ok(Self { file: FileAt::open(path, "a file of records (.rec)")? })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.file.path()
    }

    /// Its length in bytes.
    pub fn bytes(&self) -> u64 {
        self.file.len()
    }

    /// Where the record lies that begins at `offset`. Reads the heads of its parts, not their bytes.
    ///
    /// # Errors
    /// [`Truncated`](DataError::Truncated) where the file ends within it;
    /// [`BadBytes`](DataError::BadBytes) for an offset that is no multiple of 4, for other bytes than the magic,
    /// for parts in an order that makes no record, and for more than [`MAX_LEN`] bytes.
    pub fn extent(&self, offset: u64) -> Result<Extent, DataError> {
        self.peek(offset, &mut [])
    }

    /// As [`extent`](Self::extent); and puts the record's first bytes into `first`, zeros where it has fewer.
    pub(crate) fn peek(&self, offset: u64, first: &mut [u8]) -> Result<Extent, DataError> {
        first.fill(0);
        // One read for the head and what follows it, as far as there is something.
        let mut buffer = [0_u8; 64];
        let there = (buffer.len() as u64).min(self.file.len().saturating_sub(offset)) as usize;
        let buffer = &mut buffer[..there.min(HEAD as usize + first.len()).max(HEAD as usize)];
        self.file.read(offset, buffer, "a record's head")?;
        let (head, rest) = buffer.split_at(HEAD as usize);
        let part = self.part(offset, head, true)?;
        if part.flag == 0 {
            let n = first.len().min(part.len as usize);
            if n <= rest.len() {
                first[..n].copy_from_slice(&rest[..n]);
            } else {
                self.file.read(part.start, &mut first[..n], "a record")?;
            }
            return Ok(Extent { offset, len: part.len, end: part.end });
        }
        let mut filled = 0;
        self.parts(offset, |part, magic| {
            if magic {
                filled += put(&mut first[filled..], &MAGIC);
            }
            let room = first.len().saturating_sub(filled).min(part.len as usize);
            self.file.read(part.start, &mut first[filled..filled + room], "a record")?;
            filled += room;
            Ok(())
        })
    }

    /// The bytes of a record.
    ///
    /// # Errors
    /// As for [`extent`](Self::extent).
    pub fn read(&self, extent: Extent) -> Result<Vec<u8>, DataError> {
        let mut bytes = Vec::new();
        self.read_into(extent, &mut bytes)?;
        Ok(bytes)
    }

    /// The same in place of what `bytes` held.
    pub(crate) fn read_into(&self, extent: Extent, bytes: &mut Vec<u8>) -> Result<(), DataError> {
        bytes.clear();
        // A record of one part, as nearly all are, is one read.
        let len = extent.len as usize;
        if extent.end - extent.offset == HEAD + u64::from(extent.len.next_multiple_of(4)) {
            bytes.resize(HEAD as usize + len, 0);
            self.file.read(extent.offset, bytes, "a record")?;
            let part = self.part(extent.offset, &bytes[..HEAD as usize], true)?;
            if (part.flag, part.len) != (0, extent.len) {
                return Err(self.bad(extent.offset, "it changes while it is read".into()));
            }
            bytes.drain(..HEAD as usize);
            return Ok(());
        }
        bytes.reserve(len);
        self.parts(extent.offset, |part, magic| {
            if magic {
                bytes.extend_from_slice(&MAGIC);
            }
            let from = bytes.len();
            bytes.resize(from + part.len as usize, 0);
            self.file.read(part.start, &mut bytes[from..], "a record")
        })?;
        Ok(())
    }

    /// All records, from the first byte on. After an error there is no more.
    ///
    /// Each item is an error where [`extent`](Self::extent) gives one.
    pub fn walk(&self) -> impl Iterator<Item = Result<Extent, DataError>> + '_ {
        let mut next = Some(0);
        std::iter::from_fn(move || {
            let offset = next.filter(|&at| at < self.file.len())?;
            let extent = self.extent(offset);
            next = extent.as_ref().ok().map(|e| e.end);
            Some(extent)
        })
    }

    /// Calls `each` with every part of the record at `offset`, and whether the magic belongs before it.
    fn parts(
        &self,
        offset: u64,
        mut each: impl FnMut(Part, bool) -> Result<(), DataError>,
    ) -> Result<Extent, DataError> {
        let (mut at, mut len) = (offset, 0_u64);
        loop {
            let begins = at == offset;
            let mut head = [0; HEAD as usize];
            self.file.read(at, &mut head, "the head of a record's part")?;
            let part = self.part(at, &head, begins)?;
            len += u64::from(part.len) + if begins { 0 } else { MAGIC.len() as u64 };
            if len > u64::from(MAX_LEN) {
                return Err(self.bad(at, format!("the record has {len} bytes or more, expected at most {MAX_LEN}")));
            }
            each(part, !begins)?;
            at = part.end;
            if part.flag == 0 || part.flag == 3 {
                return Ok(Extent { offset, len: len as u32, end: at });
            }
        }
    }

    /// Understands the head of a part.
    fn part(&self, at: u64, head: &[u8], begins: bool) -> Result<Part, DataError> {
        let (magic, rest) = head.split_at(MAGIC.len());
        if !at.is_multiple_of(4) {
            return Err(self.bad(at, "a record cannot begin here, expected a multiple of 4".into()));
        }
        if magic != MAGIC {
            return Err(self.bad(at, format!("{magic:02x?}, expected the magic of a record, {MAGIC:02x?}")));
        }
        let word = rest.iter().rev().fold(0_u32, |word, &byte| word << 8 | u32::from(byte));
        let (flag, len) = (word >> 29, word & MAX_LEN);
        let expected =
            if begins { "0 (a whole record) or 1 (a first part)" } else { "2 (a middle part) or 3 (the last one)" };
        if begins != (flag < 2) || flag > 3 {
            return Err(self.bad(at + 4, format!("a part with the flag {flag}, expected {expected}")));
        }
        if (flag == 1 || flag == 2) && !len.is_multiple_of(4) {
            let what = format!("a part of {len} bytes that is not the last of its record, expected a multiple of 4");
            return Err(self.bad(at + 4, what));
        }
        let start = at + HEAD;
        let end = start + u64::from(len).next_multiple_of(4);
        if end > self.file.len() {
            let (path, what) = (self.path().to_owned(), format!("the record at byte {at}"));
            return Err(DataError::Truncated { path, what, offset: self.file.len(), expected: end });
        }
        Ok(Part { flag, len, start, end })
    }

    fn bad(&self, offset: u64, reason: String) -> DataError {
        DataError::BadBytes { path: self.path().to_owned(), offset, reason }
    }
}

/// Copies what there is room for, and says how much that is.
fn put(to: &mut [u8], from: &[u8]) -> usize {
    let n = to.len().min(from.len());
    to[..n].copy_from_slice(&from[..n]);
    n
}

#[cfg(test)]
mod tests;
