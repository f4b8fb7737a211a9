//! The same k-means without a bound: the oracle.

use rand_chacha::ChaCha8Rng;

use super::{Clusters, ON_CENTER};
use crate::near::{dot, squared};
use crate::random::{below, keyed, unit};

const ITERATIONS: usize = 300;

/// Of samples `x` at length 1.
pub(super) fn kmeans(x: &[f64], dim: usize, k: usize, restarts: usize, seed: u64) -> Clusters {
    let runs = (0..restarts as u64).map(|r| lloyd(x, dim, start(x, dim, k, &mut keyed(b"kmeans++", seed, r))));
    runs.reduce(|best, run| if run.inertia < best.inertia { run } else { best }).unwrap()
}

/// The centers `[k, dim]` of k-means++.
pub(super) fn start(x: &[f64], dim: usize, k: usize, rng: &mut ChaCha8Rng) -> Vec<f64> {
    let n = x.len() / dim;
    let row = |i: usize| &x[i * dim..][..dim];
    let mut centers = row(below(rng, n)).to_vec();
    let mut nearest: Vec<f64> = x.chunks_exact(dim).map(|r| squared(r, &centers)).collect();
    while centers.len() < k * dim {
        let total: f64 = nearest.iter().sum();
        // Where all that is left coincides with a center, any sample will do.
        let next = if total > 0.0 { draw(&nearest, unit(rng) * total) } else { below(rng, n) };
        centers.extend_from_slice(row(next));
        nearest.iter_mut().zip(x.chunks_exact(dim)).for_each(|(d, r)| *d = d.min(squared(r, row(next))));
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

pub(super) fn lloyd(x: &[f64], dim: usize, mut centers: Vec<f64>) -> Clusters {
    let mut assignment: Vec<(u32, f64)> = Vec::new();
    let mut iterations = 0;
    while iterations < ITERATIONS {
        iterations += 1;
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
        iterations,
    }
}

/// Each sample's nearest center, the first of equal ones, and its squared distance.
pub(super) fn assign(x: &[f64], dim: usize, centers: &[f64]) -> Vec<(u32, f64)> {
    let squares: Vec<f64> = centers.chunks_exact(dim).map(|c| dot(c, c)).collect();
    x.chunks_exact(dim)
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
/// sample farthest from its center, out of a cluster that can spare it; none where all stand on theirs.
pub(super) fn means(x: &[f64], dim: usize, k: usize, assignment: &mut [(u32, f64)]) -> Vec<f64> {
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
        if let Some(i) = farthest.filter(|i| assignment[*i].1 > ON_CENTER) {
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
