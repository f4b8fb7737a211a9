//! The `arcsphere` program as one function: arguments in, exit code out.
//!
//! 0: done. 1: a failure. 2: a user's mistake, said in a line with a way out.
//! 130: interrupted by Ctrl-C (SIGINT), SIGTERM or SIGHUP, nothing lost.
//!
//! A module imports only modules listed above it; blank lines keep rustfmt from sorting across them.

mod mistake;

mod out;

mod machine;

mod npy;

mod args;

mod exit;

mod left_out;

mod settings;

mod log;

mod timing;

mod watch;

mod commands;

use clap::Parser;
use std::ffi::OsString;

/// Runs the program with a command line, whose first word is the program's own name; the exit code.
///
/// What it says goes to the process's stdout and stderr, and the number of threads is the process's: a second run in
/// the same process must have that of the first.
///
/// ```
/// assert_eq!(arcsphere_cli::run(["arcsphere", "list", "losses"].map(Into::into)), 0);
/// assert_eq!(arcsphere_cli::run(["arcsphere", "eval", "no such run"].map(Into::into)), 2);
/// ```
pub fn run(words: impl IntoIterator<Item = OsString>) -> u8 {
    match args::Args::try_parse_from(words) {
        Ok(args) => commands::run(args).map_or_else(|error| exit::report(&error), |()| 0),
        Err(error) => {
            // Without a reader there is nobody to tell.
            let _ = error.print();
            u8::try_from(error.exit_code()).unwrap_or(2)
        }
    }
}
