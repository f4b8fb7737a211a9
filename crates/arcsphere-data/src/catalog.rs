//! The front door: a name or a folder in, a [`Source`] out.

use std::path::{Path, PathBuf};

use crate::bad::{BadFile, OnBadFile};
use crate::cifar::{self, Cifar};
use crate::dataset::{Dataset, Shape};
use crate::error::DataError;
use crate::resize::Fit;
use crate::source::Source;
use crate::split::test_classes;
use crate::target::Unit;
use crate::walk::{LeftOut, Reason, Walk};
use crate::{embedded, files, folder, found, idx, pairs, records, retrieval, rotated};

mod derived;

/// How [`open`] looks for a set and what it does with it.
#[derive(Clone, Debug, PartialEq)]
pub struct OpenOptions {
    /// Folder under which known sets are looked for. Default `data`.
    pub root: PathBuf,
    /// Size that every image is brought to, (height, width) in pixels. Default: none.
    pub resize: Option<(usize, usize)>,
    /// How, where proportions differ. Default: squashed.
    pub fit: Fit,
    /// The most bytes that all image files that are decoded at once may take; see
    /// [`Decoding`](folder::Decoding::memory). Default: 1 GiB.
    pub decode_memory: u64,
    /// Fraction of each class (or, for an open set, of the classes) that is kept for testing where
    /// the set does not say so itself; in (0, 1). Default 0.2.
    pub test_fraction: f64,
    /// Test on classes that training never sees. Default false.
    pub open_set: bool,
    /// Seed of the splits, and of which image is turned by how much where images are rotated.
    /// Default 0.
    pub seed: u64,
    /// What is done about images, or rows of a table, that cannot be used. Default: the first is an error.
    pub on_bad_file: OnBadFile,
    /// At most this many training images, evenly over the classes. Default: all.
    pub limit_train: Option<usize>,
    /// At most this many test images, evenly over the classes. Default: all.
    pub limit_test: Option<usize>,
    /// Leave a set that comes without a test part whole: all of it is the test set, and the training set too, for
    /// who measures and does not train.
    pub whole: bool,
}

impl Default for OpenOptions {
    fn default() -> Self {
        Self {
            root: PathBuf::from("data"),
            resize: None,
            fit: Fit::Squash,
            decode_memory: folder::Decoding::default().memory,
            test_fraction: 0.2,
            open_set: false,
            seed: 0,
            on_bad_file: OnBadFile::Error,
            limit_train: None,
            limit_test: None,
            whole: false,
        }
    }
}

impl OpenOptions {
    /// How image files are decoded.
    pub fn decoding(&self) -> folder::Decoding {
        folder::Decoding { resize: self.resize, fit: self.fit, memory: self.decode_memory }
    }
}

/// What is known about a data set before reading it.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct DatasetInfo {
    /// Name, as `open` takes it.
    pub name: &'static str,
    /// What it holds, in a few words.
    pub description: &'static str,
    /// Format of its files.
    pub format: &'static str,
    /// Shape of one image.
    pub shape: Shape,
    /// Number of classes.
    pub classes: usize,
    /// Number of training images.
    pub train: usize,
    /// Number of test images.
    pub test: usize,
    /// What its classes are steps of, where they have an order.
    pub target: Option<Unit>,
    /// License, as its authors state it.
    pub license: &'static str,
    /// Where its authors describe it.
    pub source: &'static str,
    /// Sub-folders of the root in which it is looked for; the first is where it is fetched to.
    /// Empty for a set that is built in.
    pub folders: &'static [&'static str],
    read: Read,
}

/// From a folder and a seed to training and test images.
type Read = fn(&Path, u64) -> Result<(Dataset, Dataset), DataError>;

const DIGITS: [&str; 10] = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"];
const CLOTHES: [&str; 10] =
    ["T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"];

