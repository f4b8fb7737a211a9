//! `results.json` and `results.csv`: what a comparison measured.
//!
//! Angles are in radians, as margins are; rates, shares and accuracies are in
//! [0, 1]. A field that a run does not have (the margins of plain softmax, the
//! scale of a free norm, the accuracy on an open set) is `null` in JSON and empty in
//! CSV.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::measures::{Estimate, Key};
use crate::protocols::{Found, NotMeasured};

pub(crate) mod csv;
pub(crate) mod file;
mod flat;
mod summary;

pub use file::write_atomic;
pub(crate) use summary::values;
pub use summary::{LossSummary, Spread, Summary, ranking, summarize};

/// Everything that a comparison measured, and what made it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Results {
    /// Version of the program.
    pub version: String,
    /// The command line that repeats this comparison.
    pub command: String,
    /// The data set.
    pub data: DataInfo,
    /// The machine.
    pub machine: Machine,
    /// One entry a loss and seed, in the order in which they ran.
    pub runs: Vec<Run>,
}

/// The data set of a comparison.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct DataInfo {
    /// Its name or folder.
    pub name: String,
    /// Training samples, without those held out for validation.
    pub n_train: u64,
    /// Validation samples, taken from the training data.
    #[serde(default)]
    pub n_validation: u64,
    /// Test samples.
    pub n_test: u64,
    /// Number of classes.
    #[serde(default)]
    pub classes: u64,
    /// Files, or rows of a table, that cannot be used and were left out.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub n_bad: u64,
    /// SHA-256 of the data as read, in hexadecimal.
    pub sha256: String,
}

fn is_zero(n: &u64) -> bool {
    *n == 0
}

/// The machine of a comparison.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Machine {
    /// The processor's own name.
    pub cpu: String,
    /// Threads used.
    pub threads: u64,
    /// Instruction set used by the kernels, such as `avx2` or `avx512`.
    pub isa: String,
    /// The device of the backbone, such as `flex` or `cuda`.
    #[serde(default)]
    pub device: String,
}

/// Who trained a run, where ways of training are compared.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum TrainedBy {
    /// Only one way of training was compared.
    #[default]
    #[serde(rename = "")]
    Unnamed,
    /// As this program trains.
    Default,
    /// Plain training, without what keeps a run from collapsing.
    Naive,
}

impl TrainedBy {
    /// As files and tables name it; empty for [`TrainedBy::Unnamed`].
    pub fn name(self) -> &'static str {
        match self {
            Self::Unnamed => "",
            Self::Default => "default",
            Self::Naive => "naive",
        }
    }
}

impl fmt::Display for TrainedBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One training: who, how it went, and what was measured.
///
/// ```
/// use arcsphere_eval::measures::Estimate;
/// use arcsphere_eval::results::Run;
/// let run = Run { loss: "arcface".into(), ..Run::default() }
///     .with("accuracy", Estimate::new(0.97).within(0.96, 0.98).over(1000));
/// let json = serde_json::to_value(&run)?;
/// assert_eq!((json["accuracy_low"].as_f64(), json["n_test"].as_u64()), (Some(0.96), Some(1000)));
/// assert_eq!(serde_json::from_value::<Run>(json)?, run);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// Registry name of the loss.
    pub loss: String,
    /// Who trained it.
    #[serde(default)]
    pub trainer: TrainedBy,
    /// Angle multiplier.
    pub m0: Option<f64>,
    /// Angle margin in radians.
    pub m1: Option<f64>,
    /// Cosine margin.
    pub m2: Option<f64>,
    /// Fixed scale; none where the scale is the embedding norm.
    pub scale: Option<f64>,
    /// Why these margins and this scale were taken.
    #[serde(default)]
    pub margin_reason: String,
    /// Seed of every random choice of the run.
    pub seed: u64,
    /// Epochs trained.
    pub epochs: u64,
    /// Registry name of the backbone.
    #[serde(default)]
    pub backbone: String,
    /// Embedding dimension.
    #[serde(default)]
    pub dim: u64,
    /// Accuracy on the validation samples at the end of training.
    #[serde(default)]
    pub validation_accuracy: Option<f64>,
    /// What was measured on the test set. In files `accuracy`, `accuracy_low`, `n_test`, … stand
    /// beside the other fields; a number that was not measured is `null` there. The map `few_errors` has the
    /// keys of those that rest on fewer than 30 errors, with how many.
    #[serde(flatten, with = "flat::measures")]
    pub measures: BTreeMap<Key, Estimate>,
    /// How many there were of what: `genuine` and `impostor` pairs. In files `n_genuine`, ….
    #[serde(flatten, with = "flat::counts")]
    pub counts: BTreeMap<String, u64>,
    /// What was not measured, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_measured: Vec<NotMeasured>,
    /// Unit of a predicted number, such as `years` or `°`; empty without one.
    #[serde(default)]
    pub target_unit: String,
    /// Wall time of training, without evaluation.
    pub train_seconds: f64,
    /// Training samples per second.
    pub samples_per_second: f64,
    /// Whether training collapsed.
    pub collapsed: bool,
    /// Why it counts as collapsed; empty otherwise.
    pub reason: String,
    /// Rollbacks that saved the run: it began to collapse so often and went on.
    #[serde(default)]
    pub recovered: u64,
    /// What it collapsed or nearly collapsed of, a name each, in the order seen.
    #[serde(default)]
    pub causes: Vec<String>,
    /// What was seen and what was done at each rollback, a sentence each.
    #[serde(default)]
    pub recoveries: Vec<String>,
}

