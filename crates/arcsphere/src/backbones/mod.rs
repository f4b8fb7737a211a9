//! Backbones: images in, embeddings out. One file each, one line in the registry.

mod iresnet;
mod lenet;
mod lenet_2d;
mod lenet_pp;
mod mobilefacenet;
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
    /// Batch-norm after each convolution. Networks whose units are built around it (`iresnet`,
    /// `mobilefacenet`) have it either way.
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
        iresnet,
        mobilefacenet,
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
    /// `iresnet`.
    Iresnet(iresnet::Iresnet),
    /// `mobilefacenet`.
    MobileFaceNet(mobilefacenet::MobileFaceNet),
}

impl Backbone {
    /// Embeddings \[B, D\] of images \[B, channels, height, width\]. With `train` batch-norm
    /// uses the batch's statistics and moves its running ones.
    pub fn forward(&self, images: Tensor<4>, train: bool) -> Tensor<2> {
        match self {
            Backbone::Lenet(net) => net.forward(images, train),
            Backbone::ResnetCifar(net) => net.forward(images, train),
            Backbone::Iresnet(net) => net.forward(images, train),
            Backbone::MobileFaceNet(net) => net.forward(images, train),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::module::{ModuleVisitor, Param};
    use rand::SeedableRng;

    struct Counter {
        field: String,
        count: usize,
    }

    impl ModuleVisitor for Counter {
        fn enter_module(&mut self, name: &str, _container_type: &str) {
            self.field = name.to_owned();
        }

        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            if !self.field.starts_with("running_") {
                self.count += param.val().shape().num_elements();
            }
        }
    }

    /// The number of values that training moves: all but batch-norm's running statistics.
    pub(super) fn parameters(net: &impl Module) -> usize {
        let mut counter = Counter { field: String::new(), count: 0 };
        net.visit(&mut counter);
        counter.count
    }

    fn embed(net: &Backbone, input: Shape) -> Vec<f32> {
        let Shape { channels, height, width } = input;
        let pixels: Vec<f32> =
            (0..3 * channels * height * width).map(|i| ((i * 37) % 101) as f32 / 50.0 - 1.0).collect();
        let images = Tensor::<1>::from_floats(pixels.as_slice(), &Device::flex());
        let out = net.forward(images.reshape([3, channels, height, width]), true);
        out.into_data().try_to_vec::<f32>().unwrap()
    }

    #[test]
    fn every_backbone_embeds_every_shape_that_it_admits() {
        for info in BACKBONES {
            let depth = info.depths.first().copied().unwrap_or(0);
            let least = (3, info.min_side, info.min_side + 5);
            let shapes = [least, (1, 28, 28), (3, 32, 32)];
            for (channels, height, width) in shapes.into_iter().filter(|&(_, height, _)| height >= info.min_side) {
                for batch_norm in [true, false] {
                    let input = Shape { channels, height, width };
                    let spec = BackboneSpec { input, dim: 5, depth, batch_norm };
                    let build = |seed| (info.build)(&spec, &mut Rng::seed_from_u64(seed), &Device::flex());
                    let net = build(1);
                    let out = embed(&net, input);
                    assert_eq!(out.len(), 15, "{}", info.name);
                    assert!(out.iter().all(|v| v.is_finite()), "{}", info.name);
                    // Drawing tens of millions of weights takes seconds: once is enough.
                    if parameters(&net) > 5_000_000 && !(height == info.min_side && batch_norm) {
                        continue;
                    }
                    assert_eq!(out, embed(&build(1), input), "{}: same seed, same bits", info.name);
                    assert_ne!(out, embed(&build(2), input), "{}: another seed", info.name);
                }
            }
        }
    }
}
