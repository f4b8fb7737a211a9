//! Gradients that grow out of all proportion.

use super::exploding_norm::{FACTOR, over_level};
use super::{CauseInfo, Evidence, Remedy};
use crate::progress::Vitals;

pub(super) const INFO: CauseInfo = CauseInfo {
    name: "exploding_gradient",
    summary: "the backbone's gradient is a thousand times its running level",
    remedy: "a lower rate, and clipped gradients",
    look,
    cure,
};

/// Below this norm a gradient is none to fear: a level near 0, of a training that has learned
/// its images, is left a thousandfold by the next hard one.
const FLOOR: f64 = 100.0;
/// Steps in a row. An embedding that passes the origin has a long gradient once.
const PATIENCE: u32 = 5;

fn look(evidence: &Evidence<'_>, vitals: &mut Vitals) -> Option<String> {
    let norm = evidence.gradient_norm;
    if !norm.is_finite() {
        return None;
    }
    let times = over_level(&mut vitals.gradient_level, norm);
    vitals
        .suspect(INFO.name, norm > FLOOR && times > FACTOR, PATIENCE)
        .then(|| format!("the gradient's norm is {norm:.3e}, {times:.0} times its level before"))
}

fn cure(list: &mut Remedy<'_>) {
    list.slow_down();
    list.clip_harder();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collapse::evidence::testing::Scene;

    fn cried(norm: impl Fn(u64) -> f64) -> Option<u64> {
        let (scene, mut vitals) = (Scene::healthy(), Vitals::default());
        (0..400).find(|&step| {
            let evidence = Evidence { step, gradient_norm: norm(step), ..scene.evidence() };
            look(&evidence, &mut vitals).is_some()
        })
    }

    #[test]
    fn five_steps_above_a_thousand_times_the_level() {
        assert_eq!(cried(|step| if step < 100 { 1.0 } else { 1e5 }), Some(104));
    }

    #[test]
    fn spikes_and_hard_images_after_easy_ones_are_none() {
        assert_eq!(cried(|step| if step % 3 == 0 { 1e5 } else { 1.0 }), None);
        assert_eq!(cried(|step| if step < 100 { 1e-6 } else { 3.0 }), None);
        assert_eq!(cried(|_| f64::INFINITY), None);
    }
}
