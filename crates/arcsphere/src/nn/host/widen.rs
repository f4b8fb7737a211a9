//! More channels, all zero, after those of a tensor.

use burn::backend::Flex;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops};
use burn::tensor::Tensor;

use super::{Inputs, channels_last, from_channels_last, values};

/// The padding of [`widen`](crate::nn::widen), or `None` on another device.
pub(in crate::nn) fn widen(x: &Tensor<4>, more: usize) -> Option<Tensor<4>> {
    let [batch, channels, height, width] = x.dims();
    Some(Inputs::new([x.clone().into_dispatch()])?.apply(WidenBackward, |[x]| {
        let x = channels_last(x);
        let mut wide = Vec::with_capacity(batch * height * width * (channels + more));
        for pixel in values(&x).chunks_exact(channels) {
            wide.extend_from_slice(pixel);
            wide.resize(wide.len() + more, 0.0);
        }
        (from_channels_last(wide, &[batch, height, width, channels + more]), channels)
    }))
}

#[derive(Debug)]
struct WidenBackward;

impl Backward<Flex, 1> for WidenBackward {
    /// The channels before.
    type State = usize;

    fn backward(self, ops: Ops<usize, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let dy = channels_last(grads.consume::<Flex>(&ops.node));
        let [batch, height, width, wide] = super::dims(&dy);
        let mut dx = Vec::with_capacity(batch * height * width * ops.state);
        for pixel in values(&dy).chunks_exact(wide) {
            dx.extend_from_slice(&pixel[..ops.state]);
        }
        let [input] = ops.parents;
        if let Some(node) = input {
            let dx = from_channels_last(dx, &[batch, height, width, ops.state]);
            grads.register::<Flex>(node.id, dx);
        }
    }
}
