//! Matrix products: register tiles over operands where they lie.
//!
//! C\[m, n\] ← (C +) Σ_k A\[m, k\]·B\[k, n\]. The vectors run along n, in panels of a few registers;
//! A is only broadcast from, so it may have any two strides and is never packed.

// Loops over constant ranges are the register tile: they unroll and `acc` becomes registers.
#![allow(clippy::needless_range_loop)]

pub(crate) use crate::ahead::Ahead;
use crate::ahead::Lines;
use crate::isa::{Isa, Kernel, Simd};

/// A run of columns of B and of C.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Panel {
    /// Its width in vectors: 1, 2 or 4.
    pub(crate) vectors: usize,
    /// Where its first row starts in B, and from one row to the next.
    pub(crate) b: usize,
    pub(crate) b_step: usize,
    /// Where its first row starts in C.
    pub(crate) c: usize,
}

/// The left operand: A\[m, k\] = `data[m·row + k·step]`.
#[derive(Clone, Copy)]
pub(crate) struct Left<'a> {
    pub(crate) data: &'a [f32],
    pub(crate) row: usize,
    pub(crate) step: usize,
}

/// One product.
pub(crate) struct Product<'a> {
    /// Rows of A and C.
    pub(crate) rows: usize,
    /// Columns of A, rows of B.
    pub(crate) depth: usize,
    pub(crate) a: Left<'a>,
    pub(crate) b: &'a [f32],
    pub(crate) panels: &'a [Panel],
    pub(crate) c: &'a mut [f32],
    /// From one row of C to the next.
    pub(crate) c_row: usize,
    /// Whether C is added to or overwritten.
    pub(crate) add: bool,
    /// What to bring to the cache meanwhile.
    pub(crate) ahead: &'a mut Ahead,
}

impl Product<'_> {
    /// Computes it, panel after panel.
    ///
    /// # Panics
    ///
    /// If an operand is shorter than its strides ask for.
    pub(crate) fn run(self, isa: Isa) {
        if self.rows == 0 || self.depth == 0 {
            assert!(self.add || self.rows == 0, "a product over nothing does not overwrite");
            return;
        }
        let last = (self.rows - 1) * self.a.row + (self.depth - 1) * self.a.step;
        assert!(last < self.a.data.len(), "A is too short");
        for panel in self.panels {
            let width = panel.vectors * isa.lanes();
            assert!(panel.b + (self.depth - 1) * panel.b_step + width <= self.b.len(), "B is too short");
            assert!(panel.c + (self.rows - 1) * self.c_row + width <= self.c.len(), "C is too short");
        }
        isa.run(self);
    }
}

impl Kernel for Product<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let tall = tile_rows::<S>();
        // Tiles of nearly one height: a low last tile would starve the multipliers.
        let tiles = self.rows.div_ceil(tall);
        for panel in self.panels {
            for t in 0..tiles {
                let (first, end) = (t * self.rows / tiles, (t + 1) * self.rows / tiles);
                let lines = self.ahead.take(self.depth);
                // SAFETY: `Product::run` checked that all rows of all panels lie in the operands.
                unsafe {
                    let tile = Tile {
                        a: self.a.data.as_ptr().add(first * self.a.row),
                        a_row: self.a.row,
                        a_step: self.a.step,
                        b: self.b.as_ptr().add(panel.b),
                        b_step: panel.b_step,
                        c: self.c.as_mut_ptr().add(panel.c + first * self.c_row),
                        c_row: self.c_row,
                        depth: self.depth,
                        add: self.add,
                    };
                    match panel.vectors {
                        4 => tile.of_height::<S, 4>(simd, end - first, lines),
                        2 => tile.of_height::<S, 2>(simd, end - first, lines),
                        _ => tile.of_height::<S, 1>(simd, end - first, lines),
                    }
                }
            }
        }
    }
}

/// Vectors in a full panel: four where the registers hold enough rows of them.
pub(crate) struct PanelVectors;

impl Kernel for PanelVectors {
    type Output = usize;

    #[inline(always)]
    fn run<S: Simd>(self, _: S) -> usize {
        if S::ROWS_4 >= 6 { 4 } else { 2 }
    }
}

/// Rows of a tile with a full panel, at most 6.
#[inline(always)]
fn tile_rows<S: Simd>() -> usize {
    if S::ROWS_4 >= 6 { S::ROWS_4.min(6) } else { S::ROWS_2.min(6) }
}

#[derive(Clone, Copy)]
struct Tile {
    a: *const f32,
    a_row: usize,
    a_step: usize,
    b: *const f32,
    b_step: usize,
    c: *mut f32,
    c_row: usize,
    depth: usize,
    add: bool,
}

