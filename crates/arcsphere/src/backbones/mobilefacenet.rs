//! `mobilefacenet`: inverted bottlenecks for aligned 112×112 faces, about a million parameters
//! (Chen et al., CCBR 2018, table 1).
//!
//! 3×3 convolution with stride 2, 3×3 depthwise convolution, fifteen bottlenecks, 1×1 convolution
//! to 512 channels, a linear *global depthwise convolution* in the place of an average (each
//! channel weighs the pixels of its map by itself), a linear layer to the embedding. Batch-norm
//! follows each, and PReLU each but the linear ones.
//!
//! A bottleneck widens its input t times by a 1×1 convolution, takes a 3×3 depthwise convolution
//! with its stride, and projects by a linear 1×1 convolution; the input is added where the shape
//! stays. The map in front of the global convolution has a side of ⌈side / 16⌉, 7 for 112, and so
//! has the kernel; kernels are square, so a map that is not is averaged.
//!
//! Batch-norm is part of the network, so `batch_norm = false` changes nothing here. Weights are
//! Kaiming normal by fan_in (public code has fan_out): a batch-norm follows each convolution, so
//! the scale does not reach the output.

use super::{BackboneInfo, BackboneSpec, BuiltIn};
use crate::nn::{BatchNorm, Conv2d, Conv2dSpec, Draw, Init, Linear, PRelu, add, flatten, fork, global_avg_pool};
use burn::module::Module;
use burn::tensor::{Device, Tensor};

pub(super) const INFO: BackboneInfo = BackboneInfo {
    name: "mobilefacenet",
    summary: "inverted bottlenecks for 112×112, a global depthwise convolution, PReLU; 1.0 M parameters; always batch-norm",
    source: "Chen et al., MobileFaceNets: Efficient CNNs for Accurate Real-Time Face Verification on Mobile Devices, CCBR 2018, table 1",
    depths: &[],
    min_side: 32,
    build: |spec, draw, device| BuiltIn::MobileFaceNet(MobileFaceNet::new(spec, draw, device)),
};

/// Channels after the stem.
const STEM: usize = 64;

/// The table's bottlenecks: expansion t, channels c, how many n, stride s of the first.
const BOTTLENECKS: [[usize; 4]; 5] = [[2, 64, 5, 2], [4, 128, 1, 2], [2, 128, 6, 1], [4, 128, 1, 2], [2, 128, 2, 1]];

/// Channels in front of the embedding.
const FEATURES: usize = 512;

/// PReLU's first slope (He et al., 2015).
const SLOPE: f32 = 0.25;

/// Convolution, batch-norm, and PReLU unless it is linear.
#[derive(Module, Debug)]
struct Unit {
    conv: Conv2d,
    norm: BatchNorm,
    relu: Option<PRelu>,
}

impl Unit {
    fn forward(&self, x: Tensor<4>, train: bool) -> Tensor<4> {
        let y = self.conv.forward(x);
        match &self.relu {
            Some(relu) => self.norm.forward_prelu(y, relu, train),
            None => self.norm.forward(y, train),
        }
    }
}

/// Makes units one after another from one generator.
struct Maker<'a> {
    init: Init,
    draw: &'a mut dyn Draw,
    device: &'a Device,
}

impl Maker<'_> {
    fn conv(&mut self, [from, to]: [usize; 2], kernel: usize, stride: usize, padding: usize, groups: usize) -> Conv2d {
        let spec = Conv2dSpec { in_channels: from, out_channels: to, kernel, stride, padding, groups, bias: false };
        Conv2d::new(&spec, self.init, self.draw, self.device)
    }

    fn unit(&self, conv: Conv2d, channels: usize, linear: bool) -> Unit {
        Unit {
            conv,
            norm: BatchNorm::new(channels, self.device),
            relu: (!linear).then(|| PRelu::new(channels, SLOPE, self.device)),
        }
    }

    fn pointwise(&mut self, from: usize, to: usize, linear: bool) -> Unit {
        let conv = self.conv([from, to], 1, 1, 0, 1);
        self.unit(conv, to, linear)
    }

    fn depthwise(&mut self, channels: usize, stride: usize) -> Unit {
        let conv = self.conv([channels; 2], 3, stride, 1, channels);
        self.unit(conv, channels, false)
    }

    fn bottleneck(&mut self, from: usize, to: usize, expansion: usize, stride: usize) -> Bottleneck {
        let wide = from * expansion;
        Bottleneck {
            expand: self.pointwise(from, wide, false),
            depthwise: self.depthwise(wide, stride),
            project: self.pointwise(wide, to, true),
            residual: stride == 1 && from == to,
        }
    }
}

/// An inverted bottleneck.
#[derive(Module, Debug)]
struct Bottleneck {
    expand: Unit,
    depthwise: Unit,
    project: Unit,
    residual: bool,
}

impl Bottleneck {
    fn forward(&self, x: Tensor<4>, train: bool) -> Tensor<4> {
        let through = |x| {
            let y = self.depthwise.forward(self.expand.forward(x, train), train);
            self.project.forward(y, train)
        };
        if !self.residual {
            return through(x);
        }
        let [x, same] = fork(x);
        add(through(x), same)
    }
}

