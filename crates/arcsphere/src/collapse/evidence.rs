//! What a step has on the host when it is over.

use super::Place;
use crate::head::RowStats;
use std::collections::BTreeMap;

/// A step, as the detectors see it. B images, D dimensions, C classes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Evidence<'a> {
    /// The step, from 0.
    pub(crate) step: u64,
    /// Steps of the whole training.
    pub(crate) steps: u64,
    /// Steps between looks at the prototypes.
    pub(crate) look_every: u64,
    /// The embeddings before the update, \[B, D\].
    pub(crate) embeddings: &'a [f32],
    /// Labels, \[B\].
    pub(crate) labels: &'a [u32],
    /// D.
    pub(crate) dim: usize,
    /// C.
    pub(crate) classes: usize,
    /// What the head saw of each row, \[B\].
    pub(crate) stats: &'a [RowStats],
    /// Of a loss of an ordered target: whether each row is told nearer to its value than the batch's median
    /// is, \[B\]. Steps are many and next to the right one is a good answer, so the accuracy says little.
    pub(crate) beats_median: Option<&'a [bool]>,
    /// Whether classes are steps of an ordered target, whose neighbors are alike by right.
    pub(crate) ordered: bool,
    /// The mean loss.
    pub(crate) loss: f64,
    /// Norm of the backbone's gradient before clipping.
    pub(crate) gradient_norm: f64,
    /// The prototypes after the update; rows of D.
    pub(crate) prototypes: &'a [f32],
    /// Whether logits were cosines in this step, and not w·x + b.
    pub(crate) angular: bool,
    /// The target angle up to which ψ falls; π where it never rises.
    pub(crate) last_monotone: f64,
    /// Where a number was not finite first.
    pub(crate) broken: Option<Place>,
}

impl Evidence<'_> {
    /// The first steps say little: weights are still random and rates warm up. True after a
    /// tenth of the training, at least 100 steps.
    pub(super) fn settled(&self) -> bool {
        self.step >= (self.steps / 10).max(100)
    }

    /// Networks without batch-norm may stay on a plateau for long, all embeddings alike, and
    /// leave it. True after a quarter of the training, at least 100 steps.
    pub(super) fn late(&self) -> bool {
        self.step >= (self.steps / 4).max(100)
    }

    /// Steps in a row for which a suspicion must hold: a fiftieth of the training, 10 to 200.
    pub(super) fn patience(&self) -> u32 {
        (self.steps / 50).clamp(10, 200) as u32
    }

    /// Rows that are classified correctly without a margin; of an ordered target those that are told
    /// nearer than by the median.
    pub(super) fn correct(&self) -> usize {
        match self.beats_median {
            Some(rows) => rows.iter().filter(|nearer| **nearer).count(),
            None => self.stats.iter().filter(|s| s.correct).count(),
        }
    }

    /// Their share of the batch.
    pub(super) fn accuracy(&self) -> f64 {
        self.correct() as f64 / self.stats.len().max(1) as f64
    }

    /// Mean ‖x‖; `None` where one is not finite.
    pub(super) fn mean_norm(&self) -> Option<f64> {
        let mean = self.stats.iter().map(|s| s.norm).sum::<f64>() / self.stats.len().max(1) as f64;
        mean.is_finite().then_some(mean)
    }

    /// The rows of the batch by class.
    pub(super) fn by_class(&self) -> BTreeMap<u32, Vec<usize>> {
        let mut rows: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
        for (i, &y) in self.labels.iter().enumerate() {
            rows.entry(y).or_default().push(i);
        }
        rows
    }
}

#[cfg(test)]
pub(super) mod testing {
    use super::*;

    /// The numbers behind an [`Evidence`].
    pub(in crate::collapse) struct Scene {
        pub(in crate::collapse) embeddings: Vec<f32>,
        pub(in crate::collapse) labels: Vec<u32>,
        pub(in crate::collapse) stats: Vec<RowStats>,
        pub(in crate::collapse) prototypes: Vec<f32>,
    }

    pub(in crate::collapse) const CLASSES: usize = 8;
    pub(in crate::collapse) const BATCH: usize = 64;

    impl Scene {
        /// Eight classes at even angles, eight samples each near their prototype, length 5.
        pub(in crate::collapse) fn healthy() -> Self {
            let at = |class: usize, off: f64| {
                let (sin, cos) = (class as f64 * std::f64::consts::TAU / CLASSES as f64 + off).sin_cos();
                [cos as f32, sin as f32]
            };
            let labels: Vec<u32> = (0..BATCH).map(|i| (i % CLASSES) as u32).collect();
            let off = |i: usize| 0.02 * ((i * 7) % 11) as f64 - 0.1;
            let embeddings = (0..BATCH).flat_map(|i| at(i % CLASSES, off(i)).map(|v| 5.0 * v)).collect();
            let stats = (0..BATCH)
                .map(|i| RowStats {
                    loss: 0.3,
                    target_angle: off(i).abs(),
                    norm: 5.0,
                    probability: 0.7,
                    others: 0.0,
                    correct: true,
                })
                .collect();
            Scene { embeddings, labels, stats, prototypes: (0..CLASSES).flat_map(|c| at(c, 0.0)).collect() }
        }

        /// A step in the second half of a training of 1000 steps.
        pub(in crate::collapse) fn evidence(&self) -> Evidence<'_> {
            Evidence {
                step: 600,
                steps: 1000,
                look_every: 100,
                embeddings: &self.embeddings,
                labels: &self.labels,
                dim: 2,
                classes: CLASSES,
                stats: &self.stats,
                beats_median: None,
                ordered: false,
                loss: 0.3,
                gradient_norm: 1.0,
                prototypes: &self.prototypes,
                angular: true,
                last_monotone: std::f64::consts::PI,
                broken: None,
            }
        }

        /// Embeddings by row, with their norms.
        pub(in crate::collapse) fn with_embeddings(mut self, row: impl Fn(usize) -> [f32; 2]) -> Self {
            self.embeddings = (0..BATCH).flat_map(&row).collect();
            for (stats, x) in self.stats.iter_mut().zip(self.embeddings.chunks(2)) {
                stats.norm = f64::from(x[0]).hypot(f64::from(x[1]));
            }
            self
        }

        /// All rows wrong.
        pub(in crate::collapse) fn misclassified(mut self) -> Self {
            self.stats.iter_mut().for_each(|s| s.correct = false);
            self
        }
    }

    /// What `look` says of `evidence`, shown in `times` steps in a row.
    pub(in crate::collapse) fn shown(
        look: fn(&Evidence<'_>, &mut crate::progress::Vitals) -> Option<String>,
        evidence: Evidence<'_>,
        times: u64,
    ) -> Option<String> {
        let mut vitals = crate::progress::Vitals::default();
        (0..times).find_map(|i| look(&Evidence { step: evidence.step + i, ..evidence }, &mut vitals))
    }

    #[test]
    fn the_first_steps_count_for_little() {
        let scene = Scene::healthy();
        let at = |step, steps| Evidence { step, steps, ..scene.evidence() };
        assert!(!at(199, 2000).settled() && at(200, 2000).settled() && !at(499, 2000).late() && at(500, 2000).late());
        assert!(!at(99, 120).settled() && at(100, 120).settled() && at(100, 120).late());
        assert_eq!([100, 1000, 100_000].map(|steps| at(0, steps).patience()), [10, 20, 200]);
    }
}
