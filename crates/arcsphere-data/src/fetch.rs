//! Downloading the known data sets from where their authors, or a well-known mirror, publish them: with the
//! feature `fetch`.

use std::fs;
use std::path::{Path, PathBuf};

use crate::catalog;
use crate::error::DataError;

mod part;

mod download;
mod unpack;

use download::Remote;
use unpack::Member;

/// How [`fetch`] works.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FetchOptions {
    /// Base address of another mirror, to which file names are appended. Default: the set's own.
    pub from: Option<String>,
}

/// One published file.
struct RemoteFile {
    name: &'static str,
    md5: &'static str,
    bytes: u64,
}

/// Where a set is published and how its files are known.
struct RemoteSet {
    name: &'static str,
    base: &'static str,
    files: &'static [RemoteFile],
    /// What the only file holds when it is an archive; empty when the files are used as they are.
    members: &'static [Member],
}

/// MD5 sums are those that torchvision publishes.
static REMOTE: [RemoteSet; 4] = [
    RemoteSet {
        name: "mnist",
        base: "https://ossci-datasets.s3.amazonaws.com/mnist",
        files: &[
            file("train-images-idx3-ubyte.gz", "f68b3c2dcbeaaa9fbdd348bbdeb94873", 9_912_422),
            file("train-labels-idx1-ubyte.gz", "d53e105ee54ea40749a09fcbcd1e9432", 28_881),
            file("t10k-images-idx3-ubyte.gz", "9fb629c4189551a2d022fa330f9573f3", 1_648_877),
            file("t10k-labels-idx1-ubyte.gz", "ec29112dd5afa0611ce80d1b7f02629c", 4_542),
        ],
        members: &[],
    },
    RemoteSet {
        name: "fashion-mnist",
        base: "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com",
        files: &[
            file("train-images-idx3-ubyte.gz", "8d4fb7e6c68d591d4c3dfef9ec88bf0d", 26_421_880),
            file("train-labels-idx1-ubyte.gz", "25c81989df183df01b3e8a0aad5dffbe", 29_515),
            file("t10k-images-idx3-ubyte.gz", "bef4ecab320f06d8554ea6380940ec79", 4_422_102),
            file("t10k-labels-idx1-ubyte.gz", "bb300cfdad3c16e7a12a480ee83cd310", 5_148),
        ],
        members: &[],
    },
    RemoteSet {
        name: "cifar-10",
        base: "https://www.cs.toronto.edu/~kriz",
        files: &[file("cifar-10-binary.tar.gz", "c32a1d4ab5d03f1284b67883e8d87530", 170_052_171)],
        members: &[
            member("cifar-10-batches-bin/data_batch_1.bin", 30_730_000),
            member("cifar-10-batches-bin/data_batch_2.bin", 30_730_000),
            member("cifar-10-batches-bin/data_batch_3.bin", 30_730_000),
            member("cifar-10-batches-bin/data_batch_4.bin", 30_730_000),
            member("cifar-10-batches-bin/data_batch_5.bin", 30_730_000),
            member("cifar-10-batches-bin/test_batch.bin", 30_730_000),
            member("cifar-10-batches-bin/batches.meta.txt", 1 << 16),
        ],
    },
    RemoteSet {
        name: "cifar-100",
        base: "https://www.cs.toronto.edu/~kriz",
        files: &[file("cifar-100-binary.tar.gz", "03b5dce01913d631647c71ecec9e9cb8", 168_513_733)],
        members: &[
            member("cifar-100-binary/train.bin", 153_700_000),
            member("cifar-100-binary/test.bin", 30_740_000),
            member("cifar-100-binary/fine_label_names.txt", 1 << 16),
            member("cifar-100-binary/coarse_label_names.txt", 1 << 16),
        ],
    },
];

const fn file(name: &'static str, md5: &'static str, bytes: u64) -> RemoteFile {
    RemoteFile { name, md5, bytes }
}

const fn member(path: &'static str, at_most: u64) -> Member {
    Member { path, at_most }
}

