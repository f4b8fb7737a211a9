//! The summary table and the table of runs.

use std::collections::BTreeSet;
use std::fmt::Write;

use super::finding::{Finding, Standing, best_is};
use super::html::{duration, escape, margins, maybe, name, number, percent, scale, short, unit_of_head};
use super::lost;
use arcsphere_eval::measures::{Estimate, Key, MEASURES, Measure, Tables};
use arcsphere_eval::results::{LossSummary, Results, Run, Spread, TrainedBy};
use arcsphere_eval::show::MARK_NOTE;

/// A column of a measure's values.
struct Column {
    measure: &'static Measure,
    key: Key,
    head: String,
    /// What stands behind "±".
    spread: Option<Key>,
}

/// The columns of the measures that any line has, and of those that are always there, in the registry's
/// order.
fn columns<'a>(table: Tables, present: impl Iterator<Item = &'a Key>, target_unit: &str) -> Vec<Column> {
    let present: BTreeSet<&Key> = present.collect();
    let mut out = Vec::new();
    for measure in MEASURES {
        for column in measure.columns.iter().filter(|c| c.tables == Tables::Both || c.tables == table) {
            let fits = |k: &&&Key| k.measure_key() == measure.key && (column.at == "*" || column.at == k.at());
            let mut keys: Vec<Key> = present.iter().filter(fits).map(|k| (*k).clone()).collect();
            // From the loosest FMR to the strictest.
            let at = |k: &Key| k.at().parse::<f64>().unwrap_or(0.0);
            keys.sort_by(|a, b| a.protocol().cmp(b.protocol()).then(at(b).total_cmp(&at(a))));
            if keys.is_empty() && column.always {
                keys.push(Key::new(measure.key, if column.at == "*" { "" } else { column.at }));
            }
            out.extend(keys.into_iter().map(|key| Column {
                measure,
                head: head(measure, column.head, &key, target_unit),
                spread: (!column.spread.is_empty()).then(|| Key::new(measure.key, column.spread)),
                key,
            }));
        }
    }
    out
}

/// The head of a column: the measure, its unit, and the protocol where it is not the usual one.
fn head(measure: &Measure, template: &str, key: &Key, target_unit: &str) -> String {
    let by = match key.protocol() {
        "" => String::new(),
        protocol => format!(" ({})", escape(protocol)),
    };
    format!("{}{}{by}", template.replace("{}", &escape(key.at())), unit_of_head(measure, target_unit))
}

impl Column {
    fn is_accuracy(&self) -> bool {
        self.key.as_str() == "accuracy"
    }

    fn cell(&self, estimate: impl Fn(&Key) -> Option<Estimate>, is_strong: bool) -> String {
        let value = |key: &Key| estimate(key).map(|e| e.value);
        let marked = |v: f64| number(self.measure, v) + estimate(&self.key).map_or("", |e| e.mark());
        let own = maybe(value(&self.key), marked);
        let spread = self.spread.as_ref().filter(|_| own != "–").and_then(value);
        let spread = spread.map_or_else(String::new, |v| format!(" ± {}", number(self.measure, v)));
        format!("<td{}>{own}{spread}</td>", if is_strong { " class=\"strong\"" } else { "" })
    }
}

/// One line a loss.
pub(crate) fn summary(out: &mut String, summaries: &[LossSummary], finding: &Finding) {
    let Some(first) = summaries.first() else { return };
    let columns = columns(Tables::Losses, summaries.iter().flat_map(|s| s.measures.keys()), &first.target_unit);
    out.push_str("<section>\n<h2>Summary</h2>\n<div class=\"scroll\"><table>\n<thead><tr>");
    for head in ["loss", "margin", "scale"] {
        let _ = write!(out, "<th class=\"t\">{head}</th>");
    }
    for column in &columns {
        let also = if column.measure.key == "tmr_at_fmr" { "<br>(TAR@FAR)" } else { "" };
        let _ = write!(out, "<th>{}{also}</th>", column.head);
        if column.is_accuracy() {
            out.push_str("<th class=\"t\">95 % interval</th><th>worst seed, %</th>");
        }
    }
    out.push_str("<th>training time</th><th>collapsed</th></tr></thead>\n<tbody>\n");
    let low = |s: &LossSummary| s.measures.get("accuracy")?.estimate.low;
    let floor = whisker_floor(summaries.iter().filter_map(low));
    for (s, standing) in summaries.iter().zip(&finding.standings) {
        line(out, s, &name(s, summaries), *standing, finding, &columns, floor);
    }
    let _ = writeln!(
        out,
        "</tbody></table></div>\n<p class=\"note\">{} A dash: not measured or not defined.{}</p>\n</section>",
        note(summaries, finding, floor),
        mark_note(summaries.iter().flat_map(|s| s.measures.values().map(|m| m.estimate)))
    );
}

