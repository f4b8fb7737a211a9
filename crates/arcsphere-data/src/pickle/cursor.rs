//! Reading a pickle from its first byte to its last.

use super::bytes::Bytes;
use crate::at::FileAt;
use crate::error::DataError;

/// Bytes that are read at once.
const BUFFER: usize = 1 << 14;

/// A longer line is no number and no name.
const MAX_LINE: u64 = 256;

pub(super) struct Cursor<'a> {
    file: &'a FileAt,
    buffer: Vec<u8>,
    /// Where the buffer begins in the file.
    from: u64,
    at: u64,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(file: &'a FileAt) -> Self {
        Self { file, buffer: Vec::new(), from: 0, at: 0 }
    }

    pub(super) fn at(&self) -> u64 {
        self.at
    }

    pub(super) fn file(&self) -> &'a FileAt {
        self.file
    }

    /// Bytes to the end of the file.
    pub(super) fn left(&self) -> u64 {
        self.file.len().saturating_sub(self.at)
    }

    pub(super) fn byte(&mut self, what: &str) -> Result<u8, DataError> {
        let in_buffer = |c: &Self| c.at.checked_sub(c.from).and_then(|i| c.buffer.get(i as usize).copied());
        if in_buffer(self).is_none() {
            self.buffer.resize(self.left().min(BUFFER as u64) as usize, 0);
            self.from = self.at;
            self.file.read(self.from, &mut self.buffer, what)?;
        }
        let byte = in_buffer(self).ok_or_else(|| self.truncated(what, self.at + 1))?;
        self.at += 1;
        Ok(byte)
    }

    /// A little-endian number of `n` bytes, at most 8.
    pub(super) fn number(&mut self, n: usize, what: &str) -> Result<u64, DataError> {
        let mut value = 0;
        for i in 0..n {
            value |= u64::from(self.byte(what)?) << (8 * i);
        }
        Ok(value)
    }

    /// Goes past `len` bytes, and says where they are.
    pub(super) fn skip(&mut self, len: u64, what: &str) -> Result<Bytes, DataError> {
        let end = self.at.saturating_add(len);
        match u32::try_from(len) {
            Ok(len) if end <= self.file.len() => {
                let bytes = Bytes::plain(self.at, len);
                self.at = end;
                Ok(bytes)
            }
            _ => Err(self.truncated(what, end)),
        }
    }

    /// A short line, without its end.
    pub(super) fn line(&mut self, what: &str) -> Result<Vec<u8>, super::Stop> {
        let mut line = Vec::new();
        loop {
            match self.byte(what)? {
                b'\n' => return Ok(line),
                _ if line.len() as u64 >= MAX_LINE => {
                    return Err(format!("{what} of more than {MAX_LINE} bytes").into());
                }
                byte => line.push(byte),
            }
        }
    }

    /// A line of any length, which is not kept.
    pub(super) fn rest_of_line(&mut self, what: &str) -> Result<Bytes, super::Stop> {
        let start = self.at;
        while self.byte(what)? != b'\n' {}
        let len = u32::try_from(self.at - 1 - start).map_err(|_| format!("{what} of more than 4 GiB"))?;
        Ok(Bytes::plain(start, len))
    }

    /// A line with a number in it.
    pub(super) fn decimal(&mut self, what: &str) -> Result<i64, super::Stop> {
        decimal(&self.line(what)?)
    }

    fn truncated(&self, what: &str, expected: u64) -> DataError {
        let (path, offset) = (self.file.path().to_owned(), self.file.len());
        DataError::Truncated { path, what: what.to_owned(), offset, expected }
    }
}

pub(super) fn decimal(line: &[u8]) -> Result<i64, super::Stop> {
    let text = std::str::from_utf8(line).unwrap_or_default();
    text.parse().map_err(|_| format!("`{}`, expected a number", text.escape_debug()).into())
}
