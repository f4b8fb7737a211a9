//! What a trained model is worth on a set: the set is embedded, and what the model says of it goes to
//! [`Protocols`], which know nothing of models.

mod ordered;

pub use ordered::Predictions;

use crate::backbones::Backbone;
use crate::collapse::guesses;
use crate::config::{EvalConfig, Task};
use crate::embed::EmbedError;
use crate::head::{Head, HeadError};
use crate::losses::margin::Unit;
use crate::plan::{Plan, Splits};
use crate::progress::Recovery;
use crate::registry::{self, UnknownName};
use crate::train::Trainer;
use arcsphere_data::{Dataset, Normalization};
use arcsphere_eval::EvalError;
use arcsphere_eval::angles::Angles;
use arcsphere_eval::interval::wilson;
use arcsphere_eval::protocols::{EmbeddedSet, Found, names};
pub use arcsphere_eval::protocols::{Protocols, Watch};
use arcsphere_eval::results::{Run, TrainedBy};
use thiserror::Error;

/// Why an evaluation failed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum EvaluateError {
    /// The images could not be embedded.
    #[error(transparent)]
    Embed(#[from] EmbedError),
    /// A measure could not be computed.
    #[error(transparent)]
    Eval(#[from] EvalError),
    /// The head refuses the embeddings.
    #[error(transparent)]
    Head(#[from] HeadError),
}

/// What a set says of a model, and how the model was trained.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Evaluation {
    /// The numbers.
    pub run: Run,
    /// Embeddings of the set, \[N, D\].
    pub embeddings: Vec<f32>,
    /// Angles to prototypes; `None` for an open set, for a loss of an ordered target, whose classes
    /// have no prototype, and where no angle was asked for.
    pub angles: Option<Angles>,
    /// The prototypes that the angles are to, one per class, \[C, D\]; empty where there are
    /// none. A class with several is stood for by its [dominant](Head::dominant) one.
    pub prototypes: Vec<f32>,
    /// What was told of an ordered target; `None` where none is learned.
    pub predictions: Option<Predictions>,
}

/// A set that a model is measured on.
#[derive(Clone, Copy, Debug)]
pub struct TestSet<'a> {
    /// The images.
    pub images: &'a Dataset,
    /// Whether its classes are others than those trained on: then nothing is classified.
    pub is_open: bool,
    /// Whether the order of its target was learned.
    pub is_ordered: bool,
}

/// What a set says of a model, without a word on its training.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Measured {
    /// What the protocols found.
    pub found: Found,
    /// Share of the images that are classified correctly; `None` where nothing is classified.
    pub accuracy: Option<f64>,
    /// What was told of an ordered target; `None` where none is learned.
    pub predictions: Option<Predictions>,
}

/// The protocols that a configuration asks for. `seed` is that of whatever they draw.
///
/// # Errors
///
/// [`UnknownName`] for a measure that is in no registry.
///
/// ```
/// use arcsphere::config::EvalConfig;
/// use arcsphere::evaluate::protocols;
/// let config = EvalConfig { measures: vec!["eer".into()], ..EvalConfig::default() };
/// assert_eq!(protocols(&config, 0)?, protocols(&config, 0)?);
/// let typo = EvalConfig { measures: vec!["nni".into()], ..config };
/// assert_eq!(protocols(&typo, 0).unwrap_err().nearest, Some("nmi"));
/// # Ok::<(), arcsphere::registry::UnknownName>(())
/// ```
pub fn protocols(config: &EvalConfig, seed: u64) -> Result<Protocols, UnknownName> {
    let plain = Protocols::default().pairs(config.pairs).fmr(&config.fmr).seed(seed);
    plain.measures(&config.measures).map_err(|error| match error {
        EvalError::Unknown { name, .. } => registry::unknown("measure", &name, names()),
        other => registry::unknown("measure", &other.to_string(), names()),
    })
}

/// Measures a training on its test set by `protocols`. `watch` hears how far it is.
///
/// # Errors
///
/// [`EvaluateError`]. A collapsed training is no error: its run says so.
pub fn evaluate<B: Backbone>(
    trainer: &Trainer<B>,
    splits: &Splits,
    protocols: &Protocols,
    watch: Watch<'_>,
) -> Result<Evaluation, EvaluateError> {
    let is_ordered = trainer.plan.config().task == Task::Age;
    let set = TestSet { images: &splits.test, is_open: splits.open_set, is_ordered };
    evaluate_with(trainer, &set, &splits.normalization, Some(&splits.train), protocols, watch)
}

/// Measures a training on any images, which need not be such that one could train on them: one class is enough, or
/// one image of each. Their pixels are normalized as in the training. Where classes have several prototypes, angles
/// are to the first: the images that would choose another are not at hand.
///
/// # Errors
///
/// [`EvaluateError`], as of [`evaluate`].
pub fn evaluate_on<B: Backbone>(
    trainer: &Trainer<B>,
    set: &TestSet<'_>,
    normalization: &Normalization,
    protocols: &Protocols,
    watch: Watch<'_>,
) -> Result<Evaluation, EvaluateError> {
    evaluate_with(trainer, set, normalization, None, protocols, watch)
}

fn evaluate_with<B: Backbone>(
    trainer: &Trainer<B>,
    set: &TestSet<'_>,
    normalization: &Normalization,
    train: Option<&Dataset>,
    protocols: &Protocols,
    watch: Watch<'_>,
) -> Result<Evaluation, EvaluateError> {
    watch("embedding", 0.0);
    let embeddings = trainer.embed(set.images, normalization)?;
    let is_finite = embeddings.iter().all(|v| v.is_finite());
    let prototypes = if set.is_open || !is_finite { Vec::new() } else { prototypes(trainer, train, normalization)? };
    let measured = measure(&trainer.head, &embeddings, &prototypes, set, protocols, watch)?;
    let mut run = describe(trainer, train);
    judge(&mut run, &trainer.plan, is_finite, measured.accuracy, set.images.len() as u64);
    if let Some(p) = &measured.predictions {
        run.target_unit = p.unit_sign().to_owned();
    }
    let mut found = measured.found;
    let angles = found.angles.take();
    run.take(found);
    Ok(Evaluation { run, embeddings, angles, prototypes, predictions: measured.predictions })
}

