//! Angles between embeddings and prototypes, in radians, and embedding norms.
//!
//! For unit vectors u, v the angle is 2·atan2(‖u − v‖, ‖u + v‖) (Kahan, "How
//! futile are mindless assessments of roundoff", §12): exact to rounding from 0
//! to π, where arccos of a rounded cosine loses half its digits at both ends.

use arcsphere_kernels::gemm::{Op, sgemm};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::f64::consts::PI;

use crate::error::{EvalError, Result, rows};
use crate::near::{above, relative_error};

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
}

/// The angles of `embeddings` `[N, dim]` with `prototypes` `[C, dim]`.
///
/// Cosines from products in `f32` say which prototypes may be the nearest and which angles lie within a
/// degree; the angles themselves, and on which side of a degree one lies that is next to it, are computed in
/// `f64`.
///
/// # Errors
/// [`EvalError::Length`] for inputs that do not fit, [`EvalError::Index`] for a
/// label ≥ C, [`EvalError::TooFew`] for no sample or fewer than two classes,
/// [`EvalError::NotFinite`].
///
/// ```
/// use arcsphere_eval::angles::angles;
/// let found = angles(&[1.0, 0.0], &[3.0, 0.0, 0.0, 2.0], 2, &[0])?;
/// assert_eq!((found.target[0], found.nearest_nontarget[0].to_degrees()), (0.0, 90.0));
/// # Ok::<(), arcsphere_eval::EvalError>(())
/// ```
pub fn angles(embeddings: &[f32], prototypes: &[f32], dim: usize, labels: &[u32]) -> Result<Angles> {
    let n = rows("the embeddings", embeddings, dim)?;
    let classes = rows("the prototypes", prototypes, dim)?;
    at_least("the embeddings", n, 1)?;
    at_least("the prototypes", classes, 2)?;
    check_labels(labels, n, classes)?;

    let prototypes = Rows::new(prototypes, dim);
    let degrees = Degrees::new(relative_error(dim));
    // Counts are integers and each row stands alone, so that neither the number of threads nor their
    // order changes a bit.
    let blocks: Vec<Angles> = embeddings
        .par_chunks(ROWS * dim)
        .zip(labels.par_chunks(ROWS))
        .map(|(block, labels)| against(&Rows::new(block, dim), &prototypes, labels, &degrees))
        .collect();
    let mut out = Angles { target: Vec::new(), nearest_nontarget: Vec::new(), nontarget_counts: vec![0; BINS] };
    for block in blocks {
        out.target.extend(block.target);
        out.nearest_nontarget.extend(block.nearest_nontarget);
        out.nontarget_counts.iter_mut().zip(block.nontarget_counts).for_each(|(total, count)| *total += count);
    }
    Ok(out)
}

/// Samples that share a product.
const ROWS: usize = 256;

/// Prototypes that share a product.
const COLUMNS: usize = 1024;

/// Vectors with their norms, and in `f32` at length 1.
struct Rows<'a> {
    values: &'a [f32],
    dim: usize,
    norms: Vec<f64>,
    unit: Vec<f32>,
}

impl<'a> Rows<'a> {
    fn new(values: &'a [f32], dim: usize) -> Self {
        let norms: Vec<f64> = values.chunks_exact(dim).map(norm).collect();
        let scaled = values.chunks_exact(dim).zip(&norms).flat_map(|(row, n)| {
            let inverse = if *n > 0.0 { 1.0 / n } else { 0.0 };
            row.iter().map(move |v| (f64::from(*v) * inverse) as f32)
        });
        Self { values, dim, unit: scaled.collect(), norms }
    }

    fn row(&self, i: usize) -> &[f32] {
        &self.values[i * self.dim..][..self.dim]
    }

    fn angle(&self, i: usize, other: &Self, j: usize) -> f64 {
        angle_with_norms(self.row(i), self.norms[i], other.row(j), other.norms[j])
    }
}

