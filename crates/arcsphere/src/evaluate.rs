//! What a trained model is worth: accuracy, angles, verification and retrieval on the test set,
//! and where its classes are steps of an ordered target, how far off it is.

mod ordered;

pub use ordered::Predictions;

use crate::backbones::Backbone;
use crate::config::Task;
use crate::embed::EmbedError;
use crate::head::Head;
use crate::losses::margin::Unit;
use crate::plan::{Plan, Splits};
use crate::progress::Recovery;
use crate::stability::chance_bound;
use crate::train::Trainer;
use arcsphere_data::DataError;
use arcsphere_data::pairs::sample_pairs;
use arcsphere_eval::EvalError;
use arcsphere_eval::angles::{Angles, angles, nearest_prototype_angles, norms, summarize};
use arcsphere_eval::interval::wilson;
use arcsphere_eval::results::{Run, fmr_key};
use arcsphere_eval::retrieval::{RESTARTS, kmeans, nmi, retrieve};
use arcsphere_eval::verification::{Roc, pair_scores};
use std::collections::BTreeSet;
use thiserror::Error;

/// Why an evaluation failed.
#[derive(Debug, Error)]
pub enum EvaluateError {
    /// A batch or the pairs could not be made.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The images could not be embedded.
    #[error(transparent)]
    Embed(#[from] EmbedError),
    /// A measure could not be computed.
    #[error(transparent)]
    Eval(#[from] EvalError),
}

/// What the test set says, beside the numbers of a [`Run`].
#[derive(Clone, Debug)]
pub struct Evaluation {
    /// The numbers.
    pub run: Run,
    /// Test embeddings, \[N, D\].
    pub embeddings: Vec<f32>,
    /// Angles to prototypes; `None` for an open set and for a loss of an ordered target, whose classes
    /// have no prototype.
    pub angles: Option<Angles>,
    /// The prototypes that the angles are to, one per class, \[C, D\]; empty where there are no
    /// angles. A class with several is stood for by its [dominant](Head::dominant) one.
    pub prototypes: Vec<f32>,
    /// What was told of an ordered target; `None` where none is learned.
    pub predictions: Option<Predictions>,
}

/// Measures a finished training on its test set.
///
/// # Errors
///
/// [`EvaluateError`]. A collapsed training is no error: its run says so.
pub fn evaluate<B: Backbone>(trainer: &Trainer<B>, splits: &Splits) -> Result<Evaluation, EvaluateError> {
    let embeddings = trainer.embed(&splits.test, &splits.normalization)?;
    let mut run = describe(&trainer.plan);
    run.scale = run.scale.map(|_| trainer.head.scale());
    let progress = &trainer.progress;
    run.epochs = progress.history.len() as u64;
    run.train_seconds = trainer.seconds;
    let trained = progress.steps_computed() as f64 * trainer.plan.batch(&splits.train) as f64;
    run.samples_per_second = if trainer.seconds > 0.0 { trained / trainer.seconds } else { 0.0 };
    run.validation_accuracy = progress.history.last().and_then(|e| e.validation_accuracy);
    run.recovered = progress.recoveries.len() as u64;
    run.causes = progress.causes();
    run.recoveries = progress.recoveries.iter().map(Recovery::sentence).collect();
    if let Some(why) = &progress.collapsed {
        run.collapsed = true;
        run.reason = why.clone();
    }
    if embeddings.iter().any(|v| !v.is_finite()) {
        run.collapsed = true;
        run.reason = format!(
            "{}{}embeddings of the test set are not finite",
            run.reason,
            if run.reason.is_empty() { "" } else { "; " }
        );
        if !splits.open_set {
            // Such a network classifies nothing: its run counts as 0, for one that was left
            // out would make its loss look better by failing.
            classified(&mut run, 0, splits.test.len() as u64)?;
        }
        return Ok(Evaluation { run, embeddings, angles: None, prototypes: Vec::new(), predictions: None });
    }
    let prototypes = if splits.open_set { Vec::new() } else { prototypes(trainer, splits)? };
    let seen = measure(&mut run, &trainer.plan, &trainer.head, splits, &embeddings, &prototypes)?;
    let predictions = ordered::measure(&mut run, &trainer.plan, &trainer.head, splits, &embeddings)?;
    Ok(Evaluation { run, embeddings, angles: seen, prototypes, predictions })
}

/// One prototype per class; of several, the one that the training images chose, so that the test
/// images have no say.
fn prototypes<B: Backbone>(trainer: &Trainer<B>, splits: &Splits) -> Result<Vec<f32>, EmbedError> {
    let seen = match trainer.head.spec().margin.centers() {
        1 => Vec::new(),
        _ => trainer.embed(&splits.train, &splits.normalization)?,
    };
    Ok(trainer.head.dominant(&seen, splits.train.labels()))
}

/// What the plan says of a run.
fn describe(plan: &Plan) -> Run {
    let margin = |unit: Unit| plan.config().loss.margin(unit);
    Run {
        loss: plan.name().to_owned(),
        m0: margin(Unit::AngleMultiplier),
        m1: margin(Unit::AngleMargin),
        m2: margin(Unit::CosineMargin),
        scale: plan.config().loss.scale,
        margin_reason: plan.reason().to_owned(),
        trainer: if plan.config().train.naive { "naive" } else { "default" }.to_owned(),
        seed: plan.config().train.seed,
        backbone: plan.backbone().to_owned(),
        dim: plan.dim() as u64,
        ..Run::default()
    }
}

fn measure(
    run: &mut Run,
    plan: &Plan,
    head: &Head,
    splits: &Splits,
    embeddings: &[f32],
    prototypes: &[f32],
) -> Result<Option<Angles>, EvaluateError> {
    let dim = plan.dim();
    let labels = splits.test.labels();
    let norm = summarize(&norms(embeddings, dim)?)?;
    run.embedding_norm_mean = Some(norm.mean);
    run.embedding_norm_sd = Some(norm.sd);
    verify(run, plan, splits, embeddings)?;
    retrieval(run, plan, splits, embeddings)?;
    if splits.open_set {
        return Ok(None);
    }
    let best = head.predict(embeddings);
    let correct = best.iter().zip(labels).filter(|(b, y)| b.class == **y).count() as u64;
    let accuracy = classified(run, correct, labels.len() as u64)?;
    // Next to the right step of an ordered target is a good answer, and no right one.
    if plan.config().task == Task::Classify && !run.collapsed && accuracy < chance_bound(plan.classes()) {
        run.collapsed = true;
        run.reason = format!("accuracy {:.1} % is that of guessing among {} classes", 100.0 * accuracy, plan.classes());
    }
    if prototypes.is_empty() {
        return Ok(None);
    }
    let seen = angles(embeddings, prototypes, dim, labels)?;
    let target = summarize(&seen.target)?;
    run.target_angle_mean = Some(target.mean);
    run.target_angle_sd = Some(target.sd);
    run.nontarget_angle_min_mean = Some(summarize(&seen.nearest_nontarget)?.mean);
    let nearest = summarize(&nearest_prototype_angles(prototypes, dim)?)?;
    run.nearest_prototype_angle_mean = Some(nearest.mean);
    run.nearest_prototype_angle_min = Some(nearest.min);
    Ok(Some(seen))
}

/// Sets the accuracy of a run, `correct` of `n`, and returns it.
fn classified(run: &mut Run, correct: u64, n: u64) -> Result<f64, EvalError> {
    let accuracy = wilson(correct, n)?;
    run.accuracy = Some(accuracy.value);
    run.accuracy_low = Some(accuracy.low);
    run.accuracy_high = Some(accuracy.high);
    run.n_test = n;
    Ok(accuracy.value)
}

/// Recall@K for K = 1, 2, 4, 8 and MAP@R, each test image against all others, and NMI of its clusters with its
/// classes. Where no class has two images there is nothing to retrieve, and with one class
/// nothing that clusters could say of it.
fn retrieval(run: &mut Run, plan: &Plan, splits: &Splits, embeddings: &[f32]) -> Result<(), EvalError> {
    let (dim, labels) = (plan.dim(), splits.test.labels());
    match retrieve(embeddings, dim, labels, &[1, 2, 4, 8], &|_| {}) {
        Ok(found) => {
            let recall = |k| found.recall.iter().find(|r| r.k == k).map(|r| r.share.value);
            (run.recall_at_1, run.recall_at_2) = (recall(1), recall(2));
            (run.recall_at_4, run.recall_at_8) = (recall(4), recall(8));
            run.map_at_r = Some(found.map_at_r);
        }
        Err(EvalError::TooFew { .. }) => {}
        Err(other) => return Err(other),
    }
    let classes = labels.iter().collect::<BTreeSet<_>>().len();
    if classes >= 2 {
        let clusters = kmeans(embeddings, dim, classes, RESTARTS, plan.config().data.split_seed, &|_| {})?;
        run.nmi = Some(nmi(&clusters.assignment, labels)?);
    }
    Ok(())
}

/// EER and TMR@FMR on test pairs, by cosine. A test set without two classes, or without
/// two images of one class, has no pairs: then there is nothing to report.
fn verify(run: &mut Run, plan: &Plan, splits: &Splits, embeddings: &[f32]) -> Result<(), EvaluateError> {
    let wanted = plan.config().eval.pairs;
    let Ok(pairs) = sample_pairs(splits.test.labels(), wanted, wanted, plan.config().data.split_seed) else {
        return Ok(());
    };
    if pairs.is_empty() || !pairs.genuine.contains(&true) || !pairs.genuine.contains(&false) {
        return Ok(());
    }
    let both: Vec<(u32, u32)> = pairs.a.iter().copied().zip(pairs.b.iter().copied()).collect();
    let scores = pair_scores(embeddings, plan.dim(), &both)?;
    let roc = Roc::new(&scores, &pairs.genuine)?;
    run.eer = Some(roc.eer().value);
    run.n_genuine = roc.genuine();
    run.n_impostor = roc.impostor();
    for &fmr in &plan.config().eval.fmr {
        run.tmr_at_fmr.insert(fmr_key(fmr), roc.tmr_at_fmr(fmr)?.tmr.value);
    }
    Ok(())
}
