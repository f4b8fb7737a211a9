//! Bytes and text of a pickle, by where they are in its file.

use crate::at::FileAt;
use crate::error::DataError;

/// Where bytes are, and how they are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Bytes {
    pub(crate) offset: u64,
    /// Number of bytes in the file.
    pub(crate) len: u32,
    form: Form,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Form {
    /// As they are.
    Plain,
    /// As Python 2 prints them: in quotes, with `\n`, `\x0a`, `\\`.
    Quoted,
    /// One byte a character, as UTF-8.
    Latin1,
    /// Text with `\u000a` for some characters, and the others as one byte each.
    Escaped,
}

/// No name or code that is matched is longer.
const SHORT: u32 = 64;

impl Bytes {
    pub(super) fn plain(offset: u64, len: u32) -> Self {
        Self { offset, len, form: Form::Plain }
    }

    pub(super) fn quoted(self) -> Self {
        Self { form: Form::Quoted, ..self }
    }

    pub(super) fn escaped(self) -> Self {
        Self { form: Form::Escaped, ..self }
    }

    /// What the characters of a text encode as Latin-1.
    pub(super) fn latin1(self) -> Self {
        Self { form: if self.form == Form::Plain { Form::Latin1 } else { self.form }, ..self }
    }

    /// True where the bytes in the file are those that are meant.
    pub(crate) fn is_plain(self) -> bool {
        self.form == Form::Plain
    }

    /// The bytes that are meant, in place of what `to` held.
    pub(crate) fn read(self, file: &FileAt, to: &mut Vec<u8>) -> Result<(), DataError> {
        to.clear();
        to.resize(self.len as usize, 0);
        file.read(self.offset, to, "bytes of a pickle")?;
        let decoded = match self.form {
            Form::Plain => Ok(()),
            Form::Quoted => unquote(to).map(|bytes| *to = bytes),
            Form::Latin1 => latin1(to).map(|bytes| *to = bytes),
            Form::Escaped => unescape(to).map(|bytes| *to = bytes),
        };
        decoded.map_err(|reason| {
            let path = file.path().to_owned();
            DataError::BadBytes { path, offset: self.offset, reason: reason.to_owned() }
        })
    }

    /// A text that is short, or nothing where it is long.
    pub(super) fn short(self, file: &FileAt) -> Result<Vec<u8>, DataError> {
        let mut bytes = Vec::new();
        if self.len <= SHORT {
            self.read(file, &mut bytes)?;
        }
        Ok(bytes)
    }
}

fn latin1(utf8: &[u8]) -> Result<Vec<u8>, &'static str> {
    let text = std::str::from_utf8(utf8).map_err(|_| "a text that is no UTF-8")?;
    text.chars().map(|c| u8::try_from(u32::from(c)).map_err(|_| "a text with a character beyond Latin-1")).collect()
}

fn unescape(line: &[u8]) -> Result<Vec<u8>, &'static str> {
    let mut bytes = Vec::with_capacity(line.len());
    let mut rest = line;
    while let Some((&first, after)) = rest.split_first() {
        rest = after;
        let digits = match (first, after.first()) {
            (b'\\', Some(b'u')) => 4,
            (b'\\', Some(b'U')) => 8,
            _ => {
                bytes.push(first);
                continue;
            }
        };
        let code = after.get(1..=digits).and_then(hex).ok_or("a text with a broken \\u escape")?;
        bytes.push(u8::try_from(code).map_err(|_| "a text with a character beyond Latin-1")?);
        rest = &after[1 + digits..];
    }
    Ok(bytes)
}

fn unquote(line: &[u8]) -> Result<Vec<u8>, &'static str> {
    let (first, last) = (line.first(), line.last());
    if line.len() < 2 || first != last || !matches!(first, Some(b'\'' | b'"')) {
        return Err("a string without quotes");
    }
    let mut bytes = Vec::with_capacity(line.len());
    let mut rest = &line[1..line.len() - 1];
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'\\' {
            bytes.push(byte);
            continue;
        }
        let (&code, after) = rest.split_first().ok_or("a string that ends in a backslash")?;
        rest = after;
        bytes.push(match code {
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'\\' | b'\'' | b'"' => code,
            b'x' => {
                let value = after.get(..2).and_then(hex).ok_or("a string with a broken \\x escape")?;
                rest = &after[2..];
                value as u8
            }
            _ => return Err("a string with an escape that Python does not print"),
        });
    }
    Ok(bytes)
}

/// A number of hexadecimal digits, and nothing else.
fn hex(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0_u32, |value, &digit| {
        let digit = char::from(digit).to_digit(16)?;
        value.checked_mul(16)?.checked_add(digit)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_of_python_2() {
        assert_eq!(unquote(br#"'\xff\xd8\n\r\t\\a\'"'"#).unwrap(), b"\xff\xd8\n\r\t\\a'\"");
        assert_eq!(unquote(br#""it's""#).unwrap(), b"it's");
        for broken in [&b""[..], b"'", b"'a", b"a'", b"'a\"", br"'\'", br"'\x0'", br"'\xg0'", br"'\q'"] {
            assert!(unquote(broken).is_err(), "{}", String::from_utf8_lossy(broken));
        }
    }

    #[test]
    fn text_that_is_bytes() {
        assert_eq!(latin1("aÿ\u{80}".as_bytes()).unwrap(), b"a\xff\x80");
        assert!(latin1("Ā".as_bytes()).is_err() && latin1(b"\xff").is_err());
        assert_eq!(unescape(b"a\xff\\u000a\\U0000005c\\x").unwrap(), b"a\xff\n\\\\x");
        for broken in [&br"\u000"[..], br"\u00g0", br"\u0100", br"\U00000100"] {
            assert!(unescape(broken).is_err(), "{}", String::from_utf8_lossy(broken));
        }
    }
}
