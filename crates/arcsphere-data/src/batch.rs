//! From indices to what a network takes: normalized `f32` planes and labels.

use rayon::prelude::*;

use crate::augment::{Augment, Transform};
use crate::dataset::Dataset;
use crate::error::DataError;

/// Per-channel standardization: `(v / 255 - mean[c]) / std[c]` for a pixel value `v` in 0..=255.
#[derive(Clone, Debug, PartialEq)]
pub struct Normalization {
    /// Mean of each channel, on the scale 0..=1.
    pub mean: Vec<f32>,
    /// Standard deviation of each channel, on the scale 0..=1.
    pub std: Vec<f32>,
}

/// The least standard deviation: one gray level. A constant channel is centered, not blown up.
const MIN_STD: f64 = 1.0 / 255.0;

impl Normalization {
    /// Population mean and standard deviation of each channel over all pixels of `set`, exact:
    /// values are counted per gray level and the moments taken in `f64`. The deviation is at least
    /// 1/255. Reads the set in the same pass as [`Dataset::sha256`].
    ///
    /// # Errors
    /// Those of [`Samples::decode`](crate::samples::Samples::decode), for the first image that fails.
    ///
    /// ```
    /// use arcsphere_data::{Normalization, embedded};
    ///
    /// let norm = Normalization::from_dataset(&embedded::mnist()?.train)?;
    /// assert!((norm.mean[0] - 0.131).abs() < 0.001 && (norm.std[0] - 0.309).abs() < 0.001);
    /// # Ok::<(), arcsphere_data::DataError>(())
    /// ```
    pub fn from_dataset(set: &Dataset) -> Result<Self, DataError> {
        let (mean, std) = set.histograms()?.iter().map(moments).unzip();
        Ok(Self { mean, std })
    }

    /// Maps 0..=255 to 0..=1 and nothing more.
    ///
    /// ```
    /// use arcsphere_data::Normalization;
    ///
    /// assert_eq!(Normalization::unit(3), Normalization { mean: vec![0.0; 3], std: vec![1.0; 3] });
    /// ```
    pub fn unit(channels: usize) -> Self {
        Self { mean: vec![0.0; channels], std: vec![1.0; channels] }
    }

    /// The value of each of the 256 gray levels, per channel.
    fn tables(&self, channels: usize) -> Result<Vec<[f32; 256]>, DataError> {
        for (what, found) in [("the mean", self.mean.len()), ("the standard deviation", self.std.len())] {
            if found != channels {
                return Err(DataError::ChannelMismatch { what, found, expected: channels });
            }
        }
        let table = |(&mean, &std): (&f32, &f32)| std::array::from_fn(|v| (v as f32 / 255.0 - mean) / std);
        Ok(self.mean.iter().zip(&self.std).map(table).collect())
    }
}

fn moments(counts: &[u64; 256]) -> (f32, f32) {
    let n = counts.iter().sum::<u64>().max(1) as f64;
    let weighted = |f: &dyn Fn(f64) -> f64| -> f64 {
        counts.iter().enumerate().map(|(v, &c)| c as f64 * f(v as f64 / 255.0)).sum::<f64>() / n
    };
    let mean = weighted(&|v| v);
    let variance = weighted(&|v| (v - mean) * (v - mean));
    (mean as f32, variance.sqrt().max(MIN_STD) as f32)
}

/// Below this many values a batch is filled by the calling thread alone.
const PARALLEL_FROM: usize = 1 << 15;

