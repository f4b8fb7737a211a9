//! Files that are whole or absent, and JSON in them.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{EvalError, Result};

/// Writes `bytes` to `path`: into a new file beside it, flushed to the disk, then
/// renamed over it. A reader sees the old file or the new one, never a part.
///
/// # Errors
/// [`EvalError::Io`]; what stood at `path` before is then untouched.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> Result<()> {
    let failed = |source| EvalError::Io { path: path.to_owned(), source };
    let (mut file, temporary) = create_beside(path).map_err(failed)?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all()).and_then(|()| fs::rename(&temporary, path));
    if written.is_err() {
        // The first fault is the one to report.
        let _ = fs::remove_file(&temporary);
    }
    written.map_err(failed)
}

/// Fields in their declared order, two spaces a level, a line end at the end.
pub(crate) fn to_json<T: Serialize>(value: &T) -> std::result::Result<String, serde_json::Error> {
    serde_json::to_string_pretty(value).map(|s| s + "\n")
}

pub(crate) fn write_json<T: Serialize>(value: &T, path: &Path) -> Result<()> {
    let text = to_json(value).map_err(|source| EvalError::Json { path: path.to_owned(), source })?;
    write_atomic(path, text.as_bytes())
}

pub(crate) fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T> {
    let text = arcsphere_files::read_text(path).map_err(|source| EvalError::Io { path: path.to_owned(), source })?;
    serde_json::from_str(&text).map_err(|source| EvalError::Json { path: path.to_owned(), source })
}

fn create_beside(path: &Path) -> io::Result<(File, PathBuf)> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let name = path.file_name().ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "not the name of a file"))?;
    loop {
        let mut temporary = std::ffi::OsString::from(".");
        temporary.push(name);
        let serial = NEXT.fetch_add(1, Ordering::Relaxed);
        temporary.push(format!(".{}-{serial}.tmp", std::process::id()));
        let temporary = path.with_file_name(temporary);
        match OpenOptions::new().write(true).create_new(true).open(&temporary) {
            Ok(file) => return Ok((file, temporary)),
            // Left behind by a process of the same id that was killed.
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
            Err(e) => return Err(e),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replaces_and_leaves_nothing_behind() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.txt");
        write_atomic(&path, b"one").unwrap();
        write_atomic(&path, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_failed_write_keeps_the_old_and_names_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let taken = dir.path().join("folder");
        fs::create_dir(&taken).unwrap();
        fs::write(taken.join("x"), "x").unwrap();
        let message = write_atomic(&taken, b"y").unwrap_err().to_string();
        assert!(message.contains("folder"), "{message}");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
        assert!(write_atomic(&dir.path().join("none/a.txt"), b"y").is_err());
        assert!(write_atomic(Path::new("/"), b"y").is_err());
    }
}
