//! The `arcsphere` program.

use std::process::ExitCode;

// Training frees and takes the same blocks every step; the system's allocator gives
// them back in between, and page faults then cost a third of the time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    ExitCode::from(arcsphere_cli::run(std::env::args_os()))
}
