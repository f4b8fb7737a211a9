//! Prototypes and a softmax over them, or binary problems: softmax, the margins and their relatives.
//!
//! A [`Margin`] answers for the rows of each batch, and one chunked pass in [`arcsphere_kernels::head`]
//! does the rest.

use super::super::kernel::{self, Best, Update};
use super::super::rule::{self, Rule};
use super::super::state::{ClassSums, Parameters};
use super::super::{HeadPart, HeadState, placement};
use super::{Gradient, Limits, Pass, Rows};
use crate::fit::nearest_angle_bound;
use crate::init::{Init, Rng};
use crate::margin::{Margin, MarginLoss, OneVsAll, Recipe, ScaleKind};
use crate::margin_schedule::MarginState;
use crate::numbers::{dot, length};
use crate::random::keyed;
use arcsphere_kernels::isa::Isa;
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

/// Classes in one block of the kernel, at most; it takes fewer where prototypes are long.
const CHUNK: usize = 1024;

/// The part of the nearest angle within which a class's further prototypes start around its first.
const SHARE: f64 = 0.1;

/// From a loss to a loss.
type OfAnother = dyn Fn(Box<dyn Margin>) -> Box<dyn Margin> + Send + Sync;

/// Makes a loss of another.
#[derive(Clone)]
pub(in super::super) struct Wrap(pub(in super::super) Arc<OfAnother>);

impl fmt::Debug for Wrap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Wrap")
    }
}

/// The loss, for how many, and its numbers.
#[derive(Debug)]
pub(in super::super) struct Prototypes {
    info: &'static MarginLoss,
    recipe: Recipe,
    wrap: Option<Wrap>,
    pub(in super::super) scale_kind: ScaleKind,
    smoothing: f64,
    seed: u64,
    initial: Option<Init>,
    pub(in super::super) margin: Box<dyn Margin>,
    /// s, where it is fixed; else 1.
    pub(in super::super) scale: f64,
    weights: Parameters,
    bias: Parameters,
    /// What plain softmax learns of the classes, in the soft start.
    sums: ClassSums,
    pub(in super::super) memory: Vec<f64>,
    kept: Option<Kept>,
    workspace: kernel::Workspace,
}

/// A gradient that waits for its update.
#[derive(Debug, Default)]
struct Kept {
    weights: Vec<f32>,
    bias: Vec<f32>,
    /// How many numbers of the bias it moves.
    biases: usize,
    linear: bool,
}

/// The numbers of a pass, and where their gradients go.
struct Moved<'a> {
    weights: &'a mut Parameters,
    bias: &'a mut Parameters,
    kept: &'a mut Kept,
}

impl<'a> Moved<'a> {
    /// To be moved by an update; without one the gradients are kept until one comes.
    fn by(self, update: Option<&'a Update>, biases: usize, extra: &'a [f32]) -> kernel::Parameters<'a> {
        let Moved { weights, bias, kept } = self;
        let (moments, bias_moments) = match update {
            Some(update) => {
                weights.ready(update);
                bias.ready(update);
                let second = bias.second.get_mut(..biases).unwrap_or_default();
                (
                    kernel::Moments { first: &mut weights.first, second: &mut weights.second },
                    kernel::Moments { first: &mut bias.first[..biases], second },
                )
            }
            None => {
                kept.weights.resize(weights.values.len(), 0.0);
                kept.bias.clear();
                kept.bias.resize(bias.values.len(), 0.0);
                (
                    kernel::Moments { first: &mut kept.weights, second: &mut [] },
                    kernel::Moments { first: &mut kept.bias[..biases], second: &mut [] },
                )
            }
        };
        kernel::Parameters {
            weights: &mut weights.values,
            bias: &mut bias.values[..biases],
            moments,
            bias_moments,
            bias_update: Some(update.unwrap_or(&Update::Gradient)),
            extra_gradient: extra,
        }
    }
}

/// What a loss is built from.
#[derive(Debug)]
pub(in super::super) struct Parts {
    pub(in super::super) info: &'static MarginLoss,
    pub(in super::super) recipe: Recipe,
    pub(in super::super) scale_kind: ScaleKind,
    pub(in super::super) wrap: Option<Wrap>,
    pub(in super::super) smoothing: f64,
    pub(in super::super) seed: u64,
    pub(in super::super) initial: Option<Init>,
}

