//! `unsafe` only where it is meant to live.

use crate::report::{Outcome, Violation};
use crate::source::{line_of, mask, words};
use crate::tree::Tree;

/// The kernels hold the instruction sets; the MPI crate talks to a C library.
const HOMES: [&str; 2] = ["crates/arcsphere-kernels/", "crates/arcsphere-mpi/"];

pub(crate) fn check(tree: &Tree) -> Outcome {
    let mut outcome = Outcome::new("unsafe code", "whoever audits memory safety reads the kernels and nothing else");
    let mut files = 0;
    for (path, text) in tree.rust().filter(|(path, _)| !HOMES.iter().any(|home| path.starts_with(home))) {
        files += 1;
        let code = mask(text);
        for at in words(&code, "unsafe") {
            let what = "`unsafe` outside arcsphere-kernels and arcsphere-mpi";
            outcome.violations.push(Violation::new(path, line_of(text, at), what));
        }
    }
    outcome.seen = format!("{files} files outside the kernels");
    outcome
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_keyword_is_found_in_tests_too() {
        let code = "fn f() {}\n#[cfg(test)]\nmod tests { fn g() { unsafe { h() } } }";
        let outcome = check(&Tree::of(&[("crates/arcsphere/src/a.rs", code)]));
        assert_eq!(outcome.violations.len(), 1);
        assert_eq!(outcome.violations[0].line, 3);
    }

    #[test]
    fn words_lints_and_the_kernels_pass() {
        let code = "//! no unsafe\n#![forbid(unsafe_code)]\nconst A: &str = \"unsafe\";";
        let tree = Tree::of(&[("a/src/lib.rs", code), ("crates/arcsphere-kernels/src/a.rs", "unsafe fn f() {}")]);
        assert_eq!(check(&tree).violations, []);
    }
}
