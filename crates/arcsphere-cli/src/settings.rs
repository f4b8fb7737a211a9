//! From arguments to a checked plan: the one place where flags become configuration.

use crate::args::{DataArgs, TrainingArgs};
use crate::exit::is_users;
use crate::left_out;
use crate::mistake::mistake;
use crate::out::note;
use anyhow::Result;
use arcsphere::Device;
use arcsphere::config::{Config, Layers, PRESETS, preset_for};
use arcsphere::plan::Splits;
use arcsphere_data::{DataError, Dataset, OpenOptions, Shape, Source};
use arcsphere_eval::results::DataInfo;
use std::path::{Path, PathBuf};

/// A device by its name.
///
/// # Errors
///
/// A mistake for a name that is unknown or not built in.
pub(crate) fn device(name: &str) -> Result<Device> {
    arcsphere::device(name).map_err(|error| mistake!("--device {name}: {error}"))
}

/// Sets the number of threads of everything that runs in this process; 0 for all.
pub(crate) fn set_threads(threads: usize) -> Result<usize> {
    let threads = match threads {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        n if n > 1024 => return Err(mistake!("--threads {n} is out of range: it must be in 1..=1024")),
        n => n,
    };
    if let Err(error) = rayon::ThreadPoolBuilder::new().num_threads(threads).build_global()
        // A process that runs the program more than once has its threads already.
        && rayon::current_num_threads() != threads
    {
        return Err(error.into());
    }
    Ok(threads)
}

/// Layers from a preset, an optional file, and flags.
pub(crate) fn layers(file: Option<&Path>, data: &DataArgs, training: &TrainingArgs) -> Result<Layers> {
    let from_file = match file {
        Some(path) => Some(Layers::new().file(path)?.build()?),
        None => None,
    };
    let source = data
        .text("data.source")
        .map(str::to_owned)
        .or_else(|| from_file.as_ref().map(|c| c.data.source.clone()))
        .unwrap_or(Config::default().data.source);
    let dataset = dataset_name(&source);
    let file_names_backbone = file.is_some().then_some(from_file.as_ref()).flatten().map(|c| c.model.backbone.clone());
    let given = training.settings.text("model.backbone").map(str::to_owned);
    let backbone = given.or(file_names_backbone).unwrap_or_else(|| default_backbone(&dataset).to_owned());

    let mut layers = Layers::new();
    if let Some(preset) = preset_for(&dataset, &backbone) {
        layers = layers.text(preset.text, preset.name)?;
    }
    layers = layers.set("model.backbone", backbone)?;
    if let Some(name) = &training.preset {
        let preset = PRESETS.iter().find(|p| p.name == name).ok_or_else(|| {
            let known: Vec<&str> = PRESETS.iter().map(|p| p.name).collect();
            mistake!("there is no preset \"{name}\" (known: {})", known.join(", "))
        })?;
        layers = layers.text(preset.text, preset.name)?;
    }
    if let Some(path) = file {
        layers = layers.file(path)?;
    }
    flags(layers, data, training)
}

/// Flags over a configuration.
pub(crate) fn flags(layers: Layers, data: &DataArgs, training: &TrainingArgs) -> Result<Layers> {
    let layers = training.settings.over(data.over(layers)?)?;
    Ok(training.assignments.iter().try_fold(layers, |layers, assignment| layers.assignment(assignment))?)
}

/// The name of a set for presets: a registered name as it is, a folder by its last part.
fn dataset_name(source: &str) -> String {
    if arcsphere_data::catalog::find(source).is_ok() {
        return source.to_owned();
    }
    let last = Path::new(source).file_name().map(|n| n.to_string_lossy().to_lowercase()).unwrap_or_default();
    match last.as_str() {
        "cifar-10-batches-bin" => "cifar-10".to_owned(),
        "cifar-100-binary" => "cifar-100".to_owned(),
        _ => last,
    }
}

fn default_backbone(dataset: &str) -> &'static str {
    if dataset.starts_with("cifar") { "resnet_cifar" } else { "lenet_2d" }
}

/// The first seed and how many there are: 0 and 1 where nothing is given.
pub(crate) fn seeds(first: Option<u64>, count: Option<u64>) -> Result<(u64, u64)> {
    let (first, count) = (first.unwrap_or(0), count.unwrap_or(1));
    if !(1..=1000).contains(&count) {
        return Err(mistake!("--seeds {count} is out of range: it must be in 1..=1000, a loss is trained once a seed"));
    }
    if first > i64::MAX as u64 - count {
        return Err(mistake!("--seed {first} is too large: at most {}", i64::MAX as u64 - count));
    }
    Ok((first, count))
}

