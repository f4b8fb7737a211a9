//! Backbones: images in, embeddings out. [`Backbone`] is what a network must be able to do; the built-in ones have
//! one file each and one line in the registry.

mod iresnet;
mod lenet;
mod lenet_2d;
mod lenet_pp;
mod mobilefacenet;
mod resnet_cifar;

use crate::nn::{Draw, Outline, Rng, shapes};
use crate::registry::{Named, registry};
use arcsphere_data::Shape;
use burn::module::Module;
use burn::tensor::{Device, Tensor};
use thiserror::Error;

/// A network that makes embeddings of images, to be trained, saved and used by this crate.
///
/// Beside the [`BuiltIn`] ones any Burn module can be one. What is saved of it is every float parameter
/// under its field's path, batch-norm's running statistics included.
///
/// ```
/// use arcsphere::backbones::Backbone;
/// use arcsphere_data::Shape;
/// use burn::module::Module;
/// use burn::nn::{Linear, LinearConfig};
/// use burn::tensor::{Device, Tensor};
///
/// #[derive(Module, Debug)]
/// struct Flat {
///     layer: Linear,
/// }
///
/// impl Backbone for Flat {
///     fn forward(&self, images: Tensor<4>, _train: bool) -> Tensor<2> {
///         self.layer.forward(images.flatten(1, 3))
///     }
///     fn dim(&self) -> usize {
///         8
///     }
///     fn input(&self) -> Shape {
///         Shape::new(1, 28, 28)
///     }
/// }
///
/// let net = Flat { layer: LinearConfig::new(784, 8).init(&Device::flex()) };
/// let embeddings = net.forward(Tensor::zeros([5, 1, 28, 28], &Device::flex()), false);
/// assert_eq!(embeddings.dims(), [5, net.dim()]);
/// ```
pub trait Backbone: Module {
    /// Embeddings \[B, D\] of images \[B, channels, height, width\], whose pixels are normalized. With `train`
    /// batch-norm uses the batch's statistics and moves its running ones.
    fn forward(&self, images: Tensor<4>, train: bool) -> Tensor<2>;

    /// D, the embedding's dimension, at least 2.
    fn dim(&self) -> usize;

    /// The images' shape.
    fn input(&self) -> Shape;

    /// What it is called in configurations, checkpoints and results.
    fn name(&self) -> &str {
        "own"
    }
}

/// What a built-in backbone is made for, checked: see [`BackboneInfo::spec`].
#[derive(Clone, Copy, Debug)]
pub struct BackboneSpec {
    info: &'static BackboneInfo,
    input: Shape,
    dim: usize,
    depth: usize,
    batch_norm: bool,
}

impl BackboneSpec {
    /// The backbone's name in the registry.
    pub fn name(&self) -> &'static str {
        self.info.name
    }

    /// The images' shape.
    pub fn input(&self) -> Shape {
        self.input
    }

    /// The network, with weights drawn from the generator: the same bits on every device.
    ///
    /// ```
    /// use arcsphere::backbones::{self, Backbone};
    /// use arcsphere::nn::Rng;
    /// use arcsphere_data::Shape;
    /// use burn::tensor::{Device, Tensor};
    /// use rand::SeedableRng;
    ///
    /// let spec = backbones::find("resnet_cifar")?.spec(Shape::new(3, 32, 32), 64, Some(20), true)?;
    /// let net = spec.make(&mut Rng::seed_from_u64(0), &Device::flex());
    /// let embeddings = net.forward(Tensor::zeros([2, 3, 32, 32], &Device::flex()), false);
    /// assert_eq!(embeddings.dims(), [2, 64]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn make(&self, rng: &mut Rng, device: &Device) -> BuiltIn {
        (self.info.build)(self, rng, device)
    }

    /// Paths and shapes of the network's tensors, as [`export`](crate::nn::export) gives them, of a network that is
    /// not made: its weights take no memory.
    pub(crate) fn outline(&self) -> Vec<(String, Vec<usize>)> {
        shapes(&(self.info.build)(self, &mut Outline, &Device::flex()))
    }
}

/// Why a built-in backbone cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum BackboneError {
    /// A depth that it does not come in.
    #[error("{name} has no depth {depth}: it must be {range}, because {why}")]
    Depth {
        /// The backbone.
        name: &'static str,
        /// The depth.
        depth: usize,
        /// What is allowed.
        range: String,
        /// The reason.
        why: &'static str,
    },
    /// Images that are too small, or without a channel.
    #[error("images of {input} are too small for {name}, which needs a channel and at least {min_side} pixels a side")]
    Small {
        /// The backbone.
        name: &'static str,
        /// The images' shape.
        input: Shape,
        /// The least height and width.
        min_side: usize,
    },
    /// An embedding without a direction.
    #[error("an embedding of dimension {dim} has no angle: it must be at least 2")]
    Dim {
        /// The dimension.
        dim: usize,
    },
}

/// A built-in backbone as it describes itself.
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
    /// Makes it from a checked specification, with weights drawn from the generator.
    build: fn(&BackboneSpec, &mut dyn Draw, &Device) -> BuiltIn,
}

