//! What one pass over all pixels of a set finds: its digest, and how often each gray level occurs.

use std::borrow::Cow;

use rayon::prelude::*;
use sha2::{Digest, Sha256};

use super::{Dataset, Shape};
use crate::error::DataError;

/// How often each of the 256 levels occurs, per channel.
pub(crate) type Histograms = Vec<[u64; 256]>;

#[derive(Debug)]
pub(super) struct Scan {
    sha256: String,
    histograms: Histograms,
}

/// Bytes of pixels that a pass holds at once, where they are not in memory anyway.
const CHUNK_BYTES: usize = 1 << 24;

impl Dataset {
    /// SHA-256 in hexadecimal over the shape (three `u64`), the number of images (`u64`), the
    /// pixels and the labels (`u32` each), all little-endian; then, where the set has an ordered target,
    /// the name of its unit and the values (`f32` each) of the images and of the classes. The names of
    /// classes and samples do not enter.
    ///
    /// The first call decodes every image once; later ones, also of clones, know the answer.
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
        Ok(self.scanned()?.sha256.clone())
    }

    /// How often each level occurs in each channel of all images.
    pub(crate) fn histograms(&self) -> Result<&Histograms, DataError> {
        Ok(&self.scanned()?.histograms)
    }

    fn scanned(&self) -> Result<&Scan, DataError> {
        match self.scan.get() {
            Some(scan) => Ok(scan),
            None => {
                let scan = scan(self)?;
                Ok(self.scan.get_or_init(|| scan))
            }
        }
    }
}

fn scan(set: &Dataset) -> Result<Scan, DataError> {
    let mut hash = Sha256::new();
    let shape = set.shape();
    for n in [shape.channels, shape.height, shape.width, set.len()] {
        hash.update((n as u64).to_le_bytes());
    }
    let mut histograms = vec![[0; 256]; shape.channels];
    let indices: Vec<usize> = (0..set.len()).collect();
    for chunk in indices.chunks((CHUNK_BYTES / shape.values()).max(1)) {
        let images: Vec<Result<Cow<'_, [u8]>, DataError>> = chunk.par_iter().map(|&i| set.image(i)).collect();
        let images: Vec<Cow<'_, [u8]>> = images.into_iter().collect::<Result<_, _>>()?;
        let (_, counts) = rayon::join(|| images.iter().for_each(|image| hash.update(image)), || count(&images, shape));
        add(&mut histograms, &counts);
    }
    for label in set.labels() {
        hash.update(label.to_le_bytes());
    }
    if let Some(targets) = set.targets() {
        hash.update(targets.unit().name());
        for value in targets.values().iter().chain(targets.class_values()) {
            hash.update(value.to_le_bytes());
        }
    }
    Ok(Scan { sha256: hex(&hash.finalize()), histograms })
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
