//! What a user asks for: TOML in, every default written once.
//!
//! Layers, later ones over earlier ones: the defaults here, a preset, a file, flags
//! (`key=value`). An unknown key is refused by name. A [`Config`] may still be
//! impossible; [`crate::plan`] checks it against the data.

mod layers;
mod presets;

pub use layers::{ConfigError, Layers};
pub use toml::Value;

pub use presets::{PRESETS, Preset, preset_for};

use crate::losses::margin::{Extension, Unit};
use crate::losses::{Energy, Settings};
use crate::optim::margin_schedule::MarginSchedule;
use crate::optim::rate_schedule::RateSchedule;
use arcsphere_data::Fit;
use arcsphere_data::folder::Decoding;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// A whole training.
///
/// ```
/// use arcsphere::config::{Config, Layers};
///
/// let config = Layers::new().text("[train]\nepochs = 3", "mine.toml")?.build()?;
/// assert_eq!((config.train.epochs, config.loss.name.as_str()), (3, "arcface"));
/// assert_eq!(Config { train: Default::default(), ..config }, Config::default());
/// # Ok::<(), arcsphere::config::ConfigError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// What is learned.
    pub task: Task,
    /// Which images.
    pub data: DataConfig,
    /// Which network.
    pub model: ModelConfig,
    /// Which loss, and its margins.
    pub loss: LossConfig,
    /// How the margin comes in.
    pub margin_schedule: MarginSchedule,
    /// How weights move.
    pub optim: OptimConfig,
    /// How long, with which seed.
    pub train: TrainConfig,
    /// What is measured at the end.
    pub eval: EvalConfig,
}

/// What is learned of the images.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Task {
    /// Their class.
    #[default]
    Classify,
    /// An ordered target, an age above all, in classes of a year or some years each: its mean
    /// absolute error is measured too ([`crate::evaluate`]). The losses of
    /// [`crate::losses::ordinal`] need it.
    Age,
}

/// A configuration as TOML, every key that is set.
///
/// # Errors
///
/// If a number cannot be written, which no checked configuration has.
///
/// ```
/// use arcsphere::config::{Config, Layers, to_toml};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let text = to_toml(&Config::default())?;
/// assert_eq!(Layers::new().text(&text, "it")?.build()?, Config::default());
/// # Ok(())
/// # }
/// ```
pub fn to_toml(config: &Config) -> Result<String, toml::ser::Error> {
    toml::to_string(config)
}

/// Which images.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DataConfig {
    /// A name (`arcsphere list datasets`) or a folder.
    pub source: String,
    /// Where named sets are looked for.
    pub root: PathBuf,
    /// Years in a class where ages are read, in 1..=60. For `task = "age"`.
    pub age_bin: u32,
    /// Height and width to which images are resized.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resize: Option<(usize, usize)>,
    /// How images come to that size where their proportions are others: `squash`, `crop` or `pad` ([`Fit`]).
    #[serde(with = "fit")]
    pub fit: Fit,
    /// The most memory that all image files decoded at once may take, in MiB; an image that alone takes more is
    /// refused.
    pub decode_memory: u64,
    /// The part of the training images held out for validation, by class; 0 for none. Of a folder with a `val/`
    /// beside `train/` and `test/`, those are the validation images, unless this is 0.
    pub validation: f64,
    /// The part of a folder without `train/` and `test/` that becomes the test set.
    pub test_fraction: f64,
    /// Split a folder by class: the test set's classes are never trained on. Of a folder that is split, names of
    /// classes that differ only in case or Unicode form are then different classes.
    pub open_set: bool,
    /// What is done about images, or rows of a table, that cannot be used.
    pub on_bad_file: OnBadFile,
    /// Use at most so many training images.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit_train: Option<usize>,
    /// Use at most so many test images.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit_test: Option<usize>,
    /// Seed of the splits; the same for all runs that are to be compared.
    pub split_seed: u64,
    /// Random crops and flips.
    pub augment: AugmentConfig,
}

impl Default for DataConfig {
    fn default() -> Self {
        DataConfig {
            source: "mnist-embedded".into(),
            root: PathBuf::from("data"),
            age_bin: 1,
            resize: None,
            fit: Fit::Squash,
            decode_memory: 1024,
            validation: 0.1,
            test_fraction: 0.2,
            open_set: false,
            on_bad_file: OnBadFile::Error,
            limit_train: None,
            limit_test: None,
            split_seed: 0,
            augment: AugmentConfig::default(),
        }
    }
}

/// What is done about an image, or a row of a table, that cannot be used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnBadFile {
    /// The first one ends it.
    #[default]
    Error,
    /// They are left out, counted, and part of the checksum.
    Skip,
}

