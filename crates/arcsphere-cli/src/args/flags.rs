//! Flags that set a key of the configuration. Each is one value in a table: its names, its help, its key and what
//! it takes. The command line, the layers of the configuration and `arcsphere list flags` follow.

use super::size;
use crate::mistake::mistake;
use anyhow::Result;
use arcsphere::config::{Layers, Value};
use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches, value_parser};
use std::marker::PhantomData;

/// What a flag takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Takes {
    /// Nothing: it is there or not.
    Nothing,
    /// A word or a path.
    Text,
    /// A whole number from 0 up.
    Count,
    /// A number.
    Number,
    /// Numbers, separated by commas; a configuration has one.
    Numbers,
    /// Height and width, as in 112x96.
    Size,
    /// Words, separated by commas.
    Words,
}

/// A flag that sets a key of the configuration.
#[derive(Debug)]
pub(crate) struct Flag {
    /// Its name, after `--`.
    pub(crate) long: &'static str,
    /// Another name for it.
    pub(crate) alias: Option<&'static str>,
    /// What stands for its value in the help.
    pub(crate) value: &'static str,
    /// A line.
    pub(crate) help: &'static str,
    /// The key that it sets; what is allowed there is the plan's to say.
    pub(crate) key: &'static str,
    /// What it takes.
    pub(crate) takes: Takes,
}

const fn flag(long: &'static str, value: &'static str, takes: Takes, key: &'static str, help: &'static str) -> Flag {
    Flag { long, alias: None, value, help, key, takes }
}

impl Flag {
    const fn or(self, alias: &'static str) -> Flag {
        Flag { alias: Some(alias), ..self }
    }

    /// The help, with the numbers that are allowed.
    pub(crate) fn help(&self) -> String {
        match arcsphere::plan::range_of(self.key) {
            Some(range) => format!("{}, {range}", self.help),
            None => self.help.to_owned(),
        }
    }

    fn arg(&self) -> Arg {
        let arg = Arg::new(self.key).long(self.long).help(self.help()).value_name(self.value);
        let arg = self.alias.into_iter().fold(arg, |arg, alias| arg.visible_alias(alias));
        match self.takes {
            Takes::Nothing => arg.action(ArgAction::SetTrue),
            Takes::Text => arg,
            Takes::Count => arg.value_parser(value_parser!(u64)),
            Takes::Number => arg.value_parser(value_parser!(f64)),
            Takes::Numbers => arg.value_parser(value_parser!(f64)).value_delimiter(',').action(ArgAction::Append),
            Takes::Size => arg.value_parser(size),
            Takes::Words => arg.value_delimiter(',').action(ArgAction::Append),
        }
    }

    /// What was given, as the configuration has it.
    fn given(&self, matches: &ArgMatches) -> Option<Value> {
        // What a configuration cannot hold stays a word, which `over` refuses.
        let whole = |v: u64| i64::try_from(v).map_or_else(|_| Value::String(v.to_string()), Value::Integer);
        match self.takes {
            Takes::Nothing => matches.get_flag(self.key).then_some(Value::Boolean(true)),
            Takes::Text => matches.get_one::<String>(self.key).cloned().map(Value::String),
            Takes::Count => matches.get_one::<u64>(self.key).copied().map(whole),
            Takes::Number => matches.get_one::<f64>(self.key).copied().map(Value::Float),
            Takes::Numbers => {
                let all = matches.get_many::<f64>(self.key).map(|all| all.copied().map(Value::Float).collect());
                all.map(Value::Array)
            }
            Takes::Words => {
                let all = matches.get_many::<String>(self.key).map(|all| all.cloned().map(Value::String).collect());
                all.map(Value::Array)
            }
            Takes::Size => {
                let size = matches.get_one::<(usize, usize)>(self.key);
                size.map(|&(h, w)| Value::Array(vec![whole(h as u64), whole(w as u64)]))
            }
        }
    }
}

/// A table of flags.
pub(crate) trait Table {
    /// The flags, in the order of the help.
    const FLAGS: &'static [Flag];
}

/// Which images.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct DataFlags;

impl Table for DataFlags {
    const FLAGS: &'static [Flag] = &[
        flag(
            "data",
            "NAME|DIR",
            Takes::Text,
            "data.source",
            "A data set's name, or a folder [default: the embedded MNIST subset]",
        ),
        flag("root", "DIR", Takes::Text, "data.root", "Where named data sets are looked for [default: data]"),
        flag("size", "HxW", Takes::Size, "data.resize", "Bring every image to this size").or("resize"),
        flag(
            "fit",
            "HOW",
            Takes::Text,
            "data.fit",
            "Where --size has other proportions than an image: squash it, crop it to them from its middle, or pad it \
             with black [default: squash]",
        ),
        flag(
            "decode-memory",
            "MIB",
            Takes::Count,
            "data.decode_memory",
            "Memory for all image files that are decoded at once, in MiB; an image that alone takes more is refused \
             [default: 1024]",
        ),
        flag(
            "open-set",
            "",
            Takes::Nothing,
            "data.open_set",
            "Split a folder by class: test on classes never trained on",
        ),
        flag(
            "on-bad-file",
            "WHAT",
            Takes::Text,
            "data.on_bad_file",
            "What is done about images, or rows of a table, that cannot be used: error or skip [default: error]",
        ),
        flag(
            "test-fraction",
            "PART",
            Takes::Number,
            "data.test_fraction",
            "The part of a folder without train/ and test/ that becomes the test set",
        ),
        flag(
            "limit-train",
            "N",
            Takes::Count,
            "data.limit_train",
            "Use at most so many training images, evenly over the classes",
        ),
        flag(
            "limit-test",
            "N",
            Takes::Count,
            "data.limit_test",
            "Use at most so many test images, evenly over the classes",
        ),
    ];
}

