//! Defaults, presets, files and flags, laid over one another.

use super::Config;
use super::presets::NAIVE;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// The most parts of a dotted key; tables in tables without end would exhaust the stack.
const MOST_PARTS: usize = 8;

/// What can be wrong with a configuration's text.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The file could not be read.
    #[error("cannot read the configuration {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Not TOML.
    #[error("{origin} is not valid TOML: {message}")]
    Syntax {
        /// The file or flag.
        origin: String,
        /// What the parser said.
        message: String,
    },
    /// Not `key=value`.
    #[error("\"{0}\" is not of the form key=value, e.g. optim.rate=0.05")]
    NotAnAssignment(String),
    /// A key in more parts than any has.
    #[error("the key \"{key}\" has {parts} parts: no key of a configuration has more than {MOST_PARTS}")]
    Deep {
        /// Its beginning.
        key: String,
        /// How many parts it has.
        parts: usize,
    },
    /// A key that no section has, or a value of another type.
    #[error("{origin}: {message}")]
    Invalid {
        /// The file or flag.
        origin: String,
        /// What serde said, with the key's name.
        message: String,
    },
}

/// Layers of a configuration. Each is checked when it is added, so that an error
/// names the layer that it is in.
///
/// ```
/// use arcsphere::config::Layers;
///
/// let layers = Layers::new().text("[optim]\nrate = 0.5", "mine.toml")?;
/// let config = layers.assignment("optim.rate=0.05")?.set("loss.name", "cosface")?.build()?;
/// assert_eq!((config.optim.rate, config.loss.name.as_str()), (0.05, "cosface"));
///
/// let error = Layers::new().assignment("optim.learning_rte=0.1").unwrap_err().to_string();
/// assert!(error.contains("optim.learning_rte") && error.contains("`rate`"), "{error}");
/// # Ok::<(), arcsphere::config::ConfigError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Layers {
    merged: toml::Table,
}

impl Layers {
    /// No layer: the defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Lays TOML text over what is there. `origin` names it in errors.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Syntax`] or [`ConfigError::Invalid`].
    pub fn text(self, text: &str, origin: &str) -> Result<Self, ConfigError> {
        let table: toml::Table = toml::from_str(text)
            .map_err(|e| ConfigError::Syntax { origin: origin.to_owned(), message: with_line(text, &e) })?;
        self.table(table, origin)
    }

    /// Lays a file over what is there.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Read`] and those of [`text`](Self::text).
    pub fn file(self, path: &Path) -> Result<Self, ConfigError> {
        let text =
            arcsphere_files::read_text(path).map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
        self.text(&text, &path.display().to_string())
    }

    /// Lays `section.key=value` over what is there. The value is TOML; a bare word is a string.
    ///
    /// # Errors
    ///
    /// [`ConfigError::NotAnAssignment`], [`ConfigError::Invalid`].
    ///
    /// ```
    /// use arcsphere::config::Layers;
    ///
    /// let config = Layers::new().assignment("optim.kind=adamw")?.assignment("eval.fmr=[0.01, 0.001]")?.build()?;
    /// assert_eq!(config.eval.fmr, [0.01, 0.001]);
    /// # Ok::<(), arcsphere::config::ConfigError>(())
    /// ```
    pub fn assignment(self, assignment: &str) -> Result<Self, ConfigError> {
        let (key, value) =
            assignment.split_once('=').ok_or_else(|| ConfigError::NotAnAssignment(shortened(assignment)))?;
        let value = value.trim();
        let parsed = toml::from_str::<toml::Table>(&format!("v = {value}"))
            .ok()
            .and_then(|mut t| t.remove("v"))
            .unwrap_or_else(|| toml::Value::String(value.to_owned()));
        self.set(key.trim(), parsed)
    }

    /// Sets one dotted key.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Invalid`].
    pub fn set(self, key: &str, value: impl Into<toml::Value>) -> Result<Self, ConfigError> {
        let parts = key.split('.').count();
        if parts > MOST_PARTS {
            return Err(ConfigError::Deep { key: shortened(key), parts });
        }
        let nested = key
            .rsplit('.')
            .fold(value.into(), |value, part| toml::Value::Table(toml::Table::from_iter([(part.to_owned(), value)])));
        let toml::Value::Table(table) = nested else {
            return Err(ConfigError::NotAnAssignment(key.to_owned()));
        };
        self.table(table, key)
    }

    fn table(mut self, table: toml::Table, origin: &str) -> Result<Self, ConfigError> {
        merge(&mut self.merged, table);
        self.clone().build().map_err(|e| match e {
            ConfigError::Invalid { message, .. } => ConfigError::Invalid { origin: origin.to_owned(), message },
            other => other,
        })?;
        Ok(self)
    }

