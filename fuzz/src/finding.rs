//! An input that did harm, in a folder.

use crate::mutate::Parts;
use anyhow::{Context, Result};
use std::fs;
use std::path::{Path, PathBuf};

/// Where an input comes from.
pub(crate) struct Origin<'a> {
    pub(crate) target: &'a str,
    pub(crate) seed: u64,
    pub(crate) index: u64,
}

/// Writes the parts of an input, what it did, and how to repeat it; the folder.
pub(crate) fn write(findings: &Path, origin: &Origin<'_>, parts: &Parts, what: &str) -> Result<PathBuf> {
    let Origin { target, seed, index } = origin;
    let folder = findings.join(format!("{target}-{seed}-{index}"));
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    for (i, part) in parts.iter().enumerate() {
        fs::write(folder.join(format!("{i}.part")), part)?;
    }
    let text = format!(
        "{what}\n\nagain, by its files:\n  cargo run -p arcsphere-fuzz -- {target} --repeat {}\nagain, by its number:\n  \
         cargo run -p arcsphere-fuzz -- {target} --seed {seed} --start {index} --runs 1\n",
        folder.display()
    );
    fs::write(folder.join("finding.txt"), text)?;
    Ok(folder)
}

/// The parts of an input that was written.
pub(crate) fn read(folder: &Path) -> Result<Parts> {
    let mut parts = Parts::new();
    loop {
        let path = folder.join(format!("{}.part", parts.len()));
        if !path.is_file() {
            break;
        }
        parts.push(fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?);
    }
    anyhow::ensure!(!parts.is_empty(), "{} holds no finding (no 0.part)", folder.display());
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_input_comes_back() {
        let dir = tempfile::tempdir().unwrap();
        let parts = vec![b"one".to_vec(), vec![], vec![0, 255]];
        let origin = Origin { target: "idx", seed: 3, index: 12 };
        let folder = write(dir.path(), &origin, &parts, "a panic").unwrap();
        assert_eq!(read(&folder).unwrap(), parts);
        let text = fs::read_to_string(folder.join("finding.txt")).unwrap();
        assert!(text.starts_with("a panic\n") && text.contains("--seed 3 --start 12 --runs 1"), "{text}");
        assert!(read(dir.path()).is_err());
    }
}
