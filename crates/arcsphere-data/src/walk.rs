//! One walk through folders, for training, embedding and checking: what there is, in an order that does not
//! depend on the file system, and what was left out and why.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::path::{Path, PathBuf};
use std::{fmt, fs, io};

use crate::bad::{BadFile, OnBadFile, Sieve};
use crate::error::DataError;
use crate::files;

/// Extensions that are taken for images, in any case.
pub const EXTENSIONS: [&str; 14] =
    ["jpg", "jpeg", "jpe", "jfif", "png", "webp", "bmp", "gif", "tif", "tiff", "pbm", "pgm", "ppm", "pnm"];

/// Extensions of images that are not read, in any case.
pub const UNREAD: [&str; 16] =
    ["heic", "heif", "avif", "jxl", "jp2", "j2k", "svg", "psd", "ico", "tga", "exr", "hdr", "dng", "cr2", "nef", "arw"];

/// Folders that systems and their tools keep for themselves: thumbnails, waste, metadata.
const OF_SYSTEMS: [&str; 6] =
    ["__MACOSX", "@eaDir", "#recycle", "$RECYCLE.BIN", "System Volume Information", "lost+found"];

/// Why something in a folder is not among the images.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// Its extension is none of [`EXTENSIONS`].
    NotAnImage,
    /// It has an extension of [`UNREAD`], this one.
    Unread(&'static str),
    /// Its name begins with a dot.
    Hidden,
    /// What macOS writes as `._x` beside `x` where the disk has no room for its notes; it has an image's
    /// extension and is none.
    AppleDouble,
    /// A folder that a system keeps for itself, as `__MACOSX`.
    System,
    /// A folder below those in which images are looked for.
    Folder,
    /// An image where folders of images are expected, so that it has no class.
    NoClass,
    /// A link to a folder that it lies in, or that is walked through by another way.
    Loop,
    /// A link to nothing, or neither a file nor a folder.
    NotAFile,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unread(format) => {
                return write!(f, "an image format that is not read: {format}; convert it to jpg or png");
            }
            Self::NotAnImage => "not an image by its extension",
            Self::Hidden => "hidden (its name begins with a dot)",
            Self::AppleDouble => "notes of macOS (its name begins with ._)",
            Self::System => "a folder that a system keeps for itself",
            Self::Folder => "a folder where only images are looked for",
            Self::NoClass => "an image beside the folders of the classes",
            Self::Loop => "a link to a folder that it lies in, or that is there by another way",
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
    /// `usize::MAX` for all. Links are followed, but no folder is walked through twice.
    ///
    /// # Errors
    /// [`Missing`](DataError::Missing) or [`Io`](DataError::Io) for a folder that cannot be listed or a file that
    /// cannot be asked for.
    pub fn below(root: &Path, depth: usize) -> Result<Self, DataError> {
        Self::sieved(root, depth, &mut Sieve::new(root, OnBadFile::Error))
    }

    /// As [`below`](Self::below); what cannot be looked at is left out where `on_bad_file` says so, and comes second.
    ///
    /// # Errors
    /// As [`below`](Self::below); for the root itself whatever `on_bad_file` says.
    pub fn usable(root: &Path, depth: usize, on_bad_file: OnBadFile) -> Result<(Self, Vec<BadFile>), DataError> {
        let mut sieve = Sieve::new(root, on_bad_file);
        Ok((Self::sieved(root, depth, &mut sieve)?, sieve.into_bad()))
    }

    /// Walks with what is bad going through `sieve`.
    pub(crate) fn sieved(root: &Path, depth: usize, sieve: &mut Sieve) -> Result<Self, DataError> {
        let of_root = real(root)?;
        let mut way = Way { sieve, seen: HashSet::from([of_root.clone()]), links: VecDeque::new() };
        let mut walk = Self::default();
        walk.enter(files::list(root, "a folder of images")?, depth, &mut way)?;
        // Folders before links, so that a folder is met under its own name.
        while let Some((link, depth)) = way.links.pop_front() {
            match open(&link) {
                Ok((real, _)) if of_root.starts_with(&real) || !way.seen.insert(real.clone()) => {
                    walk.left_out.entry(Reason::Loop).or_default().push(link);
                }
                Ok((_, entries)) => {
                    walk.enter(entries, depth, &mut way)?;
                    walk.folders.push(link);
                }
                Err(e) => way.sieve.drop(&link, None, e)?,
            }
        }
        walk.images.sort_unstable();
        walk.folders.sort_unstable();
        walk.left_out.values_mut().for_each(|paths| paths.sort_unstable());
        Ok(walk)
    }

    /// Adds `entries`, what is in a folder with `depth` levels below it.
    fn enter(&mut self, entries: Vec<PathBuf>, depth: usize, way: &mut Way<'_>) -> Result<(), DataError> {
        // A stack of its own: folders may be nested deeper than calls.
        let mut waiting = vec![(entries, depth)];
        while let Some((entries, depth)) = waiting.pop() {
            for path in entries {
                match look(&path, depth) {
                    Ok(Entry::Image) => self.images.push(path),
                    Ok(Entry::LeftOut(reason)) => self.left_out.entry(reason).or_default().push(path),
                    Ok(Entry::Link) => way.links.push_back((path, depth - 1)),
                    Ok(Entry::Folder) => match open(&path) {
                        Ok((real, _)) if !way.seen.insert(real.clone()) => {
                            self.left_out.entry(Reason::Loop).or_default().push(path);
                        }
                        Ok((_, entries)) => {
                            self.folders.push(path);
                            waiting.push((entries, depth - 1));
                        }
                        Err(e) => way.sieve.drop(&path, None, e)?,
                    },
                    Err(e) => way.sieve.drop(&path, None, e)?,
                }
            }
        }
        Ok(())
    }
}

