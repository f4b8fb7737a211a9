//! The beta distribution: its distribution function and its inverse.
//!
//! Our own, as the [normal distribution](crate::normal) is. What there is elsewhere was tried: `statrs` 0.19 ends its
//! continued fraction after 140 terms whether it has converged or not, too early for the millions of pairs whose
//! bounds are asked for here.

/// Terms after which the continued fraction is taken as it is; it needs about √(a + b) of them.
const TERMS: usize = 1_000_000;

/// I_x(a, b) = P(X ≤ x) of a beta distribution with `a`, `b` > 0: the continued fraction of Abramowitz and Stegun
/// 26.5.8 by Lentz's method (Press et al., "Numerical Recipes", section 6.4), on the side where it converges fast.
pub(crate) fn cumulative(a: f64, b: f64, x: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    if x >= 1.0 {
        return 1.0;
    }
    let weight = (a * x.ln() + b * (-x).ln_1p() - ln_beta(a, b)).exp();
    if x < (a + 1.0) / (a + b + 2.0) {
        (weight * fraction(a, b, x) / a).clamp(0.0, 1.0)
    } else {
        (1.0 - weight * fraction(b, a, 1.0 - x) / b).clamp(0.0, 1.0)
    }
}

/// The x with I_x(a, b) = `p`, for `p` in (0, 1), by halving.
pub(crate) fn quantile(p: f64, a: f64, b: f64) -> f64 {
    let (mut low, mut high) = (0.0, 1.0);
    // Halvings until the bracket has no number inside it, small x included.
    for _ in 0..200 {
        let middle = 0.5 * (low + high);
        if middle <= low || middle >= high {
            break;
        }
        if cumulative(a, b, middle) < p {
            low = middle;
        } else {
            high = middle;
        }
        if high - low <= 1e-14 * high {
            break;
        }
    }
    0.5 * (low + high)
}

fn fraction(a: f64, b: f64, x: f64) -> f64 {
    let least = |v: f64| if v.abs() < f64::MIN_POSITIVE { f64::MIN_POSITIVE } else { v };
    let mut c = 1.0;
    let mut d = 1.0 / least(1.0 - (a + b) * x / (a + 1.0));
    let mut value = d;
    for m in 1..TERMS {
        let m = m as f64;
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        let before = value;
        for term in [even, odd] {
            d = 1.0 / least(1.0 + term * d);
            c = least(1.0 + term / c);
            value *= c * d;
        }
        if (value - before).abs() <= 1e-15 * value.abs() {
            break;
        }
    }
    value
}

/// ln B(a, b) = ln Γ(a) + ln Γ(b) − ln Γ(a + b).
fn ln_beta(a: f64, b: f64) -> f64 {
    ln_gamma(a) + ln_gamma(b) - ln_gamma(a + b)
}

/// ln Γ(x), x > 0: Stirling's series from 10 on, below by Γ(x) = Γ(x + 1)/x.
fn ln_gamma(x: f64) -> f64 {
    let (mut x, mut below) = (x, 0.0);
    while x < 10.0 {
        below += x.ln();
        x += 1.0;
    }
    let (r, r2) = (1.0 / x, 1.0 / (x * x));
    let series = r
        * (1.0 / 12.0
            - r2 * (1.0 / 360.0
                - r2 * (1.0 / 1260.0 - r2 * (1.0 / 1680.0 - r2 * (1.0 / 1188.0 - r2 * 691.0 / 360_360.0)))));
    (x - 0.5) * x.ln() - x + 0.5 * (2.0 * std::f64::consts::PI).ln() + series - below
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn agrees_with_scipy() {
        // scipy.stats.beta.ppf(0.95, a, b) of SciPy 1.17.
        for (a, b, x) in [
            (1.0, 20.0, 0.13910834066826516),
            (3.0, 17.0, 0.29580201397505035),
            (31.0, 2970.0, 0.013539307620630348),
            (1001.5, 999000.25, 0.001054087063456276),
            (15001.0, 15600000.0, 0.0009736104624813154),
            (780001.0, 14800000.0, 0.05015515574850758),
            (0.5, 0.5, 0.9938441702975689),
            (9000.0, 10.0, 0.9993976598395059),
        ] {
            assert!((quantile(0.95, a, b) / x - 1.0).abs() < 1e-8, "{a} {b}: {}", quantile(0.95, a, b));
        }
    }

    #[test]
    fn no_error_among_n_has_its_bound_in_closed_form() {
        for n in [1.0_f64, 20.0, 1501.0, 1e6] {
            let bound = 1.0 - 0.05_f64.powf(1.0 / n);
            assert!((quantile(0.95, 1.0, n) / bound - 1.0).abs() < 1e-8, "{n}");
        }
    }

    proptest! {
        #[test]
        fn the_inverse_undoes_it(a in 0.5..400.0f64, b in 0.5..400.0f64, p in 0.001..0.999f64) {
            prop_assert!((cumulative(a, b, quantile(p, a, b)) - p).abs() < 1e-9);
        }

        #[test]
        fn it_is_symmetric(a in 0.5..400.0f64, b in 0.5..400.0f64, x in 0.0..1.0f64) {
            prop_assert!((cumulative(a, b, x) + cumulative(b, a, 1.0 - x) - 1.0).abs() < 1e-9);
        }
    }
}
