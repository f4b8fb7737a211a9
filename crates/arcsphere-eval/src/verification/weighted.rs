use rayon::prelude::*;

use crate::random::{below, keyed};
use crate::units::Units;

/// How many weightings are read in one go over the pairs.
const LANES: usize = 16;

/// Pairs whose weights are added in `f32`: their sum is a whole number below 2²⁴.
const EXACT: usize = 256;

/// Most parts that are left out in turn, one after the other. With more units than these, a part is several units
/// (Efron and Narasimhan, "The automatic construction of bootstrap confidence intervals", 2020).
const PARTS: usize = 400;

type Lanes<T> = [T; LANES];

/// Scores sorted once, to be read under many weightings of their units.
pub(super) struct Curve {
    /// The units of each pair, by falling score.
    pairs: Vec<(u32, u32)>,
    runs: Vec<Run>,
    units: usize,
}

/// Pairs that lie together, genuine ones first: as many equal or neighboring scores as are of one kind, or one score
/// that both kinds have. Along a run of one kind the other kind's rate stands still, so that rates are known in it from
/// those at its ends.
#[derive(Debug, Clone, Copy)]
struct Run {
    genuine_until: usize,
    until: usize,
}

/// What one weighting says.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Rates {
    pub(super) eer: f64,
    pub(super) auc: f64,
    /// The largest TMR at each target FMR.
    pub(super) tmrs: Vec<f64>,
}

impl Curve {
    /// Scores without a NaN, as [`Roc::new`](super::Roc::new) takes them.
    pub(super) fn new(scores: &[f32], same: &[bool], units: &Units) -> Self {
        let mut order: Vec<u32> = (0..scores.len() as u32).collect();
        let score = |i: &u32| scores[*i as usize] + 0.0;
        order.par_sort_unstable_by(|a, b| {
            score(b).total_cmp(&score(a)).then_with(|| same[*b as usize].cmp(&same[*a as usize]))
        });
        let (mut runs, mut until): (Vec<Run>, usize) = (Vec::new(), 0);
        let mut last = None;
        for group in order.chunk_by(|a, b| score(a) == score(b)) {
            let genuine = group.iter().filter(|i| same[**i as usize]).count();
            let kind = (genuine == 0 || genuine == group.len()).then_some(genuine > 0);
            let start = until;
            until += group.len();
            match runs.last_mut().filter(|_| kind.is_some() && last == Some(kind)) {
                Some(run) => {
                    run.until = until;
                    if kind == Some(true) {
                        run.genuine_until = until;
                    }
                }
                None => runs.push(Run { genuine_until: start + genuine, until }),
            }
            last = Some(kind);
        }
        let pairs = order.iter().map(|i| units.pairs()[*i as usize]).collect();
        Self { pairs, runs, units: units.len() }
    }

    /// Rates under `LANES` weightings; none where one kind of pairs has no weight. The EER is read as
    /// [`Roc::eer`](super::Roc::eer) reads it.
    fn read(&self, weights: &[Lanes<f32>], targets: &[f64]) -> [Option<Rates>; LANES] {
        let mut genuine: Vec<Lanes<f64>> = Vec::with_capacity(self.runs.len());
        let mut impostor = Vec::with_capacity(self.runs.len());
        let mut start = 0;
        for run in &self.runs {
            genuine.push(self.weigh(start..run.genuine_until, weights));
            impostor.push(self.weigh(run.genuine_until..run.until, weights));
            start = run.until;
        }
        std::array::from_fn(|lane| {
            let steps = genuine.iter().zip(&impostor).map(|(g, i)| (g[lane], i[lane]));
            rates(steps, targets)
        })
    }

    /// The weights of some pairs: w_i of a pair of one unit, w_i·w_j of two.
    fn weigh(&self, pairs: std::ops::Range<usize>, weights: &[Lanes<f32>]) -> Lanes<f64> {
        let mut sums = [0.0_f64; LANES];
        for chunk in self.pairs[pairs].chunks(EXACT) {
            let mut part = [0.0_f32; LANES];
            for &(a, b) in chunk {
                let first = &weights[a as usize];
                if a == b {
                    part.iter_mut().zip(first).for_each(|(p, w)| *p += w);
                } else {
                    let second = &weights[b as usize];
                    part.iter_mut().zip(first.iter().zip(second)).for_each(|(p, (v, w))| *p += v * w);
                }
            }
            sums.iter_mut().zip(part).for_each(|(s, p)| *s += f64::from(p));
        }
        sums
    }

