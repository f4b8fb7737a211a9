//! Huffman codes, and the bits that they are read from.

/// Codes up to this length are found in one step.
const SHORT: u32 = 10;

/// A table of codes (T.81, annex C), each with the symbol that it stands for.
#[derive(Clone, Debug)]
pub(super) struct Table {
    /// For each beginning of `SHORT` bits the length of the code in it, in the low half, and its symbol; 0 where
    /// the code is longer.
    short: Vec<u16>,
    /// For each length the first code past those of it, at the top of 16 bits.
    ends: [u32; 17],
    /// For each length what to add to a code to have the index of its symbol.
    offsets: [i32; 17],
    symbols: Vec<u8>,
}

impl Table {
    /// From the number of codes of each length 1 to 16, and their symbols.
    pub(super) fn new(counts: &[u8], symbols: &[u8]) -> Result<Self, String> {
        let mut table = Self { short: vec![0; 1 << SHORT], ends: [0; 17], offsets: [0; 17], symbols: symbols.to_vec() };
        let (mut code, mut used) = (0u32, 0usize);
        for (length, &count) in (1u32..).zip(counts) {
            let (i, n) = (length as usize, usize::from(count));
            // All ones is no code, as the padding of a scan's last byte.
            if count > 0 && code + u32::from(count) >= (1 << length) {
                return Err("a Huffman table has more codes than there are".into());
            }
            table.offsets[i] = used as i32 - code as i32;
            for &symbol in symbols.iter().skip(used).take(n) {
                if length <= SHORT {
                    let (from, wide) = ((code << (SHORT - length)) as usize, 1 << (SHORT - length));
                    let entry = u16::from(symbol) << 8 | length as u16;
                    table.short.iter_mut().skip(from).take(wide).for_each(|e| *e = entry);
                }
                code += 1;
            }
            used += n;
            table.ends[i] = code << (16 - length);
            code <<= 1;
        }
        Ok(table)
    }
}

/// The bits of a scan, up to the next marker. Past it come zeros, which are counted.
pub(super) struct Bits<'a> {
    bytes: &'a [u8],
    /// The first byte that is not in `held`.
    at: usize,
    /// Bits not read yet, the next one at the top.
    held: u64,
    n_held: u32,
    /// Zeros among the bits held, or read already, that are not in the file.
    made_up: u32,
}

/// A code that no table has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NoCode;

impl<'a> Bits<'a> {
    pub(super) fn new(bytes: &'a [u8], at: usize) -> Self {
        Self { bytes, at, held: 0, n_held: 0, made_up: 0 }
    }

    /// Makes sure of 32 bits: a code and the bits that may follow it.
    #[inline]
    pub(super) fn fill(&mut self) {
        if self.n_held < 32 {
            self.fill_up();
        }
    }

    #[inline]
    fn fill_up(&mut self) {
        if let Some(&[a, b, c, d]) = self.bytes.get(self.at..).and_then(|rest| rest.first_chunk()) {
            let word = u32::from_be_bytes([a, b, c, d]);
            // No byte of the four is 0xFF: none of the inverse is zero.
            if (!word).wrapping_sub(0x0101_0101) & word & 0x8080_8080 == 0 {
                self.held |= u64::from(word) << (32 - self.n_held);
                (self.n_held, self.at) = (self.n_held + 32, self.at + 4);
                return;
            }
        }
        while self.n_held <= 56 {
            let byte = match (self.bytes.get(self.at), self.bytes.get(self.at + 1)) {
                (Some(0xff), Some(0)) => {
                    self.at += 2;
                    0xff
                }
                (Some(0xff) | None, _) => {
                    self.made_up += 8;
                    0
                }
                (Some(&byte), _) => {
                    self.at += 1;
                    byte
                }
            };
            self.held |= u64::from(byte) << (56 - self.n_held);
            self.n_held += 8;
        }
    }

    /// Passes over bits of which [`fill`](Self::fill) made sure.
    #[inline]
    pub(super) fn skip(&mut self, n: u32) {
        self.held <<= n;
        self.n_held = self.n_held.saturating_sub(n);
    }

