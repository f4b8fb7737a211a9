//! How the numbers of a run stand in files: `accuracy`, `accuracy_low`, `n_test`, … beside one
//! another, by names that readers know, and every further one in a map `measures`.

use std::collections::BTreeMap;

use serde::de::Error as _;
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serializer};
use serde_json::Value;

use crate::measures::{Estimate, Key};

#[derive(Clone, Copy, PartialEq)]
enum Part {
    Number,
    Low,
    High,
    N,
}
use Part::{High, Low, N, Number};

/// Name in files, key, part.
const FIELDS: [(&str, &str, Part); 25] = [
    ("accuracy", "accuracy", Number),
    ("accuracy_low", "accuracy", Low),
    ("accuracy_high", "accuracy", High),
    ("n_test", "accuracy", N),
    ("eer", "eer", Number),
    ("recall_at_1", "recall_at_k@1", Number),
    ("recall_at_2", "recall_at_k@2", Number),
    ("recall_at_4", "recall_at_k@4", Number),
    ("recall_at_8", "recall_at_k@8", Number),
    ("map_at_r", "map_at_r", Number),
    ("nmi", "nmi", Number),
    ("mae", "mae", Number),
    ("mae_low", "mae", Low),
    ("mae_high", "mae", High),
    ("mae_argmax", "mae_argmax", Number),
    ("mae_argmax_low", "mae_argmax", Low),
    ("mae_argmax_high", "mae_argmax", High),
    ("n_regression", "mae", N),
    ("target_angle_mean", "target_angle@mean", Number),
    ("target_angle_sd", "target_angle@sd", Number),
    ("nontarget_angle_min_mean", "nontarget_angle", Number),
    ("nearest_prototype_angle_mean", "nearest_prototype_angle@mean", Number),
    ("nearest_prototype_angle_min", "nearest_prototype_angle@min", Number),
    ("embedding_norm_mean", "embedding_norm@mean", Number),
    ("embedding_norm_sd", "embedding_norm@sd", Number),
];

/// Name of a map in files from what a value is at to a part of it, and the measure.
const MAPS: [(&str, &str, Part); 7] = [
    ("tmr_at_fmr", "tmr_at_fmr", Number),
    ("cs", "cs", Number),
    ("cs_low", "cs", Low),
    ("cs_high", "cs", High),
    ("cs_argmax", "cs_argmax", Number),
    ("cs_argmax_low", "cs_argmax", Low),
    ("cs_argmax_high", "cs_argmax", High),
];

/// Measures whose n is that of `mae`: all are over the same samples.
const OF_THE_TARGET: [&str; 3] = ["mae_argmax", "cs", "cs_argmax"];

/// Whether a part of a number has a field, or a place in a map, of its own.
fn has_place(key: &Key, part: Part) -> bool {
    let own = if part == N && OF_THE_TARGET.contains(&key.measure_key()) { "mae" } else { key.as_str() };
    key.protocol().is_empty()
        && (FIELDS.iter().any(|f| f.1 == own && f.2 == part)
            || MAPS.iter().any(|m| m.1 == key.measure_key() && m.2 == part && !key.at().is_empty()))
}

fn part(e: &Estimate, part: Part) -> Option<f64> {
    match part {
        Number => Some(e.value),
        Low => e.low,
        High => e.high,
        N => None,
    }
}

fn set(e: &mut Estimate, part: Part, value: f64) {
    match part {
        Number => e.value = value,
        Low => e.low = Some(value),
        High => e.high = Some(value),
        N => e.n = Some(value as u64).filter(|n| *n > 0),
    }
}

/// The numbers of a run.
pub(super) mod measures {
    use super::*;

