//! The whole loss, head and margin together, over the registry: against central
//! differences of an f64 loss, and at the places where trainings die.

use super::*;
use crate::losses::margin::{Extension, LOSSES, LossInfo};
use crate::optim::margin_schedule::Lambda;
use rand::{RngExt, SeedableRng};

const SCALE: f64 = 8.0;

fn head(info: &LossInfo, classes: usize, dim: usize, seed: u64) -> Head {
    let spec = HeadSpec {
        classes,
        dim,
        margin: (info.build)(info.paper, Extension::Monotone),
        scale_kind: info.scale,
        scale: SCALE,
        smoothing: 0.0,
        lanes: 2,
        max_gradient_norm: f64::INFINITY,
    };
    Head::new(spec, &Update::Gradient, &mut ChaCha8Rng::seed_from_u64(seed))
}

/// The loss from its definition in f64: cosines by arccos-free atan2, logits, log-sum-exp.
fn oracle(head: &Head, info: &LossInfo, x: &[f64], w: &[f64], labels: &[u32], state: MarginState) -> f64 {
    oracle_at(head, info, x, w, labels, state, SCALE)
}

/// The same at another fixed scale.
fn oracle_at(head: &Head, info: &LossInfo, x: &[f64], w: &[f64], labels: &[u32], state: MarginState, s: f64) -> f64 {
    let d = head.spec.dim;
    let norm = |v: &[f64]| v.iter().map(|a| a * a).sum::<f64>().sqrt();
    let mut total = 0.0;
    for (x, &y) in x.chunks(d).zip(labels) {
        let n = norm(x);
        let z: Vec<f64> = w
            .chunks(d)
            .enumerate()
            .map(|(j, w)| {
                let dot: f64 = x.iter().zip(w).map(|(a, b)| a * b).sum();
                if info.scale == ScaleKind::Unnormalized || state.linear {
                    return dot + f64::from(head.state.bias[j]);
                }
                let cos = dot / n / norm(w);
                let scale = match info.scale {
                    ScaleKind::Fixed => (1.0 - state.scale_share) * n + state.scale_share * s,
                    _ => n,
                };
                if j != y as usize {
                    return scale * cos;
                }
                let length = norm(w);
                let residual: Vec<f64> = x.iter().zip(w).map(|(x, w)| w / length - cos * x / n).collect();
                let psi = head.spec.margin.target(cos, norm(&residual), n, state.strength).psi;
                scale * (state.lambda * cos + psi) / (1.0 + state.lambda)
            })
            .collect();
        let max = z.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        total += max + z.iter().map(|z| (z - max).exp()).sum::<f64>().ln() - z[y as usize];
    }
    total / labels.len() as f64
}

