//! The runs as a flat table, quoted as RFC 4180 asks.

use super::{Results, Run};

impl Results {
    /// One line a run under a line of names, lines ending in CR LF. The FMR targets
    /// of all runs become columns `tmr_at_fmr_1e-2`, …
    pub fn to_csv(&self) -> String {
        let mut fmrs: Vec<&str> = Vec::new();
        for key in self.runs.iter().flat_map(|r| r.tmr_at_fmr.keys()) {
            if !fmrs.contains(&key.as_str()) {
                fmrs.push(key);
            }
        }
        fmrs.sort_unstable();

        let mut out = String::new();
        let names = columns(&Run::default(), &fmrs).into_iter().map(|c| c.0).collect();
        push_line(&mut out, names);
        for run in &self.runs {
            push_line(&mut out, columns(run, &fmrs).into_iter().map(|c| c.1).collect());
        }
        out
    }
}

/// The names and values of a run's columns, in their order.
fn columns(run: &Run, fmrs: &[&str]) -> Vec<(String, String)> {
    let number = |v: f64| if v.is_finite() { v.to_string() } else { String::new() };
    let maybe = |v: Option<f64>| v.map_or_else(String::new, number);
    let mut out: Vec<(&str, String)> = vec![
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
    ];
    let mut tail: Vec<(&str, String)> = vec![
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
        ("recovered", run.recovered.to_string()),
        ("causes", run.causes.join("; ")),
        ("trainer", run.trainer.clone()),
        ("margin_reason", run.margin_reason.clone()),
    ];
    let own = |(name, value): (&str, String)| (name.to_owned(), value);
    let mut all: Vec<(String, String)> = out.drain(..).map(own).collect();
    all.extend(fmrs.iter().map(|k| (format!("tmr_at_fmr_{k}"), maybe(run.tmr_at_fmr.get(*k).copied()))));
    all.extend(tail.drain(..).map(own));
    all
}

fn push_line(out: &mut String, fields: Vec<String>) {
    for (i, field) in fields.iter().enumerate() {
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
    use crate::results::tests::{run, unclassified};

    #[test]
    fn a_line_a_run_with_quotes_where_needed() {
        let mut second = run("softmax", 2, 900);
        second.reason = "NaN, at step 3\nof 10".into();
        second.scale = None;
        (second.recovered, second.causes) = (2, vec!["not_finite".into(), "origin".into()]);
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
        assert!(second.contains(",2,not_finite; origin,default,"), "{second}");
        assert_eq!(csv.matches("\r\n").count(), 3);
    }

    #[test]
    fn an_accuracy_that_does_not_exist_is_empty() {
        let csv = Results { runs: vec![unclassified("arcface", 1, 0.1)], ..Results::default() }.to_csv();
        assert!(csv.contains("accuracy,accuracy_low,accuracy_high,n_test,validation_accuracy,eer,"), "{csv}");
        assert!(csv.contains(",lenet_2d,2,,,,0,,0.1,"), "{csv}");
    }
}
