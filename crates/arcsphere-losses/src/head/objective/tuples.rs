//! A tuple loss that is the whole loss: a batch's embeddings compared with each other.
//!
//! ```text
//! L = tuple(X),   w_j = running mean of x/‖x‖ over class j
//! ```
//!
//! Nothing trains the w_j. They are there to tell a class by, so that accuracy is that of the nearest class
//! mean, and angles and pictures are those to it. A mean follows its class at the pace of the running sums
//! ([`ClassSums`]); a class not seen yet keeps the direction that it was given.

use super::super::kernel::{self, Best, NORM_FLOOR, RowStats, Update};
use super::super::state::ClassSums;
use super::super::{HeadError, HeadPart, HeadState, parts, placement};
use super::prototypes::angular_logits;
use super::{Pass, Rows};
use crate::init::{Init, Rng};
use crate::numbers::{dot, length};
use crate::tuple::{TupleLoss, TupleParameters};
use rand::SeedableRng;

/// A weight of a class's running mean below which it was never seen, or too long ago.
const LEAST_COUNT: f32 = 1e-20;

/// A tuple loss and its own numbers.
#[derive(Debug)]
pub(in super::super) struct TupleTerm {
    loss: Box<dyn TupleLoss>,
    classes: usize,
    dim: usize,
    pub(in super::super) own: TupleParameters,
    /// Whether the last value was a number, by whose gradient its own numbers may move.
    advances: bool,
}

impl TupleTerm {
    /// Without numbers; [`start`](Self::start) or [`restore`](Self::restore) gives them.
    pub(in super::super) fn new(loss: Box<dyn TupleLoss>, classes: usize, dim: usize) -> TupleTerm {
        TupleTerm { loss, classes, dim, own: TupleParameters::default(), advances: false }
    }

    pub(in super::super) fn start(&mut self, rng: &mut Rng) {
        self.own = self.loss.parameters(self.classes, self.dim, rng);
    }

    /// Which numbers it has, and how many; those of all classes are not made for that.
    pub(in super::super) fn parts(&self) -> Vec<HeadPart> {
        let one = self.loss.parameters(1, 1, &mut Rng::seed_from_u64(0));
        HeadPart::of_tuple(one, self.classes, self.dim)
    }

    /// Checks numbers from elsewhere; for none it fills in those of the first step.
    pub(in super::super) fn check(&self, own: &mut TupleParameters, rng: &mut Rng) -> Result<(), HeadError> {
        if own.is_empty() {
            *own = self.loss.parameters(self.classes, self.dim, rng);
            return Ok(());
        }
        parts::check_tuple(&self.parts(), own)
    }

    /// The value; its gradient into `dx`.
    pub(in super::super) fn value(&mut self, x: &[f32], labels: &[u32], dx: &mut [f32]) -> Result<f64, HeadError> {
        let value = self.loss.loss(x, labels, self.dim, &mut self.own, dx)?;
        self.advances = value.is_finite();
        Ok(value)
    }

    /// Moves its own numbers. Proxies are normalized, so their length means nothing and must not decay.
    pub(in super::super) fn update(&mut self, update: &Update) {
        if std::mem::take(&mut self.advances) {
            self.loss.advance(&mut self.own, &update.without_decay());
        }
    }
}

/// The loss, and the means that tell a class.
#[derive(Debug)]
pub(in super::super) struct Tuples {
    pub(in super::super) term: TupleTerm,
    classes: usize,
    dim: usize,
    initial: Option<Init>,
    means: Vec<f32>,
    sums: ClassSums,
    /// x/‖x‖ and labels of the batch that the means do not have yet.
    unseen: Option<(Vec<f32>, Vec<u32>)>,
}

impl Tuples {
    pub(in super::super) fn new(term: TupleTerm, initial: Option<Init>) -> Tuples {
        let (classes, dim) = (term.classes, term.dim);
        Tuples { term, classes, dim, initial, means: Vec::new(), sums: ClassSums::default(), unseen: None }
    }

    pub(super) fn start(&mut self, rng: &mut Rng) {
        self.means = placement::spread(self.classes, self.dim, rng);
        self.term.start(rng);
        if let Some(init) = self.initial {
            self.means = init.draw(self.means.len(), self.dim, self.classes, rng);
        }
    }

    pub(super) fn parts(&self) -> Vec<HeadPart> {
        let (classes, dim) = (self.classes, self.dim);
        let why = format!("{classes} classes · {dim} dimensions");
        vec![
            HeadPart::whole("weights", &[classes, dim], &why),
            HeadPart::optional("mean_sums", &[classes, dim], &why),
            HeadPart::optional("mean_counts", &[classes], &format!("one per class, {classes} classes")),
        ]
    }

    pub(super) fn restore(&mut self, s: &mut HeadState) {
        self.means = std::mem::take(&mut s.weights);
        self.sums = ClassSums { sums: std::mem::take(&mut s.mean_sums), counts: std::mem::take(&mut s.mean_counts) };
        self.unseen = None;
    }

    pub(super) fn state(&self) -> HeadState {
        HeadState {
            weights: self.means.clone(),
            mean_sums: self.sums.sums.clone(),
            mean_counts: self.sums.counts.clone(),
            ..HeadState::default()
        }
    }

    /// Rows are judged by the means before this batch.
    pub(super) fn pass(&mut self, pass: &Pass<'_>, rows: Rows<'_>) -> Result<f64, HeadError> {
        let (Pass { embeddings, labels, .. }, d) = (*pass, self.dim);
        let value = self.term.value(embeddings, labels, rows.dx)?;
        let best = self.predict(embeddings);
        for (((x, &y), best), out) in embeddings.chunks_exact(d).zip(labels).zip(&best).zip(rows.stats) {
            let w = &self.means[y as usize * d..][..d];
            let (norm, of_w) = (length(x), length(w));
            *out = RowStats {
                loss: value,
                target_angle: (dot(x, w) / (norm * of_w).max(f64::MIN_POSITIVE)).clamp(-1.0, 1.0).acos(),
                norm,
                correct: best.class == y,
                ..RowStats::default()
            };
        }
        let unit = embeddings.chunks_exact(d).flat_map(|x| {
            let norm = length(x).max(NORM_FLOOR);
            x.iter().map(move |v| (f64::from(*v) / norm) as f32)
        });
        self.unseen = Some((unit.collect(), labels.to_vec()));
        Ok(value)
    }

    pub(super) fn update(&mut self, update: &Update) {
        self.term.update(update);
        let Some((unit, labels)) = self.unseen.take() else { return };
        self.sums.observe(&unit, &labels, self.classes, self.dim);
        let ClassSums { sums, counts } = &self.sums;
        let sums = sums.chunks_exact(self.dim);
        for ((w, sum), &n) in self.means.chunks_exact_mut(self.dim).zip(sums).zip(counts) {
            // A class that points nowhere has no direction to follow.
            if n > LEAST_COUNT && length(sum) > NORM_FLOOR * f64::from(n) {
                w.iter_mut().zip(sum).for_each(|(w, sum)| *w = sum / n);
            }
        }
    }

    pub(super) fn predict(&self, embeddings: &[f32]) -> Vec<Best> {
        kernel::predict(embeddings, &self.means, &[], self.dim, true, 1)
    }

    pub(super) fn logits(&self, x: &[f32]) -> Vec<f64> {
        angular_logits(&self.means, self.dim, x, 1.0)
    }

    pub(super) fn means(&self) -> &[f32] {
        &self.means
    }
}
