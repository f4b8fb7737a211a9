//! `arcsphere eval`: what a trained run is worth, on its own test set or another.

use super::run_dir;
use crate::args::Eval;
use crate::mistake::mistake;
use crate::out::say;
use crate::{settings, timing, watch};
use anyhow::Result;
use arcsphere::evaluate::{evaluate, protocols};
use arcsphere::plan::{self, Plan};
use arcsphere_eval::measures::{Estimate, Key, MEASURES, Measure, Unit};
use arcsphere_eval::results::Run;
use arcsphere_eval::show::{self, MARK_NOTE, fixed};
use std::fmt::Write as _;

/// Measures a run.
pub(crate) fn run(args: &Eval) -> Result<()> {
    let checkpoint = run_dir::read(&args.run)?;
    let own = checkpoint.config.clone();
    let layers =
        arcsphere::config::Layers::new().text(&arcsphere::config::to_toml(&own)?, "the run's configuration")?;
    let layers = args.measured.over(layers)?;
    let config = settings::flags(layers, &args.data, &Default::default())?.build()?;
    settings::set_threads(config.train.threads)?;
    let source = settings::open(&config)?;
    let mut splits = plan::split(&config, &source)?;
    let known = &checkpoint.provenance;
    if splits.test.shape() != known.shape() {
        return Err(mistake!(
            "the run was trained on images of {} (channels x height x width), these are {}; use --size {}x{}",
            known.shape(),
            splits.test.shape(),
            known.shape[1],
            known.shape[2]
        ));
    }
    // Pixels are normalized as in training, whatever these images' own mean is; and classes
    // that the run never saw can be compared in pairs but not classified.
    splits.normalization = known.normalization();
    splits.open_set |= splits.test.classes() != known.classes.as_slice();
    let plan = Plan::check(&own, &splits)?.with_classes(known.classes.len(), known.values.as_deref())?;
    let device = settings::device("flex")?;
    let seconds = timing::read(&args.run, &checkpoint)?;
    let mut trainer = checkpoint.restore(plan, &device)?;
    trainer.seconds = seconds;
    settings::notes(&source);
    let bar = watch::bar(1);
    let measures = protocols(&config.eval, own.data.split_seed)?;
    let evaluation = evaluate(&trainer, &splits, &measures, &watch::measuring(&bar))?;
    bar.finish_and_clear();
    if args.json {
        say!("{}", serde_json::to_string_pretty(&evaluation.run)?);
    } else {
        say!("{} on {}", own.loss.name, source.name);
        say!("{}", summary(&evaluation.run));
    }
    Ok(())
}

/// A run's number as a picture's subtitle has it: the accuracy, or the EER of an open set.
pub(crate) fn headline(run: &Run) -> String {
    match (run.get("accuracy"), run.get("eer")) {
        (Some(accuracy), _) => percent(accuracy),
        (None, Some(eer)) => {
            let few = run.measures.get("eer").is_some_and(|e| e.few_errors.is_some());
            let few = if few { " of fewer than 30 errors" } else { "" };
            format!("classes never trained on, EER {}{few}", percent(eer))
        }
        (None, None) => "classes never trained on".to_owned(),
    }
}

/// "once", "5 times".
pub(crate) fn times(n: u64) -> String {
    if n == 1 { "once".to_owned() } else { format!("{n} times") }
}

fn percent(v: f64) -> String {
    format!("{} %", show::percent(v))
}

/// A share, marked where it rests on few errors.
fn marked(e: &Estimate) -> String {
    percent(e.value) + e.mark()
}

/// Radians as degrees.
pub(crate) fn degrees(radians: f64) -> String {
    format!("{}°", fixed(radians.to_degrees(), 1))
}

/// A run's numbers in a few lines.
pub(crate) fn summary(run: &Run) -> String {
    let lines = [fate(run), accuracy(run), pairs(run), retrieval(run), ordered(run), angles(run), further(run)];
    let mut out = lines.concat();
    if run.measures.values().any(|e| e.few_errors.is_some()) {
        let _ = writeln!(out, "{MARK_NOTE}");
    }
    for missing in &run.not_measured {
        let _ = writeln!(out, "not measured: {missing}");
    }
    let _ = write!(out, "{} epochs in {:.0} s, {:.0} images/s", run.epochs, run.train_seconds, run.samples_per_second);
    out
}

/// Whether it collapsed, and of what.
fn fate(run: &Run) -> String {
    let mut out = String::new();
    if run.collapsed {
        let _ = writeln!(out, "collapsed: {}", run.reason);
    }
    if !run.causes.is_empty() {
        let what = match (run.recovered, run.collapsed) {
            (0, _) => "seen".to_owned(),
            (n, false) => format!("recovered {}", times(n)),
            (n, true) => format!("recovered {}, in vain", times(n)),
        };
        let _ = writeln!(out, "{what}: {}", run.causes.join(", "));
    }
    out
}

fn accuracy(run: &Run) -> String {
    match run.measures.get("accuracy") {
        Some(Estimate { value, low: Some(low), high: Some(high), n, .. }) => format!(
            "accuracy {} [{}, {}] (Wilson 95 %, n = {})\n",
            percent(*value),
            percent(*low),
            percent(*high),
            n.unwrap_or(0)
        ),
        _ => String::new(),
    }
}

/// What a measure is at, and its values, of the protocols that are always run.
fn values<'a>(run: &'a Run, measure: &'a str) -> impl DoubleEndedIterator<Item = (&'a str, &'a Estimate)> {
    let own = run.measures.iter().filter(move |(k, _)| k.protocol().is_empty() && k.measure_key() == measure);
    own.map(|(k, e)| (k.at(), e))
}

