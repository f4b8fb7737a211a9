//! Random numbers that depend on what they are for, the seed and the step, and on nothing before.

use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// A generator for a purpose, a seed and a step. The three are its key, so two different uses
/// never share a stream, and none has a state to be saved.
pub fn keyed(purpose: &[u8; 8], seed: u64, step: u64) -> ChaCha8Rng {
    let mut key = [0; 32];
    key[..8].copy_from_slice(purpose);
    key[8..16].copy_from_slice(&seed.to_le_bytes());
    key[16..24].copy_from_slice(&step.to_le_bytes());
    ChaCha8Rng::from_seed(key)
}

/// Two independent normal numbers of deviation `std` from two uniform ones in \[0, 1), by Box and Muller.
pub(crate) fn box_muller(u: f64, v: f64, std: f64) -> [f64; 2] {
    // 1 − u is in (0, 1], where the logarithm is finite.
    let radius = (-2.0 * (1.0 - u).ln()).sqrt() * std;
    let (sin, cos) = (std::f64::consts::TAU * v).sin_cos();
    [radius * cos, radius * sin]
}

/// A standard normal number. Takes two numbers of `rng`.
pub fn gaussian<R: Rng>(rng: &mut R) -> f64 {
    let (u, v) = (rng.random(), rng.random());
    box_muller(u, v, 1.0)[0]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn purpose_seed_and_step_each_make_another_stream() {
        let first = |purpose, seed, step| gaussian(&mut keyed(purpose, seed, step));
        let one = first(b"purposeA", 1, 2);
        assert_eq!(one, first(b"purposeA", 1, 2));
        for other in [first(b"purposeB", 1, 2), first(b"purposeA", 2, 2), first(b"purposeA", 1, 3)] {
            assert_ne!(one, other);
        }
    }

    #[test]
    fn gaussian_numbers_have_mean_0_and_variance_1() {
        let mut rng = keyed(b"test----", 0, 0);
        let draws: Vec<f64> = (0..40_000).map(|_| gaussian(&mut rng)).collect();
        let n = draws.len() as f64;
        let mean = draws.iter().sum::<f64>() / n;
        let variance = draws.iter().map(|d| (d - mean).powi(2)).sum::<f64>() / n;
        // Four standard errors: 4/√n, 4·√(2/n).
        assert!(mean.abs() < 0.02 && (variance - 1.0).abs() < 0.029, "{mean} {variance}");
    }
}
