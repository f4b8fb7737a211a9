//! A checked configuration: after this nothing can be out of range.

mod batches;
mod loss;
mod numbers;
mod ordinal;
mod task;
mod terms;
mod tuple;

#[cfg(test)]
mod tests;

use crate::backbones::{self, Backbone, BackboneError, BackboneSpec};
use crate::config::{Config, ModelConfig, OptimizerKind};
use crate::losses::margin::{MarginLoss, Margins, Recipe, ScaleKind, Unit};
use crate::losses::ordinal::{Levels, OrdinalKind};
use crate::losses::tuple::{Role, TupleKind};
use crate::losses::{self, Entry, Kind, ParamError, SettingError};
use crate::range::{OutOfRange, Range};
use crate::registry::UnknownName;
use arcsphere_data::{DataError, Dataset, Normalization, Shape, Source, Targets};
use thiserror::Error;

pub use loss::check_range;
pub use numbers::range_of;
pub use task::source;

/// Why a configuration cannot be run.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PlanError {
    /// No such loss or backbone.
    #[error(transparent)]
    Unknown(#[from] UnknownName),
    /// A number outside its range.
    #[error("{key} = {value} is out of range: it must be {range}, because {why}")]
    OutOfRange {
        /// The key in the configuration.
        key: String,
        /// Its value.
        value: String,
        /// What is allowed.
        range: String,
        /// The reason.
        why: &'static str,
    },
    /// A number that the library refuses of a loss or a schedule, with the way out.
    #[error("{section}.{refused}")]
    Setting {
        /// The section of the configuration.
        section: &'static str,
        /// What is refused.
        refused: OutOfRange,
    },
    /// A margin, or another property of an angular target, that the loss does not have.
    #[error("{loss} has no {key}: {hint}")]
    NotTaken {
        /// The loss.
        loss: &'static str,
        /// The key.
        key: &'static str,
        /// What to do instead.
        hint: &'static str,
    },
    /// The loss is a term beside others.
    #[error(
        "{0} is no loss by itself, but a term of the prototypes beside one: give a margin loss, and \
         loss.energy_weight = 1 for the term"
    )]
    Term(&'static str),
    /// A parameter that the loss cannot have.
    #[error("loss.params: {0}")]
    Param(#[from] ParamError),
    /// The head cannot be built.
    #[error(transparent)]
    Head(#[from] crate::head::HeadError),
    /// The data cannot serve.
    #[error("{0}")]
    Data(String),
    /// The plan is for another network.
    #[error("the plan is for {planned} and the network is {found}: make the plan with Plan::for_backbone")]
    Network {
        /// Name, images and dimension of the plan's.
        planned: String,
        /// Those of the network.
        found: String,
    },
    /// The plan is for a network that the registry lacks.
    #[error("the network {0} is not built in: hand it to Trainer::with_backbone, or to Checkpoint::resume_with")]
    NotBuiltIn(String),
    /// A data error while splitting.
    #[error(transparent)]
    Split(#[from] DataError),
}

impl From<SettingError> for PlanError {
    fn from(error: SettingError) -> PlanError {
        match error {
            SettingError::OutOfRange(refused) => PlanError::Setting { section: "loss", refused },
            SettingError::NotTaken { loss, key, hint } => PlanError::NotTaken { loss, key, hint },
            SettingError::Param(error) => PlanError::Param(error),
            other => PlanError::Data(other.to_string()),
        }
    }
}

/// The images of a run: trained on, looked at meanwhile, kept for the end.
#[derive(Clone, Debug)]
pub struct Splits {
    /// Trained on.
    pub train: Dataset,
    /// Looked at after each epoch; never the test set. `None` without a held-out part.
    pub validation: Option<Dataset>,
    /// Looked at once.
    pub test: Dataset,
    /// The test set's classes are not among the training set's.
    pub open_set: bool,
    /// Mean and deviation of the training images.
    pub normalization: Normalization,
}

/// A loss of an ordered target, and what it is to learn.
#[derive(Clone, Debug)]
pub(crate) struct Ordinal {
    /// The loss.
    pub(crate) info: &'static Entry<OrdinalKind>,
    /// The values of the training set's classes.
    pub(crate) levels: Levels,
}

/// The network of a plan.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Network {
    /// One of the registry, which the run's seed makes.
    BuiltIn(BackboneSpec),
    /// One that is handed to the trainer.
    Own {
        /// Its [`Backbone::input`].
        input: Shape,
    },
}

impl Network {
    fn of(net: &impl Backbone) -> Network {
        Network::Own { input: net.input() }
    }

    /// The images' shape.
    pub fn input(&self) -> Shape {
        match self {
            Network::BuiltIn(spec) => spec.input(),
            Network::Own { input } => *input,
        }
    }
}

/// The loss of a plan.
#[derive(Clone, Debug)]
pub(crate) enum LossPlan {
    /// A margin loss, which has prototypes.
    Margin(&'static MarginLoss),
    /// A tuple loss, alone or beside softmax.
    Tuple(&'static Entry<TupleKind>),
    /// A loss of an ordered target, and what it is to learn.
    Ordinal(Ordinal),
}

/// A configuration that can be run: what [`check`](Plan::check) lets pass, and nothing else.
///
/// Every number that was left out stands in its [`config`](Plan::config), and only there.
///
/// ```
/// use arcsphere::config::Config;
/// use arcsphere::plan::{self, Plan};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let digits = arcsphere_data::embedded::mnist()?;
/// let config = Config::default();
/// let splits = plan::split(&config, &digits)?;
/// let plan = Plan::check(&config, &splits)?;
/// // ArcFace's margin fits ten classes on a circle, and so does the scale that was left out.
/// assert_eq!((plan.name(), plan.classes(), plan.margins().angle_margin), ("arcface", 10, 0.5));
/// assert_eq!(plan.config().loss.scale, Some(plan.scale()));
///
/// let degrees = Config { loss: arcsphere::config::LossConfig { angle_margin: Some(30.0), ..config.loss }, ..config };
/// let error = Plan::check(&degrees, &splits).unwrap_err().to_string();
/// assert!(error.contains("loss.angle_margin = 30 is out of range: it must be in [0, π]"), "{error}");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Plan {
    /// The effective configuration.
    config: Config,
    loss: LossPlan,
    classes: usize,
    reason: String,
    network: Network,
    steps_per_epoch: u64,
}

fn within(key: &str, value: f64, range: Range, why: &'static str) -> Result<(), PlanError> {
    if range.contains(value) { Ok(()) } else { Err(refused(key, value, range, why)) }
}

fn refused(key: &str, value: impl ToString, range: impl ToString, why: &'static str) -> PlanError {
    PlanError::OutOfRange { key: key.to_owned(), value: value.to_string(), range: range.to_string(), why }
}

/// Splits a source as the configuration says. Validation images of its own come before a part of the training images.
///
/// # Errors
///
/// [`PlanError`] for fractions out of range, for sets too small to split and for images that cannot be read.
///
/// ```
/// use arcsphere::config::Config;
/// use arcsphere::plan::split;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let digits = arcsphere_data::embedded::mnist()?;
/// let splits = split(&Config::default(), &digits)?;
/// // A tenth of each class, rounded.
/// assert!(splits.validation.is_some_and(|v| v.len().abs_diff(digits.train.len() / 10) < 10));
///
/// let mut config = Config::default();
/// config.data.validation = 0.7;
/// assert!(split(&config, &digits).unwrap_err().to_string().contains("in [0, 0.5]"));
/// # Ok(())
/// # }
/// ```
pub fn split(config: &Config, source: &Source) -> Result<Splits, PlanError> {
    let part = config.data.validation;
    within("data.validation", part, Range::Closed(0.0, 0.5), "more than half of the images must be trained on")?;
    let (train, validation) = match &source.validation {
        _ if part == 0.0 => (source.train.clone(), None),
        Some(own) => (source.train.clone(), Some(own.clone())),
        None => {
            let parts = source.train.stratified_split(part, config.data.split_seed);
            let (train, held_out) = parts.map_err(|error| match error {
                DataError::NothingToSplit { .. } => no_validation(part),
                other => other.into(),
            })?;
            (train, Some(held_out))
        }
    };
    let normalization = Normalization::from_dataset(&train)?;
    Ok(Splits { train, validation, test: source.test.clone(), open_set: source.open_set, normalization })
}

fn no_validation(part: f64) -> PlanError {
    PlanError::Data(format!(
        "no class has two training images, so data.validation = {part} leaves none to look at meanwhile: give \
         --set data.validation=0 to train without, or add images"
    ))
}

impl Plan {
    /// Checks a configuration against the images.
    ///
    /// # Errors
    ///
    /// [`PlanError`], which names the key, its range and the reason.
    pub fn check(config: &Config, splits: &Splits) -> Result<Plan, PlanError> {
        Self::check_with(config, splits, None)
    }

    /// Checks a configuration for a network of the caller's own against the images. What the configuration says of
    /// the network is taken from `net`: its name and its embedding's dimension.
    ///
    /// # Errors
    ///
    /// [`PlanError`]; images of another shape than the network takes are [`PlanError::Data`].
    pub fn for_backbone(config: &Config, splits: &Splits, net: &impl Backbone) -> Result<Plan, PlanError> {
        let mut config = config.clone();
        config.model = ModelConfig { backbone: net.name().to_owned(), dim: net.dim(), depth: None, ..config.model };
        Self::check_with(&config, splits, Some(Network::of(net)))
    }

    fn check_with(asked: &Config, splits: &Splits, own: Option<Network>) -> Result<Plan, PlanError> {
        let named = losses::find(&asked.loss.name)?;
        numbers::check(asked)?;
        task::check(asked, splits)?;
        let loss = check_loss(asked, splits.train.targets().map(Targets::class_values))?;
        let network = network(asked, splits.train.shape(), own)?;
        check_classes(&splits.train)?;
        let needs_pairs = matches!(loss, LossPlan::Tuple(info) if info.kind.needs_pairs);
        let per_class = batches::per_class(asked, needs_pairs.then_some(named.name), &splits.train)?;
        let mut plan = Self::settled(asked, loss, splits.train.n_classes(), per_class, network)?;
        plan.steps_per_epoch = (splits.train.len() / plan.batch(&splits.train)).max(1) as u64;
        Ok(plan)
    }

    /// Everything that does not depend on the images themselves, written down. A configuration in which it is written
    /// down stays as it is.
    fn settled(
        asked: &Config,
        loss: LossPlan,
        classes: usize,
        per_class: Option<(usize, usize)>,
        network: Network,
    ) -> Result<Plan, PlanError> {
        let mut config = asked.clone();
        losses::find(&asked.loss.name)?.name.clone_into(&mut config.loss.name);
        let mut reason = match &loss {
            LossPlan::Margin(info) => loss::settle(&mut config, info, classes)?,
            LossPlan::Tuple(info) => tuple::settle(&mut config, info)?,
            LossPlan::Ordinal(ordinal) => ordinal::settle(&mut config, ordinal)?,
        };
        if let Some((p, k)) = per_class {
            (config.train.classes_per_batch, config.train.images_per_class) = (Some(p), Some(k));
            reason.push_str(&format!("; {p} classes with {k} images each in a batch"));
        }
        if config.train.threads == 0 {
            config.train.threads = std::thread::available_parallelism().map_or(1, usize::from);
        }
        let mut plan = Plan { config, loss, classes, reason, network, steps_per_epoch: 1 };
        if plan.config.train.naive {
            if plan.margin_loss().is_some_and(|loss| loss.kind.takes_extension) {
                plan.config.loss.extension = loss::naive_extension(plan.config.loss.extension, plan.margins());
            }
            plan.reason.push_str("; naive, as the usual public code trains");
        }
        if plan.margin_loss().is_some() && plan.scale_kind() != ScaleKind::Unnormalized {
            terms::prototypes(&mut plan.config, &mut plan.reason);
        }
        Ok(plan)
    }

    /// The plan of a run's own effective configuration, without its images: enough for its head, and to measure it;
    /// how many steps an epoch has is not known. `values` is what the classes of an ordered target are worth.
    pub(crate) fn of_run(
        config: &Config,
        input: Shape,
        classes: usize,
        values: Option<&[f32]>,
    ) -> Result<Plan, PlanError> {
        numbers::check(config)?;
        let loss = check_loss(config, values)?;
        if classes < 2 {
            return Err(PlanError::Data(format!("{classes} class leaves nothing to tell apart: expected at least 2")));
        }
        let network = match backbones::BACKBONES.iter().any(|b| b.name == config.model.backbone) {
            true => Network::BuiltIn(backbone_spec(config, input)?),
            false => Network::Own { input },
        };
        let per_class = config.train.classes_per_batch.zip(config.train.images_per_class);
        Self::settled(config, loss, classes, per_class, network)
    }

    /// The same with another seed. It is in no range and changes nothing else of a plan.
    ///
    /// ```
    /// use arcsphere::config::Config;
    /// use arcsphere::plan::{Plan, split};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let (digits, config) = (arcsphere_data::embedded::mnist()?, Config::default());
    /// let plan = Plan::check(&config, &split(&config, &digits)?)?;
    /// assert_eq!((plan.clone().with_seed(7).config().train.seed, plan.config().train.seed), (7, 0));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn with_seed(mut self, seed: u64) -> Plan {
        self.config.train.seed = seed;
        self
    }

    /// The same for a model of so many classes, and of these values of them under an ordered target, where the
    /// images at hand have others. Values that are not known count from 0: embeddings do not depend on them.
    ///
    /// # Errors
    ///
    /// [`PlanError`] for values that are none.
    pub fn with_classes(mut self, classes: usize, values: Option<&[f32]>) -> Result<Plan, PlanError> {
        let counted: Vec<f32> = (0..classes).map(|c| c as f32).collect();
        self.loss = check_loss(&self.config, Some(values.unwrap_or(&counted)))?;
        self.classes = classes;
        Ok(self)
    }

    /// The effective configuration: every margin, the scale and the number of threads are written into it.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Which margins and scale were taken, and why, in a sentence.
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// The loss's name in the registry.
    pub fn name(&self) -> &str {
        &self.config.loss.name
    }

    pub(crate) fn loss(&self) -> &LossPlan {
        &self.loss
    }

    /// The margin loss that is trained, if it is one: it has prototypes and a target function to draw.
    pub fn margin_loss(&self) -> Option<&'static MarginLoss> {
        match self.loss {
            LossPlan::Margin(info) => Some(info),
            _ => None,
        }
    }

    /// m0, m1, m2; those of a loss without are none.
    pub fn margins(&self) -> Margins {
        let mut margins = Margins::NONE;
        for unit in Unit::ALL {
            let of_unit = unit.value_mut(&mut margins);
            *of_unit = self.config.loss.margin(unit).unwrap_or(*of_unit);
        }
        margins
    }

    /// What the margin loss is made from, if it is one.
    pub fn recipe(&self) -> Option<Recipe> {
        Some(Recipe {
            margins: self.margins(),
            extension: self.config.loss.extension,
            params: self.margin_loss()?.values_or_defaults(&self.config.loss.params),
            scale: self.scale(),
            classes: self.classes,
            dim: self.dim(),
        })
    }

    /// Where s comes from. Under a tuple loss that stands alone classes are told by cosines.
    pub fn scale_kind(&self) -> ScaleKind {
        match self.loss {
            LossPlan::Margin(info) => info.scale_kind(self.config.loss.scale),
            LossPlan::Tuple(info) if info.kind.role == Role::Alone => ScaleKind::EmbeddingNorm,
            LossPlan::Tuple(_) | LossPlan::Ordinal(_) => ScaleKind::Unnormalized,
        }
    }

    /// s, where it is fixed; else 1.
    pub fn scale(&self) -> f64 {
        self.config.loss.scale.unwrap_or(1.0)
    }

    /// C.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// D.
    pub fn dim(&self) -> usize {
        self.config.model.dim
    }

    /// Threads, resolved.
    pub fn threads(&self) -> usize {
        self.config.train.threads
    }

    /// P classes and K images of each in a batch, if it is made so.
    pub fn per_class(&self) -> Option<(usize, usize)> {
        self.config.train.classes_per_batch.zip(self.config.train.images_per_class)
    }

    /// Images in a step.
    pub fn batch(&self, train: &Dataset) -> usize {
        self.per_class().map_or(self.config.train.batch.min(train.len()), |(p, k)| p * k)
    }

    /// Images in a step of a training that has as many.
    pub(crate) fn largest_batch(&self) -> usize {
        self.per_class().map_or(self.config.train.batch, |(p, k)| p.saturating_mul(k))
    }

    /// Steps in an epoch.
    pub fn steps_per_epoch(&self) -> u64 {
        self.steps_per_epoch
    }

    /// Steps in all.
    pub fn steps(&self) -> u64 {
        self.steps_per_epoch * self.config.train.epochs
    }

    /// The network that is trained.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// The network's name: in the registry, or its own.
    pub fn backbone(&self) -> &str {
        match &self.network {
            Network::BuiltIn(spec) => spec.name(),
            Network::Own { .. } => &self.config.model.backbone,
        }
    }
}

/// The loss of a configuration, with what it refuses. `values` is what the classes are worth, if they have an order.
fn check_loss(config: &Config, values: Option<&[f32]>) -> Result<LossPlan, PlanError> {
    let named = losses::find(&config.loss.name)?;
    let loss = match named.kind {
        Kind::Margin(info) => LossPlan::Margin(info),
        Kind::Tuple(info) => LossPlan::Tuple(info),
        Kind::Ordinal(info) => LossPlan::Ordinal(ordinal::check(config, info, values)?),
        _ => return Err(PlanError::Term(named.name)),
    };
    config.loss.settings().check(named)?;
    Ok(loss)
}

/// The network of a configuration, or the caller's own, for images of a shape.
fn network(config: &Config, shape: Shape, own: Option<Network>) -> Result<Network, PlanError> {
    match own {
        None => Ok(Network::BuiltIn(backbone_spec(config, shape)?)),
        Some(own) if own.input() == shape => Ok(own),
        Some(own) => {
            let (name, takes) = (&config.model.backbone, own.input());
            Err(PlanError::Data(format!(
                "the images are {shape} and the network {name} takes {takes}: resize them, or build it for them"
            )))
        }
    }
}

/// Refuses less than two classes, and one without an image.
fn check_classes(train: &Dataset) -> Result<(), PlanError> {
    let classes = train.n_classes();
    if classes < 2 {
        return Err(PlanError::Data(format!(
            "the training set has {classes} class; a margin is between two: give at least 2"
        )));
    }
    if let Some(empty) = train.class_counts().iter().position(|&n| n == 0) {
        let name = &train.classes()[empty];
        return Err(PlanError::Data(format!(
            "class \"{name}\" has no training image: give it some, remove it, or raise data.limit_train"
        )));
    }
    Ok(())
}

/// The backbone of a configuration, for images of a shape.
pub(crate) fn backbone_spec(config: &Config, input: Shape) -> Result<BackboneSpec, PlanError> {
    let m = &config.model;
    let backbone = backbones::find(&m.backbone)?;
    backbone.spec(input, m.dim, m.depth, m.batch_norm).map_err(|error| match error {
        BackboneError::Depth { depth, range, why, .. } => refused("model.depth", depth, range, why),
        error @ BackboneError::Small { min_side, .. } => {
            PlanError::Data(format!("{error}: give --size {min_side}x{min_side} or more"))
        }
        error => PlanError::Data(error.to_string()),
    })
}

impl OptimizerKind {
    /// Its name, as configurations have it.
    pub fn name(self) -> &'static str {
        match self {
            OptimizerKind::Sgd => "sgd",
            OptimizerKind::Adamw => "adamw",
        }
    }
}
