//! A folder of images per class.
//!
//! ```text
//! faces/ada/1.jpg            or      faces/train/ada/1.jpg
//! faces/ada/2.png                    faces/test/ada/9.jpg
//! faces/grace/1.jpg
//! ```
//!
//! Classes and files are taken in the order of their names. Hidden files are skipped, files with
//! another extension than [`EXTENSIONS`] and folders inside a class's folder are ignored. When every
//! pixel of every image is grey, however stored, the set has 1 channel, otherwise 3; transparency is
//! dropped, 16 bits become 8, and the orientation that a camera noted is applied.

use std::path::{Path, PathBuf};

use rayon::prelude::*;

use crate::dataset::{Dataset, Shape};
use crate::error::DataError;
use crate::files;

mod decode;

use decode::Decoded;

/// Extensions that are taken for images, in any case.
pub const EXTENSIONS: [&str; 8] = ["jpg", "jpeg", "png", "webp", "bmp", "pgm", "ppm", "pnm"];

/// What a folder holds.
#[derive(Clone, Debug)]
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
///
/// # Errors
/// [`Missing`](DataError::Missing), [`ZeroClasses`](DataError::ZeroClasses),
/// [`EmptyClass`](DataError::EmptyClass) for a class folder without an image,
/// [`UndecodableImage`](DataError::UndecodableImage), [`ImageSize`](DataError::ImageSize),
/// [`BadShape`](DataError::BadShape) for an unusable `resize`, and
/// [`ClassMismatch`](DataError::ClassMismatch) when `train` and `test` share some classes but `test`
/// has others too.
pub fn read(root: &Path, resize: Option<(usize, usize)>) -> Result<Images, DataError> {
    check_size(resize)?;
    let (train_dir, test_dir) = (root.join("train"), root.join("test"));
    if !(holds_folders(&train_dir) && holds_folders(&test_dir)) {
        let files = list_images(root)?;
        return Ok(Images::Whole(Part::decode(&files, resize, None)?.into_dataset(&files, false)?));
    }
    let train_files = list_images(&train_dir)?;
    let mut test_files = list_images(&test_dir)?;
    let open_set = test_files.classes.iter().all(|c| !train_files.classes.contains(c));
    if !open_set {
        let unknown = test_files.classes.iter().find(|c| !train_files.classes.contains(c));
        if let Some(class) = unknown {
            let (root, class) = (root.to_owned(), class.clone());
            return Err(DataError::ClassMismatch { root, class });
        }
        // Both lists are sorted, so the labels of `test` are positions in the list of `train`.
        for (_, label) in &mut test_files.images {
            let name = &test_files.classes[*label as usize];
            *label = train_files.classes.binary_search(name).unwrap_or_default() as u32;
        }
        test_files.classes.clone_from(&train_files.classes);
    }
    let train = Part::decode(&train_files, resize, None)?;
    let test = Part::decode(&test_files, resize, Some((train.height, train.width, &train_files)))?;
    // One number of channels for both, whichever side has the color.
    let color = train.channels == 3 || test.channels == 3;
    Ok(Images::Split {
        train: train.into_dataset(&train_files, color)?,
        test: test.into_dataset(&test_files, color)?,
        open_set,
    })
}

/// Reads one image: its shape (1 channel if every pixel is grey, otherwise 3) and its planes, brought
/// to `resize` (height, width) if given.
///
/// # Errors
/// [`Missing`](DataError::Missing), [`UndecodableImage`](DataError::UndecodableImage),
/// [`BadShape`](DataError::BadShape) for an unusable `resize`.
pub fn read_image(path: &Path, resize: Option<(usize, usize)>) -> Result<(Shape, Vec<u8>), DataError> {
    check_size(resize)?;
    let image = decode::file(path, resize)?;
    Ok((Shape::new(image.channels, image.height, image.width), image.planes))
}

/// Reads images with their labels, at least one, in the order given; `resize` as in [`read`].
pub(crate) fn read_labelled(
    images: Vec<(PathBuf, u32)>,
    classes: Vec<String>,
    resize: Option<(usize, usize)>,
) -> Result<Dataset, DataError> {
    check_size(resize)?;
    let files = Files { classes, images };
    Part::decode(&files, resize, None)?.into_dataset(&files, false)
}

