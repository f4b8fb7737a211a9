//! What an image file is, by its first bytes, and its pixels.

use std::io::Cursor;

use image::metadata::Orientation;
use image::{ColorType, DynamicImage, GrayImage, ImageDecoder, ImageFormat, ImageReader, Limits, RgbImage};

use crate::jpeg;

/// The longest side in pixels.
pub(super) const MAX_SIDE: u32 = 1 << 14;

/// Pixels by rows, each of 1 or 3 values.
#[derive(Debug)]
pub(super) struct Pixels {
    pub(super) channels: usize,
    pub(super) height: usize,
    pub(super) width: usize,
    pub(super) values: Vec<u8>,
}

/// A file of which the head was read.
pub(super) struct Head<'a> {
    of: Of<'a>,
    /// How the camera was held.
    orientation: Orientation,
}

enum Of<'a> {
    Jpeg(&'a [u8], Box<jpeg::Head<'a>>),
    Other(ImageFormat, Box<dyn ImageDecoder + 'a>),
}

impl<'a> Head<'a> {
    /// Reads the head; nothing there may take more than `memory` bytes.
    pub(super) fn read(bytes: &'a [u8], memory: u64) -> Result<Self, String> {
        let format = match image::guess_format(bytes) {
            Ok(ImageFormat::Jpeg) => {
                let head = jpeg::Head::read(bytes)?;
                let orientation = head.exif.and_then(Orientation::from_exif_chunk);
                let orientation = orientation.unwrap_or(Orientation::NoTransforms);
                return Ok(Self { of: Of::Jpeg(bytes, Box::new(head)), orientation });
            }
            Ok(format) if READ.contains(&format) => format,
            // Where files can be larger than 4 GiB the version is another.
            _ if bytes.starts_with(b"II\x2b\0") || bytes.starts_with(b"MM\0\x2b") => ImageFormat::Tiff,
            _ => return Err(format!("{}; convert it to JPEG or PNG", unread(bytes))),
        };
        match format {
            ImageFormat::WebP => chunks_are_there(bytes)?,
            ImageFormat::Tiff => no_jpeg_within(bytes)?,
            _ => {}
        }
        let mut limits = Limits::no_limits();
        limits.max_alloc = Some(memory);
        let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
        reader.limits(limits);
        let mut decoder = reader.into_decoder().map_err(|e| e.to_string())?;
        let orientation = decoder.orientation().map_err(|e| e.to_string())?;
        if decoder.dimensions().0 == 0 || decoder.dimensions().1 == 0 {
            return Err("the image has no pixel".into());
        }
        Ok(Self { of: Of::Other(format, Box::new(decoder)), orientation })
    }

    /// (height, width) as it is to be looked at.
    pub(super) fn size(&self) -> (usize, usize) {
        let (height, width) = match &self.of {
            Of::Jpeg(_, head) => head.size(),
            Of::Other(_, decoder) => (decoder.dimensions().1 as usize, decoder.dimensions().0 as usize),
        };
        if on_its_side(self.orientation) { (width, height) } else { (height, width) }
    }

    /// False where all pixels must be gray.
    pub(super) fn may_have_color(&self) -> bool {
        match &self.of {
            Of::Jpeg(_, head) => !head.is_gray(),
            Of::Other(_, decoder) => decoder.color_type().has_color(),
        }
    }

    /// The most bytes that [`decode`](Self::decode) takes.
    pub(super) fn cost(&self) -> u64 {
        let pixels = self.size().0 as u64 * self.size().1 as u64;
        let values = if self.may_have_color() { 3 * pixels } else { pixels };
        let turned = if self.orientation == Orientation::NoTransforms { 0 } else { 1 };
        let (decoding, stored) = match &self.of {
            Of::Jpeg(_, head) => (head.cost(), values),
            Of::Other(format, decoder) => {
                let stored = decoder.total_bytes();
                let within = match format {
                    // Pixels are decoded to a place of their own, of 4 bytes each, and then combined.
                    ImageFormat::Gif => 4 * pixels + pixels,
                    ImageFormat::WebP => 8 * pixels,
                    // Also inks, of which there are more than colors, and strips.
                    ImageFormat::Tiff => 2 * stored + stored / 3,
                    _ => pixels / 4,
                };
                (stored + within, stored)
            }
        };
        // After it is decoded it is turned, or brought to 8 bits.
        let brought = if stored == values { stored } else { stored + values };
        decoding.max(stored + stored * turned).max(brought) + (1 << 16)
    }

