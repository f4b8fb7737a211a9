//! Verification pairs from a labelled set: genuine (two samples of one class) and impostor (of two).

use std::collections::HashSet;

use rand_chacha::ChaCha8Rng;

use crate::error::{EvalError, Result};
use crate::random::{below_u64, keyed, shuffle};

/// Pairs of sample indices, genuine ones first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pairs {
    /// First sample of each pair; always less than the second.
    pub a: Vec<u32>,
    /// Second sample of each pair.
    pub b: Vec<u32>,
    /// True where both are of one class.
    pub genuine: Vec<bool>,
}

impl Pairs {
    /// Number of pairs.
    pub fn len(&self) -> usize {
        self.genuine.len()
    }

    /// True when there is no pair.
    pub fn is_empty(&self) -> bool {
        self.genuine.is_empty()
    }

    fn push(&mut self, i: u32, j: u32, genuine: bool) {
        self.a.push(i.min(j));
        self.b.push(i.max(j));
        self.genuine.push(genuine);
    }
}

/// Samples `n_genuine` genuine and `n_impostor` impostor pairs, or as many as exist.
///
/// Pairs are unordered, distinct and never of a sample with itself. Genuine pairs are spread evenly
/// over the classes that have two samples, impostor pairs evenly over pairs of classes, as far as
/// each has enough; within them the choice is uniform. A pure function of the arguments.
///
/// # Errors
/// [`NoGenuinePair`](EvalError::NoGenuinePair) when some are asked for and no class has two samples;
/// [`NoImpostorPair`](EvalError::NoImpostorPair) when some are asked for and there are not two
/// classes.
///
/// ```
/// use arcsphere_eval::pairs::sample_pairs;
///
/// let pairs = sample_pairs(&[0, 0, 1, 1, 2], 10, 3, 7)?;
/// // Only two genuine pairs exist.
/// assert_eq!(pairs.genuine, [true, true, false, false, false]);
/// assert_eq!((pairs.a[0], pairs.b[0]), (0, 1));
/// # Ok::<(), arcsphere_eval::EvalError>(())
/// ```
pub fn sample_pairs(labels: &[u32], n_genuine: usize, n_impostor: usize, seed: u64) -> Result<Pairs> {
    let groups = group(labels);
    let mut pairs = Pairs::default();
    if n_genuine > 0 {
        genuine(&groups, n_genuine as u64, seed, &mut pairs)?;
    }
    if n_impostor > 0 {
        impostor(&groups, n_impostor as u64, seed, &mut pairs)?;
    }
    Ok(pairs)
}

/// Samples of each class that has any, classes by label, samples in order.
fn group(labels: &[u32]) -> Vec<Vec<u32>> {
    let mut sorted: Vec<(u32, u32)> = labels.iter().zip(0_u32..).map(|(&label, i)| (label, i)).collect();
    sorted.sort_unstable();
    sorted.chunk_by(|x, y| x.0 == y.0).map(|g| g.iter().map(|&(_, i)| i).collect()).collect()
}

fn genuine(groups: &[Vec<u32>], n: u64, seed: u64, pairs: &mut Pairs) -> Result<()> {
    let capacity: Vec<u64> = groups.iter().map(|g| choose_2(g.len() as u64)).collect();
    if capacity.iter().all(|&c| c == 0) {
        return Err(EvalError::NoGenuinePair { classes: groups.len() });
    }
    let mut rng = keyed(b"genuine-", seed, 0);
    for (group, (&total, quota)) in groups.iter().zip(capacity.iter().zip(share(&capacity, n, &mut rng))) {
        for rank in distinct(total, quota, &mut rng) {
            let (i, j) = unrank_pair(rank);
            pairs.push(group[i as usize], group[j as usize], true);
        }
    }
    Ok(())
}

