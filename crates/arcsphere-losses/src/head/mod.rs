//! The head: prototypes, their bias where the loss has one, and their momentum.
//!
//! It is loss-blind: a [`Margin`] answers for the rows of each batch, and one chunked pass in
//! [`arcsphere_kernels::head`] does the rest on the host. The backbone gets back
//! d loss/dX. A loss of an ordered target has one direction in the place of all prototypes.

pub mod placement;

mod centers;
mod logits;
mod ordinal;
mod rule;
mod tuple;

#[cfg(test)]
mod conformance;

use crate::margin::{Margin, OneVsAll, ScaleKind};
use crate::margin_schedule::MarginState;
use crate::regularizer::Regularizer;
use crate::tuple::TupleParameters;
use arcsphere_kernels::head as kernel;
use arcsphere_kernels::isa::Isa;
use centers::centers;
use rand_chacha::ChaCha8Rng;
use rule::Rule;
use std::borrow::Cow;

pub use kernel::{Best, RowStats, Update};
pub use ordinal::OrdinalTerm;
pub use tuple::TupleTerm;

/// What a head is made of.
#[derive(Debug)]
pub struct HeadSpec {
    /// C, at least 2.
    pub classes: usize,
    /// D, at least 2.
    pub dim: usize,
    /// The loss.
    pub margin: Box<dyn Margin>,
    /// Where the scale comes from.
    pub scale_kind: ScaleKind,
    /// s, where it is fixed.
    pub scale: f64,
    /// Label smoothing in [0, 1); 0 for one-against-all and for more than one prototype per class.
    pub smoothing: f64,
    /// Parallel lanes over the classes; the bits of a result depend on it.
    pub lanes: usize,
    /// Largest norm of a prototype's gradient; infinite for none.
    pub max_gradient_norm: f64,
    /// The prototypes' rate as a part of the update's, once logits are angular.
    pub prototype_rate: f64,
    /// The seed of what the loss draws.
    pub seed: u64,
    /// A term of the prototypes, whole from the first step with angular logits on: it asks
    /// nothing of the embeddings, so there is nothing to bring in slowly. One prototype a class.
    pub energy: Option<Box<dyn Regularizer>>,
    /// A loss of the batch's embeddings, alone or beside this head's own.
    pub tuple: Option<TupleTerm>,
    /// A loss of an ordered target, which is the whole loss.
    pub ordinal: Option<OrdinalTerm>,
}

impl HeadSpec {
    /// A head of one lane and no limits.
    pub fn new(classes: usize, dim: usize, margin: Box<dyn Margin>, scale_kind: ScaleKind, scale: f64) -> HeadSpec {
        HeadSpec {
            classes,
            dim,
            margin,
            scale_kind,
            scale,
            smoothing: 0.0,
            lanes: 1,
            max_gradient_norm: f64::INFINITY,
            prototype_rate: 1.0,
            seed: 0,
            energy: None,
            tuple: None,
            ordinal: None,
        }
    }

    /// Rows of the weights: C·K prototypes, or the one direction of an ordered target.
    pub fn rows(&self) -> usize {
        if self.ordinal.is_some() { 1 } else { self.classes * self.margin.centers() }
    }

    /// Numbers of the bias: C, or those of a loss of an ordered target.
    pub fn biases(&self) -> usize {
        self.ordinal.as_ref().map_or(self.classes, |term| term.loss.biases(self.classes).len())
    }
}

