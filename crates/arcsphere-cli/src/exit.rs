//! Which errors are the user's and which are ours.

use crate::out::note;
use arcsphere::advise::AdviseError;
use arcsphere::checkpoint::CheckpointError;
use arcsphere::config::ConfigError;
use arcsphere::plan::PlanError;
use arcsphere::registry::UnknownName;
use arcsphere_data::DataError;
use std::fmt;
use std::process::ExitCode;

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
    ($($arg:tt)*) => { anyhow::Error::new($crate::exit::Mistake(format!($($arg)*))) };
}
pub(crate) use mistake;

/// Prints an error in a line and says how to exit.
pub(crate) fn report(error: &anyhow::Error) -> ExitCode {
    let code = code(error);
    note!("arcsphere: {}", one_line(error));
    ExitCode::from(code)
}

/// An error and its causes. Some errors say their cause themselves; it is not said twice.
fn one_line(error: &anyhow::Error) -> String {
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

fn code(error: &anyhow::Error) -> u8 {
    for cause in error.chain() {
        if cause.is::<Interrupted>() {
            return 130;
        }
        let checkpoint = cause.downcast_ref::<CheckpointError>();
        let missing = |e: &CheckpointError| match e {
            CheckpointError::Io { source, .. } => source.kind() == std::io::ErrorKind::NotFound,
            CheckpointError::Read(_) | CheckpointError::Data(_) => false,
            _ => true,
        };
        if cause.is::<Mistake>()
            || cause.is::<ConfigError>()
            || cause.is::<PlanError>()
            || cause.is::<UnknownName>()
            || cause.is::<AdviseError>()
            || cause.downcast_ref::<DataError>().is_some_and(is_users)
            || checkpoint.is_some_and(missing)
        {
            return 2;
        }
    }
    1
}

/// A broken or missing file is for the user to mend; a dead network or disk is a failure.
fn is_users(error: &DataError) -> bool {
    match error {
        DataError::Io { source, .. } => source.kind() == std::io::ErrorKind::NotFound,
        DataError::Http { .. } => false,
        _ => true,
    }
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
