//! The shared shape of the LeNets: stages of two convolutions with PReLU, then a 2×2
//! maximum, and a linear layer to the embedding.

use super::BackboneSpec;
use crate::nn::{BatchNorm, Conv2d, Conv2dSpec, Draw, Init, Linear, PRelu, max_pool2d};
use burn::module::Module;
use burn::tensor::{Device, Tensor};

/// PReLU's first slope (He et al., 2015).
const SLOPE: f32 = 0.25;

/// Convolution, batch-norm if wanted, PReLU.
#[derive(Module, Debug)]
struct Unit {
    conv: Conv2d,
    norm: Option<BatchNorm>,
    relu: PRelu,
}

/// A LeNet of any kernel and width.
#[derive(Module, Debug)]
pub struct Lenet {
    units: Vec<Unit>,
    embedding: Linear,
    #[module(skip)]
    pub(super) spec: BackboneSpec,
}

impl Lenet {
    /// Three stages of two `kernel`×`kernel` convolutions with `widths` channels.
    pub(super) fn new(
        spec: &BackboneSpec,
        kernel: usize,
        widths: [usize; 3],
        draw: &mut dyn Draw,
        device: &Device,
    ) -> Self {
        let mut units = Vec::new();
        let mut channels = spec.input.channels;
        for width in widths {
            for _ in 0..2 {
                let conv = Conv2dSpec {
                    in_channels: channels,
                    out_channels: width,
                    kernel,
                    stride: 1,
                    padding: kernel / 2,
                    groups: 1,
                    // Batch-norm's own shift makes a bias idle.
                    bias: !spec.batch_norm,
                };
                units.push(Unit {
                    conv: Conv2d::new(&conv, Init::FanInUniform, draw, device),
                    norm: spec.batch_norm.then(|| BatchNorm::new(width, device)),
                    relu: PRelu::new(width, SLOPE, device),
                });
                channels = width;
            }
        }
        let features = channels * (spec.input.height / 8) * (spec.input.width / 8);
        let embedding = Linear::new(features, spec.dim, true, Init::FanInUniform, draw, device);
        Lenet { units, embedding, spec: *spec }
    }

    pub(super) fn forward(&self, images: Tensor<4>, train: bool) -> Tensor<2> {
        let mut x = images;
        for (i, unit) in self.units.iter().enumerate() {
            x = unit.conv.forward(x);
            x = match &unit.norm {
                Some(norm) => norm.forward_prelu(x, &unit.relu, train),
                None => unit.relu.forward(x),
            };
            if i % 2 == 1 {
                x = max_pool2d(x, 2, 2, 0);
            }
        }
        self.embedding.forward(x.flatten(1, 3))
    }
}
