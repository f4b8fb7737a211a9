use serde::{Deserialize, Serialize};

use super::{Mean, Proportion};

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
}

impl Estimate {
    /// A number without an interval.
    pub fn new(value: f64) -> Self {
        Self { value, low: None, high: None, n: None }
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
