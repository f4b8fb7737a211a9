use super::*;
use crate::random::{below, keyed};
use proptest::prelude::*;

/// The variance by its definition, cell by cell.
fn variance(pairs: &[(u32, u32, bool)]) -> f64 {
    let units = 1 + pairs.iter().map(|p| p.0.max(p.1)).max().unwrap() as usize;
    let (total, errors) = (pairs.len() as f64, pairs.iter().filter(|p| p.2).count() as f64);
    let mut d = vec![vec![0.0; units]; units];
    for &(a, b, error) in pairs {
        d[a.min(b) as usize][a.max(b) as usize] += f64::from(u8::from(error)) - errors / total;
    }
    let (mut squares, mut off, mut diagonal) = (0.0, 0.0, 0.0);
    for (i, row) in d.iter().enumerate() {
        for (j, v) in row.iter().enumerate() {
            squares += v * v;
            if i == j { diagonal += v * v } else { off += v * v }
        }
    }
    let sum = |i: usize| (0..units).map(|j| if i == j { d[i][i] } else { d[i][j] + d[j][i] }).sum::<f64>();
    let rows: f64 = (0..units).map(|i| sum(i).powi(2)).sum();
    (squares + (rows - 2.0 * off - diagonal).max(0.0)) / (total * total)
}

fn tally(known: Known, pairs: &[(u32, u32, bool)]) -> Tally {
    let mut tally = Tally::new(known);
    pairs.iter().for_each(|&(a, b, error)| tally.push(a, b, error));
    tally
}

#[test]
fn independent_pairs_are_as_many_as_they_are() {
    let pairs: Vec<_> = (0..400).map(|i| (2 * i, 2 * i + 1, i % 10 == 0)).collect();
    let rate = tally(Known::Subjects, &pairs).rate().unwrap();
    let wilson = crate::interval::wilson(40, 400).unwrap();
    assert_eq!((rate.low, rate.high, rate.n_eff), (wilson.low, wilson.high, 400.0));
    assert_eq!((rate.exact.errors, rate.exact.pairs), (40, 400));
    // Clopper and Pearson's, 40 of 400, one-sided 95 % (scipy.stats.beta.ppf(0.95, 41, 360)).
    assert!((rate.upper - 0.128_181_2).abs() < 1e-6 && rate.upper == rate.exact.upper, "{rate:?}");
    assert_eq!(rate.marks(), []);
}

#[test]
fn no_error_has_the_bounds_of_the_specification() {
    // All against all: ⌊S/2⌋ pairs share no subject, in whatever order they come.
    for (subjects, percent) in [(20, 26.0), (40, 14.0), (100, 5.8), (1000, 0.60)] {
        let pairs: Vec<_> = (0..subjects).flat_map(|b| (0..b).map(move |a| (a, b, false))).collect();
        let rate = tally(Known::Subjects, &pairs).rate().unwrap();
        assert_eq!(rate.exact.pairs, u64::from(subjects) / 2);
        assert!((100.0 * rate.exact.upper / percent - 1.0).abs() < 0.02, "{subjects}: {rate:?}");
        // The rule of three.
        assert!((rate.if_independent * rate.pairs as f64 / 3.0 - 1.0).abs() < 0.02, "{rate:?}");
        assert!(rate.marks().contains(&Mark::FewErrors));
    }
}

#[test]
fn repeated_comparisons_of_the_same_subjects_add_little() {
    // Ten genuine pairs a subject that go wrong together.
    let pairs: Vec<_> = (0..500).map(|i| (i / 10, i / 10, (i / 10) % 5 == 0)).collect();
    let rate = tally(Known::Subjects, &pairs).rate().unwrap();
    assert!((rate.n_eff - 50.0).abs() < 1e-9 && rate.exact.pairs == 50, "{rate:?}");
}

#[test]
fn wrong_input_is_named() {
    assert!(Tally::new(Known::Subjects).rate().unwrap_err().to_string().contains("an error rate has 0 entries"));
    for (k, n, level) in [(0.0, 0.0, 0.95), (2.0, 1.0, 0.95), (f64::NAN, 1.0, 0.95), (0.0, 5.0, 1.0)] {
        assert!(proportion_upper(k, n, level).is_err(), "{k} {n} {level}");
    }
    assert_eq!(proportion_upper(5.0, 5.0, 0.95).unwrap(), 1.0);
    let marked = tally(Known::Nothing, &[(0, 0, false)]).rate().unwrap().marks();
    assert_eq!(marked, [Mark::AtBest, Mark::Exploratory, Mark::FewErrors]);
}

proptest! {
    #[test]
    fn the_running_sums_are_the_formula(seed: u64, n in 1_usize..200, units in 1_usize..12) {
        let mut rng = keyed(b"test----", seed, 0);
        let pairs: Vec<_> = (0..n)
            .map(|_| (below(&mut rng, units) as u32, below(&mut rng, units) as u32, below(&mut rng, 3) == 0))
            .collect();
        let tally = tally(Known::Images, &pairs);
        prop_assert!((tally.spread.variance() - variance(&pairs)).abs() < 1e-12);
        let rate = tally.rate().unwrap();
        prop_assert!(0.0 <= rate.low && rate.low <= rate.value && rate.value <= rate.high && rate.high <= 1.0);
        prop_assert!(rate.value <= rate.upper && rate.n_eff <= n as f64 && rate.n_eff > 0.0);
    }
}
