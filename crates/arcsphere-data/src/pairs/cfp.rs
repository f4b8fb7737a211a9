//! CFP: pairs of two frontal faces (FF) or of a frontal face and one in profile (FP).
//!
//! ```text
//! Protocol/Pair_list_F.txt                    index path, from 1; paths are relative to Protocol
//! Protocol/Pair_list_P.txt
//! Protocol/Split/{FF,FP}/{01…10}/same.txt     i,j
//! Protocol/Split/{FF,FP}/{01…10}/diff.txt
//! ```

use std::path::{Component, Path, PathBuf};

use super::files::{End, Listed, assemble};
use super::{PairOptions, PairSet};
use crate::error::DataError;
use crate::lines::{self, fields, shown};

/// Where the parts of the set are.
struct Places {
    protocol: PathBuf,
    split: PathBuf,
    profile: bool,
}

impl Places {
    /// From `Protocol/Split/FF`, `Protocol/Split/FP`, or the folder that holds `Protocol`, which means FP.
    fn find(dir: &Path) -> Option<Self> {
        let lists = |protocol: &Path| protocol.join("Pair_list_F.txt").is_file();
        if lists(&dir.join("Protocol")) {
            let protocol = dir.join("Protocol");
            return Some(Self { split: protocol.join("Split").join("FP"), protocol, profile: true });
        }
        let dir = dir.canonicalize().ok()?;
        let protocol = dir.parent()?.parent()?.to_owned();
        let name = crate::files::name_of(&dir);
        (lists(&protocol) && (name == "FF" || name == "FP")).then(|| Self {
            profile: name == "FP",
            split: dir,
            protocol,
        })
    }
}

pub(super) fn is_in(dir: &Path) -> bool {
    Places::find(dir).is_some()
}

pub(super) fn read(dir: &Path, options: &PairOptions) -> Result<PairSet, DataError> {
    let expected = "a folder with Protocol/Pair_list_F.txt, or Protocol/Split/FF or FP in it";
    let places =
        Places::find(dir).ok_or_else(|| DataError::Missing { path: dir.to_owned(), expected: expected.into() })?;
    let Places { protocol, split, profile } = places;
    let frontal = images(&protocol.join("Pair_list_F.txt"))?;
    let second = if profile { images(&protocol.join("Pair_list_P.txt"))? } else { frontal.clone() };
    let folds: Vec<PathBuf> =
        crate::files::list(&split, "folders 01 to 10")?.into_iter().filter(|p| p.is_dir()).collect();
    let mut listed = Vec::new();
    for (fold, folder) in (0..).zip(&folds) {
        for (name, same) in [("same.txt", true), ("diff.txt", false)] {
            lines::each(&folder.join(name), "a list of pairs i,j", |_, text| {
                if text.trim().is_empty() {
                    return Ok(());
                }
                let bad = || format!("{}, expected i,j", shown(text));
                let (i, j) = text.split_once(',').ok_or_else(bad)?;
                let ends = [at(&frontal, i)?, at(&second, j)?];
                listed.push(Listed { ends, same, fold: Some(fold) });
                Ok(())
            })?;
        }
    }
    let root = options.images.clone().unwrap_or_else(|| protocol.parent().unwrap_or(Path::new("")).to_owned());
    let mut set = assemble(&split, &root, listed, &["png"], options)?;
    set.name = format!("CFP-{}", if profile { "FP" } else { "FF" });
    Ok(set)
}

fn at(images: &[End], number: &str) -> Result<End, String> {
    let expected = || format!("{}, expected the number of an image, 1 to {}", shown(number), images.len());
    let i: usize = number.trim().parse().map_err(|_| expected())?;
    i.checked_sub(1).and_then(|i| images.get(i)).cloned().ok_or_else(expected)
}

/// A list of images; the subject is the folder two above, as in `001/frontal/01.jpg`.
fn images(path: &Path) -> Result<Vec<End>, DataError> {
    let mut images: Vec<End> = Vec::new();
    lines::each(path, "a list of images (Protocol/Pair_list_F.txt)", |_, text| {
        let fields = fields(text);
        let &[index, name] = fields.as_slice() else {
            return if fields.is_empty() { Ok(()) } else { Err(format!("{}, expected index path", shown(text))) };
        };
        if index.parse() != Ok(images.len() + 1) {
            return Err(format!("the index {}, expected {}", shown(index), images.len() + 1));
        }
        // Relative to `Protocol`: without the way out of it.
        let parts: Vec<String> = Path::new(name)
            .components()
            .filter(|c| matches!(c, Component::Normal(_)))
            .map(|c| c.as_os_str().to_string_lossy().into_owned())
            .collect();
        let subject = parts.len().checked_sub(3).map(|i| parts[i].clone());
        let subject = subject.ok_or_else(|| format!("{}, expected a path as 001/frontal/01.jpg", shown(name)))?;
        images.push(End::of(parts.join("/"), &subject));
        Ok(())
    })?;
    Ok(images)
}
