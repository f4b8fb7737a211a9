//! A number that is NaN or infinite: where it was first on a step's way.
//!
//! The way is weight → embedding → cosine → loss → gradient. NaN spreads in a step to
//! everything after it, so only the first place says anything about the cause: an embedding
//! overflows where norms grew, a gradient where it was not clipped, a cosine or loss nowhere
//! in this program's own losses.

use super::{CauseInfo, Evidence, Remedy};
use crate::backbones::Backbone;
use crate::head::RowStats;
use crate::nn::export;
use crate::progress::Vitals;

pub(super) const INFO: CauseInfo = CauseInfo {
    name: "not_finite",
    summary: "a weight, embedding, cosine, loss or gradient is NaN or infinite",
    remedy: "a lower rate, clipped gradients, and the margin grown anew; in the end a lower scale",
    look,
    cure,
};

/// Where numbers stop being finite, in the order of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// A weight of the backbone or a prototype.
    Weight,
    /// An embedding, though the weights are finite.
    Embedding,
    /// An angle to a prototype.
    Cosine,
    /// The loss.
    Loss,
    /// The loss's gradient for an embedding, or the backbone's gradient.
    Gradient,
}

/// Whether all numbers are finite.
pub(crate) fn all_finite(values: &[f32]) -> bool {
    values.iter().all(|v| v.is_finite())
}

/// Whether all parameters and running statistics of a backbone are finite.
pub(crate) fn all_finite_in(backbone: &impl Backbone) -> bool {
    export(backbone).iter().all(|t| all_finite(&t.values))
}

impl Place {
    /// The first place up to the gradient for the embeddings, `dx`. `own_prototypes` says
    /// whether the prototypes of the batch's classes were finite before the step, and
    /// `backbone` whether its weights are; it is asked only if an embedding is not.
    pub(crate) fn first(
        own_prototypes: bool,
        embeddings: &[f32],
        backbone: impl FnOnce() -> bool,
        stats: &[RowStats],
        loss: f64,
        dx: &[f32],
    ) -> Option<Place> {
        if !own_prototypes {
            Some(Place::Weight)
        } else if !all_finite(embeddings) {
            Some(if backbone() { Place::Embedding } else { Place::Weight })
        } else if stats.iter().any(|s| !s.target_angle.is_finite()) {
            Some(Place::Cosine)
        } else if !loss.is_finite() {
            Some(Place::Loss)
        } else if !all_finite(dx) {
            Some(Place::Gradient)
        } else {
            None
        }
    }
}

fn look(evidence: &Evidence<'_>, _: &mut Vitals) -> Option<String> {
    let share = |bad: usize, of: usize, what: &str| format!("{bad} of {of} {what} are not finite");
    Some(match evidence.broken? {
        Place::Weight => "weights are not finite".to_owned(),
        Place::Embedding => {
            let rows = evidence.embeddings.chunks(evidence.dim);
            share(rows.filter(|x| !all_finite(x)).count(), evidence.labels.len(), "embeddings")
        }
        Place::Cosine => {
            let bad = evidence.stats.iter().filter(|s| !s.target_angle.is_finite()).count();
            share(bad, evidence.labels.len(), "angles to the own prototype")
        }
        Place::Loss => format!("the loss is {}", evidence.loss),
        Place::Gradient if !evidence.gradient_norm.is_finite() => {
            format!("the gradient's norm is {}", evidence.gradient_norm)
        }
        Place::Gradient => "the loss's gradient for the embeddings is not finite".to_owned(),
    })
}

fn cure(list: &mut Remedy<'_>) {
    list.slow_down();
    list.clip_harder();
    list.grow_anew();
    if list.severity() > 2 {
        list.lower_scale();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collapse::evidence::testing::{BATCH, Scene};

    const NAN: f32 = f32::NAN;

    fn first(own: bool, x: f32, backbone: bool, angle: f64, loss: f64, dx: f32) -> Option<Place> {
        let stats = [RowStats { target_angle: angle, ..RowStats::default() }];
        Place::first(own, &[1.0, x], || backbone, &stats, loss, &[0.0, dx])
    }

    #[test]
    fn the_first_place_is_named() {
        assert_eq!(first(true, 1.0, true, 0.1, 1.0, 1.0), None);
        assert_eq!(first(false, NAN, true, f64::NAN, f64::NAN, NAN), Some(Place::Weight));
        assert_eq!(first(true, NAN, false, f64::NAN, f64::NAN, NAN), Some(Place::Weight));
        assert_eq!(first(true, f32::INFINITY, true, f64::NAN, f64::NAN, NAN), Some(Place::Embedding));
        assert_eq!(first(true, 1.0, true, f64::NAN, f64::NAN, NAN), Some(Place::Cosine));
        assert_eq!(first(true, 1.0, true, 0.1, f64::INFINITY, NAN), Some(Place::Loss));
        assert_eq!(first(true, 1.0, true, 0.1, 1.0, NAN), Some(Place::Gradient));
    }

    #[test]
    fn each_place_has_its_figure() {
        let mut scene = Scene::healthy();
        scene.embeddings[7] = f32::NAN;
        scene.stats[2].target_angle = f64::NAN;
        let said = |broken, gradient_norm| {
            let evidence = Evidence { broken, gradient_norm, loss: f64::NAN, ..scene.evidence() };
            look(&evidence, &mut Vitals::default())
        };
        assert_eq!(said(None, 1.0), None);
        assert_eq!(said(Some(Place::Embedding), 0.0), Some(format!("1 of {BATCH} embeddings are not finite")));
        assert!(said(Some(Place::Cosine), 0.0).unwrap().starts_with(&format!("1 of {BATCH} angles")));
        assert_eq!(said(Some(Place::Loss), 0.0).unwrap(), "the loss is NaN");
        assert_eq!(said(Some(Place::Gradient), f64::INFINITY).unwrap(), "the gradient's norm is inf");
        assert!(said(Some(Place::Gradient), 0.0).unwrap().contains("for the embeddings"));
        assert!(said(Some(Place::Weight), 0.0).unwrap().contains("weights"));
    }
}
