//! ReLU, y = max(0, x), and parametric ReLU: y = max(0, x) + a[c] · min(0, x), with one learned slope a channel.

use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor, activation};

use super::host;
use super::tensor;

/// Parametric ReLU (He et al. 2015) with one learned slope per channel.
#[derive(Module, Debug)]
pub(crate) struct PRelu {
    pub(super) weight: Param<Tensor<1>>,
}

impl PRelu {
    /// `channels` slopes, all starting at `slope` (the paper's choice is 0.25).
    ///
    /// # Panics
    ///
    /// If `channels` is zero.
    pub(crate) fn new(channels: usize, slope: f32, device: &Device) -> Self {
        debug_assert!(channels > 0, "a PReLU needs at least one channel");
        Self { weight: Param::from_tensor(tensor(vec![slope; channels], [channels], device)) }
    }

    /// `[batch, channels, ...]` → the same shape.
    ///
    /// # Panics
    ///
    /// If the input's second dimension is not `channels`.
    pub(crate) fn forward<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        let slope = self.weight.val();
        host::prelu(&x, &slope).unwrap_or_else(|| activation::prelu(x, slope))
    }
}

/// max(0, x), of any shape: in place on the CPU where no other tensor shares the memory.
pub(crate) fn relu<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    host::relu(x).unwrap_or_else(activation::relu)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::host::testing::{backward, close, random, seeded};

    #[test]
    fn each_channel_has_its_slope() {
        let device = Device::flex();
        let mut layer = PRelu::new(2, 0.25, &device);
        layer.weight = Param::from_tensor(tensor(vec![0.5, 0.1], [2], &device));
        let y = layer.forward(tensor(vec![-2.0, -10.0, 3.0, 0.0], [2, 2], &device));
        assert_eq!(y.into_data().try_to_vec::<f32>().unwrap(), [-1.0, -1.0, 3.0, 0.0]);
    }

    /// Tolerance: 1e-6 of the largest value, for sums of up to 60 products.
    #[test]
    fn the_kernels_agree_with_burn_in_values_and_gradients() {
        let rng = &mut seeded(0);
        let (x, slope) = (random(rng, [3, 5, 4, 3]), random(rng, [5]));
        let ours = host::prelu(&x, &slope).expect("on the CPU");
        let theirs = activation::prelu(x.clone(), slope.clone());
        let (g, h) = (backward(&ours), backward(&theirs));
        close("y", ours, theirs, 1e-6);
        close("dx", x.grad(&g).unwrap(), x.grad(&h).unwrap(), 1e-6);
        close("da", slope.grad(&g).unwrap(), slope.grad(&h).unwrap(), 1e-6);
    }

    /// Tolerance: none, the values are copies and zeros.
    #[test]
    fn relu_agrees_with_burn_and_leaves_shared_memory_alone() {
        let rng = &mut seeded(0);
        let x = random(rng, [3, 5, 4, 3]);
        let shared = x.clone() * 1.0;
        let kept = shared.clone();
        let (ours, theirs) = (relu(shared), activation::relu(x.clone()));
        close("input", kept, x.clone(), 0.0);
        let (g, h) = (backward(&ours), backward(&theirs));
        close("y", ours, theirs, 0.0);
        close("dx", x.grad(&g).unwrap(), x.grad(&h).unwrap(), 0.0);
    }
}
