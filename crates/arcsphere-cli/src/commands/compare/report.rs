//! What a comparison leaves behind: numbers, pictures, a page.

mod ordered;

use super::{Done, Spec};
use crate::commands::eval::{degrees, headline};
use crate::commands::pictures::{self, LossCurve};
use crate::settings;
use anyhow::Result;
use arcsphere::config::to_toml;
use arcsphere::plan::Splits;
use arcsphere_data::Source;
use arcsphere_eval::measures::{Better, Estimate};
use arcsphere_eval::results::{LossSummary, Machine, Results, summarize};
use arcsphere_eval::show::{MARK_NOTE, percent};
use arcsphere_report::figure::{AngleHistogram, Curve, Curves, Features};
use arcsphere_report::report::{Picture, Report};
use std::fmt::Write as _;
use std::path::Path;

/// Points in a feature picture; more hide one another.
const MAX_POINTS: usize = 2000;

/// Writes everything and returns the numbers.
pub(super) fn write(
    folder: &Path,
    spec: &Spec,
    splits: &Splits,
    source: &Source,
    done: &[Done],
    command: &str,
    machine: Machine,
) -> Result<Results> {
    let results = Results {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        command: command.to_owned(),
        data: settings::data_info(source, splits),
        machine,
        runs: done.iter().map(|d| d.evaluation.run.clone()).collect(),
    };
    results.write_json(&folder.join("results.json"))?;
    results.write_csv(&folder.join("results.csv"))?;
    let pictures = draw(folder, splits, source, done)?;
    let report = Report {
        title: format!("Margin losses on {}", source.name),
        results: results.clone(),
        pictures,
        configuration: to_toml(&spec.config)?,
        reproduce: command.to_owned(),
        limits: limits(spec, splits),
    };
    report.write(&folder.join("report.html"))?;
    Ok(results)
}

fn limits(spec: &Spec, splits: &Splits) -> Vec<String> {
    let mut out = Vec::new();
    if spec.seeds == 1 {
        out.push("How much another seed would change: each loss ran once, so its interval speaks of the test images only. Use --seeds 5.".to_owned());
    }
    if spec.config.model.dim == 2 {
        out.push("What the losses do in the dimensions in which they are used: two dimensions show the features, but leave little room for a margin.".to_owned());
    }
    if splits.train.len() < 20_000 {
        out.push(format!("What more images would give: the networks saw {}.", splits.train.len()));
    }
    if spec.config.train.naive {
        out.push("What these losses can do: they were trained as the usual public code does, for comparison. Without --naive they are trained as this program does.".to_owned());
    }
    out.extend(ordered::limit(splits));
    out.push("Whether each loss could do better: all share one schedule and one learning rate, chosen on validation images and not tuned per loss.".to_owned());
    out
}

/// All pictures, as files and for the page.
fn draw(folder: &Path, splits: &Splits, source: &Source, done: &[Done]) -> Result<Vec<Picture>> {
    let first: Vec<&Done> = first_seeds(done);
    // No other loss has a target function to draw.
    let drawn: Vec<LossCurve> =
        first.iter().filter_map(|d| Some(LossCurve::new(d.plan.margin_loss()?, d.plan.recipe()?))).collect();
    let mut out = Vec::new();
    let mut add = |caption: String, svg: String| out.push(Picture { loss: String::new(), caption, svg });

    let room =
        format!("{} classes in {} dimensions", splits.train.n_classes(), first.first().map_or(2, |d| d.plan.dim()));
    let subtitle = format!("margins as trained; {room}");
    if !drawn.is_empty() {
        add(
        "Where a sample stands between two classes: its angle to each prototype. In the colored regions a sample of that class is classified with its margin kept; the band between them is the margin, which no sample should be in. From the code that trains.".to_owned(),
        pictures::with_boundaries(&drawn, &subtitle, |f| pictures::write_all(f, folder, "boundaries", true))?,
    );
        add(
        "What takes the place of cos θ for a sample's own class. The lower the curve, the more is asked of the sample."
            .to_owned(),
        pictures::with_targets(&drawn, &subtitle, |f| pictures::write_all(f, folder, "target-curves", false))?,
    );
    }
    // A training that died in its first epoch has no curve.
    let with_curves: Vec<&Done> = done.iter().filter(|d| !d.trainer.progress.history.is_empty()).collect();
    if !with_curves.is_empty() {
        add("Training loss (of different losses, so not comparable in height) and accuracy on the held-out validation images.".to_owned(), curves(folder, &with_curves)?);
    }

    for d in &first {
        out.extend(of_run(folder, splits, source, d)?);
    }
    Ok(out)
}

