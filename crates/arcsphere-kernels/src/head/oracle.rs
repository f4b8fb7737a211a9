//! The head written down plainly in f64, and the fused one held against it.

use super::*;
use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// A margin with everything that a rule may use: an angle-dependent ψ, a scale and
/// a ψ that move with the norm, and a penalty.
struct Wild;

impl MarginRule for Wild {
    fn row(&self, row: usize, g: RowGeometry) -> RowLogit {
        let theta = g.sin.atan2(g.cos);
        let k = 1.0 + 0.1 * row as f64;
        RowLogit {
            scale: 3.0 + 0.5 * g.norm,
            dscale_dnorm: 0.5,
            psi: (k * theta + 0.2).cos() - 0.1 * g.norm,
            dpsi_dtheta: -k * (k * theta + 0.2).sin(),
            dpsi_dnorm: -0.1,
            penalty: 0.01 * g.norm * g.norm,
            dpenalty_dnorm: 0.02 * g.norm,
        }
    }
}

/// Mean loss in f64, straight from the definition.
fn loss(x: &[f64], w: &[f64], bias: &[f64], labels: &[u32], d: usize, smoothing: f64, angular: bool) -> f64 {
    let norm = |v: &[f64]| v.iter().map(|a| a * a).sum::<f64>().sqrt();
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let classes = w.len() / d;
    let mut total = 0.0;
    for (i, (x, &y)) in x.chunks(d).zip(labels).enumerate() {
        let mut penalty = 0.0;
        let z: Vec<f64> = if angular {
            let cos: Vec<f64> = w.chunks(d).map(|w| (dot(x, w) / norm(x) / norm(w)).clamp(-1.0, 1.0)).collect();
            let c = cos[y as usize];
            let row = Wild.row(i, RowGeometry { cos: c, sin: (1.0 - c * c).sqrt(), norm: norm(x) });
            penalty = row.penalty;
            cos.iter().enumerate().map(|(j, c)| row.scale * if j == y as usize { row.psi } else { *c }).collect()
        } else {
            w.chunks(d).enumerate().map(|(j, w)| dot(x, w) + bias.get(j).unwrap_or(&0.0)).collect()
        };
        let max = z.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let lse = max + z.iter().map(|z| (z - max).exp()).sum::<f64>().ln();
        let mean_z = z.iter().sum::<f64>() / classes as f64;
        total += lse - (1.0 - smoothing) * z[y as usize] - smoothing * mean_z + penalty;
    }
    total / labels.len() as f64
}

struct Case {
    x: Vec<f32>,
    w: Vec<f32>,
    bias: Vec<f32>,
    labels: Vec<u32>,
    d: usize,
    smoothing: f64,
    angular: bool,
    limit: f64,
    isa: Isa,
}