/// Reads the images that a configuration names.
pub(crate) fn open(config: &Config) -> Result<Source> {
    let source = arcsphere::plan::source(config)?;
    arcsphere_data::open(&source, &open_options(config)).map_err(|error| with_way_out(error, &source))
}

/// An error of reading `source`, with what can be done where it is about one of many files.
pub(crate) fn with_way_out(error: DataError, source: &str) -> anyhow::Error {
    let of_all = matches!(&error, DataError::Io { path, .. } if source.ends_with(&*path.to_string_lossy()));
    if of_all || !error.is_of_one_file() || !is_users(&error) {
        return error.into();
    }
    mistake!(
        "{error}; `arcsphere data check` names all that cannot be used, and --on-bad-file skip goes on without them"
    )
}

/// The same for a run that was trained before, whose images may lie elsewhere by now; `is_given` says whether their
/// place was named.
pub(crate) fn open_again(config: &Config, is_given: bool) -> Result<Source> {
    open(config).map_err(|error| match error.downcast_ref::<DataError>() {
        Some(DataError::Missing { .. } | DataError::UnknownDataset { .. } | DataError::NotFetched { .. }) if !is_given => {
            let source = &config.data.source;
            mistake!(
                "{error}; the run was started on images at \"{source}\": say where they are now by --data (the checksum \
                 tells whether they are the same)"
            )
        }
        _ => error,
    })
}

/// Reads images to measure on: what comes without a test part is left whole.
pub(crate) fn open_whole(config: &Config) -> Result<Source> {
    let options = OpenOptions { whole: true, open_set: false, limit_train: None, ..open_options(config) };
    let source = arcsphere::plan::source(config)?;
    arcsphere_data::open(&source, &options).map_err(|error| with_way_out(error, &source))
}

/// Images as a run takes them that was trained on images of another shape: gray ones with three equal planes.
pub(crate) fn as_trained(set: Dataset, trained: Shape) -> Result<Dataset> {
    let found = set.shape();
    if (found.height, found.width) != (trained.height, trained.width) {
        return Err(mistake!(
            "the run was trained on images of {trained} (channels x height x width), these are {found}; use --size {}x{}",
            trained.height,
            trained.width
        ));
    }
    match (trained.channels, found.channels) {
        (a, b) if a == b => Ok(set),
        (3, 1) => Ok(set.in_color()?),
        _ => Err(mistake!(
            "the run was trained on images of {trained} (channels x height x width), these are {found}: it has no use \
             for color; make the images gray first, as with `magick mogrify -colorspace Gray`, or train on such images"
        )),
    }
}

/// How a configuration's images are read.
pub(crate) fn open_options(config: &Config) -> OpenOptions {
    let d = &config.data;
    OpenOptions {
        root: d.root.clone(),
        resize: d.resize,
        fit: d.fit,
        decode_memory: d.decoding().memory,
        test_fraction: d.test_fraction,
        open_set: d.open_set,
        seed: d.split_seed,
        limit_train: d.limit_train,
        limit_test: d.limit_test,
        whole: false,
        on_bad_file: d.on_bad_file.into(),
    }
}

/// An outcome on images; an error comes after how they were understood.
pub(crate) fn understood<T>(source: &Source, outcome: Result<T>) -> Result<T> {
    outcome.map_err(|error| if source.remarks.is_empty() { error } else { error.context(source.remarks.join("; ")) })
}

/// Says how images were understood, and what was left out.
pub(crate) fn notes(source: &Source) {
    for line in source.remarks.iter().cloned().chain(left_out::of_note(source)) {
        note!("{line}");
    }
}

/// What results say of the images.
pub(crate) fn data_info(source: &Source, splits: &Splits) -> DataInfo {
    DataInfo {
        name: source.name.clone(),
        n_train: splits.train.len() as u64,
        n_validation: splits.validation.as_ref().map_or(0, |v| v.len() as u64),
        n_test: splits.test.len() as u64,
        classes: splits.train.n_classes() as u64,
        n_bad: source.bad_files.len() as u64,
        sha256: source.sha256.clone(),
    }
}

