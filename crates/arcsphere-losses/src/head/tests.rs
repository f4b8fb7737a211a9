//! What a head refuses, and each objective at work.

use super::*;
use crate::margin::{LOSSES, ScaleKind};
use crate::ordinal::Levels;
use crate::regularizer;
use crate::settings::Energy;
use crate::tuple::TUPLES;
use crate::{Kind, all};

const SGD: Update = Update::Sgd { rate: 0.1, momentum: 0.9, decay: 0.0 };

fn head(loss: &str, classes: usize, dim: usize) -> Head {
    builder(loss, classes, dim).build().unwrap()
}

/// With levels where the loss needs them.
fn builder(loss: &str, classes: usize, dim: usize) -> HeadBuilder {
    let builder = Head::builder(loss, classes, dim);
    match crate::find(loss).unwrap().kind {
        Kind::Ordinal(_) => builder.levels(Levels::new((0..classes).map(|c| c as f64).collect()).unwrap()),
        _ => builder,
    }
}

/// Every loss that a head can be built of.
fn losses() -> impl Iterator<Item = &'static str> {
    all().filter(|loss| !matches!(loss.kind, Kind::Energy(_))).map(|loss| loss.name)
}

fn refused(builder: HeadBuilder) -> String {
    builder.build().unwrap_err().to_string()
}

#[test]
fn every_loss_is_built_by_its_name_and_learns() {
    let x: Vec<f32> = (0..12).map(|i| (i as f32 * 1.3).sin()).collect();
    let labels = [0, 0, 1, 1];
    for name in losses() {
        let mut head = builder(name, 3, 3).build().unwrap();
        let (mut at, mut values) = (x.clone(), Vec::new());
        for _ in 0..60 {
            let batch = head.gradients(&at, &labels).unwrap();
            at.iter_mut().zip(&batch.dx).for_each(|(x, dx)| *x -= 0.3 * dx);
            head.update(&Update::Sgd { rate: 0.01, momentum: 0.0, decay: 0.0 }).unwrap();
            values.push(batch.loss);
        }
        assert!(values[59] < values[0] || values[0] == 0.0, "{name}: {} became {}", values[0], values[59]);
        assert_eq!((head.steps_done(), head.loss_name()), (60, name));
        let again = builder(name, 3, 3).with_state(head.state()).unwrap();
        assert_eq!(again.state(), head.state(), "{name}");
    }
}

#[test]
fn what_a_head_cannot_be_is_refused_by_key() {
    for (text, word) in [
        (refused(Head::builder("arcface", 1, 2)), "classes = 1"),
        (refused(Head::builder("arcface", 10, 1)), "dim = 1"),
        (refused(Head::builder("arcface", 10, 2).lanes(0)), "lanes = 0"),
        (refused(Head::builder("arcface", 10, 2).smoothing(-3.0)), "smoothing = -3"),
        (refused(Head::builder("arcface", 10, 2).scale(-64.0)), "scale = -64"),
        (refused(Head::builder("arcface", 10, 2).angle_margin(100.0)), "angle_margin = 100"),
        (refused(Head::builder("sphereface", 10, 2).angle_multiplier(0.0)), "angle_multiplier = 0"),
        (refused(Head::builder("cosface", 10, 2).cosine_margin(3.0)), "cosine_margin = 3"),
        (refused(Head::builder("arcface", 10, 2).prototype_rate(-1.0)), "prototype_rate = -1"),
        (refused(Head::builder("arcface", 10, 2).max_gradient_norm(0.0)), "max_gradient_norm = 0"),
        (refused(Head::builder("arcface", 10, 2).schedule(MarginSchedule::IMMEDIATE, 0)), "steps = 0"),
        (refused(Head::builder("arcface", 10, 2).param("margn", 1.0)), "no parameter"),
        (refused(Head::builder("triplet", 10, 2).angle_margin(0.1)), "triplet has no angle_margin"),
        (refused(Head::builder("regression", 10, 2)), "levels"),
        (refused(builder("regression", 10, 2).smoothing(0.1)), "0 for regression"),
        (refused(Head::builder("hyperspherical_energy", 10, 2)), "energy(…)"),
        (refused(Head::builder("softmax", 2, 2).levels(Levels::new(vec![1.0, 2.0]).unwrap())), "takes no levels"),
        (refused(Head::builder("coral", 3, 2).levels(Levels::new(vec![1.0, 2.0]).unwrap())), "2 levels for 3"),
        (
            refused(Head::builder("arcface", 10, 2).schedule(MarginSchedule { full_at: 2.0, ..Default::default() }, 9)),
            "full_at = 2",
        ),
    ] {
        assert!(text.contains(word), "{text}");
    }
}

