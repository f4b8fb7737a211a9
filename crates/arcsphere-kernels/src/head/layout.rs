//! Where the operands of the three products lie, and the batch packed for two of them.
//!
//! ```text
//! dots     [C, B] = W · X̂ᵀ     W as it is      X̂ᵀ packed in panels of rows of the batch
//! dX       [B, D] = G · W       Gᵀ as it is     W as it is, its last columns copied if D is odd
//! dW       [C, D] = Gᵀ · X̂     Gᵀ as it is     X̂ packed in panels of dimensions
//! ```
//!
//! The batch is packed once per step, the prototypes never.

use crate::isa::Isa;
use crate::product::{Panel, PanelVectors};

/// Sides and panels of the products of a step.
pub(super) struct Layout {
    /// B and D.
    pub(super) rows: usize,
    pub(super) dim: usize,
    /// B rounded up to whole vectors: the row of a block of logits, which has a row per class.
    pub(super) row_step: usize,
    /// D rounded up to whole panels.
    pub(super) dim_step: usize,
    /// Floats of a full panel.
    pub(super) wide: usize,
    /// Panels of the batch.
    pub(super) dots: Vec<Panel>,
    /// Panels of dimensions that lie whole in W, and the last one, which does not.
    pub(super) dx: Vec<Panel>,
    pub(super) dx_tail: Option<Panel>,
    /// Panels of dimensions in the packed batch.
    pub(super) dw: Vec<Panel>,
}

impl Layout {
    pub(super) fn new(isa: Isa, rows: usize, dim: usize) -> Self {
        let (lanes, vectors) = (isa.lanes(), isa.run(PanelVectors));
        let wide = lanes * vectors;
        let row_step = rows.next_multiple_of(lanes);
        let mut dots = Vec::new();
        let mut first = 0;
        while first < row_step {
            let left = (row_step - first) / lanes;
            let vectors = [vectors, 2, 1].into_iter().find(|&v| v <= left).unwrap_or(1);
            dots.push(Panel { vectors, b: first * dim, b_step: vectors * lanes, c: first });
            first += vectors * lanes;
        }
        let whole = dim / wide;
        let dx = (0..whole).map(|q| Panel { vectors, b: q * wide, b_step: dim, c: q * rows * wide }).collect();
        let tail = Panel { vectors, b: 0, b_step: wide, c: whole * rows * wide };
        let dw =
            (0..dim.div_ceil(wide)).map(|q| Panel { vectors, b: q * rows * wide, b_step: wide, c: q * wide }).collect();
        Layout {
            rows,
            dim,
            row_step,
            dim_step: dim.next_multiple_of(wide),
            wide,
            dots,
            dx,
            dx_tail: (!dim.is_multiple_of(wide)).then_some(tail),
            dw,
        }
    }

    /// Where row `i` of the batch has dimensions `q`·wide and on, in packed X̂ and in dX.
    pub(super) fn place(&self, q: usize, i: usize) -> usize {
        (q * self.rows + i) * self.wide
    }

    /// The columns of `weights` beyond the last whole panel, \[C, wide\] with zeros.
    pub(super) fn copy_tail(&self, weights: &[f32], tail: &mut Vec<f32>) {
        let first = self.dx.len() * self.wide;
        tail.clear();
        tail.resize(weights.len() / self.dim * self.wide, 0.0);
        for (to, w) in tail.chunks_exact_mut(self.wide).zip(weights.chunks_exact(self.dim)) {
            to[..self.dim - first].copy_from_slice(&w[first..]);
        }
    }
}

/// The batch in panels. Kept from step to step for its memory.
#[derive(Debug, Default)]
pub(super) struct Packed {
    /// X̂ᵀ: for each panel of the batch \[D, width\].
    pub(super) by_dim: Vec<f32>,
    /// X̂: for each panel of dimensions \[B, wide\].
    pub(super) by_row: Vec<f32>,
}

impl Packed {
    /// Packs `left` \[B, D\].
    pub(super) fn fill(&mut self, layout: &Layout, left: &[f32]) {
        let d = layout.dim;
        self.by_dim.clear();
        self.by_dim.resize(layout.row_step * d, 0.0);
        self.by_row.clear();
        self.by_row.resize(layout.rows * layout.dim_step, 0.0);
        for panel in &layout.dots {
            let width = panel.b_step;
            let rows = left[(panel.c * d).min(left.len())..].chunks_exact(d).take(width);
            let to = &mut self.by_dim[panel.b..][..width * d];
            let rows: Vec<&[f32]> = rows.collect();
            // Sixteen rows at a time write whole cache lines.
            for (block, rows) in rows.chunks(16).enumerate() {
                for (k, to) in to.chunks_exact_mut(width).enumerate() {
                    for (to, x) in to[16 * block..].iter_mut().zip(rows) {
                        *to = x[k];
                    }
                }
            }
        }
        for (i, x) in left.chunks_exact(d).enumerate() {
            for (q, x) in x.chunks(layout.wide).enumerate() {
                self.by_row[layout.place(q, i)..][..x.len()].copy_from_slice(x);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_of_the_batch_is_in_both_packings_and_the_rest_is_zero() {
        for isa in Isa::available() {
            for (b, d) in [(1, 2), (5, 33), (17, 64), (70, 130)] {
                let layout = Layout::new(isa, b, d);
                let x: Vec<f32> = (1..=b * d).map(|v| v as f32).collect();
                let mut packed = Packed::default();
                packed.fill(&layout, &x);
                let total: f64 = x.iter().map(|&v| f64::from(v)).sum();
                for packed in [&packed.by_dim, &packed.by_row] {
                    assert_eq!(packed.iter().map(|&v| f64::from(v)).sum::<f64>(), total, "{b} {d}");
                }
                for panel in &layout.dots {
                    for i in panel.c..(panel.c + panel.b_step).min(b) {
                        assert_eq!(packed.by_dim[panel.b + panel.b_step + i - panel.c], x[i * d + 1]);
                    }
                }
                assert_eq!(
                    packed.by_row[layout.place((d - 1) / layout.wide, b - 1) + (d - 1) % layout.wide],
                    x[b * d - 1]
                );
            }
        }
    }
}
