//! Which numbers are allowed, in a form that can be checked and said.

use std::f64::consts::PI;
use std::fmt;
use thiserror::Error;

/// A range of numbers. NaN and infinities are in none.
///
/// ```
/// use arcsphere_losses::range::Range;
///
/// let share = Range::Below(0.0, 1.0);
/// assert!(share.contains(0.0) && !share.contains(1.0) && !share.contains(f64::NAN));
/// assert_eq!(format!("it must be {share}"), "it must be in [0, 1)");
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Range {
    /// \[low, high\].
    Closed(f64, f64),
    /// \[low, high).
    Below(f64, f64),
    /// (low, high\].
    Above(f64, f64),
    /// (low, high).
    Inside(f64, f64),
    /// Whole numbers from the first to the second.
    Whole(u32, u32),
    /// ≥ low.
    AtLeast(f64),
    /// > low.
    Over(f64),
}

impl Range {
    /// Whether `v` is allowed.
    pub fn contains(self, v: f64) -> bool {
        v.is_finite()
            && match self {
                Range::Closed(low, high) => low <= v && v <= high,
                Range::Below(low, high) => low <= v && v < high,
                Range::Above(low, high) => low < v && v <= high,
                Range::Inside(low, high) => low < v && v < high,
                Range::Whole(low, high) => f64::from(low) <= v && v <= f64::from(high) && v.fract() == 0.0,
                Range::AtLeast(low) => low <= v,
                Range::Over(low) => low < v,
            }
    }
}

/// As a sentence goes on after "it must be".
impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let n = |v: f64| if v == PI { "π".to_owned() } else { v.to_string() };
        match *self {
            Range::Closed(low, high) => write!(f, "in [{}, {}]", n(low), n(high)),
            Range::Below(low, high) => write!(f, "in [{}, {})", n(low), n(high)),
            Range::Above(low, high) => write!(f, "in ({}, {}]", n(low), n(high)),
            Range::Inside(low, high) => write!(f, "in ({}, {})", n(low), n(high)),
            Range::Whole(0, 1) => write!(f, "0 or 1"),
            Range::Whole(0, 2) => write!(f, "0, 1 or 2"),
            Range::Whole(low, high) => write!(f, "a whole number in {low}..={high}"),
            Range::AtLeast(low) => write!(f, ">= {}", n(low)),
            Range::Over(low) => write!(f, "> {}", n(low)),
        }
    }
}

/// A number that is not what it may be.
#[derive(Clone, Debug, PartialEq, Error)]
#[error("{key} = {value} is out of range: it must be {range}, because {why}; {way_out}")]
pub struct OutOfRange {
    /// What was set: the name of a field or a setter.
    pub key: &'static str,
    /// The value as given.
    pub value: f64,
    /// What is allowed, as a sentence goes on after "it must be".
    pub range: String,
    /// Why no more is.
    pub why: &'static str,
    /// What to do instead.
    pub way_out: &'static str,
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [(Range, &str, [f64; 2], [f64; 2]); 8] = [
        (Range::Closed(0.0, PI), "in [0, π]", [0.0, PI], [-1e-9, 3.15]),
        (Range::Below(0.0, 1.0), "in [0, 1)", [0.0, 0.999], [-1e-9, 1.0]),
        (Range::Above(0.0, 10_000.0), "in (0, 10000]", [1e-9, 10_000.0], [0.0, 10_001.0]),
        (Range::Inside(0.0, 1.0), "in (0, 1)", [1e-9, 0.999], [0.0, 1.0]),
        (Range::Whole(2, 8), "a whole number in 2..=8", [2.0, 8.0], [2.5, 9.0]),
        (Range::Whole(0, 1), "0 or 1", [0.0, 1.0], [0.5, 2.0]),
        (Range::AtLeast(0.0), ">= 0", [0.0, 1e30], [-1e-9, -1.0]),
        (Range::Over(0.0), "> 0", [1e-9, 1e30], [0.0, -1.0]),
    ];

    #[test]
    fn ends_belong_where_the_bracket_says() {
        for (range, text, inside, outside) in ALL {
            assert_eq!(range.to_string(), text);
            assert!(inside.iter().all(|v| range.contains(*v)), "{text}");
            assert!(!outside.iter().any(|v| range.contains(*v)), "{text}");
        }
    }

    #[test]
    fn what_is_no_number_is_in_no_range() {
        for (range, text, ..) in ALL {
            assert!(![f64::NAN, f64::INFINITY, f64::NEG_INFINITY].iter().any(|v| range.contains(*v)), "{text}");
        }
    }
}
