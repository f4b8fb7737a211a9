//! Random numbers from a seed that the caller hands over: each choice is a function of
//! that seed and of what it is for.

use rand::Rng;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

/// The generator of `(purpose, seed, index)`. The three are the ChaCha key, so that two
/// uses of one seed share no stream.
pub(crate) fn keyed(purpose: &[u8; 8], seed: u64, index: u64) -> ChaCha8Rng {
    let mut key = [0_u8; 32];
    key[..8].copy_from_slice(purpose);
    key[8..16].copy_from_slice(&seed.to_le_bytes());
    key[16..24].copy_from_slice(&index.to_le_bytes());
    ChaCha8Rng::from_seed(key)
}

/// A uniform index in `0..n`, 0 for an `n` of 0, without modulo bias (Lemire, "Fast random
/// integer generation in an interval", 2019). Written here so that the bits depend on no
/// library's version.
pub(crate) fn below(rng: &mut ChaCha8Rng, n: usize) -> usize {
    below_u64(rng, n as u64) as usize
}

/// [`below`] of a number that may be no index.
pub(crate) fn below_u64(rng: &mut ChaCha8Rng, n: u64) -> u64 {
    let mut m = u128::from(rng.next_u64()) * u128::from(n);
    if (m as u64) < n {
        let threshold = n.wrapping_neg() % n;
        while (m as u64) < threshold {
            m = u128::from(rng.next_u64()) * u128::from(n);
        }
    }
    (m >> 64) as u64
}

/// Fisher–Yates, from the last element down.
pub(crate) fn shuffle<T>(rng: &mut ChaCha8Rng, items: &mut [T]) {
    for i in (1..items.len()).rev() {
        let j = below(rng, i + 1);
        items.swap(i, j);
    }
}

/// A uniform number in [0, 1), a multiple of 2⁻⁵³.
pub(crate) fn unit(rng: &mut ChaCha8Rng) -> f64 {
    (rng.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indices_are_uniform_and_in_range() {
        let mut rng = keyed(b"test----", 1, 2);
        let mut counts = [0_u32; 7];
        for _ in 0..70_000 {
            counts[below(&mut rng, 7)] += 1;
        }
        // Standard deviation of one count: 93.
        assert!(counts.iter().all(|c| (9_600..10_400).contains(c)), "{counts:?}");
        assert_eq!((below(&mut rng, 1), below(&mut rng, 0)), (0, 0));
        let mean: f64 = (0..10_000).map(|_| unit(&mut rng)).sum::<f64>() / 10_000.0;
        assert!((mean - 0.5).abs() < 0.015, "{mean}");
    }

    #[test]
    fn keys_separate_streams() {
        let first = |purpose, seed, index| keyed(purpose, seed, index).next_u64();
        let base = first(b"test----", 1, 2);
        assert_eq!(base, first(b"test----", 1, 2));
        let others = [first(b"other---", 1, 2), first(b"test----", 2, 2), first(b"test----", 1, 3)];
        assert!(!others.contains(&base));
    }
}
