//! Several prototypes per class: where they start, and which of them stands for the class.

use super::{Head, HeadSpec, placement};
use crate::fit::nearest_angle_bound;
use crate::random::keyed;

/// The part of the nearest angle within which a class's further prototypes start around its first.
const SHARE: f64 = 0.1;

/// K prototypes per class from one \[C, D\]: it, and others close by.
pub(super) fn centers(spec: &HeadSpec, first: Vec<f32>) -> Vec<f32> {
    let within = SHARE * nearest_angle_bound(spec.classes, spec.dim);
    placement::centers(first, spec.dim, spec.margin.centers(), within, &mut keyed(b"centers ", spec.seed, 0))
}

impl Head {
    /// One prototype per class, \[C, D\]: of several the dominant one, that is nearest to most of
    /// the class's `embeddings` \[N, D\] with `labels` \[N\], the first among equals. None of an ordered
    /// target, whose classes have no direction.
    ///
    /// What is not dominant holds a class's odd images (Deng et al., Sub-center ArcFace, ECCV
    /// 2020), and angles to it say little of the class.
    pub fn dominant(&self, embeddings: &[f32], labels: &[u32]) -> Vec<f32> {
        let (d, k, weights) = (self.spec.dim, self.spec.margin.centers(), &self.state.weights);
        if self.is_ordinal() {
            return Vec::new();
        }
        if k == 1 {
            return weights.clone();
        }
        let mut nearest = vec![0_u64; self.spec.rows()];
        for (x, &y) in embeddings.chunks_exact(d).zip(labels) {
            let mut best = (y as usize * k, f64::NEG_INFINITY);
            for (j, w) in weights.chunks_exact(d).enumerate().skip(y as usize * k).take(k) {
                let cosine = cosine(x, w);
                if cosine > best.1 {
                    best = (j, cosine);
                }
            }
            if let Some(count) = nearest.get_mut(best.0) {
                *count += 1;
            }
        }
        let dominant = |y: usize| (y * k..(y + 1) * k).rev().max_by_key(|&j| nearest[j]).unwrap_or(y * k);
        (0..self.spec.classes).flat_map(|y| weights[dominant(y) * d..][..d].iter().copied()).collect()
    }
}

/// Of w with x, times ‖x‖, which changes no order.
fn cosine(x: &[f32], w: &[f32]) -> f64 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
    dot(x, w) / dot(w, w).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::head::Update;
    use crate::margin::{Recipe, find};

    #[test]
    fn the_dominant_prototype_is_nearest_to_most() {
        let info = find("subcenter_arcface").unwrap();
        let recipe = Recipe::paper(info, 2, 2);
        let spec = HeadSpec::new(2, 2, info.build(&recipe), info.kind.scale, recipe.scale);
        let mut head = Head::new(spec, &Update::Gradient, &mut keyed(b"test----", 0, 0));
        assert_eq!(head.state.weights.len(), 2 * 3 * 2);
        head.state.weights = vec![1.0, 0.0, 0.0, 2.0, -1.0, 0.0, 0.0, 1.0, 3.0, 0.0, 0.0, -1.0];
        let x = [0.1, 1.0, 0.2, 1.0, 1.0, 0.1, -1.0, 0.2, 0.1, -1.0];
        // Class 0: twice its second, once its first; class 1: its second and its third, once each.
        let labels = [0, 0, 0, 1, 1];
        assert_eq!(head.dominant(&x[..6], &labels[..3]), [0.0, 2.0, 0.0, 1.0]);
        assert_eq!(head.dominant(&x, &labels)[2..], [0.0, 1.0]);
        assert_eq!(head.dominant(&[1.0, -2.0], &[1])[2..], [0.0, -1.0]);
    }
}
