//! One named error for each way in which a data set can be broken.

use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use crate::shape::Shape;

/// Why a data set could not be read, made, checked or fetched.
///
/// Each message says what is wrong, where, and what was expected; where there is a way out, it says
/// that too.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// A file or folder that the format needs is not there.
    #[error("{}: not found; expected {expected}", path.display())]
    Missing {
        /// The path that was looked for.
        path: PathBuf,
        /// What should be there.
        expected: String,
    },
    /// The operating system refused an operation.
    #[error("{}: cannot {action}: {source}", path.display())]
    Io {
        /// The file or folder concerned.
        path: PathBuf,
        /// What was attempted ("open", "read", …).
        action: &'static str,
        /// The system's reason.
        source: std::io::Error,
    },
    /// A file ends before its header, or its record size, says that it should.
    #[error("{}: truncated: {what} ends at byte {offset}, expected {expected} bytes", path.display())]
    Truncated {
        /// The file.
        path: PathBuf,
        /// What was being read.
        what: String,
        /// Offset of the end of what is there, in bytes of the (uncompressed) file.
        offset: u64,
        /// The length that was expected, in bytes of the (uncompressed) file.
        expected: u64,
    },
    /// A file goes on after the end that its header states.
    #[error(
        "{}: bytes left over: the header accounts for {expected} bytes and the file goes on",
        path.display()
    )]
    TrailingBytes {
        /// The file.
        path: PathBuf,
        /// The length that the header accounts for, in bytes.
        expected: u64,
    },
    /// The first bytes are not those of the format.
    #[error("{}: wrong magic {found:02x?} at byte 0, expected {expected}", path.display())]
    BadMagic {
        /// The file.
        path: PathBuf,
        /// The bytes found.
        found: Vec<u8>,
        /// The bytes expected, in words.
        expected: String,
    },
    /// Pairs that cannot be what they say.
    #[error("{origin}: {reason}")]
    BadPairs {
        /// The list or set.
        origin: String,
        /// Which pair, and what is wrong.
        reason: String,
    },
    /// Images that a list names and that are not there.
    #[error(
        "{}: {missing} of its {of} images are not in {}: {names}{}; expected all of them (--images names another \
         folder, --missing reject counts their pairs as rejected)",
        path.display(), root.display(), if *missing > 10 { ", …" } else { "" }
    )]
    MissingImages {
        /// The list.
        path: PathBuf,
        /// The folder that was looked into.
        root: PathBuf,
        /// How many are missing.
        missing: usize,
        /// How many there should be.
        of: usize,
        /// The first ten of them.
        names: String,
    },
    /// What cannot be converted.
    #[error("{} to {}: {reason}", from.display(), to.display())]
    NoConversion {
        /// What was to be converted.
        from: PathBuf,
        /// What was to be written.
        to: PathBuf,
        /// Why not, and what would do.
        reason: &'static str,
    },
    /// An image that has only pixels, where its file is wanted.
    #[error("{name}: there is no image file to copy, only pixels; convert a folder, a .rec or a list of pairs")]
    NotEncoded {
        /// The sample.
        name: String,
    },
    /// Something is already where a file is to be written.
    #[error("{}: exists already; give another place, or take it away", path.display())]
    Exists {
        /// The file or folder.
        path: PathBuf,
    },
    /// More images than a file of the format can have.
    #[error("{}: the format holds at most {max} images; convert a part of the set", path.display())]
    TooManyImages {
        /// The file that was to be written.
        path: PathBuf,
        /// The most images.
        max: u32,
    },
    /// Bytes that the format does not have at that place.
    #[error("{}: byte {offset}: {reason}", path.display())]
    BadBytes {
        /// The file.
        path: PathBuf,
        /// Where, in bytes of the file.
        offset: u64,
        /// What is there, and what was expected.
        reason: String,
    },
    /// The header states dimensions that cannot be right.
    #[error("{}: dimensions {found:?}, expected {expected}", path.display())]
    BadDimensions {
        /// The file.
        path: PathBuf,
        /// The dimensions found.
        found: Vec<u64>,
        /// What was expected.
        expected: String,
    },
    /// The compressed stream is damaged.
    #[error("{}: damaged gzip stream near byte {offset} of the unpacked data: {reason}", path.display())]
    BadCompression {
        /// The file.
        path: PathBuf,
        /// How many bytes had been unpacked.
        offset: u64,
        /// The decoder's reason.
        reason: String,
    },
    /// Two files, or a file and its standard, disagree on a count.
    #[error("{}: {found} {what}, expected {expected} ({because})", path.display())]
    CountMismatch {
        /// The file with the wrong count.
        path: PathBuf,
        /// What is counted.
        what: &'static str,
        /// The count found.
        found: usize,
        /// The count expected.
        expected: usize,
        /// Where the expectation comes from.
        because: String,
    },
    /// A file that states, or is long enough for, more records than its format has.
    #[error(
        "{}: {found} {what}, expected at most {most}; if it is another set, give it as a folder of images per class",
        path.display()
    )]
    TooManyRecords {
        /// The file.
        path: PathBuf,
        /// What is counted.
        what: &'static str,
        /// The count found.
        found: u64,
        /// The most that are read.
        most: u64,
    },
    /// A label that names no class.
    #[error("{origin}: record {record} has label {label}, expected 0..={}", n_classes.saturating_sub(1))]
    LabelOutOfRange {
        /// The file or set.
        origin: String,
        /// Index of the record, from 0.
        record: usize,
        /// The label found.
        label: u32,
        /// Number of classes.
        n_classes: usize,
    },
    /// A test label that no training image has.
    #[error("{}: record {record} has label {label}, which no training image has", path.display())]
    UnseenLabel {
        /// The label file.
        path: PathBuf,
        /// Index of the record, from 0.
        record: usize,
        /// The label found.
        label: u32,
    },
    /// An image of another size than the first one.
    #[error(
        "{}: {found_height}x{found_width} (height x width), but {} is {height}x{width}; \
         use images of one size, or --size HxW",
        path.display(), first.display()
    )]
    ImageSize {
        /// The image that differs.
        path: PathBuf,
        /// Its height in pixels.
        found_height: usize,
        /// Its width in pixels.
        found_width: usize,
        /// The image that set the size.
        first: PathBuf,
        /// The height expected.
        height: usize,
        /// The width expected.
        width: usize,
    },
    /// An image with a side that is too long.
    #[error(
        "{}: {height}x{width} (height x width), expected at most {max} pixels on a side; make the image smaller",
        path.display()
    )]
    ImageSide {
        /// The file.
        path: PathBuf,
        /// Its height in pixels.
        height: usize,
        /// Its width in pixels.
        width: usize,
        /// The longest side in pixels.
        max: usize,
    },
    /// An image that takes more memory to decode than is allowed.
    #[error(
        "{}: {what}, which takes up to {} MiB of memory to decode, expected at most {} MiB; allow it with \
         --decode-memory {}, or make the image smaller",
        path.display(), mebibytes(*bytes), limit >> 20, mebibytes(*bytes)
    )]
    ImageMemory {
        /// The file.
        path: PathBuf,
        /// What is large: the image, with its size, or the file.
        what: String,
        /// How many bytes it takes at most.
        bytes: u64,
        /// How many are allowed.
        limit: u64,
    },
    /// An image that is not of the shape that was asked for.
    #[error("{name}: the image has {found}, expected {expected} (channels x height x width)")]
    ImageShape {
        /// The sample.
        name: String,
        /// Its shape.
        found: Shape,
        /// The shape expected.
        expected: Shape,
    },
    /// Train and test images differ in shape.
    #[error("{name}: training images are {train} but test images are {test} (channels x height x width)")]
    ShapeMismatch {
        /// The set.
        name: String,
        /// Shape of the training images.
        train: Shape,
        /// Shape of the test images.
        test: Shape,
    },
    /// A file that has an image's extension and is none.
    #[error("{}: cannot decode the image: {reason}", path.display())]
    UndecodableImage {
        /// The file.
        path: PathBuf,
        /// The decoder's reason.
        reason: String,
    },
    /// A shape with a zero, or too large to address.
    #[error("image shape {shape} (channels x height x width) is not usable: expected 1..={max} pixels")]
    BadShape {
        /// The shape.
        shape: Shape,
        /// The most values that one image may have.
        max: usize,
    },
    /// The pixel buffer does not hold a whole number of images, or not one per label.
    #[error("{found} pixel values for {images} labels of shape {shape}, expected {expected}")]
    PixelCount {
        /// Number of values found.
        found: usize,
        /// Number of labels.
        images: usize,
        /// Shape of one image.
        shape: Shape,
        /// Number of values expected.
        expected: usize,
    },
    /// There are no classes.
    #[error("{origin}: no class; expected one folder (or name) per class")]
    ZeroClasses {
        /// The folder or set.
        origin: String,
    },
    /// Two classes share a name.
    #[error("{origin}: class `{class}` appears twice")]
    DuplicateClass {
        /// The file or set.
        origin: String,
        /// The name.
        class: String,
    },
    /// A class without a sample.
    #[error("{origin}: class `{class}` has no sample; add images, or take the class away, or raise the limit")]
    EmptyClass {
        /// The folder or set.
        origin: String,
        /// The class.
        class: String,
    },
    /// More memory than there is.
    #[error("{origin}: cannot allocate {bytes} bytes; use smaller images, or --limit-train and --limit-test")]
    TooLarge {
        /// What was to be allocated.
        origin: String,
        /// How many bytes.
        bytes: u64,
    },
    /// Nothing is left.
    #[error("{origin}: no image; expected at least one")]
    EmptySet {
        /// The folder or set.
        origin: String,
    },
    /// A folder in which no classes are found, or a file where a folder was to be.
    #[error("{}: no class: found {found}, expected a folder of images for each class; {way_out}", path.display())]
    NoClasses {
        /// What was given.
        path: PathBuf,
        /// What is there.
        found: String,
        /// What can be done.
        way_out: String,
    },
    /// A folder with several sets, of which none was named.
    #[error("{}: there are several sets: {names}; give one of them, as {}", path.display(), first.display())]
    SeveralSets {
        /// The folder.
        path: PathBuf,
        /// Their names.
        names: String,
        /// What the first is called.
        first: PathBuf,
    },
    /// A class of which no image can be used.
    #[error("{origin}: class `{class}`: {found}")]
    UnusableClass {
        /// Its folder.
        origin: String,
        /// The class.
        class: String,
        /// How many files there are, and what is wrong with the first.
        found: String,
    },
    /// A test class that is not a training class, in a set where others are.
    #[error(
        "{}: class `{class}` is in {part} and not in {train}{}; expected every class of {part} in {train} (closed \
         set), or none (open set)",
        root.display(), but_alike(alike.as_deref())
    )]
    ClassMismatch {
        /// The folder that holds the two.
        root: PathBuf,
        /// The folder of those to train on.
        train: Box<str>,
        /// The other folder.
        part: Box<str>,
        /// The class.
        class: String,
        /// The two names, where one there is like it.
        alike: Option<Box<str>>,
    },
    /// Classes to train on and to test on that have no name in common, but names that are alike.
    #[error(
        "{}: {part} and {train} have no class in common, but {} differ only in case, spaces or Unicode form{}; give \
         each pair one name, or --open-set if they are different classes",
        root.display(), pairs.iter().take(5).cloned().collect::<Vec<_>>().join(", "), and_more(pairs.len(), 5)
    )]
    AlikeClasses {
        /// The folder that holds the two.
        root: PathBuf,
        /// The folder of those to train on.
        train: Box<str>,
        /// The other folder.
        part: Box<str>,
        /// The names, two and two.
        pairs: Vec<String>,
    },
    /// Too few classes to keep some for testing.
    #[error(
        "an open-set split needs at least {needed} classes (2 to train, 2 to test), found {found}; \
         add classes, or leave --open-set out"
    )]
    TooFewClasses {
        /// Classes found.
        found: usize,
        /// Classes needed.
        needed: usize,
    },
    /// Fewer classes than a P×K batch takes.
    #[error(
        "a batch takes {needed} classes, but the set has {found}; lower the classes per batch (P) to at most \
         {found}, or add classes"
    )]
    TooFewClassesForBatch {
        /// Classes of the set.
        found: usize,
        /// Classes of a batch, P.
        needed: usize,
    },
    /// A class with fewer images than a P×K batch takes of it.
    #[error(
        "class `{class}` has {found} images, but a batch takes {needed} of each of its classes; lower the \
         images per class (K), add images, or leave the class out"
    )]
    TooFewInClass {
        /// The first such class.
        class: String,
        /// Its number of images.
        found: usize,
        /// Images of a class in a batch, K.
        needed: usize,
    },
    /// A file name that does not begin with an age.
    #[error(
        "{}: the name does not begin with an age, expected AGE_GENDER_RACE_DATE as in 25_0_2_20170116174525125.jpg; \
         rename it, or give a CSV of (path, age)",
        path.display()
    )]
    NoAge {
        /// The file.
        path: PathBuf,
    },
    /// An age that nobody has.
    #[error("{origin}: age {age}, expected {}..={} years; correct it, or take the image away", range.start(), range.end())]
    AgeOutOfRange {
        /// The image, or the file and its line.
        origin: String,
        /// The age found, in years.
        age: f32,
        /// The ages expected, in years.
        range: RangeInclusive<f32>,
    },
    /// A width of age bins that makes no sense.
    #[error(
        "the width of an age bin is {found}, expected a whole number of years in {}..={}",
        range.start(), range.end()
    )]
    BadBinWidth {
        /// The width found, as it was written.
        found: String,
        /// The widths expected, in years.
        range: RangeInclusive<u32>,
    },
    /// A row of a text table that cannot be understood.
    #[error("{}, line {line}: {reason}", path.display())]
    BadRow {
        /// The table.
        path: PathBuf,
        /// Number of the line, from 1.
        line: usize,
        /// What is wrong, and what was expected.
        reason: String,
        /// True where the other rows cannot be read without it.
        ends: bool,
    },
    /// An image that is listed twice.
    #[error(
        "{origin}: image `{image}` is there already ({first}), and a copy could come both into training and into \
         the test; keep one of the two"
    )]
    RepeatedImage {
        /// The folder, or the table and its line.
        origin: String,
        /// The image.
        image: String,
        /// Where it is first.
        first: String,
    },
    /// Values for another number of images or classes.
    #[error("{of}: {found} values, expected one for each of {expected}")]
    ValueCount {
        /// What has the values.
        of: &'static str,
        /// Number of values found.
        found: usize,
        /// Number of images or classes.
        expected: usize,
    },
    /// An ordered target that is no number.
    #[error("the ordered target of {of} {index} is {value}, expected a finite number")]
    TargetNotFinite {
        /// "image" or "class".
        of: &'static str,
        /// Its index, from 0.
        index: usize,
        /// The value found.
        value: f32,
    },
    /// Ordered targets that cannot be compared.
    #[error("{name}: training images are ordered by {train} and test images by {test}, expected one unit for both")]
    TargetMismatch {
        /// The set.
        name: String,
        /// Unit of the training images, or "no target".
        train: &'static str,
        /// Unit of the test images, or "no target".
        test: &'static str,
    },
    /// Validation images of other classes than the training images.
    #[error("{name}: the classes of the validation images are not those of the training images, expected the same")]
    UnseenClasses {
        /// The set.
        name: String,
    },
    /// A fraction outside (0, 1).
    #[error("{what} is {value}, expected a number between 0 and 1 (both excluded)")]
    BadFraction {
        /// Which fraction.
        what: &'static str,
        /// Its value.
        value: f64,
    },
    /// A split that leaves one side empty.
    #[error(
        "no class has two images, so a split by fraction {fraction} leaves no held-out image; \
         add images, or hold out whole classes (--open-set with --set data.validation=0)"
    )]
    NothingToSplit {
        /// The fraction asked for.
        fraction: f64,
    },
    /// An index past the end of a set.
    #[error("index {index} is out of range for {len} images")]
    IndexOutOfRange {
        /// The index.
        index: usize,
        /// Number of images.
        len: usize,
    },
    /// A per-channel setting for another number of channels.
    #[error("{what} has {found} channels, expected {expected} as the images have")]
    ChannelMismatch {
        /// Which setting.
        what: &'static str,
        /// Channels found.
        found: usize,
        /// Channels expected.
        expected: usize,
    },
    /// A name that is neither a known set nor a folder.
    #[error("unknown data set `{name}`{}; known: {known}; or give the path of a folder", suggest(suggestion.as_deref()))]
    UnknownDataset {
        /// The name given.
        name: String,
        /// The nearest known name, if one is near.
        suggestion: Option<String>,
        /// All known names.
        known: String,
    },
    /// Rotated images that were to be rotated.
    #[error("`rotated:{name}`: the images of {name} are rotated already; give the name of an upright set")]
    AlreadyRotated {
        /// The set.
        name: String,
    },
    /// A known set that is not on this machine yet.
    #[error("data set `{name}` is not in {}; get it with `arcsphere data fetch {name} {}`", looked_in(looked), root.display())]
    NotFetched {
        /// The set.
        name: String,
        /// Folders that were looked into.
        looked: Vec<PathBuf>,
        /// The root folder.
        root: PathBuf,
    },
    /// A known set that cannot be fetched.
    #[error("data set `{name}` is built in; there is nothing to fetch")]
    NothingToFetch {
        /// The set.
        name: String,
    },
    /// A downloaded file that is not the published one.
    #[error("{}: {algorithm} is {found}, expected {expected}; the file was removed", path.display())]
    Checksum {
        /// The file.
        path: PathBuf,
        /// Name of the checksum.
        algorithm: &'static str,
        /// Checksum found, hexadecimal.
        found: String,
        /// Checksum expected, hexadecimal.
        expected: String,
    },
    /// A download that failed.
    #[error("{url}: {reason}")]
    Http {
        /// The address.
        url: String,
        /// What happened.
        reason: String,
    },
    /// An archive that does not hold what it should, or holds what it should not.
    #[error("{}: {reason}", path.display())]
    BadArchive {
        /// The archive.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
}

