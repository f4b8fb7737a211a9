//! Max pooling by [`arcsphere_kernels::pool`].

use std::sync::Arc;

use arcsphere_kernels::isa::Isa;
use arcsphere_kernels::pool::{self, PoolShape};
use burn::backend::Flex;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops};
use burn::tensor::Tensor;

use super::{Inputs, channels_last, from_channels_last, values};

/// The pooling of [`max_pool2d`](crate::nn::max_pool2d), or `None` where the kernels do not apply.
pub(in crate::nn) fn max_pool2d(x: &Tensor<4>, [kernel, stride, padding]: [usize; 3]) -> Option<Tensor<4>> {
    let [batch, channels, height, width] = x.dims();
    let input = [batch, height, width, channels];
    let shape = PoolShape::new(input, kernel, stride, padding)?;
    Some(Inputs::new([x.clone().into_dispatch()])?.apply(PoolBackward, |[x]| {
        let x = channels_last(x);
        let pooled = pool::forward(Isa::best(), &shape, values(&x));
        let y = from_channels_last(pooled.values, &shape.output());
        (y, State { shape, input, winners: pooled.winners.into() })
    }))
}

#[derive(Clone, Debug)]
struct State {
    shape: PoolShape,
    input: [usize; 4],
    winners: Arc<[u8]>,
}

#[derive(Debug)]
struct PoolBackward;

impl Backward<Flex, 1> for PoolBackward {
    type State = State;

    fn backward(self, ops: Ops<State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let dy = channels_last(grads.consume::<Flex>(&ops.node));
        let State { shape, input, winners } = ops.state;
        let [parent] = ops.parents;
        if let Some(node) = parent {
            let dx = pool::backward(Isa::best(), &shape, &winners, values(&dy));
            grads.register::<Flex>(node.id, from_channels_last(dx, &input));
        }
    }
}
