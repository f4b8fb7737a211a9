//! Angles between embeddings and prototypes, in radians, and embedding norms.
//!
//! For unit vectors u, v the angle is 2·atan2(‖u − v‖, ‖u + v‖) (Kahan, "How
//! futile are mindless assessments of roundoff", §12): exact to rounding from 0
//! to π, where arccos of a rounded cosine loses half its digits at both ends.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::f64::consts::PI;

use crate::error::{EvalError, Result, rows};

/// Bins of the histogram of non-target angles: one a degree.
pub const BINS: usize = 180;

/// The angle between `a` and `b`, in [0, π]. A vector of zeros has no direction;
/// its angle with anything is π/2, as its cosine is taken as 0. Entries beyond the
/// shorter vector are ignored.
///
/// ```
/// let theta = arcsphere_eval::angles::angle(&[1.0, 0.0], &[1.0, 1e-6]);
/// assert!((theta - 1e-6).abs() < 1e-12);
/// ```
pub fn angle(a: &[f32], b: &[f32]) -> f64 {
    angle_with_norms(a, norm(a), b, norm(b))
}

/// The Euclidean norm, accumulated in `f64`.
pub fn norm(x: &[f32]) -> f64 {
    x.iter().map(|v| f64::from(*v) * f64::from(*v)).sum::<f64>().sqrt()
}

fn angle_with_norms(a: &[f32], norm_a: f64, b: &[f32], norm_b: f64) -> f64 {
    let inverse = |n: f64| if n > 0.0 { 1.0 / n } else { 0.0 };
    let (ia, ib) = (inverse(norm_a), inverse(norm_b));
    let (mut difference, mut sum) = (0.0, 0.0);
    for (x, y) in a.iter().zip(b) {
        let (u, v) = (f64::from(*x) * ia, f64::from(*y) * ib);
        difference += (u - v) * (u - v);
        sum += (u + v) * (u + v);
    }
    if difference == 0.0 && sum == 0.0 {
        return PI / 2.0;
    }
    2.0 * difference.sqrt().atan2(sum.sqrt())
}

/// The angles of every embedding with every prototype, summed up.
#[derive(Debug, Clone, PartialEq)]
pub struct Angles {
    /// Angle with the own class's prototype, one a sample.
    pub target: Vec<f64>,
    /// Smallest angle with another class's prototype, one a sample.
    pub nearest_nontarget: Vec<f64>,
    /// All N·(C − 1) non-target angles, counted by whole degree; π is counted in
    /// the last bin. [`BINS`] entries.
    pub nontarget_counts: Vec<u64>,
    /// Mean of all non-target angles.
    pub nontarget_mean: f64,
    /// The class of the nearest prototype, one a sample; of two at the same angle
    /// the one with the lower index.
    pub predicted: Vec<u32>,
    /// Number of samples whose nearest prototype is their own.
    pub correct: u64,
}

/// The angles of `embeddings` `[N, dim]` with `prototypes` `[C, dim]`.
///
/// # Errors
/// [`EvalError::Length`] for inputs that do not fit, [`EvalError::Index`] for a
/// label ≥ C, [`EvalError::TooFew`] for no sample or fewer than two classes,
/// [`EvalError::NotFinite`].
pub fn angles(embeddings: &[f32], prototypes: &[f32], dim: usize, labels: &[u32]) -> Result<Angles> {
    let n = rows("the embeddings", embeddings, dim)?;
    let classes = rows("the prototypes", prototypes, dim)?;
    at_least("the embeddings", n, 1)?;
    at_least("the prototypes", classes, 2)?;
    check_labels(labels, n, classes)?;

    let prototype_norms: Vec<f64> = prototypes.chunks_exact(dim).map(norm).collect();
    struct Row {
        target: f64,
        nearest: f64,
        predicted: u32,
        sum: f64,
    }
    // Counts are integers and each row's sum stands alone, so that neither the
    // number of threads nor their order changes a bit.
    const ROWS: usize = 256;
    let chunks: Vec<(Vec<Row>, Vec<u64>)> = embeddings
        .par_chunks(ROWS * dim)
        .zip(labels.par_chunks(ROWS))
        .map(|(chunk, labels)| {
            let mut counts = vec![0u64; BINS];
            let rows = chunk
                .chunks_exact(dim)
                .zip(labels)
                .map(|(x, &label)| {
                    let norm_x = norm(x);
                    let mut row = Row { target: 0.0, nearest: f64::INFINITY, predicted: 0, sum: 0.0 };
                    let mut best = f64::INFINITY;
                    for (j, w) in prototypes.chunks_exact(dim).enumerate() {
                        let theta = angle_with_norms(x, norm_x, w, prototype_norms[j]);
                        if theta < best {
                            best = theta;
                            row.predicted = j as u32;
                        }
                        if j == label as usize {
                            row.target = theta;
                        } else {
                            row.nearest = row.nearest.min(theta);
                            row.sum += theta;
                            counts[bin(theta)] += 1;
                        }
                    }
                    row
                })
                .collect();
            (rows, counts)
        })
        .collect();

    let mut out = Angles {
        target: Vec::with_capacity(n),
        nearest_nontarget: Vec::with_capacity(n),
        nontarget_counts: vec![0; BINS],
        nontarget_mean: 0.0,
        predicted: Vec::with_capacity(n),
        correct: 0,
    };
    for (rows, counts) in chunks {
        for (total, count) in out.nontarget_counts.iter_mut().zip(counts) {
            *total += count;
        }
        for row in rows {
            let label = labels[out.target.len()];
            out.correct += u64::from(row.predicted == label);
            out.target.push(row.target);
            out.nearest_nontarget.push(row.nearest);
            out.predicted.push(row.predicted);
            out.nontarget_mean += row.sum;
        }
    }
    out.nontarget_mean /= (n * (classes - 1)) as f64;
    Ok(out)
}

