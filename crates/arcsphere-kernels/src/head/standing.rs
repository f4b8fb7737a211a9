//! Where a row's own class stands among all plain logits: without a margin, nothing re-weighted.
//!
//! Its logit is made as those of the others are, from the same product in f32, so that equal prototypes have
//! equal logits. Of equals the class of the lowest index wins, as in [`predict`](super::predict).

use super::exponentials::Affine;
use super::lane::Lane;
use super::workspace::RowSums;

/// A block's dots, \[prototypes, rows\], before anything is made of them.
pub(super) struct Standing<'a> {
    pub(super) dots: &'a [f32],
    pub(super) affine: Affine<'a>,
    /// s of each row, 1 where plain logits have none.
    pub(super) scale: &'a [f32],
    /// K, prototypes per class; the block holds whole classes.
    pub(super) centers: usize,
}

impl Standing<'_> {
    /// Notes of these rows (prototype within the block, row), whose own class is here, its logit and
    /// the largest of the blocks before, of which `sums` are.
    pub(super) fn note(&self, own: &[(u32, u32)], sums: &mut RowSums) {
        for &(prototype, row) in own {
            let row = row as usize;
            let class = prototype as usize / self.centers * self.centers;
            sums.before[row] = sums.largest(row);
            sums.own[row] = Some(self.largest(class..class + self.centers, row));
        }
    }

    /// Brings to the largest before those classes of this block that come before a row's own.
    pub(super) fn settle(&self, tied: &[(u32, u32)], sums: &mut RowSums) {
        for &(prototype, row) in tied {
            let class = prototype as usize / self.centers * self.centers;
            let before = &mut sums.before[row as usize];
            *before = before.max(self.largest(0..class, row as usize));
        }
    }

    /// The largest logit of these prototypes; −∞ without any, or where all are NaN.
    fn largest(&self, prototypes: std::ops::Range<usize>, row: usize) -> f32 {
        let mut largest = f32::NEG_INFINITY;
        for j in prototypes {
            let dot = self.dots[j * self.scale.len() + row];
            let z = match self.affine {
                Affine::Angular(inverse) => self.scale[row] * (dot * inverse[j]).clamp(-1.0, 1.0),
                Affine::Linear(bias) => dot + bias.get(j / self.centers).copied().unwrap_or(0.0),
                Affine::Ready => dot,
            };
            largest = if z > largest { z } else { largest };
        }
        largest
    }
}

/// Those of these rows whose own class has an equal in its block, `sums` being of all blocks up to it: few, so that
/// nobody else pays for finding out which of the two comes first.
pub(super) fn ties(own: &[(u32, u32)], sums: &RowSums) -> Vec<(u32, u32)> {
    let is_tied = |row: usize| sums.own[row].is_some_and(|z| z == sums.largest(row) && z > sums.before[row]);
    own.iter().copied().filter(|&(_, row)| is_tied(row as usize)).collect()
}

/// Whether the own class of row `i` has the largest logit, and the classes before it smaller ones.
pub(super) fn wins(lanes: &[Lane<'_>], i: usize) -> bool {
    let home = lanes.iter().enumerate().find_map(|(at, lane)| Some((at, lane.sums().own[i]?)));
    home.is_some_and(|(home, own)| {
        lanes.iter().map(Lane::sums).enumerate().all(|(at, sums)| match at {
            _ if at < home => own > sums.largest(i),
            _ if at == home => own > sums.before[i] && own >= sums.largest(i),
            _ => own >= sums.largest(i),
        })
    })
}
