//! A lane: a contiguous range of classes that one thread walks, block after block, twice.
//!
//! Sums over classes are made per lane in class order and then over lanes in lane order, so the
//! bits depend on the number of lanes and not on who ran first.

use std::ops::Range;

use super::ahead::Ahead;
use super::descend::{Descend, Gradient};
use super::exponentials::{Affine, Exponentials, InverseNorms};
use super::layout::{Layout, Packed};
use super::product::{Left, Product};
use super::rows::Rows;
use super::softmax::Softmax;
use super::workspace::{LaneSpace, RowSums, size};
use super::{Batch, Logits, Moments, Parameters, Update};
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
}

/// See the [module](self).
pub(super) struct Lane<'a> {
    classes: Range<usize>,
    /// Classes in a block.
    block: usize,
    /// Blocks, from the first, whose exponentials the first pass keeps.
    kept: usize,
    angular: bool,
    weights: &'a mut [f32],
    bias: &'a mut [f32],
    moments: Moments<'a>,
    bias_moments: Moments<'a>,
    space: &'a mut LaneSpace,
}

/// Bytes of a block's prototypes, and of its logits: with as much of the next block on its way,
/// the batch and its gradient they share an L2 cache of 1 MB.
const BLOCK_BYTES: usize = 256 << 10;

/// Fewer classes than this are not worth a lane.
const LEAST_CLASSES: usize = 32;

/// Prototypes whose gradients are computed before they are applied: two register tiles.
const GROUP: usize = 12;

/// Takes the first `n` numbers off a slice, or nothing of an empty one.
fn split_off<'a>(rest: &mut &'a mut [f32], n: usize) -> &'a mut [f32] {
    let n = n.min(rest.len());
    rest.split_off_mut(..n).unwrap_or_default()
}

/// Classes in a block: whole groups where there is room for one.
fn block_classes(chunk: usize, layout: &Layout) -> usize {
    let row = layout.dim.max(layout.row_step) * size_of::<f32>();
    let fit = (BLOCK_BYTES / row).max(1);
    let fit = if fit > GROUP { fit / GROUP * GROUP } else { fit };
    fit.min(chunk.max(1))
}

impl<'a> Lane<'a> {
    /// Cuts the classes into lanes, and allows them to keep the exponentials of `kept` classes.
    pub(super) fn split(
        batch: &Batch<'_>,
        layout: &Layout,
        logits: Logits<'_>,
        parameters: Parameters<'a>,
        spaces: &'a mut Vec<LaneSpace>,
        kept: usize,
    ) -> Vec<Self> {
        let d = batch.dim;
        let Parameters { mut weights, mut bias, moments, bias_moments } = parameters;
        let (mut m1, mut m2) = (moments.first, moments.second);
        let (mut b1, mut b2) = (bias_moments.first, bias_moments.second);
        let classes = weights.len() / d;
        let block = block_classes(batch.chunk, layout);
        let lanes = batch.lanes.clamp(1, classes.div_ceil(block.min(LEAST_CLASSES)).max(1));
        let kept = if kept < classes { kept / lanes / block } else { usize::MAX };
        let ranges = parallel::split(classes, lanes);
        spaces.resize_with(spaces.len().max(ranges.len()), LaneSpace::default);
        let mut out = Vec::with_capacity(ranges.len());
        for (classes, space) in ranges.into_iter().zip(spaces) {
            let n = classes.len();
            let blocks = n.div_ceil(block);
            space.sums.reset(layout.row_step);
            space.dx.clear();
            space.dx.resize(layout.rows * layout.dim_step, 0.0);
            size(&mut space.shifts, blocks * layout.row_step);
            size(&mut space.kept, n.min(kept.saturating_mul(block)) * layout.row_step);
            out.push(Lane {
                classes,
                block,
                kept,
                angular: matches!(logits, Logits::Angular(_)),
                weights: split_off(&mut weights, n * d),
                bias: split_off(&mut bias, n),
                moments: Moments { first: split_off(&mut m1, n * d), second: split_off(&mut m2, n * d) },
                bias_moments: Moments { first: split_off(&mut b1, n), second: split_off(&mut b2, n) },
                space,
            });
        }
        out
    }

