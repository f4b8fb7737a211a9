//! Two-dimensional convolution: y[n,o,i,j] = b[o] + Σ w[o,c,u,v] · x[n,c,i·s+u−p,j·s+v−p].

use burn::module::{Module, Param};
use burn::tensor::ops::ConvOptions;
use burn::tensor::{Device, Tensor};

use super::draw::weight;
use super::host;
use super::{Draw, Init, tensor};

/// The geometry of a convolution: square kernel, equal stride and zero padding on both axes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conv2dSpec {
    /// Channels of the input; a multiple of `groups`.
    pub in_channels: usize,
    /// Channels of the output; a multiple of `groups`.
    pub out_channels: usize,
    /// Side of the square kernel, at least 1.
    pub kernel: usize,
    /// Step between outputs, at least 1.
    pub stride: usize,
    /// Rows and columns of zeros added on each side.
    pub padding: usize,
    /// Number of groups: 1 is a full convolution, `in_channels` a depthwise one.
    pub groups: usize,
    /// Whether a bias is added for each output channel.
    pub bias: bool,
}

/// Two-dimensional convolution (cross-correlation, as everywhere in deep learning).
#[derive(Module, Debug)]
pub(crate) struct Conv2d {
    weight: Param<Tensor<4>>,
    bias: Option<Param<Tensor<1>>>,
    stride: usize,
    padding: usize,
    groups: usize,
}

impl Conv2d {
    /// A convolution with weights drawn by `init` (fan_in = in/groups · k², fan_out =
    /// out/groups · k²) and a zero bias.
    ///
    /// # Panics
    ///
    /// If a size, the stride or the number of groups is zero, or if the groups do not divide
    /// both channel counts.
    pub(crate) fn new(spec: &Conv2dSpec, init: Init, draw: &mut dyn Draw, device: &Device) -> Self {
        let Conv2dSpec { in_channels, out_channels, kernel, stride, padding, groups, bias } = *spec;
        debug_assert!(
            in_channels > 0 && out_channels > 0 && kernel > 0 && stride > 0 && groups > 0,
            "every size of a convolution must be at least 1, got {spec:?}"
        );
        debug_assert!(
            in_channels % groups == 0 && out_channels % groups == 0,
            "groups must divide in_channels and out_channels, got {spec:?}"
        );
        let shape = [out_channels, in_channels / groups, kernel, kernel];
        let area = kernel * kernel;
        let fans = [in_channels / groups * area, out_channels / groups * area];
        Self {
            weight: weight(init, shape, fans, draw, device),
            bias: bias.then(|| Param::from_tensor(tensor(vec![0.0; out_channels], [out_channels], device))),
            stride,
            padding,
            groups,
        }
    }

    /// `[batch, in_channels, height, width]` → `[batch, out_channels, height′, width′]` with
    /// height′ = ⌊(height + 2·padding − kernel) / stride⌋ + 1.
    ///
    /// # Panics
    ///
    /// If the input's channels are not `in_channels`, or it is smaller than the kernel.
    pub(crate) fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let weight = self.weight.val();
        let bias = self.bias.as_ref().map(Param::val);
        let geometry = [self.stride, self.padding, self.groups];
        host::conv2d(&x, &weight, bias.as_ref(), geometry).unwrap_or_else(|| plain(x, weight, bias, geometry))
    }
}

/// The same by Burn's own operation, on any device.
fn plain(x: Tensor<4>, weight: Tensor<4>, bias: Option<Tensor<1>>, [stride, padding, groups]: [usize; 3]) -> Tensor<4> {
    let options = ConvOptions::new([stride; 2], [padding; 2], [1; 2], groups);
    burn::tensor::module::conv2d(x, weight, bias, options)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::Rng;
    use crate::nn::host::testing::{backward, close, random, seeded};
    use rand::SeedableRng;

    #[test]
    fn a_box_kernel_counts_the_pixels_it_covers() {
        let device = Device::flex();
        let spec =
            Conv2dSpec { in_channels: 2, out_channels: 2, kernel: 3, stride: 2, padding: 1, groups: 2, bias: true };
        let conv = Conv2d::new(&spec, Init::Const(1.0), &mut Rng::seed_from_u64(0), &device);
        let y = conv.forward(Tensor::ones([1, 2, 4, 4], &device));
        let y: Vec<f32> = y.into_data().try_to_vec().unwrap();
        assert_eq!(y, [4.0, 6.0, 6.0, 9.0, 4.0, 6.0, 6.0, 9.0]);
    }

    /// Tolerance, of the largest value: 2e-6 for sums of up to 1000 products, 2e-5 where they are
    /// made by minimal filtering, whose worst of 200 seeds is 1.1e-5.
    #[test]
    fn the_kernels_agree_with_burn_in_values_and_gradients() {
        let rng = &mut seeded(0);
        for ([batch, channels, height, width], [out, kernel], geometry, tolerance) in [
            ([3, 1, 9, 8], [16, 3], [1, 1, 1], 2e-6),
            ([2, 3, 12, 12], [7, 5], [2, 2, 1], 2e-6),
            ([5, 16, 7, 7], [32, 3], [1, 1, 1], 2e-5),
            ([2, 20, 8, 6], [20, 3], [2, 1, 20], 2e-6),
            ([2, 8, 5, 5], [24, 1], [1, 0, 1], 2e-6),
        ] {
            let x = random(rng, [batch, channels, height, width]);
            let w = random(rng, [out, channels / geometry[2], kernel, kernel]);
            let b = random(rng, [out]);
            let ours = host::conv2d(&x, &w, Some(&b), geometry).expect("on the CPU");
            let theirs = plain(x.clone(), w.clone(), Some(b.clone()), geometry);
            let (g, h) = (backward(&ours), backward(&theirs));
            close("y", ours, theirs, tolerance);
            close("dx", x.grad(&g).unwrap(), x.grad(&h).unwrap(), tolerance);
            close("dw", w.grad(&g).unwrap(), w.grad(&h).unwrap(), tolerance);
            close("db", b.grad(&g).unwrap(), b.grad(&h).unwrap(), tolerance);
        }
    }

    #[test]
    fn constants_get_no_gradient_and_plain_tensors_stay_plain() {
        let rng = &mut seeded(0);
        let (w, device) = (random(rng, [4, 2, 3, 3]), Device::flex());
        let x = Tensor::<4>::ones([1, 2, 4, 4], &device);
        let y = host::conv2d(&x, &w, None, [1, 1, 1]).unwrap();
        assert!(w.grad(&backward(&y)).is_some());
        let y = host::conv2d(&x, &w.inner(), None, [1, 1, 1]).unwrap();
        assert!(!y.is_autodiff());
    }

    #[test]
    #[should_panic(expected = "groups must divide")]
    fn groups_that_do_not_divide_are_refused() {
        let spec =
            Conv2dSpec { in_channels: 3, out_channels: 4, kernel: 1, stride: 1, padding: 0, groups: 2, bias: false };
        Conv2d::new(&spec, Init::Zeros, &mut Rng::seed_from_u64(0), &Device::flex());
    }
}
