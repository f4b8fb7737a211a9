//! The data set inside the program: the first 10,000 training and the first 2,000 test images of
//! MNIST, so that everything runs with no download.
//!
//! `assets/mnist-subset.idx.gz` is one gzip stream of four [`idx`] arrays, one after the
//! other: training images (10000x28x28), training labels (10000), test images (2000x28x28), test
//! labels (2000). `examples/pack_mnist.rs` makes it from the published files. MNIST is by Yann
//! LeCun and Corinna Cortes, under CC BY-SA 3.0: see `assets/LICENSE-MNIST`.

use std::path::Path;

use flate2::read::GzDecoder;

use crate::dataset::{Dataset, Shape};
use crate::error::DataError;
use crate::idx;
use crate::source::Source;

static PACKED: &[u8] = include_bytes!("../assets/mnist-subset.idx.gz");

/// What reports call the embedded set.
pub const NAME: &str = "mnist (embedded subset, 10,000 + 2,000)";

/// The embedded subset of MNIST: 10,000 training and 2,000 test images, 1x28x28, 10 classes.
///
/// # Errors
/// [`Truncated`](DataError::Truncated) or [`BadCompression`](DataError::BadCompression), should the program
/// itself be damaged.
///
/// ```
/// let source = arcsphere_data::embedded::mnist()?;
/// assert_eq!((source.train.len(), source.test.len()), (10_000, 2_000));
/// assert_eq!(source.train.labels()[..5], [5, 0, 4, 1, 9]);
/// # Ok::<(), arcsphere_data::DataError>(())
/// ```
pub fn mnist() -> Result<Source, DataError> {
    let path = Path::new("embedded/mnist-subset.idx.gz");
    let mut reader = GzDecoder::new(PACKED);
    let classes: Vec<String> = (0..10).map(|digit| digit.to_string()).collect();
    let mut part = |name| -> Result<Dataset, DataError> {
        let images = idx::read_array(&mut reader, path, u64::MAX)?;
        let labels = idx::read_array(&mut reader, path, u64::MAX)?;
        let &[_, height, width] = &images.dims[..] else {
            return Err(DataError::BadDimensions {
                path: path.to_owned(),
                found: images.dims.iter().map(|&d| d as u64).collect(),
                expected: "3: count, height, width".into(),
            });
        };
        let labels = labels.data.into_iter().map(u32::from).collect();
        Dataset::in_memory(name, Shape::new(1, height, width), images.data, labels, classes.clone())
    };
    let (train, test) = (part("train")?, part("test")?);
    Source::new(NAME, train, test, false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equals_the_first_images_of_the_published_files() {
        let source = mnist().unwrap();
        // Digests of `take(10_000)` and `take(2_000)` of the published files, as read by
        // `idx::read_folder`; `examples/pack_mnist.rs` prints them.
        assert_eq!(source.train.sha256().unwrap(), TRAIN);
        assert_eq!(source.test.sha256().unwrap(), TEST);
        source.train.require_every_class("train").unwrap();
        source.test.require_every_class("test").unwrap();
        assert_eq!(source.train.shape(), Shape::new(1, 28, 28));
    }

    const TRAIN: &str = "82e40d1327a4f4a3123855c06dd0abc3f8a3351e99e1a7b2c1cc2eb174614c6f";
    const TEST: &str = "3624ab8f658e5ffec4b6ca8b9cbf0c910785e1676ac6d57baac807b00a22f9d3";
}
