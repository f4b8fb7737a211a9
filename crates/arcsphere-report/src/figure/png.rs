//! PNG files from pixels.

use std::io::Cursor;

use image::{ImageFormat, RgbImage};

use arcsphere_eval::error::{EvalError, Result};

/// Averages blocks of 2 × 2 of an RGB image of even `width` and `height`, and
/// encodes the result.
pub(crate) fn encode_halved(pixels: &[u8], width: u32, height: u32) -> Result<Vec<u8>> {
    let (w, h) = (width as usize / 2, height as usize / 2);
    let stride = width as usize * 3;
    let mut small = Vec::with_capacity(w * h * 3);
    for y in 0..h {
        let rows = [&pixels[2 * y * stride..][..stride], &pixels[(2 * y + 1) * stride..][..stride]];
        for x in 0..w {
            for c in 0..3 {
                let sum: u16 = rows.iter().map(|r| u16::from(r[6 * x + c]) + u16::from(r[6 * x + 3 + c])).sum();
                small.push(((sum + 2) / 4) as u8);
            }
        }
    }
    let image = RgbImage::from_raw(w as u32, h as u32, small)
        .ok_or_else(|| EvalError::Figure("the picture's size is out of range".into()))?;
    let mut out = Cursor::new(Vec::new());
    image.write_to(&mut out, ImageFormat::Png).map_err(|e| EvalError::Figure(e.to_string()))?;
    Ok(out.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn averages_and_decodes_again() {
        // Two blocks: black/white halves, and one flat color.
        let row = [0, 0, 0, 255, 255, 255, 10, 20, 30, 10, 20, 30];
        let pixels = [row, row].concat();
        let png = encode_halved(&pixels, 4, 2).unwrap();
        let back = image::load_from_memory(&png).unwrap().to_rgb8();
        assert_eq!(back.dimensions(), (2, 1));
        assert_eq!(back.as_raw().as_slice(), [128, 128, 128, 10, 20, 30]);
    }
}
