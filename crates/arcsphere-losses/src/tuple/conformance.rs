//! What every tuple loss must keep, over the registry: a loss added there is tested here.

use super::oracle::{Point, value};
use super::*;
use crate::range::Range;
use proptest::prelude::*;
use rand::{RngExt, SeedableRng};

/// A batch and a loss with its own numbers.
struct Case {
    info: &'static Entry<TupleKind>,
    params: Vec<f64>,
    loss: Box<dyn TupleLoss>,
    parameters: TupleParameters,
    x: Vec<f32>,
    labels: Vec<u32>,
    dim: usize,
}

/// What a case gives.
struct Answer {
    value: f64,
    dx: Vec<f32>,
    own: Vec<f32>,
}

impl Case {
    /// A random batch of `b` samples of up to `classes` classes; own numbers are anywhere.
    fn draw(info: &'static Entry<TupleKind>, seed: u64, b: usize, dim: usize, classes: usize) -> Case {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        // A batch of one class next to another is met as often as any.
        let labels = (0..b).map(|_| rng.random_range(0..classes as u32)).collect();
        let x = (0..b * dim).map(|_| rng.random_range(-1.5f32..1.5)).collect();
        let param = |p: &Param| {
            if let Range::Whole(low, high) = p.range {
                return f64::from(rng.random_range(low..=high));
            }
            let value = p.default * if rng.random() { 1.0 } else { rng.random_range(0.5..2.0) };
            if p.range.contains(value) { value } else { p.default }
        };
        let params: Vec<f64> = info.params.iter().map(param).collect();
        let given = info.params.iter().zip(&params).map(|(p, v)| (p.name.to_owned(), *v)).collect();
        let loss = info.make(&given).expect("within range");
        let mut parameters = loss.parameters(classes, dim, &mut rng);
        parameters.values.iter_mut().for_each(|v| *v += rng.random_range(-0.5f32..0.5));
        Case { info, params, loss, parameters, x, labels, dim }
    }

    fn answer(&mut self) -> Answer {
        let mut dx = vec![f32::NAN; self.x.len()];
        let value = self.loss.loss(&self.x, &self.labels, self.dim, &mut self.parameters, &mut dx).unwrap();
        Answer { value, dx, own: self.parameters.gradient.clone() }
    }

    fn point(&self) -> Point {
        let rows = |v: &[f32]| v.chunks(self.dim).map(|r| r.iter().copied().map(f64::from).collect()).collect();
        Point { x: rows(&self.x), labels: self.labels.clone(), own: rows(&self.parameters.values) }
    }

    fn oracle(&self, point: &Point) -> (f64, Vec<usize>) {
        let mut choices = Vec::new();
        let value = value(self.info.name, &self.params, point, &mut choices);
        (
            value.unwrap_or_else(|| panic!("{} has no definition in tuple/oracle.rs: write it there", self.info.name)),
            choices,
        )
    }

    /// ∂(oracle)/∂(one coordinate), reached in a point by `at`; nothing across a kink.
    fn slope(&self, at: impl Fn(&mut Point) -> &mut f64) -> Option<f64> {
        const H: f64 = 1e-6;
        let (mut up, mut down) = (self.point(), self.point());
        *at(&mut up) += H;
        *at(&mut down) -= H;
        let ((above, a), (below, b)) = (self.oracle(&up), self.oracle(&down));
        (a == b).then_some((above - below) / (2.0 * H))
    }
}

/// The largest difference of `got` from central differences, in parts of the largest of
/// these, and how many coordinates could be compared.
fn compare(case: &Case, got: &[f32], at: impl Fn(&mut Point, usize, usize) -> &mut f64) -> (f64, usize) {
    let dim = case.dim;
    let slopes: Vec<Option<f64>> = (0..got.len()).map(|k| case.slope(|p| at(p, k / dim, k % dim))).collect();
    let largest = slopes.iter().flatten().fold(1e-3_f64, |m, s| m.max(s.abs()));
    let off = |(g, s): (&f32, &Option<f64>)| s.map(|s| (f64::from(*g) - s).abs() / largest);
    let offs: Vec<f64> = got.iter().zip(&slopes).filter_map(off).collect();
    (offs.iter().fold(0.0, |m: f64, o| if m > *o { m } else { *o }), offs.len())
}

