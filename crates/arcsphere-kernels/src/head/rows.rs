//! What is known of each row before the first pass: its norm, its direction, and
//! where it stands towards its own prototype.

use std::ops::Range;

use super::batch::Batch;
use super::logits::{Form, Logits, Negatives, RowGeometry, RowLogit};
use super::norms::NORM_FLOOR;
use crate::isa::{Isa, Kernel, Simd};
use crate::parallel;
use crate::vecmath::dot_f64;

/// A larger scale, which can only be an embedding's norm, counts as this: with it a gradient for a
/// prototype of norm 1e-6 is within f32, and a softmax is a maximum long before.
const LARGEST_SCALE: f64 = 1e30;

/// A batch's rows, prepared.
pub(super) struct Rows {
    /// How logits come from dots.
    pub form: Form,
    /// The left factor of the products: x̂ for angular logits, x for linear ones. \[B, D\]
    pub left: Vec<f32>,
    /// max(‖x‖, floor).
    pub norms: Vec<f64>,
    pub geometry: Vec<RowGeometry>,
    /// The margin's answers; neutral where no margin is asked.
    pub logits: Vec<RowLogit>,
    /// For linear logits w_y·x + b_y; unused otherwise.
    pub target_dot: Vec<f64>,
    /// Unit tangent at x̂ towards ŵ_y, u/‖u‖; zero where θ is 0 or π. \[B, D\]
    pub toward_prototype: Vec<f32>,
    /// Unit tangent at ŵ_y towards x̂. \[B, D\]
    pub toward_embedding: Vec<f32>,
    /// The scales, padded with zeros to whole vectors.
    pub scale: Vec<f32>,
    /// What a cosine of another class must exceed to be re-weighted, in the same way; empty where
    /// none is.
    pub threshold: Vec<f32>,
    /// (own prototype, row), sorted: the rows that pull on a prototype.
    pub targets: Vec<(u32, u32)>,
}

/// A part of the batch, and where its directions go.
struct Part<'a> {
    batch: &'a Batch<'a>,
    linear: bool,
    weights: &'a [f32],
    rows: Range<usize>,
    left: &'a mut [f32],
    toward_prototype: &'a mut [f32],
    toward_embedding: &'a mut [f32],
}

/// What is known of a row beside its directions.
struct Facts {
    norm: f64,
    geometry: RowGeometry,
    target_dot: f64,
    /// The own prototype: of those of the row's class the nearest.
    own: u32,
}

impl Rows {
    /// Prepares the batch in as many parts as it has lanes; its bits do not depend on them.
    pub(super) fn prepare(isa: Isa, batch: &Batch<'_>, logits: Logits<'_>, weights: &[f32], bias: &[f32]) -> Self {
        let linear = matches!(logits, Logits::Linear);
        let (d, b) = (batch.dim, batch.labels.len());
        let (mut left, mut toward_prototype, mut toward_embedding) =
            (vec![0.0; b * d], vec![0.0; b * d], vec![0.0; b * d]);
        let ranges = parallel::split(b, batch.lanes);
        let cut = |all| parallel::cut(all, &ranges, d);
        let directions = cut(&mut left).into_iter().zip(cut(&mut toward_prototype)).zip(cut(&mut toward_embedding));
        let parts =
            ranges.iter().cloned().zip(directions).map(|(rows, ((left, toward_prototype), toward_embedding))| Part {
                batch,
                linear,
                weights,
                rows,
                left,
                toward_prototype,
                toward_embedding,
            });
        let facts: Vec<Facts> = parallel::map(parts.collect(), |part| isa.run(part)).into_iter().flatten().collect();
        let geometry: Vec<_> = facts.iter().map(|f| f.geometry).collect();
        let mut answers = vec![RowLogit::NEUTRAL; b];
        let form = match logits {
            Logits::Linear => Form::Linear,
            Logits::Angular(rule) => Form::Angular(rule.answer(&geometry, &mut answers)),
            Logits::OneVsAll(rule) => Form::OneVsAll(rule),
        };
        for answer in answers.iter_mut().filter(|answer| answer.scale > LARGEST_SCALE) {
            (answer.scale, answer.dscale_dnorm) = (LARGEST_SCALE, 0.0);
        }
        let own_bias = |label: u32| bias.get(label as usize).copied().map_or(0.0, f64::from);
        let padded = |field: &dyn Fn(&RowLogit) -> f64| {
            let mut all: Vec<f32> = answers.iter().map(|a| field(a) as f32).collect();
            all.resize(b.next_multiple_of(isa.lanes()), 0.0);
            all
        };
        let scale = padded(&|a| a.scale);
        let threshold = match form {
            Form::Angular(Negatives::Parabola(rule)) => padded(&|a| rule.threshold(a.psi)),
            _ => Vec::new(),
        };
        let mut targets: Vec<_> = facts.iter().map(|f| f.own).zip(0..).collect();
        targets.sort_unstable();
        Rows {
            form,
            left,
            norms: facts.iter().map(|f| f.norm).collect(),
            geometry,
            logits: answers,
            target_dot: facts.iter().zip(batch.labels).map(|(f, &y)| f.target_dot + own_bias(y)).collect(),
            toward_prototype,
            toward_embedding,
            scale,
            threshold,
            targets,
        }
    }

