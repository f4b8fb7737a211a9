//! A single image's logits without a margin, in f64, for what is read off the classes'
//! probabilities.

use super::Head;
use crate::margin::ScaleKind;

impl Head {
    /// The logits of one embedding \[D\], \[C\]: w·x + b of plain softmax; else s·cos θ, with s
    /// the scale as it stands or ‖x‖, and of several prototypes of a class the nearest's. Binary
    /// problems have one bias for all classes, which softmax does not see. None where a number is learned
    /// ([`told`](Self::told)).
    pub fn logits(&self, embedding: &[f32]) -> Vec<f64> {
        if self.is_ordinal() {
            return Vec::new();
        }
        let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
        let (d, k) = (self.spec.dim, self.spec.margin.centers());
        let classes = self.state.weights.chunks_exact(d * k);
        let scale = match self.spec.scale_kind {
            ScaleKind::Unnormalized => {
                return classes.zip(&self.state.bias).map(|(w, &b)| dot(w, embedding) + f64::from(b)).collect();
            }
            ScaleKind::EmbeddingNorm => 1.0,
            ScaleKind::Fixed => self.scale() / dot(embedding, embedding).sqrt().max(f64::MIN_POSITIVE),
        };
        let toward = |w: &[f32]| dot(w, embedding) / dot(w, w).sqrt().max(f64::MIN_POSITIVE);
        classes.map(|w| scale * w.chunks_exact(d).map(toward).fold(f64::NEG_INFINITY, f64::max)).collect()
    }
}

#[cfg(test)]
mod tests {
    use crate::head::{Head, HeadSpec, Update};
    use crate::margin::{Recipe, find};
    use crate::random::keyed;

    #[test]
    fn they_are_what_each_loss_predicts_by() {
        for loss in ["softmax", "modified_softmax", "arcface", "subcenter_arcface"] {
            let info = find(loss).unwrap();
            let recipe = Recipe::paper(info, 5, 3);
            let spec = HeadSpec::new(5, 3, info.build(&recipe), info.kind.scale, recipe.scale);
            let head = Head::new(spec, &Update::Gradient, &mut keyed(b"test----", 0, 0));
            let x = [0.6, -0.3, 1.1];
            let logits = head.logits(&x);
            let best = (0..5).max_by(|&a, &b| logits[a].total_cmp(&logits[b])).unwrap();
            assert_eq!(best as u32, head.predict(&x)[0].class, "{loss}");
            let norm = x.iter().map(|v| v * v).sum::<f32>().sqrt();
            let most = match loss {
                "arcface" | "subcenter_arcface" => recipe.scale,
                _ => f64::from(norm) * 10.0,
            };
            assert!(logits.len() == 5 && logits.iter().all(|z| z.abs() <= most * (1.0 + 1e-6)), "{loss} {logits:?}");
            // An angular logit does not see how long a prototype is, and a fixed scale not how long x is.
            let twice = head.logits(&x.map(|v| 2.0 * v));
            let ratio = if loss.contains("arcface") { 1.0 } else { 2.0 };
            assert!(twice.iter().zip(&logits).all(|(a, b)| (a - ratio * b).abs() < 1e-6), "{loss}");
        }
    }
}
