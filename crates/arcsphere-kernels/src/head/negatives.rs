//! Other classes' cosines re-weighted: z = s·N(c), and N′(c) for the way back.

use super::logits::{Negatives, Parabola};
use super::workspace::OUT;
use crate::isa::{Kernel, Simd};

/// A block of \[prototypes, rows\] on its way from cos θ to logits. [`OUT`] stays what it is.
pub(super) struct Reweight<'a> {
    pub(super) z: &'a mut [f32],
    pub(super) rule: Negatives,
    /// s and the threshold of each row.
    pub(super) scale: &'a [f32],
    pub(super) threshold: &'a [f32],
    /// N′(c), as long as `z`; empty and not written for [`Negatives::Plain`].
    pub(super) slope: &'a mut [f32],
    /// Where the largest s·c is kept, the first time that the block is computed; not for
    /// [`Negatives::Plain`], whose logits these are.
    pub(super) plain: Option<&'a mut [f32]>,
}

impl Kernel for Reweight<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let Reweight { z, rule, scale, threshold, slope, plain } = self;
        let rows = scale.len();
        if let Some(plain) = plain {
            for c in z.chunks_exact(rows) {
                for ((plain, &c), scale) in plain.iter_mut().zip(c).zip(scale) {
                    let z = if c < -1.0 { OUT } else { scale * c };
                    *plain = if z > *plain { z } else { *plain };
                }
            }
        }
        let Negatives::Parabola(rule) = rule else {
            for z in z.chunks_exact_mut(rows) {
                for (z, scale) in z.iter_mut().zip(scale) {
                    *z = if *z < -1.0 { OUT } else { scale * *z };
                }
            }
            return;
        };
        let Parabola { keep, gain, slant, lift, zero, offset, held, below, .. } = rule;
        // N′ = keep + gain·(tilt·c + level)
        let (tilt, level) = if held { (slant, lift) } else { (2.0 * slant, lift - slant * zero) };
        let [keep, gain, slant, lift, zero, offset, below, tilt, level] =
            [keep, gain, slant, lift, zero, offset, below, tilt, level].map(|v| v as f32);
        for (z, slope) in z.chunks_exact_mut(rows).zip(slope.chunks_exact_mut(rows)) {
            for (((z, slope), scale), threshold) in z.iter_mut().zip(slope).zip(scale).zip(threshold) {
                let c = *z;
                let above = c > *threshold;
                let parabola = keep * c + (gain * (slant * c + lift) * (c - zero) + offset);
                let n = if above { parabola } else { below * c };
                *slope = if above { keep + gain * (tilt * c + level) } else { below };
                *z = if c < -1.0 { OUT } else { scale * n };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::head::Threshold;
    use crate::isa::Isa;

    /// What losses ask for, as they hand it in.
    #[derive(Clone, Copy, Debug)]
    enum Known {
        /// c·(t + c) where c > ψ.
        Hard { t: f64, strength: f64 },
        /// t·c + t − 1 where c > ψ.
        Steep { t: f64 },
        /// [c + m]₊·(c − m), the first factor without gradient.
        Weighted { m: f64, strength: f64 },
    }

    impl Known {
        fn parabola(self) -> Parabola {
            match self {
                Known::Hard { t, strength } => {
                    Parabola { slant: strength, lift: 1.0 - strength + strength * t, ..Parabola::IDENTITY }
                }
                Known::Steep { t } => Parabola { lift: t, offset: t - 1.0, ..Parabola::IDENTITY },
                Known::Weighted { m, strength } => Parabola {
                    above: Threshold::Cosine(-m),
                    keep: 1.0 - strength,
                    gain: strength,
                    slant: 1.0,
                    lift: m,
                    zero: m,
                    held: true,
                    below: 1.0 - strength,
                    ..Parabola::IDENTITY
                },
            }
        }

        /// N and N′ in f32, each written for itself.
        fn by_hand(self, c: f32, psi: f32) -> [f32; 2] {
            let (square, factor, offset) = match self {
                Known::Hard { t, strength } => (strength as f32, (1.0 - strength + strength * t) as f32, 0.0),
                Known::Steep { t } => (0.0, t as f32, (t - 1.0) as f32),
                Known::Weighted { m, strength } => {
                    let (m, strength, rest) = (m as f32, strength as f32, (1.0 - strength) as f32);
                    let alpha = strength * (c + m).max(0.0);
                    return [rest * c + alpha * (c - m), rest + alpha];
                }
            };
            if c > psi { [(square * c + factor) * c + offset, 2.0 * square * c + factor] } else { [c, 1.0] }
        }
    }

    const KNOWN: [Known; 7] = [
        Known::Hard { t: 0.3, strength: 1.0 },
        Known::Hard { t: -0.2, strength: 0.6 },
        Known::Hard { t: 0.4, strength: 0.0 },
        Known::Steep { t: 1.2 },
        Known::Weighted { m: 0.25, strength: 1.0 },
        Known::Weighted { m: 0.25, strength: 0.3 },
        Known::Weighted { m: 1.0, strength: 0.7 },
    ];

    #[test]
    fn a_parabola_has_the_bits_of_each_formula_that_it_stands_for() {
        let (scale, psi) = ([3.0, 0.0, 1.0, 2.0, 0.5], [-0.3, 0.5, 0.0, -1.7, 0.9]);
        for (isa, known) in Isa::available().into_iter().flat_map(|isa| KNOWN.map(|known| (isa, known))) {
            let c: Vec<f32> = (0..2000).map(|i| (i as f32 / 999.5 - 1.0).clamp(-1.0, 1.0)).chain([OUT; 5]).collect();
            let (mut z, mut slope, mut plain) = (c.clone(), vec![f32::NAN; c.len()], [f32::NEG_INFINITY; 5]);
            let parabola = known.parabola();
            let threshold = psi.map(|psi| parabola.threshold(psi) as f32);
            let (scale, threshold, plain) = (&scale, &threshold, &mut plain);
            let rule = Negatives::Parabola(parabola);
            isa.run(Reweight { z: &mut z, rule, scale, threshold, slope: &mut slope, plain: Some(plain) });
            for (i, &c) in c.iter().enumerate() {
                let row = i % 5;
                if c == OUT {
                    assert_eq!(z[i], OUT);
                    continue;
                }
                let [n, dn] = known.by_hand(c, psi[row] as f32);
                assert_eq!([z[i], slope[i]], [scale[row] * n, dn], "{known:?} at {c} with {}", isa.name());
                let wide = rule.value(f64::from(c), psi[row]);
                assert!((f64::from(n) - wide).abs() < 1e-6, "{known:?} at {c}: {n} is not {wide}");
            }
            for row in 0..5 {
                assert_eq!(plain[row], scale[row] * c[1995 + row], "{known:?}");
            }
        }
    }

    /// Tolerance: 2e-3 for differences over 2e-3 of what is rounded to 1e-7.
    #[test]
    fn slopes_are_those_of_a_difference() {
        let wild = Parabola { keep: 0.3, gain: 0.7, slant: 1.3, lift: -0.2, zero: 0.4, ..Parabola::IDENTITY };
        for held in [false, true] {
            let parabola = Parabola { held, ..wild };
            for isa in Isa::available() {
                let at = [-0.4_f32, 0.1, 0.5, 0.8];
                let (mut z, mut slope) = (at.to_vec(), vec![0.0; 4]);
                let rule = Negatives::Parabola(parabola);
                isa.run(Reweight { z: &mut z, rule, scale: &[1.0], threshold: &[0.0], slope: &mut slope, plain: None });
                for (&c, slope) in at.iter().zip(slope) {
                    let c = f64::from(c);
                    let difference = (parabola.value(c + 1e-3, 0.0) - parabola.value(c - 1e-3, 0.0)) / 2e-3;
                    let first = parabola.gain * (parabola.slant * c + parabola.lift);
                    let want = if held && c > 0.0 { parabola.keep + first } else { difference };
                    assert!((f64::from(slope) - want).abs() < 2e-3, "{held} at {c}: {slope} is not {want}");
                }
            }
        }
    }

    #[test]
    fn plain_negatives_are_scaled_and_no_more() {
        let mut z = [0.5, OUT, -0.25, 1.0];
        let scale = &[4.0, 2.0];
        let (rule, threshold, slope, plain) = (Negatives::Plain, &[], &mut [], None);
        Isa::best().run(Reweight { z: &mut z, rule, scale, threshold, slope, plain });
        assert_eq!(z, [2.0, OUT, -1.0, 2.0]);
    }
}