/// The head's numbers, all that a checkpoint needs of it. K prototypes per class, else 1. Of a loss of an
/// ordered target w is in the place of the prototypes, \[1, D\], and b in that of the bias, \[n\].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HeadState {
    /// Prototypes, \[C·K, D\].
    pub weights: Vec<f32>,
    /// Bias of plain softmax, \[C\]; once a loss is one-against-all, its b and zeros. Unused by
    /// other angular logits.
    pub bias: Vec<f32>,
    /// First moments of the weights, \[C·K, D\].
    pub first: Vec<f32>,
    /// Second moments (AdamW), \[C·K, D\] or empty.
    pub second: Vec<f32>,
    /// First moments of the bias, \[C\].
    pub bias_first: Vec<f32>,
    /// Second moments of the bias, \[C\] or empty.
    pub bias_second: Vec<f32>,
    /// Running sums of the classes' embeddings during the soft start, \[C, D\] or empty.
    pub mean_sums: Vec<f32>,
    /// Their running counts, \[C\] or empty.
    pub mean_counts: Vec<f32>,
    /// What the loss carries from batch to batch; empty where it carries nothing.
    pub memory: Vec<f64>,
    /// What a tuple loss keeps: centers or proxies; else empty.
    pub tuple: TupleParameters,
}

/// The classification head. See the [module](self).
#[derive(Debug)]
pub struct Head {
    spec: HeadSpec,
    state: HeadState,
    workspace: kernel::Workspace,
}

/// What a running class mean keeps per step.
const MEAN_DECAY: f32 = 0.95;

/// Classes in one block of the kernel, at most; it takes fewer where prototypes are long.
const CHUNK: usize = 1024;

/// The purpose of a loss's random numbers.
const DRAWS: &[u8; 8] = b"margins ";

impl Head {
    /// A head with spread prototypes and no momentum.
    pub fn new(spec: HeadSpec, update: &Update, rng: &mut ChaCha8Rng) -> Self {
        let (c, n) = (spec.biases(), spec.rows() * spec.dim);
        let moment = |len| vec![0.0; if update.needs_second_moment() { len } else { 0 }];
        let (weights, bias) = match &spec.ordinal {
            Some(term) => ordinal::start(&spec, term, rng),
            None => (centers(&spec, placement::spread(spec.classes, spec.dim, rng)), vec![0.0; c]),
        };
        let state = HeadState {
            weights,
            bias,
            first: vec![0.0; n],
            second: moment(n),
            bias_first: vec![0.0; c],
            bias_second: moment(c),
            tuple: spec.tuple.as_ref().map(|t| t.loss.parameters(spec.classes, spec.dim, rng)).unwrap_or_default(),
            ..HeadState::default()
        };
        Head::with_state(spec, state)
    }

    /// The same head with other numbers, as read from a checkpoint. Without a memory it has that
    /// of its first step.
    pub fn with_state(spec: HeadSpec, mut state: HeadState) -> Self {
        if state.memory.is_empty() {
            state.memory = spec.margin.memory();
        }
        Head { spec, state, workspace: kernel::Workspace::default() }
    }

    /// What it was made of.
    pub fn spec(&self) -> &HeadSpec {
        &self.spec
    }

    /// Its numbers.
    pub fn state(&self) -> &HeadState {
        &self.state
    }

