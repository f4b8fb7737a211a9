//! One image file to planes.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::format::{Head, MAX_SIDE, Pixels};
use crate::dataset::Shape;
use crate::error::DataError;
use crate::files;
use crate::memory::Share;
use crate::resize::{self, Fit};

/// How image files become planes.
///
/// ```
/// use arcsphere_data::folder::Decoding;
///
/// let photos = Decoding { resize: Some((112, 112)), ..Decoding::default() };
/// assert_eq!(photos.memory, 1 << 30);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decoding {
    /// Height and width that each image is brought to; without it they must all have one size. Default: none.
    pub resize: Option<(usize, usize)>,
    /// How, where proportions differ. Default: squashed.
    pub fit: Fit,
    /// The most bytes that all that is decoded at once may take: files, pixels, and what decoders hold. An image
    /// that alone takes more is refused before it is decoded. Default: 1 GiB.
    pub memory: u64,
}

impl Default for Decoding {
    fn default() -> Self {
        Self { resize: None, fit: Fit::Squash, memory: 1 << 30 }
    }
}

impl Decoding {
    /// Refuses a size that no image can have.
    pub(crate) fn check(&self) -> Result<(), DataError> {
        match self.resize.map(|(height, width)| Shape::new(3, height, width)) {
            Some(shape) if !shape.is_usable() => Err(DataError::BadShape { shape, max: Shape::MAX_VALUES }),
            _ => Ok(()),
        }
    }
}

/// An image as 1 or 3 planes of `height * width`.
#[derive(Debug)]
pub(super) struct Decoded {
    pub(super) channels: usize,
    pub(super) height: usize,
    pub(super) width: usize,
    pub(super) planes: Vec<u8>,
}

/// Decodes a file, by its content rather than by its extension, and resizes it.
pub(super) fn file(path: &Path, how: &Decoding) -> Result<Decoded, DataError> {
    read(path, how, |head| Ok(planes(head.decode()?, how)))
}

/// Decodes and resizes an image that is in memory already; `name` is what errors call it.
pub(super) fn bytes(name: &Path, bytes: &[u8], how: &Decoding) -> Result<Decoded, DataError> {
    let undecodable = |reason| DataError::UndecodableImage { path: name.to_owned(), reason };
    let head = Head::read(bytes, how.memory).map_err(undecodable)?;
    let _share = Share::take(cost(name, bytes.len() as u64, &head, how)?, how.memory);
    Ok(planes(head.decode().map_err(undecodable)?, how))
}

/// Whether an image in memory could have color, and its height and width.
pub(super) fn head(name: &Path, bytes: &[u8], how: &Decoding) -> Result<(bool, (usize, usize)), DataError> {
    let undecodable = |reason| DataError::UndecodableImage { path: name.to_owned(), reason };
    let head = Head::read(bytes, how.memory).map_err(undecodable)?;
    Ok((head.may_have_color(), head.size()))
}

/// The bytes of a file.
pub(super) fn whole(path: &Path, how: &Decoding) -> Result<Vec<u8>, DataError> {
    let (file, len) = open(path, how)?;
    fill(path, file, len)
}

/// The shape that [`file`] would give, without its planes. What the head of the file leaves open is decoded:
/// whether an image that could have color has any, unless `color` says that it need not be known.
pub(super) fn look(path: &Path, how: &Decoding, color: bool) -> Result<Decoded, DataError> {
    let (may_have_color, size) = read(path, how, |head| Ok((head.may_have_color(), head.size())))?;
    let (height, width) = how.resize.unwrap_or(size);
    let channels = match (may_have_color, color) {
        (false, _) => 1,
        (true, true) => 3,
        (true, false) => file(path, how)?.channels,
    };
    Ok(Decoded { channels, height, width, planes: Vec::new() })
}

