//! The user's mistakes, and Ctrl-C: the errors that have exit codes of their own.

use std::fmt;

/// The user's mistake, or something that the user must install: exit code 2.
#[derive(Debug)]
pub(crate) struct Wrong(pub(crate) String);

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Wrong {}

/// Stopped by Ctrl-C, with everything kept: exit code 130.
#[derive(Debug)]
pub(crate) struct Interrupted(pub(crate) String);

impl fmt::Display for Interrupted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Interrupted {}

/// Shorthand for a [`Wrong`].
macro_rules! wrong {
    ($($arg:tt)*) => { anyhow::Error::new($crate::mistake::Wrong(format!($($arg)*))) };
}
pub(crate) use wrong;
