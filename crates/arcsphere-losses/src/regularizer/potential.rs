//! The energy of a pair and the force between its ends, as functions of their cosine.
//!
//! ```text
//! f_a(r) = r^(−a),  f_0(r) = log(1/r),   r² = 2 − 2·cos,   force = −2·df/d(r²)
//! ```

/// Cosines beyond this lose digits in f32's 2 − 2c: such pairs are measured in f64. In many
/// dimensions few are beyond it, unless prototypes have collapsed.
pub(super) const NEAR: f32 = 0.5;

/// f_a as a function of r².
#[derive(Clone, Copy)]
pub(super) struct Potential {
    /// a.
    pub(super) power: f64,
}

impl Potential {
    /// f and the force −2·df/d(r²), so that ∂f/∂ŵ_i = −force·(ŵ_i − ŵ_j).
    pub(super) fn at(self, squared: f64) -> (f64, f64) {
        if self.power == 0.0 {
            (-0.5 * squared.ln(), 1.0 / squared)
        } else {
            let f = squared.powf(-0.5 * self.power);
            (f, self.power * f / squared)
        }
    }

    /// The sum of f over the pairs of one row, whose `cosines` become their forces. In half
    /// space f counts for the opposites too, and their force is taken off. Pairs beyond
    /// [`NEAR`] are left out, with force 0.
    pub(super) fn far(self, cosines: &mut [f32], half_space: bool) -> f64 {
        let power = self.power as f32;
        if power == 0.0 {
            // Logarithms are dear: one is taken of the product over 256 pairs. With and without the
            // opposite, since (2 − 2c)(2 + 2c) ≤ 4, a pair adds a factor in [1, 4]: at most 2^512.
            let parts = cosines.chunks_mut(256);
            let product = |part| fold_pairs(part, half_space, 1.0, |a, b| a * b, |squared| (squared, 1.0 / squared));
            parts.map(|part| -0.5 * product(part).ln()).sum()
        } else {
            let add = |a, b| a + b;
            if power == 1.0 {
                let step = |squared: f32| (1.0 / squared.sqrt(), 1.0 / (squared * squared.sqrt()));
                fold_pairs(cosines, half_space, 0.0, add, step)
            } else if power == 2.0 {
                fold_pairs(cosines, half_space, 0.0, add, |squared| (1.0 / squared, 2.0 / (squared * squared)))
            } else {
                let step = |squared: f32| {
                    let f = squared.powf(-0.5 * power);
                    (f, power * f / squared)
                };
                fold_pairs(cosines, half_space, 0.0, add, step)
            }
        }
    }
}

/// Folds the first half of `step(r²)`, and puts the second in the place of the cosine, less
/// that of the opposite in half space. Sixteen at a time, without a branch, for the vector units.
#[inline(always)]
fn fold_pairs(
    cosines: &mut [f32],
    half_space: bool,
    neutral: f64,
    fold: impl Fn(f64, f64) -> f64,
    step: impl Fn(f32) -> (f32, f32),
) -> f64 {
    let mut lanes = [neutral; 16];
    for part in cosines.chunks_mut(16) {
        for (lane, c) in lanes.iter_mut().zip(part) {
            let side = |c: f32| {
                let is_far = c <= NEAR;
                let (value, force) = step(if is_far { 2.0 - 2.0 * c } else { 1.0 });
                if is_far { (f64::from(value), force) } else { (neutral, 0.0) }
            };
            let (value, force) = side(*c);
            *lane = fold(*lane, value);
            let mut total = force;
            if half_space {
                let (value, force) = side(-*c);
                *lane = fold(*lane, value);
                total -= force;
            }
            *c = total;
        }
    }
    lanes.into_iter().fold(neutral, fold)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Tolerance: 1e-6, f32's, against r² in f64; lengths around the lanes' and the parts'.
    #[test]
    fn rows_of_pairs_agree_with_single_ones() {
        for power in [0.0, 1.0, 1.5, 2.0] {
            for half_space in [false, true] {
                for n in [0, 1, 15, 16, 17, 255, 256, 257, 700] {
                    // From −1 to 1, both beyond NEAR.
                    let cosines: Vec<f32> = (0..n).map(|k| 2.0 * (k as f32 + 0.5) / n as f32 - 1.0).collect();
                    let mut forces = cosines.clone();
                    let sum = Potential { power }.far(&mut forces, half_space);
                    let mut want = 0.0;
                    for (c, force) in cosines.iter().zip(forces) {
                        let side = |c: f32| match c <= NEAR {
                            true => Potential { power }.at(2.0 - 2.0 * f64::from(c)),
                            false => (0.0, 0.0),
                        };
                        let (own, opposite) = (side(*c), if half_space { side(-c) } else { (0.0, 0.0) });
                        want += own.0 + opposite.0;
                        let wanted = own.1 - opposite.1;
                        assert!(
                            (f64::from(force) - wanted).abs() < 1e-6 * (own.1 + opposite.1).max(1.0),
                            "{c}: {force}"
                        );
                    }
                    assert!((sum - want).abs() <= 1e-6 * (n as f64), "a = {power}, n = {n}: {sum} for {want}");
                }
            }
        }
    }

    #[test]
    fn the_force_is_the_derivative() {
        for power in [0.0, 1.0, 1.5, 2.0] {
            let (at, h) = (Potential { power }, 1e-6);
            for squared in [0.01, 0.5, 1.0, 3.9] {
                let slope = (at.at(squared + h).0 - at.at(squared - h).0) / (2.0 * h);
                let force = at.at(squared).1;
                assert!((force + 2.0 * slope).abs() < 1e-5 * force, "{force} for {}", -2.0 * slope);
            }
        }
    }
}
