//! The layers of the built-in networks, and the state of any Burn module by name.
//!
//! Every layer is a Burn [`Module`](burn::module::Module) with a fixed interface of its own:
//! constructors take the seed's generator, so that the initial weights depend on the seed alone,
//! and `forward` is the same on every device. Parameter names and layouts are those of PyTorch's
//! state dicts (`weight`, `bias`, `running_mean`, `running_var`; linear weights `[out, in]`,
//! convolution weights `[out, in / groups, kernel, kernel]`).

mod batch_norm;
mod conv2d;
mod draw;
mod host;
mod linear;
mod params;
mod pool;
mod prelu;
mod residual;

pub use arcsphere_losses::init::{Init, Rng};
pub(crate) use batch_norm::BatchNorm;
pub(crate) use conv2d::Conv2d;
pub use conv2d::Conv2dSpec;
pub(crate) use draw::{Draw, Outline};
pub(crate) use linear::Linear;
pub(crate) use params::shapes;
pub use params::{NamedTensor, ParamsError, export, import};
pub(crate) use pool::{flatten, global_avg_pool, max_pool2d, widen};
pub(crate) use prelu::{PRelu, relu};
pub(crate) use residual::{add, add_relu, fork};

use burn::tensor::{Device, Tensor, TensorData};

/// A tensor of the given shape from host values.
fn tensor<const D: usize>(values: Vec<f32>, shape: [usize; D], device: &Device) -> Tensor<D> {
    Tensor::from_data(TensorData::new(values, shape), device)
}
