//! Hyperspherical energy of the prototypes (MHE; with A-Softmax: SphereFace+).
//!
//! ```text
//! E_a = 1/(C(C−1))·Σ_{i≠j} f_a(‖ŵ_i − ŵ_j‖),   f_a(r) = r^(−a) for a > 0,  f_0(r) = log(1/r)
//! ```
//!
//! Liu et al., Learning towards Minimum Hyperspherical Energy, NeurIPS 2018, eq. 1: the mean
//! of f_a over the *ordered* pairs, which is its mean over the unordered ones. (Summing
//! one kind and dividing by the number of the other halves or doubles the weight. The
//! public code's f_0 is log(1/r²), twice that of the equation.)
//!
//! *Half space* (§3.3): the mean over the ordered pairs of the 2C points {ŵ} ∪ {−ŵ},
//!
//! ```text
//! E_a = 1/(C(2C−1))·( Σ_{i≠j} [f_a(‖ŵ_i − ŵ_j‖) + f_a(‖ŵ_i + ŵ_j‖)] + C·f_a(2) )
//! ```
//!
//! *Subset* S, for many classes: the mean over the pairs (i, j) with i in S and j any
//! other, 1/(|S|(C−1))·Σ_{i∈S} Σ_{j≠i}, and likewise in half space. Its mean over random
//! S is E_a, and with S = all classes it is E_a. Both ends of a pair get their gradient.
//!
//! Distances below 10⁻² count as 10⁻², without a gradient: two prototypes in one place have
//! no direction to part in. A prototype shorter than 10⁻⁶ has no direction at all; its
//! pairs are left out of the sum (not of the number that it is divided by).

use super::potential::Potential;
use super::sphere::Sphere;
use super::{EnergyKind, Entry, Param, Regularizer, RegularizerError};
use crate::range::Range;

/// λ_M, the weight of the term.
pub const WEIGHT: Param = Param::new(
    "weight",
    1.0,
    Range::Closed(0.0, 1000.0),
    "it is weighed against the loss's 1, and beyond that prototypes would see nothing else",
    "λ_M, beside the loss's 1",
);
/// a, the energy's power.
pub const POWER: Param =
    Param::new("power", 1.0, Range::Whole(0, 2), "these are the energies of the paper", "a; 0 is the logarithm");
/// Whether prototypes also repel each other's opposites.
pub const HALF_SPACE: Param = Param::new(
    "half_space",
    0.0,
    Range::Whole(0, 1),
    "it is a switch",
    "1: prototypes also repel each other's opposites",
);
const FULL_UP_TO: Param = Param::new(
    "full_up_to",
    2000.0,
    Range::Whole(0, 1_000_000),
    "it is a number of classes, and all pairs of more take too long",
    "with more classes than this: the batch's classes against all others",
);

/// The entry of the registry.
pub const INFO: Entry<EnergyKind> = Entry {
    name: "hyperspherical_energy",
    aliases: &["mhe", "sphereface_plus"],
    summary: "prototypes repel each other on the sphere",
    formula: "λ_M·1/(C(C−1))·Σ_{i≠j} ‖ŵ_i − ŵ_j‖^(−a);  a = 0: log(1/‖ŵ_i − ŵ_j‖)",
    source: "Liu et al., Learning towards Minimum Hyperspherical Energy, NeurIPS 2018, eq. 1 and §3.3",
    params: &[WEIGHT, POWER, HALF_SPACE, FULL_UP_TO],
    kind: EnergyKind {
        build: |p| {
            Box::new(HypersphericalEnergy {
                weight: WEIGHT.of(p),
                power: POWER.of(p),
                half_space: HALF_SPACE.is_on(p),
                full_up_to: FULL_UP_TO.of(p) as usize,
            })
        },
    },
};

/// The longest power: 10⁻² to it is still far from f64's least.
const LARGEST_POWER: f64 = 16.0;

#[derive(Debug)]
struct HypersphericalEnergy {
    weight: f64,
    power: f64,
    half_space: bool,
    full_up_to: usize,
}

impl Regularizer for HypersphericalEnergy {
    fn term(&self, weights: &[f32], dim: usize, labels: &[u32], gradient: &mut [f32]) -> Result<f64, RegularizerError> {
        let subset = (weights.len() / dim.max(1) > self.full_up_to).then_some(labels);
        let energy = hyperspherical_energy(weights, dim, self.power, self.half_space, subset, gradient)?;
        gradient.iter_mut().for_each(|g| *g = (self.weight * f64::from(*g)) as f32);
        Ok(self.weight * energy)
    }
}

