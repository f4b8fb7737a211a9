//! An image file of any format, as a folder of classes reads it and as `embed` does.

use super::{Parts, Target, choice, fresh, part, write};
use anyhow::Result;
use arcsphere_data::Shape;
use arcsphere_data::folder::{self, Decoding};
use arcsphere_data::walk::EXTENSIONS;
use image::{DynamicImage, ImageFormat};
use std::io::{Cursor, Write};
use std::path::Path;

pub(super) const TARGET: Target = Target {
    name: "images",
    reads: "an image: JPEG, PNG, WebP, BMP, PGM, PPM",
    seeds,
    tokens: &[
        b"\xff\xd8",
        b"\xff\xc0",
        b"\xff\xc1",
        b"\xff\xc2",
        b"\xff\xc4",
        b"\xff\xc9",
        b"\xff\xda",
        b"\xff\xdb",
        b"\xff\xdd",
        b"\xff\xd0",
        b"\xff\xd9",
        b"\xff\xe1",
        b"\xff\xfe",
        b"Exif\0\0",
        b"IHDR",
        b"PLTE",
        b"IDAT",
        b"IEND",
        b"tRNS",
        b"eXIf",
        b"acTL",
        b"fcTL",
        b"fdAT",
        b"iCCP",
        b"zTXt",
        b"RIFF",
        b"WEBP",
        b"VP8 ",
        b"VP8L",
        b"VP8X",
        b"ALPH",
        b"ANIM",
        b"ANMF",
        b"BM",
        b"P1 ",
        b"P2 ",
        b"P3 ",
        b"P4 ",
        b"P5 ",
        b"P6 ",
        b"P7\n",
        b"# ",
        b"MM\0*",
        b"II*\0",
    ],
    run,
};

/// What the second part is, by the choice.
const AS_IT_IS: u8 = 0;
const PNG_MENDED: u8 = 1;
const PNG_LINES: u8 = 2;

/// Choices: what the file is made of; the ending of its name; resize; how it is read. Then its bytes, or IHDR and the
/// scan lines of a PNG.
fn seeds() -> Result<Vec<Parts>> {
    let color = DynamicImage::ImageRgb8(image::RgbImage::from_fn(17, 9, |x, y| {
        image::Rgb([(x * 15) as u8, (y * 28) as u8, (x * y) as u8])
    }));
    let small = color.crop_imm(0, 0, 5, 3);
    let encode = |image: &DynamicImage, format| -> Result<Vec<u8>> {
        let mut bytes = Cursor::new(Vec::new());
        image.write_to(&mut bytes, format)?;
        Ok(bytes.into_inner())
    };
    let mut seeds = Vec::new();
    for (ending, format) in [
        (0, ImageFormat::Jpeg),
        (2, ImageFormat::Png),
        (3, ImageFormat::WebP),
        (4, ImageFormat::Bmp),
        (6, ImageFormat::Pnm),
    ] {
        let kind = if format == ImageFormat::Png { PNG_MENDED } else { AS_IT_IS };
        seeds.push(vec![vec![kind, ending, 0, 0], encode(&color, format)?]);
        seeds.push(vec![vec![kind, ending, 1, 1], encode(&DynamicImage::ImageLuma8(small.to_luma8()), format)?]);
    }
    for image in [
        DynamicImage::ImageRgba8(small.to_rgba8()),
        DynamicImage::ImageLuma16(small.to_luma16()),
        DynamicImage::ImageLumaA8(small.to_luma_alpha8()),
    ] {
        seeds.push(vec![vec![PNG_MENDED, 2, 0, 1], encode(&image, ImageFormat::Png)?]);
    }
    seeds.push(vec![vec![AS_IT_IS, 3, 0, 0], encode(&DynamicImage::ImageRgba8(small.to_rgba8()), ImageFormat::WebP)?]);
    seeds.push(vec![vec![AS_IT_IS, 0, 0, 1], on_its_side(&encode(&small, ImageFormat::Jpeg)?)]);
    for text in [
        "P2\n# a remark\n3 2\n255\n1 2 3 4 5 6\n",
        "P3 1 2 15\n1 2 3 4 5 6\n",
        "P1 4 1\n1 0 1 1\n",
        "P5 2 2 65535\n12345678",
    ] {
        seeds.push(vec![vec![AS_IT_IS, 5, 0, 0], text.as_bytes().to_vec()]);
    }
    // 4x2: gray of 8 bits, a palette of 2 bits in an interlaced image, and color of 16 bits.
    for (depth, color_type, interlaced, lines) in [
        (8_u8, 0_u8, 0_u8, vec![0; 10]),
        (2, 3, 1, vec![0; 10]),
        (16, 2, 0, [&[1][..], &[7; 24], &[4], &[9; 24]].concat()),
    ] {
        let head = [&[0, 0, 0, 4, 0, 0, 0, 2, depth, color_type, 0, 0, interlaced][..], &lines].concat();
        seeds.push(vec![vec![PNG_LINES, 2, 0, 0], head]);
    }
    Ok(seeds)
}

