//! Images to embeddings with a trained backbone.

use crate::backbones::Backbone;
use crate::head::HeadError;
use arcsphere_data::batch::{self, Normalization};
use arcsphere_data::sampler::Batches;
use arcsphere_data::{DataError, Dataset, Shape};
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
    /// Images of a shape that the network does not take.
    #[error(
        "{sample}: the images are {found}, but the network takes {expected} (channels x height x width); resize them, \
         or train on images of their shape"
    )]
    Shape {
        /// The first image.
        sample: String,
        /// The shape of the images.
        found: Shape,
        /// The shape that the network takes, as [`Backbone::input`] says it.
        expected: Shape,
    },
    /// Embeddings of another dimension than the network says.
    #[error("the network \"{network}\" gives {found}, expected {expected} numbers for each, as its `dim` says")]
    Dim {
        /// What it is called.
        network: String,
        /// The rows and columns of its embeddings, and for how many images.
        found: String,
        /// D, as [`Backbone::dim`] says it.
        expected: usize,
    },
    /// An embedding that is no number.
    #[error(
        "the embedding of {sample} (row {row}) has the number {value}: the network is that of a training that died, or \
         a broken one; take an earlier checkpoint, or train anew"
    )]
    NotFinite {
        /// The first such image.
        sample: String,
        /// Its place in the set.
        row: usize,
        /// Its first number that is not finite.
        value: f32,
    },
    /// The device does not hand over its numbers.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The head refuses the embeddings, or what moves it.
    #[error(transparent)]
    Head(#[from] HeadError),
}