/// A loss's line.
fn line(
    out: &mut String,
    s: &LossSummary,
    name: &str,
    standing: Standing,
    finding: &Finding,
    columns: &[Column],
    floor: f64,
) {
    let class = if standing == Standing::Best { " class=\"best\"" } else { "" };
    let sign = match standing {
        Standing::Best => "▲ ",
        Standing::Tied if finding.ranked_by.is_some() => "≈ ",
        Standing::Tied | Standing::Behind => "",
    };
    let _ = write!(
        out,
        "<tr{class}><th class=\"t\" scope=\"row\">{sign}{}</th><td class=\"t m\">{}</td><td class=\"t\">{}</td>",
        escape(name),
        margins(s.m0, s.m1, s.m2),
        scale(s.scale)
    );
    let ranks = |c: &Column| finding.ranked_by.is_some_and(|m| m.key == "eer" && c.key.as_str() == "eer");
    for column in columns {
        out.push_str(&column.cell(|k| Some(s.measures.get(k)?.estimate), column.is_accuracy() || ranks(column)));
        if column.is_accuracy() {
            let own = s.measures.get(&column.key);
            let estimate = own.map(|o| o.estimate);
            let ends = estimate.and_then(|e| Some((e.value, e.low.zip(e.high)?)));
            let worst = own.and_then(|o| o.worst(column.measure.better));
            let _ = write!(
                out,
                "<td class=\"t whisker\">{}</td><td>{}</td>",
                ends.map_or_else(|| "–".to_owned(), |(value, ends)| whisker(value, ends, floor)),
                worst.map_or_else(|| "–".to_owned(), |w| format!("{}<small>seed {}</small>", percent(w.1), w.0)),
            );
        }
    }
    let collapsed = if s.collapsed == 0 { "<td>0".to_owned() } else { format!("<td class=\"bad\">{}", s.collapsed) };
    let saved = if s.recovered > 0 { format!("<small>{} recovered</small>", s.recovered) } else { String::new() };
    let _ = writeln!(out, "<td>{}</td>{collapsed} of {}{saved}</td></tr>", duration(s.train_seconds), s.runs);
}

/// How to read the summary table.
fn note(summaries: &[LossSummary], finding: &Finding, floor: f64) -> String {
    let mut out = String::new();
    if let Some(measure) = finding.ranked_by {
        let _ = write!(out, "▲ {} mean {}", best_is(measure), measure.name);
        if !summaries.iter().all(|s| s.is_whole(measure)) {
            out.push_str(", losses with one of every run first");
        }
        if finding.standings.contains(&Standing::Tied) {
            out.push_str("; ≈ not told apart from it");
        }
        out.push_str(". ");
    }
    let spread = summaries.iter().find_map(|s| s.measures.get("accuracy")?.spread);
    if spread.is_some() {
        let _ = write!(out, "Whiskers run from {} to 100 %. ", short(100.0 * floor));
    }
    out.push_str(match spread {
        Some(Spread::Seeds) => {
            "Means over seeds; intervals by Student's t over the seeds, on one and the same test set."
        }
        Some(Spread::Samples) => {
            "One seed a loss; intervals by Wilson, over the test samples: they say nothing about \
             other seeds."
        }
        None if summaries.iter().any(|s| s.runs > 1) => "No test sample was classified. Means over seeds.",
        None => "No test sample was classified. One seed a loss.",
    });
    out
}

/// What the mark says, where some number has it.
fn mark_note(mut estimates: impl Iterator<Item = Estimate>) -> String {
    estimates.find(|e| e.few_errors.is_some()).map_or_else(String::new, |_| format!(" {MARK_NOTE}."))
}

/// Where the axis of the whiskers starts: whole twentieths, so that it is round.
pub(crate) fn whisker_floor(lows: impl Iterator<Item = f64>) -> f64 {
    ((lows.fold(1.0, f64::min) * 20.0).floor() / 20.0).clamp(0.0, 0.95)
}

