//! Prototypes that have collapsed together.
//!
//! Two classes at one angle are one class. A strong margin pulls each prototype toward its
//! hardest samples, which are those of a neighbor, and on a circle nothing pushes them apart:
//! prototypes that meet stay together, however slow they are, until they are placed anew.
//!
//! Steps of an ordered target are left alone: one year and the next look alike, their prototypes stand
//! close by right, and to spread them would tear the order that was learned.

use super::{CauseInfo, Evidence, Remedy};
use crate::losses::fit::nearest_angle_bound;
use crate::progress::Vitals;

pub(super) const INFO: CauseInfo = CauseInfo {
    name: "prototypes_together",
    summary: "prototypes stand on one another, though there is room for all",
    remedy: "prototypes spread anew, in their order, from the second time by plain softmax; slower, still on a circle; a weaker margin grown anew",
    look,
    cure,
};

/// Neighbors nearer than this part of the nearest angle that C and D allow are together, …
const NEAR: f64 = 0.02;
/// … and this share of such classes is a death. Of two million faces some are of one person
/// under two names, and rightly together.
const SHARE: f64 = 0.05;
/// Looks in a row, since prototypes may pass one another.
const PATIENCE: u32 = 2;
/// Classes whose neighbors are looked for, spread evenly over all.
const SAMPLED: usize = 64;

fn look(evidence: &Evidence<'_>, vitals: &mut Vitals) -> Option<String> {
    let due = (evidence.step + 1).is_multiple_of(evidence.look_every.max(1));
    if !due || !evidence.angular || !evidence.settled() || evidence.ordered {
        return None;
    }
    let room = nearest_angle_bound(evidence.classes, evidence.dim);
    let nearest = nearest_angles(evidence);
    let together = nearest.iter().filter(|a| **a < NEAR * room).count();
    let many = together >= 2 && together as f64 >= SHARE * nearest.len() as f64;
    vitals.suspect(INFO.name, many, PATIENCE).then(|| {
        let least = nearest.iter().copied().fold(f64::INFINITY, f64::min).to_degrees();
        format!(
            "{together} of {} prototypes are less than {:.2}° from another (the nearest {least:.2}°), where {:.1}° are possible",
            nearest.len(),
            (NEAR * room).to_degrees(),
            room.to_degrees()
        )
    })
}

/// The angle from each sampled class's prototypes to the nearest of another class.
fn nearest_angles(evidence: &Evidence<'_>) -> Vec<f64> {
    let dim = evidence.dim;
    let rows: Vec<&[f32]> = evidence.prototypes.chunks_exact(dim).collect();
    // Sub-centers of one class may stand together.
    let centers = (rows.len() / evidence.classes.max(1)).max(1);
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
    let length: Vec<f64> = rows.iter().map(|w| dot(w, w).sqrt().max(f64::MIN_POSITIVE)).collect();
    let step = evidence.classes.div_ceil(SAMPLED).max(1);
    (0..evidence.classes)
        .step_by(step)
        .map(|class| {
            let own = class * centers..(class + 1) * centers;
            let others = (0..rows.len()).filter(|j| !own.contains(j));
            let cosines = others.flat_map(|j| {
                let (rows, length) = (&rows, &length);
                own.clone().map(move |i| dot(rows[i], rows[j]) / length[i] / length[j])
            });
            cosines.fold(-1.0, f64::max).min(1.0).acos()
        })
        .collect()
}

fn cure(list: &mut Remedy<'_>) {
    if list.severity() == 1 {
        list.spread_prototypes();
    } else {
        list.start_softly();
    }
    list.slow_prototypes();
    list.weaken();
    list.grow_anew();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collapse::evidence::testing::Scene;
    use rand::{RngExt, SeedableRng};

    fn said(scene: &Scene) -> Option<String> {
        twice(Evidence { step: 599, ..scene.evidence() })
    }

    /// What two looks say of the same.
    fn twice(evidence: Evidence<'_>) -> Option<String> {
        let mut vitals = Vitals::default();
        assert_eq!(look(&evidence, &mut vitals), None, "a moment is none");
        look(&evidence, &mut vitals)
    }

    #[test]
    fn two_of_eight_at_one_angle() {
        let mut scene = Scene::healthy();
        // Of another length: only the direction counts.
        scene.prototypes[2..4].copy_from_slice(&[3.0, 0.001]);
        let figure = said(&scene).unwrap();
        assert!(figure.starts_with("2 of 8 prototypes are less than 0.90°"), "{figure}");
        assert!(figure.contains("45.0° are possible"), "{figure}");
        let between = Evidence { step: 598, ..scene.evidence() };
        assert_eq!(twice(between), None, "not every step");
        let linear = Evidence { step: 599, angular: false, ..scene.evidence() };
        assert_eq!(twice(linear), None, "lengths and biases count too");
        let ordered = Evidence { step: 599, ordered: true, ..scene.evidence() };
        assert_eq!(twice(ordered), None, "neighbors of an order are alike");
        let early = Evidence { step: 99, ..scene.evidence() };
        assert_eq!(twice(early), None, "random ones may stand anywhere");
    }

    #[test]
    fn crowded_is_not_together() {
        let mut scene = Scene::healthy();
        let (sin, cos) = 0.05_f32.sin_cos();
        scene.prototypes[2..4].copy_from_slice(&[cos, sin]);
        assert_eq!(said(&scene), None);
        assert_eq!(said(&Scene::healthy()), None);
    }

    #[test]
    fn one_person_under_two_names_among_many_is_none() {
        let scene = Scene::healthy();
        let mut rng = crate::nn::Rng::seed_from_u64(1);
        let mut prototypes: Vec<f32> = (0..1000 * 16).map(|_| rng.random_range(-1.0f32..1.0)).collect();
        let doubled = prototypes[..16].to_vec();
        prototypes[16..32].copy_from_slice(&doubled);
        let many = Evidence { step: 599, classes: 1000, dim: 16, prototypes: &prototypes, ..scene.evidence() };
        assert_eq!(nearest_angles(&many).len(), 63);
        assert_eq!(twice(many), None);
        let same = [1.0; 1000 * 16];
        let all = Evidence { prototypes: &same, ..many };
        assert!(twice(all).unwrap().starts_with("63 of 63"));
    }

    #[test]
    fn centers_of_one_class_may_stand_together() {
        let scene = Scene::healthy();
        let doubled: Vec<f32> = scene.prototypes.chunks(2).flat_map(|w| [w, w].concat()).collect();
        let evidence = Evidence { step: 599, prototypes: &doubled, ..scene.evidence() };
        assert_eq!(twice(evidence), None);
    }
}
