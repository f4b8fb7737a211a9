//! P×K batches: P classes and K images of each, for losses that compare the samples of a batch
//! with one another (Hermans, Beyer and Leibe 2017, arXiv:1703.07737, section 2).
//!
//! Classes are *dealt*: everything once in a random order, then everything once more in another, cut
//! into hands of P. The images of each class are dealt likewise, in hands of K. Where a hand is begun
//! in one round and filled from the next, those that it already has wait until it is full, so a hand
//! never holds anything twice. After lcm(n, hand) items a round ends where a hand ends; from there
//! the deal starts anew, from a key of its own, so any place of it is reached without state.

use rand_chacha::ChaCha8Rng;

use super::Batches;
use crate::dataset::Dataset;
use crate::error::DataError;
use crate::rng;

impl Batches {
    /// P×K batches: each has `classes` (P) classes of `set`, and `images` (K) images of each, class
    /// after class; 0 counts as 1.
    ///
    /// An epoch has `set.len() / (P * K)` batches, all of them full. It is a pure function of `(seed,
    /// epoch)`, and epochs continue one another: counted from the start of epoch 0, any two classes have
    /// been in a batch equally often, give or take one, and any two images of a class as well. So an
    /// image comes again only after all others of its class, and in an unbalanced set an image of a
    /// small class comes more often than one of a large class.
    ///
    /// # Errors
    /// [`TooFewClassesForBatch`](DataError::TooFewClassesForBatch) when the set has fewer than P
    /// classes, [`TooFewInClass`](DataError::TooFewInClass) for the first class with fewer than K
    /// images.
    ///
    /// ```
    /// use arcsphere_data::{embedded, sampler::Batches};
    ///
    /// let train = embedded::mnist()?.train;
    /// let batches = Batches::by_class(&train, 8, 4, 7, 0)?;
    /// assert_eq!(batches.len(), 10_000 / 32);
    /// let labels: Vec<u32> = batches.get(0).unwrap().iter().map(|&i| train.labels()[i as usize]).collect();
    /// assert!(labels.chunks(4).all(|c| c.iter().all(|&label| label == c[0])));
    /// # Ok::<(), arcsphere_data::DataError>(())
    /// ```
    pub fn by_class(set: &Dataset, classes: usize, images: usize, seed: u64, epoch: u64) -> Result<Self, DataError> {
        let (p, k) = (classes.max(1), images.max(1));
        let members = set.members();
        if members.len() < p {
            return Err(DataError::TooFewClassesForBatch { found: members.len(), needed: p });
        }
        if let Some(class) = members.iter().position(|m| m.len() < k) {
            let (name, found) = (set.classes()[class].clone(), members[class].len());
            return Err(DataError::TooFewInClass { class: name, found, needed: k });
        }
        // P classes of at least K images each: P * K is at most the number of images.
        let size = p * k;
        let batches = set.len() / size;
        let start = u128::from(epoch) * batches as u128;
        let dealt =
            Deal { n: members.len(), hand: p }.hands(start, batches, |cycle| rng::keyed(b"pk-class", seed, cycle, 0));
        let mut times = vec![0; members.len()];
        for &class in &dealt.items {
            times[class as usize] += 1;
        }
        let mut hands: Vec<_> = members
            .iter()
            .enumerate()
            .map(|(class, members)| {
                let deal = Deal { n: members.len(), hand: k };
                let key = |cycle| rng::keyed(b"pk-image", seed, class as u64, cycle);
                deal.hands(dealt.before[class], times[class], key).items.into_iter()
            })
            .collect();
        let mut order = Vec::with_capacity(batches * size);
        for &class in &dealt.items {
            let class = class as usize;
            order.extend(hands[class].by_ref().take(k).map(|i| members[class][i as usize] as u32));
        }
        Ok(Self { order, size, drop_last: true })
    }
}

/// Items `0..n`, dealt without end in hands of `hand`, 1 <= `hand` <= `n`.
struct Deal {
    n: usize,
    hand: usize,
}