/// Every data set that has a name.
///
/// ```
/// let names: Vec<_> = arcsphere_data::catalog::DATASETS.iter().map(|d| d.name).collect();
/// assert_eq!(names, ["mnist-embedded", "mnist", "fashion-mnist", "cifar-10", "cifar-100", "rotated-digits"]);
/// ```
pub static DATASETS: &[DatasetInfo] = &[
    DatasetInfo {
        name: "mnist-embedded",
        description: "handwritten digits, the part of MNIST that is built in",
        format: "built in",
        shape: Shape::new(1, 28, 28),
        classes: 10,
        train: 10_000,
        test: 2_000,
        target: None,
        license: "CC BY-SA 3.0",
        source: "http://yann.lecun.com/exdb/mnist/",
        folders: &[],
        read: |_, _| embedded::mnist().map(|s| (s.train, s.test)),
    },
    DatasetInfo {
        name: "mnist",
        description: "handwritten digits",
        format: "idx",
        shape: Shape::new(1, 28, 28),
        classes: 10,
        train: 60_000,
        test: 10_000,
        target: None,
        license: "CC BY-SA 3.0",
        source: "http://yann.lecun.com/exdb/mnist/",
        folders: &["mnist", "MNIST", "MNIST/raw"],
        read: |dir, _| idx::read_folder(dir, Some(&DIGITS)),
    },
    DatasetInfo {
        name: "fashion-mnist",
        description: "photos of clothes, gray",
        format: "idx",
        shape: Shape::new(1, 28, 28),
        classes: 10,
        train: 60_000,
        test: 10_000,
        target: None,
        license: "MIT",
        source: "https://github.com/zalandoresearch/fashion-mnist",
        folders: &["fashion-mnist", "FashionMNIST", "FashionMNIST/raw"],
        read: |dir, _| idx::read_folder(dir, Some(&CLOTHES)),
    },
    DatasetInfo {
        name: "cifar-10",
        description: "photos of animals and vehicles",
        format: "CIFAR binary",
        shape: cifar::SHAPE,
        classes: 10,
        train: 50_000,
        test: 10_000,
        target: None,
        license: "not stated; cite Krizhevsky (2009)",
        source: "https://www.cs.toronto.edu/~kriz/cifar.html",
        folders: &["cifar-10-batches-bin", "cifar-10", "cifar10"],
        read: |dir, _| cifar::read_folder(dir, Cifar::Ten),
    },
    DatasetInfo {
        name: "cifar-100",
        description: "photos of 100 kinds of things",
        format: "CIFAR binary",
        shape: cifar::SHAPE,
        classes: 100,
        train: 50_000,
        test: 10_000,
        target: None,
        license: "not stated; cite Krizhevsky (2009)",
        source: "https://www.cs.toronto.edu/~kriz/cifar.html",
        folders: &["cifar-100-binary", "cifar-100", "cifar100"],
        read: |dir, _| cifar::read_folder(dir, Cifar::Hundred),
    },
    DatasetInfo {
        name: "rotated-digits",
        description: "stand-in for an ordered target: the embedded digits 3, 4, 7 and 9 turned by −88.5° to 88.5° in 60 steps of 3°",
        format: "built in",
        shape: Shape::new(1, 28, 28),
        classes: rotated::STEPS,
        train: 10_000,
        test: 2_000,
        target: Some(Unit::Degrees),
        license: "CC BY-SA 3.0",
        source: "http://yann.lecun.com/exdb/mnist/",
        folders: &[],
        read: |_, seed| embedded::mnist().and_then(|s| rotated::both(&s.train, &s.test, seed)),
    },
];

/// The known set of a name.
///
/// # Errors
/// [`UnknownDataset`](DataError::UnknownDataset), with the nearest name.
///
/// ```
/// use arcsphere_data::catalog;
///
/// assert_eq!(catalog::find("cifar-100")?.classes, 100);
/// assert!(catalog::find("cifar").unwrap_err().to_string().contains("did you mean `cifar-10`?"));
/// # Ok::<(), arcsphere_data::DataError>(())
/// ```
pub fn find(name: &str) -> Result<&'static DatasetInfo, DataError> {
    DATASETS.iter().find(|d| d.name == name).ok_or_else(|| DataError::UnknownDataset {
        name: name.to_owned(),
        suggestion: nearest(name).map(str::to_owned),
        known: DATASETS.iter().map(|d| d.name).collect::<Vec<_>>().join(", "),
    })
}

