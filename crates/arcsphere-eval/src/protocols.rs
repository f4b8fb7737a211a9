//! How a set is measured: a file each.
//!
//! A [`Protocol`] says which pairs or queries there are and hands what it makes of a set to the
//! [measures](crate::measures) that are computed from it. A set that it cannot serve is named with
//! the reason ([`NotMeasured`]); nothing is left out unsaid.
//!
//! ```
//! use arcsphere_eval::protocols::{EmbeddedSet, Protocols};
//! // Four embeddings of two classes.
//! let x = [1.0, 0.0, 0.9, 0.1, 0.0, 1.0, 0.1, 0.9];
//! let found = Protocols::default().run(&EmbeddedSet::new(&x, 2, &[0, 0, 1, 1])?, &|_, _| {})?;
//! assert_eq!(found.get("eer"), Some(0.0));
//! assert_eq!(found.get("recall_at_k@1"), Some(1.0));
//! // No class was predicted, and that is said.
//! assert_eq!(found.get("accuracy"), None);
//! assert!(found.not_measured[0].to_string().starts_with("accuracy: no class was predicted"));
//! # Ok::<(), arcsphere_eval::EvalError>(())
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::angles::Angles;
use crate::error::{EvalError, Result};
use crate::measures::{Classes, Estimate, Input, Key, Kind, MEASURES, Measure, registry};

mod session;
mod set;

pub use session::Session;
pub use set::EmbeddedSet;

/// A way to measure a set, as the registry has it.
#[derive(Debug)]
#[non_exhaustive]
pub struct Protocol {
    /// Its name in files and on the command line.
    pub name: &'static str,
    /// What it does, in a line.
    pub summary: &'static str,
    /// What it hands to measures.
    pub gives: &'static [Kind],
    /// Whether it is run without being asked for by name. Of such protocols one alone gives a kind.
    pub always: bool,
    /// Makes of a set what measures are computed from.
    pub run: fn(&EmbeddedSet<'_>, &mut Session<'_>) -> Result<()>,
}

registry! {
    /// Every protocol, in the order in which they are run.
    PROTOCOLS: Protocol = PROTOCOL {
        closed_set,
        sampled_pairs,
        retrieval,
        embeddings,
        ordered_target,
        query_gallery,
    }
}

/// What was not measured, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotMeasured {
    /// The protocol's name.
    pub protocol: String,
    /// The measures that it would have given, or the keys of single values of one: `tmr_at_fmr@1e-3`.
    pub measures: Vec<String>,
    /// Why, in words.
    pub reason: String,
}

impl fmt::Display for NotMeasured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.measures.join(", "), self.reason)
    }
}

/// What protocols found.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct Found {
    /// The numbers.
    pub measures: BTreeMap<Key, Estimate>,
    /// How many there were of what: `genuine` and `impostor` pairs.
    pub counts: BTreeMap<String, u64>,
    /// What is missing, and why.
    pub not_measured: Vec<NotMeasured>,
    /// The angles with prototypes, where they were taken.
    pub angles: Option<Angles>,
}

impl Found {
    /// The value under a key such as `tmr_at_fmr@1e-2`.
    pub fn get(&self, key: &str) -> Option<f64> {
        self.measures.get(key).map(|e| e.value)
    }
}

/// Is told which protocol is at work, and the share of it that is done.
pub type Watch<'a> = &'a (dyn Fn(&'static str, f64) + Sync);

/// Which measures are wanted, and what the protocols are given.
///
/// ```
/// use arcsphere_eval::protocols::Protocols;
/// let two = Protocols::default().pairs(1000).fmr(&[0.01]).measures(&["eer", "recall_at_k"])?;
/// assert!(two.measures(&["err"]).is_err_and(|e| e.to_string().contains("no measure or protocol \"err\"")));
/// # Ok::<(), arcsphere_eval::EvalError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Protocols {
    pairs: usize,
    fmr: Vec<f64>,
    seed: u64,
    asked: Vec<&'static str>,
}

impl Default for Protocols {
    /// All measures, on at most 10,000 genuine and as many impostor pairs, at FMRs of 10, 1 and 0.1 %.
    fn default() -> Self {
        Self { pairs: 10_000, fmr: vec![1e-1, 1e-2, 1e-3], seed: 0, asked: Vec::new() }
    }
}

/// The name of every measure, then of every protocol.
pub fn names() -> Vec<&'static str> {
    MEASURES.iter().map(|m| m.key).chain(PROTOCOLS.iter().map(|p| p.name)).collect()
}

impl Protocols {
    /// At most so many genuine pairs, and so many impostor pairs.
    #[must_use]
    pub fn pairs(self, pairs: usize) -> Self {
        Self { pairs, ..self }
    }

    /// The false match rates, in (0, 1), at which a TMR is told.
    #[must_use]
    pub fn fmr(self, fmr: &[f64]) -> Self {
        Self { fmr: fmr.to_vec(), ..self }
    }

