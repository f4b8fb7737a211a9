//! Names with a prefix, which say what to make of what follows: `age:PATH`, `age/5:PATH`,
//! `rotated:SET`.

use std::path::Path;

use super::{Loaded, OpenOptions, split};
use crate::error::DataError;
use crate::target::Unit;
use crate::{age, files, rotated};

/// The set that `spec` makes from another, or `None` when it has no such prefix.
pub(super) fn load(spec: &str, options: &OpenOptions) -> Option<Result<Loaded, DataError>> {
    let (prefix, rest) = spec.split_once(':')?;
    match prefix.split_once('/') {
        None if prefix == "rotated" => Some(turned(rest, options)),
        None if prefix == "age" => Some(ages(rest, "1", options)),
        Some(("age", width)) => Some(ages(rest, width, options)),
        _ => None,
    }
}

fn ages(path: &str, width: &str, options: &OpenOptions) -> Result<Loaded, DataError> {
    // What is no number is refused as widths out of range are.
    let Ok(years) = width.parse() else {
        return Err(DataError::BadBinWidth { found: format!("`{width}`"), range: age::WIDTHS });
    };
    let path = Path::new(path);
    let age::Ages { set, left_out, bad_files } = age::read(path, years, &options.decoding(), options.on_bad_file)?;
    let stem = files::name_of(&path.canonicalize().unwrap_or_else(|_| path.to_owned()));
    let name = match years {
        1 => format!("{stem} (ages by the year)"),
        _ => format!("{stem} (ages in bins of {years} years)"),
    };
    Ok(Loaded { left_out, bad_files, ..split(name, &set, options)? })
}

fn turned(spec: &str, options: &OpenOptions) -> Result<Loaded, DataError> {
    let twice = || DataError::AlreadyRotated { name: spec.to_owned() };
    // Before anything is read: a long enough chain of prefixes would exhaust the stack.
    if spec.starts_with("rotated:") {
        return Err(twice());
    }
    // The classes of the set do not matter, so none is held out; what is held out are angles.
    let source = super::load(spec, &OpenOptions { open_set: false, ..options.clone() })?;
    if source.train.targets().is_some_and(|t| t.unit() == Unit::Degrees) {
        return Err(twice());
    }
    let parts = rotated::both(&source.train, &source.test, options.seed)?;
    let name = format!("{}, {}", source.name, rotated::NOTE);
    let Loaded { validation, left_out, bad_files, mut remarks, whole, .. } = source;
    if validation.is_some() {
        remarks.push("the validation images are left out: they are not turned".to_owned());
    }
    Ok(Loaded { left_out, bad_files, remarks, whole, ..Loaded::closed(name, parts) })
}