impl BackboneInfo {
    /// What it is to be made for: images of shape `input`, embeddings of `dim` numbers, its default depth or another
    /// of its [`depths`](Self::depths), with batch-norm after each convolution or without. Networks whose units are
    /// built around batch-norm (`iresnet`, `mobilefacenet`) have it either way.
    ///
    /// # Errors
    ///
    /// [`BackboneError`] for a depth that it does not come in, images that are too small, and fewer than two
    /// dimensions.
    ///
    /// ```
    /// use arcsphere_data::Shape;
    ///
    /// let resnet = arcsphere::backbones::find("resnet_cifar")?;
    /// assert!(resnet.spec(Shape::new(3, 32, 32), 64, None, true).is_ok());
    /// let refused = resnet.spec(Shape::new(3, 32, 32), 64, Some(21), true).unwrap_err().to_string();
    /// assert!(refused.contains("one of [20, 32, 56]"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn spec(
        &'static self,
        input: Shape,
        dim: usize,
        depth: Option<usize>,
        batch_norm: bool,
    ) -> Result<BackboneSpec, BackboneError> {
        let (name, min_side) = (self.name, self.min_side);
        let refused = |depth, range, why| Err(BackboneError::Depth { name, depth, range, why });
        let depth = match (depth, self.depths) {
            (None, depths) => depths.first().copied().unwrap_or(0),
            (Some(d), depths) if depths.contains(&d) => d,
            (Some(d), []) => return refused(d, format!("left out for {name}"), "that backbone has one depth"),
            (Some(d), depths) => {
                return refused(d, format!("one of {depths:?} for {name}"), "the paper's blocks come in these numbers");
            }
        };
        if input.channels == 0 || input.height.min(input.width) < min_side {
            return Err(BackboneError::Small { name, input, min_side });
        }
        if dim < 2 {
            return Err(BackboneError::Dim { dim });
        }
        Ok(BackboneSpec { info: self, input, dim, depth, batch_norm })
    }
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

/// A backbone of the registry.
#[derive(Module, Debug)]
#[allow(clippy::large_enum_variant)] // There is one of them in a program.
#[non_exhaustive]
pub enum BuiltIn {
    /// `lenet_2d` and `lenet_pp`.
    Lenet(lenet::Lenet),
    /// `resnet_cifar`.
    ResnetCifar(resnet_cifar::ResnetCifar),
    /// `iresnet`.
    Iresnet(iresnet::Iresnet),
    /// `mobilefacenet`.
    MobileFaceNet(mobilefacenet::MobileFaceNet),
}

impl BuiltIn {
    fn spec(&self) -> &BackboneSpec {
        match self {
            BuiltIn::Lenet(net) => &net.spec,
            BuiltIn::ResnetCifar(net) => &net.spec,
            BuiltIn::Iresnet(net) => &net.spec,
            BuiltIn::MobileFaceNet(net) => &net.spec,
        }
    }
}

impl Backbone for BuiltIn {
    fn forward(&self, images: Tensor<4>, train: bool) -> Tensor<2> {
        match self {
            BuiltIn::Lenet(net) => net.forward(images, train),
            BuiltIn::ResnetCifar(net) => net.forward(images, train),
            BuiltIn::Iresnet(net) => net.forward(images, train),
            BuiltIn::MobileFaceNet(net) => net.forward(images, train),
        }
    }

    fn dim(&self) -> usize {
        self.spec().dim
    }

    fn input(&self) -> Shape {
        self.spec().input
    }

    fn name(&self) -> &str {
        self.spec().name()
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

    fn embed(net: &BuiltIn, input: Shape) -> Vec<f32> {
        let Shape { channels, height, width } = input;
        let pixels: Vec<f32> =
            (0..3 * channels * height * width).map(|i| ((i * 37) % 101) as f32 / 50.0 - 1.0).collect();
        let images = Tensor::<1>::from_floats(pixels.as_slice(), &Device::flex());
        let out = net.forward(images.reshape([3, channels, height, width]), true);
        out.into_data().try_to_vec::<f32>().unwrap()
    }

    /// The same tensors as in the network that is made, and of one that no memory holds.
    #[test]
    fn an_outline_has_the_tensors_of_the_network() {
        for info in BACKBONES {
            for batch_norm in [true, false] {
                let spec = info.spec(Shape::new(3, info.min_side, info.min_side + 3), 5, None, batch_norm).unwrap();
                let net = spec.make(&mut Rng::seed_from_u64(0), &Device::flex());
                let made: Vec<_> = crate::nn::export(&net).into_iter().map(|t| (t.path, t.shape)).collect();
                assert_eq!(spec.outline(), made, "{}", info.name);
            }
            // Up to 140 TB.
            let spec = info.spec(Shape::new(65_536, 16_384, 16_384), 65_536, None, true).unwrap();
            assert!(spec.outline().iter().any(|(_, shape)| shape.contains(&65_536)), "{}", info.name);
        }
    }

    #[test]
    fn every_backbone_embeds_every_shape_that_it_admits() {
        for info in BACKBONES {
            let least = (3, info.min_side, info.min_side + 5);
            let shapes = [least, (1, 28, 28), (3, 32, 32)];
            for (channels, height, width) in shapes.into_iter().filter(|&(_, height, _)| height >= info.min_side) {
                for batch_norm in [true, false] {
                    let input = Shape { channels, height, width };
                    let spec = info.spec(input, 5, None, batch_norm).unwrap();
                    let build = |seed| spec.make(&mut Rng::seed_from_u64(seed), &Device::flex());
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
