//! Arguments, as the user writes them.

mod grid;

pub(crate) use grid::{Advise, Sweep};

use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// Train, compare, verify and ship embeddings with angular-margin losses.
#[derive(Debug, Parser)]
#[command(name = "arcsphere", version, about, propagate_version = true, arg_required_else_help = true)]
pub(crate) struct Args {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Train several losses on the same images and show what each does, in one report.
    Compare(Compare),
    /// Train one loss, from a configuration file or flags; resume a run.
    Train(Train),
    /// Train losses over a grid of margins, rates, scales and seeds.
    Sweep(Sweep),
    /// Say which margin and scale to train with, and why.
    Advise(Advise),
    /// Measure a trained run: accuracy, angles, pairs.
    Eval(Eval),
    /// Turn images into embeddings with a trained run.
    Embed(Embed),
    /// Draw decision boundaries, target functions or a run's features.
    Plot(Plot),
    /// Explain a loss: formula, boundary, defaults, source, picture.
    Explain(Explain),
    /// List losses, data sets, backbones, optimizers or the causes of which trainings die.
    List(List),
    /// Fetch, describe or check data sets.
    Data(Data),
    /// Time the head, the convolution or a training step.
    Bench(Bench),
}

/// Which images.
#[derive(Clone, Debug, Default, ClapArgs)]
pub(crate) struct DataArgs {
    /// A data set's name, or a folder [default: the embedded MNIST subset].
    #[arg(long, value_name = "NAME|DIR")]
    pub(crate) data: Option<String>,
    /// Where named data sets are looked for [default: data].
    #[arg(long, value_name = "DIR")]
    pub(crate) root: Option<PathBuf>,
    /// Bring every image to this size.
    #[arg(long, value_name = "HxW", value_parser = size)]
    pub(crate) resize: Option<(usize, usize)>,
    /// Split a folder by class: test on classes never trained on.
    #[arg(long)]
    pub(crate) open_set: bool,
    /// The part of a folder without train/ and test/ that becomes the test set.
    #[arg(long, value_name = "PART")]
    pub(crate) test_fraction: Option<f64>,
    /// Use at most so many training images, evenly over the classes.
    #[arg(long, value_name = "N")]
    pub(crate) limit_train: Option<usize>,
    /// Use at most so many test images, evenly over the classes.
    #[arg(long, value_name = "N")]
    pub(crate) limit_test: Option<usize>,
}

/// How to train.
#[derive(Clone, Debug, Default, ClapArgs)]
pub(crate) struct TrainingArgs {
    /// What is learned: classify, or age (an ordered target: a folder of images named by age, a CSV
    /// of path and age, or rotated-digits) [default: classify].
    #[arg(long, value_name = "TASK")]
    pub(crate) task: Option<String>,
    /// The backbone (see `arcsphere list backbones`).
    #[arg(long, value_name = "B")]
    pub(crate) backbone: Option<String>,
    /// Dimension of the embedding.
    #[arg(long, value_name = "D")]
    pub(crate) dim: Option<usize>,
    /// Passes over the training images.
    #[arg(long, value_name = "N")]
    pub(crate) epochs: Option<u64>,
    /// Images in a step.
    #[arg(long, value_name = "N")]
    pub(crate) batch: Option<usize>,
    /// Peak learning rate; for `sweep` also several, separated by commas.
    #[arg(long, value_name = "RATE", value_delimiter = ',')]
    pub(crate) lr: Vec<f64>,
    /// Threads [default: all].
    #[arg(long, value_name = "N")]
    pub(crate) threads: Option<usize>,
    /// A preset (crates/arcsphere/configs) instead of the one for this data and backbone ("papers" for
    /// the papers' margins and scale).
    #[arg(long, value_name = "NAME")]
    pub(crate) preset: Option<String>,
    /// What is done about a training that dies: recover, stop or ignore [default: recover].
    #[arg(long, value_name = "WHAT")]
    pub(crate) on_collapse: Option<String>,
    /// Train as the usual public code does, to see the difference: the papers' margins and scale
    /// at once, a clamped arccos left to autodiff, no soft start, no clipping, no recovery.
    #[arg(long)]
    pub(crate) naive: bool,
    /// Any key of the configuration; may be given several times.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub(crate) assignments: Vec<String>,
    /// Where the backbone runs: flex (CPU), cuda or wgpu if built in.
    #[arg(long, value_name = "DEVICE", default_value = "flex")]
    pub(crate) device: String,
}

