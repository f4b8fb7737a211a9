//! From a target's valid inputs to inputs that are nearly valid.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// An input: what its parts are, a file each or a choice, is for the target to say.
pub(crate) type Parts = Vec<Vec<u8>>;

/// No part grows beyond this.
const MAX_PART: usize = 1 << 16;

/// Where numbers of any width go wrong.
const INTEGERS: [i64; 22] = [
    0,
    1,
    2,
    -1,
    -2,
    16,
    100,
    127,
    128,
    -128,
    255,
    256,
    1024,
    32767,
    -32768,
    65535,
    65536,
    i32::MAX as i64,
    i32::MIN as i64,
    u32::MAX as i64,
    i64::MAX,
    i64::MIN,
];

/// The same for numbers that are written out.
const NUMBERS: [&str; 24] = [
    "0",
    "1",
    "2",
    "3",
    "-1",
    "-0.0",
    "0.5",
    "1e-320",
    "1e38",
    "1e39",
    "1e308",
    "1e999",
    "127",
    "256",
    "65536",
    "1000000",
    "2147483647",
    "4294967295",
    "4294967296",
    "4611686018427387904",
    "9223372036854775807",
    "9223372036854775808",
    "18446744073709551615",
    "18446744073709551616",
];

/// Makes inputs of a target's seeds and tokens.
pub(crate) struct Mutator<'a> {
    seeds: &'a [Parts],
    tokens: &'a [&'a [u8]],
}

impl<'a> Mutator<'a> {
    pub(crate) fn new(seeds: &'a [Parts], tokens: &'a [&'a [u8]]) -> Self {
        Self { seeds, tokens }
    }

    /// Input number `index` of a seed of randomness, a function of the two: first the valid inputs as they are,
    /// then one of them changed in 1 to 16 places.
    pub(crate) fn input(&self, seed: u64, index: u64) -> Parts {
        if let Some(valid) = usize::try_from(index).ok().and_then(|i| self.seeds.get(i)) {
            return valid.clone();
        }
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(index);
        let mut parts = self.any_seed(&mut rng).clone();
        for _ in 0..1_u32 << rng.random_range(0..5) {
            if !parts.is_empty() {
                let at = below(&mut rng, parts.len());
                self.change(&mut parts[at], at, &mut rng);
                parts[at].truncate(MAX_PART);
            }
        }
        parts
    }

    fn any_seed(&self, rng: &mut ChaCha8Rng) -> &'a Parts {
        &self.seeds[below(rng, self.seeds.len())]
    }

    /// Changes the part `part`, which stands at `at`, in one place.
    fn change(&self, part: &mut Vec<u8>, at: usize, rng: &mut ChaCha8Rng) {
        let n = part.len();
        match rng.random_range(0..13) {
            0 if n > 0 => part[below(rng, n)] ^= 1 << rng.random_range(0..8),
            1 if n > 0 => part[below(rng, n)] = rng.random(),
            2 => integer(part, rng, |rng, _| INTEGERS[below(rng, INTEGERS.len())]),
            3 => integer(part, rng, |rng, old| old.wrapping_add(rng.random_range(-9..10))),
            4 | 5 => number(part, rng),
            6 => {
                drop(part.drain(range(n, rng)));
            }
            7 => {
                let copy = part[range(n, rng)].repeat(1 << rng.random_range(0..12_u32).saturating_sub(8));
                insert(part, &copy, rng);
            }
            8 => part.truncate(below(rng, n + 1)),
            9 => {
                let noise: Vec<u8> = (0..rng.random_range(1..9)).map(|_| rng.random()).collect();
                insert(part, &noise, rng);
            }
            10 if !self.tokens.is_empty() => {
                let token = self.tokens[below(rng, self.tokens.len())];
                if rng.random() {
                    drop(part.drain(range(n, rng)));
                }
                insert(part, token, rng);
            }
            11 => {
                let other = self.any_seed(rng).get(at).map_or(&[][..], Vec::as_slice);
                let piece = &other[range(other.len(), rng)];
                if rng.random() {
                    drop(part.drain(range(n, rng)));
                }
                insert(part, piece, rng);
            }
            _ => {
                if let Some(other) = self.any_seed(rng).get(at) {
                    part.clone_from(other);
                }
            }
        }
    }
}