    /// The configuration that the layers make. With `train.naive = true` in one of them the
    /// preset `naive` is below them all, so whatever a layer says wins over it.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Invalid`].
    pub fn build(self) -> Result<Config, ConfigError> {
        let naive = self.merged.get("train").and_then(|t| t.get("naive")).and_then(toml::Value::as_bool);
        let mut all = match naive {
            Some(true) => toml::from_str(NAIVE).map_err(|e| ConfigError::Syntax {
                origin: "the preset naive".to_owned(),
                message: with_line(NAIVE, &e),
            })?,
            _ => toml::Table::new(),
        };
        merge(&mut all, self.merged);
        Config::deserialize_table(all)
    }
}

impl Config {
    fn deserialize_table(table: toml::Table) -> Result<Config, ConfigError> {
        toml::Value::Table(table).try_into().map_err(|e: toml::de::Error| ConfigError::Invalid {
            origin: "configuration".into(),
            // With the key's path, which the bare message lacks.
            message: e.to_string().trim().replace('\n', " "),
        })
    }
}

/// The beginning of a long text.
fn shortened(text: &str) -> String {
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// A parser's message in one line, with the line that it is about.
fn with_line(text: &str, error: &toml::de::Error) -> String {
    let message = error.message().replace('\n', " ");
    match error.span().and_then(|span| text.get(..span.start)) {
        Some(before) => format!("line {}: {message}", before.matches('\n').count() + 1),
        None => message,
    }
}

/// Tables are merged key by key; everything else is replaced. So is a table that names
/// its `kind`: the fields of another kind do not belong to it.
fn merge(into: &mut toml::Table, from: toml::Table) {
    for (key, value) in from {
        match (into.get_mut(&key), value) {
            (Some(toml::Value::Table(old)), toml::Value::Table(new)) if !new.contains_key("kind") || key == "optim" => {
                merge(old, new);
            }
            (_, value) => {
                into.insert(key, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::OnCollapse;
    use crate::optim::margin_schedule::MarginSchedule;

    #[test]
    fn later_layers_win_and_leave_the_rest() {
        let config = Layers::new()
            .text("[optim]\nrate = 0.5\ndecay = 0.0", "a")
            .unwrap()
            .assignment("optim.rate=0.25")
            .unwrap()
            .assignment("loss.name=cosface")
            .unwrap()
            .build()
            .unwrap();
        assert_eq!((config.optim.rate, config.optim.decay, config.loss.name.as_str()), (0.25, 0.0, "cosface"));
    }

    #[test]
    fn an_unknown_key_is_refused_by_name_and_origin() {
        let error = Layers::new().text("[optim]\nlearning_rte = 0.1", "my.toml").unwrap_err().to_string();
        assert!(error.contains("my.toml") && error.contains("learning_rte"), "{error}");
        let error = Layers::new().assignment("trian.epochs=3").unwrap_err().to_string();
        assert!(error.contains("trian"), "{error}");
    }

    #[test]
    fn broken_text_is_named_by_its_line() {
        let error = Layers::new().text("[optim]\nrate = \n", "my.toml").unwrap_err().to_string();
        assert!(error.contains("my.toml") && error.contains("line 2") && !error.contains('\n'), "{error}");
    }

    #[test]
    fn another_kind_replaces_the_whole_table() {
        let config = Layers::new()
            .text("[optim.schedule.decay]\nkind = \"step\"\nmilestones = [0.5]\nfactor = 0.1", "a")
            .unwrap()
            .text("[optim.schedule.decay]\nkind = \"cosine\"", "b")
            .unwrap()
            .build()
            .unwrap();
        assert_eq!(config.optim.schedule.decay, crate::optim::rate_schedule::Decay::Cosine);
    }

    #[test]
    fn naive_is_below_every_layer() {
        let config = |assignments: &[&str]| {
            let layers = assignments.iter().fold(Layers::new(), |layers, a| layers.assignment(a).unwrap());
            layers.build().unwrap()
        };
        let naive = config(&["train.naive=true"]);
        assert_eq!((naive.optim.clip, naive.loss.paper, naive.train.on_collapse), (0.0, true, OnCollapse::Ignore));
        assert_eq!(naive.margin_schedule, MarginSchedule::IMMEDIATE);
        let own = config(&["optim.clip=3.0", "margin_schedule.full_at=0.5", "train.naive=true"]);
        assert_eq!((own.optim.clip, own.margin_schedule.full_at, own.loss.paper), (3.0, 0.5, true));
        assert_eq!(config(&["train.naive=true", "train.naive=false"]), Config::default());
        // An effective configuration says everything, and stays as it is.
        let effective = crate::config::to_toml(&own).unwrap();
        assert_eq!(Layers::new().text(&effective, "it").unwrap().build().unwrap(), own);
    }

    #[test]
    fn a_number_where_a_word_belongs_is_named() {
        assert!(Layers::new().assignment("train.epochs=many").is_err());
        assert!(Layers::new().assignment("train.epochs").is_err());
    }
}