/// Reads a file and hands its head on, while there is memory for what may be done with it.
fn read<T>(path: &Path, how: &Decoding, then: impl FnOnce(Head<'_>) -> Result<T, String>) -> Result<T, DataError> {
    let undecodable = |reason| DataError::UndecodableImage { path: path.to_owned(), reason };
    let (file, len) = open(path, how)?;
    let mut share = Share::take(len, how.memory);
    let bytes = fill(path, file, len)?;
    let head = Head::read(&bytes, how.memory).map_err(undecodable)?;
    let cost = cost(path, len, &head, how)?;
    if share.grow(cost, how.memory) {
        return then(head).map_err(undecodable);
    }
    // Who waits must not hold what others wait for.
    drop(head);
    drop(bytes);
    drop(share);
    let _share = Share::take(cost, how.memory);
    let (file, _) = open(path, how)?;
    let bytes = fill(path, file, len)?;
    let head = Head::read(&bytes, how.memory).map_err(undecodable)?;
    if self::cost(path, len, &head, how)? > cost {
        return Err(undecodable("it changes while it is read".into()));
    }
    then(head).map_err(undecodable)
}

/// A file and its length.
fn open(path: &Path, how: &Decoding) -> Result<(File, u64), DataError> {
    let file = files::open(path, "an image")?;
    let len = file.metadata().map_err(|e| DataError::io(path, "read the size", e))?.len();
    if len > how.memory { Err(too_long(path, file, len, how)?) } else { Ok((file, len)) }
}

/// Of a file that alone is longer than the memory: what all of it takes, so far as its beginning tells.
fn too_long(path: &Path, file: File, len: u64, how: &Decoding) -> Result<DataError, DataError> {
    let _share = Share::take(how.memory.min(1 << 20), how.memory);
    let beginning = fill(path, file, how.memory.min(1 << 20))?;
    if let Ok(head) = Head::read(&beginning, how.memory) {
        cost(path, len, &head, how)?;
    }
    // Enough where the pixels are not compressed; else the next answer has the image's size.
    let (path, what) = (path.to_owned(), format!("a file of {len} bytes"));
    Ok(DataError::ImageMemory { path, what, bytes: len.saturating_mul(8), limit: how.memory })
}

fn fill(path: &Path, file: File, len: u64) -> Result<Vec<u8>, DataError> {
    let mut bytes = Vec::with_capacity(len as usize);
    file.take(len).read_to_end(&mut bytes).map_err(|e| DataError::io(path, "read", e))?;
    Ok(bytes)
}

/// The bytes that reading an image takes at most, those of its file included.
fn cost(path: &Path, len: u64, head: &Head<'_>, how: &Decoding) -> Result<u64, DataError> {
    let (height, width) = head.size();
    if height.max(width) > MAX_SIDE as usize {
        return Err(DataError::ImageSide { path: path.to_owned(), height, width, max: MAX_SIDE as usize });
    }
    let (channels, pixels) = (if head.may_have_color() { 3 } else { 1 }, (height * width) as u64);
    let planes = match how.resize {
        // A plane and a part of it; the filter's numbers, four of four bytes in each place; all new planes.
        Some((h, w)) => 2 * pixels + (16 * width.max(w) * h) as u64 + channels * (h * w) as u64,
        None => channels * pixels,
    };
    let cost = len + head.cost() + planes;
    if cost > how.memory {
        let (path, what) = (path.to_owned(), format!("an image of {height}x{width}"));
        return Err(DataError::ImageMemory { path, what, bytes: cost, limit: how.memory });
    }
    Ok(cost)
}

fn planes(Pixels { channels, height, width, values }: Pixels, how: &Decoding) -> Decoded {
    let to = how.resize.unwrap_or((height, width));
    let one = |values: Vec<u8>| match how.resize {
        Some(to) => resize::plane(&values, (height, width), to, how.fit),
        None => values,
    };
    let (pixels, _) = values.as_chunks::<3>();
    let (channels, planes) = if channels == 1 {
        (1, one(values))
    } else if pixels.iter().all(|p| p[0] == p[1] && p[1] == p[2]) {
        // Some formats (WebP, palettes) have no other way to store a gray image.
        (1, one(pixels.iter().map(|p| p[0]).collect()))
    } else {
        let mut planes = Vec::with_capacity(3 * to.0 * to.1);
        (0..3).for_each(|c| planes.extend(one(pixels.iter().map(|p| p[c]).collect())));
        (3, planes)
    };
    Decoded { channels, height: to.0, width: to.1, planes }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interleaved_becomes_planes() {
        let pixels = |values: &[u8]| Pixels { channels: 3, height: 1, width: 2, values: values.to_vec() };
        let color = planes(pixels(&[1, 2, 3, 4, 5, 6]), &Decoding::default());
        assert_eq!((color.channels, color.planes), (3, vec![1, 4, 2, 5, 3, 6]));
        let gray = planes(pixels(&[1, 1, 1, 4, 4, 4]), &Decoding::default());
        assert_eq!((gray.channels, gray.planes), (1, vec![1, 4]));
    }
}
