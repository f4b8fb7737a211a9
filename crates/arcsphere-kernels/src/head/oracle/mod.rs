//! The head written down plainly in f64, and the fused one held against it.

mod centers;
mod extremes;
mod negatives;
mod one_vs_all;
mod softmax;

use super::*;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// c·(t + c) where c > ψ, of a strength.
const fn hard(t: f64, strength: f64) -> Negatives {
    Negatives::Parabola(Parabola { slant: strength, lift: 1.0 - strength + strength * t, ..Parabola::IDENTITY })
}

/// t·c + t − 1 where c > ψ.
const fn steep(t: f64) -> Negatives {
    Negatives::Parabola(Parabola { lift: t, offset: t - 1.0, ..Parabola::IDENTITY })
}

/// [c + m]₊·(c − m) with a first factor that carries no gradient, of a strength.
const fn weighted(m: f64, strength: f64) -> Negatives {
    Negatives::Parabola(Parabola {
        above: Threshold::Cosine(-m),
        keep: 1.0 - strength,
        gain: strength,
        slant: 1.0,
        lift: m,
        zero: m,
        held: true,
        below: 1.0 - strength,
        ..Parabola::IDENTITY
    })
}

/// A margin with everything that a rule may use: an angle-dependent ψ, a scale and
/// a ψ that move with the norm, a penalty, and negatives of any kind.
struct Wild(Negatives);

impl MarginRule for Wild {
    fn answer(&mut self, geometry: &[RowGeometry], out: &mut [RowLogit]) -> Negatives {
        for (row, (geometry, out)) in geometry.iter().zip(out).enumerate() {
            assert_eq!(*out, RowLogit::NEUTRAL);
            *out = wild(row, *geometry);
        }
        self.0
    }
}

