//! The table of an ordered target: MAE and CS with their intervals.

use std::fmt::Write;

use super::html::{escape, maybe, percent};
use arcsphere_eval::results::{Estimate, Method, Results, summarize_ordered};

/// One line a loss; nothing where no run has an ordered target.
pub(crate) fn table(out: &mut String, results: &Results) {
    let summaries = summarize_ordered(&results.runs);
    let Some(first) = summaries.first() else { return };
    let unit = escape(&first.unit);
    let suffix = if first.unit == "°" { "°".to_owned() } else { format!(" {unit}") };
    let _ = write!(
        out,
        "<section>\n<h2>Ordered target</h2>\n<div class=\"scroll\"><table>\n<thead><tr><th class=\"t\">loss</th>\
         <th>MAE of the expectation, {unit}</th><th>MAE of the likeliest class, {unit}</th>"
    );
    for (k, _) in &first.cs {
        let _ = write!(
            out,
            "<th>CS({k}{suffix}) of the expectation, %</th><th>CS({k}{suffix}) of the likeliest class, %</th>"
        );
    }
    out.push_str("<th>n</th><th>runs measured</th></tr></thead>\n<tbody>\n");
    for s in &summaries {
        let name = if s.trainer.is_empty() || s.trainer == "default" {
            s.loss.clone()
        } else {
            format!("{}, {}", s.loss, s.trainer)
        };
        let _ = write!(
            out,
            "<tr><th class=\"t\" scope=\"row\">{}</th><td class=\"strong\">{}</td><td>{}</td>",
            escape(&name),
            cell(s.mae, hundredths),
            s.mae_argmax.map_or_else(|| "–".to_owned(), |e| cell(e, hundredths))
        );
        for (k, _) in &first.cs {
            for scores in [&s.cs, &s.cs_argmax] {
                let own = scores.iter().find(|c| c.0 == *k).map(|c| cell(c.1, percent));
                let _ = write!(out, "<td>{}</td>", own.unwrap_or_else(|| "–".to_owned()));
            }
        }
        let _ = writeln!(out, "<td>{}</td><td>{} of {}</td></tr>", s.n, s.measured, s.runs);
    }
    let over = if summaries.iter().any(|s| s.method == Some(Method::StudentT)) {
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

fn hundredths(value: f64) -> String {
    format!("{value:.2}")
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
        let run = |loss: &str| Run {
            loss: loss.into(),
            mae: Some(4.25),
            mae_low: Some(4.0),
            mae_high: Some(4.5),
            mae_argmax: Some(5.5),
            cs: [("5".to_owned(), 0.75)].into(),
            cs_argmax: [("5".to_owned(), 0.5)].into(),
            n_regression: 80,
            target_unit: "years".into(),
            ..Run::default()
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
