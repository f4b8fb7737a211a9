//! A lane: a contiguous range of classes that one thread walks, block after block.
//!
//! Sums over classes are made per lane in class order and then over lanes in lane order, so the
//! bits depend on the number of lanes and not on who ran first.

use std::ops::Range;

use super::batch::{Batch, Parameters};
use super::layout::{Layout, Packed};
use super::rows::Rows;
use super::update::{Moments, Update};
use super::workspace::{LaneSpace, RowSums, size};
use crate::isa::Isa;
use crate::parallel;
use rayon::prelude::*;

/// What all lanes see.
pub(super) struct Shared<'a> {
    pub(super) isa: Isa,
    pub(super) batch: &'a Batch<'a>,
    pub(super) layout: &'a Layout,
    pub(super) packed: &'a Packed,
    pub(super) rows: &'a Rows,
    pub(super) bias_update: Update,
}

/// See the [module](self).
pub(super) struct Lane<'a> {
    /// Rows of W, those of whole classes.
    pub(super) prototypes: Range<usize>,
    /// K, prototypes per class.
    centers: usize,
    /// Prototypes in a block, those of whole classes.
    block: usize,
    /// Blocks, from the first, whose exponentials the first pass keeps.
    pub(super) kept: usize,
    pub(super) angular: bool,
    pub(super) weights: &'a mut [f32],
    pub(super) bias: &'a mut [f32],
    pub(super) moments: Moments<'a>,
    pub(super) bias_moments: Moments<'a>,
    /// A regularizer's gradient; empty for none.
    pub(super) extra: &'a [f32],
    pub(super) space: &'a mut LaneSpace,
}

/// Bytes of a block's prototypes, and of its logits: with as much of the next block on its way,
/// the batch and its gradient they share an L2 cache of 1 MB.
const BLOCK_BYTES: usize = 256 << 10;

/// Prototypes whose gradients are computed before they are applied: two register tiles.
pub(super) const GROUP: usize = 12;

/// Fewer prototypes than this are not worth a lane.
const LEAST_PROTOTYPES: usize = 32;

/// Takes the first `n` numbers off a slice, or nothing of an empty one.
fn split_off<'a>(rest: &mut &'a mut [f32], n: usize) -> &'a mut [f32] {
    let n = n.min(rest.len());
    rest.split_off_mut(..n).unwrap_or_default()
}

/// Prototypes in a block: whole classes, and whole groups where there is room for one.
fn block_prototypes(batch: &Batch<'_>, layout: &Layout) -> usize {
    let row = layout.dim.max(layout.row_step) * size_of::<f32>();
    let fit = (BLOCK_BYTES / row).max(1);
    let fit = if fit > GROUP { fit / GROUP * GROUP } else { fit };
    (fit / batch.centers).min(batch.chunk).max(1) * batch.centers
}

impl<'a> Lane<'a> {
    /// Cuts the classes into lanes, and allows them to keep the exponentials of `kept` prototypes.
    pub(super) fn split(
        batch: &Batch<'_>,
        layout: &Layout,
        rows: &Rows,
        parameters: Parameters<'a>,
        spaces: &'a mut Vec<LaneSpace>,
        kept: usize,
    ) -> Vec<Self> {
        let (d, centers, angular) = (batch.dim, batch.centers, rows.form.is_angular());
        let Parameters { mut weights, mut bias, moments, bias_moments, extra_gradient: mut extra, .. } = parameters;
        let (mut m1, mut m2) = (moments.first, moments.second);
        let (mut b1, mut b2) = (bias_moments.first, bias_moments.second);
        let prototypes = weights.len() / d;
        let block = block_prototypes(batch, layout);
        let lanes = batch.lanes.clamp(1, prototypes.div_ceil(block.min(LEAST_PROTOTYPES)).max(1));
        let ranges = parallel::split(prototypes / centers, lanes);
        let kept = if kept < prototypes { kept / lanes / block } else { usize::MAX };
        spaces.resize_with(spaces.len().max(ranges.len()), LaneSpace::default);
        let mut out = Vec::with_capacity(ranges.len());
        for (classes, space) in ranges.into_iter().zip(spaces) {
            let n = classes.len() * centers;
            let blocks = n.div_ceil(block);
            space.sums.reset(layout.row_step, rows.form.is_reweighted());
            space.rescaled.clear();
            space.dx.clear();
            space.dx.resize(layout.rows * layout.dim_step, 0.0);
            size(&mut space.shifts, blocks * layout.row_step);
            size(&mut space.kept, n.min(kept.saturating_mul(block)) * layout.row_step);
            size(&mut space.inverse, if angular { n } else { 0 });
            out.push(Lane {
                prototypes: classes.start * centers..classes.end * centers,
                centers,
                block,
                kept,
                angular,
                weights: split_off(&mut weights, n * d),
                bias: split_off(&mut bias, classes.len()),
                moments: Moments { first: split_off(&mut m1, n * d), second: split_off(&mut m2, n * d) },
                bias_moments: Moments {
                    first: split_off(&mut b1, classes.len()),
                    second: split_off(&mut b2, classes.len()),
                },
                extra: extra.split_off(..(n * d).min(extra.len())).unwrap_or_default(),
                space,
            });
        }
        out
    }

    /// Sums over the lane's other classes.
    pub(super) fn sums(&self) -> &RowSums {
        &self.space.sums
    }

    /// Σ_j G_ij·w_j over the lane's prototypes, in panels.
    pub(super) fn dx(&self) -> &[f32] {
        &self.space.dx
    }

    pub(super) fn blocks(&self) -> usize {
        self.prototypes.len().div_ceil(self.block)
    }

    /// Prototypes of a block, counted from the lane's first; none beyond the last block.
    pub(super) fn range(&self, block: usize) -> Range<usize> {
        let n = self.prototypes.len();
        (block * self.block).min(n)..((block + 1) * self.block).min(n)
    }

    /// The classes of these prototypes, counted in the same way.
    pub(super) fn classes(&self, range: &Range<usize>) -> Range<usize> {
        range.start / self.centers..range.end / self.centers
    }

    /// (prototype of these, row) of the rows whose own is here.
    pub(super) fn own(&self, rows: &Rows, range: &Range<usize>) -> Vec<(u32, u32)> {
        rows.own(self.prototypes.start + range.start..self.prototypes.start + range.end)
    }
}

/// Runs `work` for every lane, in parallel where there is more than one.
pub(super) fn for_each<'a>(lanes: &mut [Lane<'a>], work: impl Fn(&mut Lane<'a>) + Sync + Send) {
    match lanes {
        [only] => work(only),
        many => many.par_iter_mut().with_max_len(1).for_each(work),
    }
}
