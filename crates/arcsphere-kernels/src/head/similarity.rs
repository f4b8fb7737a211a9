//! From dots to similarities where more than one number decides about a class: its several
//! prototypes, or a rule that looks at the cosine before it becomes a logit.

use super::exponentials::Affine;
use super::workspace::OUT;
use crate::isa::{Kernel, Simd};

/// A block of \[prototypes, rows\] on its way from w·x̂ to cos θ, or from w·x to w·x + b. What is
/// not another class's largest becomes [`OUT`].
pub(super) struct Similarities<'a> {
    pub(super) z: &'a mut [f32],
    pub(super) rows: usize,
    pub(super) affine: Affine<'a>,
    /// K, prototypes per class; the block holds whole classes.
    pub(super) centers: usize,
    /// (prototype within the block, row) of the rows whose own class is here, sorted.
    pub(super) own: &'a [(u32, u32)],
}

impl Kernel for Similarities<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let Similarities { z, rows, affine, centers, mut own, .. } = self;
        let mut best = vec![0.0_f32; rows];
        for (class, z) in z.chunks_exact_mut(centers * rows).enumerate() {
            match affine {
                Affine::Angular(inverse) => {
                    for (z, inverse) in z.chunks_exact_mut(rows).zip(&inverse[class * centers..]) {
                        for z in z {
                            // Rounding may push a cosine past 1 by an ulp or two.
                            *z = (*z * inverse).clamp(-1.0, 1.0);
                        }
                    }
                }
                Affine::Linear(bias) => {
                    let bias = bias.get(class).copied().unwrap_or(0.0);
                    z.iter_mut().for_each(|z| *z += bias);
                }
                Affine::Ready => {}
            }
            if centers > 1 {
                keep_largest(z, &mut best);
            }
            while let Some((&(_, row), later)) = own.split_first().filter(|(o, _)| o.0 as usize / centers == class) {
                own = later;
                z.chunks_exact_mut(rows).for_each(|z| z[row as usize] = OUT);
            }
        }
    }
}

/// Leaves of each column of `z` \[K, rows\] only the first of its largest numbers.
#[inline(always)]
fn keep_largest(z: &mut [f32], best: &mut [f32]) {
    let rows = best.len();
    best.fill(OUT);
    for z in z.chunks_exact(rows) {
        for (best, &z) in best.iter_mut().zip(z) {
            *best = if z > *best { z } else { *best };
        }
    }
    for z in z.chunks_exact_mut(rows) {
        for (best, z) in best.iter_mut().zip(z) {
            let wins = *z == *best;
            *z = if wins { *z } else { OUT };
            // Nothing equals NaN: one prototype wins, not all of equal ones.
            *best = if wins { f32::NAN } else { *best };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::isa::Isa;

    #[test]
    fn one_prototype_of_another_class_stays_the_first_among_equals() {
        for isa in Isa::available() {
            // Two classes of three prototypes, two rows; row 1 belongs to class 1.
            let mut z = vec![0.1, 0.9, 0.5, 0.9, 0.5, 0.2, 0.3, 0.4, 0.3, 0.4, 0.1, 0.8];
            let (inverse, own) = ([1.0, 1.0, 1.0, 2.0, 2.0, 4.0], [(4, 1)]);
            let affine = Affine::Angular(&inverse);
            isa.run(Similarities { z: &mut z, rows: 2, affine, centers: 3, own: &own });
            assert_eq!(z, [OUT, 0.9, 0.5, OUT, OUT, OUT, 0.6, OUT, OUT, OUT, OUT, OUT], "{}", isa.name());
        }
    }

    #[test]
    fn a_class_has_one_bias_for_all_its_prototypes() {
        let mut z = vec![1.0, 3.0, 2.0, -1.0];
        Isa::best().run(Similarities {
            z: &mut z,
            rows: 1,
            affine: Affine::Linear(&[0.5, -0.5]),
            centers: 2,
            own: &[],
        });
        assert_eq!(z, [OUT, 3.5, 1.5, OUT]);
    }
}