fn check_size(resize: Option<(usize, usize)>) -> Result<(), DataError> {
    match resize.map(|(height, width)| Shape::new(3, height, width)) {
        Some(shape) if !shape.is_usable() => Err(DataError::BadShape { shape, max: Shape::MAX_VALUES }),
        _ => Ok(()),
    }
}

/// Class names, and image files with their labels.
struct Files {
    classes: Vec<String>,
    images: Vec<(PathBuf, u32)>,
}

fn list_images(root: &Path) -> Result<Files, DataError> {
    let (mut classes, mut images) = (Vec::new(), Vec::new());
    let expected = "a folder of one folder of images per class";
    for dir in files::list(root, expected)?.into_iter().filter(|p| p.is_dir()) {
        let label = classes.len() as u32;
        let before = images.len();
        let inside = files::list(&dir, "a folder of images")?;
        images.extend(inside.into_iter().filter(|p| is_image(p)).map(|p| (p, label)));
        let class = files::name_of(&dir);
        if images.len() == before {
            return Err(DataError::EmptyClass { origin: dir.display().to_string(), class });
        }
        classes.push(class);
    }
    if classes.is_empty() {
        return Err(DataError::ZeroClasses { origin: root.display().to_string() });
    }
    Ok(Files { classes, images })
}

/// True for a file with an extension of [`EXTENSIONS`].
pub(crate) fn is_image(path: &Path) -> bool {
    let extension = path.extension().map(|e| e.to_string_lossy().to_lowercase());
    extension.is_some_and(|e| EXTENSIONS.contains(&e.as_str())) && path.is_file()
}

fn holds_folders(dir: &Path) -> bool {
    files::list(dir, "").is_ok_and(|entries| entries.iter().any(|p| p.is_dir()))
}

/// Decoded images, one after the other.
struct Part {
    channels: usize,
    height: usize,
    width: usize,
    pixels: Vec<u8>,
}

/// Images decoded at a time: enough to feed every thread, few enough to hold little twice.
const CHUNK: usize = 256;

impl Part {
    /// Decodes in chunks. `like` is the size to agree with and where it comes from.
    fn decode(
        files: &Files,
        resize: Option<(usize, usize)>,
        like: Option<(usize, usize, &Files)>,
    ) -> Result<Self, DataError> {
        let mut part = Self { channels: 1, height: 0, width: 0, pixels: Vec::new() };
        let mut first: Option<&Path> = None;
        if let Some((height, width, others)) = like {
            (part.height, part.width) = (height, width);
            first = others.images.first().map(|(path, _)| path.as_path());
        }
        for chunk in files.images.chunks(CHUNK) {
            let decoded: Vec<Result<Decoded, DataError>> =
                chunk.par_iter().map(|(path, _)| decode::file(path, resize)).collect();
            for ((path, _), image) in chunk.iter().zip(decoded) {
                let image = image?;
                let first = *first.get_or_insert_with(|| {
                    (part.height, part.width) = (image.height, image.width);
                    path
                });
                if (image.height, image.width) != (part.height, part.width) {
                    return Err(DataError::ImageSize {
                        path: path.clone(),
                        found_height: image.height,
                        found_width: image.width,
                        first: first.to_owned(),
                        height: part.height,
                        width: part.width,
                    });
                }
                part.push(image);
            }
        }
        Ok(part)
    }

    fn push(&mut self, image: Decoded) {
        if image.channels == 3 {
            self.make_color();
        }
        for _ in 0..self.channels / image.channels.max(1) {
            self.pixels.extend_from_slice(&image.planes);
        }
    }

    /// Repeats each grey plane three times.
    fn make_color(&mut self) {
        if self.channels == 1 {
            self.channels = 3;
            let plane = (self.height * self.width).max(1);
            self.pixels = self.pixels.chunks(plane).flat_map(|p| p.repeat(3)).collect();
        }
    }

    fn into_dataset(mut self, files: &Files, color: bool) -> Result<Dataset, DataError> {
        if color {
            self.make_color();
        }
        let shape = Shape::new(self.channels, self.height, self.width);
        let labels = files.images.iter().map(|(_, label)| *label).collect();
        Dataset::new(shape, self.pixels, labels, files.classes.clone())
    }
}

#[cfg(test)]
mod tests;
