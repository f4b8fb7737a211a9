//! What can be wrong with an evaluation's input, by name.

use std::path::PathBuf;

/// The result of an evaluation.
pub type Result<T> = std::result::Result<T, EvalError>;

/// Why an evaluation, a figure or a report could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EvalError {
    /// A protocol has no genuine pair, so that no TMR exists.
    #[error("no genuine pair among {pairs} pairs: a ROC needs at least one pair of the same class")]
    NoGenuine {
        /// Number of pairs given.
        pairs: usize,
    },
    /// A protocol has no impostor pair, so that no FMR exists.
    #[error("no impostor pair among {pairs} pairs: a ROC needs at least one pair of different classes")]
    NoImpostor {
        /// Number of pairs given.
        pairs: usize,
    },
    /// Pairs cannot be drawn where no class has two samples.
    #[error("no genuine pair: none of the {classes} classes has two samples")]
    NoGenuinePair {
        /// Number of classes with a sample.
        classes: usize,
    },
    /// Pairs cannot be drawn where there is one class.
    #[error("no impostor pair: only {classes} class has samples, expected at least 2")]
    NoImpostorPair {
        /// Number of classes with a sample.
        classes: usize,
    },
    /// A false match rate below what one impostor pair makes of all.
    #[error(
        "{impostor} impostor pairs show no FMR below {:.2e}: an FMR f takes at least 1/f of them, from more images or \
         by more pairs of these (--pairs)",
        1.0 / *impostor as f64
    )]
    TooFine {
        /// The rate asked for.
        fmr: f64,
        /// Number of impostor pairs.
        impostor: u64,
    },
    /// A Recall@K that looks at everything there is.
    #[error("each query has {others} others, and so many or more nearest are all of them: 1 whatever the embeddings")]
    LooksAtAll {
        /// The K.
        k: usize,
        /// How many samples each query is ranked among.
        others: u64,
    },
    /// Clusters are to be compared with classes of one sample each.
    #[error(
        "each of the {classes} classes has one sample: as many clusters as samples are the classes whatever the \
         embeddings; some class with two samples is needed"
    )]
    OneEach {
        /// Number of classes, and of samples.
        classes: usize,
    },
    /// A name that is neither a measure's nor a protocol's.
    #[error("there is no measure or protocol \"{name}\" (known: {known})")]
    Unknown {
        /// The name given.
        name: String,
        /// All names.
        known: String,
    },
    /// Whether a pair is of one subject is said in two ways that do not agree.
    #[error("pair {pair} is of subjects {a} and {b}, and is said to be {}", if a == b { "no genuine pair" } else { "a genuine pair" })]
    Subjects {
        /// The pair's place.
        pair: usize,
        /// Its first subject.
        a: u32,
        /// Its second subject.
        b: u32,
    },
    /// Scores that are higher for impostor pairs, so that no evidence can be made of them.
    #[error(
        "the log-likelihood ratio falls with the score (slope {slope:.3}): genuine pairs score no higher than impostor \
         ones; hand in similarities, not distances, and check which pairs are genuine"
    )]
    Backwards {
        /// The slope found.
        slope: f64,
    },
    /// The data do not bear the error rate that was asked for.
    #[error(
        "an FMR of {target:e} cannot be stated from {pairs} impostor pairs of {units} subjects, {alone} of them without \
         a shared subject: the smallest that they bear is {smallest:e}. Ask for that, or give more subjects"
    )]
    NotBorne {
        /// The FMR asked for.
        target: f64,
        /// The smallest FMR that passes.
        smallest: f64,
        /// How many impostor pairs there are.
        pairs: u64,
        /// How many of them share no subject.
        alone: u64,
        /// How many subjects are in them.
        units: u64,
    },
    /// A score, embedding or series holds a NaN or an infinity.
    #[error("{what} at index {index} is {value}, expected a finite number")]
    NotFinite {
        /// What was read.
        what: &'static str,
        /// Its place.
        index: usize,
        /// The value found there.
        value: f64,
    },
    /// Two inputs that go together differ in length.
    #[error("{what} has {got} entries, expected {expected}")]
    Length {
        /// Which input.
        what: &'static str,
        /// Its length.
        got: usize,
        /// The length that the other inputs ask for.
        expected: usize,
    },
    /// An input has too few entries for what is asked of it.
    #[error("{what} has {got} entries, at least {needed} are needed")]
    TooFew {
        /// Which input.
        what: &'static str,
        /// How many there are.
        got: usize,
        /// How many it takes.
        needed: usize,
    },
    /// A label or a pair points outside the rows it refers to.
    #[error("{what} at position {position} is {index}, expected less than {limit}")]
    Index {
        /// What kind of index.
        what: &'static str,
        /// Where it stands.
        position: usize,
        /// Its value.
        index: usize,
        /// The number of rows.
        limit: usize,
    },
    /// A parameter lies outside its range.
    #[error("{what} is {value}, expected {expected}")]
    Range {
        /// Which parameter.
        what: &'static str,
        /// Its value.
        value: f64,
        /// The legal range, in words.
        expected: &'static str,
    },
    /// A sweep holds one setting and seed more than once.
    #[error("the sweep holds {0} more than once: keep one of the cells")]
    Twice(String),
    /// A figure could not be drawn or encoded.
    #[error("cannot draw the figure: {0}")]
    Figure(String),
    /// A file could not be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A results file is not what this version writes.
    #[error("{}: not a results file of this program: {source}", path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// Where and why reading it failed.
        source: serde_json::Error,
    },
}

impl EvalError {
    /// Whether the input is sound and has too little of something: then there is nothing to
    /// measure, and the message says why.
    ///
    /// ```
    /// use arcsphere_eval::verification::Roc;
    /// assert!(Roc::new(&[0.5], &[true]).is_err_and(|e| e.is_inapplicable()));
    /// assert!(Roc::new(&[f32::NAN], &[true]).is_err_and(|e| !e.is_inapplicable()));
    /// ```
    pub fn is_inapplicable(&self) -> bool {
        matches!(
            self,
            Self::NoGenuine { .. }
                | Self::NoImpostor { .. }
                | Self::NoGenuinePair { .. }
                | Self::NoImpostorPair { .. }
                | Self::TooFine { .. }
                | Self::LooksAtAll { .. }
                | Self::OneEach { .. }
                | Self::TooFew { .. }
        )
    }
}

/// The number of rows of a `[rows, dim]` slice, or why it is not one.
pub fn rows(what: &'static str, values: &[f32], dim: usize) -> Result<usize> {
    if dim == 0 {
        return Err(EvalError::Range { what: "the dimension", value: 0.0, expected: "at least 1" });
    }
    if !values.len().is_multiple_of(dim) {
        return Err(EvalError::Length { what, got: values.len(), expected: values.len().next_multiple_of(dim) });
    }
    if let Some(index) = values.iter().position(|v| !v.is_finite()) {
        return Err(EvalError::NotFinite { what, index, value: f64::from(values[index]) });
    }
    Ok(values.len() / dim)
}
