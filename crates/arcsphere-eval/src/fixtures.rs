//! Made-up runs and cells, for the tests of what shows them.

use crate::interval::wilson;
use crate::measures::Estimate;
use crate::results::{Run, TrainedBy};
use crate::sweep::Cell;

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
        train_seconds: 12.5,
        samples_per_second: 4000.0,
        ..Run::default()
    }
    .with("accuracy", Estimate::new(share(correct)).within(low, high).over(1000))
    .with("eer", 0.02)
    .with("tmr_at_fmr@1e-2", 0.9)
    .with("tmr_at_fmr@1e-3", 0.7)
    .with("target_angle@mean", 0.07)
}

/// A run on an open set: pairs, no accuracy.
pub fn unclassified(loss: &str, seed: u64, eer: f64) -> Run {
    let mut run = run(loss, seed, 0).with("eer", eer);
    run.measures.retain(|key, _| !["accuracy", "target_angle"].contains(&key.measure_key()));
    run
}

/// A run with errors in years on 100 images.
pub fn aged(loss: &str, seed: u64, mae: f64) -> Run {
    let over = |value: f64| Estimate::new(value).over(100);
    let run = run(loss, seed, 500)
        .with("mae", over(mae).within(mae - 0.5, mae + 0.5))
        .with("mae_argmax", over(mae + 1.0).within(mae, mae + 2.0))
        .with("cs@5", over(0.6))
        .with("cs@10", over(0.9))
        .with("cs_argmax@5", over(0.5));
    Run { target_unit: "years".into(), ..run }
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
            trainer: TrainedBy::Default,
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