    /// The rows whose own prototype is one of `prototypes`, the first counted as 0.
    pub(super) fn own(&self, prototypes: Range<usize>) -> Vec<(u32, u32)> {
        let below = |end: usize| self.targets.partition_point(|t| (t.0 as usize) < end);
        let own = &self.targets[below(prototypes.start)..below(prototypes.end)];
        own.iter().map(|t| (t.0 - prototypes.start as u32, t.1)).collect()
    }
}

impl Kernel for Part<'_> {
    type Output = Vec<Facts>;

    #[inline(always)]
    fn run<S: Simd>(self, _: S) -> Vec<Facts> {
        let d = self.batch.dim;
        let mut facts = Vec::with_capacity(self.rows.len());
        let mut unit_x = vec![0.0_f64; d];
        let mut unit_w = vec![0.0_f64; d];
        let mut u = vec![0.0_f64; d];
        for (at, row) in self.rows.clone().enumerate() {
            let x = &self.batch.embeddings[row * d..][..d];
            let norm = unit(x, &mut unit_x);
            let own = self.nearest(self.batch.labels[row] as usize, &unit_x, &mut unit_w);
            let w = &self.weights[own * d..][..d];
            let w_norm = unit(w, &mut unit_w);
            let cos = dot_f64(&unit_x, &unit_w).clamp(-1.0, 1.0);
            let here = at * d..(at + 1) * d;
            let sin = tangent(&unit_x, &unit_w, cos, &mut u, &mut self.toward_prototype[here.clone()]);
            tangent(&unit_w, &unit_x, cos, &mut u, &mut self.toward_embedding[here.clone()]);
            let geometry = RowGeometry { cos, sin, norm };
            let left = &mut self.left[here];
            let mut target_dot = 0.0;
            if self.linear {
                left.copy_from_slice(x);
                target_dot = dot_f64(&unit_x, &unit_w) * norm * w_norm;
            } else {
                for (to, &from) in left.iter_mut().zip(&unit_x) {
                    *to = from as f32;
                }
            }
            facts.push(Facts { norm: norm.max(NORM_FLOOR), geometry, target_dot, own: own as u32 });
        }
        facts
    }
}

impl Part<'_> {
    /// Of the prototypes of `class` that with the largest cosine, or w·x; the first among equals.
    #[inline(always)]
    fn nearest(&self, class: usize, unit_x: &[f64], unit_w: &mut [f64]) -> usize {
        let (d, centers) = (self.batch.dim, self.batch.centers);
        let mut best = (class * centers, f64::NEG_INFINITY);
        // One prototype is the nearest without being measured.
        for k in (class * centers..(class + 1) * centers).filter(|_| centers > 1) {
            let w_norm = unit(&self.weights[k * d..][..d], unit_w);
            let score = dot_f64(unit_x, unit_w) * if self.linear { w_norm } else { 1.0 };
            if score > best.1 {
                best = (k, score);
            }
        }
        best.0
    }
}

