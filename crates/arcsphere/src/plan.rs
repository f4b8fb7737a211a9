//! A checked configuration: after this nothing can be out of range.

mod batches;
mod loss;
mod numbers;
mod ordinal;
mod task;
mod terms;
mod tuple;

use crate::backbones::{self, Backbone, BackboneError, BackboneSpec};
use crate::config::{Config, ModelConfig, OptimizerKind};
use crate::losses::fit::Fit;
use crate::losses::margin::{self, Extension, MarginLoss, Margins, Recipe, ScaleKind};
use crate::losses::ordinal::{Levels, OrdinalKind};
use crate::losses::tuple::{Role, TupleKind};
use crate::losses::{self, Entry, Kind, Param, ParamError};
use crate::range::Range;
use crate::registry::UnknownName;
use arcsphere_data::{DataError, Dataset, Normalization, Shape, Source};
use thiserror::Error;

pub use loss::check_range;
pub use task::source;

/// Why a configuration cannot be run.
#[derive(Debug, Error)]
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
    #[error("{0} is no loss by itself, but a term of the prototypes beside one: {1}")]
    Term(&'static str, &'static str),
    /// A parameter that the loss cannot have.
    #[error("loss.params: {0}")]
    Param(#[from] ParamError),
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
pub struct Ordinal {
    /// The loss.
    pub info: &'static Entry<OrdinalKind>,
    /// The values of the training set's classes.
    pub levels: Levels,
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

/// A configuration that can be run.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The effective configuration: every margin and the scale are written into it.
    pub config: Config,
    /// The loss of the head. Under a tuple loss that stands alone it trains nothing and says how
    /// classes are told: by cosine (see [`crate::head`]). Under a loss of an ordered target it trains nothing.
    pub loss: &'static MarginLoss,
    /// The tuple loss, if it is one that is trained.
    pub tuple: Option<&'static Entry<TupleKind>>,
    /// The loss of an ordered target, if it is one that is trained.
    pub ordinal: Option<Ordinal>,
    /// P classes and K images of each in a batch, if it is made so.
    pub per_class: Option<(usize, usize)>,
    /// m0, m1, m2.
    pub margins: Margins,
    /// What the loss is made from; its margins and scale are the ones of this plan.
    pub recipe: Recipe,
    /// Where s comes from.
    pub scale_kind: ScaleKind,
    /// s, where it is fixed; else 1.
    pub scale: f64,
    /// C.
    pub classes: usize,
    /// How margins fitted to C and D came about.
    pub fitted: Fit,
    /// Which margins and scale were taken, and why, in a sentence.
    pub reason: String,
    /// The network that is trained.
    pub network: Network,
    /// Steps in an epoch.
    pub steps_per_epoch: u64,
    /// Steps in all.
    pub steps: u64,
    /// Threads, resolved.
    pub threads: usize,
}

fn within(key: &str, value: f64, range: Range, why: &'static str) -> Result<(), PlanError> {
    if range.contains(value) { Ok(()) } else { Err(refused(key, value, range, why)) }
}

/// Refuses a value outside the range of a loss's number.
fn within_of(key: &str, value: f64, param: &Param) -> Result<(), PlanError> {
    within(key, value, param.range, param.why)
}

fn refused(key: &str, value: impl ToString, range: impl ToString, why: &'static str) -> PlanError {
    PlanError::OutOfRange { key: key.to_owned(), value: value.to_string(), range: range.to_string(), why }
}

/// Splits a source as the configuration says.
///
/// # Errors
///
/// [`PlanError`] for fractions out of range, for sets too small to split and for images that cannot be read.
pub fn split(config: &Config, source: &Source) -> Result<Splits, PlanError> {
    let part = config.data.validation;
    within("data.validation", part, Range::Closed(0.0, 0.5), "more than half of the images must be trained on")?;
    let (train, validation) = if part > 0.0 {
        let (train, held_out) = source.train.stratified_split(part, config.data.split_seed)?;
        (train, Some(held_out))
    } else {
        (source.train.clone(), None)
    };
    let normalization = Normalization::from_dataset(&train)?;
    Ok(Splits { train, validation, test: source.test.clone(), open_set: source.open_set, normalization })
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

    fn check_with(config: &Config, splits: &Splits, own: Option<Network>) -> Result<Plan, PlanError> {
        let named = losses::find(&config.loss.name)?.kind;
        numbers::check(config)?;
        task::check(config, splits)?;
        let (loss, tuple, ordinal) = match named {
            Kind::Margin(info) => {
                loss::check(config, info)?;
                terms::check_energy(config, info)?;
                (info, None, None)
            }
            Kind::Tuple(info) => (tuple::head(config, info)?, Some(info), None),
            Kind::Ordinal(info) => (margin::find("softmax")?, None, Some(ordinal::check(config, info, splits)?)),
            other => return Err(terms::alone(other)),
        };
        let shape = splits.train.shape();
        let network = match own {
            None => Network::BuiltIn(backbone_spec(config, shape)?),
            Some(own) if own.input() == shape => own,
            Some(own) => {
                let (name, takes) = (&config.model.backbone, own.input());
                return Err(PlanError::Data(format!(
                    "the images are {shape} and the network {name} takes {takes}: resize them, or build it for them"
                )));
            }
        };
        let classes = splits.train.n_classes();
        if classes < 2 {
            return Err(PlanError::Data(format!(
                "the training set has {classes} class; a margin is between two: give at least 2"
            )));
        }
        if let Some(empty) = splits.train.class_counts().iter().position(|&n| n == 0) {
            let name = &splits.train.classes()[empty];
            return Err(PlanError::Data(format!(
                "class \"{name}\" has no training image: give it some, remove it, or raise data.limit_train"
            )));
        }
        let per_class =
            batches::per_class(config, tuple.filter(|t| t.kind.needs_pairs).map(|t| t.name), &splits.train)?;
        let batch = per_class.map_or(config.train.batch.min(splits.train.len()), |(p, k)| p * k);
        let steps_per_epoch = (splits.train.len() / batch).max(1) as u64;
        let dim = config.model.dim;
        let plain;
        let of_head = match named {
            Kind::Margin(_) => config,
            // Its parameters are not the head's.
            _ => {
                plain = tuple::without_params(config);
                &plain
            }
        };
        let loss::Chosen { mut recipe, scale_kind, fitted, mut reason } = loss::choose(of_head, loss, classes, dim)?;
        let mut config = config.clone();
        if let Some(info) = tuple {
            tuple::reason(info).clone_into(&mut reason);
        }
        if let Some(ordinal) = &ordinal {
            reason = ordinal::reason(ordinal);
        }
        if let Some((p, k)) = per_class {
            (config.train.classes_per_batch, config.train.images_per_class) = (Some(p), Some(k));
            reason.push_str(&format!("; {p} classes with {k} images each in a batch"));
        }
        if config.train.naive {
            if loss.kind.takes_extension {
                recipe.extension = naive_extension(recipe.extension, recipe.margins);
                config.loss.extension = recipe.extension;
            }
            reason.push_str("; naive, as the usual public code trains");
        }
        match named {
            Kind::Margin(_) => loss::write_down(&mut config.loss, loss, &recipe, scale_kind),
            Kind::Tuple(info) => tuple::write_down(&mut config.loss, info.name, info.params)?,
            Kind::Ordinal(info) => tuple::write_down(&mut config.loss, info.name, info.params)?,
            other => return Err(terms::alone(other)),
        }
        if scale_kind != ScaleKind::Unnormalized && tuple.is_none() {
            terms::prototypes(&mut config, &mut reason);
        }
        let threads = match config.train.threads {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            n => n,
        };
        config.train.threads = threads;
        Ok(Plan {
            steps: steps_per_epoch * config.train.epochs,
            config,
            loss,
            tuple,
            ordinal,
            per_class,
            margins: recipe.margins,
            scale: if scale_kind == ScaleKind::Fixed { recipe.scale } else { 1.0 },
            recipe,
            scale_kind,
            classes,
            fitted,
            reason,
            network,
            steps_per_epoch,
            threads,
        })
    }

    /// The network's name: in the registry, or its own.
    pub fn backbone(&self) -> &str {
        match &self.network {
            Network::BuiltIn(spec) => spec.name(),
            Network::Own { .. } => &self.config.model.backbone,
        }
    }

    /// Images in a step.
    pub fn batch(&self, train: &Dataset) -> usize {
        self.per_class.map_or(self.config.train.batch.min(train.len()), |(p, k)| p * k)
    }

    /// The loss's name, in any registry.
    pub fn name(&self) -> &'static str {
        let ordinal = self.ordinal.as_ref().map(|o| o.info.name);
        ordinal.or(self.tuple.map(|t| t.name)).unwrap_or(self.loss.name)
    }

    /// Whether a margin loss is what is trained, which has prototypes and a target function to draw.
    pub fn is_margin(&self) -> bool {
        self.tuple.is_none() && self.ordinal.is_none()
    }

    /// Whether a tuple loss is all that is trained.
    pub fn is_alone(&self) -> bool {
        self.tuple.is_some_and(|t| t.kind.role == Role::Alone)
    }
}

