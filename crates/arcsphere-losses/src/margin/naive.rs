//! ψ as the usual public code has it: arccos of a clamped cosine, left to autodiff, in f32.
//!
//! ```text
//! c = clamp(cos θ, −1 + ε, 1 − ε),  ψ(arccos c),   dψ/d cos θ = ψ′(arccos c) · (−1/√(1 − c²)),  0 where clamped
//! ```
//!
//! For comparison only: it shows what this program does otherwise. The derivative is what
//! reverse-mode autodiff of those operations gives, in their precision: close to the prototype
//! it is off by the rounding of 1 − c², then 0. Losses without an angular margin have no arccos
//! in that code either, so nothing changes for them.

use super::{Margin, Negatives, OneVsAll, Row, RowStats, Target};
use rand_chacha::ChaCha8Rng;

/// ε of the clamp, as the public code has it.
const EPSILON: f32 = 1e-7;

/// A loss's ψ, reached through a clamped arccos.
#[derive(Debug)]
pub struct Naive {
    inner: Box<dyn Margin>,
}

impl Naive {
    /// `inner` with its angle from a clamped arccos.
    pub fn new(inner: Box<dyn Margin>) -> Self {
        Naive { inner }
    }
}

impl Margin for Naive {
    fn target(&self, row: &Row, memory: &[f64], strength: f64) -> Target {
        let (low, high) = (-1.0 + EPSILON, 1.0 - EPSILON);
        let raw = row.cos as f32;
        let c = raw.clamp(low, high);
        let theta = f64::from(c.acos());
        let clamped = Row { cos: theta.cos(), sin: theta.sin(), ..*row };
        let inner = self.inner.target(&clamped, memory, strength);
        // d arccos c/dc, and the clamp's own derivative: 1 on the interval, 0 outside.
        let darccos = if (low..=high).contains(&raw) { -1.0 / (1.0 - c * c).sqrt() } else { 0.0 };
        let dpsi_dcos = inner.dpsi_dtheta as f32 * darccos;
        Target {
            psi: f64::from(inner.psi as f32),
            // The head multiplies by the unit tangent u/‖u‖ where autodiff multiplies by u
            // itself, and ‖u‖ = sin θ: dψ/dθ = −sin θ·dψ/d cos θ.
            dpsi_dtheta: -row.sin * f64::from(dpsi_dcos),
            ..inner
        }
    }

    fn steepest(&self) -> f64 {
        self.inner.steepest()
    }

    fn memory(&self) -> Vec<f64> {
        self.inner.memory()
    }

    fn begin(&self, memory: &mut [f64], rows: &mut [Row], strength: f64, rng: &mut ChaCha8Rng) {
        self.inner.begin(memory, rows, strength, rng);
    }

    fn end(&self, memory: &mut [f64], stats: &[RowStats]) {
        self.inner.end(memory, stats);
    }

    fn negatives(&self, memory: &[f64], strength: f64) -> Negatives {
        self.inner.negatives(memory, strength)
    }

    fn scale(&self, memory: &[f64]) -> Option<f64> {
        self.inner.scale(memory)
    }

    fn centers(&self) -> usize {
        self.inner.centers()
    }

    fn one_vs_all(&self, scale: f64, strength: f64) -> Option<OneVsAll> {
        self.inner.one_vs_all(scale, strength)
    }

    fn strongest(&self, row: &mut Row) {
        self.inner.strongest(row);
    }

    fn rival(&self, psi: f64) -> f64 {
        self.inner.rival(psi)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::margin::{Angular, Extension, Margins};

    fn arc() -> Angular {
        Angular { margins: Margins { angle_margin: 0.5, ..Margins::NONE }, extension: Extension::Raw }
    }

    fn both(theta: f64) -> (Target, Target) {
        let row = Row::at_angle(theta);
        (Naive::new(Box::new(arc())).target(&row, &[], 1.0), arc().target(&row, &[], 1.0))
    }

    #[test]
    fn far_from_0_and_pi_it_is_the_same_to_f32() {
        for i in 1..31 {
            let (naive, exact) = both(0.1 * f64::from(i));
            assert!((naive.psi - exact.psi).abs() < 1e-6, "{i}: {naive:?} {exact:?}");
            assert!((naive.dpsi_dtheta - exact.dpsi_dtheta).abs() < 1e-4, "{i}: {naive:?} {exact:?}");
        }
    }

    #[test]
    fn on_the_prototype_the_margin_asks_for_nothing() {
        let (naive, exact) = both(1e-4);
        assert_eq!(naive.dpsi_dtheta, 0.0, "clamped");
        assert!((exact.dpsi_dtheta + 0.5_f64.sin()).abs() < 1e-3);
        // A clamped value is that of 1 − ε, at 4.9e-4.
        assert!((naive.psi - (0.5 + 4.88e-4_f64).cos()).abs() < 1e-5);
    }

    #[test]
    fn near_the_prototype_the_rounding_of_the_cosine_is_in_the_derivative() {
        let worst = (0..100)
            .map(|i| both(6e-4 + 1e-5 * f64::from(i)))
            .map(|(naive, exact)| (naive.dpsi_dtheta / exact.dpsi_dtheta - 1.0).abs())
            .fold(0.0, f64::max);
        assert!(worst > 0.01 && worst < 0.2, "{worst}");
    }

    /// The graph, operation by operation in f32, with a derivative carried along: forward-mode
    /// autodiff, which for one input gives what reverse mode does.
    #[test]
    fn it_is_autodiff_of_those_operations() {
        type Dual = (f32, f32);
        let clamp = |(v, d): Dual| -> Dual {
            let (low, high) = (-1.0 + EPSILON, 1.0 - EPSILON);
            (v.clamp(low, high), if (low..=high).contains(&v) { d } else { 0.0 })
        };
        let acos = |(v, d): Dual| -> Dual { (v.acos(), -d / (1.0 - v * v).sqrt()) };
        let add = |(v, d): Dual, m: f32| -> Dual { (v + m, d) };
        let cos = |(v, d): Dual| -> Dual { (v.cos(), -v.sin() * d) };
        let naive = Naive::new(Box::new(arc()));
        for i in 0..=2000 {
            let c = 1.0 - f64::from(i) / 1000.0;
            let sin = (1.0 - c * c).sqrt();
            let (value, derivative) = cos(add(acos(clamp((c as f32, 1.0))), 0.5));
            let got = naive.target(&Row { cos: c, sin, norm: 1.0, draw: 0.0 }, &[], 1.0);
            assert!((got.psi - f64::from(value)).abs() < 1e-6, "{c}");
            let want = -sin * f64::from(derivative);
            assert!((got.dpsi_dtheta - want).abs() < 1e-5, "{c}: {} not {want}", got.dpsi_dtheta);
        }
    }
}
