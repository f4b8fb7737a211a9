//! The runs as a flat table, quoted as RFC 4180 asks.

use super::{Results, Run};

impl Results {
    /// One line a run under a line of names, lines ending in CR LF. The FMR targets and
    /// the largest errors of all runs become columns `tmr_at_fmr_1e-2`, …, `cs_5`, `cs_5_low`, `cs_5_high`,
    /// `cs_argmax_5`, …
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

/// The keys that the maps of any run have: a column each.
pub(crate) struct Keys {
    fmrs: Vec<String>,
    errors: Vec<String>,
}

impl Keys {
    pub(crate) fn of<'a>(runs: impl Iterator<Item = &'a Run> + Clone) -> Self {
        let sorted = |keys: &mut dyn Iterator<Item = &'a String>| -> Vec<String> {
            let set: std::collections::BTreeSet<&String> = keys.collect();
            set.into_iter().cloned().collect()
        };
        let mut errors = sorted(&mut runs.clone().flat_map(|r| r.cs.keys()));
        errors.sort_by(|a, b| a.parse().unwrap_or(f64::MAX).total_cmp(&b.parse().unwrap_or(f64::MAX)));
        Self { fmrs: sorted(&mut runs.flat_map(|r| r.tmr_at_fmr.keys())), errors }
    }
}

/// A number, or nothing where it is not finite.
pub(crate) fn number(v: f64) -> String {
    if v.is_finite() { v.to_string() } else { String::new() }
}

/// The names and values of a run's columns, in their order.
pub(crate) fn columns(run: &Run, keys: &Keys) -> Vec<Column> {
    let maybe = |v: Option<f64>| v.map_or_else(String::new, number);
    let own = |(name, value): (&str, String)| (name.to_owned(), value);
    let mut out: Vec<Column> = [
        ("loss", run.loss.clone()),
        ("m0", maybe(run.m0)),
        ("m1", maybe(run.m1)),
        ("m2", maybe(run.m2)),
        ("scale", maybe(run.scale)),
        ("seed", run.seed.to_string()),
        ("epochs", run.epochs.to_string()),
        ("backbone", run.backbone.clone()),
        ("dim", run.dim.to_string()),
        ("accuracy", maybe(run.accuracy)),
        ("accuracy_low", maybe(run.accuracy_low)),
        ("accuracy_high", maybe(run.accuracy_high)),
        ("n_test", run.n_test.to_string()),
        ("validation_accuracy", maybe(run.validation_accuracy)),
        ("eer", maybe(run.eer)),
    ]
    .map(own)
    .into();
    out.extend(keys.fmrs.iter().map(|k| (format!("tmr_at_fmr_{k}"), maybe(run.tmr_at_fmr.get(k).copied()))));
    out.extend(
        [
            ("n_genuine", run.n_genuine.to_string()),
            ("n_impostor", run.n_impostor.to_string()),
            ("target_angle_mean", maybe(run.target_angle_mean)),
            ("target_angle_sd", maybe(run.target_angle_sd)),
            ("nontarget_angle_min_mean", maybe(run.nontarget_angle_min_mean)),
            ("nearest_prototype_angle_mean", maybe(run.nearest_prototype_angle_mean)),
            ("nearest_prototype_angle_min", maybe(run.nearest_prototype_angle_min)),
            ("embedding_norm_mean", maybe(run.embedding_norm_mean)),
            ("embedding_norm_sd", maybe(run.embedding_norm_sd)),
            ("train_seconds", number(run.train_seconds)),
            ("samples_per_second", number(run.samples_per_second)),
            ("collapsed", run.collapsed.to_string()),
            ("reason", run.reason.clone()),
            ("margin_reason", run.margin_reason.clone()),
            ("trainer", run.trainer.clone()),
            ("recovered", run.recovered.to_string()),
            ("causes", run.causes.join("; ")),
            ("recall_at_1", maybe(run.recall_at_1)),
            ("recall_at_2", maybe(run.recall_at_2)),
            ("recall_at_4", maybe(run.recall_at_4)),
            ("recall_at_8", maybe(run.recall_at_8)),
            ("map_at_r", maybe(run.map_at_r)),
            ("nmi", maybe(run.nmi)),
            ("mae", maybe(run.mae)),
            ("mae_low", maybe(run.mae_low)),
            ("mae_high", maybe(run.mae_high)),
            ("mae_argmax", maybe(run.mae_argmax)),
            ("mae_argmax_low", maybe(run.mae_argmax_low)),
            ("mae_argmax_high", maybe(run.mae_argmax_high)),
            ("n_regression", run.n_regression.to_string()),
            ("target_unit", run.target_unit.clone()),
        ]
        .map(own),
    );
    for k in &keys.errors {
        let scores = [
            (format!("cs_{k}"), &run.cs),
            (format!("cs_{k}_low"), &run.cs_low),
            (format!("cs_{k}_high"), &run.cs_high),
            (format!("cs_argmax_{k}"), &run.cs_argmax),
            (format!("cs_argmax_{k}_low"), &run.cs_argmax_low),
            (format!("cs_argmax_{k}_high"), &run.cs_argmax_high),
        ];
        out.extend(scores.map(|(name, score)| (name, maybe(score.get(k).copied()))));
    }
    out
}

