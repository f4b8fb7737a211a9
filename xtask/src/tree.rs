//! The files that are, or would be, committed: what every rule looks at.

use anyhow::{Context, Result};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// One file of the checkout.
#[derive(Debug)]
pub(crate) struct File {
    /// Relative to the root, with `/`.
    pub(crate) path: String,
    pub(crate) bytes: u64,
    /// `None` for what is not UTF-8 text, or has a NUL byte: images, fonts, data.
    pub(crate) text: Option<String>,
}

/// All files, sorted by path.
#[derive(Debug)]
pub(crate) struct Tree {
    pub(crate) files: Vec<File>,
}

impl Tree {
    /// Reads what git tracks or would track. Where git cannot say (a source archive), all
    /// files below `root` but `.git` and the top-level names of `.gitignore`.
    pub(crate) fn read(root: &Path) -> Result<Self> {
        let mut paths = match git_files(root) {
            Some(paths) => paths,
            None => walk(root)?,
        };
        paths.sort();
        paths.dedup();
        let mut files = Vec::with_capacity(paths.len());
        for path in paths {
            let full = root.join(&path);
            // A tracked file that was deleted but not yet staged, or a link: nothing to read.
            if !fs::symlink_metadata(&full).is_ok_and(|meta| meta.is_file()) {
                continue;
            }
            let bytes = fs::read(&full).with_context(|| format!("cannot read {path}"))?;
            files.push(File::new(path, bytes));
        }
        Ok(Self { files })
    }

    /// The Rust sources and their texts.
    pub(crate) fn rust(&self) -> impl Iterator<Item = (&str, &str)> {
        self.texts().filter(|(path, _)| path.ends_with(".rs"))
    }

    /// Every text file and its text.
    pub(crate) fn texts(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files.iter().filter_map(|file| Some((file.path.as_str(), file.text.as_deref()?)))
    }

    /// The text of the file at `path`.
    pub(crate) fn text(&self, path: &str) -> Option<&str> {
        self.texts().find(|(name, _)| *name == path).map(|(_, text)| text)
    }

    /// A tree from paths and texts, for the rules' tests.
    #[cfg(test)]
    pub(crate) fn of(files: &[(&str, &str)]) -> Self {
        let files = files.iter().map(|(path, text)| File::new((*path).to_owned(), text.as_bytes().to_vec()));
        Self { files: files.collect() }
    }
}

impl File {
    fn new(path: String, bytes: Vec<u8>) -> Self {
        let size = bytes.len() as u64;
        let text = if bytes.contains(&0) { None } else { String::from_utf8(bytes).ok() };
        Self { path, bytes: size, text }
    }
}

fn git_files(root: &Path) -> Option<Vec<String>> {
    let output = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(root)
        .output()
        .ok()
        .filter(|output| output.status.success())?;
    let names = String::from_utf8(output.stdout).ok()?;
    let paths: Vec<String> = names.split('\0').filter(|name| !name.is_empty()).map(str::to_owned).collect();
    // An archive unpacked inside some other repository lists nothing.
    (!paths.is_empty()).then_some(paths)
}

fn walk(root: &Path) -> Result<Vec<String>> {
    let ignored = fs::read_to_string(root.join(".gitignore")).unwrap_or_default();
    let mut skip: Vec<PathBuf> =
        ignored.lines().filter_map(|line| line.trim().strip_prefix('/')).map(|name| root.join(name)).collect();
    skip.push(root.join(".git"));
    let mut paths = Vec::new();
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).with_context(|| format!("cannot list {}", folder.display()))? {
            let path = entry.with_context(|| format!("cannot list {}", folder.display()))?.path();
            if skip.contains(&path) {
                continue;
            }
            if fs::symlink_metadata(&path).is_ok_and(|meta| meta.is_dir()) {
                folders.push(path);
            } else if let Ok(relative) = path.strip_prefix(root) {
                let parts: Vec<_> = relative.iter().map(|part| part.to_string_lossy()).collect();
                paths.push(parts.join("/"));
            }
        }
    }
    Ok(paths)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_package_is_seen_by_git_or_without() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let walked = walk(root).unwrap();
        assert!(walked.iter().any(|path| path == "xtask/src/tree.rs"));
        assert!(!walked.iter().any(|path| path.starts_with(".git/") || path.starts_with("target/")));
        let tree = Tree::read(root).unwrap();
        assert!(tree.text("xtask/src/tree.rs").unwrap().contains("fn this_package_is_seen_by_git_or_without"));
        assert!(tree.rust().all(|(path, _)| path.ends_with(".rs")));
    }

    #[test]
    fn binary_files_have_a_size_but_no_text() {
        let file = File::new("a.bin".to_owned(), vec![1, 0, 2]);
        assert_eq!((file.bytes, file.text), (3, None));
        let file = File::new("a.bin".to_owned(), vec![0xff, 0xfe]);
        assert_eq!(file.text, None);
    }
}