/// E_a of the prototypes `weights` \[C, D\], and its gradient for them as they are, not
/// normalized (tangent to ŵ, divided by ‖w‖), into `gradient` \[C, D\].
///
/// `power` is a in [0, 16]. `subset` names classes, once or more: pairs with one of them
/// are counted; all pairs without it. Fewer than two prototypes, or an empty subset, have
/// the energy 0. See the top of this file for what is divided by what. O(C²·D), with a
/// subset O(|S|·C·D); the bits do not depend on the number of threads.
///
/// # Errors
///
/// [`RegularizerError`] if lengths disagree, for a class of `subset` that is not below C, and
/// for a power outside its range.
///
/// ```
/// use arcsphere_losses::regularizer::hyperspherical_energy;
///
/// let mut gradient = [0.0; 6];
/// let at = |w: &[f32; 6], g: &mut [f32]| hyperspherical_energy(w, 2, 1.0, false, None, g);
/// let even = at(&[1.0, 0.0, -0.5, 0.866, -0.5, -0.866], &mut gradient)?;
/// let crowded = at(&[1.0, 0.0, 0.9, 0.1, 0.9, -0.1], &mut gradient)?;
/// assert!(even < crowded); // even gaps have the least
/// # Ok::<(), arcsphere_losses::regularizer::RegularizerError>(())
/// ```
pub fn hyperspherical_energy(
    weights: &[f32],
    dim: usize,
    power: f64,
    half_space: bool,
    subset: Option<&[u32]>,
    gradient: &mut [f32],
) -> Result<f64, RegularizerError> {
    if dim == 0 || !weights.len().is_multiple_of(dim) || gradient.len() != weights.len() {
        return Err(RegularizerError::Lengths { weights: weights.len(), gradient: gradient.len(), dim });
    }
    if !(0.0..=LARGEST_POWER).contains(&power) {
        return Err(RegularizerError::Power(power));
    }
    let classes = weights.len() / dim;
    if let Some(&class) = subset.unwrap_or_default().iter().find(|&&class| class as usize >= classes) {
        return Err(RegularizerError::Class { class, classes });
    }
    gradient.fill(0.0);
    let sphere = Sphere::new(weights, dim, Potential { power }, half_space);
    let all: Vec<u32> = (0..classes as u32).filter(|&i| sphere.has_direction(i)).collect();
    let Some(subset) = subset else {
        let share = sphere.share(classes, classes);
        // A pair stands in the sum twice, once from either end.
        return Ok(share * sphere.pass(&all, &all, 2.0 * share, gradient));
    };
    let mut chosen = subset.to_vec();
    chosen.sort_unstable();
    chosen.dedup();
    let share = sphere.share(chosen.len(), classes);
    chosen.retain(|&i| sphere.has_direction(i));
    let energy = share * sphere.pass(&chosen, &all, share, gradient);
    sphere.pass(&all, &chosen, share, gradient);
    Ok(energy)
}

#[cfg(test)]
mod tests {
    use super::super::sphere::FLOOR;
    use super::*;
    use proptest::prelude::*;
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    /// The definition over explicit points, in f64: the mean of f over the ordered pairs
    /// (i, j) with i among `from`.
    fn oracle(points: &[Vec<f64>], power: f64, from: &[usize]) -> f64 {
        let norm = |v: &[f64]| v.iter().map(|a| a * a).sum::<f64>().sqrt();
        let unit: Vec<Vec<f64>> = points.iter().map(|p| p.iter().map(|v| v / norm(p)).collect()).collect();
        let (mut sum, mut pairs) = (0.0, 0.0);
        for &i in from {
            for j in (0..unit.len()).filter(|&j| j != i) {
                let d: Vec<f64> = unit[i].iter().zip(&unit[j]).map(|(a, b)| a - b).collect();
                let r = norm(&d).max(FLOOR);
                sum += if power == 0.0 { (1.0 / r).ln() } else { r.powf(-power) };
                pairs += 1.0;
            }
        }
        sum / pairs
    }