/// Writes the normalized images at `indices` to `out` (`indices.len()` x channels x height x width,
/// row-major) and their labels to `labels`, replacing what they held and keeping their allocations.
///
/// `augmentation` is what may change, the run's seed and the epoch. The result does not depend on the
/// number of threads, nor on which other samples are in the batch.
///
/// # Errors
/// [`IndexOutOfRange`](DataError::IndexOutOfRange), [`ChannelMismatch`](DataError::ChannelMismatch):
/// `out` and `labels` are then as they were. Those of [`Dataset::image`] for the first image that fails:
/// `out` and `labels` are then empty.
///
/// ```
/// use arcsphere_data::{Augment, batch, embedded};
///
/// let train = embedded::mnist()?.train;
/// let norm = batch::Normalization::unit(1);
/// let (mut pixels, mut labels) = (Vec::new(), Vec::new());
/// let shifted = Augment { shift: 2, ..Augment::default() };
/// batch::fill(&train, &[0, 7], &norm, Some((&shifted, 1, 0)), &mut pixels, &mut labels)?;
/// assert_eq!((pixels.len(), &labels[..]), (2 * 28 * 28, &[5, 3][..]));
/// # Ok::<(), arcsphere_data::DataError>(())
/// ```
pub fn fill(
    set: &Dataset,
    indices: &[u32],
    normalization: &Normalization,
    augmentation: Option<(&Augment, u64, u64)>,
    out: &mut Vec<f32>,
    labels: &mut Vec<u32>,
) -> Result<(), DataError> {
    let shape = set.shape();
    let tables = normalization.tables(shape.channels)?;
    let len = set.len();
    if let Some(&index) = indices.iter().find(|&&i| i as usize >= len) {
        return Err(DataError::IndexOutOfRange { index: index as usize, len });
    }
    let one = |(to, &index): (&mut [f32], &u32)| {
        let image = set.image(index as usize)?;
        let transform =
            augmentation.map_or_else(Transform::default, |(a, seed, epoch)| a.draw(seed, epoch, u64::from(index)));
        let planes = to.chunks_mut(shape.plane()).zip(image.chunks(shape.plane()));
        for ((to, from), table) in planes.zip(&tables) {
            transform.apply(from, (shape.height, shape.width), to, |v| table[usize::from(v)]);
        }
        Ok(())
    };
    let values = indices.len() * shape.values();
    out.resize(values, 0.0);
    labels.clear();
    let failed = if values < PARALLEL_FROM {
        out.chunks_mut(shape.values()).zip(indices).map(one).find_map(Result::err)
    } else {
        out.par_chunks_mut(shape.values()).zip(indices).with_min_len(8).map(one).find_map_first(Result::err)
    };
    if let Some(error) = failed {
        out.clear();
        return Err(error);
    }
    labels.extend(indices.iter().map(|&i| set.labels()[i as usize]));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::Shape;

    /// `n` images of 3x8x8 with varied pixels.
    fn photos(n: usize) -> Dataset {
        let shape = Shape::new(3, 8, 8);
        let pixels = (0..n * shape.values()).map(|i| ((i as u32).wrapping_mul(2_654_435_761) >> 23) as u8).collect();
        let labels = (0..n as u32).map(|i| i % 2).collect();
        Dataset::new(shape, pixels, labels, vec!["a".into(), "b".into()]).unwrap()
    }

    #[test]
    fn moments_equal_the_plain_two_pass_oracle() {
        let set = photos(130);
        let norm = Normalization::from_dataset(&set).unwrap();
        for c in 0..3 {
            let values: Vec<f64> = (0..set.len())
                .flat_map(|i| set.image(i).unwrap()[64 * c..64 * (c + 1)].to_vec())
                .map(|v| f64::from(v) / 255.0)
                .collect();
            let mean = values.iter().sum::<f64>() / values.len() as f64;
            let var = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / values.len() as f64;
            assert!((f64::from(norm.mean[c]) - mean).abs() < 1e-7);
            assert!((f64::from(norm.std[c]) - var.sqrt()).abs() < 1e-7);
        }
    }

    #[test]
    fn a_constant_channel_is_floored() {
        let set = Dataset::new(Shape::new(1, 2, 2), vec![51; 4], vec![0], vec!["a".into()]).unwrap();
        let norm = Normalization::from_dataset(&set).unwrap();
        assert_eq!((norm.mean[0], norm.std[0]), (0.2, 1.0 / 255.0));
    }

    #[test]
    fn a_filled_batch_is_standardized() {
        let set = photos(200);
        let norm = Normalization::from_dataset(&set).unwrap();
        let indices: Vec<u32> = (0..200).collect();
        let (mut out, mut labels) = (Vec::new(), Vec::new());
        fill(&set, &indices, &norm, None, &mut out, &mut labels).unwrap();
        assert_eq!(labels, set.labels());
        for c in 0..3 {
            let plane = |i: usize| &out[i * 192 + 64 * c..i * 192 + 64 * (c + 1)];
            let values: Vec<f64> = (0..200).flat_map(|i| plane(i).iter().map(|&v| f64::from(v))).collect();
            let mean = values.iter().sum::<f64>() / values.len() as f64;
            let var = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / values.len() as f64;
            assert!(mean.abs() < 1e-5 && (var - 1.0).abs() < 1e-5, "{mean} {var}");
        }
    }

    #[test]
    fn threads_and_batching_do_not_show() {
        let set = photos(300);
        let norm = Normalization::from_dataset(&set).unwrap();
        let augment = Augment { pad_crop: 2, flip: true, shift: 1 };
        let augmentation = Some((&augment, 9, 4));
        let indices: Vec<u32> = (0..300).rev().collect();
        let run = |indices: &[u32], threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let (mut out, mut labels) = (vec![5.0; 7], vec![3; 9]);
            pool.install(|| fill(&set, indices, &norm, augmentation, &mut out, &mut labels)).unwrap();
            (out, labels)
        };
        let whole = run(&indices, 1);
        assert_eq!(whole, run(&indices, 3));
        // The same samples in other batches get the same changes.
        let (a, b) = (run(&indices[..100], 1), run(&indices[100..], 2));
        assert_eq!(whole.0, [a.0, b.0].concat());
        let plain = {
            let mut o = Vec::new();
            fill(&set, &indices, &norm, None, &mut o, &mut Vec::new()).unwrap();
            o
        };
        assert_ne!(whole.0, plain);
    }

    #[test]
    fn black_is_normalized_black() {
        let set = Dataset::new(Shape::new(1, 2, 2), vec![255; 4], vec![0], vec!["a".into()]).unwrap();
        let norm = Normalization { mean: vec![0.5], std: vec![0.25] };
        let augment = Augment { pad_crop: 1, ..Augment::default() };
        let (mut out, mut labels) = (Vec::new(), Vec::new());
        let mut blacks = 0;
        for epoch in 0..20 {
            let augmentation = Some((&augment, 0, epoch));
            fill(&set, &[0], &norm, augmentation, &mut out, &mut labels).unwrap();
            assert!(out.iter().all(|&v| v == 2.0 || v == -2.0), "{out:?}");
            blacks += out.iter().filter(|&&v| v == -2.0).count();
        }
        assert!(blacks > 0);
    }

    #[test]
    fn bad_requests_are_named_and_change_nothing() {
        let set = photos(2);
        let (mut out, mut labels) = (vec![1.0], vec![1]);
        let error = fill(&set, &[0, 2], &Normalization::unit(3), None, &mut out, &mut labels);
        assert!(matches!(error, Err(DataError::IndexOutOfRange { index: 2, len: 2 })));
        let error = fill(&set, &[0], &Normalization::unit(1), None, &mut out, &mut labels);
        assert!(matches!(error, Err(DataError::ChannelMismatch { found: 1, expected: 3, .. })));
        assert_eq!((&out[..], &labels[..]), (&[1.0][..], &[1][..]));
        fill(&set, &[], &Normalization::unit(3), None, &mut out, &mut labels).unwrap();
        assert!(out.is_empty() && labels.is_empty());
    }
}