    /// Rates of `count` resamples of the units, of those that have both kinds of pairs.
    pub(super) fn resampled(&self, count: u64, seed: u64, targets: &[f64]) -> Vec<Rates> {
        let starts: Vec<u64> = (0..count).step_by(LANES).collect();
        let read = |start: u64| {
            let mut weights = vec![[0.0; LANES]; self.units];
            let lanes = (count - start).min(LANES as u64) as usize;
            for (lane, index) in (start..).take(lanes).enumerate() {
                let mut rng = keyed(b"verifica", seed, index);
                for _ in 0..self.units {
                    weights[below(&mut rng, self.units)][lane] += 1.0;
                }
            }
            self.read(&weights, targets).into_iter().take(lanes).flatten().collect::<Vec<_>>()
        };
        starts.into_par_iter().map(read).collect::<Vec<_>>().into_iter().flatten().collect()
    }

    /// Rates with a part of the units left out each.
    pub(super) fn jackknife(&self, targets: &[f64]) -> Vec<Rates> {
        let parts = self.units.min(PARTS);
        let starts: Vec<usize> = (0..parts).step_by(LANES).collect();
        let read = |start: usize| {
            let lanes = (parts - start).min(LANES);
            let mut weights = vec![[1.0; LANES]; self.units];
            for lane in 0..lanes {
                weights.iter_mut().skip(start + lane).step_by(parts).for_each(|w| w[lane] = 0.0);
            }
            self.read(&weights, targets).into_iter().take(lanes).flatten().collect::<Vec<_>>()
        };
        starts.into_par_iter().map(read).collect::<Vec<_>>().into_iter().flatten().collect()
    }
}

/// What runs of genuine and impostor weight say, from the highest score down.
fn rates(steps: impl Iterator<Item = (f64, f64)> + Clone, targets: &[f64]) -> Option<Rates> {
    let (genuine, impostor) = steps.clone().fold((0.0, 0.0), |(g, i), s| (g + s.0, i + s.1));
    if genuine == 0.0 || impostor == 0.0 {
        return None;
    }
    let mut tmrs = vec![0.0; targets.len()];
    let (mut eer, mut twice) = (None, 0.0);
    let (mut fmr, mut gap) = (0.0, -1.0);
    let (mut accepted, mut false_accepted) = (0.0, 0.0);
    for (g, i) in steps {
        let before = (fmr, gap, accepted / genuine);
        twice += i * (2.0 * accepted + g);
        accepted += g;
        false_accepted += i;
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
            } else if before.0 <= *target {
                // Within a run of one kind either the TMR stands still or the FMR does.
                *best = before.2;
            }
        }
    }
    Some(Rates { eer: eer?, auc: twice / (2.0 * genuine * impostor), tmrs })
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
            let copies: Vec<usize> = (0..pairs.len()).flat_map(|i| std::iter::repeat_n(i, pairs[i].2)).collect();
            let copied: (Vec<f32>, Vec<bool>) = copies.iter().map(|i| (scores[*i], same[*i])).unzip();
            let weights: Vec<Lanes<f32>> = pairs.iter().map(|p| [p.2 as f32; LANES]).collect();
            let [found, ..] = Curve::new(&scores, &same, &Units::unknown(pairs.len())).read(&weights, &[target]);
            match Roc::new(&copied.0, &copied.1) {
                Ok(roc) => {
                    let found = found.unwrap();
                    prop_assert!((found.eer - roc.eer().value).abs() < 1e-9, "{found:?} {}", roc.eer().value);
                    prop_assert!((found.auc - roc.auc()).abs() < 1e-12, "{found:?} {}", roc.auc());
                    prop_assert_eq!(found.tmrs[0], roc.tmr_at_fmr(target).unwrap().tmr.value);
                }
                Err(_) => prop_assert_eq!(found, None),
            }
        }
    }

    #[test]
    fn two_copies_of_a_subject_make_no_impostor_pair() {
        let same = [true, true, false, false];
        let units = Units::subjects(&[(0, 0), (1, 1), (0, 1), (1, 2)], &same).unwrap();
        let curve = Curve::new(&[0.9, 0.1, 0.5, 0.2], &same, &units);
        let mut weights = vec![[1.0; LANES]; 3];
        // Subject 0 three times, 1 twice, 2 not at all.
        for (unit, weight) in [3.0, 2.0, 0.0].into_iter().enumerate() {
            weights[unit][1] = weight;
        }
        let [even, drawn, ..] = curve.read(&weights, &[0.0]);
        let (even, drawn) = (even.unwrap(), drawn.unwrap());
        assert_eq!((even.tmrs[0], even.auc), (0.5, 0.5));
        // Of 3 + 2 genuine pairs 3 lie above all 6 impostor pairs, and 2 below.
        assert_eq!((drawn.tmrs[0], drawn.auc), (0.6, 0.6));
        // Only subject 1 has pairs with both others: without it no impostor pair is left.
        assert_eq!(curve.jackknife(&[0.0]).len(), 2);
    }
}
