//! k-means on the unit sphere: embeddings at length 1, squared Euclidean distance,
//! ‖u − v‖² = 2 − 2·cos θ.
//!
//! Starts by k-means++ (Arthur and Vassilvitskii, SODA 2007): each further center is a
//! sample drawn with a chance proportional to its squared distance from the nearest
//! center so far. Then Lloyd's iteration until no sample changes its cluster. A cluster
//! that has lost its samples takes the sample that is farthest from its own center.

use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::neighbors::dot;
use super::unit_rows;
use crate::error::{EvalError, Result};
use crate::random::{below, keyed, unit};

/// Starts of which the best is kept: enough that another seed rarely finds a better one.
pub const RESTARTS: usize = 10;

/// Lloyd's iterations at most; within a few dozen it has settled.
const ITERATIONS: usize = 300;

/// What k-means found.
#[derive(Debug, Clone, PartialEq)]
pub struct Clusters {
    /// The cluster of each sample, 0..k.
    pub assignment: Vec<u32>,
    /// Sum of the squared distances from the samples to their centers.
    pub inertia: f64,
}

/// `k` clusters of `embeddings` `[N, dim]`, each first brought to length 1: the best of
/// `restarts` starts by inertia, the earlier of two equal ones. The same `seed` gives the
/// same clusters, whatever the number of threads.
///
/// # Errors
/// [`EvalError::TooFew`] for fewer samples than clusters or no restart,
/// [`EvalError::Range`] for a `k` of 0, [`EvalError::NotFinite`], [`EvalError::Length`].
pub fn kmeans(embeddings: &[f32], dim: usize, k: usize, restarts: usize, seed: u64) -> Result<Clusters> {
    let x = unit_rows(embeddings, dim)?;
    let n = x.len() / dim;
    if k == 0 || u32::try_from(k).is_err() {
        return Err(EvalError::Range {
            what: "the number of clusters",
            value: k as f64,
            expected: "from 1 to 4 294 967 295",
        });
    }
    if n < k {
        return Err(EvalError::TooFew { what: "the samples of a k-means", got: n, needed: k });
    }
    let mut best: Option<Clusters> = None;
    for restart in 0..restarts {
        let mut rng = keyed(b"kmeans++", seed, restart as u64);
        let found = lloyd(&x, dim, start(&x, dim, k, &mut rng));
        if best.as_ref().is_none_or(|b| found.inertia < b.inertia) {
            best = Some(found);
        }
    }
    best.ok_or(EvalError::TooFew { what: "the restarts of a k-means", got: 0, needed: 1 })
}

/// In lanes, as [`dot`].
fn squared(a: &[f64], b: &[f64]) -> f64 {
    let mut lanes = [0.0; 8];
    let ((whole_a, rest_a), (whole_b, rest_b)) = (a.as_chunks::<8>(), b.as_chunks::<8>());
    for (x, y) in whole_a.iter().zip(whole_b) {
        for (lane, (x, y)) in lanes.iter_mut().zip(x.iter().zip(y)) {
            *lane += (x - y) * (x - y);
        }
    }
    lanes.iter().sum::<f64>() + rest_a.iter().zip(rest_b).map(|(x, y)| (x - y) * (x - y)).sum::<f64>()
}

/// The centers `[k, dim]` of k-means++.
fn start(x: &[f64], dim: usize, k: usize, rng: &mut ChaCha8Rng) -> Vec<f64> {
    let n = x.len() / dim;
    let row = |i: usize| &x[i * dim..][..dim];
    let mut centers = row(below(rng, n)).to_vec();
    let mut nearest: Vec<f64> = x.chunks_exact(dim).map(|r| squared(r, &centers)).collect();
    while centers.len() < k * dim {
        let total: f64 = nearest.iter().sum();
        // Where all that is left coincides with a center, any sample will do.
        let next = if total > 0.0 { draw(&nearest, unit(rng) * total) } else { below(rng, n) };
        centers.extend_from_slice(row(next));
        nearest.par_iter_mut().zip(x.par_chunks_exact(dim)).for_each(|(d, r)| *d = d.min(squared(r, row(next))));
    }
    centers
}

/// The first index whose weights up to it exceed `at`; never one of weight 0.
fn draw(weights: &[f64], at: f64) -> usize {
    let mut sum = 0.0;
    let mut last = 0;
    for (i, w) in weights.iter().enumerate().filter(|(_, w)| **w > 0.0) {
        sum += w;
        last = i;
        if sum > at {
            break;
        }
    }
    last
}

fn lloyd(x: &[f64], dim: usize, mut centers: Vec<f64>) -> Clusters {
    let mut assignment: Vec<(u32, f64)> = Vec::new();
    for _ in 0..ITERATIONS {
        let next = assign(x, dim, &centers);
        let settled = next.iter().zip(&assignment).all(|(a, b)| a.0 == b.0) && !assignment.is_empty();
        assignment = next;
        if settled {
            break;
        }
        centers = means(x, dim, centers.len() / dim, &mut assignment);
    }
    Clusters {
        inertia: assignment.iter().map(|a| a.1).sum(),
        assignment: assignment.into_iter().map(|a| a.0).collect(),
    }
}

/// Each sample's nearest center, the first of equal ones, and its squared distance.
fn assign(x: &[f64], dim: usize, centers: &[f64]) -> Vec<(u32, f64)> {
    let squares: Vec<f64> = centers.chunks_exact(dim).map(|c| dot(c, c)).collect();
    x.par_chunks_exact(dim)
        .map(|row| {
            // ‖x − c‖² less ‖x‖², which is the same for every center.
            let (mut best, mut least) = (0, f64::INFINITY);
            for (c, (center, square)) in centers.chunks_exact(dim).zip(&squares).enumerate() {
                let distance = square - 2.0 * dot(row, center);
                if distance < least {
                    (best, least) = (c, distance);
                }
            }
            (best as u32, squared(row, &centers[best * dim..][..dim]))
        })
        .collect()
}