impl Tile {
    /// # Safety
    ///
    /// As for [`Tile::compute`], with `rows` rows.
    #[inline(always)]
    unsafe fn of_height<S: Simd, const N: usize>(self, simd: S, rows: usize, lines: Lines) {
        // SAFETY: the caller's contract.
        unsafe {
            match rows {
                1 => self.compute::<S, 1, N>(simd, lines),
                2 => self.compute::<S, 2, N>(simd, lines),
                3 => self.compute::<S, 3, N>(simd, lines),
                4 => self.compute::<S, 4, N>(simd, lines),
                5 => self.compute::<S, 5, N>(simd, lines),
                _ => self.compute::<S, 6, N>(simd, lines),
            }
        }
    }

    /// R × N vectors of C.
    ///
    /// # Safety
    ///
    /// R rows of A with `depth` values, `depth` rows of B and R rows of C with N vectors must lie
    /// in their allocations.
    #[inline(always)]
    unsafe fn compute<S: Simd, const R: usize, const N: usize>(self, simd: S, lines: Lines) {
        // SAFETY: every access is inside what the caller vouches for.
        unsafe {
            let mut acc = [[simd.zero(); N]; R];
            let mut rows = [self.a; R];
            for r in 0..R {
                rows[r] = self.a.add(r * self.a_row);
            }
            let mut b = self.b;
            let mut at = 0;
            for k in 0..self.depth {
                lines.fetch(k);
                step(simd, &mut acc, &rows, at, b);
                at += self.a_step;
                b = b.wrapping_add(self.b_step);
            }
            for r in 0..R {
                for n in 0..N {
                    let c = self.c.add(r * self.c_row + n * S::LANES);
                    simd.store_ptr(c, if self.add { simd.add(acc[r][n], simd.load_ptr(c)) } else { acc[r][n] });
                }
            }
        }
    }
}

/// acc += A\[·, k\]·B\[k, ·\].
///
/// # Safety
///
/// As for [`Tile::compute`], for one k.
#[inline(always)]
unsafe fn step<S: Simd, const R: usize, const N: usize>(
    simd: S,
    acc: &mut [[S::V; N]; R],
    rows: &[*const f32; R],
    at: usize,
    b: *const f32,
) {
    // SAFETY: the caller's contract.
    unsafe {
        let mut columns = [simd.zero(); N];
        for n in 0..N {
            columns[n] = simd.load_ptr(b.add(n * S::LANES));
        }
        for r in 0..R {
            let value = simd.splat(*rows[r].add(at));
            for n in 0..N {
                acc[r][n] = simd.mul_add(value, columns[n], acc[r][n]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    /// Tolerance: 1e-6·k in absolute terms for entries in [−1, 1].
    #[test]
    fn agrees_with_the_oracle_for_all_heights_strides_and_instruction_sets() {
        let mut rng = ChaCha8Rng::seed_from_u64(4);
        for isa in Isa::available() {
            for (rows, depth, vectors) in [(1, 1, 1), (6, 5, 2), (7, 4, 4), (8, 9, 4), (20, 33, 1), (27, 64, 4)] {
                let width = vectors * isa.lanes();
                for transposed in [false, true] {
                    let mut draw = |n: usize| (0..n).map(|_| rng.random_range(-1.0f32..1.0)).collect::<Vec<_>>();
                    let (a, b) = (draw(rows * depth), draw(2 * width * depth));
                    let (row, step) = if transposed { (1, rows) } else { (depth, 1) };
                    let panels = [0, 1].map(|p| Panel { vectors, b: p * width, b_step: 2 * width, c: p * width });
                    let mut c = vec![f32::NAN; rows * 2 * width];
                    for add in [false, true] {
                        let mut ahead = Ahead::default();
                        let a = Left { data: &a, row, step };
                        let (panels, c, ahead) = (&panels, &mut c, &mut ahead);
                        Product { rows, depth, a, b: &b, panels, c, c_row: 2 * width, add, ahead }.run(isa);
                        for i in 0..rows {
                            for j in 0..2 * width {
                                let term = |k: usize| f64::from(a.data[i * row + k * step] * b[k * 2 * width + j]);
                                let want = (0..depth).map(term).sum::<f64>() * if add { 2.0 } else { 1.0 };
                                let got = f64::from(c[i * 2 * width + j]);
                                assert!((got - want).abs() <= 1e-6 * depth as f64, "{} {got} {want}", isa.name());
                            }
                        }
                    }
                }
            }
        }
    }
}
