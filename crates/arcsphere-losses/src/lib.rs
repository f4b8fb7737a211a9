//! Angular-margin and metric-learning losses, and the head that trains with them, on slices.
//!
//! [`margin`] holds softmax, the angular-margin family and its relatives. They are served by
//! one [`head`]. [`mod@tuple`] holds those that compare the embeddings of a batch with each other or with
//! centers and proxies, [`ordinal`] those of an ordered target, [`regularizer`] what acts on
//! the prototypes alone. [`fit`] says which margins and which scale C classes on a D-sphere have room for.
//!
//! All of them are in one registry: [`all`] and [`find`].
//!
//! ```
//! use arcsphere_losses::{Kind, find};
//!
//! let loss = find("AM-Softmax")?;
//! assert_eq!(loss.name, "cosface");
//! if let Kind::Margin(cosface) = loss.kind {
//!     assert_eq!(cosface.kind.paper.cosine_margin, 0.35);
//! }
//! # Ok::<(), arcsphere_losses::registry::UnknownName>(())
//! ```
//!
//! This crate knows no framework, no file and no data set: slices come in, slices go out.
//!
//! A module imports only modules listed above it.

pub mod registry;

pub mod range;

pub mod random;

mod numbers;

pub mod init;

pub mod param;

pub mod entry;

pub mod margin;

pub mod tuple;

pub mod ordinal;

pub mod regularizer;

pub mod bounds;

pub mod fit;

pub mod settings;

pub mod margin_schedule;

pub mod head;

pub use entry::Entry;
pub use param::{Param, ParamError, Values};
pub use settings::{Energy, SettingError, Settings};

use margin::MarginLoss;
use ordinal::OrdinalKind;
use registry::UnknownName;
use regularizer::EnergyKind;
use tuple::TupleKind;

/// Any loss of any kind.
pub type Loss = Entry<Kind>;

/// The kinds of losses. Each holds the same entry again, with what only its kind has.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Kind {
    /// A cross-entropy of cosines with a margin; of [`margin::LOSSES`].
    Margin(&'static MarginLoss),
    /// A loss of the embeddings of a batch; of [`tuple::TUPLES`].
    Tuple(&'static Entry<TupleKind>),
    /// A loss of an ordered target; of [`ordinal::ORDINALS`].
    Ordinal(&'static Entry<OrdinalKind>),
    /// A term of the prototypes beside a margin loss; of [`regularizer::REGULARIZERS`].
    Energy(&'static Entry<EnergyKind>),
}

impl Kind {
    /// Its name, in lists.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Margin(_) => "margin",
            Kind::Tuple(_) => "tuple",
            Kind::Ordinal(_) => "ordinal",
            Kind::Energy(_) => "energy",
        }
    }
}

impl Loss {
    /// The margin loss that it is, if it is one.
    pub fn margin(&self) -> Option<&'static MarginLoss> {
        match self.kind {
            Kind::Margin(loss) => Some(loss),
            _ => None,
        }
    }

    /// Whether `loss.extension` says what its target does past π; else only the default is taken.
    pub fn takes_extension(&self) -> bool {
        self.margin().is_some_and(|loss| loss.kind.takes_extension)
    }
}

/// Every loss: margin losses, tuple losses, losses of an ordered target, terms of the prototypes.
///
/// ```
/// let names: Vec<&str> = arcsphere_losses::all().map(|loss| loss.name).collect();
/// for name in ["softmax", "arcface", "triplet", "coral", "hyperspherical_energy"] {
///     assert!(names.contains(&name));
/// }
/// ```
pub fn all() -> impl Iterator<Item = Loss> + Clone {
    let margins = margin::LOSSES.iter().map(|l| l.with_kind(Kind::Margin(l)));
    let tuples = tuple::TUPLES.iter().map(|l| l.with_kind(Kind::Tuple(l)));
    let ordinals = ordinal::ORDINALS.iter().map(|l| l.with_kind(Kind::Ordinal(l)));
    let energies = regularizer::REGULARIZERS.iter().map(|l| l.with_kind(Kind::Energy(l)));
    margins.chain(tuples).chain(ordinals).chain(energies)
}

/// The loss called `name`, or an alias, of any kind; case and `-` for `_` do not matter.
///
/// # Errors
///
/// [`UnknownName`] with the nearest name.
///
/// ```
/// assert_eq!(arcsphere_losses::find("tripletts").unwrap_err().nearest, Some("triplet"));
/// ```
pub fn find(name: &str) -> Result<Loss, UnknownName> {
    registry::find(all(), "loss", name)
}

/// The README's example, compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loss_is_found_whatever_its_kind() {
        for (name, of) in [
            ("am-softmax", "cosface"),
            ("center_loss", "center"),
            ("smooth-L1", "regression"),
            ("mhe", "hyperspherical_energy"),
        ] {
            assert_eq!(find(name).unwrap().name, of);
        }
        let error = find("corall").unwrap_err();
        assert_eq!((error.nearest, error.known.len()), (Some("coral"), all().count()));
    }

    /// What every kind must say, in one loop: a loss added anywhere is tested here.
    #[test]
    fn every_loss_describes_itself_by_names_of_its_own() {
        let mut seen = std::collections::BTreeSet::new();
        for loss in all() {
            for text in [loss.name, loss.summary, loss.formula, loss.source] {
                assert!(!text.trim().is_empty(), "{}", loss.name);
            }
            for name in loss.aliases.iter().chain([&loss.name]) {
                assert!(seen.insert(*name), "\"{name}\" twice");
            }
            for (k, p) in loss.params.iter().enumerate() {
                let what = format!("{} {}", loss.name, p.name);
                assert!(!p.meaning.trim().is_empty() && !p.why.trim().is_empty(), "{what}");
                assert!(p.range.contains(p.default), "{what}: {} is not {}", p.default, p.range);
                assert!(p.neutral.is_none_or(|v| p.range.contains(v)), "{what}: neutral");
                assert!(p.neutral.is_none() || p.symbol().chars().count() <= 3, "{what}: {}", p.symbol());
                assert!(loss.params[..k].iter().all(|q| q.name != p.name), "{what} twice");
                if let Some(other) = p.above {
                    let other = loss.params.iter().find(|q| q.name == other).expect("another parameter");
                    assert!(p.default > other.default, "{what}");
                }
                // Nothing is fitted to C and D for a loss without a margin on angles.
                assert!(loss.margin().is_some() || (p.neutral, p.above) == (None, None), "{what}");
            }
            let unknown = loss.values(&[("no_such".to_owned(), 1.0)].into()).unwrap_err();
            assert!(matches!(unknown, ParamError::Unknown { .. }), "{}: {unknown}", loss.name);
            assert_eq!(loss.values(&Default::default()).unwrap().len(), loss.params.len(), "{}", loss.name);
        }
    }
}
