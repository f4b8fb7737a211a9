//! The normal distribution: Φ and its inverse.
//!
//! Our own, as Student's t is in [`interval`](crate::interval): intervals and p-values in written results
//! must keep their bits from version to version, and those of a library (`statrs` has both functions) change with
//! its approximations. Both are short sums with an inverse by halving, held by tables in the tests.

use std::f64::consts::PI;

/// Φ(z) = P(Z ≤ z) for a standard normal Z, to 10⁻¹⁵ absolute:
///
/// ½ + φ(z) · (z + z³/3 + z⁵/(3·5) + z⁷/(3·5·7) + …)
///
/// (Marsaglia, "Evaluating the normal distribution", 2004).
pub(crate) fn cumulative(z: f64) -> f64 {
    // Beyond, the tail is smaller than the rounding of what it is taken from.
    if z.abs() > 8.3 {
        return if z > 0.0 { 1.0 } else { 0.0 };
    }
    let (mut sum, mut term, mut k) = (z, z, 1.0);
    while sum + term != sum {
        k += 2.0;
        term *= z * z / k;
        sum += term;
    }
    0.5 + sum * (-0.5 * z * z).exp() / (2.0 * PI).sqrt()
}

/// The z with Φ(z) = `p`, for `p` in (0, 1), at least −8.3 and at most 8.3.
pub(crate) fn quantile(p: f64) -> f64 {
    let (mut low, mut high) = (-8.3, 8.3);
    for _ in 0..100 {
        let middle = 0.5 * (low + high);
        if cumulative(middle) < p {
            low = middle;
        } else {
            high = middle;
        }
    }
    0.5 * (low + high)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn matches_the_tables() {
        // Abramowitz and Stegun, table 26.1.
        for (z, p) in [
            (0.0, 0.5),
            (0.5, 0.691_462_461_274_013),
            (1.0, 0.841_344_746_068_543),
            (2.0, 0.977_249_868_051_821),
            (4.0, 0.999_968_328_758_167),
        ] {
            assert!((cumulative(z) - p).abs() < 1e-14, "{z}");
            assert!((cumulative(-z) - (1.0 - p)).abs() < 1e-14, "−{z}");
        }
        assert!((quantile(0.975) - 1.959_963_984_540_054).abs() < 1e-12);
        assert_eq!((cumulative(40.0), cumulative(-40.0), cumulative(f64::INFINITY)), (1.0, 0.0, 1.0));
    }

    proptest! {
        #[test]
        fn the_inverse_undoes_it(z in -5.0..5.0f64) {
            prop_assert!((quantile(cumulative(z)) - z).abs() < 1e-8);
        }
    }
}
