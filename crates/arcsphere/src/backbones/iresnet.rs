//! `iresnet`: the ArcFace paper's residual networks for aligned 112×112 faces, widths
//! 64-128-256-512 (Deng et al., CVPR 2019; its block and output settings are spelled out in
//! arXiv:1801.07698v1, where the names are LResNet-E-IR).
//!
//! The improved residual unit is
//!
//! ```text
//! y = bn3(conv2(prelu(bn2(conv1(bn1(x)))))) + shortcut(x)
//! ```
//!
//! with two 3×3 convolutions, the stride in the second, and nothing after the sum; where the
//! shape changes the shortcut is a 1×1 convolution with that stride and a batch-norm. The stem
//! keeps the resolution and each of the four stages halves it (⌈side / 2⌉): 112×112 becomes
//! 7×7×512. The head is the paper's option E: batch-norm, a linear layer over all those values,
//! batch-norm; the dropout between them is left out, as in the public code's presets.
//!
//! Batch-norm is part of the unit, so `batch_norm = false` changes nothing here.
//!
//! Two differences from the public PyTorch code: it draws convolutions from N(0, 0.1²), here they
//! are Kaiming normal (a batch-norm follows each, so the scale does not reach the output; it only
//! sets how fast a rate turns the weights); and it fixes the last batch-norm's γ at 1, here γ is
//! learned.

use super::{BackboneInfo, BackboneSpec, BuiltIn};
use crate::nn::{BatchNorm, Conv2d, Conv2dSpec, Draw, Init, Linear, PRelu, add, flatten, fork};
use burn::module::Module;
use burn::tensor::{Device, Tensor};

pub(super) const INFO: BackboneInfo = BackboneInfo {
    name: "iresnet",
    summary: "improved residual networks of 18, 34, 50, 100 layers for 112×112, 64-128-256-512 channels, PReLU; always batch-norm",
    source: "Deng et al., ArcFace: Additive Angular Margin Loss for Deep Face Recognition, CVPR 2019; block and output settings in arXiv:1801.07698v1",
    depths: &[18, 34, 50, 100],
    min_side: 16,
    build: |spec, draw, device| BuiltIn::Iresnet(Iresnet::new(spec, draw, device)),
};

/// Channels of the four stages.
const WIDTHS: [usize; 4] = [64, 128, 256, 512];

/// PReLU's first slope (He et al., 2015).
const SLOPE: f32 = 0.25;

/// Units in the four stages.
fn units(depth: usize) -> [usize; 4] {
    match depth {
        34 => [3, 4, 6, 3],
        50 => [3, 4, 14, 3],
        100 => [3, 13, 30, 3],
        _ => [2, 2, 2, 2],
    }
}

/// Makes layers one after another from one generator.
struct Maker<'a> {
    conv: Init,
    linear: Init,
    draw: &'a mut dyn Draw,
    device: &'a Device,
}

impl Maker<'_> {
    /// A convolution that keeps ⌈side / stride⌉, without a bias: a batch-norm's shift follows.
    fn conv(&mut self, [from, to]: [usize; 2], kernel: usize, stride: usize) -> Conv2d {
        let spec = Conv2dSpec {
            in_channels: from,
            out_channels: to,
            kernel,
            stride,
            padding: kernel / 2,
            groups: 1,
            bias: false,
        };
        Conv2d::new(&spec, self.conv, self.draw, self.device)
    }

    fn norm(&self, channels: usize) -> BatchNorm {
        BatchNorm::new(channels, self.device)
    }

    fn unit(&mut self, from: usize, to: usize, stride: usize) -> Unit {
        Unit {
            bn1: self.norm(from),
            conv1: self.conv([from, to], 3, 1),
            bn2: self.norm(to),
            prelu: PRelu::new(to, SLOPE, self.device),
            conv2: self.conv([to, to], 3, stride),
            bn3: self.norm(to),
            downsample: (stride != 1 || from != to).then(|| (self.conv([from, to], 1, stride), self.norm(to))),
        }
    }
}

// The fields are named as in the public PyTorch state dicts (`layer1.0.downsample.1.weight`).

/// An improved residual unit.
#[derive(Module, Debug)]
struct Unit {
    bn1: BatchNorm,
    conv1: Conv2d,
    bn2: BatchNorm,
    prelu: PRelu,
    conv2: Conv2d,
    bn3: BatchNorm,
    downsample: Option<(Conv2d, BatchNorm)>,
}

impl Unit {
    fn forward(&self, x: Tensor<4>, train: bool) -> Tensor<4> {
        let [x, same] = fork(x);
        let y = self.conv1.forward(self.bn1.forward(x, train));
        let y = self.conv2.forward(self.bn2.forward_prelu(y, &self.prelu, train));
        let y = self.bn3.forward(y, train);
        let same = match &self.downsample {
            Some((conv, norm)) => norm.forward(conv.forward(same), train),
            None => same,
        };
        add(y, same)
    }
}

