//! Files that appear under their names only when they are whole.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use crate::error::DataError;

/// `path` with `.part` appended to its name: where a file is written before it is complete.
pub(crate) fn part_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".part");
    PathBuf::from(name)
}

/// Makes `part` durable and gives it its final name.
pub(crate) fn commit(part: &Path, path: &Path) -> Result<(), DataError> {
    let file = File::options().write(true).open(part).map_err(|e| DataError::io(part, "open", e))?;
    file.sync_all().map_err(|e| DataError::io(part, "flush", e))?;
    drop(file);
    fs::rename(part, path).map_err(|e| DataError::io(path, "rename into place", e))?;
    // The rename itself is durable once the folder is; not every system lets a folder be synced.
    if let Some(folder) = path.parent().and_then(|p| File::open(p).ok()) {
        let _ = folder.sync_all();
    }
    Ok(())
}

/// Copies at most `n` bytes from `reader` to the `.part` of `path`; gives the number copied.
pub(crate) fn write_part(path: &Path, reader: &mut dyn Read, n: u64) -> Result<u64, DataError> {
    let part = part_of(path);
    let copied = File::create(&part).and_then(|mut file| {
        let copied = io::copy(&mut reader.take(n), &mut file)?;
        file.flush()?;
        Ok(copied)
    });
    copied.map_err(|e| {
        let _ = fs::remove_file(&part);
        DataError::io(&part, "write", e)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files;

    #[test]
    fn a_write_leaves_no_part() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        assert_eq!(write_part(&path, &mut &b"abcdef"[..], 4).unwrap(), 4);
        assert!(!path.exists());
        commit(&part_of(&path), &path).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"abcd");
        assert_eq!(files::list(dir.path(), "x").unwrap(), [path]);
    }
}
