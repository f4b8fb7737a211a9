use proptest::prelude::*;

use super::super::unit_rows;
use super::plain::{assign, means};
use super::*;
use crate::near::squared;

/// Samples at whole degrees of the circle.
fn circle(degrees: &[f32]) -> Vec<f32> {
    degrees.iter().flat_map(|d| [3.0 * d.to_radians().cos(), 3.0 * d.to_radians().sin()]).collect()
}

#[test]
fn finds_what_is_apart_and_ignores_norms() {
    let mut x = circle(&[0.0, 2.0, 4.0, 90.0, 92.0, 200.0, 203.0, 206.0]);
    x[0] *= 100.0;
    let c = kmeans(&x, 2, 3, RESTARTS, 1, &|_| {}).unwrap();
    let a = &c.assignment;
    assert!(a[0] == a[1] && a[1] == a[2] && a[3] == a[4] && a[5] == a[6] && a[6] == a[7], "{a:?}");
    assert!(a[0] != a[3] && a[3] != a[5] && a[0] != a[5]);
    // Within a cluster of mean length ρ the sum is n·(1 − ρ²).
    let inertia = |degrees: &[f64]| {
        let n = degrees.len() as f64;
        let (s, c) = degrees.iter().fold((0.0, 0.0), |(s, c), d| (s + d.to_radians().sin(), c + d.to_radians().cos()));
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
    let found = kmeans(&x, 2, 2, RESTARTS, 5, &|_| {}).unwrap();
    assert!((found.inertia - least).abs() < 1e-6, "{} against {least}", found.inertia);
}

#[test]
fn equal_samples_still_fill_no_more_than_they_can() {
    let c = kmeans(&[1.0; 8], 2, 3, 2, 1, &|_| {}).unwrap();
    assert!(c.inertia < 1e-12 && c.assignment == [c.assignment[0]; 4], "{c:?}");
    assert!(kmeans(&[1.0; 8], 2, 5, 2, 1, &|_| {}).unwrap_err().to_string().contains("at least 5"));
    assert!(kmeans(&[1.0; 8], 2, 0, 2, 1, &|_| {}).is_err() && kmeans(&[1.0; 8], 2, 2, 0, 1, &|_| {}).is_err());
    assert!(kmeans(&[f32::NAN; 8], 2, 2, 1, 1, &|_| {}).is_err());
}

proptest! {
    #[test]
    fn settles_where_every_sample_has_its_nearest_center(
        values in prop::collection::vec(-1.0f32..1.0, 60..120),
        k in 1usize..6,
        seed in any::<u64>(),
    ) {
        let x = &values[..values.len() / 3 * 3];
        let c = kmeans(x, 3, k, 2, seed, &|_| {}).unwrap();
        prop_assert_eq!(&c, &kmeans(x, 3, k, 2, seed, &|_| {}).unwrap());
        let unit = unit_rows(x, 3).unwrap();
        let mut own: Vec<(u32, f64)> = c.assignment.iter().map(|a| (*a, 0.0)).collect();
        let centers = means(&unit, 3, k, &mut own);
        let again = assign(&unit, 3, &centers);
        prop_assert_eq!(again.iter().map(|a| a.0).collect::<Vec<_>>(), c.assignment);
        let one = kmeans(x, 3, 1, 1, seed, &|_| {}).unwrap();
        prop_assert!(c.inertia <= one.inertia + 1e-9);
    }
}

/// `n` samples around as many directions as there are classes, `spread` wide.
fn clustered(n: usize, dim: usize, classes: usize, spread: f64, seed: u64) -> Vec<f32> {
    let mut rng = crate::random::keyed(b"test----", seed, 0);
    let mut normal = || (0..6).map(|_| crate::random::unit(&mut rng) - 0.5).sum::<f64>();
    let middles: Vec<f64> = (0..classes * dim).map(|_| normal()).collect();
    (0..n * dim).map(|i| (middles[i / dim % classes * dim + i % dim] + spread * normal()) as f32).collect()
}

/// The same bits as without bounds.
fn check(x: &[f32], dim: usize, k: usize, restarts: usize, seed: u64) {
    let expected = plain::kmeans(&unit_rows(x, dim).unwrap(), dim, k, restarts, seed);
    let found = kmeans(x, dim, k, restarts, seed, &|_| {}).unwrap();
    assert_eq!(found.inertia.to_bits(), expected.inertia.to_bits(), "{} samples, {dim} dim, k {k}", x.len() / dim);
    assert_eq!((found.assignment, found.iterations), (expected.assignment, expected.iterations));
}

#[test]
fn bounds_change_no_bit() {
    for (n, dim, classes, spread) in [(700, 2, 10, 0.3), (1500, 8, 40, 0.5), (1200, 33, 70, 1.0), (900, 128, 50, 2.0)] {
        let x = clustered(n, dim, classes, spread, 3);
        for k in [2, classes, 2 * classes + 9] {
            check(&x, dim, k, 2, 7);
        }
    }
}

#[test]
fn nor_where_samples_coincide_or_nearly() {
    // Duplicates, whose clusters run empty; a network that says nearly the same of everything; zeros.
    let x = clustered(60, 5, 9, 0.4, 4);
    check(&x.repeat(9), 5, 80, 3, 1);
    let close: Vec<f32> = clustered(600, 16, 9, 0.4, 5).iter().map(|v| 1.0 + 1e-4 * v).collect();
    check(&close, 16, 40, 2, 2);
    let closer: Vec<f32> = close.iter().map(|v| 1.0 + 2e-3 * (v - 1.0)).collect();
    check(&closer, 16, 40, 2, 2);
    let mut holes = clustered(300, 4, 9, 0.4, 6);
    holes.chunks_exact_mut(4).step_by(3).for_each(|row| row.fill(0.0));
    check(&holes, 4, 30, 3, 3);
    check(&[0.0; 40], 4, 7, 2, 3);
}
