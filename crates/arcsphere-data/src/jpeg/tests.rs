//! Every layout against libjpeg's pixels, and every way in which a file is not whole.

use std::sync::LazyLock;

use proptest::prelude::*;

use super::*;
use crate::golden::{Expected, unpack};

fn records() -> Vec<(String, Vec<u8>)> {
    RECORDS.clone()
}

static RECORDS: LazyLock<Vec<(String, Vec<u8>)>> = LazyLock::new(|| unpack(include_bytes!("golden/jpegs.gz")));

fn read(bytes: &[u8]) -> Result<((usize, usize), Vec<u8>), String> {
    let head = Head::read(bytes)?;
    Ok((head.size(), decode(bytes, &head)?))
}

/// Decoders may round the transform, the steps between coarse colors and the conversion each in its own way (T.83
/// allows the first alone a level or two). Of layouts that are understood no value is off by more than this, and
/// their mean far less; of one that is not, the mean is off by 20 and more.
const OFF: u8 = 6;
const MEAN_OFF: f64 = 0.7;

#[test]
fn every_layout_has_libjpegs_pixels() {
    let (mut expected, mut n) = (None, 0);
    for (name, bytes) in records() {
        if let Some(of) = name.strip_prefix("pixels\t") {
            expected = Some(Expected::of(of, &bytes));
        } else if !name.starts_with("refused") {
            let e = expected.as_ref().unwrap();
            let (size, values) = read(&bytes).unwrap_or_else(|error| panic!("{}, {name}: {error}", e.of));
            assert_eq!((size, values.len()), ((e.height, e.width), e.values.len()), "{}, {name}", e.of);
            let off: Vec<u8> = values.iter().zip(&e.values).map(|(a, b)| a.abs_diff(*b)).collect();
            let mean = off.iter().map(|&v| f64::from(v)).sum::<f64>() / off.len() as f64;
            let most = off.iter().max().unwrap();
            assert!(*most <= OFF && mean <= MEAN_OFF, "{}, {name}: off by {most}, mean {mean}", e.of);
            n += 1;
        }
    }
    assert!(n > 400, "{n}");
}

#[test]
fn what_is_not_read_is_named() {
    for (name, bytes) in records() {
        if let Some(why) = name.strip_prefix("refused\t") {
            let error = read(&bytes).unwrap_err();
            assert!(error.contains(why), "{why}: {error}");
        }
    }
    let plain = baseline();
    let frame = plain.windows(2).position(|w| w == [0xff, 0xc0]).unwrap();
    let with = |at: usize, value: u8| {
        let mut bytes = plain.clone();
        bytes[frame + at] = value;
        read(&bytes).unwrap_err()
    };
    assert!(with(1, 0xc3).starts_with("a lossless JPEG, which is not read; convert it"), "{}", with(1, 0xc3));
    assert!(with(1, 0xc5).contains("hierarchical") && with(1, 0xc9).contains("arithmetically"));
    assert!(with(4, 12).starts_with("a 12-bit JPEG"), "{}", with(4, 12));
    assert!(with(9, 2).contains("malformed") && with(11, 0x51).contains("sampled"));
}

/// A JPEG of one scan.
fn baseline() -> Vec<u8> {
    records().into_iter().find(|(name, _)| name == "baseline").unwrap().1
}

/// A few files of each kind of coding: of one size and sampling.
fn codings() -> Vec<(String, Vec<u8>)> {
    let records = records();
    let from = records.iter().position(|(name, _)| name == "pixels\t17x33 4:2:0").unwrap() + 1;
    let n = records[from..].iter().position(|(name, _)| name.starts_with("pixels")).unwrap();
    records[from..from + n].to_vec()
}

#[test]
fn a_cut_file_is_refused_wherever_the_cut() {
    for (name, bytes) in codings() {
        for len in 0..bytes.len() {
            assert!(read(&bytes[..len]).is_err(), "{name}: {len} of {} bytes", bytes.len());
        }
        // What comes after the end is another file's, as in a photo with a smaller one behind it.
        let followed = [&bytes[..], b"\xff\xd8 and so on"].concat();
        assert_eq!(read(&followed), read(&bytes), "{name}");
    }
}

/// Tools that rescue files, and some cameras, end what is cut with an end marker.
#[test]
fn a_cut_file_with_a_new_end_is_refused_too() {
    for (name, bytes) in codings() {
        for len in 0..bytes.len() - 3 {
            let ended = [&bytes[..len], b"\xff\xd9"].concat();
            assert!(read(&ended).is_err(), "{name}: {len} of {} bytes", bytes.len());
        }
    }
}

#[test]
fn bytes_too_many_and_markers_out_of_order_are_damage() {
    for (name, bytes) in codings() {
        let mut longer = bytes.clone();
        longer.splice(bytes.len() - 2..bytes.len() - 2, [0x5a, 0x5a]);
        assert!(read(&longer).unwrap_err().contains("goes on"), "{name}");
        for at in (0..bytes.len() - 1).filter(|&at| bytes[at] == 0xff && (0xd0..0xd8).contains(&bytes[at + 1])) {
            let mut other = bytes.clone();
            other[at + 1] ^= 1;
            assert!(read(&other).unwrap_err().contains("no restart marker"), "{name}");
        }
    }
}

proptest! {
    #[test]
    fn damage_never_panics(which in 0usize..1000, damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4)) {
        let mut bytes = RECORDS[which % RECORDS.len()].1.clone();
        for (at, value) in damage {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        if let Ok(((height, width), values)) = read(&bytes) {
            prop_assert!(values.len() == height * width || values.len() == 3 * height * width);
        }
    }
}
