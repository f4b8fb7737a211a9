//! What no ordinary training meets: certainty, norms at the ends of f32, equal prototypes, numbers
//! that are none.

use super::*;

const FORMS: [Form; 5] = [
    Form::Linear,
    Form::Angular(Negatives::Plain),
    Form::Angular(hard(0.4, 1.0)),
    Form::Angular(weighted(0.25, 1.0)),
    Form::OneVsAll(OneVsAll { weight: 0.7, scale: 8.0, margin: 0.3, power: 3.0 }),
];

/// s = 64 or s = ‖x‖, and ψ = cos(θ + ½).
struct Arc {
    by_norm: bool,
    negatives: Negatives,
}

impl MarginRule for Arc {
    fn answer(&mut self, geometry: &[RowGeometry], out: &mut [RowLogit]) -> Negatives {
        for (g, out) in geometry.iter().zip(out) {
            let angle = g.sin.atan2(g.cos) + 0.5;
            let (scale, dscale_dnorm) = if self.by_norm { (g.norm, 1.0) } else { (64.0, 0.0) };
            let (psi, dpsi_dtheta) = (angle.cos(), -angle.sin());
            *out = RowLogit { scale, dscale_dnorm, psi, dpsi_dtheta, ..RowLogit::NEUTRAL };
        }
        self.negatives
    }
}

/// A step's loss, dX and dW, or the parameters' new values.
fn step_of(case: &Case, by_norm: bool, update: &Update) -> (f64, Vec<f32>, Vec<f32>, Vec<RowStats>) {
    let (mut w, mut bias) = (case.w.clone(), case.bias.clone());
    let (mut dw, mut db) = (vec![0.0; w.len()], vec![0.0; bias.len()]);
    let (mut dx, mut stats) = (vec![0.0; case.x.len()], vec![RowStats::default(); case.labels.len()]);
    let (embeddings, labels, centers) = (&*case.x, &*case.labels, case.centers);
    let limit = case.limit;
    let batch =
        Batch { embeddings, labels, centers, max_gradient_norm: limit, lanes: 2, chunk: 3, ..Batch::new(case.d) };
    let mut rule = Arc { by_norm, negatives: Negatives::Plain };
    let logits = match case.form {
        Form::Linear => Logits::Linear,
        Form::Angular(negatives) => {
            rule.negatives = negatives;
            Logits::Angular(&mut rule)
        }
        Form::OneVsAll(pairs) => Logits::OneVsAll(pairs),
    };
    let parameters = Parameters {
        weights: &mut w,
        bias: &mut bias,
        moments: Moments { first: &mut dw, second: &mut [] },
        bias_moments: Moments { first: &mut db, second: &mut [] },
        ..Parameters::default()
    };
    let workspace = &mut Workspace::default();
    let loss = step_in(case.isa, workspace, &batch, logits, parameters, update, &mut dx, &mut stats);
    (loss, dx, if *update == Update::Gradient { dw } else { w }, stats)
}

/// One row, two classes, ever surer. In closed form: loss = log(1 + e^−a), and of the gradient by
/// the own logit all but the sign is 1/(1 + e^a), for a = z_y − z_o. Tolerance: 1e-5, since z_o is an f32 of
/// some tens. From p − 1 the gradient would be off by 5e-3 at a loss of 3e-13.
#[test]
fn a_gradient_keeps_its_digits_where_the_loss_vanishes() {
    for isa in Isa::available() {
        for a in [5.0_f64, 14.0, 18.0, 28.8, 40.0, 60.0] {
            let share = 1.0 / (1.0 + a.exp());
            // w·x = ±a/2.
            let linear = Case {
                x: vec![a as f32, 0.0],
                w: vec![0.5, 0.0, -0.5, 0.0],
                bias: Vec::new(),
                labels: vec![0],
                isa,
                ..Case::draw(0, [1, 2, 1, 2], Form::Linear)
            };
            let (loss, dx, dw, stats) = step_of(&linear, false, &Update::Gradient);
            let close = |got: f64, want: f64| (got / want - 1.0).abs() < 1e-5;
            assert!(close(loss, (-a).exp().ln_1p()), "loss at {a}: {loss}");
            assert!(close(f64::from(dx[0]), -share) && dx[1] == 0.0, "{a}: {dx:?}");
            assert!(close(f64::from(dw[0]), -share * a) && close(f64::from(dw[2]), share * a), "{a}: {dw:?}");
            assert!(stats[0].correct);

            // θ_y = 0.2 and ψ = cos 0.7; the other class where z_o = z_y − a.
            let (c, theta) = (0.7_f64.cos() - a / 64.0, 0.2_f64);
            let other = theta + c.acos();
            let place = |angle: f64| [angle.cos() as f32, angle.sin() as f32];
            let w = [place(0.0), place(other)].concat();
            let x = place(theta).to_vec();
            let angular = Case { x, w, form: Form::Angular(Negatives::Plain), ..linear };
            let (loss, dx, ..) = step_of(&angular, false, &Update::Gradient);
            let case = |k: usize| f64::from(angular.x[k]);
            let cos = |w: &[f32]| (case(0) * f64::from(w[0]) + case(1) * f64::from(w[1])) / case(0).hypot(case(1));
            let (c, own) = (cos(&angular.w[2..]), cos(&angular.w[..2]).acos());
            let share = 1.0 / (1.0 + (64.0 * ((own + 0.5).cos() - c)).exp());
            // ∂loss/∂θ = share·s·(sin(θ + ½) + sin θ_o), along the circle.
            let slope = share * 64.0 * ((own + 0.5).sin() + (1.0 - c * c).sqrt());
            let along = f64::from(dx[1]) * theta.cos() - f64::from(dx[0]) * theta.sin();
            assert!((along / slope - 1.0).abs() < 3e-5, "{a}: {along} is not {slope}");
            assert!((loss / (share / (1.0 - share)).ln_1p() - 1.0).abs() < 3e-5, "{a}: {loss}");
        }
    }
}

