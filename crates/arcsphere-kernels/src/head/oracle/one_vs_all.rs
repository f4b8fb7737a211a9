//! Binary problems.

use super::*;

/// Hyperparameters from mild to hard.
fn rules() -> impl Iterator<Item = OneVsAll> {
    [(0.7, 4.0, 0.4, 3.0), (0.5, 8.0, 0.0, 1.0), (0.9, 30.0, 0.4, 3.0), (0.7, 12.0, 0.2, 2.5)]
        .into_iter()
        .map(|(weight, scale, margin, power)| OneVsAll { weight, scale, margin, power })
}

#[test]
fn agrees_with_central_differences() {
    for (seed, &(b, c, d)) in [(1, 2, 2), (5, 3, 2), (3, 1, 2), (7, 11, 3), (4, 13, 17), (17, 40, 5)].iter().enumerate()
    {
        for rule in rules() {
            for isa in Isa::available() {
                Case { isa, ..Case::draw(seed as u64, [b, c, 1, d], Form::OneVsAll(rule)) }.check();
            }
        }
    }
}

#[test]
fn chunks_and_lanes_change_only_rounding_and_lanes_fix_the_bits() {
    for rule in rules() {
        Case::draw(9, [16, 100, 1, 70], Form::OneVsAll(rule)).check_cuts();
    }
}

/// Tolerance: 1e-4, since a cosine's error grows with r.
#[test]
fn instruction_sets_agree_on_larger_shapes() {
    for (b, c, d) in [(128, 300, 64), (33, 41, 515)] {
        for rule in rules() {
            Case::draw(5, [b, c, 1, d], Form::OneVsAll(rule)).check_instruction_sets(1e-4);
        }
    }
}

#[test]
fn zero_embeddings_zero_prototypes_and_angles_of_0_and_pi_give_finite_numbers() {
    for mut rule in rules() {
        for scale in [rule.scale, 64.0, 1000.0] {
            rule.scale = scale;
            Case::draw(3, [4, 5, 1, 3], Form::OneVsAll(rule)).check_ends();
        }
    }
}

/// The bias has a rule and moments of its own, does not decay, and is one number however many
/// are there.
#[test]
fn the_bias_moves_by_the_update_rule() {
    let rule = OneVsAll { weight: 0.7, scale: 4.0, margin: 0.4, power: 3.0 };
    let case = Case::draw(2, [5, 7, 1, 3], Form::OneVsAll(rule));
    let db = case.run(1, 8).gradients[2][0];
    let (mut w, mut bias) = (case.w.clone(), [case.bias[0], 9.0]);
    let (mut first, mut bias_first) = (vec![0.0; w.len()], [1.0, 9.0]);
    let batch = Batch {
        embeddings: &case.x,
        labels: &case.labels,
        dim: 3,
        centers: 1,
        smoothing: 0.0,
        lanes: 1,
        chunk: 8,
        max_gradient_norm: f64::INFINITY,
    };
    let [update, still] = [0.1, 0.0].map(|rate| Update::Sgd { rate, momentum: 0.5, decay: 0.3 });
    let parameters = Parameters {
        weights: &mut w,
        bias: &mut bias,
        moments: Moments { first: &mut first, second: &mut [] },
        bias_moments: Moments { first: &mut bias_first, second: &mut [] },
        bias_update: Some(&update),
        extra_gradient: &[],
    };
    let stats = &mut [RowStats::default(); 5];
    step_in(
        Isa::best(),
        &mut Workspace::default(),
        &batch,
        Logits::OneVsAll(rule),
        parameters,
        &still,
        &mut [0.0; 15],
        stats,
    );
    let velocity = 0.5 + db;
    assert!((bias_first[0] - velocity).abs() < 1e-6 && (bias[0] - (case.bias[0] - 0.1 * velocity)).abs() < 1e-6);
    assert_eq!((bias[1], bias_first[1]), (9.0, 9.0));
    assert_eq!(w, case.w);
}

#[test]
#[should_panic(expected = "label smoothing")]
fn binary_labels_are_not_smoothed() {
    let form = Form::OneVsAll(OneVsAll { weight: 0.7, scale: 4.0, margin: 0.4, power: 3.0 });
    Case { smoothing: 0.1, ..Case::draw(1, [2, 3, 1, 2], form) }.run(1, 1);
}
