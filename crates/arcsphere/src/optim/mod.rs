//! How weights move: the optimizer, the rate over time, the margin over time.

pub use crate::losses::margin_schedule;

pub mod rate_schedule;

use crate::backbones::Backbone;
use arcsphere_kernels::head::Update;
use burn::module::{ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Gradients, Tensor};

/// The optimizers, with a line each for `arcsphere list optimizers`.
pub const OPTIMIZERS: &[(&str, &str)] = &[
    ("sgd", "stochastic gradient descent with momentum: v ← μ·v + g + λ·w, w ← w − η·v"),
    ("adamw", "Loshchilov and Hutter, 2019: w ← (1 − η·λ)·w − η·m̂/(√v̂ + ε)"),
];

/// What a gradient that is not finite does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotFinite {
    /// Nothing: weights stay as they were.
    Skip,
    /// What it does in arithmetic: weights become NaN.
    Apply,
}

/// The backbone's optimizer: one moment or two per parameter, in the module's own order.
///
/// The same [`Update`] rules as the head's, on tensors, so that they run where the
/// backbone runs.
///
/// ```
/// use arcsphere::backbones::{self, Backbone};
/// use arcsphere::head::Update;
/// use arcsphere::nn::Rng;
/// use arcsphere::optim::{NotFinite, Optimizer};
/// use arcsphere_data::Shape;
/// use burn::tensor::{Device, Tensor};
/// use rand::SeedableRng;
///
/// let device = Device::flex().autodiff();
/// let spec = backbones::find("lenet_2d")?.spec(Shape::new(1, 8, 8), 2, None, true)?;
/// let net = spec.make(&mut Rng::seed_from_u64(0), &device);
/// let loss = |net: &backbones::BuiltIn| net.forward(Tensor::ones([4, 1, 8, 8], &device), true).powf_scalar(2.0).sum();
/// let update = Update::Sgd { rate: 0.01, momentum: 0.9, decay: 0.0 };
/// let (gradients, mut optimizer) = (loss(&net).backward(), Optimizer::default());
/// let (net, norm) = optimizer.step(net, gradients, &update, 5.0, NotFinite::Skip);
/// assert!(norm.is_finite() && !optimizer.first.is_empty());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Optimizer {
    /// First moments, a flat tensor per parameter; empty before the first step.
    pub first: Vec<Tensor<1>>,
    /// Second moments (AdamW).
    pub second: Vec<Tensor<1>>,
}

impl Optimizer {
    /// One step. `clip` is the largest norm of the whole gradient (0 for no limit);
    /// returns the moved backbone and the norm before clipping, which says whether the
    /// gradient was finite.
    ///
    /// Weight decay applies to parameters of two dimensions or more.
    pub fn step<B: Backbone>(
        &mut self,
        backbone: B,
        mut grads: Gradients,
        update: &Update,
        clip: f64,
        not_finite: NotFinite,
    ) -> (B, f64) {
        let norm = gradient_norm(&backbone, &grads);
        if !norm.is_finite() && not_finite == NotFinite::Skip {
            return (backbone, norm);
        }
        let factor = if clip > 0.0 && norm > clip { (clip / norm) as f32 } else { 1.0 };
        let mut mapper = Step { optimizer: self, grads: &mut grads, update, factor, index: 0 };
        (backbone.map(&mut mapper), norm)
    }
}

/// √Σ g² over all parameters.
fn gradient_norm(backbone: &impl Backbone, grads: &Gradients) -> f64 {
    struct Squares<'a> {
        grads: &'a Gradients,
        parts: Vec<Tensor<1>>,
    }
    impl ModuleVisitor for Squares<'_> {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            if let Some(g) = param.val().grad(self.grads) {
                self.parts.push((g.clone() * g).sum());
            }
        }
    }
    let mut squares = Squares { grads, parts: Vec::new() };
    backbone.visit(&mut squares);
    if squares.parts.is_empty() {
        return 0.0;
    }
    let parts: Vec<f32> = Tensor::cat(squares.parts, 0).into_data().iter::<f32>().collect();
    parts.into_iter().map(f64::from).sum::<f64>().sqrt()
}

struct Step<'a> {
    optimizer: &'a mut Optimizer,
    grads: &'a mut Gradients,
    update: &'a Update,
    factor: f32,
    index: usize,
}

impl Step<'_> {
    fn moment(moments: &mut Vec<Tensor<1>>, index: usize, like: &Tensor<1>) -> Tensor<1> {
        while moments.len() <= index {
            moments.push(like.zeros_like());
        }
        // One that is another parameter's, as of a network that was handed over in another form, begins anew.
        if moments[index].dims() != like.dims() {
            moments[index] = like.zeros_like();
        }
        moments[index].clone()
    }
}

impl ModuleMapper for Step<'_> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let (id, tensor, mapper) = param.consume();
        let Some(gradient) = tensor.grad_remove(self.grads) else {
            return Param::from_mapped_value(id, tensor, mapper);
        };
        let shape = tensor.shape();
        let n = shape.num_elements();
        let w = tensor.inner().reshape([n]);
        let g = gradient.reshape([n]).mul_scalar(self.factor);
        let decays = D >= 2;
        let index = self.index;
        self.index += 1;
        let first = Self::moment(&mut self.optimizer.first, index, &w);
        let moved = match *self.update {
            Update::Gradient => w,
            Update::Sgd { rate, momentum, decay } => {
                let pull = if decays && decay != 0.0 { g + w.clone().mul_scalar(decay) } else { g };
                let velocity = first.mul_scalar(momentum) + pull;
                self.optimizer.first[index] = velocity.clone();
                w - velocity.mul_scalar(rate)
            }
            Update::AdamW { rate, beta1, beta2, epsilon, decay, step } => {
                let t = step.min(i32::MAX as u64) as i32;
                let second = Self::moment(&mut self.optimizer.second, index, &w);
                let m = first.mul_scalar(beta1) + g.clone().mul_scalar(1.0 - beta1);
                let v = second.mul_scalar(beta2) + (g.clone() * g).mul_scalar(1.0 - beta2);
                self.optimizer.first[index] = m.clone();
                self.optimizer.second[index] = v.clone();
                let m_hat = m.div_scalar(1.0 - beta1.powi(t));
                let v_hat = v.div_scalar(1.0 - beta2.powi(t));
                let w = if decays { w.mul_scalar(1.0 - rate * decay) } else { w };
                w - (m_hat / v_hat.sqrt().add_scalar(epsilon)).mul_scalar(rate)
            }
        };
        let moved = Tensor::from_inner(moved.reshape(shape)).require_grad();
        Param::from_mapped_value(id, moved, mapper)
    }
}