/// Reads a data set.
///
/// `spec` is a name of [`DATASETS`], looked for under `options.root`, or the path of a folder, which
/// is recognized by what it holds: idx files, CIFAR binary files, records as insightface has them
/// ([`records`]; also the `.rec` file itself), lists of images for retrieval ([`retrieval`]), or else a folder of images
/// per class. A name wins over a folder of that name; write `./name` for the folder. Of several idx sets in a folder, as
/// EMNIST's, `FOLDER/emnist-letters` is one.
///
/// `age:PATH` is a folder of faces whose names begin with the age, or a CSV of (path, age), with a class
/// for each year; `age/5:PATH` has one for each 5 years. See [`age`](crate::age).
///
/// `rotated:SET` is any of the above with its images turned and the angle as class: a stand-in for an
/// ordered target. `rotated:mnist` is that of the whole MNIST, `rotated-digits` of the embedded part. See
/// [`rotated`].
///
/// With `options.open_set`, `test_fraction` of the classes are held out: the training images of the
/// others, and the test images of these, make the source. Limits come last, and leave no training
/// class without an image.
///
/// # Errors
/// [`UnknownDataset`](DataError::UnknownDataset), [`NotFetched`](DataError::NotFetched),
/// [`BadBinWidth`](DataError::BadBinWidth), [`AlreadyRotated`](DataError::AlreadyRotated), and those of
/// the readers and splits.
///
/// ```
/// use arcsphere_data::catalog::{OpenOptions, open};
///
/// let options = OpenOptions { limit_train: Some(500), ..OpenOptions::default() };
/// let source = open("mnist-embedded", &options)?;
/// assert_eq!((source.train.len(), source.test.len()), (500, 2_000));
///
/// let error = open("minst", &OpenOptions::default()).unwrap_err();
/// assert!(error.to_string().contains("did you mean `mnist`?"));
/// # Ok::<(), arcsphere_data::DataError>(())
/// ```
pub fn open(spec: &str, options: &OpenOptions) -> Result<Source, DataError> {
    finish(load(spec, options)?, options)
}

fn load(spec: &str, options: &OpenOptions) -> Result<Loaded, DataError> {
    if let Some(loaded) = derived::load(spec, options) {
        return loaded;
    }
    match DATASETS.iter().find(|d| d.name == spec) {
        Some(info) => open_known(info, options),
        None if Path::new(spec).is_dir() => open_folder(Path::new(spec), options),
        None if records::is_records(Path::new(spec)) => {
            open_records(Path::new(spec), files::name_of(Path::new(spec)), options)
        }
        None => open_path(Path::new(spec)).unwrap_or_else(|| Err(nothing_at(spec))),
    }
}

/// What is at a path that is no folder: one of several idx sets in a folder, or nothing that can be read.
fn open_path(path: &Path) -> Option<Result<Loaded, DataError>> {
    if path.symlink_metadata().is_ok() {
        return Some(Err(found::instead_of_a_folder(path, pairs::is_pairs(path))));
    }
    let (dir, prefix) = (path.parent()?, format!("{}-", path.file_name()?.to_str()?));
    idx::sets(dir).contains(&prefix).then(|| open_idx(dir, &prefix))
}

/// Says that there is nothing, in the words of what `spec` looks like.
fn nothing_at(spec: &str) -> DataError {
    if spec.contains(['/', '\\']) || spec.starts_with('.') {
        let expected = "a folder of images, of idx files or of CIFAR binary files".into();
        return DataError::Missing { path: PathBuf::from(spec), expected };
    }
    find(spec).err().unwrap_or(DataError::ZeroClasses { origin: spec.into() })
}

