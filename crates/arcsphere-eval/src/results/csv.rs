//! The runs as a flat table, quoted as RFC 4180 asks.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Results, Run};
use crate::show::{exact, visible};

impl Results {
    /// One line a run under a line of names, lines ending in CR LF. The FMR targets and
    /// the largest errors of all runs become columns `tmr_at_fmr_1e-2`, …, `cs_5`, `cs_5_low`, `cs_5_high`,
    /// `cs_argmax_5`, …; a number that has no field of its own `NAME`, `NAME_low`, `NAME_high`, `NAME_n`. Where some
    /// number rests on fewer than 30 errors, the last column, `few_errors`, has the names of a run's.
    pub fn to_csv(&self) -> String {
        let keys = Keys::of(self.runs.iter());
        table(&columns(&Run::default(), &keys), self.runs.iter().map(|run| columns(run, &keys)))
    }
}

/// A name and a value.
pub(crate) type Column = (String, String);

/// The names of `head`, then the values of each line.
pub(crate) fn table(head: &[Column], lines: impl Iterator<Item = Vec<Column>>) -> String {
    let mut out = String::new();
    push_line(&mut out, head.iter().map(|c| c.0.as_str()));
    for line in lines {
        push_line(&mut out, line.iter().map(|c| c.1.as_str()));
    }
    out
}

/// Columns before and after the TMRs.
const FIRST: &str = "loss m0 m1 m2 scale seed epochs backbone dim accuracy accuracy_low accuracy_high n_test \
    validation_accuracy eer";
const THEN: &str = "n_genuine n_impostor target_angle_mean target_angle_sd nontarget_angle_min_mean \
    nearest_prototype_angle_mean nearest_prototype_angle_min embedding_norm_mean embedding_norm_sd train_seconds \
    samples_per_second collapsed reason margin_reason trainer recovered causes recall_at_1 recall_at_2 recall_at_4 \
    recall_at_8 map_at_r nmi mae mae_low mae_high mae_argmax mae_argmax_low mae_argmax_high n_regression target_unit";
/// The numbers of a run that rest on few errors.
const FEW_ERRORS: &str = "few_errors";
/// Maps by the largest error.
const SCORES: [&str; 6] = ["cs", "cs_low", "cs_high", "cs_argmax", "cs_argmax_low", "cs_argmax_high"];

/// The keys that the maps of any run have: a column each.
pub(crate) struct Keys {
    fmrs: Vec<String>,
    errors: Vec<String>,
    /// Of the map `measures`.
    further: BTreeSet<String>,
    /// Whether some number rests on few errors.
    marked: bool,
}

impl Keys {
    pub(crate) fn of<'a>(runs: impl Iterator<Item = &'a Run>) -> Self {
        let (mut fmrs, mut errors, mut further) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        let mut marked = false;
        for run in runs.map(json) {
            let keys = |map: &str| run[map].as_object().map(|m| m.keys().cloned().collect::<Vec<_>>());
            fmrs.extend(keys("tmr_at_fmr").unwrap_or_default());
            errors.extend(keys("cs").unwrap_or_default());
            further.extend(keys("measures").unwrap_or_default());
            marked |= run[FEW_ERRORS].is_object();
        }
        let mut errors: Vec<String> = errors.into_iter().collect();
        errors.sort_by(|a, b| a.parse().unwrap_or(f64::MAX).total_cmp(&b.parse().unwrap_or(f64::MAX)));
        Self { fmrs: fmrs.into_iter().collect(), errors, further, marked }
    }
}

/// A run as it is in files; a run has no key that is no text, and no number that JSON cannot say.
fn json(run: &Run) -> Value {
    serde_json::to_value(run).unwrap_or_default()
}

/// A value as a field: nothing for `null`, a list with semicolons.
fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(text).collect::<Vec<_>>().join("; "),
        Value::Number(n) if n.is_f64() => exact(n.as_f64().unwrap_or(f64::NAN)),
        other => other.to_string(),
    }
}

/// The names and values of a run's columns, in their order.
pub(crate) fn columns(run: &Run, keys: &Keys) -> Vec<Column> {
    let run = json(run);
    let own = |name: &str| (name.to_owned(), text(&run[name]));
    let mut out: Vec<Column> = FIRST.split_whitespace().map(own).collect();
    out.extend(keys.fmrs.iter().map(|k| (format!("tmr_at_fmr_{k}"), text(&run["tmr_at_fmr"][k]))));
    out.extend(THEN.split_whitespace().map(own));
    for k in &keys.errors {
        out.extend(SCORES.map(|map| {
            let name = ["low", "high"].iter().find_map(|end| Some((map.strip_suffix(end)?.strip_suffix('_')?, end)));
            let name = name.map_or_else(|| format!("{map}_{k}"), |(score, end)| format!("{score}_{k}_{end}"));
            (name, text(&run[map][k]))
        }));
    }
    for key in &keys.further {
        let name = key.replace(['/', '@'], "_");
        let estimate = &run["measures"][key];
        out.push((name.clone(), text(&estimate["value"])));
        out.extend(["low", "high", "n"].map(|part| (format!("{name}_{part}"), text(&estimate[part]))));
    }
    if keys.marked {
        let few = run[FEW_ERRORS].as_object().map(|m| m.keys().cloned().collect::<Vec<_>>().join("; "));
        out.push((FEW_ERRORS.to_owned(), few.unwrap_or_default()));
    }
    out
}

