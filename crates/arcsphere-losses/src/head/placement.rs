//! Where prototypes stand: spread over the sphere at first, and placed anew by their
//! classes' embeddings after the soft start.
//!
//! On a circle two prototypes cannot pass one another once the scale is high, so a
//! class that starts between the wrong neighbors stays there. Plain softmax has no
//! such walls: embeddings move through the origin. So it sorts the classes first, and
//! then each prototype is put where its class went, with even gaps between them.

use crate::random::gaussian;
use rand::Rng;

/// Above this C²·D prototypes in more than two dimensions are not pushed apart: it
/// would take seconds, and random directions in many dimensions are far apart already.
const REPEL_MAX_WORK: usize = 4_000_000;

/// `classes` unit vectors in `dim` dimensions, random but spread.
pub(super) fn spread<R: Rng>(classes: usize, dim: usize, rng: &mut R) -> Vec<f32> {
    if dim > 2 && !is_repelled(classes, dim) {
        // One by one: a million prototypes in f64 would take more memory than training them.
        let (mut points, mut point) = (Vec::with_capacity(classes * dim), vec![0.0; dim]);
        for _ in 0..classes {
            point.fill_with(|| gaussian(rng));
            normalize(&mut point, dim);
            points.extend(point.iter().map(|&v| v as f32));
        }
        return points;
    }
    let mut points: Vec<f64> = (0..classes * dim).map(|_| gaussian(rng)).collect();
    arrange(&mut points, dim);
    points.iter().map(|&v| v as f32).collect()
}

/// Unit prototypes in the directions of the classes' `means` \[C, D\], spread.
///
/// In two dimensions: evenly on the circle, in the means' angular order, turned to
/// fit them best. Above: from the directions of the means less their mean, pushed
/// apart as equal charges are.
pub(super) fn place_by_means(means: &[f64], dim: usize) -> Vec<f32> {
    let classes = means.len() / dim;
    let mut points = means.to_vec();
    if dim > 2 {
        for d in 0..dim {
            let center = means.iter().skip(d).step_by(dim).sum::<f64>() / classes as f64;
            points.iter_mut().skip(d).step_by(dim).for_each(|v| *v -= center);
        }
    }
    arrange(&mut points, dim);
    points.iter().map(|&v| v as f32).collect()
}

/// `centers` unit vectors for each of `first` \[C, D\], together \[C·K, D\]: itself, and others
/// in random directions from it at angles in equal steps up to `within`, so that no two coincide.
pub(super) fn centers<R: Rng>(first: Vec<f32>, dim: usize, centers: usize, within: f64, rng: &mut R) -> Vec<f32> {
    if centers <= 1 {
        return first;
    }
    let mut out = Vec::with_capacity(first.len() * centers);
    for point in first.chunks_exact(dim) {
        out.extend_from_slice(point);
        for k in 1..centers {
            let (sin, cos) = (within * k as f64 / (centers - 1) as f64).sin_cos();
            let mut tangent: Vec<f64> = (0..dim).map(|_| gaussian(rng)).collect();
            let along: f64 = tangent.iter().zip(point).map(|(t, p)| t * f64::from(*p)).sum();
            tangent.iter_mut().zip(point).for_each(|(t, p)| *t -= along * f64::from(*p));
            normalize(&mut tangent, dim);
            out.extend(point.iter().zip(&tangent).map(|(p, t)| (cos * f64::from(*p) + sin * t) as f32));
        }
    }
    out
}

fn arrange(points: &mut [f64], dim: usize) {
    normalize(points, dim);
    if dim == 2 {
        circle(points);
    } else if is_repelled(points.len() / dim, dim) {
        repel(points, dim);
    }
}

/// Whether so many prototypes in more than two dimensions are pushed apart.
fn is_repelled(classes: usize, dim: usize) -> bool {
    classes.saturating_mul(classes).saturating_mul(dim) <= REPEL_MAX_WORK
}

/// Even gaps, in the points' own order.
fn circle(points: &mut [f64]) {
    let classes = points.len() / 2;
    let angle: Vec<f64> = points.chunks_exact(2).map(|p| p[1].atan2(p[0])).collect();
    let mut order: Vec<usize> = (0..classes).collect();
    order.sort_by(|&a, &b| angle[a].total_cmp(&angle[b]));
    let gap = std::f64::consts::TAU / classes as f64;
    let (mut sin, mut cos) = (0.0, 0.0);
    for (rank, &class) in order.iter().enumerate() {
        let off = angle[class] - rank as f64 * gap;
        sin += off.sin();
        cos += off.cos();
    }
    let turn = sin.atan2(cos);
    for (rank, &class) in order.iter().enumerate() {
        let (s, c) = (rank as f64 * gap + turn).sin_cos();
        points[2 * class] = c;
        points[2 * class + 1] = s;
    }
}

