//! The layers' computations on the CPU by arcsphere-kernels, as autodiff operations of our own.
//!
//! Each function takes tensors and returns `None` where it does not apply (another device, another
//! type of number, gradient checkpointing, a shape that the kernels lack); the layer then uses
//! Burn's own operations. Activations are channels-last in memory: a tensor keeps the dimensions
//! `[batch, channels, height, width]` and only its strides say so, so every Burn operation
//! understands it and none of ours copies it.

mod add;
mod conv;
mod fork;
mod norm;
mod pool;
mod prelu;
mod widen;

pub(super) use add::{add, add_relu};
pub(super) use conv::conv2d;
pub(super) use fork::fork;
pub(super) use norm::{batch_norm, batch_norm_train};
pub(super) use pool::max_pool2d;
pub(super) use prelu::{prelu, relu};
pub(super) use widen::widen;

use burn::backend::autodiff::ops::{Backward, OpsKind};
use burn::backend::flex::{FlexTensor, Layout};
use burn::backend::{Autodiff, BackendTensor, DispatchAutodiffContext, DispatchKindConversion, DispatchTensor, Flex};
use burn::tensor::{Bytes, DType, Shape, Tensor};

/// A float tensor that autodiff follows.
type Tracked = burn::backend::tensor::FloatTensor<Autodiff<Flex>>;

/// The inputs of an operation, all on the CPU and of `f32`.
enum Inputs<const N: usize> {
    /// None of them belongs to autodiff.
    Plain([FlexTensor; N]),
    /// Some do; the others are constants.
    Autodiff([Tracked; N]),
}

impl<const N: usize> Inputs<N> {
    /// `None` unless every tensor is an `f32` tensor of the CPU, without checkpointing.
    fn new(tensors: [DispatchTensor; N]) -> Option<Self> {
        let autodiff = tensors.iter().any(|t| t.autodiff != DispatchAutodiffContext::Disabled);
        if autodiff {
            let tensors: Vec<Tracked> = tensors.into_iter().map(track).collect::<Option<_>>()?;
            return Some(Self::Autodiff(tensors.try_into().ok()?));
        }
        let tensors: Vec<FlexTensor> = tensors.into_iter().map(plain).collect::<Option<_>>()?;
        Some(Self::Plain(tensors.try_into().ok()?))
    }

    /// Runs `forward` on the plain tensors; where autodiff follows, registers `backward` with
    /// the state that `forward` returned.
    fn apply<const D: usize, O, T>(
        self,
        backward: O,
        forward: impl FnOnce([FlexTensor; N]) -> (FlexTensor, T),
    ) -> Tensor<D>
    where
        O: Backward<Flex, N, State = T>,
        T: Clone + Send + std::fmt::Debug + 'static,
    {
        match self {
            Self::Plain(tensors) => Tensor::from_primitive::<Flex>(forward(tensors).0),
            Self::Autodiff(tensors) => {
                let nodes = tensors.each_ref().map(Tracked::node);
                let (output, state) = forward(tensors.map(Tracked::into_primitive));
                let preparation =
                    backward.prepare::<burn::backend::autodiff::checkpoint::strategy::NoCheckpointing>(nodes);
                let output = match preparation.compute_bound().stateful() {
                    OpsKind::Tracked(preparation) => preparation.finish(state, output),
                    OpsKind::UnTracked(preparation) => preparation.finish(output),
                };
                Tensor::from_primitive::<Autodiff<Flex>>(output)
            }
        }
    }
}

fn plain(tensor: DispatchTensor) -> Option<FlexTensor> {
    let tensor = <DispatchTensor as DispatchKindConversion<Flex>>::try_into_backend(tensor).ok()?;
    match tensor {
        BackendTensor::Float(tensor) if tensor.dtype() == DType::F32 => Some(tensor),
        _ => None,
    }
}

fn track(tensor: DispatchTensor) -> Option<Tracked> {
    if tensor.autodiff == DispatchAutodiffContext::Disabled {
        return plain(tensor).map(Tracked::new);
    }
    let tensor = <DispatchTensor as DispatchKindConversion<Autodiff<Flex>>>::try_into_backend(tensor).ok()?;
    match tensor {
        BackendTensor::Float(tensor) if tensor.primitive().dtype() == DType::F32 => Some(tensor),
        _ => None,
    }
}