/// The clusters' means, summed in the order of the samples. An empty cluster takes the
/// sample farthest from its center, out of a cluster that can spare it.
fn means(x: &[f64], dim: usize, k: usize, assignment: &mut [(u32, f64)]) -> Vec<f64> {
    let mut counts = vec![0_usize; k];
    for (c, _) in assignment.iter() {
        counts[*c as usize] += 1;
    }
    for empty in 0..k {
        if counts[empty] > 0 {
            continue;
        }
        let spare = |i: &usize| counts[assignment[*i].0 as usize] > 1;
        let farthest =
            (0..assignment.len()).filter(spare).reduce(|a, b| if assignment[b].1 > assignment[a].1 { b } else { a });
        if let Some(i) = farthest {
            counts[assignment[i].0 as usize] -= 1;
            counts[empty] = 1;
            assignment[i] = (empty as u32, 0.0);
        }
    }
    let mut centers = vec![0.0; k * dim];
    for (row, (c, _)) in x.chunks_exact(dim).zip(assignment.iter()) {
        for (sum, v) in centers[*c as usize * dim..][..dim].iter_mut().zip(row) {
            *sum += v;
        }
    }
    for (center, count) in centers.chunks_exact_mut(dim).zip(&counts) {
        center.iter_mut().for_each(|v| *v /= (*count).max(1) as f64);
    }
    centers
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Samples at whole degrees of the circle.
    fn circle(degrees: &[f32]) -> Vec<f32> {
        degrees.iter().flat_map(|d| [3.0 * d.to_radians().cos(), 3.0 * d.to_radians().sin()]).collect()
    }

    #[test]
    fn finds_what_is_apart_and_ignores_norms() {
        let mut x = circle(&[0.0, 2.0, 4.0, 90.0, 92.0, 200.0, 203.0, 206.0]);
        x[0] *= 100.0;
        let c = kmeans(&x, 2, 3, RESTARTS, 1).unwrap();
        let a = &c.assignment;
        assert!(a[0] == a[1] && a[1] == a[2] && a[3] == a[4] && a[5] == a[6] && a[6] == a[7], "{a:?}");
        assert!(a[0] != a[3] && a[3] != a[5] && a[0] != a[5]);
        // Within a cluster of mean length ρ the sum is n·(1 − ρ²).
        let inertia = |degrees: &[f64]| {
            let n = degrees.len() as f64;
            let (s, c) =
                degrees.iter().fold((0.0, 0.0), |(s, c), d| (s + d.to_radians().sin(), c + d.to_radians().cos()));
            n - (s * s + c * c) / n
        };
        let expected = inertia(&[0.0, 2.0, 4.0]) + inertia(&[90.0, 92.0]) + inertia(&[200.0, 203.0, 206.0]);
        assert!((c.inertia - expected).abs() < 1e-6, "{} against {expected}", c.inertia);
    }

    #[test]
    fn the_best_split_of_small_sets_is_found() {
        // All assignments of eight samples to two clusters, by force.
        let degrees = [0.0, 11.0, 25.0, 62.0, 75.0, 131.0, 140.0, 171.0];
        let x = circle(&degrees);
        let unit = unit_rows(&x, 2).unwrap();
        let cost = |mask: u32| {
            let mut a: Vec<(u32, f64)> = (0..8).map(|i| (mask >> i & 1, 0.0)).collect();
            let centers = means(&unit, 2, 2, &mut a);
            unit.chunks_exact(2).zip(&a).map(|(r, (c, _))| squared(r, &centers[*c as usize * 2..][..2])).sum()
        };
        let least = (1..255).map(cost).fold(f64::INFINITY, f64::min);
        let found = kmeans(&x, 2, 2, RESTARTS, 5).unwrap();
        assert!((found.inertia - least).abs() < 1e-6, "{} against {least}", found.inertia);
    }

    #[test]
    fn equal_samples_still_fill_no_more_than_they_can() {
        let c = kmeans(&[1.0; 8], 2, 3, 2, 1).unwrap();
        assert!(c.inertia < 1e-12 && c.assignment.len() == 4);
        assert!(kmeans(&[1.0; 8], 2, 5, 2, 1).unwrap_err().to_string().contains("at least 5"));
        assert!(kmeans(&[1.0; 8], 2, 0, 2, 1).is_err() && kmeans(&[1.0; 8], 2, 2, 0, 1).is_err());
        assert!(kmeans(&[f32::NAN; 8], 2, 2, 1, 1).is_err());
    }

    proptest! {
        #[test]
        fn settles_where_every_sample_has_its_nearest_center(
            values in prop::collection::vec(-1.0f32..1.0, 60..120),
            k in 1usize..6,
            seed in any::<u64>(),
        ) {
            let x = &values[..values.len() / 3 * 3];
            let c = kmeans(x, 3, k, 2, seed).unwrap();
            prop_assert_eq!(&c, &kmeans(x, 3, k, 2, seed).unwrap());
            let unit = unit_rows(x, 3).unwrap();
            let mut own: Vec<(u32, f64)> = c.assignment.iter().map(|a| (*a, 0.0)).collect();
            let centers = means(&unit, 3, k, &mut own);
            let again = assign(&unit, 3, &centers);
            prop_assert_eq!(again.iter().map(|a| a.0).collect::<Vec<_>>(), c.assignment);
            let one = kmeans(x, 3, 1, 1, seed).unwrap();
            prop_assert!(c.inertia <= one.inertia + 1e-9);
        }
    }
}
