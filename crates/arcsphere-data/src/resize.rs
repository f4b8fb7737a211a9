//! Resizing planes.

use image::imageops::{self, FilterType};
use image::{ImageBuffer, Luma};
use rayon::prelude::*;

use crate::dataset::{Dataset, Shape};
use crate::error::DataError;

/// One plane of `shape.height x shape.width`, resized with a triangle filter that is widened when
/// shrinking (so that it averages rather than skips). Deterministic.
pub(crate) fn plane(pixels: &[u8], from: (usize, usize), to: (usize, usize)) -> Vec<u8> {
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
    /// The same images at another size in pixels, in memory.
    ///
    /// # Errors
    /// [`BadShape`](DataError::BadShape) for a size of zero or beyond [`Shape::MAX_VALUES`];
    /// [`TooLarge`](DataError::TooLarge) when the result does not fit in memory;
    /// those of [`image`](Self::image).
    ///
    /// ```
    /// # fn main() -> Result<(), arcsphere_data::DataError> {
    /// let test = arcsphere_data::embedded::mnist()?.test.take(3)?;
    /// assert_eq!(test.resized(14, 20)?.image(2)?.len(), 14 * 20);
    /// # Ok(())
    /// # }
    /// ```
    pub fn resized(&self, height: usize, width: usize) -> Result<Self, DataError> {
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
                let resized = plane(from, (self.shape().height, self.shape().width), (height, width));
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
        assert_eq!(plane(&[7; 30], (5, 6), (9, 4)), vec![7; 36]);
        // Left half 0, right half 200: halving keeps the two halves apart.
        let row: Vec<u8> = [[0; 4], [200; 4]].concat();
        let half = plane(&row.repeat(4), (4, 8), (2, 4));
        assert_eq!(half.len(), 8);
        assert!(half[0] < 5 && half[3] > 195 && half[1] < half[2], "{half:?}");
    }

    #[test]
    fn planes_stay_apart() {
        let pixels = [[10; 4], [20; 4], [30; 4]].concat();
        let set = Dataset::new(Shape::new(3, 2, 2), pixels, vec![0], vec!["a".into()]).unwrap();
        let large = set.resized(3, 5).unwrap();
        assert_eq!(large.shape(), Shape::new(3, 3, 5));
        assert_eq!(large.image(0).unwrap(), [[10; 15], [20; 15], [30; 15]].concat());
        assert_eq!(set.resized(2, 2).unwrap(), set);
        assert!(matches!(set.resized(0, 5), Err(DataError::BadShape { .. })));
        assert!(matches!(set.resized(1 << 20, 1 << 20), Err(DataError::BadShape { .. })));
    }
}