impl Run {
    /// The number under a key such as `eer` or `tmr_at_fmr@1e-2`, if it was measured.
    pub fn get(&self, key: &str) -> Option<f64> {
        self.measures.get(key).map(|e| e.value)
    }

    /// The run with a number under `key`.
    #[must_use]
    pub fn with(mut self, key: &str, estimate: impl Into<Estimate>) -> Self {
        self.measures.insert(Key::from(key), estimate.into());
        self
    }

    /// Takes what protocols found.
    pub fn take(&mut self, found: Found) {
        self.measures.extend(found.measures);
        self.counts.extend(found.counts);
        self.not_measured.extend(found.not_measured);
    }
}

impl Results {
    /// What was not measured and why, a sentence each, with the losses of which it was not.
    ///
    /// ```
    /// use arcsphere_eval::protocols::{EmbeddedSet, Protocols};
    /// use arcsphere_eval::results::{Results, Run};
    /// let found = Protocols::default().measures(&["mae"])?.run(&EmbeddedSet::new(&[1.0], 1, &[0])?, &|_, _| {})?;
    /// let mut run = Run { loss: "arcface".into(), ..Run::default() };
    /// run.take(found);
    /// let results = Results { runs: vec![run.clone(), run], ..Results::default() };
    /// assert_eq!(results.not_measured(), [("mae: no number was learned".to_owned(), vec!["arcface"])]);
    /// # Ok::<(), arcsphere_eval::EvalError>(())
    /// ```
    pub fn not_measured(&self) -> Vec<(String, Vec<&str>)> {
        let mut lines: Vec<(String, Vec<&str>)> = Vec::new();
        for run in &self.runs {
            for missing in run.not_measured.iter().map(NotMeasured::to_string) {
                match lines.iter_mut().find(|l| l.0 == missing) {
                    Some((_, of)) if of.contains(&run.loss.as_str()) => {}
                    Some((_, of)) => of.push(&run.loss),
                    None => lines.push((missing, vec![&run.loss])),
                }
            }
        }
        lines
    }

    /// JSON with the fields in their declared order, two spaces a level, a line
    /// end at the end. A number that is not finite becomes `null`.
    ///
    /// # Errors
    /// Never for data built in memory; the signature follows serde's.
    pub fn to_json(&self) -> std::result::Result<String, serde_json::Error> {
        file::to_json(self)
    }

    /// Writes [`Results::to_json`] to `path` by [`write_atomic`].
    ///
    /// # Errors
    /// [`EvalError::Io`](crate::EvalError::Io) or [`EvalError::Json`](crate::EvalError::Json).
    pub fn write_json(&self, path: &Path) -> Result<()> {
        file::write_json(self, path)
    }

    /// Writes [`Results::to_csv`] to `path` by [`write_atomic`].
    ///
    /// # Errors
    /// [`EvalError::Io`](crate::EvalError::Io).
    pub fn write_csv(&self, path: &Path) -> Result<()> {
        write_atomic(path, self.to_csv().as_bytes())
    }