/// s = (1 − ½)·‖x‖ + ½·6 is that of a soft start, half-way.
fn wild(row: usize, g: RowGeometry) -> RowLogit {
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

/// What a step is made of.
#[derive(Clone)]
struct Case {
    x: Vec<f32>,
    w: Vec<f32>,
    bias: Vec<f32>,
    labels: Vec<u32>,
    d: usize,
    centers: usize,
    form: Form,
    extra: Vec<f32>,
    smoothing: f64,
    limit: f64,
    isa: Isa,
}

/// What comes of it.
#[derive(Debug, PartialEq)]
struct Outcome {
    loss: f64,
    /// dX, dW, db.
    gradients: [Vec<f32>; 3],
    stats: Vec<RowStats>,
}

impl Case {
    /// B rows, C classes of K prototypes, D dimensions.
    fn draw(seed: u64, [b, c, k, d]: [usize; 4], form: Form) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut numbers = |n: usize| (0..n).map(|_| rng.random_range(-1.5f32..1.5)).collect::<Vec<_>>();
        let (x, w) = (numbers(b * d), numbers(c * k * d));
        let bias = match form {
            Form::Linear => numbers(c),
            Form::Angular(_) => Vec::new(),
            Form::OneVsAll(_) => numbers(1),
        };
        let labels = (0..b).map(|_| rng.random_range(0..c as u32)).collect();
        let (extra, smoothing, limit, isa) = (Vec::new(), 0.0, f64::INFINITY, Isa::best());
        Case { x, w, bias, labels, d, centers: k, form, extra, smoothing, limit, isa }
    }

    fn classes(&self) -> usize {
        self.w.len() / self.d / self.centers
    }

    fn run(&self, lanes: usize, chunk: usize) -> Outcome {
        self.run_in(&mut Workspace::default(), lanes, chunk)
    }

    fn run_in(&self, workspace: &mut Workspace, lanes: usize, chunk: usize) -> Outcome {
        let (mut w, mut bias) = (self.w.clone(), self.bias.clone());
        let (mut dw, mut db) = (vec![0.0; w.len()], vec![0.0; bias.len()]);
        let mut dx = vec![0.0; self.x.len()];
        let mut stats = vec![RowStats::default(); self.labels.len()];
        let batch = Batch {
            embeddings: &self.x,
            labels: &self.labels,
            dim: self.d,
            centers: self.centers,
            smoothing: self.smoothing,
            lanes,
            chunk,
            max_gradient_norm: self.limit,
        };
        let mut rule = Wild(Negatives::Plain);
        let logits = match self.form {
            Form::Linear => Logits::Linear,
            Form::Angular(negatives) => {
                rule.0 = negatives;
                Logits::Angular(&mut rule)
            }
            Form::OneVsAll(pairs) => Logits::OneVsAll(pairs),
        };
        let parameters = Parameters {
            weights: &mut w,
            bias: &mut bias,
            moments: Moments { first: &mut dw, second: &mut [] },
            bias_moments: Moments { first: &mut db, second: &mut [] },
            bias_update: None,
            extra_gradient: &self.extra,
        };
        let update = &Update::Gradient;
        let loss = step_in(self.isa, workspace, &batch, logits, parameters, update, &mut dx, &mut stats);
        Outcome { loss, gradients: [dx, dw, db], stats }
    }

    /// X, W and b in f64.
    fn point(&self) -> [Vec<f64>; 3] {
        [&self.x, &self.w, &self.bias].map(|v| v.iter().map(|&a| f64::from(a)).collect())
    }

    /// Row i's similarity to each class: the largest cosine, or w·x + b.
    fn similarities(&self, [x, w, bias]: &[Vec<f64>; 3], i: usize) -> Vec<f64> {
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        let norm = |v: &[f64]| dot(v, v).sqrt();
        let x = &x[i * self.d..][..self.d];
        let one = |w: &[f64]| match self.form {
            Form::Linear => dot(x, w),
            _ => (dot(x, w) / norm(x) / norm(w)).clamp(-1.0, 1.0),
        };
        let of_class = |w: &[f64]| w.chunks(self.d).map(one).fold(f64::NEG_INFINITY, f64::max);
        let plain = w.chunks(self.d * self.centers).map(of_class);
        match self.form {
            Form::Linear => plain.enumerate().map(|(j, c)| c + bias.get(j).unwrap_or(&0.0)).collect(),
            _ => plain.collect(),
        }
    }

    /// All that is told of the rows, straight from the definition. What carries no gradient, a
    /// [`Parabola`]'s first factor where it is held, is that of this case and not of the `point`.
    fn by_definition(&self, point: &[Vec<f64>; 3]) -> Vec<RowStats> {
        let here = self.point();
        let row = |(i, &y): (usize, &u32)| {
            let (y, x) = (y as usize, &point[0][i * self.d..][..self.d]);
            let norm = x.iter().map(|v| v * v).sum::<f64>().sqrt();
            let (mut c, mut held) = (self.similarities(point, i), self.similarities(&here, i));
            let own = c.remove(y);
            held.remove(y);
            let correct = c[..y].iter().all(|&c| own > c) && c[y..].iter().all(|&c| own >= c);
            let geometry = RowGeometry { cos: own, sin: (1.0 - own * own).max(0.0).sqrt(), norm };
            let answer = wild(i, geometry);
            let g = |c: f64, t: f64| 2.0 * ((c + 1.0) / 2.0).powf(t) - 1.0;
            let (target, others): (f64, Vec<f64>) = match self.form {
                Form::Linear => (own, c),
                Form::Angular(rule) => {
                    let n = |(&c, &held): (&f64, &f64)| match rule {
                        Negatives::Parabola(p) if c > p.threshold(answer.psi) => {
                            let first = p.gain * (p.slant * if p.held { held } else { c } + p.lift);
                            p.keep * c + first * (c - p.zero) + p.offset
                        }
                        Negatives::Parabola(p) => p.below * c,
                        Negatives::Plain => c,
                    };
                    (answer.scale * answer.psi, c.iter().zip(&held).map(|c| answer.scale * n(c)).collect())
                }
                Form::OneVsAll(OneVsAll { scale, margin, power, .. }) => {
                    let u = |c: f64, margin: f64| scale * (g(c, power) + margin) + point[2][0];
                    (u(own, -margin), c.iter().map(|&c| u(c, margin)).collect())
                }
            };
            let log_sum = |z: &[f64]| {
                let max = z.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                max + z.iter().map(|z| (z - max).exp()).sum::<f64>().ln()
            };
            let softplus = |u: f64| u.max(0.0) + (-u.abs()).exp().ln_1p();
            let all: Vec<f64> = others.iter().copied().chain([target]).collect();
            let (loss, probability) = match self.form {
                Form::OneVsAll(OneVsAll { weight, scale, .. }) => {
                    let negative: f64 = others.iter().map(|&u| softplus(u)).sum();
                    let loss = weight / scale * softplus(-target) + (1.0 - weight) / scale * negative;
                    (loss, 1.0 / (1.0 + (-target).exp()))
                }
                form => {
                    let (e, mean) = (self.smoothing, all.iter().sum::<f64>() / all.len() as f64);
                    let penalty = if form.is_angular() { answer.penalty } else { 0.0 };
                    let lse = log_sum(&all);
                    (lse - (1.0 - e) * target - e * mean + penalty, (target - lse).exp())
                }
            };
            let others = if others.is_empty() { f64::NEG_INFINITY } else { log_sum(&others) };
            let target_angle = self.angle(point, i, y);
            RowStats { loss, target_angle, norm, probability, others, correct }
        };
        self.labels.iter().enumerate().map(row).collect()
    }

    /// The angle of row i to the prototype of class y with the largest cosine, or w·x.
    fn angle(&self, [x, w, _]: &[Vec<f64>; 3], i: usize, y: usize) -> f64 {
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        let x = &x[i * self.d..][..self.d];
        let cos = |w: &[f64]| dot(x, w) / (dot(x, x) * dot(w, w)).sqrt();
        let score = |w: &&[f64]| if self.form.is_angular() { cos(w) } else { dot(x, w) };
        let own = w[y * self.centers * self.d..][..self.centers * self.d].chunks(self.d);
        own.max_by(|a, b| score(a).total_cmp(&score(b))).map_or(0.0, |w| cos(w).acos())
    }

    fn loss_at(&self, point: &[Vec<f64>; 3]) -> f64 {
        self.by_definition(point).iter().map(|s| s.loss).sum::<f64>() / self.labels.len() as f64
    }

    /// Central differences of the f64 loss with respect to one of X, W, b.
    fn differences(&self, which: usize) -> Vec<f64> {
        let mut point = self.point();
        let h = 1e-6;
        let slope = |k: usize| {
            let at = point[which][k];
            let mut eval = |v: f64| {
                point[which][k] = v;
                self.loss_at(&point)
            };
            let slope = (eval(at + h) - eval(at - h)) / (2.0 * h);
            eval(at);
            slope
        };
        (0..self.point()[which].len()).map(slope).collect()
    }

    /// Holds a step in two lanes against the definition. Tolerances: 1e-3 of a gradient's largest
    /// entry, the f32 bound of the specification; 1e-5 for what is told of the rows.
    fn check(&self) {
        let got = self.run(2, 3);
        let want = self.loss_at(&self.point());
        assert!((got.loss - want).abs() <= 1e-5 * want.abs().max(1.0), "loss {}, oracle {want}", got.loss);
        for (i, (got, want)) in got.stats.iter().zip(self.by_definition(&self.point())).enumerate() {
            let pairs = [
                (got.loss, want.loss),
                (got.target_angle, want.target_angle),
                (got.norm, want.norm),
                (got.probability, want.probability),
                (got.others, want.others),
            ];
            for (g, w) in pairs {
                assert!(g == w || (g - w).abs() <= 1e-5 * w.abs().max(1.0), "row {i}: {got:?}, oracle {want:?}");
            }
            assert_eq!(got.correct, want.correct, "row {i}: {got:?}");
        }
        for (which, got) in got.gradients.iter().enumerate() {
            let want = self.differences(which);
            let largest = want.iter().fold(1e-3_f64, |m, v| m.max(v.abs()));
            for (k, (g, w)) in got.iter().zip(&want).enumerate() {
                assert!((f64::from(*g) - w).abs() <= 1e-3 * largest, "part {which}, entry {k}: {g}, oracle {w}");
            }
        }
    }

    /// Blocks and lanes change only rounding, by 1e-5 at most, and lanes fix the bits; so do all
    /// sizes of a workspace, used or not.
    fn check_cuts(&self) {
        let whole = self.run(1, 64);
        for (lanes, chunk) in [(1, 1), (2, 5), (3, 7), (4, 16), (64, 2)] {
            let parts = self.run(lanes, chunk);
            assert!((whole.loss - parts.loss).abs() < 1e-5 * whole.loss.abs().max(1.0), "{lanes} lanes of {chunk}");
            for (a, b) in whole.gradients.iter().flatten().zip(parts.gradients.iter().flatten()) {
                assert!((a - b).abs() < 1e-5, "{lanes} lanes of {chunk}: {a} {b}");
            }
            // Nothing kept, a few blocks of each lane, everything.
            for budget in [0, 40 * 16 * 4, usize::MAX] {
                let workspace = &mut Workspace::with_budget(budget);
                Case::draw(1, [33, 60, 1, 9], Form::Linear).run_in(workspace, 3, 7);
                assert_eq!(parts, self.run_in(workspace, lanes, chunk), "{budget} bytes");
                assert_eq!(parts, self.run_in(workspace, lanes, chunk), "{budget} bytes, again");
            }
        }
    }

    /// All instruction sets agree to `tolerance` of the largest entry.
    fn check_instruction_sets(&self, tolerance: f32) {
        let run = |isa| Case { isa, ..self.clone() }.run(2, 64);
        let all: Vec<_> = Isa::available().into_iter().map(run).collect();
        for other in &all[1..] {
            assert!((all[0].loss - other.loss).abs() <= f64::from(tolerance) * all[0].loss.abs());
            for (a, b) in all[0].gradients.iter().zip(&other.gradients) {
                let largest = a.iter().fold(0.0_f32, |m, v| m.max(v.abs()));
                assert!(a.iter().zip(b).all(|(a, b)| (a - b).abs() <= tolerance * largest), "{:?}", self.form);
            }
        }
    }

    /// Everything is a number at ‖x‖ = 0, at ‖w‖ = 0, and where a row meets its own prototype or
    /// another's at an angle of 0 or π.
    fn check_ends(&self) {
        let mut case = self.clone();
        let d = case.d;
        let prototype = |y: usize| case.w[y * case.centers * d..][..d].to_vec();
        let (own, other) =
            (prototype(case.labels[1] as usize), prototype((case.labels[1] as usize + 1) % self.classes()));
        let ends: [Vec<f32>; 5] = [
            vec![0.0; d],
            own.clone(),
            own.iter().map(|v| -2.0 * v).collect(),
            other.clone(),
            other.iter().map(|v| -v).collect(),
        ];
        for x in ends {
            case.x[d..2 * d].copy_from_slice(&x);
            for zero in [false, true] {
                if zero {
                    let first = case.labels[0] as usize * case.centers * d;
                    case.w[first..first + d].fill(0.0);
                }
                let out = case.run(2, 3);
                assert!(out.loss.is_finite() && out.gradients.iter().flatten().all(|v| v.is_finite()), "{x:?}");
                let finite = |s: &RowStats| {
                    [s.loss, s.target_angle, s.norm, s.probability, s.others].iter().all(|v| v.is_finite())
                };
                assert!(out.stats.iter().all(finite), "{x:?}: {:?}", out.stats);
            }
            case.w.clone_from(&self.w);
        }
    }
}