/// The pictures of one run: its embeddings, and what was told or which angles were taken of them.
fn of_run(folder: &Path, splits: &Splits, source: &Source, d: &Done) -> Result<Vec<Picture>> {
    let mut out = Vec::new();
    let name = d.plan.name();
    // A collapsed network's embeddings may have no place in a picture.
    if d.evaluation.embeddings.iter().any(|v| !v.is_finite()) {
        return Ok(out);
    }
    let mut add = |caption: String, svg: String| out.push(Picture { loss: name.to_owned(), caption, svg });
    let seed = d.plan.config().train.seed;
    let headline = format!("{}, seed {seed}", headline(&d.evaluation.run));
    let features = Features {
        title: name,
        subtitle: &format!("test set of {}, {headline}", source.name),
        embeddings: &d.evaluation.embeddings,
        dim: d.plan.dim(),
        labels: splits.test.labels(),
        prototypes: &d.evaluation.prototypes,
        class_names: splits.test.classes(),
        max_points: MAX_POINTS,
    };
    let rays = if d.evaluation.prototypes.is_empty() { "" } else { ", prototypes as rays" };
    add(
        format!("Embeddings of the test images, a color a class{rays}."),
        pictures::write_all(&features, folder, &format!("features-{name}"), true)?,
    );
    if let Some(p) = &d.evaluation.predictions {
        let svg = ordered::scatter(folder, name, &format!("{}, seed {seed}", source.name), p)?;
        add(ordered::CAPTION.to_owned(), svg);
    }
    // Where classes have no prototype there are no angles to one.
    if let Some(angles) = &d.evaluation.angles {
        let histogram = AngleHistogram {
            title: name,
            subtitle: &format!("test set, {headline}"),
            target: &angles.target,
            nearest_nontarget: &angles.nearest_nontarget,
            nontarget_counts: &angles.nontarget_counts,
        };
        add(
            "Angles of the test images to their own prototype, and to the others.".to_owned(),
            pictures::write_all(&histogram, folder, &format!("angles-{name}"), false)?,
        );
    }
    Ok(out)
}

fn curves(folder: &Path, done: &[&Done]) -> Result<String> {
    let series: Vec<(Vec<f64>, Vec<f64>)> = done
        .iter()
        .map(|d| {
            let history = &d.trainer.progress.history;
            (history.iter().map(|e| e.loss).collect(), history.iter().filter_map(|e| e.validation_accuracy).collect())
        })
        .collect();
    let curves: Vec<Curve<'_>> = done
        .iter()
        .zip(&series)
        .map(|(d, (loss, accuracy))| Curve { label: d.plan.name(), training_loss: loss, validation_accuracy: accuracy })
        .collect();
    let figure = Curves { title: "Training", subtitle: "per epoch", curves: &curves };
    pictures::write_all(&figure, folder, "curves", false)
}

fn first_seeds(done: &[Done]) -> Vec<&Done> {
    let mut out: Vec<&Done> = Vec::new();
    for d in done {
        if out.iter().all(|o| o.plan.name() != d.plan.name()) {
            out.push(d);
        }
    }
    out
}

/// A loss's mean accuracy with its interval; a dash where nothing was classified.
pub(crate) fn accuracy(s: &LossSummary) -> String {
    match s.measures.get("accuracy").map(|m| m.estimate) {
        Some(Estimate { value, low: Some(low), high: Some(high), .. }) => {
            format!("{} [{}, {}]", percent(value), percent(low), percent(high))
        }
        _ => "–".to_owned(),
    }
}

/// The accuracy of a loss's worst seed.
pub(crate) fn worst(s: &LossSummary) -> Option<f64> {
    Some(s.measures.get("accuracy")?.worst(Better::Higher)?.1)
}

/// The summary for the terminal.
pub(super) fn table(results: &Results) -> String {
    let mut out = format!(
        "{:<18} {:>22} {:>8} {:>8} {:>8} {:>9} {:>7}\n",
        "loss", "accuracy [95 %]", "worst", "EER", "target", "other", "time"
    );
    let summaries = summarize(&results.runs);
    for s in &summaries {
        let accuracy = accuracy(s);
        let percent = |v: Option<f64>| v.map_or("–".to_owned(), percent);
        let degrees = |v: Option<f64>| v.map_or("–".to_owned(), degrees);
        let _ = writeln!(
            out,
            "{:<18} {:>22} {:>8} {:>8} {:>8} {:>9} {:>6.0}s{}",
            s.loss,
            accuracy,
            percent(worst(s)),
            eer(s),
            degrees(s.get("target_angle@mean")),
            degrees(s.get("nontarget_angle")),
            s.train_seconds,
            [(s.recovered, "recovered"), (s.collapsed, "collapsed")]
                .iter()
                .filter(|(n, _)| *n > 0)
                .map(|(n, what)| format!("  {n} {what}"))
                .collect::<String>()
        );
    }
    out.push_str(&ordered::table(results));
    if summaries.iter().any(|s| s.measures.get("eer").is_some_and(|m| m.estimate.few_errors.is_some())) {
        let _ = writeln!(out, "{MARK_NOTE}");
    }
    out + &not_measured(results)
}

/// What is missing, and why, a line each.
pub(crate) fn not_measured(results: &Results) -> String {
    let lines = results.not_measured().into_iter();
    lines.map(|(missing, losses)| format!("not measured: {missing} ({})\n", losses.join(", "))).collect()
}

/// A loss's mean EER in percent, marked where it rests on few errors; a dash where it was not measured.
pub(crate) fn eer(s: &LossSummary) -> String {
    s.measures.get("eer").map_or("–".to_owned(), |m| percent(m.estimate.value) + m.estimate.mark())
}
