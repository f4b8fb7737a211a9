//! What happened to a run, in a file in its folder: lines with the time, in UTC, appended by every sitting. It is for
//! people; nothing reads it, and no result depends on it.

use crate::settings;
use anyhow::{Context, Result};
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::sync::Mutex;

const FILE_NAME: &str = "log.txt";

/// A run's log.
#[derive(Debug)]
pub(crate) struct Log(Mutex<File>);

impl Log {
    /// That of a folder, which is there.
    pub(crate) fn open(folder: &Path) -> Result<Log> {
        let path = folder.join(FILE_NAME);
        let file = OpenOptions::new().create(true).append(true).open(&path);
        Ok(Log(Mutex::new(file.with_context(|| format!("cannot write {}", path.display()))?)))
    }

    /// Adds a line. A line that cannot be written ends no training: what matters is saved elsewhere.
    pub(crate) fn line(&self, text: &str) {
        if let Ok(mut file) = self.0.lock() {
            let _ = file.write_all(format!("{} {}\n", settings::moment(), text.replace('\n', " ")).as_bytes());
        }
    }
}