    /// Sums over the lane's other classes.
    pub(super) fn sums(&self) -> &RowSums {
        &self.space.sums
    }

    /// Σ_j G_ij·w_j over the lane's classes, in panels.
    pub(super) fn dx(&self) -> &[f32] {
        &self.space.dx
    }

    fn blocks(&self) -> usize {
        self.classes.len().div_ceil(self.block)
    }

    /// Classes of a block, counted from the lane's first; none beyond the last block.
    fn range(&self, block: usize) -> Range<usize> {
        let n = self.classes.len();
        (block * self.block).min(n)..((block + 1) * self.block).min(n)
    }

    fn own(&self, rows: &Rows, range: &Range<usize>) -> Vec<(u32, u32)> {
        rows.own(self.classes.start + range.start..self.classes.start + range.end)
    }

    pub(super) fn pass_one(&mut self, shared: &Shared<'_>) {
        if self.angular {
            size(&mut self.space.inverse, self.classes.len());
        }
        for block in 0..self.blocks() {
            let next = self.range(block + 1);
            let d = shared.layout.dim;
            let ahead = Ahead::of(&self.weights[next.start * d..next.end * d], &[]);
            self.exponentials(shared, block, true, ahead);
        }
    }

    /// Computes a block's exponentials to where the second pass looks for them.
    fn exponentials(&mut self, shared: &Shared<'_>, block: usize, first: bool, mut ahead: Ahead) {
        let Shared { isa, batch, layout, packed, rows } = *shared;
        let range = self.range(block);
        let own = self.own(rows, &range);
        let (d, step, n) = (layout.dim, layout.row_step, range.len());
        let weights = &self.weights[range.start * d..range.end * d];
        let space = &mut *self.space;
        let z = if block < self.kept {
            &mut space.kept[range.start * step..range.end * step]
        } else {
            size(&mut space.block, n * step)
        };
        let affine = if self.angular {
            let inverse = &mut space.inverse[range.clone()];
            if first {
                isa.run(InverseNorms { weights, dim: d, out: inverse });
            }
            Affine::Angular(inverse)
        } else {
            Affine::Linear(self.bias.get(range.clone()).unwrap_or_default())
        };
        let a = Left { data: weights, row: d, step: 1 };
        let (b, panels, ahead) = (&packed.by_dim, &layout.dots, &mut ahead);
        Product { rows: n, depth: d, a, b, panels, c: z, c_row: step, add: false, ahead }.run(isa);
        isa.run(Exponentials {
            z,
            affine,
            scale: &rows.scale,
            own: &own,
            shift: &mut space.shifts[block * step..][..step],
            sums: first.then_some(&mut space.sums),
            smoothing: first && batch.smoothing > 0.0,
        });
    }

    pub(super) fn pass_two(&mut self, shared: &Shared<'_>, softmax: &Softmax, update: &Update) {
        for block in 0..self.blocks() {
            if block >= self.kept {
                self.exponentials(shared, block, false, Ahead::default());
            }
            self.gradients(shared, softmax, block);
            self.descend(shared, softmax, block, update);
        }
    }

