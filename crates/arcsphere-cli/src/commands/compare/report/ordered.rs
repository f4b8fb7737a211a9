//! What a comparison leaves behind of an ordered target: predicted against actual, and the errors.

use crate::commands::pictures;
use anyhow::Result;
use arcsphere::evaluate::Predictions;
use arcsphere::plan::Splits;
use arcsphere_data::Unit;
use arcsphere_eval::results::{Estimate, Results, summarize_ordered};
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
    let summaries = summarize_ordered(&results.runs);
    let Some(first) = summaries.first() else { return String::new() };
    let unit = if first.unit == "°" { "°".to_owned() } else { format!(" {}", first.unit) };
    let show = |e: Estimate, by: f64| {
        let ends = e.low.zip(e.high).map(|(low, high)| format!(" [{:.2}, {:.2}]", by * low, by * high));
        format!("{:.2}{}", by * e.value, ends.unwrap_or_default())
    };
    let mut out = format!("\n{:<18} {:>24} {:>24}", "loss", "MAE [95 %]", "MAE by argmax [95 %]");
    for (k, _) in &first.cs {
        let (head, by_argmax) = (format!("CS({k}{unit}) % [95 %]"), format!("CS({k}{unit}) by argmax %"));
        let _ = write!(out, " {head:>24} {by_argmax:>24}");
    }
    out.push('\n');
    for s in &summaries {
        let argmax = s.mae_argmax.map_or_else(|| "–".to_owned(), |e| show(e, 1.0));
        let _ = write!(out, "{:<18} {:>24} {argmax:>24}", s.loss, show(s.mae, 1.0));
        for (k, share) in &s.cs {
            let argmax = s.cs_argmax.iter().find(|c| c.0 == *k).map_or_else(|| "–".to_owned(), |c| show(c.1, 100.0));
            let _ = write!(out, " {:>24} {argmax:>24}", show(*share, 100.0));
        }
        let _ = writeln!(out, "  n = {}, {} of {} runs", s.n, s.measured, s.runs);
    }
    let _ = writeln!(out, "errors in{}", if first.unit == "°" { " degrees" } else { &unit });
    out
}
