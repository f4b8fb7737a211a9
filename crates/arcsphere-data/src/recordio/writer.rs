//! Records into a file, as dmlc-core writes them.

use std::io::{self, Write};

use super::{MAGIC, MAX_LEN};

/// Writes records one after the other.
pub struct Writer<W> {
    to: W,
    at: u64,
}

impl<W: Write> Writer<W> {
    /// Writes to `to`, from its offset 0 on.
    pub fn new(to: W) -> Self {
        Self { to, at: 0 }
    }

    /// Writes a record, and returns the offset at which it begins: what an index says of it.
    ///
    /// # Errors
    /// What `to` says, and [`InvalidInput`](io::ErrorKind::InvalidInput) for more than
    /// [`MAX_LEN`] bytes.
    pub fn write(&mut self, record: &[u8]) -> io::Result<u64> {
        if record.len() > MAX_LEN as usize {
            let reason = format!("a record of {} bytes, expected at most {MAX_LEN}", record.len());
            return Err(io::Error::new(io::ErrorKind::InvalidInput, reason));
        }
        let offset = self.at;
        let mut start = 0;
        let magics = (0..record.len() / 4).map(|i| 4 * i).filter(|&i| record[i..i + 4] == MAGIC);
        for magic in magics {
            self.part(if start == 0 && self.at == offset { 1 } else { 2 }, &record[start..magic])?;
            start = magic + MAGIC.len();
        }
        self.part(if self.at == offset { 0 } else { 3 }, &record[start..])?;
        Ok(offset)
    }

    fn part(&mut self, flag: u32, bytes: &[u8]) -> io::Result<()> {
        let padding = bytes.len().next_multiple_of(4) - bytes.len();
        self.to.write_all(&MAGIC)?;
        self.to.write_all(&(flag << 29 | bytes.len() as u32).to_le_bytes())?;
        self.to.write_all(bytes)?;
        self.to.write_all(&[0; 4][..padding])?;
        self.at += (8 + bytes.len() + padding) as u64;
        Ok(())
    }

    /// What was written to.
    pub fn into_inner(self) -> W {
        self.to
    }
}
