//! Every registered loss against its definition in f64, and its gradients against differences of it.

use super::{Batch, Entry, Levels, ORDINALS, OrdinalKind};
use crate::random::keyed;
use rand::RngExt;
use std::collections::BTreeMap;

/// Largest difference of a gradient's entry, in parts of the largest: rounding to f32.
const TOLERANCE: f64 = 2e-6;

const DIM: usize = 3;

/// A batch with unequal steps between the classes, in f64.
struct Point {
    x: Vec<f64>,
    w: Vec<f64>,
    b: Vec<f64>,
    labels: Vec<u32>,
    levels: Vec<f64>,
}

/// Numbers that are f32 already, so that both sides start from the same.
fn point(info: &Entry<OrdinalKind>, params: &BTreeMap<String, f64>, seed: u64) -> Point {
    let mut rng = keyed(b"ordinal-", seed, 0);
    let mut draw = |n: usize, by: f64| -> Vec<f64> {
        (0..n).map(|_| f64::from((by * (2.0 * rng.random::<f64>() - 1.0)) as f32)).collect()
    };
    let levels = vec![-4.0, -1.0, 0.0, 2.5, 9.0];
    let (x, w) = (draw(7 * DIM, 1.5), draw(DIM, 1.0));
    let start = info.make(params).unwrap().biases(levels.len());
    let b = start.iter().zip(draw(start.len(), 0.4)).map(|(b, off)| f64::from((b + off) as f32)).collect();
    Point { x, w, b, labels: vec![4, 0, 2, 1, 3, 0, 4], levels }
}

/// The losses from their definitions: one sum after the other.
fn oracle(name: &str, params: &BTreeMap<String, f64>, p: &Point) -> f64 {
    let n = p.levels.len() as f64;
    let mean = p.levels.iter().sum::<f64>() / n;
    let sd = (p.levels.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / n).sqrt();
    let rows = p.x.chunks(DIM).zip(&p.labels).map(|(x, &y)| {
        let z: f64 = x.iter().zip(&p.w).map(|(x, w)| x * w).sum();
        match name {
            "regression" => {
                let (beta, off) = (params.get("beta").copied().unwrap_or(1.0), z + p.b[0]);
                let off = (off - (p.levels[y as usize] - mean) / sd).abs();
                if off < beta { 0.5 * off.powi(2) / beta } else { off - 0.5 * beta }
            }
            "coral" => {
                let terms = p.b.iter().enumerate().map(|(k, b)| {
                    let probability = 1.0 / (1.0 + (-(z + b)).exp());
                    -if y as usize > k { probability.ln() } else { (1.0 - probability).ln() }
                });
                terms.sum::<f64>() / p.b.len() as f64
            }
            other => panic!("{other} has no oracle: write one"),
        }
    });
    rows.sum::<f64>() / p.labels.len() as f64
}

fn narrow(values: &[f64]) -> Vec<f32> {
    values.iter().map(|v| *v as f32).collect()
}

/// Central differences of the oracle by each of the numbers that `part` is.
fn differences(
    name: &str,
    params: &BTreeMap<String, f64>,
    p: &mut Point,
    part: fn(&mut Point) -> &mut Vec<f64>,
) -> Vec<f64> {
    const H: f64 = 1e-5;
    (0..part(p).len())
        .map(|i| {
            let mut at = |by: f64| {
                let before = part(p)[i];
                part(p)[i] = before + by;
                let value = oracle(name, params, p);
                part(p)[i] = before;
                value
            };
            (at(H) - at(-H)) / (2.0 * H)
        })
        .collect()
}

fn assert_close(got: &[f32], want: &[f64], what: &str) {
    assert_eq!(got.len(), want.len(), "{what}");
    let largest = want.iter().fold(1e-9_f64, |m, v| m.max(v.abs()));
    for (i, (got, want)) in got.iter().zip(want).enumerate() {
        let off = (f64::from(*got) - want).abs() / largest;
        assert!(off <= TOLERANCE, "{what} {i}: {got} for {want}");
    }
}

