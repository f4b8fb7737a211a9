//! From one layout of the same images to another: folders, files of records, pickles of pairs. The bytes of an image
//! are copied as they are.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use crate::dataset::{Dataset, Shape};
use crate::error::DataError;
use crate::folder::Decoding;
use crate::pairs::{self, PairOptions, PairSet};
use crate::records::{self, RecordSetWriter};
use crate::walk::Walk;
use crate::{files, folder};

/// What was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Converted {
    /// Number of images.
    pub images: usize,
    /// Number of classes of a training set.
    pub classes: Option<usize>,
    /// Number of pairs, where they are pairs.
    pub pairs: Option<usize>,
}

/// Copies `from` to `to`, where nothing may be:
///
/// | from | to | what is written |
/// | --- | --- | --- |
/// | a folder per class | `DIR/train.rec` | records as insightface reads them; classes are numbered by their names |
/// | records | a folder | `CLASS/KEY.jpg`, with the numbers of the classes as names |
/// | a list of pairs, CFP's folder | `NAME.bin` | the images of each pair, as insightface reads them |
/// | a `.bin` | a folder | `images/00000.jpg` and `pairs.csv` |
///
/// # Errors
/// [`Exists`](DataError::Exists); [`NoConversion`](DataError::NoConversion) for what cannot become the other;
/// [`ImageShape`](DataError::ImageShape) for images of several sizes into records; and those of the readers.
///
/// ```
/// use arcsphere_data::{convert::convert, folder::Decoding, records};
///
/// let dir = tempfile::tempdir().unwrap();
/// for name in ["faces/ada/1.pgm", "faces/bob/1.pgm"] {
///     let path = dir.path().join(name);
///     std::fs::create_dir_all(path.parent().unwrap()).unwrap();
///     std::fs::write(path, b"P5 2 1 255\n12").unwrap();
/// }
/// let to = dir.path().join("records");
/// let done = convert(&dir.path().join("faces"), &to.join("train.rec"), &Default::default())?;
/// assert_eq!((done.images, done.classes), (2, Some(2)));
/// assert_eq!(records::read(&to, &Decoding::default())?.set.labels(), [0, 1]);
/// # Ok::<(), arcsphere_data::DataError>(())
/// ```
pub fn convert(from: &Path, to: &Path, options: &PairOptions) -> Result<Converted, DataError> {
    let extension = to.extension().map(|e| e.to_string_lossy().to_lowercase());
    let is_records =
        |path: &Path| path.is_dir() && records::is_in(path) || path.extension().is_some_and(|e| e == "rec");
    let refused = |reason| {
        let (from, to) = (from.to_owned(), to.to_owned());
        Err(DataError::NoConversion { from, to, reason })
    };
    files::require_free(to)?;
    match extension.as_deref() {
        Some("bin") if pairs::is_pairs(from) => {
            let set = pairs::open(from, options)?;
            pairs::write_bin(to, &set)?;
            Ok(Converted { images: set.images.len(), classes: None, pairs: Some(set.pairs.len()) })
        }
        Some("bin") => refused("a .bin holds pairs, and no list says which; give a list of pairs (a,b,same as a .csv)"),
        Some("rec") if files::name_of(to) != records::FILE => {
            refused("insightface reads train.rec; give DIR/train.rec")
        }
        Some("rec") if pairs::is_pairs(from) => refused("pairs have no classes to train on; give a folder per class"),
        Some("rec") if is_records(from) => refused("these are records already; copy the files"),
        Some("rec") => to_records(from, to.parent().unwrap_or(Path::new("")), &options.decoding),
        _ if is_records(from) => in_place(to, |part| to_classes(&records::read(from, &options.decoding)?.set, part)),
        _ if from.extension().is_some_and(|e| e == "bin") => {
            in_place(to, |part| to_pairs(&pairs::open(from, options)?, part))
        }
        _ => refused("expected .rec or .bin on one side; give DIR/train.rec or NAME.bin"),
    }
}