/// What a walk knows on its way.
struct Way<'a> {
    sieve: &'a mut Sieve,
    /// Folders that were met, without links.
    seen: HashSet<PathBuf>,
    /// Links to folders that wait, with the levels below them.
    links: VecDeque<(PathBuf, usize)>,
}

/// What a walk does with something in a folder.
enum Entry {
    Image,
    Folder,
    /// A link to a folder.
    Link,
    LeftOut(Reason),
}

/// What is at `path`, in a folder with `depth` levels below it.
fn look(path: &Path, depth: usize) -> Result<Entry, DataError> {
    let name = path.file_name().unwrap_or_default();
    let bytes = name.as_encoded_bytes();
    if bytes.starts_with(b"._") {
        return Ok(Entry::LeftOut(Reason::AppleDouble));
    }
    if bytes.starts_with(b".") {
        return Ok(Entry::LeftOut(Reason::Hidden));
    }
    let failed = |e| DataError::io(path, "look at", e);
    let own = fs::symlink_metadata(path).map_err(failed)?;
    let found = match fs::metadata(path) {
        Ok(found) => found,
        // A link to nothing, or to itself.
        Err(e) if own.is_symlink() && e.kind() != io::ErrorKind::PermissionDenied => {
            return Ok(Entry::LeftOut(Reason::NotAFile));
        }
        Err(e) => return Err(failed(e)),
    };
    Ok(if found.is_file() {
        not_an_image(path).map_or(Entry::Image, Entry::LeftOut)
    } else if !found.is_dir() {
        Entry::LeftOut(Reason::NotAFile)
    } else if OF_SYSTEMS.iter().any(|own| name == *own) {
        Entry::LeftOut(Reason::System)
    } else if depth == 0 {
        Entry::LeftOut(Reason::Folder)
    } else if own.is_symlink() {
        Entry::Link
    } else {
        Entry::Folder
    })
}

/// The path of a folder without links, and what is in it.
fn open(dir: &Path) -> Result<(PathBuf, Vec<PathBuf>), DataError> {
    Ok((real(dir)?, files::list(dir, "a folder")?))
}

fn real(dir: &Path) -> Result<PathBuf, DataError> {
    // What is not there is said as whoever lists it says it.
    match dir.canonicalize() {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(DataError::io(dir, "follow", e)),
        real => Ok(real.unwrap_or_default()),
    }
}

/// How many files of which extension: "3 files (2 .txt, 1 .csv)".
///
/// ```
/// let names = ["a.txt", "b.csv", "c.TXT"].map(std::path::PathBuf::from);
/// assert_eq!(arcsphere_data::walk::by_extension(&names), "3 files (2 .txt, 1 .csv)");
/// ```
pub fn by_extension(paths: &[PathBuf]) -> String {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for path in paths {
        let extension = path.extension().map(|e| format!(".{}", e.to_string_lossy().to_lowercase()));
        *counts.entry(extension.unwrap_or_else(|| "without extension".to_owned())).or_default() += 1;
    }
    let mut counts: Vec<(usize, String)> = counts.into_iter().map(|(extension, n)| (n, extension)).collect();
    counts.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    let each: Vec<String> = counts.iter().take(4).map(|(n, extension)| format!("{n} {extension}")).collect();
    let more = if counts.len() > 4 { ", …" } else { "" };
    let s = if paths.len() == 1 { "" } else { "s" };
    format!("{} file{s} ({}{more})", paths.len(), each.join(", "))
}