/// The dimensions of a tensor as a fixed array.
fn dims<const D: usize>(tensor: &FlexTensor) -> [usize; D] {
    let shape = tensor.layout().shape();
    std::array::from_fn(|axis| shape[axis])
}

/// A tensor whose memory is dense with the channels last; copied only if it is not.
fn channels_last(tensor: FlexTensor) -> FlexTensor {
    let rank = tensor.layout().num_dims();
    let axes: Vec<usize> = std::iter::once(0).chain(2..rank).chain([1]).collect();
    dense(with_axes(tensor, &axes))
}

/// A tensor whose memory is dense in the order of its dimensions; copied only if it is not.
fn dense(tensor: FlexTensor) -> FlexTensor {
    if tensor.is_contiguous() { tensor } else { tensor.to_contiguous() }
}

fn with_axes(tensor: FlexTensor, axes: &[usize]) -> FlexTensor {
    let layout = tensor.layout().permute(axes);
    tensor.with_layout(layout)
}

/// The values of a dense tensor.
fn values(tensor: &FlexTensor) -> &[f32] {
    tensor.as_slice().expect("a dense f32 tensor is one slice")
}

/// The values of a dense tensor, to be changed; copied first if another tensor shares them.
fn values_mut(tensor: &mut FlexTensor) -> &mut [f32] {
    let range = tensor.layout().contiguous_offsets();
    let (start, end) = range.expect("a dense f32 tensor is one slice");
    &mut tensor.storage_mut()[start..end]
}

/// The inverse of [`channels_last`]: the channels' dimension back in its place, nothing moved.
fn channels_second(tensor: FlexTensor) -> FlexTensor {
    let rank = tensor.layout().num_dims();
    let axes: Vec<usize> = [0, rank - 1].into_iter().chain(1..rank - 1).collect();
    with_axes(tensor, &axes)
}

/// A tensor of the given dimensions, channels last, from memory of that order.
fn from_channels_last(values: Vec<f32>, shape: &[usize]) -> FlexTensor {
    channels_second(from_values(values, shape))
}

/// A tensor in row-major order.
fn from_values(values: Vec<f32>, shape: &[usize]) -> FlexTensor {
    let layout = Layout::contiguous(Shape::from(shape.to_vec()));
    FlexTensor::new(Bytes::from_elems(values), layout, DType::F32)
}

#[cfg(test)]
pub(super) mod testing {
    //! Comparing our operations with Burn's own, values and gradients.

    use crate::nn::Rng;
    use burn::tensor::{Device, Gradients, Tensor, TensorData};
    use rand::{RngExt, SeedableRng};

    /// What the random values of a test hang on.
    pub(in crate::nn) fn seeded(seed: u64) -> Rng {
        Rng::seed_from_u64(seed)
    }

    /// Values from [-1, 1), on the CPU, followed by autodiff.
    pub(in crate::nn) fn random<const D: usize>(rng: &mut Rng, shape: [usize; D]) -> Tensor<D> {
        let values: Vec<f32> = (0..shape.iter().product()).map(|_| rng.random_range(-1.0..1.0)).collect();
        Tensor::from_data(TensorData::new(values, shape), &Device::flex().autodiff()).require_grad()
    }

    /// Backpropagates a fixed, uneven gradient from `y`.
    pub(in crate::nn) fn backward<const D: usize>(y: &Tensor<D>) -> Gradients {
        let count: usize = y.dims().iter().product();
        let dy = Tensor::arange(0..count as i64, &y.device()).float();
        (y.clone() * (dy * 0.7).sin().reshape(y.dims())).sum().backward()
    }

    /// Holds two tensors together within `tolerance` of their largest value.
    #[track_caller]
    pub(in crate::nn) fn close<const D: usize>(what: &str, ours: Tensor<D>, theirs: Tensor<D>, tolerance: f32) {
        assert_eq!(ours.dims(), theirs.dims(), "{what}");
        let ours: Vec<f32> = ours.into_data().try_to_vec().unwrap();
        let theirs: Vec<f32> = theirs.into_data().try_to_vec().unwrap();
        let scale = theirs.iter().fold(1.0f32, |a, b| a.max(b.abs()));
        for (index, (a, b)) in ours.iter().zip(&theirs).enumerate() {
            assert!((a - b).abs() <= tolerance * scale, "{what}[{index}]: {a} is not {b}");
        }
    }
}
