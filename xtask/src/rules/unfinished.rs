//! No placeholder and no debug print.

use crate::report::{Outcome, Violation};
use crate::source::{line_of, mask, words};
use crate::tree::Tree;

const MACROS: [&str; 3] = ["todo", "unimplemented", "dbg"];

pub(crate) fn check(tree: &Tree) -> Outcome {
    let mut outcome = Outcome::new("unfinished", "what is offered works; what does not exist yet is not offered");
    let mut files = 0;
    for (path, text) in tree.rust() {
        files += 1;
        let code = mask(text);
        for name in MACROS {
            for at in words(&code, name).filter(|at| code[at + name.len()..].trim_start().starts_with('!')) {
                // `todo != x` compares a variable.
                if !code[at + name.len()..].trim_start().starts_with("!=") {
                    outcome.violations.push(Violation::new(path, line_of(text, at), format!("`{name}!`")));
                }
            }
        }
    }
    outcome.seen = format!("{files} files");
    outcome
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_found() {
        let code = "fn a() { todo!() }\nfn b() { unimplemented! (\"x\") }\nfn c() { dbg!(1); }";
        let outcome = check(&Tree::of(&[("a.rs", code)]));
        let lines: Vec<usize> = outcome.violations.iter().map(|violation| violation.line).collect();
        assert_eq!(lines, [1, 2, 3]);
    }

    #[test]
    fn names_strings_and_comments_pass() {
        let code = "// todo!()\nconst A: &str = \"dbg!(x)\";\nfn f(todo: u8) -> bool { todo != 1 }\nmy_todo!();";
        assert_eq!(check(&Tree::of(&[("a.rs", code)])).violations, []);
    }
}