/// At a fixed scale a loss knows directions alone, and a gradient shrinks with the norm, below
/// [`NORM_FLOOR`] with the floor. Tolerance: 1e-4 of the largest entry, and what an f32 cannot hold of
/// a gradient for a large prototype.
#[test]
fn every_norm_of_embedding_and_prototype_gives_the_same_loss() {
    for (form, isa) in FORMS[1..].iter().flat_map(|&form| Isa::available().into_iter().map(move |isa| (form, isa))) {
        let case = Case { isa, ..Case::draw(12, [5, 7, 2, 3], form) };
        for limit in [f64::INFINITY, 1e9] {
            let case = Case { limit, ..case.clone() };
            let (loss, dx, dw, _) = step_of(&case, false, &Update::Gradient);
            for norm in [1e-43_f64, 1e-39, 1e-30, 1e-20, 1e-9, 5e-7, 2e-6, 1e9, 1e16, 1e20, 1e30, 1e38, 3.4e38] {
                for (of_x, row) in [(true, 0), (true, 3), (false, case.labels[1] as usize * 2), (false, 5)] {
                    let mut other = case.clone();
                    let v = &mut if of_x { &mut other.x } else { &mut other.w }[3 * row..][..3];
                    let length = v.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>().sqrt();
                    v.iter_mut().for_each(|v| *v = (f64::from(*v) / length * norm) as f32);
                    let (other_loss, other_dx, other_dw, _) = step_of(&other, false, &Update::Gradient);
                    // A direction of denormal numbers is a coarse one.
                    let tolerance = if norm < 1e-38 { 0.3 } else { 1e-4 };
                    assert!((other_loss / loss - 1.0).abs() < tolerance, "{form:?} at {norm}: {other_loss} not {loss}");
                    for (which, got, want) in [(true, &other_dx, &dx), (false, &other_dw, &dw)] {
                        let largest = want.iter().fold(0.0_f32, |m, v| m.max(v.abs()));
                        for (k, (got, want)) in got.iter().zip(want).enumerate() {
                            let shrunk = which == of_x && k / 3 == row;
                            let factor = if shrunk { length / norm.max(NORM_FLOOR) } else { 1.0 };
                            let error = (f64::from(*got) / factor - f64::from(*want)).abs();
                            let lost = 2e-45 / factor;
                            let allowed = tolerance * f64::from(largest) + lost;
                            assert!(
                                error <= allowed,
                                "{form:?}, x {of_x}, {norm}, entry {k}: {got} for {want}·{factor}"
                            );
                        }
                    }
                }
            }
        }
    }
}

