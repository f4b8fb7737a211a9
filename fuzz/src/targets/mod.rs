//! What is fuzzed: a file a reader.

use crate::mutate::Parts;
use anyhow::{Context, Result};
use arcsphere_data::{Dataset, Shape, Source};
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

/// A reader, and how it is fed.
#[derive(Debug)]
pub(crate) struct Target {
    /// The name on the command line, that of its file here.
    pub(crate) name: &'static str,
    /// What it reads.
    pub(crate) reads: &'static str,
    /// Valid inputs, small, so that a change gets past the first check.
    pub(crate) seeds: fn() -> Result<Vec<Parts>>,
    /// Words of the format.
    pub(crate) tokens: &'static [&'static [u8]],
    /// Reads an input as the program does, in a folder that it may write to: whether it was accepted. An error is
    /// the harness's own.
    pub(crate) run: fn(&Parts, &Path) -> Result<bool>,
}

/// Declares the modules and lists their targets.
macro_rules! registry {
    ($($module:ident),+ $(,)?) => {
        $(mod $module;)+

        /// Every target.
        pub(crate) static TARGETS: &[Target] = &[$($module::TARGET),+];
    };
}

registry! {
    idx,
    cifar,
    ages,
    archive,
    config,
    names,
    runs,
    images,
    records,
    pairs,
    checkpoint,
}

/// A part of an input; an input that was made of another one may lack it.
fn part(parts: &Parts, i: usize) -> &[u8] {
    parts.get(i).map_or(&[], Vec::as_slice)
}

/// A byte of a part, for choices.
fn choice(parts: &Parts, i: usize, at: usize) -> u8 {
    part(parts, i).get(at).copied().unwrap_or(0)
}

/// An empty folder.
fn fresh(place: &Path, name: &str) -> Result<PathBuf> {
    let dir = place.join(name);
    if dir.exists() {
        fs::remove_dir_all(&dir).with_context(|| format!("cannot empty {}", dir.display()))?;
    }
    fs::create_dir_all(&dir).with_context(|| format!("cannot make {}", dir.display()))?;
    Ok(dir)
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    fs::write(path, bytes).with_context(|| format!("cannot write {}", path.display()))
}

/// A text as lines, each of them a name or a setting.
fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|b| *b == b'\n').filter(|line| !line.is_empty())
}

/// Bytes as a name of a file, whatever they are.
fn name(bytes: &[u8]) -> OsString {
    #[cfg(unix)]
    return std::os::unix::ffi::OsStringExt::from_vec(bytes.to_vec());
    #[cfg(not(unix))]
    return String::from_utf8_lossy(bytes).into_owned().into();
}

/// Ten classes of gray images, `train` of them and `test`.
fn squares(side: usize, train: usize, test: usize) -> Result<Source> {
    let set = |n: usize| {
        let shape = Shape::new(1, side, side);
        let pixels = (0..n * shape.values()).map(|i| (i * 7 % 251) as u8).collect();
        let labels = (0..n as u32).map(|i| i % 10).collect();
        Dataset::new(shape, pixels, labels, (0..10).map(|c| format!("class {c}")).collect())
    };
    Ok(Source::new("squares", set(train)?, set(test)?, false)?)
}

/// A gzip of bytes.
fn gzip(bytes: &[u8]) -> Result<Vec<u8>> {
    use std::io::Write;
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gz.write_all(bytes)?;
    Ok(gz.finish()?)
}

/// The names in a folder, sorted.
fn names_in(dir: &Path) -> Result<Vec<OsString>> {
    let mut names = fs::read_dir(dir)?.map(|e| e.map(|e| e.file_name())).collect::<std::io::Result<Vec<_>>>()?;
    names.sort();
    Ok(names)
}

/// A path as the program takes it.
fn spec(path: &Path) -> Result<&str> {
    path.to_str().context("the folder for files is not UTF-8")
}

/// A gray image of one value, as a PGM.
fn pgm(width: usize, height: usize, value: u8) -> Vec<u8> {
    [format!("P5\n{width} {height}\n255\n").as_bytes(), &vec![value; width * height]].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::child::in_a_pool;
    use crate::mutate::Mutator;

    /// The valid inputs are accepted; the others do no harm.
    #[test]
    fn every_target_for_a_moment() {
        let place = tempfile::tempdir().unwrap();
        in_a_pool(|| TARGETS.iter().try_for_each(|target| for_a_moment(target, place.path()))).unwrap();
    }

    fn for_a_moment(target: &Target, place: &Path) -> Result<()> {
        let seeds = (target.seeds)()?;
        assert!(!seeds.is_empty() && !target.reads.is_empty(), "{}", target.name);
        for (i, parts) in seeds.iter().enumerate() {
            assert!((target.run)(parts, place)?, "{}: seed {i} is not accepted", target.name);
        }
        let mutator = Mutator::new(&seeds, target.tokens);
        let mut refused = 0;
        for index in 0..60 {
            refused += u64::from(!(target.run)(&mutator.input(1, seeds.len() as u64 + index), place)?);
        }
        assert!(refused > 0, "{}: nothing is refused", target.name);
        Ok(())
    }

    #[test]
    fn names_are_those_of_the_files() {
        let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/targets");
        for (i, target) in TARGETS.iter().enumerate() {
            assert!(here.join(format!("{}.rs", target.name)).is_file(), "{}", target.name);
            assert!(TARGETS[..i].iter().all(|t| t.name != target.name), "{}", target.name);
        }
    }
}
