//! The errors that have exit codes of their own, and an error's words in one line.
//!
//! `xtask` compiles this very file too.

use std::fmt;

/// A user's mistake that no library names: what is wrong, and a way out.
#[derive(Debug)]
pub(crate) struct Mistake(pub(crate) String);

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Mistake {}

/// Stopped by Ctrl-C, with everything saved.
#[derive(Debug)]
pub(crate) struct Interrupted(pub(crate) String);

impl fmt::Display for Interrupted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Interrupted {}

/// Shorthand for a [`Mistake`].
macro_rules! mistake {
    ($($arg:tt)*) => { anyhow::Error::new($crate::mistake::Mistake(format!($($arg)*))) };
}
pub(crate) use mistake;

/// An error and its causes. Some errors say their cause themselves; it is not said twice.
pub(crate) fn one_line(error: &anyhow::Error) -> String {
    let mut line = String::new();
    for cause in error.chain() {
        let text = cause.to_string().replace('\n', " ");
        if !line.contains(&text) {
            line.push_str(if line.is_empty() { "" } else { ": " });
            line.push_str(&text);
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_that_is_said_is_not_said_again() {
        let cause = std::io::Error::other("the disk\nis full");
        let error = anyhow::Error::new(cause).context("cannot write a.txt: the disk is full");
        assert_eq!(one_line(&error), "cannot write a.txt: the disk is full");
        let error = anyhow::Error::new(std::io::Error::other("the disk is full")).context("cannot write a.txt");
        assert_eq!(one_line(&error), "cannot write a.txt: the disk is full");
    }
}
