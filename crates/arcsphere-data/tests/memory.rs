//! What decoding takes, measured: a small file that declares a large image is refused before anything is allocated,
//! and what is said to be enough is enough. One test, because it counts what the whole process allocates.

use std::fs;
use std::io::Cursor;
use std::path::{Path, PathBuf};

use arcsphere_data::folder::{self, Decoding};
use arcsphere_data::{DataError, Dataset, Shape};
use image::{DynamicImage, ImageFormat, RgbImage};
use peak_alloc::PeakAlloc;
use rayon::prelude::*;

#[global_allocator]
static ALLOCATED: PeakAlloc = PeakAlloc;

/// What `work` gives, and the bytes that it held at most beside those held before.
fn peak<T>(work: impl FnOnce() -> T) -> (T, usize) {
    let before = ALLOCATED.current_usage();
    ALLOCATED.reset_peak_usage();
    let out = work();
    (out, ALLOCATED.peak_usage().saturating_sub(before))
}

/// Images that come out as 1x1, so that what is held is what decoding takes.
fn set(paths: Vec<PathBuf>, memory: u64) -> Dataset {
    folder::files(paths, Shape::new(3, 1, 1), &Decoding { memory, ..Decoding::default() }).unwrap()
}

fn encoded(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut out = Cursor::new(Vec::new());
    image.write_to(&mut out, format).unwrap();
    out.into_inner()
}

