//! The decoder that is right for a layout, and its pixels.
//!
//! zune-jpeg is fast, and wrong where a sequential image comes in several scans or its first channel is not the
//! finest; jpeg-decoder is slower, and right there too (the test next to this compares both with libjpeg's pixels).

use jpeg_decoder::ColorTransform;
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use super::markers::{Color, Frame, Head};

/// Decodes a file of which all codes are there.
pub(super) fn decode(bytes: &[u8], head: &Head<'_>, single_scan: bool) -> Result<Vec<u8>, String> {
    let pixels = if is_usual(&head.frame, single_scan) { usual(bytes, head.color)? } else { None };
    let pixels = pixels.map_or_else(|| unusual(bytes, head.color), Ok)?;
    let expected = head.frame.width * head.frame.height * if head.is_gray() { 1 } else { 3 };
    if pixels.len() != expected {
        return Err(format!("the JPEG decodes to {} values, expected {expected}", pixels.len()));
    }
    Ok(pixels)
}

/// What zune-jpeg is right for.
fn is_usual(frame: &Frame, single_scan: bool) -> bool {
    let finest = frame.components.first().is_some_and(|c| (c.across, c.down) == frame.most());
    let halves = frame.components.iter().all(|c| c.across.is_power_of_two() && c.down.is_power_of_two());
    (frame.progressive || single_scan) && finest && halves
}

/// By zune-jpeg; none where it sees other colors than libjpeg does.
fn usual(bytes: &[u8], color: Color) -> Result<Option<Vec<u8>>, String> {
    let (seen, to) = match color {
        Color::Gray => (ColorSpace::Luma, ColorSpace::Luma),
        Color::Rgb => (ColorSpace::RGB, ColorSpace::RGB),
        Color::YCbCr => (ColorSpace::YCbCr, ColorSpace::RGB),
        Color::Cmyk => (ColorSpace::CMYK, ColorSpace::RGB),
        Color::Ycck => (ColorSpace::YCCK, ColorSpace::RGB),
    };
    let options = DecoderOptions::default().jpeg_set_out_colorspace(to).set_strict_mode(true);
    let options = options.set_max_width(usize::MAX).set_max_height(usize::MAX);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    decoder.decode_headers().map_err(|e| e.to_string())?;
    if decoder.input_colorspace() != Some(seen) {
        return Ok(None);
    }
    decoder.decode().map(Some).map_err(|e| e.to_string())
}

/// By jpeg-decoder.
fn unusual(bytes: &[u8], color: Color) -> Result<Vec<u8>, String> {
    let mut decoder = jpeg_decoder::Decoder::new(bytes);
    decoder.set_color_transform(match color {
        Color::Gray => ColorTransform::Grayscale,
        Color::Rgb => ColorTransform::RGB,
        Color::YCbCr => ColorTransform::YCbCr,
        Color::Cmyk => ColorTransform::CMYK,
        Color::Ycck => ColorTransform::YCCK,
    });
    let pixels = decoder.decode().map_err(|e| e.to_string())?;
    if !matches!(color, Color::Cmyk | Color::Ycck) {
        return Ok(pixels);
    }
    // Ink as it is printed; in the file, as Adobe has it, its complement is: paper that shows.
    let shows = |ink: u8| u32::from(255 - ink);
    let rgb = |&[c, m, y, k]: &[u8; 4]| [c, m, y].map(|ink| ((shows(ink) * shows(k) + 127) / 255) as u8);
    Ok(pixels.as_chunks().0.iter().flat_map(rgb).collect())
}
