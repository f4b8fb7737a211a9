//! The `arcsphere` program: arguments in, exit code out.
//!
//! 0: done. 1: a failure. 2: a user's mistake, said in a line with a way out.
//! 130: interrupted by Ctrl-C (SIGINT), SIGTERM or SIGHUP, nothing lost.

mod args;
mod commands;
mod exit;
mod log;
mod machine;
mod mistake;
mod npy;
mod out;
mod settings;
mod timing;
mod watch;

use clap::Parser;
use std::process::ExitCode;

// Training frees and takes the same blocks every step; the system's allocator gives
// them back in between, and page faults then cost a third of the time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let args = args::Args::parse();
    match commands::run(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => exit::report(&error),
    }
}