/// The angles of one block of samples.
fn against(x: &Rows<'_>, w: &Rows<'_>, labels: &[u32], degrees: &Degrees) -> Angles {
    let (n, dim) = (labels.len(), x.dim);
    let mut counts = vec![0_u64; BINS];
    let mut nearest: Vec<Nearest> = vec![Nearest::default(); n];
    let mut products = Vec::new();
    for (first, unit) in (0..).step_by(COLUMNS).zip(w.unit.chunks(COLUMNS * dim)) {
        let width = unit.len() / dim;
        products.resize(n * width, 0.0);
        sgemm(n, width, dim, &x.unit, Op::Plain, unit, Op::Transposed, 0.0, &mut products);
        for (i, cosines) in products.chunks_exact_mut(width).enumerate() {
            let own = (labels[i] as usize).wrapping_sub(first);
            for (j, cosine) in cosines.iter().enumerate().filter(|(j, _)| *j != own) {
                counts[degrees.bin(*cosine).unwrap_or_else(|| bin(x.angle(i, w, first + j)))] += 1;
            }
            if let Some(cosine) = cosines.get_mut(own) {
                *cosine = f32::NEG_INFINITY;
            }
            nearest[i].meet(cosines, first, degrees.error);
        }
    }
    let least = |(i, near): (usize, &Nearest)| {
        let candidates = near.candidates.iter().filter(|c| c.0 >= near.most - 2.0 * degrees.error);
        candidates.map(|c| x.angle(i, w, c.1)).fold(f64::INFINITY, f64::min)
    };
    Angles {
        target: labels.iter().enumerate().map(|(i, y)| x.angle(i, w, *y as usize)).collect(),
        nearest_nontarget: nearest.iter().enumerate().map(least).collect(),
        nontarget_counts: counts,
    }
}

/// The prototypes that may be the nearest of a sample, with their cosines.
#[derive(Clone)]
struct Nearest {
    most: f32,
    candidates: Vec<(f32, usize)>,
}

impl Default for Nearest {
    fn default() -> Self {
        Self { most: f32::NEG_INFINITY, candidates: Vec::new() }
    }
}

impl Nearest {
    fn meet(&mut self, cosines: &[f32], first: usize, error: f32) {
        self.most = cosines.iter().fold(self.most, |a, b| if *b > a { *b } else { a });
        // An infinite error leaves all but the own one.
        let floor = (self.most - 2.0 * error).max(f32::MIN);
        let near = (first..).zip(cosines).filter(|(_, c)| **c >= floor);
        self.candidates.extend(near.map(|(j, c)| (*c, j)));
    }
}

/// Which degree a cosine lies in.
struct Degrees {
    /// By how much a cosine may be off.
    error: f32,
    /// Of each of [`CELLS`] parts of [−1, 1], with what lies within an error of it, the degree; or [`MIXED`].
    cells: Vec<u8>,
}

const CELLS: usize = 1 << 16;
const MIXED: u8 = u8::MAX;

impl Degrees {
    fn new(error: f64) -> Self {
        let error = above(1.01 * error + 1e-12);
        let edge = |cell: usize| 2.0 * cell as f64 / CELLS as f64 - 1.0;
        // One unit more for the rounding of the cell's number.
        let margin = f64::from(error) + 1e-6;
        let degree = |cosine: f64| bin(cosine.clamp(-1.0, 1.0).acos());
        let cells = (0..CELLS).map(|cell| {
            let (high, low) = (degree(edge(cell) - margin), degree(edge(cell + 1) + margin));
            if high == low { high as u8 } else { MIXED }
        });
        Self { error, cells: cells.collect() }
    }

    /// The degree, unless a cosine so near may lie in another.
    fn bin(&self, cosine: f32) -> Option<usize> {
        let cell = ((cosine + 1.0) * (CELLS / 2) as f32) as usize;
        match self.cells[cell.min(CELLS - 1)] {
            MIXED => None,
            degree => Some(usize::from(degree)),
        }
    }
}

