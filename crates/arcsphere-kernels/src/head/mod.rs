//! The classification head in two chunked passes over the prototypes.
//!
//! For embeddings X \[B, D\] and prototypes W \[C·K, D\], K per class, the head computes the mean
//! loss of the batch, its gradient for X, and updates W, block after block of classes. Of
//! B×C it holds what fits a budget, 40 MB and 9 % of W and its velocity: the
//! exponentials of the first pass, which the second takes instead of making them anew.
//!
//! ```text
//! before   per row:    ‖x‖, x̂, cos θ and sin θ to the own prototype (f64), the margin's answer
//! pass 1   per block:  cosines, running maximum, exp and its sums over the other classes
//! between  per row:    log-sum-exp, loss, probability of the target
//! pass 2   per block:  exp, kept or again, p = exp(z − lse), dX̂ += G·Ŵ, dW = Gᵀ·X̂, update of W
//! ```
//!
//! The head is loss-blind: all that it knows of a margin is a [`MarginRule`], which
//! it asks once per batch. What differs from loss to loss beyond the own class's logit is data:
//!
//! * [`Negatives`]: the other classes' cosines may be re-weighted before they become logits. The
//!   second pass then computes them again, since a gradient needs the cosine and not only its
//!   exponential.
//! * [`Batch::centers`]: of a class's K prototypes the nearest stands for it. The others' logits
//!   leave the sums, and no gradient reaches them. Lanes and blocks hold whole classes.
//! * [`OneVsAll`]: binary problems instead of a softmax. No class waits for another, so one pass
//!   does it all.
//! * [`Parameters::extra_gradient`]: a regularizer of the prototypes.
//!
//! A module imports only modules listed above it.

mod norms;
mod update;

mod batch;
mod logits;

mod layout;
mod rows;

mod workspace;

mod exponentials;
mod lane;
mod negatives;

mod descend;
mod embedding;
mod similarity;
mod standing;

mod softmax;

mod one_vs_all;

mod passes;
mod predict;

#[cfg(test)]
mod oracle;

pub use batch::{Batch, Parameters, RowStats};
pub use logits::{Logits, MarginRule, Negatives, OneVsAll, Parabola, RowGeometry, RowLogit, Threshold};
pub use norms::{NORM_FLOOR, first_not_finite_row};
pub use predict::{Best, predict};
pub use update::{Moments, Update};
pub use workspace::Workspace;

use crate::isa::Isa;
use lane::Lane;
use layout::Layout;
use logits::Form;
use one_vs_all::Pairs;
use rows::Rows;
use softmax::Softmax;