#[test]
fn a_state_that_does_not_fit_is_refused_by_part() {
    for name in losses() {
        let own = head(name, 4, 3).state();
        let refused = |change: &dyn Fn(&mut HeadState)| {
            let mut state = own.clone();
            change(&mut state);
            builder(name, 4, 3).with_state(state).expect_err(name)
        };
        let other = refused(&|s| s.weights.truncate(1));
        assert!(matches!(other, HeadError::Length { what: "weights", found: 1, .. }), "{name}: {other}");
        for value in [f32::NAN, f32::INFINITY] {
            let lost = refused(&|s| s.weights[1] = value);
            assert!(matches!(lost, HeadError::Lost { what: "weights", index: 1, .. }), "{name}: {lost}");
        }
        if !head(name, 4, 3).is_ordinal() {
            let sums = refused(&|s| s.mean_sums = vec![0.0; 5]);
            assert!(matches!(sums, HeadError::Length { what: "mean_sums", .. }), "{name}: {sums}");
        }
        if own.first.is_empty() {
            continue;
        }
        for part in ["first", "second", "bias", "bias_first", "bias_second"] {
            let error = refused(&|s| {
                let part = match part {
                    "first" => &mut s.first,
                    "second" => &mut s.second,
                    "bias" => &mut s.bias,
                    "bias_first" => &mut s.bias_first,
                    _ => &mut s.bias_second,
                };
                *part = vec![0.0; 7];
            });
            assert!(matches!(error, HeadError::Length { what, found: 7, .. } if what == part), "{name}: {error}");
        }
    }
    let no_bias = HeadState { weights: vec![1.0; 6], ..HeadState::default() };
    let error = Head::builder("softmax", 3, 2).with_state(no_bias.clone()).unwrap_err();
    assert!(matches!(error, HeadError::Length { what: "bias", found: 0, expected: 3, .. }), "{error}");
    assert!(Head::builder("arcface", 3, 2).with_state(no_bias).is_ok(), "angular logits have none");
    let memory = HeadState { memory: vec![0.0; 9], ..head("curricularface", 3, 2).state() };
    let error = Head::builder("curricularface", 3, 2).with_state(memory).unwrap_err();
    assert!(matches!(error, HeadError::Length { what: "memory", expected: 1, .. }), "{error}");
    let tuple = head("center", 4, 2).state().tuple;
    let error = Head::builder("center", 3, 2).with_state(HeadState { tuple, ..head("center", 3, 2).state() });
    assert!(matches!(error.unwrap_err(), HeadError::Length { what: "tuple", found: 8, expected: 6, .. }));
}

#[test]
fn a_state_that_was_lost_is_taken_only_on_request() {
    let lost = HeadState { weights: vec![f32::NAN; 6], ..head("arcface", 3, 2).state() };
    assert!(Head::builder("arcface", 3, 2).with_state(lost.clone()).is_err());
    let head = Head::builder("arcface", 3, 2).accepts_lost(true).with_state(lost).unwrap();
    assert!(!head.is_finite() && !head.is_finite_at(&[1]));
}

#[test]
fn a_state_refused_changes_nothing() {
    for name in ["center", "triplet", "arcface", "coral"] {
        let mut head = head(name, 3, 2);
        let before = head.state();
        assert!(head.restore(HeadState { weights: vec![0.0; 3], ..HeadState::default() }).is_err());
        assert_eq!(head.state(), before, "{name}");
    }
}

