//! How a margin comes in: the soft start, ramps, and SphereFace's λ.
//!
//! ```text
//! steps  0 ──────── soft_start ──────── free_until ────── (middle) ────── full_at ───── 1
//! logits   w·x + b          ‖x‖·cos θ            scale → s        fixed s, margin rising    full margin
//! ```
//!
//! Everything here is a function of the step alone, so the step in a checkpoint is
//! all that a resumed run needs: no counter can restart.
//!
//! ```
//! use arcsphere_losses::margin_schedule::MarginSchedule;
//!
//! let schedule = MarginSchedule::default(); // soft start to 10 %, margin from 35 % to 70 %
//! assert!(schedule.at(99, 1000).linear);
//! assert_eq!((schedule.at(200, 1000).strength, schedule.at(700, 1000).strength), (0.0, 1.0));
//! ```

mod softening;

pub use softening::Softening;

use crate::bounds;
use crate::range::OutOfRange;
use serde::{Deserialize, Serialize};

/// The form in which a margin grows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ramp {
    /// t.
    #[default]
    Linear,
    /// (1 − cos πt)/2.
    Cosine,
}

impl Ramp {
    fn at(self, t: f64) -> f64 {
        match self {
            Ramp::Linear => t,
            Ramp::Cosine => 0.5 * (1.0 - (std::f64::consts::PI * t).cos()),
        }
    }
}

/// λ(t) = max(λ_min, λ_base·(1 + γ·t)^(−p)): z_y = s·(λ·cos θ + ψ(θ))/(1 + λ).
///
/// Liu et al., SphereFace, 2017, §4.1; t counts the steps in which the margin applies.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lambda {
    /// λ_base.
    #[serde(default = "Lambda::default_base")]
    pub base: f64,
    /// γ.
    #[serde(default = "Lambda::default_gamma")]
    pub gamma: f64,
    /// p.
    #[serde(default = "Lambda::default_power")]
    pub power: f64,
    /// λ_min.
    #[serde(default = "Lambda::default_min")]
    pub min: f64,
}

impl Lambda {
    fn default_base() -> f64 {
        1000.0
    }
    fn default_gamma() -> f64 {
        0.12
    }
    fn default_power() -> f64 {
        1.0
    }
    fn default_min() -> f64 {
        5.0
    }

    /// λ at step `t`, counted from the first step with a margin.
    ///
    /// ```
    /// use arcsphere_losses::margin_schedule::Lambda;
    ///
    /// let lambda = Lambda { base: 1000.0, gamma: 0.12, power: 1.0, min: 5.0 };
    /// assert_eq!((lambda.at(0), lambda.at(1_000_000)), (1000.0, 5.0));
    /// ```
    pub fn at(&self, t: u64) -> f64 {
        (self.base * (1.0 + self.gamma * t as f64).powf(-self.power)).max(self.min)
    }
}

/// When each part of the loss comes in; times are parts of the whole training, in [0, 1].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MarginSchedule {
    /// Until here: plain softmax, w·x + b. Then the prototypes are placed anew.
    pub soft_start: f64,
    /// Until here: ‖x‖·cos θ. From here a fixed scale takes over from the norm, and the margin grows.
    pub free_until: f64,
    /// From here: the whole margin. The scale is there halfway.
    pub full_at: f64,
    /// The form of the growth.
    pub ramp: Ramp,
    /// SphereFace's annealing instead of a growing margin.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lambda: Option<Lambda>,
}

impl Default for MarginSchedule {
    fn default() -> Self {
        MarginSchedule { soft_start: 0.1, free_until: 0.35, full_at: 0.7, ramp: Ramp::Linear, lambda: None }
    }
}

/// The loss's state at a step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MarginState {
    /// Still plain softmax.
    pub linear: bool,
    /// The fixed scale's share, in [0, 1]: s_i = (1 − share)·‖x_i‖ + share·s.
    pub scale_share: f64,
    /// The margin's strength, in [0, 1].
    pub strength: f64,
    /// λ of SphereFace's annealing; 0 for none.
    pub lambda: f64,
    /// The step: what a loss draws at random hangs on it.
    pub step: u64,
}

impl MarginState {
    /// The loss in its final form.
    pub const FULL: MarginState = MarginState { linear: false, scale_share: 1.0, strength: 1.0, lambda: 0.0, step: 0 };
}

impl MarginSchedule {
    /// Everything at full strength from the first step on.
    pub const IMMEDIATE: MarginSchedule =
        MarginSchedule { soft_start: 0.0, free_until: 0.0, full_at: 0.0, ramp: Ramp::Linear, lambda: None };

