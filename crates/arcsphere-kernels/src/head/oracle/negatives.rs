//! Re-weighted negatives.

use super::*;

const RULES: [Negatives; 5] = [hard(0.4, 1.0), hard(-0.1, 0.7), steep(1.2), weighted(0.25, 1.0), weighted(0.25, 0.4)];

#[test]
fn agrees_with_central_differences() {
    for (seed, &(b, c, d)) in [(1, 2, 2), (5, 3, 2), (7, 11, 3), (4, 13, 17), (17, 40, 5)].iter().enumerate() {
        for rule in RULES {
            for smoothing in [0.0, 0.1] {
                for isa in Isa::available() {
                    let form = Form::Angular(rule);
                    Case { isa, smoothing, ..Case::draw(seed as u64, [b, c, 1, d], form) }.check();
                }
            }
        }
    }
}

/// Else the test above would not see a rule that does nothing.
#[test]
fn some_negatives_are_hard_and_some_are_not() {
    let case = Case::draw(4, [17, 40, 1, 5], Form::Angular(Negatives::Plain));
    let (mut hard, mut all) = (0, 0);
    for (i, &y) in case.labels.iter().enumerate() {
        let c = case.similarities(&case.point(), i);
        let own = c[y as usize];
        let geometry =
            RowGeometry { cos: own, sin: (1.0 - own * own).sqrt(), norm: case.by_definition(&case.point())[i].norm };
        hard += c.iter().filter(|&&c| c > wild(i, geometry).psi).count();
        all += c.len();
    }
    assert!(hard.min(all - hard) > all / 20, "{hard} of {all}");
}

#[test]
fn without_strength_they_are_plain() {
    let case = Case::draw(6, [9, 21, 1, 4], Form::Angular(Negatives::Plain));
    let plain = case.run(2, 5);
    for rule in [steep(1.0), hard(0.4, 0.0), weighted(0.25, 0.0)] {
        assert_eq!(plain, Case { form: Form::Angular(rule), ..case.clone() }.run(2, 5), "{rule:?}");
    }
}

#[test]
fn correct_compares_cosines_that_are_not_weighted() {
    // The own class is nearer by little, and the other one's logit is the larger after all.
    let (x, w) = (vec![1.0, 0.0], vec![0.8, 0.6, 0.79, -0.613]);
    let form = Form::Angular(steep(3.0));
    let case = Case { x, w, labels: vec![0], ..Case::draw(0, [1, 2, 1, 2], form) };
    let stats = case.run(1, 1).stats[0];
    assert!(stats.correct && stats.probability < 0.1, "{stats:?}");
}

#[test]
fn chunks_and_lanes_change_only_rounding_and_lanes_fix_the_bits() {
    for rule in RULES {
        Case { smoothing: 0.05, ..Case::draw(9, [16, 100, 1, 70], Form::Angular(rule)) }.check_cuts();
    }
}

/// Tolerance: 1e-4, ten times that of plain cosines, whose error slopes and squares enlarge.
#[test]
fn instruction_sets_agree_on_larger_shapes() {
    for (b, c, d) in [(128, 300, 64), (33, 41, 515)] {
        for rule in RULES {
            Case::draw(5, [b, c, 1, d], Form::Angular(rule)).check_instruction_sets(1e-4);
        }
    }
}

#[test]
fn zero_embeddings_zero_prototypes_and_angles_of_0_and_pi_give_finite_numbers() {
    for rule in RULES {
        Case::draw(3, [4, 5, 1, 3], Form::Angular(rule)).check_ends();
    }
}

/// A rule with a scale of 256, whose logits reach ±240.
#[test]
fn large_scales_do_not_overflow() {
    struct Steep(Negatives);

    impl MarginRule for Steep {
        fn answer(&mut self, geometry: &[RowGeometry], out: &mut [RowLogit]) -> Negatives {
            for (g, out) in geometry.iter().zip(out) {
                *out = RowLogit { scale: 256.0, psi: g.cos - 0.5, dpsi_dtheta: -g.sin, ..RowLogit::NEUTRAL };
            }
            self.0
        }
    }

    for rule in RULES {
        let mut case = Case::draw(8, [12, 50, 1, 3], Form::Angular(rule));
        case.x[..3].fill(0.0);
        let (mut w, mut dw, mut dx) = (case.w.clone(), vec![0.0; case.w.len()], vec![0.0; case.x.len()]);
        let batch = Batch {
            embeddings: &case.x,
            labels: &case.labels,
            dim: 3,
            centers: 1,
            smoothing: 0.1,
            lanes: 2,
            chunk: 16,
            max_gradient_norm: f64::INFINITY,
        };
        let parameters = Parameters {
            weights: &mut w,
            bias: &mut [],
            moments: Moments { first: &mut dw, second: &mut [] },
            bias_moments: Moments::default(),
            bias_update: None,
            extra_gradient: &[],
        };
        let logits = Logits::Angular(&mut Steep(rule));
        let loss = step_in(
            Isa::best(),
            &mut Workspace::default(),
            &batch,
            logits,
            parameters,
            &Update::Gradient,
            &mut dx,
            &mut vec![RowStats::default(); 12],
        );
        assert!(loss.is_finite() && dx.iter().chain(&dw).all(|v| v.is_finite()), "{rule:?}: {loss}");
    }
}
