//! Work to be timed: closures that do one step of a part, on made-up numbers.

use crate::head::{Head, HeadSpec, RowStats, Update};
use crate::losses::margin::{Extension, LossInfo};
use crate::nn::{Conv2d, Conv2dSpec, Init, Rng};
use crate::optim::margin_schedule::MarginState;
use burn::tensor::{Device, Tensor, TensorData};
use rand::{RngExt, SeedableRng};

/// A step of the head: forward, backward, SGD with momentum and weight decay.
pub fn head_step(info: &LossInfo, classes: usize, dim: usize, batch: usize, threads: usize) -> impl FnMut() + use<> {
    let mut rng = Rng::seed_from_u64(0);
    let update = Update::Sgd { rate: 0.1, momentum: 0.9, decay: 5e-4 };
    let spec = HeadSpec {
        classes,
        dim,
        margin: (info.build)(info.paper, Extension::Monotone),
        scale_kind: info.scale,
        scale: info.paper_scale,
        smoothing: 0.0,
        lanes: threads,
        max_gradient_norm: f64::INFINITY,
    };
    let mut head = Head::new(spec, &update, &mut rng);
    let x: Vec<f32> = (0..batch * dim).map(|_| rng.random_range(-1.0f32..1.0)).collect();
    let labels: Vec<u32> = (0..batch).map(|_| rng.random_range(0..classes as u32)).collect();
    let (mut dx, mut stats) = (vec![0.0; x.len()], vec![RowStats::default(); batch]);
    move || {
        head.step(&x, &labels, MarginState::FULL, &update, &mut dx, &mut stats);
    }
}

/// A 3×3 convolution of 32 to 32 channels at 14×14, forward and both gradients.
pub fn conv_step(batch: usize, device: &Device) -> impl FnMut() + use<> {
    let device = device.clone().autodiff();
    let mut rng = Rng::seed_from_u64(0);
    let spec =
        Conv2dSpec { in_channels: 32, out_channels: 32, kernel: 3, stride: 1, padding: 1, groups: 1, bias: false };
    let conv = Conv2d::new(&spec, Init::KaimingNormal, &mut rng, &device);
    let shape = [batch, 32, 14, 14];
    let pixels: Vec<f32> = (0..shape.iter().product()).map(|_| rng.random_range(-1.0f32..1.0)).collect();
    move || {
        let x = Tensor::<4>::from_data(TensorData::new(pixels.clone(), shape), &device).require_grad();
        let gradients = conv.forward(x.clone()).sum().backward();
        std::hint::black_box(x.grad(&gradients));
    }
}
