//! Files that scripts wrote for tests, with what other programs make of them.

use std::io::Read;

use flate2::read::GzDecoder;

/// Records as `jpeg/golden/README.md` has them: names and bytes.
pub(crate) fn unpack(packed: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut all = Vec::new();
    GzDecoder::new(packed).read_to_end(&mut all).unwrap();
    let (mut rest, mut records) = (&all[..], Vec::new());
    while !rest.is_empty() {
        let mut line = || {
            let end = rest.iter().position(|&b| b == b'\n').unwrap();
            let (line, behind) = rest.split_at(end);
            rest = &behind[1..];
            String::from_utf8(line.to_vec()).unwrap()
        };
        let (name, len) = (line(), line().parse().unwrap());
        let (record, behind) = rest.split_at(len);
        records.push((name, record.to_vec()));
        rest = behind;
    }
    records
}

/// Pixels as another program has them.
pub(crate) struct Expected {
    pub(crate) of: String,
    pub(crate) height: usize,
    pub(crate) width: usize,
    pub(crate) values: Vec<u8>,
}

impl Expected {
    /// From a binary PNM.
    pub(crate) fn of(name: &str, pnm: &[u8]) -> Self {
        let head = pnm.split(|&b| b == b'\n').take(3).map(<[u8]>::len).sum::<usize>() + 3;
        let text = String::from_utf8(pnm[..head].to_vec()).unwrap();
        let numbers: Vec<usize> = text.split_ascii_whitespace().skip(1).map(|n| n.parse().unwrap()).collect();
        Self { of: name.to_owned(), height: numbers[1], width: numbers[0], values: pnm[head..].to_vec() }
    }
}