/// Some hands of a [`Deal`].
struct Hands {
    /// Hand after hand.
    items: Vec<u32>,
    /// How many hands held each item before these.
    before: Vec<u128>,
}

impl Deal {
    /// Hands `start..start + count`; `key` gives the generator of a cycle of lcm(n, hand) items.
    fn hands(&self, start: u128, count: usize, key: impl Fn(u64) -> ChaCha8Rng) -> Hands {
        let rounds = self.hand / gcd(self.n, self.hand);
        let cycle = rounds as u128 * self.n as u128;
        let first = start * self.hand as u128;
        let wanted = count * self.hand;
        let mut skip = first % cycle;
        let mut before = vec![first / cycle * rounds as u128; self.n];
        let mut items = Vec::with_capacity(wanted);
        let mut at = first / cycle;
        while items.len() < wanted {
            let mut rng = key(at as u64);
            let mut begun = Vec::new();
            for round in 1..=rounds {
                let order = self.round(&begun, &mut rng);
                for &item in &order {
                    if skip > 0 {
                        skip -= 1;
                        before[item as usize] += 1;
                    } else if items.len() < wanted {
                        items.push(item);
                    }
                }
                if items.len() == wanted {
                    break;
                }
                begun = order[self.n - round * self.n % self.hand..].to_vec();
            }
            at += 1;
        }
        Hands { items, before }
    }

    /// Each item once in a random order, of which those that are not in the hand `begun` fill it.
    fn round(&self, begun: &[u32], rng: &mut ChaCha8Rng) -> Vec<u32> {
        let mut order: Vec<u32> = (0..self.n as u32).collect();
        rng::shuffle(rng, &mut order);
        if begun.is_empty() {
            return order;
        }
        let (mut first, mut rest) = (Vec::with_capacity(self.n), Vec::new());
        for item in order {
            if first.len() < self.hand - begun.len() && !begun.contains(&item) {
                first.push(item);
            } else {
                rest.push(item);
            }
        }
        first.append(&mut rest);
        first
    }
}

