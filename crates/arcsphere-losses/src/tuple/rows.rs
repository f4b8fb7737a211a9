//! A matrix's rows in f64, as they are or normalized, and the way back for their gradient.
//!
//! ```text
//! x̂ = x/max(‖x‖, ε),   dx = (g − (g·x̂)x̂)/‖x‖   for g = d loss/dx̂;   dx = 0 where ‖x‖ < ε
//! ```

use arcsphere_kernels::head::NORM_FLOOR;

/// Rows of `dim` numbers.
pub(super) struct Rows {
    dim: usize,
    values: Vec<f64>,
    /// ‖x‖ of each row before it was normalized; empty if none was.
    norms: Vec<f64>,
}

impl Rows {
    /// The rows as they are. `dim` is at least 1.
    pub(super) fn plain(values: &[f32], dim: usize) -> Self {
        Rows { dim, values: values.iter().copied().map(f64::from).collect(), norms: Vec::new() }
    }

    /// The rows x/max(‖x‖, ε).
    pub(super) fn unit(values: &[f32], dim: usize) -> Self {
        let mut rows = Rows::plain(values, dim);
        for row in rows.values.chunks_exact_mut(dim) {
            // f64 holds the square of any f32, so no norm overflows and none vanishes.
            let norm = row.iter().map(|v| v * v).sum::<f64>().sqrt();
            row.iter_mut().for_each(|v| *v /= norm.max(NORM_FLOOR));
            rows.norms.push(norm);
        }
        rows
    }

    /// D.
    pub(super) fn dim(&self) -> usize {
        self.dim
    }

    /// How many rows there are.
    pub(super) fn len(&self) -> usize {
        self.values.len() / self.dim
    }

    /// Row `i`.
    pub(super) fn row(&self, i: usize) -> &[f64] {
        &self.values[i * self.dim..][..self.dim]
    }

    /// The gradient for the rows as they came, from `gradient` for the rows as they are here.
    pub(super) fn write_gradient(&self, gradient: &[f64], out: &mut [f32]) {
        for (i, (g, out)) in gradient.chunks_exact(self.dim).zip(out.chunks_exact_mut(self.dim)).enumerate() {
            let x = self.row(i);
            let (along, shrink) = match self.norms.get(i) {
                None => (0.0, 1.0),
                Some(&norm) if norm < NORM_FLOOR => (0.0, 0.0),
                Some(&norm) => (g.iter().zip(x).map(|(g, x)| g * x).sum::<f64>(), 1.0 / norm),
            };
            for ((out, g), x) in out.iter_mut().zip(g).zip(x) {
                *out = (shrink * (g - along * x)) as f32;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gradient_of_a_normalized_row_is_tangent_and_shrinks_with_its_length() {
        let rows = Rows::unit(&[3.0, 4.0], 2);
        assert!((rows.row(0)[0] - 0.6).abs() < 1e-12 && (rows.row(0)[1] - 0.8).abs() < 1e-12);
        let mut dx = [0.0; 2];
        rows.write_gradient(&[1.0, 0.0], &mut dx);
        // d(x₁/‖x‖)/dx = (1 − 0.36, −0.48)/5.
        assert!((dx[0] - 0.128).abs() < 1e-7 && (dx[1] + 0.096).abs() < 1e-7, "{dx:?}");
    }

    #[test]
    fn the_longest_and_the_shortest_rows_keep_their_direction() {
        let rows = Rows::unit(&[f32::MAX, f32::MAX, 2e-6, 0.0, 0.0, 0.0], 2);
        assert!((rows.row(0)[0] - 0.5f64.sqrt()).abs() < 1e-12);
        assert!((rows.row(1)[0] - 1.0).abs() < 1e-12);
        assert_eq!(rows.row(2), [0.0, 0.0]);
    }

    #[test]
    fn a_row_without_a_direction_gets_no_gradient() {
        let rows = Rows::unit(&[1e-7, 0.0, 0.0, 0.0], 2);
        assert!(rows.row(0)[0] < 0.11);
        let mut dx = [7.0; 4];
        rows.write_gradient(&[1.0, 1.0, 1.0, 1.0], &mut dx);
        assert_eq!(dx, [0.0; 4]);
    }

    #[test]
    fn plain_rows_hand_their_gradient_on() {
        let mut dx = [0.0; 2];
        Rows::plain(&[3.0, 4.0], 2).write_gradient(&[1.0, -2.0], &mut dx);
        assert_eq!(dx, [1.0, -2.0]);
    }
}