#[test]
fn batches_that_cannot_be_are_refused_and_nothing_moves() {
    for name in losses() {
        let mut head = head(name, 3, 2);
        let before = head.state();
        let x = [1.0, 0.5, -0.3, 0.2];
        let (mut dx, mut stats) = ([7.0; 4], [RowStats::default(); 2]);
        let label = head.step(&x, &[0, 3], &SGD, &mut dx, &mut stats).unwrap_err();
        assert_eq!(label, HeadError::Label { row: 1, label: 3, classes: 3 }, "{name}");
        for (x, labels, dx, stats) in [(3, 2, 4, 2), (4, 1, 4, 2), (4, 2, 3, 2), (4, 2, 4, 1), (5, 2, 4, 2)] {
            let (x, labels) = (vec![0.5; x], vec![0; labels]);
            let (mut dx, mut stats) = (vec![0.0; dx], vec![RowStats::default(); stats]);
            let error = head.step(&x, &labels, &SGD, &mut dx, &mut stats).unwrap_err();
            assert!(matches!(error, HeadError::Length { .. }), "{name}: {error}");
        }
        for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let bad = [1.0, 0.5, -0.3, value];
            let error = head.step(&bad, &[0, 1], &SGD, &mut dx, &mut stats).unwrap_err();
            assert!(matches!(error, HeadError::NotFinite { row: 1, .. }), "{name}: {error}");
            assert!(matches!(head.gradients(&bad, &[0, 1]), Err(HeadError::NotFinite { row: 1, .. })), "{name}");
            assert!(matches!(head.predict(&bad), Err(HeadError::NotFinite { row: 1, .. })), "{name}");
            assert!(matches!(head.logits(&bad[2..]), Err(HeadError::NotFinite { row: 0, .. })), "{name}");
        }
        assert!(matches!(head.predict(&[1.0; 3]), Err(HeadError::Length { .. })), "{name}");
        assert!(matches!(head.logits(&[1.0; 4]), Err(HeadError::Length { .. })), "{name}");
        assert_eq!((head.state(), dx), (before, [7.0; 4]), "{name}");
    }
}

#[test]
fn rows_that_are_not_finite_are_skipped_on_request() {
    for name in losses() {
        let build = || builder(name, 3, 2).on_not_finite(OnNotFinite::Skip).build().unwrap();
        let (mut with, mut without) = (build(), build());
        let x = [1.0, 0.5, f32::NAN, 0.0, -0.3, 0.2, 0.1, f32::INFINITY];
        let got = with.gradients(&x, &[0, 1, 1, 2]).unwrap();
        let want = without.gradients(&[1.0, 0.5, -0.3, 0.2], &[0, 1]).unwrap();
        assert_eq!((got.loss, got.skipped), (want.loss, 2), "{name}");
        assert_eq!([&got.dx[..2], &got.dx[4..6]].concat(), want.dx, "{name}");
        assert_eq!((&got.dx[2..4], &got.dx[6..]), (&[0.0; 2][..], &[0.0; 2][..]), "{name}");
        assert!(got.rows[1].norm.is_nan() && !got.rows[1].correct && got.rows[2] == want.rows[1], "{name}");
        with.update(&SGD).unwrap();
        without.update(&SGD).unwrap();
        assert_eq!(with.state(), without.state(), "{name}");
        let (mut dx, mut stats) = ([1.0; 2], [RowStats::default()]);
        assert_eq!(with.step(&[f32::NAN; 2], &[0], &SGD, &mut dx, &mut stats).unwrap(), 0.0, "{name}: none is left");
        assert_eq!(dx, [0.0; 2]);
    }
}

/// Every norm that f32 has, as the papers' losses promise.
#[test]
fn finite_embeddings_of_any_length_give_finite_numbers() {
    for name in losses() {
        for length in [0.0, 1e-38, 1e-20, 1e-6, 1.0, 1e10, 1e19, 1e25, 1e30] {
            let mut head = head(name, 3, 2);
            let batch = head.gradients(&[0.6 * length, -0.8 * length], &[0]).unwrap();
            head.update(&Update::Sgd { rate: 0.0, momentum: 0.0, decay: 0.0 }).unwrap();
            assert!(batch.loss.is_finite(), "{name} at {length}: {}", batch.loss);
            assert!(batch.dx.iter().all(|v| v.is_finite()), "{name} at {length}: {:?}", batch.dx);
            assert!(head.is_finite(), "{name} at {length}");
        }
    }
}