/// The name, a file of 704x504 pixels, and where it says so: the place of the width and of the height, each in two
/// bytes, the lower one first if so.
type Kind = (&'static str, Vec<u8>, Option<(usize, usize, bool)>);

fn kinds() -> Vec<Kind> {
    let color = DynamicImage::from(RgbImage::from_pixel(704, 504, image::Rgb([200, 90, 40])));
    let deep = DynamicImage::ImageRgba16(color.to_rgba16());
    let jpeg = |bytes: &[u8]| {
        let at = bytes.windows(2).position(|w| w[0] == 0xff && (w[1] == 0xc0 || w[1] == 0xc2)).unwrap();
        Some((at + 7, at + 5, false))
    };
    let (progressive, scans) = (
        include_bytes!("../src/jpeg/golden/progressive.jpg").to_vec(),
        include_bytes!("../src/jpeg/golden/scans.jpg").to_vec(),
    );
    let baseline = encoded(&color, ImageFormat::Jpeg);
    let tiff = encoded(&color, ImageFormat::Tiff);
    vec![
        ("baseline.jpg", baseline.clone(), jpeg(&baseline)),
        ("progressive.jpg", progressive.clone(), jpeg(&progressive)),
        ("scans.jpg", scans.clone(), jpeg(&scans)),
        ("x.png", encoded(&color, ImageFormat::Png), Some((18, 22, false))),
        ("deep.png", encoded(&deep, ImageFormat::Png), Some((18, 22, false))),
        ("x.bmp", encoded(&color, ImageFormat::Bmp), Some((18, 22, true))),
        ("x.gif", encoded(&color, ImageFormat::Gif), Some((6, 8, true))),
        ("x.tif", tiff, None),
        ("deep.tif", encoded(&deep, ImageFormat::Tiff), None),
        ("x.webp", encoded(&color, ImageFormat::WebP), None),
        ("lossy.webp", include_bytes!("../src/folder/golden/lossy.webp").to_vec(), None),
        ("x.ppm", encoded(&color, ImageFormat::Pnm), None),
    ]
}

/// A file of a kind that says that it has 16,384x16,384 pixels, or as many as the kind can.
fn giant(name: &str, mut bytes: Vec<u8>, at: Option<(usize, usize, bool)>) -> Vec<u8> {
    match (name, at) {
        (_, Some((width, height, lower_first))) => {
            for at in [width, height] {
                let side = if lower_first { 16_384u16.to_le_bytes() } else { 16_384u16.to_be_bytes() };
                bytes[at..at + 2].copy_from_slice(&side);
            }
            if name.ends_with("png") {
                let mut crc = flate2::Crc::new();
                crc.update(&bytes[12..29]);
                bytes[29..33].copy_from_slice(&crc.sum().to_be_bytes());
            }
            bytes.truncate(4096);
            bytes
        }
        // Two bytes a side, of 14 bits, after the frame's start code.
        ("lossy.webp", _) => {
            let at = bytes.windows(3).position(|w| w == [0x9d, 0x01, 0x2a]).unwrap() + 3;
            bytes[at..at + 4].copy_from_slice(&[0xff, 0x3f, 0xff, 0x3f]);
            bytes
        }
        // 14 bits for a side less one, here 16,382, after a byte of signature.
        ("x.webp", _) => {
            bytes[21..25].copy_from_slice(&[0xfe, 0xbf, 0xff, 0x0f]);
            bytes
        }
        ("x.ppm", _) => b"P6 16384 16384 255\n".to_vec(),
        ("x.tif", _) => {
            // Gray, one strip that is not there: width, height, bits, compression, white, strip, channels, rows, bytes.
            let tags = [(256, 16_384), (257, 16_384), (258, 8), (259, 1), (262, 1), (273, 8), (277, 1), (278, 16_384)];
            let mut bytes = b"II*\0\x08\0\0\0\x09\0".to_vec();
            for (tag, value) in tags.into_iter().chain([(279, 1u32 << 28)]) {
                bytes.extend([&u16::to_le_bytes(tag)[..], &[4, 0, 1, 0, 0, 0], &value.to_le_bytes()].concat());
            }
            [bytes, vec![0; 4]].concat()
        }
        _ => Vec::new(),
    }
}

fn needed(path: &Path, memory: u64) -> u64 {
    match set(vec![path.to_owned()], memory).image(0).unwrap_err() {
        error @ DataError::ImageMemory { bytes, limit, .. } => {
            assert_eq!(limit, memory);
            assert!(error.to_string().contains(&format!("--decode-memory {}", bytes.div_ceil(1 << 20))), "{error}");
            bytes
        }
        error => panic!("{}: {error}", path.display()),
    }
}

#[test]
fn decoding_takes_no_more_than_is_allowed() {
    let dir = tempfile::tempdir().unwrap();
    for (name, bytes, at) in kinds() {
        let path = dir.path().join(name);
        fs::write(&path, &bytes).unwrap();
        // Less than it takes is refused; what the message says is enough, and is not passed.
        let bytes_needed = needed(&path, bytes.len() as u64 + 1000);
        let (pixel, held) = peak(|| set(vec![path.clone()], bytes_needed).image(0).unwrap().into_owned());
        // JPEG and the few colors of a GIF are not exact.
        assert!(pixel.iter().zip([200, 90, 40]).all(|(v, of)| v.abs_diff(of) < 10), "{name}: {pixel:?}");
        assert!(held as u64 <= bytes_needed + (1 << 17), "{name}: {held} of {bytes_needed}");

        // Of many at once no more are decoded than there is memory for.
        let many = set(vec![path.clone(); 24], 2 * bytes_needed);
        let threads = rayon::ThreadPoolBuilder::new().num_threads(8).build().unwrap();
        let all = || (0..24).into_par_iter().for_each(|i| drop(many.image(i).unwrap()));
        let ((), held) = peak(|| threads.install(all));
        assert!(held as u64 <= 2 * bytes_needed + (1 << 18), "{name}: {held} of {bytes_needed} twice");

        let giant = giant(name, bytes, at);
        if !giant.is_empty() {
            fs::write(&path, giant).unwrap();
            let (bytes_needed, held) = peak(|| needed(&path, 1 << 28));
            assert!(bytes_needed > 1 << 28 && held < 1 << 20, "{name}: {held}, says {bytes_needed}");
        }
    }
    a_long_side(dir.path());
    a_long_chunk(dir.path());
}

fn a_long_side(dir: &Path) {
    let path = dir.join("long.pgm");
    fs::write(&path, b"P5 20000 1 255\n0").unwrap();
    let error = set(vec![path], 1 << 30).image(0).unwrap_err();
    assert!(matches!(error, DataError::ImageSide { height: 1, width: 20_000, max: 16_384, .. }), "{error}");
    assert!(error.to_string().contains("at most 16384 pixels on a side; make the image smaller"), "{error}");
}

/// An Exif block of 4 GB in a file of some bytes.
fn a_long_chunk(dir: &Path) {
    let path = dir.join("exif.webp");
    let color = DynamicImage::from(RgbImage::from_pixel(2, 2, image::Rgb([1, 2, 3])));
    let plain = encoded(&color, ImageFormat::WebP);
    let mut bytes = [&b"RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0\x08\0\0\0\x01\0\0\x01\0\0"[..], &plain[12..]].concat();
    bytes.extend_from_slice(b"EXIF\xf0\xff\xff\xff....");
    let len = (bytes.len() - 8) as u32;
    bytes[4..8].copy_from_slice(&len.to_le_bytes());
    fs::write(&path, bytes).unwrap();
    let (error, held) = peak(|| set(vec![path], 1 << 30).image(0).unwrap_err());
    assert!(held < 1 << 20 && error.to_string().contains("cut off"), "{held}: {error}");
}
