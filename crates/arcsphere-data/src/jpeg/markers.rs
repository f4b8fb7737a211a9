//! Markers and the segments behind them (T.81, annex B).

use super::huffman::Table;

/// How the values of a pixel are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Color {
    Gray,
    Rgb,
    YCbCr,
    Cmyk,
    Ycck,
}

/// A channel of the image.
#[derive(Clone, Copy, Debug)]
pub(super) struct Component {
    pub(super) id: u8,
    /// Blocks of 8x8 values of it in an interleaved unit, across and down, 1 to 4.
    pub(super) across: usize,
    pub(super) down: usize,
}

/// Size and coding of the image.
#[derive(Clone, Debug)]
pub(super) struct Frame {
    pub(super) progressive: bool,
    pub(super) height: usize,
    pub(super) width: usize,
    pub(super) components: Vec<Component>,
}

impl Frame {
    /// The most blocks across and down of a component.
    pub(super) fn most(&self) -> (usize, usize) {
        let most = |of: fn(&Component) -> usize| self.components.iter().map(of).max().unwrap_or(1);
        (most(|c| c.across), most(|c| c.down))
    }

    /// Interleaved units across and down.
    pub(super) fn units(&self) -> (usize, usize) {
        let (across, down) = self.most();
        (self.width.div_ceil(8 * across), self.height.div_ceil(8 * down))
    }

    /// Blocks of a component across and down where it has a scan of its own.
    pub(super) fn blocks(&self, c: &Component) -> (usize, usize) {
        let (across, down) = self.most();
        ((self.width * c.across).div_ceil(8 * across), (self.height * c.down).div_ceil(8 * down))
    }
}

/// A component in a scan, with the numbers of its tables.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part {
    /// Which of the frame's.
    pub(super) component: usize,
    pub(super) dc: usize,
    pub(super) ac: usize,
}

/// What comes before the codes of a scan.
#[derive(Clone, Debug)]
pub(super) struct Scan {
    pub(super) parts: Vec<Part>,
    /// Coefficients, from and to, in zigzag order.
    pub(super) band: (usize, usize),
    /// Bits that are left out of each coefficient before this scan, 0 if it is the first, and after it.
    pub(super) bits: (u8, u8),
}

/// All that may come before the first scan.
#[derive(Clone, Debug)]
pub(crate) struct Head<'a> {
    pub(super) frame: Frame,
    pub(super) color: Color,
    /// The Exif block, as the TIFF file that it is.
    pub(crate) exif: Option<&'a [u8]>,
    /// The first scan, and where its codes begin.
    pub(super) first: Scan,
    pub(super) codes_at: usize,
    pub(super) tables: Tables,
}

/// What segments set for the scans that follow.
#[derive(Clone, Debug, Default)]
pub(super) struct Tables {
    pub(super) dc: [Option<Table>; 4],
    pub(super) ac: [Option<Table>; 4],
    /// Units between restart markers, 0 for none.
    pub(super) restart: usize,
    quantized: bool,
}

impl Tables {
    /// No table of quantization may follow.
    pub(super) fn close(&mut self) {
        self.quantized = true;
    }
}

/// A marker that matters here.
pub(super) enum Marker {
    /// Scan, and where its codes begin.
    Scan(Scan, usize),
    End,
}

impl<'a> Head<'a> {
    /// Reads up to the first scan.
    pub(crate) fn read(bytes: &'a [u8]) -> Result<Self, String> {
        if !bytes.starts_with(&[0xff, 0xd8]) {
            return Err("no JPEG: it does not begin with FF D8".into());
        }
        let mut segments = Segments { bytes, at: 2, frame: None, jfif: false, adobe: None, exif: None };
        let mut tables = Tables::default();
        let Marker::Scan(first, codes_at) = segments.next(&mut tables)? else {
            return Err("the JPEG ends before its image".into());
        };
        let Segments { frame: Some(frame), jfif, adobe, exif, .. } = segments else {
            return Err("a scan comes before the JPEG says its size".into());
        };
        let color = color(&frame, jfif, adobe)?;
        Ok(Self { frame, color, exif, first, codes_at, tables })
    }

    /// (height, width) as stored.
    pub(crate) fn size(&self) -> (usize, usize) {
        (self.frame.height, self.frame.width)
    }

    /// True for an image of one channel.
    pub(crate) fn is_gray(&self) -> bool {
        self.color == Color::Gray
    }

