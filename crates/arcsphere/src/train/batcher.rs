//! The batches of a training: images and labels by step.

use crate::plan::{Plan, Splits};
use arcsphere_data::batch;
use arcsphere_data::sampler::Batches;
use arcsphere_data::{Augment, DataError};
use burn::tensor::{Device, Tensor, TensorData};

/// Batches by step.
pub(super) struct Batcher<'a> {
    splits: &'a Splits,
    augment: Augment,
    seed: u64,
    batch: usize,
    /// P and K of batches by class.
    per_class: Option<(usize, usize)>,
    per_epoch: u64,
    order: Option<(u64, Batches)>,
    pixels: Vec<f32>,
    labels: Vec<u32>,
}

impl<'a> Batcher<'a> {
    pub(super) fn new(plan: &Plan, splits: &'a Splits) -> Self {
        let a = plan.config().data.augment;
        Batcher {
            splits,
            augment: Augment { pad_crop: a.pad_crop, flip: a.flip, shift: a.shift },
            seed: plan.config().train.seed,
            batch: plan.batch(&splits.train),
            per_class: plan.per_class(),
            per_epoch: plan.steps_per_epoch(),
            order: None,
            pixels: Vec::new(),
            labels: Vec::new(),
        }
    }

    /// Images and labels of a step: full batches only, in an order that depends on the
    /// seed and the epoch alone.
    pub(super) fn at(&mut self, step: u64, device: &Device) -> Result<(Tensor<4>, &[u32]), DataError> {
        let (epoch, place) = (step / self.per_epoch, (step % self.per_epoch) as usize);
        if self.order.as_ref().is_none_or(|(e, _)| *e != epoch) {
            let train = &self.splits.train;
            let order = match self.per_class {
                Some((classes, images)) => Batches::by_class(train, classes, images, self.seed, epoch)?,
                None => Batches::new(train.len(), self.batch, self.seed, epoch, true),
            };
            self.order = Some((epoch, order));
        }
        let indices = self.order.as_ref().and_then(|(_, b)| b.get(place)).unwrap_or_default();
        let change = Some((&self.augment, self.seed, epoch));
        let train = &self.splits.train;
        batch::fill(train, indices, &self.splits.normalization, change, &mut self.pixels, &mut self.labels)?;
        let shape = train.shape();
        let data = TensorData::new(self.pixels.clone(), [self.labels.len(), shape.channels, shape.height, shape.width]);
        Ok((Tensor::from_data(data, device), &self.labels))
    }
}