/// `arcsphere compare`
#[derive(Debug, ClapArgs)]
pub(crate) struct Compare {
    #[command(flatten)]
    pub(crate) data: DataArgs,
    #[command(flatten)]
    pub(crate) training: TrainingArgs,
    /// Which losses, separated by commas [default: the seven of the family].
    #[arg(long, value_name = "A,B,…", value_delimiter = ',')]
    pub(crate) losses: Vec<String>,
    /// How many seeds each [default: 1].
    #[arg(long, value_name = "N")]
    pub(crate) seeds: Option<u64>,
    /// The first seed [default: 0].
    #[arg(long, value_name = "S")]
    pub(crate) seed: Option<u64>,
    /// Runs at a time, each with its share of the threads [default: one run per thread].
    #[arg(long, value_name = "N")]
    pub(crate) jobs: Option<usize>,
    /// Where to write [default: runs/compare-<time>]; must be new or empty.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Go on with an interrupted comparison.
    #[arg(long, value_name = "DIR", conflicts_with = "out")]
    pub(crate) resume: Option<PathBuf>,
}

/// `arcsphere train`
#[derive(Debug, ClapArgs)]
pub(crate) struct Train {
    /// A configuration file.
    #[arg(value_name = "CONFIG.toml")]
    pub(crate) config: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) data: DataArgs,
    #[command(flatten)]
    pub(crate) training: TrainingArgs,
    /// The loss (see `arcsphere list losses`).
    #[arg(long, value_name = "LOSS")]
    pub(crate) loss: Option<String>,
    /// The seed.
    #[arg(long, value_name = "S")]
    pub(crate) seed: Option<u64>,
    /// Where to write [default: runs/<loss>-<time>]; must be new or empty.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Go on with an interrupted run, with its own configuration.
    #[arg(long, value_name = "RUN", conflicts_with = "out")]
    pub(crate) resume: Option<PathBuf>,
}

/// `arcsphere eval`
#[derive(Debug, ClapArgs)]
pub(crate) struct Eval {
    /// A run's folder or a checkpoint.
    pub(crate) run: PathBuf,
    #[command(flatten)]
    pub(crate) data: DataArgs,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// `arcsphere embed`
#[derive(Debug, ClapArgs)]
pub(crate) struct Embed {
    /// A run's folder or a checkpoint.
    pub(crate) run: PathBuf,
    /// Images, folders of images, or a data set's name.
    #[arg(required = true, value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    /// A .npy file of float32 [N, D]; labels go beside it as .labels.csv.
    #[arg(long, value_name = "FILE.npy")]
    pub(crate) out: PathBuf,
    /// Overwrite the output files.
    #[arg(long)]
    pub(crate) force: bool,
}

/// What to draw.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Picture {
    /// Decision boundaries and margins in the (θ1, θ2) plane.
    Boundaries,
    /// Target functions ψ(θ).
    Target,
    /// A run's test embeddings.
    Features,
}

/// `arcsphere plot`
#[derive(Debug, ClapArgs)]
pub(crate) struct Plot {
    /// What to draw.
    pub(crate) picture: Picture,
    /// A run's folder or a checkpoint, for features.
    #[arg(value_name = "RUN")]
    pub(crate) run: Option<PathBuf>,
    /// Which losses, separated by commas [default: the seven of the family].
    #[arg(long, value_name = "A,B,…", value_delimiter = ',')]
    pub(crate) losses: Vec<String>,
    /// Angle multiplier of an own margin to draw.
    #[arg(long, value_name = "M0")]
    pub(crate) m0: Option<f64>,
    /// Angle margin in radians.
    #[arg(long, value_name = "M1")]
    pub(crate) m1: Option<f64>,
    /// Cosine margin.
    #[arg(long, value_name = "M2")]
    pub(crate) m2: Option<f64>,
    /// Margins fitted to so many classes, instead of the papers'.
    #[arg(long, value_name = "C", requires = "dim")]
    pub(crate) classes: Option<usize>,
    /// … in so many dimensions.
    #[arg(long, value_name = "D", requires = "classes")]
    pub(crate) dim: Option<usize>,
    /// Draw for a dark page.
    #[arg(long)]
    pub(crate) dark: bool,
    /// An .svg or .png file.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
    /// Overwrite it.
    #[arg(long)]
    pub(crate) force: bool,
}

