//! `arcsphere eval`: what a trained run is worth, on its own test set or on other images.
//!
//! Other images are not split: what comes as a training and a test part is measured on its test part, everything else
//! as a whole. Nothing is asked of them that only a training needs. Images that are the run's own by their checksum
//! are its own wherever they lie.

use super::run_dir;
use crate::args::Eval;
use crate::mistake::mistake;
use crate::out::{note, say};
use crate::{settings, timing, watch};
use anyhow::Result;
use arcsphere::checkpoint::Provenance;
use arcsphere::config::{Config, Task};
use arcsphere::evaluate::{TestSet, evaluate, evaluate_on, protocols};
use arcsphere::plan::{self, Splits};
use arcsphere_data::Dataset;
use arcsphere_eval::measures::{Estimate, Key, MEASURES, Measure, Unit};
use arcsphere_eval::results::Run;
use arcsphere_eval::show::{self, MARK_NOTE, fixed};
use std::fmt::Write as _;

/// What a run is measured on.
enum Tested {
    /// The part of its own images that was kept for it.
    Own(Box<Splits>),
    /// Other images; whether their classes are others too.
    Other(Dataset, bool),
}

/// Measures a run.
pub(crate) fn run(args: &Eval) -> Result<()> {
    let mut checkpoint = run_dir::read(&args.run)?;
    let own = checkpoint.config.clone();
    let layers =
        arcsphere::config::Layers::new().text(&arcsphere::config::to_toml(&own)?, "the run's configuration")?;
    let layers = args.measured.over(layers)?;
    let config = settings::flags(layers, &args.data, &Default::default())?.build()?;
    settings::set_threads(config.train.threads)?;
    let is_given = args.data.get("data.source").is_some();
    for (flag, key) in [("open-set", "data.open_set"), ("test-fraction", "data.test_fraction")] {
        if is_given && args.data.get(key).is_some() {
            return Err(mistake!("--{flag} splits images to train on, and eval takes all of --data: leave it out"));
        }
    }
    let (tested, of) = tested(&config, &checkpoint.provenance, is_given)?;
    // Older ones do not say what their ordered classes are worth, and their images do.
    if let Tested::Own(splits) = &tested
        && checkpoint.provenance.values.is_none()
    {
        checkpoint.provenance.values = splits.train.targets().map(|targets| targets.class_values().to_vec());
    }
    let normalization = checkpoint.provenance.normalization();
    let seconds = timing::read(&args.run, &checkpoint)?;
    let mut trainer = checkpoint.restore_alone(&settings::device("flex")?)?;
    trainer.seconds = seconds;
    let bar = watch::bar(1);
    let (measures, watch) = (protocols(&config.eval, own.data.split_seed)?, watch::measuring(&bar));
    let evaluation = match &tested {
        Tested::Own(splits) => evaluate(&trainer, splits, &measures, &watch)?,
        Tested::Other(images, is_open) => {
            let set = TestSet { images, is_open: *is_open, is_ordered: own.task == Task::Age };
            evaluate_on(&trainer, &set, &normalization, &measures, &watch)?
        }
    };
    bar.finish_and_clear();
    if args.json {
        note!("{} on {of}", own.loss.name);
        say!("{}", serde_json::to_string_pretty(&evaluation.run)?);
    } else {
        say!("{} on {of}", own.loss.name);
        say!("{}", summary(&evaluation.run));
    }
    Ok(())
}

/// The images to measure on, and which they are in words. `is_given` says whether they were named.
fn tested(config: &Config, known: &Provenance, is_given: bool) -> Result<(Tested, String)> {
    if !is_given {
        let source = settings::open_again(config, false)?;
        let (splits, of) = own(config, known, &source)?;
        return Ok((Tested::Own(Box::new(splits)), of));
    }
    // What cannot be split as a training splits it is not what this run was trained on.
    if let Ok(source) = settings::open(config)
        && source.train.classes() == known.classes.as_slice()
        && let Ok(splits) = plan::split(config, &source)
        && splits.train.sha256()? == known.sha256
    {
        let (splits, of) = own(config, known, &source)?;
        return Ok((Tested::Own(Box::new(splits)), of));
    }
    other(config, known)
}

/// The run's own images, split as they were.
fn own(config: &Config, known: &Provenance, source: &arcsphere_data::Source) -> Result<(Splits, String)> {
    settings::notes(source);
    let mut splits = plan::split(config, source)?;
    splits.test = settings::as_trained(splits.test, known.shape())?;
    splits.train = settings::as_trained(splits.train, known.shape())?;
    // Pixels are normalized as in training, whatever these images' own mean is; and classes that the run never saw
    // can be compared in pairs but not classified.
    splits.normalization = known.normalization();
    splits.open_set |= splits.test.classes() != known.classes.as_slice();
    let of = format!("{}, the run's own test part ({})", source.name, images(splits.test.len()));
    Ok((splits, of))
}

/// Other images: all of them, or their test part where they come with one.
fn other(config: &Config, known: &Provenance) -> Result<(Tested, String)> {
    let source = settings::open_whole(config)?;
    settings::notes(&source);
    let part = if source.whole { "all of it" } else { "its test part" };
    let of = format!("{}, {part} ({})", source.name, images(source.test.len()));
    let test = settings::as_trained(source.test, known.shape())?;
    // The steps of an ordered target are told by their values, whatever their names are.
    let named = test.with_classes_of(&known.classes).filter(|_| config.task == Task::Classify);
    let is_open = named.is_none() && test.classes() != known.classes.as_slice();
    Ok((Tested::Other(named.unwrap_or(test), is_open), of))
}

/// "1 image", "5 images".
fn images(n: usize) -> String {
    if n == 1 { "1 image".to_owned() } else { format!("{n} images") }
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