fn states() -> [MarginState; 4] {
    let lambda = Lambda { base: 1000.0, gamma: 0.12, power: 1.0, min: 5.0 }.at(500);
    [
        MarginState { linear: true, ..MarginState::FULL },
        MarginState { scale_share: 0.3, strength: 0.4, ..MarginState::FULL },
        MarginState { lambda, ..MarginState::FULL },
        MarginState::FULL,
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

/// Relative error ≤ 1e-3 of the largest entry, the specification's bound for f32.
#[test]
fn gradients_agree_with_central_differences() {
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    for info in LOSSES {
        for state in states() {
            for (classes, dim) in [(2, 2), (5, 2), (7, 16)] {
                let mut head = head(info, classes, dim, 3);
                let b = 6;
                let x: Vec<f32> = (0..b * dim).map(|_| rng.random_range(-2.0f32..2.0)).collect();
                let labels: Vec<u32> = (0..b).map(|_| rng.random_range(0..classes as u32)).collect();
                let (x64, w64) = (to_f64(&x), to_f64(&head.state.weights));
                let want_loss = oracle(&head, info, &x64, &w64, &labels, state);
                let want_dx = differences(&x64, |v| oracle(&head, info, v, &w64, &labels, state));
                let want_dw = differences(&w64, |v| oracle(&head, info, &x64, v, &labels, state));
                let (mut dx, mut stats) = (vec![0.0; x.len()], vec![RowStats::default(); b]);
                let loss = head.step(&x, &labels, state, &Update::Gradient, &mut dx, &mut stats);
                let what = format!("{} {state:?} C={classes} D={dim}", info.name);
                assert!((loss - want_loss).abs() <= 1e-5 * want_loss.max(1.0), "{what}: {loss}, oracle {want_loss}");
                close(&dx, &want_dx, &format!("{what}: dX"));
                close(&head.state.first, &want_dw, &format!("{what}: dW"));
            }
        }
    }
}

fn to_f64(v: &[f32]) -> Vec<f64> {
    v.iter().map(|&a| f64::from(a)).collect()
}

/// Exactly on the prototype, exactly opposite, at the origin, tiny and huge: all finite,
/// and the gradient on the sphere within s·m0 (times 2: the other classes pull as well).
#[test]
fn finite_where_trainings_die() {
    for info in LOSSES {
        for dim in [2, 3, 64] {
            let mut head = head(info, 4, dim, 1);
            let w = head.state.weights[..dim].to_vec();
            for length in [0.0, 1e-30, 1e-6, 1.0, 1e6, -1.0, -1e-20] {
                let x: Vec<f32> = w.iter().map(|v| v * length).collect();
                let (mut dx, mut stats) = (vec![0.0; dim], vec![RowStats::default(); 1]);
                let loss = head.step(&x, &[0], MarginState::FULL, &Update::Gradient, &mut dx, &mut stats);
                let norm = f64::from(length.abs());
                let what = format!("{} D={dim} at {length}·w", info.name);
                assert!(loss.is_finite() && dx.iter().chain(&head.state.first).all(|v| v.is_finite()), "{what}");
                if info.scale == ScaleKind::Fixed && norm >= 1e-6 {
                    let on_sphere = norm * to_f64(&dx).iter().map(|v| v * v).sum::<f64>().sqrt();
                    let bound = 2.0 * SCALE * info.paper.angle_multiplier;
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
        let mut head = head(info, 3, 2, 1);
        head.spec.scale = 64.0;
        head.state.weights = vec![1.0, 0.0, -0.5, 0.8, -0.5, -0.8];
        let theta = 0.6_f64;
        let x = [(20.0 * theta.cos()) as f32, (20.0 * theta.sin()) as f32];
        let (x64, w64) = (to_f64(&x), to_f64(&head.state.weights));
        let at_64 = |v: &[f64]| oracle_at(&head, info, v, &w64, &[0], MarginState::FULL, 64.0);
        let want = differences(&x64, at_64);
        let (mut dx, mut stats) = ([0.0; 2], [RowStats::default(); 1]);
        head.step(&x, &[0], MarginState::FULL, &Update::Gradient, &mut dx, &mut stats);
        close(&dx, &want, &format!("{}: dX at scale 64", info.name));
    }
}

/// A target whose cosine is 1 − 5e-9, where a clamp to 1 − 1e-7 biases the loss and an
/// arccos in f32 returns 0 or NaN: the angle is right to 1e-3.
#[test]
fn small_angles_are_not_lost() {
    let info = crate::losses::margin::find("arcface").unwrap();
    let mut head = head(info, 2, 2, 0);
    head.state.weights = vec![1.0, 0.0, -1.0, 0.0];
    let (mut dx, mut stats) = ([0.0; 2], [RowStats::default(); 1]);
    head.step(&[1.0, 1e-4], &[0], MarginState::FULL, &Update::Gradient, &mut dx, &mut stats);
    assert!((stats[0].target_angle - 1e-4).abs() < 1e-7, "{}", stats[0].target_angle);
    assert!(dx[1] > 0.0, "the margin still pulls: {dx:?}");
}

/// The gradient of cos(θ + m) includes how cos(θ + m) − cos θ moves.
#[test]
fn the_margin_is_not_a_constant() {
    let info = crate::losses::margin::find("arcface").unwrap();
    let margin = (info.build)(info.paper, Extension::Monotone);
    let (sin, cos) = 1.0_f64.sin_cos();
    let target = margin.target(cos, sin, 1.0, 1.0);
    assert!((target.dpsi_dtheta + 1.5_f64.sin()).abs() < 1e-12, "not −sin θ");
}

/// Cosines of rounded numbers never leave [−1, 1], so a loss of aligned vectors is never
/// below its bound.
#[test]
fn aligned_vectors_in_many_dimensions_stay_on_the_sphere() {
    let info = crate::losses::margin::find("modified_softmax").unwrap();
    let mut head = head(info, 2, 512, 0);
    let x: Vec<f32> = head.state.weights[..512].iter().map(|v| v * 37.3).collect();
    let (mut dx, mut stats) = (vec![0.0; 512], [RowStats::default(); 1]);
    head.step(&x, &[0], MarginState::FULL, &Update::Gradient, &mut dx, &mut stats);
    assert!(stats[0].target_angle < 1e-6 && stats[0].probability <= 1.0);
}
