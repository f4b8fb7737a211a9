//! Images to embeddings with a trained backbone.

use crate::backbones::Backbone;
use arcsphere_data::batch::{self, Normalization};
use arcsphere_data::sampler::Batches;
use arcsphere_data::{DataError, Dataset};
use burn::tensor::{Device, Tensor, TensorData, TensorReadError};
use thiserror::Error;

/// Images embedded at once.
const BATCH: usize = 256;

/// Why images do not become embeddings.
#[derive(Debug, Error)]
pub enum EmbedError {
    /// A batch cannot be made.
    #[error("{0}")]
    Data(#[from] DataError),
    /// The device does not hand over its numbers.
    #[error(transparent)]
    Read(#[from] ReadError),
}

/// A device that does not hand its numbers to the host.
#[derive(Debug, Error)]
#[error(
    "the device did not hand its numbers to the host: {0}; give it more memory, or take another device (flex is the CPU)"
)]
pub struct ReadError(#[from] TensorReadError);

/// Embeddings \[N, D\] of a set, in its order, with batch-norm's running statistics.
///
/// ```
/// use arcsphere::{backbones, embed::embed, nn::Rng};
/// use arcsphere_data::{Normalization, embedded};
/// use rand::SeedableRng;
///
/// let digits = embedded::mnist()?.test.take(5)?;
/// let device = arcsphere::device("flex")?;
/// let spec = backbones::find("lenet_2d")?.spec(digits.shape(), 2, None, true)?;
/// let net = spec.make(&mut Rng::seed_from_u64(0), &device);
/// assert_eq!(embed(&net, &digits, &Normalization::unit(1), &device)?.len(), 5 * 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// [`EmbedError`] if a batch cannot be made, or the device fails.
pub fn embed(
    backbone: &impl Backbone,
    set: &Dataset,
    normalization: &Normalization,
    device: &Device,
) -> Result<Vec<f32>, EmbedError> {
    let backbone = backbone.valid();
    let shape = set.shape();
    let (mut pixels, mut labels, mut out) = (Vec::new(), Vec::new(), Vec::new());
    for indices in Batches::in_order(set.len(), BATCH).iter() {
        batch::fill(set, indices, normalization, None, &mut pixels, &mut labels)?;
        let data = TensorData::new(pixels.clone(), [indices.len(), shape.channels, shape.height, shape.width]);
        out.extend(host_values(backbone.forward(Tensor::from_data(data, device), false))?);
    }
    Ok(out)
}

/// The numbers of a tensor, row-major.
///
/// # Errors
///
/// [`ReadError`] if the device fails, which the CPU does not.
pub(crate) fn host_values<const D: usize>(tensor: Tensor<D>) -> Result<Vec<f32>, ReadError> {
    // Moves where the device's numbers are f32 already, which is everywhere by default.
    Ok(tensor.try_into_vec_as::<f32>()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::DType;

    #[test]
    fn numbers_come_row_major_as_f32_from_any_float() {
        let device = crate::Device::flex();
        let tensor = Tensor::<2>::from_data(TensorData::new(vec![1.0f32, -2.5, 0.25, 4.0], [2, 2]), &device);
        assert_eq!(host_values(tensor.clone()).unwrap(), [1.0, -2.5, 0.25, 4.0]);
        assert_eq!(host_values(tensor.clone().transpose()).unwrap(), [1.0, 0.25, -2.5, 4.0]);
        assert_eq!(host_values(tensor.cast(DType::F64)).unwrap(), [1.0, -2.5, 0.25, 4.0]);
    }

    #[test]
    fn a_device_that_fails_is_told_with_a_way_out() {
        let unread = TensorReadError::InvalidShape { expected: 2, actual: 3 };
        let text = EmbedError::from(ReadError::from(unread)).to_string();
        assert!(text.contains("did not hand its numbers") && text.contains("another device"), "{text}");
    }
}
