//! The losses, each a file of its own.
//!
//! [`margin`] holds softmax, the angular-margin family and its relatives. They are served by
//! one head (see [`crate::head`]).
//! [`tuple`] holds those that compare the embeddings of a batch with each other or with
//! centers and proxies, [`ordinal`] those of an ordered target, [`regularizer`] what acts on
//! the prototypes alone.
//! [`fit`] says which margins and which scale C classes on a D-sphere have room for.

pub mod margin;

pub mod tuple;

pub mod ordinal;

pub mod regularizer;

pub mod fit;

use crate::registry::{UnknownName, edit_distance};
use margin::LossInfo;
use ordinal::OrdinalInfo;
use std::collections::BTreeMap;
use thiserror::Error;
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

    /// Whether it has a parameter `loss.params.NAME`.
    pub fn has_param(self, name: &str) -> bool {
        match self {
            Loss::Margin(info) => info.params.iter().any(|p| p.name == name),
            Loss::Tuple(info) => info.params.iter().any(|p| p.name == name),
            Loss::Ordinal(info) => info.params.iter().any(|p| p.name == name),
        }
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

/// A number of a loss that users may set, as `loss.params.NAME`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Param {
    /// Its name.
    pub name: &'static str,
    /// What it is unless set.
    pub default: f64,
    /// The least value that is accepted.
    pub min: f64,
    /// The largest.
    pub max: f64,
    /// What it does, its symbol and unit.
    pub meaning: &'static str,
}

/// A parameter that a loss cannot have.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum ParamError {
    /// No such name.
    #[error("{owner} has no parameter \"{name}\" ({known}); rename it or leave it out")]
    Unknown {
        /// The loss.
        owner: &'static str,
        /// The name as given.
        name: String,
        /// Those that it has.
        known: String,
    },
    /// A value outside its range, or none at all.
    #[error("{owner}: {name} = {value} is out of range: it must be in [{}, {}] ({}); leave it out for {}",
        param.min, param.max, param.meaning, param.default)]
    OutOfRange {
        /// The loss.
        owner: &'static str,
        /// The parameter's name.
        name: &'static str,
        /// The value as given.
        value: f64,
        /// The parameter.
        param: Param,
    },
}

/// The values of `params`, in their order: as `given`, else their defaults.
///
/// # Errors
///
/// [`ParamError`] for a name that `owner` does not have, and for a value outside its range.
pub fn resolve(
    owner: &'static str,
    params: &'static [Param],
    given: &BTreeMap<String, f64>,
) -> Result<Vec<f64>, ParamError> {
    if let Some(name) = given.keys().find(|name| params.iter().all(|p| p.name != name.as_str())) {
        let names: Vec<&str> = params.iter().map(|p| p.name).collect();
        let known = if names.is_empty() { "it has none".to_owned() } else { format!("known: {}", names.join(", ")) };
        return Err(ParamError::Unknown { owner, name: name.clone(), known });
    }
    let value = |param: &Param| {
        let value = given.get(param.name).copied().unwrap_or(param.default);
        if (param.min..=param.max).contains(&value) {
            Ok(value)
        } else {
            Err(ParamError::OutOfRange { owner, name: param.name, value, param: *param })
        }
    };
    params.iter().map(value).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    static PARAMS: &[Param] = &[
        Param { name: "margin", default: 0.2, min: 0.0, max: 4.0, meaning: "m" },
        Param { name: "scale", default: 9.0, min: 1.0, max: 64.0, meaning: "s" },
    ];

    fn of(pairs: &[(&str, f64)]) -> Result<Vec<f64>, ParamError> {
        resolve("triplet", PARAMS, &pairs.iter().map(|&(name, value)| (name.to_owned(), value)).collect())
    }

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

    #[test]
    fn defaults_fill_what_is_not_given() {
        assert_eq!(of(&[]).unwrap(), [0.2, 9.0]);
        assert_eq!(of(&[("scale", 2.0)]).unwrap(), [0.2, 2.0]);
    }

    #[test]
    fn unknown_names_and_values_out_of_range_are_refused_by_name() {
        let message = of(&[("margn", 0.2)]).unwrap_err().to_string();
        assert!(message.contains("margn") && message.contains("margin, scale"), "{message}");
        for value in [4.5, -0.1, f64::NAN, f64::INFINITY] {
            let message = of(&[("margin", value)]).unwrap_err().to_string();
            assert!(message.contains("margin") && message.contains("[0, 4]"), "{message}");
        }
        let none = resolve("npair", &[], &BTreeMap::from([("x".to_owned(), 1.0)])).unwrap_err();
        assert!(none.to_string().contains("it has none"), "{none}");
    }
}