    /// The next `n` bits, at most 16, of which [`fill`](Self::fill) made sure.
    pub(super) fn take(&mut self, n: u32) -> u32 {
        let value = (self.held >> 32 >> (32 - n)) as u32;
        self.skip(n);
        value
    }

    /// The symbol of the next code, and past the bits of the value that its lower half says, of both of which
    /// [`fill`](Self::fill) made sure.
    #[inline]
    pub(super) fn value(&mut self, table: &Table) -> Result<u8, NoCode> {
        let entry = table.short.get((self.held >> (64 - SHORT)) as usize).copied().unwrap_or(0);
        let (length, symbol) =
            if entry == 0 { self.long(table)? } else { (u32::from(entry & 0xff), (entry >> 8) as u8) };
        self.skip(length + u32::from(symbol & 15));
        Ok(symbol)
    }

    #[cold]
    fn long(&self, table: &Table) -> Result<(u32, u8), NoCode> {
        let next = (self.held >> 48) as u32;
        let mut ends = table.ends.iter().enumerate().skip(SHORT as usize + 1);
        let length = ends.find(|(_, end)| next < **end).map(|(length, _)| length).ok_or(NoCode)?;
        let offset = table.offsets.get(length).copied().ok_or(NoCode)?;
        let index = usize::try_from((next >> (16 - length)) as i32 + offset).map_err(|_| NoCode)?;
        table.symbols.get(index).map(|&symbol| (length as u32, symbol)).ok_or(NoCode)
    }

    /// True when bits were read that are not in the file.
    #[inline]
    pub(super) fn ran_out(&self) -> bool {
        self.made_up > self.n_held
    }

    /// Whole bytes that were not read before the marker.
    pub(super) fn has_more(&self) -> bool {
        self.n_held.saturating_sub(self.made_up) >= 8
            || self.bytes.get(self.at).is_some_and(|&b| b != 0xff)
            || self.bytes.get(self.at + 1) == Some(&0)
    }

    /// Where the marker is, or where to look for it.
    pub(super) fn at(&self) -> usize {
        self.at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_of_every_length() {
        // One code of each length: 0, 10, 110, … and 15 ones and a zero. The symbol of all is 3: three bits follow.
        let table = Table::new(&[1; 16], &[0x13; 16]).unwrap();
        for n in 0..16u32 {
            let bits = ((1u64 << n) - 1) << (63 - n) << 1 | 0b1010_1101 << (64 - n - 1 - 8);
            let stuffed = |&b: &u8| if b == 255 { vec![b, 0] } else { vec![b] };
            let bytes: Vec<u8> = bits.to_be_bytes().iter().flat_map(stuffed).collect();
            let mut bits = Bits::new(&bytes, 0);
            bits.fill();
            assert_eq!((bits.value(&table), bits.take(5)), (Ok(0x13), 0b01101), "{n}");
            assert!(!bits.ran_out() && bits.has_more());
        }
        let mut bits = Bits::new(&[0xff, 0, 0xff, 0], 0);
        bits.fill();
        assert_eq!(bits.value(&table), Err(NoCode));
        // Of two bits there are four codes, and all ones is kept free.
        assert!(Table::new(&[3, 0], &[0, 1, 2]).is_err());
        assert!(Table::new(&[0, 4], &[0, 1, 2, 3]).is_err());
        assert!(Table::new(&[0, 3], &[0, 1, 2]).is_ok());
    }

    #[test]
    fn bits_end_at_a_marker() {
        let mut bits = Bits::new(&[0xff, 0, 0x80, 0xff, 0xd9], 0);
        bits.fill();
        assert_eq!((bits.take(9), bits.take(7)), (0x1ff, 0));
        assert!(!bits.ran_out() && !bits.has_more());
        assert_eq!(bits.take(1), 0);
        assert!(bits.ran_out());
        assert_eq!(bits.at(), 3);
    }
}
