//! Images to embeddings with a trained backbone.

use crate::backbones::Backbone;
use arcsphere_data::batch::{self, Normalization};
use arcsphere_data::sampler::Batches;
use arcsphere_data::{DataError, Dataset};
use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};

/// Images embedded at once.
const BATCH: usize = 256;

/// Embeddings \[N, D\] of a set, in its order, with batch-norm's running statistics.
///
/// # Errors
///
/// [`DataError`] if a batch cannot be made.
pub fn embed(
    backbone: &Backbone,
    set: &Dataset,
    normalization: &Normalization,
    device: &Device,
) -> Result<Vec<f32>, DataError> {
    let backbone = backbone.valid();
    let shape = set.shape();
    let (mut pixels, mut labels, mut out) = (Vec::new(), Vec::new(), Vec::new());
    for indices in Batches::in_order(set.len(), BATCH).iter() {
        batch::fill(set, indices, normalization, None, &mut pixels, &mut labels)?;
        let data = TensorData::new(pixels.clone(), [indices.len(), shape.channels, shape.height, shape.width]);
        out.extend(host_values(backbone.forward(Tensor::from_data(data, device), false)));
    }
    Ok(out)
}

/// The numbers of a tensor, row-major.
pub(crate) fn host_values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    // Moves where the device's numbers are f32 already, which is everywhere by default.
    let data = tensor.into_data();
    data.try_into_vec_as::<f32>().unwrap_or_default()
}
