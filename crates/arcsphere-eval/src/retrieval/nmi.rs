//! Normalized mutual information of two labelings.

use std::collections::BTreeMap;

use crate::error::{EvalError, Result};

/// NMI = 2·I(A; B)/(H(A) + H(B)), in [0, 1] (Manning, Raghavan and Schütze, Introduction
/// to Information Retrieval, 2008, eq. 16.2 and 16.3). 1 where one labeling is the other
/// renamed, 0 where one says nothing of the other; 1 where both have one label only.
///
/// It is not corrected for chance: with more clusters, random labels score higher.
///
/// # Errors
/// [`EvalError::Length`] if the two differ in length, [`EvalError::TooFew`] for none.
///
/// ```
/// use arcsphere_eval::retrieval::nmi;
/// assert_eq!(nmi(&[0, 0, 1, 1], &[7, 7, 3, 3])?, 1.0);
/// assert_eq!(nmi(&[0, 0, 0, 0], &[0, 1, 2, 3])?, 0.0);
/// # Ok::<(), arcsphere_eval::EvalError>(())
/// ```
pub fn nmi(a: &[u32], b: &[u32]) -> Result<f64> {
    if a.len() != b.len() {
        return Err(EvalError::Length { what: "the second labeling", got: b.len(), expected: a.len() });
    }
    if a.is_empty() {
        return Err(EvalError::TooFew { what: "a labeling", got: 0, needed: 1 });
    }
    let n = a.len() as f64;
    let (mut in_a, mut in_b, mut both) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
    for (&x, &y) in a.iter().zip(b) {
        *in_a.entry(x).or_insert(0_u64) += 1;
        *in_b.entry(y).or_insert(0_u64) += 1;
        *both.entry((x, y)).or_insert(0_u64) += 1;
    }
    if in_a.len() == 1 && in_b.len() == 1 {
        return Ok(1.0);
    }
    let entropy =
        |counts: &BTreeMap<u32, u64>| -> f64 { counts.values().map(|c| *c as f64 / n).map(|p| -p * p.ln()).sum() };
    let mutual: f64 = both
        .iter()
        .map(|((x, y), c)| {
            let p = *c as f64 / n;
            p * (*c as f64 * n / (in_a[x] as f64 * in_b[y] as f64)).ln()
        })
        .sum();
    Ok((2.0 * mutual / (entropy(&in_a) + entropy(&in_b))).clamp(0.0, 1.0) + 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_example_of_the_textbook() {
        // Manning et al., figure 16.4: three clusters of x, o and ⋄; NMI ≈ 0.36, and
        // scikit-learn's normalized_mutual_info_score has more digits.
        let counts = [[5, 1, 0], [1, 4, 1], [2, 0, 3]];
        let (mut clusters, mut classes) = (Vec::new(), Vec::new());
        for (cluster, row) in counts.iter().enumerate() {
            for (class, count) in row.iter().enumerate() {
                clusters.extend(vec![cluster as u32; *count]);
                classes.extend(vec![class as u32; *count]);
            }
        }
        let value = nmi(&clusters, &classes).unwrap();
        assert!((value - 0.364_561_771_857_189_85).abs() < 1e-12, "{value}");
        assert!(nmi(&[1], &[]).is_err() && nmi(&[], &[]).is_err());
        assert_eq!(nmi(&[1, 1], &[2, 2]).unwrap(), 1.0);
    }

    proptest! {
        #[test]
        fn symmetric_and_blind_to_names(pairs in prop::collection::vec((0u32..5, 0u32..5), 1..60)) {
            let (a, b): (Vec<u32>, Vec<u32>) = pairs.into_iter().unzip();
            let value = nmi(&a, &b).unwrap();
            prop_assert!((0.0..=1.0).contains(&value));
            prop_assert!((value - nmi(&b, &a).unwrap()).abs() < 1e-12);
            let renamed: Vec<u32> = a.iter().map(|x| 97 - 3 * x).collect();
            prop_assert!((value - nmi(&renamed, &b).unwrap()).abs() < 1e-12);
            prop_assert!((nmi(&a, &renamed).unwrap() - 1.0).abs() < 1e-12);
        }
    }
}