    /// The most bytes that decoding takes beside the file, the pixels included.
    pub(crate) fn cost(&self) -> u64 {
        let (units_across, units_down) = self.frame.units();
        let blocks: usize = self.frame.components.iter().map(|c| c.across * c.down).sum();
        let values = (units_across * units_down * blocks * 64) as u64;
        let pixels = (self.frame.height * self.frame.width * if self.is_gray() { 1 } else { 3 }) as u64;
        let is_whole = !self.frame.progressive && self.first.parts.len() == self.frame.components.len();
        // Where coefficients come in several scans all are held, in two bytes each, and then all values.
        pixels + if is_whole { pixels / 4 } else { 4 * values }
    }
}

/// The color as libjpeg tells it.
fn color(frame: &Frame, jfif: bool, adobe: Option<u8>) -> Result<Color, String> {
    let ids: Vec<u8> = frame.components.iter().map(|c| c.id).collect();
    Ok(match (ids.len(), adobe) {
        (1, _) => Color::Gray,
        (3, _) if jfif => Color::YCbCr,
        (3, Some(0)) => Color::Rgb,
        (3, None) if ids == *b"RGB" => Color::Rgb,
        (3, _) => Color::YCbCr,
        (4, None | Some(0)) => Color::Cmyk,
        (4, _) => Color::Ycck,
        (n, _) => return Err(format!("the JPEG has {n} channels, expected 1, 3 or 4")),
    })
}

/// Segments, from one to the next.
#[derive(Debug)]
pub(super) struct Segments<'a> {
    bytes: &'a [u8],
    at: usize,
    frame: Option<Frame>,
    jfif: bool,
    adobe: Option<u8>,
    exif: Option<&'a [u8]>,
}

fn cut() -> String {
    "the JPEG is cut off: it ends before its last marker (FF D9)".into()
}

impl<'a> Segments<'a> {
    /// Goes on behind the codes of a scan that end before `at`.
    pub(super) fn resume(bytes: &'a [u8], at: usize, frame: &Frame) -> Self {
        Self { bytes, at, frame: Some(frame.clone()), jfif: false, adobe: None, exif: None }
    }

    /// Reads segments up to the next scan or the end.
    pub(super) fn next(&mut self, tables: &mut Tables) -> Result<Marker, String> {
        loop {
            let marker = self.marker()?;
            match marker {
                0xd9 => return Ok(Marker::End),
                // They stand alone, and mean nothing here.
                0x01 | 0xd0..=0xd7 => continue,
                _ => {}
            }
            let length = self.bytes.get(self.at..).and_then(|rest| rest.first_chunk()).ok_or_else(cut)?;
            let length = usize::from(u16::from_be_bytes(*length));
            if length < 2 {
                return Err(format!("the segment FF {marker:02X} at byte {} has no length", self.at));
            }
            let segment = self.bytes.get(self.at + 2..self.at + length).ok_or_else(cut)?;
            self.at += length;
            match marker {
                0xda => {
                    let frame = self.frame.as_ref().ok_or("a scan comes before the JPEG says its size")?;
                    return scan(segment, frame).map(|scan| Marker::Scan(scan, self.at));
                }
                0xc4 => huffman(segment, tables)?,
                0xdd => tables.restart = restart(segment)?,
                // Decoders differ in when a new table counts.
                0xdb if tables.quantized => return Err("the JPEG changes its quantization between scans".into()),
                0xdb | 0xfe => {}
                0xe0..=0xef => self.application(marker, segment),
                _ if self.frame.is_some() => return Err(format!("the JPEG has a second frame (FF {marker:02X})")),
                _ => self.frame = Some(frame(marker, segment)?),
            }
        }
    }

    /// The second byte of the next marker.
    fn marker(&mut self) -> Result<u8, String> {
        if self.bytes.get(self.at).is_some_and(|&b| b != 0xff) {
            return Err(format!("no marker at byte {} of the JPEG, where one is expected", self.at));
        }
        while self.bytes.get(self.at) == Some(&0xff) {
            self.at += 1;
        }
        let marker = *self.bytes.get(self.at).ok_or_else(cut)?;
        self.at += 1;
        Ok(marker)
    }

    fn application(&mut self, marker: u8, segment: &'a [u8]) {
        match marker {
            0xe0 => self.jfif |= segment.starts_with(b"JFIF\0"),
            0xe1 => self.exif = self.exif.or(segment.strip_prefix(b"Exif\0\0")),
            0xee if segment.starts_with(b"Adobe") => self.adobe = segment.get(11).copied().or(self.adobe),
            _ => {}
        }
    }
}

