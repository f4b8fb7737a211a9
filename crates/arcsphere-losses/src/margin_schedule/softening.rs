//! What a training that was dying goes on with: a schedule made softer.

use super::MarginState;
use crate::range::{OutOfRange, Range};
use serde::{Deserialize, Serialize};

/// What recoveries made of the schedules. The default changes nothing.
///
/// [`Head::soften`](crate::head::Head::soften) applies all of it but the learning rate, which is that of the
/// update that a head is handed.
///
/// ```
/// use arcsphere_losses::margin_schedule::{MarginState, Softening};
///
/// let soft = Softening { strength: 0.5, ramp: Some((100, 300)), ..Softening::default() };
/// assert_eq!(soft.margin(MarginState::FULL, 200).strength, 0.25);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Softening {
    /// Factor of the learning rate, in (0, 1].
    pub rate: f64,
    /// Factor of the normalized prototypes' rate on top of it, in [0, 1].
    pub prototype_rate: f64,
    /// Factor of a fixed scale, in (0, 1].
    pub scale: f64,
    /// Factor of the margin's strength, in (0, 1].
    pub strength: f64,
    /// Least λ of SphereFace's annealing, ≥ 0.
    pub lambda: f64,
    /// Largest norm of a gradient, if that is less than the configuration's.
    pub clip: Option<f64>,
    /// Plain softmax again, from the first of these steps to the second; then prototypes are
    /// placed anew.
    pub soft_start: Option<(u64, u64)>,
    /// The margin grows anew, linearly from the first of these steps to the second.
    pub ramp: Option<(u64, u64)>,
}

impl Default for Softening {
    fn default() -> Self {
        Softening {
            rate: 1.0,
            prototype_rate: 1.0,
            scale: 1.0,
            strength: 1.0,
            lambda: 0.0,
            clip: None,
            soft_start: None,
            ramp: None,
        }
    }
}

impl Softening {
    /// Refuses factors that are no parts.
    ///
    /// # Errors
    ///
    /// [`OutOfRange`] for the first of them.
    pub fn check(&self) -> Result<(), OutOfRange> {
        let part = Range::Closed(0.0, 1.0);
        let numbers = [
            ("softening.rate", self.rate, part),
            ("softening.prototype_rate", self.prototype_rate, part),
            ("softening.scale", self.scale, Range::Above(0.0, 1.0)),
            ("softening.strength", self.strength, part),
            ("softening.lambda", self.lambda, Range::AtLeast(0.0)),
            ("softening.clip", self.clip.unwrap_or(1.0), Range::Over(0.0)),
        ];
        for (key, value, range) in numbers {
            if !range.contains(value) {
                let (why, way_out) = ("a recovery makes a training softer", "take what changes nothing");
                return Err(OutOfRange { key, value, range: range.to_string(), why, way_out });
            }
        }
        Ok(())
    }

    /// What is left of the schedule's margin at `step`.
    pub fn margin(&self, scheduled: MarginState, step: u64) -> MarginState {
        let grown = match self.ramp {
            Some((_, until)) if step >= until => 1.0,
            Some((from, until)) => step.saturating_sub(from) as f64 / until.saturating_sub(from).max(1) as f64,
            None => 1.0,
        };
        MarginState {
            linear: scheduled.linear || self.soft_start.is_some_and(|(from, until)| (from..until).contains(&step)),
            strength: scheduled.strength * self.strength * grown,
            lambda: scheduled.lambda.max(self.lambda),
            ..scheduled
        }
    }

    /// The steps of plain softmax that `step` is in, or after which it is: the schedule's, which
    /// end at `first_angular`, or a recovery's.
    pub fn soft_phase(&self, first_angular: u64, step: u64) -> (u64, u64) {
        match self.soft_start {
            Some((from, until)) if step >= from => (from, until.max(first_angular)),
            _ => (0, first_angular),
        }
    }

    /// The limit of a gradient's norm, 0 for none, where the configuration has `clip`.
    pub fn clip(&self, clip: f64) -> f64 {
        match self.clip {
            Some(own) if clip > 0.0 => own.min(clip),
            Some(own) => own,
            None => clip,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_softening_changes_nothing() {
        let state = MarginState { linear: true, scale_share: 0.3, strength: 0.4, lambda: 7.0, step: 0 };
        let none = Softening::default();
        assert_eq!((none.margin(state, 5), none.clip(5.0), none.clip(0.0)), (state, 5.0, 0.0));
    }

    #[test]
    fn a_softer_margin_grows_anew_and_stays_weaker() {
        let soft = Softening { strength: 0.5, ramp: Some((100, 300)), lambda: 5.0, ..Softening::default() };
        let at = |step| soft.margin(MarginState::FULL, step);
        assert_eq!([at(90), at(100), at(200), at(300), at(900)].map(|s| s.strength), [0.0, 0.0, 0.25, 0.5, 0.5]);
        assert_eq!(at(900).lambda, 5.0);
    }

    #[test]
    fn plain_softmax_comes_again() {
        let soft = Softening { soft_start: Some((200, 300)), ..Softening::default() };
        let linear = |step| soft.margin(MarginState::FULL, step).linear;
        assert_eq!([199, 200, 299, 300].map(linear), [false, true, true, false]);
        // The schedule's own phase still ends where it ended, unless the two are one.
        assert_eq!(
            [70, 199, 200, 300].map(|step| soft.soft_phase(70, step)),
            [(0, 70), (0, 70), (200, 300), (200, 300)]
        );
        assert_eq!(soft.soft_phase(350, 250), (200, 350));
    }

    #[test]
    fn a_limit_is_only_ever_lowered() {
        let soft = Softening { clip: Some(2.0), ..Softening::default() };
        assert_eq!((soft.clip(0.0), soft.clip(5.0), soft.clip(1.0)), (2.0, 2.0, 1.0));
    }
}