/// A folder to write to: `wanted`, or a new one under `runs/`; it must not hold anything.
pub(crate) fn output_folder(wanted: Option<&Path>, kind: &str) -> Result<PathBuf> {
    let folder = match wanted {
        Some(path) => path.to_owned(),
        None => PathBuf::from("runs").join(format!("{kind}-{}", timestamp())),
    };
    if folder.is_file() {
        return Err(mistake!("{} is a file; give --out a new folder", folder.display()));
    }
    let occupied = std::fs::read_dir(&folder).is_ok_and(|mut entries| entries.next().is_some());
    if occupied {
        let begun = [("train", "checkpoint.safetensors"), ("compare", "compare.json"), ("sweep", "grid.json")];
        let begun = begun.into_iter().find(|(_, file)| folder.join(file).is_file());
        let go_on = begun.map_or(String::new(), |(command, _)| {
            format!(", or go on with: arcsphere {command} --resume {}", folder.display())
        });
        return Err(mistake!(
            "{} is not empty, and nothing there is overwritten; give --out a new folder{go_on}",
            folder.display()
        ));
    }
    std::fs::create_dir_all(&folder).map_err(|e| anyhow::anyhow!("cannot make {}: {e}", folder.display()))?;
    Ok(folder)
}

/// The text of a file that a folder must hold to be gone on with; `absent` says that it is not there.
pub(crate) fn text_of_run(path: &Path, absent: impl Fn() -> String) -> Result<String> {
    arcsphere_files::read_text(path).map_err(|e| match e.kind() {
        std::io::ErrorKind::NotFound => mistake!("{}", absent()),
        _ => mistake!("cannot read {}: {e}", path.display()),
    })
}

/// Refuses to overwrite a file that is there, unless forced.
pub(crate) fn free_to_write(path: &Path, force: bool) -> Result<()> {
    if path.exists() && !force {
        return Err(mistake!("{} is there already; give another name, or --force to overwrite it", path.display()));
    }
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() && !parent.is_dir() => {
            Err(mistake!("the folder {} is not there; make it first", parent.display()))
        }
        _ => Ok(()),
    }
}

/// UTC as 20260131-235959.
pub(crate) fn timestamp() -> String {
    let [year, month, day, hour, minute, second] = utc();
    format!("{year:04}{month:02}{day:02}-{hour:02}{minute:02}{second:02}")
}

/// UTC as 2026-01-31T23:59:59Z.
pub(crate) fn moment() -> String {
    let [year, month, day, hour, minute, second] = utc();
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// Year, month, day, hour, minute, second.
fn utc() -> [u64; 6] {
    let seconds = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |d| d.as_secs());
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    // Civil date from days since 1970-01-01 (Hinnant's algorithm).
    let z = days + 719_468;
    let era = z / 146_097;
    let day_of_era = z % 146_097;
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    [year, month, day, rest / 3600, rest / 60 % 60, rest % 60]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::FlagValues;
    use arcsphere::config::OnCollapse;

    #[test]
    fn flags_win_over_the_preset() {
        let data = DataArgs::of([("data.source", "cifar-10".into())]);
        let settings = FlagValues::of([("train.epochs", 3.into())]);
        let training = TrainingArgs { settings, assignments: vec!["model.dim=16".into()], ..TrainingArgs::default() };
        let config = layers(None, &data, &training).unwrap().build().unwrap();
        assert_eq!((config.train.epochs, config.model.dim), (3, 16));
        assert_eq!(config.model.backbone, "resnet_cifar");
        assert!(config.data.augment.flip);
    }

    #[test]
    fn naive_and_what_is_given_beside_it() {
        let of = |training: &TrainingArgs| layers(None, &DataArgs::default(), training).unwrap().build().unwrap();
        let settings = FlagValues::of([("train.naive", true.into())]);
        let training = TrainingArgs { settings, ..TrainingArgs::default() };
        let naive = of(&training);
        assert_eq!((naive.train.on_collapse, naive.optim.clip, naive.loss.paper), (OnCollapse::Ignore, 0.0, true));
        // Of the preset for these images and this network what is not the trainer's stays.
        assert_eq!(naive.optim.rate, of(&TrainingArgs::default()).optim.rate);
        let settings = FlagValues::of([("train.naive", true.into()), ("train.on_collapse", "stop".into())]);
        let own = TrainingArgs { settings, assignments: vec!["optim.clip=2.0".into()], ..training };
        assert_eq!((of(&own).train.on_collapse, of(&own).optim.clip), (OnCollapse::Stop, 2.0));
    }

    #[test]
    fn a_folder_that_holds_something_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        assert!(output_folder(Some(dir.path()), "x").is_ok());
        std::fs::write(dir.path().join("mine"), "precious").unwrap();
        let error = output_folder(Some(dir.path()), "x").unwrap_err().to_string();
        assert!(error.contains("not empty"), "{error}");
    }

    #[test]
    fn a_timestamp_sorts_by_time() {
        let t = timestamp();
        assert_eq!(t.len(), 15);
        assert!(t.starts_with("20") && t.as_bytes()[8] == b'-');
        let digits = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>();
        assert_eq!(digits(&moment()).len(), digits(&t).len());
    }
}