    /// G of a block, and its part of dX.
    fn gradients(&mut self, shared: &Shared<'_>, softmax: &Softmax, block: usize) {
        let Shared { isa, layout, rows, .. } = *shared;
        let range = self.range(block);
        let own = self.own(rows, &range);
        let (d, step, n) = (layout.dim, layout.row_step, range.len());
        let LaneSpace { kept, block: recomputed, shifts, inverse, gradient, tail, dx, .. } = &mut *self.space;
        let e = if block < self.kept { &kept[range.start * step..range.end * step] } else { &recomputed[..n * step] };
        let g = size(gradient, n * step);
        isa.run(Gradient {
            e,
            g,
            shift: &shifts[block * step..][..step],
            lse: &softmax.lse,
            scale: &rows.scale,
            per_row: softmax.per_row as f32,
            other_share: softmax.other_share,
            inverse: if self.angular { &inverse[range.clone()] } else { &[] },
            own: &own,
            own_gradient: if self.angular { &[] } else { &softmax.own_gradient },
        });

        let moments = self.moments.part(range.start * d..range.end * d);
        let mut ahead = Ahead::of(moments.first, moments.second);
        let weights = &self.weights[range.start * d..range.end * d];
        let a = Left { data: &*g, row: 1, step };
        let (b, panels, c_row) = (weights, &layout.dx, layout.wide);
        Product { rows: layout.rows, depth: n, a, b, panels, c: dx, c_row, add: true, ahead: &mut ahead }.run(isa);
        if let Some(panel) = layout.dx_tail {
            layout.copy_tail(weights, tail);
            let (b, panels) = (&*tail, &[panel]);
            Product { rows: layout.rows, depth: n, a, b, panels, c: dx, c_row, add: true, ahead: &mut ahead }.run(isa);
        }
    }

    /// dW of a block, a few classes at a time, and their update.
    fn descend(&mut self, shared: &Shared<'_>, softmax: &Softmax, block: usize, update: &Update) {
        let Shared { isa, batch, layout, packed, rows } = *shared;
        let (range, next) = (self.range(block), self.range(block + 1));
        let (d, step, dw_step) = (layout.dim, layout.row_step, layout.dim_step);
        let next_kept = self.space.kept.get(next.start * step..next.end * step).unwrap_or_default();
        let mut ahead = Ahead::of(&self.weights[next.start * d..next.end * d], next_kept);
        let LaneSpace { inverse, gradient, dw, .. } = &mut *self.space;
        for first in range.clone().step_by(GROUP) {
            let group = first..(first + GROUP).min(range.end);
            let n = group.len();
            let g = &gradient[(first - range.start) * step..][..n * step];
            let dw = size(dw, n * dw_step);
            let a = Left { data: g, row: step, step: 1 };
            let (b, panels, ahead) = (&packed.by_row, &layout.dw, &mut ahead);
            let (rows_a, depth) = (n, layout.rows);
            Product { rows: rows_a, depth, a, b, panels, c: dw, c_row: dw_step, add: false, ahead }.run(isa);
            isa.run(Descend {
                dw,
                dw_step,
                dim: d,
                weights: &mut self.weights[first * d..group.end * d],
                moments: self.moments.part(first * d..group.end * d),
                inverse: if self.angular { &inverse[group.clone()] } else { &[] },
                own: &rows.own(self.classes.start + group.start..self.classes.start + group.end),
                dtheta: &softmax.dtheta_f32,
                toward_embedding: &rows.toward_embedding,
                limit: batch.max_gradient_norm,
                update,
            });
        }
        if !self.angular && !self.bias.is_empty() {
            let db: Vec<f32> =
                gradient[..range.len() * step].chunks_exact(step).map(|g| g[..layout.rows].iter().sum()).collect();
            // A bias shifts a logit and stretches nothing, so it does not decay.
            update.without_decay().apply(&mut self.bias[range.clone()], &db, &mut self.bias_moments.part(range));
        }
    }
}

/// The bias of a class, 0 without one.
pub(super) fn own_bias(lanes: &[Lane<'_>], class: usize) -> f64 {
    let lane = lanes.iter().find(|lane| lane.classes.contains(&class));
    let bias = lane.and_then(|lane| lane.bias.get(class - lane.classes.start));
    bias.copied().map_or(0.0, f64::from)
}

/// Runs `work` for every lane, in parallel where there is more than one.
pub(super) fn for_each<'a>(lanes: &mut [Lane<'a>], work: impl Fn(&mut Lane<'a>) + Sync + Send) {
    match lanes {
        [only] => work(only),
        many => many.par_iter_mut().with_max_len(1).for_each(work),
    }
}