impl From<OnBadFile> for arcsphere_data::OnBadFile {
    fn from(on: OnBadFile) -> Self {
        match on {
            OnBadFile::Error => Self::Error,
            OnBadFile::Skip => Self::Skip,
        }
    }
}

impl DataConfig {
    /// How image files become planes.
    pub fn decoding(&self) -> Decoding {
        Decoding { resize: self.resize, fit: self.fit, memory: self.decode_memory.saturating_mul(1 << 20) }
    }
}

/// A fit as its name.
mod fit {
    use arcsphere_data::Fit;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
    pub(super) fn serialize<S: Serializer>(fit: &Fit, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(fit.name())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Fit, D::Error> {
        String::deserialize(from)?.parse().map_err(D::Error::custom)
    }
}

/// Random changes of training images, in pixels; all zero for none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AugmentConfig {
    /// Crops of the image padded by so much on each side.
    pub pad_crop: usize,
    /// Left-right flips, half of the time.
    pub flip: bool,
    /// Shifts by up to so much on each axis, the edge repeated.
    pub shift: usize,
}

/// Which network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ModelConfig {
    /// `arcsphere list backbones`.
    pub backbone: String,
    /// D, the embedding's dimension, ≥ 2.
    pub dim: usize,
    /// Depth, for backbones that come in several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub depth: Option<usize>,
    /// Batch-norm after each convolution. Off gives LeNet++ as its paper has it.
    pub batch_norm: bool,
}

impl Default for ModelConfig {
    fn default() -> Self {
        ModelConfig { backbone: "lenet_2d".into(), dim: 2, depth: None, batch_norm: true }
    }
}

/// Which loss, and its margins; a margin left out is fitted to C and D.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LossConfig {
    /// `arcsphere list losses`.
    pub name: String,
    /// Take the paper's margins and scale where none are given, instead of fitted ones.
    pub paper: bool,
    /// m0 ≥ 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub angle_multiplier: Option<f64>,
    /// m1 in radians, in [0, π].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub angle_margin: Option<f64>,
    /// m2 in [0, 2].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cosine_margin: Option<f64>,
    /// s > 0. On a loss of free norm this fixes the norm (modified softmax becomes NormFace).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scale: Option<f64>,
    /// What ψ does past π.
    pub extension: Extension,
    /// Label smoothing in [0, 1).
    pub smoothing: f64,
    /// λ_M ≥ 0 of the prototypes' hyperspherical energy, beside the loss's 1; 0 for none. With
    /// SphereFace this is SphereFace+. Above 0 prototypes move also on a circle, unless
    /// `optim.prototype_rate` says otherwise.
    pub energy_weight: f64,
    /// a of the energy r^(−a): 0 for log(1/r), 1 or 2.
    pub energy_power: f64,
    /// Prototypes also repel each other's opposites.
    pub energy_half_space: bool,
    /// What else the loss has, by name (`arcsphere explain LOSS`); left out: the paper's, and
    /// margins fitted to C and D.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub params: BTreeMap<String, f64>,
}

impl LossConfig {
    /// The margin of a unit, if it is given.
    ///
    /// ```
    /// use arcsphere::config::LossConfig;
    /// use arcsphere::losses::margin::Unit;
    ///
    /// let mut loss = LossConfig::default();
    /// loss.set_margin(Unit::AngleMargin, Some(0.3));
    /// assert_eq!((loss.margin(Unit::AngleMargin), loss.margin(Unit::CosineMargin)), (Some(0.3), None));
    /// ```
    pub fn margin(&self, unit: Unit) -> Option<f64> {
        match unit {
            Unit::AngleMultiplier => self.angle_multiplier,
            Unit::AngleMargin => self.angle_margin,
            Unit::CosineMargin => self.cosine_margin,
        }
    }

    /// What is asked of the loss, as the library checks it and chooses what is left out.
    pub(crate) fn settings(&self) -> Settings {
        Settings {
            paper: self.paper,
            angle_multiplier: self.angle_multiplier,
            angle_margin: self.angle_margin,
            cosine_margin: self.cosine_margin,
            scale: self.scale,
            extension: self.extension,
            smoothing: self.smoothing,
            energy: Energy { weight: self.energy_weight, power: self.energy_power, half_space: self.energy_half_space },
            params: self.params.clone(),
        }
    }

    /// Gives the margin of a unit, or leaves it out.
    pub fn set_margin(&mut self, unit: Unit, value: Option<f64>) {
        match unit {
            Unit::AngleMultiplier => self.angle_multiplier = value,
            Unit::AngleMargin => self.angle_margin = value,
            Unit::CosineMargin => self.cosine_margin = value,
        }
    }
}