/// What public code does past π where nothing else is asked for: SphereFace-like losses
/// nothing, ArcFace the fallback.
fn naive_extension(asked: Extension, margins: Margins) -> Extension {
    match asked {
        Extension::Monotone if margins.angle_multiplier != 1.0 => Extension::Raw,
        Extension::Monotone if margins.angle_margin > 0.0 => Extension::Fallback,
        other => other,
    }
}

/// The backbone of a configuration, for images of a shape.
pub(crate) fn backbone_spec(config: &Config, input: Shape) -> Result<BackboneSpec, PlanError> {
    let m = &config.model;
    let backbone = backbones::find(&m.backbone)?;
    backbone.spec(input, m.dim, m.depth, m.batch_norm).map_err(|error| match error {
        BackboneError::Depth { depth, range, why, .. } => refused("model.depth", depth, range, why),
        error @ BackboneError::Small { .. } => PlanError::Data(format!("{error}: use --resize")),
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Three classes with four images each.
    pub(super) fn even() -> Splits {
        splits(3, (0..12).map(|i| i % 3).collect())
    }

    fn splits(classes: usize, labels: Vec<u32>) -> Splits {
        let shape = Shape { channels: 1, height: 8, width: 8 };
        let names = (0..classes).map(|c| c.to_string()).collect();
        let set = Dataset::new(shape, vec![7; 64 * labels.len()], labels, names).unwrap();
        Splits {
            train: set.clone(),
            validation: None,
            test: set.clone(),
            open_set: false,
            normalization: Normalization::from_dataset(&set).unwrap(),
        }
    }

    pub(super) fn check(change: impl FnOnce(&mut Config)) -> Result<Plan, PlanError> {
        let mut config = Config::default();
        config.train.threads = 2;
        change(&mut config);
        Plan::check(&config, &splits(3, vec![0, 1, 2, 0]))
    }

    pub(super) fn message(change: impl FnOnce(&mut Config)) -> String {
        check(change).expect_err("must be refused").to_string()
    }

    #[test]
    fn a_margin_out_of_range_is_refused_with_the_range_and_the_reason() {
        let text = message(|c| c.loss.angle_margin = Some(30.0));
        assert!(text.contains("[0, π]") && text.contains("because"), "{text}");
        let text = message(|c| (c.loss.name, c.loss.angle_multiplier) = ("sphereface".into(), Some(0.5)));
        assert!(text.contains("[1, 16]"), "{text}");
        assert!(message(|c| c.loss.angle_margin = Some(f64::NAN)).contains("NaN"));
    }

    #[test]
    fn a_margin_of_another_loss_is_refused_by_name() {
        let text = message(|c| c.loss.cosine_margin = Some(0.2));
        assert!(text.contains("arcface has no cosine_margin"), "{text}");
        let text = message(|c| (c.loss.name, c.loss.scale) = ("softmax".into(), Some(8.0)));
        assert!(text.contains("softmax has no scale"), "{text}");
    }

    #[test]
    fn an_extension_is_taken_or_refused_by_name() {
        for loss in margin::LOSSES {
            for extension in [Extension::Fallback, Extension::Easy, Extension::Raw] {
                let plan = check(|c| (c.loss.name, c.loss.extension) = (loss.name.into(), extension));
                if loss.kind.takes_extension {
                    // The fallback is defined for m0 = 1 only.
                    let defined = extension != Extension::Fallback || loss.kind.paper.angle_multiplier == 1.0;
                    assert_eq!(plan.is_ok(), defined, "{} {extension:?}: {:?}", loss.name, plan.err());
                } else {
                    let text = plan.expect_err(loss.name).to_string();
                    assert!(text.starts_with(&format!("{} has no extension: ", loss.name)), "{text}");
                    assert!(text.contains("leave loss.extension out"), "{text}");
                }
            }
        }
    }

    #[test]
    fn dimension_one_and_unknown_names_are_refused() {
        assert!(message(|c| c.model.dim = 1).contains("model.dim = 1"));
        assert!(message(|c| c.loss.name = "arcfce".into()).contains("did you mean \"arcface\""));
        assert!(message(|c| c.model.backbone = "lenet2d".into()).contains("lenet_2d"));
        assert!(message(|c| c.model.depth = Some(3)).contains("model.depth"));
    }

    #[test]
    fn one_class_and_a_class_without_a_sample_are_refused() {
        let config = Config::default();
        let text = Plan::check(&config, &splits(1, vec![0, 0])).unwrap_err().to_string();
        assert!(text.contains("1 class"), "{text}");
        let text = Plan::check(&config, &splits(3, vec![0, 2])).unwrap_err().to_string();
        assert!(text.contains("class \"1\" has no training image"), "{text}");
    }

    #[test]
    fn a_fixed_scale_on_modified_softmax_is_normface() {
        let plan = check(|c| (c.loss.name, c.loss.scale) = ("modified_softmax".into(), Some(20.0))).unwrap();
        assert_eq!((plan.scale_kind, plan.scale), (ScaleKind::Fixed, 20.0));
    }

    #[test]
    fn checking_the_effective_configuration_changes_nothing() {
        for (loss, naive) in margin::LOSSES.iter().flat_map(|loss| [(loss, false), (loss, true)]) {
            let plan = check(|c| (c.loss.name, c.train.naive) = (loss.name.into(), naive)).unwrap();
            let again = Plan::check(&plan.config, &splits(3, vec![0, 1, 2, 0])).unwrap();
            assert_eq!(
                (again.config, again.margins, again.scale, again.reason),
                (plan.config, plan.margins, plan.scale, plan.reason),
                "{}, naive {naive}",
                loss.name
            );
        }
    }

    #[test]
    fn naive_takes_the_extension_of_public_code_unless_given_one() {
        let naive = |loss: &str, extension| {
            let plan = check(|c| {
                (c.loss.name, c.loss.extension, c.train.naive) = (loss.into(), extension, true);
            });
            plan.unwrap().config.loss.extension
        };
        assert_eq!(naive("sphereface", Extension::Monotone), Extension::Raw);
        assert_eq!(naive("arcface", Extension::Monotone), Extension::Fallback);
        assert_eq!(naive("cosface", Extension::Monotone), Extension::Monotone);
        assert_eq!(naive("arcface", Extension::Easy), Extension::Easy);
        let plan = check(|c| c.train.naive = true).unwrap();
        let again = Plan::check(&plan.config, &splits(3, vec![0, 1, 2, 0])).unwrap();
        assert_eq!((&again.config, &again.reason), (&plan.config, &plan.reason));
        assert!(plan.reason.contains("naive, as the usual public code trains"), "{}", plan.reason);
    }

    #[test]
    fn more_recoveries_than_can_help_are_refused() {
        assert!(message(|c| c.train.recoveries = 31).contains("train.recoveries = 31"));
        assert!(check(|c| c.train.recoveries = 0).is_ok());
    }

    #[test]
    fn the_papers_values_are_a_flag_away() {
        let plan = check(|c| c.loss.paper = true).unwrap();
        assert_eq!((plan.margins.angle_margin, plan.scale), (0.5, 64.0));
    }
}
