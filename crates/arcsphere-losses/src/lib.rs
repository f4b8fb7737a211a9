//! Angular-margin and metric-learning losses, and the head that trains with them, on slices.
//!
//! [`margin`] holds softmax, the angular-margin family and its relatives. They are served by
//! one [`head`]. [`tuple`] holds those that compare the embeddings of a batch with each other or with
//! centers and proxies, [`ordinal`] those of an ordered target, [`regularizer`] what acts on
//! the prototypes alone. [`fit`] says which margins and which scale C classes on a D-sphere have room for.
//!
//! This crate knows no framework, no file and no data set: slices come in, slices go out.
//!
//! A module imports only modules listed above it.

pub mod registry;

pub mod range;

pub mod random;

pub mod init;

pub mod param;

pub mod margin;

pub mod tuple;

pub mod ordinal;

pub mod regularizer;

pub mod fit;

pub mod margin_schedule;

pub mod head;

pub use param::{Param, ParamError};

use crate::registry::{UnknownName, edit_distance};
use margin::LossInfo;
use ordinal::OrdinalInfo;
use tuple::TupleInfo;

/// A loss that users name, of any registry.
#[derive(Clone, Copy, Debug)]
pub enum Loss {
    /// Of [`margin::LOSSES`].
    Margin(&'static LossInfo),
    /// Of [`tuple::TUPLES`].
    Tuple(&'static TupleInfo),
    /// Of [`ordinal::ORDINALS`].
    Ordinal(&'static OrdinalInfo),
}

impl Loss {
    /// The registry's name.
    pub fn name(self) -> &'static str {
        match self {
            Loss::Margin(info) => info.name,
            Loss::Tuple(info) => info.name,
            Loss::Ordinal(info) => info.name,
        }
    }

    /// Whether `loss.extension` says what its target does past π; else only the default is taken.
    pub fn takes_extension(self) -> bool {
        matches!(self, Loss::Margin(info) if info.takes_extension)
    }

    /// What may be set of it as `loss.params.NAME`.
    pub fn params(self) -> &'static [Param] {
        match self {
            Loss::Margin(info) => info.params,
            Loss::Tuple(info) => info.params,
            Loss::Ordinal(info) => info.params,
        }
    }

    /// Whether it has a parameter `loss.params.NAME`.
    pub fn has_param(self, name: &str) -> bool {
        self.params().iter().any(|p| p.name == name)
    }
}

/// The loss called `name`, or an alias, in any registry.
///
/// # Errors
///
/// [`UnknownName`] with the nearest name.
pub fn find(name: &str) -> Result<Loss, UnknownName> {
    let mut unknown = match margin::find(name) {
        Ok(info) => return Ok(Loss::Margin(info)),
        Err(unknown) => unknown,
    };
    let found = [tuple::find(name).map(Loss::Tuple), ordinal::find(name).map(Loss::Ordinal)];
    for loss in found {
        match loss {
            Ok(loss) => return Ok(loss),
            Err(other) => {
                let near = unknown.nearest.into_iter().chain(other.nearest);
                unknown.nearest = near.min_by_key(|near| edit_distance(name, near));
                unknown.known.extend(other.known);
            }
        }
    }
    Err(unknown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loss_is_found_in_any_registry_and_stands_in_one() {
        for (name, of) in [("am-softmax", "cosface"), ("center_loss", "center"), ("smooth-L1", "regression")] {
            assert_eq!(find(name).unwrap().name(), of);
        }
        let error = find("tripletts").unwrap_err();
        assert_eq!(error.nearest, Some("triplet"));
        assert_eq!(find("corall").unwrap_err().nearest, Some("coral"));
        let entries = || {
            let margins = margin::LOSSES.iter().map(|l| (l.name, l.aliases));
            let tuples = tuple::TUPLES.iter().map(|l| (l.name, l.aliases));
            margins.chain(tuples).chain(ordinal::ORDINALS.iter().map(|l| (l.name, l.aliases)))
        };
        assert_eq!(error.known.len(), entries().count());
        for (name, aliases) in entries() {
            for name in aliases.iter().chain([&name]) {
                let registries = [margin::find(name).is_ok(), tuple::find(name).is_ok(), ordinal::find(name).is_ok()];
                assert_eq!(registries.iter().filter(|found| **found).count(), 1, "{name}");
            }
        }
    }
}