impl DataError {
    /// Whether [`OnBadFile::Skip`](crate::OnBadFile::Skip) can leave out what this is about: one image of a folder, or
    /// one row of a table.
    ///
    /// ```
    /// use arcsphere_data::DataError;
    ///
    /// let path = "faces/ada/1.jpg".into();
    /// assert!(DataError::UndecodableImage { path, reason: "it ends too early".into() }.is_of_one_file());
    /// assert!(!DataError::EmptySet { origin: "faces".into() }.is_of_one_file());
    /// ```
    pub fn is_of_one_file(&self) -> bool {
        match self {
            Self::UndecodableImage { .. }
            | Self::NoAge { .. }
            | Self::AgeOutOfRange { .. }
            | Self::RepeatedImage { .. }
            | Self::Io { .. } => true,
            Self::BadRow { ends, .. } => !ends,
            _ => false,
        }
    }

    /// Wraps a system error with its path and what was attempted.
    pub(crate) fn io(path: &Path, action: &'static str, source: std::io::Error) -> Self {
        Self::Io { path: path.to_owned(), action, source }
    }
}

/// Rounded up.
fn mebibytes(bytes: u64) -> u64 {
    bytes.div_ceil(1 << 20)
}

fn suggest(name: Option<&str>) -> String {
    name.map(|n| format!("; did you mean `{n}`?")).unwrap_or_default()
}

fn but_alike(pair: Option<&str>) -> String {
    pair.map(|pair| format!(" ({pair} differ only in case, spaces or Unicode form)")).unwrap_or_default()
}

/// That a list of `n` goes on after its first `shown`.
fn and_more(n: usize, shown: usize) -> String {
    match n.saturating_sub(shown) {
        0 => String::new(),
        more => format!(" (and {more} more pairs)"),
    }
}

fn looked_in(paths: &[PathBuf]) -> String {
    let seen = |path: &PathBuf| if path.is_dir() { " (where no file of it is)" } else { "" };
    let names: Vec<String> = paths.iter().map(|p| format!("{}{}", p.display(), seen(p))).collect();
    names.join(" nor ")
}
