use super::*;

#[test]
fn the_line_does_not_depend_on_how_many_pairs_of_a_kind_there_are() {
    let scores = [0.9_f32, 0.5, 0.7, 0.1, 0.3, 0.6];
    let of = |impostor: usize| {
        let all = (0..300).map(|i| scores[i % 3]).chain((0..impostor).map(|i| scores[3 + i % 3]));
        let same: Vec<bool> = (0..300 + impostor).map(|i| i < 300).collect();
        Platt::fit(&all.collect::<Vec<_>>(), &same).unwrap()
    };
    // Only Platt's targets move, by 1/(N + 2).
    let (even, crowded) = (of(300), of(30_000));
    assert!((even.a / crowded.a - 1.0).abs() < 0.02 && (even.b / crowded.b - 1.0).abs() < 0.02, "{even:?} {crowded:?}");
}

#[test]
fn what_a_threshold_separates_stays_finite() {
    let line = Platt::fit(&[0.9, 0.8, 0.1, 0.0], &[true, true, false, false]).unwrap();
    // At the optimum the mean of σ over a kind is Platt's target, 3/4 and 1/4: both lines meet at 0.45.
    assert!(line.a.is_finite() && line.llr(0.45).abs() < 1e-6, "{line:?}");
    assert!(line.llr(0.85) > 0.9 && line.llr(0.85) < 1.3, "{line:?}");
}

#[test]
fn scores_the_wrong_way_round_are_refused() {
    let backwards = Platt::fit(&[0.1, 0.2, 0.8, 0.9], &[true, true, false, false]).unwrap_err();
    assert!(backwards.to_string().contains("no higher"), "{backwards}");
    let flat = Platt::fit(&[0.5; 4], &[true, true, false, false]).unwrap_err();
    assert!(matches!(flat, EvalError::Backwards { .. }), "{flat}");
    let even = Platt::fit(&[0.4, 0.6, 0.4, 0.6], &[true, true, false, false]).unwrap_err();
    assert!(matches!(even, EvalError::Backwards { .. }), "{even}");
}

#[test]
fn a_percentage_is_a_probability_only_with_a_prior() {
    // An llr of ln 99 at a prior of 1 % is an even chance. Peers stretch a logistic fit to 51–100 % on one side of the
    // threshold and 0–49 % on the other, whatever the prior.
    assert!((posterior(99_f64.ln(), 0.01).unwrap() - 0.5).abs() < 1e-12);
    assert!((posterior(99_f64.ln(), 0.5).unwrap() - 0.99).abs() < 1e-12);
    for prior in [0.0, 1.0, f64::NAN] {
        assert!(posterior(0.0, prior).is_err());
    }
    assert!(posterior(f64::NAN, 0.5).is_err());
    assert_eq!(posterior(f64::INFINITY, 0.5).unwrap(), 1.0);
}

#[test]
fn few_pairs_bear_no_large_ratio() {
    // Perfect scores of N pairs of either kind bear a ratio of about N.
    for n in [5_usize, 50, 500] {
        let llrs: Vec<f64> = (0..2 * n).map(|i| if i < n { 100.0 } else { -100.0 }).collect();
        let same: Vec<bool> = (0..2 * n).map(|i| i < n).collect();
        let limits = Limits::of(&llrs, &same).unwrap();
        let most = (n as f64 + 1.0).ln();
        assert!(limits.high > 0.5 * most && limits.high <= most + 0.05, "{n}: {limits:?}");
        assert!((limits.high + limits.low).abs() < 0.05, "{limits:?}");
    }
    let nothing = Limits::of(&[0.0; 8], &[true, true, true, true, false, false, false, false]).unwrap();
    assert_eq!((nothing.low, nothing.high), (0.0, 0.0));
}

#[test]
fn infinite_ratios_cost_what_they_should() {
    let (inf, same) = (f64::INFINITY, [true, false]);
    assert_eq!(cllr(&[inf, -inf], &same).unwrap(), 0.0);
    assert_eq!(cllr(&[-inf, -inf], &same).unwrap(), inf);
    assert_eq!(min_cllr(&[0.9, 0.1], &same).unwrap(), 0.0);
    assert_eq!(min_cllr(&[0.5, 0.5], &same).unwrap(), 1.0);
    assert!(cllr(&[f64::NAN, 0.0], &same).is_err() && cllr(&[0.0], &same).is_err());
    assert!(Costs::new(0.0, 1.0, 1.0).is_err() && Costs::new(0.5, 0.0, 1.0).is_err());
    assert!(pav(&[0.1, 0.2], &[true, true]).is_err());
}