    pub(in super::super) fn serialize<S: Serializer>(own: &BTreeMap<Key, Estimate>, s: S) -> Result<S::Ok, S::Error> {
        let mut out = s.serialize_map(None)?;
        for (name, key, p) in FIELDS {
            let e = own.get(key);
            match p {
                N => out.serialize_entry(name, &e.and_then(|e| e.n).unwrap_or(0))?,
                _ => out.serialize_entry(name, &e.and_then(|e| part(e, p)))?,
            }
        }
        for (name, measure, p) in MAPS {
            let values: BTreeMap<&str, f64> = own
                .iter()
                .filter(|(k, _)| k.protocol().is_empty() && k.measure_key() == measure)
                .filter_map(|(k, e)| Some((k.at(), part(e, p)?)))
                .collect();
            out.serialize_entry(name, &values)?;
        }
        let few: BTreeMap<&Key, u64> = own.iter().filter_map(|(k, e)| Some((k, e.few_errors?))).collect();
        if !few.is_empty() {
            out.serialize_entry("few_errors", &few)?;
        }
        let further: BTreeMap<&Key, &Estimate> = own
            .iter()
            .filter(|(k, e)| {
                let without = |p, there: bool| there && !has_place(k, p);
                without(Number, true)
                    || without(Low, e.low.is_some())
                    || without(High, e.high.is_some())
                    || without(N, e.n.is_some())
            })
            .collect();
        if !further.is_empty() {
            out.serialize_entry("measures", &further)?;
        }
        out.end()
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<BTreeMap<Key, Estimate>, D::Error> {
        let fields = BTreeMap::<String, Value>::deserialize(d)?;
        let mut out = read(&fields).map_err(D::Error::custom)?;
        if let Some(further) = fields.get("measures") {
            let further = BTreeMap::<Key, Estimate>::deserialize(further).map_err(D::Error::custom)?;
            out.extend(further);
        }
        if let Some(few) = fields.get("few_errors") {
            let few = BTreeMap::<Key, u64>::deserialize(few).map_err(D::Error::custom)?;
            for (key, errors) in few {
                if let Some(e) = out.get_mut(&key) {
                    *e = e.resting_on(errors);
                }
            }
        }
        Ok(out)
    }
}

/// A number, none for `null`.
fn number(name: &str, value: &Value) -> Result<Option<f64>, String> {
    match value {
        Value::Null => Ok(None),
        other => other.as_f64().map(Some).ok_or_else(|| format!("{name} is {other}, expected a number or null")),
    }
}

fn read(fields: &BTreeMap<String, Value>) -> Result<BTreeMap<Key, Estimate>, String> {
    let mut out: BTreeMap<Key, Estimate> = BTreeMap::new();
    // The number itself stands before its interval and its n.
    let mut put = |key: Key, p: Part, value: Option<f64>| {
        let Some(value) = value else { return };
        if p == Number {
            out.insert(key, Estimate::new(value));
        } else if let Some(e) = out.get_mut(&key) {
            set(e, p, value);
        }
    };
    for (name, key, p) in FIELDS {
        if let Some(value) = fields.get(name) {
            put(Key::from(key), p, number(name, value)?);
        }
    }
    for (name, measure, p) in MAPS {
        let Some(values) = fields.get(name) else { continue };
        let values = values.as_object().ok_or_else(|| format!("{name} is {values}, expected a map"))?;
        for (at, value) in values {
            put(Key::new(measure, at), p, number(name, value)?);
        }
    }
    let n = out.get("mae").and_then(|e| e.n);
    for (key, e) in &mut out {
        if OF_THE_TARGET.contains(&key.measure_key()) {
            e.n = n;
        }
    }
    Ok(out)
}

/// How many of what there were: `n_genuine`, `n_impostor`, and further ones.
pub(super) mod counts {
    use super::*;

    const ALWAYS: [&str; 2] = ["genuine", "impostor"];

    pub(in super::super) fn serialize<S: Serializer>(own: &BTreeMap<String, u64>, s: S) -> Result<S::Ok, S::Error> {
        let mut out = s.serialize_map(None)?;
        for name in ALWAYS {
            out.serialize_entry(&format!("n_{name}"), &own.get(name).copied().unwrap_or(0))?;
        }
        for (name, n) in own.iter().filter(|(name, _)| !ALWAYS.contains(&name.as_str())) {
            out.serialize_entry(&format!("n_{name}"), n)?;
        }
        out.end()
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<BTreeMap<String, u64>, D::Error> {
        let fields = BTreeMap::<String, Value>::deserialize(d)?;
        let of_a_measure = |name: &str| FIELDS.iter().any(|f| f.0 == name);
        let counts = fields.iter().filter(|(name, _)| !of_a_measure(name));
        let counts = counts.filter_map(|(name, n)| Some((name.strip_prefix("n_")?.to_owned(), n.as_u64()?)));
        Ok(counts.filter(|(_, n)| *n > 0).collect())
    }
}
