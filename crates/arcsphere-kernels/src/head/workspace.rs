//! Memory of the head that outlives a step, so that a step allocates next to nothing.

use super::layout::Packed;
use super::norms::Rescaled;

/// Buffers of the head, by default empty. Holds nothing of meaning between steps: any workspace serves any
/// batch. In it the exponentials of the first pass take 40 MB and 9 % of W and its velocity; what does
/// not fit is computed twice, to the same bits.
#[derive(Debug, Default)]
pub struct Workspace {
    budget: Option<usize>,
    pub(super) packed: Packed,
    pub(super) lanes: Vec<LaneSpace>,
}

impl Workspace {
    /// A workspace in which the exponentials of the first pass take `bytes` at most.
    #[cfg(test)]
    pub(super) fn with_budget(bytes: usize) -> Self {
        Workspace { budget: Some(bytes), ..Workspace::default() }
    }

    /// Prototypes of a head of `prototypes` × `dim` whose exponentials for `rows` rows are kept.
    pub(super) fn kept_prototypes(&self, prototypes: usize, dim: usize, rows: usize) -> usize {
        let float = size_of::<f32>();
        let bytes = self.budget.unwrap_or(KEPT_BYTES + prototypes * dim * float / 1000 * KEPT_SHARE);
        (bytes / (rows.max(1) * float)).min(prototypes)
    }
}

/// A lane's own buffers.
#[derive(Debug, Default)]
pub(super) struct LaneSpace {
    /// Exponentials of the blocks that the second pass does not recompute, \[prototypes, rows\].
    pub(super) kept: Vec<f32>,
    /// Exponentials of a block that it does.
    pub(super) block: Vec<f32>,
    /// What was subtracted in the exponent, \[blocks, rows\].
    pub(super) shifts: Vec<f32>,
    /// 1/‖w‖ of the lane's prototypes; not read for linear logits.
    pub(super) inverse: Vec<f32>,
    /// Prototypes that enter the products as copies, sorted; and a block in which they do.
    pub(super) rescaled: Vec<Rescaled>,
    pub(super) copy: Vec<f32>,
    /// Derivatives of a block's logits by the cosine over the scale, where they are not 1.
    pub(super) slope: Vec<f32>,
    /// Gᵀ of a block, \[prototypes, rows\].
    pub(super) gradient: Vec<f32>,
    /// Gradient of a few prototypes, \[prototypes, dimensions\].
    pub(super) dw: Vec<f32>,
    /// Last columns of a block's prototypes, where they fill no panel.
    pub(super) tail: Vec<f32>,
    /// Σ_j G_ij·w_j in panels of dimensions.
    pub(super) dx: Vec<f32>,
    pub(super) sums: RowSums,
}

/// Stands for a logit that is not among the others: the own class's, or that of a prototype which
/// is not its class's nearest. Its exponential is 0, and so is its product with it, which −∞
/// would make NaN.
pub(super) const OUT: f32 = -f32::MAX;

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
    /// Where logits are not s·cos or w·x + b: the largest of these. Else empty, as `max` is it.
    pub(super) plain: Vec<f32>,
    /// The plain logit of the own class, where it is one of the lane's, and the largest of the lane's
    /// classes before it.
    pub(super) own: Vec<Option<f32>>,
    pub(super) before: Vec<f32>,
    /// Σ log(1 + e^z) and Σ 1/(1 + e^−z), where every class is a binary problem.
    pub(super) softplus: Vec<f64>,
    pub(super) sigmoid: Vec<f64>,
}

impl RowSums {
    /// Sums over nothing, for `rows` rows; with `plain` if logits are re-weighted.
    pub(super) fn reset(&mut self, rows: usize, reweighted: bool) {
        self.own.clear();
        self.own.resize(rows, None);
        let plain = if reweighted { rows } else { 0 };
        for (sums, rows) in [(&mut self.max, rows), (&mut self.before, rows), (&mut self.plain, plain)] {
            sums.clear();
            sums.resize(rows, f32::NEG_INFINITY);
        }
        for sums in [&mut self.exp, &mut self.weighted, &mut self.logit, &mut self.softplus, &mut self.sigmoid] {
            sums.clear();
            sums.resize(rows, 0.0);
        }
    }

    /// Makes room for logits of row `i` up to `max`, [`OUT`] for none, and returns what is to be
    /// subtracted from them.
    #[inline(always)]
    pub(super) fn raise(&mut self, i: usize, max: f32) -> f32 {
        if max > self.max[i] && max > OUT {
            let factor = f64::from(self.max[i] - max).exp();
            self.exp[i] *= factor;
            self.weighted[i] *= factor;
            self.max[i] = max;
        }
        if self.max[i] == f32::NEG_INFINITY { 0.0 } else { self.max[i] }
    }

    /// The largest s·cos or w·x + b of row `i`.
    pub(super) fn largest(&self, i: usize) -> f32 {
        self.plain.get(i).copied().unwrap_or(self.max[i])
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
            assert!(
                Workspace::default().kept_prototypes(classes, dim, rows) * rows * 4 <= parameters / 10 + (64 << 20)
            );
        }
        assert_eq!(Workspace::default().kept_prototypes(100_000, 512, 128), 100_000);
    }
}
