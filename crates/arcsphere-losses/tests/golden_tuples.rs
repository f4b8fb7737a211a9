//! Every tuple loss and the hyperspherical energy against PyTorch's autograd in float64.
//!
//! `golden/tuples.json` is written by `golden/tuples.py` from formulas of its own; nothing
//! here knows a formula.

#[path = "common/difference.rs"]
mod difference;

use arcsphere_losses::regularizer::hyperspherical_energy;
use arcsphere_losses::tuple::{self, ClassPoints, TUPLES};
use difference::difference;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde::Deserialize;
use std::collections::BTreeMap;

/// Largest difference of a loss, in parts of it (of 1 if it is less): nine digits are written.
const VALUE_TOLERANCE: f64 = 1e-8;

/// Largest difference of a gradient's entry, in parts of the gradient's largest entry:
/// rounding to f32.
const GRADIENT_TOLERANCE: f64 = 2e-7;

/// The same for the energy, whose cosines are f32.
const ENERGY_TOLERANCE: f64 = 5e-6;

#[derive(Deserialize)]
struct Golden {
    inputs: BTreeMap<String, Inputs>,
    cases: Vec<Case>,
    energies: Vec<Energy>,
}

#[derive(Deserialize)]
struct Inputs {
    dim: usize,
    labels: Vec<u32>,
    x: Vec<f32>,
    own: Vec<f32>,
}

#[derive(Deserialize)]
struct Case {
    loss: String,
    inputs: String,
    params: BTreeMap<String, f64>,
    value: f64,
    dx: Vec<f64>,
    #[serde(default)]
    dp: Vec<f64>,
}

#[derive(Deserialize)]
struct Energy {
    inputs: String,
    power: f64,
    half_space: bool,
    subset: Option<Vec<u32>>,
    value: f64,
    dw: Vec<f64>,
}

fn golden() -> Golden {
    serde_json::from_str(include_str!("../../../golden/tuples.json"))
        .expect("golden/tuples.json is what tuples.py writes")
}

fn of_value(got: f64, want: f64) -> f64 {
    (got - want).abs() / want.abs().max(1.0)
}

/// Sentences about what exceeds its tolerance.
fn failures(name: &str, measured: &[(&str, f64, f64)]) -> Vec<String> {
    let off = measured.iter().filter(|(_, off, tolerance)| off.is_nan() || off > tolerance);
    off.map(|(what, off, tolerance)| format!("{name}: {what} is off by {off:.2e}, more than {tolerance:e}")).collect()
}

#[test]
fn losses_and_gradients_agree_with_autograd() {
    let golden = golden();
    let mut failed = Vec::new();
    for case in &golden.cases {
        let Inputs { dim, labels, x, own } = &golden.inputs[&case.inputs];
        let info = tuple::find(&case.loss).expect("a loss in the golden file is registered");
        let loss = info.make(&case.params).expect("a golden case's parameters are legal");
        let mut parameters = loss.parameters(own.len() / dim, *dim, &mut ChaCha8Rng::seed_from_u64(1));
        if info.kind.points != ClassPoints::None {
            parameters.values.clone_from(own);
        }
        let mut dx = vec![f32::NAN; x.len()];
        let value = loss.loss(x, labels, *dim, &mut parameters, &mut dx).expect("a golden case fits");
        let mut measured = vec![
            ("the loss", of_value(value, case.value), VALUE_TOLERANCE),
            ("dX", difference(&dx, &case.dx), GRADIENT_TOLERANCE),
        ];
        if info.kind.points == ClassPoints::Proxies {
            measured.push(("dP", difference(&parameters.gradient, &case.dp), GRADIENT_TOLERANCE));
        }
        failed.extend(failures(&format!("{} {:?} on {}", case.loss, case.params, case.inputs), &measured));
    }
    assert!(failed.is_empty(), "of {} cases:\n{}", golden.cases.len(), failed.join("\n"));
}

#[test]
fn energies_and_gradients_agree_with_autograd() {
    let golden = golden();
    let mut failed = Vec::new();
    for case in &golden.energies {
        let Inputs { dim, own, .. } = &golden.inputs[&case.inputs];
        let mut dw = vec![f32::NAN; own.len()];
        let subset = case.subset.as_deref();
        let value = hyperspherical_energy(own, *dim, case.power, case.half_space, subset, &mut dw);
        let measured = [
            ("the energy", of_value(value.expect("a golden case fits"), case.value), ENERGY_TOLERANCE),
            ("dW", difference(&dw, &case.dw), ENERGY_TOLERANCE),
        ];
        let Energy { inputs, power, half_space, .. } = case;
        failed.extend(failures(&format!("a = {power}, half {half_space}, {subset:?} on {inputs}"), &measured));
    }
    assert!(!golden.energies.is_empty() && failed.is_empty(), "{}", failed.join("\n"));
}

#[test]
fn every_loss_has_golden_cases() {
    let golden = golden();
    for info in TUPLES {
        assert!(
            golden.cases.iter().filter(|c| c.loss == info.name).count() >= 4,
            "{} has no case in golden/tuples.json: write it in golden/tuples.py and run that",
            info.name
        );
    }
}
