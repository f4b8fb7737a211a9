//! Resizing planes.

use std::fmt;
use std::str::FromStr;

use image::imageops::{self, FilterType};
use image::{ImageBuffer, Luma};
use rayon::prelude::*;

use crate::dataset::{Dataset, Shape};
use crate::error::DataError;

/// How an image comes to a size of other proportions.
///
/// ```
/// use arcsphere_data::Fit;
///
/// assert_eq!("crop".parse(), Ok(Fit::Crop));
/// assert_eq!(Fit::default().to_string(), "squash");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Fit {
    /// All of the image, squashed or stretched: proportions change.
    #[default]
    Squash,
    /// The largest part in the middle that has the proportions: what is beyond it is cut off.
    Crop,
    /// All of the image in its own proportions, in the middle of black (0).
    Pad,
}

impl Fit {
    /// Every way.
    pub const ALL: [Self; 3] = [Self::Squash, Self::Crop, Self::Pad];

    /// Its name, as `--fit` takes it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Squash => "squash",
            Self::Crop => "crop",
            Self::Pad => "pad",
        }
    }
}

impl fmt::Display for Fit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Fit {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let known = || Self::ALL.map(Self::name).join(", ");
        let of_name = Self::ALL.into_iter().find(|fit| fit.name() == name);
        of_name.ok_or_else(|| format!("there is no fit \"{name}\" (known: {})", known()))
    }
}

/// (height, width)
type Size = (usize, usize);

/// One plane of `from.0 x from.1`, brought to `to` with a triangle filter that is widened when
/// shrinking (so that it averages rather than skips). Deterministic.
pub(crate) fn plane(pixels: &[u8], from: Size, to: Size, fit: Fit) -> Vec<u8> {
    match fit {
        Fit::Squash => squashed(pixels, from, to),
        Fit::Crop => {
            let (height, width) = within(to, from);
            let (top, left) = ((from.0 - height) / 2, (from.1 - width) / 2);
            let rows = pixels.chunks(from.1.max(1)).skip(top).take(height);
            let part: Vec<u8> = rows.flat_map(|row| row.iter().skip(left).take(width)).copied().collect();
            squashed(&part, (height, width), to)
        }
        Fit::Pad => {
            let inner = within(from, to);
            let (top, left) = ((to.0 - inner.0) / 2, (to.1 - inner.1) / 2);
            let mut out = vec![0; to.0 * to.1];
            let small = squashed(pixels, from, inner);
            let rows = out.chunks_mut(to.1.max(1)).skip(top);
            for (out, row) in rows.zip(small.chunks(inner.1.max(1))) {
                out.iter_mut().skip(left).zip(row).for_each(|(out, value)| *out = *value);
            }
            out
        }
    }
}

/// The largest size of the proportions of `like` that fits into `room`, to the nearest pixel and at least 1x1.
fn within(like: Size, room: Size) -> Size {
    // Sides are at most 2^30, so products fit into 64 bits.
    let (like, wide) = ((like.0.max(1) as u64, like.1.max(1) as u64), (room.0 as u64, room.1 as u64));
    let nearest = |a: u64, b: u64, of: u64| ((2 * a * b + of) / (2 * of)).max(1) as usize;
    if wide.0 * like.1 <= wide.1 * like.0 {
        (room.0, nearest(wide.0, like.1, like.0).min(room.1))
    } else {
        (nearest(wide.1, like.0, like.1).min(room.0), room.1)
    }
}

fn squashed(pixels: &[u8], from: Size, to: Size) -> Vec<u8> {
    if from == to {
        return pixels.to_vec();
    }
    // `is_usable` bounds both sizes far below u32::MAX; a plane of another size than stated would
    // be this crate's own mistake, and becomes an empty plane that the caller's checks refuse.
    ImageBuffer::<Luma<u8>, _>::from_raw(from.1 as u32, from.0 as u32, pixels)
        .map(|p| imageops::resize(&p, to.1 as u32, to.0 as u32, FilterType::Triangle).into_raw())
        .unwrap_or_default()
}