/// Measures a head on the `embeddings` \[N, D\] that its network makes of a set. `prototypes` are
/// one per class, \[C, D\], in the order of the labels; empty for none.
///
/// Embeddings that are not finite are no error: nothing is measured of them, and none of their images
/// counts as classified.
///
/// # Errors
///
/// [`EvaluateError`] where the parts do not fit one another.
pub fn measure(
    head: &Head,
    embeddings: &[f32],
    prototypes: &[f32],
    set: &TestSet<'_>,
    protocols: &Protocols,
    watch: Watch<'_>,
) -> Result<Measured, EvaluateError> {
    let labels = set.images.labels();
    if embeddings.iter().any(|v| !v.is_finite()) {
        // A run that was left out would make its loss look better by failing.
        let classified = if set.is_open { &[] } else { labels };
        let found = protocols.dead(classified, "embeddings of the test set are not finite")?;
        let accuracy = (!set.is_open).then_some(0.0);
        return Ok(Measured { found, accuracy, predictions: None });
    }
    let predicted: Vec<u32> =
        if set.is_open { Vec::new() } else { head.predict(embeddings)?.iter().map(|b| b.class).collect() };
    let predictions = ordered::predict(head, set, embeddings)?;
    let mut samples = EmbeddedSet::new(embeddings, head.dim(), labels)?.with_prototypes(prototypes);
    let mut accuracy = None;
    if !set.is_open {
        samples = samples.classified(&predicted)?;
        let correct = predicted.iter().zip(labels).filter(|(p, y)| p == y).count();
        accuracy = Some(correct as f64 / labels.len() as f64);
    }
    if let Some(p) = &predictions {
        samples = samples.with_numbers(p.numbers());
    }
    Ok(Measured { found: protocols.run(&samples, watch)?, accuracy, predictions })
}

/// One prototype per class; of several, the one that the training images chose, so that the test
/// images have no say.
fn prototypes<B: Backbone>(
    trainer: &Trainer<B>,
    train: Option<&Dataset>,
    normalization: &Normalization,
) -> Result<Vec<f32>, EmbedError> {
    match train {
        Some(train) if trainer.head.centers() > 1 => {
            let seen = trainer.embed(train, normalization)?;
            Ok(trainer.head.dominant(&seen, train.labels())?.into_owned())
        }
        _ => Ok(trainer.head.one_per_class().into_owned()),
    }
}

/// Who was trained, and how that went.
fn describe<B: Backbone>(trainer: &Trainer<B>, train: Option<&Dataset>) -> Run {
    let (plan, progress) = (&trainer.plan, &trainer.progress);
    let margin = |unit: Unit| plan.config().loss.margin(unit);
    let batch = train.map_or_else(|| plan.largest_batch(), |train| plan.batch(train));
    let trained = progress.steps_computed() as f64 * batch as f64;
    Run {
        loss: plan.name().to_owned(),
        m0: margin(Unit::AngleMultiplier),
        m1: margin(Unit::AngleMargin),
        m2: margin(Unit::CosineMargin),
        scale: scale(trainer),
        margin_reason: plan.reason().to_owned(),
        trainer: if plan.config().train.naive { TrainedBy::Naive } else { TrainedBy::Default },
        seed: plan.config().train.seed,
        backbone: plan.backbone().to_owned(),
        dim: plan.dim() as u64,
        epochs: progress.history.len() as u64,
        train_seconds: trainer.seconds,
        samples_per_second: if trainer.seconds > 0.0 { trained / trainer.seconds } else { 0.0 },
        validation_accuracy: progress.history.last().and_then(|e| e.validation_accuracy),
        recovered: progress.recoveries.len() as u64,
        causes: progress.causes(),
        recoveries: progress.recoveries.iter().map(Recovery::sentence).collect(),
        collapsed: progress.collapsed.is_some(),
        reason: progress.collapsed.clone().unwrap_or_default(),
        ..Run::default()
    }
}

/// s, where it is fixed: as it was chosen, for a recovery that softened it makes no other training of it; of a loss that
/// moves its own, as it stands.
fn scale<B: Backbone>(trainer: &Trainer<B>) -> Option<f64> {
    let chosen = trainer.plan.config().loss.scale?;
    if trainer.progress.softening.scale < 1.0 { Some(chosen) } else { trainer.head.scale() }
}

/// Whether the `images` of the test set show a collapse that the training did not.
fn judge(run: &mut Run, plan: &Plan, is_finite: bool, accuracy: Option<f64>, images: u64) {
    if !is_finite {
        run.collapsed = true;
        let before = if run.reason.is_empty() { String::new() } else { format!("{}; ", run.reason) };
        run.reason = format!("{before}embeddings of the test set are not finite");
    }
    // Next to the right step of an ordered target is a good answer, and no right one.
    let share = accuracy.and_then(|a| wilson((a * images as f64).round() as u64, images).ok());
    let Some(share) = share.filter(|_| plan.config().task == Task::Classify && !run.collapsed) else { return };
    if guesses(&share, plan.classes()) {
        run.collapsed = true;
        run.reason =
            format!("accuracy {:.1} % is that of guessing among {} classes", 100.0 * share.value, plan.classes());
    }
}