fn gcd(a: usize, b: usize) -> usize {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;
    use crate::dataset::Shape;

    /// Classes with `counts` images each, the images of the classes taking turns.
    fn set(counts: &[usize]) -> Dataset {
        let most = counts.iter().copied().max().unwrap_or(0);
        let labels: Vec<u32> =
            (0..most).flat_map(|i| (0_u32..).zip(counts).filter(move |(_, n)| i < **n).map(|(c, _)| c)).collect();
        let names = (0..counts.len()).map(|c| format!("class-{c}")).collect();
        Dataset::new(Shape::new(1, 1, 1), vec![0; labels.len()], labels, names).unwrap()
    }

    fn spread(counts: &[u32]) -> u32 {
        counts.iter().max().unwrap_or(&0) - counts.iter().min().unwrap_or(&0)
    }

    #[test]
    fn the_bits_are_fixed() {
        // A change here changes every training run on P×K batches.
        let batches = Batches::by_class(&set(&[3, 4, 5]), 2, 2, 42, 0).unwrap();
        assert_eq!(batches.iter().collect::<Vec<_>>(), [[3, 6, 2, 8], [7, 4, 11, 10], [0, 6, 9, 1]]);
    }

    #[test]
    fn an_epoch_far_ahead_costs_no_more_and_does_not_overflow() {
        let set = set(&[5, 7, 3, 4]);
        for epoch in [u64::MAX, u64::MAX - 1, 1 << 40] {
            let batches = Batches::by_class(&set, 3, 2, 1, epoch).unwrap();
            assert_eq!((batches.len(), batches.get(2).unwrap().len()), (3, 6));
        }
    }

    #[test]
    fn every_order_of_classes_is_equally_likely() {
        // 3 classes in hands of 2: the first hand is one of 6 ordered pairs.
        let set = set(&[2, 2, 2]);
        let mut counts = [0_u32; 9];
        for seed in 0..6_000 {
            let batches = Batches::by_class(&set, 2, 1, seed, 0).unwrap();
            let first = batches.get(0).unwrap();
            counts[set.labels()[first[0] as usize] as usize * 3 + set.labels()[first[1] as usize] as usize] += 1;
        }
        // Expected 1000, standard deviation about 29.
        assert!([1, 2, 3, 5, 6, 7].iter().all(|&i| (850..1150).contains(&counts[i])), "{counts:?}");
        assert_eq!([counts[0], counts[4], counts[8]], [0; 3]);
    }

    #[test]
    fn too_little_is_named_with_a_way_out() {
        let error = Batches::by_class(&set(&[4, 2, 1]), 2, 3, 0, 0).unwrap_err();
        assert!(
            matches!(&error, DataError::TooFewInClass { class, found: 2, needed: 3 } if class == "class-1"),
            "{error}"
        );
        assert!(error.to_string().contains("images per class (K)"), "{error}");
        let error = Batches::by_class(&set(&[4, 4]), 3, 2, 0, 0).unwrap_err();
        assert!(matches!(error, DataError::TooFewClassesForBatch { found: 2, needed: 3 }), "{error}");
        assert!(error.to_string().contains("classes per batch (P)"), "{error}");
        let error = Batches::by_class(&set(&[4, 4]), usize::MAX, usize::MAX, 0, 0).unwrap_err();
        assert!(matches!(error, DataError::TooFewClassesForBatch { .. }), "{error}");
        // A class without any image, which parts of a set may have.
        let part = set(&[2, 2, 2]).subset(&[0, 1, 3, 4]).unwrap();
        let error = Batches::by_class(&part, 2, 1, 0, 0).unwrap_err();
        assert!(matches!(error, DataError::TooFewInClass { found: 0, .. }), "{error}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]
        #[test]
        fn batches_are_of_p_classes_and_k_images_and_even(
            counts in prop::collection::vec(1_usize..12, 1..9),
            p in 0_usize..9,
            k in 0_usize..5,
            seed: u64,
            epochs in 1_u64..12,
        ) {
            let set = set(&counts);
            let (p_at_least_1, k_at_least_1) = (p.max(1), k.max(1));
            let possible = counts.len() >= p_at_least_1 && counts.iter().all(|&n| n >= k_at_least_1);
            let mut of_class = vec![0_u32; counts.len()];
            let mut of_image = vec![0_u32; set.len()];
            for epoch in 0..epochs {
                let Ok(batches) = Batches::by_class(&set, p, k, seed, epoch) else {
                    prop_assert!(!possible);
                    return Ok(());
                };
                prop_assert!(possible);
                prop_assert_eq!(batches.len(), set.len() / (p_at_least_1 * k_at_least_1));
                prop_assert!(!batches.is_empty());
                prop_assert_eq!(batches.iter().len(), batches.len());
                for (i, batch) in batches.iter().enumerate() {
                    prop_assert_eq!(batches.get(i), Some(batch));
                    prop_assert_eq!(batch.len(), p_at_least_1 * k_at_least_1);
                    prop_assert_eq!(batch.iter().collect::<BTreeSet<_>>().len(), batch.len());
                    let mut in_batch = BTreeSet::new();
                    for group in batch.chunks(k_at_least_1) {
                        let class = set.labels()[group[0] as usize];
                        prop_assert!(group.iter().all(|&j| set.labels()[j as usize] == class));
                        prop_assert!(in_batch.insert(class));
                        of_class[class as usize] += 1;
                        for &j in group {
                            of_image[j as usize] += 1;
                        }
                    }
                    // Even at every step, over all epochs up to here.
                    prop_assert!(spread(&of_class) <= 1, "{:?}", of_class);
                    for class in 0..counts.len() as u32 {
                        let own: Vec<u32> = (0..set.len())
                            .filter(|&j| set.labels()[j] == class)
                            .map(|j| of_image[j])
                            .collect();
                        prop_assert!(spread(&own) <= 1, "class {}: {:?}", class, own);
                    }
                }
                prop_assert_eq!(batches.get(batches.len()), None);
                let again = Batches::by_class(&set, p, k, seed, epoch).unwrap();
                prop_assert!(batches.iter().eq(again.iter()));
            }
        }
    }
}
