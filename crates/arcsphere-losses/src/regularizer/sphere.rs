//! Prototypes on the sphere, a block of rows against many at a time.
//!
//! ```text
//! block     cosines = Ŵ_block·Ŵᵀ  →  f, forces  →  forces·Ŵ  →  tangent, divided by ‖w‖
//! near      pairs that f32's cosines cannot tell apart: from ŵ_i − ŵ_j in f64
//! ```

use super::potential::{NEAR, Potential};
use arcsphere_kernels::gemm::{Op, sgemm};
use arcsphere_kernels::head::NORM_FLOOR;
use rayon::prelude::*;

/// Distances count as at least this.
pub(super) const FLOOR: f64 = 1e-2;

/// Rows that are multiplied with all the others together. Fixes the bits of the result,
/// so it is not the number of threads.
const BLOCK: usize = 64;

/// Prototypes on the sphere.
pub(super) struct Sphere<'a> {
    weights: &'a [f32],
    dim: usize,
    norms: Vec<f64>,
    potential: Potential,
    half_space: bool,
}

impl<'a> Sphere<'a> {
    pub(super) fn new(weights: &'a [f32], dim: usize, potential: Potential, half_space: bool) -> Self {
        let norm = |w: &[f32]| w.iter().map(|&v| f64::from(v) * f64::from(v)).sum::<f64>().sqrt();
        let norms = weights.chunks_exact(dim).map(norm).collect();
        Sphere { weights, dim, norms, potential, half_space }
    }

    pub(super) fn has_direction(&self, i: u32) -> bool {
        self.norms[i as usize] >= NORM_FLOOR
    }

    /// One over the number of ordered pairs from `rows` prototypes to all other points; 0 for none.
    pub(super) fn share(&self, rows: usize, classes: usize) -> f64 {
        let partners = if self.half_space { 2 * classes } else { classes }.saturating_sub(1);
        let pairs = rows as f64 * partners as f64;
        if classes < 2 || pairs == 0.0 { 0.0 } else { 1.0 / pairs }
    }

    /// ŵ_i, for a prototype with a direction.
    fn unit(&self, i: u32) -> impl Iterator<Item = f64> {
        let shrink = 1.0 / self.norms[i as usize];
        self.weights[i as usize * self.dim..][..self.dim].iter().map(move |&v| shrink * f64::from(v))
    }

    /// The rows ŵ_i, in f32.
    fn gather(&self, indices: &[u32]) -> Vec<f32> {
        indices.iter().flat_map(|&i| self.unit(i)).map(|v| v as f32).collect()
    }

    /// Σ f over the pairs from `rows` to `partners`; adds `factor` times the gradient for
    /// the rows, not that for their partners.
    pub(super) fn pass(&self, rows: &[u32], partners: &[u32], factor: f64, gradient: &mut [f32]) -> f64 {
        // Blocks that wait for their gradient to be added, at most.
        const WAVE: usize = 64;
        let matrix = self.gather(partners);
        let mut energy = 0.0;
        for wave in rows.chunks(WAVE * BLOCK) {
            let blocks = wave.par_chunks(BLOCK);
            let done: Vec<(f64, Vec<f64>)> = blocks.map(|rows| self.block(rows, partners, &matrix)).collect();
            for (rows, (sum, slopes)) in wave.chunks(BLOCK).zip(done) {
                energy += sum;
                for (&i, slope) in rows.iter().zip(slopes.chunks_exact(self.dim)) {
                    let out = &mut gradient[i as usize * self.dim..][..self.dim];
                    out.iter_mut().zip(slope).for_each(|(out, s)| *out += (factor * s) as f32);
                }
            }
        }
        energy
    }

    /// Σ f over the pairs from a block of `rows` to `partners`, whose unit rows `matrix`
    /// holds, and the rows' gradient \[rows, D\].
    fn block(&self, rows: &[u32], partners: &[u32], matrix: &[f32]) -> (f64, Vec<f64>) {
        let (n, columns, dim) = (rows.len(), partners.len(), self.dim);
        if columns == 0 {
            return (0.0, vec![0.0; n * dim]);
        }
        let mut table = vec![0.0; n * columns];
        sgemm(n, columns, dim, &self.gather(rows), Op::Plain, matrix, Op::Transposed, 0.0, &mut table);
        let mut energy = 0.0;
        let mut near = Vec::new();
        for (&i, cosines) in rows.iter().zip(table.chunks_exact_mut(columns)) {
            let mut of_row = Vec::new();
            for (&j, &c) in partners.iter().zip(cosines.iter()) {
                // A prototype is its own partner only in half space, as its opposite: that pair
                // is in f's sum below, and its force is radial.
                if c > NEAR && i != j {
                    of_row.push((j, 1.0));
                } else if self.half_space && c < -NEAR {
                    of_row.push((j, -1.0));
                }
            }
            near.push(of_row);
            energy += self.potential.far(cosines, self.half_space);
        }
        let mut forces = vec![0.0; n * dim];
        sgemm(n, dim, columns, &table, Op::Plain, matrix, Op::Plain, 0.0, &mut forces);
        let mut slopes: Vec<f64> = forces.into_iter().map(f64::from).collect();
        for ((&i, slope), near) in rows.iter().zip(slopes.chunks_exact_mut(dim)).zip(near) {
            for (j, sign) in near {
                energy += self.near(i, j, sign, slope);
            }
            let along: f64 = slope.iter().zip(self.unit(i)).map(|(s, u)| s * u).sum();
            let shrink = 1.0 / self.norms[i as usize];
            slope.iter_mut().zip(self.unit(i)).for_each(|(s, u)| *s = shrink * (*s - along * u));
        }
        (energy, slopes)
    }

    /// f of ŵ_i and `sign`·ŵ_j, from their difference; adds the gradient for ŵ_i.
    fn near(&self, i: u32, j: u32, sign: f64, slope: &mut [f64]) -> f64 {
        let difference = || self.unit(i).zip(self.unit(j)).map(|(a, b)| a - sign * b);
        let squared: f64 = difference().map(|d| d * d).sum();
        if squared < FLOOR * FLOOR {
            return self.potential.at(FLOOR * FLOOR).0;
        }
        let (f, force) = self.potential.at(squared);
        slope.iter_mut().zip(difference()).for_each(|(s, d)| *s -= force * d);
        f
    }
}