fn frame(marker: u8, segment: &[u8]) -> Result<Frame, String> {
    let not_read =
        |what: &str| Err(format!("{what} JPEG, which is not read; convert it to a baseline or progressive one"));
    match marker {
        0xc0..=0xc2 => {}
        0xc3 | 0xc7 => return not_read("a lossless"),
        0xc5 | 0xc6 | 0xde | 0xdf => return not_read("a hierarchical"),
        0xc9..=0xcf => return not_read("an arithmetically coded"),
        0xf7 => return not_read("a lossless (JPEG-LS)"),
        _ => return Err(format!("the JPEG has an unknown marker, FF {marker:02X}")),
    }
    let malformed = || "the JPEG's size is malformed".to_owned();
    let (&[bits, h1, h0, w1, w0, n], components) = segment.split_first_chunk().ok_or_else(malformed)?;
    if bits != 8 {
        return not_read(&format!("a {bits}-bit"));
    }
    let (height, width) = (u16::from_be_bytes([h1, h0]), u16::from_be_bytes([w1, w0]));
    if height == 0 || width == 0 {
        return Err(format!("the JPEG is {height}x{width}, without a pixel"));
    }
    if components.len() != 3 * usize::from(n) {
        return Err(malformed());
    }
    let component = |c: &[u8]| match *c {
        [id, sampling, _] => Component { id, across: usize::from(sampling >> 4), down: usize::from(sampling & 15) },
        _ => Component { id: 0, across: 0, down: 0 },
    };
    let components: Vec<Component> = components.chunks(3).map(component).collect();
    if components.iter().any(|c| !(1..=4).contains(&c.across) || !(1..=4).contains(&c.down)) {
        return Err("the JPEG's channels are sampled by other steps than 1 to 4".into());
    }
    let repeats = |i: usize, c: &Component| components.iter().take(i).any(|before| before.id == c.id);
    if components.iter().enumerate().any(|(i, c)| repeats(i, c)) {
        return Err("two channels of the JPEG have one name".into());
    }
    Ok(Frame { progressive: marker == 0xc2, height: height.into(), width: width.into(), components })
}

fn scan(segment: &[u8], frame: &Frame) -> Result<Scan, String> {
    let malformed = || "a scan of the JPEG is malformed".to_owned();
    let (&n, rest) = segment.split_first().ok_or_else(malformed)?;
    let (parts, &[first, last, bits]) = rest.split_last_chunk().ok_or_else(malformed)?;
    if parts.len() != 2 * usize::from(n) || !(1..=4).contains(&n) {
        return Err(malformed());
    }
    let part = |part: &[u8]| {
        let &[id, tables] = part.first_chunk()?;
        let component = frame.components.iter().position(|c| c.id == id)?;
        Some(Part { component, dc: usize::from(tables >> 4), ac: usize::from(tables & 15) })
    };
    let parts: Vec<Part> = parts.chunks(2).map(part).collect::<Option<_>>().ok_or_else(malformed)?;
    // In the frame's order, and so none twice.
    if !parts.is_sorted_by(|a, b| a.component < b.component) {
        return Err(malformed());
    }
    let blocks = parts.iter().filter_map(|p| frame.components.get(p.component)).map(|c| c.across * c.down);
    if n > 1 && blocks.sum::<usize>() > 10 {
        return Err("a scan of the JPEG interleaves more than 10 blocks".into());
    }
    Ok(Scan { parts, band: (first.into(), last.into()), bits: (bits >> 4, bits & 15) })
}

fn huffman(mut segment: &[u8], tables: &mut Tables) -> Result<(), String> {
    let malformed = || "a Huffman table of the JPEG is malformed".to_owned();
    while let Some((&kind, rest)) = segment.split_first() {
        let (counts, rest) = rest.split_at_checked(16).ok_or_else(malformed)?;
        let n = counts.iter().map(|&c| usize::from(c)).sum();
        let (symbols, rest) = rest.split_at_checked(n).filter(|_| n <= 256).ok_or_else(malformed)?;
        let of = if kind >> 4 == 0 { &mut tables.dc } else { &mut tables.ac };
        let table = of.get_mut(usize::from(kind & 15)).filter(|_| kind >> 4 <= 1).ok_or_else(malformed)?;
        if kind >> 4 == 0 && symbols.iter().any(|&s| s > 15) {
            return Err(malformed());
        }
        *table = Some(Table::new(counts, symbols)?);
        segment = rest;
    }
    Ok(())
}

fn restart(segment: &[u8]) -> Result<usize, String> {
    match *segment {
        [high, low] => Ok(u16::from_be_bytes([high, low]).into()),
        _ => Err("the JPEG's restart interval is malformed".into()),
    }
}
