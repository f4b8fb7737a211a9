//! `arcsphere advise`: a margin and a scale, with the reasons.

mod evidence;

use super::margin_loss;
use crate::args;
use crate::mistake::mistake;
use crate::out::say;
use crate::settings;
use anyhow::Result;
use arcsphere::advise::{Advice, Evidence, Question, advise};
use arcsphere::losses::margin::{LOSSES, MarginLoss, Margins, Unit};
use arcsphere_eval::show::fixed;
use serde::Serialize;
use std::path::Path;

/// What `--json` prints.
#[derive(Serialize)]
struct Answer {
    classes: usize,
    dim: usize,
    advice: Vec<Advice>,
}

/// Prints advice on one loss, or a line a loss.
pub(crate) fn run(args: &args::Advise) -> Result<()> {
    let one = args.loss.as_deref().map(|name| margin_loss::find(name, "to advise on")).transpose()?;
    let known = evidence::find(&args.sweep, args.sweeps_in.as_deref())?;
    let (classes, data) = images(args)?;
    let question = Question { classes, dim: args.dim, probability: args.probability };
    let losses: Vec<&MarginLoss> = match one {
        Some(info) => vec![info],
        None => LOSSES.iter().filter(|l| !l.kind.takes.is_empty()).collect(),
    };
    let advice = losses
        .into_iter()
        .map(|info| Ok(advise(info, &question, &on(&known, info.name, &question, data.as_deref()))?))
        .collect::<Result<Vec<Advice>>>()?;
    if args.json {
        say!("{}", serde_json::to_string_pretty(&Answer { classes, dim: args.dim, advice })?);
    } else if let (Some(_), [advice]) = (one, advice.as_slice()) {
        say!("{}", page(advice).trim_end());
    } else {
        say!("{}", table(&advice).trim_end());
    }
    Ok(())
}

/// C, and the data set's name as sweeps know it.
fn images(args: &args::Advise) -> Result<(usize, Option<String>)> {
    let Some(name) = args.data.text("data.source") else {
        // Without --data, clap asks for --classes.
        return Ok((args.classes.unwrap_or(0), None));
    };
    let (classes, name) = if let Ok(info) = arcsphere_data::catalog::find(name) {
        let built_in = info.folders.is_empty();
        (info.classes, if built_in { arcsphere_data::embedded::NAME } else { info.name }.to_owned())
    } else if let (Some(classes), false) = (args.classes, Path::new(name).is_dir()) {
        return Ok((classes, Some(name.to_owned())));
    } else {
        let config = settings::layers(None, &args.data, &Default::default())?.build()?;
        let source = settings::open(&config)?;
        (source.train.n_classes(), source.name)
    };
    match args.classes {
        Some(asked) if asked != classes => {
            Err(mistake!("{name} has {classes} classes to be trained on, not {asked}: leave out --classes or --data"))
        }
        _ => Ok((classes, Some(name))),
    }
}

/// Evidence on a loss, of the asked data alone if there is any.
fn on(known: &[Evidence], loss: &str, question: &Question, data: Option<&str>) -> Vec<Evidence> {
    let own = |e: &&Evidence| e.loss == loss && (e.classes, e.dim) == (question.classes, question.dim);
    let all: Vec<Evidence> = known.iter().filter(own).cloned().collect();
    let of_data: Vec<Evidence> = all.iter().filter(|e| Some(e.data.as_str()) == data).cloned().collect();
    if of_data.is_empty() { all } else { of_data }
}

/// One loss, with every reason.
fn page(a: &Advice) -> String {
    let mut out = format!("{} for {} classes in {} dimensions\n", a.loss, a.classes, a.dim);
    let mut line = |name: &str, text: String| out.push_str(&format!("{name:<10} {text}\n"));
    let (alpha, half) = (a.nearest_angle, 0.5 * a.nearest_angle);
    line(
        "room",
        format!("prototypes can be {} apart, so a class without a margin reaches to {}", degrees(alpha), degrees(half)),
    );
    let taken = match (a.margins, a.boundary_cost, a.boundary_angle) {
        (Some(m), Some(cost), Some(left)) => {
            format!("{}: it costs {} at the boundary and leaves {}", margins(a, m), degrees(cost), degrees(left))
        }
        _ => "none".to_owned(),
    };
    line("margin", taken);
    line("largest", largest(a));
    for reason in &a.reasons {
        line("", reason.clone());
    }
    match &a.scale {
        Some(s) => {
            line("scale", format!("{:.1}: {}", s.taken, s.reason));
            line("", format!("{:.1} is AdaCos' √2·log(C − 1)", s.adacos));
            line(
                "",
                format!("{:.1} is the smallest at which probability {} is within reach", s.smallest, s.probability),
            );
            if s.taken != s.default {
                line("", format!("{:.1} is the default", s.default));
            }
        }
        None => line("scale", "the embedding's norm".to_owned()),
    }
    if let Some(m) = a.margins {
        line("train", command(a, m));
    }
    out
}

