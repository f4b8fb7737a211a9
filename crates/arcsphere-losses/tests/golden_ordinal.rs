//! Every loss of an ordered target against PyTorch's autograd in float64.
//!
//! `golden/ordinal.json` is written by `golden/ordinal.py` from formulas of its own; nothing here
//! knows a formula.

#[path = "common/difference.rs"]
mod difference;

use arcsphere_losses::ordinal::{self, Batch, Levels, ORDINALS};
use difference::difference;
use serde::Deserialize;
use std::collections::BTreeMap;

/// Largest difference of a loss, in parts of it (of 1 if it is less): nine digits are written.
const VALUE_TOLERANCE: f64 = 1e-8;

/// Largest difference of a gradient's entry, in parts of the gradient's largest entry: rounding to f32.
const GRADIENT_TOLERANCE: f64 = 2e-7;

#[derive(Deserialize)]
struct Golden {
    inputs: BTreeMap<String, Inputs>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Inputs {
    labels: Vec<u32>,
    values: Vec<f32>,
    x: Vec<f32>,
    w: Vec<f32>,
    /// Biases, by the loss that they are for.
    #[serde(flatten)]
    biases: BTreeMap<String, serde_json::Value>,
}

#[derive(Deserialize)]
struct Case {
    loss: String,
    inputs: String,
    params: BTreeMap<String, f64>,
    value: f64,
    dx: Vec<f64>,
    dw: Vec<f64>,
    db: Vec<f64>,
}

fn golden() -> Golden {
    serde_json::from_str(include_str!("../../../golden/ordinal.json"))
        .expect("golden/ordinal.json is what ordinal.py writes")
}

#[test]
fn losses_and_gradients_agree_with_autograd() {
    let golden = golden();
    for case in &golden.cases {
        let Inputs { labels, values, x, w, biases } = &golden.inputs[&case.inputs];
        let b: Vec<f32> = serde_json::from_value(biases[&case.loss].clone()).expect("biases");
        let loss = ordinal::find(&case.loss).expect("registered").make(&case.params).expect("legal parameters");
        let levels = Levels::new(values.iter().map(|&v| f64::from(v)).collect()).expect("values that rise");
        let mut dx = vec![f32::NAN; x.len()];
        let batch = Batch { embeddings: x, weights: w, biases: &b, levels: &levels };
        let got = batch.gradients(&*loss, labels, &mut dx);
        let name = format!("{} {:?} on {}", case.loss, case.params, case.inputs);
        let off = (got.loss - case.value).abs() / case.value.abs().max(1.0);
        assert!(off <= VALUE_TOLERANCE, "{name}: the loss is off by {off:.2e}");
        for (what, got, want) in [("dX", &dx, &case.dx), ("dw", &got.weights, &case.dw), ("db", &got.biases, &case.db)]
        {
            let off = difference(got, want);
            assert!(off <= GRADIENT_TOLERANCE, "{name}: {what} is off by {off:.2e}");
        }
    }
}

#[test]
fn every_loss_has_golden_cases() {
    let golden = golden();
    for info in ORDINALS {
        assert!(
            golden.cases.iter().filter(|c| c.loss == info.name).count() >= 3,
            "{} has no case in golden/ordinal.json: write it in golden/ordinal.py and run that",
            info.name
        );
    }
}