fn impostor(groups: &[Vec<u32>], n: u64, seed: u64, pairs: &mut Pairs) -> Result<()> {
    let class_pairs = choose_2(groups.len() as u64);
    if class_pairs == 0 {
        return Err(EvalError::NoImpostorPair { classes: groups.len() });
    }
    let mut rng = keyed(b"impostor", seed, 0);
    // With more class pairs than samples wanted, most give none: draw those that do, instead of
    // listing them all (a million identities make 5e11).
    let ranks: Vec<u64> = if class_pairs > n { distinct(class_pairs, n, &mut rng) } else { (0..class_pairs).collect() };
    let of = |rank: u64| {
        let (i, j) = unrank_pair(rank);
        (&groups[i as usize], &groups[j as usize])
    };
    let capacity: Vec<u64> =
        ranks.iter().map(|&rank| (of(rank).0.len() as u64).saturating_mul(of(rank).1.len() as u64)).collect();
    for (&rank, (&total, quota)) in ranks.iter().zip(capacity.iter().zip(share(&capacity, n, &mut rng))) {
        let (left, right) = of(rank);
        let width = right.len() as u64;
        for cell in distinct(total, quota, &mut rng) {
            pairs.push(left[(cell / width) as usize], right[(cell % width) as usize], false);
        }
    }
    Ok(())
}

/// Shares `n` out as evenly as `capacity` allows; who gets one more is random.
fn share(capacity: &[u64], n: u64, rng: &mut ChaCha8Rng) -> Vec<u64> {
    let mut order: Vec<usize> = (0..capacity.len()).collect();
    shuffle(rng, &mut order);
    // Smallest first, so that what one cannot take is shared among those after it; the sort is
    // stable, so equals stay in random order.
    order.sort_by_key(|&i| capacity[i]);
    let mut quota = vec![0; capacity.len()];
    let mut left = n;
    for (done, &i) in order.iter().enumerate() {
        let others = (order.len() - done) as u64;
        quota[i] = (left / others).min(capacity[i]);
        left -= quota[i];
    }
    quota
}

/// `k` distinct numbers of `0..n` (all of them when `k >= n`), in increasing order: Floyd's
/// algorithm, which takes memory for `k`, not for `n`.
fn distinct(n: u64, k: u64, rng: &mut ChaCha8Rng) -> Vec<u64> {
    if k >= n {
        return (0..n).collect();
    }
    let mut chosen = HashSet::with_capacity(k.min(1 << 20) as usize);
    for j in n - k..n {
        let t = below_u64(rng, j + 1);
        chosen.insert(if chosen.contains(&t) { j } else { t });
    }
    let mut chosen: Vec<u64> = chosen.into_iter().collect();
    chosen.sort_unstable();
    chosen
}

fn choose_2(n: u64) -> u64 {
    // One of the factors is even; `n` is at most 2^32, so the product fits.
    n * n.saturating_sub(1) / 2
}