impl Dataset {
    /// The same images at another size in pixels, in memory, those of other proportions brought to it by `fit`.
    ///
    /// # Errors
    /// [`BadShape`](DataError::BadShape) for a size of zero or beyond [`Shape::MAX_VALUES`];
    /// [`TooLarge`](DataError::TooLarge) when the result does not fit in memory;
    /// those of [`image`](Self::image).
    ///
    /// ```
    /// # fn main() -> Result<(), arcsphere_data::DataError> {
    /// use arcsphere_data::Fit;
    ///
    /// let test = arcsphere_data::embedded::mnist()?.test.take(3)?;
    /// assert_eq!(test.resized(14, 20, Fit::Pad)?.image(2)?.len(), 14 * 20);
    /// # Ok(())
    /// # }
    /// ```
    pub fn resized(&self, height: usize, width: usize, fit: Fit) -> Result<Self, DataError> {
        let from = self.shape();
        let shape = Shape::new(from.channels, height, width);
        if !shape.is_usable() {
            return Err(DataError::BadShape { shape, max: Shape::MAX_VALUES });
        }
        if shape == from {
            return Ok(self.clone());
        }
        // A size that a user typed wrongly must not abort the program.
        let n = self.len().saturating_mul(shape.values());
        let mut pixels = Vec::new();
        pixels.try_reserve_exact(n).map_err(|_| DataError::TooLarge {
            origin: format!("{} images of {shape}", self.len()),
            bytes: n as u64,
        })?;
        pixels.resize(n, 0);
        let one = |(i, to): (usize, &mut [u8])| {
            let image = self.image(i)?;
            for (to, from) in to.chunks_mut(shape.plane()).zip(image.chunks(from.plane())) {
                let resized = plane(from, (self.shape().height, self.shape().width), (height, width), fit);
                to.iter_mut().zip(resized).for_each(|(to, value)| *to = value);
            }
            Ok(())
        };
        if let Some(error) = pixels.par_chunks_mut(shape.values()).enumerate().map(one).find_map_first(Result::err) {
            return Err(error);
        }
        let infos = (0..self.len()).map(|i| self.info(i)).collect();
        let resized = Self::new(shape, pixels, self.labels().to_vec(), self.classes().to_vec())?.with_info(infos)?;
        match self.targets() {
            Some(targets) => resized.with_targets(targets.clone()),
            None => Ok(resized),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_constant_stays_constant_and_halving_averages() {
        assert_eq!(plane(&[7; 30], (5, 6), (9, 4), Fit::Squash), vec![7; 36]);
        // Left half 0, right half 200: halving keeps the two halves apart.
        let row: Vec<u8> = [[0; 4], [200; 4]].concat();
        let half = plane(&row.repeat(4), (4, 8), (2, 4), Fit::Squash);
        assert_eq!(half.len(), 8);
        assert!(half[0] < 5 && half[3] > 195 && half[1] < half[2], "{half:?}");
    }

    #[test]
    fn planes_stay_apart() {
        let pixels = [[10; 4], [20; 4], [30; 4]].concat();
        let set = Dataset::new(Shape::new(3, 2, 2), pixels, vec![0], vec!["a".into()]).unwrap();
        let large = set.resized(3, 5, Fit::Squash).unwrap();
        assert_eq!(large.shape(), Shape::new(3, 3, 5));
        assert_eq!(large.image(0).unwrap(), [[10; 15], [20; 15], [30; 15]].concat());
        assert_eq!(set.resized(2, 2, Fit::Pad).unwrap(), set);
        assert!(matches!(set.resized(0, 5, Fit::Crop), Err(DataError::BadShape { .. })));
        assert!(matches!(set.resized(1 << 20, 1 << 20, Fit::Squash), Err(DataError::BadShape { .. })));
    }

    /// Rows of 1 2 3 4 / 5 6 7 8, to sizes at which no pixel is between two: by hand.
    #[test]
    fn what_is_cut_off_and_what_is_added() {
        let wide = [1, 2, 3, 4, 5, 6, 7, 8];
        let to = |size, fit| plane(&wide, (2, 4), size, fit);
        assert_eq!(to((2, 2), Fit::Crop), [2, 3, 6, 7]);
        assert_eq!(to((4, 4), Fit::Pad), [[0; 4], [1, 2, 3, 4], [5, 6, 7, 8], [0; 4]].concat());
        // An odd pixel more goes below and to the right.
        assert_eq!(to((3, 4), Fit::Pad), [[1, 2, 3, 4], [5, 6, 7, 8], [0; 4]].concat());
        assert_eq!(to((1, 1), Fit::Crop).len(), 1);
        // Where proportions agree the ways are one.
        for fit in Fit::ALL {
            assert_eq!(to((2, 4), fit), wide);
            assert_eq!(to((1, 2), fit), to((1, 2), Fit::Squash));
        }
        // The same on its side.
        let tall = [1, 5, 2, 6, 3, 7, 4, 8];
        assert_eq!(plane(&tall, (4, 2), (2, 2), Fit::Crop), [2, 6, 3, 7]);
        assert_eq!(plane(&tall, (4, 2), (4, 4), Fit::Pad), [0, 1, 5, 0, 0, 2, 6, 0, 0, 3, 7, 0, 0, 4, 8, 0]);
    }

    #[test]
    fn proportions_to_the_nearest_pixel() {
        // 500x375 into 112 on each side: 112 * 375 / 500 = 84.
        assert_eq!(within((500, 375), (112, 112)), (112, 84));
        assert_eq!(within((375, 500), (112, 112)), (84, 112));
        assert_eq!(within((112, 112), (500, 375)), (375, 375));
        // 3 * 2 / 4 = 1.5, which goes up; and no side is ever without a pixel.
        assert_eq!(within((2, 4), (9, 3)), (2, 3));
        assert_eq!(within((1, 1000), (5, 5)), (1, 5));
        for fit in Fit::ALL {
            assert_eq!(plane(&[9; 1000], (1, 1000), (5, 5), fit).len(), 25);
            assert_eq!(plane(&[9], (1, 1), (3, 7), fit).len(), 21);
        }
        assert_eq!("squeeze".parse::<Fit>(), Err("there is no fit \"squeeze\" (known: squash, crop, pad)".into()));
    }
}
