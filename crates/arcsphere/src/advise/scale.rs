//! Which scale C classes on a D-sphere ask for.
//!
//! ```text
//! AdaCos     s = √2·log(C − 1)
//! reach p    s = log((C − 1)·p/(1 − p))/(1 − cos α)
//! ```
//!
//! The first keeps the softmax between its two flat ends for a target angle of π/4 and all others
//! at π/2 (Zhang et al., *AdaCos*, CVPR 2019, §4). The second is a bound: below it a sample on
//! its own prototype, with every other prototype at the nearest angle α, is not given probability p.

use super::Question;
use crate::losses::fit;
use serde::Serialize;

/// Scales that are taken lie between these, as [`fit::default_scale`]'s do.
const RANGE: (f64, f64) = (10.0, 64.0);

/// The scale to take, and those that one could.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ScaleAdvice {
    /// The scale to take.
    pub taken: f64,
    /// The largest probability that a sample can be given at it, in [0, 1].
    pub reach: f64,
    /// AdaCos' fixed scale, √2·log(C − 1).
    pub adacos: f64,
    /// The probability that was asked about.
    pub probability: f64,
    /// The smallest scale at which it can be reached.
    pub smallest: f64,
    /// What a training takes where none is given.
    pub default: f64,
    /// Why this one is taken, in a sentence.
    pub reason: String,
}

/// The scale for a question, α apart.
pub(super) fn scale(question: &Question, alpha: f64) -> ScaleAdvice {
    let Question { classes, dim, probability } = *question;
    let asked = probability.unwrap_or(super::PROBABILITY);
    let smallest = fit::scale_for_probability(classes, alpha, asked).max(0.0);
    let default = fit::default_scale(classes, dim);
    let (taken, reason) = match probability {
        None => (default, format!("the default: it allows probability {:.2}", reach(default, classes, alpha))),
        Some(p) if smallest > RANGE.1 => {
            (RANGE.1, format!("the largest that any paper takes; probability {p} would need {smallest:.1}"))
        }
        Some(p) if smallest < RANGE.0 => {
            (RANGE.0, format!("the least that is taken; probability {p} is within reach from {smallest:.1}"))
        }
        // Rounded up, so that the probability stays within reach.
        Some(p) => ((smallest * 10.0).ceil() / 10.0, format!("the smallest at which probability {p} is within reach")),
    };
    let (reach, adacos) = (reach(taken, classes, alpha), adacos(classes));
    ScaleAdvice { taken, reach, adacos, probability: asked, smallest, default, reason }
}

/// AdaCos' fixed scale, √2·log(C − 1); 0 for two classes.
///
/// ```
/// use arcsphere::advise::adacos;
///
/// assert!((adacos(10) - 3.107).abs() < 1e-3);
/// ```
pub fn adacos(classes: usize) -> f64 {
    std::f64::consts::SQRT_2 * (classes.max(2) as f64 - 1.0).ln()
}

/// The largest probability that scale s allows: 1/(1 + (C − 1)·exp(−s(1 − cos α))).
fn reach(s: f64, classes: usize, alpha: f64) -> f64 {
    1.0 / (1.0 + (classes as f64 - 1.0) * (-s * (1.0 - alpha.cos())).exp())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(classes: usize, dim: usize, probability: Option<f64>) -> ScaleAdvice {
        scale(&Question { classes, dim, probability }, fit::nearest_angle_bound(classes, dim))
    }

    #[test]
    fn adacos_is_the_papers() {
        // √2·log 9, √2·log 99, √2·log 84,999.
        for (classes, want) in [(10, 3.107), (100, 6.499), (85_000, 16.051)] {
            assert!((adacos(classes) - want).abs() < 1e-3, "{classes}: {}", adacos(classes));
        }
        assert_eq!(adacos(2), 0.0);
    }

    #[test]
    fn unasked_the_default_is_taken() {
        let s = asked(10, 2, None);
        assert_eq!((s.taken, s.probability), (fit::default_scale(10, 2), 0.9));
        // log(9·9)/(1 − cos 36°), with a sample at its prototype.
        assert!((s.smallest - 81.0_f64.ln() / (1.0 - 36.0_f64.to_radians().cos())).abs() < 1e-9);
        assert!((s.reach - 0.7).abs() < 0.01, "{}", s.reach);
    }

    #[test]
    fn the_wanted_probability_is_within_reach_of_what_is_taken() {
        for (classes, dim) in [(10, 2), (10, 32), (100, 16), (1000, 64)] {
            let s = asked(classes, dim, Some(0.95));
            assert!(s.taken >= 10.0 && s.taken <= 64.0);
            assert!(s.reach >= 0.95 || s.taken == 64.0, "{s:?}");
        }
    }

    #[test]
    fn what_no_scale_reaches_is_said() {
        let s = asked(1000, 2, Some(0.9));
        assert!(s.taken == 64.0 && s.reach < 0.9 && s.reason.contains("would need"), "{s:?}");
    }
}