/// What a step says of a row is what is predicted of it, equal prototypes and a zero embedding included.
#[test]
fn a_row_is_correct_where_its_class_is_predicted() {
    let x: Vec<f32> = (0..40).map(|i| ((i * i) as f32 * 0.37).sin()).chain([0.0; 4]).collect();
    let labels: Vec<u32> = (0..11).map(|i| i % 3).collect();
    for name in losses() {
        let plain = head(name, 3, 4);
        let state = plain.state();
        let same = state.weights[..state.weights.len() / 3].repeat(3);
        let equal = HeadState { weights: same, ..state };
        let heads = match plain.is_ordinal() {
            true => vec![plain],
            false => vec![plain, builder(name, 3, 4).with_state(equal).unwrap()],
        };
        for mut head in heads {
            let best = head.predict(&x).unwrap();
            let rows = head.gradients(&x, &labels).unwrap().rows;
            for (i, ((row, best), &y)) in rows.iter().zip(&best).zip(&labels).enumerate() {
                assert_eq!(row.correct, best.class == y, "{name} row {i}: {best:?} {row:?}");
            }
        }
    }
}

#[test]
fn an_update_needs_a_gradient_and_a_rule_that_can_be() {
    let mut head = head("arcface", 3, 2);
    assert_eq!(head.update(&SGD), Err(HeadError::NoGradient));
    head.gradients(&[1.0, 0.5], &[0]).unwrap();
    let adamw = Update::AdamW { rate: 0.1, beta1: 0.9, beta2: 0.99, epsilon: 1e-8, decay: 0.0, step: 0 };
    let text = head.update(&adamw).unwrap_err().to_string();
    assert!(text.contains("step = 0") && text.contains(">= 1"), "{text}");
    for (rate, momentum, decay) in [(f32::NAN, 0.9, 0.0), (-0.1, 0.9, 0.0), (0.1, 1.0, 0.0), (0.1, 0.9, -1.0)] {
        let rule = Update::Sgd { rate, momentum, decay };
        assert!(matches!(head.update(&rule), Err(HeadError::OutOfRange(_))), "{rule:?}");
    }
    assert_eq!(head.steps_done(), 0);
    head.update(&SGD).unwrap();
    assert_eq!((head.steps_done(), head.update(&SGD)), (1, Err(HeadError::NoGradient)));
}

/// In two dimensions plain softmax sorts the classes, and then each prototype goes to its class.
#[test]
fn the_soft_start_is_the_heads_own() {
    let schedule = MarginSchedule { soft_start: 0.5, free_until: 0.5, full_at: 0.5, ..MarginSchedule::default() };
    let mut head = Head::builder("arcface", 4, 2).schedule(schedule, 20).build().unwrap();
    // The classes' directions, by angle: 0, 2, 1, 3.
    let x = [1.0, 0.1, -1.0, 0.2, 0.1, 1.0, -0.1, -1.0];
    let labels = [0, 1, 2, 3];
    for step in 0..11 {
        assert_eq!(head.margin_state().linear, step < 10);
        head.gradients(&x, &labels).unwrap();
        let still = Update::Sgd { rate: 0.0, momentum: 0.0, decay: 0.0 };
        head.update(&still).unwrap();
    }
    assert_eq!(head.state().moments_since, 10);
    assert!(head.state().mean_sums.is_empty());
    let best: Vec<u32> = head.predict(&x).unwrap().iter().map(|b| b.class).collect();
    assert_eq!(best, labels);
    // Even gaps: neighbors are at right angles.
    let w = head.one_per_class();
    assert!((w[0] * w[4] + w[1] * w[5]).abs() < 1e-6 && (w[0] * w[2] + w[1] * w[3] + 1.0).abs() < 1e-6, "{w:?}");
}

#[test]
fn softer_is_softer_and_a_factor_is_a_part() {
    let mut head = Head::builder("cosface", 5, 4).scale(64.0).build().unwrap();
    head.soften(&Softening { scale: 0.5, strength: 0.5, soft_start: Some((0, 5)), ..Softening::default() }).unwrap();
    assert_eq!((head.scale(), head.margin_state().strength, head.margin_state().linear), (Some(32.0), 0.5, true));
    assert!(head.soften(&Softening { scale: 2.0, ..Softening::default() }).is_err());
    head.soften(&Softening::default()).unwrap();
    assert_eq!((head.scale(), head.margin_state()), (Some(64.0), MarginState::FULL));
    head.spread_prototypes();
    assert!(head.is_finite());
}