/// Downloads the set `name` into its folder under `dir` and gives that folder, in which
/// [`catalog::open`] with `root` = `dir` finds it.
///
/// Files that are there and right are left alone. Each download is resumed from its `.part` file,
/// compared with its published checksum, and only then given its name; an archive's files appear
/// all together. `progress` gets the file's name, the bytes done and the bytes in all.
///
/// # Errors
/// [`UnknownDataset`](DataError::UnknownDataset), [`NothingToFetch`](DataError::NothingToFetch),
/// [`Http`](DataError::Http), [`Checksum`](DataError::Checksum),
/// [`BadArchive`](DataError::BadArchive), [`Io`](DataError::Io).
///
/// ```no_run
/// use std::path::Path;
/// use arcsphere_data::fetch::{FetchOptions, fetch};
///
/// let mut show = |file: &str, done: u64, total: u64| eprintln!("{file}: {done} of {total} bytes");
/// let folder = fetch("mnist", Path::new("data"), &FetchOptions::default(), &mut show)?;
/// assert!(folder.ends_with("mnist"));
/// # Ok::<(), arcsphere_data::DataError>(())
/// ```
pub fn fetch(
    name: &str,
    dir: &Path,
    options: &FetchOptions,
    progress: &mut dyn FnMut(&str, u64, u64),
) -> Result<PathBuf, DataError> {
    let info = catalog::find(name)?;
    let (Some(folder), Some(set)) = (info.folders.first(), REMOTE.iter().find(|r| r.name == info.name)) else {
        return Err(DataError::NothingToFetch { name: name.to_owned() });
    };
    let into = dir.join(folder);
    fetch_set(set, &into, options, progress)?;
    Ok(into)
}

/// Unpacks the archive in which the set `name` is published, one that came another way than by [`fetch`] too, into
/// the folder `into`, which is there. Only the set's own files are taken, and only if all of them are whole; whether
/// they are the published ones is not looked at.
///
/// # Errors
/// [`UnknownDataset`](DataError::UnknownDataset); [`NothingToFetch`](DataError::NothingToFetch) for a set that is
/// not published as an archive; [`BadArchive`](DataError::BadArchive), [`Missing`](DataError::Missing),
/// [`Io`](DataError::Io).
///
/// ```
/// use arcsphere_data::{DataError, fetch};
///
/// let dir = tempfile::tempdir().unwrap();
/// let archive = dir.path().join("cifar-100-binary.tar.gz");
/// std::fs::write(&archive, "an error page").unwrap();
/// let error = fetch::unpack("cifar-100", &archive, dir.path()).unwrap_err();
/// assert!(matches!(error, DataError::BadArchive { .. }), "{error}");
/// ```
pub fn unpack(name: &str, archive: &Path, into: &Path) -> Result<(), DataError> {
    let known = catalog::find(name)?;
    match REMOTE.iter().find(|r| r.name == known.name && !r.members.is_empty()) {
        Some(set) => unpack::unpack(archive, set.members, into),
        None => Err(DataError::NothingToFetch { name: name.to_owned() }),
    }
}

