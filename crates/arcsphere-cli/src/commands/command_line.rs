//! The command that repeats what was done: the usual flags, and `--set` for whatever else
//! differs from what those flags alone would give.

use crate::args::{DataArgs, FlagValues, TrainingArgs};
use crate::settings;
use anyhow::Result;
use arcsphere::config::{Config, Task};
use serde_json::Value;

/// A command line, quoted for a shell.
pub(super) struct Line(String);

impl Line {
    /// A command without flags.
    pub(super) fn new(command: &str) -> Self {
        Line(command.to_owned())
    }

    /// Adds a flag and its value.
    pub(super) fn flag(&mut self, name: &str, value: &str) {
        self.0.push_str(&format!(" {name} {}", quoted(value)));
    }

    /// Adds all that makes `config`, but the loss's name and the seed. A machine's threads
    /// are shared among the runs by `--jobs`, so they are not part of it either.
    pub(super) fn settings(&mut self, config: &Config) -> Result<()> {
        let c = config;
        if c.data.source != Config::default().data.source {
            self.flag("--data", &c.data.source);
        }
        if c.task == Task::Age {
            self.flag("--task", "age");
        }
        self.flag("--backbone", &c.model.backbone);
        self.flag("--dim", &c.model.dim.to_string());
        self.flag("--epochs", &c.train.epochs.to_string());
        if c.train.naive {
            self.0.push_str(" --naive");
        }

        // The set and the network choose the preset; the other flags are as they are said above.
        let data = DataArgs::of([("data.source", c.data.source.as_str().into())]);
        let settings = FlagValues::of([("model.backbone", c.model.backbone.as_str().into())]);
        let training = TrainingArgs { settings, ..TrainingArgs::default() };
        let layers = settings::layers(None, &data, &training)?;
        let mut plain = if c.train.naive { layers.set("train.naive", true)? } else { layers }.build()?;
        (plain.task, plain.model.dim) = (c.task, c.model.dim);
        (plain.train.epochs, plain.train.threads) = (c.train.epochs, c.train.threads);
        let mut rest = Vec::new();
        differences("", &serde_json::to_value(&plain)?, &serde_json::to_value(c)?, &mut rest);
        for assignment in rest {
            self.flag("--set", &assignment);
        }
        Ok(())
    }
}

impl From<Line> for String {
    fn from(line: Line) -> String {
        line.0
    }
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

    fn config(assignments: &[&str]) -> Config {
        let training =
            TrainingArgs { assignments: assignments.iter().map(|a| (*a).to_owned()).collect(), ..Default::default() };
        settings::layers(None, &DataArgs::default(), &training).unwrap().build().unwrap()
    }

    fn line(assignments: &[&str]) -> String {
        let mut line = Line::new("arcsphere compare");
        line.settings(&config(assignments)).unwrap();
        line.into()
    }

    #[test]
    fn the_defaults_need_no_assignment() {
        let line = line(&[]);
        assert!(line.starts_with("arcsphere compare --backbone lenet_2d --dim 2 --epochs"), "{line}");
        assert!(!line.contains("--set"), "{line}");
    }

    #[test]
    fn every_other_setting_is_named() {
        let line = line(&["train.batch=20", "data.resize=[12,14]", "loss.angle_margin=0.3"]);
        for part in ["--set train.batch=20", "--set 'data.resize=[12,14]'", "--set loss.angle_margin=0.3"] {
            assert!(line.contains(part), "{line}");
        }
    }

    #[test]
    fn naive_is_a_flag_and_what_differs_from_it_is_named() {
        let line = line(&["train.naive=true", "train.on_collapse=stop"]);
        assert!(line.ends_with(" --naive --set 'train.on_collapse=\"stop\"'"), "{line}");
    }

    #[test]
    fn a_table_with_a_kind_is_one_assignment_that_reads_back() {
        let step = "optim.schedule.decay={ kind = \"step\", milestones = [0.5, 0.75], factor = 0.1 }";
        let wanted = config(&[step]);
        let mut found = Vec::new();
        let json = |c: &Config| serde_json::to_value(c).unwrap();
        differences("", &json(&config(&[])), &json(&wanted), &mut found);
        let found: Vec<&str> = found.iter().map(String::as_str).collect();
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(config(&found), wanted);
    }

    #[test]
    fn words_are_quoted_for_a_shell() {
        assert_eq!(quoted("a/b-c=1"), "a/b-c=1");
        assert_eq!(quoted("my photos"), "'my photos'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
    }
}
