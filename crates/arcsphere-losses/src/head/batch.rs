//! Steps: a batch checked, its loss and gradients, and the numbers moved by them.

use super::{Head, HeadError, Objective, OutOfRange, Pass, RowStats, Rows, Timing, Update};
use crate::range::Range;
use arcsphere_kernels::head::first_not_finite_row;

/// What becomes of a batch with an embedding that is NaN or infinite.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum OnNotFinite {
    /// The batch is refused by row ([`HeadError::NotFinite`]), and nothing moves.
    #[default]
    Refuse,
    /// Such rows are left out: no part of the mean, dX = 0, their [`RowStats`] with a NaN norm.
    Skip,
}

/// What a batch says.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct BatchLoss {
    /// The mean loss of the rows that count, and the terms.
    pub loss: f64,
    /// d loss/dX, \[B, D\].
    pub dx: Vec<f32>,
    /// What was seen of each row, \[B\].
    pub rows: Vec<RowStats>,
    /// Rows that were left out ([`OnNotFinite::Skip`]).
    pub skipped: usize,
}

impl Head {
    /// The loss of `embeddings` \[B, D\] with `labels` \[B\] and its gradient for them. The gradient of the head's
    /// own numbers is kept for [`update`](Self::update); a second call before it takes its place. What a loss
    /// carries from batch to batch moves here.
    ///
    /// ```
    /// use arcsphere_losses::head::{Head, OnNotFinite};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let mut head = Head::builder("cosface", 2, 2).on_not_finite(OnNotFinite::Skip).build()?;
    /// let batch = head.gradients(&[1.0, 0.5, f32::NAN, 0.0], &[0, 1])?;
    /// assert_eq!((batch.skipped, &batch.dx[2..]), (1, &[0.0, 0.0][..]));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`HeadError::Length`], [`HeadError::Label`] and, unless such rows are skipped, [`HeadError::NotFinite`], by
    /// row. Nothing has changed then.
    pub fn gradients(&mut self, embeddings: &[f32], labels: &[u32]) -> Result<BatchLoss, HeadError> {
        let mut dx = vec![0.0; embeddings.len()];
        let mut rows = vec![RowStats::default(); labels.len()];
        let (loss, skipped) = self.pass(embeddings, labels, None, &mut dx, &mut rows)?;
        self.pending = true;
        Ok(BatchLoss { loss, dx, rows, skipped })
    }

    /// Moves the head's own numbers by the gradient that [`gradients`](Self::gradients) kept, and counts the
    /// step. Normalized prototypes do not decay, and go at their own rate; a bias does not decay either. AdamW's
    /// step is the training's, from 1: where the prototypes were placed anew the head counts from there.
    ///
    /// # Errors
    ///
    /// [`HeadError::NoGradient`] without one, [`HeadError::OutOfRange`] for a number of the rule.
    pub fn update(&mut self, update: &Update) -> Result<(), HeadError> {
        check_update(update)?;
        if !self.pending {
            return Err(HeadError::NoGradient);
        }
        let update = update.since(self.moments_since);
        self.objective.update(&update, self.limits());
        self.finish(&update);
        Ok(())
    }

    /// Both at once: the mean loss and the terms; d loss/dX goes into `dx` \[B, D\], what was seen of each
    /// row into `stats` \[B\]. The gradient of all prototypes is never there at once, so a million of them need
    /// no memory for it; the bits are those of the two calls. With [`Update::Gradient`] it is
    /// [`gradients`](Self::gradients).
    ///
    /// ```
    /// use arcsphere_losses::head::{Head, RowStats, Update};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let mut head = Head::builder("softmax", 2, 2).build()?;
    /// let update = Update::Sgd { rate: 0.1, momentum: 0.9, decay: 5e-4 };
    /// let (mut dx, mut stats) = ([0.0; 2], [RowStats::default()]);
    /// let first = head.step(&[1.0, 0.5], &[0], &update, &mut dx, &mut stats)?;
    /// let second = head.step(&[1.0, 0.5], &[0], &update, &mut dx, &mut stats)?;
    /// assert!(second < first && head.steps_done() == 2);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`gradients`](Self::gradients) and [`update`](Self::update).
    pub fn step(
        &mut self,
        embeddings: &[f32],
        labels: &[u32],
        update: &Update,
        dx: &mut [f32],
        stats: &mut [RowStats],
    ) -> Result<f64, HeadError> {
        check_update(update)?;
        let fused = (*update != Update::Gradient).then_some(update);
        let (loss, _) = self.pass(embeddings, labels, fused, dx, stats)?;
        match fused {
            Some(update) => self.finish(&update.since(self.moments_since)),
            None => self.pending = true,
        }
        Ok(loss)
    }

