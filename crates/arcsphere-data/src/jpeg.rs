//! JPEG files: what their markers say, whether all of the image is there, and the pixels.
//!
//! Decoders are lenient: what is missing becomes gray, and layouts that few encoders write come out wrong. So a
//! file is first read here, by ITU-T T.81: its markers ([`markers`]), and the codes of every scan, block by block,
//! without their values ([`entropy`]). What is cut, damaged or unusual is refused by name; the rest goes to the
//! decoder that is right for its layout ([`pixels`]).

mod entropy;
mod huffman;
mod markers;
mod pixels;

pub(crate) use markers::Head;

/// The pixels of a JPEG whose head was read: one value a pixel for a gray image, else red, green and blue.
///
/// # Errors
/// What is wrong with the file, in words.
pub(crate) fn decode(bytes: &[u8], head: &Head<'_>) -> Result<Vec<u8>, String> {
    let single_scan = entropy::verify(bytes, head)?;
    pixels::decode(bytes, head, single_scan)
}

#[cfg(test)]
mod tests;
