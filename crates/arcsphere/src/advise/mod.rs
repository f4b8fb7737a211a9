//! Which margin and which scale to train with, and why.
//!
//! Two things speak: the room that C prototypes have in D dimensions ([`crate::losses::fit`]), and
//! what sweeps measured at the same C and D ([`Evidence`]). The formula proposes, the measurement
//! disposes: a margin outside the usable range that was measured, or one at which a training
//! collapsed, is never named.
//!
//! ```
//! use arcsphere::advise::{Question, advise};
//!
//! let cosface = arcsphere::losses::margin::find("cosface")?;
//! let advice = advise(cosface, &Question { classes: 10, dim: 2, probability: None }, &[])?;
//! // Ten prototypes on a circle are 36° apart, and 0.35 asks for more than 1 − cos 36° = 0.19.
//! assert!(advice.margins.is_some_and(|m| m.cosine_margin < 0.19));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod evidence;
mod scale;

pub use arcsphere_eval::sweep::Evidence;
pub use evidence::of_the_study;
pub use scale::{ScaleAdvice, adacos};

use crate::losses::fit;
use crate::losses::margin::{MarginLoss, Margins, ScaleKind, Unit};
use evidence::{Verdict, at_scale, join, same};
use serde::Serialize;
use thiserror::Error;

/// The probability that is asked about where none is.
pub const PROBABILITY: f64 = 0.9;

/// What advice is asked about.
///
/// ```
/// use arcsphere::advise::{Question, advise};
/// use arcsphere::losses::margin;
///
/// let question = Question { classes: 100, dim: 64, probability: Some(0.9) };
/// let advice = advise(margin::find("arcface")?, &question, &[])?;
/// assert_eq!(advice.margins.map(|m| m.angle_margin), Some(0.5)); // the paper's fits
/// assert!(advise(margin::find("softmax")?, &question, &[]).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Question {
    /// C ≥ 2.
    pub classes: usize,
    /// D ≥ 2.
    pub dim: usize,
    /// The probability in (0, 1) that a sample on its prototype is to be given; `None` to take the
    /// default scale.
    pub probability: Option<f64>,
}

/// Why there is no advice.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum AdviseError {
    /// Fewer than two classes.
    #[error("{0} class: a margin is between two; ask for at least 2 classes")]
    Classes(usize),
    /// Fewer than two dimensions.
    #[error("{0} dimension: on a line there are no angles but 0 and π; ask for at least 2 dimensions")]
    Dim(usize),
    /// Not a probability that a softmax can give.
    #[error("a probability of {0}: it must be above 0 and below 1, which no softmax reaches")]
    Probability(f64),
    /// A loss without a margin.
    #[error("{0} has no margin to advise on; `arcsphere list losses` names those that have one")]
    NoMargin(&'static str),
    /// The built-in evidence cannot be read, which is no mistake of a user's.
    #[error("the built-in advise/study.json is broken: {0}; write it by `cargo xtask study report` and build again")]
    Study(String),
}

/// Margin and scale for one loss, with the reasons.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Advice {
    /// Registry name of the loss.
    pub loss: &'static str,
    /// C.
    pub classes: usize,
    /// D.
    pub dim: usize,
    /// The margin's unit; `None` for a loss with several margins.
    pub unit: Option<Unit>,
    /// α: the angle in radians that C prototypes can keep at most.
    pub nearest_angle: f64,
    /// The largest margins, in the paper's proportion, that leave any angle; `None` if all do.
    pub largest: Option<Margins>,
    /// The margins that the formula takes: the paper's, weakened until an angle is left.
    pub formula: Margins,
    /// The margins to take; `None` if a training collapsed at each that was tried.
    pub margins: Option<Margins>,
    /// The angle in radians that they leave around a prototype.
    pub boundary_angle: Option<f64>,
    /// The angle in radians that they take at the boundary, of α/2.
    pub boundary_cost: Option<f64>,
    /// The scale; `None` for a loss whose scale is the embedding's norm.
    pub scale: Option<ScaleAdvice>,
    /// Why, a sentence each.
    pub reasons: Vec<String>,
    /// What was measured at these C and D.
    pub evidence: Vec<Evidence>,
}

/// Advises on one loss. Evidence about other losses, C or D is passed over.
///
/// # Errors
///
/// [`AdviseError`].
pub fn advise(loss: &MarginLoss, question: &Question, evidence: &[Evidence]) -> Result<Advice, AdviseError> {
    let Question { classes, dim, probability } = *question;
    if classes < 2 {
        return Err(AdviseError::Classes(classes));
    }
    if dim < 2 {
        return Err(AdviseError::Dim(dim));
    }
    if let Some(p) = probability.filter(|p| !(*p > 0.0 && *p < 1.0)) {
        return Err(AdviseError::Probability(p));
    }
    if loss.kind.takes.is_empty() {
        return Err(AdviseError::NoMargin(loss.name));
    }
    let unit = loss.kind.unit();
    let fitted = fit::fitted(loss, classes, dim);
    let alpha = fitted.nearest_angle;
    let own = |e: &&Evidence| (e.loss.as_str(), e.classes, e.dim) == (loss.name, classes, dim) && unit.is_some();
    let evidence: Vec<Evidence> = evidence.iter().filter(own).cloned().collect();
    let scale = (loss.kind.scale == ScaleKind::Fixed).then(|| scale::scale(question, alpha));

    let mut reasons = vec![formula_reason(loss, &fitted)];
    let margins = match unit {
        None => Some(fitted.recipe.margins),
        Some(unit) => {
            let taken = scale.as_ref().map(|s| s.taken);
            let binding = at_scale(&evidence, taken);
            measured(unit, unit.value(fitted.recipe.margins), taken, &binding, &mut reasons).map(|m| unit.margins(m))
        }
    };
    Ok(Advice {
        loss: loss.name,
        classes,
        dim,
        unit,
        nearest_angle: alpha,
        largest: largest(loss.kind.paper, alpha),
        formula: fitted.recipe.margins,
        margins,
        boundary_angle: margins.map(|m| fit::angle_left(m, alpha)),
        boundary_cost: margins.map(|m| fit::boundary_cost(m, alpha)),
        scale,
        reasons,
        evidence,
    })
}