/// A JPEG of a camera that was held on its side.
fn on_its_side(jpeg: &[u8]) -> Vec<u8> {
    let tiff = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
    [&jpeg[..2], &[0xff, 0xe1, 0, 8 + tiff.len() as u8], b"Exif\0\0", tiff, &jpeg[2..]].concat()
}

const SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";

/// A PNG chunk with its checksum.
fn chunk(kind: &[u8], data: &[u8]) -> Vec<u8> {
    let mut crc = flate2::Crc::new();
    crc.update(kind);
    crc.update(data);
    [&(data.len() as u32).to_be_bytes()[..], kind, data, &crc.sum().to_be_bytes()].concat()
}

/// The PNG with the checksums that its chunks have as they are.
fn mended(png: &[u8]) -> Vec<u8> {
    let Some(mut rest) = png.strip_prefix(SIGNATURE) else { return png.to_vec() };
    let mut out = SIGNATURE.to_vec();
    while let Some((length, after)) = rest.split_first_chunk::<4>() {
        let length = u32::from_be_bytes(*length) as usize;
        let (Some(kind), Some(data)) = (after.get(..4), after.get(4..length.saturating_add(4))) else { break };
        out.extend(chunk(kind, data));
        rest = after.get(length + 8..).unwrap_or_default();
    }
    [out, rest.to_vec()].concat()
}

/// A PNG of an IHDR and what its IDAT unpacks to.
fn png_of_lines(bytes: &[u8]) -> Result<Vec<u8>> {
    let (head, lines) = bytes.split_at_checked(13).unwrap_or((bytes, &[]));
    let mut packed = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(lines)?;
    let palette =
        if head.get(9) == Some(&3) { chunk(b"PLTE", &[0, 0, 0, 255, 0, 0, 0, 255, 0, 1, 2, 3]) } else { Vec::new() };
    let parts = [chunk(b"IHDR", head), palette, chunk(b"IDAT", &packed.finish()?), chunk(b"IEND", b"")];
    Ok([SIGNATURE, &parts.concat()].concat())
}

fn run(parts: &Parts, place: &Path) -> Result<bool> {
    let dir = fresh(place, "images")?;
    let bytes = match choice(parts, 0, 0) {
        PNG_MENDED => mended(part(parts, 1)),
        PNG_LINES => png_of_lines(part(parts, 1))?,
        _ => part(parts, 1).to_vec(),
    };
    std::fs::create_dir(dir.join("a"))?;
    let path = dir.join("a").join("1").with_extension(EXTENSIONS[usize::from(choice(parts, 0, 1)) % EXTENSIONS.len()]);
    write(&path, &bytes)?;
    let resize = (choice(parts, 0, 2) & 1 == 1).then_some((8, 8));
    // What an input may take is bounded as a user would bound it.
    let how = Decoding { resize, memory: 128 << 20, ..Decoding::default() };
    if choice(parts, 0, 3) & 1 == 1 {
        return Ok(folder::files(vec![path], Shape::new(3, 8, 8), &how).and_then(|set| set.image(0).map(drop)).is_ok());
    }
    Ok(folder::read(&dir, &how).is_ok())
}