/// A folder per class to records.
fn to_records(from: &Path, to: &Path, how: &Decoding) -> Result<Converted, DataError> {
    let walk = Walk::below(from, 1)?;
    let images: Vec<PathBuf> = walk.images.into_iter().filter(|path| path.parent() != Some(from)).collect();
    if images.is_empty() {
        return Err(DataError::ZeroClasses { origin: from.display().to_string() });
    }
    // No pixel is read, so the shape says nothing.
    let set = folder::files(images, Shape::new(3, 1, 1), how)?;
    let mut writer = RecordSetWriter::create(to)?;
    let mut first: Option<Shape> = None;
    for i in 0..set.len() {
        let image = pairs::encoded_image(&set, i)?;
        let name = set.info(i).name;
        let found = folder::look_at_bytes(Path::new(&name), &image, how)?;
        let expected = *first.get_or_insert(found);
        if (found.height, found.width) != (expected.height, expected.width) {
            return Err(DataError::ImageShape { name, found, expected });
        }
        writer.push(set.labels()[i], &image)?;
    }
    let size = first.map_or((0, 0), |shape| (shape.height, shape.width));
    writer.finish(set.n_classes() as u32, size)?;
    Ok(Converted { images: set.len(), classes: Some(set.n_classes()), pairs: None })
}

/// Records to a folder per class.
fn to_classes(set: &Dataset, to: &Path) -> Result<Converted, DataError> {
    // As many digits for all, so that the folders are in the order of the classes.
    let digits = set.classes().iter().map(String::len).max().unwrap_or(0);
    for i in 0..set.len() {
        let class = format!("{:0>digits$}", set.classes()[set.labels()[i] as usize]);
        let name = set.info(i).name;
        let key = name.rsplit('/').next().unwrap_or(&name);
        write_image(&to.join(class), key, &pairs::encoded_image(set, i)?)?;
    }
    Ok(Converted { images: set.len(), classes: Some(set.n_classes()), pairs: None })
}

/// A pickle of pairs to images and a table.
fn to_pairs(set: &PairSet, to: &Path) -> Result<Converted, DataError> {
    let names: Vec<String> = (0..set.images.len())
        .map(|i| {
            let name = write_image(&to.join("images"), &format!("{i:05}"), &pairs::encoded_image(&set.images, i)?)?;
            Ok(format!("images/{name}"))
        })
        .collect::<Result<_, DataError>>()?;
    let mut table = String::from(if set.folds > 0 { "a,b,same,fold\n" } else { "a,b,same\n" });
    for pair in &set.pairs {
        let [a, b] = [pair.a, pair.b].map(|i| &names[i as usize]);
        let fold = pair.fold.map(|fold| format!(",{}", fold + 1)).unwrap_or_default();
        // Writing to a String cannot fail.
        let _ = writeln!(table, "{a},{b},{}{fold}", u8::from(pair.same));
    }
    files::write_new(&to.join("pairs.csv"), table.as_bytes())?;
    Ok(Converted { images: names.len(), classes: None, pairs: Some(set.pairs.len()) })
}

/// Fills a folder beside `to`, which gets the name when it is whole.
fn in_place<T>(to: &Path, fill: impl FnOnce(&Path) -> Result<T, DataError>) -> Result<T, DataError> {
    let mut part = to.as_os_str().to_owned();
    part.push(".part");
    let part = PathBuf::from(part);
    files::require_free(&part)?;
    fs::create_dir_all(&part).map_err(|e| DataError::io(&part, "make", e))?;
    let filled = fill(&part);
    if filled.is_err() {
        // It is this call's own folder: it was not there before.
        let _ = fs::remove_dir_all(&part);
    }
    let filled = filled?;
    fs::rename(&part, to).map_err(|e| DataError::io(to, "rename into place", e))?;
    Ok(filled)
}