/// The bin of an angle: its whole degrees, at most 179.
pub fn bin(theta: f64) -> usize {
    ((theta.to_degrees()) as usize).min(BINS - 1)
}

/// For each of `prototypes` `[C, dim]` the angle with the nearest other one.
///
/// # Errors
/// [`EvalError::TooFew`] for fewer than two classes, [`EvalError::NotFinite`].
pub fn nearest_prototype_angles(prototypes: &[f32], dim: usize) -> Result<Vec<f64>> {
    let classes = rows("the prototypes", prototypes, dim)?;
    at_least("the prototypes", classes, 2)?;
    let norms: Vec<f64> = prototypes.chunks_exact(dim).map(norm).collect();
    Ok((0..classes)
        .into_par_iter()
        .map(|i| {
            let own = &prototypes[i * dim..][..dim];
            prototypes
                .chunks_exact(dim)
                .enumerate()
                .filter(|(j, _)| *j != i)
                .map(|(j, other)| angle_with_norms(own, norms[i], other, norms[j]))
                .fold(f64::INFINITY, f64::min)
        })
        .collect())
}

/// The Euclidean norm of each row of `embeddings` `[N, dim]`.
///
/// # Errors
/// [`EvalError::Length`], [`EvalError::NotFinite`].
pub fn norms(embeddings: &[f32], dim: usize) -> Result<Vec<f64>> {
    rows("the embeddings", embeddings, dim)?;
    Ok(embeddings.par_chunks_exact(dim).map(norm).collect())
}

/// Mean, spread and quantiles of a series.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// Number of values.
    pub n: usize,
    /// Arithmetic mean.
    pub mean: f64,
    /// Sample standard deviation (n − 1 below the line); 0 for one value.
    pub sd: f64,
    /// Smallest value.
    pub min: f64,
    /// 5 % quantile.
    pub q05: f64,
    /// Median.
    pub median: f64,
    /// 95 % quantile.
    pub q95: f64,
    /// Largest value.
    pub max: f64,
}

/// Sums up `values`; quantiles are linear between order statistics (type 7 of
/// Hyndman and Fan).
///
/// # Errors
/// [`EvalError::TooFew`] for no value, [`EvalError::NotFinite`].
pub fn summarize(values: &[f64]) -> Result<Summary> {
    at_least("a summary", values.len(), 1)?;
    if let Some(index) = values.iter().position(|v| !v.is_finite()) {
        return Err(EvalError::NotFinite { what: "a value of a summary", index, value: values[index] });
    }
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let n = sorted.len();
    let mean = values.iter().sum::<f64>() / n as f64;
    let ss: f64 = values.iter().map(|v| (v - mean) * (v - mean)).sum();
    let quantile = |p: f64| {
        let at = p * (n - 1) as f64;
        let (i, t) = (at as usize, at.fract());
        sorted[i] + t * (sorted[(i + 1).min(n - 1)] - sorted[i])
    };
    Ok(Summary {
        n,
        mean,
        sd: if n > 1 { (ss / (n - 1) as f64).sqrt() } else { 0.0 },
        min: sorted[0],
        q05: quantile(0.05),
        median: quantile(0.5),
        q95: quantile(0.95),
        max: sorted[n - 1],
    })
}

fn at_least(what: &'static str, got: usize, needed: usize) -> Result<()> {
    if got < needed {
        return Err(EvalError::TooFew { what, got, needed });
    }
    Ok(())
}

