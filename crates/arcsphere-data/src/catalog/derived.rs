//! Names with a prefix, which say how to read what follows: `age:PATH`, `age/5:PATH`.

use std::path::Path;

use super::{Loaded, OpenOptions, split};
use crate::error::DataError;
use crate::{age, files};

/// The set that `spec` makes from another, or `None` when it has no such prefix.
pub(super) fn load(spec: &str, options: &OpenOptions) -> Option<Result<Loaded, DataError>> {
    let (prefix, rest) = spec.split_once(':')?;
    match prefix.split_once('/') {
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
    let faces = age::read(path, years, options.resize)?;
    let stem = files::name_of(&path.canonicalize().unwrap_or_else(|_| path.to_owned()));
    let name = match years {
        1 => format!("{stem} (ages by the year)"),
        _ => format!("{stem} (ages in bins of {years} years)"),
    };
    split(name, &faces, options)
}
