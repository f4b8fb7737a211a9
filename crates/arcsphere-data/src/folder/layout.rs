//! What the folders of a set are: classes, or `train`, `test` and `val` with classes in them.

use std::path::{Path, PathBuf};

use crate::error::DataError;
use crate::files;
use crate::walk::{Reason, Walk};

/// Where the folders of classes are.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Layout {
    /// The folder with those to train on, or with all.
    pub(super) train: PathBuf,
    /// Those to test on.
    pub(super) test: Option<PathBuf>,
    /// Those to look at while training.
    pub(super) validation: Option<PathBuf>,
    /// What somebody might not expect of it.
    pub(super) remarks: Vec<String>,
}

/// Names of parts, in lower case; they are taken in any.
const TRAIN: [&str; 2] = ["train", "training"];
const TEST: [&str; 2] = ["test", "testing"];
const VALIDATION: [&str; 4] = ["val", "valid", "validation", "dev"];

/// A folder of a root that is called as a part is.
struct Part {
    path: PathBuf,
    /// Whether there are folders in it, which may be classes.
    has_folders: bool,
}

impl Layout {
    /// Looks at the names of the folders in `root`, and at what is in them.
    pub(super) fn find(root: &Path) -> Result<Self, DataError> {
        let Walk { mut left_out, .. } = Walk::below(root, 0)?;
        let folders = left_out.remove(&Reason::Folder).unwrap_or_default();
        let [train, test, validation] =
            [part(root, &folders, &TRAIN)?, part(root, &folders, &TEST)?, part(root, &folders, &VALIDATION)?];
        let is_named =
            |path: &PathBuf| [&train, &test, &validation].into_iter().flatten().any(|part| part.path == *path);
        let whole = |train: &Path, remarks| Ok(Self { train: train.to_owned(), remarks, ..Self::default() });
        let with_classes = |part: &Option<Part>| part.as_ref().filter(|p| p.has_folders).map(|p| p.path.clone());
        let others_hold_images = || {
            let mut others = folders.iter().filter(|f| !is_named(f));
            // What cannot be looked at may be a class, and is named as one.
            others.any(|f| !Walk::below(f, usize::MAX).is_ok_and(|walk| walk.images.is_empty()))
        };
        match (with_classes(&train), with_classes(&test), with_classes(&validation)) {
            (Some(train), Some(test), validation) => {
                Ok(Self { train, test: Some(test), validation, remarks: Vec::new() })
            }
            (Some(train), None, Some(validation)) => {
                let remark = format!("{} is the test set: there is no test/ beside it", validation.display());
                let remarks = without_classes(&test).into_iter().chain([remark]).collect();
                Ok(Self { train, test: Some(validation), validation: None, remarks })
            }
            // A class may be called `train`; then there are others.
            (Some(train), None, None) if !others_hold_images() => {
                let remark = format!("a part of {} becomes the test set: there is no test/ beside it", train.display());
                let remarks = [without_classes(&test), without_classes(&validation)].into_iter().flatten();
                whole(&train, remarks.chain([remark]).collect())
            }
            (None, Some(only), _) | (None, None, Some(only)) if !others_hold_images() => {
                let (found, way_out) = (
                    format!("{} without a train/ beside it", files::name_of(&only)),
                    format!(
                        "add a train/ with a folder for each class, or give {} itself, to be split",
                        only.display()
                    ),
                );
                Err(DataError::NoClasses { path: root.to_owned(), found, way_out })
            }
            _ => whole(root, Vec::new()),
        }
    }
}

/// The folder among `folders` that has one of `names`.
fn part(root: &Path, folders: &[PathBuf], names: &[&str]) -> Result<Option<Part>, DataError> {
    let is_one = |path: &&PathBuf| names.contains(&files::name_of(path).to_lowercase().as_str());
    let mut named = folders.iter().filter(is_one);
    let Some(path) = named.next() else { return Ok(None) };
    if let Some(other) = named.next() {
        let found = format!("both {} and {}", files::name_of(path), files::name_of(other));
        let way_out = "keep one of the two".to_owned();
        return Err(DataError::NoClasses { path: root.to_owned(), found, way_out });
    }
    let has_folders = Walk::below(path, 0)?.left_out.contains_key(&Reason::Folder);
    Ok(Some(Part { path: path.clone(), has_folders }))
}

/// Says of a part that it has no classes, and so no use.
fn without_classes(part: &Option<Part>) -> Option<String> {
    let part = part.as_ref().filter(|part| !part.has_folders)?;
    Some(format!("{} is left out: there are no folders of classes in it", part.path.display()))
}
