//! Whether the codes of all blocks are there: reads them, without the values (T.81, annexes F and G).

use super::huffman::{Bits, NoCode, Table};
use super::markers::{Frame, Head, Marker, Part, Scan, Segments, Tables};

/// What is wrong with a block of 64 coefficients.
enum Fault {
    NoTable,
    NoCode,
    /// More coefficients than there are, or more bits than the scan has.
    TooLong,
}

impl From<NoCode> for Fault {
    fn from(_: NoCode) -> Self {
        Self::NoCode
    }
}

/// Reads every scan up to the end of the image; whether there is only one.
pub(super) fn verify(bytes: &[u8], head: &Head<'_>) -> Result<bool, String> {
    let mut known = Known::new(&head.frame);
    let (mut scan, mut tables) = (head.first.clone(), head.tables.clone());
    tables.close();
    let (mut at, mut scans) = (head.codes_at, 0);
    loop {
        known.note(&scan)?;
        at = Codes::new(&head.frame, &scan, &tables).read(bytes, at, &mut known)?;
        scans += 1;
        let mut segments = Segments::resume(bytes, at, &head.frame);
        match segments.next(&mut tables)? {
            Marker::Scan(next, codes_at) => (scan, at) = (next, codes_at),
            Marker::End => break,
        }
    }
    known.is_complete()?;
    Ok(scans == 1)
}

/// What earlier scans told of the coefficients.
struct Known {
    progressive: bool,
    /// For each component the bits left out of each coefficient; none where it was not told.
    left_out: Vec<[Option<u8>; 64]>,
    /// For each component and block which coefficients are not zero, where scans come that depend on it.
    filled: Vec<Vec<u64>>,
}

impl Known {
    fn new(frame: &Frame) -> Self {
        let n = frame.components.len();
        Self { progressive: frame.progressive, left_out: vec![[None; 64]; n], filled: vec![Vec::new(); n] }
    }

    /// Notes what a scan tells, which must be what is not told yet.
    fn note(&mut self, scan: &Scan) -> Result<(), String> {
        let ((first, last), (before, after)) = (scan.band, scan.bits);
        let whole = (first, last, before, after) == (0, 63, 0, 0);
        let sound = if self.progressive {
            let band = if first == 0 { last == 0 } else { first <= last && last < 64 && scan.parts.len() == 1 };
            band && after <= 13 && (before == 0 || before == after + 1)
        } else {
            whole
        };
        if !sound {
            return Err("a scan of the JPEG tells what no such scan can".into());
        }
        let expected = (before > 0).then_some(before);
        for part in &scan.parts {
            let Some(told) = self.left_out.get_mut(part.component) else { continue };
            if first > 0 && told[0].is_none() {
                return Err("a scan of the JPEG comes too early".into());
            }
            for bits in told.iter_mut().take(last + 1).skip(first) {
                if *bits != expected {
                    return Err("a scan of the JPEG tells what is told already, or comes too early".into());
                }
                *bits = Some(after);
            }
        }
        Ok(())
    }

    fn is_complete(&self) -> Result<(), String> {
        let told = self.left_out.iter().flatten().filter(|bits| **bits == Some(0)).count();
        let all = 64 * self.left_out.len();
        if told < all {
            return Err(format!(
                "the JPEG is not complete: its scans tell {told} of {all} coefficients to the last bit"
            ));
        }
        Ok(())
    }
}

/// A scan to be read.
struct Codes<'a> {
    scan: &'a Scan,
    lanes: Vec<Lane<'a>>,
    /// Units, and between two restart markers.
    n: usize,
    every: usize,
}

/// A component in a scan.
struct Lane<'a> {
    /// Blocks in a unit.
    blocks: usize,
    dc: Option<&'a Table>,
    ac: Option<&'a Table>,
}

impl<'a> Codes<'a> {
    fn new(frame: &Frame, scan: &'a Scan, tables: &'a Tables) -> Self {
        let of = |i: usize| frame.components.get(i);
        let (across, down) = match scan.parts.as_slice() {
            [one] => of(one.component).map_or((0, 0), |c| frame.blocks(c)),
            _ => frame.units(),
        };
        let lane = |part: &Part| Lane {
            blocks: of(part.component).filter(|_| scan.parts.len() > 1).map_or(1, |c| c.across * c.down),
            dc: tables.dc.get(part.dc).and_then(Option::as_ref),
            ac: tables.ac.get(part.ac).and_then(Option::as_ref),
        };
        let n = across * down;
        let every = if tables.restart == 0 { n } else { tables.restart };
        Self { scan, lanes: scan.parts.iter().map(lane).collect(), n, every }
    }

    /// Reads the scan; where its codes end.
    fn read(&self, bytes: &[u8], at: usize, known: &mut Known) -> Result<usize, String> {
        let (mut bits, mut unit, n) = (Bits::new(bytes, at), 0, self.n);
        for interval in 0.. {
            let end = n.min(unit + self.every);
            if let Err(fault) = self.interval(&mut bits, &mut unit, end, known) {
                return Err(match fault {
                    Fault::NoTable => "a scan of the JPEG has no Huffman table".into(),
                    _ if bits.ran_out() => format!("the JPEG is cut off or damaged: a scan ends in unit {unit} of {n}"),
                    Fault::NoCode => format!("the JPEG is damaged: no code in unit {unit} of {n}"),
                    Fault::TooLong => format!("the JPEG is damaged: a block is too long in unit {unit} of {n}"),
                });
            }
            if unit >= n {
                break;
            }
            let marker = [0xff, 0xd0 + (interval % 8) as u8];
            if bits.has_more() || bytes.get(bits.at()..).is_none_or(|rest| !rest.starts_with(&marker)) {
                return Err(format!("the JPEG is damaged: no restart marker after unit {unit} of {n}"));
            }
            bits = Bits::new(bytes, bits.at() + 2);
        }
        if bits.has_more() {
            return Err(format!("the JPEG is damaged: a scan goes on after its {n} units"));
        }
        Ok(bits.at())
    }

