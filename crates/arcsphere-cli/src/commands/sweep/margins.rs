//! `--margin` as the user writes it: `[LOSS=]FROM:TO:STEP` or `[LOSS=]A,B,…`.

use crate::commands::margin_loss;
use crate::mistake::mistake;
use anyhow::Result;
use arcsphere::losses::margin::{MarginLoss, Unit};
use arcsphere::plan;
use serde::{Deserialize, Serialize};

/// More trainings than this are a mistake in a step, not a wish.
pub(super) const MOST_CELLS: usize = 10_000;

/// What a margin is wanted for.
pub(super) const PURPOSE: &str = "to sweep over";

/// A loss and the margins that it is trained with, in its own unit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Axis {
    /// Registry name of the loss.
    pub(super) loss: String,
    /// The margins, in the order in which they were given.
    pub(super) margins: Vec<f64>,
}

/// The axis of each loss. A margin given for one loss goes before one given for all.
pub(super) fn axes(losses: &[String], given: &[String]) -> Result<Vec<Axis>> {
    if losses.is_empty() {
        return Err(mistake!("a sweep needs losses: give --loss, e.g. --loss arcface,cosface"));
    }
    let infos =
        losses.iter().map(|name| margin_loss::find(name, PURPOSE)).collect::<Result<Vec<&'static MarginLoss>>>()?;
    let mut all: Option<(&str, Vec<f64>)> = None;
    let mut own: Vec<(&'static MarginLoss, &str, Vec<f64>)> = Vec::new();
    for text in given {
        let Some((name, range)) = text.split_once('=') else {
            if let Some((other, _)) = &all {
                return Err(mistake!(
                    "--margin {other} and --margin {text} are both for every loss: write one list, or LOSS={text}"
                ));
            }
            all = Some((text, values(text)?));
            continue;
        };
        let info = margin_loss::find(name, PURPOSE)?;
        if own.iter().any(|(i, ..)| i.name == info.name) {
            return Err(mistake!("--margin is given twice for {}: write one list", info.name));
        }
        if infos.iter().all(|i| i.name != info.name) {
            return Err(mistake!("--margin {text}: {} is not among the losses; add it to --loss", info.name));
        }
        own.push((info, range, values(range)?));
    }
    let mut axes: Vec<Axis> = Vec::new();
    for info in infos {
        if axes.iter().any(|a| a.loss == info.name) {
            return Err(mistake!("--loss names {} twice", info.name));
        }
        let unit = unit(info)?;
        let found = own.iter().find(|(i, ..)| i.name == info.name).map(|(_, text, values)| (*text, values));
        let Some((text, margins)) = found.or(all.as_ref().map(|(text, values)| (*text, values))) else {
            return Err(mistake!(
                "{} has no margins to be trained with: give --margin {}={}",
                info.name,
                info.name,
                example(unit)
            ));
        };
        for m in margins {
            plan::check_range(unit.margins(*m)).map_err(|e| {
                let own = format!("--margin {}={}", info.name, example(unit));
                mistake!("--margin {text} does not suit {}: {e}; give it one of its own, e.g. {own}", info.name)
            })?;
        }
        axes.push(Axis { loss: info.name.to_owned(), margins: margins.clone() });
    }
    Ok(axes)
}

/// The unit of a loss with one margin.
pub(super) fn unit(info: &MarginLoss) -> Result<Unit> {
    match info.kind.unit() {
        Some(unit) => Ok(unit),
        None if !info.kind.takes.is_empty() => Err(mistake!(
            "{} has several margins, and a sweep is over one: use sphereface (m0), arcface (m1) or cosface (m2)",
            info.name
        )),
        None => Err(mistake!(
            "{} has no margin to sweep over; arcface or cosface with margin 0 is a softmax of cosines without one",
            info.name
        )),
    }
}

/// A range that suits a unit.
fn example(unit: Unit) -> &'static str {
    match unit {
        Unit::AngleMultiplier => "1:8:1",
        Unit::AngleMargin => "0:1.2:0.1",
        Unit::CosineMargin => "0:0.4:0.05",
    }
}