/// One training step of the head.
///
/// Writes d(mean loss)/dX into `dx` \[B, D\], a [`RowStats`] per row into `stats`
/// \[B\], applies `update` to the parameters, and returns the mean loss. Gradients
/// for prototypes are those of the normalized prototypes, projected on the tangent
/// and divided by ‖w‖, when logits are angular. The bits of all of it depend on
/// `isa`, `batch.lanes` and `batch.chunk`, not on `workspace` or on threads.
///
/// Normalized vectors may have every norm that an f32 has, from 0 up. Where a row's logits are not finite,
/// as its embedding or a prototype is not, or w·x + b is beyond f32, no parameter moves, `dx` is NaN and the mean
/// loss is not finite; [`first_not_finite_row`] says beforehand which row it is.
///
/// # Panics
///
/// Callers check all of it beforehand: if lengths disagree, a label is not below C, K is 0,
/// [`OneVsAll`] has no bias, or labels are smoothed for [`OneVsAll`] or K > 1, where ε/C of a class
/// has no meaning.
///
/// ```
/// use arcsphere_kernels::head::{Batch, Logits, Moments, Parameters, RowStats, Update, Workspace, step_in};
/// use arcsphere_kernels::isa::Isa;
///
/// // Two embeddings of two classes, prototypes along the axes, plain softmax without a bias.
/// let (x, labels, mut w) = ([2.0, 0.0, 0.0, 1.0], [0, 1], [1.0, 0.0, 0.0, 1.0]);
/// let (mut velocity, mut dx, mut stats) = ([0.0; 4], [0.0; 4], [RowStats::default(); 2]);
/// let batch = Batch { embeddings: &x, labels: &labels, ..Batch::new(2) };
/// let parameters = Parameters {
///     weights: &mut w,
///     moments: Moments { first: &mut velocity, second: &mut [] },
///     ..Parameters::default()
/// };
/// let sgd = Update::Sgd { rate: 0.1, momentum: 0.9, decay: 0.0 };
/// let memory = &mut Workspace::default();
/// let loss = step_in(Isa::best(), memory, &batch, Logits::Linear, parameters, &sgd, &mut dx, &mut stats);
/// let by_hand = 0.5 * ((1.0 + (-2.0_f64).exp()).ln() + (1.0 + (-1.0_f64).exp()).ln());
/// assert!((loss - by_hand).abs() < 1e-6 && stats.iter().all(|row| row.correct));
/// assert!(w[0] > 1.0, "the prototype moves towards its embedding");
/// ```
pub fn step_in(
    isa: Isa,
    workspace: &mut Workspace,
    batch: &Batch<'_>,
    logits: Logits<'_>,
    mut parameters: Parameters<'_>,
    update: &Update,
    dx: &mut [f32],
    stats: &mut [RowStats],
) -> f64 {
    let (b, d) = (batch.labels.len(), batch.dim);
    assert_eq!(dx.len(), b * d);
    assert_eq!(stats.len(), b);
    let prototypes = check(batch, &logits, &parameters);
    if b == 0 {
        return 0.0;
    }

    let rows = Rows::prepare(isa, batch, logits, parameters.weights, parameters.bias);
    let layout = Layout::new(isa, b, d);
    let keeps = !rows.form.is_reweighted();
    let kept = if keeps { workspace.kept_prototypes(prototypes, d, layout.row_step) } else { 0 };
    let Workspace { packed, lanes, .. } = workspace;
    packed.fill(&layout, &rows.left);
    // Binary problems share one bias, which is no lane's.
    let (bias, mut bias_moments) = match rows.form {
        Form::OneVsAll(_) => (std::mem::take(&mut parameters.bias), std::mem::take(&mut parameters.bias_moments)),
        Form::Linear | Form::Angular(_) => Default::default(),
    };
    // A bias shifts a logit and stretches nothing, so it does not decay.
    let bias_update = parameters.bias_update.unwrap_or(update).without_decay();
    let mut lanes = Lane::split(batch, &layout, &rows, parameters, lanes, kept);
    let shared = lane::Shared { isa, batch, layout: &layout, packed, rows: &rows, bias_update };
    let pull = match rows.form {
        Form::OneVsAll(_) if rows.geometry.iter().any(|row| row.cos.is_nan()) => {
            stats.fill(RowStats { loss: f64::NAN, ..RowStats::default() });
            None
        }
        Form::OneVsAll(rule) => {
            let pairs = Pairs::new(rule, f64::from(bias[0]), &rows);
            lane::for_each(&mut lanes, |lane| lane.only_pass(&shared, &pairs, update));
            let dbias = [pairs.finish(&rows, &lanes, stats) as f32];
            bias_update.apply(&mut bias[..1], &dbias, &mut bias_moments.part(0..1));
            Some(pairs.pull)
        }
        Form::Linear | Form::Angular(_) => {
            lane::for_each(&mut lanes, |lane| lane.pass_one(&shared));
            let softmax = Softmax::merge(batch, &rows, &lanes, prototypes / batch.centers, stats);
            softmax.lse.iter().all(|lse| lse.is_finite()).then(|| {
                lane::for_each(&mut lanes, |lane| lane.pass_two(&shared, &softmax, update));
                softmax.pull
            })
        }
    };
    match pull {
        Some(pull) => embedding::gradient(isa, &layout, &rows, &pull, &lanes, dx),
        None => dx.fill(f32::NAN),
    }
    stats.iter().map(|s| s.loss).sum::<f64>() / b as f64
}

/// Stops at what callers check beforehand, and returns the number of prototypes.
fn check(batch: &Batch<'_>, logits: &Logits<'_>, parameters: &Parameters<'_>) -> usize {
    let d = batch.dim;
    let (prototypes, extra) = (parameters.weights.len() / d, parameters.extra_gradient.len());
    assert!(batch.centers > 0, "a class has at least one prototype");
    let classes = prototypes / batch.centers;
    assert_eq!(parameters.weights.len(), classes * batch.centers * d, "weights must be C·K rows of D numbers");
    assert!(extra == 0 || extra == prototypes * d, "a further gradient must have the shape of the weights");
    assert_eq!(batch.embeddings.len(), batch.labels.len() * d);
    assert!(batch.labels.iter().all(|&y| (y as usize) < classes), "a label is not below the number of classes");
    let binary = matches!(logits, Logits::OneVsAll(_));
    assert!(!binary || !parameters.bias.is_empty(), "binary problems need a bias");
    let smooths = batch.centers == 1 && !binary;
    assert!(smooths || batch.smoothing == 0.0, "label smoothing is for a softmax over one prototype per class");
    prototypes
}