impl Default for LossConfig {
    fn default() -> Self {
        LossConfig {
            name: "arcface".into(),
            paper: false,
            angle_multiplier: None,
            angle_margin: None,
            cosine_margin: None,
            scale: None,
            extension: Extension::Monotone,
            smoothing: 0.0,
            energy_weight: 0.0,
            energy_power: 1.0,
            energy_half_space: false,
            params: BTreeMap::new(),
        }
    }
}

/// The optimizers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OptimizerKind {
    /// Stochastic gradient descent with momentum.
    #[default]
    Sgd,
    /// AdamW (Loshchilov and Hutter, 2019).
    Adamw,
}

/// How weights move.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OptimConfig {
    /// `arcsphere list optimizers`.
    pub kind: OptimizerKind,
    /// The peak learning rate.
    pub rate: f64,
    /// The prototypes' rate as a part of it, once logits are angular; 0 holds them still.
    /// Left out: 0 on a circle, where the even gaps that they are placed at are the best
    /// there are and a strong margin only crowds them together; else 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prototype_rate: Option<f64>,
    /// SGD's momentum; AdamW's β₁.
    pub momentum: f64,
    /// AdamW's β₂.
    pub beta2: f64,
    /// AdamW's ε.
    pub epsilon: f64,
    /// Weight decay of convolution and linear weights. Biases, slopes, batch-norm and
    /// normalized prototypes, whose length means nothing, have none.
    pub decay: f64,
    /// Largest norm of the backbone's gradient, and of each prototype's; 0 for no limit.
    pub clip: f64,
    /// The rate over time.
    pub schedule: RateSchedule,
}

impl Default for OptimConfig {
    fn default() -> Self {
        OptimConfig {
            kind: OptimizerKind::Sgd,
            rate: 0.1,
            prototype_rate: None,
            momentum: 0.9,
            beta2: 0.999,
            epsilon: 1e-8,
            decay: 5e-4,
            clip: 5.0,
            schedule: RateSchedule::default(),
        }
    }
}

/// What is done about a training that dies (see [`crate::collapse`]).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnCollapse {
    /// Go back to the last good state, and on more softly.
    #[default]
    Recover,
    /// End there.
    Stop,
    /// Note it and go on, whatever happens; only weights that are not finite, which nothing
    /// brings back, end it.
    Ignore,
}

/// How long, with which seed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TrainConfig {
    /// Passes over the training images.
    pub epochs: u64,
    /// Images in a step.
    pub batch: usize,
    /// P of batches with P classes and K images of each, P·K in all instead of `batch`. With
    /// it or K given any loss gets such batches; losses that learn from pairs always do. Left
    /// out: as many classes as there are, but at least 4 images of each.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub classes_per_batch: Option<usize>,
    /// K. Left out: as many as `batch` has room for, and as the smallest class has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub images_per_class: Option<usize>,
    /// The seed of everything random but the splits.
    pub seed: u64,
    /// Threads; 0 for all that the machine has. Part of what fixes the bits.
    pub threads: usize,
    /// Steps between checkpoints; 0 for one per epoch.
    pub checkpoint_every: u64,
    /// What is done about a training that dies.
    pub on_collapse: OnCollapse,
    /// Recoveries before a training counts as dead, at most 30.
    pub recoveries: u64,
    /// Steps between the states that a recovery goes back to; 0 for one per epoch.
    pub snapshot_every: u64,
    /// Train as the usual public code does, for comparison: a clamped arccos left to
    /// autodiff and Xavier's prototypes. With it the preset `naive` is below all layers.
    pub naive: bool,
}

impl Default for TrainConfig {
    fn default() -> Self {
        TrainConfig {
            epochs: 8,
            batch: 128,
            classes_per_batch: None,
            images_per_class: None,
            seed: 0,
            threads: 0,
            checkpoint_every: 0,
            on_collapse: OnCollapse::Recover,
            recoveries: 5,
            snapshot_every: 0,
            naive: false,
        }
    }
}

/// What is measured at the end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EvalConfig {
    /// Genuine and impostor test pairs, each at most.
    pub pairs: usize,
    /// False match rates at which the true match rate is read.
    pub fmr: Vec<f64>,
    /// Measures and protocols, by name; empty for all that are not too costly.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub measures: Vec<String>,
}

impl Default for EvalConfig {
    fn default() -> Self {
        EvalConfig { pairs: 10_000, fmr: vec![1e-1, 1e-2, 1e-3], measures: Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_effective_configuration_reads_back_the_same() {
        let mut config = Config::default();
        config.data.resize = Some((32, 48));
        config.data.fit = Fit::Pad;
        config.loss.scale = Some(12.5);
        config.loss.params.insert("t".into(), 1.25);
        let text = toml::to_string(&config).unwrap();
        assert_eq!(toml::from_str::<Config>(&text).unwrap(), config);
    }
}
