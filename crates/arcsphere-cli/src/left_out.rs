//! What was left out of a set, said in lines.

use crate::out::name;
use arcsphere_data::walk::{LeftOut, Reason};
use arcsphere_data::{BadFile, Source};

/// A line for each reason: how many, why, and which is the first.
pub(crate) fn lines(left_out: &LeftOut) -> impl Iterator<Item = String> {
    left_out.iter().filter_map(|(&reason, paths)| {
        let first = paths.first()?.display().to_string();
        let first = name(&first);
        let what = match reason {
            Reason::NotAnImage => arcsphere_data::walk::by_extension(paths),
            _ => format!("{} files or folders", paths.len()),
        };
        Some(match paths.len() {
            1 => format!("left out: {first}: {reason}"),
            _ => format!("left out: {what}, the first {first}: {reason}"),
        })
    })
}

/// The most files that are named for one reason.
pub(crate) const NAMED: usize = 20;

/// As [`lines`], and after each the files that it does not name.
pub(crate) fn all_lines(left_out: &LeftOut) -> impl Iterator<Item = String> {
    lines(left_out).zip(left_out.values()).flat_map(|(line, paths)| {
        let others = paths.iter().take(NAMED).skip(1).map(|path| format!("  {}", name(&path.display().to_string())));
        let more = paths.len().saturating_sub(NAMED);
        let more = (more > 0).then(|| format!("  … and {more} more"));
        std::iter::once(line).chain(others).chain(more).collect::<Vec<_>>()
    })
}

/// The lines that somebody who did not ask wants to see: what is hidden was not meant.
pub(crate) fn of_note(source: &Source) -> Vec<String> {
    let mut left_out = source.left_out.clone();
    left_out.retain(|reason, _| !matches!(reason, Reason::Hidden | Reason::AppleDouble | Reason::System));
    lines(&left_out).chain(bad(&source.bad_files)).collect()
}

/// A line on what cannot be used.
pub(crate) fn bad(files: &[BadFile]) -> Option<String> {
    let first = name(&files.first()?.error);
    Some(match files.len() {
        1 => format!("left out, for it cannot be used: {first}"),
        n => format!("left out: {n} that cannot be used, the first {first}; `arcsphere data check` names all"),
    })
}
