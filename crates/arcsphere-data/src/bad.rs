//! Files that are there and cannot be used: refused, or left out and counted.

use std::path::{Path, PathBuf};

use crate::error::DataError;

/// What is done about a file, or a row of a table, that cannot be used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnBadFile {
    /// The first one is an error.
    #[default]
    Error,
    /// They are left out, named in [`Source::bad_files`](crate::Source::bad_files), and enter the set's checksum.
    Skip,
}

/// A file, or a row of a table, that was left out because it cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct BadFile {
    /// Its path below the set's root; for a row the table's, with the line.
    pub name: String,
    /// What is wrong, with the whole path.
    pub error: String,
}

/// Lets pass what can be used.
pub(crate) struct Sieve {
    root: PathBuf,
    on: OnBadFile,
    bad: Vec<BadFile>,
}

impl Sieve {
    /// Names are relative to `root`.
    pub(crate) fn new(root: &Path, on: OnBadFile) -> Self {
        Self { root: root.to_owned(), on, bad: Vec::new() }
    }

    /// Whether what is bad is left out.
    pub(crate) fn skips(&self) -> bool {
        self.on == OnBadFile::Skip
    }

    /// Leaves out the file at `path`, or a row of it.
    ///
    /// # Errors
    /// `error` itself, unless bad files are left out.
    pub(crate) fn drop(&mut self, path: &Path, line: Option<usize>, error: DataError) -> Result<(), DataError> {
        if !self.skips() {
            return Err(error);
        }
        let path = path.strip_prefix(&self.root).unwrap_or(path).display();
        let name = line.map_or_else(|| path.to_string(), |line| format!("{path}, line {line}"));
        self.bad.push(BadFile { name, error: error.to_string() });
        Ok(())
    }

    /// What was left out, by name.
    pub(crate) fn into_bad(mut self) -> Vec<BadFile> {
        self.bad.sort_unstable();
        self.bad
    }

    /// What was left out, in words; nothing where nothing was.
    pub(crate) fn said(&self) -> Option<String> {
        self.said_below(&self.root)
    }

    /// What was left out below `dir`, in words; nothing where nothing was.
    pub(crate) fn said_below(&self, dir: &Path) -> Option<String> {
        let dir = dir.strip_prefix(&self.root).unwrap_or(dir);
        let mut below = self.bad.iter().filter(|bad| Path::new(&bad.name).starts_with(dir));
        let first = below.next()?;
        Some(format!("none of its {} files can be used, the first: {}", 1 + below.count(), first.error))
    }
}
