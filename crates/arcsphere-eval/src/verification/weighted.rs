/// Scores sorted once, to be read under many weightings of their pairs.
pub(super) struct Weighted {
    /// Pairs by falling score, equal scores in one group.
    groups: Vec<Vec<usize>>,
    same: Vec<bool>,
}

impl Weighted {
    /// Scores without a NaN, as [`Roc::new`](super::Roc::new) takes them.
    pub(super) fn new(scores: &[f32], same: &[bool]) -> Self {
        let mut order: Vec<usize> = (0..scores.len()).collect();
        order.sort_by(|a, b| scores[*b].total_cmp(&scores[*a]));
        Self {
            groups: order.chunk_by(|a, b| scores[*a] == scores[*b]).map(<[usize]>::to_vec).collect(),
            same: same.to_vec(),
        }
    }

    /// EER and the largest TMR at each target FMR, where pair i counts `weights[i]` times; none where one kind of
    /// pairs has no weight. The EER is read as [`Roc::eer`](super::Roc::eer) reads it.
    pub(super) fn rates(&self, weights: &[f64], targets: &[f64]) -> Option<(f64, Vec<f64>)> {
        let total = |kind| weights.iter().zip(&self.same).filter(|(_, s)| **s == kind).map(|(w, _)| w).sum::<f64>();
        let (genuine, impostor) = (total(true), total(false));
        if genuine == 0.0 || impostor == 0.0 {
            return None;
        }
        let mut tmrs = vec![0.0; targets.len()];
        let mut eer = None;
        let (mut fmr, mut gap) = (0.0, -1.0);
        let (mut accepted, mut false_accepted) = (0.0, 0.0);
        for group in &self.groups {
            for &i in group {
                if self.same[i] { accepted += weights[i] } else { false_accepted += weights[i] }
            }
            let before = (fmr, gap);
            let tmr = accepted / genuine;
            fmr = false_accepted / impostor;
            gap = fmr - (1.0 - tmr);
            if gap >= 0.0 && eer.is_none() {
                let t = -before.1 / (gap - before.1);
                eer = Some(before.0 + t * (fmr - before.0));
            }
            for (best, target) in tmrs.iter_mut().zip(targets) {
                if fmr <= *target {
                    *best = tmr;
                }
            }
        }
        Some((eer?, tmrs))
    }
}

#[cfg(test)]
mod tests {
    use super::super::Roc;
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_weight_is_a_number_of_copies(
            pairs in prop::collection::vec((0u8..12, any::<bool>(), 0usize..4), 2..40),
            target in 0.0..=1.0f64,
        ) {
            let scores: Vec<f32> = pairs.iter().map(|p| f32::from(p.0) / 8.0 - 0.5).collect();
            let same: Vec<bool> = pairs.iter().map(|p| p.1).collect();
            let weights: Vec<f64> = pairs.iter().map(|p| p.2 as f64).collect();
            let copies: Vec<usize> = (0..pairs.len()).flat_map(|i| std::iter::repeat_n(i, pairs[i].2)).collect();
            let copied: (Vec<f32>, Vec<bool>) = copies.iter().map(|i| (scores[*i], same[*i])).unzip();
            let found = Weighted::new(&scores, &same).rates(&weights, &[target]);
            match Roc::new(&copied.0, &copied.1) {
                Ok(roc) => {
                    let (eer, tmrs) = found.unwrap();
                    prop_assert!((eer - roc.eer().value).abs() < 1e-9, "{eer} {}", roc.eer().value);
                    prop_assert_eq!(tmrs[0], roc.tmr_at_fmr(target).unwrap().tmr.value);
                }
                Err(_) => prop_assert_eq!(found, None),
            }
        }
    }
}
