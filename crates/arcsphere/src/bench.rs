//! Work to be timed: closures that do one step of a part, on made-up numbers.

use crate::head::{Head, HeadError, RowStats, Update};
use crate::nn::{Conv2d, Conv2dSpec, Init, Rng};
use crate::plan::{Plan, Splits};
use arcsphere_data::sampler::Batches;
use arcsphere_data::{Augment, DataError, Dataset, Shape, Source, batch};
use arcsphere_kernels::gemm::{Op, sgemm};
use arcsphere_kernels::parallel;
use burn::tensor::{Device, Tensor, TensorData};
use rand::{Rng as _, RngExt, SeedableRng};
use std::time::Instant;

/// Products of \[B, C, D\] that a step of the head must do: cosines, d/dX and d/dW. Cosines
/// that are computed twice because their block was not kept are not counted.
const HEAD_PRODUCTS: usize = 3;

/// Floating-point operations of a [`head_step`]'s matrix products: two a multiply-add.
pub fn head_flops(classes: usize, dim: usize, batch: usize) -> f64 {
    HEAD_PRODUCTS as f64 * 2.0 * batch as f64 * classes as f64 * dim as f64
}

/// The SGEMM peak of this machine in FLOP/s: the best of three 2048³ products, the rows
/// shared out among the threads of the current rayon pool.
pub fn sgemm_peak() -> f64 {
    const SIDE: usize = 2048;
    let a: Vec<f32> = (0..SIDE * SIDE).map(|i| (i % 17) as f32 - 8.0).collect();
    let (b, mut c) = (a.clone(), vec![0.0f32; SIDE * SIDE]);
    let rows = SIDE.div_ceil(parallel::threads());
    let mut best = f64::INFINITY;
    for _ in 0..3 {
        let started = Instant::now();
        let parts: Vec<_> = a.chunks(rows * SIDE).zip(c.chunks_mut(rows * SIDE)).collect();
        parallel::map(parts, |(a, c)| {
            sgemm(c.len() / SIDE, SIDE, SIDE, a, Op::Plain, &b, Op::Plain, 0.0, c);
        });
        best = best.min(started.elapsed().as_secs_f64());
    }
    2.0 * (SIDE as f64).powi(3) / best
}

/// Images of noise in ten classes, enough for four batches: as much work as real ones.
///
/// # Errors
///
/// [`DataError`] for a shape that no image may have.
pub fn noise(shape: Shape, batch: usize) -> Result<Source, DataError> {
    const CLASSES: usize = 10;
    // Before so many pixels are asked for.
    if !shape.is_usable() {
        return Err(DataError::BadShape { shape, max: Shape::MAX_VALUES });
    }
    let mut rng = Rng::seed_from_u64(0);
    let classes: Vec<String> = (0..CLASSES).map(|c| c.to_string()).collect();
    let mut set = |images: usize| {
        let mut pixels = vec![0; images * shape.values()];
        rng.fill_bytes(&mut pixels);
        Dataset::new(shape, pixels, (0..images).map(|i| (i % CLASSES) as u32).collect(), classes.clone())
    };
    let (train, test) = (set((4 * batch).max(CLASSES))?, set(CLASSES)?);
    Source::new("noise", train, test, false)
}

/// A step of the head with the paper's loss of that name: forward, backward, SGD with momentum and weight decay.
///
/// # Errors
///
/// [`HeadError`] for a head that cannot be.
pub fn head_step(
    loss: &str,
    classes: usize,
    dim: usize,
    batch: usize,
    threads: usize,
) -> Result<impl FnMut() + use<>, HeadError> {
    let mut rng = Rng::seed_from_u64(0);
    let update = Update::Sgd { rate: 0.1, momentum: 0.9, decay: 5e-4 };
    let mut head = Head::builder(loss, classes, dim).paper().lanes(threads).build()?;
    let x: Vec<f32> = (0..batch * dim).map(|_| rng.random_range(-1.0f32..1.0)).collect();
    let labels: Vec<u32> = (0..batch).map(|_| rng.random_range(0..classes as u32)).collect();
    let (mut dx, mut stats) = (vec![0.0; x.len()], vec![RowStats::default(); batch]);
    // What is refused is refused here: each later step has the same batch.
    head.step(&x, &labels, &update, &mut dx, &mut stats)?;
    Ok(move || {
        let _ = std::hint::black_box(head.step(&x, &labels, &update, &mut dx, &mut stats));
    })
}

/// A convolution to be timed.
#[derive(Clone, Copy, Debug)]
pub struct ConvWork {
    spec: Conv2dSpec,
    batch: usize,
    size: (usize, usize),
}

