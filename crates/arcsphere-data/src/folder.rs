//! A folder of images per class.
//!
//! ```text
//! faces/ada/1.jpg            or      faces/train/ada/1.jpg
//! faces/ada/2.png                    faces/test/ada/9.jpg
//! faces/grace/1.jpg                  faces/val/ada/7.jpg
//! ```
//!
//! An image's class is the first of these folders that it lies in, however deep: `faces/ada/monday/1.jpg` is of `ada`.
//! What was understood otherwise than somebody might expect is in [`Folder::remarks`].
//!
//! Classes and files are taken in the order of their names; what is not an image is left out, and counted
//! ([`walk`]). When every pixel of every image is gray, however stored, the set has 1 channel,
//! otherwise 3; transparency is dropped, 16 bits become 8, and the orientation that a camera noted is applied.
//! Of a GIF or a WebP that moves the first frame is taken, of a TIFF the first page.
//!
//! Read are JPEG (8 bits; baseline and progressive), PNG, WebP, BMP, GIF, TIFF (not with JPEG within) and PNM, told by
//! what is in the file. A JPEG is read whole before it is decoded: what is cut off or damaged is refused.
//! [`Decoding`] bounds the memory of all that is decoded at once.
//!
//! Opening a folder looks at every image, to know its size and whether it has color. The first
//! [`CACHE_BYTES`] of planes are kept in memory; what is beyond is decoded anew whenever a batch asks for it,
//! and first of all by the pass over the set that gives its digest, so that [`open`](crate::open) finds any
//! image that cannot be decoded.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use crate::bad::{BadFile, OnBadFile, Sieve};
use crate::dataset::{Dataset, Shape};
use crate::error::DataError;
use crate::samples::{SampleInfo, Samples};
use crate::walk::{self, LeftOut, Reason, Walk};
use crate::{files, found};

pub(crate) mod alike;
mod format;

mod decode;
mod layout;
mod opening;
mod parts;

pub use decode::Decoding;
use layout::Layout;
use opening::Opened;

/// The most bytes of planes that a folder's set (of a `train` and a `test` folder, each) keeps in memory:
/// 256 MiB, which is 89,000 color images of 32x32 or 7,000 of 112x112.
pub const CACHE_BYTES: usize = 1 << 28;

/// What a folder holds.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Folder {
    /// Its images.
    pub images: Images,
    /// What lies in it and is none.
    pub left_out: LeftOut,
    /// Images that cannot be used, where they are left out.
    pub bad_files: Vec<BadFile>,
    /// How the folder was understood, where somebody might expect otherwise.
    pub remarks: Vec<String>,
}

/// The images of a folder.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Images {
    /// Class folders, not split into training and test images.
    Whole(Dataset),
    /// A `train` and a `test` folder.
    Split {
        /// Images under `train`.
        train: Dataset,
        /// Images under `test`.
        test: Dataset,
        /// Images under `val`, of the classes of `train`.
        validation: Option<Box<Dataset>>,
        /// True when `train` and `test` have no class in common; they then have a class list each.
        open_set: bool,
    },
}

/// How a folder is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReadOptions {
    /// How an image file becomes planes.
    pub decoding: Decoding,
    /// What is done about an image that cannot be used.
    pub on_bad_file: OnBadFile,
    /// Names of classes that differ only in case or Unicode form are taken for different classes.
    pub open_set: bool,
}

