//! The summary table and the table of runs.

use std::fmt::Write;

use super::finding::{Finding, Standing};
use super::html::{degrees, duration, escape, margins, maybe, name, percent, scale, short};
use super::lost;
use super::measure::Measure;
use arcsphere_eval::results::{LossSummary, Method, Results, Run};

/// FMR keys of all lines, from the loosest to the strictest.
fn fmr_keys<'a>(maps: impl Iterator<Item = &'a std::collections::BTreeMap<String, f64>>) -> Vec<&'a str> {
    let mut keys: Vec<&str> = Vec::new();
    for key in maps.flat_map(|m| m.keys()) {
        if !keys.contains(&key.as_str()) {
            keys.push(key);
        }
    }
    let value = |k: &str| k.parse::<f64>().unwrap_or(0.0);
    keys.sort_by(|a, b| value(b).total_cmp(&value(a)));
    keys
}

/// Retrieval and regression: columns that a table has where some line has a value.
struct Further {
    head: &'static str,
    of_loss: fn(&LossSummary) -> Option<f64>,
    of_run: fn(&Run) -> Option<f64>,
    show: fn(f64) -> String,
}

const FURTHER: [Further; 4] = [
    Further { head: "Recall@1, %", of_loss: |s| s.recall_at_1, of_run: |r| r.recall_at_1, show: percent },
    Further { head: "MAP@R, %", of_loss: |s| s.map_at_r, of_run: |r| r.map_at_r, show: percent },
    Further { head: "NMI, %", of_loss: |s| s.nmi, of_run: |r| r.nmi, show: percent },
    Further { head: "MAE", of_loss: |s| s.mae, of_run: |r| r.mae, show: short },
];

/// The head of a further column, an MAE's with its unit.
fn further_head(out: &mut String, column: &Further, unit: Option<&str>) {
    let unit = unit.filter(|u| column.head == "MAE" && !u.is_empty());
    let _ = write!(out, "<th>{}{}</th>", column.head, unit.map_or_else(String::new, |u| format!(", {}", escape(u))));
}

/// One line a loss.
pub(crate) fn summary(out: &mut String, summaries: &[LossSummary], finding: &Finding) {
    if summaries.is_empty() {
        return;
    }
    let fmrs = fmr_keys(summaries.iter().map(|s| &s.tmr_at_fmr));
    out.push_str("<section>\n<h2>Summary</h2>\n<div class=\"scroll\"><table>\n<thead><tr>");
    for head in ["loss", "margin", "scale"] {
        let _ = write!(out, "<th class=\"t\">{head}</th>");
    }
    out.push_str("<th>accuracy, %</th><th class=\"t\">95 % interval</th><th>worst seed, %</th><th>EER, %</th>");
    for key in &fmrs {
        let _ = write!(out, "<th>TMR@FMR {}, %<br>(TAR@FAR)</th>", escape(key));
    }
    let further: Vec<&Further> =
        FURTHER.iter().filter(|f| summaries.iter().any(|s| (f.of_loss)(s).is_some())).collect();
    for column in &further {
        further_head(out, column, summaries.first().map(|s| s.target_unit.as_str()));
    }
    out.push_str(
        "<th>target angle</th><th>nearest other angle</th><th>between prototypes</th>\
         <th>training time</th><th>collapsed</th></tr></thead>\n<tbody>\n",
    );
    let floor = whisker_floor(summaries.iter().filter_map(|s| s.accuracy_low));
    for (s, standing) in summaries.iter().zip(&finding.standings) {
        let class = if *standing == Standing::Best { " class=\"best\"" } else { "" };
        let sign = match standing {
            Standing::Best => "▲ ",
            Standing::Tied if finding.ranked_by.is_some() => "≈ ",
            Standing::Tied | Standing::Behind => "",
        };
        let _ = write!(
            out,
            "<tr{class}><th class=\"t\" scope=\"row\">{sign}{}</th><td class=\"t m\">{}</td><td class=\"t\">{}</td>",
            escape(&name(s, summaries)),
            margins(s.m0, s.m1, s.m2),
            scale(s.scale)
        );
        let _ = write!(
            out,
            "<td class=\"strong\">{}</td><td class=\"t whisker\">{}</td><td>{}</td><td{}>{}</td>",
            maybe(s.accuracy, percent),
            s.accuracy
                .zip(s.accuracy_low.zip(s.accuracy_high))
                .map_or_else(|| "–".to_owned(), |(value, ends)| whisker(value, ends, floor)),
            s.worst.map_or_else(|| "–".to_owned(), |w| format!("{}<small>seed {}</small>", percent(w.1), w.0)),
            if finding.ranked_by == Some(Measure::Eer) { " class=\"strong\"" } else { "" },
            maybe(s.eer, percent)
        );
        for key in &fmrs {
            let _ = write!(out, "<td>{}</td>", maybe(s.tmr_at_fmr.get(*key).copied(), percent));
        }
        for column in &further {
            let _ = write!(out, "<td>{}</td>", maybe((column.of_loss)(s), column.show));
        }
        let collapsed =
            if s.collapsed == 0 { "<td>0".to_owned() } else { format!("<td class=\"bad\">{}", s.collapsed) };
        let saved = if s.recovered > 0 { format!("<small>{} recovered</small>", s.recovered) } else { String::new() };
        let _ = writeln!(
            out,
            "<td>{}</td><td>{}</td><td>{}</td><td>{}</td>{collapsed} of {}{saved}</td></tr>",
            maybe(s.target_angle, degrees),
            maybe(s.nontarget_angle_min, degrees),
            maybe(s.nearest_prototype_angle, degrees),
            duration(s.train_seconds),
            s.runs
        );
    }
    let _ = writeln!(
        out,
        "</tbody></table></div>\n<p class=\"note\">{} A dash: not measured or not defined.</p>\n</section>",
        note(summaries, finding, floor)
    );
}

