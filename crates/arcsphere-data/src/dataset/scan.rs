//! What passes over the images of a set find: its digest, and how often each gray level occurs.

use std::borrow::Cow;
use std::sync::OnceLock;

use rayon::prelude::*;
use sha2::{Digest, Sha256};

use super::{Dataset, Shape};
use crate::error::DataError;

/// How often each of the 256 levels occurs, per channel.
pub(crate) type Histograms = Vec<[u64; 256]>;

/// What the passes over a set's images found.
#[derive(Debug, Default)]
pub(super) struct Scan {
    sha256: OnceLock<String>,
    histograms: OnceLock<Histograms>,
}

/// Bytes of pixels that a pass holds at once, where they are not in memory anyway.
const CHUNK_BYTES: usize = 1 << 24;

/// Digests that a pass holds at once.
const CHUNK_DIGESTS: usize = 1 << 12;

/// The most images that gray levels are counted in, where the digest asks for no pass over all pixels. The mean of
/// so many differs from that of all by less than one gray level in a hundred.
const COUNTED: usize = 1 << 15;

impl Dataset {
    /// SHA-256 in hexadecimal over the shape (three `u64`), the number of images (`u64`), the
    /// pixels and the labels (`u32` each), all little-endian; then, where the set has an ordered target,
    /// the name of its unit and the values (`f32` each) of the images and of the classes. The names of
    /// classes and samples do not enter.
    ///
    /// Where the images have a [digest](crate::Samples::digest) of their own, these (32 bytes each) take the place of
    /// the pixels, and the word `encoded` stands first; so nothing is decoded, and a file of records and the pairs
    /// made of it have one digest where they have the same encoded images.
    ///
    /// The first call reads every image once; later ones, also of clones, know the answer.
    ///
    /// # Errors
    /// Those of [`Samples::decode`](crate::samples::Samples::decode), for the first image that fails.
    ///
    /// ```
    /// let digits = arcsphere_data::embedded::mnist()?.test;
    /// assert!(digits.sha256()?.starts_with("3624ab8f"));
    /// assert_ne!(digits.take(1_999)?.sha256()?, digits.sha256()?);
    /// # Ok::<(), arcsphere_data::DataError>(())
    /// ```
    pub fn sha256(&self) -> Result<String, DataError> {
        if self.scan.sha256.get().is_none() {
            if self.digest(0)?.is_some() {
                let found = of_digests(self)?;
                self.scan.sha256.get_or_init(|| found);
            } else {
                of_pixels(self)?;
            }
        }
        Ok(self.scan.sha256.get().cloned().unwrap_or_default())
    }

    /// How often each level occurs in each channel: of all images, or, where they need not be decoded for the
    /// digest, of at most [`COUNTED`] that lie evenly over the set.
    pub(crate) fn histograms(&self) -> Result<&Histograms, DataError> {
        if self.scan.histograms.get().is_none() {
            if self.digest(0)?.is_some() {
                let n = self.len().min(COUNTED);
                // No product of two lengths of sets in memory is beyond 64 bits.
                let chosen: Vec<usize> = (0..n).map(|i| (i as u64 * self.len() as u64 / n as u64) as usize).collect();
                let found = pass(self, &chosen, |_| ())?;
                self.scan.histograms.get_or_init(|| found);
            } else {
                of_pixels(self)?;
            }
        }
        static NONE: Histograms = Histograms::new();
        Ok(self.scan.histograms.get().unwrap_or(&NONE))
    }
}

/// Both, in one pass over all pixels.
fn of_pixels(set: &Dataset) -> Result<(), DataError> {
    let mut hash = begin(set, "");
    let all: Vec<usize> = (0..set.len()).collect();
    let histograms = pass(set, &all, |image| hash.update(image))?;
    set.scan.sha256.get_or_init(|| end(set, hash));
    set.scan.histograms.get_or_init(|| histograms);
    Ok(())
}

/// The set's digest by those of its images.
fn of_digests(set: &Dataset) -> Result<String, DataError> {
    let mut hash = begin(set, "encoded");
    for from in (0..set.len()).step_by(CHUNK_DIGESTS) {
        let chunk = from..set.len().min(from + CHUNK_DIGESTS);
        let digests: Vec<Result<Option<[u8; 32]>, DataError>> = chunk.into_par_iter().map(|i| set.digest(i)).collect();
        for digest in digests {
            hash.update(digest?.unwrap_or_default());
        }
    }
    Ok(end(set, hash))
}

fn begin(set: &Dataset, word: &str) -> Sha256 {
    let mut hash = Sha256::new();
    hash.update(word);
    let shape = set.shape();
    for n in [shape.channels, shape.height, shape.width, set.len()] {
        hash.update((n as u64).to_le_bytes());
    }
    hash
}

fn end(set: &Dataset, mut hash: Sha256) -> String {
    for label in set.labels() {
        hash.update(label.to_le_bytes());
    }
    if let Some(targets) = set.targets() {
        hash.update(targets.unit().name());
        for value in targets.values().iter().chain(targets.class_values()) {
            hash.update(value.to_le_bytes());
        }
    }
    hex(&hash.finalize())
}

/// Decodes the images at `indices`, hands each to `see` in order, and counts their levels.
fn pass(set: &Dataset, indices: &[usize], mut see: impl FnMut(&[u8]) + Send) -> Result<Histograms, DataError> {
    let shape = set.shape();
    let mut histograms = vec![[0; 256]; shape.channels];
    for chunk in indices.chunks((CHUNK_BYTES / shape.values()).max(1)) {
        let images: Vec<Result<Cow<'_, [u8]>, DataError>> = chunk.par_iter().map(|&i| set.image(i)).collect();
        let images: Vec<Cow<'_, [u8]>> = images.into_iter().collect::<Result<_, _>>()?;
        let (_, counts) = rayon::join(|| images.iter().for_each(|image| see(image)), || count(&images, shape));
        add(&mut histograms, &counts);
    }
    Ok(histograms)
}

/// Integer sums: the order of the threads cannot show.
fn count(images: &[Cow<'_, [u8]>], shape: Shape) -> Histograms {
    let zero = || vec![[0; 256]; shape.channels];
    let one = |mut counts: Histograms, image: &Cow<'_, [u8]>| {
        for (count, plane) in counts.iter_mut().zip(image.chunks(shape.plane())) {
            for &v in plane {
                count[usize::from(v)] += 1;
            }
        }
        counts
    };
    let both = |mut a, b: Histograms| {
        add(&mut a, &b);
        a
    };
    images.par_iter().with_min_len(64).fold(zero, one).reduce(zero, both)
}

fn add(to: &mut Histograms, counts: &Histograms) {
    for (to, n) in to.iter_mut().flatten().zip(counts.iter().flatten()) {
        *to += n;
    }
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
