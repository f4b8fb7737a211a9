//! Backbones: images in, embeddings out. One file each, one line in the registry.

mod lenet;
mod lenet_2d;
mod lenet_pp;
mod resnet_cifar;

use crate::nn::Rng;
use crate::registry::{Named, registry};
use arcsphere_data::Shape;
use burn::module::Module;
use burn::tensor::{Device, Tensor};

/// What a backbone is built for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BackboneSpec {
    /// The images' shape.
    pub input: Shape,
    /// D, the embedding's dimension.
    pub dim: usize,
    /// Depth, for backbones that come in several; one of [`BackboneInfo::depths`].
    pub depth: usize,
    /// Batch-norm after each convolution.
    pub batch_norm: bool,
}

/// A backbone as it describes itself.
#[derive(Clone, Copy, Debug)]
pub struct BackboneInfo {
    /// The registry's name, and the file's.
    pub name: &'static str,
    /// One line.
    pub summary: &'static str,
    /// The paper.
    pub source: &'static str,
    /// The depths that it comes in, the default first; empty where there is one only.
    pub depths: &'static [usize],
    /// The least height and width of an image.
    pub min_side: usize,
    /// Makes it, with weights drawn from the generator.
    pub build: fn(&BackboneSpec, &mut Rng, &Device) -> Backbone,
}

impl Named for BackboneInfo {
    fn name(&self) -> &'static str {
        self.name
    }
}

registry! {
    /// Every backbone.
    BACKBONES: BackboneInfo = "backbone" {
        lenet_2d,
        lenet_pp,
        resnet_cifar,
    }
}

/// Any backbone.
#[derive(Module, Debug)]
#[allow(clippy::large_enum_variant)] // There is one of them in a program.
pub enum Backbone {
    /// `lenet_2d` and `lenet_pp`.
    Lenet(lenet::Lenet),
    /// `resnet_cifar`.
    ResnetCifar(resnet_cifar::ResnetCifar),
}

impl Backbone {
    /// Embeddings \[B, D\] of images \[B, channels, height, width\]. With `train` batch-norm
    /// uses the batch's statistics and moves its running ones.
    pub fn forward(&self, images: Tensor<4>, train: bool) -> Tensor<2> {
        match self {
            Backbone::Lenet(net) => net.forward(images, train),
            Backbone::ResnetCifar(net) => net.forward(images, train),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    fn embed(info: &BackboneInfo, spec: &BackboneSpec, seed: u64) -> Vec<f32> {
        let device = Device::flex();
        let net = (info.build)(spec, &mut Rng::seed_from_u64(seed), &device);
        let Shape { channels, height, width } = spec.input;
        let pixels: Vec<f32> =
            (0..3 * channels * height * width).map(|i| ((i * 37) % 101) as f32 / 50.0 - 1.0).collect();
        let images = Tensor::<1>::from_floats(pixels.as_slice(), &device).reshape([3, channels, height, width]);
        net.forward(images, true).into_data().try_to_vec::<f32>().unwrap()
    }

    #[test]
    fn every_backbone_embeds_every_shape_that_it_admits() {
        for info in BACKBONES {
            let depths = if info.depths.is_empty() { &[0][..] } else { &info.depths[..1] };
            for &depth in depths {
                for (channels, height, width) in [(1, 28, 28), (3, 32, 32), (3, info.min_side, info.min_side + 5)] {
                    let input = Shape { channels, height, width };
                    for batch_norm in [true, false] {
                        let spec = BackboneSpec { input, dim: 5, depth, batch_norm };
                        let out = embed(info, &spec, 1);
                        assert_eq!(out.len(), 15, "{}", info.name);
                        assert!(out.iter().all(|v| v.is_finite()), "{}", info.name);
                        assert_eq!(out, embed(info, &spec, 1), "{}: same seed, same bits", info.name);
                        assert_ne!(out, embed(info, &spec, 2), "{}: another seed", info.name);
                    }
                }
            }
        }
    }
}
