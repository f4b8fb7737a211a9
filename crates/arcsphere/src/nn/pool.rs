//! Pooling and reshaping: layers without parameters.

use burn::tensor::Tensor;
use burn::tensor::ops::MaxPoolOptions;

use super::host;

/// Maximum over `kernel` × `kernel` windows: `[batch, channels, height, width]` →
/// `[batch, channels, height′, width′]` with height′ = ⌊(height + 2·padding − kernel) / stride⌋ + 1.
///
/// The padding never wins: it counts as −∞.
///
/// # Panics
///
/// If `kernel` or `stride` is zero, or the padded input is smaller than the kernel.
pub(crate) fn max_pool2d(x: Tensor<4>, kernel: usize, stride: usize, padding: usize) -> Tensor<4> {
    host::max_pool2d(&x, [kernel, stride, padding]).unwrap_or_else(|| plain(x, kernel, stride, padding))
}

/// The same by Burn's own operation, on any device.
fn plain(x: Tensor<4>, kernel: usize, stride: usize, padding: usize) -> Tensor<4> {
    let options = MaxPoolOptions::new([kernel; 2]).with_stride([stride; 2]).with_padding([padding; 2]);
    burn::tensor::module::max_pool2d(x, options)
}

/// Mean over height and width: `[batch, channels, height, width]` → `[batch, channels]`.
pub(crate) fn global_avg_pool(x: Tensor<4>) -> Tensor<2> {
    let [batch, channels, height, width] = x.dims();
    x.reshape([batch, channels, height * width]).mean_dim(2).reshape([batch, channels])
}

/// All but the batch dimension in one: `[batch, channels, height, width]` →
/// `[batch, channels · height · width]`, channels outermost.
pub(crate) fn flatten(x: Tensor<4>) -> Tensor<2> {
    let [batch, channels, height, width] = x.dims();
    x.reshape([batch, channels * height * width])
}

/// `more` channels of zeros after those of the tensor: `[batch, channels, height, width]` →
/// `[batch, channels + more, height, width]`.
pub(crate) fn widen(x: Tensor<4>, more: usize) -> Tensor<4> {
    if more == 0 {
        return x;
    }
    host::widen(&x, more).unwrap_or_else(|| {
        let [batch, _, height, width] = x.dims();
        let zeros = Tensor::zeros([batch, more, height, width], &x.device());
        Tensor::cat(vec![x, zeros], 1)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::host::testing::{backward, close, random, seeded};
    use crate::nn::tensor;
    use burn::tensor::Device;

    fn values<const D: usize>(x: Tensor<D>) -> Vec<f32> {
        x.into_data().try_to_vec().unwrap()
    }

    #[test]
    fn windows_take_their_maximum_and_padding_never_wins() {
        let x = tensor((1..=9).map(|v| -(v as f32)).collect(), [1, 1, 3, 3], &Device::flex());
        assert_eq!(values(max_pool2d(x.clone(), 2, 2, 0)), [-1.0]);
        assert_eq!(values(max_pool2d(x, 3, 2, 1)), [-1.0, -2.0, -4.0, -5.0]);
    }

    #[test]
    fn the_mean_is_over_space_alone() {
        let x = tensor(vec![1.0, 3.0, -5.0, -7.0], [1, 2, 1, 2], &Device::flex());
        assert_eq!(values(global_avg_pool(x.clone())), [2.0, -6.0]);
        assert_eq!(flatten(x).dims(), [1, 4]);
    }

    /// Tolerance: 1e-6 for sums of at most four gradients; the values are copies.
    #[test]
    fn the_kernels_agree_with_burn_in_values_and_gradients() {
        let rng = &mut seeded(0);
        for geometry in [[2, 2, 0], [3, 2, 1], [3, 1, 1]] {
            let x = random(rng, [2, 5, 9, 8]);
            let ours = host::max_pool2d(&x, geometry).expect("on the CPU");
            let theirs = plain(x.clone(), geometry[0], geometry[1], geometry[2]);
            let (g, h) = (backward(&ours), backward(&theirs));
            close("y", ours, theirs, 0.0);
            close("dx", x.grad(&g).unwrap(), x.grad(&h).unwrap(), 1e-6);
        }
    }

    #[test]
    fn new_channels_are_zero_and_give_no_gradient() {
        let rng = &mut seeded(0);
        let x = random(rng, [2, 3, 2, 5]);
        let zeros = Tensor::zeros([2, 4, 2, 5], &x.device());
        let ours = widen(x.clone(), 4);
        let theirs = Tensor::cat(vec![x.clone(), zeros], 1);
        let (g, h) = (backward(&ours), backward(&theirs));
        close("y", ours, theirs, 0.0);
        close("dx", x.grad(&g).unwrap(), x.grad(&h).unwrap(), 0.0);
    }
}
