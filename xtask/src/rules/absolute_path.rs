//! No committed text names a folder of the machine that it was written on.

use crate::report::{Outcome, Violation};
use crate::tree::Tree;

/// In two parts, so that this file passes its own rule.
const FOLDERS: [&str; 4] = [concat!("/", "home/"), concat!("/", "root/"), concat!("/", "Users/"), concat!("/", "tmp/")];

pub(crate) fn check(tree: &Tree) -> Outcome {
    let mut outcome = Outcome::new("absolute path", "a path of one machine means nothing on another");
    let mut files = 0;
    for (path, text) in tree.texts() {
        files += 1;
        for folder in FOLDERS {
            for (at, _) in text.match_indices(folder) {
                if starts_a_path(text, at) {
                    let what = format!("names `{folder}`, a folder of one machine");
                    outcome.violations.push(Violation::new(path, 1 + text[..at].matches('\n').count(), what));
                }
            }
        }
    }
    outcome.seen = format!("{files} text files");
    outcome
}

/// `a/tmp/b`, `./tmp/b` and `$HOME/tmp/b` go on from something; an absolute path does not.
fn starts_a_path(text: &str, at: usize) -> bool {
    let before = text[..at].chars().next_back();
    before.is_none_or(|c| !c.is_alphanumeric() && !matches!(c, '_' | '-' | '.' | '~' | '}' | ')'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absolute_paths_are_found_in_any_text() {
        for folder in FOLDERS {
            for text in [format!("{folder}x"), format!("a\n\"{folder}x\""), format!("path={folder}x")] {
                let outcome = check(&Tree::of(&[("README.md", &text)]));
                assert_eq!(outcome.violations.len(), 1, "{text}");
            }
        }
    }

    #[test]
    fn relative_paths_pass() {
        for folder in FOLDERS {
            for before in ["a", "..", "~", "${HOME}"] {
                let text = format!("{before}{folder}x");
                assert_eq!(check(&Tree::of(&[("README.md", &text)])).violations, [], "{text}");
            }
        }
    }
}
