//! Opening, bounding and listing files.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};

use flate2::bufread::MultiGzDecoder;

use crate::error::DataError;

/// Deflate's best ratio is 1032:1, so a gzip of `n` bytes holds at most about this many times `n`.
const MAX_GZIP_RATIO: u64 = 1040;

/// Opens a regular file; one that is not there is [`DataError::Missing`] with what was expected.
pub(crate) fn open(path: &Path, expected: &str) -> Result<File, DataError> {
    arcsphere_files::open(path).map_err(|e| match e.kind() {
        io::ErrorKind::NotFound => DataError::Missing { path: path.to_owned(), expected: expected.to_owned() },
        _ => DataError::io(path, "open", e),
    })
}

/// A file's bytes, unpacked when it is a gzip (told by its first two bytes, not by its name), and
/// an upper bound of their number, known before anything is read.
pub(crate) struct Bounded {
    pub(crate) reader: Box<dyn Read>,
    pub(crate) at_most: u64,
}

/// Opens a plain or gzipped file.
pub(crate) fn open_bounded(path: &Path, expected: &str) -> Result<Bounded, DataError> {
    let file = open(path, expected)?;
    let meta = file.metadata().map_err(|e| DataError::io(path, "read the size", e))?;
    let mut buffered = BufReader::with_capacity(1 << 16, file);
    let is_gzip = buffered.fill_buf().map_err(|e| DataError::io(path, "read", e))?.starts_with(&[0x1f, 0x8b]);
    Ok(if is_gzip {
        Bounded { reader: Box::new(MultiGzDecoder::new(buffered)), at_most: meta.len().saturating_mul(MAX_GZIP_RATIO) }
    } else {
        Bounded { reader: Box::new(buffered), at_most: meta.len() }
    })
}

/// Reads up to `n` bytes; the buffer grows with what arrives, never ahead of it by more than 1 MiB.
pub(crate) fn read_up_to(reader: &mut dyn Read, n: u64) -> (Vec<u8>, io::Result<()>) {
    let mut bytes = Vec::with_capacity(n.min(1 << 20) as usize);
    let outcome = reader.take(n).read_to_end(&mut bytes).map(|_| ());
    (bytes, outcome)
}

/// Reads a small text file whole; more than `limit` bytes are left unread.
pub(crate) fn read_text(path: &Path, limit: u64) -> Result<String, DataError> {
    let mut file = open(path, "a text file")?;
    let (bytes, outcome) = read_up_to(&mut file, limit);
    outcome.map_err(|e| DataError::io(path, "read", e))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Entries of a folder, sorted by name, so that order never depends on the file system.
pub(crate) fn list(path: &Path, expected: &str) -> Result<Vec<PathBuf>, DataError> {
    let entries = fs::read_dir(path).map_err(|e| match e.kind() {
        io::ErrorKind::NotFound => DataError::Missing { path: path.to_owned(), expected: expected.to_owned() },
        _ => DataError::io(path, "list", e),
    })?;
    let mut found = Vec::new();
    for entry in entries {
        found.push(entry.map_err(|e| DataError::io(path, "list", e))?.path());
    }
    found.sort_unstable();
    Ok(found)
}

/// Refuses a path where something is already.
pub(crate) fn require_free(path: &Path) -> Result<(), DataError> {
    if path.symlink_metadata().is_ok() { Err(DataError::Exists { path: path.to_owned() }) } else { Ok(()) }
}

/// Writes a file that is not there yet: beside its name, synced, then renamed.
pub(crate) fn write_new(path: &Path, bytes: &[u8]) -> Result<(), DataError> {
    require_free(path)?;
    let mut part = path.as_os_str().to_owned();
    part.push(".part");
    let part = PathBuf::from(part);
    let written = File::create(&part).and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()));
    written.map_err(|e| DataError::io(&part, "write", e))?;
    fs::rename(&part, path).map_err(|e| DataError::io(path, "rename into place", e))
}

/// The last part of a path as text. Bytes that are no UTF-8 are spelled, so that two names stay two.
pub(crate) fn name_of(path: &Path) -> String {
    let name = path.file_name().unwrap_or(path.as_os_str()).as_encoded_bytes();
    name.utf8_chunks().fold(String::new(), |mut text, chunk| {
        text.push_str(chunk.valid());
        chunk.invalid().iter().for_each(|byte| text.push_str(&format!("\\x{byte:02x}")));
        text
    })
}

/// The name of a folder, also where its path does not say it, as `.` and `/` do not. It is never empty.
pub(crate) fn own_name(dir: &Path) -> String {
    let dir = if dir.as_os_str().is_empty() { Path::new(".") } else { dir };
    name_of(&dir.canonicalize().unwrap_or_else(|_| dir.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_told_by_content() {
        let dir = tempfile::tempdir().unwrap();
        let plain = dir.path().join("plain.gz");
        fs::write(&plain, b"not compressed").unwrap();
        let packed = dir.path().join("packed");
        let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        gz.write_all(b"compressed").unwrap();
        fs::write(&packed, gz.finish().unwrap()).unwrap();
        let read = |path: &Path| {
            let mut bounded = open_bounded(path, "x").unwrap();
            let (bytes, outcome) = read_up_to(&mut bounded.reader, 1 << 20);
            outcome.unwrap();
            assert!(bytes.len() as u64 <= bounded.at_most);
            bytes
        };
        assert_eq!(read(&plain), b"not compressed");
        assert_eq!(read(&packed), b"compressed");
    }

    #[test]
    fn missing_says_what_was_expected() {
        let path = Path::new("no-such-folder/file");
        let error = open(path, "an idx file").unwrap_err().to_string();
        assert!(error.contains("no-such-folder") && error.contains("an idx file"), "{error}");
        assert!(matches!(list(path, "x"), Err(DataError::Missing { .. })));
    }
}
