//! `arcsphere eval`: what a trained run is worth, on its own test set or another.

use super::run_dir;
use crate::args::Eval;
use crate::mistake::mistake;
use crate::out::say;
use crate::{settings, timing};
use anyhow::Result;
use arcsphere::evaluate::evaluate;
use arcsphere::plan::{self, Plan};
use arcsphere_eval::results::Run;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Measures a run.
pub(crate) fn run(args: &Eval) -> Result<()> {
    let checkpoint = run_dir::read(&args.run)?;
    let own = checkpoint.config.clone();
    let layers =
        arcsphere::config::Layers::new().text(&arcsphere::config::to_toml(&own)?, "the run's configuration")?;
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
    let plan = Plan::check(&own, &splits)?.with_classes(known.classes.len());
    let device = settings::device("flex")?;
    let seconds = timing::read(&args.run, &checkpoint)?;
    let mut trainer = checkpoint.restore(plan, &device)?;
    trainer.seconds = seconds;
    let evaluation = evaluate(&trainer, &splits)?;
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
    match (run.accuracy, run.eer) {
        (Some(accuracy), _) => format!("{:.2} %", 100.0 * accuracy),
        (None, Some(eer)) => format!("classes never trained on, EER {:.2} %", 100.0 * eer),
        (None, None) => "classes never trained on".to_owned(),
    }
}

/// "once", "5 times".
pub(crate) fn times(n: u64) -> String {
    if n == 1 { "once".to_owned() } else { format!("{n} times") }
}

/// The errors on an ordered target, a line each way of telling it; empty where there is none.
fn ordered(run: &Run) -> String {
    let Some(mae) = run.mae else { return String::new() };
    let unit = if run.target_unit == "°" { "°".to_owned() } else { format!(" {}", run.target_unit) };
    let ends = |low: Option<f64>, high: Option<f64>| {
        low.zip(high).map_or_else(String::new, |(low, high)| format!(" [{low:.2}, {high:.2}]"))
    };
    let line = |what: &str, mae: f64, of_mae: String, [cs, low, high]: [&BTreeMap<String, f64>; 3]| {
        let mut out = format!("MAE {mae:.2}{unit}{of_mae}");
        for (k, share) in cs {
            let percent = |of: &BTreeMap<String, f64>| of.get(k).map(|v| 100.0 * v);
            let _ = write!(out, ", CS({k}{unit}) {:.2} %{}", 100.0 * share, ends(percent(low), percent(high)));
        }
        format!("{out} by the {what} (95 %, n = {})\n", run.n_regression)
    };
    // A straight line gives a number and no probabilities.
    let (number, class) = match run.loss.as_str() {
        "regression" => ("number", "nearest step"),
        _ => ("expectation", "likeliest class"),
    };
    let scores = [&run.cs, &run.cs_low, &run.cs_high];
    let mut out = line(number, mae, ends(run.mae_low, run.mae_high), scores);
    if let Some(argmax) = run.mae_argmax {
        let scores = [&run.cs_argmax, &run.cs_argmax_low, &run.cs_argmax_high];
        out += &line(class, argmax, ends(run.mae_argmax_low, run.mae_argmax_high), scores);
    }
    out
}

/// A run's numbers in a few lines.
pub(crate) fn summary(run: &Run) -> String {
    let mut out = String::new();
    let percent = |v: f64| format!("{:.2} %", 100.0 * v);
    let degrees = |v: Option<f64>| v.map_or("–".to_owned(), |v| format!("{:.1}°", v.to_degrees()));
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
    if let (Some(accuracy), Some(low), Some(high)) = (run.accuracy, run.accuracy_low, run.accuracy_high) {
        let _ = writeln!(
            out,
            "accuracy {} [{}, {}] (Wilson 95 %, n = {})",
            percent(accuracy),
            percent(low),
            percent(high),
            run.n_test
        );
    }
    if let Some(eer) = run.eer {
        let rates: Vec<String> =
            run.tmr_at_fmr.iter().rev().map(|(fmr, tmr)| format!("{} at {fmr}", percent(*tmr))).collect();
        let _ = writeln!(
            out,
            "EER {}, TMR@FMR (TAR@FAR) {} ({} genuine, {} impostor pairs)",
            percent(eer),
            rates.join(", "),
            run.n_genuine,
            run.n_impostor
        );
    }
    if let (Some(recall), Some(map_at_r)) = (run.recall_at_1, run.map_at_r) {
        let further = [(2, run.recall_at_2), (4, run.recall_at_4), (8, run.recall_at_8)];
        let further: Vec<String> =
            further.iter().filter_map(|(k, v)| v.map(|v| format!(", @{k} {}", percent(v)))).collect();
        let nmi = run.nmi.map_or(String::new(), |nmi| format!(", NMI {}", percent(nmi)));
        let _ = writeln!(out, "Recall@1 {}{}; MAP@R {}{nmi}", percent(recall), further.concat(), percent(map_at_r));
    }
    out.push_str(&ordered(run));
    if run.target_angle_mean.is_some() {
        let _ = writeln!(
            out,
            "target angle {} ± {}, nearest other {}, nearest prototypes {}",
            degrees(run.target_angle_mean),
            degrees(run.target_angle_sd),
            degrees(run.nontarget_angle_min_mean),
            degrees(run.nearest_prototype_angle_mean)
        );
    }
    if let (Some(mean), Some(sd)) = (run.embedding_norm_mean, run.embedding_norm_sd) {
        let _ = writeln!(out, "embedding norm {mean:.2} ± {sd:.2}");
    }
    let _ = write!(out, "{} epochs in {:.0} s, {:.0} images/s", run.epochs, run.train_seconds, run.samples_per_second);
    out
}
