//! A sum, and a sum and ReLU in one pass: in place where a summand's memory is not shared.

use burn::backend::Flex;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops};
use burn::backend::flex::FlexTensor;
use burn::tensor::Tensor;
use rayon::prelude::*;

use arcsphere_kernels::isa::Isa;
use arcsphere_kernels::prelu;

use super::{Inputs, channels_last, channels_second, values, values_mut};

/// Values that a thread takes at a time.
const CHUNK: usize = 16 * 1024;

/// The sum of [`add`](crate::nn::add), or its inputs back on another device.
#[allow(clippy::result_large_err)] // The error is the input given back, not an accident.
pub(in crate::nn) fn add<const D: usize>(x: Tensor<D>, y: Tensor<D>) -> Result<Tensor<D>, (Tensor<D>, Tensor<D>)> {
    let inputs = inputs(x, y)?;
    Ok(inputs.apply(AddBackward, |[x, y]| {
        let sum = add_in_place(channels_last(x), channels_last(y), |sum, value| *sum += value);
        (channels_second(sum), ())
    }))
}

/// The activation of [`add_relu`](crate::nn::add_relu), or its inputs back on another device.
#[allow(clippy::result_large_err)] // As above.
pub(in crate::nn) fn add_relu<const D: usize>(x: Tensor<D>, y: Tensor<D>) -> Result<Tensor<D>, (Tensor<D>, Tensor<D>)> {
    let inputs = inputs(x, y)?;
    Ok(inputs.apply(AddReluBackward, |[x, y]| {
        let sum = add_in_place(channels_last(x), channels_last(y), |sum, value| {
            let total = *sum + value;
            *sum = if total < 0.0 { 0.0 } else { total };
        });
        (channels_second(sum.clone()), sum)
    }))
}

/// Two summands of one shape; the caller's handles, which would keep the sum from working in place, are dropped.
#[allow(clippy::result_large_err)] // As above.
fn inputs<const D: usize>(x: Tensor<D>, y: Tensor<D>) -> Result<Inputs<2>, (Tensor<D>, Tensor<D>)> {
    if D < 2 || x.dims() != y.dims() {
        return Err((x, y));
    }
    Inputs::new([x.clone().into_dispatch(), y.clone().into_dispatch()]).ok_or((x, y))
}

/// Adds dense tensors of one layout by `add`, in place of the one whose memory is not shared.
pub(super) fn add_in_place(x: FlexTensor, y: FlexTensor, add: impl Fn(&mut f32, f32) + Sync) -> FlexTensor {
    let (mut sum, other) = if x.is_unique() { (x, y) } else { (y, x) };
    values_mut(&mut sum).par_chunks_mut(CHUNK).zip(values(&other).par_chunks(CHUNK)).for_each(|(sum, other)| {
        for (sum, &value) in sum.iter_mut().zip(other) {
            add(sum, value);
        }
    });
    sum
}

#[derive(Debug)]
struct AddBackward;

impl Backward<Flex, 2> for AddBackward {
    type State = ();

    fn backward(self, ops: Ops<(), 2>, grads: &mut Gradients, _: &mut Checkpointer) {
        let grad = grads.consume::<Flex>(&ops.node);
        for node in ops.parents.into_iter().flatten() {
            grads.register::<Flex>(node.id, grad.clone());
        }
    }
}

#[derive(Debug)]
struct AddReluBackward;

impl Backward<Flex, 2> for AddReluBackward {
    /// The output, channels last.
    type State = FlexTensor;

    fn backward(self, ops: Ops<FlexTensor, 2>, grads: &mut Gradients, _: &mut Checkpointer) {
        let mut grad = channels_last(grads.consume::<Flex>(&ops.node));
        prelu::relu_backward(Isa::best(), values(&ops.state), values_mut(&mut grad));
        let grad = channels_second(grad);
        for node in ops.parents.into_iter().flatten() {
            grads.register::<Flex>(node.id, grad.clone());
        }
    }
}
