//! Row-major f32 matrix products on slices: the head's register tiles with one operand packed.

use crate::isa::Isa;
use crate::product::{Ahead, Left, Panel, PanelVectors, Product};

/// Columns that are packed at once, and rows that meet them: what lies in the second-level cache.
const COLUMNS: usize = 512;
const ROWS: usize = 96;

/// Terms that are summed in a register; longer sums are cut into equal parts.
const DEPTH: usize = 512;

/// Rows of C below which packing all of B costs more than turning C round.
const FEW_ROWS: usize = 64;

/// How a matrix stored row-major enters a product.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// As it is stored.
    Plain,
    /// Transposed.
    Transposed,
}

/// `C ← A·B + β·C` with A \[m, k\], B \[k, n\] and C \[m, n\], all row-major and dense.
///
/// `op_a`, `op_b` say whether `a` and `b` hold the operand or its transpose. With
/// `beta` = 0 the old contents of `c` are not read, so they may be anything. Runs
/// on the calling thread: callers parallelize over blocks, in an order that they fix. The bits depend on the
/// CPU's instruction set, not on threads: each sum runs in the order of k, in parts of at most 512 terms,
/// whatever m and n are.
///
/// ```
/// use arcsphere_kernels::gemm::{Op, sgemm};
///
/// // A·Bᵀ: the dots of two rows with three.
/// let (a, b) = ([1.0, 2.0, 3.0, 4.0], [1.0, 0.0, 0.0, 1.0, 1.0, 1.0]);
/// let mut c = [0.0; 6];
/// sgemm(2, 3, 2, &a, Op::Plain, &b, Op::Transposed, 0.0, &mut c);
/// assert_eq!(c, [1.0, 2.0, 3.0, 3.0, 4.0, 7.0]);
/// ```
///
/// # Panics
///
/// If a slice's length is not the product of its matrix's sides.
///
/// ```
/// use arcsphere_kernels::gemm::{Op, sgemm};
///
/// let (a, b) = ([1.0, 2.0], [3.0, 4.0, 5.0, 6.0]);
/// let mut c = [0.0; 2];
/// sgemm(1, 2, 2, &a, Op::Plain, &b, Op::Transposed, 0.0, &mut c);
/// assert_eq!(c, [11.0, 17.0]);
/// ```
pub fn sgemm(m: usize, n: usize, k: usize, a: &[f32], op_a: Op, b: &[f32], op_b: Op, beta: f32, c: &mut [f32]) {
    assert_eq!(a.len(), m * k, "A must hold m·k numbers");
    assert_eq!(b.len(), k * n, "B must hold k·n numbers");
    assert_eq!(c.len(), m * n, "C must hold m·n numbers");
    if m == 0 || n == 0 {
        return;
    }
    // Where C is kept or scaled, and where its values go.
    let put = |c: &mut f32, value: f32| *c = if beta == 0.0 { value } else { value + beta * *c };
    if k == 0 {
        c.iter_mut().for_each(|c| put(c, 0.0));
        return;
    }
    let left = Strided::of(a, m, k, op_a);
    let right = Strided::of(b, k, n, op_b);
    if m < FEW_ROWS && m < n {
        multiply(right.transposed(), left.transposed(), |first, column, tile, width| {
            for (i, row) in tile.chunks_exact(width).enumerate() {
                for (j, &value) in row[..width.min(m - column)].iter().enumerate() {
                    put(&mut c[(column + j) * n + first + i], value);
                }
            }
        });
    } else {
        multiply(left, right, |first, column, tile, width| {
            let end = n.min(column + width);
            for (i, row) in tile.chunks_exact(width).enumerate() {
                let c = &mut c[(first + i) * n..][column..end];
                c.iter_mut().zip(row).for_each(|(c, &value)| put(c, value));
            }
        });
    }
}

/// A matrix anywhere in a slice: (i, j) is `data[i·row + j·column]`.
#[derive(Clone, Copy)]
struct Strided<'a> {
    data: &'a [f32],
    rows: usize,
    columns: usize,
    row: usize,
    column: usize,
}

impl<'a> Strided<'a> {
    /// The operand \[rows, columns\] that `data` holds.
    fn of(data: &'a [f32], rows: usize, columns: usize, op: Op) -> Self {
        let (row, column) = match op {
            Op::Plain => (columns, 1),
            Op::Transposed => (1, rows),
        };
        Strided { data, rows, columns, row, column }
    }

    fn transposed(self) -> Self {
        Strided { data: self.data, rows: self.columns, columns: self.rows, row: self.column, column: self.row }
    }

