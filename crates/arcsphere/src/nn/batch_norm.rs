//! Batch normalization: y = γ · (x − μ) / √(σ² + ε) + β, channel by channel.

use burn::module::{Module, Param, RunningState};
use burn::tensor::{Device, Tensor, activation, module};

use super::tensor;
use super::{PRelu, host};

/// Added to the variance.
const EPSILON: f64 = 1e-5;

/// The share of the batch's statistics in the running ones.
const MOMENTUM: f64 = 0.1;

/// Batch normalization (Ioffe and Szegedy 2015) over every dimension but the second.
///
/// In training, μ and σ² are the batch's mean and biased variance, and the running statistics
/// move by a tenth towards the batch's mean and *unbiased* variance, as in PyTorch (a batch with
/// one value per channel has no unbiased variance; its biased one, 0, is taken). In inference
/// the running statistics are used. They are visited with the parameters, so checkpoints hold
/// them; clones of a layer share them.
#[derive(Module, Debug)]
pub(crate) struct BatchNorm {
    weight: Param<Tensor<1>>,
    bias: Param<Tensor<1>>,
    running_mean: RunningState<Tensor<1>>,
    running_var: RunningState<Tensor<1>>,
}

impl BatchNorm {
    /// γ = 1, β = 0, running mean 0, running variance 1.
    ///
    /// # Panics
    ///
    /// If `channels` is zero.
    pub(crate) fn new(channels: usize, device: &Device) -> Self {
        debug_assert!(channels > 0, "a batch normalization needs at least one channel");
        let full = |value| tensor(vec![value; channels], [channels], device);
        Self {
            weight: Param::from_tensor(full(1.0)),
            bias: Param::from_tensor(full(0.0)),
            running_mean: RunningState::new(full(0.0)),
            running_var: RunningState::new(full(1.0)),
        }
    }

    /// `[batch, channels, ...]` → the same shape; `train` chooses the batch's statistics (and
    /// updates the running ones) or the running ones.
    ///
    /// # Panics
    ///
    /// If the input has fewer than two dimensions or its second is not `channels`.
    pub(crate) fn forward<const D: usize>(&self, x: Tensor<D>, train: bool) -> Tensor<D> {
        self.forward_with(x, train, None)
    }

    /// [`BatchNorm::forward`], then `prelu`: in one pass over memory on the CPU.
    ///
    /// # Panics
    ///
    /// As for [`BatchNorm::forward`], and if `prelu` has another number of channels.
    pub(crate) fn forward_prelu<const D: usize>(&self, x: Tensor<D>, prelu: &PRelu, train: bool) -> Tensor<D> {
        self.forward_with(x, train, Some(prelu.weight.val()))
    }

    /// [`BatchNorm::forward`], then max(0, ·): in one pass over memory on the CPU.
    ///
    /// # Panics
    ///
    /// As for [`BatchNorm::forward`].
    pub(crate) fn forward_relu<const D: usize>(&self, x: Tensor<D>, train: bool) -> Tensor<D> {
        let slope = Tensor::zeros(self.weight.dims(), &x.device());
        self.forward_with(x, train, Some(slope))
    }

    fn forward_with<const D: usize>(&self, x: Tensor<D>, train: bool, slope: Option<Tensor<1>>) -> Tensor<D> {
        let (weight, bias) = (self.weight.val(), self.bias.val());
        if !train {
            let (mean, variance) = (self.running_mean.value(), self.running_var.value());
            let all = [&weight, &bias, &mean, &variance];
            return host::batch_norm(&x, all, slope.as_ref(), EPSILON).unwrap_or_else(|| {
                let y = module::batch_norm(x, weight, bias, mean, variance, EPSILON);
                activate(y, slope)
            });
        }
        let count = x.shape().num_elements() / x.dims()[1].max(1);
        let unbiased = count as f64 / (count.max(2) - 1) as f64;
        let (output, mean, variance) = match host::batch_norm_train(&x, &weight, &bias, slope.as_ref(), EPSILON) {
            Some(batch) => (batch.output, batch.mean, batch.variance),
            None => {
                let batch = module::batch_norm_train(x, weight, bias, EPSILON);
                (activate(batch.output, slope), batch.mean, batch.variance)
            }
        };
        blend(&self.running_mean, mean);
        blend(&self.running_var, variance * unbiased);
        output
    }
}

