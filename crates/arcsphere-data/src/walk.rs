//! One walk through folders, for training, embedding and checking: what there is, in an order that does not
//! depend on the file system, and what was left out and why.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use crate::error::DataError;
use crate::files;

/// Extensions that are taken for images, in any case.
pub const EXTENSIONS: [&str; 8] = ["jpg", "jpeg", "png", "webp", "bmp", "pgm", "ppm", "pnm"];

/// Why something in a folder is not among the images.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// Its extension is none of [`EXTENSIONS`].
    NotAnImage,
    /// Its name begins with a dot.
    Hidden,
    /// What macOS writes as `._x` beside `x` where the disk has no room for its notes; it has an image's
    /// extension and is none.
    AppleDouble,
    /// A folder below those in which images are looked for.
    Folder,
    /// An image where folders of images are expected, so that it has no class.
    NoClass,
    /// A link to a folder that it lies in.
    Loop,
    /// A link to nothing, or neither a file nor a folder.
    NotAFile,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotAnImage => "not an image by its extension",
            Self::Hidden => "hidden (its name begins with a dot)",
            Self::AppleDouble => "notes of macOS (its name begins with ._)",
            Self::Folder => "a folder where only images are looked for",
            Self::NoClass => "an image beside the folders of the classes",
            Self::Loop => "a link to a folder that it lies in",
            Self::NotAFile => "neither a file nor a folder, or a link to nothing",
        })
    }
}

/// What was left out, by reason, in the order of the paths.
pub type LeftOut = BTreeMap<Reason, Vec<PathBuf>>;

/// The images below a folder.
///
/// ```
/// use arcsphere_data::walk::{Reason, Walk};
///
/// # let root = tempfile::tempdir().unwrap();
/// # let root = root.path();
/// # std::fs::create_dir(root.join("ada")).unwrap();
/// # for name in ["ada/2.jpg", "ada/1.PNG", "ada/._1.PNG", "readme.txt"] {
/// #     std::fs::write(root.join(name), "").unwrap();
/// # }
/// // ada/1.PNG, ada/._1.PNG, ada/2.jpg, readme.txt
/// let walk = Walk::below(root, usize::MAX)?;
/// assert_eq!(walk.images, [root.join("ada/1.PNG"), root.join("ada/2.jpg")]);
/// assert_eq!(walk.left_out[&Reason::AppleDouble], [root.join("ada/._1.PNG")]);
/// assert_eq!(walk.left_out[&Reason::NotAnImage], [root.join("readme.txt")]);
/// # Ok::<(), arcsphere_data::DataError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Walk {
    /// Image files, told by their extension, in the order of their paths.
    pub images: Vec<PathBuf>,
    /// The folders that were looked into, the root not among them, in the order of their paths.
    pub folders: Vec<PathBuf>,
    /// What else is there.
    pub left_out: LeftOut,
}

impl Walk {
    /// Walks through `root` and `depth` levels of folders below it: 0 for the images in the root itself,
    /// `usize::MAX` for all. Links are followed, but not to a folder that they lie in.
    ///
    /// # Errors
    /// [`Missing`](DataError::Missing) or [`Io`](DataError::Io) for a folder that cannot be listed.
    pub fn below(root: &Path, depth: usize) -> Result<Self, DataError> {
        let mut walk = Self::default();
        walk.enter(root, depth, &mut Vec::new())?;
        walk.images.sort_unstable();
        walk.folders.sort_unstable();
        walk.left_out.values_mut().for_each(|paths| paths.sort_unstable());
        Ok(walk)
    }

    /// Adds what is in `dir`. `above` are the folders on the way to it, without links.
    fn enter(&mut self, dir: &Path, depth: usize, above: &mut Vec<PathBuf>) -> Result<(), DataError> {
        let entries = files::list(dir, "a folder of images")?;
        above.push(dir.canonicalize().map_err(|e| DataError::io(dir, "follow", e))?);
        for path in entries {
            let name = path.file_name().unwrap_or_default().as_encoded_bytes();
            let left_out = if name.starts_with(b"._") {
                Some(Reason::AppleDouble)
            } else if name.starts_with(b".") {
                Some(Reason::Hidden)
            } else if path.is_file() {
                (!is_image(&path)).then_some(Reason::NotAnImage)
            } else if !path.is_dir() {
                Some(Reason::NotAFile)
            } else if path.canonicalize().is_ok_and(|real| above.contains(&real)) {
                Some(Reason::Loop)
            } else {
                (depth == 0).then_some(Reason::Folder)
            };
            match left_out {
                Some(reason) => self.left_out.entry(reason).or_default().push(path),
                None if path.is_file() => self.images.push(path),
                None => {
                    self.enter(&path, depth - 1, above)?;
                    self.folders.push(path);
                }
            }
        }
        above.pop();
        Ok(())
    }
}

