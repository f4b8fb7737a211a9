//! A head's numbers as plain data, and the pieces that they are kept in.

use super::kernel::{Moments, Update};
use crate::tuple::TupleParameters;

/// A head's numbers, all that a checkpoint needs of it. What a part holds depends on the loss:
///
/// | part | softmax and margins | a tuple loss alone | an ordered target |
/// | --- | --- | --- | --- |
/// | `weights` | prototypes \[C·K, D\] | class means \[C, D\] | the direction w \[1, D\] |
/// | `bias` | \[C\] | empty | b \[n\] |
/// | `first`, `second` | moments of `weights` | empty | moments of w |
/// | `mean_sums`, `mean_counts` | class means during the soft start, else empty | running sums of class means | empty |
///
/// ```
/// use arcsphere_losses::head::{Head, HeadState};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// // Prototypes from elsewhere; what is left out is as at the first step.
/// let own = HeadState { weights: vec![1.0, 0.0, 0.0, 1.0, -1.0, 0.0], ..HeadState::default() };
/// let head = Head::builder("cosface", 3, 2).with_state(own)?;
/// assert_eq!(head.predict(&[0.9, 0.2])?[0].class, 0);
///
/// let short = HeadState { weights: vec![1.0, 0.0], ..HeadState::default() };
/// let error = Head::builder("cosface", 3, 2).with_state(short).unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "weights has 2 numbers, expected 6 (3 classes · 1 prototype · 2 dimensions); \
///      take the state of a head of the same loss, classes and dimensions"
/// );
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HeadState {
    /// Prototypes \[C·K, D\], K per class, else what stands in their place.
    pub weights: Vec<f32>,
    /// Bias of plain softmax, \[C\]; once a loss is one-against-all, its b and zeros. Unused by
    /// other angular logits.
    pub bias: Vec<f32>,
    /// First moments of the weights; empty for zeros.
    pub first: Vec<f32>,
    /// Second moments of the weights (AdamW), or empty.
    pub second: Vec<f32>,
    /// First moments of the bias; empty for zeros.
    pub bias_first: Vec<f32>,
    /// Second moments of the bias, or empty.
    pub bias_second: Vec<f32>,
    /// Running sums of the classes' embeddings, \[C, D\] or empty.
    pub mean_sums: Vec<f32>,
    /// Their running counts, \[C\] or empty.
    pub mean_counts: Vec<f32>,
    /// What the loss carries from batch to batch; empty for what it has at the first step.
    pub memory: Vec<f64>,
    /// What a tuple loss keeps: centers or proxies; empty for what it has at the first step.
    pub tuple: TupleParameters,
    /// Steps done.
    pub step: u64,
    /// The step before which the moments of the weights were last empty: the first, or the one in which the
    /// prototypes were placed anew.
    pub moments_since: u64,
}

/// Numbers that an optimizer moves, and its moments.
#[derive(Clone, Debug, Default)]
pub(super) struct Parameters {
    pub(super) values: Vec<f32>,
    pub(super) first: Vec<f32>,
    pub(super) second: Vec<f32>,
}

impl Parameters {
    /// Numbers at rest.
    pub(super) fn new(values: Vec<f32>) -> Parameters {
        Parameters { first: vec![0.0; values.len()], values, second: Vec::new() }
    }

    /// Numbers and moments as they were saved.
    pub(super) fn restored(values: Vec<f32>, mut first: Vec<f32>, second: Vec<f32>) -> Parameters {
        if first.is_empty() {
            first.resize(values.len(), 0.0);
        }
        Parameters { values, first, second }
    }

    /// Room for the second moments, where `update` has them.
    pub(super) fn ready(&mut self, update: &Update) {
        if update.needs_second_moment() {
            self.second.resize(self.values.len(), 0.0);
        }
    }

    /// One step down `gradient`.
    pub(super) fn step(&mut self, update: &Update, gradient: &[f32]) {
        self.step_first(self.values.len(), update, gradient);
    }

    /// The same for the first `n` numbers alone.
    pub(super) fn step_first(&mut self, n: usize, update: &Update, gradient: &[f32]) {
        self.ready(update);
        if *update != Update::Gradient {
            let second = self.second.get_mut(..n).unwrap_or_default();
            let mut moments = Moments { first: &mut self.first[..n], second };
            update.apply(&mut self.values[..n], &gradient[..n], &mut moments);
        }
    }

    /// Forgets what moved them.
    pub(super) fn forget(&mut self) {
        self.first.fill(0.0);
        self.second.fill(0.0);
    }
}

/// What a running class mean keeps per step.
const MEAN_DECAY: f32 = 0.95;

/// Running sums of the classes' embeddings, and how many they are of; empty before the first batch.
#[derive(Clone, Debug, Default)]
pub(super) struct ClassSums {
    pub(super) sums: Vec<f32>,
    pub(super) counts: Vec<f32>,
}

impl ClassSums {
    /// Adds a batch.
    pub(super) fn observe(&mut self, embeddings: &[f32], labels: &[u32], classes: usize, dim: usize) {
        self.sums.resize(classes * dim, 0.0);
        self.counts.resize(classes, 0.0);
        self.sums.iter_mut().chain(&mut self.counts).for_each(|v| *v *= MEAN_DECAY);
        for (x, &y) in embeddings.chunks_exact(dim).zip(labels) {
            for (sum, x) in self.sums[y as usize * dim..][..dim].iter_mut().zip(x) {
                *sum += x;
            }
            self.counts[y as usize] += 1.0;
        }
    }
}