/// The pair `i < j` of rank `j (j - 1) / 2 + i`.
fn unrank_pair(rank: u64) -> (u64, u64) {
    let mut j = ((1.0 + (1.0 + 8.0 * rank as f64).sqrt()) / 2.0) as u64;
    // The square root can be off by one in the last place.
    while choose_2(j) > rank {
        j -= 1;
    }
    while choose_2(j + 1) <= rank {
        j += 1;
    }
    (rank - choose_2(j), j)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ranks_are_in_order_and_exact_far_out() {
        let mut rank = 0;
        for j in 1..60 {
            for i in 0..j {
                assert_eq!(unrank_pair(rank), (i, j));
                rank += 1;
            }
        }
        for j in [1_u64 << 27, (1 << 31) + 7, u64::from(u32::MAX)] {
            assert_eq!(unrank_pair(choose_2(j)), (0, j));
            assert_eq!(unrank_pair(choose_2(j) - 1), (j - 2, j - 1));
        }
    }

    proptest! {
        #[test]
        fn pairs_are_what_they_say(
            labels in prop::collection::vec(0_u32..6, 0..40),
            n_genuine in 0_usize..60,
            n_impostor in 0_usize..60,
            seed: u64,
        ) {
            let sizes: Vec<u64> = group(&labels).iter().map(|g| g.len() as u64).collect();
            let genuine: u64 = sizes.iter().map(|&n| choose_2(n)).sum();
            let impostor = choose_2(labels.len() as u64) - genuine;
            match sample_pairs(&labels, n_genuine, n_impostor, seed) {
                Err(EvalError::NoGenuinePair { .. }) => prop_assert!(n_genuine > 0 && genuine == 0),
                Err(EvalError::NoImpostorPair { .. }) => prop_assert!(n_impostor > 0 && impostor == 0),
                Err(e) => prop_assert!(false, "{}", e),
                Ok(pairs) => {
                    let mut seen = HashSet::new();
                    for ((&a, &b), &genuine) in pairs.a.iter().zip(&pairs.b).zip(&pairs.genuine) {
                        prop_assert!(a < b && seen.insert((a, b)));
                        prop_assert_eq!(labels[a as usize] == labels[b as usize], genuine);
                    }
                    let found = pairs.genuine.iter().filter(|&&g| g).count() as u64;
                    prop_assert_eq!(found, genuine.min(n_genuine as u64));
                    prop_assert_eq!(pairs.len() as u64 - found, impostor.min(n_impostor as u64));
                    prop_assert_eq!(pairs, sample_pairs(&labels, n_genuine, n_impostor, seed).unwrap());
                }
            }
        }

        #[test]
        fn shares_are_even_and_complete(
            capacity in prop::collection::vec(0_u64..30, 1..20), n in 0_u64..400, seed: u64,
        ) {
            let quota = share(&capacity, n, &mut keyed(b"test----", seed, 0));
            prop_assert_eq!(quota.iter().sum::<u64>(), n.min(capacity.iter().sum()));
            let most = quota.iter().copied().max().unwrap_or(0);
            for (&q, &c) in quota.iter().zip(&capacity) {
                prop_assert!(q <= c && (q == c || q + 1 >= most), "{:?} of {:?}", quota, capacity);
            }
        }
    }

    #[test]
    fn classes_are_balanced() {
        // One class has ten times the samples of the others, and does not get more pairs.
        let labels: Vec<u32> = (0..300).map(|i| if i < 200 { 0 } else { 1 + i % 5 }).collect();
        let pairs = sample_pairs(&labels, 600, 600, 3).unwrap();
        let mut genuine = [0; 6];
        let mut impostor = [0; 6];
        for k in 0..pairs.len() {
            for index in [pairs.a[k], pairs.b[k]] {
                let class = labels[index as usize] as usize;
                if pairs.genuine[k] { genuine[class] += 1 } else { impostor[class] += 1 }
            }
        }
        assert_eq!(genuine, [200; 6]);
        assert_eq!(impostor, [200; 6]);
        assert_ne!(pairs, sample_pairs(&labels, 600, 600, 4).unwrap());
    }

    #[test]
    fn many_classes_list_no_table_of_class_pairs() {
        let labels: Vec<u32> = (0..200_000).map(|i| i / 2).collect();
        let pairs = sample_pairs(&labels, 1000, 1000, 1).unwrap();
        assert_eq!(pairs.genuine.iter().filter(|&&g| g).count(), 1000);
        assert_eq!(pairs.len(), 2000);
    }

    #[test]
    fn impossible_requests_are_named() {
        let error = sample_pairs(&[0, 1, 2], 1, 0, 0).unwrap_err();
        assert!(matches!(error, EvalError::NoGenuinePair { classes: 3 }), "{error}");
        let error = sample_pairs(&[5, 5], 1, 1, 0).unwrap_err();
        assert!(matches!(error, EvalError::NoImpostorPair { classes: 1 }), "{error}");
        assert!(sample_pairs(&[], 0, 0, 0).unwrap().is_empty());
    }
}
