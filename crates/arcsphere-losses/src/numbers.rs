//! Small functions in f64: dot products of f32 slices, and logarithms of sums of exponentials that
//! neither overflow nor cancel.

/// a·b, summed in order.
pub(crate) fn dot(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
}

/// ‖v‖; f64 holds the square of any f32.
pub(crate) fn length(v: &[f32]) -> f64 {
    dot(v, v).sqrt()
}

/// log Σ exp(z): −∞ for no z. `z` is gone through twice.
pub(crate) fn log_sum_exp(z: impl Iterator<Item = f64> + Clone) -> f64 {
    let largest = z.clone().fold(f64::NEG_INFINITY, f64::max);
    if largest == f64::NEG_INFINITY {
        return largest;
    }
    largest + z.map(|z| (z - largest).exp()).sum::<f64>().ln()
}

/// log(1 + exp z), for z = −∞ too.
pub(crate) fn softplus(z: f64) -> f64 {
    z.max(0.0) + (-z.abs()).exp().ln_1p()
}

/// 1/(1 + exp(−z)), the derivative of [`softplus`].
pub(crate) fn sigmoid(z: f64) -> f64 {
    let e = (-z.abs()).exp();
    if z >= 0.0 { 1.0 / (1.0 + e) } else { e / (1.0 + e) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn far_from_zero_they_are_their_asymptotes() {
        assert_eq!(log_sum_exp([1e5, 1e5 - 1e4].into_iter()), 1e5);
        assert_eq!(log_sum_exp([].into_iter()), f64::NEG_INFINITY);
        assert_eq!((softplus(1e5), softplus(-1e5), softplus(f64::NEG_INFINITY)), (1e5, 0.0, 0.0));
        assert_eq!((sigmoid(1e5), sigmoid(-1e5), sigmoid(f64::NEG_INFINITY)), (1.0, 0.0, 0.0));
    }

    #[test]
    fn near_zero_they_are_the_plain_formulas() {
        for z in [-3.0_f64, -0.5, 0.0, 0.7, 4.0] {
            assert!((softplus(z) - (1.0 + z.exp()).ln()).abs() < 1e-15 * 8.0);
            assert!((sigmoid(z) - 1.0 / (1.0 + (-z).exp())).abs() < 1e-15);
            assert!((log_sum_exp([z, 1.0].into_iter()) - (z.exp() + 1.0_f64.exp()).ln()).abs() < 1e-14);
        }
    }
}