/// The margin that evidence leaves of the formula's, and the reasons.
fn measured(
    unit: Unit,
    formula: f64,
    scale: Option<f64>,
    evidence: &[&Evidence],
    reasons: &mut Vec<String>,
) -> Option<f64> {
    let (symbol, wanted) = (unit.symbol(), decimal(formula));
    reasons.extend(evidence.iter().map(|e| said(symbol, e)));
    let mut because = |text: String| reasons.push(text);
    let (low, high) = match join(evidence, formula) {
        Verdict::Unknown => {
            because("no sweep with these classes and dimensions is known: the formula alone speaks".to_owned());
            return Some(formula);
        }
        Verdict::Nothing => {
            because(
                "a training collapsed at every margin that was tried: look to the rate or the scale first".to_owned(),
            );
            return None;
        }
        Verdict::All(low, high) => (low, high),
        Verdict::Best(e, low, high) => {
            because(format!(
                "no margin suits all of these: {} at rate {} decides, with the best accuracy",
                e.data, e.rate
            ));
            (low, high)
        }
    };
    let taken = formula.clamp(low, high);
    let range = format!("[{}, {}]", decimal(low), decimal(high));
    if same(taken, formula) {
        because(format!("the formula's {symbol} = {wanted} lies inside {range}"));
    } else {
        because(format!("the formula's {symbol} = {wanted} lies outside {range}: the nearest margin inside is taken"));
    }
    for e in evidence {
        let dead: Vec<String> = e
            .other_rates
            .iter()
            .filter(|(_, collapsed)| collapsed.iter().any(|c| same(*c, taken)))
            .map(|(rate, _)| rate.to_string())
            .collect();
        if !dead.is_empty() {
            because(format!("at rate {} it collapsed: keep to rate {}", dead.join(", "), e.rate));
        }
        if let (Some(then), Some(s)) = (e.scale, scale)
            && (then / s - 1.0).abs() > 0.02
        {
            because(format!("that was measured at scale {then:.1}, not at {s:.1}"));
        }
    }
    Some(taken)
}

/// How the formula came to its margins.
fn formula_reason(loss: &MarginLoss, fitted: &fit::Fit) -> String {
    let left = fitted.boundary_angle.to_degrees();
    let paper = fit::angle_left(loss.kind.paper, fitted.nearest_angle).to_degrees();
    if fitted.strength >= 1.0 {
        return format!("the paper's margin fits: it leaves {left:.1}° around each prototype");
    }
    let why = if paper > 0.0 { format!("only {paper:.1}°") } else { "nothing".to_owned() };
    format!(
        "the paper's margin leaves {why} around a prototype; {:.0} % of it leaves {left:.1}°",
        100.0 * fitted.strength
    )
}

/// One sweep's word, in a sentence.
fn said(symbol: &str, e: &Evidence) -> String {
    let list = |values: &[f64]| values.iter().map(|v| decimal(*v).to_string()).collect::<Vec<_>>().join(", ");
    let scale = e.scale.map_or(String::new(), |s| format!(", scale {s:.1}"));
    let seeds = if e.seeds == 1 { "seed" } else { "seeds" };
    let (first, last) = (e.tried.first().copied().unwrap_or(0.0), e.tried.last().copied().unwrap_or(0.0));
    let mut out = format!(
        "measured on {}, {} {seeds} a margin, rate {}{scale}, {symbol} in [{}, {}]: ",
        e.data,
        e.seeds,
        e.rate,
        decimal(first),
        decimal(last)
    );
    match e.usable {
        Some((low, high)) => out.push_str(&format!("usable in [{}, {}]", decimal(low), decimal(high))),
        None => out.push_str(&format!("no usable range ({})", e.no_range)),
    }
    if let Some((margin, accuracy)) = e.best {
        out.push_str(&format!(", best {} with {:.2} %", decimal(margin), 100.0 * accuracy));
    }
    if let Some(unseen) = e.unseen {
        out.push_str(&format!(", differences below {:.1} points are not seen", 100.0 * unseen));
    }
    if !e.collapsed.is_empty() {
        out.push_str(&format!("; collapsed at {}", list(&e.collapsed)));
    }
    out
}

/// The largest margins t·`paper` (of m0: 1 + t(m0 − 1)) that leave any angle: those whose ψ(0) is
/// cos α. `None` if every strength leaves one, as with a multiplier alone.
fn largest(paper: Margins, alpha: f64) -> Option<Margins> {
    let leaves = |t: f64| {
        let m = paper.at_strength(t);
        m.angle_margin <= alpha && m.angle_margin.cos() - m.cosine_margin >= alpha.cos()
    };
    let (mut low, mut high) = (0.0, 1.0);
    while leaves(high) {
        (low, high) = (high, 2.0 * high);
        if high > 1e6 {
            return None;
        }
    }
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        if leaves(middle) { low = middle } else { high = middle }
    }
    Some(paper.at_strength(low))
}

/// A margin as a decimal: sweeps have them so, and binary fractions end late.
fn decimal(value: f64) -> f64 {
    (value * 1e9).round() / 1e9
}

#[cfg(test)]
mod tests;
