//! All classes in one direction.
//!
//! The mean resultant length R̄ of directions is the norm of their mean: 1 if they are one, 0 if
//! they cancel (Mardia and Jupp, Directional Statistics, 2000, §2.3.1). Means are taken over
//! each class first and then over the classes, so a batch that is mostly of one class, rightly
//! in one direction, is not mistaken.

use super::{CauseInfo, Evidence, Remedy};
use crate::progress::Vitals;

pub(super) const INFO: CauseInfo = CauseInfo {
    name: "one_direction",
    summary: "the embeddings of all classes point one way",
    remedy: "plain softmax for a while, then a weaker margin, grown anew; a lower rate and scale",
    look,
    cure,
};

/// R̄ from here on: a mean direction off by arccos 0.99 = 8°.
const RESULTANT: f64 = 0.99;

fn look(evidence: &Evidence<'_>, vitals: &mut Vitals) -> Option<String> {
    let (resultant, classes) = if evidence.late() { resultant(evidence) } else { (0.0, 0) };
    // Plain softmax may tell classes apart by norm, along one ray, and a number may be told by it; then
    // nothing is wrong.
    let halfway = 0.5 * (1.0 + 1.0 / evidence.classes as f64);
    let there = classes > 1 && resultant >= RESULTANT && evidence.accuracy() < halfway;
    vitals.suspect(INFO.name, there, evidence.patience()).then(|| {
        format!("the embeddings of {classes} classes point one way: their mean resultant length is {resultant:.4}")
    })
}

/// R̄ over the classes of the batch, and how many they are.
fn resultant(evidence: &Evidence<'_>) -> (f64, usize) {
    let rows = evidence.by_class();
    let mut mean = vec![0.0; evidence.dim];
    for own in rows.values() {
        let share = 1.0 / (own.len() * rows.len()) as f64;
        for &i in own {
            let norm = evidence.stats[i].norm;
            if norm > 0.0 {
                for (m, x) in mean.iter_mut().zip(&evidence.embeddings[i * evidence.dim..]) {
                    *m += share * f64::from(*x) / norm;
                }
            }
        }
    }
    (mean.iter().map(|m| m * m).sum::<f64>().sqrt(), rows.len())
}

fn cure(list: &mut Remedy<'_>) {
    list.start_softly();
    list.weaken();
    list.grow_anew();
    list.slow_down();
    list.lower_scale();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collapse::evidence::testing::{Scene, shown};

    #[test]
    fn one_direction_of_any_lengths() {
        let scene = Scene::healthy().with_embeddings(|i| [3.0 + i as f32, 0.1 * i as f32]).misclassified();
        let said = shown(look, scene.evidence(), 20).unwrap();
        assert!(said.contains("8 classes point one way") && said.ends_with("length is 0.9999"), "{said}");
    }

    #[test]
    fn spread_classes_give_a_resultant_near_zero() {
        let scene = Scene::healthy().misclassified();
        assert!(resultant(&scene.evidence()).0 < 0.01);
        assert_eq!(shown(look, scene.evidence(), 100), None);
    }

    #[test]
    fn a_batch_mostly_of_one_class_is_not_mistaken() {
        let mut scene = Scene::healthy().with_embeddings(|i| if i == 0 { [-1.0, 0.0] } else { [1.0, 0.0] });
        scene.labels = std::iter::once(0).chain([1; 63]).collect();
        assert!(resultant(&scene.evidence()).0 < 1e-9);
        scene.labels = vec![1; 64];
        assert_eq!(shown(look, scene.misclassified().evidence(), 100), None, "one class says nothing");
    }

    #[test]
    fn classes_told_apart_by_their_norms_are_healthy() {
        let scene = Scene::healthy().with_embeddings(|i| [1.0 + (i % 8) as f32, 0.0]);
        assert_eq!(shown(look, scene.evidence(), 100), None);
        // Or numbers, to within some steps.
        let scene = scene.misclassified();
        let nearer: Vec<bool> = (0..scene.labels.len()).map(|i| i % 8 != 0).collect();
        let of_number = Evidence { beats_median: Some(&nearer), ..scene.evidence() };
        assert_eq!(shown(look, of_number, 100), None);
        assert!(shown(look, scene.evidence(), 100).is_some());
    }
}
