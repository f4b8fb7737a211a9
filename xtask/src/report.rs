//! What a check found, and the summary that is printed at the end.

use std::fmt;

/// One breach of one rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Violation {
    /// Relative to the workspace's root, with `/`.
    pub(crate) path: String,
    /// From 1; 0 where the whole file is meant.
    pub(crate) line: usize,
    pub(crate) what: String,
}

impl Violation {
    pub(crate) fn new(path: &str, line: usize, what: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line, what: what.into() }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.path, self.what),
            line => write!(f, "{}:{line}: {}", self.path, self.what),
        }
    }
}

/// The result of one check.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) name: &'static str,
    /// Why the rule exists; printed once, above its violations.
    pub(crate) reason: &'static str,
    /// What was looked at, in a few words.
    pub(crate) seen: String,
    pub(crate) violations: Vec<Violation>,
    /// The check did not run; `seen` says why.
    pub(crate) skipped: bool,
}

impl Outcome {
    pub(crate) fn new(name: &'static str, reason: &'static str) -> Self {
        Self { name, reason, seen: String::new(), violations: Vec::new(), skipped: false }
    }

    fn word(&self) -> &'static str {
        match (self.violations.is_empty(), self.skipped) {
            (false, _) => "FAIL",
            (true, true) => "skip",
            (true, false) => "ok",
        }
    }
}

/// The whole report: each violation with its rule's reason, then a line a check.
pub(crate) fn render(outcomes: &[Outcome]) -> String {
    let mut text = String::new();
    for outcome in outcomes.iter().filter(|outcome| !outcome.violations.is_empty()) {
        text += &format!("\n{}: {}\n", outcome.name, outcome.reason);
        for violation in &outcome.violations {
            text += &format!("  {violation}\n");
        }
    }
    text += "\n";
    for outcome in outcomes {
        let found = match outcome.violations.len() {
            0 => String::new(),
            1 => "1 violation; ".to_owned(),
            count => format!("{count} violations; "),
        };
        text += &format!("{:<5} {:<14} {found}{}\n", outcome.word(), outcome.name, outcome.seen);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_violation_names_its_place_and_its_reason() {
        let mut bad = Outcome::new("sizes", "small files are read");
        bad.violations.push(Violation::new("a/b.rs", 7, "too long"));
        bad.violations.push(Violation::new("a/c.rs", 0, "too long"));
        let mut skipped = Outcome::new("deny", "licences");
        skipped.skipped = true;
        skipped.seen = "not installed".to_owned();
        let text = render(&[bad, skipped]);
        assert!(text.contains("sizes: small files are read\n  a/b.rs:7: too long\n  a/c.rs: too long\n"), "{text}");
        assert!(text.contains("FAIL  sizes          2 violations; "), "{text}");
        assert!(text.contains("skip  deny           not installed"), "{text}");
    }

    #[test]
    fn a_clean_run_prints_no_reason() {
        let text = render(&[Outcome::new("sizes", "small files are read")]);
        assert_eq!(text.trim_end(), "\nok    sizes".to_owned());
    }
}
