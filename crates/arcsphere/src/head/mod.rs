//! The head: prototypes, their bias where the loss has one, and their momentum.
//!
//! It is loss-blind: a [`Margin`] answers once per row, and one chunked pass in
//! [`arcsphere_kernels::head`] does the rest on the host. The backbone gets back
//! d loss/dX.

pub mod placement;

#[cfg(test)]
mod conformance;

use crate::losses::margin::{Margin, ScaleKind};
use crate::optim::margin_schedule::MarginState;
use arcsphere_kernels::head as kernel;
use arcsphere_kernels::isa::Isa;
use rand_chacha::ChaCha8Rng;

pub use kernel::{Best, RowStats, Update};

/// What a head is made of.
#[derive(Debug)]
pub struct HeadSpec {
    /// C, at least 2.
    pub classes: usize,
    /// D, at least 2.
    pub dim: usize,
    /// The target function.
    pub margin: Box<dyn Margin>,
    /// Where the scale comes from.
    pub scale_kind: ScaleKind,
    /// s, where it is fixed.
    pub scale: f64,
    /// Label smoothing in [0, 1).
    pub smoothing: f64,
    /// Parallel lanes over the classes; the bits of a result depend on it.
    pub lanes: usize,
    /// Largest norm of a prototype's gradient; infinite for none.
    pub max_gradient_norm: f64,
}

/// The head's numbers, all that a checkpoint needs of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HeadState {
    /// Prototypes, \[C, D\].
    pub weights: Vec<f32>,
    /// Bias of plain softmax, \[C\]. Unused once logits are angular.
    pub bias: Vec<f32>,
    /// First moments of the weights, \[C, D\].
    pub first: Vec<f32>,
    /// Second moments (AdamW), \[C, D\] or empty.
    pub second: Vec<f32>,
    /// First moments of the bias, \[C\].
    pub bias_first: Vec<f32>,
    /// Second moments of the bias, \[C\] or empty.
    pub bias_second: Vec<f32>,
    /// Running sums of the classes' embeddings during the soft start, \[C, D\] or empty.
    pub mean_sums: Vec<f32>,
    /// Their running counts, \[C\] or empty.
    pub mean_counts: Vec<f32>,
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

/// A margin at a moment of the training, as the kernel asks for it.
struct Rule<'a> {
    spec: &'a HeadSpec,
    state: MarginState,
}

impl kernel::MarginRule for Rule<'_> {
    fn row(&self, _row: usize, g: kernel::RowGeometry) -> kernel::RowLogit {
        let target = self.spec.margin.target(g.cos, g.sin, g.norm, self.state.strength);
        let (scale, dscale_dnorm) = match self.spec.scale_kind {
            ScaleKind::Fixed => {
                let share = self.state.scale_share;
                ((1.0 - share) * g.norm + share * self.spec.scale, 1.0 - share)
            }
            _ => (g.norm, 1.0),
        };
        // λ-annealing: (λ·cos θ + ψ)/(1 + λ); at λ = 0 this is ψ itself.
        let lambda = self.state.lambda;
        let blend = |plain: f64, margin: f64| (lambda * plain + margin) / (1.0 + lambda);
        kernel::RowLogit {
            scale,
            dscale_dnorm,
            psi: blend(g.cos, target.psi),
            dpsi_dtheta: blend(-g.sin, target.dpsi_dtheta),
            dpsi_dnorm: target.dpsi_dnorm / (1.0 + lambda),
            penalty: 0.0,
            dpenalty_dnorm: 0.0,
        }
    }
}

impl Head {
    /// A head with spread prototypes and no momentum.
    pub fn new(spec: HeadSpec, update: &Update, rng: &mut ChaCha8Rng) -> Self {
        let (c, n) = (spec.classes, spec.classes * spec.dim);
        let moment = |len| vec![0.0; if update.needs_second_moment() { len } else { 0 }];
        let state = HeadState {
            weights: placement::spread(spec.classes, spec.dim, rng),
            bias: vec![0.0; c],
            first: vec![0.0; n],
            second: moment(n),
            bias_first: vec![0.0; c],
            bias_second: moment(c),
            mean_sums: Vec::new(),
            mean_counts: Vec::new(),
        };
        Head { spec, state, workspace: kernel::Workspace::default() }
    }

    /// The same head with other numbers, as read from a checkpoint.
    pub fn with_state(spec: HeadSpec, state: HeadState) -> Self {
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

    /// Whether logits are cosines in the loss's final form.
    pub fn is_angular(&self) -> bool {
        self.spec.scale_kind != ScaleKind::Unnormalized
    }

    /// One training step: the mean loss of the batch. Writes d loss/dX into `dx` and what
    /// was seen of each row into `stats`, and moves the prototypes by `update`.
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
        let linear = margin.linear || !self.is_angular();
        let batch = kernel::Batch {
            embeddings,
            labels,
            dim: self.spec.dim,
            smoothing: self.spec.smoothing,
            lanes: self.spec.lanes,
            chunk: CHUNK,
            max_gradient_norm: self.spec.max_gradient_norm,
        };
        let rule = Rule { spec: &self.spec, state: margin };
        let logits = if linear { kernel::Logits::Linear } else { kernel::Logits::Angular(&rule) };
        let s = &mut self.state;
        let parameters = kernel::Parameters {
            weights: &mut s.weights,
            bias: &mut s.bias,
            moments: kernel::Moments { first: &mut s.first, second: &mut s.second },
            bias_moments: kernel::Moments { first: &mut s.bias_first, second: &mut s.bias_second },
        };
        kernel::step_in(Isa::best(), &mut self.workspace, &batch, logits, parameters, update, dx, stats)
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

    /// Ends the soft start: every prototype goes to where its class's embeddings went,
    /// spread evenly, with its momentum forgotten.
    pub fn place_anew(&mut self) {
        let d = self.spec.dim;
        let s = &mut self.state;
        if s.mean_sums.is_empty() {
            return;
        }
        let means: Vec<f64> = s
            .mean_sums
            .chunks_exact(d)
            .zip(&s.mean_counts)
            .flat_map(|(sum, &n)| sum.iter().map(move |v| f64::from(*v) / f64::from(n.max(1e-3))))
            .collect();
        s.weights = placement::place_by_means(&means, d);
        s.first.fill(0.0);
        s.second.fill(0.0);
        s.bias.fill(0.0);
        (s.mean_sums, s.mean_counts) = (Vec::new(), Vec::new());
    }

    /// The best class of each embedding, without a margin.
    pub fn predict(&self, embeddings: &[f32]) -> Vec<Best> {
        let bias: &[f32] = if self.is_angular() { &[] } else { &self.state.bias };
        kernel::predict(embeddings, &self.state.weights, bias, self.spec.dim, self.is_angular())
    }
}