/// A MobileFaceNet.
#[derive(Module, Debug)]
pub struct MobileFaceNet {
    stem: Unit,
    stem_depthwise: Unit,
    bottlenecks: Vec<Bottleneck>,
    widen: Unit,
    /// None: the average.
    global: Option<Conv2d>,
    global_norm: BatchNorm,
    embedding: Linear,
    embedding_norm: BatchNorm,
    #[module(skip)]
    pub(super) spec: BackboneSpec,
}

impl MobileFaceNet {
    fn new(spec: &BackboneSpec, draw: &mut dyn Draw, device: &Device) -> Self {
        Self::made(spec, Maker { init: Init::KaimingNormal, draw, device })
    }

    fn made(spec: &BackboneSpec, mut maker: Maker<'_>) -> Self {
        let conv = maker.conv([spec.input.channels, STEM], 3, 2, 1, 1);
        let stem = maker.unit(conv, STEM, false);
        let stem_depthwise = maker.depthwise(STEM, 1);
        let mut bottlenecks = Vec::new();
        let mut channels = STEM;
        for [expansion, width, count, first_stride] in BOTTLENECKS {
            for i in 0..count {
                let stride = if i == 0 { first_stride } else { 1 };
                bottlenecks.push(maker.bottleneck(channels, width, expansion, stride));
                channels = width;
            }
        }
        let widen = maker.pointwise(channels, FEATURES, false);
        // Halving four times and rounding up is one division by 16, rounded up.
        let [height, width] = [spec.input.height, spec.input.width].map(|side| side.div_ceil(16));
        let global = (height == width).then(|| maker.conv([FEATURES; 2], height, 1, 0, FEATURES));
        MobileFaceNet {
            stem,
            stem_depthwise,
            bottlenecks,
            widen,
            global,
            global_norm: BatchNorm::new(FEATURES, maker.device),
            // On a map of one pixel, the paper's 1×1 convolution.
            embedding: Linear::new(FEATURES, spec.dim, false, maker.init, maker.draw, maker.device),
            embedding_norm: BatchNorm::new(spec.dim, maker.device),
            spec: *spec,
        }
    }

    pub(super) fn forward(&self, images: Tensor<4>, train: bool) -> Tensor<2> {
        let x = self.stem.forward(images, train);
        let mut x = self.stem_depthwise.forward(x, train);
        for bottleneck in &self.bottlenecks {
            x = bottleneck.forward(x, train);
        }
        let x = self.widen.forward(x, train);
        let x = match &self.global {
            Some(conv) => flatten(conv.forward(x)),
            None => global_avg_pool(x),
        };
        let x = self.global_norm.forward(x, train);
        self.embedding_norm.forward(self.embedding.forward(x), train)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::parameters;
    use super::*;
    use crate::nn::Rng;
    use arcsphere_data::Shape;
    use rand::SeedableRng;

    fn made<T>(init: Init, make: impl FnOnce(Maker<'_>) -> T) -> T {
        make(Maker { init, draw: &mut Rng::seed_from_u64(0), device: &Device::flex() })
    }

    fn spec(height: usize, width: usize) -> BackboneSpec {
        INFO.spec(Shape { channels: 3, height, width }, 128, None, true).unwrap()
    }

    /// The paper says 0.99 M: 983 552 without batch-norm's γ and β, 1 003 136 with them.
    #[test]
    fn a_face_takes_a_million_parameters_and_gives_one_pixel() {
        let net = made(Init::KaimingNormal, |maker| MobileFaceNet::made(&spec(112, 112), maker));
        assert_eq!(parameters(&net), 1_003_136);
        assert_eq!(net.forward(Tensor::ones([1, 3, 112, 112], &Device::flex()), false).dims(), [1, 128]);
    }

    #[test]
    fn a_map_that_is_not_square_is_averaged() {
        let square = made(Init::Zeros, |maker| parameters(&MobileFaceNet::made(&spec(112, 97), maker)));
        let oblong = made(Init::Zeros, |maker| parameters(&MobileFaceNet::made(&spec(112, 96), maker)));
        assert_eq!(square - oblong, FEATURES * 7 * 7);
    }

    #[test]
    fn twelve_of_fifteen_bottlenecks_add_their_input() {
        let net = made(Init::Zeros, |maker| MobileFaceNet::made(&spec(32, 32), maker));
        let residual: Vec<usize> = (0..net.bottlenecks.len()).filter(|&i| net.bottlenecks[i].residual).collect();
        assert_eq!(net.bottlenecks.len(), 15);
        assert_eq!(residual, [1, 2, 3, 4, 6, 7, 8, 9, 10, 11, 13, 14]);
    }

    #[test]
    fn a_bottleneck_without_weights_passes_its_input_or_nothing() {
        let x = Tensor::<1>::from_floats([-1.0, 2.0, -3.0, 4.0, 5.0, -6.0].as_slice(), &Device::flex());
        let x = x.reshape([1, 2, 3, 1]);
        let same = made(Init::Zeros, |mut maker| maker.bottleneck(2, 2, 3, 1)).forward(x.clone(), true);
        assert_eq!(same.into_data(), x.clone().into_data());
        let halved = made(Init::Zeros, |mut maker| maker.bottleneck(2, 2, 3, 2)).forward(x, true);
        assert_eq!(halved.dims(), [1, 2, 2, 1]);
        assert_eq!(halved.into_data().try_to_vec::<f32>().unwrap(), [0.0; 4]);
    }
}
