//! Losses of triplets (anchor, positive, negative) that a rule takes from a batch.
//!
//! ```text
//! L = (Σ of the terms)/(their number),   each a function of d_ap and d_an,
//! d_ij = ‖x̂_i − x̂_j‖ or its square
//! ```
//!
//! A rule gets one anchor's distances at a time and answers with the derivatives of
//! its terms for them. So nothing of size B³ is ever held, and anchors run in parallel.

use super::pairs::{pull, squared_distances, symmetrize};
use super::rows::Rows;
use super::{TupleError, check};
use rayon::prelude::*;

/// What a distance is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Distance {
    /// ‖a − b‖; its gradient is 0 where a = b.
    Plain,
    /// ‖a − b‖².
    Squared,
}

/// A sample, and how far the others are from it.
pub(super) struct Anchor<'a> {
    index: usize,
    labels: &'a [u32],
    distances: &'a [f64],
}

impl Anchor<'_> {
    /// The other samples of its class, and how far they are.
    pub(super) fn positives(&self) -> impl Iterator<Item = (usize, f64)> {
        self.others(true).filter(|&(j, _)| j != self.index)
    }

    /// The samples of other classes, and how far they are.
    pub(super) fn negatives(&self) -> impl Iterator<Item = (usize, f64)> {
        self.others(false)
    }

    fn others(&self, same: bool) -> impl Iterator<Item = (usize, f64)> {
        let own = self.labels[self.index];
        let pairs = self.labels.iter().zip(self.distances).enumerate();
        pairs.filter(move |(_, (label, _))| (**label == own) == same).map(|(j, (_, d))| (j, *d))
    }
}

/// What an anchor adds to the mean.
#[derive(Clone, Copy, Default)]
pub(super) struct Terms {
    /// The sum of its terms.
    pub(super) loss: f64,
    /// How many there are.
    pub(super) count: u64,
}

impl Terms {
    /// Counts the term max(0, z); whether it is above 0.
    pub(super) fn hinge(&mut self, z: f64) -> bool {
        self.count += 1;
        self.loss += z.max(0.0);
        z > 0.0
    }
}

/// The mean of the terms of `rule`, which adds ∂(its terms)/∂d_aj of anchor a to entry j
/// of the slice that it is given.
pub(super) fn mined(
    embeddings: &[f32],
    labels: &[u32],
    dim: usize,
    distance: Distance,
    dx: &mut [f32],
    rule: impl Fn(&Anchor<'_>, &mut [f64]) -> Terms + Sync,
) -> Result<f64, TupleError> {
    check(embeddings, labels, dim, dx)?;
    let n = labels.len();
    let x = Rows::unit(embeddings, dim);
    let mut distances = squared_distances(&x);
    if distance == Distance::Plain {
        distances.iter_mut().for_each(|d| *d = d.sqrt());
    }
    let mut slopes = vec![0.0; n * n];
    let anchors = slopes.par_chunks_mut(n.max(1)).zip(distances.par_chunks(n.max(1))).enumerate();
    let terms: Vec<Terms> =
        anchors.map(|(index, (slopes, distances))| rule(&Anchor { index, labels, distances }, slopes)).collect();
    let count = terms.iter().map(|t| t.count).sum::<u64>().max(1) as f64;
    for (slope, d) in slopes.iter_mut().zip(&distances) {
        // ∂d/∂x_i = (x_i − x_j)/d and ∂d²/∂x_i = 2(x_i − x_j).
        *slope *= match distance {
            Distance::Squared => 2.0 / count,
            Distance::Plain if *d > 0.0 => 1.0 / (*d * count),
            Distance::Plain => 0.0,
        };
    }
    symmetrize(&mut slopes, n);
    x.write_gradient(&pull(&slopes, &x), dx);
    Ok(terms.iter().map(|t| t.loss).sum::<f64>() / count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_anchor_is_not_its_own_positive() {
        let anchor = Anchor { index: 2, labels: &[7, 1, 7, 7], distances: &[0.1, 0.2, 0.0, 0.3] };
        assert_eq!(anchor.positives().collect::<Vec<_>>(), [(0, 0.1), (3, 0.3)]);
        assert_eq!(anchor.negatives().collect::<Vec<_>>(), [(1, 0.2)]);
    }

    #[test]
    fn a_term_without_a_loss_counts_in_the_mean() {
        let mut terms = Terms::default();
        assert!(terms.hinge(3.0) && !terms.hinge(-1.0) && !terms.hinge(0.0));
        assert_eq!((terms.loss, terms.count), (3.0, 3));
    }

    #[test]
    fn without_a_term_the_mean_is_zero() {
        let mut dx = [9.0; 4];
        let none = |_: &Anchor<'_>, _: &mut [f64]| Terms::default();
        assert_eq!(mined(&[1.0, 0.0, 0.0, 1.0], &[0, 1], 2, Distance::Plain, &mut dx, none), Ok(0.0));
        assert_eq!(dx, [0.0; 4]);
    }
}
