//! Whether a run goes on with the configuration that it was started with.

use super::CheckpointError;
use crate::config::Config;

/// Where the images are, which is no part of what a run is: their checksum tells whether they are the same.
const PLACES: [&str; 2] = ["data.source", "data.root"];

/// Refuses to resume with a configuration other than the run's own. Images may have moved: `data.source` and
/// `data.root` may differ.
///
/// # Errors
///
/// [`CheckpointError::ConfigChanged`] with the first key that differs.
pub fn same_config(was: &Config, now: &Config) -> Result<(), CheckpointError> {
    let flat = |c: &Config| {
        let mut out = Vec::new();
        if let Ok(toml::Value::Table(table)) = toml::Value::try_from(c) {
            flatten("", &toml::Value::Table(table), &mut out);
        }
        out
    };
    let (was, now) = (flat(was), flat(now));
    let of = |list: &[(String, String)], key: &str| {
        list.iter().find(|(k, _)| k == key).map_or("not set".to_owned(), |(_, v)| v.clone())
    };
    for (key, _) in was.iter().chain(&now) {
        let (was, now) = (of(&was, key), of(&now, key));
        if was != now && !PLACES.contains(&key.as_str()) {
            return Err(CheckpointError::ConfigChanged { key: key.clone(), was, now });
        }
    }
    Ok(())
}

fn flatten(prefix: &str, value: &toml::Value, out: &mut Vec<(String, String)>) {
    match value {
        toml::Value::Table(table) => {
            for (key, value) in table {
                let path = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
                flatten(&path, value, out);
            }
        }
        other => out.push((prefix.to_owned(), other.to_string())),
    }
}
