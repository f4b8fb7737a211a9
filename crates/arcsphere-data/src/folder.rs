//! A folder of images per class.
//!
//! ```text
//! faces/ada/1.jpg            or      faces/train/ada/1.jpg
//! faces/ada/2.png                    faces/test/ada/9.jpg
//! faces/grace/1.jpg
//! ```
//!
//! Classes and files are taken in the order of their names; what is not an image is left out, and counted
//! ([`walk`]). When every pixel of every image is gray, however stored, the set has 1 channel,
//! otherwise 3; transparency is dropped, 16 bits become 8, and the orientation that a camera noted is applied.
//!
//! Opening a folder looks at every image, to know its size and whether it has color. The first
//! [`CACHE_BYTES`] of planes are kept in memory; what is beyond is decoded anew whenever a batch asks for it,
//! and first of all by the pass over the set that gives its digest, so that [`open`](crate::open) finds any
//! image that cannot be decoded.

use std::path::{Path, PathBuf};

use crate::dataset::{Dataset, Shape};
use crate::error::DataError;
use crate::files;
use crate::samples::{SampleInfo, Samples};
use crate::walk::{self, LeftOut, Reason, Walk};

mod decode;
mod opening;

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
        /// True when the two have no class in common; they then have a class list each.
        open_set: bool,
    },
}

/// Reads a folder of class folders, or a `train` and `test` pair of such folders.
///
/// `resize` is a (height, width) that each image is brought to; without it they must all have one
/// size. Decoding is parallel; the result, and which error is reported, does not depend on it.
/// Of images past the first [`CACHE_BYTES`] no more is read here than their size and color. A sample's name is its path below `root`.
///
/// # Errors
/// [`Missing`](DataError::Missing), [`ZeroClasses`](DataError::ZeroClasses),
/// [`EmptyClass`](DataError::EmptyClass) for a class folder without an image,
/// [`UndecodableImage`](DataError::UndecodableImage), [`ImageSize`](DataError::ImageSize),
/// [`BadShape`](DataError::BadShape) for an unusable `resize`, and
/// [`ClassMismatch`](DataError::ClassMismatch) when `train` and `test` share some classes but `test`
/// has others too.
///
/// ```
/// use arcsphere_data::folder::{self, Images};
///
/// // Gray images of 2x1 pixels: ada/1.pgm, ada/2.pgm, grace/1.pgm.
/// let dir = tempfile::tempdir().unwrap();
/// for (i, name) in ["ada/1.pgm", "ada/2.pgm", "grace/1.pgm"].into_iter().enumerate() {
///     let path = dir.path().join(name);
///     std::fs::create_dir_all(path.parent().unwrap()).unwrap();
///     std::fs::write(path, [b"P5 2 1 255\n", &[i as u8; 2][..]].concat()).unwrap();
/// }
/// let Images::Whole(faces) = folder::read(dir.path(), None)?.images else { panic!("no train and test folder") };
/// assert_eq!((faces.classes(), faces.labels()), (&["ada".to_string(), "grace".into()][..], &[0, 0, 1][..]));
/// assert_eq!((faces.info(2).name.as_str(), &faces.image(2)?[..]), ("grace/1.pgm", &[2, 2][..]));
/// # Ok::<(), arcsphere_data::DataError>(())
/// ```
pub fn read(root: &Path, resize: Option<(usize, usize)>) -> Result<Folder, DataError> {
    check_size(resize)?;
    let (train_dir, test_dir) = (root.join("train"), root.join("test"));
    if !(holds_folders(&train_dir) && holds_folders(&test_dir)) {
        let (files, left_out) = Files::by_class(root, root)?;
        let opened = Opened::check(&files, resize, CACHE_BYTES, None)?;
        return Ok(Folder { images: Images::Whole(files.dataset(resize, opened)?), left_out });
    }
    let mut left_out = Walk::below(root, 0)?.left_out;
    if let Some(folders) = left_out.get_mut(&Reason::Folder) {
        folders.retain(|path| *path != train_dir && *path != test_dir);
    }
    left_out.retain(|_, paths| !paths.is_empty());
    let (train, in_train) = Files::by_class(root, &train_dir)?;
    let (mut test, in_test) = Files::by_class(root, &test_dir)?;
    walk::add(&mut left_out, in_train);
    walk::add(&mut left_out, in_test);
    let open_set = test.classes.iter().all(|c| !train.classes.contains(c));
    if !open_set {
        test.take_classes_of(&train)?;
    }
    let mut of_train = Opened::check(&train, resize, CACHE_BYTES, None)?;
    let mut of_test = Opened::check(&test, resize, CACHE_BYTES, Some((&of_train, &train)))?;
    // One number of channels for both, whichever side has the color.
    if of_train.channels != of_test.channels {
        of_train.make_color(CACHE_BYTES);
        of_test.make_color(CACHE_BYTES);
    }
    let (train, test) = (train.dataset(resize, of_train)?, test.dataset(resize, of_test)?);
    Ok(Folder { images: Images::Split { train, test, open_set }, left_out })
}

