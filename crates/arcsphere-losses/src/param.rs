//! The numbers of a loss that users may set, how they are checked, and how they are refused.

use crate::range::Range;
use std::collections::BTreeMap;
use thiserror::Error;

/// Values of parameters by name.
pub type Values = BTreeMap<&'static str, f64>;

/// A number of a loss that users may set, beside m0, m1, m2 and s: `loss.params.NAME` in a
/// configuration.
///
/// ```
/// use arcsphere_losses::{Param, Values, range::Range};
///
/// const T: Param = Param::new("t", 1.2, Range::Closed(1.0, 4.0), "below 1 it would help the wrong class", "t, a factor");
/// assert_eq!((T.symbol(), T.of(&Values::new()), T.of(&[("t", 2.0)].into())), ("t", 1.2, 2.0));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Param {
    /// Its name.
    pub name: &'static str,
    /// The paper's value.
    pub default: f64,
    /// What is allowed, …
    pub range: Range,
    /// … and why no more is.
    pub why: &'static str,
    /// Its symbol in the formula, where it has one, what it is, and its unit.
    pub meaning: &'static str,
    /// Where it is part of the margin: its value without any. Margins that are fitted to C and D
    /// go from the default toward it.
    pub neutral: Option<f64>,
    /// Another parameter that it must exceed.
    pub above: Option<&'static str>,
}

impl Param {
    /// A parameter that is no part of the margin.
    pub const fn new(
        name: &'static str,
        default: f64,
        range: Range,
        why: &'static str,
        meaning: &'static str,
    ) -> Param {
        Param { name, default, range, why, meaning, neutral: None, above: None }
    }

    /// The same as a part of the margin, which is none at `value`.
    pub const fn without_margin_at(self, value: f64) -> Param {
        Param { neutral: Some(value), ..self }
    }

    /// The same, to exceed another parameter.
    pub const fn above(self, other: &'static str) -> Param {
        Param { above: Some(other), ..self }
    }

    /// Its value among others, by name; one that is missing has its default.
    pub fn of(&self, values: &Values) -> f64 {
        values.get(self.name).copied().unwrap_or(self.default)
    }

    /// Whether a switch is on: 1, not 0.
    pub fn is_on(&self, values: &Values) -> bool {
        self.of(values) == 1.0
    }

    /// The symbol.
    pub fn symbol(&self) -> &'static str {
        self.meaning.split(", ").next().unwrap_or(self.name)
    }

    /// The value at a part `t` in \[0, 1\] of the paper's margin.
    pub fn at_strength(&self, t: f64) -> f64 {
        self.neutral.map_or(self.default, |neutral| neutral + t * (self.default - neutral))
    }

    /// What leaving it out gives, in words.
    fn unless_given(&self) -> String {
        match self.neutral {
            Some(_) => "what the classes have room for".to_owned(),
            None => self.default.to_string(),
        }
    }
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
    #[error(
        "{name} = {value} is out of range for {owner}: it must be {range}, because {why}; leave it out for {instead}"
    )]
    OutOfRange {
        /// The loss.
        owner: &'static str,
        /// The parameter's name.
        name: &'static str,
        /// The value as given.
        value: f64,
        /// What is allowed.
        range: Range,
        /// The reason.
        why: &'static str,
        /// What leaving it out gives.
        instead: String,
    },
    /// A value that does not exceed the one that it must.
    #[error(
        "{name} = {value} is out of range for {owner}: it must be above {other}, which is {least}; raise it or lower {other}"
    )]
    NotAbove {
        /// The loss.
        owner: &'static str,
        /// The parameter's name.
        name: &'static str,
        /// Its value.
        value: f64,
        /// The other parameter.
        other: &'static str,
        /// The other's value.
        least: f64,
    },
}

/// Refuses a name that `owner` does not have, and a value outside its range.
///
/// # Errors
///
/// [`ParamError::Unknown`], [`ParamError::OutOfRange`].
///
/// ```
/// use arcsphere_losses::{margin, param};
///
/// let mv = margin::find("mv_softmax")?;
/// let error = param::check(mv.name, mv.params, &[("t".to_owned(), 0.5)].into()).unwrap_err().to_string();
/// assert!(error.starts_with("t = 0.5 is out of range for mv_softmax: it must be in [1, 4], because"), "{error}");
/// # Ok::<(), arcsphere_losses::registry::UnknownName>(())
/// ```
pub fn check(owner: &'static str, params: &[Param], given: &BTreeMap<String, f64>) -> Result<(), ParamError> {
    for (name, &value) in given {
        let Some(param) = params.iter().find(|p| p.name == name) else {
            let names: Vec<&str> = params.iter().map(|p| p.name).collect();
            let known =
                if names.is_empty() { "it has none".to_owned() } else { format!("known: {}", names.join(", ")) };
            return Err(ParamError::Unknown { owner, name: name.clone(), known });
        };
        if !param.range.contains(value) {
            let Param { name, range, why, .. } = *param;
            return Err(ParamError::OutOfRange { owner, name, value, range, why, instead: param.unless_given() });
        }
    }
    Ok(())
}