/// The numbers of a range or a list.
fn values(text: &str) -> Result<Vec<f64>> {
    let number = |word: &str| word.trim().parse::<f64>().ok().filter(|v| v.is_finite());
    let unreadable = || {
        mistake!(
            "--margin {text} is neither FROM:TO:STEP nor a list of numbers, e.g. 0:1.2:0.1 or 0,0.2,0.4, for one loss arcface=0:1.2:0.1"
        )
    };
    let values = if text.contains(':') {
        let parts: Vec<f64> = text.split(':').map(number).collect::<Option<_>>().ok_or_else(unreadable)?;
        let [from, to, step] = parts[..] else { return Err(unreadable()) };
        if step <= 0.0 || from > to {
            return Err(mistake!("--margin {text} is empty: FROM must be at most TO, and STEP above 0"));
        }
        // A part of a step is forgiven, so that 0:1.2:0.1 has its end in spite of rounding.
        let steps = ((to - from) / step + 1e-6).floor();
        if steps >= MOST_CELLS as f64 {
            return Err(mistake!("--margin {text} has more than {MOST_CELLS} values: take a larger step"));
        }
        // Decimals are what a reader wants: 0.3, not 0.30000000000000004.
        (0..=steps as u64).map(|i| ((from + i as f64 * step) * 1e9).round() / 1e9).collect()
    } else {
        text.split(',').map(number).collect::<Option<Vec<f64>>>().ok_or_else(unreadable)?
    };
    no_twice("--margin", &values)?;
    Ok(values)
}

/// Refuses a value that stands twice in an axis.
pub(super) fn no_twice(flag: &str, values: &[f64]) -> Result<()> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    match sorted.windows(2).find(|w| w[0] == w[1]) {
        Some(twice) => Err(mistake!("{flag} names {} twice", twice[0])),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(losses: &str, given: &[&str]) -> Result<Vec<Axis>> {
        let losses: Vec<String> = losses.split(',').filter(|l| !l.is_empty()).map(str::to_owned).collect();
        axes(&losses, &given.iter().map(|g| (*g).to_owned()).collect::<Vec<_>>())
    }

    fn margins(losses: &str, given: &[&str]) -> Vec<(String, Vec<f64>)> {
        of(losses, given).unwrap().into_iter().map(|a| (a.loss, a.margins)).collect()
    }

    #[test]
    fn a_range_has_both_ends_and_round_numbers() {
        let expected = vec![0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.2];
        assert_eq!(margins("arcface", &["0:1.2:0.1"]), [("arcface".to_owned(), expected)]);
        assert_eq!(values("0:1:0.4").unwrap(), [0.0, 0.4, 0.8]);
        assert_eq!(values("0.5:0.5:1").unwrap(), [0.5]);
        assert_eq!(values("0.3, 0.1").unwrap(), [0.3, 0.1]);
    }

    #[test]
    fn a_loss_may_have_a_range_of_its_own() {
        let both = margins("ArcFace,a_softmax", &["arcface=0,0.5", "sphereface=1:3:1"]);
        assert_eq!(both, [("arcface".into(), vec![0.0, 0.5]), ("sphereface".into(), vec![1.0, 2.0, 3.0])]);
        let rest = margins("arcface,cosface,sphereface", &["0,0.1", "sphereface=4"]);
        assert_eq!(rest[1].1, [0.0, 0.1]);
        assert_eq!(rest[2].1, [4.0]);
    }

    #[test]
    fn what_is_no_axis_is_refused() {
        let refused = |losses: &str, given: &[&str], word: &str| {
            let text = of(losses, given).expect_err(word).to_string();
            assert!(text.contains(word), "{text}");
        };
        refused("", &["0:1:0.1"], "--loss arcface,cosface");
        refused("arcface", &[], "--margin arcface=0:1.2:0.1");
        refused("arcface,sphereface", &["arcface=0:1:0.1"], "--margin sphereface=1:8:1");
        refused("arcface,sphereface", &["0:1.2:0.1"], "[1, 16]");
        refused("sphereface", &["1:17:1"], "[1, 16]");
        refused("cosface", &["0:3:0.5"], "[0, 2]");
        refused("arcface", &["cosface=0.1"], "cosface is not among the losses");
        refused("arcface", &["0.1", "0.2"], "both for every loss");
        refused("arcface", &["arcface=0.1", "ArcFace=0.2"], "twice for arcface");
        refused("arcface,arcface", &["0.1"], "arcface twice");
        refused("arcface", &["0.1,0.2,0.1"], "0.1 twice");
        refused("combined", &["0.1"], "use sphereface (m0), arcface (m1) or cosface (m2)");
        refused("softmax", &["0.1"], "no margin to sweep over");
        refused("arcfcae", &["0.1"], "did you mean \"arcface\"?");
        for empty in ["1:0:0.1", "0:1:0", "0:1:-0.1"] {
            refused("arcface", &[empty], "is empty");
        }
        for text in ["", "a:b:c", "0:1", "0:1:0.1:2", "0.1;0.2", "nan", "0:inf:1"] {
            refused("arcface", &[text], "neither FROM:TO:STEP");
        }
        refused("arcface", &["0:1:1e-9"], "larger step");
    }
}