/// How to read the summary table.
fn note(summaries: &[LossSummary], finding: &Finding, floor: f64) -> String {
    let mut out = String::new();
    if let Some(measure) = finding.ranked_by {
        let _ = write!(out, "▲ {} mean {}", measure.best_is(), measure.name());
        if !summaries.iter().all(|s| measure.is_whole(s)) {
            out.push_str(", losses with one of every run first");
        }
        if finding.standings.contains(&Standing::Tied) {
            out.push_str("; ≈ not told apart from it");
        }
        out.push_str(". ");
    }
    let method = summaries.iter().find_map(|s| s.method);
    if method.is_some() {
        let _ = write!(out, "Whiskers run from {} to 100 %. ", short(100.0 * floor));
    }
    out.push_str(match method {
        Some(Method::StudentT) => {
            "Means over seeds; intervals by Student's t over the seeds, on one and the same test set."
        }
        Some(Method::Wilson) => {
            "One seed a loss; intervals by Wilson, over the test samples: they say nothing about \
             other seeds."
        }
        None if summaries.iter().any(|s| s.runs > 1) => "No test sample was classified. Means over seeds.",
        None => "No test sample was classified. One seed a loss.",
    });
    out
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
    if results.runs.is_empty() {
        return;
    }
    let fmrs = fmr_keys(results.runs.iter().map(|r| &r.tmr_at_fmr));
    let _ = write!(
        out,
        "<section>\n<h2>Every run</h2>\n<details><summary>{} runs</summary>\n\
         <div class=\"scroll\"><table>\n<thead><tr><th class=\"t\">loss</th>\
         <th class=\"t\">margin</th><th class=\"t\">scale</th><th>seed</th><th>epochs</th>\
         <th>accuracy, %</th><th class=\"t\">Wilson 95 %</th><th>validation, %</th><th>EER, %</th>",
        results.runs.len()
    );
    for key in &fmrs {
        let _ = write!(out, "<th>TMR@FMR {}, %</th>", escape(key));
    }
    let runs = &results.runs;
    // One trainer of all is among the facts.
    let several = runs.iter().any(|r| r.trainer != runs[0].trainer);
    let trainer = |r: &Run| if several { lost::trainer(r) } else { String::new() };
    let further: Vec<&Further> = FURTHER.iter().filter(|f| runs.iter().any(|r| (f.of_run)(r).is_some())).collect();
    for column in &further {
        further_head(out, column, runs.first().map(|r| r.target_unit.as_str()));
    }
    out.push_str(
        "<th>target angle</th><th>sd</th><th>nearest other</th><th>embedding norm</th>\
         <th>time</th><th>samples/s</th><th class=\"t\">collapsed</th></tr></thead>\n<tbody>\n",
    );
    for r in &results.runs {
        let _ = write!(
            out,
            "<tr><th class=\"t\" scope=\"row\">{}</th><td class=\"t\">{}</td><td class=\"t\">{}</td>\
             <td>{}</td><td>{}</td><td class=\"strong\">{}</td><td class=\"t\">{}</td>\
             <td>{}</td><td>{}</td>",
            escape(&r.loss) + &trainer(r),
            margins(r.m0, r.m1, r.m2),
            scale(r.scale),
            r.seed,
            r.epochs,
            maybe(r.accuracy, percent),
            maybe(r.accuracy_low, |low| format!("{} to {}", percent(low), maybe(r.accuracy_high, percent))),
            maybe(r.validation_accuracy, percent),
            maybe(r.eer, percent),
        );
        for key in &fmrs {
            let _ = write!(out, "<td>{}</td>", maybe(r.tmr_at_fmr.get(*key).copied(), percent));
        }
        for column in &further {
            let _ = write!(out, "<td>{}</td>", maybe((column.of_run)(r), column.show));
        }
        let norm = match (r.embedding_norm_mean, r.embedding_norm_sd) {
            (Some(mean), Some(sd)) => format!("{} ± {}", short(mean), short(sd)),
            (mean, _) => maybe(mean, short),
        };
        let collapsed = if r.collapsed {
            format!("<td class=\"t bad\">{}", escape(if r.reason.is_empty() { "yes" } else { &r.reason }))
        } else {
            "<td class=\"t\">no".to_owned()
        };
        let _ = writeln!(
            out,
            "<td>{}</td><td>{}</td><td>{}</td><td>{norm}</td><td>{}</td><td>{:.0}</td>{collapsed}</td></tr>",
            maybe(r.target_angle_mean, degrees),
            maybe(r.target_angle_sd, degrees),
            maybe(r.nontarget_angle_min_mean, degrees),
            duration(r.train_seconds),
            r.samples_per_second,
        );
    }
    out.push_str("</tbody></table></div>\n</details>\n</section>\n");
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
        second.tmr_at_fmr.insert("5e-2".into(), 0.99);
        let s = summarize(&[run("arcface", 1, 970), second]);
        assert_eq!(fmr_keys(s.iter().map(|s| &s.tmr_at_fmr)), ["5e-2", "1e-2", "1e-3"]);
        let mut html = String::new();
        summary(&mut html, &s, &find(&s));
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
        (one.recall_at_1, one.mae, one.target_unit) = (Some(0.875), Some(4.25), "years".into());
        let s = summarize(&[one.clone(), run("softmax", 1, 960)]);
        summary(&mut html, &s, &find(&s));
        super::runs(&mut html, &Results { runs: vec![one], ..Results::default() });
        assert_eq!(html.matches("<th>Recall@1, %</th><th>MAE, years</th>").count(), 2, "{html}");
        assert_eq!(html.matches("<td>87.50</td><td>4.25</td>").count(), 2, "{html}");
        assert!(html.contains("<td>–</td><td>–</td>") && !html.contains("MAP@R"), "{html}");
    }

    #[test]
    fn with_nothing_to_rank_by_no_loss_has_a_sign() {
        let mut none = unclassified("arcface", 1, 0.1);
        none.eer = None;
        let s = summarize(&[none]);
        let mut html = String::new();
        summary(&mut html, &s, &find(&s));
        assert!(!html.contains('▲') && !html.contains('≈') && html.contains("arcface"), "{html}");
    }
}
