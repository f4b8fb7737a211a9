//! `resnet_cifar`: the ResNet paper's networks for 32×32 images, depth 6n + 2, widths
//! 16-32-64, shortcuts without parameters (He et al., CVPR 2016, §4.2), global average,
//! and a linear layer to the embedding.

use super::{BackboneInfo, BackboneSpec, BuiltIn};
use crate::nn::{
    BatchNorm, Conv2d, Conv2dSpec, Draw, Init, Linear, add_relu, fork, global_avg_pool, max_pool2d, relu, widen,
};
use burn::module::Module;
use burn::tensor::{Device, Tensor};

pub(super) const INFO: BackboneInfo = BackboneInfo {
    name: "resnet_cifar",
    summary: "ResNet-20, -32, -56 for 32×32 images, 16-32-64 channels",
    source: "He et al., Deep Residual Learning for Image Recognition, CVPR 2016, §4.2",
    depths: &[20, 32, 56],
    min_side: 8,
    build: |spec, draw, device| BuiltIn::ResnetCifar(ResnetCifar::new(spec, draw, device)),
};

/// conv-bn-relu-conv-bn, plus the shortcut, relu.
#[derive(Module, Debug)]
struct Block {
    conv1: Conv2d,
    norm1: Option<BatchNorm>,
    conv2: Conv2d,
    norm2: Option<BatchNorm>,
    stride: usize,
    added_channels: usize,
}

/// A CIFAR ResNet.
#[derive(Module, Debug)]
pub struct ResnetCifar {
    stem: Conv2d,
    stem_norm: Option<BatchNorm>,
    blocks: Vec<Block>,
    embedding: Linear,
    #[module(skip)]
    pub(super) spec: BackboneSpec,
}

fn conv3x3(from: usize, to: usize, stride: usize, spec: &BackboneSpec, draw: &mut dyn Draw, device: &Device) -> Conv2d {
    let conv = Conv2dSpec {
        in_channels: from,
        out_channels: to,
        kernel: 3,
        stride,
        padding: 1,
        groups: 1,
        bias: !spec.batch_norm,
    };
    Conv2d::new(&conv, Init::KaimingNormal, draw, device)
}

fn normalized(x: Tensor<4>, norm: &Option<BatchNorm>, train: bool) -> Tensor<4> {
    match norm {
        Some(norm) => norm.forward(x, train),
        None => x,
    }
}

fn activated(x: Tensor<4>, norm: &Option<BatchNorm>, train: bool) -> Tensor<4> {
    match norm {
        Some(norm) => norm.forward_relu(x, train),
        None => relu(x),
    }
}

impl Block {
    fn forward(&self, x: Tensor<4>, train: bool) -> Tensor<4> {
        let [x, same] = fork(x);
        let y = activated(self.conv1.forward(x), &self.norm1, train);
        let y = normalized(self.conv2.forward(y), &self.norm2, train);
        add_relu(y, self.shortcut(same))
    }

    /// Option A: every second pixel, and zeros for the new channels.
    fn shortcut(&self, x: Tensor<4>) -> Tensor<4> {
        let x = if self.stride > 1 { max_pool2d(x, 1, self.stride, 0) } else { x };
        widen(x, self.added_channels)
    }
}

impl ResnetCifar {
    fn new(spec: &BackboneSpec, draw: &mut dyn Draw, device: &Device) -> Self {
        const WIDTHS: [usize; 3] = [16, 32, 64];
        let norm = |width| spec.batch_norm.then(|| BatchNorm::new(width, device));
        let per_stage = spec.depth.saturating_sub(2) / 6;
        let stem = conv3x3(spec.input.channels, WIDTHS[0], 1, spec, draw, device);
        let mut blocks = Vec::new();
        let mut channels = WIDTHS[0];
        for (stage, width) in WIDTHS.into_iter().enumerate() {
            for i in 0..per_stage {
                let stride = if stage > 0 && i == 0 { 2 } else { 1 };
                blocks.push(Block {
                    conv1: conv3x3(channels, width, stride, spec, draw, device),
                    norm1: norm(width),
                    conv2: conv3x3(width, width, 1, spec, draw, device),
                    norm2: norm(width),
                    stride,
                    added_channels: width - channels,
                });
                channels = width;
            }
        }
        let embedding = Linear::new(channels, spec.dim, true, Init::XavierUniform, draw, device);
        ResnetCifar { stem, stem_norm: norm(WIDTHS[0]), blocks, embedding, spec: *spec }
    }

    pub(super) fn forward(&self, images: Tensor<4>, train: bool) -> Tensor<2> {
        let mut x = activated(self.stem.forward(images), &self.stem_norm, train);
        for block in &self.blocks {
            x = block.forward(x, train);
        }
        self.embedding.forward(global_avg_pool(x))
    }
}