/// True for a name with an extension of [`EXTENSIONS`].
pub(crate) fn is_image(path: &Path) -> bool {
    path.extension().is_some_and(|e| EXTENSIONS.iter().any(|x| e.eq_ignore_ascii_case(x)))
}

/// Adds what another walk left out.
pub(crate) fn add(all: &mut LeftOut, more: LeftOut) {
    for (reason, paths) in more {
        all.entry(reason).or_default().extend(paths);
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn tree(names: &[&str]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for name in names {
            let path = dir.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        dir
    }

    /// Paths relative to `root`.
    fn names(root: &Path, paths: &[PathBuf]) -> Vec<String> {
        paths.iter().map(|p| p.strip_prefix(root).unwrap().display().to_string()).collect()
    }

    #[test]
    fn depth_bounds_what_is_looked_into() {
        let dir = tree(&["z.png", "b/1.png", "b/deep/1.png", "a b/1.png", "a/1.png"]);
        let root = dir.path();
        let at = |depth| Walk::below(root, depth).unwrap();
        assert_eq!(names(root, &at(0).images), ["z.png"]);
        assert_eq!(names(root, &at(0).left_out[&Reason::Folder]), ["a", "a b", "b"]);
        assert_eq!(names(root, &at(1).images), ["a/1.png", "a b/1.png", "b/1.png", "z.png"]);
        assert_eq!(names(root, &at(1).folders), ["a", "a b", "b"]);
        assert_eq!(names(root, &at(1).left_out[&Reason::Folder]), ["b/deep"]);
        assert_eq!(at(usize::MAX).images.len(), 5);
        assert!(at(usize::MAX).left_out.is_empty());
    }

    #[test]
    fn what_is_left_out_is_counted_by_reason() {
        let dir = tree(&[".git/x.png", "a/.hidden.jpg", "a/._1.jpg", "a/1.jpg", "a/notes.txt", "a/noextension"]);
        let walk = Walk::below(dir.path(), 1).unwrap();
        assert_eq!(names(dir.path(), &walk.images), ["a/1.jpg"]);
        let counts: Vec<(Reason, usize)> = walk.left_out.iter().map(|(&r, p)| (r, p.len())).collect();
        assert_eq!(counts, [(Reason::NotAnImage, 2), (Reason::Hidden, 2), (Reason::AppleDouble, 1)]);
    }

    #[cfg(unix)]
    #[test]
    fn links_are_followed_but_not_in_a_circle() {
        use std::os::unix::fs::symlink;
        let (dir, other) = (tree(&["a/1.png"]), tree(&["x/2.png"]));
        let root = dir.path();
        symlink(root, root.join("a/up")).unwrap();
        symlink(root.join("a"), root.join("a/self")).unwrap();
        symlink(other.path().join("x"), root.join("b")).unwrap();
        symlink(root.join("nothing.png"), root.join("a/dangling.png")).unwrap();
        let walk = Walk::below(root, usize::MAX).unwrap();
        assert_eq!(names(root, &walk.images), ["a/1.png", "b/2.png"]);
        assert_eq!(names(root, &walk.left_out[&Reason::Loop]), ["a/self", "a/up"]);
        assert_eq!(names(root, &walk.left_out[&Reason::NotAFile]), ["a/dangling.png"]);
    }

    #[test]
    fn a_folder_that_is_none_is_an_error() {
        let dir = tree(&["a/1.png"]);
        assert!(matches!(Walk::below(&dir.path().join("x"), 0), Err(DataError::Missing { .. })));
        assert!(matches!(Walk::below(&dir.path().join("a/1.png"), 0), Err(DataError::Io { .. })));
    }
}
