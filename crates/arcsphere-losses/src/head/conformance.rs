//! The whole loss, head and margin together, over the registry: against central
//! differences of an f64 loss, and at the places where trainings die.
//!
//! What a loss detaches from its gradient is taken once, at the point of the gradient, and held
//! fixed while the differences are made: its memory and draws, which `begin` sets, and the
//! weights of re-weighted negatives.

use super::objective::Prototypes;
use super::rule::DRAWS;
use super::*;
use crate::margin::{LOSSES, MarginLoss, Negatives, OneVsAll, Recipe, Row, ScaleKind};
use crate::margin_schedule::Lambda;
use crate::numbers::softplus;
use crate::random::keyed;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const SCALE: f64 = 8.0;

/// The paper's loss, at a scale where it has one, held in a state.
fn builder(info: &MarginLoss, classes: usize, dim: usize, scale: f64, state: MarginState) -> HeadBuilder {
    let paper = Head::builder(info.name, classes, dim).paper().held_at(state).lanes(2).seed(3);
    if info.kind.scale == ScaleKind::Fixed { paper.scale(scale) } else { paper }
}

fn head(info: &MarginLoss, classes: usize, dim: usize) -> Head {
    builder(info, classes, dim, SCALE, MarginState::FULL).build().unwrap()
}

fn prototypes(head: &Head) -> &Prototypes {
    match &head.objective {
        Objective::Prototypes(p) => p,
        other => panic!("{other:?}"),
    }
}

/// The same head with other prototypes.
fn with_weights(mut head: Head, weights: Vec<f32>) -> Head {
    head.restore(HeadState { weights, ..head.state() }).unwrap();
    head
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn unit(v: &[f64]) -> Vec<f64> {
    let norm = dot(v, v).sqrt();
    v.iter().map(|a| a / norm).collect()
}

/// The loss from its definition in f64: cosines, logits, log-sum-exp.
struct Oracle<'a> {
    of: &'a Prototypes,
    dim: usize,
    bias: Vec<f32>,
    labels: &'a [u32],
    state: MarginState,
    /// Rows and other classes' cosines at the point of the gradient.
    frozen: Vec<(Row, Vec<f64>)>,
    memory: Vec<f64>,
}

impl<'a> Oracle<'a> {
    fn new(head: &'a Head, labels: &'a [u32], x: &[f64], w: &[f64]) -> Self {
        let (of, state) = (prototypes(head), head.margin_state());
        let HeadState { bias, memory, .. } = head.state();
        let mut oracle = Oracle { of, dim: head.dim(), bias, labels, state, frozen: Vec::new(), memory };
        let (mut rows, cosines): (Vec<Row>, Vec<Vec<f64>>) = oracle.geometry(x, w).into_iter().unzip();
        if !oracle.linear() && of.one_vs_all(state).is_none() {
            let rng = &mut keyed(DRAWS, head.seed, state.step);
            of.margin.begin(&mut oracle.memory, &mut rows, state.strength, rng);
        }
        oracle.frozen = rows.into_iter().zip(cosines).collect();
        oracle
    }

    fn linear(&self) -> bool {
        self.state.linear || !self.of.is_angular()
    }

    /// Each row towards its own class, and its cosines with all classes: the largest of a class's.
    fn geometry(&self, x: &[f64], w: &[f64]) -> Vec<(Row, Vec<f64>)> {
        let (d, k) = (self.dim, self.of.margin.centers());
        x.chunks(d)
            .zip(self.labels)
            .map(|(x, &y)| {
                let x_unit = unit(x);
                let all: Vec<f64> = w.chunks(d).map(|w| dot(&x_unit, &unit(w))).collect();
                let best = |own: &[f64]| own.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                let cosines: Vec<f64> = all.chunks(k).map(best).collect();
                let own = &all[y as usize * k..][..k];
                let nearest = y as usize * k + own.iter().position(|c| *c == best(own)).unwrap();
                let cos = cosines[y as usize];
                let residual: Vec<f64> =
                    unit(&w[nearest * d..][..d]).iter().zip(&x_unit).map(|(w, x)| w - cos * x).collect();
                let (sin, norm) = (dot(&residual, &residual).sqrt(), dot(x, x).sqrt());
                (Row { cos, sin, norm, draw: 0.0 }, cosines)
            })
            .collect()
    }