    /// Reads what [`Results::write_json`] wrote.
    ///
    /// # Errors
    /// [`EvalError::Io`](crate::EvalError::Io), or
    /// [`EvalError::Json`](crate::EvalError::Json) with the place of the first fault.
    pub fn read_json(path: &Path) -> Result<Self> {
        file::read_json(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::run;

    #[test]
    fn json_round_trip_and_the_promised_fields() {
        let results = Results {
            version: "0.1.0".into(),
            runs: vec![run("arcface", 1, 970), Run { loss: "softmax".into(), ..Run::default() }],
            ..Results::default()
        };
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("results.json");
        results.write_json(&path).unwrap();
        assert_eq!(Results::read_json(&path).unwrap(), results);

        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.ends_with("}\n"));
        let json: serde_json::Value = serde_json::from_str(&text).unwrap();
        for key in ["version", "command", "data", "machine", "runs"] {
            assert!(json.get(key).is_some(), "{key}");
        }
        for key in ["name", "n_train", "n_test", "sha256"] {
            assert!(json["data"].get(key).is_some(), "data.{key}");
        }
        for key in ["cpu", "threads", "isa"] {
            assert!(json["machine"].get(key).is_some(), "machine.{key}");
        }
        let fields = "loss m0 m1 m2 scale seed epochs accuracy accuracy_low accuracy_high n_test \
                      eer tmr_at_fmr target_angle_mean nontarget_angle_min_mean train_seconds \
                      samples_per_second collapsed reason";
        for key in fields.split_whitespace() {
            assert!(json["runs"][0].get(key).is_some(), "runs[0].{key}");
        }
        assert_eq!(json["runs"][0]["tmr_at_fmr"]["1e-3"], 0.7);
        for absent in ["scale", "accuracy", "accuracy_low", "accuracy_high"] {
            assert!(json["runs"][1][absent].is_null(), "{absent}");
        }
    }

    #[test]
    fn a_file_of_an_older_version_is_read() {
        let text = serde_json::to_string(&run("arcface", 1, 970)).unwrap();
        let mut json: serde_json::Value = serde_json::from_str(&text).unwrap();
        let fields = json.as_object_mut().unwrap();
        let later = "trainer recall_at_1 recall_at_2 recall_at_4 recall_at_8 map_at_r nmi mae mae_low mae_high mae_argmax mae_argmax_low mae_argmax_high \
             cs cs_low cs_high cs_argmax cs_argmax_low cs_argmax_high n_regression target_unit recovered causes recoveries";
        for key in later.split_whitespace() {
            assert!(fields.remove(key).is_some(), "{key}");
        }
        assert_eq!(serde_json::from_value::<Run>(json).unwrap(), run("arcface", 1, 970));
    }

    #[test]
    fn a_mark_is_in_files_and_survives_them() {
        let marked = Estimate::new(1.0).resting_on(8);
        let mut run = run("arcface", 1, 970).with("tmr_at_fmr@1e-3", marked).with("query_gallery/map_at_r", marked);
        run = run.with("eer", Estimate::new(0.25).resting_on(30));
        let json = serde_json::to_value(&run).unwrap();
        let few = serde_json::json!({ "query_gallery/map_at_r": 8, "tmr_at_fmr@1e-3": 8 });
        assert_eq!((&json["few_errors"], &json["tmr_at_fmr"]["1e-3"]), (&few, &1.0.into()));
        assert_eq!(serde_json::from_value::<Run>(json).unwrap(), run);
        let mean = &summarize(&[run.clone(), crate::fixtures::run("arcface", 2, 960)])[0];
        assert_eq!(mean.measures["tmr_at_fmr@1e-3"].estimate.few_errors, Some(8), "as many as the poorer run's");
        assert_eq!(mean.measures["eer"].estimate.few_errors, None);
    }

    #[test]
    fn a_broken_file_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("results.json");
        std::fs::write(&path, "{\"version\": 3}").unwrap();
        let message = Results::read_json(&path).unwrap_err().to_string();
        assert!(message.contains("results.json") && message.contains("line 1"), "{message}");
        assert!(Results::read_json(&dir.path().join("none.json")).is_err());
    }
}