#[test]
fn prototypes_that_stand_still_do_not_stop_the_bias_of_binary_problems() {
    let mut head = Head::builder("sphereface2", 3, 2).prototype_rate(0.0).build().unwrap();
    let before = head.state();
    head.gradients(&[1.0, 0.5], &[0]).unwrap();
    head.update(&Update::Sgd { rate: 0.1, momentum: 0.0, decay: 0.1 }).unwrap();
    let after = head.state();
    assert_eq!(after.weights, before.weights);
    assert!(after.bias[0] != before.bias[0] && after.bias[1..] == before.bias[1..]);
}

#[test]
fn memory_moves_only_with_angular_logits() {
    for (state, moves) in [(MarginState { linear: true, ..MarginState::FULL }, false), (MarginState::FULL, true)] {
        let mut head = Head::builder("curricularface", 3, 2).held_at(state).build().unwrap();
        head.gradients(&[1.0, 0.5], &[0]).unwrap();
        assert_eq!(head.state().memory[0] != 0.0, moves);
    }
}

#[test]
fn the_dominant_prototype_is_nearest_to_most() {
    let mut head = head("subcenter_arcface", 2, 2);
    assert_eq!((head.centers(), head.state().weights.len()), (3, 2 * 3 * 2));
    let weights = vec![1.0, 0.0, 0.0, 2.0, -1.0, 0.0, 0.0, 1.0, 3.0, 0.0, 0.0, -1.0];
    head.restore(HeadState { weights, ..head.state() }).unwrap();
    let x = [0.1, 1.0, 0.2, 1.0, 1.0, 0.1, -1.0, 0.2, 0.1, -1.0];
    // Class 0: twice its second, once its first; class 1: its second and its third, once each.
    let labels = [0, 0, 0, 1, 1];
    assert_eq!(*head.dominant(&x[..6], &labels[..3]).unwrap(), [0.0, 2.0, 0.0, 1.0]);
    assert_eq!(head.dominant(&x, &labels).unwrap()[2..], [0.0, 1.0]);
    assert_eq!(head.dominant(&[1.0, -2.0], &[1]).unwrap()[2..], [0.0, -1.0]);
    assert_eq!(*head.one_per_class(), [1.0, 0.0, 0.0, 1.0]);
    assert!(head.dominant(&[1.0, -2.0], &[2]).is_err());
}

#[test]
fn logits_are_what_each_loss_predicts_by() {
    for info in LOSSES.iter().filter(|info| info.kind.objective != crate::margin::Objective::OneVsAll) {
        let head = head(info.name, 5, 3);
        let x = [0.6, -0.3, 1.1];
        let logits = head.logits(&x).unwrap();
        let best = (0..5).max_by(|&a, &b| logits[a].total_cmp(&logits[b])).unwrap();
        assert_eq!(best as u32, head.predict(&x).unwrap()[0].class, "{}", info.name);
        let most = head.scale().unwrap_or(10.0 * 1.3);
        assert!(logits.len() == 5 && logits.iter().all(|z| z.abs() <= most * (1.0 + 1e-6)), "{} {logits:?}", info.name);
        // An angular logit does not see how long a prototype is, and a fixed scale not how long x is.
        let twice = head.logits(&x.map(|v| 2.0 * v)).unwrap();
        let ratio = if info.kind.scale == ScaleKind::Fixed { 1.0 } else { 2.0 };
        assert!(twice.iter().zip(&logits).all(|(a, b)| (a - ratio * b).abs() < 1e-5), "{}", info.name);
    }
}

mod of_a_batch {
    use super::*;