fn pairs(run: &Run) -> String {
    let rates: Vec<String> =
        values(run, "tmr_at_fmr").rev().map(|(fmr, tmr)| format!("{} at {fmr}", marked(tmr))).collect();
    let eer = run.measures.get("eer").map(|eer| format!("EER {}", marked(eer)));
    let tmr = (!rates.is_empty()).then(|| format!("TMR@FMR (TAR@FAR) {}", rates.join(", ")));
    let shown: Vec<String> = eer.into_iter().chain(tmr).collect();
    if shown.is_empty() {
        return String::new();
    }
    let n = |what: &str| run.counts.get(what).copied().unwrap_or(0);
    format!("{} ({} genuine, {} impostor pairs)\n", shown.join(", "), n("genuine"), n("impostor"))
}

fn retrieval(run: &Run) -> String {
    let recall: Vec<String> = values(run, "recall_at_k").map(|(k, v)| format!("@{k} {}", marked(v))).collect();
    let recall = (!recall.is_empty()).then(|| format!("Recall{}", recall.join(", ")));
    let named = |key: &str, name: &str| run.measures.get(key).map(|v| format!("{name} {}", marked(v)));
    let rest: Vec<String> = named("map_at_r", "MAP@R").into_iter().chain(named("nmi", "NMI")).collect();
    let rest = (!rest.is_empty()).then(|| rest.join(", "));
    let shown: Vec<String> = recall.into_iter().chain(rest).collect();
    if shown.is_empty() { String::new() } else { shown.join("; ") + "\n" }
}

/// The errors on an ordered target, a line each way of telling it; empty where there is none.
fn ordered(run: &Run) -> String {
    // A straight line gives a number and no probabilities.
    let (number, class) = match run.loss.as_str() {
        "regression" => ("number", "nearest step"),
        _ => ("expectation", "likeliest class"),
    };
    ordered_line(run, "mae", "cs", number) + &ordered_line(run, "mae_argmax", "cs_argmax", class)
}

fn ordered_line(run: &Run, mae: &str, cs: &str, what: &str) -> String {
    let unit = if run.target_unit == "°" { "°".to_owned() } else { format!(" {}", run.target_unit) };
    let ends = |e: &Estimate, by: f64| {
        e.low
            .zip(e.high)
            .map_or_else(String::new, |(low, high)| format!(" [{}, {}]", fixed(by * low, 2), fixed(by * high, 2)))
    };
    let mae = run.measures.get(mae);
    let first = mae.map(|e| format!("MAE {}{unit}{}", fixed(e.value, 2), ends(e, 1.0)));
    let scores = values(run, cs).map(|(k, e)| format!("CS({k}{unit}) {}{}", percent(e.value), ends(e, 100.0)));
    let shown: Vec<String> = first.into_iter().chain(scores).collect();
    let n = mae.or_else(|| values(run, cs).next().map(|v| v.1)).and_then(|e| e.n).unwrap_or(0);
    if shown.is_empty() { String::new() } else { format!("{} by the {what} (95 %, n = {n})\n", shown.join(", ")) }
}

fn angles(run: &Run) -> String {
    let mut out = String::new();
    let degrees = |key: &str| run.get(key).map_or("–".to_owned(), degrees);
    if run.get("target_angle@mean").is_some() {
        let _ = writeln!(
            out,
            "target angle {} ± {}, nearest other {}, nearest prototypes {}",
            degrees("target_angle@mean"),
            degrees("target_angle@sd"),
            degrees("nontarget_angle"),
            degrees("nearest_prototype_angle@mean")
        );
    }
    if let (Some(mean), Some(sd)) = (run.get("embedding_norm@mean"), run.get("embedding_norm@sd")) {
        let _ = writeln!(out, "embedding norm {} ± {}", fixed(mean, 2), fixed(sd, 2));
    }
    out
}

/// Measures that the lines above have.
const SHOWN: [&str; 14] = [
    "accuracy",
    "eer",
    "tmr_at_fmr",
    "recall_at_k",
    "map_at_r",
    "nmi",
    "mae",
    "mae_argmax",
    "cs",
    "cs_argmax",
    "target_angle",
    "nontarget_angle",
    "nearest_prototype_angle",
    "embedding_norm",
];

/// Every other measure, and what further protocols found, a line a number.
fn further(run: &Run) -> String {
    let is_further = |key: &Key| !key.protocol().is_empty() || !SHOWN.contains(&key.measure_key());
    let mut out = String::new();
    for measure in MEASURES {
        for (key, e) in run.measures.iter().filter(|(k, _)| k.measure_key() == measure.key && is_further(k)) {
            out.push_str(&line(measure, key, e, &run.target_unit));
        }
    }
    out
}

fn line(measure: &Measure, key: &Key, e: &Estimate, target_unit: &str) -> String {
    let show = |v: f64| match measure.unit {
        Unit::Share => percent(v),
        Unit::Angle => degrees(v),
        Unit::Target => format!("{} {target_unit}", fixed(v, 2)),
        _ => fixed(v, 4),
    };
    let at = if key.at().is_empty() { String::new() } else { format!(" at {}", key.at()) };
    let by = if key.protocol().is_empty() { String::new() } else { format!("{}: ", key.protocol()) };
    let ends = e.low.zip(e.high).map_or_else(String::new, |(low, high)| format!(" [{}, {}]", show(low), show(high)));
    let n = e.n.map_or_else(String::new, |n| format!(" (n = {n})"));
    format!("{by}{}{at} {}{}{ends}{n}\n", measure.name, show(e.value), e.mark())
}
