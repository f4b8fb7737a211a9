//! What lists of pairs have in common.

use std::path::{Path, PathBuf};

use super::PairOptions;

/// Folds of the protocols of faces.
pub(super) const FOLDS: usize = 10;

/// The folder of a list's images.
pub(super) fn root(list: &Path, options: &PairOptions) -> PathBuf {
    options.images.clone().unwrap_or_else(|| list.parent().unwrap_or(Path::new("")).to_owned())
}

/// The fold of pair `i` of `n`, which are in ten equal runs.
pub(super) fn run(i: usize, n: usize) -> u32 {
    (i * FOLDS / n.max(1)) as u32
}

/// The number of an image: at least 1.
pub(super) fn number(text: &str) -> Result<u32, String> {
    match text.parse() {
        Ok(n) if n > 0 => Ok(n),
        _ => Err(format!("{}, expected the number of an image, from 1", crate::lines::shown(text))),
    }
}
