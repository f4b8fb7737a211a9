//! Splitting a set: by class in proportion, by whole classes, or down to a balanced few.

use crate::dataset::Dataset;
use crate::error::DataError;
use crate::rng;

impl Dataset {
    /// Splits off `fraction` of each class: `(kept, held out)`, both in the order of this set.
    ///
    /// A class of `n` images gives `round(fraction * n)` of them, at least 1 and at most `n - 1`;
    /// a class of one image keeps it. Which ones is a pure function of `seed`.
    ///
    /// # Errors
    /// [`BadFraction`](DataError::BadFraction) outside (0, 1),
    /// [`NothingToSplit`](DataError::NothingToSplit) when no class has two images.
    ///
    /// ```
    /// use arcsphere_data::embedded;
    ///
    /// let train = embedded::mnist()?.train;
    /// let (train, validation) = train.stratified_split(0.1, 42)?;
    /// assert_eq!(train.len() + validation.len(), 10_000);
    /// assert!(validation.class_counts().iter().all(|&n| n > 80));
    /// # Ok::<(), arcsphere_data::DataError>(())
    /// ```
    pub fn stratified_split(&self, fraction: f64, seed: u64) -> Result<(Self, Self), DataError> {
        check_fraction("the held-out fraction", fraction)?;
        let mut held_out = vec![false; self.len()];
        for (class, mut members) in self.members().into_iter().enumerate() {
            if members.len() < 2 {
                continue;
            }
            let n = members.len();
            let take = ((fraction * n as f64).round() as usize).clamp(1, n - 1);
            rng::shuffle(&mut rng::keyed(b"stratify", seed, class as u64, 0), &mut members);
            for &i in &members[..take] {
                held_out[i] = true;
            }
        }
        if !held_out.contains(&true) {
            return Err(DataError::NothingToSplit { fraction });
        }
        let side = |held: bool| -> Vec<usize> { (0..self.len()).filter(|&i| held_out[i] == held).collect() };
        Ok((self.subset(&side(false))?, self.subset(&side(true))?))
    }

    /// Splits by whole classes for an open-set test: `(train, test)` have no class in common.
    ///
    /// `round(fraction * n_classes)` classes go to the test side, at least 2 on each side so that
    /// there is something to tell apart. Each side's labels count from 0 in its own class list,
    /// which keeps the order of this set's.
    ///
    /// # Errors
    /// [`BadFraction`](DataError::BadFraction), [`TooFewClasses`](DataError::TooFewClasses) under 4
    /// classes, [`EmptySet`](DataError::EmptySet) when a side's classes have no image.
    ///
    /// ```
    /// let (seen, unseen) = arcsphere_data::embedded::mnist()?.train.split_classes(0.3, 42)?;
    /// assert_eq!((seen.n_classes(), unseen.n_classes()), (7, 3));
    /// assert!(unseen.classes().iter().all(|digit| !seen.classes().contains(digit)));
    /// # Ok::<(), arcsphere_data::DataError>(())
    /// ```
    pub fn split_classes(&self, fraction: f64, seed: u64) -> Result<(Self, Self), DataError> {
        let is_test = test_classes(self.n_classes(), fraction, seed)?;
        Ok((self.keep_classes(|c| !is_test[c])?, self.keep_classes(|c| is_test[c])?))
    }

    /// At most `n` images, as evenly over the classes as they allow, first come first, in the
    /// order of this set. With `n` at least the number of classes, every class that had an image
    /// keeps one.
    ///
    /// # Errors
    /// [`EmptySet`](DataError::EmptySet) when `n` is 0.
    ///
    /// ```
    /// let few = arcsphere_data::embedded::mnist()?.train.take_balanced(25)?;
    /// assert!(few.class_counts().iter().all(|&n| n == 2 || n == 3));
    /// # Ok::<(), arcsphere_data::DataError>(())
    /// ```
    pub fn take_balanced(&self, n: usize) -> Result<Self, DataError> {
        if n >= self.len() {
            return Ok(self.clone());
        }
        // Sorting by how many of its class came before takes one of each class per round.
        let mut seen = vec![0_usize; self.n_classes()];
        let mut by_round: Vec<(usize, usize)> = Vec::with_capacity(self.len());
        for (i, &label) in self.labels().iter().enumerate() {
            by_round.push((seen[label as usize], i));
            seen[label as usize] += 1;
        }
        by_round.sort_unstable();
        let mut chosen: Vec<usize> = by_round.into_iter().take(n).map(|(_, i)| i).collect();
        chosen.sort_unstable();
        self.subset(&chosen)
    }

    /// Indices of each class's images.
    pub(crate) fn members(&self) -> Vec<Vec<usize>> {
        let mut members = vec![Vec::new(); self.n_classes()];
        for (i, &label) in self.labels().iter().enumerate() {
            members[label as usize].push(i);
        }
        members
    }
}