fn fetch_set(
    set: &RemoteSet,
    into: &Path,
    options: &FetchOptions,
    progress: &mut dyn FnMut(&str, u64, u64),
) -> Result<(), DataError> {
    let member_path = |m: &Member| into.join(Path::new(m.path).file_name().unwrap_or_default());
    if !set.members.is_empty() && set.members.iter().all(|m| member_path(m).is_file()) {
        return Ok(());
    }
    fs::create_dir_all(into).map_err(|e| DataError::io(into, "create", e))?;
    let base = options.from.as_deref().unwrap_or(set.base).trim_end_matches('/');
    for file in set.files {
        let path = into.join(file.name);
        if path.is_file() && download::md5_of(&path)? == file.md5 {
            progress(file.name, file.bytes, file.bytes);
        } else {
            let url = format!("{base}/{}", file.name);
            let remote = Remote { url: &url, path: &path, md5: file.md5, bytes: file.bytes };
            download::download(remote, &mut |done, total| progress(file.name, done, total))?;
        }
        if !set.members.is_empty() {
            unpack::unpack(&path, set.members, into)?;
            // Its content is in place; the archive has served.
            fs::remove_file(&path).map_err(|e| DataError::io(&path, "remove", e))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use md5::{Digest, Md5};
    use tar::EntryType;

    use super::download::test_server::{Manner, serve};
    use super::unpack::tests::tar_gz;
    use super::*;
    use crate::dataset::hex;
    use crate::{files, idx};

    fn names_in(dir: &Path) -> Vec<String> {
        files::list(dir, "").unwrap().iter().map(|p| files::name_of(p)).collect()
    }

    fn leak(text: String) -> &'static str {
        Box::leak(text.into_boxed_str())
    }

    /// A set of the given files with their true checksums.
    fn set_of(files: &[(&'static str, Vec<u8>)], members: &'static [Member]) -> RemoteSet {
        let list: Vec<RemoteFile> =
            files.iter().map(|(name, bytes)| file(name, leak(hex(&Md5::digest(bytes))), bytes.len() as u64)).collect();
        RemoteSet { name: "tiny", base: "unused", files: Box::leak(list.into_boxed_slice()), members }
    }

    fn tiny_idx() -> Vec<(&'static str, Vec<u8>)> {
        let labels = idx::encode(&[2], &[0, 1]);
        let images = idx::encode(&[2, 1, 2], &[1, 2, 3, 4]);
        vec![
            ("train-images-idx3-ubyte", images.clone()),
            ("train-labels-idx1-ubyte", labels.clone()),
            ("t10k-images-idx3-ubyte", images),
            ("t10k-labels-idx1-ubyte", labels),
        ]
    }

    #[test]
    fn fetched_files_can_be_read_and_are_not_fetched_twice() {
        let files = tiny_idx();
        let set = set_of(&files, &[]);
        let served: Vec<(&str, Vec<u8>)> = files.iter().map(|(n, b)| (*n, b.clone())).collect();
        let server = serve(&served, Manner::Ranges);
        let dir = tempfile::tempdir().unwrap();
        let options = FetchOptions { from: Some(format!("{}/", server.base)) };
        let mut last = (String::new(), 0, 0);
        let mut progress = |name: &str, done, total| last = (name.to_owned(), done, total);
        fetch_set(&set, dir.path(), &options, &mut progress).unwrap();
        assert_eq!(last, ("t10k-labels-idx1-ubyte".to_string(), 10, 10));
        let (train, test) = idx::read_folder(dir.path(), None).unwrap();
        assert_eq!((train.len(), test.len()), (2, 2));

        let before = server.ranges.lock().unwrap().len();
        fetch_set(&set, dir.path(), &options, &mut |_, _, _| {}).unwrap();
        assert_eq!(server.ranges.lock().unwrap().len(), before);

        // A file that was damaged since is fetched again.
        let damaged = dir.path().join("train-labels-idx1-ubyte");
        fs::write(&damaged, b"x").unwrap();
        fetch_set(&set, dir.path(), &options, &mut |_, _, _| {}).unwrap();
        assert_eq!(fs::read(&damaged).unwrap(), files[1].1);
        assert_eq!(server.ranges.lock().unwrap().len(), before + 1);
    }

    const MEMBERS: &[Member] = &[member("tiny/train.bin", 100), member("tiny/names.txt", 100)];

    #[test]
    fn an_archive_is_unpacked_and_removed() {
        let archive = tar_gz(&[
            ("tiny/train.bin", EntryType::Regular, b"images"),
            ("tiny/names.txt", EntryType::Regular, b"names"),
            ("tiny/readme.html", EntryType::Regular, b"read me"),
        ]);
        let set = set_of(&[("tiny.tar.gz", archive.clone())], MEMBERS);
        let server = serve(&[("mirror/tiny.tar.gz", archive)], Manner::Ranges);
        let dir = tempfile::tempdir().unwrap();
        let options = FetchOptions { from: Some(format!("{}/mirror", server.base)) };
        for _ in 0..2 {
            fetch_set(&set, dir.path(), &options, &mut |_, _, _| {}).unwrap();
            assert_eq!(names_in(dir.path()), ["names.txt", "train.bin"]);
        }
        assert_eq!(server.ranges.lock().unwrap().len(), 1);
    }

    #[test]
    fn a_forged_archive_is_a_checksum_error_and_leaves_nothing() {
        let set = set_of(&[("tiny.tar.gz", b"the true archive".to_vec())], MEMBERS);
        let server = serve(&[("tiny.tar.gz", b"a forged archive".to_vec())], Manner::Ranges);
        let dir = tempfile::tempdir().unwrap();
        let options = FetchOptions { from: Some(server.base) };
        let error = fetch_set(&set, dir.path(), &options, &mut |_, _, _| {}).unwrap_err();
        assert!(matches!(error, DataError::Checksum { .. }), "{error}");
        assert!(names_in(dir.path()).is_empty());
    }

    #[test]
    fn names_and_missing_files() {
        let dir = tempfile::tempdir().unwrap();
        let run = |name, from: Option<String>| {
            fetch(name, dir.path(), &FetchOptions { from }, &mut |_, _, _| {}).unwrap_err()
        };
        assert!(matches!(run("mnist-embedded", None), DataError::NothingToFetch { .. }));
        let error = run("fashion", None).to_string();
        assert!(error.contains("did you mean `fashion-mnist`?"), "{error}");
        let server = serve(&[], Manner::Ranges);
        let error = run("cifar-100", Some(server.base.clone())).to_string();
        assert!(error.contains("status 404") && error.contains("cifar-100-binary.tar.gz"), "{error}");
    }

    #[test]
    fn every_known_set_that_is_not_built_in_can_be_fetched() {
        for info in catalog::DATASETS {
            let remote = REMOTE.iter().find(|r| r.name == info.name);
            assert_eq!(remote.is_some(), !info.folders.is_empty(), "{}", info.name);
            if let Some(remote) = remote {
                assert!(remote.files.iter().all(|f| f.md5.len() == 32 && f.bytes > 0));
            }
        }
    }
}
