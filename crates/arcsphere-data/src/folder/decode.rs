//! One image file to planes.

use std::io::{Cursor, Read};
use std::path::Path;

use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageReader, Limits};

use crate::error::DataError;
use crate::{files, resize};

/// An image as 1 or 3 planes of `height * width`.
pub(super) struct Decoded {
    pub(super) channels: usize,
    pub(super) height: usize,
    pub(super) width: usize,
    pub(super) planes: Vec<u8>,
}

/// Larger sides are refused before anything is allocated.
const MAX_SIDE: u32 = 1 << 14;
/// The most that decoding one image may allocate.
const MAX_BYTES: u64 = 1 << 30;

/// Decodes a file, by its content rather than by its extension, and resizes it to (height, width).
pub(super) fn file(path: &Path, size: Option<(usize, usize)>) -> Result<Decoded, DataError> {
    let image = decode(&read(path)?).map_err(|reason| undecodable(path, reason))?;
    let (height, width) = (image.height() as usize, image.width() as usize);
    let (channels, planes) = if image.color().has_color() {
        let rgb = image.into_rgb8().into_raw();
        // Some formats (WebP, palettes) have no other way to store a gray image.
        if rgb.chunks_exact(3).all(|p| p[0] == p[1] && p[1] == p[2]) {
            (1, rgb.into_iter().step_by(3).collect())
        } else {
            (3, planar(&rgb))
        }
    } else {
        (1, image.into_luma8().into_raw())
    };
    let Some(to) = size else {
        return Ok(Decoded { channels, height, width, planes });
    };
    let resized = planes.chunks((height * width).max(1)).flat_map(|p| resize::plane(p, (height, width), to)).collect();
    Ok(Decoded { channels, height: to.0, width: to.1, planes: resized })
}

/// The shape that [`file`] would give, without its planes. What the head of the file leaves open is decoded:
/// whether an image that could have color has any, unless `color` says that it need not be known.
pub(super) fn look(path: &Path, size: Option<(usize, usize)>, color: bool) -> Result<Decoded, DataError> {
    let bytes = read(path)?;
    let head = || -> Result<(bool, usize, usize), String> {
        let (decoder, orientation) = open(&bytes)?;
        let (width, height) = decoder.dimensions();
        let (width, height) = if on_its_side(orientation) { (height, width) } else { (width, height) };
        Ok((decoder.color_type().has_color(), height as usize, width as usize))
    };
    let (may_have_color, height, width) = head().map_err(|reason| undecodable(path, reason))?;
    let (height, width) = size.unwrap_or((height, width));
    let channels = match (may_have_color, color) {
        (false, _) => 1,
        (true, true) => 3,
        (true, false) => file(path, size)?.channels,
    };
    Ok(Decoded { channels, height, width, planes: Vec::new() })
}

fn read(path: &Path) -> Result<Vec<u8>, DataError> {
    let mut bytes = Vec::new();
    let read = files::open(path, "an image")?.take(MAX_BYTES).read_to_end(&mut bytes);
    read.map_err(|e| DataError::io(path, "read", e))?;
    Ok(bytes)
}

fn undecodable(path: &Path, reason: String) -> DataError {
    DataError::UndecodableImage { path: path.to_owned(), reason }
}

/// A decoder that has read the head of a file, and how the camera was held.
fn open(bytes: &[u8]) -> Result<(impl ImageDecoder + '_, Orientation), String> {
    let mut limits = Limits::default();
    limits.max_image_width = Some(MAX_SIDE);
    limits.max_image_height = Some(MAX_SIDE);
    limits.max_alloc = Some(MAX_BYTES);
    let mut reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format().map_err(|e| e.to_string())?;
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(|e| e.to_string())?;
    let orientation = decoder.orientation().map_err(|e| e.to_string())?;
    Ok((decoder, orientation))
}

/// True where height and width change places.
fn on_its_side(orientation: Orientation) -> bool {
    use Orientation::{Rotate90, Rotate90FlipH, Rotate270, Rotate270FlipH};
    matches!(orientation, Rotate90 | Rotate270 | Rotate90FlipH | Rotate270FlipH)
}

fn decode(bytes: &[u8]) -> Result<DynamicImage, String> {
    let (decoder, orientation) = open(bytes)?;
    let mut image = DynamicImage::from_decoder(decoder).map_err(|e| e.to_string())?;
    image.apply_orientation(orientation);
    if image.width() == 0 || image.height() == 0 {
        return Err("the image has no pixel".into());
    }
    Ok(image)
}

/// Interleaved RGB to planes.
fn planar(rgb: &[u8]) -> Vec<u8> {
    (0..3).flat_map(|c| rgb.iter().skip(c).step_by(3).copied()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interleaved_becomes_planes() {
        assert_eq!(planar(&[1, 2, 3, 4, 5, 6]), [1, 4, 2, 5, 3, 6]);
    }

    #[test]
    fn a_header_that_promises_too_much_is_refused() {
        // 65,535 x 65,535 in 14 bytes.
        let error = decode(b"P5 65535 65535 255\n").unwrap_err();
        assert!(!error.is_empty());
        assert!(decode(b"P5 20000 1 255\n0").is_err());
        assert!(decode(b"").is_err());
        assert!(decode(b"P5 0 0 255\n").is_err());
    }
}
