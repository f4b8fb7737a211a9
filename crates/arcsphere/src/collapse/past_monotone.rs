//! Target angles past the last point up to which ψ falls.
//!
//! `raw`, `easy` and, for very large margins, `fallback` rise there, so that a sample far from its
//! prototype is pushed further away: with cos 4θ toward θ = π/2, where the loss is as small as
//! on the prototype, and nothing is classified.

use super::{CauseInfo, Evidence, Remedy};
use crate::losses::margin::{Extension, Margins};
use crate::progress::Vitals;
use std::f64::consts::{FRAC_PI_2, PI};

pub(super) const INFO: CauseInfo = CauseInfo {
    name: "past_monotone",
    summary: "most samples are where ψ rises: training pushes them from their class",
    remedy: "plain softmax for a while, then a weaker margin, whose ψ falls further, grown anew",
    look,
    cure,
};

/// The share of a batch past the last monotone point that is a death.
const SHARE: f64 = 0.5;

/// The angle up to which ψ falls, for margins at the strength that they have; π where it
/// never rises.
pub(crate) fn last_monotone(margins: Margins, extension: Extension) -> f64 {
    let Margins { angle_multiplier: m0, angle_margin: m1, .. } = margins;
    let turn = ((PI - m1) / m0).clamp(0.0, PI);
    match extension {
        Extension::Monotone => PI,
        Extension::Raw => turn,
        // ψ jumps where the fallback takes over, from −1 to −cos m1 − m1·sin m1: down, but for
        // margins above 2.33.
        Extension::Fallback if m1.cos() + m1 * m1.sin() < 1.0 => turn,
        Extension::Fallback => PI,
        Extension::Easy if m0 > 1.0 || m1 > 0.0 => turn.min(FRAC_PI_2),
        Extension::Easy => PI,
    }
}

fn look(evidence: &Evidence<'_>, vitals: &mut Vitals) -> Option<String> {
    let last = evidence.last_monotone;
    let past = evidence.stats.iter().filter(|s| s.target_angle > last).count();
    let most = evidence.angular && last < PI && past as f64 >= SHARE * evidence.stats.len() as f64;
    vitals.suspect(INFO.name, evidence.late() && most, evidence.patience()).then(|| {
        let (n, degrees) = (evidence.stats.len(), last.to_degrees());
        format!("{past} of {n} samples are more than {degrees:.1}° from their prototype, where ψ rises")
    })
}

fn cure(list: &mut Remedy<'_>) {
    list.start_softly();
    list.weaken();
    list.grow_anew();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collapse::evidence::testing::{Scene, shown};
    use crate::losses::margin::{Angular, Margin, Row};

    /// Against ψ itself: it falls up to the point, and is higher somewhere behind it.
    #[test]
    fn psi_falls_up_to_the_last_monotone_point_and_no_further() {
        let margins = |m0, m1| Margins { angle_multiplier: m0, angle_margin: m1, cosine_margin: 0.1 };
        let cases = [
            (margins(4.0, 0.0), Extension::Raw),
            (margins(1.0, 0.5), Extension::Raw),
            (margins(1.35, 0.2), Extension::Raw),
            (margins(1.0, 0.5), Extension::Fallback),
            (margins(1.0, 0.0), Extension::Fallback),
            (margins(1.0, 2.5), Extension::Fallback),
            (margins(1.0, 0.5), Extension::Easy),
            (margins(3.0, 0.0), Extension::Easy),
            (margins(1.0, 0.0), Extension::Raw),
            (margins(1.0, 0.0), Extension::Easy),
            (margins(4.0, 0.5), Extension::Monotone),
        ];
        for (margins, extension) in cases {
            let loss = Angular { margins, extension };
            let psi = |theta: f64| loss.target(&Row::at_angle(theta), &[], 1.0).psi;
            let last = last_monotone(margins, extension);
            let grid: Vec<f64> = (0..=2000).map(|i| PI * f64::from(i) / 2000.0).collect();
            let rises = |pair: &&[f64]| psi(pair[1]) > psi(pair[0]) + 1e-12;
            match grid.windows(2).find(rises) {
                Some(pair) => {
                    assert!((pair[0] - last).abs() < 0.003, "{margins:?} {extension:?}: {} not {last}", pair[0]);
                }
                None => assert_eq!(last, PI, "{margins:?} {extension:?}"),
            }
        }
    }

    #[test]
    fn most_samples_behind_it_for_long() {
        let mut scene = Scene::healthy();
        scene.stats.iter_mut().skip(20).for_each(|s| s.target_angle = 1.5);
        let raw = Evidence { last_monotone: PI / 4.0, ..scene.evidence() };
        let said = shown(look, raw, 20).unwrap();
        assert!(said.starts_with("44 of 64 samples are more than 45.0°"), "{said}");
        assert_eq!(shown(look, raw, 19), None);
        assert_eq!(shown(look, scene.evidence(), 100), None, "ψ never rises");
        assert_eq!(shown(look, Evidence { angular: false, ..raw }, 100), None, "no angle counts yet");
        assert_eq!(shown(look, Evidence { last_monotone: 1.6, ..scene.evidence() }, 100), None);
    }
}