/// Which of `n` classes are kept for an open-set test.
pub(crate) fn test_classes(n: usize, fraction: f64, seed: u64) -> Result<Vec<bool>, DataError> {
    check_fraction("the test fraction", fraction)?;
    if n < 4 {
        return Err(DataError::TooFewClasses { found: n, needed: 4 });
    }
    let take = ((fraction * n as f64).round() as usize).clamp(2, n - 2);
    let mut order: Vec<usize> = (0..n).collect();
    rng::shuffle(&mut rng::keyed(b"open-set", seed, 0, 0), &mut order);
    let mut is_test = vec![false; n];
    for &c in &order[..take] {
        is_test[c] = true;
    }
    Ok(is_test)
}

fn check_fraction(what: &'static str, value: f64) -> Result<(), DataError> {
    if value > 0.0 && value < 1.0 { Ok(()) } else { Err(DataError::BadFraction { what, value }) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::dataset::Shape;

    /// Image `i` holds `i` as its two pixels, so that parts can be traced back.
    fn traced(labels: &[u32], classes: usize) -> Dataset {
        let pixels = (0..labels.len()).flat_map(|i| [i as u8, (i >> 8) as u8]).collect();
        let names = (0..classes).map(|c| format!("class-{c}")).collect();
        Dataset::new(Shape::new(1, 1, 2), pixels, labels.to_vec(), names).unwrap()
    }

    fn ids(set: &Dataset) -> Vec<usize> {
        (0..set.len()).map(|i| set.image(i).unwrap()).map(|p| p[0] as usize + ((p[1] as usize) << 8)).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn a_stratified_split_is_a_partition(
            labels in prop::collection::vec(0_u32..5, 1..200),
            fraction in 0.01_f64..0.99,
            seed: u64,
        ) {
            let set = traced(&labels, 5);
            match set.stratified_split(fraction, seed) {
                Err(e) => {
                    prop_assert!(matches!(e, DataError::NothingToSplit { .. }), "{}", e);
                    prop_assert!(set.class_counts().iter().all(|&n| n < 2));
                }
                Ok((kept, held)) => {
                    let mut all = [ids(&kept), ids(&held)].concat();
                    all.sort_unstable();
                    prop_assert_eq!(all, (0..labels.len()).collect::<Vec<_>>());
                    for (&n, (&k, &h)) in set.class_counts().iter()
                        .zip(kept.class_counts().iter().zip(&held.class_counts()))
                    {
                        prop_assert_eq!(k + h, n);
                        prop_assert!(n < 1 || k >= 1);
                        prop_assert!(n < 2 || (h as f64 - fraction * n as f64).abs() <= 1.0);
                    }
                    prop_assert_eq!((kept, held), set.stratified_split(fraction, seed).unwrap());
                }
            }
        }

        #[test]
        fn an_open_set_split_shares_no_class(
            n in 4_usize..12, fraction in 0.01_f64..0.99, seed: u64,
        ) {
            let labels: Vec<u32> = (0..3 * n as u32).map(|i| i % n as u32).collect();
            let set = traced(&labels, n);
            let (train, test) = set.split_classes(fraction, seed).unwrap();
            prop_assert!(train.n_classes() >= 2 && test.n_classes() >= 2);
            prop_assert_eq!(train.n_classes() + test.n_classes(), n);
            prop_assert!(train.classes().iter().all(|c| !test.classes().contains(c)));
            for part in [&train, &test] {
                for (i, &id) in ids(part).iter().enumerate() {
                    let name = &part.classes()[part.labels()[i] as usize];
                    prop_assert_eq!(name, &set.classes()[labels[id] as usize]);
                }
            }
        }
    }

    #[test]
    fn seeds_matter() {
        let set = traced(&[0; 100], 1);
        assert_ne!(set.stratified_split(0.5, 1).unwrap(), set.stratified_split(0.5, 2).unwrap());
    }

    #[test]
    fn bad_requests_are_named() {
        let set = traced(&[0, 0, 1, 2], 3);
        for fraction in [0.0, 1.0, -0.5, f64::NAN, f64::INFINITY] {
            let error = set.stratified_split(fraction, 0);
            assert!(matches!(error, Err(DataError::BadFraction { .. })), "{fraction}");
        }
        assert!(matches!(set.split_classes(0.5, 0), Err(DataError::TooFewClasses { found: 3, needed: 4 })));
        let singles = traced(&[0, 1, 2], 3);
        assert!(matches!(singles.stratified_split(0.5, 0), Err(DataError::NothingToSplit { .. })));
    }

    #[test]
    fn a_balanced_part_takes_turns() {
        let set = traced(&[0, 0, 0, 0, 1, 1, 2], 3);
        assert_eq!(ids(&set.take_balanced(3).unwrap()), [0, 4, 6]);
        assert_eq!(ids(&set.take_balanced(5).unwrap()), [0, 1, 4, 5, 6]);
        assert_eq!(set.take_balanced(100).unwrap(), set);
        assert!(matches!(set.take_balanced(0), Err(DataError::EmptySet { .. })));
    }
}