/// Dot and whiskers on an axis from `floor` to 1, and their ends in percent.
pub(crate) fn whisker(value: f64, (low, high): (f64, f64), floor: f64) -> String {
    let x = |v: f64| 4.0 + 92.0 * ((v - floor) / (1.0 - floor)).clamp(0.0, 1.0);
    format!(
        "<svg width=\"100\" height=\"16\" viewBox=\"0 0 100 16\" aria-hidden=\"true\">\
         <path d=\"M4,8H96\" class=\"rail\"/><path d=\"M{:.1},8H{:.1}\" class=\"range\"/>\
         <circle cx=\"{:.1}\" cy=\"8\" r=\"3.5\"/></svg><small>{} to {}</small>",
        x(low),
        x(high),
        x(value),
        percent(low),
        percent(high)
    )
}

/// One line a run, folded away.
pub(crate) fn runs(out: &mut String, results: &Results) {
    let runs = &results.runs;
    let Some(first) = runs.first() else { return };
    let columns = columns(Tables::Runs, runs.iter().flat_map(|r| r.measures.keys()), &first.target_unit);
    let _ = write!(
        out,
        "<section>\n<h2>Every run</h2>\n<details><summary>{} runs</summary>\n\
         <div class=\"scroll\"><table>\n<thead><tr><th class=\"t\">loss</th>\
         <th class=\"t\">margin</th><th class=\"t\">scale</th><th>seed</th><th>epochs</th>",
        runs.len()
    );
    for column in &columns {
        let _ = write!(out, "<th>{}</th>", column.head);
        if column.is_accuracy() {
            out.push_str("<th class=\"t\">Wilson 95 %</th><th>validation, %</th>");
        }
    }
    out.push_str("<th>time</th><th>samples/s</th><th class=\"t\">collapsed</th></tr></thead>\n<tbody>\n");
    // One trainer of all is among the facts.
    let several = runs.iter().any(|r| r.trainer != first.trainer);
    for r in runs {
        run(out, r, if several { r.trainer } else { TrainedBy::Unnamed }, &columns);
    }
    out.push_str("</tbody></table></div>\n");
    let marked = mark_note(runs.iter().flat_map(|r| r.measures.values().copied()));
    if !marked.is_empty() {
        let _ = writeln!(out, "<p class=\"note\">{}</p>", marked.trim());
    }
    out.push_str("</details>\n</section>\n");
}