    /// Columns from `first` on in panels, each of which holds its rows one after another. Columns
    /// past the last are 0.
    fn pack(&self, first: usize, panels: &[Panel], packed: &mut [f32]) {
        for panel in panels {
            let start = first + panel.c;
            let count = panel.b_step.min(self.columns - start);
            let packed = &mut packed[panel.b..][..self.rows * panel.b_step];
            if self.column == 1 {
                for (i, to) in packed.chunks_exact_mut(panel.b_step).enumerate() {
                    to[..count].copy_from_slice(&self.data[i * self.row + start..][..count]);
                    to[count..].fill(0.0);
                }
            } else {
                for j in 0..panel.b_step {
                    let to = packed[j..].iter_mut().step_by(panel.b_step);
                    if j < count {
                        let from = self.data[(start + j) * self.column..].iter().step_by(self.row);
                        to.zip(from).for_each(|(to, from)| *to = *from);
                    } else {
                        to.for_each(|to| *to = 0.0);
                    }
                }
            }
        }
    }
}

/// left · right, tile by tile: `take(first row, first column, values, values per row)`. A tile may
/// be wider than what is left of the product.
fn multiply(left: Strided<'_>, right: Strided<'_>, mut take: impl FnMut(usize, usize, &[f32], usize)) {
    let isa = Isa::best();
    let depth = left.columns;
    let part = depth.div_ceil(depth.div_ceil(DEPTH));
    let widest = right.columns.min(COLUMNS).next_multiple_of(isa.lanes());
    let mut packed = vec![0.0; depth * widest];
    let mut tile = vec![0.0; left.rows.min(ROWS) * widest];
    for column in (0..right.columns).step_by(COLUMNS) {
        let panels = panels(isa, (right.columns - column).min(COLUMNS), depth);
        let width = panels.iter().map(|p| p.b_step).sum();
        right.pack(column, &panels, &mut packed);
        for first in (0..left.rows).step_by(ROWS) {
            let rows = (left.rows - first).min(ROWS);
            let tile = &mut tile[..rows * width];
            for k in (0..depth).step_by(part) {
                let panels: Vec<Panel> = panels.iter().map(|p| Panel { b: p.b + k * p.b_step, ..*p }).collect();
                let data = &left.data[first * left.row + k * left.column..];
                Product {
                    rows,
                    depth: part.min(depth - k),
                    a: Left { data, row: left.row, step: left.column },
                    b: &packed,
                    panels: &panels,
                    c: tile,
                    c_row: width,
                    add: k > 0,
                    ahead: &mut Ahead::default(),
                }
                .run(isa);
            }
            take(first, column, tile, width);
        }
    }
}

/// Panels for `columns` columns, each packed behind the one before.
fn panels(isa: Isa, columns: usize, depth: usize) -> Vec<Panel> {
    let (lanes, full) = (isa.lanes(), isa.run(PanelVectors));
    let width = columns.next_multiple_of(lanes);
    let mut panels = Vec::new();
    let mut first = 0;
    while first < width {
        let left = (width - first) / lanes;
        let vectors = [full, 2, 1].into_iter().find(|&v| v <= left).unwrap_or(1);
        panels.push(Panel { vectors, b: first * depth, b_step: vectors * lanes, c: first });
        first += vectors * lanes;
    }
    panels
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    fn oracle(
        m: usize,
        n: usize,
        k: usize,
        a: &[f32],
        op_a: Op,
        b: &[f32],
        op_b: Op,
        beta: f32,
        c: &[f32],
    ) -> Vec<f64> {
        let at = |i: usize, l: usize| if op_a == Op::Plain { a[i * k + l] } else { a[l * m + i] };
        let bt = |l: usize, j: usize| if op_b == Op::Plain { b[l * n + j] } else { b[j * k + l] };
        let mut out = vec![0.0; m * n];
        for i in 0..m {
            for j in 0..n {
                let dot: f64 = (0..k).map(|l| f64::from(at(i, l)) * f64::from(bt(l, j))).sum();
                out[i * n + j] = dot + f64::from(beta) * f64::from(c[i * n + j]);
            }
        }
        out
    }

    /// Tolerance: 1e-6·k in absolute terms for entries in [−1, 1].
    #[test]
    fn agrees_with_the_oracle_on_awkward_shapes() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        for &(m, n, k) in
            &[(1, 1, 1), (1, 7, 3), (13, 17, 31), (33, 5, 64), (128, 10, 2), (2, 129, 65), (100, 530, 3), (3, 2, 1100)]
        {
            for op_a in [Op::Plain, Op::Transposed] {
                for op_b in [Op::Plain, Op::Transposed] {
                    for beta in [0.0, 1.0] {
                        let mut draw =
                            |len: usize| (0..len).map(|_| rng.random_range(-1.0f32..1.0)).collect::<Vec<_>>();
                        let (a, b, mut c) = (draw(m * k), draw(k * n), draw(m * n));
                        let want = oracle(m, n, k, &a, op_a, &b, op_b, beta, &c);
                        if beta == 0.0 {
                            c.fill(f32::NAN);
                        }
                        sgemm(m, n, k, &a, op_a, &b, op_b, beta, &mut c);
                        for (got, want) in c.iter().zip(&want) {
                            assert!((f64::from(*got) - want).abs() <= 1e-6 * k as f64, "{m}x{n}x{k}: {got} for {want}");
                        }
                    }
                }
            }
        }
    }
}