    fn loss(&self, x: &[f64], w: &[f64]) -> f64 {
        let total: f64 = if self.linear() {
            let (d, k) = (self.dim, self.of.margin.centers());
            let rows = x.chunks(d).zip(self.labels);
            rows.map(|(x, &y)| {
                let dots: Vec<f64> = w.chunks(d).map(|w| dot(x, w)).collect();
                let best = |own: &[f64]| own.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                let biased = |(j, own): (usize, &[f64])| best(own) + f64::from(self.bias[j]);
                cross_entropy(&dots.chunks(k).enumerate().map(biased).collect::<Vec<_>>(), y)
            })
            .sum()
        } else {
            let rows = self.geometry(x, w).into_iter().zip(&self.frozen).zip(self.labels);
            rows.map(|(((row, cosines), (frozen, at)), &y)| {
                self.row(&Row { draw: frozen.draw, ..row }, &cosines, at, y)
            })
            .sum()
        };
        total / self.labels.len() as f64
    }

    /// An angular row's loss; `at` are the cosines at the point of the gradient.
    fn row(&self, row: &Row, cosines: &[f64], at: &[f64], y: u32) -> f64 {
        let (of, state) = (self.of, self.state);
        if let Some(OneVsAll { weight, scale: r, margin: m, power: t }) = of.one_vs_all(state) {
            let g = |c: f64| 2.0 * (0.5 * (c + 1.0)).powf(t) - 1.0;
            let b = f64::from(self.bias[0]);
            let term = |(j, &c): (usize, &f64)| match j == y as usize {
                true => weight * softplus(-(r * (g(c) - m) + b)),
                false => (1.0 - weight) * softplus(r * (g(c) + m) + b),
            };
            return cosines.iter().enumerate().map(term).sum::<f64>() / r;
        }
        let target = of.margin.target(row, &self.memory, state.strength);
        let fixed = of.margin.scale(&self.memory).unwrap_or(of.scale);
        let scale = match of.scale_kind {
            ScaleKind::Fixed => (1.0 - state.scale_share) * row.norm + state.scale_share * fixed,
            _ => row.norm,
        };
        let psi = (state.lambda * row.cos + target.psi) / (1.0 + state.lambda);
        let negatives = of.margin.negatives(&self.memory, state.strength);
        // Which class counts as hard is read anew: none of these is so near to ψ that it changes.
        let other = |c: f64, at: f64| match negatives {
            Negatives::Plain => c,
            Negatives::Parabola(p) if c > p.threshold(psi) => {
                let first = p.gain * (p.slant * if p.held { at } else { c } + p.lift);
                p.keep * c + first * (c - p.zero) + p.offset
            }
            Negatives::Parabola(p) => p.below * c,
        };
        let z: Vec<f64> = cosines
            .iter()
            .zip(at)
            .enumerate()
            .map(|(j, (&c, &at))| scale * if j == y as usize { psi } else { other(c, at) })
            .collect();
        cross_entropy(&z, y) + target.penalty
    }
}

fn cross_entropy(z: &[f64], y: u32) -> f64 {
    let max = z.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    max + z.iter().map(|z| (z - max).exp()).sum::<f64>().ln() - z[y as usize]
}

fn states() -> [MarginState; 4] {
    let lambda = Lambda { base: 1000.0, gamma: 0.12, power: 1.0, min: 5.0 }.at(500);
    [
        MarginState { linear: true, ..MarginState::FULL },
        MarginState { scale_share: 0.3, strength: 0.4, ..MarginState::FULL },
        MarginState { lambda, ..MarginState::FULL },
        MarginState { step: 7, ..MarginState::FULL },
    ]
}

/// Central differences of `f` at `at`.
fn differences(at: &[f64], mut f: impl FnMut(&[f64]) -> f64) -> Vec<f64> {
    let h = 1e-6;
    let mut v = at.to_vec();
    (0..at.len())
        .map(|k| {
            v[k] = at[k] + h;
            let up = f(&v);
            v[k] = at[k] - h;
            let down = f(&v);
            v[k] = at[k];
            (up - down) / (2.0 * h)
        })
        .collect()
}

