//! The table of an ordered target: MAE and CS with their intervals.

use std::fmt::Write;

use super::html::{escape, maybe, percent};
use arcsphere_eval::measures::{Estimate, Key};
use arcsphere_eval::results::{LossSummary, Results, Spread, TrainedBy, summarize};
use arcsphere_eval::show::fixed;

/// The errors at which a cumulative score is told, ascending.
fn scores(s: &LossSummary) -> Vec<Key> {
    let mut keys: Vec<Key> = s.measures.keys().filter(|k| k.measure_key() == "cs").cloned().collect();
    let at = |k: &Key| k.at().parse::<f64>().unwrap_or(f64::MAX);
    keys.sort_by(|a, b| at(a).total_cmp(&at(b)));
    keys
}

/// One line a loss; nothing where no run has an ordered target.
pub(crate) fn table(out: &mut String, results: &Results) {
    let summaries: Vec<LossSummary> =
        summarize(&results.runs).into_iter().filter(|s| s.measures.contains_key("mae")).collect();
    let Some(first) = summaries.first() else { return };
    let unit = escape(&first.target_unit);
    let suffix = if unit == "°" { "°".to_owned() } else { format!(" {unit}") };
    let scores = scores(first);
    let _ = write!(
        out,
        "<section>\n<h2>Ordered target</h2>\n<div class=\"scroll\"><table>\n<thead><tr><th class=\"t\">loss</th>\
         <th>MAE of the expectation, {unit}</th><th>MAE of the likeliest class, {unit}</th>"
    );
    for k in scores.iter().map(Key::at) {
        let _ = write!(
            out,
            "<th>CS({k}{suffix}) of the expectation, %</th><th>CS({k}{suffix}) of the likeliest class, %</th>"
        );
    }
    out.push_str("<th>n</th><th>runs measured</th></tr></thead>\n<tbody>\n");
    for s in &summaries {
        line(out, s, &scores);
    }
    let over = if summaries.iter().any(|s| s.measures["mae"].spread == Some(Spread::Seeds)) {
        "over the seeds (Student t); of a loss with one run, over the test images"
    } else {
        "over the test images: they say nothing about other seeds"
    };
    let _ = writeln!(
        out,
        "</tbody></table></div>\n<p class=\"note\">MAE: mean absolute error, in {unit}; lower is better. The expectation is \
         over the classes, by the softmax of the logits without margin; regression and coral tell a number of \
         their own, and their likeliest class is the step nearest to it, and the rank. CS(k): share of the test images that \
         are told to k, in {unit}. Small: 95 % intervals {over}.</p>\n</section>"
    );
}

/// A loss's line.
fn line(out: &mut String, s: &LossSummary, scores: &[Key]) {
    let name = match s.trainer {
        TrainedBy::Unnamed | TrainedBy::Default => s.loss.clone(),
        other => format!("{}, {other}", s.loss),
    };
    let estimate = |key: &str| s.measures.get(key).map(|s| s.estimate);
    let shown = |key: &str, show| estimate(key).map_or_else(|| "–".to_owned(), |e| cell(e, show));
    let _ = write!(
        out,
        "<tr><th class=\"t\" scope=\"row\">{}</th><td class=\"strong\">{}</td><td>{}</td>",
        escape(&name),
        shown("mae", hundredths),
        shown("mae_argmax", hundredths)
    );
    for key in scores {
        let argmax = Key::new("cs_argmax", key.at());
        let _ = write!(out, "<td>{}</td><td>{}</td>", shown(key.as_str(), percent), shown(argmax.as_str(), percent));
    }
    let n = estimate("mae").and_then(|e| e.n).unwrap_or(0);
    let measured = s.measures.get("mae").map_or(0, |m| m.values.len());
    let _ = writeln!(out, "<td>{n}</td><td>{measured} of {}</td></tr>", s.runs);
}

fn hundredths(value: f64) -> String {
    fixed(value, 2)
}

fn cell(e: Estimate, show: fn(f64) -> String) -> String {
    let ends = e.low.map(|low| format!("<small>{} to {}</small>", show(low), maybe(e.high, show)));
    format!("{}{}", show(e.value), ends.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::page::tests::assert_whole;
    use arcsphere_eval::results::Run;

    #[test]
    fn a_line_a_loss_where_something_was_measured() {
        let run = |loss: &str| {
            let over = |value: f64| Estimate::new(value).over(80);
            let run = Run { loss: loss.into(), target_unit: "years".into(), ..Run::default() };
            run.with("mae", over(4.25).within(4.0, 4.5))
                .with("mae_argmax", over(5.5))
                .with("cs@5", over(0.75))
                .with("cs_argmax@5", over(0.5))
        };
        let mut html = String::new();
        table(&mut html, &Results { runs: vec![run("a<b"), run("softmax")], ..Results::default() });
        assert!(
            html.contains("a&lt;b</th><td class=\"strong\">4.25<small>4.00 to 4.50</small></td><td>5.50</td>"),
            "{html}"
        );
        assert!(html.contains("CS(5 years) of the likeliest class") && html.contains("1 of 1"), "{html}");
        assert!(html.contains("<td>75.00<small>") && html.contains("<td>50.00<small>"), "{html}");
        assert_whole(&html);
        let mut none = String::new();
        table(&mut none, &Results { runs: vec![Run::default()], ..Results::default() });
        assert_eq!(none, "");
    }
}