/// v/‖v‖ in f64, 0 where v is; returns ‖v‖. f64 holds the square of every f32.
#[inline(always)]
fn unit(v: &[f32], out: &mut [f64]) -> f64 {
    for (to, &from) in out.iter_mut().zip(v) {
        *to = f64::from(from);
    }
    let norm = dot_f64(out, out).sqrt();
    let inverse = if norm > 0.0 { 1.0 / norm } else { 0.0 };
    out.iter_mut().for_each(|v| *v *= inverse);
    norm
}

/// Writes u/‖u‖ for u = to − cos·from and returns ‖u‖ = sin θ. At θ = 0 or π, where
/// no direction is distinguished, writes zeros: the zero subgradient.
#[inline(always)]
fn tangent(from: &[f64], to: &[f64], cos: f64, u: &mut [f64], out: &mut [f32]) -> f64 {
    for ((u, f), t) in u.iter_mut().zip(from).zip(to) {
        *u = t - cos * f;
    }
    let norm = dot_f64(u, u).sqrt();
    // Below this ‖u‖ is rounding noise of f64 unit vectors and its direction arbitrary.
    let inverse = if norm > 1e-15 { 1.0 / norm } else { 0.0 };
    for (o, u) in out.iter_mut().zip(u) {
        *o = (*u * inverse) as f32;
    }
    norm.min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::head::OneVsAll;

    #[test]
    fn sine_keeps_its_digits_where_one_minus_cos_squared_loses_them() {
        for angle in [1e-9_f64, 1e-6, 1e-3, 1.0, std::f64::consts::PI - 1e-6] {
            let from = [1.0, 0.0];
            let to = [angle.cos(), angle.sin()];
            let mut out = [0.0; 2];
            let sin = tangent(&from, &to, dot_f64(&from, &to), &mut [0.0; 2], &mut out);
            assert!((sin - angle.sin()).abs() <= 1e-12 * angle.sin(), "sin {angle} = {sin}");
            assert!((out[1] - 1.0).abs() < 1e-6, "direction at {angle}: {out:?}");
        }
    }

    #[test]
    fn a_range_of_prototypes_knows_its_rows() {
        let (x, labels) = ([1.0; 8], [4, 2, 4, 0]);
        let mut batch = Batch {
            embeddings: &x,
            labels: &labels,
            dim: 2,
            centers: 1,
            smoothing: 0.0,
            lanes: 1,
            chunk: 1,
            max_gradient_norm: f64::INFINITY,
        };
        let rows = Rows::prepare(Isa::best(), &batch, Logits::Linear, &[1.0; 10], &[]);
        assert_eq!(rows.own(2..5), [(0, 1), (2, 0), (2, 2)]);
        assert_eq!(rows.own(1..2), []);

        // The second of two prototypes is longer, and no nearer.
        batch.centers = 2;
        let weights = [1.0, 1.0, 2.0, 2.0].repeat(5);
        let linear = Rows::prepare(Isa::best(), &batch, Logits::Linear, &weights, &[]);
        assert_eq!(linear.own(0..10), [(1, 3), (5, 1), (9, 0), (9, 2)]);
        let rule = OneVsAll { weight: 0.7, scale: 30.0, margin: 0.4, power: 3.0 };
        let angular = Rows::prepare(Isa::best(), &batch, Logits::OneVsAll(rule), &weights, &[]);
        assert_eq!(angular.own(0..10), [(0, 3), (4, 1), (8, 0), (8, 2)]);
    }

    #[test]
    fn no_direction_at_zero_and_pi() {
        for sign in [1.0, -1.0] {
            let mut out = [9.0; 2];
            let sin = tangent(&[1.0, 0.0], &[sign, 0.0], sign, &mut [0.0; 2], &mut out);
            assert_eq!((sin, out), (0.0, [0.0, 0.0]));
        }
    }
}