/// An improved residual network.
#[derive(Module, Debug)]
pub struct Iresnet {
    conv1: Conv2d,
    bn1: BatchNorm,
    prelu: PRelu,
    layer1: Vec<Unit>,
    layer2: Vec<Unit>,
    layer3: Vec<Unit>,
    layer4: Vec<Unit>,
    bn2: BatchNorm,
    fc: Linear,
    features: BatchNorm,
    #[module(skip)]
    pub(super) spec: BackboneSpec,
}

impl Iresnet {
    fn new(spec: &BackboneSpec, draw: &mut dyn Draw, device: &Device) -> Self {
        // The linear layer's draw is that of the public code, PyTorch's default.
        let maker = Maker { conv: Init::KaimingNormal, linear: Init::FanInUniform, draw, device };
        Self::made(spec, maker)
    }

    fn made(spec: &BackboneSpec, mut maker: Maker<'_>) -> Self {
        let (conv1, bn1) = (maker.conv([spec.input.channels, WIDTHS[0]], 3, 1), maker.norm(WIDTHS[0]));
        let prelu = PRelu::new(WIDTHS[0], SLOPE, maker.device);
        let mut channels = WIDTHS[0];
        let units = units(spec.depth);
        let [layer1, layer2, layer3, layer4] = std::array::from_fn(|stage| {
            let mut layer = Vec::with_capacity(units[stage]);
            for i in 0..units[stage] {
                let stride = if i == 0 { 2 } else { 1 };
                layer.push(maker.unit(channels, WIDTHS[stage], stride));
                channels = WIDTHS[stage];
            }
            layer
        });
        // Halving four times and rounding up is one division by 16, rounded up.
        let values = channels * spec.input.height.div_ceil(16) * spec.input.width.div_ceil(16);
        Iresnet {
            conv1,
            bn1,
            prelu,
            layer1,
            layer2,
            layer3,
            layer4,
            bn2: maker.norm(channels),
            fc: Linear::new(values, spec.dim, true, maker.linear, maker.draw, maker.device),
            features: maker.norm(spec.dim),
            spec: *spec,
        }
    }

    pub(super) fn forward(&self, images: Tensor<4>, train: bool) -> Tensor<2> {
        let mut x = self.bn1.forward_prelu(self.conv1.forward(images), &self.prelu, train);
        for unit in [&self.layer1, &self.layer2, &self.layer3, &self.layer4].into_iter().flatten() {
            x = unit.forward(x, train);
        }
        let x = flatten(self.bn2.forward(x, train));
        self.features.forward(self.fc.forward(x), train)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::parameters;
    use super::*;
    use crate::nn::Rng;
    use arcsphere_data::Shape;
    use rand::SeedableRng;

    /// Zeros cost no time and no memory until they are touched.
    fn idle<T>(make: impl FnOnce(Maker<'_>) -> T) -> T {
        let mut rng = Rng::seed_from_u64(0);
        make(Maker { conv: Init::Zeros, linear: Init::Zeros, draw: &mut rng, device: &Device::flex() })
    }

    /// The counts of the public PyTorch networks, γ of the last batch-norm included.
    #[test]
    fn the_parameters_are_as_many_as_in_the_public_networks() {
        let input = Shape { channels: 3, height: 112, width: 112 };
        for (depth, count) in [(18, 24_025_600), (34, 34_139_328), (50, 43_590_848), (100, 65_156_160)] {
            let spec = INFO.spec(input, 512, Some(depth), true).unwrap();
            assert_eq!(idle(|maker| parameters(&Iresnet::made(&spec, maker))), count, "iresnet-{depth}");
        }
    }

    #[test]
    fn a_depth_counts_the_convolutions_and_the_linear_layer() {
        for &depth in INFO.depths {
            // The stem, two a unit, the linear layer; those of the shortcuts do not count.
            assert_eq!(1 + 2 * units(depth).iter().sum::<usize>() + 1, depth);
        }
    }

    #[test]
    fn a_unit_without_weights_passes_its_input_and_a_stride_rounds_up() {
        let x = Tensor::<1>::from_floats([-1.0, 2.0, -3.0, 4.0, 5.0, -6.0].as_slice(), &Device::flex());
        let x = x.reshape([1, 2, 3, 1]);
        let same = idle(|mut maker| maker.unit(2, 2, 1)).forward(x.clone(), true);
        assert_eq!(same.into_data(), x.clone().into_data());
        assert_eq!(idle(|mut maker| maker.unit(2, 5, 2)).forward(x, true).dims(), [1, 5, 2, 1]);
    }

    #[test]
    fn a_face_gives_seven_by_seven_values_a_channel() {
        let input = Shape { channels: 3, height: 112, width: 97 };
        let spec = INFO.spec(input, 4, Some(18), true).unwrap();
        let net = idle(|maker| Iresnet::made(&spec, maker));
        assert_eq!(net.fc.forward(Tensor::<2>::zeros([1, 7 * 7 * 512], &Device::flex())).dims(), [1, 4]);
    }
}
