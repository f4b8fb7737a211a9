//! The losses, each a file of its own.
//!
//! [`margin`] holds softmax, the angular-margin family and its relatives. They are served by
//! one head (see [`crate::head`]).
//! [`tuple`] holds those that compare the embeddings of a batch with each other or with
//! centers and proxies, [`regularizer`] what acts on the prototypes alone.
//! [`fit`] says which margins and which scale C classes on a D-sphere have room for.

pub mod param;

pub mod margin;

pub mod tuple;

pub mod regularizer;

pub mod fit;

pub use param::{Param, ParamError};

use crate::registry::UnknownName;
use margin::LossInfo;
use tuple::TupleInfo;

/// A loss of either registry that users name.
#[derive(Clone, Copy, Debug)]
pub enum Loss {
    /// Of [`margin::LOSSES`].
    Margin(&'static LossInfo),
    /// Of [`tuple::TUPLES`].
    Tuple(&'static TupleInfo),
}

impl Loss {
    /// The registry's name.
    pub fn name(self) -> &'static str {
        match self {
            Loss::Margin(info) => info.name,
            Loss::Tuple(info) => info.name,
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
        }
    }

    /// Whether it has a parameter `loss.params.NAME`.
    pub fn has_param(self, name: &str) -> bool {
        self.params().iter().any(|p| p.name == name)
    }
}

/// The loss called `name`, or an alias, in either registry.
///
/// # Errors
///
/// [`UnknownName`] with the nearest name.
pub fn find(name: &str) -> Result<Loss, UnknownName> {
    match (margin::find(name), tuple::find(name)) {
        (Ok(info), _) => Ok(Loss::Margin(info)),
        (_, Ok(info)) => Ok(Loss::Tuple(info)),
        (Err(mut unknown), Err(of_tuples)) => {
            unknown.nearest = unknown.nearest.or(of_tuples.nearest);
            unknown.known.extend(of_tuples.known);
            Err(unknown)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loss_is_found_in_either_registry_and_stands_in_one() {
        for (name, of) in [("am-softmax", "cosface"), ("center_loss", "center")] {
            assert_eq!(find(name).unwrap().name(), of);
        }
        let error = find("tripletts").unwrap_err();
        assert_eq!(error.nearest, Some("triplet"));
        assert_eq!(error.known.len(), margin::LOSSES.len() + tuple::TUPLES.len());
        let names = |name: &'static str, aliases: &'static [&'static str]| aliases.iter().copied().chain([name]);
        for tuple in tuple::TUPLES {
            for name in names(tuple.name, tuple.aliases) {
                assert!(margin::find(name).is_err(), "{name} is in both registries");
            }
        }
    }
}
