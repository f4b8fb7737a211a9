//! The order in which training sees a set: a permutation per epoch, cut into batches, or batches of
//! so many classes and so many images of each.

use crate::rng;

mod by_class;

/// A permutation of `0..n`, a pure function of `(seed, epoch)`: Fisher–Yates driven by ChaCha8 with
/// `(seed, epoch)` in its key. Resuming at any epoch needs no stored state.
///
/// `n` beyond `u32::MAX` is cut to it.
///
/// ```
/// use arcsphere_data::sampler::permutation;
///
/// let first = permutation(5, 7, 0);
/// assert_eq!(first, permutation(5, 7, 0));
/// assert_ne!(permutation(100, 7, 0), permutation(100, 7, 1));
/// ```
pub fn permutation(n: usize, seed: u64, epoch: u64) -> Vec<u32> {
    let n = u32::try_from(n).unwrap_or(u32::MAX);
    let mut order: Vec<u32> = (0..n).collect();
    rng::shuffle(&mut rng::keyed(b"permute-", seed, epoch, 0), &mut order);
    order
}

/// The batches of one epoch: [`new`](Self::new), [`by_class`](Self::by_class) or
/// [`in_order`](Self::in_order).
#[derive(Clone, Debug)]
pub struct Batches {
    order: Vec<u32>,
    size: usize,
    drop_last: bool,
}

impl Batches {
    /// Batches of `size` (0 counts as 1) over [`permutation`]`(n, seed, epoch)`. A last batch of
    /// fewer is kept unless `drop_last`.
    ///
    /// ```
    /// use arcsphere_data::sampler::Batches;
    ///
    /// let batches = Batches::new(100, 32, 7, 0, false);
    /// assert_eq!(batches.iter().map(<[u32]>::len).collect::<Vec<_>>(), [32, 32, 32, 4]);
    /// assert_ne!(batches.get(0), Batches::new(100, 32, 7, 1, false).get(0));
    /// ```
    pub fn new(n: usize, size: usize, seed: u64, epoch: u64, drop_last: bool) -> Self {
        Self { order: permutation(n, seed, epoch), size: size.max(1), drop_last }
    }

    /// Batches over `0..n` in order, the last partial one kept: for evaluation.
    ///
    /// ```
    /// use arcsphere_data::sampler::Batches;
    ///
    /// let batches = Batches::in_order(5, 2);
    /// assert_eq!(batches.iter().collect::<Vec<_>>(), [&[0, 1][..], &[2, 3], &[4]]);
    /// ```
    pub fn in_order(n: usize, size: usize) -> Self {
        let n = u32::try_from(n).unwrap_or(u32::MAX);
        Self { order: (0..n).collect(), size: size.max(1), drop_last: false }
    }

    /// Number of batches.
    pub fn len(&self) -> usize {
        if self.drop_last { self.order.len() / self.size } else { self.order.len().div_ceil(self.size) }
    }

    /// True when there is no batch.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The indices of batch `i`, or `None` past the end.
    pub fn get(&self, i: usize) -> Option<&[u32]> {
        (i < self.len()).then(|| self.order.chunks(self.size).nth(i)).flatten()
    }

    /// The batches in order; `skip(k)` on it resumes inside an epoch at no cost.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &[u32]> {
        self.order.chunks(self.size).take(self.len())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_bits_are_fixed() {
        // A change here changes every training run: it belongs under "Results change".
        assert_eq!(permutation(10, 42, 0), [6, 5, 3, 9, 2, 4, 0, 7, 8, 1]);
    }

    #[test]
    fn every_position_is_equally_likely() {
        let mut counts = [[0_u32; 4]; 4];
        for epoch in 0..24_000 {
            for (position, &item) in permutation(4, 3, epoch).iter().enumerate() {
                counts[position][item as usize] += 1;
            }
        }
        // Expected 6000, standard deviation about 67.
        assert!(counts.iter().flatten().all(|&c| (5_600..6_400).contains(&c)), "{counts:?}");
    }

    proptest! {
        #[test]
        fn batches_cover_the_epoch_once(
            n in 0_usize..300, size in 0_usize..40, seed: u64, epoch: u64, drop_last: bool,
        ) {
            let batches = Batches::new(n, size, seed, epoch, drop_last);
            let step = size.max(1);
            let mut all: Vec<u32> = batches.iter().flatten().copied().collect();
            prop_assert_eq!(all.len(), if drop_last { n / step * step } else { n });
            prop_assert_eq!(&all, &permutation(n, seed, epoch)[..all.len()]);
            all.sort_unstable();
            all.dedup();
            prop_assert_eq!(all.len(), if drop_last { n / step * step } else { n });
            prop_assert_eq!(batches.iter().len(), batches.len());
            prop_assert_eq!(batches.is_empty(), batches.iter().next().is_none());
            prop_assert!(!drop_last || batches.iter().all(|b| b.len() == step));
            for (i, batch) in batches.iter().enumerate() {
                prop_assert_eq!(batches.get(i), Some(batch));
            }
            prop_assert_eq!(batches.get(batches.len()), None);
        }
    }
}