/// The PReLU after the normalization, if there is one.
fn activate<const D: usize>(y: Tensor<D>, slope: Option<Tensor<1>>) -> Tensor<D> {
    match slope {
        Some(slope) => activation::prelu(y, slope),
        None => y,
    }
}

/// Moves a running statistic towards the batch's.
fn blend(running: &RunningState<Tensor<1>>, batch: Tensor<1>) {
    let old = running.value() * (1.0 - MOMENTUM);
    running.update((old + batch * MOMENTUM).detach());
    // Burn delays an update until the next one; a checkpoint in between would miss it.
    running.value_sync();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::host::testing::{backward, close as same, random, seeded};

    fn values<const D: usize>(x: Tensor<D>) -> Vec<f32> {
        x.into_data().try_to_vec().unwrap()
    }

    fn close(actual: &[f32], expected: &[f32]) {
        assert_eq!(actual.len(), expected.len());
        for (a, e) in actual.iter().zip(expected) {
            assert!((a - e).abs() < 1e-5, "{actual:?} is not {expected:?}");
        }
    }

    #[test]
    fn training_normalizes_and_moves_the_running_statistics_at_once() {
        let device = Device::flex().autodiff();
        let layer = BatchNorm::new(2, &device);
        let x = tensor(vec![1.0, 10.0, 3.0, 30.0], [2, 2], &device);
        let y = layer.forward(x, true);
        // The variances are 1 and 100; ε = 1e-5 makes the first 5e-6 smaller.
        close(&values(y), &[-0.999995, -1.0, 0.999995, 1.0]);
        close(&values(layer.running_mean.value()), &[0.2, 2.0]);
        // 0.9 · 1 + 0.1 · unbiased (2 and 200).
        close(&values(layer.running_var.value()), &[1.1, 20.9]);
    }

    #[test]
    fn inference_uses_the_running_statistics_and_leaves_them() {
        let device = Device::flex();
        let layer = BatchNorm::new(1, &device);
        let x = tensor(vec![2.0; 4], [1, 1, 2, 2], &device);
        close(&values(layer.forward(x, false)), &[1.99999; 4]);
        close(&values(layer.running_mean.value()), &[0.0]);
    }

    #[test]
    fn one_value_per_channel_stays_finite() {
        let device = Device::flex();
        let layer = BatchNorm::new(3, &device);
        let y = layer.forward(tensor(vec![5.0, -1.0, 0.0], [1, 3], &device), true);
        close(&values(y), &[0.0; 3]);
        close(&values(layer.running_var.value()), &[0.9; 3]);
    }

    /// Tolerance: 5e-6 of the largest value.
    #[test]
    fn the_kernels_agree_with_burn_in_values_and_gradients() {
        let rng = &mut seeded(0);
        for slope in [None, Some(random(rng, [5]))] {
            let (x, weight, bias) = (random(rng, [4, 5, 4, 3]), random(rng, [5]), random(rng, [5]));
            let ours = host::batch_norm_train(&x, &weight, &bias, slope.as_ref(), EPSILON).unwrap();
            let theirs = module::batch_norm_train(x.clone(), weight.clone(), bias.clone(), EPSILON);
            same("mean", ours.mean, theirs.mean, 1e-6);
            same("variance", ours.variance, theirs.variance, 1e-6);
            let (ours, theirs) = (ours.output, activate(theirs.output, slope.clone()));
            let (g, h) = (backward(&ours), backward(&theirs));
            same("y", ours, theirs, 5e-6);
            same("dx", x.grad(&g).unwrap(), x.grad(&h).unwrap(), 5e-6);
            let vectors = [Some(weight), Some(bias), slope];
            for vector in vectors.into_iter().flatten() {
                same("vector", vector.grad(&g).unwrap(), vector.grad(&h).unwrap(), 5e-6);
            }
        }
    }

    #[test]
    fn both_activations_follow_the_normalization() {
        let device = Device::flex();
        let layer = BatchNorm::new(1, &device);
        let x: Tensor<2> = tensor(vec![-2.0, 2.0], [2, 1], &device);
        close(&values(layer.forward_relu(x.clone(), false)), &[0.0, 1.99999]);
        let prelu = PRelu::new(1, 0.25, &device);
        close(&values(layer.forward_prelu(x.clone(), &prelu, true)), &[-0.25, 0.999999]);
        let x = Tensor::from_inner(x);
        close(&values(layer.forward_relu(x, true)), &[0.0, 0.999999]);
    }
}