impl Prototypes {
    /// Without numbers; [`start`](Self::start) or [`restore`](Self::restore) gives them.
    pub(in super::super) fn new(parts: Parts) -> Prototypes {
        let Parts { info, recipe, scale_kind, wrap, smoothing, seed, initial } = parts;
        let mut new = Prototypes {
            margin: info.build(&recipe),
            scale: 1.0,
            info,
            recipe,
            wrap,
            scale_kind,
            smoothing,
            seed,
            initial,
            weights: Parameters::default(),
            bias: Parameters::default(),
            sums: ClassSums::default(),
            memory: Vec::new(),
            kept: None,
            workspace: kernel::Workspace::default(),
        };
        new.soften(1.0);
        new
    }

    /// Takes `factor` of the scale that the loss was chosen with.
    pub(in super::super) fn soften(&mut self, factor: f64) {
        let recipe = Recipe { scale: self.recipe.scale * factor, ..self.recipe.clone() };
        let margin = self.info.build(&recipe);
        self.margin = match &self.wrap {
            Some(Wrap(wrap)) => wrap(margin),
            None => margin,
        };
        self.scale = if self.scale_kind == ScaleKind::Fixed { recipe.scale } else { 1.0 };
    }

    pub(super) fn start(&mut self, rng: &mut Rng) {
        let (classes, dim) = (self.recipe.classes, self.recipe.dim);
        let spread = placement::spread(classes, dim, rng);
        self.weights = Parameters::new(self.with_further_centers(spread));
        if let Some(init) = self.initial {
            // Drawn last, so that what is drawn before is the same with it and without.
            self.weights.values = init.draw(self.weights.values.len(), dim, classes, rng);
        }
        self.bias = Parameters::new(vec![0.0; classes]);
        self.memory = self.margin.memory();
    }

    pub(super) fn parts(&self) -> Vec<HeadPart> {
        let (classes, dim, centers) = (self.recipe.classes, self.recipe.dim, self.margin.centers());
        let plural = if centers == 1 { "" } else { "s" };
        let (all, one) = ([classes.saturating_mul(centers), dim], [classes]);
        let why = format!("{classes} classes · {centers} prototype{plural} · {dim} dimensions");
        let each = format!("one per class, {classes} classes");
        let mut parts = vec![
            HeadPart::whole("weights", &all, &why),
            HeadPart::optional("first", &all, &why),
            HeadPart::optional("second", &all, &why),
            HeadPart::optional("mean_sums", &[classes, dim], &why),
            HeadPart { optional: self.is_angular(), ..HeadPart::whole("bias", &one, &each) },
            HeadPart::optional("bias_first", &one, &each),
            HeadPart::optional("bias_second", &one, &each),
            HeadPart::optional("mean_counts", &one, &each),
        ];
        let memory = self.margin.memory().len();
        if memory > 0 {
            let why = format!("what {} carries from batch to batch", self.info.name);
            parts.push(HeadPart::optional("memory", &[memory], &why));
        }
        parts
    }

    pub(super) fn ready(&self, s: &mut HeadState) {
        if self.is_angular() && s.bias.is_empty() {
            s.bias = vec![0.0; self.recipe.classes];
        }
    }

    pub(super) fn restore(&mut self, s: &mut HeadState) {
        let take = std::mem::take::<Vec<f32>>;
        self.weights = Parameters::restored(take(&mut s.weights), take(&mut s.first), take(&mut s.second));
        self.bias = Parameters::restored(take(&mut s.bias), take(&mut s.bias_first), take(&mut s.bias_second));
        self.sums = ClassSums { sums: take(&mut s.mean_sums), counts: take(&mut s.mean_counts) };
        self.memory = if s.memory.is_empty() { self.margin.memory() } else { std::mem::take(&mut s.memory) };
        self.kept = None;
    }

    pub(super) fn state(&self) -> HeadState {
        let Prototypes { weights, bias, sums, .. } = self;
        HeadState {
            weights: weights.values.clone(),
            bias: bias.values.clone(),
            first: weights.first.clone(),
            second: weights.second.clone(),
            bias_first: bias.first.clone(),
            bias_second: bias.second.clone(),
            mean_sums: sums.sums.clone(),
            mean_counts: sums.counts.clone(),
            memory: self.memory.clone(),
            ..HeadState::default()
        }
    }

    /// Whether logits are cosines in the loss's final form.
    pub(in super::super) fn is_angular(&self) -> bool {
        self.scale_kind != ScaleKind::Unnormalized
    }

