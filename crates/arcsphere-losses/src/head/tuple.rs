//! Losses of the batch's embeddings at the head, alone or beside a softmax.
//!
//! ```text
//! alone    L = tuple(X);               w_j = running mean of x/‖x‖ over class j
//! beside   L = softmax(X) + tuple(X)   w_j trained as ever
//! ```
//!
//! A loss that stands alone trains no prototype. The class means take their place, so that
//! accuracy is that of the nearest class mean, and angles and pictures are those to it. A
//! mean follows its class at the pace of [`MEAN_DECAY`](super::MEAN_DECAY); a class not seen
//! yet keeps the direction that it was given.

use super::{Head, RowStats, Update, kernel};
use crate::tuple::{Role, TupleLoss};
use arcsphere_kernels::head::NORM_FLOOR;

/// A tuple loss and what it is trained with.
#[derive(Debug)]
pub struct TupleTerm {
    /// The loss.
    pub loss: Box<dyn TupleLoss>,
    /// Alone, or added to the head's own.
    pub role: Role,
}

/// A weight of a class's running mean below which it was never seen, or too long ago.
const LEAST_COUNT: f32 = 1e-20;

impl Head {
    /// Whether a tuple loss is the whole loss and prototypes are class means.
    pub fn is_alone(&self) -> bool {
        self.spec.tuple.as_ref().is_some_and(|t| t.role == Role::Alone)
    }

    /// The value of the tuple loss; its gradient into `dx`, and its own numbers moved.
    fn tuple(&mut self, embeddings: &[f32], labels: &[u32], update: &Update, dx: &mut [f32]) -> f64 {
        let Some(TupleTerm { loss, .. }) = &self.spec.tuple else { return 0.0 };
        // It fails only where lengths or labels do, which is the caller's to keep.
        let value = loss.loss(embeddings, labels, self.spec.dim, &mut self.state.tuple, dx).unwrap_or(f64::NAN);
        if value.is_finite() {
            // Proxies are normalized, so their length means nothing and must not decay.
            loss.advance(&mut self.state.tuple, &update.without_decay());
        }
        value
    }

    /// The loss of a term beside the head's own, 0 without one; adds its gradient to `dx`.
    pub(super) fn add_beside(&mut self, embeddings: &[f32], labels: &[u32], update: &Update, dx: &mut [f32]) -> f64 {
        if self.spec.tuple.is_none() {
            return 0.0;
        }
        let mut own = vec![0.0; dx.len()];
        let value = self.tuple(embeddings, labels, update, &mut own);
        dx.iter_mut().zip(&own).for_each(|(to, from)| *to += from);
        value
    }

    /// A step of a loss that stands alone. Rows are judged by the means before this batch.
    pub(super) fn step_alone(
        &mut self,
        embeddings: &[f32],
        labels: &[u32],
        update: &Update,
        dx: &mut [f32],
        stats: &mut [RowStats],
    ) -> f64 {
        let value = self.tuple(embeddings, labels, update, dx);
        let d = self.spec.dim;
        let best = kernel::predict(embeddings, &self.state.weights, &[], d, true, 1);
        let rows = embeddings.chunks_exact(d).zip(labels).zip(&best);
        for (((x, &y), best), out) in rows.zip(stats) {
            let w = &self.state.weights[y as usize * d..][..d];
            let (norm, of_w) = (length(x), length(w));
            let dot: f64 = x.iter().zip(w).map(|(x, w)| f64::from(*x) * f64::from(*w)).sum();
            *out = RowStats {
                loss: value,
                target_angle: (dot / (norm * of_w).max(f64::MIN_POSITIVE)).clamp(-1.0, 1.0).acos(),
                norm,
                correct: best.class == y,
                ..RowStats::default()
            };
        }
        if embeddings.iter().all(|v| v.is_finite()) {
            self.follow(embeddings, labels);
        }
        value
    }

    /// Moves the class means on by a batch.
    fn follow(&mut self, embeddings: &[f32], labels: &[u32]) {
        let d = self.spec.dim;
        let unit: Vec<f32> = embeddings
            .chunks_exact(d)
            .flat_map(|x| {
                let norm = length(x).max(NORM_FLOOR);
                x.iter().map(move |v| (f64::from(*v) / norm) as f32)
            })
            .collect();
        self.observe(&unit, labels);
        let s = &mut self.state;
        for ((w, sum), &n) in s.weights.chunks_exact_mut(d).zip(s.mean_sums.chunks_exact(d)).zip(&s.mean_counts) {
            // A class that points nowhere has no direction to follow.
            if n > LEAST_COUNT && length(sum) > NORM_FLOOR * f64::from(n) {
                w.iter_mut().zip(sum).for_each(|(w, sum)| *w = sum / n);
            }
        }
    }
}

/// ‖v‖.
pub(super) fn length(v: &[f32]) -> f64 {
    v.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>().sqrt()
}

#[cfg(test)]
mod tests {
    use super::super::{HeadSpec, RowStats};
    use super::*;
    use crate::margin::{Recipe, find};
    use crate::margin_schedule::MarginState;
    use crate::random::keyed;
    use crate::regularizer;
    use crate::tuple;

    fn spec(loss: &str, classes: usize, dim: usize) -> HeadSpec {
        let info = find(loss).unwrap();
        let recipe = Recipe::paper(info, classes, dim);
        HeadSpec::new(classes, dim, info.build(&recipe), info.kind.scale, recipe.scale)
    }