/// A run's line.
fn run(out: &mut String, r: &Run, trainer: TrainedBy, columns: &[Column]) {
    let _ = write!(
        out,
        "<tr><th class=\"t\" scope=\"row\">{}</th><td class=\"t\">{}</td><td class=\"t\">{}</td>\
         <td>{}</td><td>{}</td>",
        escape(&r.loss) + &lost::trainer(trainer),
        margins(r.m0, r.m1, r.m2),
        scale(r.scale),
        r.seed,
        r.epochs,
    );
    for column in columns {
        out.push_str(&column.cell(|k| r.measures.get(k).copied(), column.is_accuracy()));
        if column.is_accuracy() {
            let (low, high) = r.measures.get(&column.key).map_or((None, None), |e| (e.low, e.high));
            let _ = write!(
                out,
                "<td class=\"t\">{}</td><td>{}</td>",
                maybe(low, |low| format!("{} to {}", percent(low), maybe(high, percent))),
                maybe(r.validation_accuracy, percent)
            );
        }
    }
    let collapsed = if r.collapsed {
        format!("<td class=\"t bad\">{}", escape(if r.reason.is_empty() { "yes" } else { &r.reason }))
    } else {
        "<td class=\"t\">no".to_owned()
    };
    let _ = writeln!(
        out,
        "<td>{}</td><td>{:.0}</td>{collapsed}</td></tr>",
        duration(r.train_seconds),
        r.samples_per_second
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::find;
    use arcsphere_eval::fixtures::{run, unclassified};
    use arcsphere_eval::results::summarize;

    #[test]
    fn keys_run_from_loose_to_strict_and_missing_values_are_dashes() {
        let mut second = run("softmax", 1, 950);
        second = second.with("tmr_at_fmr@5e-2", 0.99);
        let s = summarize(&[run("arcface", 1, 970), second]);
        let mut html = String::new();
        summary(&mut html, &s, &find(&s));
        let at: Vec<_> = ["5e-2", "1e-2", "1e-3"].iter().map(|k| html.find(&format!("TMR@FMR {k}, %"))).collect();
        assert!(at.is_sorted() && at[0].is_some(), "{html}");
        assert!(html.contains("<td>–</td>") && html.contains("<td>99.00</td>"));
        assert!(html.contains("▲ arcface") && html.contains("≈ softmax"));
        assert!(html.contains("nothing about other seeds"));
        assert!(html.contains("▲ highest mean accuracy;"), "{html}");
    }

    #[test]
    fn an_accuracy_that_does_not_exist_is_a_dash() {
        let results = Results {
            runs: vec![unclassified("arcface", 1, 0.1), unclassified("softmax", 1, 0.2)],
            ..Results::default()
        };
        let s = summarize(&results.runs);
        let mut html = String::new();
        summary(&mut html, &s, &find(&s));
        let row = "<td class=\"strong\">–</td><td class=\"t whisker\">–</td><td>–</td><td class=\"strong\">10.00</td>";
        assert!(html.contains(row), "{html}");
        assert!(html.contains("▲ lowest mean EER; ≈") && html.contains("No test sample was classified"), "{html}");
        assert!(!html.contains("Whiskers") && !html.contains("<svg"), "{html}");
        let mut html = String::new();
        super::runs(&mut html, &results);
        assert!(html.contains("<td class=\"strong\">–</td><td class=\"t\">–</td><td>–</td><td>10.00</td>"), "{html}");
    }

    #[test]
    fn retrieval_and_regression_have_columns_where_they_were_measured() {
        let mut one = run("arcface", 1, 970);
        let (mut plain, mut html) = (String::new(), String::new());
        summary(&mut plain, &summarize(&[one.clone()]), &find(&summarize(&[one.clone()])));
        assert!(!plain.contains("Recall@1") && !plain.contains("MAE"), "{plain}");
        one = one.with("recall_at_k@1", 0.875).with("recall_at_k@2", 0.9).with("mae", 4.25);
        one.target_unit = "years".into();
        let s = summarize(&[one.clone(), run("softmax", 1, 960)]);
        summary(&mut html, &s, &find(&s));
        super::runs(&mut html, &Results { runs: vec![one], ..Results::default() });
        assert_eq!(html.matches("<th>Recall@1, %</th><th>MAE, years</th>").count(), 2, "{html}");
        assert_eq!(html.matches("<td>87.50</td><td>4.25</td>").count(), 2, "{html}");
        assert!(html.contains("<td>–</td><td>–</td>") && !html.contains("MAP@R"), "{html}");
    }

    #[test]
    fn what_rests_on_few_errors_is_marked_and_the_mark_explained() {
        let one = run("arcface", 1, 970).with("tmr_at_fmr@1e-3", Estimate::new(0.7).resting_on(10)).with("eer", -1e-9);
        let s = summarize(std::slice::from_ref(&one));
        let mut html = String::new();
        summary(&mut html, &s, &find(&s));
        super::runs(&mut html, &Results { runs: vec![one], ..Results::default() });
        assert_eq!(html.matches("<td>0.00</td><td>90.00</td><td>70.00†</td>").count(), 2, "{html}");
        assert_eq!(html.matches("† rests on fewer than 30 errors: ").count(), 2, "{html}");
        crate::report::page::tests::assert_whole(&html);
        let (mut plain, s) = (String::new(), summarize(&[run("arcface", 1, 970)]));
        summary(&mut plain, &s, &find(&s));
        assert!(!plain.contains('†'), "{plain}");
    }

    #[test]
    fn another_protocol_s_value_has_a_column_of_its_own() {
        let one = run("arcface", 1, 970).with("query_gallery/recall_at_k@1", 0.5);
        let mut html = String::new();
        super::runs(&mut html, &Results { runs: vec![one], ..Results::default() });
        assert!(html.contains("<th>Recall@1, % (query_gallery)</th>") && html.contains("<td>50.00</td>"), "{html}");
        assert!(html.contains("<th>embedding norm</th>") && !html.contains("±"), "{html}");
    }

    #[test]
    fn with_nothing_to_rank_by_no_loss_has_a_sign() {
        let mut none = unclassified("arcface", 1, 0.1);
        none.measures.remove("eer");
        let s = summarize(&[none]);
        let mut html = String::new();
        summary(&mut html, &s, &find(&s));
        assert!(!html.contains('▲') && !html.contains('≈') && html.contains("arcface"), "{html}");
    }
}
