//! Lines to stdout and stderr that outlive their reader.
//!
//! `println!` panics when the reader is gone (`arcsphere list losses | head -1`). Results
//! that nobody reads are no failure, and progress that nobody reads must not end a training.

use arcsphere_eval::show::visible;
use std::borrow::Cow;
use std::fmt;
use std::io::{ErrorKind, Write};

/// Prints a line of the result. Ends the program quietly if nobody reads it.
pub(crate) fn to_stdout(line: fmt::Arguments<'_>) {
    if let Err(error) = writeln!(std::io::stdout().lock(), "{}", safe(line)) {
        if error.kind() == ErrorKind::BrokenPipe {
            std::process::exit(0);
        }
        to_stderr(format_args!("arcsphere: cannot write to stdout: {error}"));
        std::process::exit(1);
    }
}

/// Names come from folders and files, and must not steer the reader's terminal.
fn safe(line: fmt::Arguments<'_>) -> String {
    visible(&line.to_string(), "\n\t").into_owned()
}

/// Prints a line beside the result.
pub(crate) fn to_stderr(line: fmt::Arguments<'_>) {
    // Without a reader there is nobody to tell.
    let _ = writeln!(std::io::stderr().lock(), "{}", safe(line));
}

/// A name from outside in a line with others.
pub(crate) fn name(text: &str) -> Cow<'_, str> {
    visible(text, "")
}

/// [`to_stdout`] with a format.
macro_rules! say {
    ($($arg:tt)*) => { $crate::out::to_stdout(format_args!($($arg)*)) };
}

/// [`to_stderr`] with a format.
macro_rules! note {
    ($($arg:tt)*) => { $crate::out::to_stderr(format_args!($($arg)*)) };
}

pub(crate) use {note, say};
