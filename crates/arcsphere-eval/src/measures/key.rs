use std::borrow::Borrow;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Measure, find};

/// The name of one number of a run: `accuracy`, `tmr_at_fmr@1e-2`, `recall_at_k@1`; of a protocol
/// beside those that are always run `query_gallery/recall_at_k@1`.
///
/// ```
/// use arcsphere_eval::measures::Key;
/// let key = Key::new("recall_at_k", "1").of_protocol("query_gallery");
/// assert_eq!(key.to_string(), "query_gallery/recall_at_k@1");
/// assert_eq!((key.protocol(), key.measure_key(), key.at()), ("query_gallery", "recall_at_k", "1"));
/// assert_eq!(key.measure().map(|m| m.name), Some("Recall@K"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Key(String);

impl Key {
    /// The value of `measure` at `at`; `at` is empty where the measure has one value.
    pub fn new(measure: &str, at: &str) -> Self {
        Self(if at.is_empty() { measure.to_owned() } else { format!("{measure}@{at}") })
    }

    /// The same value as found by another protocol than the one that is always run.
    #[must_use]
    pub fn of_protocol(self, protocol: &str) -> Self {
        Self(format!("{protocol}/{}", self.0))
    }

    /// The protocol's name; empty for those that are always run.
    pub fn protocol(&self) -> &str {
        self.0.split_once('/').map_or("", |parts| parts.0)
    }

    /// The measure's name.
    pub fn measure_key(&self) -> &str {
        let rest = self.0.split_once('/').map_or(self.0.as_str(), |parts| parts.1);
        rest.split_once('@').map_or(rest, |parts| parts.0)
    }

    /// What the value is at; empty for a measure of one value.
    pub fn at(&self) -> &str {
        self.0.split_once('@').map_or("", |parts| parts.1)
    }

    /// The measure; none for one that this version does not know.
    pub fn measure(&self) -> Option<&'static Measure> {
        find(self.measure_key())
    }

    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What a TMR is at: `1e-2`, `1e-3`, `5e-4`.
///
/// ```
/// assert_eq!(arcsphere_eval::measures::fmr_key(0.001), "1e-3");
/// ```
pub fn fmr_key(fmr: f64) -> String {
    format!("{fmr:e}")
}

/// What a cumulative score is at: `5`, `2.5`.
///
/// ```
/// assert_eq!(arcsphere_eval::measures::cs_key(2.5), "2.5");
/// ```
pub fn cs_key(k: f64) -> String {
    k.to_string()
}

impl From<&str> for Key {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

// Text orders and compares as the key does, so that a map of keys is asked by text.
impl Borrow<str> for Key {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
