//! `results.json` and `results.csv`: what a comparison measured.
//!
//! Angles are in radians, as margins are; rates, shares and accuracies are in
//! [0, 1]. A field that a run does not have (the margins of plain softmax, the
//! scale of a free norm, the accuracy on an open set) is `null` in JSON and empty in
//! CSV.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::Result;

pub(crate) mod csv;
pub(crate) mod file;
mod ordered;
mod summary;

pub use file::write_atomic;
pub use ordered::{Estimate, OrderedSummary, summarize_ordered};
pub(crate) use summary::accuracies;
pub use summary::{LossSummary, Method, summarize};

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
    /// SHA-256 of the data as read, in hexadecimal.
    pub sha256: String,
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

/// One training: one loss, one seed.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// Registry name of the loss.
    pub loss: String,
    /// Who trained it: `default`, or `naive` for plain training without what keeps a run
    /// from collapsing; empty where only one way of training was compared.
    #[serde(default)]
    pub trainer: String,
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
    /// Share of test samples classified correctly; none where none was classified, as
    /// on an open set.
    pub accuracy: Option<f64>,
    /// Lower end of the accuracy's 95 % Wilson interval.
    pub accuracy_low: Option<f64>,
    /// Upper end of the accuracy's 95 % Wilson interval.
    pub accuracy_high: Option<f64>,
    /// Test samples classified: the accuracy's n.
    pub n_test: u64,
    /// Accuracy on the validation samples at the end of training.
    #[serde(default)]
    pub validation_accuracy: Option<f64>,
    /// Equal error rate on the test pairs.
    pub eer: Option<f64>,
    /// TMR on the test pairs by target FMR, keyed as [`fmr_key`] writes it.
    pub tmr_at_fmr: BTreeMap<String, f64>,
    /// Genuine test pairs.
    #[serde(default)]
    pub n_genuine: u64,
    /// Impostor test pairs.
    #[serde(default)]
    pub n_impostor: u64,
    /// Recall@1 on the test set, each sample against all others.
    #[serde(default)]
    pub recall_at_1: Option<f64>,
    /// Recall@2: whether one of the two nearest is of the own class.
    #[serde(default)]
    pub recall_at_2: Option<f64>,
    /// Recall@4.
    #[serde(default)]
    pub recall_at_4: Option<f64>,
    /// Recall@8.
    #[serde(default)]
    pub recall_at_8: Option<f64>,
    /// MAP@R on the test set.
    #[serde(default)]
    pub map_at_r: Option<f64>,
    /// NMI of k-means clusters of the test embeddings with their classes.
    #[serde(default)]
    pub nmi: Option<f64>,
    /// Mean absolute error of a predicted number on the test set, in `target_unit`.
    #[serde(default)]
    pub mae: Option<f64>,
    /// Lower end of its 95 % interval over the samples.
    #[serde(default)]
    pub mae_low: Option<f64>,
    /// Upper end of its 95 % interval over the samples.
    #[serde(default)]
    pub mae_high: Option<f64>,
    /// Mean absolute error where the likeliest class's value is told, in `target_unit`; `mae` is
    /// then that of the expectation over the classes.
    #[serde(default)]
    pub mae_argmax: Option<f64>,
    /// Lower end of its 95 % interval over the samples.
    #[serde(default)]
    pub mae_argmax_low: Option<f64>,
    /// Upper end of its 95 % interval over the samples.
    #[serde(default)]
    pub mae_argmax_high: Option<f64>,
    /// Cumulative score of the same numbers as `mae`, by largest error, keyed as [`cs_key`] writes it.
    #[serde(default)]
    pub cs: BTreeMap<String, f64>,
    /// Lower ends of their 95 % Wilson intervals.
    #[serde(default)]
    pub cs_low: BTreeMap<String, f64>,
    /// Upper ends of their 95 % Wilson intervals.
    #[serde(default)]
    pub cs_high: BTreeMap<String, f64>,
    /// Cumulative score where the likeliest class's value is told, as `mae_argmax`.
    #[serde(default)]
    pub cs_argmax: BTreeMap<String, f64>,
    /// Lower ends of their 95 % Wilson intervals.
    #[serde(default)]
    pub cs_argmax_low: BTreeMap<String, f64>,
    /// Upper ends of their 95 % Wilson intervals.
    #[serde(default)]
    pub cs_argmax_high: BTreeMap<String, f64>,
    /// Test samples with a predicted number: the n of `mae` and `cs`.
    #[serde(default)]
    pub n_regression: u64,
    /// Unit of the predicted number, such as `years` or `°`.
    #[serde(default)]
    pub target_unit: String,
    /// Mean angle between a test embedding and its prototype.
    pub target_angle_mean: Option<f64>,
    /// Standard deviation of that angle.
    #[serde(default)]
    pub target_angle_sd: Option<f64>,
    /// Mean over the test samples of the smallest non-target angle.
    pub nontarget_angle_min_mean: Option<f64>,
    /// Mean over the classes of the angle with the nearest other prototype.
    #[serde(default)]
    pub nearest_prototype_angle_mean: Option<f64>,
    /// The smallest angle between two prototypes.
    #[serde(default)]
    pub nearest_prototype_angle_min: Option<f64>,
    /// Mean embedding norm on the test set.
    #[serde(default)]
    pub embedding_norm_mean: Option<f64>,
    /// Standard deviation of the embedding norm.
    #[serde(default)]
    pub embedding_norm_sd: Option<f64>,
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

/// The key of an FMR in [`Run::tmr_at_fmr`]: `1e-2`, `1e-3`, `5e-4`.
///
/// ```
/// assert_eq!(arcsphere_eval::results::fmr_key(0.001), "1e-3");
/// ```
pub fn fmr_key(fmr: f64) -> String {
    format!("{fmr:e}")
}

/// The key of a largest error in [`Run::cs`]: `5`, `2.5`.
pub fn cs_key(k: f64) -> String {
    k.to_string()
}

impl Results {
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
    fn a_broken_file_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("results.json");
        std::fs::write(&path, "{\"version\": 3}").unwrap();
        let message = Results::read_json(&path).unwrap_err().to_string();
        assert!(message.contains("results.json") && message.contains("line 1"), "{message}");
        assert!(Results::read_json(&dir.path().join("none.json")).is_err());
    }
}
