//! What sweeps measured of a loss at some C and D, and what follows from it.
//!
//! A formula knows the room that C prototypes have, not what a training makes of it. So where a
//! sweep was measured at the same C and D, its usable range binds: a margin outside of it, or one at
//! which a training collapsed, is not named.

use serde::Serialize;

/// Margins of one loss, trained at one rate and scale on one data set.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Evidence {
    /// Registry name of the loss.
    pub loss: String,
    /// C.
    pub classes: usize,
    /// D.
    pub dim: usize,
    /// The data set.
    pub data: String,
    /// Peak learning rate.
    pub rate: f64,
    /// The fixed scale, if there is one.
    pub scale: Option<f64>,
    /// Seeds a margin; the least, where margins differ.
    pub seeds: usize,
    /// Every margin that was trained, ascending.
    pub tried: Vec<f64>,
    /// Those at which a training collapsed.
    pub collapsed: Vec<f64>,
    /// The lowest and the highest usable margin; `None` if no margin is usable.
    pub usable: Option<(f64, f64)>,
    /// The best margin, and its mean accuracy or, on an open set, 1 − EER; in [0, 1].
    pub best: Option<(f64, f64)>,
}

/// What all evidence together allows.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Verdict<'a> {
    /// There is none.
    Unknown,
    /// Margins in [low, high] that every evidence with a usable margin allows.
    All(f64, f64),
    /// No margin suits all of it; this one, of the best accuracy, decides.
    Best(&'a Evidence, f64, f64),
    /// No margin that was tried is usable.
    Nothing,
}

/// Joins evidence about one loss at one C and D.
///
/// A rate or scale at which nothing trains says nothing of margins, so evidence without a usable
/// margin counts only if there is no other.
pub(super) fn join(evidence: &[Evidence]) -> Verdict<'_> {
    if evidence.is_empty() {
        return Verdict::Unknown;
    }
    let ranges = evidence.iter().filter_map(|e| Some((e, e.usable?)));
    let Some((low, high)) = ranges.clone().map(|(_, r)| r).reduce(|a, b| (a.0.max(b.0), a.1.min(b.1))) else {
        return Verdict::Nothing;
    };
    if low <= high {
        return Verdict::All(low, high);
    }
    let accuracy = |e: &Evidence| e.best.map_or(f64::NEG_INFINITY, |b| b.1);
    let best = ranges.reduce(|a, b| if accuracy(b.0) > accuracy(a.0) { b } else { a });
    best.map_or(Verdict::Nothing, |(e, (low, high))| Verdict::Best(e, low, high))
}

/// The margin nearest to `wanted` in [low, high] at which nothing collapsed.
///
/// Between two margins that were tried and are usable anything is taken; where `wanted` itself
/// collapsed, the nearest of those tried.
pub(super) fn nearest(wanted: f64, (low, high): (f64, f64), evidence: &[&Evidence]) -> Option<f64> {
    let collapsed = |m: f64| evidence.iter().any(|e| e.collapsed.iter().any(|c| same(*c, m)));
    let inside = wanted.clamp(low, high);
    if !collapsed(inside) {
        return Some(inside);
    }
    let tried = evidence.iter().flat_map(|e| e.tried.iter().copied());
    let fit = tried.filter(|m| (low..=high).contains(m) && !collapsed(*m));
    fit.min_by(|a, b| (a - wanted).abs().total_cmp(&(b - wanted).abs()))
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
        let both = [evidence(Some((0.0, 0.4)), &[0.5], 0.9), evidence(Some((0.1, 0.5)), &[], 0.95)];
        assert_eq!(join(&both), Verdict::All(0.1, 0.4));
        assert_eq!(join(&[]), Verdict::Unknown);
    }

    #[test]
    fn a_rate_at_which_nothing_trains_is_no_evidence_about_margins() {
        let dead = evidence(None, &[0.0, 0.1, 0.2, 0.3, 0.4, 0.5], 0.1);
        assert_eq!(join(&[dead.clone(), evidence(Some((0.0, 0.2)), &[], 0.9)]), Verdict::All(0.0, 0.2));
        assert_eq!(join(&[dead]), Verdict::Nothing);
    }

    #[test]
    fn without_a_common_margin_the_best_accuracy_decides() {
        let apart = [evidence(Some((0.0, 0.1)), &[], 0.9), evidence(Some((0.3, 0.5)), &[], 0.95)];
        assert_eq!(join(&apart), Verdict::Best(&apart[1], 0.3, 0.5));
    }

    #[test]
    fn a_margin_that_collapsed_is_never_the_nearest() {
        let e = evidence(Some((0.0, 0.5)), &[0.3], 0.9);
        assert_eq!(nearest(0.3, (0.0, 0.5), &[&e]), Some(0.2));
        assert_eq!(nearest(0.9, (0.0, 0.5), &[&e]), Some(0.5));
        assert_eq!(nearest(0.25, (0.0, 0.5), &[&e]), Some(0.25));
        let all = evidence(Some((0.3, 0.3)), &[0.3], 0.9);
        assert_eq!(nearest(0.3, (0.3, 0.3), &[&all]), None);
    }
}
