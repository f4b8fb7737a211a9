//! Arguments, as the user writes them.

mod flags;
mod grid;

pub(crate) use flags::{
    DataFlags, Flag, FlagValues, LossFlags, MarginFlags, MeasureFlags, TrainingFlags, all as all_flags,
};
pub(crate) use grid::{Advise, Sweep};

use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// Train, compare, verify and ship embeddings with angular-margin losses.
#[derive(Debug, Parser)]
#[command(name = "arcsphere", version, propagate_version = true, arg_required_else_help = true)]
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
pub(crate) type DataArgs = FlagValues<DataFlags>;

/// How to train.
#[derive(Clone, Debug, Default, ClapArgs)]
pub(crate) struct TrainingArgs {
    #[command(flatten)]
    pub(crate) settings: FlagValues<TrainingFlags>,
    /// A preset instead of the one for this data and backbone ("papers" for the papers' margins and scale).
    #[arg(long, value_name = "NAME")]
    pub(crate) preset: Option<String>,
    /// Any key of the configuration; may be given several times.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub(crate) assignments: Vec<String>,
    /// Where the backbone runs: flex (CPU), cuda or wgpu if built in.
    #[arg(long, value_name = "DEVICE", default_value = "flex")]
    pub(crate) device: String,
}

/// How many trainings, and where to.
#[derive(Debug, ClapArgs)]
pub(crate) struct Series {
    /// How many seeds each [default: 1].
    #[arg(long, value_name = "N")]
    pub(crate) seeds: Option<u64>,
    /// The first seed [default: 0].
    #[arg(long, value_name = "S")]
    pub(crate) seed: Option<u64>,
    /// Trainings at a time, which share the threads; those of `sweep` have one each [default: one per thread].
    #[arg(long, value_name = "N")]
    pub(crate) jobs: Option<usize>,
    /// Where to write [default: a folder of its own in runs/]; must be new or empty.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Go on with what was interrupted; what is finished is not trained again.
    #[arg(long, value_name = "DIR", conflicts_with = "out")]
    pub(crate) resume: Option<PathBuf>,
}

/// `arcsphere compare`
#[derive(Debug, ClapArgs)]
pub(crate) struct Compare {
    #[command(flatten)]
    pub(crate) data: DataArgs,
    #[command(flatten)]
    pub(crate) training: TrainingArgs,
    #[command(flatten)]
    pub(crate) margins: FlagValues<MarginFlags>,
    /// Which losses, separated by commas [default: the seven of the family].
    #[arg(long = "loss", visible_alias = "losses", value_name = "A,B,…", value_delimiter = ',')]
    pub(crate) losses: Vec<String>,
    #[command(flatten)]
    pub(crate) series: Series,
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
    #[command(flatten)]
    pub(crate) loss: FlagValues<LossFlags>,
    #[command(flatten)]
    pub(crate) margins: FlagValues<MarginFlags>,
    /// Where to write [default: runs/LOSS-TIME]; must be new or empty.
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
    #[command(flatten)]
    pub(crate) measured: FlagValues<MeasureFlags>,
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
    /// What is done about images that cannot be used: error or skip.
    #[arg(long, value_name = "WHAT", default_value = "error", value_parser = ["error", "skip"])]
    pub(crate) on_bad_file: String,
    /// Memory for all image files that are decoded at once, in MiB [default: the run's].
    #[arg(long, value_name = "MIB", value_parser = clap::value_parser!(u64).range(1..=1 << 20))]
    pub(crate) decode_memory: Option<u64>,
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
    #[arg(long = "loss", visible_alias = "losses", value_name = "A,B,…", value_delimiter = ',')]
    pub(crate) losses: Vec<String>,
    #[command(flatten)]
    pub(crate) margins: FlagValues<MarginFlags>,
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
    /// The flags that set a key of the configuration, and what is allowed there.
    Flags,
    /// What can be measured, and by which protocols.
    Measures,
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
    /// Copy images from one layout to another: a folder, records (DIR/train.rec), pairs (NAME.bin).
    Convert {
        /// A folder per class, records, or pairs (.bin, .csv, pairs.txt, CFP's folder).
        from: PathBuf,
        /// DIR/train.rec, NAME.bin or a new folder; nothing may be there.
        to: PathBuf,
        #[command(flatten)]
        lists: ListArgs,
    },
}

/// Which data set to look at.
#[derive(Debug, ClapArgs)]
pub(crate) struct DataTarget {
    /// A name, a folder, a .rec, or pairs (.bin, .csv, pairs.txt, CFP's folder).
    pub(crate) source: String,
    #[command(flatten)]
    pub(crate) options: DataArgs,
    #[command(flatten)]
    pub(crate) lists: ListArgs,
}

/// How lists of pairs find their images.
#[derive(Debug, ClapArgs)]
pub(crate) struct ListArgs {
    /// The folder that the names in a list of pairs are relative to [default: the list's own].
    #[arg(long, value_name = "DIR")]
    pub(crate) images: Option<PathBuf>,
    /// What to do with pairs of which an image is missing.
    #[arg(long, value_name = "WHAT", default_value = "fail")]
    pub(crate) missing: MissingArg,
}

/// What to do with pairs of which an image is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum MissingArg {
    /// Refuse the list.
    Fail,
    /// Count them as rejected.
    Reject,
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
    #[arg(long, visible_alias = "resize", value_name = "HxW", value_parser = size)]
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

    /// Lines as they were written before flags had one name each.
    #[test]
    fn other_names_of_flags_are_taken() {
        let parsed =
            |line: &str| Args::try_parse_from(line.split(' ')).unwrap_or_else(|e| panic!("{line}: {e}")).command;
        let Command::Compare(a) = parsed("arcsphere compare --losses arcface,cosface --lr 0.05 --resize 9x8 --m1 0.2")
        else {
            panic!("compare")
        };
        assert_eq!((a.losses.len(), a.training.settings.numbers("optim.rate")), (2, vec![0.05]));
        assert!(a.data.get("data.resize").is_some() && a.margins.numbers("loss.angle_margin") == [0.2]);
        for line in [
            "arcsphere train --losses arcface --m0 2 --m2 0.1 --scale 8 --seed 3",
            "arcsphere sweep --losses arcface --margin 0,0.1 --lr 0.1,0.2 --seeds 2",
            "arcsphere plot target --losses arcface --out f.svg",
            "arcsphere plot target --m0 1.5 --m1 0.3 --m2 0.1 --out f.svg",
            "arcsphere bench train --resize 9x8",
            "arcsphere advise --dim 2 --data mnist --losses arcface",
            "arcsphere eval run --resize 9x8",
        ] {
            parsed(line);
        }
    }

    #[test]
    fn sizes() {
        assert_eq!(size("112x96"), Ok((112, 96)));
        assert!(size("112").is_err() && size("0x3").is_err());
    }
}
