//! Sets of images that lie encoded (as JPEG, PNG, …) somewhere: in a file of records, in a pickle, in files of
//! their own. They are read and decoded when a batch asks for them.
//!
//! Such a set has one channel where the head of every image says that it is gray, and three otherwise: unlike in
//! a [`folder`], no pixel is looked at when it is opened. Its digest is that of the encoded bytes.

use std::path::PathBuf;

use rayon::prelude::*;
use sha2::{Digest, Sha256};

use crate::dataset::{Dataset, Shape};
use crate::error::DataError;
use crate::folder::{self, Decoding};
use crate::samples::{SampleInfo, Samples};

/// Encoded images, wherever they are.
pub(crate) trait Encoded: Send + Sync {
    /// Number of images.
    fn len(&self) -> usize;

    /// Name of image `i`.
    fn info(&self, i: usize) -> SampleInfo;

    /// Puts the bytes of image `i` in place of what `bytes` held.
    fn read(&self, i: usize, bytes: &mut Vec<u8>) -> Result<(), DataError>;

    /// Label of image `i`: 0 where there is one class.
    fn label(&self, _i: usize) -> u32 {
        0
    }
}

/// Images looked at between two decisions whether to look at more.
const CHUNK: usize = 1 << 10;

/// A set of encoded images. Without a size each must be of the first one's size, which a batch finds out.
pub(crate) fn dataset(
    images: impl Encoded + 'static,
    classes: Vec<String>,
    how: &Decoding,
    origin: &str,
) -> Result<Dataset, DataError> {
    how.check()?;
    let Some(first) = (images.len() > 0).then(|| look(&images, 0, how)).transpose()? else {
        return Err(DataError::EmptySet { origin: origin.to_owned() });
    };
    let shape = Shape { channels: channels(&images, first.channels, how)?, ..first };
    Dataset::from_samples(EncodedSamples { images, classes, shape, how: *how })
}

/// 3 as soon as an image could have color.
fn channels(images: &impl Encoded, first: usize, how: &Decoding) -> Result<usize, DataError> {
    let mut channels = first;
    for from in (1..images.len()).step_by(CHUNK) {
        if channels == 3 {
            break;
        }
        let chunk = from..images.len().min(from + CHUNK);
        let seen: Vec<Result<Shape, DataError>> = chunk.into_par_iter().map(|i| look(images, i, how)).collect();
        for shape in seen {
            channels = channels.max(shape?.channels);
        }
    }
    Ok(channels)
}

fn look(images: &impl Encoded, i: usize, how: &Decoding) -> Result<Shape, DataError> {
    let mut bytes = Vec::new();
    images.read(i, &mut bytes)?;
    folder::look_at_bytes(&name(images, i), &bytes, how)
}

/// What errors call image `i`.
fn name(images: &impl Encoded, i: usize) -> PathBuf {
    PathBuf::from(images.info(i).name)
}

struct EncodedSamples<E> {
    images: E,
    classes: Vec<String>,
    shape: Shape,
    how: Decoding,
}

impl<E: Encoded> Samples for EncodedSamples<E> {
    fn len(&self) -> usize {
        self.images.len()
    }

    fn shape(&self) -> Shape {
        self.shape
    }

    fn classes(&self) -> &[String] {
        &self.classes
    }

    fn label(&self, i: usize) -> u32 {
        self.images.label(i)
    }

    fn info(&self, i: usize) -> SampleInfo {
        self.images.info(i)
    }

    fn decode(&self, i: usize, planes: &mut [u8]) -> Result<(), DataError> {
        let mut bytes = Vec::new();
        self.images.read(i, &mut bytes)?;
        let (found, image) = folder::decode_bytes(&name(&self.images, i), &bytes, &self.how)?;
        let expected = self.shape;
        if (found.height, found.width) != (expected.height, expected.width) || found.channels > expected.channels {
            return Err(DataError::ImageShape { name: self.images.info(i).name, found, expected });
        }
        // A gray image among colored ones has three equal planes.
        planes.chunks_mut(image.len().max(1)).for_each(|to| to.copy_from_slice(&image[..to.len()]));
        Ok(())
    }

    fn digest(&self, i: usize) -> Result<Option<[u8; 32]>, DataError> {
        let mut bytes = Vec::new();
        self.images.read(i, &mut bytes)?;
        Ok(Some(Sha256::digest(&bytes).into()))
    }

    fn encoded(&self, i: usize) -> Result<Option<Vec<u8>>, DataError> {
        let mut bytes = Vec::new();
        self.images.read(i, &mut bytes)?;
        Ok(Some(bytes))
    }
}