/// Reads a folder of class folders, or a `train` and `test` pair of such folders.
///
/// The class of an image is the first folder below `root`, or below `train`, that it lies in, however deep. Parts are
/// also called `training`, `testing`, `val`, `valid`, `validation` or `dev`, in any case. With a `val` but no `test`
/// the one is the other; a `train` alone is a whole set.
///
/// Decoding is parallel; the result, and which error is reported, does not depend on it.
/// Of images past the first [`CACHE_BYTES`] no more is read here than their size and color. A sample's name is its path below `root`.
///
/// # Errors
/// [`Missing`](DataError::Missing), [`NoClasses`](DataError::NoClasses),
/// [`EmptyClass`](DataError::EmptyClass) for a class folder without an image,
/// [`UndecodableImage`](DataError::UndecodableImage), [`ImageSide`](DataError::ImageSide),
/// [`ImageMemory`](DataError::ImageMemory), [`ImageSize`](DataError::ImageSize),
/// [`BadShape`](DataError::BadShape) for an unusable size,
/// [`ClassMismatch`](DataError::ClassMismatch) when `train` and `test` share some classes but `test`
/// has others too, and [`AlikeClasses`](DataError::AlikeClasses) when they share none, but some names are nearly
/// the same.
///
/// ```
/// use arcsphere_data::folder::{self, Decoding, Images};
///
/// // Gray images of 2x1 pixels: ada/1.pgm, ada/2.pgm, grace/1.pgm.
/// let dir = tempfile::tempdir().unwrap();
/// for (i, name) in ["ada/1.pgm", "ada/2.pgm", "grace/1.pgm"].into_iter().enumerate() {
///     let path = dir.path().join(name);
///     std::fs::create_dir_all(path.parent().unwrap()).unwrap();
///     std::fs::write(path, [b"P5 2 1 255\n", &[i as u8; 2][..]].concat()).unwrap();
/// }
/// let Images::Whole(faces) = folder::read(dir.path(), &Decoding::default())?.images else { panic!("no train and test folder") };
/// assert_eq!((faces.classes(), faces.labels()), (&["ada".to_string(), "grace".into()][..], &[0, 0, 1][..]));
/// assert_eq!((faces.info(2).name.as_str(), &faces.image(2)?[..]), ("grace/1.pgm", &[2, 2][..]));
/// # Ok::<(), arcsphere_data::DataError>(())
/// ```
pub fn read(root: &Path, how: &Decoding) -> Result<Folder, DataError> {
    read_with(root, &ReadOptions { decoding: *how, ..ReadOptions::default() })
}

/// As [`read`], with all that can be chosen.
///
/// With [`OnBadFile::Skip`] every image is decoded here, so that all that cannot be used is found.
///
/// # Errors
/// Those of [`read`]; [`UnusableClass`](DataError::UnusableClass) where nothing is left of a class.
///
/// ```
/// use arcsphere_data::OnBadFile;
/// use arcsphere_data::folder::{self, ReadOptions};
///
/// let dir = tempfile::tempdir().unwrap();
/// std::fs::create_dir(dir.path().join("ada")).unwrap();
/// std::fs::write(dir.path().join("ada/1.pgm"), b"P5 1 1 255\n7").unwrap();
/// std::fs::write(dir.path().join("ada/2.pgm"), b"P5 1 1 255\n").unwrap();
/// let options = ReadOptions { on_bad_file: OnBadFile::Skip, ..ReadOptions::default() };
/// assert!(folder::read(dir.path(), &options.decoding).is_err());
/// assert_eq!(folder::read_with(dir.path(), &options)?.bad_files[0].name, "ada/2.pgm");
/// # Ok::<(), arcsphere_data::DataError>(())
/// ```
pub fn read_with(root: &Path, options: &ReadOptions) -> Result<Folder, DataError> {
    let ReadOptions { decoding: how, on_bad_file, .. } = options;
    how.check()?;
    let layout = Layout::find(root)?;
    let mut sieve = Sieve::new(root, *on_bad_file);
    if let Some(test) = layout.test.clone() {
        return parts::read(root, layout, &test, options, sieve);
    }
    let dir = layout.train;
    let (mut files, mut left_out) = Files::by_class(root, &dir, &mut sieve)?;
    if dir != root {
        walk::add(&mut left_out, parts::beside(root, &[Some(&dir)])?);
    }
    let opened = Opened::check(&mut files, how, CACHE_BYTES, None, &mut sieve)?;
    files.require_every_class(&dir, &sieve)?;
    let remarks = layout.remarks.into_iter().chain(files.deeper(&dir)).collect();
    let images = Images::Whole(files.dataset(how, opened)?);
    Ok(Folder { images, left_out, bad_files: sieve.into_bad(), remarks })
}