    /// A prototype of each class, \[C, D\]: the first, where a class has several; none of an ordered target.
    pub fn one_per_class(&self) -> Cow<'_, [f32]> {
        let (d, k) = (self.spec.dim, self.spec.margin.centers());
        match k {
            _ if self.is_ordinal() => Cow::Borrowed(&[]),
            1 => Cow::Borrowed(&self.state.weights),
            _ => self.state.weights.chunks_exact(k * d).flat_map(|class| &class[..d]).copied().collect(),
        }
    }

    /// Whether logits are cosines in the loss's final form.
    pub fn is_angular(&self) -> bool {
        self.spec.scale_kind != ScaleKind::Unnormalized
    }

    /// s as it stands, where it is fixed.
    pub fn scale(&self) -> f64 {
        self.spec.margin.scale(&self.state.memory).unwrap_or(self.spec.scale)
    }

    /// The binary problems of a loss that has them. Until its scale comes in such a loss is
    /// trained as its parent.
    fn one_vs_all(&self, margin: MarginState) -> Option<OneVsAll> {
        self.spec.margin.one_vs_all(self.spec.scale, margin.strength).filter(|_| margin.scale_share > 0.0)
    }

    /// One training step: the mean loss of the batch, and the further terms. Writes d loss/dX into `dx` and what
    /// was seen of each row into `stats`, and moves the prototypes by `update`, without its decay
    /// and at their own rate once logits are angular.
    ///
    /// `embeddings`, `dx` \[B, D\]; `labels`, `stats` \[B\]; labels below C.
    ///
    /// # Panics
    ///
    /// If lengths disagree or a label is not below C.
    pub fn step(
        &mut self,
        embeddings: &[f32],
        labels: &[u32],
        margin: MarginState,
        update: &Update,
        dx: &mut [f32],
        stats: &mut [RowStats],
    ) -> f64 {
        if self.is_alone() {
            return self.step_alone(embeddings, labels, update, dx, stats);
        }
        if self.is_ordinal() {
            return self.step_ordinal(embeddings, labels, update, dx, stats);
        }
        let linear = margin.linear || !self.is_angular();
        let binary = self.one_vs_all(margin);
        let batch = kernel::Batch {
            embeddings,
            labels,
            dim: self.spec.dim,
            centers: self.spec.margin.centers(),
            smoothing: self.spec.smoothing,
            lanes: self.spec.lanes,
            chunk: CHUNK,
            max_gradient_norm: self.spec.max_gradient_norm,
        };
        let s = &mut self.state;
        let (mut extra, mut energy) = (Vec::new(), 0.0);
        if let Some(term) = self.spec.energy.as_ref().filter(|_| !linear) {
            extra.resize(s.weights.len(), 0.0);
            // It fails only where lengths or labels do, which the step below refuses.
            energy = term.term(&s.weights, self.spec.dim, labels, &mut extra).unwrap_or(f64::NAN);
        }
        let mut rule = Rule { spec: &self.spec, state: margin, memory: &mut s.memory };
        let (logits, biases) = match binary {
            _ if linear => (kernel::Logits::Linear, self.spec.classes),
            Some(problems) => (kernel::Logits::OneVsAll(problems), 1),
            None => (kernel::Logits::Angular(&mut rule), 0),
        };
        let parameters = kernel::Parameters {
            weights: &mut s.weights,
            bias: &mut s.bias[..biases],
            moments: kernel::Moments { first: &mut s.first, second: &mut s.second },
            bias_moments: kernel::Moments {
                first: &mut s.bias_first[..biases],
                second: s.bias_second.get_mut(..biases).unwrap_or_default(),
            },
            bias_update: Some(update),
            extra_gradient: &extra,
        };
        let moves = if linear { *update } else { prototype_update(*update, self.spec.prototype_rate) };
        let loss = kernel::step_in(Isa::best(), &mut self.workspace, &batch, logits, parameters, &moves, dx, stats);
        if !linear && margin.scale_share >= 1.0 {
            self.spec.margin.end(&mut s.memory, stats);
        }
        loss + energy + self.add_beside(embeddings, labels, update, dx)
    }

    /// Adds a batch to the running class means, which [`place_anew`](Self::place_anew) uses.
    pub fn observe(&mut self, embeddings: &[f32], labels: &[u32]) {
        let d = self.spec.dim;
        self.state.mean_sums.resize(self.spec.classes * d, 0.0);
        self.state.mean_counts.resize(self.spec.classes, 0.0);
        self.state.mean_sums.iter_mut().chain(&mut self.state.mean_counts).for_each(|v| *v *= MEAN_DECAY);
        for (x, &y) in embeddings.chunks_exact(d).zip(labels) {
            for (sum, x) in self.state.mean_sums[y as usize * d..][..d].iter_mut().zip(x) {
                *sum += x;
            }
            self.state.mean_counts[y as usize] += 1.0;
        }
    }

    /// Ends the soft start, before the first step whose logits are angular, which is in state
    /// `margin`: every prototype goes to where its class's embeddings went, spread evenly. Without
    /// a soft start they stay. All moments are forgotten, so that AdamW counts its steps from this one
    /// ([`Update::since`]), and the bias is made ready for the loss.
    pub fn place_anew(&mut self, margin: MarginState) {
        let d = self.spec.dim;
        let s = &mut self.state;
        s.bias.fill(0.0);
        s.bias_first.fill(0.0);
        s.bias_second.fill(0.0);
        if let (Some(problems), Some(b)) =
            (self.spec.margin.one_vs_all(self.spec.scale, margin.strength), s.bias.first_mut())
        {
            *b = rule::first_bias(&problems, self.spec.classes) as f32;
        }
        s.first.fill(0.0);
        s.second.fill(0.0);
        if s.mean_sums.is_empty() {
            return;
        }
        let means: Vec<f64> = s
            .mean_sums
            .chunks_exact(d)
            .zip(&s.mean_counts)
            .flat_map(|(sum, &n)| sum.iter().map(move |v| f64::from(*v) / f64::from(n.max(1e-3))))
            .collect();
        s.weights = centers(&self.spec, placement::place_by_means(&means, d));
        (s.mean_sums, s.mean_counts) = (Vec::new(), Vec::new());
    }

    /// The best class of each embedding, without a margin. Of an ordered target the class that is told, and
    /// for its logit the number.
    pub fn predict(&self, embeddings: &[f32]) -> Vec<Best> {
        if let Some(told) = self.told(embeddings) {
            return told.iter().map(|t| Best { class: t.class, logit: t.value as f32 }).collect();
        }
        let bias: &[f32] = if self.is_angular() { &[] } else { &self.state.bias };
        let s = &self.spec;
        kernel::predict(embeddings, &self.state.weights, bias, s.dim, self.is_angular(), s.margin.centers())
    }
}