    /// The same for f32 rows; in half space over them and their opposites.
    fn defined(w: &[Vec<f64>], power: f64, half_space: bool, subset: Option<&[u32]>) -> f64 {
        let mut points = w.to_vec();
        if half_space {
            points.extend(w.iter().map(|p| p.iter().map(|v| -v).collect::<Vec<_>>()));
        }
        let from: Vec<usize> = match subset {
            Some(s) => s.iter().map(|&i| i as usize).collect(),
            None => (0..points.len()).collect(),
        };
        oracle(&points, power, &from)
    }

    fn rows(w: &[f32], dim: usize) -> Vec<Vec<f64>> {
        w.chunks(dim).map(|r| r.iter().copied().map(f64::from).collect()).collect()
    }

    fn energy(w: &[f32], dim: usize, power: f64, half_space: bool) -> f64 {
        hyperspherical_energy(w, dim, power, half_space, None, &mut vec![0.0; w.len()]).unwrap()
    }

    fn draw(seed: u64, classes: usize, dim: usize) -> Vec<f32> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        (0..classes * dim).map(|_| rng.random_range(-2.0f32..2.0)).collect()
    }

    /// f_a(r), by hand.
    fn f(power: f64, r: f64) -> f64 {
        if power == 0.0 { -r.ln() } else { r.powf(-power) }
    }

    const POWERS: [f64; 4] = [0.0, 1.0, 2.0, 1.5];

    #[test]
    fn known_configurations() {
        for a in POWERS {
            let close = |got: f64, want: f64| assert!((got - want).abs() < 1e-6, "a = {a}: {got} for {want}");
            // Opposite: r = 2. In half space two more pairs of opposites, and two that coincide.
            close(energy(&[3.0, 0.0, -0.5, 0.0], 2, a, false), f(a, 2.0));
            close(energy(&[3.0, 0.0, -0.5, 0.0], 2, a, true), (2.0 * f(a, 2.0) + f(a, FLOOR)) / 3.0);
            // Orthogonal axes: r = √2. In half space each has 2(D − 1) at √2 and its opposite at 2.
            let axes = [2.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 7.0];
            close(energy(&axes, 3, a, false), f(a, 2.0_f64.sqrt()));
            close(energy(&axes, 3, a, true), (4.0 * f(a, 2.0_f64.sqrt()) + f(a, 2.0)) / 5.0);
            // The simplex, which has the least energy of all: r = √(2C/(C − 1)).
            let tetrahedron = [1.0, 1.0, 1.0, 1.0, -1.0, -1.0, -1.0, 1.0, -1.0, -1.0, -1.0, 1.0];
            close(energy(&tetrahedron, 3, a, false), f(a, (8.0_f64 / 3.0).sqrt()));
            assert!(energy(&tetrahedron, 3, a, false) < energy(&draw(1, 4, 3), 3, a, false));
        }
    }

    #[test]
    fn the_simplex_is_at_rest() {
        let tetrahedron = [1.0, 1.0, 1.0, 1.0, -1.0, -1.0, -1.0, 1.0, -1.0, -1.0, -1.0, 1.0];
        for a in POWERS {
            let mut gradient = [9.0; 12];
            hyperspherical_energy(&tetrahedron, 3, a, false, None, &mut gradient).unwrap();
            assert!(gradient.iter().all(|g| g.abs() < 1e-6), "{gradient:?}");
        }
    }

    /// Tolerances: 2e-6 of the energy and 1e-5 of the gradient's largest entry, since cosines of
    /// pairs that are not near are f32; absolute where forces cancel.
    fn agrees(w: &[f32], dim: usize, a: f64, half: bool, subset: Option<&[u32]>) -> Result<(), TestCaseError> {
        let mut gradient = vec![f32::NAN; w.len()];
        let got = hyperspherical_energy(w, dim, a, half, subset, &mut gradient).unwrap();
        let at = rows(w, dim);
        let want = defined(&at, a, half, subset);
        prop_assert!((got - want).abs() <= 2e-6 * want.abs().max(1.0), "a = {a}, half {half}: {got} for {want}");
        let slope = |k: usize| {
            // A part of the row's length, so that no pair comes much nearer by it.
            let h = 1e-7 * at[k / dim].iter().map(|v| v * v).sum::<f64>().sqrt();
            let moved = |by: f64| {
                let mut at = at.clone();
                at[k / dim][k % dim] += by;
                defined(&at, a, half, subset)
            };
            (moved(h) - moved(-h)) / (2.0 * h)
        };
        let slopes: Vec<f64> = (0..w.len()).map(slope).collect();
        // The energy of a pair in one place is so large that differences lose digits.
        let largest = slopes.iter().fold(0.1_f64, |m, s| m.max(s.abs())) + 1e-3 * want.abs();
        for (g, s) in gradient.iter().zip(&slopes) {
            prop_assert!((f64::from(*g) - s).abs() <= 1e-5 * largest, "a = {a}, half {half}: {g} for {s}");
        }
        Ok(())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn value_and_gradient_agree_with_the_definition(seed in 0u64..1 << 32, classes in 2usize..12, dim in 2usize..7) {
            let w = draw(seed, classes, dim);
            let chosen: Vec<u32> = (0..classes as u32).filter(|i| i % 3 != 1).collect();
            for a in POWERS {
                for half in [false, true] {
                    agrees(&w, dim, a, half, None)?;
                    agrees(&w, dim, a, half, Some(&chosen))?;
                }
            }
        }

        #[test]
        fn rotating_changes_nothing(seed in 0u64..1 << 32, angle in -3.0f64..3.0) {
            let w = draw(seed, 9, 5);
            let (s, c) = angle.sin_cos();
            let mut turned = w.clone();
            for row in turned.chunks_mut(5) {
                let (u, v) = (f64::from(row[1]), f64::from(row[3]));
                row[1] = (c * u - s * v) as f32;
                row[3] = (s * u + c * v) as f32;
            }
            for (a, half) in [(0.0, false), (1.0, true), (2.0, false), (2.0, true)] {
                let (plain, turned) = (energy(&w, 5, a, half), energy(&turned, 5, a, half));
                prop_assert!((plain - turned).abs() < 1e-5 * plain.abs().max(1.0), "{plain} {turned}");
            }
        }
    }

    /// Prototypes at 1°, 3°, 20° and 179° from each other, where f32's 2 − 2c has no digits left.
    #[test]
    fn near_pairs_are_exact() {
        let w: Vec<f32> = [0.0_f32, 1.0, 4.0, 24.0, 180.0, 203.0]
            .iter()
            .zip([1.0, 0.2, 5.0, 1.0, 3.0, 0.7])
            .flat_map(|(a, r)| [r * a.to_radians().cos(), 0.3 * r, r * a.to_radians().sin()])
            .collect();
        for a in POWERS {
            for half in [false, true] {
                agrees(&w, 3, a, half, None).unwrap();
            }
        }
    }

    #[test]
    fn more_rows_than_a_block() {
        for (classes, dim) in [(65, 3), (200, 17)] {
            let w = draw(2, classes, dim);
            for (a, half) in [(0.0, true), (1.0, false), (2.0, true)] {
                let want = defined(&rows(&w, dim), a, half, None);
                let got = energy(&w, dim, a, half);
                assert!((got - want).abs() < 2e-6 * want.abs().max(1.0), "a = {a}, half {half}: {got} for {want}");
            }
        }
    }

    #[test]
    fn all_classes_as_the_subset_are_all_classes() {
        let w = draw(3, 70, 6);
        let all: Vec<u32> = (0..70).rev().chain(5..9).collect();
        for half in [false, true] {
            let (mut one, mut other) = (vec![0.0; w.len()], vec![0.0; w.len()]);
            let full = hyperspherical_energy(&w, 6, 2.0, half, None, &mut one).unwrap();
            let part = hyperspherical_energy(&w, 6, 2.0, half, Some(&all), &mut other).unwrap();
            assert!((full - part).abs() < 1e-12 * full);
            let largest = one.iter().fold(0.0_f32, |m, v| m.max(v.abs()));
            assert!(one.iter().zip(&other).all(|(a, b)| (a - b).abs() < 1e-5 * largest));
        }
    }

    #[test]
    fn the_energy_falls_along_the_negative_gradient() {
        for a in POWERS {
            for half in [false, true] {
                let mut w = draw(4, 20, 4);
                let mut gradient = vec![0.0; w.len()];
                let first = energy(&w, 4, a, half);
                let mut last = first;
                for _ in 0..50 {
                    hyperspherical_energy(&w, 4, a, half, None, &mut gradient).unwrap();
                    let length: f32 = gradient.iter().map(|g| g * g).sum::<f32>().sqrt();
                    w.iter_mut().zip(&gradient).for_each(|(w, g)| *w -= 0.02 * g / length);
                    let next = energy(&w, 4, a, half);
                    assert!(next < last, "a = {a}, half {half}: {next} after {last}");
                    last = next;
                }
            }
        }
    }

    #[test]
    fn no_direction_and_no_distance_are_finite() {
        let zero = [0.0, 0.0, 1.0, 0.0, 0.0, 1e-9, 0.0, 2.0];
        let same = [1.0, 2.0, 1.0, 2.0, 2.0, 4.0, -1.0, -2.0];
        for a in POWERS {
            for half in [false, true] {
                for w in [&zero, &same] {
                    let mut gradient = [f32::NAN; 8];
                    let e = hyperspherical_energy(w, 2, a, half, None, &mut gradient).unwrap();
                    assert!(e.is_finite() && gradient.iter().all(|g| g.is_finite()), "{e} {gradient:?}");
                }
                let mut gradient = [f32::NAN; 8];
                hyperspherical_energy(&zero, 2, a, half, None, &mut gradient).unwrap();
                assert_eq!((gradient[..2].to_vec(), gradient[4..6].to_vec()), (vec![0.0; 2], vec![0.0; 2]));
            }
            // Two prototypes that have a direction, of four: one pair, in the mean of twelve ordered ones.
            assert!((energy(&zero, 2, a, false) - 2.0 * f(a, 2.0_f64.sqrt()) / 12.0).abs() < 1e-6);
        }
    }

    #[test]
    fn one_class_or_none_has_no_energy() {
        assert_eq!(energy(&[], 2, 1.0, true), 0.0);
        assert_eq!(energy(&[1.0, 2.0], 2, 1.0, true), 0.0);
        let mut gradient = [1.0; 4];
        let e = hyperspherical_energy(&[1.0, 0.0, 0.0, 1.0], 2, 1.0, false, Some(&[]), &mut gradient).unwrap();
        assert_eq!((e, gradient), (0.0, [0.0; 4]));
    }

    #[test]
    fn the_same_bits_on_any_number_of_threads() {
        let w = draw(6, 300, 10);
        let run = |threads| {
            let mut gradient = vec![0.0; w.len()];
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let e = pool.install(|| hyperspherical_energy(&w, 10, 1.0, true, Some(&[7, 250]), &mut gradient));
            (e.unwrap().to_bits(), gradient)
        };
        assert_eq!(run(1), run(3));
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let mut g = [0.0; 4];
        let mut run = |w: &[f32], dim, a, subset| hyperspherical_energy(w, dim, a, false, subset, &mut g);
        assert!(matches!(run(&[1.0; 3], 2, 1.0, None), Err(RegularizerError::Lengths { .. })));
        assert!(matches!(run(&[1.0; 4], 0, 1.0, None), Err(RegularizerError::Lengths { .. })));
        assert!(matches!(run(&[1.0; 4], 2, -1.0, None), Err(RegularizerError::Power(_))));
        assert!(matches!(run(&[1.0; 4], 2, f64::NAN, None), Err(RegularizerError::Power(_))));
        assert!(matches!(run(&[1.0; 4], 2, 1.0, Some(&[2])), Err(RegularizerError::Class { class: 2, classes: 2 })));
    }

    #[test]
    fn the_entry_weighs_and_takes_the_batch_above_its_limit() {
        let w = draw(7, 6, 3);
        let term = |full_up_to: f64, labels: &[u32]| {
            let given = [("weight", 0.5), ("power", 2.0), ("half_space", 1.0), ("full_up_to", full_up_to)];
            let made = INFO.make(&given.into_iter().map(|(n, v)| (n.to_owned(), v)).collect()).unwrap();
            let mut gradient = vec![0.0; 18];
            (made.term(&w, 3, labels, &mut gradient).unwrap(), gradient)
        };
        for (limit, subset) in [(6.0, None), (5.0, Some(&[1, 4][..]))] {
            let mut gradient = vec![0.0; 18];
            let e = hyperspherical_energy(&w, 3, 2.0, true, subset, &mut gradient).unwrap();
            gradient.iter_mut().for_each(|g| *g *= 0.5);
            assert_eq!(term(limit, &[4, 1, 4]), (0.5 * e, gradient));
        }
        let out_of_range = INFO.make(&[("power".to_owned(), 3.0)].into_iter().collect());
        assert!(out_of_range.is_err());
    }
}