/// Images that are brought to `shape`, of which nothing is read before it is asked for; the class of each is
/// the folder that it lies in, and its name is its path. Classes are in the order of their first images.
///
/// A gray image has three equal planes where `shape` has three.
///
/// # Errors
/// [`EmptySet`](DataError::EmptySet), [`BadShape`](DataError::BadShape). To decode an image with color for
/// a `shape` of 1 channel is [`ImageShape`](DataError::ImageShape).
///
/// ```no_run
/// use arcsphere_data::{Shape, folder, walk::Walk};
///
/// let photos = Walk::below("photos".as_ref(), usize::MAX)?.images;
/// let set = folder::files(photos, Shape::new(3, 112, 112))?;
/// println!("{}: {}", set.info(0).name, set.classes()[set.labels()[0] as usize]);
/// # Ok::<(), arcsphere_data::DataError>(())
/// ```
pub fn files(paths: Vec<PathBuf>, shape: Shape) -> Result<Dataset, DataError> {
    let mut classes: Vec<String> = Vec::new();
    let mut images = Vec::with_capacity(paths.len());
    for path in paths {
        let class = path.parent().map(files::name_of).unwrap_or_default();
        // The images of a class stand together in a walk.
        let known = classes.iter().rposition(|c| *c == class).unwrap_or_else(|| {
            classes.push(class);
            classes.len() - 1
        });
        images.push((path, known as u32));
    }
    let Shape { channels, height, width } = shape;
    let files = Files { root: PathBuf::new(), classes, images };
    if files.images.is_empty() {
        return Err(DataError::EmptySet { origin: "image files".into() });
    }
    files.dataset(Some((height, width)), Opened { channels, height, width, cache: Vec::new() })
}

/// Reads images with their labels, at least one, in the order given; `resize` as in [`read`]. Names are
/// paths below `root`.
pub(crate) fn read_labelled(
    root: &Path,
    images: Vec<(PathBuf, u32)>,
    classes: Vec<String>,
    resize: Option<(usize, usize)>,
) -> Result<Dataset, DataError> {
    check_size(resize)?;
    let files = Files { root: root.to_owned(), classes, images };
    let opened = Opened::check(&files, resize, CACHE_BYTES, None)?;
    files.dataset(resize, opened)
}

fn check_size(resize: Option<(usize, usize)>) -> Result<(), DataError> {
    match resize.map(|(height, width)| Shape::new(3, height, width)) {
        Some(shape) if !shape.is_usable() => Err(DataError::BadShape { shape, max: Shape::MAX_VALUES }),
        _ => Ok(()),
    }
}

fn holds_folders(dir: &Path) -> bool {
    Walk::below(dir, 0).is_ok_and(|walk| walk.left_out.contains_key(&Reason::Folder))
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
    fn by_class(root: &Path, dir: &Path) -> Result<(Self, LeftOut), DataError> {
        let Walk { images, folders, mut left_out } = Walk::below(dir, 1)?;
        let beside: Vec<PathBuf> = images.iter().filter(|p| p.parent() == Some(dir)).cloned().collect();
        if !beside.is_empty() {
            left_out.insert(Reason::NoClass, beside);
        }
        // Both lists are in the order of the paths, so the images of a class stand together.
        let mut images = images.into_iter().filter(|p| p.parent() != Some(dir)).peekable();
        let (mut classes, mut labelled) = (Vec::new(), Vec::new());
        for folder in folders {
            let (label, before) = (classes.len() as u32, labelled.len());
            while let Some(path) = images.next_if(|p| p.parent() == Some(&folder)) {
                labelled.push((path, label));
            }
            let class = files::name_of(&folder);
            if labelled.len() == before {
                return Err(DataError::EmptyClass { origin: folder.display().to_string(), class });
            }
            classes.push(class);
        }
        if classes.is_empty() {
            return Err(DataError::ZeroClasses { origin: dir.display().to_string() });
        }
        Ok((Self { root: root.to_owned(), classes, images: labelled }, left_out))
    }

    /// Labels as `others` have them, whose classes must include these.
    fn take_classes_of(&mut self, others: &Self) -> Result<(), DataError> {
        // Both lists are sorted.
        let label = |class: &String| {
            others
                .classes
                .binary_search(class)
                .map_err(|_| DataError::ClassMismatch { root: self.root.clone(), class: class.clone() })
        };
        let new: Vec<usize> = self.classes.iter().map(label).collect::<Result<_, _>>()?;
        self.images.iter_mut().for_each(|(_, label)| *label = new[*label as usize] as u32);
        self.classes.clone_from(&others.classes);
        Ok(())
    }

    fn dataset(self, resize: Option<(usize, usize)>, opened: Opened) -> Result<Dataset, DataError> {
        let shape = Shape::new(opened.channels, opened.height, opened.width);
        Dataset::from_samples(ImageFiles { files: self, resize, shape, cache: opened.cache })
    }
}

/// Image files, decoded when they are asked for.
struct ImageFiles {
    files: Files,
    resize: Option<(usize, usize)>,
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
        let image = decode::file(path, self.resize)?;
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
}

#[cfg(test)]
mod tests;