    #[test]
    fn a_loss_that_stands_alone_tells_classes_by_their_means() {
        let mut head = head("triplet", 3, 2);
        let mut state = head.state();
        state.weights[4..].copy_from_slice(&[-1.0, 0.0]);
        let before = state.weights.clone();
        head.restore(state).unwrap();
        let x = [3.0, 0.0, 0.0, 1.0, 0.0, -2.0, 0.0, -1.0];
        let mut rows = Vec::new();
        for _ in 0..3 {
            rows = head.gradients(&x, &[0, 0, 1, 1]).unwrap().rows;
            head.update(&SGD).unwrap();
        }
        // The mean of the directions, whatever their lengths; class 2 was never seen.
        let w = head.state().weights;
        for (got, want) in w.iter().zip([0.5, 0.5, 0.0, -1.0]) {
            assert!((got - want).abs() < 1e-6, "{w:?}");
        }
        assert_eq!(w[4..], before[4..]);
        let best: Vec<u32> = head.predict(&x).unwrap().iter().map(|b| b.class).collect();
        assert_eq!(best, [0, 0, 1, 1]);
        assert!(rows.iter().all(|s| s.correct && s.target_angle <= std::f64::consts::FRAC_PI_4 + 1e-6));
        assert!(!head.is_angular() && head.scale().is_none() && head.margin().is_none());
    }

    #[test]
    fn a_term_beside_softmax_is_added_to_loss_and_gradient() {
        let (x, labels) = ([1.0, 0.5, -1.0, 2.0], [0, 1]);
        let mut with = head("center", 2, 2);
        let state = HeadState { tuple: Default::default(), ..with.state() };
        let mut without = Head::builder("softmax", 2, 2).with_state(state).unwrap();
        let (got, plain) = (with.gradients(&x, &labels).unwrap(), without.gradients(&x, &labels).unwrap());
        // Centers start at the origin: λ·½·mean ‖x‖², λ·x/B.
        let term = 0.003 * 0.5 * (1.25 + 5.0) / 2.0;
        assert!((got.loss - plain.loss - term).abs() < 1e-9, "{} {}", got.loss, plain.loss);
        for ((got, plain), x) in got.dx.iter().zip(plain.dx).zip(x) {
            assert!((got - plain - 0.003 * x / 2.0).abs() < 1e-7, "{got} {plain}");
        }
    }

    #[test]
    fn own_numbers_move_by_an_update_alone() {
        for info in TUPLES.iter().filter(|info| info.kind.points != crate::tuple::ClassPoints::None) {
            let mut head = head(info.name, 3, 2);
            let first = head.state().tuple;
            head.gradients(&[1.0, 0.5, -0.4, 0.3], &[0, 1]).unwrap();
            assert_eq!(head.state().tuple.values, first.values, "{}", info.name);
            head.update(&SGD).unwrap();
            assert_ne!(head.state().tuple.values, first.values, "{}", info.name);
        }
    }
}

/// The total's slope along each coordinate of the prototypes, by what a step of plain gradient
/// descent moves them. Lengths do not matter to it, so its gradient is tangent.
#[test]
fn energy_is_in_the_loss_and_in_the_gradient_of_the_prototypes() {
    let with = |weight: f64, weights: &[f32], state| {
        let energy = Energy { weight, ..Energy::default() };
        let own = HeadState { weights: weights.to_vec(), ..HeadState::default() };
        Head::builder("modified_softmax", 4, 3).energy(energy).held_at(state).with_state(own).unwrap()
    };
    let w = [1.0, 0.2, 0.1, 0.9, 0.5, -0.2, 0.1, 0.3, 1.5, -0.7, 0.4, 0.2];
    let (x, labels) = ([0.5, 0.4, 0.1, -0.3, 0.8, 0.6], [0, 2]);
    let at = |weight, w: &[f32], state| with(weight, w, state).gradients(&x, &labels).unwrap().loss;
    let given = [("weight".to_owned(), 5.0)].into();
    let energy = regularizer::find("hyperspherical_energy").unwrap().make(&given).unwrap();
    let term = energy.term(&w, 3, &labels, &mut [0.0; 12]).unwrap();
    assert!((at(5.0, &w, MarginState::FULL) - at(0.0, &w, MarginState::FULL) - term).abs() < 1e-9);
    let linear = MarginState { linear: true, ..MarginState::FULL };
    assert_eq!(at(5.0, &w, linear), at(0.0, &w, linear), "no energy in the soft start");

    let mut head = with(5.0, &w, MarginState::FULL);
    head.gradients(&x, &labels).unwrap();
    let got = head.gradient().unwrap().weights;
    for k in 0..w.len() {
        let h = 1e-2;
        let beside = |by: f32| {
            let mut w = w;
            w[k] += by;
            at(5.0, &w, MarginState::FULL)
        };
        let slope = (beside(h) - beside(-h)) / (2.0 * f64::from(h));
        assert!((f64::from(got[k]) - slope).abs() < 2e-2 * slope.abs().max(1.0), "{k}: {} for {slope}", got[k]);
    }
}