    /// s as it stands, where it is fixed.
    pub(in super::super) fn scale(&self) -> Option<f64> {
        let fixed = (self.scale_kind == ScaleKind::Fixed).then_some(self.scale);
        self.margin.scale(&self.memory).or(fixed)
    }

    /// The binary problems of a loss that has them. Until its scale comes in such a loss is
    /// trained as its parent.
    pub(in super::super) fn one_vs_all(&self, margin: MarginState) -> Option<OneVsAll> {
        self.margin.one_vs_all(self.scale, margin.strength).filter(|_| margin.scale_share > 0.0)
    }

    pub(super) fn pass(&mut self, pass: &Pass<'_>, update: Option<&Update>, rows: Rows<'_>) -> f64 {
        let Pass { embeddings, labels, margin, limits, extra } = *pass;
        let linear = margin.linear || !self.is_angular();
        let binary = self.one_vs_all(margin);
        let batch = kernel::Batch {
            embeddings,
            labels,
            dim: self.recipe.dim,
            centers: self.margin.centers(),
            smoothing: self.smoothing,
            lanes: limits.lanes,
            chunk: CHUNK,
            max_gradient_norm: limits.max_gradient_norm,
        };
        let biases = if linear { self.recipe.classes } else { usize::from(binary.is_some()) };
        let mut kept = self.kept.take().unwrap_or_default();
        let rule = update.unwrap_or(&Update::Gradient);
        (kept.biases, kept.linear) = (biases, linear);
        let parameters = Moved { weights: &mut self.weights, bias: &mut self.bias, kept: &mut kept };
        let parameters = parameters.by(update, biases, extra);
        let moves = if linear { *rule } else { prototype_update(*rule, limits.prototype_rate) };
        let mut asked = Rule {
            margin: &*self.margin,
            scale_kind: self.scale_kind,
            scale: self.scale,
            seed: self.seed,
            state: margin,
            memory: &mut self.memory,
        };
        let logits = match binary {
            _ if linear => kernel::Logits::Linear,
            Some(problems) => kernel::Logits::OneVsAll(problems),
            None => kernel::Logits::Angular(&mut asked),
        };
        let Rows { dx, stats } = rows;
        let loss = kernel::step_in(Isa::best(), &mut self.workspace, &batch, logits, parameters, &moves, dx, stats);
        if !linear && margin.scale_share >= 1.0 {
            self.margin.end(&mut self.memory, stats);
        }
        self.kept = update.is_none().then_some(kept);
        loss
    }

    pub(super) fn update(&mut self, update: &Update, limits: Limits) {
        let Some(Kept { weights, bias, biases, linear }) = self.kept.take() else { return };
        let moves = if linear { *update } else { prototype_update(*update, limits.prototype_rate) };
        self.weights.step(&moves, &weights);
        self.bias.step_first(biases, &update.without_decay(), &bias);
    }