/// What is measured at the end of a training, and by `eval`.
const MEASURES: Flag = flag(
    "measures",
    "A,B,…",
    Takes::Words,
    "eval.measures",
    "Measures and protocols (`arcsphere list measures`) [default: all but those that are too costly for so many \
     images, which is said]; what is named is computed whatever it costs",
);

const PAIRS: Flag = flag(
    "pairs",
    "N",
    Takes::Count,
    "eval.pairs",
    "Genuine and impostor test pairs, each at most: an FMR of 0.1 % takes 1,000 impostor pairs, and 30,000 to be sure of",
);

/// What is measured of a run that is trained.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct MeasureFlags;

impl Table for MeasureFlags {
    const FLAGS: &'static [Flag] = &[MEASURES, PAIRS];
}

/// How to train.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct TrainingFlags;

impl Table for TrainingFlags {
    const FLAGS: &'static [Flag] = &[
        flag(
            "task",
            "TASK",
            Takes::Text,
            "task",
            "What is learned: classify, or age (an ordered target: a folder of images named by age, a CSV of path and \
             age, or rotated-digits) [default: classify]",
        ),
        flag("backbone", "B", Takes::Text, "model.backbone", "The backbone (see `arcsphere list backbones`)"),
        flag("dim", "D", Takes::Count, "model.dim", "Dimension of the embedding"),
        flag("epochs", "N", Takes::Count, "train.epochs", "Passes over the training images"),
        flag("batch", "N", Takes::Count, "train.batch", "Images in a step"),
        flag(
            "rate",
            "RATE",
            Takes::Numbers,
            "optim.rate",
            "Peak learning rate; for `sweep` also several, separated by commas",
        )
        .or("lr"),
        flag("threads", "N", Takes::Count, "train.threads", "Threads [default: all]"),
        flag(
            "on-collapse",
            "WHAT",
            Takes::Text,
            "train.on_collapse",
            "What is done about a training that dies: recover, stop or ignore [default: recover]",
        ),
        flag(
            "naive",
            "",
            Takes::Nothing,
            "train.naive",
            "Train as the usual public code does, to see the difference: the papers' margins and scale at once, a \
             clamped arccos left to autodiff, no soft start, no clipping, no recovery",
        ),
        MEASURES,
        PAIRS,
    ];
}

/// One loss and one seed.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct LossFlags;

impl Table for LossFlags {
    const FLAGS: &'static [Flag] = &[
        flag("loss", "LOSS", Takes::Text, "loss.name", "The loss (see `arcsphere list losses`)").or("losses"),
        flag("scale", "S", Takes::Number, "loss.scale", "A fixed scale [default: fitted to the data]"),
        flag("seed", "S", Takes::Count, "train.seed", "The seed"),
    ];
}

/// The margins.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct MarginFlags;

impl Table for MarginFlags {
    const FLAGS: &'static [Flag] = &[
        flag(
            "angle-multiplier",
            "M0",
            Takes::Number,
            "loss.angle_multiplier",
            "Angle multiplier, for the losses that have one",
        )
        .or("m0"),
        flag("angle-margin", "M1", Takes::Number, "loss.angle_margin", "Angle margin in radians").or("m1"),
        flag("cosine-margin", "M2", Takes::Number, "loss.cosine_margin", "Cosine margin").or("m2"),
    ];
}

/// Every flag that sets a key.
pub(crate) fn all() -> impl Iterator<Item = &'static Flag> {
    DataFlags::FLAGS.iter().chain(TrainingFlags::FLAGS).chain(LossFlags::FLAGS).chain(MarginFlags::FLAGS)
}