    /// Reads units up to a restart marker, counting them in `unit`.
    fn interval(&self, bits: &mut Bits<'_>, unit: &mut usize, end: usize, known: &mut Known) -> Result<(), Fault> {
        let (first, last) = self.scan.band;
        let is_first = self.scan.bits.0 == 0;
        if known.progressive && first > 0 {
            let [lane] = self.lanes.as_slice() else { return Err(Fault::TooLong) };
            let component = self.scan.parts.first().map_or(0, |p| p.component);
            let filled = known.filled.get_mut(component).ok_or(Fault::TooLong)?;
            let mut band = Band { ac: lane.ac.ok_or(Fault::NoTable)?, first, last, empty: 0 };
            while *unit < end {
                if *unit >= filled.len() {
                    // It grows with what is there, not with what is said to be.
                    filled.push(0);
                }
                let filled = filled.get_mut(*unit).ok_or(Fault::TooLong)?;
                if is_first {
                    band.first(bits, filled)?
                } else {
                    band.again(bits, filled)?
                }
                *unit += 1;
            }
            return Ok(());
        }
        while *unit < end {
            for lane in &self.lanes {
                for _ in 0..lane.blocks {
                    bits.fill();
                    match (known.progressive, is_first) {
                        (false, _) => block(bits, lane.dc.ok_or(Fault::NoTable)?, lane.ac.ok_or(Fault::NoTable)?)?,
                        (true, true) => _ = bits.value(lane.dc.ok_or(Fault::NoTable)?)?,
                        (true, false) => bits.skip(1),
                    }
                    if bits.ran_out() {
                        return Err(Fault::TooLong);
                    }
                }
            }
            *unit += 1;
        }
        Ok(())
    }
}

/// A block of a sequential scan.
fn block(bits: &mut Bits<'_>, dc: &Table, ac: &Table) -> Result<(), Fault> {
    bits.value(dc)?;
    let mut k = 1;
    while k < 64 {
        bits.fill();
        let symbol = bits.value(ac)?;
        if symbol & 15 == 0 && symbol != ZEROS {
            break;
        }
        k += usize::from(symbol >> 4) + 1;
    }
    if k > 64 { Err(Fault::TooLong) } else { Ok(()) }
}

/// Sixteen coefficients of zero.
const ZEROS: u8 = 0xf0;

/// Coefficients of a progressive scan, from block to block.
struct Band<'a> {
    ac: &'a Table,
    first: usize,
    last: usize,
    /// Blocks to come that have no coefficient more.
    empty: u32,
}

impl Band<'_> {
    /// Blocks without a further coefficient, this one among them, where a symbol says so.
    fn end(&mut self, bits: &mut Bits<'_>, symbol: u8) -> bool {
        let is_end = symbol & 15 == 0 && symbol != ZEROS;
        if is_end {
            let n = u32::from(symbol >> 4);
            self.empty = (1 << n) + bits.take(n);
        }
        is_end
    }

    /// A block whose coefficients are told for the first time; notes those that are not zero.
    fn first(&mut self, bits: &mut Bits<'_>, filled: &mut u64) -> Result<(), Fault> {
        let mut k = self.first;
        while self.empty == 0 && k <= self.last {
            bits.fill();
            let symbol = bits.value(self.ac)?;
            if self.end(bits, symbol) {
                break;
            }
            k += usize::from(symbol >> 4);
            if k > self.last {
                return Err(Fault::TooLong);
            }
            *filled |= u64::from(symbol != ZEROS) << k;
            k += 1;
        }
        self.empty = self.empty.saturating_sub(1);
        if bits.ran_out() { Err(Fault::TooLong) } else { Ok(()) }
    }

    /// A block that gets a bit more: one for each coefficient that is not zero, and further coefficients.
    fn again(&mut self, bits: &mut Bits<'_>, filled: &mut u64) -> Result<(), Fault> {
        let (mut k, before) = (self.first, *filled);
        while self.empty == 0 && k <= self.last {
            bits.fill();
            // The one bit of a value is its sign.
            let symbol = bits.value(self.ac)?;
            if symbol & 15 > 1 {
                return Err(Fault::NoCode);
            }
            if self.end(bits, symbol) {
                break;
            }
            let mut zeros = symbol >> 4;
            while k <= self.last && (zeros > 0 || before >> k & 1 == 1) {
                if before >> k & 1 == 1 {
                    bits.fill();
                    bits.skip(1);
                } else {
                    zeros -= 1;
                }
                k += 1;
            }
            if k > self.last {
                return Err(Fault::TooLong);
            }
            *filled |= u64::from(symbol != ZEROS) << k;
            k += 1;
        }
        if self.empty > 0 {
            self.empty -= 1;
            let rest = before >> k & (u64::MAX >> (63 - self.last) >> k);
            for _ in 0..rest.count_ones() {
                bits.fill();
                bits.skip(1);
            }
        }
        if bits.ran_out() { Err(Fault::TooLong) } else { Ok(()) }
    }
}
