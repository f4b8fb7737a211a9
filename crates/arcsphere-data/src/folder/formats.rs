//! Every format against the pixels of another program, whole and cut.

use std::fs;

use super::decode::{self, Decoding};
use super::format::Head;
use super::*;
use crate::golden::{Expected, unpack};

fn records() -> Vec<(String, Vec<u8>)> {
    unpack(include_bytes!("golden/images.gz"))
}

fn written(bytes: &[u8]) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), bytes).unwrap();
    file
}

fn read(bytes: &[u8]) -> Result<decode::Decoded, DataError> {
    decode::file(written(bytes).path(), &Decoding::default())
}

/// Planes to rows of pixels.
fn interleaved(image: &decode::Decoded) -> Vec<u8> {
    let plane = image.height * image.width;
    (0..plane).flat_map(|i| (0..image.channels).map(move |c| image.planes[c * plane + i])).collect()
}

#[test]
fn every_format_has_the_pixels_of_its_maker() {
    let (mut expected, mut wrong) = (None, Vec::new());
    for (name, bytes) in records() {
        if let Some(of) = name.strip_prefix("pixels\t") {
            expected = Some(Expected::of(of, &bytes));
        } else if !name.starts_with("refused") {
            let e = expected.as_ref().unwrap();
            let image = match read(&bytes) {
                Ok(image) if (image.height, image.width) == (e.height, e.width) => image,
                other => {
                    wrong.push(format!("{}, {name}: {:?}", e.of, other.map(|image| (image.height, image.width))));
                    continue;
                }
            };
            let values = interleaved(&image);
            // Only steps between coarse colors may be rounded in more than one way.
            let off = if e.of == "lossy" { 3 } else { u8::from(e.of == "inks") };
            let most = values.iter().zip(&e.values).map(|(a, b)| a.abs_diff(*b)).max().unwrap();
            if values.len() != e.values.len() || most > off {
                wrong.push(format!("{}, {name}: off by {most}", e.of));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_cut_image_of_any_format_is_refused_or_whole() {
    for (name, bytes) in records() {
        if name.starts_with("pixels") || name.starts_with("refused") {
            continue;
        }
        let read = |bytes| Head::read(bytes, 1 << 20).and_then(Head::decode);
        let whole = read(&bytes).unwrap();
        for len in 0..bytes.len() {
            if let Ok(image) = read(&bytes[..len]) {
                // The pixels are all there, and what was cut is none of them.
                assert_eq!(image.values, whole.values, "{name}: {len} of {} bytes", bytes.len());
            }
        }
    }
}

#[test]
fn what_is_not_read_is_named() {
    for (name, bytes) in records() {
        if let Some(why) = name.strip_prefix("refused\t") {
            let error = read(&bytes).unwrap_err().to_string();
            assert!(error.contains(why), "{why}: {error}");
        }
    }
    for (bytes, why) in [
        (&b"\0\0\0\x1cftypheic\0\0\0\0"[..], "it is HEIC, which is not read; convert it to JPEG or PNG"),
        (b"\0\0\0\x1cftypavif\0\0\0\0", "it is AVIF"),
        (b"\xff\x0a\0\0", "it is JPEG XL"),
        (b"\n <svg xmlns=\"http://www.w3.org/2000/svg\">", "it is SVG"),
        (b"<!DOCTYPE html><title>404</title>", "it is a web page"),
        (b"", "the file is empty"),
        (b"nonsense", "like no image that is read"),
        (b"P5 0 0 255\n", ""),
    ] {
        let error = read(bytes).unwrap_err();
        assert!(matches!(&error, DataError::UndecodableImage { reason, .. } if reason.contains(why)), "{why}: {error}");
    }
}