/// What a reader gave, before options are applied.
struct Loaded {
    name: String,
    train: Dataset,
    test: Dataset,
    validation: Option<Dataset>,
    open_set: bool,
    left_out: LeftOut,
    bad_files: Vec<BadFile>,
    remarks: Vec<String>,
    whole: bool,
}

impl Loaded {
    /// Two parts, and no more to be said.
    fn new(name: impl Into<String>, (train, test): (Dataset, Dataset), open_set: bool) -> Self {
        let (left_out, bad_files, remarks) = (LeftOut::new(), Vec::new(), Vec::new());
        let (name, validation, whole) = (name.into(), None, false);
        Self { name, train, test, validation, open_set, left_out, bad_files, remarks, whole }
    }

    /// What files of known names hold: all of them are read.
    fn closed(name: impl Into<String>, parts: (Dataset, Dataset)) -> Self {
        Self::new(name, parts, false)
    }
}

fn open_known(info: &DatasetInfo, options: &OpenOptions) -> Result<Loaded, DataError> {
    let dir = if info.folders.is_empty() {
        PathBuf::new()
    } else {
        let looked: Vec<PathBuf> = info.folders.iter().map(|f| options.root.join(f)).collect();
        match looked.iter().find(|p| holds_files(p)) {
            Some(dir) => dir.clone(),
            None => {
                let (name, root) = (info.name.to_owned(), options.root.clone());
                return Err(DataError::NotFetched { name, looked, root });
            }
        }
    };
    let parts = (info.read)(&dir, options.seed)?;
    let mut name = if info.folders.is_empty() { embedded::NAME } else { info.name }.to_owned();
    if info.target == Some(Unit::Degrees) {
        name = format!("{name}, {}", rotated::NOTE);
    }
    Ok(Loaded::closed(name, parts))
}

/// True for a folder with a file in it; one that holds only folders (as torchvision's `MNIST/raw`
/// leaves its parent) is not where the files are.
fn holds_files(dir: &Path) -> bool {
    Walk::below(dir, 0).is_ok_and(|w| !w.images.is_empty() || w.left_out.contains_key(&Reason::NotAnImage))
}

fn open_folder(dir: &Path, options: &OpenOptions) -> Result<Loaded, DataError> {
    let name = files::name_of(&dir.canonicalize().unwrap_or_else(|_| dir.to_owned()));
    if idx::sets(dir).iter().any(String::is_empty) {
        // A folder named after a known set has that set's class names, if its labels fit.
        let lower = name.to_lowercase();
        let parent = dir.parent().map(|p| files::name_of(p).to_lowercase()).unwrap_or_default();
        let is = |word: &str| lower.contains(word) || (lower == "raw" && parent.contains(word));
        return Ok(if is("fashion") {
            Loaded::closed("fashion-mnist", idx::read_folder(dir, Some(&CLOTHES))?)
        } else if lower == "mnist" || (lower == "raw" && parent == "mnist") {
            Loaded::closed("mnist", idx::read_folder(dir, Some(&DIGITS))?)
        } else {
            Loaded::closed(&name, idx::read_folder(dir, None)?)
        });
    }
    for (which, name) in [(Cifar::Ten, "cifar-10"), (Cifar::Hundred, "cifar-100")] {
        if which.is_in(dir) {
            return Ok(Loaded::closed(name, cifar::read_folder(dir, which)?));
        }
    }
    if records::is_in(dir) {
        return open_records(dir, name, options);
    }
    if let Some(set) = retrieval::read(dir, &options.decoding()) {
        let retrieval::Retrieval { name, train, test, .. } = set?;
        return Ok(Loaded::new(name, (train, test), true));
    }
    match &idx::sets(dir)[..] {
        [] => {}
        [one] => return open_idx(dir, one),
        several => return Err(several_sets(dir, several)),
    }
    let read = folder::ReadOptions {
        decoding: options.decoding(),
        on_bad_file: options.on_bad_file,
        open_set: options.open_set,
    };
    let folder::Folder { images, left_out, bad_files, remarks } = folder::read_with(dir, &read)?;
    let loaded = match images {
        folder::Images::Whole(all) => split(name, &all, options)?,
        folder::Images::Split { train, test, validation, open_set } => {
            Loaded { validation: validation.map(|set| *set), ..Loaded::new(name, (train, test), open_set) }
        }
    };
    Ok(Loaded { left_out, bad_files, remarks, ..loaded })
}

