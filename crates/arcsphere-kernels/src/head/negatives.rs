//! Other classes' cosines re-weighted: z = s·N(c), and N′(c) for the way back.
//!
//! Both [`Negatives::Curricular`] and [`Negatives::MisclassifiedVector`] are a parabola where
//! c > ψ, and leave c alone elsewhere.

use super::Negatives;
use super::workspace::OUT;
use crate::isa::{Kernel, Simd};

/// A block of \[prototypes, rows\] on its way from cos θ to logits. [`OUT`] stays what it is.
pub(super) struct Reweight<'a> {
    pub(super) z: &'a mut [f32],
    pub(super) rule: Negatives,
    /// s and ψ of each row.
    pub(super) scale: &'a [f32],
    pub(super) psi: &'a [f32],
    /// N′(c), as long as `z`; empty and not written for [`Negatives::Plain`].
    pub(super) slope: &'a mut [f32],
    /// Where the largest s·c is kept, the first time that the block is computed; not for
    /// [`Negatives::Plain`], whose logits these are.
    pub(super) plain: Option<&'a mut [f32]>,
}

impl Kernel for Reweight<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let Reweight { z, rule, scale, psi, slope, plain } = self;
        let rows = scale.len();
        if let Some(plain) = plain {
            for c in z.chunks_exact(rows) {
                for ((plain, &c), scale) in plain.iter_mut().zip(c).zip(scale) {
                    let z = if c < -1.0 { OUT } else { scale * c };
                    *plain = if z > *plain { z } else { *plain };
                }
            }
        }
        let (square, factor, offset) = match rule {
            Negatives::Plain => {
                for z in z.chunks_exact_mut(rows) {
                    for (z, scale) in z.iter_mut().zip(scale) {
                        *z = if *z < -1.0 { OUT } else { scale * *z };
                    }
                }
                return;
            }
            Negatives::Circle { margin, strength } => {
                let (margin, strength, rest) = (margin as f32, strength as f32, (1.0 - strength) as f32);
                for (z, slope) in z.chunks_exact_mut(rows).zip(slope.chunks_exact_mut(rows)) {
                    for ((z, slope), scale) in z.iter_mut().zip(slope).zip(scale) {
                        let c = *z;
                        let alpha = strength * (c + margin).max(0.0);
                        *slope = rest + alpha;
                        *z = if c < -1.0 { OUT } else { scale * (rest * c + alpha * (c - margin)) };
                    }
                }
                return;
            }
            Negatives::Curricular { t, strength } => (strength as f32, (1.0 - strength + strength * t) as f32, 0.0),
            Negatives::MisclassifiedVector { t } => (0.0, t as f32, (t - 1.0) as f32),
        };
        for (z, slope) in z.chunks_exact_mut(rows).zip(slope.chunks_exact_mut(rows)) {
            for (((z, slope), scale), psi) in z.iter_mut().zip(slope).zip(scale).zip(psi) {
                let c = *z;
                let hard = c > *psi;
                let n = if hard { (square * c + factor) * c + offset } else { c };
                *slope = if hard { 2.0 * square * c + factor } else { 1.0 };
                *z = if c < -1.0 { OUT } else { scale * n };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::isa::Isa;

    /// N and N′ for c, in f64, in a row with ψ.
    fn by_definition(rule: Negatives, c: f64, psi: f64) -> [f64; 2] {
        let (own, strength) = match rule {
            Negatives::Curricular { t, strength } if c > psi => ([c * (t + c), t + 2.0 * c], strength),
            Negatives::MisclassifiedVector { t } if c > psi => ([t * c + t - 1.0, t], 1.0),
            Negatives::Circle { margin, strength } => {
                ([(c + margin).max(0.0) * (c - margin), (c + margin).max(0.0)], strength)
            }
            _ => ([c, 1.0], 1.0),
        };
        [strength * own[0] + (1.0 - strength) * c, strength * own[1] + (1.0 - strength)]
    }

    /// Tolerance: 1e-6 in absolute terms for s ≤ 3.
    #[test]
    fn logits_and_slopes_are_those_of_the_definition() {
        let (scale, psi) = ([3.0, 0.0, 1.0, 2.0, 0.5], [-0.3, 0.5, 0.0, -1.7, 0.9]);
        let rules = [
            Negatives::Plain,
            Negatives::Curricular { t: 0.3, strength: 1.0 },
            Negatives::Curricular { t: -0.2, strength: 0.6 },
            Negatives::MisclassifiedVector { t: 1.2 },
            Negatives::Circle { margin: 0.25, strength: 1.0 },
            Negatives::Circle { margin: 0.25, strength: 0.3 },
        ];
        for (isa, rule) in Isa::available().into_iter().flat_map(|isa| rules.map(|rule| (isa, rule))) {
            let c: Vec<f32> = (0..35).map(|i| i as f32 / 17.0 - 1.0).chain([OUT; 5]).collect();
            let (mut z, mut slope, mut plain) = (c.clone(), vec![f32::NAN; 40], [f32::NEG_INFINITY; 5]);
            let (scale, psi, plain) = (&scale, &psi, &mut plain);
            isa.run(Reweight { z: &mut z, rule, scale, psi, slope: &mut slope, plain: Some(plain) });
            for (i, &c) in c.iter().enumerate() {
                let row = i % 5;
                if c == OUT {
                    assert_eq!(z[i], OUT);
                    continue;
                }
                let [n, dn] = by_definition(rule, f64::from(c), f64::from(psi[row]));
                assert!((f64::from(z[i]) - f64::from(scale[row]) * n).abs() < 1e-6, "{rule:?} at {c}: {}", z[i]);
                if rule != Negatives::Plain {
                    assert!((f64::from(slope[i]) - dn).abs() < 1e-6, "{rule:?} at {c}: {}", slope[i]);
                }
            }
            for row in 0..5 {
                assert_eq!(plain[row], scale[row] * c[30 + row], "{rule:?}");
            }
        }
    }
}
