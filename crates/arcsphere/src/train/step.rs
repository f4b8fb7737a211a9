//! One step: forward, loss, backward, update, and what it showed.

use super::{EmbedError, Finding, Trainer, update_at};
use crate::backbones::Backbone;
use crate::collapse::{self, Evidence, Place};
use crate::config::{OnCollapse, Task};
use crate::embed::host_values;
use crate::graph::surrogate;
use crate::head::{HeadError, RowStats, Update};
use crate::optim::NotFinite;
use crate::optim::margin_schedule::MarginState;
use burn::tensor::Tensor;

/// A batch at the head. B images, D dimensions.
struct Batch<'a> {
    labels: &'a [u32],
    /// Embeddings, \[B, D\].
    host: Vec<f32>,
    /// d loss/d embedding, \[B, D\].
    dx: Vec<f32>,
    stats: Vec<RowStats>,
    loss: f64,
    margin: MarginState,
    /// Whether the prototypes of the batch's classes were numbers before the step.
    own_prototypes: bool,
    beats_median: Option<Vec<bool>>,
}

impl<B: Backbone> Trainer<B> {
    /// One step on one batch: forward, loss, backward, update, examination. Returns the loss,
    /// and what is wrong.
    pub(super) fn step(&mut self, images: Tensor<4>, labels: &[u32]) -> Result<(f64, Option<Finding>), EmbedError> {
        let update = update_at(&self.plan, &self.progress.softening, self.progress.step);
        let embedding = self.backbone.forward(images, true);
        let mut batch = self.at_the_head(host_values(embedding.clone().inner())?, labels, &update)?;
        self.progress.step += 1;
        self.progress.moments_since = self.head.moments_since();
        let (gradient_norm, broken) = self.backward(embedding, &mut batch, &update);
        self.count(&batch, gradient_norm);
        Ok((batch.loss, self.examine(&batch, gradient_norm, broken)))
    }

    /// The head's step, and what it saw.
    fn at_the_head<'a>(&mut self, host: Vec<f32>, labels: &'a [u32], update: &Update) -> Result<Batch<'a>, EmbedError> {
        let (margin, own_prototypes) = (self.head.margin_state(), self.head.is_finite_at(labels));
        let beats_median = match collapse::all_finite(&host) {
            true => self.head.beats_median(&host, labels)?,
            // What is no number beats nothing.
            false => self.head.is_ordinal().then(|| vec![false; labels.len()]),
        };
        let (mut dx, mut stats) = (vec![0.0; host.len()], vec![RowStats::default(); labels.len()]);
        let loss = match self.head.step(&host, labels, update, &mut dx, &mut stats) {
            // The head stays out of it. What examines the step, and a network that is to go on all the same, get
            // what the loss of such a batch is.
            Err(HeadError::NotFinite { .. }) => {
                dx.fill(f32::NAN);
                let nan = f64::NAN;
                stats.fill(RowStats { loss: nan, target_angle: nan, norm: nan, ..RowStats::default() });
                nan
            }
            other => other?,
        };
        Ok(Batch { labels, host, dx, stats, loss, margin, own_prototypes, beats_median })
    }

    /// The way back through the network, unless a number on the way there is none. Returns the norm of its gradient,
    /// and where a number was not finite first.
    fn backward(&mut self, embedding: Tensor<2>, batch: &mut Batch<'_>, update: &Update) -> (f64, Option<Place>) {
        let backbone = || collapse::all_finite_in(&self.backbone);
        let broken = Place::first(batch.own_prototypes, &batch.host, backbone, &batch.stats, batch.loss, &batch.dx);
        let config = self.plan.config();
        let go_on = config.train.on_collapse == OnCollapse::Ignore;
        if broken.is_some() && !go_on {
            return (0.0, broken);
        }
        let gradients = surrogate(embedding, std::mem::take(&mut batch.dx)).backward();
        let not_finite = if go_on { NotFinite::Apply } else { NotFinite::Skip };
        let clip = self.progress.softening.clip(config.optim.clip);
        let (backbone, norm) = self.optimizer.step(self.backbone.clone(), gradients, update, clip, not_finite);
        self.backbone = backbone;
        (norm, broken.or((!norm.is_finite()).then_some(Place::Gradient)))
    }

    /// Adds the step to the sums of its epoch.
    fn count(&mut self, batch: &Batch<'_>, gradient_norm: f64) {
        // JSON, in which a checkpoint keeps them, has no NaN and no infinity.
        let finite = |v: f64| if v.is_finite() { v } else { 0.0 };
        let running = &mut self.progress.running;
        running.seen += batch.labels.len() as u64;
        running.correct += batch.stats.iter().filter(|s| s.correct).count() as u64;
        running.loss += finite(batch.loss);
        running.max_gradient_norm = running.max_gradient_norm.max(finite(gradient_norm));
    }

    /// What the step shows of a training that is dying.
    fn examine(&mut self, batch: &Batch<'_>, gradient_norm: f64, broken: Option<Place>) -> Option<Finding> {
        let (plan, margin) = (&self.plan, &batch.margin);
        let last_monotone =
            collapse::last_monotone(plan.margins().at_strength(margin.strength), plan.config().loss.extension);
        let evidence = Evidence {
            step: self.progress.step - 1,
            steps: plan.steps(),
            look_every: plan.steps_per_epoch(),
            embeddings: &batch.host,
            labels: batch.labels,
            dim: plan.dim(),
            classes: plan.classes(),
            stats: &batch.stats,
            beats_median: batch.beats_median.as_deref(),
            ordered: plan.config().task == Task::Age,
            loss: batch.loss,
            gradient_norm,
            prototypes: &self.head.one_per_class(),
            angular: self.head.is_angular() && !margin.linear,
            last_monotone,
            broken,
        };
        collapse::examine(&evidence, &mut self.progress.vitals)
    }
}
