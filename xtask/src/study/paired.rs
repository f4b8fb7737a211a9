//! Series of the same seeds against each other.

use anyhow::Result;
use arcsphere_eval::holm::holm;
use arcsphere_eval::interval::{LEVEL, Mean, paired_difference};
use arcsphere_eval::paired::{paired_t, sign_flip};
use arcsphere_eval::sweep::SIGNIFICANT;
use arcsphere_report::figure::Verdict;

/// Seed of the sign patterns that are drawn where there are too many to count: a report is the same each time.
const SEED: u64 = 0;

/// A series minus a baseline's, over the seeds that both have.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Difference {
    /// With its 95 % Student-t interval.
    pub(super) mean: Mean,
    /// Two-sided, of the paired t-test; by Holm's rule over all series of [`against`].
    pub(super) p: f64,
}

impl Difference {
    pub(super) fn verdict(&self) -> Verdict {
        match self.p <= SIGNIFICANT {
            true if self.mean.value < 0.0 => Verdict::Below,
            true => Verdict::Above,
            false => Verdict::Open,
        }
    }
}

/// Values by seed.
pub(super) type Series = Vec<(u64, f64)>;

/// Each series against the baseline; none with fewer than two seeds in common.
///
/// Where all differences are equal the t-test says 0, and the sign-flip test's p is taken: a spread that was not
/// seen is not known to be 0.
pub(super) fn against(baseline: &Series, series: &[&Series]) -> Result<Vec<Option<Difference>>> {
    let mut out = Vec::new();
    for one in series {
        let common = one.iter().filter_map(|(seed, v)| Some((*v, baseline.iter().find(|b| b.0 == *seed)?.1)));
        let (a, b): (Vec<f64>, Vec<f64>) = common.unzip();
        out.push(if a.len() < 2 {
            None
        } else {
            let t = paired_t(&a, &b)?;
            let p = if t.t.is_infinite() { sign_flip(&a, &b, SEED)?.p } else { t.p };
            Some(Difference { mean: paired_difference(&a, &b, LEVEL)?, p })
        });
    }
    let adjusted = holm(&out.iter().flatten().map(|d| d.p).collect::<Vec<_>>())?;
    out.iter_mut().flatten().zip(adjusted).for_each(|(d, p)| d.p = p);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(values: &[f64]) -> Series {
        values.iter().enumerate().map(|(seed, v)| (seed as u64, *v)).collect()
    }

    #[test]
    fn only_common_seeds_count_and_p_pays_for_the_number_of_tests() {
        let base = series(&[0.90, 0.92, 0.91, 0.93]);
        let better = series(&[0.95, 0.965, 0.96, 0.97]);
        let other = series(&[0.91, 0.91, 0.92, 0.92]);
        let one = vec![(9, 0.5)];
        let alone = against(&base, &[&better]).unwrap()[0].unwrap();
        let d = against(&base, &[&better, &other, &one]).unwrap();
        let first = d[0].unwrap();
        assert_eq!((first.mean.n, first.verdict(), d[2]), (4, Verdict::Above, None));
        assert!((first.p - 2.0 * alone.p).abs() < 1e-12, "{} {}", first.p, alone.p);
        assert_eq!(d[1].unwrap().verdict(), Verdict::Open);
    }

    #[test]
    fn equal_differences_do_not_prove_anything() {
        let base = series(&[0.5, 0.25, 0.125]);
        let d = against(&base, &[&series(&[0.75, 0.5, 0.375])]).unwrap()[0].unwrap();
        assert_eq!((d.mean.value, d.p, d.verdict()), (0.25, 0.25, Verdict::Open));
    }
}
