//! Files of a bounded length, and nothing that only looks like one: the one place where this workspace opens what
//! somebody names.
//!
//! To open a named pipe waits for a writer, for ever where there is none; a device may have no end. So only regular
//! files are opened, and links to them. Whoever reads one whole says how long it may be.

use std::fs::{self, File, FileType, Metadata};
use std::io::{self, Read};
use std::path::Path;

/// The most bytes of a text that a person or this program writes: a configuration, a result, a list. 64 MiB.
pub const TEXT: u64 = 1 << 26;

/// Opens a regular file, or a link to one.
///
/// # Errors
/// That of the system; [`InvalidInput`](io::ErrorKind::InvalidInput) for anything else, which it names.
///
/// ```
/// use std::io::Read;
///
/// # let dir = tempfile::tempdir()?;
/// # let path = dir.path().join("a.txt");
/// std::fs::write(&path, "text")?;
/// let mut text = String::new();
/// arcsphere_files::open(&path)?.read_to_string(&mut text)?;
/// assert_eq!(text, "text");
/// assert!(arcsphere_files::open(dir.path()).unwrap_err().to_string().contains("a folder"));
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn open(path: &Path) -> io::Result<File> {
    // Asked of the name first, because to open a pipe may not return; and of what was opened, which may be another.
    regular(&fs::metadata(path)?)?;
    let file = File::open(path)?;
    regular(&file.metadata()?)?;
    Ok(file)
}

/// All bytes of a regular file of at most `limit`.
///
/// # Errors
/// Those of [`open`] and of reading; [`FileTooLarge`](io::ErrorKind::FileTooLarge) before anything is read.
///
/// ```
/// # let dir = tempfile::tempdir()?;
/// # let path = dir.path().join("a.txt");
/// std::fs::write(&path, "text")?;
/// assert_eq!(arcsphere_files::read(&path, 4)?, b"text");
/// assert_eq!(arcsphere_files::read(&path, 3).unwrap_err().to_string(), "it has 4 bytes, expected at most 3");
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn read(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let file = open(path)?;
    let length = file.metadata()?.len();
    let too_large = |length: u64| {
        io::Error::new(io::ErrorKind::FileTooLarge, format!("it has {length} bytes, expected at most {limit}"))
    };
    if length > limit {
        return Err(too_large(length));
    }
    let mut bytes = Vec::new();
    let room = usize::try_from(length).map_err(|_| too_large(length))?;
    bytes.try_reserve_exact(room).map_err(|_| io::Error::from(io::ErrorKind::OutOfMemory))?;
    // It may grow while it is read.
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    let found = bytes.len() as u64;
    if found > limit { Err(too_large(found)) } else { Ok(bytes) }
}

/// The text of a regular file of at most [`TEXT`] bytes.
///
/// # Errors
/// Those of [`read`]; [`InvalidData`](io::ErrorKind::InvalidData) for bytes that are no UTF-8.
///
/// ```
/// # let dir = tempfile::tempdir()?;
/// # let path = dir.path().join("a.txt");
/// std::fs::write(&path, b"caf\xe9")?;
/// assert_eq!(arcsphere_files::read_text(&path).unwrap_err().to_string(), "byte 4 is not UTF-8");
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn read_text(path: &Path) -> io::Result<String> {
    String::from_utf8(read(path, TEXT)?).map_err(|e| {
        let at = e.utf8_error().valid_up_to() + 1;
        io::Error::new(io::ErrorKind::InvalidData, format!("byte {at} is not UTF-8"))
    })
}

/// What is at a path, with its article: "a folder", "a named pipe". A link is what it leads to.
///
/// ```
/// assert_eq!(arcsphere_files::kind(&std::fs::metadata(".")?.file_type()), "a folder");
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn kind(of: &FileType) -> &'static str {
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt;
        if of.is_fifo() {
            return "a named pipe";
        }
        if of.is_socket() {
            return "a socket";
        }
        if of.is_char_device() || of.is_block_device() {
            return "a device";
        }
    }
    if of.is_dir() {
        "a folder"
    } else if of.is_file() {
        "a regular file"
    } else {
        "no file"
    }
}

fn regular(found: &Metadata) -> io::Result<()> {
    if found.is_file() {
        return Ok(());
    }
    let what = format!("it is {}, expected a regular file", kind(&found.file_type()));
    Err(io::Error::new(io::ErrorKind::InvalidInput, what))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_read_whole() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.txt");
        fs::write(&path, "größer").unwrap();
        assert_eq!(read_text(&path).unwrap(), "größer");
        assert_eq!(read_text(&dir.path().join("b")).unwrap_err().kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn a_hole_of_terabytes_is_not_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("hole");
        File::create(&path).unwrap().set_len(1 << 42).unwrap();
        let error = read_text(&path).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
        assert_eq!(error.to_string(), "it has 4398046511104 bytes, expected at most 67108864");
    }

    #[cfg(unix)]
    #[test]
    fn what_is_no_file_is_named_and_not_waited_for() {
        use std::os::unix::net::UnixListener;
        let dir = tempfile::tempdir().unwrap();
        let pipe = dir.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let socket = dir.path().join("socket");
        let _listener = UnixListener::bind(&socket).unwrap();
        let link = dir.path().join("link");
        std::os::unix::fs::symlink("/dev/zero", &link).unwrap();
        let told =
            [(pipe.as_path(), "a named pipe"), (&socket, "a socket"), (&link, "a device"), (dir.path(), "a folder")];
        for (path, what) in told {
            let error = read(path, TEXT).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
            assert_eq!(error.to_string(), format!("it is {what}, expected a regular file"));
        }
    }
}
