//! A checked configuration: after this nothing can be out of range.

use crate::backbones::{self, BackboneInfo, BackboneSpec};
use crate::config::{Config, OptimizerKind};
use crate::losses::fit::{self, Fitted};
use crate::losses::margin::{self, Extension, LossInfo, Margins, ScaleKind};
use crate::optim::rate_schedule::Decay;
use crate::registry::UnknownName;
use arcsphere_data::{DataError, Dataset, Normalization, Shape, Source};
use std::f64::consts::PI;
use thiserror::Error;

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
        key: &'static str,
        /// Its value.
        value: String,
        /// What is allowed.
        range: String,
        /// The reason.
        why: &'static str,
    },
    /// A margin that the loss does not have.
    #[error("{loss} has no {key}: {hint}")]
    NotTaken {
        /// The loss.
        loss: &'static str,
        /// The key.
        key: &'static str,
        /// What to do instead.
        hint: &'static str,
    },
    /// The data cannot serve.
    #[error("{0}")]
    Data(String),
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

/// A configuration that can be run.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The effective configuration: every margin and the scale are written into it.
    pub config: Config,
    /// The loss.
    pub loss: &'static LossInfo,
    /// m0, m1, m2.
    pub margins: Margins,
    /// Where s comes from.
    pub scale_kind: ScaleKind,
    /// s, where it is fixed; else 1.
    pub scale: f64,
    /// C.
    pub classes: usize,
    /// How margins fitted to C and D came about.
    pub fitted: Fitted,
    /// Which margins and scale were taken, and why, in a sentence.
    pub reason: String,
    /// The backbone.
    pub backbone: &'static BackboneInfo,
    /// What it is built for.
    pub spec: BackboneSpec,
    /// Steps in an epoch.
    pub steps_per_epoch: u64,
    /// Steps in all.
    pub steps: u64,
    /// Threads, resolved.
    pub threads: usize,
}

fn within(key: &'static str, value: f64, ok: bool, range: &str, why: &'static str) -> Result<(), PlanError> {
    if ok && value.is_finite() {
        Ok(())
    } else {
        Err(PlanError::OutOfRange { key, value: value.to_string(), range: range.to_owned(), why })
    }
}

/// Splits a source as the configuration says.
///
/// # Errors
///
/// [`PlanError`] for fractions out of range and for sets too small to split.
pub fn split(config: &Config, source: &Source) -> Result<Splits, PlanError> {
    let part = config.data.validation;
    within(
        "data.validation",
        part,
        (0.0..=0.5).contains(&part),
        "in [0, 0.5]",
        "more than half of the images must be trained on",
    )?;
    let (train, validation) = if part > 0.0 {
        let (train, held_out) = source.train.stratified_split(part, config.data.split_seed)?;
        (train, Some(held_out))
    } else {
        (source.train.clone(), None)
    };
    let normalization = Normalization::from_dataset(&train);
    Ok(Splits { train, validation, test: source.test.clone(), open_set: source.open_set, normalization })
}

