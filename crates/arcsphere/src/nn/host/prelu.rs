//! PReLU by [`arcsphere_kernels::prelu`].

use arcsphere_kernels::isa::Isa;
use arcsphere_kernels::prelu;
use burn::backend::Flex;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops};
use burn::backend::flex::FlexTensor;
use burn::tensor::Tensor;

use super::{Inputs, channels_last, dense, from_channels_last, from_values, values};

/// The activation of [`PRelu`](crate::nn::PRelu), or `None` where the kernels do not apply.
pub(in crate::nn) fn prelu<const D: usize>(
    x: &Tensor<D>,
    slope: &Tensor<1>,
) -> Option<Tensor<D>> {
    if D < 2 || x.dims()[1] != slope.dims()[0] {
        return None;
    }
    let inputs = Inputs::new([x.clone().into_dispatch(), slope.clone().into_dispatch()])?;
    Some(inputs.apply(PreluBackward, |[x, slope]| {
        let (x, slope) = (channels_last(x), dense(slope));
        let y = prelu::forward(Isa::best(), values(&x), values(&slope));
        (from_channels_last(y, x.layout().shape()), (x, slope))
    }))
}

#[derive(Debug)]
struct PreluBackward;

impl Backward<Flex, 2> for PreluBackward {
    type State = (FlexTensor, FlexTensor);

    fn backward(self, ops: Ops<Self::State, 2>, grads: &mut Gradients, _: &mut Checkpointer) {
        let dy = channels_last(grads.consume::<Flex>(&ops.node));
        let (x, slope) = ops.state;
        let grad = prelu::backward(Isa::best(), values(&x), values(&slope), values(&dy));
        let [input, slope] = ops.parents;
        if let Some(node) = input {
            let dx = from_channels_last(grad.input, x.layout().shape());
            grads.register::<Flex>(node.id, dx);
        }
        if let Some(node) = slope {
            let shape = [grad.slope.len()];
            grads.register::<Flex>(node.id, from_values(grad.slope, &shape));
        }
    }
}
