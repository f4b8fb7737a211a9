//! Text files read a line at a time: lists of images, of pairs, of labels.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use crate::error::DataError;
use crate::files;

/// A longer line is none of a list, and is not read into memory.
const MAX_LINE: u64 = 1 << 16;

/// Calls `each` with the number (from 1) and the text of every line, without its end. What it returns as an error is
/// the reason of a [`BadRow`](DataError::BadRow).
pub(crate) fn each(
    path: &Path,
    expected: &str,
    mut each: impl FnMut(usize, &str) -> Result<(), String>,
) -> Result<(), DataError> {
    let mut reader = BufReader::with_capacity(1 << 16, files::open(path, expected)?);
    let mut bytes = Vec::new();
    for line in 1.. {
        bytes.clear();
        let read = (&mut reader).take(MAX_LINE).read_until(b'\n', &mut bytes);
        if read.map_err(|e| DataError::io(path, "read", e))? == 0 {
            break;
        }
        let bad = |reason| DataError::BadRow { path: path.to_owned(), line, reason, ends: true };
        if bytes.len() as u64 == MAX_LINE {
            return Err(bad(format!("a line of {MAX_LINE} bytes or more, expected {expected}")));
        }
        let text = std::str::from_utf8(&bytes);
        let text = text.map_err(|e| bad(format!("byte {} is not UTF-8", e.valid_up_to() + 1)))?;
        each(line, text.trim_start_matches('\u{feff}').trim_end_matches(['\r', '\n'])).map_err(bad)?;
    }
    Ok(())
}

/// The fields of a line: between tabs where it has any, else between blanks.
pub(crate) fn fields(line: &str) -> Vec<&str> {
    if line.contains('\t') {
        line.trim().split('\t').map(str::trim).collect()
    } else {
        line.split_whitespace().collect()
    }
}

/// A text, short enough to be shown in an error.
pub(crate) fn shown(text: &str) -> String {
    let short: String = text.chars().take(60).collect();
    if short.len() < text.len() { format!("`{short}…`") } else { format!("`{short}`") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_as_they_like_and_not_too_late() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.txt");
        let read = |bytes: &[u8]| {
            std::fs::write(&path, bytes).unwrap();
            let mut lines = Vec::new();
            each(&path, "a list", |n, line| {
                lines.push((n, line.to_owned()));
                if line == "stop" { Err("here".into()) } else { Ok(()) }
            })
            .map(|()| lines)
        };
        let expected = [(1, "a b".to_owned()), (2, String::new()), (3, "c".to_owned())];
        assert_eq!(read("\u{feff}a b\r\n\nc".as_bytes()).unwrap(), expected);
        assert!(matches!(read(b"a\nstop\n"), Err(DataError::BadRow { line: 2, .. })));
        assert!(matches!(read(b"a\n\xff\n"), Err(DataError::BadRow { line: 2, .. })));
        assert!(matches!(read(&[b'a'; 1 << 17]), Err(DataError::BadRow { line: 1, .. })));
        assert_eq!(fields("a b\tc"), ["a b", "c"]);
        assert_eq!(fields(" a  b "), ["a", "b"]);
    }
}