impl ConvWork {
    /// Steps of a layer on `batch` images of height and width `size`; `None` where there is no such convolution: a
    /// size or stride of 0, groups that do not divide the channels, a kernel that does not fit the padded image.
    pub fn new(spec: Conv2dSpec, batch: usize, size: (usize, usize)) -> Option<ConvWork> {
        let work = ConvWork { spec, batch, size };
        work.is_possible().then_some(work)
    }

    /// Output height and width; 0 where the kernel does not fit.
    fn out(&self) -> (usize, usize) {
        let along = |size: usize| {
            let s = &self.spec;
            (size + 2 * s.padding).checked_sub(s.kernel).map_or(0, |rest| rest / s.stride + 1)
        };
        (along(self.size.0), along(self.size.1))
    }

    /// The layer.
    pub fn spec(&self) -> Conv2dSpec {
        self.spec
    }

    /// Height and width of the input.
    pub fn size(&self) -> (usize, usize) {
        self.size
    }

    fn is_possible(&self) -> bool {
        let s = &self.spec;
        let whole = |channels: usize| channels > 0 && channels.is_multiple_of(s.groups);
        s.kernel > 0 && s.stride > 0 && s.groups > 0 && whole(s.in_channels) && whole(s.out_channels) && {
            let (h, w) = self.out();
            self.batch > 0 && h > 0 && w > 0
        }
    }

    /// Floating-point operations of a step by the definition, two a multiply-add: forward and both gradients.
    pub fn flops(&self) -> f64 {
        let s = &self.spec;
        let (h, w) = self.out();
        let products = s.in_channels / s.groups * s.out_channels * s.kernel * s.kernel;
        3.0 * 2.0 * (self.batch * h * w) as f64 * products as f64
    }

    /// A step: forward and both gradients.
    pub fn step(self, device: &Device) -> impl FnMut() + use<> {
        let device = device.clone().autodiff();
        let mut rng = Rng::seed_from_u64(0);
        let conv = Conv2d::new(&self.spec, Init::KaimingNormal, &mut rng, &device);
        let shape = [self.batch, self.spec.in_channels, self.size.0, self.size.1];
        let pixels: Vec<f32> = (0..shape.iter().product()).map(|_| rng.random_range(-1.0f32..1.0)).collect();
        // The step's input lies in memory as a layer before it would have left it.
        let x = Tensor::<4>::from_data(TensorData::new(pixels, shape), &device);
        let x = x.permute([0, 2, 3, 1]).reshape([shape[0], shape[2], shape[3], shape[1]]).permute([0, 3, 1, 2]);
        move || {
            let x = x.clone().detach().require_grad();
            let gradients = conv.forward(x.clone()).sum().backward();
            std::hint::black_box(x.grad(&gradients));
        }
    }
}

/// What a training step's data cost: gathering, augmenting and normalizing a batch.
pub fn data_step<'a>(plan: &Plan, splits: &'a Splits) -> impl FnMut() -> Result<(), DataError> + use<'a> {
    let (a, seed) = (plan.config().data.augment, plan.config().train.seed);
    let augment = Augment { pad_crop: a.pad_crop, flip: a.flip, shift: a.shift };
    let batches = Batches::new(splits.train.len(), plan.batch(&splits.train), seed, 0, true);
    let (mut pixels, mut labels, mut next) = (Vec::new(), Vec::new(), 0);
    move || {
        let indices = batches.get(next % batches.len().max(1)).unwrap_or_default();
        next += 1;
        let change = Some((&augment, seed, 0));
        batch::fill(&splits.train, indices, &splits.normalization, change, &mut pixels, &mut labels)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_convolution_counts_its_operations_and_knows_what_it_cannot_be() {
        let spec =
            Conv2dSpec { in_channels: 32, out_channels: 32, kernel: 3, stride: 2, padding: 1, groups: 1, bias: false };
        let work = ConvWork::new(spec, 2, (14, 14)).unwrap();
        assert_eq!(work.flops(), 6.0 * 2.0 * (7 * 7 * 32 * 32 * 9) as f64);
        assert_eq!(ConvWork { spec: Conv2dSpec { groups: 32, ..spec }, ..work }.flops(), work.flops() / 32.0);
        for wrong in
            [Conv2dSpec { kernel: 19, ..spec }, Conv2dSpec { groups: 5, ..spec }, Conv2dSpec { stride: 0, ..spec }]
        {
            assert!(ConvWork::new(wrong, 2, (14, 14)).is_none());
        }
    }

    #[test]
    fn noise_has_every_class_and_enough_batches() {
        let source = noise(Shape::new(3, 9, 8), 32).unwrap();
        assert_eq!((source.train.len(), source.train.shape()), (128, Shape::new(3, 9, 8)));
        assert!(source.train.class_counts().iter().all(|&n| n > 0));
        assert_eq!(noise(Shape::new(1, 9, 8), 1).unwrap().train.len(), 10);
        assert!(noise(Shape::new(3, 0, 8), 1).is_err());
    }
}
