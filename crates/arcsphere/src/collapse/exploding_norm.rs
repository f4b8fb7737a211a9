//! Embeddings that grow out of all proportion.
//!
//! With a free norm a longer embedding is a surer one, so norms grow without bound; in steps
//! that are too large each makes the next larger, and f32 ends some steps later.

use super::{CauseInfo, Evidence, Remedy};
use crate::progress::Vitals;

pub(super) const INFO: CauseInfo = CauseInfo {
    name: "exploding_norm",
    summary: "the embeddings' mean norm is a thousand times its running level",
    remedy: "a lower rate, clipped gradients, and the margin grown anew",
    look,
    cure,
};

/// So many times its running level is an explosion, …
pub(super) const FACTOR: f64 = 1000.0;
/// … above this norm: no healthy network is known to give longer embeddings …
const FLOOR: f64 = 1000.0;
/// … for so many steps in a row.
const PATIENCE: u32 = 3;

/// What a step adds of the distance to a running level of logarithms, …
const PACE: f64 = 0.05;
/// … cut to so much, for a level must not follow what it is to show.
const LONGEST: f64 = 2.0;

/// Less counts as this: from a level of 0 everything would be infinitely far.
const LEAST: f64 = 1e-6;

/// How many times its running level `value` ≥ 0 is; the level then follows a little.
pub(super) fn over_level(level: &mut Option<f64>, value: f64) -> f64 {
    let log = value.max(LEAST).ln();
    let distance = log - *level.get_or_insert(log);
    *level = level.map(|l| l + PACE * distance.clamp(-LONGEST, LONGEST));
    distance.exp()
}

fn look(evidence: &Evidence<'_>, vitals: &mut Vitals) -> Option<String> {
    let norm = evidence.mean_norm()?;
    let times = over_level(&mut vitals.norm_level, norm);
    vitals
        .suspect(INFO.name, norm > FLOOR && times > FACTOR, PATIENCE)
        .then(|| format!("the embeddings' mean norm is {norm:.3e}, {times:.0} times its level before"))
}

fn cure(list: &mut Remedy<'_>) {
    list.slow_down();
    list.clip_harder();
    list.grow_anew();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collapse::evidence::testing::Scene;

    /// The step in which a mean norm of `norm(step)` is called an explosion.
    fn cried(norm: impl Fn(u64) -> f64) -> Option<(u64, String)> {
        let (mut scene, mut vitals) = (Scene::healthy(), Vitals::default());
        (0..400).find_map(|step| {
            scene.stats.iter_mut().for_each(|s| s.norm = norm(step));
            look(&Evidence { step, ..scene.evidence() }, &mut vitals).map(|said| (step, said))
        })
    }

    #[test]
    fn growth_by_half_a_step_is_an_explosion() {
        let (step, said) = cried(|step| if step < 100 { 3.0 } else { 3.0 * 1.5_f64.powi(step as i32 - 100) }).unwrap();
        assert!((118..130).contains(&step), "{step}: {said}");
        assert!(said.contains("times its level before"), "{said}");
    }

    #[test]
    fn the_growth_of_a_healthy_start_is_none() {
        // From 0.01 to 100 in 60 steps, then slowly on.
        assert_eq!(cried(|step| 0.01 * 1e4_f64.powf((step as f64 / 60.0).min(1.0)) + step as f64), None);
        // One batch that stands out.
        assert_eq!(cried(|step| if step == 200 { 1e6 } else { 5.0 }), None);
        assert_eq!(cried(|_| f64::NAN), None);
    }
}
