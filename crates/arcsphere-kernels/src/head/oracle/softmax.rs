//! Softmax over one prototype per class: linear logits, and a margin with plain negatives.

use super::*;
use proptest::prelude::*;

const FORMS: [Form; 2] = [Form::Linear, Form::Angular(Negatives::Plain)];

#[test]
fn agrees_with_central_differences() {
    for (seed, &(b, c, d)) in [(1, 2, 2), (5, 3, 2), (7, 11, 3), (4, 13, 17)].iter().enumerate() {
        for form in FORMS {
            for smoothing in [0.0, 0.1] {
                for isa in Isa::available() {
                    Case { isa, smoothing, ..Case::draw(seed as u64, [b, c, 1, d], form) }.check();
                }
            }
        }
    }
}

#[test]
fn without_another_class_there_is_nothing_to_tell_apart() {
    for form in FORMS {
        let case = Case::draw(1, [3, 1, 1, 4], form);
        case.check();
        assert!(case.run(2, 3).stats.iter().all(|s| s.others == f64::NEG_INFINITY && s.probability == 1.0));
    }
}

#[test]
fn long_gradients_are_shortened_per_prototype() {
    let mut case = Case::draw(2, [8, 5, 1, 3], Form::Angular(Negatives::Plain));
    let [dx, dw, _] = case.run(1, 2).gradients;
    let longest = dw.chunks(3).map(|g| g.iter().map(|v| v * v).sum::<f32>().sqrt()).fold(0.0, f32::max);
    case.limit = f64::from(longest) / 2.0;
    let [same_dx, cut, _] = case.run(1, 2).gradients;
    assert_eq!(dx, same_dx);
    for (g, c) in dw.chunks(3).zip(cut.chunks(3)) {
        let norm = |v: &[f32]| v.iter().map(|v| v * v).sum::<f32>().sqrt();
        let want = norm(g).min(longest / 2.0);
        assert!((norm(c) - want).abs() < 1e-5 * longest, "{} for {want}", norm(c));
    }
}

/// Tolerance: 1e-5 in absolute terms for gradients of a few units.
#[test]
fn a_further_gradient_is_added_before_projection_and_limit() {
    for form in FORMS {
        for isa in Isa::available() {
            let mut case = Case { isa, ..Case::draw(4, [6, 31, 1, 5], form) };
            let plain = case.run(2, 7);
            case.extra = (0..case.w.len()).map(|i| (i * 37 % 11) as f32 / 5.0 - 1.0).collect();
            let with = case.run(2, 7);
            assert_eq!((&plain.loss, &plain.gradients[0]), (&with.loss, &with.gradients[0]));
            case.limit = 0.5;
            let cut = case.run(2, 7);
            for (j, w) in case.w.chunks(5).enumerate() {
                let row = |v: &[f32]| v[j * 5..][..5].iter().map(|&v| f64::from(v)).collect::<Vec<_>>();
                let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
                let (w, extra) = (w.iter().map(|&v| f64::from(v)).collect::<Vec<_>>(), row(&case.extra));
                let along = if form.is_angular() { dot(&extra, &w) / dot(&w, &w) } else { 0.0 };
                let want: Vec<f64> = row(&plain.gradients[1])
                    .iter()
                    .zip(extra.iter().zip(&w))
                    .map(|(g, (extra, w))| g + extra - along * w)
                    .collect();
                let shorter = (0.5 / dot(&want, &want).sqrt()).min(1.0);
                for (k, want) in want.iter().enumerate() {
                    let got = [row(&with.gradients[1])[k], row(&cut.gradients[1])[k]];
                    assert!((got[0] - want).abs() < 1e-5 && (got[1] - want * shorter).abs() < 1e-5, "{got:?} {want}");
                }
            }
        }
    }
}

#[test]
fn chunks_and_lanes_change_only_rounding_and_lanes_fix_the_bits() {
    for form in FORMS {
        Case { smoothing: 0.05, ..Case::draw(9, [16, 100, 1, 70], form) }.check_cuts();
    }
}

/// Shapes that fill tiles and some that do not.
#[test]
fn instruction_sets_agree_on_larger_shapes() {
    for (b, c, d) in [(128, 300, 64), (70, 95, 130), (33, 41, 515)] {
        for form in FORMS {
            Case { smoothing: 0.1, ..Case::draw(5, [b, c, 1, d], form) }.check_instruction_sets(1e-5);
        }
    }
}

#[test]
fn zero_embeddings_zero_prototypes_and_angles_of_0_and_pi_give_finite_numbers() {
    for form in FORMS {
        Case::draw(3, [4, 5, 1, 3], form).check_ends();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Rotating X and W together changes no loss; nor does permuting the classes.
    #[test]
    fn symmetries_of_the_sphere(seed in 0u64..1000, angle in -3.0f64..3.0, shift in 1usize..6) {
        let case = Case::draw(seed, [6, 7, 1, 4], Form::Angular(Negatives::Plain));
        let want = case.run(2, 3).loss;
        let mut turned = case.clone();
        let (s, c) = angle.sin_cos();
        for v in turned.x.chunks_mut(4).chain(turned.w.chunks_mut(4)) {
            let (a, b) = (f64::from(v[0]), f64::from(v[2]));
            v[0] = (c * a - s * b) as f32;
            v[2] = (s * a + c * b) as f32;
        }
        prop_assert!((turned.run(2, 3).loss - want).abs() < 1e-5);
        let mut permuted = case;
        permuted.w.rotate_right(4 * shift);
        for y in &mut permuted.labels {
            *y = (*y + shift as u32) % 7;
        }
        prop_assert!((permuted.run(2, 3).loss - want).abs() < 1e-6);
    }
}