fn close(got: &[f32], want: &[f64], what: &str) {
    let largest = want.iter().fold(1e-2_f64, |m, v| m.max(v.abs()));
    for (k, (g, w)) in got.iter().zip(want).enumerate() {
        assert!((f64::from(*g) - w).abs() <= 1e-3 * largest, "{what}[{k}]: {g}, differences give {w}");
    }
}

fn to_f64(v: &[f32]) -> Vec<f64> {
    v.iter().map(|&a| f64::from(a)).collect()
}

/// Relative error ≤ 1e-3 of the largest entry, the specification's bound for f32.
#[test]
fn gradients_agree_with_central_differences() {
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    for info in LOSSES {
        for state in states() {
            for (classes, dim) in [(2, 2), (5, 2), (7, 16)] {
                let mut head = builder(info, classes, dim, SCALE, state).build().unwrap();
                let b = 6;
                // Half of the rows longer: norms from 1 to 20 and more.
                let x: Vec<f32> = (0..b * dim)
                    .map(|i| rng.random_range(-2.0f32..2.0) * if i / dim % 2 == 0 { 1.0 } else { 8.0 })
                    .collect();
                let labels: Vec<u32> = (0..b).map(|_| rng.random_range(0..classes as u32)).collect();
                let (x64, w64) = (to_f64(&x), to_f64(&head.state().weights));
                let oracle = Oracle::new(&head, &labels, &x64, &w64);
                let want_loss = oracle.loss(&x64, &w64);
                let want_dx = differences(&x64, |v| oracle.loss(v, &w64));
                let want_dw = differences(&w64, |v| oracle.loss(&x64, v));
                let BatchLoss { loss, dx, .. } = head.gradients(&x, &labels).unwrap();
                let what = format!("{} {state:?} C={classes} D={dim}", info.name);
                assert!((loss - want_loss).abs() <= 1e-5 * want_loss.max(1.0), "{what}: {loss}, oracle {want_loss}");
                close(&dx, &want_dx, &format!("{what}: dX"));
                close(head.gradient().unwrap().weights, &want_dw, &format!("{what}: dW"));
            }
        }
    }
}

/// A step, and gradients with an update after it, are the same to the bit.
#[test]
fn one_call_and_two_are_the_same() {
    let sgd = Update::Sgd { rate: 0.1, momentum: 0.9, decay: 0.01 };
    let adamw = |step| Update::AdamW { rate: 0.01, beta1: 0.9, beta2: 0.99, epsilon: 1e-8, decay: 0.1, step };
    let x: Vec<f32> = (0..24).map(|i| (i as f32 * 0.7).sin()).collect();
    let labels = [0, 4, 2, 2, 1, 3];
    for info in LOSSES {
        for (state, limit) in states().into_iter().zip([1e-3, 1e-3, 10.0, 10.0]) {
            for adam in [false, true] {
                let new = || builder(info, 5, 4, SCALE, state).max_gradient_norm(limit).build().unwrap();
                let (mut fused, mut apart) = (new(), new());
                for step in 1..=3 {
                    let update = if adam { adamw(step) } else { sgd };
                    let (mut dx, mut stats) = (vec![0.0; x.len()], vec![RowStats::default(); 6]);
                    let loss = fused.step(&x, &labels, &update, &mut dx, &mut stats).unwrap();
                    let batch = apart.gradients(&x, &labels).unwrap();
                    apart.update(&update).unwrap();
                    assert_eq!((batch.loss, &batch.dx, &batch.rows), (loss, &dx, &stats), "{} {step}", info.name);
                }
                assert_eq!(fused.state(), apart.state(), "{} {state:?}", info.name);
            }
        }
    }
}

