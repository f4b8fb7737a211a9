//! What a lane does with its blocks: the two passes of a softmax, the one of binary problems.

use std::ops::Range;

use super::descend::{Descend, Gradient};
use super::embedding::Pull;
use super::exponentials::{Affine, Exponentials};
use super::lane::{GROUP, Lane, Shared};
use super::logits::Form;
use super::negatives::Reweight;
use super::norms::{InverseNorms, Rescaled};
use super::one_vs_all::Pairs;
use super::similarity::Similarities;
use super::softmax::Softmax;
use super::standing::{Standing, ties};
use super::update::Update;
use super::workspace::{LaneSpace, size};
use crate::product::{Ahead, Left, Product};

/// Where the numbers of a block are made: where they are kept for the second pass, or where every
/// block of which nothing is kept has them.
fn home<'a>(
    kept: &'a mut [f32],
    again: &'a mut Vec<f32>,
    keep: bool,
    range: &Range<usize>,
    step: usize,
) -> &'a mut [f32] {
    if keep { &mut kept[range.start * step..range.end * step] } else { size(again, range.len() * step) }
}

impl Lane<'_> {
    /// The sums over the other classes.
    pub(super) fn pass_one(&mut self, shared: &Shared<'_>) {
        for block in 0..self.blocks() {
            self.exponentials(shared, block, true);
        }
    }

    /// Gradients and updates, by the rows' log-sum-exp over all lanes.
    pub(super) fn pass_two(&mut self, shared: &Shared<'_>, softmax: &Softmax, update: &Update) {
        for block in 0..self.blocks() {
            if block >= self.kept {
                self.exponentials(shared, block, false);
            }
            self.gradients(shared, softmax, block);
            self.add_to_dx(shared, block);
            self.descend(shared, &softmax.pull, block, update);
        }
    }

    /// Sums, gradients and updates at once.
    pub(super) fn only_pass(&mut self, shared: &Shared<'_>, pairs: &Pairs, update: &Update) {
        let (isa, step) = (shared.isa, shared.layout.row_step);
        for block in 0..self.blocks() {
            self.dots(shared, block, true);
            let range = self.range(block);
            let own = self.own(shared.rows, &range);
            let LaneSpace { block: z, gradient, inverse, sums, .. } = &mut *self.space;
            let (z, g) = (size(z, range.len() * step), size(gradient, range.len() * step));
            let inverse = &inverse[range];
            let affine = Affine::Angular(inverse);
            let centers = shared.batch.centers;
            Standing { dots: z, affine, scale: &shared.rows.scale, centers }.note(&own, sums);
            isa.run(Similarities { z, rows: step, affine, centers, own: &own });
            isa.run(pairs.others(z, g, inverse, sums));
            self.settle_ties(shared, block, &own);
            self.add_to_dx(shared, block);
            self.descend(shared, &pairs.pull, block, update);
        }
    }

    /// A block's dots, and the first time the norms of its prototypes.
    fn dots(&mut self, shared: &Shared<'_>, block: usize, first: bool) {
        let Shared { isa, layout, packed, .. } = *shared;
        let (range, next) = (self.range(block), self.range(block + 1));
        let (d, step, n) = (layout.dim, layout.row_step, range.len());
        let weights = &self.weights[range.start * d..range.end * d];
        let next = if first { &self.weights[next.start * d..next.end * d] } else { &[] };
        let LaneSpace { kept, block: again, inverse, rescaled, copy, .. } = &mut *self.space;
        if first && self.angular {
            let out = &mut inverse[range.clone()];
            isa.run(InverseNorms { weights, dim: d, out });
            Rescaled::find(weights, d, range.start, out, rescaled);
        }
        let weights = Rescaled::apply(Rescaled::among(rescaled, &range), weights, d, range.start, copy);
        let c = home(kept, again, block < self.kept, &range, step);
        let a = Left { data: weights, row: d, step: 1 };
        let (b, panels, ahead) = (&packed.by_dim, &layout.dots, &mut Ahead::of(next, &[]));
        Product { rows: n, depth: d, a, b, panels, c, c_row: step, add: false, ahead }.run(isa);
    }

    /// Where an own class has an equal in the block, which of them comes first: from the block's dots, made anew.
    fn settle_ties(&mut self, shared: &Shared<'_>, block: usize, own: &[(u32, u32)]) {
        let tied = ties(own, &self.space.sums);
        if tied.is_empty() {
            return;
        }
        let Shared { isa, batch, layout, packed, rows, .. } = *shared;
        let range = self.range(block);
        let (d, step) = (layout.dim, layout.row_step);
        let bias = self.bias.get(self.classes(&range)).unwrap_or_default();
        let weights = &self.weights[range.start * d..range.end * d];
        let LaneSpace { inverse, rescaled, copy, sums, .. } = &mut *self.space;
        let weights = Rescaled::apply(Rescaled::among(rescaled, &range), weights, d, range.start, copy);
        let mut dots = vec![0.0; range.len() * step];
        let a = Left { data: weights, row: d, step: 1 };
        let (b, panels, c, ahead) = (&packed.by_dim, &layout.dots, &mut dots, &mut Ahead::default());
        Product { rows: range.len(), depth: d, a, b, panels, c, c_row: step, add: false, ahead }.run(isa);
        let affine = if self.angular { Affine::Angular(&inverse[range]) } else { Affine::Linear(bias) };
        Standing { dots: &dots, affine, scale: &rows.scale, centers: batch.centers }.settle(&tied, sums);
    }

    /// A block's exponentials, and the first time their sums.
    fn exponentials(&mut self, shared: &Shared<'_>, block: usize, first: bool) {
        self.dots(shared, block, first);
        let Shared { isa, batch, layout, rows, .. } = *shared;
        let range = self.range(block);
        let own = self.own(rows, &range);
        let step = layout.row_step;
        let bias = self.bias.get(self.classes(&range)).unwrap_or_default();
        let LaneSpace { kept, block: again, shifts, inverse, slope, sums, .. } = &mut *self.space;
        let z = home(kept, again, block < self.kept, &range, step);
        let mut affine = if self.angular { Affine::Angular(&inverse[range]) } else { Affine::Linear(bias) };
        if first {
            Standing { dots: z, affine, scale: &rows.scale, centers: batch.centers }.note(&own, sums);
        }
        if rows.form.is_reweighted() || batch.centers > 1 {
            isa.run(Similarities { z, rows: step, affine, centers: batch.centers, own: &own });
            if let Form::Angular(rule) = rows.form {
                let (slope, plain) = if rows.form.is_reweighted() {
                    (size(slope, z.len()), first.then_some(&mut *sums.plain))
                } else {
                    Default::default()
                };
                isa.run(Reweight { z, rule, scale: &rows.scale, threshold: &rows.threshold, slope, plain });
            }
            affine = Affine::Ready;
        }
        isa.run(Exponentials {
            z,
            affine,
            scale: &rows.scale,
            own: &own,
            shift: &mut shifts[block * step..][..step],
            sums: first.then_some(sums),
            smoothing: first && batch.smoothing > 0.0,
        });
        if first {
            self.settle_ties(shared, block, &own);
        }
    }

    /// G of a block.
    fn gradients(&mut self, shared: &Shared<'_>, softmax: &Softmax, block: usize) {
        let Shared { isa, layout, rows, .. } = *shared;
        let range = self.range(block);
        let own = self.own(rows, &range);
        let step = layout.row_step;
        let LaneSpace { kept, block: again, shifts, inverse, gradient, slope, .. } = &mut *self.space;
        let e = &*home(kept, again, block < self.kept, &range, step);
        isa.run(Gradient {
            e,
            g: size(gradient, e.len()),
            shift: &shifts[block * step..][..step],
            lse: &softmax.lse,
            scale: &rows.scale,
            per_row: softmax.per_row as f32,
            other_share: softmax.other_share,
            inverse: if self.angular { &inverse[range] } else { &[] },
            slope: if rows.form.is_reweighted() { &slope[..e.len()] } else { &[] },
            own: &own,
            own_gradient: if self.angular { &[] } else { &softmax.own_gradient },
        });
    }

    /// A block's part of dX.
    fn add_to_dx(&mut self, shared: &Shared<'_>, block: usize) {
        let Shared { isa, layout, .. } = *shared;
        let range = self.range(block);
        let (d, step, n) = (layout.dim, layout.row_step, range.len());
        let moments = self.moments.part(range.start * d..range.end * d);
        let mut ahead = Ahead::of(moments.first, moments.second);
        let weights = &self.weights[range.start * d..range.end * d];
        let LaneSpace { gradient, tail, dx, rescaled, copy, .. } = &mut *self.space;
        let weights = Rescaled::apply(Rescaled::among(rescaled, &range), weights, d, range.start, copy);
        let a = Left { data: &gradient[..n * step], row: 1, step };
        let (b, panels, c_row) = (weights, &layout.dx, layout.wide);
        Product { rows: layout.rows, depth: n, a, b, panels, c: dx, c_row, add: true, ahead: &mut ahead }.run(isa);
        if let Some(panel) = layout.dx_tail {
            layout.copy_tail(weights, tail);
            let (b, panels) = (&*tail, &[panel]);
            Product { rows: layout.rows, depth: n, a, b, panels, c: dx, c_row, add: true, ahead: &mut ahead }.run(isa);
        }
    }

    /// dW of a block, a few prototypes at a time, and their update.
    fn descend(&mut self, shared: &Shared<'_>, pull: &Pull, block: usize, update: &Update) {
        let Shared { isa, batch, layout, packed, rows, .. } = *shared;
        let (range, next) = (self.range(block), self.range(block + 1));
        let (d, step, dw_step) = (layout.dim, layout.row_step, layout.dim_step);
        let next_kept = self.space.kept.get(next.start * step..next.end * step).unwrap_or_default();
        let mut ahead = Ahead::of(&self.weights[next.start * d..next.end * d], next_kept);
        let LaneSpace { inverse, gradient, dw, rescaled, .. } = &mut *self.space;
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
                rescaled: Rescaled::among(rescaled, &group),
                first,
                own: &rows.own(self.prototypes.start + group.start..self.prototypes.start + group.end),
                dtheta: &pull.dtheta_f32,
                toward_embedding: &rows.toward_embedding,
                extra: self.extra.get(first * d..group.end * d).unwrap_or_default(),
                limit: batch.max_gradient_norm,
                update,
            });
        }
        if !self.angular && !self.bias.is_empty() {
            let sum = |g: &[f32]| g[..layout.rows].iter().sum::<f32>();
            let of_class = |g: &[f32]| g.chunks_exact(step).map(sum).sum();
            let g = gradient[..range.len() * step].chunks_exact(batch.centers * step);
            let (db, classes) = (g.map(of_class).collect::<Vec<_>>(), self.classes(&range));
            let moments = &mut self.bias_moments.part(classes.clone());
            shared.bias_update.apply(&mut self.bias[classes], &db, moments);
        }
    }
}
