//! What other programs get wrong about verification: a test each, of what is about numbers. That a fit stretched to
//! percents is no probability is a test of `evidence`.

use arcsphere_eval::calibration::Calibration;
use arcsphere_eval::folds::{accuracy, consecutive};
use arcsphere_eval::rates::{Mark, Tally};
use arcsphere_eval::units::{Known, Units};
use arcsphere_eval::verification::{Roc, Verification};

type Result = std::result::Result<(), Box<dyn std::error::Error>>;

/// 1. Thresholds on a grid of 0.01 in d² = 2 − 2·cos, "±" as the folds' population sd.
#[test]
fn thresholds_lie_between_scores_and_the_error_is_that_of_the_mean() -> Result {
    // Genuine pairs at a cosine of 0.501, impostor pairs at 0.499: d² differs by 0.004, between two points of the grid.
    let same: Vec<bool> = (0..200).map(|i| i % 2 == 0).collect();
    let mut scores: Vec<f32> = same.iter().map(|s| if *s { 0.501 } else { 0.499 }).collect();
    let fold = consecutive(200, 10)?;
    assert_eq!(accuracy(&scores, &same, &fold)?.accuracy, 1.0);
    // One fold with 10 of 20 pairs wrong: sd with n − 1 is 0.158, with n 0.15; S_E is the first over √10, 0.05.
    scores[..20].fill(0.499);
    let found = accuracy(&scores, &same, &fold)?;
    assert!((found.accuracy - 0.95).abs() < 1e-12 && (found.standard_error - 0.05).abs() < 1e-12, "{found:?}");
    Ok(())
}

/// 2. TAR at an FAR of 1e-3 from 300 impostor pairs a fold, interpolated over repeated FARs.
#[test]
fn three_hundred_impostors_bear_no_false_match_at_one_in_a_thousand() -> Result {
    let same: Vec<bool> = (0..600).map(|i| i < 300).collect();
    // The best impostor lies in the middle of the genuine scores; above it FAR is 0 at 150 thresholds, 1/300 below.
    let scores: Vec<f32> = (0..600)
        .map(|i| {
            if i < 300 {
                i as f32
            } else if i == 300 {
                149.5
            } else {
                -1.0
            }
        })
        .collect();
    let found = Verification::of(&scores, &same).fmr(&[1e-3, 1.0 / 300.0]).measure()?;
    // No number of 300 pairs speaks of one in a thousand: what keeps it is a threshold without a false match.
    assert_eq!((&found.too_fine[..], found.at_fmr.len()), (&[1e-3][..], 1));
    let strict = Roc::new(&scores, &same)?.tmr_at_fmr(1e-3)?;
    assert_eq!((strict.fmr.value, strict.tmr.value, strict.threshold), (0.0, 0.5, 150.0));
    let one = &found.at_fmr[0];
    assert_eq!((one.fmr.errors, one.tmr.value), (1, 1.0));
    assert!(one.marks.contains(&Mark::FewErrors) && one.fmr.upper > 1.0 / 300.0, "{one:?}");
    Ok(())
}

/// 3. Batches cut from the end, and figures that move with the batch size.
#[test]
fn rates_do_not_depend_on_how_pairs_are_handed_in() -> Result {
    let pairs: Vec<(u32, u32, bool)> = (0..101).map(|i| (i % 7, 7 + i % 11, i % 5 == 0)).collect();
    let whole = {
        let mut tally = Tally::new(Known::Subjects);
        pairs.iter().for_each(|p| tally.push(p.0, p.1, p.2));
        tally.rate()?
    };
    for batch in [1, 32, 64, 101, 500] {
        let mut tally = Tally::new(Known::Subjects);
        pairs.chunks(batch).flatten().for_each(|p| tally.push(p.0, p.1, p.2));
        assert_eq!(tally.rate()?, whole);
    }
    assert_eq!((whole.pairs, whole.errors), (101, 21));
    Ok(())
}

/// 4. The nearest FAR, not one at most the target, on a curve without its collinear points.
#[test]
fn the_target_is_never_exceeded_and_no_point_of_the_curve_is_dropped() -> Result {
    // Impostor scores above all genuine ones: the curve's first four points lie on a line, and the middle ones count.
    let scores = [0.9, 0.8, 0.7, 0.6, 0.5, 0.4];
    let same = [false, false, false, false, true, true];
    let roc = Roc::new(&scores, &same)?;
    assert_eq!(roc.points().len(), 7);
    // The nearest FAR to 0.49 is 0.5.
    let scores = [0.9, 0.8, 0.7, 0.6, 0.5, 0.4];
    let same = [true, false, true, false, true, false];
    let point = Roc::new(&scores, &same)?.tmr_at_fmr(0.6)?;
    assert_eq!((point.fmr.value, point.tmr.value), (1.0 / 3.0, 2.0 / 3.0));
    Ok(())
}

/// 5. Threshold and rate from the same pairs, without an interval.
#[test]
fn a_threshold_that_is_perfect_on_its_own_pairs_states_no_more_than_they_bear() -> Result {
    let same: Vec<bool> = (0..40).map(|i| i < 20).collect();
    let scores: Vec<f32> = (0..40).map(|i| if i < 20 { 0.9 } else { 0.1 + i as f32 / 1000.0 }).collect();
    let units = Units::unknown(40);
    let refused = Calibration::of(&scores, &same, &units).target(1e-3).run().unwrap_err().to_string();
    // 1 − 0.05^(1/20) = 13.91 %.
    assert!(refused.contains("smallest that they bear is 1.4e-1"), "{refused}");
    let found = Calibration::of(&scores, &same, &units).target(0.15).run()?;
    assert_eq!((found.fmr.value, found.fnmr.value), (0.0, 0.0));
    assert!(found.upper > 0.139 && found.fnmr.high > 0.15, "{found:?}");
    Ok(())
}
