//! Dimensions of the embedding that say the same of every image.
//!
//! Units before them are dead (a rectifier below zero for every image gives no gradient), or a
//! step that was too large threw the bias far beyond what the images change.

use super::{CauseInfo, Evidence, Remedy};
use crate::progress::Vitals;

pub(super) const INFO: CauseInfo = CauseInfo {
    name: "dead_units",
    summary: "half of the embedding's dimensions or more are the same for every image",
    remedy: "a lower rate, and the margin grown anew",
    look,
    cure,
};

/// A dimension whose standard deviation is below this part of the embeddings' root mean
/// square says nothing, …
const SPREAD: f64 = 1e-4;
/// … and this share of such dimensions is a death.
const SHARE: f64 = 0.5;
/// Fewer images may agree by chance.
const FEWEST: usize = 8;

fn look(evidence: &Evidence<'_>, vitals: &mut Vitals) -> Option<String> {
    let dead = if evidence.late() { dead(evidence).unwrap_or(0) } else { 0 };
    let many = dead as f64 >= SHARE * evidence.dim as f64;
    vitals.suspect(INFO.name, many, evidence.patience()).then(|| {
        let (dim, rows) = (evidence.dim, evidence.labels.len());
        format!("{dead} of {dim} dimensions of the embedding are the same for all {rows} images")
    })
}

/// Dimensions without variance; `None` where the batch cannot tell.
fn dead(evidence: &Evidence<'_>) -> Option<usize> {
    let Evidence { embeddings, labels, dim, .. } = *evidence;
    if labels.len() < FEWEST || labels.iter().all(|y| *y == labels[0]) {
        return None;
    }
    let (mut sums, mut squares) = (vec![0.0; dim], vec![0.0; dim]);
    // From the first row, so that a large common offset costs no digits.
    let first = &embeddings[..dim];
    let mut total = 0.0;
    for x in embeddings.chunks_exact(dim) {
        for (((&x, &first), sum), square) in x.iter().zip(first).zip(&mut sums).zip(&mut squares) {
            let off = f64::from(x) - f64::from(first);
            *sum += off;
            *square += off * off;
            total += f64::from(x) * f64::from(x);
        }
    }
    let n = labels.len() as f64;
    let least = SPREAD * SPREAD * total / embeddings.len() as f64;
    // At the origin nothing is compared with nothing: that is another cause.
    (least > 0.0).then(|| sums.iter().zip(&squares).filter(|(s, q)| *q / n - (*s / n).powi(2) <= least).count())
}

fn cure(list: &mut Remedy<'_>) {
    list.slow_down();
    list.grow_anew();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collapse::evidence::testing::{Scene, shown};

    #[test]
    fn a_dimension_without_variance() {
        let scene = Scene::healthy().with_embeddings(|i| [i as f32 - 30.0, 2.5]);
        let said = shown(look, scene.evidence(), 20).unwrap();
        assert!(said.starts_with("1 of 2 dimensions"), "{said}");
        let all = Scene::healthy().with_embeddings(|_| [1.0, 2.5]);
        assert!(shown(look, all.evidence(), 20).unwrap().starts_with("2 of 2"));
    }

    #[test]
    fn little_variance_is_some() {
        let scene = Scene::healthy().with_embeddings(|i| [i as f32, 0.1 * (i % 5) as f32]);
        assert_eq!(shown(look, scene.evidence(), 100), None);
        assert_eq!(shown(look, Scene::healthy().evidence(), 100), None);
    }

    #[test]
    fn a_batch_of_one_class_or_few_images_cannot_tell() {
        let scene = Scene::healthy().with_embeddings(|_| [1.0, 2.0]);
        let one_class = Evidence { labels: &[3; 64], ..scene.evidence() };
        assert_eq!(dead(&one_class), None);
        let few = Evidence { labels: &scene.labels[..4], embeddings: &scene.embeddings[..8], ..scene.evidence() };
        assert_eq!(dead(&few), None);
        let nothing = Scene::healthy().with_embeddings(|_| [0.0, 0.0]);
        assert_eq!(dead(&nothing.evidence()), None);
    }
}