/// A scale that is the norm, of one row or several, with a limit or without.
#[test]
fn no_finite_norm_gives_a_number_that_is_none() {
    for form in FORMS {
        for (limit, rows) in [(f64::INFINITY, 1), (f64::INFINITY, 4), (1.0, 1), (1.0, 4)] {
            let drawn = Case { limit, ..Case::draw(21, [rows, 6, 1, 3], form) };
            for size in [1e-45_f32, 1e-20, 1e19, 1e30, 1e37, f32::MAX / 2.0] {
                let mut case = drawn.clone();
                case.x[..3].copy_from_slice(&[0.6 * size, size, -0.5 * size]);
                let copy = case.w[..3].to_vec();
                case.w[9..12].copy_from_slice(&copy);
                case.smoothing = 0.0;
                let (loss, dx, dw, stats) = step_of(&case, true, &Update::Gradient);
                assert!(loss.is_finite() && stats.iter().all(|s| s.loss.is_finite()), "{form:?} at {size}: {loss}");
                assert!(dx.iter().chain(&dw).all(|v| v.is_finite()), "{form:?} at {size}: {dx:?} {dw:?}");
            }
        }
    }
}

/// `correct` is what `predict` says of the row, on drawn numbers and where all is equal.
#[test]
fn a_row_is_correct_where_predict_names_its_class() {
    for form in FORMS {
        for (centers, isa) in [1, 3].into_iter().flat_map(|k| Isa::available().into_iter().map(move |isa| (k, isa))) {
            let drawn = Case { isa, ..Case::draw(31, [60, 10, centers, 5], form) };
            let equal = Case { w: drawn.w[..5].repeat(10 * centers), ..drawn.clone() };
            let pairs = Case { w: [&drawn.w[..25 * centers]; 2].concat(), ..drawn.clone() };
            let zero = Case { x: vec![0.0; drawn.x.len()], ..drawn.clone() };
            for (name, case) in [("drawn", drawn), ("equal", equal), ("pairs", pairs), ("zero", zero)] {
                // Without a bias of its own each class is as far as its prototypes.
                let bias = if form == Form::Linear { Vec::new() } else { case.bias.clone() };
                let case = Case { bias, ..case };
                let best = predict(&case.x, &case.w, &[], 5, form.is_angular(), centers);
                for (lanes, chunk) in [(1, 64), (3, 2), (64, 1)] {
                    let stats = case.run(lanes, chunk).stats;
                    for ((best, &label), row) in best.iter().zip(&case.labels).zip(stats) {
                        assert_eq!(row.correct, best.class == label, "{name}, {form:?}, {lanes} lanes");
                    }
                }
                if matches!(name, "equal" | "zero") {
                    assert!(best.iter().all(|best| best.class == 0), "{name}, {form:?}");
                }
            }
        }
    }
}

#[test]
fn what_is_not_finite_moves_nothing() {
    let sgd = Update::Sgd { rate: 0.1, momentum: 0.9, decay: 0.1 };
    for form in FORMS {
        for bad in [f32::NAN, f32::INFINITY] {
            let mut case = Case::draw(4, [3, 5, 1, 2], form);
            case.x[3] = bad;
            let (loss, dx, w, stats) = step_of(&case, false, &sgd);
            assert!(!loss.is_finite() && dx.iter().all(|v| v.is_nan()), "{form:?}: {loss} {dx:?}");
            assert!(w == case.w && !stats[1].correct, "{form:?}");
        }
    }
    // w·x is beyond f32.
    let mut case = Case::draw(4, [3, 5, 1, 2], Form::Linear);
    case.x[2..4].fill(1e30);
    case.w[..2].fill(1e30);
    let (loss, _, w, _) = step_of(&case, false, &sgd);
    assert!(!loss.is_finite() && w == case.w, "{loss}");
}

/// Both ends of the norms in one set of prototypes, and embeddings at both ends.
#[test]
fn predict_knows_every_norm() {
    let directions = [[1.0_f32, 0.0], [0.6, 0.8], [-0.8, 0.6], [0.0, -1.0]];
    let sizes = [1e-44_f32, 1e-20, 1.0, 3e38];
    let w: Vec<f32> = directions.iter().zip(sizes).flat_map(|(d, size)| d.map(|d| d * size)).collect();
    for size in [1e-43_f32, 1e-38, 1e-10, 1.0, 1e20, 3e38] {
        for (class, direction) in directions.iter().enumerate() {
            let x = direction.map(|d| d * size);
            let best = predict(&x, &w, &[], 2, true, 1)[0];
            assert_eq!(best.class as usize, class, "{size}: {best:?}");
            assert!(size < 1e-40 || (f64::from(best.logit) / f64::from(size) - 1.0).abs() < 1e-5, "{size}: {best:?}");
        }
    }
    let best = predict(&[f32::INFINITY, 0.0, 0.0, f32::NAN, 1.0, 0.0], &w, &[], 2, true, 1);
    assert!(best[0].logit.is_nan() && best[1].logit.is_nan() && best[2].logit == 1.0);
}