/// Images that are brought to `shape`, whatever size `how` has, of which nothing is read before it is asked for;
/// the class of each is the folder that it lies in, and its name is its path. Classes are in the order of their
/// first images.
///
/// A class is called by its path below the folder in which all images are: `ada/1.jpg` and `grace/1.jpg` are of `ada`
/// and of `grace`, `a/day/1.jpg` and `b/day/1.jpg` of `a/day` and `b/day`. Images that all lie in one folder are of
/// the class of its name.
///
/// A gray image has three equal planes where `shape` has three.
///
/// # Errors
/// [`EmptySet`](DataError::EmptySet), [`BadShape`](DataError::BadShape). To decode an image with color for
/// a `shape` of 1 channel is [`ImageShape`](DataError::ImageShape).
///
/// ```no_run
/// use arcsphere_data::folder::{self, Decoding};
/// use arcsphere_data::{Fit, Shape, walk::Walk};
///
/// let photos = Walk::below("photos".as_ref(), usize::MAX)?.images;
/// let set = folder::files(photos, Shape::new(3, 112, 112), &Decoding { fit: Fit::Pad, ..Decoding::default() })?;
/// println!("{}: {}", set.info(0).name, set.classes()[set.labels()[0] as usize]);
/// # Ok::<(), arcsphere_data::DataError>(())
/// ```
pub fn files(paths: Vec<PathBuf>, shape: Shape, how: &Decoding) -> Result<Dataset, DataError> {
    let classes = classes_of(&paths);
    labelled(paths.into_iter().zip(classes).collect(), shape, how)
}

/// As [`files`], with a class for each.
///
/// # Errors
/// Those of [`files`].
pub fn labelled(images: Vec<(PathBuf, String)>, shape: Shape, how: &Decoding) -> Result<Dataset, DataError> {
    let mut classes: Vec<String> = Vec::new();
    let mut labels: HashMap<String, u32> = HashMap::new();
    let mut label = |class: String| {
        *labels.entry(class).or_insert_with_key(|class| {
            classes.push(class.clone());
            classes.len() as u32 - 1
        })
    };
    let images: Vec<(PathBuf, u32)> = images.into_iter().map(|(path, class)| (path, label(class))).collect();
    let Shape { channels, height, width } = shape;
    let files = Files { root: PathBuf::new(), classes, images };
    if files.images.is_empty() {
        return Err(DataError::EmptySet { origin: "image files".into() });
    }
    let how = Decoding { resize: Some((height, width)), ..*how };
    files.dataset(&how, Opened { channels, height, width, ..Opened::default() })
}

/// The classes of image files, as [`files`] tells them.
///
/// ```
/// use arcsphere_data::folder::classes_of;
///
/// let classes = |paths: &[&str]| classes_of(&paths.iter().map(Into::into).collect::<Vec<_>>());
/// assert_eq!(classes(&["faces/ada/1.jpg", "faces/grace/1.jpg"]), ["ada", "grace"]);
/// assert_eq!(classes(&["faces/ada/1.jpg", "faces/ada/2.jpg"]), ["ada", "ada"]);
/// assert_eq!(classes(&["a/day/1.jpg", "b/day/1.jpg"]), ["a/day", "b/day"]);
/// ```
pub fn classes_of(images: &[PathBuf]) -> Vec<String> {
    let mut folders = images.iter().map(|path| path.parent().unwrap_or(Path::new("")));
    let first = folders.next().unwrap_or(Path::new(""));
    let common = folders.fold(first, |common, folder| {
        common.ancestors().find(|above| folder.starts_with(above)).unwrap_or(Path::new(""))
    });
    images.iter().map(|path| class_below(common, path)).collect()
}

/// The classes of images below `root`: paths below it, or below its `train`, `test` or `val` where it has them. An
/// image in `root` itself is of the class of its name, which is never empty.
///
/// # Errors
/// [`Io`](DataError::Io), [`Missing`](DataError::Missing) and [`NoClasses`](DataError::NoClasses) for a folder that
/// cannot be understood.
pub fn classes_below(root: &Path, images: &[PathBuf]) -> Result<Vec<String>, DataError> {
    // What is no set to train on can be embedded.
    let layout = match Layout::find(root) {
        Err(DataError::NoClasses { .. }) => Layout::default(),
        layout => layout?,
    };
    let parts: Vec<PathBuf> = match layout.test {
        Some(test) => [layout.train, test].into_iter().chain(layout.validation).collect(),
        None => Vec::new(),
    };
    let base = |path: &Path| parts.iter().find(|part| path.starts_with(part)).map_or(root, |part| part);
    Ok(images.iter().map(|path| class_below(base(path), path)).collect())
}

