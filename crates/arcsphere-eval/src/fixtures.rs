//! Made-up runs and cells, for the tests of what shows them.

use crate::interval::wilson;
use crate::results::{Run, fmr_key};
use crate::sweep::Cell;
use std::collections::BTreeMap;

/// A run as a caller would fill it in.
pub fn run(loss: &str, seed: u64, correct: u64) -> Run {
    let share = |n: u64| n as f64 / 1000.0;
    let (low, high) = wilson(correct, 1000).map_or((share(correct), share(correct)), |p| (p.low, p.high));
    Run {
        loss: loss.into(),
        m0: Some(1.0),
        m1: Some(0.5),
        m2: Some(0.0),
        scale: Some(16.0),
        margin_reason: "fits ten classes, \"2-D\"".into(),
        seed,
        epochs: 5,
        backbone: "lenet_2d".into(),
        dim: 2,
        accuracy: Some(share(correct)),
        accuracy_low: Some(low),
        accuracy_high: Some(high),
        n_test: 1000,
        eer: Some(0.02),
        tmr_at_fmr: BTreeMap::from([(fmr_key(1e-2), 0.9), (fmr_key(1e-3), 0.7)]),
        target_angle_mean: Some(0.07),
        train_seconds: 12.5,
        samples_per_second: 4000.0,
        ..Run::default()
    }
}

/// A run on an open set: pairs, no accuracy.
pub fn unclassified(loss: &str, seed: u64, eer: f64) -> Run {
    Run {
        accuracy: None,
        accuracy_low: None,
        accuracy_high: None,
        n_test: 0,
        eer: Some(eer),
        target_angle_mean: None,
        ..run(loss, seed, 0)
    }
}

/// A run with errors in years on 100 images.
pub fn aged(loss: &str, seed: u64, mae: f64) -> Run {
    let mut run = run(loss, seed, 500);
    (run.mae, run.mae_low, run.mae_high) = (Some(mae), Some(mae - 0.5), Some(mae + 0.5));
    (run.mae_argmax, run.mae_argmax_low, run.mae_argmax_high) = (Some(mae + 1.0), Some(mae), Some(mae + 2.0));
    run.cs = [("5".to_owned(), 0.6), ("10".to_owned(), 0.9)].into();
    run.cs_argmax = [("5".to_owned(), 0.5)].into();
    (run.n_regression, run.target_unit) = (100, "years".into());
    run
}

/// A cell as a caller would fill it in; accuracies of 1000 samples.
pub fn cell(loss: &str, margin: f64, rate: f64, seed: u64, validation: f64, correct: u64) -> Cell {
    Cell {
        loss: loss.into(),
        margin_key: "angle_margin".into(),
        margin,
        boundary_cost: margin,
        rate,
        seed,
        run: Run {
            validation_accuracy: Some(validation),
            trainer: "default".into(),
            m1: Some(margin),
            ..run(loss, seed, correct)
        },
    }
}

/// A cell that collapsed.
pub fn dead(loss: &str, margin: f64, rate: f64, seed: u64, cause: &str) -> Cell {
    let mut cell = cell(loss, margin, rate, seed, 0.1, 100);
    cell.run.collapsed = true;
    cell.run.reason = format!("collapsed: {cause}");
    cell.run.causes = vec![cause.into()];
    cell
}
