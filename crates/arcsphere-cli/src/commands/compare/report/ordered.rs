//! What a comparison leaves behind of an ordered target: predicted against actual, and the errors.

use crate::commands::pictures;
use anyhow::Result;
use arcsphere::evaluate::Predictions;
use arcsphere::plan::Splits;
use arcsphere_data::Unit;
use arcsphere_eval::results::{LossSummary, Results, summarize};
use arcsphere_eval::show::fixed;
use arcsphere_report::figure::Scatter;
use std::fmt::Write as _;
use std::path::Path;

pub(super) const CAPTION: &str = "Each test image: what the expectation over the classes, or a regression's number, says \
    against what is true. On the dashed line it is right.";

/// Predicted against actual, as files and for the page.
pub(super) fn scatter(folder: &Path, loss: &str, subtitle: &str, p: &Predictions) -> Result<String> {
    let figure = Scatter {
        title: loss,
        subtitle,
        quantity: if p.unit == Unit::Years { "age" } else { "rotation" },
        unit: p.unit_sign(),
        predicted: &p.expected,
        actual: &p.actual,
        k: Some(Predictions::K),
    };
    pictures::write_all(&figure, folder, &format!("predicted-{loss}"), false)
}

/// What a stand-in does not show.
pub(super) fn limit(splits: &Splits) -> Option<String> {
    let degrees = splits.test.targets().is_some_and(|t| t.unit() == Unit::Degrees);
    degrees.then(|| "How well an age would be told: the target is how far an image is turned, a stand-in.".to_owned())
}

/// The errors for the terminal; empty where no run has an ordered target.
pub(super) fn table(results: &Results) -> String {
    let summaries: Vec<LossSummary> =
        summarize(&results.runs).into_iter().filter(|s| s.measures.contains_key("mae")).collect();
    let Some(first) = summaries.first() else { return String::new() };
    let unit = if first.target_unit == "°" { "°".to_owned() } else { format!(" {}", first.target_unit) };
    let mut errors: Vec<&str> =
        first.measures.keys().filter(|k| k.measure_key() == "cs").map(arcsphere_eval::measures::Key::at).collect();
    errors.sort_by(|a, b| a.parse().unwrap_or(f64::MAX).total_cmp(&b.parse().unwrap_or(f64::MAX)));
    let mut out = format!("\n{:<18} {:>24} {:>24}", "loss", "MAE [95 %]", "MAE by argmax [95 %]");
    for k in &errors {
        let (head, by_argmax) = (format!("CS({k}{unit}) % [95 %]"), format!("CS({k}{unit}) by argmax %"));
        let _ = write!(out, " {head:>24} {by_argmax:>24}");
    }
    out.push('\n');
    for s in &summaries {
        let _ = write!(out, "{:<18} {:>24} {:>24}", s.loss, show(s, "mae", 1.0), show(s, "mae_argmax", 1.0));
        for k in &errors {
            let [cs, argmax] = ["cs", "cs_argmax"].map(|m| show(s, &format!("{m}@{k}"), 100.0));
            let _ = write!(out, " {cs:>24} {argmax:>24}");
        }
        let (n, measured) = s.measures.get("mae").map_or((0, 0), |m| (m.estimate.n.unwrap_or(0), m.values.len()));
        let _ = writeln!(out, "  n = {n}, {measured} of {} runs", s.runs);
    }
    let _ = writeln!(out, "errors in{}", if first.target_unit == "°" { " degrees" } else { &unit });
    out
}

/// A number times `by` with its interval; a dash where it was not measured.
fn show(s: &LossSummary, key: &str, by: f64) -> String {
    let Some(e) = s.measures.get(key).map(|m| m.estimate) else { return "–".to_owned() };
    let ends = e.low.zip(e.high).map(|(low, high)| format!(" [{}, {}]", fixed(by * low, 2), fixed(by * high, 2)));
    format!("{}{}", fixed(by * e.value, 2), ends.unwrap_or_default())
}
