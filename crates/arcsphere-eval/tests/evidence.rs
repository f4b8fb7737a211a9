//! Evidence against what SciPy and lir say of the same scores; evidence.py writes the file.

use arcsphere_eval::evidence::{Costs, Limits, Platt, cllr, min_cllr};
use serde::Deserialize;

#[derive(Deserialize)]
struct File {
    priors: Vec<f64>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    scores: Vec<f32>,
    same: Vec<bool>,
    a: f64,
    b: f64,
    cllr: f64,
    min_cllr: f64,
    low: f64,
    high: f64,
    actual: Vec<f64>,
    minimum: Vec<f64>,
}

#[test]
fn agrees_with_scipy_and_lir() {
    let file: File = serde_json::from_str(include_str!("evidence.json")).unwrap();
    for (i, case) in file.cases.iter().enumerate() {
        let near = |what: &str, ours: f64, theirs: f64, tolerance: f64| {
            assert!((ours - theirs).abs() <= tolerance * theirs.abs().max(1.0), "case {i}, {what}: {ours} {theirs}");
        };
        let line = Platt::fit(&case.scores, &case.same).unwrap();
        near("a", line.a, case.a, 1e-5);
        near("b", line.b, case.b, 1e-5);
        // What follows takes their line, so that each number is compared by itself.
        let line = Platt { a: case.a, b: case.b };
        let llrs: Vec<f64> = case.scores.iter().map(|s| line.llr(*s)).collect();
        near("Cllr", cllr(&llrs, &case.same).unwrap(), case.cllr, 1e-9);
        near("minCllr", min_cllr(&case.scores, &case.same).unwrap(), case.min_cllr, 1e-9);
        let limits = Limits::of(&llrs, &case.same).unwrap();
        near("ELUB, low", limits.low, case.low, 1e-9);
        near("ELUB, high", limits.high, case.high, 1e-9);
        for (prior, (actual, minimum)) in file.priors.iter().zip(case.actual.iter().zip(&case.minimum)) {
            let costs = Costs::new(*prior, 1.0, 1.0).unwrap();
            near("DCF", costs.actual(&llrs, &case.same).unwrap(), *actual, 1e-9);
            near("minDCF", costs.minimum(&case.scores, &case.same).unwrap(), *minimum, 1e-9);
        }
    }
}