impl Case {
    fn draw(seed: u64, b: usize, c: usize, d: usize, smoothing: f64, angular: bool) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut numbers = |n: usize| (0..n).map(|_| rng.random_range(-1.5f32..1.5)).collect::<Vec<_>>();
        let (x, w) = (numbers(b * d), numbers(c * d));
        let bias = if angular { Vec::new() } else { numbers(c) };
        let labels = (0..b).map(|_| rng.random_range(0..c as u32)).collect();
        Case { x, w, bias, labels, d, smoothing, angular, limit: f64::INFINITY, isa: Isa::best() }
    }

    /// (loss, dX, dW, db)
    fn run(&self, lanes: usize, chunk: usize) -> (f64, Vec<f32>, Vec<f32>, Vec<f32>) {
        self.run_in(&mut Workspace::default(), lanes, chunk)
    }

    fn run_in(&self, workspace: &mut Workspace, lanes: usize, chunk: usize) -> (f64, Vec<f32>, Vec<f32>, Vec<f32>) {
        let mut w = self.w.clone();
        let mut bias = self.bias.clone();
        let (mut dw, mut db) = (vec![0.0; w.len()], vec![0.0; bias.len()]);
        let mut dx = vec![0.0; self.x.len()];
        let mut stats = vec![RowStats::default(); self.labels.len()];
        let batch = Batch {
            embeddings: &self.x,
            labels: &self.labels,
            dim: self.d,
            smoothing: self.smoothing,
            lanes,
            chunk,
            max_gradient_norm: self.limit,
        };
        let logits = if self.angular { Logits::Angular(&Wild) } else { Logits::Linear };
        let parameters = Parameters {
            weights: &mut w,
            bias: &mut bias,
            moments: Moments { first: &mut dw, second: &mut [] },
            bias_moments: Moments { first: &mut db, second: &mut [] },
        };
        let loss = step_in(self.isa, workspace, &batch, logits, parameters, &Update::Gradient, &mut dx, &mut stats);
        (loss, dx, dw, db)
    }

    /// Central differences of the f64 loss with respect to one of x, w, bias.
    fn differences(&self, which: usize) -> Vec<f64> {
        let mut parts = [&self.x, &self.w, &self.bias].map(|v| v.iter().map(|&a| f64::from(a)).collect::<Vec<_>>());
        let h = 1e-6;
        (0..parts[which].len())
            .map(|k| {
                let at = parts[which][k];
                let mut eval = |v: f64| {
                    parts[which][k] = v;
                    loss(&parts[0], &parts[1], &parts[2], &self.labels, self.d, self.smoothing, self.angular)
                };
                let slope = (eval(at + h) - eval(at - h)) / (2.0 * h);
                eval(at);
                slope
            })
            .collect()
    }

    /// Tolerance: 1e-3 of the gradient's largest entry, the f32 bound of the specification.
    fn check(&self) {
        let (got, dx, dw, db) = self.run(2, 3);
        let f64s = |v: &[f32]| v.iter().map(|&a| f64::from(a)).collect::<Vec<_>>();
        let want =
            loss(&f64s(&self.x), &f64s(&self.w), &f64s(&self.bias), &self.labels, self.d, self.smoothing, self.angular);
        assert!((got - want).abs() <= 1e-5 * want.abs().max(1.0), "loss {got}, oracle {want}");
        for (which, got) in [dx, dw, db].iter().enumerate() {
            let want = self.differences(which);
            let largest = want.iter().fold(1e-3_f64, |m, v| m.max(v.abs()));
            for (k, (g, w)) in got.iter().zip(&want).enumerate() {
                assert!((f64::from(*g) - w).abs() <= 1e-3 * largest, "part {which}, entry {k}: {g}, oracle {w}");
            }
        }
    }
}

#[test]
fn agrees_with_central_differences() {
    for (seed, &(b, c, d)) in [(1, 2, 2), (5, 3, 2), (7, 11, 3), (4, 13, 17)].iter().enumerate() {
        for angular in [true, false] {
            for smoothing in [0.0, 0.1] {
                for isa in Isa::available() {
                    Case { isa, ..Case::draw(seed as u64, b, c, d, smoothing, angular) }.check();
                }
            }
        }
    }
}

#[test]
fn long_gradients_are_shortened_per_prototype() {
    let mut case = Case::draw(2, 8, 5, 3, 0.0, true);
    let (_, dx, dw, _) = case.run(1, 2);
    let longest = dw.chunks(3).map(|g| g.iter().map(|v| v * v).sum::<f32>().sqrt()).fold(0.0, f32::max);
    case.limit = f64::from(longest) / 2.0;
    let (_, same_dx, cut, _) = case.run(1, 2);
    assert_eq!(dx, same_dx);
    for (g, c) in dw.chunks(3).zip(cut.chunks(3)) {
        let norm = |v: &[f32]| v.iter().map(|v| v * v).sum::<f32>().sqrt();
        let want = norm(g).min(longest / 2.0);
        assert!((norm(c) - want).abs() < 1e-5 * longest, "{} for {want}", norm(c));
    }
}