    pub(super) fn gradient(&self) -> Option<Gradient<'_>> {
        self.kept.as_ref().map(|kept| Gradient { weights: &kept.weights, bias: &kept.bias })
    }

    /// Adds a batch to the running class means, which [`place_anew`](Self::place_anew) uses.
    pub(in super::super) fn observe(&mut self, embeddings: &[f32], labels: &[u32]) {
        self.sums.observe(embeddings, labels, self.recipe.classes, self.recipe.dim);
    }

    /// Ends the soft start, before the first step whose logits are angular, which is in state
    /// `margin`: every prototype goes to where its class's embeddings went, spread evenly. Without
    /// a soft start they stay. All moments are forgotten, so that AdamW counts its steps from this one
    /// ([`Update::since`]), and the bias is made ready for the loss.
    pub(in super::super) fn place_anew(&mut self, margin: MarginState) {
        self.bias.values.fill(0.0);
        self.ready_bias(margin);
        self.bias.forget();
        self.weights.forget();
        if self.sums.sums.is_empty() {
            return;
        }
        let ClassSums { sums, counts } = std::mem::take(&mut self.sums);
        let means: Vec<f64> = sums
            .chunks_exact(self.recipe.dim)
            .zip(&counts)
            .flat_map(|(sum, &n)| sum.iter().map(move |v| f64::from(*v) / f64::from(n.max(1e-3))))
            .collect();
        self.weights.values = self.with_further_centers(placement::place_by_means(&means, self.recipe.dim));
    }

    /// Gives binary problems the bias that they start with.
    pub(in super::super) fn ready_bias(&mut self, margin: MarginState) {
        let problems = self.margin.one_vs_all(self.scale, margin.strength);
        if let (Some(problems), Some(b)) = (problems, self.bias.values.first_mut()) {
            *b = rule::first_bias(&problems, self.recipe.classes) as f32;
        }
    }

    /// Spreads the prototypes evenly, in their order, and forgets what moved them.
    pub(in super::super) fn spread(&mut self) {
        let dim = self.recipe.dim;
        let directions: Vec<f64> = self
            .weights
            .values
            .chunks_exact(dim)
            .flat_map(|w| {
                let norm = length(w).max(f64::MIN_POSITIVE);
                w.iter().map(move |v| f64::from(*v) / norm)
            })
            .collect();
        self.weights.values = placement::place_by_means(&directions, dim);
        self.weights.forget();
        self.bias.forget();
    }

    /// K prototypes per class from one \[C, D\]: it, and others close by.
    fn with_further_centers(&self, first: Vec<f32>) -> Vec<f32> {
        let Recipe { classes, dim, .. } = self.recipe;
        let within = SHARE * nearest_angle_bound(classes, dim);
        placement::centers(first, dim, self.margin.centers(), within, &mut keyed(b"centers ", self.seed, 0))
    }

    pub(super) fn predict(&self, embeddings: &[f32]) -> Vec<Best> {
        let bias: &[f32] = if self.is_angular() { &[] } else { &self.bias.values };
        let (dim, centers) = (self.recipe.dim, self.margin.centers());
        kernel::predict(embeddings, &self.weights.values, bias, dim, self.is_angular(), centers)
    }

    pub(super) fn logits(&self, x: &[f32]) -> Vec<f64> {
        let class = self.recipe.dim * self.margin.centers();
        let scale = match self.scale_kind {
            ScaleKind::Unnormalized => {
                let rows = self.weights.values.chunks_exact(class).zip(&self.bias.values);
                return rows.map(|(w, &b)| dot(w, x) + f64::from(b)).collect();
            }
            ScaleKind::EmbeddingNorm => 1.0,
            ScaleKind::Fixed => self.scale().unwrap_or(1.0) / length(x).max(f64::MIN_POSITIVE),
        };
        angular_logits(&self.weights.values, class, x, scale)
    }

    pub(super) fn one_per_class(&self) -> Cow<'_, [f32]> {
        let (dim, centers) = (self.recipe.dim, self.margin.centers());
        match centers {
            1 => Cow::Borrowed(&self.weights.values),
            _ => self.weights.values.chunks_exact(centers * dim).flat_map(|own| &own[..dim]).copied().collect(),
        }
    }

    /// Of each class the prototype that is nearest to most of its embeddings.
    pub(in super::super) fn dominant(&self, embeddings: &[f32], labels: &[u32]) -> Vec<f32> {
        let (dim, centers, weights) = (self.recipe.dim, self.margin.centers(), &self.weights.values);
        let mut nearest = vec![0_u64; weights.len() / dim];
        for (x, &y) in embeddings.chunks_exact(dim).zip(labels) {
            let first = y as usize * centers;
            let mut best = (first, f64::NEG_INFINITY);
            for (j, w) in weights.chunks_exact(dim).enumerate().skip(first).take(centers) {
                // Of w with x, times ‖x‖, which changes no order.
                let cosine = dot(x, w) / length(w);
                if cosine > best.1 {
                    best = (j, cosine);
                }
            }
            if let Some(count) = nearest.get_mut(best.0) {
                *count += 1;
            }
        }
        let dominant = |y: usize| (y * centers..(y + 1) * centers).rev().max_by_key(|&j| nearest[j]).unwrap_or(0);
        (0..self.recipe.classes).flat_map(|y| weights[dominant(y) * dim..][..dim].iter().copied()).collect()
    }

    pub(super) fn numbers(&self) -> [&[f32]; 2] {
        [&self.weights.values, &self.bias.values]
    }
}

/// `scale`·‖x‖·cos θ to the nearest of each class's prototypes, `class` numbers of them.
pub(super) fn angular_logits(weights: &[f32], class: usize, x: &[f32], scale: f64) -> Vec<f64> {
    let toward = |w: &[f32]| dot(w, x) / length(w).max(f64::MIN_POSITIVE);
    let classes = weights.chunks_exact(class.max(1));
    classes.map(|w| scale * w.chunks_exact(x.len()).map(toward).fold(f64::NEG_INFINITY, f64::max)).collect()
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
