//! Initial weights, drawn on the host so that a seed gives the same bits on every device.

use crate::random::box_muller;
use rand::Rng as _;

/// The generator behind every random choice: ChaCha with eight rounds.
pub type Rng = rand_chacha::ChaCha8Rng;

/// How a weight tensor starts.
///
/// `fan_in` is the number of inputs that one output sums over, `fan_out` the number of outputs
/// that one input reaches.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Init {
    /// N(0, 2 / fan_in): He et al. 2015, "Delving Deep into Rectifiers", eq. 10, the choice of
    /// the ResNet paper. (Its eq. 14, with `fan_out`, serves as well according to the authors.)
    KaimingNormal,
    /// U(−b, b) with b = √(6 / fan_in): the same variance as [`Init::KaimingNormal`].
    KaimingUniform,
    /// U(−b, b) with b = √(6 / (fan_in + fan_out)): Glorot and Bengio 2010, eq. 16.
    XavierUniform,
    /// U(−b, b) with b = 1/√fan_in, a sixth of [`Init::KaimingUniform`]'s variance: smaller
    /// weights, so that under batch-norm the same rate turns them faster. PyTorch's default.
    FanInUniform,
    /// All zeros.
    Zeros,
    /// All equal to the value.
    Const(f32),
}

impl Init {
    /// Draws `len` values for a tensor with the given fans.
    ///
    /// [`Init::Zeros`] and [`Init::Const`] leave the generator untouched. Fans of zero count
    /// as one.
    pub fn draw(self, len: usize, fan_in: usize, fan_out: usize, rng: &mut Rng) -> Vec<f32> {
        let fan_in = fan_in.max(1) as f64;
        let fan_out = fan_out.max(1) as f64;
        match self {
            Self::KaimingNormal => normal(len, (2.0 / fan_in).sqrt(), rng),
            Self::KaimingUniform => uniform(len, (6.0 / fan_in).sqrt(), rng),
            Self::XavierUniform => uniform(len, (6.0 / (fan_in + fan_out)).sqrt(), rng),
            Self::FanInUniform => uniform(len, (1.0 / fan_in).sqrt(), rng),
            Self::Zeros => vec![0.0; len],
            Self::Const(value) => vec![value; len],
        }
    }
}

/// A draw from [0, 1) with 53 random bits.
fn unit(rng: &mut Rng) -> f64 {
    (rng.next_u64() >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
}

fn uniform(len: usize, bound: f64, rng: &mut Rng) -> Vec<f32> {
    (0..len).map(|_| ((2.0 * unit(rng) - 1.0) * bound) as f32).collect()
}

fn normal(len: usize, std: f64, rng: &mut Rng) -> Vec<f32> {
    let mut values = Vec::with_capacity(len + 1);
    while values.len() < len {
        let (u, v) = (unit(rng), unit(rng));
        values.extend(box_muller(u, v, std).map(|v| v as f32));
    }
    values.truncate(len);
    values
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    fn moments(values: &[f32]) -> (f64, f64) {
        let n = values.len() as f64;
        let mean = values.iter().map(|&v| f64::from(v)).sum::<f64>() / n;
        let var = values.iter().map(|&v| (f64::from(v) - mean).powi(2)).sum::<f64>() / n;
        (mean, var)
    }

    #[test]
    fn moments_are_those_of_the_formula() {
        let len = 200_000;
        for (init, variance) in
            [(Init::KaimingNormal, 2.0 / 50.0), (Init::KaimingUniform, 2.0 / 50.0), (Init::XavierUniform, 2.0 / 80.0)]
        {
            let values = init.draw(len, 50, 30, &mut Rng::seed_from_u64(7));
            let (mean, var) = moments(&values);
            // Five standard errors of the mean; the variance's relative error is below 1 %.
            assert!(mean.abs() < 5.0 * (variance / len as f64).sqrt(), "{init:?}: {mean}");
            assert!((var / variance - 1.0).abs() < 0.015, "{init:?}: {var}");
        }
    }

    #[test]
    fn a_seed_gives_the_same_bits_and_another_seed_does_not() {
        let draw = |seed| Init::KaimingNormal.draw(33, 9, 9, &mut Rng::seed_from_u64(seed));
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
    }

    #[test]
    fn constants_do_not_advance_the_generator() {
        let mut rng = Rng::seed_from_u64(3);
        assert_eq!(Init::Const(0.25).draw(3, 1, 1, &mut rng), [0.25; 3]);
        assert_eq!(Init::Zeros.draw(2, 0, 0, &mut rng), [0.0; 2]);
        assert_eq!(rng.next_u64(), Rng::seed_from_u64(3).next_u64());
    }
}