mod of_a_line {
    use super::*;

    fn head(loss: &str) -> Head {
        let levels = Levels::new(vec![10.0, 20.0, 40.0]).unwrap();
        Head::builder(loss, 3, 2).levels(levels).build().unwrap()
    }

    const X: [f32; 8] = [-1.0, 0.2, 0.1, 0.3, 1.0, -0.2, 1.2, -0.3];
    const LABELS: [u32; 4] = [0, 1, 2, 2];

    /// The loss's slope along each of w and b.
    #[test]
    fn the_gradient_is_that_of_w_and_b() {
        for (loss, biases) in [("regression", 1), ("coral", 2)] {
            let mut at = head(loss);
            let state = at.state();
            assert_eq!((state.weights.len(), state.bias.len()), (2, biases));
            at.gradients(&X, &LABELS).unwrap();
            let found = at.gradient().unwrap();
            let h = 1e-2_f32;
            for k in 0..2 + biases {
                let beside = |by: f32| {
                    let mut s = state.clone();
                    if k < 2 {
                        s.weights[k] += by
                    } else {
                        s.bias[k - 2] += by
                    }
                    let mut head = head(loss);
                    head.restore(s).unwrap();
                    head.gradients(&X, &LABELS).unwrap().loss
                };
                let slope = (beside(h) - beside(-h)) / (2.0 * f64::from(h));
                let got = f64::from(if k < 2 { found.weights[k] } else { found.bias[k - 2] });
                assert!((got - slope).abs() < 1e-3, "{loss} {k}: {got} for {slope}");
            }
        }
    }

    #[test]
    fn steps_of_either_optimizer_learn_the_values() {
        let adamw = |step| Update::AdamW { rate: 0.05, beta1: 0.9, beta2: 0.99, epsilon: 1e-8, decay: 0.0, step };
        for loss in ["regression", "coral"] {
            for adam in [false, true] {
                let mut head = head(loss);
                let (mut dx, mut stats) = ([0.0; 8], [RowStats::default(); 4]);
                let mut losses = Vec::new();
                for step in 1..=400 {
                    let update = if adam { adamw(step) } else { SGD };
                    losses.push(head.step(&X, &LABELS, &update, &mut dx, &mut stats).unwrap());
                }
                assert!(losses[399] < 0.3 * losses[0], "{loss}: {} became {}", losses[0], losses[399]);
                assert!(stats.iter().all(|s| s.correct && s.norm > 0.0 && s.target_angle == 0.0), "{loss}: {stats:?}");
                let told = head.told(&X).unwrap().unwrap();
                assert!(told.windows(2).take(2).all(|w| w[0].value < w[1].value), "{loss}: {told:?}");
                let best = head.predict(&X).unwrap();
                assert_eq!(best.iter().map(|b| b.class).collect::<Vec<_>>(), LABELS, "{loss}");
                let beats = head.beats_median(&X, &LABELS).unwrap().unwrap();
                assert!(beats[0] && beats[1], "{loss}: {beats:?}");
            }
        }
    }

    #[test]
    fn a_long_gradient_is_cut_to_its_limit() {
        let levels = Levels::new(vec![10.0, 20.0, 40.0]).unwrap();
        let mut head = Head::builder("regression", 3, 2).levels(levels).max_gradient_norm(1e-3).build().unwrap();
        head.gradients(&X, &LABELS).unwrap();
        let Gradient { weights, bias } = head.gradient().unwrap();
        let norm = weights.iter().chain(bias).map(|g| f64::from(*g).powi(2)).sum::<f64>().sqrt();
        assert!((norm - 1e-3).abs() < 1e-8, "{norm}");
    }

    #[test]
    fn a_class_has_no_direction() {
        let head = head("coral");
        assert!(head.one_per_class().is_empty() && head.logits(&[1.0, 0.0]).unwrap().is_empty());
        assert!(head.dominant(&X, &LABELS).unwrap().is_empty() && !head.is_angular() && head.is_ordinal());
    }
}
