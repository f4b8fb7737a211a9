//! What sweeps measured of a loss at some C and D, and what follows from it.
//!
//! A formula knows the room that C prototypes have, not what a training makes of it. So where a
//! sweep was measured at the same C and D, it binds: a margin outside the usable range, or one at
//! which a training collapsed, is not named.

use super::AdviseError;
use arcsphere_eval::sweep::Evidence;

/// The evidence of this project's own study, measured with the default trainer: its part on the
/// sensitivity to the margin, written by `cargo xtask study report`.
///
/// # Errors
///
/// [`AdviseError::Study`] if the file that was built in is broken, which a test of this crate rules out.
///
/// ```
/// let known = arcsphere::advise::of_the_study()?;
/// assert!(known.iter().any(|e| (e.loss.as_str(), e.classes, e.dim) == ("arcface", 10, 2)));
/// # Ok::<(), arcsphere::advise::AdviseError>(())
/// ```
pub fn of_the_study() -> Result<Vec<Evidence>, AdviseError> {
    read(include_str!("study.json"))
}

fn read(study: &str) -> Result<Vec<Evidence>, AdviseError> {
    serde_json::from_str(study).map_err(|e| AdviseError::Study(e.to_string()))
}

/// Whether a training at `margin` collapsed.
pub(super) fn died_at(e: &Evidence, margin: f64) -> bool {
    e.collapsed.iter().any(|c| same(*c, margin))
}

/// The margins that may be named: the usable range or, where none could be measured, those
/// next to one another at which nothing collapsed, with the largest of them up to `wanted`
/// among them. What lives beyond a margin that collapsed is not trusted while there is better.
fn allowed(e: &Evidence, wanted: f64) -> Option<(f64, f64)> {
    if e.usable.is_some() {
        return e.usable;
    }
    let lives = |m: &f64| !died_at(e, *m);
    let mut living = e.tried.iter().filter(|m| lives(m));
    let around = living.clone().rfind(|m| **m <= wanted).or_else(|| living.next())?;
    let run = e.tried.chunk_by(|a, b| lives(a) == lives(b)).find(|run| run.contains(around))?;
    Some((*run.first()?, *run.last()?))
}

/// What all evidence together allows.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Verdict<'a> {
    /// There is none.
    Unknown,
    /// Margins in [low, high], which all of it allows.
    All(f64, f64),
    /// No margin suits all of it; this one, of the best accuracy, decides.
    Best(&'a Evidence, f64, f64),
    /// A training collapsed at every margin that was tried.
    Nothing,
}

/// Joins evidence about one loss at one C and D.
///
/// Where a training collapsed at every margin, that is no fault of the margin's, so such
/// evidence counts only if there is no other.
pub(super) fn join<'a>(evidence: &[&'a Evidence], wanted: f64) -> Verdict<'a> {
    if evidence.is_empty() {
        return Verdict::Unknown;
    }
    let ranges: Vec<(&'a Evidence, (f64, f64))> =
        evidence.iter().filter_map(|e| Some((*e, allowed(e, wanted)?))).collect();
    let common = ranges.iter().map(|r| r.1).reduce(|a, b| (a.0.max(b.0), a.1.min(b.1)));
    match common {
        None => Verdict::Nothing,
        Some((low, high)) if low <= high => Verdict::All(low, high),
        Some(_) => {
            let accuracy = |e: &Evidence| e.best.map_or(f64::NEG_INFINITY, |b| b.1);
            let best = ranges.into_iter().reduce(|a, b| if accuracy(b.0) > accuracy(a.0) { b } else { a });
            best.map_or(Verdict::Nothing, |(e, (low, high))| Verdict::Best(e, low, high))
        }
    }
}

/// Of a sweep over several scales, the one nearest to `scale` speaks.
pub(super) fn at_scale(evidence: &[Evidence], scale: Option<f64>) -> Vec<&Evidence> {
    let far = |e: &Evidence| match (e.scale, scale) {
        (Some(a), Some(b)) => (a / b).ln().abs(),
        _ => 0.0,
    };
    let nearer = |e: &Evidence, than: &Evidence| e.source == than.source && e.data == than.data && far(e) < far(than);
    evidence.iter().filter(|e| !evidence.iter().any(|other| nearer(other, e))).collect()
}

/// Whether two margins are one, but for the rounding of a decimal.
pub(super) fn same(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-9
}

#[cfg(test)]
mod tests {
    use super::*;

    fn evidence(usable: Option<(f64, f64)>, collapsed: &[f64], accuracy: f64) -> Evidence {
        Evidence {
            tried: vec![0.0, 0.1, 0.2, 0.3, 0.4, 0.5],
            collapsed: collapsed.to_vec(),
            usable,
            best: usable.map(|u| (u.0, accuracy)),
            ..Evidence::default()
        }
    }

    #[test]
    fn ranges_are_intersected() {
        let (a, b) = (evidence(Some((0.0, 0.4)), &[0.5], 0.9), evidence(Some((0.1, 0.5)), &[], 0.95));
        assert_eq!(join(&[&a, &b], 0.3), Verdict::All(0.1, 0.4));
        assert_eq!(join(&[], 0.3), Verdict::Unknown);
    }

    #[test]
    fn where_everything_collapsed_it_was_not_the_margin() {
        let dead = evidence(None, &[0.0, 0.1, 0.2, 0.3, 0.4, 0.5], 0.1);
        let alive = evidence(Some((0.0, 0.2)), &[], 0.9);
        assert_eq!(join(&[&dead, &alive], 0.3), Verdict::All(0.0, 0.2));
        assert_eq!(join(&[&dead], 0.3), Verdict::Nothing);
    }

    #[test]
    fn without_a_range_the_margins_that_live_next_to_one_another_are_one() {
        let e = evidence(None, &[0.2, 0.5], 0.9);
        for (wanted, range) in [(-1.0, (0.0, 0.1)), (0.24, (0.0, 0.1)), (0.35, (0.3, 0.4)), (9.0, (0.3, 0.4))] {
            assert_eq!(join(&[&e], wanted), Verdict::All(range.0, range.1), "{wanted}");
        }
    }

    #[test]
    fn without_a_common_margin_the_best_accuracy_decides() {
        let (a, b) = (evidence(Some((0.0, 0.1)), &[], 0.9), evidence(Some((0.3, 0.5)), &[], 0.95));
        assert_eq!(join(&[&a, &b], 0.2), Verdict::Best(&b, 0.3, 0.5));
    }

    #[test]
    fn the_nearest_scale_of_a_sweep_speaks() {
        let at = |scale, source: &str| Evidence {
            scale: Some(scale),
            source: source.into(),
            ..evidence(Some((0.0, 0.1)), &[], 0.9)
        };
        let all = [at(8.0, "a"), at(16.0, "a"), at(64.0, "a"), at(64.0, "b")];
        assert_eq!(at_scale(&all, Some(15.9)), [&all[1], &all[3]]);
        assert_eq!(at_scale(&all, Some(50.0)), [&all[2], &all[3]]);
    }

    #[test]
    fn the_study_is_read_whole() {
        let all = of_the_study().unwrap();
        assert!(!all.is_empty());
        for e in &all {
            assert!(e.seeds >= 2 && e.tried.len() >= 8, "{e:?}");
        }
    }

    #[test]
    fn a_broken_study_is_an_error_and_not_none() {
        for broken in ["", "{}", "[{\"loss\": 1}]", "[1"] {
            let error = read(broken).unwrap_err();
            assert!(error.to_string().contains("study.json"), "{error}");
        }
    }
}
