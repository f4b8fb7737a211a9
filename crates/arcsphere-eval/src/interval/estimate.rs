use serde::{Deserialize, Serialize};

use super::{Mean, Proportion};
use crate::show::MARK;

/// A number, its 95 % interval where there is one, and what it is over.
///
/// ```
/// use arcsphere_eval::interval::Estimate;
/// let e = Estimate::new(0.97).within(0.96, 0.98).over(1000);
/// assert_eq!((e.value, e.low, e.n), (0.97, Some(0.96), Some(1000)));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// The number, in the measure's unit.
    pub value: f64,
    /// Lower end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub low: Option<f64>,
    /// Upper end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub high: Option<f64>,
    /// How many samples, pairs or queries it is over, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub n: Option<u64>,
    /// How many errors it rests on, where they are fewer than [`ENOUGH_ERRORS`]: tables mark it then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub few_errors: Option<u64>,
}

/// From so many errors on, a rate is within 30 % of the true one with 90 % confidence: the rule of 30
/// (Doddington, Przybocki, Martin and Reynolds, "The NIST speaker recognition evaluation", Speech
/// Communication 2000; ISO/IEC 19795-1). It takes trials for independent, so that it is a least number.
///
/// ```
/// use arcsphere_eval::interval::ENOUGH_ERRORS;
/// // The 95 % point of the normal distribution, one-sided, over √30, is the 30 %.
/// assert!((1.645 / (ENOUGH_ERRORS as f64).sqrt() - 0.3).abs() < 1e-3);
/// ```
pub const ENOUGH_ERRORS: u64 = 30;

impl Estimate {
    /// A number without an interval.
    pub fn new(value: f64) -> Self {
        Self { value, low: None, high: None, n: None, few_errors: None }
    }

    /// The number with the errors that it rests on; kept where they are too few to trust it.
    ///
    /// ```
    /// use arcsphere_eval::interval::Estimate;
    /// let of = |errors| Estimate::new(0.01).resting_on(errors).few_errors;
    /// assert_eq!((of(29), of(30)), (Some(29), None));
    /// ```
    #[must_use]
    pub fn resting_on(self, errors: u64) -> Self {
        Self { few_errors: Some(errors).filter(|e| *e < ENOUGH_ERRORS), ..self }
    }

    /// [`MARK`](crate::show::MARK) where the number rests on few errors, else nothing.
    pub fn mark(&self) -> &'static str {
        if self.few_errors.is_some() { MARK } else { "" }
    }

    /// The number with an interval.
    #[must_use]
    pub fn within(self, low: f64, high: f64) -> Self {
        Self { low: Some(low), high: Some(high), ..self }
    }

    /// The number over `n` samples.
    #[must_use]
    pub fn over(self, n: u64) -> Self {
        Self { n: Some(n), ..self }
    }
}

impl From<Proportion> for Estimate {
    fn from(p: Proportion) -> Self {
        Estimate::new(p.value).within(p.low, p.high).over(p.n)
    }
}

impl From<Mean> for Estimate {
    fn from(m: Mean) -> Self {
        Estimate { low: m.low, high: m.high, ..Estimate::new(m.value).over(m.n as u64) }
    }
}

impl From<f64> for Estimate {
    fn from(value: f64) -> Self {
        Estimate::new(value)
    }
}
