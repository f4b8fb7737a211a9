//! Memory of the head that outlives a step, so that a step allocates next to nothing.

use super::layout::Packed;

/// Buffers of the head. Holds nothing of meaning between steps: any workspace serves any batch.
#[derive(Debug, Default)]
pub struct Workspace {
    budget: Option<usize>,
    pub(super) packed: Packed,
    pub(super) lanes: Vec<LaneSpace>,
}

impl Workspace {
    /// A workspace in which the exponentials of the first pass take `bytes` at most, instead of
    /// 40 MB and 9 % of W and its velocity. What does not fit is computed twice, to the same bits.
    pub fn with_budget(bytes: usize) -> Self {
        Workspace { budget: Some(bytes), ..Workspace::default() }
    }

    /// Classes of a head of `classes` × `dim` whose exponentials for `rows` rows are kept.
    pub(super) fn kept_classes(&self, classes: usize, dim: usize, rows: usize) -> usize {
        let float = size_of::<f32>();
        let bytes = self.budget.unwrap_or(KEPT_BYTES + classes * dim * float / 1000 * KEPT_SHARE);
        (bytes / (rows.max(1) * float)).min(classes)
    }
}

/// A lane's own buffers.
#[derive(Debug, Default)]
pub(super) struct LaneSpace {
    /// Exponentials of the blocks that the second pass does not recompute, \[classes, rows\].
    pub(super) kept: Vec<f32>,
    /// Exponentials of a block that it does.
    pub(super) block: Vec<f32>,
    /// What was subtracted in the exponent, \[blocks, rows\].
    pub(super) shifts: Vec<f32>,
    /// 1/‖w‖ of the lane's classes; empty for linear logits.
    pub(super) inverse: Vec<f32>,
    /// Gᵀ of a block, \[classes, rows\].
    pub(super) gradient: Vec<f32>,
    /// Gradient of a few prototypes, \[classes, dimensions\].
    pub(super) dw: Vec<f32>,
    /// Last columns of a block's prototypes, where they fill no panel.
    pub(super) tail: Vec<f32>,
    /// Σ_j G_ij·w_j in panels of dimensions.
    pub(super) dx: Vec<f32>,
    pub(super) sums: RowSums,
}

/// Sums over the other classes of a lane, per row of the batch.
#[derive(Debug, Default)]
pub(super) struct RowSums {
    /// The largest logit.
    pub(super) max: Vec<f32>,
    /// Σ exp(z − max).
    pub(super) exp: Vec<f64>,
    /// Σ z·exp(z − max).
    pub(super) weighted: Vec<f64>,
    /// Σ z; zero without label smoothing, which alone needs it.
    pub(super) logit: Vec<f64>,
}

impl RowSums {
    /// Sums over nothing, for `rows` rows.
    pub(super) fn reset(&mut self, rows: usize) {
        self.max.clear();
        self.max.resize(rows, f32::NEG_INFINITY);
        for sums in [&mut self.exp, &mut self.weighted, &mut self.logit] {
            sums.clear();
            sums.resize(rows, 0.0);
        }
    }
}

/// Makes a buffer of `len` numbers of which every one will be written before it is read.
pub(super) fn size(buffer: &mut Vec<f32>, len: usize) -> &mut [f32] {
    if buffer.len() < len {
        buffer.clear();
        buffer.resize(len, 0.0);
    }
    &mut buffer[..len]
}

/// Bytes that kept exponentials may take: this and a share of the parameters' own bytes.
const KEPT_BYTES: usize = 40 << 20;
/// 9 % of W and as much of its velocity, in thousandths of W.
const KEPT_SHARE: usize = 180;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_stays_below_a_tenth_of_the_parameters_and_64_mb() {
        for (classes, dim, rows) in
            [(1000, 512, 128), (100_000, 512, 128), (1_000_000, 512, 128), (10_000_000, 64, 1024)]
        {
            let parameters = 2 * classes * dim * 4;
            assert!(Workspace::default().kept_classes(classes, dim, rows) * rows * 4 <= parameters / 10 + (64 << 20));
        }
        assert_eq!(Workspace::default().kept_classes(100_000, 512, 128), 100_000);
    }
}
