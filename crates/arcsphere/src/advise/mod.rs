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
mod unit;

pub use evidence::Evidence;
pub use scale::{ScaleAdvice, adacos};
pub use unit::{Unit, boundary_cost};

use crate::losses::fit;
use crate::losses::margin::{LossInfo, Margins, ScaleKind};
use evidence::{Verdict, join, nearest, same};
use serde::Serialize;
use thiserror::Error;

/// The probability that is asked about where none is.
pub const PROBABILITY: f64 = 0.9;

/// What advice is asked about.
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
    /// The margins to take; `None` if no margin that was tried is usable.
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
pub fn advise(loss: &LossInfo, question: &Question, evidence: &[Evidence]) -> Result<Advice, AdviseError> {
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
    if !loss.takes.any() {
        return Err(AdviseError::NoMargin(loss.name));
    }
    let unit = Unit::of(loss);
    let fitted = fit::fitted_margins(loss.paper, classes, dim);
    let alpha = fitted.nearest_angle;
    let own = |e: &&Evidence| (e.loss.as_str(), e.classes, e.dim) == (loss.name, classes, dim) && unit.is_some();
    let evidence: Vec<Evidence> = evidence.iter().filter(own).cloned().collect();
    let scale = (loss.scale == ScaleKind::Fixed).then(|| scale::scale(question, alpha));

    let mut reasons = vec![formula_reason(loss, &fitted)];
    let margins = match unit {
        None => Some(fitted.margins),
        Some(unit) => measured(unit, unit.value(fitted.margins), &evidence, &mut reasons).map(|m| unit.margins(m)),
    };
    if let Some(s) = &scale {
        let mut others: Vec<f64> =
            evidence.iter().filter_map(|e| e.scale).filter(|v| (v / s.taken - 1.0).abs() > 0.02).collect();
        others.sort_by(f64::total_cmp);
        others.dedup();
        if !others.is_empty() {
            let list: Vec<String> = others.iter().map(|v| format!("{v:.1}")).collect();
            reasons.push(format!("measured at scale {}, not at {:.1}", list.join(", "), s.taken));
        }
    }
    Ok(Advice {
        loss: loss.name,
        classes,
        dim,
        unit,
        nearest_angle: alpha,
        largest: largest(loss.paper, alpha),
        formula: fitted.margins,
        margins,
        boundary_angle: margins.map(|m| fit::angle_left(m, alpha)),
        boundary_cost: margins.map(|m| boundary_cost(m, alpha)),
        scale,
        reasons,
        evidence,
    })
}

/// The margin that evidence leaves of the formula's, and the reasons.
fn measured(unit: Unit, formula: f64, evidence: &[Evidence], reasons: &mut Vec<String>) -> Option<f64> {
    reasons.extend(evidence.iter().map(|e| said(unit, e)));
    let (range, binding): ((f64, f64), Vec<&Evidence>) = match join(evidence) {
        Verdict::Unknown => {
            reasons.push("no sweep with these classes and dimensions is known: the formula alone speaks".to_owned());
            return Some(formula);
        }
        Verdict::Nothing => {
            reasons
                .push("no margin that was tried is usable: train without one, or try another rate or scale".to_owned());
            return None;
        }
        Verdict::All(low, high) => ((low, high), evidence.iter().filter(|e| e.usable.is_some()).collect()),
        Verdict::Best(e, low, high) => {
            reasons.push(format!(
                "no margin is usable in all of these: {} at rate {} decides, for its accuracy is best",
                e.data, e.rate
            ));
            ((low, high), vec![e])
        }
    };
    let (symbol, wanted) = (unit.symbol(), short(formula));
    let Some(taken) = nearest(formula, range, &binding) else {
        reasons.push("a training collapsed at every margin of the usable range: train without a margin".to_owned());
        return None;
    };
    let (low, high) = (short(range.0), short(range.1));
    reasons.push(if same(taken, formula) {
        format!("the formula's {symbol} = {wanted} lies in the usable range [{low}, {high}]")
    } else if (range.0..=range.1).contains(&formula) {
        format!("a training collapsed at the formula's {symbol} = {wanted}: the nearest margin that trained is taken")
    } else {
        format!(
            "the formula's {symbol} = {wanted} lies outside the usable range [{low}, {high}]: the nearest margin inside is taken"
        )
    });
    Some(taken)
}

/// How the formula came to its margins.
fn formula_reason(loss: &LossInfo, fitted: &fit::Fitted) -> String {
    let left = fitted.boundary_angle.to_degrees();
    let paper = fit::angle_left(loss.paper, fitted.nearest_angle).to_degrees();
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
fn said(unit: Unit, e: &Evidence) -> String {
    let list = |values: &[f64]| values.iter().map(|v| short(*v).to_string()).collect::<Vec<_>>().join(", ");
    let scale = e.scale.map_or(String::new(), |s| format!(", scale {s:.1}"));
    let seeds = if e.seeds == 1 { "seed" } else { "seeds" };
    let mut out = format!("measured on {}, {} {seeds} a margin, rate {}{scale}: ", e.data, e.seeds, e.rate);
    let symbol = unit.symbol();
    match (e.usable, e.tried.first().zip(e.tried.last())) {
        (Some((low, high)), Some((first, last))) => out.push_str(&format!(
            "{symbol} in [{}, {}] is usable of [{}, {}] tried",
            short(low),
            short(high),
            short(*first),
            short(*last)
        )),
        _ => out.push_str(&format!("no {symbol} of {} is usable", list(&e.tried))),
    }
    if let Some((margin, accuracy)) = e.best {
        out.push_str(&format!(", best {} with {:.2} %", short(margin), 100.0 * accuracy));
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

/// A margin as a decimal.
fn short(value: f64) -> f64 {
    (value * 1e9).round() / 1e9
}

#[cfg(test)]
mod tests;
