//! What is there where a set was expected, and what can be done about it.

use std::path::{Path, PathBuf};

use crate::error::DataError;
use crate::files;
use crate::walk::{LeftOut, Reason, by_extension, is_image};

const PICKLE: &str = "a Python pickle";

/// First bytes of formats, where they begin, and what each is called.
const MAGIC: [(usize, &[u8], Kind); 16] = [
    (0, b"PK\x03\x04", Kind::Archive("a zip archive", "unzip")),
    (257, b"ustar", Kind::Archive("a tar archive", "tar -xf")),
    (0, b"Rar!", Kind::Archive("a RAR archive", "unrar x")),
    (0, b"7z\xbc\xaf\x27\x1c", Kind::Archive("a 7z archive", "7z x")),
    (0, b"\xfd7zXZ\0", Kind::Archive("an archive packed with xz", "tar -xf")),
    (0, b"BZh", Kind::Archive("an archive packed with bzip2", "tar -xf")),
    (0, b"\x28\xb5\x2f\xfd", Kind::Archive("an archive packed with zstd", "tar -xf")),
    (0, b"\x93NUMPY", Kind::Foreign("a NumPy array")),
    (0, b"\x89HDF\r\n\x1a\n", Kind::Foreign("an HDF5 file")),
    (0, b"PAR1", Kind::Foreign("a Parquet file")),
    (0, b"MATLAB 5.0", Kind::Foreign("a MATLAB file")),
    (0, b"SQLite format 3\0", Kind::Foreign("an SQLite database")),
    (0, b"\x80\x02", Kind::Foreign(PICKLE)),
    (0, b"\x80\x03", Kind::Foreign(PICKLE)),
    (0, b"\x80\x04", Kind::Foreign(PICKLE)),
    (0, b"\0\0\x08", Kind::Idx),
];

#[derive(Clone, Copy)]
enum Kind {
    /// What it is, and the command that unpacks it.
    Archive(&'static str, &'static str),
    /// Of another program.
    Foreign(&'static str),
    /// One file of an idx set.
    Idx,
}

/// Says what the file or device at `path`, which is no folder, is; `is_pairs` where it can be read as pairs.
pub(crate) fn instead_of_a_folder(path: &Path, is_pairs: bool) -> DataError {
    let mut file = match files::open(path, "a folder of images, of idx files or of CIFAR binary files") {
        Ok(file) => file,
        Err(error) => return error,
    };
    let (head, outcome) = files::read_up_to(&mut file, 512);
    if let Err(error) = outcome {
        return DataError::io(path, "read", error);
    }
    let (found, way_out) = of_file(path, &head, is_pairs);
    DataError::NoClasses { path: path.to_owned(), found, way_out }
}

/// What a file is, and what to do.
fn of_file(path: &Path, head: &[u8], is_pairs: bool) -> (String, String) {
    let shown = path.display();
    let parent = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.display().to_string(),
        _ => ".".to_owned(),
    };
    let lower = files::name_of(path).to_lowercase();
    let is = |at: usize, bytes: &[u8]| head.get(at..).is_some_and(|rest| rest.starts_with(bytes));
    let kind = MAGIC.iter().find(|(at, bytes, _)| is(*at, bytes)).map(|(_, _, kind)| *kind);
    let gzip = is(0, &[0x1f, 0x8b]);
    let folder = "convert it to a folder with a folder of images for each class";
    if is_pairs && (lower.ends_with(".csv") || matches!(kind, Some(Kind::Foreign(what)) if what == PICKLE)) {
        let way_out = format!(
            "pairs have no classes to train on: give a folder with a folder of images for each class, or a train.rec; \
             `arcsphere data info {shown}` says what is in the pairs"
        );
        return ("pairs of images".to_owned(), way_out);
    }
    match kind {
        Some(Kind::Idx) => ("an idx file".to_owned(), format!("give the folder that it is in: {parent}")),
        _ if gzip && lower.contains("idx") => {
            ("an idx file, packed with gzip".to_owned(), format!("give the folder that it is in: {parent}"))
        }
        _ if gzip => ("a file packed with gzip".to_owned(), unpack("tar -xf", path)),
        Some(Kind::Archive(what, command)) => (what.to_owned(), unpack(command, path)),
        Some(Kind::Foreign(what)) => (what.to_owned(), folder.to_owned()),
        None if is_image(path) => (
            "one image".to_owned(),
            "give the folder in which each class has a folder; to embed it, use `arcsphere embed`".to_owned(),
        ),
        None if lower.ends_with(".bin") => {
            ("a binary file".to_owned(), format!("if it is CIFAR's, give the folder that it is in: {parent}"))
        }
        None if head.is_empty() => ("an empty file".to_owned(), folder.to_owned()),
        None if is_text(head) && [".csv", ".tsv", ".txt"].iter().any(|e| lower.ends_with(e)) => {
            ("a table".to_owned(), format!("if it lists paths and ages, give `age:{shown}`; else {folder}"))
        }
        None => ("a file of an unknown kind".to_owned(), folder.to_owned()),
    }
}

