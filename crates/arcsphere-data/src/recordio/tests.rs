use std::path::PathBuf;

use proptest::prelude::*;

use super::*;

fn written(records: &[Vec<u8>]) -> (Vec<u8>, Vec<u64>) {
    let mut writer = Writer::new(Vec::new());
    let offsets = records.iter().map(|r| writer.write(r).unwrap()).collect();
    (writer.into_inner(), offsets)
}

fn file(bytes: &[u8]) -> (tempfile::TempDir, RecordFile) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x.rec");
    std::fs::write(&path, bytes).unwrap();
    let file = RecordFile::open(&path).unwrap();
    (dir, file)
}

fn walked(bytes: &[u8]) -> Result<Vec<Vec<u8>>, DataError> {
    let (_dir, file) = file(bytes);
    file.walk().map(|e| file.read(e?)).collect()
}

/// A part, by hand.
fn part(flag: u32, len: u32, bytes: &[u8]) -> Vec<u8> {
    let padding = vec![0; bytes.len().next_multiple_of(4) - bytes.len()];
    [&MAGIC[..], &(flag << 29 | len).to_le_bytes(), bytes, &padding].concat()
}

#[test]
fn a_record_is_written_as_dmlc_does() {
    // The magic at 0, twice in a row, in the middle, at the end; and where it is not aligned, it stays.
    let m = &MAGIC[..];
    let cases: [(Vec<u8>, Vec<u8>); 7] = [
        (b"abcde".to_vec(), part(0, 5, b"abcde")),
        (Vec::new(), part(0, 0, b"")),
        (m.to_vec(), [part(1, 0, b""), part(3, 0, b"")].concat()),
        ([m, m, b"xy"].concat(), [part(1, 0, b""), part(2, 0, b""), part(3, 2, b"xy")].concat()),
        ([b"abcd", m, b"e"].concat(), [part(1, 4, b"abcd"), part(3, 1, b"e")].concat()),
        ([b"abcd", m].concat(), [part(1, 4, b"abcd"), part(3, 0, b"")].concat()),
        ([b"ab", m, b"cd"].concat(), part(0, 8, &[b"ab", m, b"cd"].concat())),
    ];
    for (record, expected) in &cases {
        assert_eq!(&written(std::slice::from_ref(record)).0, expected, "{record:02x?}");
    }
    let records: Vec<Vec<u8>> = cases.iter().map(|(r, _)| r.clone()).collect();
    let (bytes, offsets) = written(&records);
    assert_eq!(walked(&bytes).unwrap(), records);
    let (_dir, file) = file(&bytes);
    let found: Vec<Extent> = file.walk().collect::<Result<_, _>>().unwrap();
    assert_eq!(found.iter().map(|e| e.offset).collect::<Vec<_>>(), offsets);
    for (extent, record) in found.iter().zip(&records) {
        for n in [0, 1, 3, 4, 6, 40, 90] {
            let (mut first, mut expected) = (vec![7; n], record.clone());
            expected.resize(n, 0);
            assert_eq!(file.peek(extent.offset, &mut first).unwrap(), *extent);
            assert_eq!(first, expected, "{record:02x?}");
        }
    }
}

#[test]
fn truncated_at_every_byte() {
    let (bytes, offsets) = written(&[b"abcdefg".to_vec(), [b"abcd", &MAGIC[..], b"ef"].concat()]);
    for n in 1..bytes.len() {
        let whole = offsets.contains(&(n as u64));
        match walked(&bytes[..n]) {
            Ok(records) => assert!(whole && records.len() == 1, "{n}"),
            Err(error) => assert!(!whole && matches!(error, DataError::Truncated { .. }), "{n}: {error}"),
        }
    }
}

