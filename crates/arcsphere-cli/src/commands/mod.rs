//! The subcommands, one file each.

mod advise;
mod bench;
mod command_line;
mod compare;
mod data;
mod embed;
mod eval;
mod explain;
mod jobs;
mod list;
mod margin_loss;
mod pictures;
mod plot;
mod run_dir;
mod sweep;
mod train;

use crate::args::{Args, Command};
use anyhow::Result;

/// Runs a subcommand.
pub(crate) fn run(args: Args) -> Result<()> {
    match args.command {
        Command::Compare(args) => compare::run(&args),
        Command::Train(args) => train::run(&args),
        Command::Sweep(args) => sweep::run(&args),
        Command::Advise(args) => advise::run(&args),
        Command::Eval(args) => eval::run(&args),
        Command::Embed(args) => embed::run(&args),
        Command::Plot(args) => plot::run(&args),
        Command::Explain(args) => explain::run(&args),
        Command::List(args) => list::run(&args),
        Command::Data(args) => data::run(&args),
        Command::Bench(args) => bench::run(&args),
    }
}
