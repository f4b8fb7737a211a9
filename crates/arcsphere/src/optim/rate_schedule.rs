//! Learning rates over a training: warm-up, then constant, steps or a cosine.

use serde::{Deserialize, Serialize};

/// How the rate falls after the warm-up.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind", deny_unknown_fields)]
pub enum Decay {
    /// It does not.
    Constant {},
    /// (1 + cos πt)/2 (Loshchilov and Hutter, SGDR, 2017, eq. 5, one cycle).
    #[default]
    Cosine,
    /// Times `factor` at each milestone, a part of the whole training in (0, 1).
    Step {
        /// Parts of the training at which the rate drops.
        milestones: Vec<f64>,
        /// What it is multiplied by.
        factor: f64,
    },
}

/// A learning-rate schedule: a warm-up, and what follows.
///
/// ```
/// use arcsphere::optim::rate_schedule::{Decay, RateSchedule};
///
/// let schedule = RateSchedule { warmup: 0.1, decay: Decay::Step { milestones: vec![0.5], factor: 0.1 } };
/// assert_eq!([0, 9, 49, 50].map(|step| (100.0 * schedule.at(step, 100)).round()), [10.0, 100.0, 100.0, 10.0]);
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RateSchedule {
    /// The part of the training over which the rate rises linearly, in [0, 1).
    pub warmup: f64,
    /// What follows.
    pub decay: Decay,
}

impl Default for RateSchedule {
    fn default() -> Self {
        RateSchedule { warmup: 0.05, decay: Decay::Cosine }
    }
}

impl RateSchedule {
    /// The factor of the peak rate at `step` of `steps`, in (0, 1].
    pub fn at(&self, step: u64, steps: u64) -> f64 {
        let steps = steps.max(1) as f64;
        let done = step as f64 / steps;
        let rising = if self.warmup > 0.0 { ((done + 1.0 / steps) / self.warmup).min(1.0) } else { 1.0 };
        let falling = match &self.decay {
            Decay::Constant {} => 1.0,
            Decay::Cosine => {
                let t = ((done - self.warmup) / (1.0 - self.warmup)).clamp(0.0, 1.0);
                0.5 * (1.0 + (std::f64::consts::PI * t).cos())
            }
            Decay::Step { milestones, factor } => factor.powi(milestones.iter().filter(|&&m| done >= m).count() as i32),
        };
        rising * falling
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warmup_rises_and_cosine_falls() {
        let schedule = RateSchedule { warmup: 0.1, decay: Decay::Cosine };
        assert!((schedule.at(0, 100) - 0.1).abs() < 1e-12);
        assert!(schedule.at(10, 100) > 0.999);
        assert!((schedule.at(55, 100) - 0.5).abs() < 1e-12);
        assert!(schedule.at(99, 100) > 0.0);
    }

    #[test]
    fn steps_drop_at_their_milestones() {
        let decay = Decay::Step { milestones: vec![0.5, 0.75], factor: 0.1 };
        let schedule = RateSchedule { warmup: 0.0, decay };
        let at = |step| schedule.at(step, 100);
        assert_eq!((at(49), at(50)), (1.0, 0.1));
        assert!((at(75) - 0.01).abs() < 1e-12);
    }
}
