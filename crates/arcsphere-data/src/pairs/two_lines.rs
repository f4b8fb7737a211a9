//! CALFW's and CPLFW's lists: two lines a pair, `file label`, with label 0 for an impostor pair and any other for a
//! genuine one; the k-th tenth of each kind is fold k.

use std::path::Path;

use super::files::{End, Listed, assemble};
use super::list::{FOLDS, root, run};
use super::{PairOptions, PairSet};
use crate::error::DataError;
use crate::lines::{self, fields, shown};
use crate::walk;

const EXPECTED: &str = "a list of pairs";

/// True for a file whose first line is the name of an image and a number.
pub(super) fn is_one(path: &Path) -> Result<bool, DataError> {
    let text = crate::files::read_text(path, 1 << 10)?;
    let first = text.trim_start_matches('\u{feff}').lines().next().unwrap_or_default();
    Ok(
        matches!(fields(first).as_slice(), [file, label] if walk::is_image(Path::new(file)) && label.parse::<i64>().is_ok()),
    )
}

pub(super) fn read(path: &Path, options: &PairOptions) -> Result<PairSet, DataError> {
    let mut listed = Vec::new();
    let mut first: Option<(End, bool)> = None;
    lines::each(path, EXPECTED, |_, text| {
        if text.trim().is_empty() {
            return Ok(());
        }
        let (end, same) = end(text)?;
        match first.take() {
            None => first = Some((end, same)),
            Some((a, said)) if said == same => listed.push(Listed { ends: [a, end], same, fold: None }),
            Some(_) => return Err("the two lines of a pair disagree whether it is one".into()),
        }
        Ok(())
    })?;
    if first.is_some() {
        let (path, because) = (path.to_owned(), "two for each pair".into());
        let found = 2 * listed.len() + 1;
        return Err(DataError::CountMismatch { path, what: "lines", found, expected: found + 1, because });
    }
    for kind in [true, false] {
        let n = listed.iter().filter(|pair| pair.same == kind).count();
        if !n.is_multiple_of(FOLDS) {
            let what = if kind { "genuine pairs" } else { "impostor pairs" };
            let (path, because) = (path.to_owned(), "ten equal folds".into());
            let expected = n.next_multiple_of(FOLDS);
            return Err(DataError::CountMismatch { path, what, found: n, expected, because });
        }
        listed
            .iter_mut()
            .filter(|pair| pair.same == kind)
            .enumerate()
            .for_each(|(i, pair)| pair.fold = Some(run(i, n)));
    }
    assemble(path, &root(path, options), listed, &["png"], options)
}

/// `file label`; the subject is the file's name without its number.
fn end(text: &str) -> Result<(End, bool), String> {
    let bad = || format!("{}, expected the name of an image and a number", shown(text));
    let &[file, label] = fields(text).as_slice() else { return Err(bad()) };
    let label: i64 = label.parse().map_err(|_| bad())?;
    let stem = Path::new(file).file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let subject = stem.rsplit_once('_').filter(|(_, n)| n.parse::<u32>().is_ok()).map(|(name, _)| name);
    let subject = subject.ok_or_else(|| format!("{}, expected a name as in Ada_Lovelace_0001.jpg", shown(file)))?;
    Ok((End::of(file.to_owned(), subject), label != 0))
}