    fn head(loss: &str, term: &str, classes: usize) -> Head {
        let info = tuple::find(term).unwrap();
        let term = TupleTerm { loss: info.make(&Default::default()).unwrap(), role: info.kind.role };
        let spec = HeadSpec { tuple: Some(term), ..spec(loss, classes, 2) };
        Head::new(spec, &Update::Gradient, &mut keyed(b"test----", 0, 0))
    }

    #[test]
    fn a_loss_that_stands_alone_tells_classes_by_their_means() {
        let mut head = head("modified_softmax", "triplet", 3);
        head.state.weights[4..].copy_from_slice(&[-1.0, 0.0]);
        let before = head.state().weights.clone();
        let (mut dx, mut stats) = ([0.0; 8], [RowStats::default(); 4]);
        let x = [3.0, 0.0, 0.0, 1.0, 0.0, -2.0, 0.0, -1.0];
        for _ in 0..3 {
            head.step(&x, &[0, 0, 1, 1], MarginState::FULL, &Update::Gradient, &mut dx, &mut stats);
        }
        // The mean of the directions, whatever their lengths; class 2 was never seen.
        let w = &head.state().weights;
        for (got, want) in w.iter().zip([0.5, 0.5, 0.0, -1.0]) {
            assert!((got - want).abs() < 1e-6, "{w:?}");
        }
        assert_eq!(w[4..], before[4..]);
        let best: Vec<u32> = head.predict(&x).iter().map(|b| b.class).collect();
        assert_eq!(best, [0, 0, 1, 1]);
        assert!(stats.iter().all(|s| s.correct && s.target_angle <= std::f64::consts::FRAC_PI_4 + 1e-6));
    }

    #[test]
    fn a_term_beside_softmax_is_added_to_loss_and_gradient() {
        let (x, labels) = ([1.0, 0.5, -1.0, 2.0], [0, 1]);
        let step = |head: &mut Head| {
            let (mut dx, mut stats) = ([0.0; 4], [RowStats::default(); 2]);
            let loss = head.step(&x, &labels, MarginState::FULL, &Update::Gradient, &mut dx, &mut stats);
            (loss, dx)
        };
        let mut with = head("softmax", "center", 2);
        let mut without = Head::with_state(spec("softmax", 2, 2), with.state().clone());
        let ((loss, dx), (plain, plain_dx)) = (step(&mut with), step(&mut without));
        // Centers start at the origin: λ·½·mean ‖x‖², λ·x/B.
        assert!((loss - plain - 0.003 * 0.5 * (1.25 + 5.0) / 2.0).abs() < 1e-9, "{loss} {plain}");
        for ((got, plain), x) in dx.iter().zip(plain_dx).zip(x) {
            assert!((got - plain - 0.003 * x / 2.0).abs() < 1e-7, "{dx:?} {plain_dx:?}");
        }
    }

    /// The total's slope along each coordinate of the prototypes, by what a step of plain gradient
    /// descent moves them. Lengths do not matter to it, so its gradient is tangent.
    #[test]
    fn energy_is_in_the_loss_and_in_the_gradient_of_the_prototypes() {
        let energy = |weight: f64| {
            let info = regularizer::find("hyperspherical_energy").unwrap();
            info.make(&[("weight".to_owned(), weight)].into()).unwrap()
        };
        let with = |weight: f64, weights: &[f32]| {
            let spec = HeadSpec { energy: Some(energy(weight)), ..spec("modified_softmax", 4, 3) };
            let mut head = Head::new(spec, &Update::Gradient, &mut keyed(b"test----", 0, 0));
            head.state.weights = weights.to_vec();
            head
        };
        let w = [1.0, 0.2, 0.1, 0.9, 0.5, -0.2, 0.1, 0.3, 1.5, -0.7, 0.4, 0.2];
        let (x, labels) = ([0.5, 0.4, 0.1, -0.3, 0.8, 0.6], [0, 2]);
        let step = |head: &mut Head, state: MarginState, update: &Update| {
            let (mut dx, mut stats) = ([0.0; 6], [RowStats::default(); 2]);
            head.step(&x, &labels, state, update, &mut dx, &mut stats)
        };
        let at = |w: &[f32]| step(&mut with(5.0, w), MarginState::FULL, &Update::Gradient);
        let term = |weight: f64| energy(weight).term(&w, 3, &labels, &mut [0.0; 12]).unwrap();
        let plain = step(&mut with(0.0, &w), MarginState::FULL, &Update::Gradient);
        assert!((at(&w) - plain - term(5.0)).abs() < 1e-9);
        let linear = MarginState { linear: true, ..MarginState::FULL };
        let of = |weight| step(&mut with(weight, &w), linear, &Update::Gradient);
        assert_eq!(of(5.0), of(0.0), "no energy in the soft start");

        let mut moved = with(5.0, &w);
        let rate = 1e-3_f32;
        step(&mut moved, MarginState::FULL, &Update::Sgd { rate, momentum: 0.0, decay: 0.0 });
        for k in 0..w.len() {
            let h = 1e-2;
            let beside = |by: f32| {
                let mut w = w;
                w[k] += by;
                at(&w)
            };
            let slope = (beside(h) - beside(-h)) / (2.0 * f64::from(h));
            let got = f64::from(w[k] - moved.state.weights[k]) / f64::from(rate);
            assert!((got - slope).abs() < 2e-2 * slope.abs().max(1.0), "{k}: {got} for {slope}");
        }
    }
}