#[test]
fn losses_and_gradients_are_those_of_the_definition() {
    for info in ORDINALS {
        // The default, and where there are numbers others: of beta one that is less than most errors.
        for scale in [1.0, 0.3] {
            let params: BTreeMap<String, f64> =
                info.params.iter().map(|p| (p.name.to_owned(), scale * p.default)).collect();
            for seed in 0..20 {
                let mut p = point(info, &params, seed);
                let loss = info.make(&params).unwrap();
                let (x, w, b) = (narrow(&p.x), narrow(&p.w), narrow(&p.b));
                let levels = Levels::new(p.levels.clone()).unwrap();
                let batch = Batch { embeddings: &x, weights: &w, biases: &b, levels: &levels };
                let mut dx = vec![f32::NAN; x.len()];
                let got = batch.gradients(&*loss, &p.labels, &mut dx);
                let what = |part: &str| format!("{} {params:?} seed {seed}: {part}", info.name);
                let want = oracle(info.name, &params, &p);
                assert!((got.loss - want).abs() < 1e-12, "{}: {} for {want}", what("loss"), got.loss);
                assert!((got.rows.iter().sum::<f64>() / 7.0 - want).abs() < 1e-12, "{}", what("rows"));
                assert_close(&dx, &differences(info.name, &params, &mut p, |p| &mut p.x), &what("dX"));
                assert_close(&got.weights, &differences(info.name, &params, &mut p, |p| &mut p.w), &what("dw"));
                assert_close(&got.biases, &differences(info.name, &params, &mut p, |p| &mut p.b), &what("db"));
            }
        }
    }
}

#[test]
fn every_loss_describes_itself_and_tells_what_there_is() {
    let levels = Levels::new(vec![-4.0, -1.0, 0.0, 2.5, 9.0]).unwrap();
    for info in ORDINALS {
        assert!(!info.kind.predicts.is_empty(), "{}", info.name);
        let loss = info.make(&BTreeMap::new()).unwrap();
        let biases = narrow(&loss.biases(5));
        let mut before = (f64::NEG_INFINITY, 0);
        for z in (-400..=400).map(|z| 0.05 * f64::from(z)) {
            let predicted = loss.predict(z, &biases, &levels);
            assert!(
                (-4.0..=9.0).contains(&predicted.value) && predicted.class < 5,
                "{} at {z}: {predicted:?}",
                info.name
            );
            assert!((predicted.value, predicted.class) >= before, "{} falls at {z}", info.name);
            before = (predicted.value, predicted.class);
        }
        assert!(before.0 > 9.0 - 1e-6 && before.1 == 4, "{}: {before:?}", info.name);
    }
}

#[test]
fn a_batch_of_nothing_has_no_loss() {
    let levels = Levels::new(vec![0.0, 1.0]).unwrap();
    for info in ORDINALS {
        let loss = info.make(&BTreeMap::new()).unwrap();
        let biases = narrow(&loss.biases(2));
        let batch = Batch { embeddings: &[], weights: &[1.0, 0.0], biases: &biases, levels: &levels };
        let got = batch.gradients(&*loss, &[], &mut []);
        assert_eq!((got.loss, got.weights, batch.predict(&*loss)), (0.0, vec![0.0; 2], Vec::new()), "{}", info.name);
    }
}

#[test]
fn a_parameter_out_of_range_is_refused() {
    let beta = |value: f64| super::find("regression").unwrap().make(&[("beta".to_owned(), value)].into());
    for value in [0.0, -1.0, 101.0, f64::NAN] {
        assert!(beta(value).unwrap_err().to_string().contains("[0.001, 100]"));
    }
    assert!(super::find("coral").unwrap().make(&[("beta".to_owned(), 1.0)].into()).is_err());
}