    /// Refuses times that are no parts of a training or do not follow one another, and a λ that grows.
    ///
    /// ```
    /// use arcsphere_losses::margin_schedule::MarginSchedule;
    ///
    /// let late = MarginSchedule { soft_start: 0.5, ..MarginSchedule::default() };
    /// assert!(late.check().unwrap_err().to_string().starts_with("free_until = 0.35 is out of range"));
    /// ```
    ///
    /// # Errors
    ///
    /// [`OutOfRange`] for the first of them.
    pub fn check(&self) -> Result<(), OutOfRange> {
        let times = [
            (bounds::SOFT_START, self.soft_start),
            (bounds::FREE_UNTIL, self.free_until),
            (bounds::FULL_AT, self.full_at),
        ];
        for (bounds, value) in times {
            bounds.check(value)?;
        }
        if !(self.soft_start <= self.free_until && self.free_until <= self.full_at) {
            return Err(OutOfRange {
                range: "between soft_start and full_at".to_owned(),
                why: "the phases follow one another",
                way_out: "move one of the three",
                ..bounds::FREE_UNTIL.refuse(self.free_until, "")
            });
        }
        let Some(lambda) = self.lambda else { return Ok(()) };
        bounds::LAMBDA_GAMMA.check(lambda.gamma)?;
        bounds::LAMBDA_POWER.check(lambda.power)?;
        if !(0.0..=lambda.base).contains(&lambda.min) || !lambda.base.is_finite() {
            return Err(OutOfRange {
                key: "lambda.min",
                value: lambda.min,
                range: "in [0, base]".to_owned(),
                why: "λ falls from its base to its minimum",
                way_out: "lower it, or raise the base",
            });
        }
        Ok(())
    }

    /// The first step whose logits are angular: the end of plain softmax.
    pub fn first_angular_step(&self, steps: u64) -> u64 {
        (self.soft_start * steps as f64).ceil() as u64
    }

    /// The state at `step`, from 0, of `steps`.
    pub fn at(&self, step: u64, steps: u64) -> MarginState {
        let first = self.first_angular_step(steps);
        let done = step as f64 / steps.max(1) as f64;
        let grown = if done >= self.full_at {
            1.0
        } else {
            ((done - self.free_until) / (self.full_at - self.free_until)).clamp(0.0, 1.0)
        };
        let lambda = self.lambda.map_or(0.0, |l| l.at(step.saturating_sub(first)));
        MarginState {
            linear: step < first,
            scale_share: (2.0 * grown).min(1.0),
            strength: if self.lambda.is_some() { 1.0 } else { self.ramp.at(grown) },
            lambda,
            step,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phases_follow_one_another() {
        let schedule = MarginSchedule::default();
        let at = |step| schedule.at(step, 1000);
        assert!(at(99).linear && !at(100).linear);
        assert_eq!((at(340).scale_share, at(340).strength), (0.0, 0.0));
        assert!(at(450).scale_share > 0.5 && at(450).strength < 0.5);
        for step in [700, 1000] {
            assert_eq!(at(step), MarginState { step, ..MarginState::FULL });
        }
    }

    #[test]
    fn immediate_is_full_from_the_first_step() {
        assert_eq!(MarginSchedule::IMMEDIATE.at(0, 10), MarginState::FULL);
        assert_eq!(MarginSchedule::IMMEDIATE.at(0, 0), MarginState::FULL);
    }

    #[test]
    fn lambda_falls_from_its_base_to_its_minimum_and_depends_on_the_step_alone() {
        let lambda = Lambda { base: 1000.0, gamma: 0.12, power: 1.0, min: 5.0 };
        assert_eq!(lambda.at(0), 1000.0);
        assert!((lambda.at(100) - 1000.0 / 13.0).abs() < 1e-9);
        assert_eq!(lambda.at(1_000_000), 5.0);
        let schedule = MarginSchedule { lambda: Some(lambda), ..MarginSchedule::default() };
        // A run resumed at step 600 asks the same question and gets the same answer.
        assert_eq!(schedule.at(600, 1000).lambda, lambda.at(500));
    }

    #[test]
    fn what_is_no_schedule_is_refused_by_key() {
        let of = |change: fn(&mut MarginSchedule)| {
            let lambda = Some(Lambda { base: 1000.0, gamma: 0.12, power: 1.0, min: 5.0 });
            let mut schedule = MarginSchedule { lambda, ..MarginSchedule::default() };
            assert_eq!(schedule.check(), Ok(()));
            change(&mut schedule);
            schedule.check().unwrap_err().key
        };
        assert_eq!(of(|s| s.soft_start = -0.1), "soft_start");
        assert_eq!(of(|s| s.full_at = f64::NAN), "full_at");
        assert_eq!(of(|s| s.full_at = 0.2), "free_until");
        assert_eq!(of(|s| s.lambda.as_mut().unwrap().gamma = -1.0), "lambda.gamma");
        assert_eq!(of(|s| s.lambda.as_mut().unwrap().power = f64::INFINITY), "lambda.power");
        assert_eq!(of(|s| s.lambda.as_mut().unwrap().min = 2000.0), "lambda.min");
        assert_eq!(of(|s| s.lambda.as_mut().unwrap().base = f64::NAN), "lambda.min");
        assert_eq!(MarginSchedule::IMMEDIATE.check(), Ok(()));
    }

    #[test]
    fn growth_never_turns_back() {
        for ramp in [Ramp::Linear, Ramp::Cosine] {
            let schedule = MarginSchedule { ramp, ..MarginSchedule::default() };
            for step in 0..999 {
                assert!(schedule.at(step, 1000).strength <= schedule.at(step + 1, 1000).strength);
            }
        }
    }
}