    /// The pixels as they are to be looked at.
    pub(super) fn decode(self) -> Result<Pixels, String> {
        let (cost, size) = (self.cost(), self.size());
        let mut image = match self.of {
            Of::Jpeg(bytes, head) => {
                let (values, (height, width)) = (jpeg::decode(bytes, &head)?, head.size());
                let channels = if head.is_gray() { 1 } else { 3 };
                if self.orientation == Orientation::NoTransforms {
                    return Ok(Pixels { channels, height, width, values });
                }
                let (h, w) = (height as u32, width as u32);
                let image = if channels == 1 {
                    GrayImage::from_raw(w, h, values).map(DynamicImage::ImageLuma8)
                } else {
                    RgbImage::from_raw(w, h, values).map(DynamicImage::ImageRgb8)
                };
                image.ok_or("the JPEG has too few pixels")?
            }
            Of::Other(_, mut decoder) => {
                let mut limits = Limits::no_limits();
                limits.max_alloc = Some(cost);
                decoder.set_limits(limits).map_err(|e| e.to_string())?;
                let color = decoder.color_type();
                let image = DynamicImage::from_decoder(decoder).map_err(|e| e.to_string())?;
                is_in_range(&image, color)?;
                image
            }
        };
        image.apply_orientation(self.orientation);
        let (channels, values) = match image.color().has_color() {
            true => (3, image.into_rgb8().into_raw()),
            false => (1, image.into_luma8().into_raw()),
        };
        Ok(Pixels { channels, height: size.0, width: size.1, values })
    }
}

/// Formats that are read, beside JPEG.
const READ: [ImageFormat; 6] =
    [ImageFormat::Bmp, ImageFormat::Gif, ImageFormat::Png, ImageFormat::Pnm, ImageFormat::Tiff, ImageFormat::WebP];

/// What a file is that is none of what is read.
fn unread(bytes: &[u8]) -> String {
    let brand = bytes.get(4..12).and_then(|b| b.strip_prefix(b"ftyp"));
    let text = bytes.trim_ascii_start();
    let is = |start: &[u8]| text.get(..start.len()).is_some_and(|t| t.eq_ignore_ascii_case(start));
    let name = match brand {
        _ if bytes.is_empty() => return "the file is empty".into(),
        Some(b"avif" | b"avis") => "AVIF",
        Some(b"heic" | b"heix" | b"heim" | b"heis" | b"hevc" | b"hevx" | b"mif1" | b"msf1") => "HEIC",
        _ if bytes.starts_with(&[0xff, 0x0a]) || bytes.get(4..8) == Some(b"JXL ") => "JPEG XL",
        _ if bytes.starts_with(&[0xff, 0x4f, 0xff, 0x51]) || bytes.get(4..8) == Some(b"jP  ") => "JPEG 2000",
        _ if bytes.starts_with(b"8BPS") => "PSD",
        _ if is(b"<svg") || is(b"<?xml") => "SVG",
        _ if is(b"<!doctype html") || is(b"<html") => return "it is a web page, not an image".into(),
        _ => return "it begins like no image that is read (JPEG, PNG, WebP, BMP, GIF, TIFF, PGM, PPM)".into(),
    };
    format!("it is {name}, which is not read")
}

/// Refuses a WebP whose parts say that they are longer than the file.
fn chunks_are_there(bytes: &[u8]) -> Result<(), String> {
    let number = |at: usize| {
        let four = bytes.get(at..).and_then(|rest| rest.first_chunk());
        four.map(|&four| u64::from(u32::from_le_bytes(four)))
    };
    let cut = || format!("the WebP is cut off: it has {} bytes and says that there are more", bytes.len());
    let end = number(4).and_then(|n| usize::try_from(n + 8).ok()).filter(|&n| n <= bytes.len()).ok_or_else(cut)?;
    let mut at = 12;
    while at + 8 <= end {
        let len = number(at + 4).ok_or_else(cut)?;
        // Chunks begin at even places.
        at = usize::try_from(at as u64 + 8 + len).map_err(|_| cut())?;
        if at > bytes.len() {
            return Err(cut());
        }
        at += at % 2;
    }
    Ok(())
}

/// Refuses a TIFF that holds JPEGs, which nothing here has checked.
fn no_jpeg_within(bytes: &[u8]) -> Result<(), String> {
    use tiff::tags::{CompressionMethod, Tag};
    let mut decoder = tiff::decoder::Decoder::new(Cursor::new(bytes)).map_err(|e| e.to_string())?;
    let method = decoder.find_tag_unsigned(Tag::Compression).map_err(|e| e.to_string())?;
    match method.map(CompressionMethod::from_u16_exhaustive) {
        Some(CompressionMethod::JPEG | CompressionMethod::ModernJPEG) => {
            Err("a TIFF compressed as JPEG is not read; convert it".into())
        }
        _ => Ok(()),
    }
}

/// Refuses numbers in floating point that are no parts of white.
fn is_in_range(image: &DynamicImage, color: ColorType) -> Result<(), String> {
    let values: &[f32] = match image {
        DynamicImage::ImageRgb32F(image) => image.as_raw(),
        DynamicImage::ImageRgba32F(image) => image.as_raw(),
        _ => return Ok(()),
    };
    match values.iter().find(|v| !(0.0..=1.0).contains(*v)) {
        Some(v) => Err(format!("a value of the image ({color:?}) is {v}, expected 0 (black) to 1 (white)")),
        None => Ok(()),
    }
}

/// True where height and width change places.
fn on_its_side(orientation: Orientation) -> bool {
    use Orientation::{Rotate90, Rotate90FlipH, Rotate270, Rotate270FlipH};
    matches!(orientation, Rotate90 | Rotate270 | Rotate90FlipH | Rotate270FlipH)
}