/// `arcsphere explain`
#[derive(Debug, ClapArgs)]
pub(crate) struct Explain {
    /// The loss.
    pub(crate) loss: String,
    /// Defaults for so many classes …
    #[arg(long, default_value_t = 10)]
    pub(crate) classes: usize,
    /// … in so many dimensions.
    #[arg(long, default_value_t = 2)]
    pub(crate) dim: usize,
}

/// What to list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Listed {
    /// The losses.
    Losses,
    /// The data sets.
    Datasets,
    /// The backbones.
    Backbones,
    /// The optimizers.
    Optimizers,
    /// The causes of which trainings die, and what is done about each.
    Causes,
}

/// `arcsphere list`
#[derive(Debug, ClapArgs)]
pub(crate) struct List {
    /// What to list.
    pub(crate) what: Listed,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// `arcsphere data`
#[derive(Debug, ClapArgs)]
pub(crate) struct Data {
    #[command(subcommand)]
    pub(crate) command: DataCommand,
}

/// What to do with data.
#[derive(Debug, Subcommand)]
pub(crate) enum DataCommand {
    /// Download a data set.
    Fetch {
        /// Its name.
        name: String,
        /// Where to.
        #[arg(default_value = "data")]
        dir: PathBuf,
        /// Another mirror's address.
        #[arg(long, value_name = "URL")]
        from: Option<String>,
    },
    /// Say what a data set holds.
    Info(DataTarget),
    /// Read everything, and say what is wrong.
    Check(DataTarget),
}

/// Which data set to look at.
#[derive(Debug, ClapArgs)]
pub(crate) struct DataTarget {
    /// A name or a folder.
    pub(crate) source: String,
    #[command(flatten)]
    pub(crate) options: DataArgs,
}

/// What to time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Subject {
    /// A step of the head.
    Head,
    /// A convolution, forward and backward.
    Conv,
    /// A training step.
    Train,
}

/// `arcsphere bench`
#[derive(Debug, ClapArgs)]
pub(crate) struct Bench {
    /// What to time.
    pub(crate) subject: Subject,
    /// Classes (head).
    #[arg(long, default_value_t = 10_000)]
    pub(crate) classes: usize,
    /// Embedding dimension [default: 512 for the head, 2 for training].
    #[arg(long)]
    pub(crate) dim: Option<usize>,
    /// Images in a step.
    #[arg(long, default_value_t = 128)]
    pub(crate) batch: usize,
    /// Threads [default: all].
    #[arg(long)]
    pub(crate) threads: Option<usize>,
    /// The loss.
    #[arg(long, default_value = "arcface")]
    pub(crate) loss: String,
    /// The backbone (train).
    #[arg(long, default_value = "lenet_2d")]
    pub(crate) backbone: String,
    /// Train on made-up images of three channels and this size, not on the embedded digits;
    /// for conv, the input's size [default: 14x14].
    #[arg(long, value_name = "HxW", value_parser = size)]
    pub(crate) size: Option<(usize, usize)>,
    /// Input channels (conv).
    #[arg(long, default_value_t = 32)]
    pub(crate) channels: usize,
    /// Output channels (conv) [default: as many as go in].
    #[arg(long)]
    pub(crate) out_channels: Option<usize>,
    /// Kernel's side (conv).
    #[arg(long, default_value_t = 3)]
    pub(crate) kernel: usize,
    /// Stride (conv).
    #[arg(long, default_value_t = 1)]
    pub(crate) stride: usize,
    /// One group a channel (conv).
    #[arg(long)]
    pub(crate) depthwise: bool,
    /// Timed steps.
    #[arg(long, default_value_t = 9)]
    pub(crate) repeats: usize,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

fn size(text: &str) -> Result<(usize, usize), String> {
    let parts = text.split_once(['x', 'X', '×']).and_then(|(h, w)| Some((h.parse().ok()?, w.parse().ok()?)));
    match parts {
        Some((h, w)) if h > 0 && w > 0 => Ok((h, w)),
        _ => Err("expected height and width in pixels, e.g. 112x96".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_arguments_are_sound() {
        Args::command().debug_assert();
    }

    #[test]
    fn sizes() {
        assert_eq!(size("112x96"), Ok((112, 96)));
        assert!(size("112").is_err() && size("0x3").is_err());
    }
}
