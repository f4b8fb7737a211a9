//! How a block of parameters moves, given its gradient.

use std::ops::Range;

/// What an update rule remembers, one number per parameter. A slice that the rule
/// does not need is empty.
#[derive(Default)]
pub struct Moments<'a> {
    /// SGD's velocity, AdamW's first moment, or the gradient itself for [`Update::Gradient`].
    pub first: &'a mut [f32],
    /// AdamW's second moment.
    pub second: &'a mut [f32],
}

impl Moments<'_> {
    /// The same for a range of the parameters.
    #[inline(always)]
    pub(super) fn part(&mut self, range: Range<usize>) -> Moments<'_> {
        Moments {
            first: self.first.get_mut(range.clone()).unwrap_or_default(),
            second: self.second.get_mut(range).unwrap_or_default(),
        }
    }
}

/// An update rule.
///
/// ```
/// use arcsphere_kernels::head::{Moments, Update};
///
/// let (mut w, mut velocity) = ([1.0], [2.0]);
/// let sgd = Update::Sgd { rate: 0.5, momentum: 0.5, decay: 0.0 };
/// sgd.apply(&mut w, &[3.0], &mut Moments { first: &mut velocity, second: &mut [] });
/// assert_eq!((velocity, w), ([4.0], [-1.0]));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Update {
    /// Nothing moves: the gradient is written to [`Moments::first`].
    Gradient,
    /// v ← μ·v + g + λ·w;  w ← w − η·v.
    Sgd {
        /// η.
        rate: f32,
        /// μ.
        momentum: f32,
        /// λ.
        decay: f32,
    },
    /// Loshchilov and Hutter, 2019, algorithm 2: w ← (1 − η·λ)·w − η·m̂/(√v̂ + ε).
    AdamW {
        /// η.
        rate: f32,
        /// β₁.
        beta1: f32,
        /// β₂.
        beta2: f32,
        /// ε.
        epsilon: f32,
        /// λ.
        decay: f32,
        /// t, from 1.
        step: u64,
    },
}

impl Update {
    /// Applies the rule to parameters `w` with gradient `g`.
    ///
    /// # Panics
    ///
    /// If a moment that the rule needs is not as long as `w`.
    pub fn apply(&self, w: &mut [f32], g: &[f32], moments: &mut Moments<'_>) {
        self.apply_tangent(w, g, 0.0, moments);
    }

    /// The same with gradient g − `along`·w, so that projecting it needs no pass of its own.
    /// Inlined, to be compiled with the instruction set of a kernel that calls it.
    #[inline(always)]
    pub(super) fn apply_tangent(&self, w: &mut [f32], g: &[f32], along: f32, moments: &mut Moments<'_>) {
        assert_eq!(w.len(), g.len());
        assert_eq!(w.len(), moments.first.len(), "the first moment must match the parameters");
        match *self {
            Update::Gradient => {
                for ((w, &g), to) in w.iter().zip(g).zip(moments.first.iter_mut()) {
                    *to = g - along * w;
                }
            }
            Update::Sgd { rate, momentum, decay } => {
                for ((w, &g), v) in w.iter_mut().zip(g).zip(moments.first.iter_mut()) {
                    *v = momentum * *v + ((g - along * *w) + decay * *w);
                    *w -= rate * *v;
                }
            }
            Update::AdamW { rate, beta1, beta2, epsilon, decay, step } => {
                assert_eq!(w.len(), moments.second.len(), "the second moment must match the parameters");
                let t = step.min(i32::MAX as u64) as i32;
                let correct1 = 1.0 - beta1.powi(t);
                let correct2 = 1.0 - beta2.powi(t);
                for (((w, &g), m), v) in
                    w.iter_mut().zip(g).zip(moments.first.iter_mut()).zip(moments.second.iter_mut())
                {
                    let g = g - along * *w;
                    *m = beta1 * *m + (1.0 - beta1) * g;
                    *v = beta2 * *v + (1.0 - beta2) * g * g;
                    *w -= rate * decay * *w;
                    *w -= rate * (*m / correct1) / ((*v / correct2).sqrt() + epsilon);
                }
            }
        }
    }