/// Of a gradient's largest entry: f32's rounding of the answer and the differences' own error.
const GRADIENT_TOLERANCE: f64 = 2e-6;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Values against the definition, gradients for X and for proxies against its central differences.
    #[test]
    fn values_and_gradients_agree_with_the_definition(seed in 0u64..1 << 32, b in 1usize..12, dim in 2usize..9, classes in 1usize..5) {
        for info in TUPLES {
            let mut case = Case::draw(info, seed, b, dim, classes);
            let answer = case.answer();
            let (want, _) = case.oracle(&case.point());
            prop_assert!((answer.value - want).abs() <= 1e-10 * want.abs().max(1.0), "{}: {} for {want}", info.name, answer.value);
            let (off, compared) = compare(&case, &answer.dx, |p, i, d| &mut p.x[i][d]);
            prop_assert!(off <= GRADIENT_TOLERANCE, "{}: dX is off by {off:.1e}", info.name);
            // Kinks are rare, so this leaves out next to nothing.
            prop_assert!(2 * compared >= answer.dx.len(), "{}: {compared} of {}", info.name, answer.dx.len());
            if info.kind.points == ClassPoints::Proxies {
                let (off, _) = compare(&case, &answer.own, |p, i, d| &mut p.own[i][d]);
                prop_assert!(off <= GRADIENT_TOLERANCE, "{}: the proxies' gradient is off by {off:.1e}", info.name);
            }
        }
    }

    /// One rotation of X and of centers or proxies changes no loss and turns the gradient; nor
    /// does the order of the batch, which the gradient follows.
    #[test]
    fn rotating_and_permuting_change_nothing(seed in 0u64..1 << 32, b in 2usize..14, dim in 2usize..9, angle in -3.0f64..3.0) {
        for info in TUPLES {
            let mut case = Case::draw(info, seed, b, dim, 4);
            let (plain, (_, chosen)) = (case.answer(), case.oracle(&case.point()));
            let (s, c) = angle.sin_cos();
            let turn = |rows: &mut [f32]| for row in rows.chunks_mut(dim) {
                let (u, v) = (f64::from(row[0]), f64::from(row[dim - 1]));
                row[0] = (c * u - s * v) as f32;
                row[dim - 1] = (s * u + c * v) as f32;
            };
            turn(&mut case.x);
            turn(&mut case.parameters.values);
            if case.oracle(&case.point()).1 != chosen {
                // Rounding the turned numbers to f32 carried a hinge over its kink.
                continue;
            }
            let turned = case.answer();
            let mut want = plain.dx.clone();
            turn(&mut want);
            let largest = want.iter().fold(1e-3_f32, |m, v| m.max(v.abs()));
            let far = |a: &[f32], b: &[f32]| a.iter().zip(b).any(|(a, b)| (a - b).abs() > 1e-4 * largest);
            let same = (turned.value - plain.value).abs() <= 1e-5 * plain.value.abs().max(1.0);
            prop_assert!(same, "{}: {} for {}", info.name, turned.value, plain.value);
            prop_assert!(!far(&turned.dx, &want), "{}: the gradient does not turn", info.name);

            let mut case = Case::draw(info, seed, b, dim, 4);
            let shift = 1 + seed as usize % (b - 1);
            case.x.rotate_left(shift * dim);
            case.labels.rotate_left(shift);
            let permuted = case.answer();
            let mut want = plain.dx.clone();
            want.rotate_left(shift * dim);
            prop_assert!((permuted.value - plain.value).abs() <= 1e-12 * plain.value.abs().max(1.0), "{}", info.name);
            prop_assert!(!far(&permuted.dx, &want), "{}: the gradient does not follow the order", info.name);
        }
    }

    /// A normalized loss does not see lengths, and its gradient is tangent.
    #[test]
    fn normalized_losses_do_not_see_lengths(seed in 0u64..1 << 32, b in 1usize..10, dim in 2usize..9) {
        for info in TUPLES.iter().filter(|info| info.kind.normalized) {
            let mut case = Case::draw(info, seed, b, dim, 3);
            let plain = case.answer();
            for (x, dx) in case.x.chunks(dim).zip(plain.dx.chunks(dim)) {
                let along: f64 = x.iter().zip(dx).map(|(x, d)| f64::from(*x) * f64::from(*d)).sum();
                let length: f64 = dx.iter().map(|d| f64::from(*d).powi(2)).sum::<f64>().sqrt();
                prop_assert!(along.abs() <= 1e-5 * length.max(1e-6), "{}: {along} along x", info.name);
            }
            for (i, row) in case.x.chunks_mut(dim).enumerate() {
                // A power of two, which rounds nothing.
                row.iter_mut().for_each(|v| *v *= [0.25, 8.0, 1024.0][i % 3]);
            }
            let longer = case.answer();
            prop_assert!((longer.value - plain.value).abs() <= 1e-12 * plain.value.abs().max(1.0), "{}", info.name);
        }
    }
}

/// A coordinate (sample, dimension, as drawn) of a batch that is made degenerate.
type Change = fn(usize, usize, f32) -> f32;