/// Writes an image, with the extension that its first bytes ask for, and returns the file's name.
fn write_image(folder: &Path, stem: &str, image: &[u8]) -> Result<String, DataError> {
    let extension = match image {
        [0xff, 0xd8, ..] => "jpg",
        [0x89, b'P', b'N', b'G', ..] => "png",
        [b'B', b'M', ..] => "bmp",
        [b'P', b'5', ..] => "pgm",
        [b'P', b'6', ..] => "ppm",
        [b'R', b'I', b'F', b'F', ..] => "webp",
        _ => return Err(DataError::UndecodableImage { path: PathBuf::from(stem), reason: "an unknown format".into() }),
    };
    let (name, io) = (format!("{stem}.{extension}"), |e| DataError::io(folder, "write into", e));
    fs::create_dir_all(folder).map_err(io)?;
    let mut file = File::create(folder.join(&name)).map_err(io)?;
    file.write_all(image).map_err(io)?;
    Ok(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pairs::Pair;

    struct Place(tempfile::TempDir);

    impl Place {
        fn new() -> Self {
            Self(tempfile::tempdir().unwrap())
        }

        fn path(&self, name: &str) -> PathBuf {
            self.0.path().join(name)
        }

        fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
            fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
            fs::write(self.path(name), bytes).unwrap();
        }

        fn convert(&self, from: &str, to: &str) -> Result<Converted, DataError> {
            convert(&self.path(from), &self.path(to), &PairOptions::default())
        }

        fn refused(&self, from: &str, to: &str, word: &str) {
            let error = self.convert(from, to).unwrap_err().to_string();
            assert!(error.contains(word), "{word} in {error}");
        }
    }

    fn gray(value: u8) -> Vec<u8> {
        [&b"P5 1 1 255\n"[..], &[value]].concat()
    }

    #[test]
    fn a_folder_to_records_and_back() {
        let place = Place::new();
        for (i, name) in ["ada/1.pgm", "ada/2.pgm", "bob/1.pgm"].into_iter().enumerate() {
            place.write(&format!("faces/{name}"), gray(i as u8));
        }
        place.write("faces/beside.pgm", gray(9));
        let done = place.convert("faces", "set/train.rec").unwrap();
        assert_eq!((done.images, done.classes, done.pairs), (3, Some(2), None));
        assert_eq!(fs::read_to_string(place.path("set/property")).unwrap(), "2,1,1\n");
        let done = place.convert("set", "back").unwrap();
        assert_eq!((done.images, done.classes), (3, Some(2)));
        for (name, value) in [("0/1.pgm", 0), ("0/2.pgm", 1), ("1/3.pgm", 2)] {
            assert_eq!(fs::read(place.path("back").join(name)).unwrap(), gray(value));
        }
        for (from, to, word) in [
            ("faces", "back", "exists already"),
            ("faces", "other", "expected .rec or .bin"),
            ("faces", "x.rec", "give DIR/train.rec"),
            ("faces", "x.bin", "no list says which"),
            ("set", "other/train.rec", "records already"),
            ("nothing", "other/train.rec", "not found"),
        ] {
            place.refused(from, to, word);
        }
        place.write("faces/bob/2.pgm", b"P5 2 1 255\n12");
        place.refused("faces", "other/train.rec", "expected 1x1x1");
        place.write("faces/bob/2.pgm", b"none");
        place.refused("faces", "third/train.rec", "cannot decode");
    }

    #[test]
    fn pairs_to_a_pickle_and_back() {
        let place = Place::new();
        (1..=3).for_each(|i| place.write(&format!("{i}.pgm"), gray(i)));
        place.write("list.csv", "a,b,same,fold\n1.pgm,2.pgm,1,1\n1.pgm,3.pgm,0,1\n");
        let done = place.convert("list.csv", "pairs.bin").unwrap();
        assert_eq!((done.images, done.pairs), (3, Some(2)));
        // The image of two pairs is in the pickle twice.
        let done = place.convert("pairs.bin", "back").unwrap();
        assert_eq!((done.images, done.pairs), (4, Some(2)));
        let table = fs::read_to_string(place.path("back/pairs.csv")).unwrap();
        assert_eq!(table, "a,b,same\nimages/00000.pgm,images/00001.pgm,1\nimages/00002.pgm,images/00003.pgm,0\n");
        let set = pairs::open(&place.path("back/pairs.csv"), &PairOptions::default()).unwrap();
        assert_eq!(set.pairs, [Pair::new(0, 1, true), Pair::new(2, 3, false)]);
        assert_eq!(set.images.encoded(3).unwrap().unwrap(), gray(3));
        place.refused("list.csv", "set/train.rec", "no classes to train on");
        place.refused("list.csv", "pairs.bin", "exists already");
        place.write("broken.bin", b"\x80\x02](U\x01aU\x01be]\x88a\x86.");
        place.refused("broken.bin", "broken", "cannot decode");
        assert!(!place.path("broken.part").exists());
    }
}
