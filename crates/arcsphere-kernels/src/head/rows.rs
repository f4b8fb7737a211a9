//! What is known of each row before the first pass: its norm, its direction, and
//! where it stands towards its own prototype.

use super::{Batch, Logits, NORM_FLOOR, RowGeometry, RowLogit};

/// A batch's rows, prepared.
pub(super) struct Rows {
    /// The left factor of the products: x̂ for angular logits, x for linear ones. \[B, D\]
    pub left: Vec<f32>,
    /// max(‖x‖, floor).
    pub norms: Vec<f64>,
    pub geometry: Vec<RowGeometry>,
    /// The margin's answers; for linear logits a neutral one (scale 1).
    pub logits: Vec<RowLogit>,
    /// For linear logits w_y·x without its bias; unused otherwise.
    pub target_dot: Vec<f64>,
    /// Unit tangent at x̂ towards ŵ_y, u/‖u‖; zero where θ is 0 or π. \[B, D\]
    pub toward_prototype: Vec<f32>,
    /// Unit tangent at ŵ_y towards x̂. \[B, D\]
    pub toward_embedding: Vec<f32>,
}

impl Rows {
    pub(super) fn prepare(batch: &Batch<'_>, logits: Logits<'_>, weights: &[f32]) -> Self {
        let (d, b) = (batch.dim, batch.labels.len());
        let mut rows = Rows {
            left: batch.embeddings.to_vec(),
            norms: Vec::with_capacity(b),
            geometry: Vec::with_capacity(b),
            logits: Vec::with_capacity(b),
            target_dot: Vec::with_capacity(b),
            toward_prototype: vec![0.0; b * d],
            toward_embedding: vec![0.0; b * d],
        };
        let mut unit_x = vec![0.0_f64; d];
        let mut unit_w = vec![0.0_f64; d];
        for (i, (x, &y)) in batch.embeddings.chunks_exact(d).zip(batch.labels).enumerate() {
            let w = &weights[y as usize * d..][..d];
            let norm = unit(x, &mut unit_x);
            unit(w, &mut unit_w);
            let cos = dot(&unit_x, &unit_w).clamp(-1.0, 1.0);
            let sin = tangent(&unit_x, &unit_w, cos, &mut rows.toward_prototype[i * d..][..d]);
            tangent(&unit_w, &unit_x, cos, &mut rows.toward_embedding[i * d..][..d]);
            let geometry = RowGeometry { cos, sin, norm };
            rows.norms.push(norm.max(NORM_FLOOR));
            rows.geometry.push(geometry);
            match logits {
                Logits::Linear => {
                    rows.logits.push(NEUTRAL);
                    rows.target_dot.push(x.iter().zip(w).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum());
                }
                Logits::Angular(rule) => {
                    for (to, &from) in rows.left[i * d..][..d].iter_mut().zip(&unit_x) {
                        *to = from as f32;
                    }
                    rows.logits.push(rule.row(i, geometry));
                    rows.target_dot.push(0.0);
                }
            }
        }
        rows
    }
}

const NEUTRAL: RowLogit = RowLogit {
    scale: 1.0,
    dscale_dnorm: 0.0,
    psi: 0.0,
    dpsi_dtheta: 0.0,
    dpsi_dnorm: 0.0,
    penalty: 0.0,
    dpenalty_dnorm: 0.0,
};

/// v / max(‖v‖, floor) in f64; returns ‖v‖.
fn unit(v: &[f32], out: &mut [f64]) -> f64 {
    let norm = v.iter().map(|&a| f64::from(a) * f64::from(a)).sum::<f64>().sqrt();
    let inverse = 1.0 / norm.max(NORM_FLOOR);
    for (to, &from) in out.iter_mut().zip(v) {
        *to = f64::from(from) * inverse;
    }
    norm
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Writes u/‖u‖ for u = to − cos·from and returns ‖u‖ = sin θ. At θ = 0 or π, where
/// no direction is distinguished, writes zeros: the zero subgradient.
fn tangent(from: &[f64], to: &[f64], cos: f64, out: &mut [f32]) -> f64 {
    let norm = from.iter().zip(to).map(|(f, t)| (t - cos * f).powi(2)).sum::<f64>().sqrt();
    // Below this ‖u‖ is rounding noise of f64 unit vectors and its direction arbitrary.
    let inverse = if norm > 1e-15 { 1.0 / norm } else { 0.0 };
    for ((o, f), t) in out.iter_mut().zip(from).zip(to) {
        *o = ((t - cos * f) * inverse) as f32;
    }
    norm.min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sine_keeps_its_digits_where_one_minus_cos_squared_loses_them() {
        for angle in [1e-9_f64, 1e-6, 1e-3, 1.0, std::f64::consts::PI - 1e-6] {
            let from = [1.0, 0.0];
            let to = [angle.cos(), angle.sin()];
            let mut out = [0.0; 2];
            let sin = tangent(&from, &to, dot(&from, &to), &mut out);
            assert!((sin - angle.sin()).abs() <= 1e-12 * angle.sin(), "sin {angle} = {sin}");
            assert!((out[1] - 1.0).abs() < 1e-6, "direction at {angle}: {out:?}");
        }
    }

    #[test]
    fn no_direction_at_zero_and_pi() {
        for sign in [1.0, -1.0] {
            let mut out = [9.0; 2];
            let sin = tangent(&[1.0, 0.0], &[sign, 0.0], sign, &mut out);
            assert_eq!((sin, out), (0.0, [0.0, 0.0]));
        }
    }
}