/// How an archive becomes a folder.
fn unpack(command: &str, path: &Path) -> String {
    let stem = files::name_of(path);
    let stem = stem.split_once('.').map_or("images", |(stem, _)| stem);
    let stem = if stem.is_empty() { "images" } else { stem };
    match command {
        "unzip" => format!("unpack it and give the folder: unzip {} -d {stem}", path.display()),
        _ => format!("unpack it into a new folder and give that: mkdir {stem} && cd {stem} && {command} ARCHIVE"),
    }
}

fn is_text(head: &[u8]) -> bool {
    let end = match std::str::from_utf8(head) {
        Ok(_) => head.len(),
        Err(e) => e.valid_up_to(),
    };
    // A letter may be cut at the end.
    end + 4 > head.len() && !head.contains(&0)
}

/// Says what is in the folder `dir`, which has no folder of images: the images in it, and the rest.
pub(crate) fn no_class(dir: &Path, images: &[PathBuf], left_out: &LeftOut) -> DataError {
    let (found, way_out) = of_folder(dir, images, left_out);
    DataError::NoClasses { path: dir.to_owned(), found, way_out }
}

fn of_folder(dir: &Path, images: &[PathBuf], left_out: &LeftOut) -> (String, String) {
    if let Some(name) = python_cifar(dir) {
        let way_out =
            format!("get the binary version: `arcsphere data fetch {name} DIR`, then --data {name} --root DIR");
        return (format!("the Python version of {}", name.to_uppercase()), way_out);
    }
    let classes = "put the images of each class into a folder of its own";
    if let Some(first) = images.first() {
        let first = files::name_of(first);
        let age = first.split_once('_').is_some_and(|(age, _)| age.parse::<u8>().is_ok_and(|age| age <= 120));
        let ages =
            if age { format!("; if their names begin with ages, give `age:{}`", dir.display()) } else { String::new() };
        return (format!("{} images without a folder, the first {first}", images.len()), format!("{classes}{ages}"));
    }
    let others = left_out.get(&Reason::NotAnImage).map(Vec::as_slice).unwrap_or_default();
    for path in others {
        let name = files::name_of(path).to_lowercase();
        if [".zip", ".tar", ".tgz", ".tar.gz", ".rar", ".7z", ".tar.xz", ".tar.bz2"].iter().any(|e| name.ends_with(e)) {
            let DataError::NoClasses { found, way_out, .. } = instead_of_a_folder(path, false) else { continue };
            return (format!("{found}, {}", files::name_of(path)), way_out);
        }
    }
    if others.is_empty() {
        return ("nothing that could be an image".to_owned(), classes.to_owned());
    }
    (format!("no image among {}", by_extension(others)), classes.to_owned())
}

/// The name of the set of which `dir` holds the version for Python: files of the same names without `.bin`.
pub(crate) fn python_cifar(dir: &Path) -> Option<&'static str> {
    let all = |names: &[&str]| names.iter().all(|name| dir.join(name).is_file());
    if all(&["data_batch_1", "test_batch"]) {
        Some("cifar-10")
    } else if all(&["train", "test", "meta"]) {
        Some("cifar-100")
    } else {
        None
    }
}
