//! How far a child is: what it writes to a file, and its parent reads.

use anyhow::Result;
use std::fs::{self, File};
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;

/// How far a child is, in its file.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct State {
    /// The input that is being read.
    pub(crate) index: u64,
    /// Inputs read.
    pub(crate) runs: u64,
    /// Those that were accepted.
    pub(crate) accepted: u64,
    /// Those that did harm and let the child live.
    pub(crate) findings: u64,
}

impl State {
    pub(crate) fn write(&self, file: &mut File) -> Result<()> {
        let words = [self.index, self.runs, self.accepted, self.findings];
        file.seek(SeekFrom::Start(0))?;
        Ok(file.write_all(&words.map(u64::to_le_bytes).concat())?)
    }

    /// None before the child has begun.
    pub(crate) fn read(path: &Path) -> Option<Self> {
        let bytes = fs::read(path).ok()?;
        let (words, _) = bytes.as_chunks::<8>();
        let [index, runs, accepted, findings] = words else { return None };
        let [index, runs, accepted, findings] = [index, runs, accepted, findings].map(|w| u64::from_le_bytes(*w));
        Some(State { index, runs, accepted, findings })
    }

    /// Counts what another child did too.
    pub(crate) fn add(&mut self, other: &State) {
        self.runs += other.runs;
        self.accepted += other.accepted;
        self.findings += other.findings;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_comes_back_and_a_child_that_has_not_begun_has_none() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state");
        let mut file = File::create(&path).unwrap();
        assert_eq!(State::read(&path), None);
        for index in [7, u64::MAX] {
            let state = State { index, runs: 3, accepted: 2, findings: 1 };
            state.write(&mut file).unwrap();
            assert_eq!(State::read(&path), Some(state));
        }
    }
}
