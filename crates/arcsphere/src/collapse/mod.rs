//! How trainings with angular margins die, and what is done about it.
//!
//! A cause of death is one file: how it is recognized (`look`), in a figure that a
//! reader can judge, and what is made softer after it (`cure`). `examine` asks all
//! of them after every step, of what the step has on the host anyway; the one that costs more,
//! the prototypes' nearest angles, looks at sampled classes every so many steps.
//!
//! The trainer then acts as `train.on_collapse` says. To recover it goes back to its last good
//! `Snapshot` and on with a [`Softening`](crate::progress::Softening) that `prescribe` chose.

mod evidence;
mod remedy;
mod snapshot;

mod dead_units;
mod exploding_gradient;
mod exploding_norm;
mod not_finite;
mod one_direction;
mod origin;
mod past_monotone;
mod prototypes_together;
mod stuck_at_chance;

pub(crate) use evidence::Evidence;
pub(crate) use not_finite::{Place, all_finite, all_finite_in};
pub(crate) use past_monotone::last_monotone;
pub(crate) use remedy::{Circumstances, Remedy, prescribe};
pub(crate) use snapshot::Snapshot;
pub(crate) use stuck_at_chance::guesses;

use crate::progress::{Finding, Vitals};
use crate::registry::{Named, registry};

registry! {
    /// Every cause of death that is recognized. Of several in one step the first is named, so
    /// what explains another stands before it.
    CAUSES: CauseInfo = "cause" {
        not_finite,
        exploding_norm,
        exploding_gradient,
        origin,
        dead_units,
        one_direction,
        prototypes_together,
        past_monotone,
        stuck_at_chance,
    }
}

/// The name of the one cause after which nothing can be learned.
pub(crate) const NOT_FINITE: &str = not_finite::INFO.name;

/// A way in which trainings die.
///
/// ```
/// let cause = arcsphere::collapse::find("one_direction")?;
/// println!("{}: {}; then {}", cause.name, cause.summary, cause.remedy);
/// # Ok::<(), arcsphere::registry::UnknownName>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct CauseInfo {
    /// Its name, and the file's.
    pub name: &'static str,
    /// What happens, in a line.
    pub summary: &'static str,
    /// What is made softer.
    pub remedy: &'static str,
    /// The figure that shows it, if it is there. May count in `vitals`.
    look: fn(&Evidence<'_>, &mut Vitals) -> Option<String>,
    /// Makes softer what brought it about.
    cure: fn(&mut Remedy<'_>),
}

impl Named for CauseInfo {
    fn name(&self) -> &'static str {
        self.name
    }
}

/// What a step shows of a training that is dying; `None` of a healthy one.
pub(crate) fn examine(evidence: &Evidence<'_>, vitals: &mut Vitals) -> Option<Finding> {
    let mut first = None;
    // All are asked: a detector that counts steps must see every one.
    for cause in CAUSES {
        if let Some(figure) = (cause.look)(evidence, vitals) {
            first.get_or_insert(Finding { step: evidence.step + 1, cause: cause.name.to_owned(), figure });
        }
    }
    first
}

#[cfg(test)]
mod tests {
    use super::evidence::testing::Scene;
    use super::*;

    #[test]
    fn every_cause_describes_itself() {
        for cause in CAUSES {
            assert!(!cause.summary.is_empty() && !cause.remedy.is_empty(), "{}", cause.name);
            assert_eq!(find(cause.name).unwrap().name, cause.name);
        }
    }

    /// Separated classes on a circle, for hundreds of steps: nobody cries.
    #[test]
    fn a_healthy_scene_shows_nothing() {
        let (scene, mut vitals) = (Scene::healthy(), Vitals::default());
        for step in 0..600 {
            let evidence = Evidence { step, ..scene.evidence() };
            assert_eq!(examine(&evidence, &mut vitals), None, "at {step}");
        }
        assert!(vitals.are_good());
    }

    #[test]
    fn the_cause_comes_before_its_effect() {
        let mut scene = Scene::healthy();
        scene.stats.iter_mut().for_each(|s| s.correct = false);
        let mut vitals = Vitals::default();
        let evidence = Evidence { broken: Some(Place::Gradient), ..scene.evidence() };
        let finding = examine(&evidence, &mut vitals).unwrap();
        assert_eq!((finding.cause.as_str(), finding.step), ("not_finite", evidence.step + 1));
    }
}