    /// The seed of pairs and of the starts of k-means.
    #[must_use]
    pub fn seed(self, seed: u64) -> Self {
        Self { seed, ..self }
    }

    /// These only: names of measures, or of protocols for all that they give. None is all that is
    /// not too costly ([`Measure::limit`]); what is named is computed whatever it costs.
    ///
    /// # Errors
    /// [`EvalError::Unknown`] for a name that is in no registry.
    pub fn measures(self, wanted: &[impl AsRef<str>]) -> Result<Self> {
        let known = names();
        let find = |name: &str| known.iter().copied().find(|k| *k == name);
        let unknown = |name: &str| EvalError::Unknown { name: name.to_owned(), known: known.join(", ") };
        let asked = wanted.iter().map(|n| find(n.as_ref()).ok_or_else(|| unknown(n.as_ref())));
        Ok(Self { asked: asked.collect::<Result<_>>()?, ..self })
    }

    /// Whether a measure is wanted of a protocol, and whether it was named.
    fn wants(&self, protocol: &Protocol, measure: &Measure) -> Option<Wanted> {
        let named = |name: &str| self.asked.contains(&name);
        match () {
            () if !protocol.gives.contains(&measure.from()) => None,
            () if named(protocol.name) || (protocol.always && named(measure.key)) => Some(Wanted::ByName),
            () => (self.asked.is_empty() && protocol.always).then_some(Wanted::WithAll),
        }
    }

    /// Measures `samples`. `watch` hears how far it is.
    ///
    /// # Errors
    /// [`EvalError`] for a set whose parts do not fit one another. A set that is too small for a
    /// measure, or has not what it takes, is none: [`Found::not_measured`] says so.
    pub fn run(&self, samples: &EmbeddedSet<'_>, watch: Watch<'_>) -> Result<Found> {
        let mut found = Found::default();
        let classes = samples.labels.iter().collect::<BTreeSet<_>>().len();
        for protocol in PROTOCOLS {
            let mut measures = Vec::new();
            for measure in MEASURES {
                let Some(wanted) = self.wants(protocol, measure) else { continue };
                match measure.limit.filter(|_| wanted == Wanted::WithAll).and_then(|l| l.refuses(samples, classes)) {
                    Some(reason) => found.leave_out(protocol, vec![measure.key.to_owned()], reason),
                    None => measures.push(*measure),
                }
            }
            if measures.is_empty() {
                continue;
            }
            watch(protocol.name, 0.0);
            let mut session = Session::new(self, protocol, measures, &mut found, watch);
            match (protocol.run)(samples, &mut session) {
                Err(error) if error.is_inapplicable() => session.skip(protocol.gives, &error.to_string()),
                other => other?,
            }
            watch(protocol.name, 1.0);
        }
        Ok(found)
    }
}

impl Protocols {
    /// What is found of a network whose embeddings are no numbers: nothing, for `reason`. Of samples that
    /// it should have classified, by their labels, it has classified none.
    ///
    /// # Errors
    /// Never for labels as [`EmbeddedSet::new`] takes them; the signature follows the measures'.
    pub fn dead(&self, classified: &[u32], reason: &str) -> Result<Found> {
        let mut found = Found::default();
        let none = vec![u32::MAX; classified.len()];
        let classes = Classes::new(&none, classified)?;
        for protocol in PROTOCOLS.iter().filter(|p| p.always || self.asked.contains(&p.name)) {
            let mut missing = Vec::new();
            for measure in MEASURES.iter().filter(|m| self.wants(protocol, m).is_some()) {
                if measure.from() == Kind::Classes && !classified.is_empty() {
                    let values = measure.of(&Input::Classes(&classes))?;
                    for (at, value) in values {
                        found.measures.insert(Key::new(measure.key, &at), value?);
                    }
                } else if measure.from() != Kind::Numbers {
                    missing.push(measure.key.to_owned());
                }
            }
            found.leave_out(protocol, missing, reason.to_owned());
        }
        Ok(found)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    ByName,
    WithAll,
}

impl crate::measures::Limit {
    /// Why it is too much for this set, with the way out.
    fn refuses(&self, samples: &EmbeddedSet<'_>, classes: usize) -> Option<String> {
        let (n, dim) = (samples.labels.len(), samples.dim);
        let work = (self.work)(n as f64, classes as f64, dim as f64);
        (work > self.most).then(|| {
            format!(
                "{n} images of {classes} classes in {dim} dimensions are {work:.1e} operations ({}), more than {:.0e}; \
                 ask for it by name (--measures) to compute it all the same",
                self.formula, self.most
            )
        })
    }
}

impl Found {
    fn leave_out(&mut self, protocol: &Protocol, measures: Vec<String>, reason: String) {
        if measures.is_empty() {
            return;
        }
        match self.not_measured.last_mut().filter(|n| n.protocol == protocol.name && n.reason == reason) {
            Some(same) => same.measures.extend(measures),
            None => self.not_measured.push(NotMeasured { protocol: protocol.name.to_owned(), measures, reason }),
        }
    }
}

#[cfg(test)]
mod tests;
