//! One tensor for two branches, whose gradients are summed over dense memory.

use std::sync::{Arc, Mutex, PoisonError};

use burn::backend::Flex;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops};
use burn::backend::flex::FlexTensor;
use burn::tensor::Tensor;

use super::add::add_in_place;
use super::{Inputs, channels_last, channels_second};

/// The tensors of [`fork`](crate::nn::fork), or `None` on another device.
pub(in crate::nn) fn fork<const D: usize>(x: &Tensor<D>) -> Option<[Tensor<D>; 2]> {
    if D < 2 {
        return None;
    }
    let first = Slot::default();
    let branch = || Some(Inputs::new([x.clone().into_dispatch()])?.apply(ForkBackward, |[x]| (x, Arc::clone(&first))));
    Some([branch()?, branch()?])
}

/// The gradient of the branch that is through first. Autodiff would add the two by their dimensions, across memory,
/// as soon as both are registered with the same tensor.
type Slot = Arc<Mutex<Option<FlexTensor>>>;

#[derive(Debug)]
struct ForkBackward;

impl Backward<Flex, 1> for ForkBackward {
    type State = Slot;

    fn backward(self, ops: Ops<Slot, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let grad = grads.consume::<Flex>(&ops.node);
        let [Some(node)] = ops.parents else { return };
        let mut slot = ops.state.lock().unwrap_or_else(PoisonError::into_inner);
        match slot.take() {
            None => *slot = Some(grad),
            Some(first) => {
                let sum = add_in_place(channels_last(first), channels_last(grad), |sum, value| *sum += value);
                grads.register::<Flex>(node.id, channels_second(sum));
            }
        }
    }
}