/// Whether there are `n` labels, each below `classes`.
pub fn check_labels(labels: &[u32], n: usize, classes: usize) -> Result<()> {
    if labels.len() != n {
        return Err(EvalError::Length { what: "the list of labels", got: labels.len(), expected: n });
    }
    if let Some(position) = labels.iter().position(|l| *l as usize >= classes) {
        return Err(EvalError::Index { what: "the label", position, index: labels[position] as usize, limit: classes });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn exact_near_both_ends() {
        for theta in [0.0, 1e-7, 1e-4, 0.5, PI / 2.0, 3.0, PI - 1e-4, PI] {
            let b = [theta.cos() as f32, theta.sin() as f32];
            // The oracle sees the same rounded vector.
            let expected = f64::from(b[1]).atan2(f64::from(b[0]));
            assert!((angle(&[2.5, 0.0], &b) - expected).abs() < 1e-13, "{theta}");
        }
        assert_eq!(angle(&[0.0, 0.0], &[1.0, 0.0]), PI / 2.0);
        assert_eq!(angle(&[0.0, 0.0], &[0.0, 0.0]), PI / 2.0);
    }

    #[test]
    fn a_small_case_by_hand() {
        // Prototypes at 0°, 90° and 180°; samples at 45° − a little, and at 180°.
        let w = [1.0, 0.0, 0.0, 2.0, -3.0, 0.0];
        let x = [1.0, 0.5, -4.0, 0.0];
        let a = angles(&x, &w, 2, &[0, 1]).unwrap();
        let small = 0.5f64.atan();
        assert!((a.target[0] - small).abs() < 1e-12);
        assert!((a.nearest_nontarget[0] - (PI / 2.0 - small)).abs() < 1e-12);
        assert!((a.target[1] - PI / 2.0).abs() < 1e-12);
        assert_eq!(a.nearest_nontarget[1], 0.0);
        assert_eq!(a.predicted, [0, 2]);
        assert_eq!(a.correct, 1);
        assert_eq!(a.nontarget_counts.iter().sum::<u64>(), 4);
        assert_eq!(a.nontarget_counts[179], 1, "π belongs to the last bin");
        assert_eq!(nearest_prototype_angles(&w, 2).unwrap(), [PI / 2.0; 3]);
    }

    #[test]
    fn quantiles_and_spread() {
        let s = summarize(&[4.0, 1.0, 3.0, 2.0, 5.0]).unwrap();
        assert_eq!((s.min, s.median, s.max, s.mean), (1.0, 3.0, 5.0, 3.0));
        assert!((s.q05 - 1.2).abs() < 1e-12 && (s.q95 - 4.8).abs() < 1e-12);
        assert!((s.sd - 2.5f64.sqrt()).abs() < 1e-12);
        assert_eq!(summarize(&[7.0]).unwrap().sd, 0.0);
    }

    #[test]
    fn wrong_input_is_named() {
        let w = [1.0, 0.0, 0.0, 1.0];
        let message = |r: Result<Angles>| r.unwrap_err().to_string();
        assert!(message(angles(&[1.0, 0.0], &w, 2, &[2])).contains("less than 2"));
        assert!(message(angles(&[1.0, 0.0], &w, 2, &[0, 1])).contains("expected 1"));
        assert!(message(angles(&[1.0], &w, 2, &[0])).contains("expected 2"));
        assert!(message(angles(&[f32::NAN, 0.0], &w, 2, &[0])).contains("NaN"));
        assert!(message(angles(&[1.0, 0.0], &w[..2], 2, &[0])).contains("at least 2"));
        assert!(angles(&[], &w, 2, &[]).is_err() && angles(&[], &w, 0, &[]).is_err());
        assert!(summarize(&[]).is_err() && nearest_prototype_angles(&w[..2], 2).is_err());
    }

    proptest! {
        #[test]
        fn agrees_with_arccos_away_from_the_ends_and_is_symmetric(
            a in prop::collection::vec(-3.0f32..3.0, 5),
            b in prop::collection::vec(-3.0f32..3.0, 5),
            scale in 0.01f32..100.0,
        ) {
            prop_assume!(norm(&a) > 0.1 && norm(&b) > 0.1);
            let theta = angle(&a, &b);
            prop_assert!((0.0..=PI).contains(&theta));
            prop_assert_eq!(theta, angle(&b, &a));
            let dot: f64 = a.iter().zip(&b).map(|(x, y)| f64::from(*x) * f64::from(*y)).sum();
            let cos = dot / (norm(&a) * norm(&b));
            if cos.abs() < 0.999 {
                prop_assert!((theta - cos.acos()).abs() < 1e-12);
            }
            let longer: Vec<f32> = a.iter().map(|v| v * scale).collect();
            prop_assert!((angle(&longer, &b) - theta).abs() < 1e-6);
        }
    }
}
