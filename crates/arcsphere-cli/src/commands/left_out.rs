//! What a walk through folders left out, said in lines.

use arcsphere_data::walk::LeftOut;

/// A line for each reason: how many, why, and which is the first.
pub(crate) fn lines(left_out: &LeftOut) -> impl Iterator<Item = String> {
    left_out.iter().filter_map(|(reason, paths)| {
        let first = paths.first()?.display();
        Some(match paths.len() {
            1 => format!("left out: {first}: {reason}"),
            n => format!("left out: {n} files or folders, the first {first}: {reason}"),
        })
    })
}
