//! A file of which parts are read at their offsets, by several threads at once.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use crate::error::DataError;
use crate::files;

/// An open file. To read from it moves no cursor that threads would have to share.
#[derive(Debug)]
pub(crate) struct FileAt {
    file: Inner,
    path: PathBuf,
    len: u64,
}

impl FileAt {
    /// Opens `path`; one that is not there is [`DataError::Missing`] with what was expected.
    pub(crate) fn open(path: &Path, expected: &str) -> Result<Self, DataError> {
        let file = files::open(path, expected)?;
        let meta = file.metadata().map_err(|e| DataError::io(path, "read the size", e))?;
        Ok(Self { file: inner(file), path: path.to_owned(), len: meta.len() })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Its length when it was opened, in bytes.
    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    /// Fills `buf` from `offset` on; `what` is named where the file is too short for it.
    pub(crate) fn read(&self, offset: u64, buf: &mut [u8], what: &str) -> Result<(), DataError> {
        let expected = offset.saturating_add(buf.len() as u64);
        let truncated =
            |end| DataError::Truncated { path: self.path.clone(), what: what.to_owned(), offset: end, expected };
        if expected > self.len {
            return Err(truncated(self.len));
        }
        read_exact_at(&self.file, buf, offset).map_err(|e| match e.kind() {
            // It was longer when it was opened.
            io::ErrorKind::UnexpectedEof => truncated(self.file_len()),
            _ => DataError::io(&self.path, "read", e),
        })
    }

    fn file_len(&self) -> u64 {
        std::fs::metadata(&self.path).map_or(0, |m| m.len())
    }
}

#[cfg(any(unix, windows))]
type Inner = File;

#[cfg(any(unix, windows))]
fn inner(file: File) -> Inner {
    file
}

#[cfg(unix)]
fn read_exact_at(file: &Inner, buf: &mut [u8], offset: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, buf, offset)
}

#[cfg(windows)]
fn read_exact_at(file: &Inner, mut buf: &mut [u8], mut offset: u64) -> io::Result<()> {
    use std::os::windows::fs::FileExt;
    while !buf.is_empty() {
        match file.seek_read(buf, offset) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(n) => {
                buf = &mut buf[n..];
                offset += n as u64;
            }
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(())
}

// Where the system has no reads at an offset, the cursor is shared after all, one thread at a time.
#[cfg(not(any(unix, windows)))]
type Inner = std::sync::Mutex<File>;

#[cfg(not(any(unix, windows)))]
fn inner(file: File) -> Inner {
    Inner::new(file)
}

#[cfg(not(any(unix, windows)))]
fn read_exact_at(file: &Inner, buf: &mut [u8], offset: u64) -> io::Result<()> {
    use std::io::{Read, Seek, SeekFrom};
    let mut file = file.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    file.seek(SeekFrom::Start(offset))?;
    file.read_exact(buf)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_read_where_they_are_and_never_past_the_end() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x");
        std::fs::write(&path, b"0123456789").unwrap();
        let file = FileAt::open(&path, "digits").unwrap();
        let mut three = [0; 3];
        file.read(7, &mut three, "the end").unwrap();
        assert_eq!((&three, file.len()), (b"789", 10));
        let error = file.read(8, &mut three, "the end").unwrap_err();
        assert!(matches!(error, DataError::Truncated { offset: 10, expected: 11, .. }), "{error}");
        assert!(file.read(u64::MAX, &mut three, "far").is_err());
        // What was cut off after the opening.
        std::fs::write(&path, b"01").unwrap();
        let error = file.read(7, &mut three, "the end").unwrap_err();
        assert!(matches!(error, DataError::Truncated { offset: 2, expected: 10, .. }), "{error}");
        assert!(matches!(FileAt::open(dir.path(), "digits"), Err(DataError::Io { .. })));
        assert!(matches!(FileAt::open(&dir.path().join("y"), "digits"), Err(DataError::Missing { .. })));
    }
}
