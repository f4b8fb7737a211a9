//! All embeddings at the origin.
//!
//! There every cosine is rounding noise: with a free norm all logits are 0 and the loss is
//! log C; with a fixed scale the gradient, which grows as 1/‖x‖, throws the embeddings about. A
//! margin that asks for more than there is drives them there while the norm is free, since
//! a short embedding misses it at no price.

use super::{CauseInfo, Evidence, Remedy};
use crate::progress::Vitals;

pub(super) const INFO: CauseInfo = CauseInfo {
    name: "origin",
    summary: "all embeddings are at the origin",
    remedy: "plain softmax for a while, then a weaker margin, grown anew; a lower rate",
    look,
    cure,
};

/// A mean norm below this is the origin: logits of a free norm then differ by less than a
/// five-hundredth.
const NORM: f64 = 1e-3;

fn look(evidence: &Evidence<'_>, vitals: &mut Vitals) -> Option<String> {
    let norm = evidence.mean_norm()?;
    let there = evidence.settled() && norm < NORM;
    vitals
        .suspect(INFO.name, there, evidence.patience())
        .then(|| format!("the embeddings are at the origin: their mean norm is {norm:.1e}"))
}

fn cure(list: &mut Remedy<'_>) {
    list.start_softly();
    list.weaken();
    list.grow_anew();
    list.slow_down();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collapse::evidence::testing::{Scene, shown};

    #[test]
    fn a_lasting_mean_norm_of_next_to_nothing() {
        let scene = Scene::healthy().with_embeddings(|i| [1e-5, i as f32 * 1e-9]);
        let said = shown(look, scene.evidence(), 20).unwrap();
        assert!(said.contains("1.0e-5"), "{said}");
        assert_eq!(shown(look, scene.evidence(), 19), None, "not for long");
        assert_eq!(shown(look, Evidence { step: 5, ..scene.evidence() }, 90), None, "at the start");
        assert_eq!(shown(look, Scene::healthy().evidence(), 100), None);
    }

    #[test]
    fn short_embeddings_are_not_at_the_origin() {
        let scene = Scene::healthy().with_embeddings(|i| [0.01, 0.001 * i as f32]);
        assert_eq!(shown(look, scene.evidence(), 100), None);
    }
}