/// One class, no pair of a class, samples in one place, no direction, extreme lengths, nothing at all.
#[test]
fn finite_at_degenerate_batches() {
    for info in TUPLES {
        for (b, dim, classes) in [(0, 3, 3), (1, 2, 2), (6, 3, 3), (9, 5, 9)] {
            let mut batches: Vec<(&str, Change)> = vec![("as drawn", |_, _, v| v)];
            batches.push(("all zero", |_, _, _| 0.0));
            batches.push(("all equal", |_, d, _| 1.0 + d as f32));
            batches.push(("half zero", |i, _, v| if i % 2 == 0 { 0.0 } else { v }));
            batches.push(("half equal", |i, _, v| if i % 2 == 0 { 1.0 } else { v }));
            batches.push(("opposite", |i, _, _| if i % 2 == 0 { 1.0 } else { -1.0 }));
            batches.push(("tiny", |_, _, v| v * 1e-30));
            batches.push(("below the floor", |_, _, v| v * 1e-8));
            batches.push(("huge", |_, _, v| v * 1e30));
            for (what, change) in batches {
                for labels in [|_: usize| 0_u32, |i: usize| i as u32, |i: usize| i as u32 / 2] {
                    let mut case = Case::draw(info, 5, b, dim, classes);
                    case.labels = (0..b).map(|i| labels(i) % classes as u32).collect();
                    for (k, v) in case.x.iter_mut().enumerate() {
                        *v = change(k / dim, k % dim, *v);
                    }
                    for own in ["anywhere", "zero"] {
                        if own == "zero" {
                            case.parameters.values.fill(0.0);
                        }
                        let a = case.answer();
                        let all = a.dx.iter().chain(&a.own).all(|v| v.is_finite());
                        assert!(a.value.is_finite() && all, "{}: {what}, B = {b}, own {own}: {}", info.name, a.value);
                        if b == 0 {
                            assert_eq!(a.value, 0.0, "{}: a batch of nothing", info.name);
                        }
                        let zero = |row: &[f32]| row.iter().all(|v| *v == 0.0);
                        if info.kind.normalized {
                            let rows = case.x.chunks(dim).zip(a.dx.chunks(dim));
                            assert!(rows.filter(|(x, _)| zero(x)).all(|(_, dx)| zero(dx)), "{}: {what}", info.name);
                        }
                    }
                }
            }
        }
    }
}

/// Losses of pairs have nothing to say about a batch without one, and their gradient is exactly zero.
#[test]
fn without_a_pair_there_is_no_gradient_to_learn_from() {
    for info in TUPLES.iter().filter(|info| info.kind.needs_pairs && info.name != "contrastive") {
        let mut case = Case::draw(info, 8, 5, 3, 5);
        case.labels = vec![0, 1, 2, 3, 4];
        let given = case.params.iter().zip(info.params).map(|(v, p)| (p.name.to_owned(), *v));
        // N-pair's norms cost something in any batch.
        case.loss =
            info.make(&given.map(|(n, v)| if n == "norm_weight" { (n, 0.0) } else { (n, v) }).collect()).unwrap();
        let answer = case.answer();
        assert_eq!(answer.value, 0.0, "{}", info.name);
        assert!(answer.dx.iter().all(|v| *v == 0.0), "{}", info.name);
    }
}

#[test]
fn the_same_bits_on_any_number_of_threads() {
    for info in TUPLES {
        let run = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| Case::draw(info, 4, 70, 33, 12).answer())
        };
        let (one, three) = (run(1), run(3));
        assert_eq!(one.value.to_bits(), three.value.to_bits(), "{}", info.name);
        assert!(one.dx == three.dx && one.own == three.own, "{}", info.name);
    }
}

/// Down the gradient of both, embeddings and proxies, every loss falls.
#[test]
fn descending_lowers_the_loss() {
    for info in TUPLES {
        let mut case = Case::draw(info, 11, 24, 6, 4);
        let before = case.answer();
        let length: f32 = before.dx.iter().map(|v| v * v).sum();
        case.x.iter_mut().zip(&before.dx).for_each(|(x, d)| *x -= 1e-3 * d / length.sqrt());
        case.loss.advance(&mut case.parameters, &Update::Sgd { rate: 1e-4, momentum: 0.9, decay: 0.0 });
        let after = case.answer();
        assert!(after.value < before.value, "{}: {} after {}", info.name, after.value, before.value);
    }
}

#[test]
fn slices_that_do_not_fit_are_refused() {
    for info in TUPLES {
        let mut case = Case::draw(info, 1, 4, 3, 2);
        let (x, labels) = (case.x.clone(), case.labels.clone());
        let mut run = |x: &[f32], labels: &[u32], dim, dx: usize| {
            case.loss.loss(x, labels, dim, &mut case.parameters, &mut vec![0.0; dx])
        };
        assert!(run(&x, &labels, 3, 12).is_ok());
        for (x, labels, dim, dx) in
            [(&x[..11], &labels[..], 3, 12), (&x, &labels[..3], 3, 12), (&x, &labels, 3, 11), (&x, &labels, 0, 12)]
        {
            let error = run(x, labels, dim, dx).unwrap_err();
            assert!(matches!(error, TupleError::Lengths { .. }), "{}: {error}", info.name);
        }
        let beyond = run(&x, &[0, 1, 0, 2], 3, 12);
        match info.kind.points {
            ClassPoints::None => assert!(beyond.is_ok()),
            _ => assert!(matches!(beyond, Err(TupleError::Label { row: 3, label: 2, classes: 2, .. }))),
        }
    }
}

#[test]
fn entries_describe_themselves() {
    for info in TUPLES {
        let loss = info.make(&BTreeMap::new()).expect("defaults are within their ranges");
        let own = loss.parameters(5, 3, &mut ChaCha8Rng::seed_from_u64(1));
        assert_eq!(own.is_empty(), info.kind.points == ClassPoints::None, "{}", info.name);
        assert!([0, 15].contains(&own.values.len()));
    }
}
