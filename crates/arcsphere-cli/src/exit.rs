//! Which errors are the user's and which are ours.

use crate::mistake::{Interrupted, Mistake, one_line};
use crate::out::note;
use arcsphere::advise::AdviseError;
use arcsphere::checkpoint::CheckpointError;
use arcsphere::config::ConfigError;
use arcsphere::plan::PlanError;
use arcsphere::registry::UnknownName;
use arcsphere_data::DataError;

/// Prints an error in a line and says how to exit.
pub(crate) fn report(error: &anyhow::Error) -> u8 {
    let code = code(error);
    note!("arcsphere: {}", one_line(error));
    code
}

fn code(error: &anyhow::Error) -> u8 {
    for cause in error.chain() {
        if cause.is::<Interrupted>() {
            return 130;
        }
        let checkpoint = cause.downcast_ref::<CheckpointError>();
        let missing = |e: &CheckpointError| match e {
            CheckpointError::Io { source, .. } => is_of_the_path(source),
            CheckpointError::Read(_) | CheckpointError::Data(_) => false,
            _ => true,
        };
        if cause.is::<Mistake>()
            || cause.is::<ConfigError>()
            || cause.is::<PlanError>()
            || cause.is::<UnknownName>()
            || cause.downcast_ref::<AdviseError>().is_some_and(|e| !matches!(e, AdviseError::Study(_)))
            || cause.downcast_ref::<DataError>().is_some_and(is_users)
            || checkpoint.is_some_and(missing)
        {
            return 2;
        }
    }
    1
}

/// Whether what was named, not the disk, is at fault: nothing is there, or no file, or one that may not be read.
fn is_of_the_path(error: &std::io::Error) -> bool {
    use std::io::ErrorKind;
    matches!(
        error.kind(),
        ErrorKind::NotFound
            | ErrorKind::InvalidInput
            | ErrorKind::FileTooLarge
            | ErrorKind::PermissionDenied
            | ErrorKind::IsADirectory
            | ErrorKind::NotADirectory
    )
}

/// A broken or missing file is for the user to mend; a dead network or disk is a failure.
pub(crate) fn is_users(error: &DataError) -> bool {
    match error {
        DataError::Io { source, .. } => is_of_the_path(source),
        DataError::Http { .. } => false,
        _ => true,
    }
}