/// A device that does not hand its numbers to the host.
#[derive(Debug, Error)]
#[error(
    "the device did not hand its numbers to the host: {0}; give it more memory, or take another device (flex is the CPU)"
)]
pub struct ReadError(#[from] TensorReadError);

/// Embeddings \[N, D\] of a set, in its order, with batch-norm's running statistics. Those of a training that died may
/// be no numbers; [`embed_finite`] refuses them.
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
/// [`EmbedError`] if the images are not of the network's shape, a batch cannot be made, or the device fails.
pub fn embed(
    backbone: &impl Backbone,
    set: &Dataset,
    normalization: &Normalization,
    device: &Device,
) -> Result<Vec<f32>, EmbedError> {
    let (shape, expected) = (set.shape(), backbone.input());
    if shape != expected {
        return Err(EmbedError::Shape { sample: set.info(0).name, found: shape, expected });
    }
    let backbone = backbone.valid();
    let (mut pixels, mut labels, mut out) = (Vec::new(), Vec::new(), Vec::new());
    for indices in Batches::in_order(set.len(), BATCH).iter() {
        batch::fill(set, indices, normalization, None, &mut pixels, &mut labels)?;
        let data = TensorData::new(pixels.clone(), [indices.len(), shape.channels, shape.height, shape.width]);
        let embeddings = backbone.forward(Tensor::from_data(data, device), false);
        if embeddings.dims() != [indices.len(), backbone.dim()] {
            let [rows, columns] = embeddings.dims();
            return Err(EmbedError::Dim {
                network: backbone.name().to_owned(),
                found: format!("{rows} x {columns} for {} images", indices.len()),
                expected: backbone.dim(),
            });
        }
        out.extend(host_values(embeddings)?);
    }
    Ok(out)
}

/// The same, for what is to be used: each is a number.
///
/// # Errors
///
/// As of [`embed`], and [`EmbedError::NotFinite`] with the first image whose embedding is none.
pub fn embed_finite(
    backbone: &impl Backbone,
    set: &Dataset,
    normalization: &Normalization,
    device: &Device,
) -> Result<Vec<f32>, EmbedError> {
    let embeddings = embed(backbone, set, normalization, device)?;
    match embeddings.iter().position(|v| !v.is_finite()) {
        Some(place) => {
            let row = place / backbone.dim().max(1);
            Err(EmbedError::NotFinite { sample: set.info(row).name, row, value: embeddings[place] })
        }
        None => Ok(embeddings),
    }
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
    use arcsphere_data::SampleInfo;
    use burn::module::Module;
    use burn::tensor::DType;
    use rand::SeedableRng;

    #[test]
    fn numbers_come_row_major_as_f32_from_any_float() {
        let device = crate::Device::flex();
        let tensor = Tensor::<2>::from_data(TensorData::new(vec![1.0f32, -2.5, 0.25, 4.0], [2, 2]), &device);
        assert_eq!(host_values(tensor.clone()).unwrap(), [1.0, -2.5, 0.25, 4.0]);
        assert_eq!(host_values(tensor.clone().transpose()).unwrap(), [1.0, 0.25, -2.5, 4.0]);
        assert_eq!(host_values(tensor.cast(DType::F64)).unwrap(), [1.0, -2.5, 0.25, 4.0]);
    }

    fn lenet(input: Shape) -> crate::backbones::BuiltIn {
        let spec = crate::backbones::find("lenet_2d").unwrap().spec(input, 2, None, true).unwrap();
        spec.make(&mut crate::nn::Rng::seed_from_u64(0), &crate::Device::flex())
    }

    #[test]
    fn images_of_another_shape_are_an_error_that_names_them() {
        let net = lenet(Shape::new(1, 28, 28));
        let device = crate::Device::flex();
        for shape in [Shape::new(1, 27, 28), Shape::new(1, 56, 56), Shape::new(3, 28, 28), Shape::new(1, 1, 1)] {
            let set = Dataset::new(shape, vec![0; 2 * shape.values()], vec![0, 0], vec!["any".into()]).unwrap();
            let set = set.with_info(["first.png", "second.png"].map(SampleInfo::named).into()).unwrap();
            let error = embed(&net, &set, &Normalization::unit(shape.channels), &device).unwrap_err();
            assert!(matches!(&error, EmbedError::Shape { found, .. } if *found == shape), "{error}");
            let text = error.to_string();
            assert!(
                text.contains("first.png") && text.contains(&shape.to_string()) && text.contains("1x28x28"),
                "{text}"
            );
        }
        // The shape is right, but not the number of channels that are to be normalized.
        let set = Dataset::new(Shape::new(1, 28, 28), vec![0; 784], vec![0], vec!["any".into()]).unwrap();
        let error = embed(&net, &set, &Normalization::unit(3), &device).unwrap_err();
        assert!(matches!(error, EmbedError::Data(DataError::ChannelMismatch { .. })), "{error}");
    }

    /// A network that says a wrong dimension.
    #[derive(Module, Debug)]
    struct Wrong {
        net: crate::backbones::BuiltIn,
    }

    impl Backbone for Wrong {
        fn forward(&self, images: Tensor<4>, train: bool) -> Tensor<2> {
            self.net.forward(images, train)
        }
        fn dim(&self) -> usize {
            3
        }
        fn input(&self) -> Shape {
            self.net.input()
        }
    }

    #[test]
    fn a_network_that_does_not_know_its_dimension_is_named() {
        let set = Dataset::new(Shape::new(1, 28, 28), vec![0; 784], vec![0], vec!["any".into()]).unwrap();
        let net = Wrong { net: lenet(set.shape()) };
        let error = embed(&net, &set, &Normalization::unit(1), &crate::Device::flex()).unwrap_err();
        assert!(matches!(error, EmbedError::Dim { expected: 3, .. }), "{error}");
        assert!(error.to_string().contains("1 x 2 for 1 images"), "{error}");
    }

    #[test]
    fn a_device_that_fails_is_told_with_a_way_out() {
        let unread = TensorReadError::InvalidShape { expected: 2, actual: 3 };
        let text = EmbedError::from(ReadError::from(unread)).to_string();
        assert!(text.contains("did not hand its numbers") && text.contains("another device"), "{text}");
    }
}
