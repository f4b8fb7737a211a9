//! What is measured: a file each.
//!
//! A [`Measure`] says what its numbers count, which way is better, how they are shown, and computes
//! them from what a [protocol](crate::protocols) hands it: an [`Input`]. Files, tables, rankings and
//! figures ask the registry, so that a new measure is a file and a line.
//!
//! No figure is finer than its samples:
//!
//! | measure | what says how sure it is |
//! | --- | --- |
//! | accuracy, CS(k), MAE | its 95 % interval |
//! | TMR@FMR | not told below 1/impostor pairs; marked below 30 admitted false matches, or 30 false non-matches |
//! | EER | marked below 30 errors of either kind |
//! | FNMR at a threshold | marked below 30 false non-matches |
//! | Recall@K | not told where K is all there is; marked below 30 queries that miss |
//! | MAP@R | marked where the precision that is lost is that of fewer than 30 queries |
//! | NMI | not told of classes of one sample each, or of one class; 0 of embeddings that are one direction |
//!
//! A mark is [`Estimate::few_errors`]; the angles and norms describe, and count no errors.
//!
//! ```
//! use arcsphere_eval::measures::{self, Better};
//! let eer = measures::find("eer").ok_or("none")?;
//! assert_eq!((eer.name, eer.better), ("EER", Better::Lower));
//! assert!(measures::find("err").is_none());
//! # Ok::<(), &str>(())
//! ```

use crate::error::Result;

mod input;
mod key;

pub use crate::interval::Estimate;
pub use input::{Classes, Embeddings, Input, Kind, Numbers, Prototypes, Scores};
pub use key::{Key, cs_key, fmr_key};

/// A quantity, as the registry has it.
///
/// A measure may have several values, told apart by what they are *at*: an FMR, a K. The value of
/// one that has none is at `""`.
#[derive(Debug)]
#[non_exhaustive]
pub struct Measure {
    /// Its name in files, on the command line and in a [`Key`].
    pub key: &'static str,
    /// Its name in tables and sentences.
    pub name: &'static str,
    /// What it says, in a line.
    pub summary: &'static str,
    /// What its numbers count.
    pub unit: Unit,
    /// Which of two numbers is the better one.
    pub better: Better,
    /// Whether a single run has an interval, and of what kind.
    pub interval: Interval,
    /// Losses are ranked by the measure with the lowest such number that any of them has; none where
    /// it ranks nothing.
    pub ranks: Option<u8>,
    /// What a collapsed run without a number counts as, where another run has one; none where such
    /// a run is left out of the mean.
    pub lost: Option<f64>,
    /// Its columns in tables of losses and runs.
    pub columns: &'static [Column],
    /// Above how much work it is left out unless it is asked for by name.
    pub limit: Option<Limit>,
    /// How it is computed.
    pub compute: Compute,
}

/// What a number counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unit {
    /// A share in [0, 1], shown in percent.
    Share,
    /// Radians, shown in degrees.
    Angle,
    /// The unit of the ordered target that is predicted.
    Target,
    /// A plain number.
    Number,
}

/// Which of two numbers is the better one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Better {
    /// The higher one.
    Higher,
    /// The lower one.
    Lower,
    /// Neither: it describes, and judges nothing.
    Neither,
}

/// The 95 % interval of a single run. Several seeds have Student's t in its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Interval {
    /// None: its trials are not independent, or it is not a mean of trials.
    None,
    /// Wilson's, of a share of the samples.
    Wilson,
    /// Its own, over the samples.
    Samples,
}

/// A column of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// The head; `{}` stands for what the value is at.
    pub head: &'static str,
    /// Which of the measure's values: what it is at, or `"*"` for each in a column of its own.
    pub at: &'static str,
    /// Which tables.
    pub tables: Tables,
    /// Whether it is there where no line has a value.
    pub always: bool,
    /// Where the value that stands behind "±" is at; empty for none.
    pub spread: &'static str,
}

/// Which tables have a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tables {
    /// A line a loss, and a line a run.
    Both,
    /// A line a loss.
    Losses,
    /// A line a run.
    Runs,
}

impl Column {
    /// A column of every value in both tables, where some line has one.
    pub const fn new(head: &'static str) -> Self {
        Self { head, at: "*", tables: Tables::Both, always: false, spread: "" }
    }

    /// The column of the value at `at` alone.
    #[must_use]
    pub const fn at(self, at: &'static str) -> Self {
        Self { at, ..self }
    }

    /// The column in these tables only.
    #[must_use]
    pub const fn only(self, tables: Tables) -> Self {
        Self { tables, ..self }
    }

    /// The column also where it is empty.
    #[must_use]
    pub const fn always(self) -> Self {
        Self { always: true, ..self }
    }

    /// The column with the value at `spread` behind "±".
    #[must_use]
    pub const fn with_spread(self, spread: &'static str) -> Self {
        Self { spread, ..self }
    }
}

/// The work above which a measure is left out unless it is asked for by name.
#[derive(Debug, Clone, Copy)]
pub struct Limit {
    /// Multiplications and additions, from N samples, C classes and D dimensions.
    pub work: fn(n: f64, classes: f64, dim: f64) -> f64,
    /// How many are too many.
    pub most: f64,
    /// The formula of [`Limit::work`], for people.
    pub formula: &'static str,
}