/// The bin of an angle: its whole degrees, at most 179.
pub fn bin(theta: f64) -> usize {
    ((theta.to_degrees()) as usize).min(BINS - 1)
}

/// For each of `prototypes` `[C, dim]` the angle with the nearest other one.
///
/// # Errors
/// [`EvalError::TooFew`] for fewer than two classes, [`EvalError::NotFinite`].
///
/// ```
/// let nearest = arcsphere_eval::angles::nearest_prototype_angles(&[1.0, 0.0, 0.0, 1.0, -1.0, 0.0], 2)?;
/// assert_eq!(nearest[0].to_degrees(), 90.0);
/// # Ok::<(), arcsphere_eval::EvalError>(())
/// ```
pub fn nearest_prototype_angles(prototypes: &[f32], dim: usize) -> Result<Vec<f64>> {
    let classes = rows("the prototypes", prototypes, dim)?;
    at_least("the prototypes", classes, 2)?;
    let own: Vec<u32> = (0..classes as u32).collect();
    Ok(angles(prototypes, prototypes, dim, &own)?.nearest_nontarget)
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
        assert_eq!(a.nontarget_counts.iter().sum::<u64>(), 4);
        assert_eq!(a.nontarget_counts[179], 1, "π belongs to the last bin");
        assert_eq!(nearest_prototype_angles(&w, 2).unwrap(), [PI / 2.0; 3]);
    }

    /// Angle by angle.
    fn plain(x: &[f32], w: &[f32], dim: usize, labels: &[u32]) -> Angles {
        let mut out = Angles { target: Vec::new(), nearest_nontarget: Vec::new(), nontarget_counts: vec![0; BINS] };
        for (x, label) in x.chunks_exact(dim).zip(labels) {
            let angles: Vec<f64> = w.chunks_exact(dim).map(|w| angle(x, w)).collect();
            out.target.push(angles[*label as usize]);
            let others = angles.iter().enumerate().filter(|(j, _)| *j != *label as usize).map(|(_, a)| *a);
            others.clone().for_each(|a| out.nontarget_counts[bin(a)] += 1);
            out.nearest_nontarget.push(others.fold(f64::INFINITY, f64::min));
        }
        out
    }

    #[test]
    fn products_change_no_bit() {
        let mut rng = crate::random::keyed(b"test----", 1, 0);
        for (n, classes, dim) in [(300, 7, 2), (40, 1100, 3), (70, 50, 33), (20, 90, 512)] {
            let mut draw =
                |len: usize| -> Vec<f32> { (0..len).map(|_| crate::random::unit(&mut rng) as f32 - 0.5).collect() };
            let (mut x, mut w) = (draw(n * dim), draw(classes * dim));
            // Equal and opposite ones, zeros, and angles next to a whole degree.
            w.copy_within(..dim, 2 * dim);
            x[..dim].copy_from_slice(&w[..dim]);
            x[dim..2 * dim].iter_mut().zip(&w).for_each(|(x, w)| *x = -w);
            x[2 * dim..3 * dim].fill(0.0);
            w[3 * dim..4 * dim].fill(0.0);
            let own = w[..dim].to_vec();
            x[3 * dim..4 * dim].iter_mut().zip(own).for_each(|(x, w)| *x = w + 1e-4 * *x);
            let labels: Vec<u32> = (0..n as u32).map(|i| i * 7 % classes as u32).collect();
            assert_eq!(angles(&x, &w, dim, &labels).unwrap(), plain(&x, &w, dim, &labels));
        }
        let circle: Vec<f32> = (0..361)
            .flat_map(|d| [f64::from(d).to_radians().cos() as f32, f64::from(d).to_radians().sin() as f32])
            .collect();
        let labels: Vec<u32> = (0..361).collect();
        assert_eq!(angles(&circle, &circle, 2, &labels).unwrap(), plain(&circle, &circle, 2, &labels));
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
