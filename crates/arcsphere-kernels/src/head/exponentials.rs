//! From dots to exponentials, and the running sums of the first pass.

use super::workspace::{OUT, RowSums};
use crate::isa::{Kernel, Simd};
use crate::vecmath::exp;

/// How a block's logits come from its dots.
#[derive(Clone, Copy)]
pub(super) enum Affine<'a> {
    /// z = s·cos θ, by 1/‖w‖ of each class.
    Angular(&'a [f32]),
    /// z = dot + b of each class; an empty bias is none.
    Linear(&'a [f32]),
    /// They are what they shall be.
    Ready,
}

/// A block of \[prototypes, rows\] on its way from w·x̂ to exp(z − shift), its own classes to 0.
pub(super) struct Exponentials<'a> {
    pub(super) z: &'a mut [f32],
    pub(super) affine: Affine<'a>,
    /// s of each row.
    pub(super) scale: &'a [f32],
    /// (prototype within the block, row) of the rows whose own class is here, sorted.
    pub(super) own: &'a [(u32, u32)],
    /// What is subtracted: chosen and written with `sums`, else read.
    pub(super) shift: &'a mut [f32],
    /// Where the block's sums are added, the first time that it is computed.
    pub(super) sums: Option<&'a mut RowSums>,
    /// Whether Σ z is wanted.
    pub(super) smoothing: bool,
}

impl Kernel for Exponentials<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(mut self, _: S) {
        let rows = self.scale.len();
        let mut partial = vec![0.0_f32; 2 * rows];
        let (first, second) = partial.split_at_mut(rows);
        // `first` is the block's maximum here, `second` its Σ z.
        first.fill(OUT);
        self.logits(first, second);
        let Some(sums) = self.sums else {
            for z in self.z.chunks_exact_mut(rows) {
                for (z, shift) in z.iter_mut().zip(&*self.shift) {
                    *z = exp(*z - shift);
                }
            }
            return;
        };
        for (i, (shift, &max)) in self.shift.iter_mut().zip(&*first).enumerate() {
            sums.logit[i] += f64::from(second[i]);
            *shift = sums.raise(i, max);
        }
        first.fill(0.0);
        second.fill(0.0);
        for z in self.z.chunks_exact_mut(rows) {
            for (((z, shift), sum), weighted) in z.iter_mut().zip(&*self.shift).zip(&mut *first).zip(&mut *second) {
                let e = exp(*z - shift);
                *sum += e;
                *weighted += e * *z;
                *z = e;
            }
        }
        for i in 0..rows {
            sums.exp[i] += f64::from(first[i]);
            sums.weighted[i] += f64::from(second[i]);
        }
    }
}

impl Exponentials<'_> {
    #[inline(always)]
    fn logits(&mut self, max: &mut [f32], sum: &mut [f32]) {
        let rows = self.scale.len();
        let mut own = self.own;
        for (j, z) in self.z.chunks_exact_mut(rows).enumerate() {
            match self.affine {
                Affine::Angular(inverse) => {
                    let inverse = inverse[j];
                    for (z, scale) in z.iter_mut().zip(self.scale) {
                        // Rounding may push a cosine past 1 by an ulp or two.
                        *z = scale * (*z * inverse).clamp(-1.0, 1.0);
                    }
                }
                Affine::Linear([]) | Affine::Ready => {}
                Affine::Linear(bias) => {
                    let bias = bias[j];
                    z.iter_mut().for_each(|z| *z += bias);
                }
            }
            let here = own.iter().take_while(|o| o.0 as usize == j).count();
            let (targets, later) = own.split_at(here);
            own = later;
            if self.smoothing {
                targets.iter().for_each(|t| z[t.1 as usize] = 0.0);
                for (sum, z) in sum.iter_mut().zip(&*z) {
                    *sum += z;
                }
            }
            targets.iter().for_each(|t| z[t.1 as usize] = OUT);
            for (max, &z) in max.iter_mut().zip(&*z) {
                *max = if z > *max { z } else { *max };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::isa::Isa;

    /// Two rows; row 1's own class is class 0 of the first block, alone there.
    #[test]
    fn sums_run_over_the_other_classes_and_repeat_bit_by_bit() {
        for isa in Isa::available() {
            let mut sums = RowSums::default();
            sums.reset(2, false);
            let (scale, mut shift) = ([2.0, 4.0], [0.0; 2]);
            let mut run = |dots: &[f32], inverse: &[f32], own: &[(u32, u32)]| {
                let (mut z, mut again) = (dots.to_vec(), dots.to_vec());
                let affine = Affine::Angular(inverse);
                let sums = Some(&mut sums);
                let (scale, shift) = (&scale, &mut shift);
                isa.run(Exponentials { z: &mut z, affine, scale, own, shift, sums, smoothing: true });
                isa.run(Exponentials { z: &mut again, affine, scale, own, shift, sums: None, smoothing: false });
                assert_eq!(z, again);
                z
            };
            let z = run(&[0.25, 0.75], &[2.0], &[(0, 1)]);
            assert_eq!(z, [1.0, 0.0]);
            let z = run(&[0.5, -0.5, 1.0, 0.0], &[1.0, 1.0], &[]);
            assert!((z[0] - (-1.0_f32).exp()).abs() < 1e-6 && z[2] == 1.0);
            assert_eq!(sums.max, [2.0, 0.0]);
            let want = [2.0 * (-1.0_f64).exp() + 1.0, (-2.0_f64).exp() + 1.0];
            let weighted = [2.0 * (-1.0_f64).exp() + 2.0, -2.0 * (-2.0_f64).exp()];
            for i in 0..2 {
                assert!((sums.exp[i] - want[i]).abs() < 1e-6, "{:?}", sums.exp);
                assert!((sums.weighted[i] - weighted[i]).abs() < 1e-6, "{:?}", sums.weighted);
            }
            assert_eq!(sums.logit, [4.0, -2.0]);
        }
    }
}
