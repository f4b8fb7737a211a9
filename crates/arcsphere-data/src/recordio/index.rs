//! The text beside a file of records that says where each begins: `key TAB offset`, a line a record.

use std::collections::HashSet;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use crate::error::DataError;
use crate::files;

/// Keys and offsets of records, in the order of the keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Index {
    /// A key and where its record begins, in bytes.
    pub entries: Vec<(u64, u64)>,
}

/// No line of two numbers is longer.
const MAX_LINE: u64 = 128;

impl Index {
    /// Reads the index of a file of `bytes` bytes; its lines may be in any order.
    ///
    /// # Errors
    /// [`BadRow`](DataError::BadRow) for a line that is not a key, a tab and an offset below `bytes` and divisible
    /// by 4, and for a key that is there already; [`Missing`](DataError::Missing), [`Io`](DataError::Io).
    ///
    /// ```
    /// let dir = tempfile::tempdir().unwrap();
    /// let path = dir.path().join("train.idx");
    /// std::fs::write(&path, "2\t40\n0\t0\n").unwrap();
    /// let index = arcsphere_data::recordio::Index::read(&path, 80)?;
    /// assert_eq!(index.entries, [(0, 0), (2, 40)]);
    /// # Ok::<(), arcsphere_data::DataError>(())
    /// ```
    pub fn read(path: &Path, bytes: u64) -> Result<Self, DataError> {
        let mut reader = BufReader::with_capacity(1 << 16, files::open(path, "the index of a file of records (.idx)")?);
        let mut entries: Vec<(u64, u64)> = Vec::new();
        let mut text = Vec::new();
        for line in 1.. {
            text.clear();
            let read = (&mut reader).take(MAX_LINE).read_until(b'\n', &mut text);
            if read.map_err(|e| DataError::io(path, "read", e))? == 0 {
                break;
            }
            let entry = entry(&text, bytes);
            entries.push(entry.map_err(|reason| DataError::BadRow {
                path: path.to_owned(),
                line,
                reason,
                ends: true,
            })?);
        }
        if let Some((line, key)) = repeated(&entries) {
            let reason = format!("the key {key} is there already, expected each once");
            return Err(DataError::BadRow { path: path.to_owned(), line, reason, ends: true });
        }
        entries.sort_unstable();
        Ok(Self { entries })
    }
}

/// The line of the first key that stands in a line above it.
fn repeated(entries: &[(u64, u64)]) -> Option<(usize, u64)> {
    // Indices are in order but for a few, which spares a set of all keys.
    if entries.is_sorted_by(|a, b| a.0 < b.0) {
        return None;
    }
    let mut keys: Vec<u64> = entries.iter().map(|e| e.0).collect();
    keys.sort_unstable();
    keys.windows(2).find(|w| w[0] == w[1])?;
    let mut seen = HashSet::with_capacity(entries.len());
    entries.iter().position(|&(key, _)| !seen.insert(key)).map(|i| (i + 1, entries[i].0))
}

fn entry(line: &[u8], bytes: u64) -> Result<(u64, u64), String> {
    let expected = "expected a key, a tab and an offset";
    let text = std::str::from_utf8(line).map_err(|_| format!("no text, {expected}"))?.trim_ascii();
    let shown: String = text.chars().take(40).collect();
    let (key, offset) = text.split_once('\t').ok_or_else(|| format!("`{shown}`, {expected}"))?;
    let number = |text: &str| text.trim_ascii().parse::<u64>().map_err(|_| format!("`{shown}`, {expected}"));
    let (key, offset) = (number(key)?, number(offset)?);
    if offset >= bytes || !offset.is_multiple_of(4) {
        let expected = format!("a multiple of 4 below {bytes}, the size of the file of records");
        return Err(format!("the offset {offset} of key {key}, expected {expected}"));
    }
    Ok((key, offset))
}