#[test]
fn parts_in_an_order_that_makes_no_record() {
    let (first, last) = (part(1, 4, b"abcd"), part(3, 2, b"ef"));
    assert_eq!(walked(&[first.clone(), last.clone()].concat()).unwrap(), [[&b"abcd"[..], &MAGIC, b"ef"].concat()]);
    let refused = |bytes: &[u8], at: u64, word: &str| match walked(bytes) {
        Err(DataError::BadBytes { offset, reason, .. }) => {
            assert!(offset == at && reason.contains(word), "byte {offset}: {reason}");
        }
        other => panic!("{other:?}"),
    };
    for flag in [2, 3, 4, 5, 6, 7] {
        refused(&part(flag, 4, b"abcd"), 4, &format!("flag {flag}, expected 0"));
    }
    for flag in [0, 1, 4, 7] {
        refused(&[first.clone(), part(flag, 2, b"ef"), last.clone()].concat(), 16, &format!("flag {flag}, expected 2"));
    }
    refused(&[part(1, 3, b"abc"), last.clone()].concat(), 4, "multiple of 4");
    refused(&[b"\x0a\x23\xd7\xcd".to_vec(), vec![0; 4]].concat(), 0, "magic");
    refused(&[part(0, 1, b"a"), vec![1; 8]].concat(), 12, "magic");
    // Parts without end: each adds to the length, which has 29 bits.
    let (_dir, file) = file(&part(0, 1, b"a"));
    assert!(matches!(file.extent(2), Err(DataError::BadBytes { offset: 2, .. })));
    assert!(matches!(file.extent(12), Err(DataError::Truncated { .. })));
}

#[test]
fn a_record_has_29_bits_of_bytes() {
    // Two parts of 2^28 bytes each, of which nothing is stored: the file has a hole.
    let dir = tempfile::tempdir().unwrap();
    let path: PathBuf = dir.path().join("hole.rec");
    let half = 1_u32 << 28;
    let mut sparse = std::fs::File::create(&path).unwrap();
    use std::io::{Seek, SeekFrom, Write};
    sparse.write_all(&part(1, half, b"")).unwrap();
    sparse.seek(SeekFrom::Start(8 + u64::from(half))).unwrap();
    sparse.write_all(&part(3, half, b"")).unwrap();
    sparse.set_len(16 + 2 * u64::from(half)).unwrap();
    let error = RecordFile::open(&path).unwrap().extent(0).unwrap_err();
    assert!(matches!(&error, DataError::BadBytes { reason, .. } if reason.contains("536870911")), "{error}");
}

#[test]
fn an_index_that_cannot_be_right() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x.idx");
    let read = |text: &[u8]| {
        std::fs::write(&path, text).unwrap();
        Index::read(&path, 100)
    };
    assert_eq!(read(b"").unwrap(), Index::default());
    assert_eq!(read(b"3\t8\r\n1\t96").unwrap().entries, [(1, 96), (3, 8)]);
    for (text, at, word) in [
        (&b"1\t0\n2\t4\n1\t8\n"[..], 3, "the key 1 is there already"),
        (b"1\t0\n2\t100\n", 2, "the offset 100 of key 2"),
        (b"1\t6\n", 1, "multiple of 4"),
        (b"1\t0\n\n", 2, "expected a key"),
        (b"1 0\n", 1, "expected a key"),
        (b"x\t0\n", 1, "`x\t0`"),
        (b"1\t-4\n", 1, "expected a key"),
        (b"1\t0\t4\n", 1, "expected a key"),
        (b"\xff\t0\n", 1, "no text"),
        (&[b'1'; 1000][..], 1, "expected a key"),
        (b"99999999999999999999\t0\n", 1, "expected a key"),
    ] {
        match read(text) {
            Err(DataError::BadRow { line, reason, .. }) => {
                assert!(line == at && reason.contains(word), "line {line}: {reason}");
            }
            other => panic!("{text:?}: {other:?}"),
        }
    }
    assert!(matches!(Index::read(&dir.path().join("y.idx"), 9), Err(DataError::Missing { .. })));
}

/// Bytes in which the magic is likely.
fn spiked() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just(MAGIC.to_vec()),
        Just(vec![1, 0, 0, 0x20]),
        prop::collection::vec(any::<u8>(), 0..6),
        prop::collection::vec(0_u8..4, 4),
    ];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn what_is_written_is_read(records in prop::collection::vec(spiked(), 0..5)) {
        let (bytes, _) = written(&records);
        prop_assert_eq!(&walked(&bytes).unwrap(), &records);
        // No magic at a multiple of 4 but where a part begins: a part for each record and each magic taken out.
        let magics = |bytes: &[u8]| bytes.chunks(4).filter(|c| *c == MAGIC).count();
        let parts: usize = records.iter().map(|r| 1 + magics(r)).sum();
        prop_assert_eq!(magics(&bytes), parts);
    }

    #[test]
    fn any_bytes_are_records_or_a_named_error(bytes in spiked()) {
        let _ = walked(&bytes);
        let (_dir, file) = file(&bytes);
        for offset in 0..bytes.len() as u64 + 4 {
            let _ = file.peek(offset, &mut [0; 20]);
        }
    }
}
