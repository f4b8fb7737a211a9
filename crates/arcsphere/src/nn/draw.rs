//! Where the weights of a layer come from: a generator's numbers, or none yet.

use super::{Init, Rng, tensor};
use burn::module::{Param, ParamId};
use burn::tensor::{Device, Shape, Tensor};

/// What a layer draws its weights from.
pub(crate) trait Draw {
    /// `len` numbers with the fans \[in, out\]; none of a network of which the shapes alone are wanted.
    fn numbers(&mut self, init: Init, len: usize, fans: [usize; 2]) -> Option<Vec<f32>>;
}

impl Draw for Rng {
    fn numbers(&mut self, init: Init, len: usize, fans: [usize; 2]) -> Option<Vec<f32>> {
        Some(init.draw(len, fans[0], fans[1], self))
    }
}

/// No numbers: the large weights of the network have shapes and take no memory, so that a network can be looked at
/// that would not fit.
pub(crate) struct Outline;

impl Draw for Outline {
    fn numbers(&mut self, _init: Init, _len: usize, _fans: [usize; 2]) -> Option<Vec<f32>> {
        None
    }
}

/// A parameter of a shape, drawn with the fans \[in, out\].
pub(super) fn weight<const D: usize>(
    init: Init,
    shape: [usize; D],
    fans: [usize; 2],
    draw: &mut dyn Draw,
    device: &Device,
) -> Param<Tensor<D>> {
    let len = shape.iter().copied().fold(1, usize::saturating_mul);
    match draw.numbers(init, len, fans) {
        Some(values) => Param::from_tensor(tensor(values, shape, device)),
        None => {
            let zeros = move |device: &Device, _: bool| Tensor::zeros(shape, device);
            Param::uninitialized(ParamId::new(), zeros, device.clone(), true, Shape::from(shape))
        }
    }
}
