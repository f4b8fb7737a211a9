//! The losses, each a file of its own.
//!
//! [`margin`] holds softmax, the angular-margin family and its relatives. They are served by
//! one head (see [`crate::head`]).
//! [`tuple`] holds those that compare the embeddings of a batch with each other or with
//! centers and proxies, [`regularizer`] what acts on the prototypes alone.
//! [`fit`] says which margins and which scale C classes on a D-sphere have room for.

pub mod margin;

pub mod tuple;

pub mod regularizer;

pub mod fit;

use crate::registry::UnknownName;
use margin::LossInfo;
use std::collections::BTreeMap;
use thiserror::Error;
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

    /// Whether it has a parameter `loss.params.NAME`.
    pub fn has_param(self, name: &str) -> bool {
        match self {
            Loss::Margin(info) => info.params.iter().any(|p| p.name == name),
            Loss::Tuple(info) => info.params.iter().any(|p| p.name == name),
        }
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