    /// Ends a step: the terms' numbers move, and the step is counted.
    fn finish(&mut self, update: &Update) {
        self.terms.iter_mut().for_each(|term| term.update(update));
        self.pending = false;
        if *update != Update::Gradient {
            self.step += 1;
        }
    }

    fn limits(&self) -> super::Limits {
        let limits = self.limits;
        super::Limits {
            max_gradient_norm: self.softening.clip.unwrap_or(f64::INFINITY).min(limits.max_gradient_norm),
            prototype_rate: self.softening.prototype_rate * limits.prototype_rate,
            ..limits
        }
    }

    /// The loss of a batch, and how many of its rows were left out.
    fn pass(
        &mut self,
        embeddings: &[f32],
        labels: &[u32],
        update: Option<&Update>,
        dx: &mut [f32],
        stats: &mut [RowStats],
    ) -> Result<(f64, usize), HeadError> {
        self.check_length("the gradient dx", dx.len(), labels.len())?;
        if stats.len() != labels.len() {
            return Err(length("the rows' stats", stats.len(), labels.len(), "one per label"));
        }
        let finite = self.check_batch(embeddings, labels);
        if !matches!(finite, Err(HeadError::NotFinite { .. })) || self.on_not_finite == OnNotFinite::Refuse {
            finite?;
            return Ok((self.pass_of(embeddings, labels, update, dx, stats)?, 0));
        }
        let d = self.dim;
        let is_finite = |i: &usize| embeddings[i * d..][..d].iter().all(|v| v.is_finite());
        let kept: Vec<usize> = (0..labels.len()).filter(is_finite).collect();
        let x: Vec<f32> = kept.iter().flat_map(|&i| embeddings[i * d..][..d].iter().copied()).collect();
        let y: Vec<u32> = kept.iter().map(|&i| labels[i]).collect();
        let (mut some_dx, mut some_stats) = (vec![0.0; x.len()], vec![RowStats::default(); y.len()]);
        let loss = self.pass_of(&x, &y, update, &mut some_dx, &mut some_stats)?;
        dx.fill(0.0);
        stats.fill(RowStats { norm: f64::NAN, ..RowStats::default() });
        for ((&i, row), seen) in kept.iter().zip(some_dx.chunks_exact(d)).zip(&some_stats) {
            dx[i * d..][..d].copy_from_slice(row);
            stats[i] = *seen;
        }
        Ok((loss, labels.len() - kept.len()))
    }

    /// The loss of a batch that was checked.
    fn pass_of(
        &mut self,
        embeddings: &[f32],
        labels: &[u32],
        update: Option<&Update>,
        dx: &mut [f32],
        stats: &mut [RowStats],
    ) -> Result<f64, HeadError> {
        let margin = self.margin_state();
        self.place(embeddings, labels);
        if labels.is_empty() {
            return Ok(0.0);
        }
        let (mut extra, mut added) = (Vec::new(), 0.0);
        if !margin.linear {
            for term in &self.terms {
                let [weights, _] = self.objective.numbers();
                added += term.of_prototypes(weights, self.dim, labels, &mut extra)?;
            }
        }
        let pass = Pass { embeddings, labels, margin, limits: self.limits(), extra: &extra };
        let update = update.map(|update| update.since(self.moments_since));
        let mut loss = self.objective.pass(&pass, update.as_ref(), Rows { dx: &mut *dx, stats })?;
        loss += added;
        for term in &mut self.terms {
            loss += term.of_batch(embeddings, labels, dx)?;
        }
        Ok(loss)
    }