/// The path of an image's folder below `base`, or the name of `base` for an image in it.
fn class_below(base: &Path, image: &Path) -> String {
    let folder = image.parent().unwrap_or(Path::new(""));
    let below: Vec<String> =
        folder.strip_prefix(base).unwrap_or(folder).iter().map(|part| files::name_of(Path::new(part))).collect();
    if below.is_empty() { files::own_name(base) } else { below.join("/") }
}

/// Those of `images` that can be decoded, and what is wrong with the others. Names are paths.
pub fn usable(images: Vec<PathBuf>, how: &Decoding) -> (Vec<PathBuf>, Vec<BadFile>) {
    let mut sieve = Sieve::new(Path::new(""), OnBadFile::Skip);
    let tried: Vec<Option<DataError>> = images.par_iter().map(|path| decode::file(path, how).err()).collect();
    let mut kept = Vec::with_capacity(images.len());
    for (path, error) in images.into_iter().zip(tried) {
        match error {
            None => kept.push(path),
            // Leaving out does not fail.
            Some(error) => drop(sieve.drop(&path, None, error)),
        }
    }
    (kept, sieve.into_bad())
}

/// Reads images with their labels, at least one, in the order given; names are paths below `root`. Second are the places of those that were let pass.
pub(crate) fn read_labelled(
    root: &Path,
    images: Vec<(PathBuf, u32)>,
    classes: Vec<String>,
    how: &Decoding,
    sieve: &mut Sieve,
) -> Result<(Dataset, Vec<usize>), DataError> {
    how.check()?;
    let mut files = Files { root: root.to_owned(), classes, images };
    let mut opened = Opened::check(&mut files, how, CACHE_BYTES, None, sieve)?;
    let kept = std::mem::take(&mut opened.kept);
    Ok((files.dataset(how, opened)?, kept))
}

/// The bytes of an image file, as far as an image may have them.
pub(crate) fn file_bytes(path: &Path) -> Result<Vec<u8>, DataError> {
    decode::whole(path, &Decoding::default())
}

/// The shape and the planes of an image in memory; `name` is what errors call it.
pub(crate) fn decode_bytes(name: &Path, bytes: &[u8], how: &Decoding) -> Result<(Shape, Vec<u8>), DataError> {
    let image = decode::bytes(name, bytes, how)?;
    Ok((Shape::new(image.channels, image.height, image.width), image.planes))
}

/// The shape of an image in memory by its head, which says 3 channels where it could have color.
pub(crate) fn look_at_bytes(name: &Path, bytes: &[u8], how: &Decoding) -> Result<Shape, DataError> {
    let (may_have_color, (height, width)) = decode::head(name, bytes, how)?;
    let (height, width) = how.resize.unwrap_or((height, width));
    Ok(Shape::new(if may_have_color { 3 } else { 1 }, height, width))
}

/// Class names, and image files with their labels.
struct Files {
    /// What names are relative to.
    root: PathBuf,
    classes: Vec<String>,
    images: Vec<(PathBuf, u32)>,
}

impl Files {
    /// The images of the class folders in `dir`.
    fn by_class(root: &Path, dir: &Path, sieve: &mut Sieve) -> Result<(Self, LeftOut), DataError> {
        let Walk { images, folders, mut left_out } = Walk::sieved(dir, usize::MAX, sieve)?;
        let beside: Vec<PathBuf> = images.iter().filter(|p| p.parent() == Some(dir)).cloned().collect();
        // Both lists are in the order of the paths, so the images of a class stand together.
        let mut images = images.into_iter().filter(|p| p.parent() != Some(dir)).peekable();
        let (mut classes, mut labelled) = (Vec::new(), Vec::new());
        for folder in folders.iter().filter(|folder| folder.parent() == Some(dir)) {
            let (label, before) = (classes.len() as u32, labelled.len());
            while let Some(path) = images.next_if(|p| p.starts_with(folder)) {
                labelled.push((path, label));
            }
            let class = files::name_of(folder);
            if labelled.len() == before {
                let origin = folder.display().to_string();
                return Err(match sieve.said_below(folder) {
                    Some(found) => DataError::UnusableClass { origin, class, found },
                    None => DataError::EmptyClass { origin, class },
                });
            }
            classes.push(class);
        }
        if classes.is_empty() {
            return Err(found::no_class(dir, &beside, &left_out));
        }
        if !beside.is_empty() {
            left_out.insert(Reason::NoClass, beside);
        }
        Ok((Self { root: root.to_owned(), classes, images: labelled }, left_out))
    }