fn push_line<'a>(out: &mut String, fields: impl Iterator<Item = &'a str>) {
    for (i, field) in fields.enumerate() {
        let field = visible(field, "\t\n\r");
        if i > 0 {
            out.push(',');
        }
        if field.contains(['"', ',', '\r', '\n']) {
            out.push('"');
            out.push_str(&field.replace('"', "\"\""));
            out.push('"');
        } else {
            out.push_str(&field);
        }
    }
    out.push_str("\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{run, unclassified};
    use crate::measures::Estimate;

    #[test]
    fn a_line_a_run_with_quotes_where_needed() {
        let mut second = run("softmax", 2, 900);
        second.reason = "NaN, at step 3\nof 10".into();
        second.backbone = "a\u{1b}[31mb".into();
        second.scale = None;
        second.measures.retain(|key, _| key.measure_key() != "tmr_at_fmr");
        let results = Results { runs: vec![run("arcface", 1, 970), second], ..Results::default() };
        let csv = results.to_csv();
        let header: Vec<&str> = csv.lines().next().unwrap().split(',').collect();
        assert_eq!(header[0], "loss");
        assert!(header.contains(&"tmr_at_fmr_1e-2") && header.contains(&"tmr_at_fmr_1e-3"));
        let first: Vec<&str> = csv.split("\r\n").nth(1).unwrap().split(',').collect();
        assert_eq!(first[..7], ["arcface", "1", "0.5", "0", "16", "1", "5"]);
        assert!(csv.contains("\"fits ten classes, \"\"2-D\"\"\""));
        assert!(csv.contains("\"NaN, at step 3\nof 10\""));
        assert!(csv.contains(",a\\u001b[31mb,") && !csv.contains('\u{1b}'), "{csv}");
        let second = csv.split("\r\n").nth(2).unwrap();
        assert!(second.starts_with("softmax,1,0.5,0,,2,"), "{second}");
        assert_eq!(csv.matches("\r\n").count(), 3);
    }

    #[test]
    fn scores_of_all_runs_are_columns_from_small_to_large() {
        let mut second = run("softmax", 1, 900);
        second = second.with("cs@10", 0.9).with("cs@2.5", 0.25);
        second = second.with("cs_argmax@10", Estimate::new(0.7).within(0.6, 0.8));
        second.causes = vec!["loss not finite".into(), "all one class".into()];
        let csv = Results { runs: vec![run("arcface", 1, 970), second], ..Results::default() }.to_csv();
        let lines: Vec<&str> = csv.split("\r\n").collect();
        let of = |k: &str| format!("cs_{k},cs_{k}_low,cs_{k}_high,cs_argmax_{k},cs_argmax_{k}_low,cs_argmax_{k}_high");
        assert!(lines[0].ends_with(&format!(",target_unit,{},{}", of("2.5"), of("10"))), "{csv}");
        assert!(
            lines[1].ends_with(",0,,,,,,,,,,,,,") && lines[2].ends_with(",0,,0.25,,,,,,0.9,,,0.7,0.6,0.8"),
            "{csv}"
        );
        assert!(lines[2].contains(",loss not finite; all one class,"), "{csv}");
    }

    #[test]
    fn what_has_no_field_of_its_own_is_a_column_too() {
        let further = run("arcface", 1, 970).with("query_gallery/recall_at_k@1", Estimate::new(0.5).over(8));
        let csv = Results { runs: vec![further, run("softmax", 1, 900)], ..Results::default() }.to_csv();
        let lines: Vec<&str> = csv.split("\r\n").collect();
        let name = "query_gallery_recall_at_k_1";
        assert!(lines[0].ends_with(&format!(",target_unit,{name},{name}_low,{name}_high,{name}_n")), "{csv}");
        assert!(lines[1].ends_with(",,0.5,,,8") && lines[2].ends_with(",0,,,,,"), "{csv}");
    }

    #[test]
    fn what_rests_on_few_errors_is_named_where_something_does() {
        let few = run("arcface", 1, 970).with("eer", Estimate::new(-0.0).resting_on(0));
        let few = few.with("tmr_at_fmr@1e-3", Estimate::new(0.7).resting_on(10));
        let csv = Results { runs: vec![few, run("softmax", 1, 900)], ..Results::default() }.to_csv();
        let lines: Vec<&str> = csv.split("\r\n").collect();
        assert!(lines[0].ends_with(",target_unit,few_errors"), "{csv}");
        assert!(lines[1].ends_with(",0,,eer; tmr_at_fmr@1e-3") && lines[2].ends_with(",0,,"), "{csv}");
        assert!(lines[1].contains(",lenet_2d,2,0.97,") && !csv.contains("-0,"), "{csv}");
    }

    #[test]
    fn an_accuracy_that_does_not_exist_is_empty() {
        let csv = Results { runs: vec![unclassified("arcface", 1, 0.1)], ..Results::default() }.to_csv();
        assert!(csv.contains("accuracy,accuracy_low,accuracy_high,n_test,validation_accuracy,eer,"), "{csv}");
        assert!(csv.contains(",lenet_2d,2,,,,0,,0.1,"), "{csv}");
    }
}