/// The values of `params`: as `given`, else as `otherwise` says.
///
/// # Errors
///
/// [`ParamError`] for what [`check`] refuses, and for a value that does not exceed the one that it must.
///
/// ```
/// use arcsphere_losses::{Param, param, range::Range};
///
/// let params = [Param::new("low", 1.0, Range::Over(0.0), "", "l"), Param::new("high", 9.0, Range::Over(0.0), "", "h")];
/// let values = param::resolve("mine", &params, &[("low".to_owned(), 2.0)].into(), |p| p.default)?;
/// assert_eq!((values["low"], values["high"]), (2.0, 9.0));
/// # Ok::<(), arcsphere_losses::ParamError>(())
/// ```
pub fn resolve(
    owner: &'static str,
    params: &[Param],
    given: &BTreeMap<String, f64>,
    otherwise: impl Fn(&Param) -> f64,
) -> Result<Values, ParamError> {
    check(owner, params, given)?;
    let value = |p: &Param| (p.name, given.get(p.name).copied().unwrap_or_else(|| otherwise(p)));
    let values: Values = params.iter().map(value).collect();
    for param in params {
        let (value, other) = (param.of(&values), param.above.and_then(|other| values.get_key_value(other)));
        if let Some((other, &least)) = other.filter(|(_, least)| value <= **least) {
            return Err(ParamError::NotAbove { owner, name: param.name, value, other, least });
        }
    }
    Ok(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARAMS: [Param; 3] = [
        Param::new("margin", 0.25, Range::Closed(0.0, 4.0), "of the sphere", "m, in radians").without_margin_at(1.0),
        Param::new("low", 9.0, Range::Over(0.0), "it is a length", "l"),
        Param::new("high", 20.0, Range::Over(0.0), "it is a length", "u").above("low"),
    ];

    fn of(pairs: &[(&str, f64)]) -> Result<[f64; 3], String> {
        let given = pairs.iter().map(|&(name, value)| (name.to_owned(), value)).collect();
        let values = resolve("magface", &PARAMS, &given, |p| p.default).map_err(|e| e.to_string())?;
        assert_eq!(values.len(), 3);
        Ok(PARAMS.map(|p| p.of(&values)))
    }

    #[test]
    fn only_what_is_part_of_the_margin_is_weakened() {
        let [margin, low, _] = PARAMS;
        assert_eq!((low.at_strength(0.0), low.at_strength(1.0)), (9.0, 9.0));
        assert_eq!((margin.at_strength(0.0), margin.at_strength(0.5), margin.at_strength(1.0)), (1.0, 0.625, 0.25));
        assert_eq!((margin.symbol(), low.symbol()), ("m", "l"));
    }

    #[test]
    fn what_is_not_given_is_filled_in() {
        assert_eq!(of(&[]), Ok([0.25, 9.0, 20.0]));
        assert_eq!(of(&[("low", 2.0)]), Ok([0.25, 2.0, 20.0]));
        let fitted = resolve("magface", &PARAMS, &BTreeMap::new(), |p| p.at_strength(0.5));
        assert_eq!(fitted, Ok([("margin", 0.625), ("low", 9.0), ("high", 20.0)].into()));
    }

    #[test]
    fn names_and_values_are_refused_with_the_reason_and_a_way_out() {
        let refused = |name: &str, value, words: &[&str]| {
            let text = of(&[(name, value)]).unwrap_err();
            assert!(words.iter().chain(&["magface"]).all(|word| text.contains(word)), "{text}");
        };
        refused("margn", 0.2, &["no parameter \"margn\"", "known: margin, low, high", "leave it out"]);
        for value in [4.5, -0.1, f64::NAN, f64::INFINITY] {
            refused(
                "margin",
                value,
                &["margin = ", "in [0, 4], because of the sphere", "what the classes have room for"],
            );
        }
        refused("low", -1.0, &["low = -1", "> 0, because it is a length", "leave it out for 9"]);
        refused("high", 5.0, &["high = 5", "above low, which is 9", "lower low"]);
        // What is filled in counts as well.
        refused("low", 20.0, &["high = 20", "above low, which is 20"]);
        let none = check("npair", &[], &BTreeMap::from([("x".to_owned(), 1.0)])).unwrap_err();
        assert!(none.to_string().contains("it has none"), "{none}");
    }
}