/// The command that follows the advice.
fn command(a: &Advice, m: Margins) -> String {
    let parts = Unit::ALL.into_iter().filter(|unit| match a.unit {
        Some(own) => own == *unit,
        None => unit.value(m) != unit.value(Margins::NONE),
    });
    let mut out = format!("arcsphere train --loss {} --dim {}", a.loss, a.dim);
    for unit in parts {
        out.push_str(&format!(" --{} {}", unit.key().replace('_', "-"), decimal(unit.value(m))));
    }
    if let Some(s) = &a.scale {
        out.push_str(&format!(" --scale {:.1}", s.taken));
    }
    // What was measured at a rate holds at that rate.
    let mut rates: Vec<f64> = a.evidence.iter().map(|e| e.rate).collect();
    rates.dedup();
    if let [rate] = rates[..] {
        out.push_str(&format!(" --rate {rate}"));
    }
    out
}

/// A line a loss.
fn table(advice: &[Advice]) -> String {
    let Some(first) = advice.first() else { return String::new() };
    let mut out = format!(
        "{} classes in {} dimensions: prototypes can be {} apart, so a class without a margin reaches to {}\n\n",
        first.classes,
        first.dim,
        degrees(first.nearest_angle),
        degrees(0.5 * first.nearest_angle)
    );
    out.push_str(&format!(
        "{:<18} {:<36} {:>7} {:>7}  {:<18} {}\n",
        "loss", "margin", "costs", "leaves", "scale", "measured"
    ));
    for a in advice {
        let margin = a.margins.map_or("none is usable".to_owned(), |m| margins(a, m));
        let angle = |v: Option<f64>| v.map_or("–".to_owned(), degrees);
        let scale = a.scale.as_ref().map_or("embedding norm".to_owned(), |s| format!("{:.1}", s.taken));
        let mut seen: Vec<String> = a.evidence.iter().map(|e| format!("{}: {} seeds", e.data, e.seeds)).collect();
        seen.dedup();
        let seen = if seen.is_empty() { "–".to_owned() } else { seen.join("; ") };
        let (cost, left) = (angle(a.boundary_cost), angle(a.boundary_angle));
        out.push_str(&format!("{:<18} {margin:<36} {cost:>7} {left:>7}  {scale:<18} {seen}\n", a.loss));
    }
    if let Some(s) = advice.iter().find_map(|a| a.scale.as_ref()) {
        out.push_str(&format!(
            "\nscale: {:.1} is {}; AdaCos' √2·log(C − 1) is {:.1}; probability {} is within reach from {:.1}\n",
            s.taken, s.reason, s.adacos, s.probability, s.smallest
        ));
    }
    out.push_str(&format!("why: arcsphere advise --classes {} --dim {} --loss NAME\n", first.classes, first.dim));
    out
}

/// The margins of a loss, with their signs.
fn margins(a: &Advice, m: Margins) -> String {
    let one = |unit: Unit| {
        let radians = if unit == Unit::AngleMargin { " rad" } else { "" };
        format!("{} = {}{radians}", unit.symbol(), decimal(unit.value(m)))
    };
    match a.unit {
        Some(unit) => one(unit),
        None => Unit::ALL.map(one).join(", "),
    }
}

/// Three decimals, rounded down: at the very limit nothing is left.
fn largest(a: &Advice) -> String {
    let down = |v: f64| (v * 1000.0).floor() / 1000.0;
    let short = |m: Margins| Margins {
        angle_multiplier: down(m.angle_multiplier),
        angle_margin: down(m.angle_margin),
        cosine_margin: down(m.cosine_margin),
    };
    match (a.unit, a.largest.map(short)) {
        (Some(_), Some(m)) => format!("{} is the largest that leaves any angle", margins(a, m)),
        (Some(unit), None) => format!("any {} leaves an angle", unit.symbol()),
        (None, Some(m)) => format!("{} are the largest in the paper's proportion that leave any angle", margins(a, m)),
        (None, None) => "in the paper's proportion any leave an angle".to_owned(),
    }
}

/// A margin as a decimal: sweeps have them so, and binary fractions end late.
fn decimal(value: f64) -> f64 {
    (value * 1e9).round() / 1e9
}

fn degrees(radians: f64) -> String {
    format!("{}°", fixed(radians.to_degrees(), 1))
}