/// The idx set in `dir` whose files' names begin with `prefix`, if it is the only one or was named.
fn open_idx(dir: &Path, prefix: &str) -> Result<Loaded, DataError> {
    let name = prefix.trim_end_matches(['-', '.', '_']);
    let mut loaded = Loaded::closed(name, idx::read_set(dir, prefix, None)?);
    if idx::is_transposed(prefix) {
        loaded.remarks.push("the images of EMNIST are stored column by column, and are turned upright".to_owned());
    }
    Ok(loaded)
}

fn several_sets(dir: &Path, prefixes: &[String]) -> DataError {
    let names: Vec<&str> = prefixes.iter().map(|prefix| prefix.trim_end_matches('-')).collect();
    let first = dir.join(names.first().copied().unwrap_or_default());
    DataError::SeveralSets { path: dir.to_owned(), names: names.join(", "), first }
}

fn open_records(path: &Path, name: String, options: &OpenOptions) -> Result<Loaded, DataError> {
    let records::Records { set, warnings } = records::read(path, &options.decoding())?;
    Ok(Loaded { remarks: warnings, ..split(name, &set, options)? })
}

/// A set that says nothing of training and test images, split as the options say.
fn split(name: String, all: &Dataset, options: &OpenOptions) -> Result<Loaded, DataError> {
    if options.whole {
        return Ok(Loaded { whole: true, ..Loaded::new(name, (all.clone(), all.clone()), false) });
    }
    let open_set = options.open_set;
    let parts = if open_set {
        all.split_classes(options.test_fraction, options.seed)?
    } else {
        all.stratified_split(options.test_fraction, options.seed)?
    };
    Ok(Loaded::new(name, parts, open_set))
}

fn finish(loaded: Loaded, options: &OpenOptions) -> Result<Source, DataError> {
    let Loaded { name, mut train, mut test, mut validation, mut open_set, left_out, bad_files, remarks, whole } =
        loaded;
    if options.open_set && !open_set {
        let is_test = test_classes(train.n_classes(), options.test_fraction, options.seed)?;
        train = train.keep_classes(|c| !is_test[c])?;
        test = test.keep_classes(|c| is_test[c])?;
        validation = validation.map(|set| set.keep_classes(|c| !is_test[c])).transpose()?;
        open_set = true;
    }
    if let Some(n) = options.limit_train {
        train = train.take_balanced(n)?;
        train.require_every_class(&format!("{name}, training images limited to {n}"))?;
    }
    if let Some(n) = options.limit_test {
        test = test.take_balanced(n)?;
    }
    // After the limits, so that nothing is resized for nothing.
    if let Some((height, width)) = options.resize {
        train = train.resized(height, width, options.fit)?;
        test = test.resized(height, width, options.fit)?;
        validation = validation.map(|set| set.resized(height, width, options.fit)).transpose()?;
    }
    let source = Source { left_out, remarks, whole, ..Source::new(name, train, test, open_set)? };
    source.with_validation(validation)?.with_bad_files(bad_files)
}

/// The nearest known name if it is near enough to be a slip, or else one that begins with `name`.
fn nearest(name: &str) -> Option<&'static str> {
    // The time grows with the product of the lengths, and no known name is long.
    let name: String = name.to_lowercase().chars().take(64).collect();
    let n = name.chars().count();
    let scored = DATASETS.iter().map(|d| (strsim::osa_distance(&name, d.name), d.name));
    let near = scored.min().filter(|(d, _)| *d <= 1 + n / 3).map(|(_, name)| name);
    let begins = || DATASETS.iter().map(|d| d.name).find(|d| n >= 3 && d.starts_with(&name));
    near.or_else(begins)
}

#[cfg(test)]
mod tests;