fn below(rng: &mut ChaCha8Rng, n: usize) -> usize {
    rng.random_range(0..n.max(1))
}

/// A range within `0..n`, mostly a short one.
fn range(n: usize, rng: &mut ChaCha8Rng) -> std::ops::Range<usize> {
    let start = below(rng, n + 1);
    let longest = if rng.random_range(0..4) > 0 { 16 } else { n };
    start..(start + below(rng, longest + 1)).min(n)
}

fn insert(part: &mut Vec<u8>, piece: &[u8], rng: &mut ChaCha8Rng) {
    let at = below(rng, part.len() + 1);
    part.splice(at..at, piece.iter().copied());
}

/// Replaces 1, 2, 4 or 8 bytes, read as an integer in either order, by another.
fn integer(part: &mut [u8], rng: &mut ChaCha8Rng, new: impl Fn(&mut ChaCha8Rng, i64) -> i64) {
    let width = 1 << rng.random_range(0..4);
    let at = below(rng, (part.len() + 1).saturating_sub(width));
    let Some(bytes) = part.get_mut(at..at + width) else { return };
    let is_big: bool = rng.random();
    let old = bytes.iter().enumerate().fold(0_i64, |sum, (i, b)| {
        let place = if is_big { width - 1 - i } else { i };
        sum | (i64::from(*b) << (8 * place))
    });
    let new = new(rng, old).to_le_bytes();
    for (i, byte) in bytes.iter_mut().enumerate() {
        *byte = new[if is_big { width - 1 - i } else { i }];
    }
}

/// Replaces a number that is written in digits by another.
fn number(part: &mut Vec<u8>, rng: &mut ChaCha8Rng) {
    let from = below(rng, part.len());
    let is_digit = |b: &u8| b.is_ascii_digit();
    let Some(start) = part[from..].iter().position(is_digit).map(|i| from + i) else { return };
    let end = part[start..].iter().position(|b| !is_digit(b)).map_or(part.len(), |i| start + i);
    part.splice(start..end, NUMBERS[below(rng, NUMBERS.len())].bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_input_is_a_function_of_seed_and_index_and_the_valid_ones_come_first() {
        let seeds = vec![vec![b"one 12".to_vec(), vec![]], vec![b"two 34".to_vec(), b"more".to_vec()]];
        let mutator = Mutator::new(&seeds, &[b"token"]);
        assert_eq!((mutator.input(7, 0), mutator.input(7, 1)), (seeds[0].clone(), seeds[1].clone()));
        let inputs: Vec<Parts> = (2..5000).map(|i| mutator.input(7, i)).collect();
        assert!(inputs.iter().enumerate().all(|(i, input)| *input == mutator.input(7, 2 + i as u64)));
        let distinct: std::collections::BTreeSet<&Parts> = inputs.iter().collect();
        assert!(distinct.len() > 3000, "{}", distinct.len());
        let has = |what: &str| inputs.iter().any(|i| i.iter().any(|p| String::from_utf8_lossy(p).contains(what)));
        assert!(has("token") && has("18446744073709551616") && !inputs.contains(&mutator.input(8, 2)));
    }

    #[test]
    fn no_part_is_too_long_and_empty_ones_are_changed_too() {
        let seeds = vec![vec![vec![], vec![7; MAX_PART]]];
        let mutator = Mutator::new(&seeds, &[]);
        for index in 0..500 {
            let parts = mutator.input(0, index);
            assert!(parts.len() == 2 && parts.iter().all(|p| p.len() <= MAX_PART));
        }
    }
}
