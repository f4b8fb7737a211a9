//! The command that repeats a comparison: the usual flags, and `--set` for whatever else
//! differs from what those flags alone would give.

use super::Spec;
use crate::args::{DataArgs, TrainingArgs};
use crate::settings;
use anyhow::Result;
use arcsphere::config::Config;
use arcsphere::losses::margin::{Group, group};
use serde_json::Value;

/// The command line, quoted for a shell.
pub(super) fn of(spec: &Spec) -> Result<String> {
    let c = &spec.config;
    let mut out = "arcsphere compare".to_owned();
    let mut flag = |name: &str, value: &str| out.push_str(&format!(" {name} {}", quoted(value)));
    if c.data.source != Config::default().data.source {
        flag("--data", &c.data.source);
    }
    if !spec.losses.iter().map(String::as_str).eq(group(Group::Family).map(|l| l.name)) {
        flag("--losses", &spec.losses.join(","));
    }
    flag("--backbone", &c.model.backbone);
    flag("--dim", &c.model.dim.to_string());
    flag("--epochs", &c.train.epochs.to_string());
    flag("--seeds", &spec.seeds.to_string());
    flag("--seed", &spec.seed.to_string());

    let data = DataArgs { data: Some(c.data.source.clone()), ..DataArgs::default() };
    let training = TrainingArgs {
        backbone: Some(c.model.backbone.clone()),
        dim: Some(c.model.dim),
        epochs: Some(c.train.epochs),
        ..TrainingArgs::default()
    };
    let mut plain = settings::layers(None, &data, &training)?.build()?;
    // A machine's threads are shared among the runs by `--jobs`, which changes no result.
    plain.train.threads = c.train.threads;
    let mut rest = Vec::new();
    differences("", &serde_json::to_value(&plain)?, &serde_json::to_value(c)?, &mut rest);
    for assignment in rest {
        flag("--set", &assignment);
    }
    Ok(out)
}

/// `key=value` for every key of `wanted` that `plain` has otherwise. A table with a `kind`
/// is one value: its keys do not stand alone.
fn differences(key: &str, plain: &Value, wanted: &Value, out: &mut Vec<String>) {
    match wanted {
        _ if wanted == plain => {}
        Value::Object(table) if !table.contains_key("kind") || key == "optim" => {
            for (name, value) in table {
                let path = if key.is_empty() { name.clone() } else { format!("{key}.{name}") };
                differences(&path, &plain[name], value, out);
            }
        }
        value => out.push(format!("{key}={}", toml(value))),
    }
}

/// A JSON value as TOML; what JSON writes of numbers, strings and arrays is TOML too.
fn toml(value: &Value) -> String {
    let Value::Object(table) = value else { return value.to_string() };
    let entries: Vec<String> = table.iter().map(|(key, value)| format!("{key} = {}", toml(value))).collect();
    format!("{{ {} }}", entries.join(", "))
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_./,=+:".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(assignments: &[&str]) -> Spec {
        let training =
            TrainingArgs { assignments: assignments.iter().map(|a| (*a).to_owned()).collect(), ..Default::default() };
        let config = settings::layers(None, &DataArgs::default(), &training).unwrap().build().unwrap();
        Spec { losses: group(Group::Family).map(|l| l.name.to_owned()).collect(), seed: 0, seeds: 1, config }
    }

    #[test]
    fn the_defaults_need_no_assignment() {
        let line = of(&spec(&[])).unwrap();
        assert!(line.starts_with("arcsphere compare --backbone lenet_2d --dim 2 --epochs"), "{line}");
        assert!(!line.contains("--set"), "{line}");
    }

    #[test]
    fn every_other_setting_is_named() {
        let line = of(&spec(&["train.batch=20", "data.resize=[12,14]", "loss.angle_margin=0.3"])).unwrap();
        for part in ["--set train.batch=20", "--set 'data.resize=[12,14]'", "--set loss.angle_margin=0.3"] {
            assert!(line.contains(part), "{line}");
        }
    }

    #[test]
    fn a_table_with_a_kind_is_one_assignment_that_reads_back() {
        let step = "optim.schedule.decay={ kind = \"step\", milestones = [0.5, 0.75], factor = 0.1 }";
        let wanted = spec(&[step]);
        let mut found = Vec::new();
        let json = |s: &Spec| serde_json::to_value(&s.config).unwrap();
        differences("", &json(&spec(&[])), &json(&wanted), &mut found);
        let found: Vec<&str> = found.iter().map(String::as_str).collect();
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(spec(&found), wanted);
    }

    #[test]
    fn words_are_quoted_for_a_shell() {
        assert_eq!(quoted("a/b-c=1"), "a/b-c=1");
        assert_eq!(quoted("my photos"), "'my photos'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
    }
}
