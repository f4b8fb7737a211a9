//! `cargo xtask check`: all rules and tools, and one summary at the end.

use crate::report::render;
use crate::tools::{clippy, deny, fuzz, rustfmt};
use crate::tree::Tree;
use crate::{report::Outcome, rules};
use anyhow::Result;
use std::path::Path;

/// Runs every check, even after one has failed, and prints the report.
///
/// The quick ones come first, so that their tools' output does not bury clippy's.
pub(crate) fn run(root: &Path, with_clippy: bool) -> Result<bool> {
    let tree = Tree::read(root)?;
    let mut outcomes: Vec<Outcome> = rules::ALL.iter().map(|rule| rule(&tree)).collect();
    outcomes.push(rustfmt::check(root, &tree));
    outcomes.push(deny::check(root));
    if with_clippy {
        outcomes.push(clippy::check(root));
        outcomes.push(fuzz::check(root));
    }
    print!("{}", render(&outcomes));
    Ok(outcomes.iter().all(|outcome| outcome.violations.is_empty()))
}
