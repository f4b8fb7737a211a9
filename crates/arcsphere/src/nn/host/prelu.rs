//! PReLU and ReLU by [`arcsphere_kernels::prelu`].

use arcsphere_kernels::isa::Isa;
use arcsphere_kernels::prelu;
use burn::backend::Flex;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops};
use burn::backend::flex::FlexTensor;
use burn::tensor::Tensor;

use super::{Inputs, channels_last, channels_second, dense, from_channels_last, from_values, values, values_mut};

/// The activation of [`PRelu`](crate::nn::PRelu), or `None` where the kernels do not apply.
pub(in crate::nn) fn prelu<const D: usize>(x: &Tensor<D>, slope: &Tensor<1>) -> Option<Tensor<D>> {
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
        let mut grad = channels_last(grads.consume::<Flex>(&ops.node));
        let (x, slope) = ops.state;
        let slopes = prelu::backward(Isa::best(), values(&x), values(&slope), values_mut(&mut grad));
        let [input, slope] = ops.parents;
        if let Some(node) = input {
            grads.register::<Flex>(node.id, channels_second(grad));
        }
        if let Some(node) = slope {
            let shape = [slopes.len()];
            grads.register::<Flex>(node.id, from_values(slopes, &shape));
        }
    }
}

/// The activation of [`relu`](crate::nn::relu), or its input back where the kernels do not apply.
#[allow(clippy::result_large_err)] // The error is the input given back, not an accident.
pub(in crate::nn) fn relu<const D: usize>(x: Tensor<D>) -> Result<Tensor<D>, Tensor<D>> {
    if D < 2 {
        return Err(x);
    }
    let Some(inputs) = Inputs::new([x.clone().into_dispatch()]) else {
        return Err(x);
    };
    // The caller's handle would keep the kernel from working in place.
    drop(x);
    Ok(inputs.apply(ReluBackward, |[x]| {
        let mut y = channels_last(x);
        prelu::relu(Isa::best(), values_mut(&mut y));
        (channels_second(y.clone()), y)
    }))
}

#[derive(Debug)]
struct ReluBackward;

impl Backward<Flex, 1> for ReluBackward {
    /// The output, channels last.
    type State = FlexTensor;

    fn backward(self, ops: Ops<FlexTensor, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let mut grad = channels_last(grads.consume::<Flex>(&ops.node));
        prelu::relu_backward(Isa::best(), values(&ops.state), values_mut(&mut grad));
        let [input] = ops.parents;
        if let Some(node) = input {
            grads.register::<Flex>(node.id, channels_second(grad));
        }
    }
}