impl Plan {
    /// Checks a configuration against the images.
    ///
    /// # Errors
    ///
    /// [`PlanError`], which names the key, its range and the reason.
    pub fn check(config: &Config, splits: &Splits) -> Result<Plan, PlanError> {
        let loss = margin::find(&config.loss.name)?;
        check_numbers(config)?;
        check_margins(config, loss)?;
        let (backbone, spec) = backbone_spec(config, splits.train.shape())?;
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
        let batch = config.train.batch.min(splits.train.len());
        let steps_per_epoch = (splits.train.len() / batch).max(1) as u64;
        let dim = config.model.dim;
        let fitted = fit::fitted_margins(loss.paper, classes, dim);
        let (margins, scale_kind, scale, mut reason) = margins_and_scale(config, loss, &fitted, classes, dim);
        let mut config = config.clone();
        config.loss.name = loss.name.to_owned();
        if loss.takes.angle_multiplier {
            config.loss.angle_multiplier = Some(margins.angle_multiplier);
        }
        if loss.takes.angle_margin {
            config.loss.angle_margin = Some(margins.angle_margin);
        }
        if loss.takes.cosine_margin {
            config.loss.cosine_margin = Some(margins.cosine_margin);
        }
        if scale_kind == ScaleKind::Fixed {
            config.loss.scale = Some(scale);
        }
        if config.train.naive {
            config.loss.extension = naive_extension(config.loss.extension, margins);
            reason.push_str("; naive, as the usual public code trains");
        }
        if scale_kind != ScaleKind::Unnormalized {
            let rate = *config.optim.prototype_rate.get_or_insert(if dim == 2 { 0.0 } else { 1.0 });
            if rate == 0.0 {
                reason.push_str("; prototypes stay where they are placed after the soft start");
            }
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
            margins,
            scale_kind,
            scale,
            classes,
            fitted,
            reason,
            backbone,
            spec,
            steps_per_epoch,
            threads,
        })
    }

    /// Images in a step.
    pub fn batch(&self, train: &Dataset) -> usize {
        self.config.train.batch.min(train.len())
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

fn check_numbers(config: &Config) -> Result<(), PlanError> {
    let positive = |key, v: f64, why| within(key, v, v > 0.0, "> 0", why);
    let share = |key, v: f64, why| within(key, v, (0.0..1.0).contains(&v), "in [0, 1)", why);
    let c = config;
    within(
        "model.dim",
        c.model.dim as f64,
        (2..=65_536).contains(&c.model.dim),
        "in 2..=65536",
        "on a line there are no angles but 0 and π",
    )?;
    within(
        "train.epochs",
        c.train.epochs as f64,
        (1..=1_000_000).contains(&c.train.epochs),
        "in 1..=1000000",
        "without a pass over the images nothing is learned",
    )?;
    within(
        "train.batch",
        c.train.batch as f64,
        (1..=65_536).contains(&c.train.batch),
        "in 1..=65536",
        "a step needs an image, and memory has an end",
    )?;
    within(
        "train.threads",
        c.train.threads as f64,
        c.train.threads <= 1024,
        "in 0..=1024",
        "0 means all that there are",
    )?;
    positive("optim.rate", c.optim.rate, "weights must move, downhill")?;
    if let Some(part) = c.optim.prototype_rate {
        let ok = (0.0..=100.0).contains(&part);
        within("optim.prototype_rate", part, ok, "in [0, 100]", "it is a part of the rate; 0 holds prototypes still")?;
    }
    share("optim.momentum", c.optim.momentum, "at 1 a velocity never fades")?;
    share("optim.beta2", c.optim.beta2, "at 1 a moment never fades")?;
    positive("optim.epsilon", c.optim.epsilon, "it keeps a division from zero")?;
    within("optim.decay", c.optim.decay, c.optim.decay >= 0.0, ">= 0", "negative decay makes weights grow")?;
    within("optim.clip", c.optim.clip, c.optim.clip >= 0.0, ">= 0", "0 means no limit")?;
    share("optim.schedule.warmup", c.optim.schedule.warmup, "it is a part of the training")?;
    if let Decay::Step { milestones, factor } = &c.optim.schedule.decay {
        positive("optim.schedule.decay.factor", *factor, "the rate must stay above 0")?;
        for m in milestones {
            share("optim.schedule.decay.milestones", *m, "each is a part of the training")?;
        }
    }
    within(
        "train.recoveries",
        c.train.recoveries as f64,
        c.train.recoveries <= 30,
        "in 0..=30",
        "each takes the training back and halves its rate; after so many nothing moves any more",
    )?;
    share("loss.smoothing", c.loss.smoothing, "at 1 the label says nothing")?;
    let s = &c.margin_schedule;
    for (key, v) in [
        ("margin_schedule.soft_start", s.soft_start),
        ("margin_schedule.free_until", s.free_until),
        ("margin_schedule.full_at", s.full_at),
    ] {
        within(key, v, (0.0..=1.0).contains(&v), "in [0, 1]", "it is a part of the training")?;
    }
    let ordered = s.soft_start <= s.free_until && s.free_until <= s.full_at;
    within(
        "margin_schedule.free_until",
        s.free_until,
        ordered,
        "between soft_start and full_at",
        "the phases follow one another",
    )?;
    if let Some(l) = s.lambda {
        within(
            "margin_schedule.lambda.min",
            l.min,
            l.min >= 0.0 && l.min <= l.base,
            "in [0, base]",
            "λ falls from its base to its minimum",
        )?;
        within("margin_schedule.lambda.gamma", l.gamma, l.gamma >= 0.0, ">= 0", "λ must not grow")?;
        within("margin_schedule.lambda.power", l.power, l.power >= 0.0, ">= 0", "λ must not grow")?;
    }
    for &f in &c.eval.fmr {
        within("eval.fmr", f, f > 0.0 && f < 1.0, "in (0, 1)", "it is a rate")?;
    }
    Ok(())
}

/// Refuses margins outside their legal ranges.
///
/// # Errors
///
/// [`PlanError::OutOfRange`].
pub fn check_range(margins: Margins) -> Result<(), PlanError> {
    let Margins { angle_multiplier: m0, angle_margin: m1, cosine_margin: m2 } = margins;
    within(
        "loss.angle_multiplier",
        m0,
        (1.0..=16.0).contains(&m0),
        "in [1, 16]",
        "below 1 it would ease the own class, and above 16 no class has room",
    )?;
    within(
        "loss.angle_margin",
        m1,
        (0.0..=PI).contains(&m1),
        "in [0, π] radians",
        "two directions are at most π apart (a margin in degrees? divide by 57.3)",
    )?;
    within("loss.cosine_margin", m2, (0.0..=2.0).contains(&m2), "in [0, 2]", "two cosines are at most 2 apart")
}

fn check_margins(config: &Config, loss: &'static LossInfo) -> Result<(), PlanError> {
    let l = &config.loss;
    let taken = |key, value: Option<f64>, takes: bool, hint| match value {
        // An effective configuration writes margins only for the losses that have them,
        // so a neutral value is the one other thing that may stand here.
        Some(_) if !takes => Err(PlanError::NotTaken { loss: loss.name, key, hint }),
        _ => Ok(()),
    };
    taken(
        "angle_multiplier",
        l.angle_multiplier,
        loss.takes.angle_multiplier,
        "use sphereface, fnorm_sphereface or combined",
    )?;
    taken("angle_margin", l.angle_margin, loss.takes.angle_margin, "use arcface or combined")?;
    taken("cosine_margin", l.cosine_margin, loss.takes.cosine_margin, "use cosface or combined")?;
    if loss.scale == ScaleKind::Unnormalized {
        taken("scale", l.scale, false, "its logits are w·x + b; use modified_softmax with a scale (NormFace)")?;
    }
    check_range(Margins {
        angle_multiplier: l.angle_multiplier.unwrap_or(1.0),
        angle_margin: l.angle_margin.unwrap_or(0.0),
        cosine_margin: l.cosine_margin.unwrap_or(0.0),
    })?;
    if let Some(s) = l.scale {
        within(
            "loss.scale",
            s,
            s > 0.0 && s <= 10_000.0,
            "in (0, 10000]",
            "it multiplies the logits, and f32 has an end",
        )?;
    }
    let m0 = l.angle_multiplier.unwrap_or(loss.paper.angle_multiplier);
    within(
        "loss.angle_multiplier",
        m0,
        l.extension != Extension::Fallback || m0 == 1.0,
        "1 with extension = \"fallback\"",
        "the fallback is defined for m0 = 1 only",
    )
}

/// The backbone of a configuration, for images of a shape.
pub(crate) fn backbone_spec(config: &Config, input: Shape) -> Result<(&'static BackboneInfo, BackboneSpec), PlanError> {
    let backbone = backbones::find(&config.model.backbone)?;
    let depth = match (config.model.depth, backbone.depths) {
        (None, depths) => depths.first().copied().unwrap_or(0),
        (Some(d), depths) if depths.contains(&d) => d,
        (Some(d), []) => {
            let range = format!("left out for {}", backbone.name);
            return Err(PlanError::OutOfRange {
                key: "model.depth",
                value: d.to_string(),
                range,
                why: "that backbone has one depth",
            });
        }
        (Some(d), depths) => {
            let range = format!("one of {depths:?} for {}", backbone.name);
            return Err(PlanError::OutOfRange {
                key: "model.depth",
                value: d.to_string(),
                range,
                why: "the paper's blocks come in these numbers",
            });
        }
    };
    if input.height.min(input.width) < backbone.min_side {
        return Err(PlanError::Data(format!(
            "images of {}×{} are too small for {}, which needs at least {} pixels a side: use --resize",
            input.height, input.width, backbone.name, backbone.min_side
        )));
    }
    Ok((backbone, BackboneSpec { input, dim: config.model.dim, depth, batch_norm: config.model.batch_norm }))
}

fn margins_and_scale(
    config: &Config,
    loss: &'static LossInfo,
    fitted: &Fitted,
    classes: usize,
    dim: usize,
) -> (Margins, ScaleKind, f64, String) {
    let l = &config.loss;
    let base = if l.paper { loss.paper } else { fitted.margins };
    let margins = Margins {
        angle_multiplier: l.angle_multiplier.unwrap_or(base.angle_multiplier),
        angle_margin: l.angle_margin.unwrap_or(base.angle_margin),
        cosine_margin: l.cosine_margin.unwrap_or(base.cosine_margin),
    };
    let kind = match (loss.scale, l.scale) {
        (ScaleKind::EmbeddingNorm, Some(_)) => ScaleKind::Fixed,
        (kind, _) => kind,
    };
    let default_scale = if l.paper { loss.paper_scale } else { fit::default_scale(classes, dim) };
    let scale = if kind == ScaleKind::Fixed { l.scale.unwrap_or(default_scale) } else { 1.0 };

    // An effective configuration repeats the defaults; only what differs from them was asked for.
    let given = [
        (l.angle_multiplier, base.angle_multiplier),
        (l.angle_margin, base.angle_margin),
        (l.cosine_margin, base.cosine_margin),
    ]
    .iter()
    .any(|(given, default)| given.is_some_and(|v| v != *default));
    let mut reason = String::new();
    if loss.takes.any() {
        let alpha = fitted.nearest_angle.to_degrees();
        let left = fit::angle_left(margins, fitted.nearest_angle).to_degrees();
        let why = match (given, l.paper, fitted.strength < 1.0) {
            (true, ..) => "margins as given".to_owned(),
            (_, true, _) => "the paper's margins, as asked for".to_owned(),
            (.., true) => format!("{:.0} % of the paper's margins", 100.0 * fitted.strength),
            _ => "the paper's margins".to_owned(),
        };
        reason = format!(
            "{why}: {classes} prototypes in {dim} dimensions are at most {alpha:.1}° apart, and this leaves each class {left:.1}° around its prototype"
        );
        if left == 0.0 {
            reason.push_str(" (none: the margin asks for more than there is)");
        }
    }
    match kind {
        ScaleKind::Fixed => {
            let how = match (l.scale.is_some_and(|s| s != default_scale), l.paper) {
                (true, _) => "as given",
                (_, true) => "the paper's",
                _ => "fitted to the number of classes and their angle",
            };
            let sep = if reason.is_empty() { "" } else { "; " };
            reason.push_str(&format!("{sep}scale {scale:.1}, {how}"));
        }
        ScaleKind::EmbeddingNorm if reason.is_empty() => {
            reason.push_str("no margin; the scale is each embedding's norm")
        }
        ScaleKind::EmbeddingNorm => reason.push_str("; the scale is each embedding's norm"),
        ScaleKind::Unnormalized => reason.push_str("no margin, nothing normalized"),
    }
    (margins, kind, scale, reason)
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

    fn splits(classes: usize, labels: Vec<u32>) -> Splits {
        let shape = Shape { channels: 1, height: 8, width: 8 };
        let names = (0..classes).map(|c| c.to_string()).collect();
        let set = Dataset::new(shape, vec![7; 64 * labels.len()], labels, names).unwrap();
        Splits {
            train: set.clone(),
            validation: None,
            test: set.clone(),
            open_set: false,
            normalization: Normalization::from_dataset(&set),
        }
    }

    fn check(change: impl FnOnce(&mut Config)) -> Result<Plan, PlanError> {
        let mut config = Config::default();
        config.train.threads = 2;
        change(&mut config);
        Plan::check(&config, &splits(3, vec![0, 1, 2, 0]))
    }

    fn message(change: impl FnOnce(&mut Config)) -> String {
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
        for loss in margin::LOSSES {
            let plan = check(|c| c.loss.name = loss.name.into()).unwrap();
            let again = Plan::check(&plan.config, &splits(3, vec![0, 1, 2, 0])).unwrap();
            assert_eq!(
                (again.config, again.margins, again.scale, again.reason),
                (plan.config, plan.margins, plan.scale, plan.reason),
                "{}",
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
