//! Arguments of `sweep`, and of `advise`, which reads what sweeps measured.

use super::{DataArgs, Series, TrainingArgs};
use clap::Args as ClapArgs;
use std::path::PathBuf;

/// `arcsphere sweep`
#[derive(Debug, ClapArgs)]
pub(crate) struct Sweep {
    #[command(flatten)]
    pub(crate) data: DataArgs,
    #[command(flatten)]
    pub(crate) training: TrainingArgs,
    /// Losses with one margin, separated by commas.
    #[arg(long, visible_alias = "losses", value_name = "A,B,…", value_delimiter = ',')]
    pub(crate) loss: Vec<String>,
    /// FROM:TO:STEP (both ends in it) or a list, in the loss's own unit; LOSS=… for one loss only, and then several
    /// times. A multiplier (sphereface) lies in [1, 16], an angle (arcface) in [0, π], a cosine (cosface) in [0, 2].
    #[arg(long, value_name = "[LOSS=]RANGE", allow_hyphen_values = true)]
    pub(crate) margin: Vec<String>,
    /// Fixed scales, separated by commas, for the losses that have one [default: fitted to the data].
    #[arg(long, value_name = "A,B,…", value_delimiter = ',')]
    pub(crate) scale: Vec<f64>,
    #[command(flatten)]
    pub(crate) series: Series,
}

/// `arcsphere advise`
#[derive(Debug, ClapArgs)]
pub(crate) struct Advise {
    /// Number of classes [default: those of --data].
    #[arg(long, value_name = "C", required_unless_present = "data.source")]
    pub(crate) classes: Option<usize>,
    /// Dimension of the embedding.
    #[arg(long, value_name = "D")]
    pub(crate) dim: usize,
    #[command(flatten)]
    pub(crate) data: DataArgs,
    /// The loss [default: every loss with a margin].
    #[arg(long, visible_alias = "losses", value_name = "LOSS")]
    pub(crate) loss: Option<String>,
    /// The probability that a sample on its prototype is to be given [default: 0.9, with the default scale].
    #[arg(long, value_name = "P")]
    pub(crate) probability: Option<f64>,
    /// A sweep's folder or sweep.json to be held against [default: the built-in study]; may be given several times.
    #[arg(long, value_name = "PATH")]
    pub(crate) sweep: Vec<PathBuf>,
    /// A folder below which more sweeps are looked for.
    #[arg(long, value_name = "DIR")]
    pub(crate) sweeps_in: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}
