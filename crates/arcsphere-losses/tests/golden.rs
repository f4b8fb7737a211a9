//! Every loss of the registry against PyTorch's autograd in float64, through the head.
//!
//! `golden/losses.json` is written by `golden/make.py` (`cargo xtask golden`) from
//! formulas of its own; nothing here knows a formula.

use arcsphere_losses::Settings;
use arcsphere_losses::head::{Head, HeadBuilder, HeadState};
use arcsphere_losses::margin::{
    self, Extension, LOSSES, Margin, Margins, Negatives, OneVsAll, Row, ScaleKind, Target, Unit,
};
use arcsphere_losses::margin_schedule::MarginState;
use rand_chacha::ChaCha8Rng;
use serde::Deserialize;
use std::collections::BTreeMap;

/// Largest difference of a gradient's entry, in parts of the gradient's largest entry.
/// Ten times what f32 with AVX-512 shows, since other vector widths sum in another order.
const GRADIENT_TOLERANCE: f64 = 1e-5;

/// Largest relative difference of the loss.
const LOSS_TOLERANCE: f64 = 1e-6;

#[derive(Deserialize)]
struct Golden {
    inputs: BTreeMap<String, Inputs>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Inputs {
    classes: usize,
    dim: usize,
    labels: Vec<u32>,
    x: Vec<f32>,
    w: Vec<f32>,
    b: Vec<f32>,
}

#[derive(Deserialize)]
struct Case {
    loss: String,
    inputs: String,
    margins: Margins,
    extension: Extension,
    scale: f64,
    smoothing: f64,
    lambda: f64,
    scale_share: f64,
    strength: f64,
    #[serde(default)]
    params: BTreeMap<String, f64>,
    /// What a loss with random margins drew for the rows; empty for others.
    #[serde(default)]
    draws: Vec<f64>,
    value: f64,
    dx: Vec<f64>,
    dw: Vec<f64>,
    db: Vec<f64>,
}

impl Case {
    fn describe(&self) -> String {
        let Margins { angle_multiplier: m0, angle_margin: m1, cosine_margin: m2 } = self.margins;
        let Case { loss, inputs, extension, scale, smoothing, lambda, strength, params, .. } = self;
        format!(
            "{loss} m0={m0} m1={m1} m2={m2} {extension:?} s={scale} smoothing={smoothing} λ={lambda} strength={strength} {params:?} on {inputs}"
        )
    }

    fn head(&self, classes: usize, dim: usize) -> HeadBuilder {
        let info = margin::find(&self.loss).expect("a loss in the golden file is registered");
        let state = MarginState {
            scale_share: self.scale_share,
            strength: self.strength,
            lambda: self.lambda,
            ..MarginState::FULL
        };
        let given = |unit: Unit| info.kind.takes(unit).then(|| unit.value(self.margins));
        let settings = Settings {
            paper: true,
            angle_multiplier: given(Unit::AngleMultiplier),
            angle_margin: given(Unit::AngleMargin),
            cosine_margin: given(Unit::CosineMargin),
            scale: (info.kind.scale == ScaleKind::Fixed).then_some(self.scale),
            extension: self.extension,
            smoothing: self.smoothing,
            params: self.params.clone(),
            ..Settings::default()
        };
        let draws = self.draws.clone();
        Head::builder(&self.loss, classes, dim).settings(settings).lanes(2).held_at(state).wrap(move |margin| {
            if draws.is_empty() { margin } else { Box::new(WithDraws { margin, draws: draws.clone() }) }
        })
    }
}

/// A loss with the draws that the golden file has, in place of its generator's.
#[derive(Debug)]
struct WithDraws {
    margin: Box<dyn Margin>,
    draws: Vec<f64>,
}

impl Margin for WithDraws {
    fn begin(&self, _memory: &mut [f64], rows: &mut [Row], _strength: f64, _rng: &mut ChaCha8Rng) {
        assert_eq!(rows.len(), self.draws.len());
        rows.iter_mut().zip(&self.draws).for_each(|(row, draw)| row.draw = *draw);
    }

    fn target(&self, row: &Row, memory: &[f64], strength: f64) -> Target {
        self.margin.target(row, memory, strength)
    }

    fn steepest(&self) -> f64 {
        self.margin.steepest()
    }

    fn negatives(&self, memory: &[f64], strength: f64) -> Negatives {
        self.margin.negatives(memory, strength)
    }

    fn one_vs_all(&self, scale: f64, strength: f64) -> Option<OneVsAll> {
        self.margin.one_vs_all(scale, strength)
    }
}

fn golden() -> Golden {
    serde_json::from_str(include_str!("../../../golden/losses.json"))
        .expect("golden/losses.json is what make.py writes")
}

/// max |got − want| / max |want|; a gradient that is zero throughout must be so exactly.
fn difference(got: &[f32], want: &[f64]) -> f64 {
    assert_eq!(got.len(), want.len());
    let largest = want.iter().fold(0.0_f64, |m, v| m.max(v.abs()));
    let mut worst = 0.0_f64;
    for (&g, w) in got.iter().zip(want) {
        let off = (f64::from(g) - w).abs();
        // Not f64::max, which passes over a NaN.
        if off > 0.0 || off.is_nan() {
            let relative = off / largest;
            worst = if relative > worst || relative.is_nan() { relative } else { worst };
        }
    }
    worst
}

#[test]
fn losses_and_gradients_agree_with_autograd() {
    let golden = golden();
    let mut failures = Vec::new();
    for case in &golden.cases {
        let Inputs { classes, dim, labels, x, w, b } = &golden.inputs[&case.inputs];
        let state = HeadState { weights: w.clone(), bias: b.clone(), ..HeadState::default() };
        let mut head = case.head(*classes, *dim).with_state(state).expect(&case.loss);
        let found = head.gradients(x, labels).expect("a batch");
        let gradient = head.gradient().expect("prototypes have one");
        let measured = [
            ("loss", (found.loss - case.value).abs() / case.value.abs(), LOSS_TOLERANCE),
            ("dX", difference(&found.dx, &case.dx), GRADIENT_TOLERANCE),
            ("dW", difference(gradient.weights, &case.dw), GRADIENT_TOLERANCE),
            ("db", difference(gradient.bias, &case.db), GRADIENT_TOLERANCE),
        ];
        for (what, off, tolerance) in measured {
            if off.is_nan() || off > tolerance {
                failures.push(format!("{}: {what} is off by {off:.2e}, more than {tolerance:e}", case.describe()));
            }
        }
    }
    assert!(failures.is_empty(), "{} of {} cases:\n{}", failures.len(), golden.cases.len(), failures.join("\n"));
}

#[test]
fn every_loss_has_a_golden_case() {
    let golden = golden();
    for info in LOSSES {
        assert!(
            golden.cases.iter().any(|c| c.loss == info.name),
            "{} has no case in golden/losses.json: give it a line in FAMILY of golden/make.py, or in RELATIVES of golden/relatives.py, and run `cargo xtask golden`",
            info.name
        );
    }
}
