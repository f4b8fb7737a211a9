//! Random numbers keyed by what they are for, so that every choice is a pure function of a seed.

use rand::Rng;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

/// A generator for `(domain, seed, a, b)`. The four words are the ChaCha key, so two different
/// uses never share a stream, and none depends on how often another was drawn from.
pub(crate) fn keyed(domain: &[u8; 8], seed: u64, a: u64, b: u64) -> ChaCha8Rng {
    let mut key = [0_u8; 32];
    key[..8].copy_from_slice(domain);
    key[8..16].copy_from_slice(&seed.to_le_bytes());
    key[16..24].copy_from_slice(&a.to_le_bytes());
    key[24..].copy_from_slice(&b.to_le_bytes());
    ChaCha8Rng::from_seed(key)
}

/// A uniform integer in `0..n` (0 when `n` is 0), without modulo bias: Lemire, "Fast random integer
/// generation in an interval" (2019). Written here so that the bits depend on no library's version.
pub(crate) fn below(rng: &mut ChaCha8Rng, n: u64) -> u64 {
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
        let j = below(rng, i as u64 + 1) as usize;
        items.swap(i, j);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn below_is_uniform_and_in_range() {
        let mut rng = keyed(b"test----", 1, 2, 3);
        let mut counts = [0_u32; 7];
        for _ in 0..70_000 {
            counts[below(&mut rng, 7) as usize] += 1;
        }
        // Standard deviation of one count is about 93.
        assert!(counts.iter().all(|&c| (9_600..10_400).contains(&c)), "{counts:?}");
        assert_eq!(below(&mut rng, 1), 0);
        assert_eq!(below(&mut rng, 0), 0);
        assert!(below(&mut rng, u64::MAX) < u64::MAX);
    }

    #[test]
    fn keys_separate_streams() {
        let first = |domain, s, a, b| keyed(domain, s, a, b).next_u64();
        let base = first(b"test----", 1, 2, 3);
        assert_eq!(base, first(b"test----", 1, 2, 3));
        assert_ne!(base, first(b"other---", 1, 2, 3));
        assert_ne!(base, first(b"test----", 2, 2, 3));
        assert_ne!(base, first(b"test----", 1, 3, 2));
    }

    #[test]
    fn shuffle_permutes() {
        let mut items: Vec<u32> = (0..100).collect();
        shuffle(&mut keyed(b"test----", 5, 0, 0), &mut items);
        assert_ne!(items, (0..100).collect::<Vec<_>>());
        items.sort_unstable();
        assert_eq!(items, (0..100).collect::<Vec<_>>());
    }
}