/// The rule for normalized prototypes: a part of the rate, and no decay, since their length
/// means nothing.
fn prototype_update(update: Update, part: f64) -> Update {
    let part = part as f32;
    match update.without_decay() {
        Update::Sgd { rate, momentum, decay } => Update::Sgd { rate: part * rate, momentum, decay },
        Update::AdamW { rate, beta1, beta2, epsilon, decay, step } => {
            Update::AdamW { rate: part * rate, beta1, beta2, epsilon, decay, step }
        }
        Update::Gradient => Update::Gradient,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::margin::{Recipe, find};
    use crate::random::keyed;

    pub(super) fn head(loss: &str, classes: usize, dim: usize) -> Head {
        let info = find(loss).unwrap();
        let recipe = Recipe::paper(info, classes, dim);
        let spec = HeadSpec::new(classes, dim, info.build(&recipe), info.kind.scale, recipe.scale);
        Head::new(spec, &Update::Gradient, &mut keyed(b"test----", 0, 0))
    }

    #[test]
    fn prototypes_that_stand_still_do_not_stop_the_bias_of_binary_problems() {
        let mut head = head("sphereface2", 3, 2);
        head.spec.prototype_rate = 0.0;
        head.place_anew(MarginState::FULL);
        let before = head.state.clone();
        let update = Update::Sgd { rate: 0.1, momentum: 0.0, decay: 0.1 };
        let (mut dx, mut stats) = ([0.0; 2], [RowStats::default(); 1]);
        head.step(&[1.0, 0.5], &[0], MarginState::FULL, &update, &mut dx, &mut stats);
        assert_eq!(head.state.weights, before.weights);
        assert!(head.state.bias[0] != before.bias[0] && head.state.bias[1..] == before.bias[1..]);
    }

    #[test]
    fn memory_moves_only_with_angular_logits() {
        let mut head = head("curricularface", 3, 2);
        let (mut dx, mut stats) = ([0.0; 2], [RowStats::default(); 1]);
        let mut step = |head: &mut Head, state| {
            head.step(&[1.0, 0.5], &[0], state, &Update::Gradient, &mut dx, &mut stats);
            head.state.memory[0]
        };
        assert_eq!(step(&mut head, MarginState { linear: true, ..MarginState::FULL }), 0.0);
        assert_ne!(step(&mut head, MarginState::FULL), 0.0);
    }
}