/// True for a name with an extension of [`EXTENSIONS`].
pub(crate) fn is_image(path: &Path) -> bool {
    not_an_image(path).is_none()
}

/// Why a file is none of the images, by its extension.
fn not_an_image(path: &Path) -> Option<Reason> {
    let extension = path.extension().unwrap_or_default();
    let is = |known: &&&str| extension.eq_ignore_ascii_case(known);
    match EXTENSIONS.iter().find(is) {
        Some(_) => None,
        None => Some(UNREAD.iter().find(is).map_or(Reason::NotAnImage, |format| Reason::Unread(format))),
    }
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
        let names_there = ["a/1.HEIC", "a/2.heic", "a/3.svg", "a/notes.txt", "a/noextension", "a/1.jpg", "a/2.JFIF"];
        let dir = tree(&[&[".git/x.png", "a/.hidden.jpg", "a/._1.jpg"], &names_there[..]].concat());
        let walk = Walk::below(dir.path(), 1).unwrap();
        assert_eq!(names(dir.path(), &walk.images), ["a/1.jpg", "a/2.JFIF"]);
        let counts: Vec<(Reason, usize)> = walk.left_out.iter().map(|(&r, p)| (r, p.len())).collect();
        let unread = [(Reason::Unread("heic"), 2), (Reason::Unread("svg"), 1)];
        assert_eq!(counts[1..3], unread);
        assert_eq!(
            [counts[0], counts[3], counts[4]],
            [(Reason::NotAnImage, 2), (Reason::Hidden, 2), (Reason::AppleDouble, 1)]
        );
        let why = unread[0].0.to_string();
        assert_eq!(why, "an image format that is not read: heic; convert it to jpg or png");
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

    #[cfg(unix)]
    #[test]
    fn a_folder_is_walked_through_once() {
        use std::os::unix::fs::symlink;
        let (dir, other) = (tree(&["set/a/1.png", "set/z/2.png", "beside/3.png"]), tree(&["4.png"]));
        let root = dir.path().join("set");
        // Under its own name, though a link to it comes first; and not from above the root.
        symlink(root.join("z"), root.join("a/first")).unwrap();
        symlink(dir.path(), root.join("a/above")).unwrap();
        symlink("itself", root.join("itself")).unwrap();
        // Two links to each of the next, so that 30 of them are 2^30 ways.
        for i in 0..30 {
            let folder = other.path().join(format!("{i}"));
            fs::create_dir(&folder).unwrap();
            for link in ["l", "r"] {
                symlink(other.path().join(format!("{}", i + 1)), folder.join(link)).unwrap();
            }
        }
        fs::create_dir(other.path().join("30")).unwrap();
        fs::rename(other.path().join("4.png"), other.path().join("30/4.png")).unwrap();
        symlink(other.path().join("0"), root.join("many")).unwrap();
        let walk = Walk::below(&root, usize::MAX).unwrap();
        assert_eq!(names(&root, &walk.images[..2]), ["a/1.png", format!("many{}/4.png", "/l".repeat(30)).as_str()]);
        assert_eq!(names(&root, &walk.images[2..]), ["z/2.png"]);
        let loops = names(&root, &walk.left_out[&Reason::Loop]);
        assert_eq!((&loops[..2], loops.len()), (&["a/above".to_owned(), "a/first".into()][..], 32));
        assert_eq!(names(&root, &walk.left_out[&Reason::NotAFile]), ["itself"]);
    }

    #[test]
    fn folders_of_systems_are_left_out() {
        let dir = tree(&["a/1.png", "a/@eaDir/1.png/thumb.jpg", "__MACOSX/a/1.png", "lost+found/x"]);
        let walk = Walk::below(dir.path(), usize::MAX).unwrap();
        assert_eq!(names(dir.path(), &walk.images), ["a/1.png"]);
        assert_eq!(names(dir.path(), &walk.left_out[&Reason::System]), ["__MACOSX", "a/@eaDir", "lost+found"]);
    }

    #[test]
    fn a_folder_that_is_none_is_an_error() {
        let dir = tree(&["a/1.png"]);
        assert!(matches!(Walk::below(&dir.path().join("x"), 0), Err(DataError::Missing { .. })));
        assert!(matches!(Walk::below(&dir.path().join("a/1.png"), 0), Err(DataError::Io { .. })));
    }
}