    /// The same rule with λ = 0.
    pub fn without_decay(self) -> Self {
        match self {
            Update::Gradient => Update::Gradient,
            Update::Sgd { rate, momentum, .. } => Update::Sgd { rate, momentum, decay: 0.0 },
            Update::AdamW { rate, beta1, beta2, epsilon, step, .. } => {
                Update::AdamW { rate, beta1, beta2, epsilon, decay: 0.0, step }
            }
        }
    }

    /// The same rule for moments that were empty before step `since`, counted from 0: AdamW's t
    /// is the number of gradients that they hold, and its bias correction is for that many.
    pub fn since(self, since: u64) -> Self {
        match self {
            Update::AdamW { rate, beta1, beta2, epsilon, decay, step } => {
                Update::AdamW { rate, beta1, beta2, epsilon, decay, step: step.saturating_sub(since).max(1) }
            }
            other => other,
        }
    }

    /// Whether the rule needs [`Moments::second`].
    pub fn needs_second_moment(&self) -> bool {
        matches!(self, Update::AdamW { .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first step of moments that start empty goes by the rate, whatever the training's step:
    /// m̂/√v̂ = ±1. Counted from the training's first step it would go by a part of it.
    #[test]
    fn moments_emptied_later_start_as_others_do() {
        let step_by = |rule: Update| {
            let (mut w, mut m, mut v) = ([1.0, 1.0], [0.0; 2], [0.0; 2]);
            rule.apply(&mut w, &[3.0, -0.02], &mut Moments { first: &mut m, second: &mut v });
            w.map(|w| w - 1.0)
        };
        let rule = Update::AdamW { rate: 0.01, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, decay: 0.0, step: 101 };
        let [down, up] = step_by(rule.since(100));
        assert!((down + 0.01).abs() < 1e-6 && (up - 0.01).abs() < 1e-6, "{down} {up}");
        // (0.1/(1 − 0.9¹⁰¹))/√(0.001/(1 − 0.999¹⁰¹)) = 0.980.
        assert!((step_by(rule)[0] + 0.0098).abs() < 1e-5, "{:?}", step_by(rule));
        assert_eq!(rule.since(0), rule);
        assert_eq!(rule.since(500), rule.since(100), "t is never below 1");
        let sgd = Update::Sgd { rate: 0.1, momentum: 0.9, decay: 0.5 };
        assert_eq!(sgd.since(7), sgd);
    }

    #[test]
    fn sgd_by_hand() {
        let (mut w, mut v) = ([1.0], [2.0]);
        let rule = Update::Sgd { rate: 0.1, momentum: 0.9, decay: 0.5 };
        rule.apply(&mut w, &[3.0], &mut Moments { first: &mut v, second: &mut [] });
        assert!((v[0] - (0.9 * 2.0 + 3.0 + 0.5)).abs() < 1e-6);
        assert!((w[0] - (1.0 - 0.1 * 5.3)).abs() < 1e-6);
    }

    #[test]
    fn without_decay_a_weight_with_no_gradient_stays() {
        let (mut w, mut v) = ([1.0], [0.0]);
        let rule = Update::Sgd { rate: 0.1, momentum: 0.9, decay: 0.5 }.without_decay();
        rule.apply(&mut w, &[0.0], &mut Moments { first: &mut v, second: &mut [] });
        assert_eq!((w, v), ([1.0], [0.0]));
    }

    #[test]
    fn adamw_first_step_is_the_rate_times_the_sign() {
        let (mut w, mut m, mut v) = ([1.0, 1.0], [0.0; 2], [0.0; 2]);
        let rule = Update::AdamW { rate: 0.01, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, decay: 0.0, step: 1 };
        rule.apply(&mut w, &[5.0, -0.2], &mut Moments { first: &mut m, second: &mut v });
        assert!((w[0] - 0.99).abs() < 1e-5 && (w[1] - 1.01).abs() < 1e-5, "{w:?}");
    }
}