/// Equal charges on the sphere, with steps that shrink to nothing.
fn repel(points: &mut [f64], dim: usize) {
    const STEPS: usize = 200;
    const FIRST_STEP: f64 = 0.1;
    let classes = points.len() / dim;
    let mut force = vec![0.0; points.len()];
    for step in 0..STEPS {
        force.fill(0.0);
        for i in 0..classes {
            for j in 0..classes {
                let (a, b) = (&points[i * dim..][..dim], &points[j * dim..][..dim]);
                let squared: f64 = a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum();
                if i != j {
                    let push = squared.max(1e-3).powi(-2);
                    for (f, (a, b)) in force[i * dim..][..dim].iter_mut().zip(a.iter().zip(b)) {
                        *f += push * (a - b);
                    }
                }
            }
        }
        let largest = force.chunks_exact(dim).map(length).fold(f64::MIN_POSITIVE, f64::max);
        let rate = FIRST_STEP * (1.0 - step as f64 / STEPS as f64) / largest;
        for (p, f) in points.iter_mut().zip(&force) {
            *p += rate * f;
        }
        normalize(points, dim);
    }
}

fn length(v: &[f64]) -> f64 {
    v.iter().map(|a| a * a).sum::<f64>().sqrt()
}

/// To unit length; a vector without a direction gets the first axis.
fn normalize(points: &mut [f64], dim: usize) {
    for p in points.chunks_exact_mut(dim) {
        let norm = length(p);
        if norm > 1e-12 && norm.is_finite() {
            p.iter_mut().for_each(|v| *v /= norm);
        } else {
            p.fill(0.0);
            p[0] = 1.0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    fn nearest(points: &[f32], dim: usize) -> f64 {
        let rows: Vec<&[f32]> = points.chunks(dim).collect();
        let mut best = f64::INFINITY;
        for (i, a) in rows.iter().enumerate() {
            for b in &rows[..i] {
                let cos: f64 = a.iter().zip(*b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum();
                best = best.min(cos.clamp(-1.0, 1.0).acos());
            }
        }
        best
    }

    #[test]
    fn spread_comes_close_to_the_best_packing() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        assert!((nearest(&spread(10, 2, &mut rng), 2) - std::f64::consts::TAU / 10.0).abs() < 1e-6);
        // The simplex of 4 in 3-D, 109.47°, and of 10 in 32-D, 96.38°.
        assert!(nearest(&spread(4, 3, &mut rng), 3).to_degrees() > 105.0);
        assert!(nearest(&spread(10, 32, &mut rng), 32).to_degrees() > 93.0);
    }

    #[test]
    fn many_prototypes_are_unit_directions_of_their_own() {
        let points = spread(3000, 8, &mut ChaCha8Rng::seed_from_u64(2));
        for p in points.chunks(8) {
            assert!((p.iter().map(|v| v * v).sum::<f32>() - 1.0).abs() < 1e-6);
        }
        assert_ne!(points[..8], points[8..16]);
        let mean: f32 = points.iter().step_by(8).sum::<f32>() / 3000.0;
        assert!(mean.abs() < 0.05, "{mean}");
    }

    #[test]
    fn placing_keeps_the_angular_order_of_the_means() {
        let angles = [0.1_f64, 0.3, 2.0, 5.0];
        let means: Vec<f64> = angles.iter().flat_map(|a| [7.0 * a.cos(), 7.0 * a.sin()]).collect();
        let placed = place_by_means(&means, 2);
        let got: Vec<f64> = placed
            .chunks(2)
            .map(|p| f64::from(p[1]).atan2(f64::from(p[0])).rem_euclid(std::f64::consts::TAU))
            .collect();
        let from_first: Vec<f64> = got.iter().map(|a| (a - got[0]).rem_euclid(std::f64::consts::TAU)).collect();
        for (k, a) in from_first.iter().enumerate() {
            assert!((a - k as f64 * std::f64::consts::FRAC_PI_2).abs() < 1e-6, "{from_first:?}");
        }
    }

    #[test]
    fn the_centers_of_a_class_are_apart_from_its_first_in_equal_steps() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        for dim in [2, 16] {
            let first = spread(5, dim, &mut rng);
            let all = centers(first.clone(), dim, 3, 0.1, &mut rng);
            assert_eq!(all.len(), 3 * first.len());
            for (own, three) in first.chunks(dim).zip(all.chunks(3 * dim)) {
                assert_eq!(own, &three[..dim]);
                for (other, angle) in three[dim..].chunks(dim).zip([0.05, 0.1]) {
                    assert!((nearest(&[own, other].concat(), dim) - angle).abs() < 1e-4);
                }
            }
            assert_eq!(centers(first.clone(), dim, 1, 0.1, &mut rng), first);
        }
    }

    #[test]
    fn classes_without_a_mean_do_not_break_it() {
        for dim in [2, 3] {
            let placed = place_by_means(&vec![0.0; 5 * dim], dim);
            assert!(placed.iter().all(|v| v.is_finite()));
        }
    }
}