/// The flags of a table that were given, with the values of their keys.
#[derive(Clone, Debug, Default)]
pub(crate) struct FlagValues<T>(Vec<(&'static Flag, Value)>, PhantomData<T>);

impl<T: Table> FlagValues<T> {
    /// Those of `(key, value)`, as if they had been given.
    pub(crate) fn of<const N: usize>(values: [(&str, Value); N]) -> Self {
        let find = |key: &str| T::FLAGS.iter().find(|flag| flag.key == key);
        FlagValues(values.into_iter().filter_map(|(key, value)| Some((find(key)?, value))).collect(), PhantomData)
    }

    /// What was given for a key.
    pub(crate) fn get(&self, key: &str) -> Option<&Value> {
        self.0.iter().find(|(flag, _)| flag.key == key).map(|(_, value)| value)
    }

    /// A word that was given.
    pub(crate) fn text(&self, key: &str) -> Option<&str> {
        self.get(key).and_then(Value::as_str)
    }

    /// A whole number that was given.
    pub(crate) fn count(&self, key: &str) -> Option<usize> {
        self.get(key).and_then(Value::as_integer).and_then(|v| usize::try_from(v).ok())
    }

    /// The numbers that were given.
    pub(crate) fn numbers(&self, key: &str) -> Vec<f64> {
        match self.get(key) {
            Some(Value::Array(all)) => all.iter().filter_map(Value::as_float).collect(),
            one => one.and_then(Value::as_float).into_iter().collect(),
        }
    }

    /// Whether none was given.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The same without a key.
    pub(crate) fn without(mut self, key: &str) -> Self {
        self.0.retain(|(flag, _)| flag.key != key);
        self
    }

    /// Lays them over a configuration.
    ///
    /// # Errors
    ///
    /// A mistake for several numbers where one is wanted, and what the layers refuse.
    pub(crate) fn over(&self, mut layers: Layers) -> Result<Layers> {
        for (flag, value) in &self.0 {
            let value = match (flag.takes, value) {
                (Takes::Numbers, Value::Array(all)) => match all.as_slice() {
                    [one] => one,
                    several => {
                        let (long, n) = (flag.long, several.len());
                        return Err(mistake!(
                            "--{long} has {n} {long}s here: give one, or train all with `arcsphere sweep`"
                        ));
                    }
                },
                (Takes::Count, Value::String(large)) => {
                    return Err(mistake!("--{} {large} is too large: at most {}", flag.long, i64::MAX));
                }
                (_, value) => value,
            };
            layers = layers.set(flag.key, value.clone())?;
        }
        Ok(layers)
    }
}

impl<T: Table> FromArgMatches for FlagValues<T> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let given = T::FLAGS.iter().filter_map(|flag| Some((flag, flag.given(matches)?)));
        Ok(FlagValues(given.collect(), PhantomData))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl<T: Table> Args for FlagValues<T> {
    fn augment_args(command: Command) -> Command {
        T::FLAGS.iter().fold(command, |command, flag| command.arg(flag.arg()))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arcsphere::config::Config;

    /// A legal value of a flag.
    fn value(flag: &Flag) -> Value {
        match flag.takes {
            Takes::Nothing => Value::Boolean(true),
            Takes::Text => Value::String(match flag.key {
                "task" => "age".into(),
                "train.on_collapse" => "stop".into(),
                "data.on_bad_file" => "skip".into(),
                "data.fit" => "pad".into(),
                _ => "word".into(),
            }),
            Takes::Count => Value::Integer(7),
            Takes::Number => Value::Float(0.5),
            Takes::Numbers => Value::Array(vec![Value::Float(0.5)]),
            Takes::Size => Value::Array(vec![Value::Integer(9), Value::Integer(8)]),
            Takes::Words => Value::Array(vec![Value::String("eer".into())]),
        }
    }

    #[test]
    fn each_flag_sets_a_key_of_its_own_that_there_is() {
        let (mut names, mut keys) = (std::collections::BTreeSet::new(), std::collections::BTreeSet::new());
        for flag in all() {
            for name in flag.alias.iter().chain([&flag.long]) {
                assert!(names.insert(*name), "--{name} twice");
            }
            assert!(keys.insert(flag.key), "{} twice", flag.key);
            assert!(!flag.help.ends_with('.') && (flag.takes == Takes::Nothing) == flag.value.is_empty(), "{flag:?}");
            let one = match value(flag) {
                Value::Array(all) if flag.takes == Takes::Numbers => all[0].clone(),
                other => other,
            };
            let changed = Layers::new().set(flag.key, one).unwrap().build().unwrap();
            assert_ne!(changed, Config::default(), "{}", flag.key);
        }
    }

    #[test]
    fn what_the_plan_allows_is_in_the_help() {
        let help = |long: &str| all().find(|flag| flag.long == long).unwrap().help();
        assert!(help("dim").ends_with("a whole number in 2..=65536"), "{}", help("dim"));
        assert!(help("angle-margin").ends_with("in [0, π]"), "{}", help("angle-margin"));
        assert!(help("scale").contains("in (0, 10000]") && help("rate").ends_with("> 0"));
    }

    #[test]
    fn several_numbers_are_refused_where_one_is_wanted() {
        let rates = Value::Array(vec![Value::Float(0.1), Value::Float(0.2)]);
        let error =
            FlagValues::<TrainingFlags>::of([("optim.rate", rates)]).over(Layers::new()).unwrap_err().to_string();
        assert!(error.contains("--rate has 2 rates") && error.contains("arcsphere sweep"), "{error}");
    }
}