#[test]
fn chunks_and_lanes_change_only_rounding_and_lanes_fix_the_bits() {
    let case = Case::draw(9, 16, 37, 8, 0.05, true);
    let whole = case.run(1, 64);
    for (lanes, chunk) in [(1, 1), (2, 5), (3, 7), (4, 16), (64, 2)] {
        let parts = case.run(lanes, chunk);
        assert!((whole.0 - parts.0).abs() < 1e-6);
        for (a, b) in whole.1.iter().chain(&whole.2).zip(parts.1.iter().chain(&parts.2)) {
            assert!((a - b).abs() < 1e-5, "{lanes} lanes of {chunk}: {a} {b}");
        }
        assert_eq!(parts, case.run(lanes, chunk), "{lanes} lanes of {chunk} twice");
    }
}

#[test]
fn recomputed_exponentials_and_used_workspaces_change_no_bit() {
    for angular in [true, false] {
        let (case, other) = (Case::draw(9, 16, 100, 70, 0.05, angular), Case::draw(1, 33, 60, 9, 0.0, !angular));
        let want = case.run(2, 8);
        // Nothing kept, a few blocks of each lane, everything.
        for budget in [0, 40 * 16 * 4, usize::MAX] {
            let workspace = &mut Workspace::with_budget(budget);
            other.run_in(workspace, 3, 7);
            assert_eq!(want, case.run_in(workspace, 2, 8), "{budget} bytes");
            assert_eq!(want, case.run_in(workspace, 2, 8), "{budget} bytes, again");
        }
    }
}

/// Every instruction set on shapes that fill tiles and on some that do not.
/// Tolerance: 1e-5 of the largest entry between any two.
#[test]
fn instruction_sets_agree_on_larger_shapes() {
    for (b, c, d) in [(128, 300, 64), (70, 95, 130), (33, 41, 515)] {
        for angular in [true, false] {
            let run = |isa| Case { isa, ..Case::draw(5, b, c, d, 0.1, angular) }.run(2, 64);
            let all: Vec<_> = Isa::available().into_iter().map(run).collect();
            for other in &all[1..] {
                assert!((all[0].0 - other.0).abs() <= 1e-5 * all[0].0.abs());
                for (a, b) in [(&all[0].1, &other.1), (&all[0].2, &other.2), (&all[0].3, &other.3)] {
                    let largest = a.iter().fold(0.0_f32, |m, v| m.max(v.abs()));
                    assert!(a.iter().zip(b).all(|(a, b)| (a - b).abs() <= 1e-5 * largest), "{b:?} {c} {d}");
                }
            }
        }
    }
}

#[test]
fn a_zero_embedding_and_a_zero_prototype_give_finite_numbers() {
    let mut case = Case::draw(3, 4, 5, 3, 0.0, true);
    case.x[..3].fill(0.0);
    case.w[3..6].fill(0.0);
    case.labels[1] = 1;
    let (loss, dx, dw, _) = case.run(1, 8);
    assert!(loss.is_finite() && dx.iter().chain(&dw).all(|v| v.is_finite()));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Rotating X and W together changes no loss; nor does permuting the classes.
    #[test]
    fn symmetries_of_the_sphere(seed in 0u64..1000, angle in -3.0f64..3.0, shift in 1usize..6) {
        let case = Case::draw(seed, 6, 7, 4, 0.0, true);
        let (want, ..) = case.run(2, 3);
        let mut turned = Case::draw(seed, 6, 7, 4, 0.0, true);
        let (s, c) = angle.sin_cos();
        for v in turned.x.chunks_mut(4).chain(turned.w.chunks_mut(4)) {
            let (a, b) = (f64::from(v[0]), f64::from(v[2]));
            v[0] = (c * a - s * b) as f32;
            v[2] = (s * a + c * b) as f32;
        }
        prop_assert!((turned.run(2, 3).0 - want).abs() < 1e-5);
        let mut permuted = Case::draw(seed, 6, 7, 4, 0.0, true);
        permuted.w.rotate_right(4 * shift);
        for y in &mut permuted.labels {
            *y = (*y + shift as u32) % 7;
        }
        prop_assert!((permuted.run(2, 3).0 - want).abs() < 1e-6);
    }
}