    /// Refuses a class of which nothing was let pass.
    fn require_every_class(&self, dir: &Path, sieve: &Sieve) -> Result<(), DataError> {
        let mut has_image = vec![false; self.classes.len()];
        self.images.iter().for_each(|(_, label)| has_image[*label as usize] = true);
        let Some(lost) = has_image.iter().position(|has| !has) else { return Ok(()) };
        let (origin, class) = (dir.display().to_string(), self.classes[lost].clone());
        Err(match sieve.said_below(&dir.join(&class)) {
            Some(found) => DataError::UnusableClass { origin, class, found },
            None => DataError::EmptyClass { origin, class },
        })
    }

    /// Says how many images are not in the folder of their class itself, but deeper.
    fn deeper(&self, dir: &Path) -> Option<String> {
        let is_deeper = |path: &&PathBuf| path.strip_prefix(dir).is_ok_and(|below| below.iter().count() > 2);
        let mut deeper = self.images.iter().map(|(path, _)| path).filter(is_deeper);
        let first = deeper.next()?;
        let below = first.strip_prefix(dir).unwrap_or(first);
        let class = below.iter().next().map(|class| files::name_of(Path::new(class))).unwrap_or_default();
        Some(format!(
            "{} of {} images are in folders of their class's folder: {} is of class `{class}`",
            1 + deeper.count(),
            self.images.len(),
            below.display()
        ))
    }

    /// Labels as `others` have them, whose classes include these.
    fn take_classes_of(&mut self, others: &Self) {
        // Both lists are sorted.
        let label = |class: &String| others.classes.binary_search(class).unwrap_or_default();
        let new: Vec<usize> = self.classes.iter().map(label).collect();
        self.images.iter_mut().for_each(|(_, label)| *label = new[*label as usize] as u32);
        self.classes.clone_from(&others.classes);
    }

    fn dataset(self, how: &Decoding, opened: Opened) -> Result<Dataset, DataError> {
        let shape = Shape::new(opened.channels, opened.height, opened.width);
        Dataset::from_samples(ImageFiles { files: self, how: *how, shape, cache: opened.cache })
    }
}

/// Image files, decoded when they are asked for.
struct ImageFiles {
    files: Files,
    how: Decoding,
    shape: Shape,
    /// Planes of the first images.
    cache: Vec<u8>,
}

impl Samples for ImageFiles {
    fn len(&self) -> usize {
        self.files.images.len()
    }

    fn shape(&self) -> Shape {
        self.shape
    }

    fn classes(&self) -> &[String] {
        &self.files.classes
    }

    fn label(&self, i: usize) -> u32 {
        self.files.images[i].1
    }

    fn info(&self, i: usize) -> SampleInfo {
        let path = &self.files.images[i].0;
        SampleInfo::named(path.strip_prefix(&self.files.root).unwrap_or(path).display().to_string())
    }

    fn decode(&self, i: usize, planes: &mut [u8]) -> Result<(), DataError> {
        let path = &self.files.images[i].0;
        let image = decode::file(path, &self.how)?;
        let found = Shape::new(image.channels, image.height, image.width);
        let fits = (found.height, found.width) == (self.shape.height, self.shape.width);
        if !fits || found.channels > self.shape.channels {
            let (name, expected) = (path.display().to_string(), self.shape);
            return Err(DataError::ImageShape { name, found, expected });
        }
        // A gray image among colored ones has three equal planes.
        planes.chunks_mut(image.planes.len().max(1)).for_each(|to| to.copy_from_slice(&image.planes[..to.len()]));
        Ok(())
    }

    fn planes(&self, i: usize) -> Option<&[u8]> {
        let n = self.shape.values();
        self.cache.get(i.saturating_mul(n)..).and_then(|rest| rest.get(..n))
    }

    fn encoded(&self, i: usize) -> Result<Option<Vec<u8>>, DataError> {
        decode::whole(&self.files.images[i].0, &self.how).map(Some)
    }
}

#[cfg(test)]
mod formats;
#[cfg(test)]
mod tests;