    /// The soft start: class means are taken in its second half, since before it classes still wander; at its
    /// end the prototypes go there.
    fn place(&mut self, embeddings: &[f32], labels: &[u32]) {
        let (Objective::Prototypes(p), Timing::Scheduled { schedule, steps }) = (&mut self.objective, self.timing)
        else {
            return;
        };
        if !p.is_angular() {
            return;
        }
        let margin = self.softening.margin(schedule.at(self.step, steps), self.step);
        let first_angular = schedule.first_angular_step(steps);
        let (soft_from, first_angular) = self.softening.soft_phase(first_angular, self.step);
        if margin.linear && 2 * self.step >= soft_from + first_angular {
            p.observe(embeddings, labels);
        }
        if self.step == first_angular && first_angular > 0 {
            p.place_anew(margin);
            self.moments_since = self.step;
        }
    }

    /// Refuses a batch that cannot be.
    pub(super) fn check_batch(&self, embeddings: &[f32], labels: &[u32]) -> Result<(), HeadError> {
        self.check_length("the embeddings", embeddings.len(), labels.len())?;
        let classes = self.classes;
        if let Some(row) = labels.iter().position(|&label| label as usize >= classes) {
            return Err(HeadError::Label { row, label: labels[row], classes });
        }
        self.check_rows(embeddings)
    }

    /// Refuses a slice that is not `rows` rows.
    pub(super) fn check_length(&self, what: &'static str, found: usize, rows: usize) -> Result<(), HeadError> {
        let expected = rows.saturating_mul(self.dim);
        if found == expected {
            return Ok(());
        }
        Err(length(what, found, expected, &format!("{rows} rows · {} dimensions", self.dim)))
    }

    /// Refuses numbers that are no whole rows, and the first row that is not finite.
    pub(super) fn check_rows(&self, embeddings: &[f32]) -> Result<(), HeadError> {
        self.check_length("the embeddings", embeddings.len(), embeddings.len() / self.dim)?;
        let Some(row) = first_not_finite_row(embeddings, self.dim) else { return Ok(()) };
        let value = embeddings[row * self.dim..][..self.dim].iter().copied().find(|v| !v.is_finite());
        Err(HeadError::NotFinite { row, value: value.unwrap_or(f32::NAN) })
    }
}

fn length(what: &'static str, found: usize, expected: usize, shape: &str) -> HeadError {
    let way_out = "pass the batch's own";
    HeadError::Length { what, found, expected, shape: shape.to_owned(), way_out }
}

/// Refuses a rule that would make numbers of none.
fn check_update(update: &Update) -> Result<(), HeadError> {
    const SHARE: Range = Range::Below(0.0, 1.0);
    let check = |key, value: f64, range: Range, why| match range.contains(value) {
        true => Ok(()),
        false => Err(OutOfRange { key, value, range: range.to_string(), why, way_out: "look at the optimizer" }),
    };
    let rate = |rate: f32| check("rate", rate.into(), Range::AtLeast(0.0), "weights must move downhill");
    let decay = |decay: f32| check("decay", decay.into(), Range::AtLeast(0.0), "negative decay makes weights grow");
    match *update {
        Update::Gradient => {}
        Update::Sgd { rate: r, momentum, decay: d } => {
            rate(r)?;
            check("momentum", momentum.into(), SHARE, "at 1 a velocity never fades")?;
            decay(d)?;
        }
        Update::AdamW { rate: r, beta1, beta2, epsilon, decay: d, step } => {
            rate(r)?;
            check("beta1", beta1.into(), SHARE, "at 1 a moment never fades")?;
            check("beta2", beta2.into(), SHARE, "at 1 a moment never fades")?;
            check("epsilon", epsilon.into(), Range::Over(0.0), "it keeps a division from zero")?;
            decay(d)?;
            check("step", step as f64, Range::AtLeast(1.0), "at 0 the bias correction divides by zero")?;
        }
    }
    Ok(())
}