/// The values of a measure: what each is at, and the number, or why this one cannot be told of these
/// samples ([`EvalError::is_inapplicable`](crate::EvalError::is_inapplicable)).
pub type Values = Vec<(String, Result<Estimate>)>;

/// How a measure is computed, by what it is computed from.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Compute {
    /// From embeddings and their labels.
    Embeddings(fn(&Embeddings<'_>) -> Result<Values>),
    /// From the scores of pairs.
    Scores(fn(&Scores<'_>) -> Result<Values>),
    /// From what each query found.
    Retrieval(fn(&crate::retrieval::Retrieval) -> Result<Values>),
    /// From predicted and true classes.
    Classes(fn(&Classes<'_>) -> Result<Values>),
    /// From prototypes and the angles to them.
    Prototypes(fn(&Prototypes<'_>) -> Result<Values>),
    /// From predicted and true numbers.
    Numbers(fn(&Numbers<'_>) -> Result<Values>),
}

/// Declares the modules of a registry and lists what each declares.
macro_rules! registry {
    ($(#[$doc:meta])* $list:ident: $type:ty = $item:ident { $($module:ident),+ $(,)? }) => {
        $(mod $module;)+

        $(#[$doc])*
        pub static $list: &[&$type] = &[$(&$module::$item),+];
    };
}
pub(crate) use registry;

registry! {
    /// Every measure, in the order of tables.
    MEASURES: Measure = MEASURE {
        accuracy,
        eer,
        tmr_at_fmr,
        fnmr_at_threshold,
        recall_at_k,
        map_at_r,
        nmi,
        mae,
        mae_argmax,
        cs,
        cs_argmax,
        target_angle,
        nontarget_angle,
        nearest_prototype_angle,
        embedding_norm,
    }
}

/// The measure called `key`.
pub fn find(key: &str) -> Option<&'static Measure> {
    MEASURES.iter().copied().find(|m| m.key == key)
}

impl Measure {
    /// A measure that ranks nothing, has no interval and no column: what the files of measures
    /// start from.
    const PLAIN: Measure = Measure {
        key: "",
        name: "",
        summary: "",
        unit: Unit::Number,
        better: Better::Neither,
        interval: Interval::None,
        ranks: None,
        lost: None,
        columns: &[],
        limit: None,
        compute: Compute::Classes(|_| Ok(Vec::new())),
    };

    /// What it is computed from.
    pub fn from(&self) -> Kind {
        match self.compute {
            Compute::Embeddings(_) => Kind::Embeddings,
            Compute::Scores(_) => Kind::Scores,
            Compute::Retrieval(_) => Kind::Retrieval,
            Compute::Classes(_) => Kind::Classes,
            Compute::Prototypes(_) => Kind::Prototypes,
            Compute::Numbers(_) => Kind::Numbers,
        }
    }

    /// Its values; none where it is computed from something else.
    ///
    /// # Errors
    /// [`EvalError`](crate::EvalError) where the numbers handed in are no numbers or do not fit one
    /// another.
    ///
    /// ```
    /// use arcsphere_eval::measures::{self, Classes, Input};
    /// let accuracy = measures::find("accuracy").ok_or("none")?;
    /// let values = accuracy.of(&Input::Classes(&Classes::new(&[1, 0, 1], &[1, 1, 1])?))?;
    /// assert_eq!(values[0].1.as_ref().map(|e| e.value).ok(), Some(2.0 / 3.0));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn of(&self, input: &Input<'_>) -> Result<Values> {
        match (self.compute, input) {
            (Compute::Embeddings(f), Input::Embeddings(i)) => f(i),
            (Compute::Scores(f), Input::Scores(i)) => f(i),
            (Compute::Retrieval(f), Input::Retrieval(i)) => f(i),
            (Compute::Classes(f), Input::Classes(i)) => f(i),
            (Compute::Prototypes(f), Input::Prototypes(i)) => f(i),
            (Compute::Numbers(f), Input::Numbers(i)) => f(i),
            _ => Ok(Vec::new()),
        }
    }

    /// `value` turned so that more is better.
    pub fn merit(&self, value: f64) -> f64 {
        if self.better == Better::Lower { -value } else { value }
    }

    /// The interval `(low, high)` cut where a value cannot lie.
    pub fn cut(&self, low: f64, high: f64) -> (f64, f64) {
        let most = if self.unit == Unit::Share { 1.0 } else { f64::INFINITY };
        (low.max(0.0), high.min(most))
    }
}

/// The value of a measure that has one.
fn one(estimate: impl Into<Estimate>) -> Values {
    vec![(String::new(), Ok(estimate.into()))]
}

/// A value of a measure that has several.
fn at(what: &str, estimate: impl Into<Estimate>) -> (String, Result<Estimate>) {
    (what.to_owned(), Ok(estimate.into()))
}

/// Mean and standard deviation.
fn spread(values: &[f64]) -> Result<Values> {
    let s = crate::angles::summarize(values)?;
    Ok(vec![at("mean", s.mean), at("sd", s.sd)])
}

#[cfg(test)]
mod tests;
