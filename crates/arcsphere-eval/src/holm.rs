//! P-values of several tests together.

use crate::error::{EvalError, Result};

/// Holm's step-down adjusted p-values, in the order of `p`: of the m sorted ones
///
/// p̃₍ᵢ₎ = max over j ≤ i of min(1, (m − j + 1)·p₍ⱼ₎)
///
/// (Holm, "A simple sequentially rejective multiple test procedure", 1979). To call a
/// test significant where p̃ ≤ α keeps the chance of one false call or more among all m at
/// α, whatever depends on what; never less powerful than Bonferroni's m·p.
///
/// # Errors
/// [`EvalError::Range`] for a p outside [0, 1] or NaN.
///
/// ```
/// let adjusted = arcsphere_eval::holm::holm(&[0.01, 0.04, 0.03, 0.005])?;
/// assert_eq!(adjusted, [0.03, 0.06, 0.06, 0.02]);
/// # Ok::<(), arcsphere_eval::EvalError>(())
/// ```
pub fn holm(p: &[f64]) -> Result<Vec<f64>> {
    if let Some(wrong) = p.iter().find(|v| !(0.0..=1.0).contains(*v)) {
        return Err(EvalError::Range { what: "a p-value", value: *wrong, expected: "a number from 0 to 1" });
    }
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|a, b| p[*a].total_cmp(&p[*b]));
    let mut out = vec![0.0; p.len()];
    let mut largest: f64 = 0.0;
    for (step, i) in order.into_iter().enumerate() {
        largest = largest.max(((p.len() - step) as f64 * p[i]).min(1.0));
        out[i] = largest;
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn agrees_with_r() {
        // p.adjust(c(0.0001, 0.5, 0.02, 0.02, 0.9), "holm") in R.
        let adjusted = holm(&[0.0001, 0.5, 0.02, 0.02, 0.9]).unwrap();
        for (a, expected) in adjusted.iter().zip([0.0005, 1.0, 0.08, 0.08, 1.0]) {
            assert!((a - expected).abs() < 1e-12, "{adjusted:?}");
        }
        assert!(holm(&[]).unwrap().is_empty());
        assert_eq!(holm(&[0.3]).unwrap(), [0.3]);
    }

    #[test]
    fn wrong_input_is_named() {
        for p in [-0.1, 1.5, f64::NAN] {
            assert!(holm(&[0.5, p]).unwrap_err().to_string().contains("from 0 to 1"));
        }
    }

    proptest! {
        #[test]
        fn keeps_the_order_and_lies_between_raw_and_bonferroni(p in prop::collection::vec(0.0..=1.0f64, 0..20)) {
            let adjusted = holm(&p).unwrap();
            for i in 0..p.len() {
                prop_assert!(p[i] <= adjusted[i] && adjusted[i] <= 1.0);
                prop_assert!(adjusted[i] <= (p.len() as f64 * p[i]).min(1.0) + 1e-15);
                for j in 0..p.len() {
                    prop_assert!(p[i] > p[j] || adjusted[i] <= adjusted[j]);
                }
            }
        }
    }
}
