//! Several prototypes per class, for every form of logits.

use super::*;

const FORMS: [Form; 5] = [
    Form::Linear,
    Form::Angular(Negatives::Plain),
    Form::Angular(hard(0.4, 1.0)),
    Form::Angular(weighted(0.25, 1.0)),
    Form::OneVsAll(OneVsAll { weight: 0.7, scale: 8.0, margin: 0.3, power: 3.0 }),
];

#[test]
fn agrees_with_central_differences() {
    let shapes = [[1, 2, 2, 2], [5, 3, 2, 2], [7, 11, 3, 3], [4, 1, 3, 5], [6, 9, 5, 17], [17, 30, 2, 5]];
    for (seed, &shape) in shapes.iter().enumerate() {
        for form in FORMS {
            for isa in Isa::available() {
                Case { isa, ..Case::draw(seed as u64, shape, form) }.check();
            }
        }
    }
}

#[test]
fn chunks_and_lanes_change_only_rounding_and_lanes_fix_the_bits() {
    for form in FORMS {
        Case::draw(9, [16, 35, 3, 20], form).check_cuts();
    }
}

#[test]
fn instruction_sets_agree_on_larger_shapes() {
    for form in FORMS {
        Case::draw(5, [70, 50, 3, 65], form).check_instruction_sets(1e-4);
    }
}

#[test]
fn zero_embeddings_zero_prototypes_and_angles_of_0_and_pi_give_finite_numbers() {
    for form in FORMS {
        Case::draw(3, [4, 5, 2, 3], form).check_ends();
    }
}

/// Each prototype twice: the first of a pair gets all that a single one would, to the bit of a
/// loss whose sums run in the same order.
#[test]
fn of_equal_prototypes_the_first_gets_the_gradient() {
    for form in FORMS {
        let single = Case::draw(6, [9, 21, 1, 4], form);
        let w = single.w.chunks(4).flat_map(|w| [w, w]).flatten().copied().collect();
        let double = Case { w, centers: 2, ..single.clone() };
        let (one, two) = (single.run(1, 64), double.run(1, 64));
        assert!((one.loss - two.loss).abs() <= 1e-6 * one.loss, "{form:?}");
        for (one, two) in one.gradients[1].chunks(4).zip(two.gradients[1].chunks(8)) {
            assert!(one.iter().zip(two).all(|(a, b)| (a - b).abs() <= 1e-5), "{form:?}: {one:?} {two:?}");
            assert!(two[4..].iter().all(|v| *v == 0.0), "{form:?}: {two:?}");
        }
        for (one, two) in one.gradients[0].iter().zip(&two.gradients[0]) {
            assert!((one - two).abs() <= 1e-5, "{form:?}");
        }
    }
}

#[test]
#[should_panic(expected = "label smoothing")]
fn labels_of_several_prototypes_are_not_smoothed() {
    Case { smoothing: 0.1, ..Case::draw(1, [2, 3, 2, 2], FORMS[1]) }.run(1, 1);
}

#[test]
#[should_panic(expected = "C·K rows")]
fn every_class_has_all_its_prototypes() {
    Case { centers: 2, ..Case::draw(1, [2, 3, 1, 2], FORMS[1]) }.run(1, 1);
}
