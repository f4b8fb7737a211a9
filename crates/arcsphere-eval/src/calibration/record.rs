use serde::{Deserialize, Serialize};

use super::Calibrated;
use crate::error::{EvalError, Result};
use crate::evidence::Evidence;
use crate::rates::{Mark, Rate};

/// Which bound a threshold is by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bound {
    /// The larger of n_eff's and BCa's.
    Approximate,
    /// That of pairs without a shared subject, which holds whatever the dependence.
    Exact,
}

/// A threshold as people read it and as it is: the decimal number, and the bits of the `f32`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Threshold {
    decimal: f32,
    bits: u32,
}

impl Threshold {
    /// Of a number.
    pub fn new(value: f32) -> Self {
        Self { decimal: value, bits: value.to_bits() }
    }

    /// The number.
    ///
    /// # Errors
    /// [`EvalError::Range`] where decimal and bits are not one number: someone has changed one of them.
    pub fn value(self) -> Result<f32> {
        if self.decimal.to_bits() == self.bits {
            return Ok(self.decimal);
        }
        let expected = "the number that its bits are";
        Err(EvalError::Range { what: "the decimal of a threshold", value: f64::from(self.decimal), expected })
    }
}

/// Where scores come from: what a threshold is valid for. The caller says it; what is unknown stays empty.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// Whether an embedding is that of the image and of its mirror image.
    pub flip: bool,
    /// How images were aligned.
    pub alignment: Option<String>,
    /// The groups of the subjects.
    pub groups: Vec<String>,
    /// The data's name.
    pub data: String,
    /// Their SHA-256.
    pub data_sha256: String,
    /// The SHA-256 of the weights.
    pub weights_sha256: String,
    /// What computed the embeddings.
    pub engine: String,
    /// Its version.
    pub version: String,
    /// The day, as year-month-day.
    pub date: String,
}

/// What a model keeps of its calibration.
///
/// ```
/// use arcsphere_eval::calibration::{Calibration, Origin, Record};
/// use arcsphere_eval::units::Units;
/// let same: Vec<bool> = (0..200).map(|i| i % 2 == 0).collect();
/// let scores: Vec<f32> = (0..200).map(|i| if i % 2 == 0 { 0.7 } else { (i / 2) as f32 / 200.0 }).collect();
/// let units = Units::unknown(200);
/// let found = Calibration::of(&scores, &same, &units).target(0.1).run()?;
/// let record = found.record(Origin { data: "mine".to_owned(), ..Origin::default() });
/// let text = serde_json::to_string(&record).map_err(std::io::Error::other)?;
/// let read: Record = serde_json::from_str(&text).map_err(std::io::Error::other)?;
/// assert_eq!(read.threshold.value()?.to_bits(), found.threshold.to_bits());
/// assert_eq!(read, record);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Accept where score ≥ threshold.
    pub threshold: Threshold,
    /// The FMR that is not exceeded.
    pub target_fmr: f64,
    /// 1 − the confidence.
    pub alpha: f64,
    /// The bound of the FMR at the threshold.
    pub upper: f64,
    /// Which bound.
    pub bound: Bound,
    /// False matches, pairs, subjects, n_eff.
    pub fmr: Rate,
    /// The FNMR with its interval.
    pub fnmr: Rate,
    /// a and b, with limits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<Evidence>,
    /// What must be said beside it.
    pub marks: Vec<Mark>,
    /// What it is valid for.
    pub origin: Origin,
}

impl Calibrated {
    /// What a model keeps of it.
    pub fn record(&self, origin: Origin) -> Record {
        Record {
            threshold: Threshold::new(self.threshold),
            target_fmr: self.target_fmr,
            // As a person would write it: 0.05, not 0.050000000000000044.
            alpha: ((1.0 - self.level) * 1e12).round() / 1e12,
            upper: self.upper,
            bound: self.bound,
            fmr: self.fmr,
            fnmr: self.fnmr,
            evidence: self.evidence,
            marks: self.marks.clone(),
            origin,
        }
    }
}
