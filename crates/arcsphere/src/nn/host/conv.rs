//! Convolution by [`arcsphere_kernels::conv`].

use arcsphere_kernels::conv::{self, ConvShape};
use arcsphere_kernels::isa::Isa;
use burn::backend::Flex;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops};
use burn::backend::flex::FlexTensor;
use burn::tensor::Tensor;

use super::{Inputs, channels_last, dense, dims, from_channels_last, from_values, values};

/// The convolution of [`Conv2d`](crate::nn::Conv2d), or `None` where the kernels do not apply.
pub(in crate::nn) fn conv2d(
    x: &Tensor<4>,
    weight: &Tensor<4>,
    bias: Option<&Tensor<1>>,
    [stride, padding, groups]: [usize; 3],
) -> Option<Tensor<4>> {
    let [batch, channels, height, width] = x.dims();
    let [out_channels, group_channels, kernel, columns] = weight.dims();
    if group_channels * groups != channels || kernel != columns {
        return None;
    }
    let input = [batch, height, width, channels];
    let shape = ConvShape::new(input, out_channels, kernel, stride, padding, groups)?;
    let (x, weight) = (x.clone().into_dispatch(), weight.clone().into_dispatch());
    Some(match bias {
        Some(bias) => Inputs::new([x, weight, bias.clone().into_dispatch()])?
            .apply(ConvBackward, |[x, weight, bias]| forward(shape, x, weight, Some(bias))),
        None => Inputs::new([x, weight])?.apply(ConvBackward, |[x, weight]| forward(shape, x, weight, None)),
    })
}

type State = (ConvShape, FlexTensor, FlexTensor);

fn forward(shape: ConvShape, x: FlexTensor, weight: FlexTensor, bias: Option<FlexTensor>) -> (FlexTensor, State) {
    let (x, weight, bias) = (channels_last(x), dense(weight), bias.map(dense));
    let bias = bias.as_ref().map(values);
    let y = conv::forward(Isa::best(), &shape, values(&x), values(&weight), bias);
    (from_channels_last(y, &shape.output()), (shape, x, weight))
}

#[derive(Debug)]
struct ConvBackward;

impl<const N: usize> Backward<Flex, N> for ConvBackward {
    type State = State;

    fn backward(self, ops: Ops<State, N>, grads: &mut Gradients, _: &mut Checkpointer) {
        let dy = channels_last(grads.consume::<Flex>(&ops.node));
        let (shape, x, weight) = ops.state;
        let isa = Isa::best();
        let mut parents = ops.parents.into_iter();
        let mut parent = || parents.next().flatten();
        if let Some(node) = parent() {
            let dx = conv::input_grad(isa, &shape, values(&dy), values(&weight));
            grads.register::<Flex>(node.id, from_channels_last(dx, &dims::<4>(&x)));
        }
        let (weight_node, bias_node) = (parent(), parent());
        if weight_node.is_none() && bias_node.is_none() {
            return;
        }
        let grad = conv::weight_grad(isa, &shape, values(&x), values(&dy));
        if let Some(node) = weight_node {
            grads.register::<Flex>(node.id, from_values(grad.weight, &dims::<4>(&weight)));
        }
        if let Some(node) = bias_node {
            let shape = [grad.bias.len()];
            grads.register::<Flex>(node.id, from_values(grad.bias, &shape));
        }
    }
}