fn push_line<'a>(out: &mut String, fields: impl Iterator<Item = &'a str>) {
    for (i, field) in fields.enumerate() {
        if i > 0 {
            out.push(',');
        }
        if field.contains(['"', ',', '\r', '\n']) {
            out.push('"');
            out.push_str(&field.replace('"', "\"\""));
            out.push('"');
        } else {
            out.push_str(field);
        }
    }
    out.push_str("\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{run, unclassified};

    #[test]
    fn a_line_a_run_with_quotes_where_needed() {
        let mut second = run("softmax", 2, 900);
        second.reason = "NaN, at step 3\nof 10".into();
        second.scale = None;
        second.tmr_at_fmr.clear();
        let results = Results { runs: vec![run("arcface", 1, 970), second], ..Results::default() };
        let csv = results.to_csv();
        let header: Vec<&str> = csv.lines().next().unwrap().split(',').collect();
        assert_eq!(header[0], "loss");
        assert!(header.contains(&"tmr_at_fmr_1e-2") && header.contains(&"tmr_at_fmr_1e-3"));
        let first: Vec<&str> = csv.split("\r\n").nth(1).unwrap().split(',').collect();
        assert_eq!(first[..7], ["arcface", "1", "0.5", "0", "16", "1", "5"]);
        assert!(csv.contains("\"fits ten classes, \"\"2-D\"\"\""));
        assert!(csv.contains("\"NaN, at step 3\nof 10\""));
        let second = csv.split("\r\n").nth(2).unwrap();
        assert!(second.starts_with("softmax,1,0.5,0,,2,"), "{second}");
        assert_eq!(csv.matches("\r\n").count(), 3);
    }

    #[test]
    fn scores_of_all_runs_are_columns_from_small_to_large() {
        let mut second = run("softmax", 1, 900);
        second.cs = [(10.0, 0.9), (2.5, 0.25)].map(|(k, v)| (crate::results::cs_key(k), v)).into();
        second.cs_argmax_high = [("10".to_owned(), 0.8)].into();
        second.causes = vec!["loss not finite".into(), "all one class".into()];
        let csv = Results { runs: vec![run("arcface", 1, 970), second], ..Results::default() }.to_csv();
        let lines: Vec<&str> = csv.split("\r\n").collect();
        let of = |k: &str| format!("cs_{k},cs_{k}_low,cs_{k}_high,cs_argmax_{k},cs_argmax_{k}_low,cs_argmax_{k}_high");
        assert!(lines[0].ends_with(&format!(",target_unit,{},{}", of("2.5"), of("10"))), "{csv}");
        assert!(lines[1].ends_with(",0,,,,,,,,,,,,,") && lines[2].ends_with(",0,,0.25,,,,,,0.9,,,,,0.8"), "{csv}");
        assert!(lines[2].contains(",loss not finite; all one class,"), "{csv}");
    }

    #[test]
    fn an_accuracy_that_does_not_exist_is_empty() {
        let csv = Results { runs: vec![unclassified("arcface", 1, 0.1)], ..Results::default() }.to_csv();
        assert!(csv.contains("accuracy,accuracy_low,accuracy_high,n_test,validation_accuracy,eer,"), "{csv}");
        assert!(csv.contains(",lenet_2d,2,,,,0,,0.1,"), "{csv}");
    }
}