/// Exactly on the prototype, exactly opposite, at the origin, tiny and huge: all finite,
/// and the gradient on the sphere within s·|ψ′| (times 2: the other classes pull as well).
#[test]
fn finite_where_trainings_die() {
    for info in LOSSES {
        for dim in [2, 3, 64] {
            for length in [0.0, 1e-30, 1e-6, 1.0, 1e6, -1.0, -1e-20] {
                let mut head = head(info, 4, dim);
                let x: Vec<f32> = head.one_per_class()[..dim].iter().map(|v| v * length).collect();
                let BatchLoss { loss, dx, .. } = head.gradients(&x, &[0]).unwrap();
                let norm = f64::from(length.abs());
                let what = format!("{} D={dim} at {length}·w", info.name);
                let dw = head.gradient().unwrap().weights;
                assert!(loss.is_finite() && dx.iter().chain(dw).all(|v| v.is_finite()), "{what}");
                let memory = head.state().memory;
                assert!(memory.iter().all(|v| v.is_finite()), "{what}: {memory:?}");
                if info.kind.scale == ScaleKind::Fixed && norm >= 1e-6 {
                    let on_sphere = norm * to_f64(&dx).iter().map(|v| v * v).sum::<f64>().sqrt();
                    let bound = 2.0 * SCALE * prototypes(&head).margin.steepest();
                    assert!(on_sphere <= bound, "{what}: {on_sphere}");
                }
            }
        }
    }
}

/// At the papers' scale of 64 and long embeddings, with the sample far from its prototype:
/// the own cosine's exponential exceeds f32, and must not enter the gradient.
#[test]
fn high_scales_stay_exact() {
    for info in LOSSES {
        let head = builder(info, 3, 2, 64.0, MarginState::FULL).build().unwrap();
        let three = [[1.0, 0.0], [-0.5, 0.8], [-0.5, -0.8]];
        let centers = head.centers();
        let mut head = with_weights(head, three.iter().flat_map(|w| w.repeat(centers)).collect());
        let theta = 0.6_f64;
        let x = [(20.0 * theta.cos()) as f32, (20.0 * theta.sin()) as f32];
        let (x64, w64) = (to_f64(&x), to_f64(&head.state().weights));
        let want = {
            let oracle = Oracle::new(&head, &[0], &x64, &w64);
            differences(&x64, |v| oracle.loss(v, &w64))
        };
        let dx = head.gradients(&x, &[0]).unwrap().dx;
        close(&dx, &want, &format!("{}: dX at scale 64", info.name));
    }
}

/// A target whose cosine is 1 − 5e-9, where a clamp to 1 − 1e-7 biases the loss and an
/// arccos in f32 returns 0 or NaN: the angle is right to 1e-3.
#[test]
fn small_angles_are_not_lost() {
    let info = crate::margin::find("arcface").unwrap();
    let mut head = with_weights(head(info, 2, 2), vec![1.0, 0.0, -1.0, 0.0]);
    let BatchLoss { dx, rows, .. } = head.gradients(&[1.0, 1e-4], &[0]).unwrap();
    assert!((rows[0].target_angle - 1e-4).abs() < 1e-7, "{}", rows[0].target_angle);
    assert!(dx[1] > 0.0, "the margin still pulls: {dx:?}");
}

/// The gradient of cos(θ + m) includes how cos(θ + m) − cos θ moves.
#[test]
fn the_margin_is_not_a_constant() {
    let info = crate::margin::find("arcface").unwrap();
    let margin = info.build(&Recipe::paper(info, 2, 2));
    let target = margin.target(&Row::at_angle(1.0), &[], 1.0);
    assert!((target.dpsi_dtheta + 1.5_f64.sin()).abs() < 1e-12, "not −sin θ");
}

/// Cosines of rounded numbers never leave [−1, 1], so a loss of aligned vectors is never
/// below its bound.
#[test]
fn aligned_vectors_in_many_dimensions_stay_on_the_sphere() {
    let info = crate::margin::find("modified_softmax").unwrap();
    let mut head = head(info, 2, 512);
    let x: Vec<f32> = head.one_per_class()[..512].iter().map(|v| v * 37.3).collect();
    let rows = head.gradients(&x, &[0]).unwrap().rows;
    assert!(rows[0].target_angle < 1e-6 && rows[0].probability <= 1.0);
}
