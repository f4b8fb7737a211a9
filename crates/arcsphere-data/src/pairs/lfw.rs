//! LFW's lists: `pairs.txt` with ten folds, view 1's `pairsDevTrain.txt` and `pairsDevTest.txt` with none, and RFW's,
//! which have no first line.
//!
//! ```text
//! 10 TAB 300                          or 1100, or nothing
//! name TAB n1 TAB n2                  a genuine pair: name/name_%04d.jpg
//! name1 TAB n1 TAB name2 TAB n2       an impostor pair
//! ```

use std::path::Path;

use super::files::{End, Listed, assemble};
use super::list::{FOLDS, number, root, run};
use super::{PairOptions, PairSet};
use crate::error::DataError;
use crate::lines::{self, fields, shown};

/// Aligned faces are often stored as another format than the list says.
const OTHER: [&str; 2] = ["png", "jpeg"];

const EXPECTED: &str = "a list of pairs (pairs.txt)";

/// What the first line says.
#[derive(Clone, Copy)]
enum Head {
    /// So many folds with so many pairs of each kind.
    Folds(usize, usize),
    /// So many genuine pairs, then so many impostor pairs.
    View1(usize),
    /// None: the first line is a pair.
    Absent,
}

pub(super) fn read(path: &Path, options: &PairOptions) -> Result<PairSet, DataError> {
    let (mut head, mut listed) = (Head::Absent, Vec::new());
    lines::each(path, EXPECTED, |line, text| {
        let fields = fields(text);
        match (line, fields.as_slice()) {
            (_, []) => Ok(()),
            (1, &[folds, n]) => {
                let (folds, n) = count(folds).zip(count(n)).ok_or_else(|| bad(text))?;
                head = Head::Folds(folds, n);
                Ok(())
            }
            (1, &[n]) => {
                head = Head::View1(count(n).ok_or_else(|| bad(text))?);
                Ok(())
            }
            (_, &[name, a, b]) => {
                listed.push(pair([(name, a), (name, b)])?);
                check_kind(head, &listed)
            }
            (_, &[first, a, second, b]) if first != second => {
                listed.push(pair([(first, a), (second, b)])?);
                check_kind(head, &listed)
            }
            (_, &[name, _, _, _]) => Err(format!("a pair of two names, both of them {}", shown(name))),
            _ => Err(bad(text)),
        }
    })?;
    let n = listed.len();
    let expected = match head {
        Head::Folds(folds, n) => 2 * folds * n,
        Head::View1(n) => 2 * n,
        // Ten runs, of which each must have as many of both kinds as the others.
        Head::Absent => n.next_multiple_of(FOLDS),
    };
    if n != expected || n == 0 {
        let because = if matches!(head, Head::Absent) { "ten equal folds" } else { "as its first line says" };
        let (path, because) = (path.to_owned(), because.into());
        return Err(DataError::CountMismatch { path, what: "pairs", found: n, expected, because });
    }
    for (i, pair) in listed.iter_mut().enumerate() {
        pair.fold = match head {
            Head::Folds(_, n) => Some((i / (2 * n)) as u32),
            Head::View1(_) => None,
            Head::Absent => Some(run(i, n)),
        };
    }
    assemble(path, &root(path, options), listed, &OTHER, options)
}

/// A number of pairs or of folds that a list may have.
fn count(text: &str) -> Option<usize> {
    text.parse().ok().filter(|n| (1..1_000_000).contains(n))
}

/// Genuine and impostor pairs come in runs that the first line says.
fn check_kind(head: Head, listed: &[Listed]) -> Result<(), String> {
    let run = match head {
        Head::Folds(_, n) | Head::View1(n) => n,
        Head::Absent => return Ok(()),
    };
    let (i, same) = (listed.len() - 1, listed.last().is_some_and(|pair| pair.same));
    let expected = (i / run.max(1)).is_multiple_of(2);
    if same == expected {
        return Ok(());
    }
    let [found, expected] = [same, expected].map(|same| if same { "a genuine" } else { "an impostor" });
    Err(format!("{found} pair, expected {expected} one: they come in turns of {run}"))
}

fn pair(ends: [(&str, &str); 2]) -> Result<Listed, String> {
    let end = |(name, n): (&str, &str)| -> Result<End, String> {
        if name.is_empty() {
            return Err("no name".into());
        }
        Ok(End::of(format!("{name}/{name}_{:04}.jpg", number(n)?), name))
    };
    let same = ends[0].0 == ends[1].0;
    Ok(Listed { ends: [end(ends[0])?, end(ends[1])?], same, fold: None })
}

fn bad(line: &str) -> String {
    format!("{}, expected name n1 n2 or name1 n1 name2 n2, with tabs between", shown(line))
}
