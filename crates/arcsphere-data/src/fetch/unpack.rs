//! Taking the expected files, and nothing else, out of a `.tar.gz`.

use std::fs;
use std::path::{Component, Path, PathBuf};

use flate2::read::MultiGzDecoder;
use tar::Archive;

use super::part;
use crate::error::DataError;
use crate::files;

/// A file that an archive must hold.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Member {
    /// Its path in the archive.
    pub(crate) path: &'static str,
    /// The most bytes that it may have.
    pub(crate) at_most: u64,
}

impl Member {
    fn name(&self) -> &'static str {
        self.path.rsplit('/').next().unwrap_or(self.path)
    }
}

/// Unpacks `members` into the folder `dir` by their last names.
///
/// An entry is written only if its path is a member's, so none can leave `dir`; one that tries to
/// makes the archive suspect and is an error, as is a member that is not a plain file. Files appear
/// under their names only when all of them are there whole.
pub(crate) fn unpack(archive: &Path, members: &[Member], dir: &Path) -> Result<(), DataError> {
    let outcome = write_parts(archive, members, dir);
    if outcome.is_err() {
        for member in members {
            let _ = fs::remove_file(part::part_of(&dir.join(member.name())));
        }
        return outcome;
    }
    for member in members {
        let path = dir.join(member.name());
        part::commit(&part::part_of(&path), &path)?;
    }
    Ok(())
}

fn write_parts(archive: &Path, members: &[Member], dir: &Path) -> Result<(), DataError> {
    let bad = |reason: String| DataError::BadArchive { path: archive.to_owned(), reason };
    let unreadable = |e: std::io::Error| bad(format!("not a whole tar.gz: {e}"));
    let file = files::open(archive, "a tar.gz archive")?;
    let mut tar = Archive::new(MultiGzDecoder::new(file));
    let mut missing: Vec<&Member> = members.iter().collect();
    for entry in tar.entries().map_err(unreadable)? {
        let mut entry = entry.map_err(unreadable)?;
        let path = entry.path().map_err(unreadable)?.into_owned();
        let plain = plain_path(&path).ok_or_else(|| bad(format!("entry `{}` leaves the folder", path.display())))?;
        let Some(at) = missing.iter().position(|m| Path::new(m.path) == plain) else {
            continue;
        };
        let member = missing.swap_remove(at);
        if !entry.header().entry_type().is_file() {
            return Err(bad(format!("`{}` is not a plain file", member.path)));
        }
        let size = entry.size();
        if size > member.at_most {
            let at_most = member.at_most;
            return Err(bad(format!("`{}` has {size} bytes, expected at most {at_most}", member.path)));
        }
        let copied = part::write_part(&dir.join(member.name()), &mut entry, size)?;
        if copied != size {
            return Err(bad(format!("`{}` ends after {copied} of {size} bytes", member.path)));
        }
    }
    match missing.first() {
        None => Ok(()),
        Some(member) => Err(bad(format!("no `{}` inside", member.path))),
    }
}

/// The path without `.` parts, or `None` when it is absolute or has `..` in it.
fn plain_path(path: &Path) -> Option<PathBuf> {
    path.components()
        .filter(|c| *c != Component::CurDir)
        .map(|c| matches!(c, Component::Normal(_)).then_some(c))
        .collect()
}

#[cfg(test)]
pub(crate) mod tests {
    use std::io::Write;

    use proptest::prelude::*;
    use tar::{Builder, EntryType, Header};

    use super::*;

    const MEMBERS: [Member; 2] = [Member { path: "set/a.bin", at_most: 10 }, Member { path: "set/b.txt", at_most: 10 }];

    /// A tar.gz of entries (path, type, content); the path is written as it is, however unsafe.
    pub(crate) fn tar_gz(entries: &[(&str, EntryType, &[u8])]) -> Vec<u8> {
        let mut builder = Builder::new(Vec::new());
        for (path, kind, content) in entries {
            let mut header = Header::new_gnu();
            header.as_old_mut().name[..path.len()].copy_from_slice(path.as_bytes());
            header.set_entry_type(*kind);
            header.set_size(content.len() as u64);
            header.set_mode(0o644);
            if *kind == EntryType::Symlink {
                header.set_link_name("elsewhere").unwrap();
            }
            header.set_cksum();
            builder.append(&header, *content).unwrap();
        }
        let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gz.write_all(&builder.into_inner().unwrap()).unwrap();
        gz.finish().unwrap()
    }

    fn run(bytes: &[u8]) -> (Result<(), DataError>, Vec<String>) {
        let dir = tempfile::tempdir().unwrap();
        let archive = dir.path().join("archive.tar.gz");
        let into = dir.path().join("into");
        fs::create_dir(&into).unwrap();
        fs::write(&archive, bytes).unwrap();
        let result = unpack(&archive, &MEMBERS, &into);
        let names = files::list(&into, "").unwrap().iter().map(|p| files::name_of(p)).collect();
        // Nothing may ever appear beside the folder.
        assert_eq!(files::list(dir.path(), "").unwrap().len(), 2);
        (result, names)
    }

    const A: (&str, EntryType, &[u8]) = ("set/a.bin", EntryType::Regular, b"aaa");
    const B: (&str, EntryType, &[u8]) = ("./set/b.txt", EntryType::Regular, b"b");

    #[test]
    fn takes_the_members_only() {
        let other = ("set/readme.html", EntryType::Regular, &b"hello"[..]);
        let folder = ("set/", EntryType::Directory, &b""[..]);
        let (result, names) = run(&tar_gz(&[folder, other, A, B]));
        result.unwrap();
        assert_eq!(names, ["a.bin", "b.txt"]);
    }

    #[test]
    fn each_bad_archive_is_named_and_leaves_nothing() {
        let long = [7; 11];
        let whole = tar_gz(&[A, B]);
        let cases: Vec<(Vec<u8>, &str)> = vec![
            (tar_gz(&[A]), "no `set/b.txt` inside"),
            (tar_gz(&[A, ("../b.txt", EntryType::Regular, b"b"), B]), "leaves the folder"),
            (tar_gz(&[A, ("/set/b.txt", EntryType::Regular, b"b")]), "leaves the folder"),
            (tar_gz(&[A, ("set/b.txt", EntryType::Symlink, b"")]), "not a plain file"),
            (tar_gz(&[A, ("set/b.txt", EntryType::Regular, &long)]), "expected at most 10"),
            (b"not a gzip".to_vec(), "not a whole tar.gz"),
            (whole[..whole.len() / 2].to_vec(), ""),
        ];
        for (bytes, text) in cases {
            let (result, names) = run(&bytes);
            let error = result.unwrap_err().to_string();
            assert!(error.contains(text), "{error}");
            assert!(names.is_empty(), "{text}: {names:?}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn damaged_archives_never_panic(at: prop::sample::Index, value: u8, cut: prop::sample::Index) {
            let mut tar = Builder::new(Vec::new());
            let mut header = Header::new_gnu();
            header.set_path("set/a.bin").unwrap();
            header.set_size(3);
            header.set_cksum();
            tar.append(&header, &b"aaa"[..]).unwrap();
            let mut bytes = tar.into_inner().unwrap();
            let i = at.index(512);
            bytes[i] = value;
            bytes.truncate(cut.index(bytes.len()) + 1);
            let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            gz.write_all(&bytes).unwrap();
            let (result, names) = run(&gz.finish().unwrap());
            prop_assert!(result.is_err() && names.is_empty());
        }
    }
}
