//! The archive in which CIFAR is published.

use super::{Parts, Target, choice, fresh, gzip, names_in, part, write};
use anyhow::{Result, ensure};
use arcsphere_data::fetch;
use std::ffi::OsString;
use std::path::Path;
use tar::{Builder, EntryType, Header};

pub(super) const TARGET: Target = Target {
    name: "archive",
    reads: "the tar.gz in which CIFAR is published",
    seeds,
    tokens: &[
        b"../",
        b"/",
        b"./",
        b"cifar-100-binary/train.bin",
        b"cifar-100-binary/test.bin",
        b"ustar\x0000",
        b"ustar  \0",
        b"00000000001\0",
        b"77777777777\0",
        b"0",
        b"1",
        b"2",
        b"5",
        b"L",
        b"K",
        b"S",
        b"x",
        b"g",
        b"\x1f\x8b\x08",
        b"path=",
        b"size=",
    ],
    run,
};

/// What the second part is, by the choice: a gzip, or a tar whose headers get the checksums that they have.
const PACKED: u8 = 1;
const FILES: [&str; 4] = ["train.bin", "test.bin", "fine_label_names.txt", "coarse_label_names.txt"];
/// A block of a tar, and where in a header the size and the checksum stand.
const BLOCK: usize = 512;
const SIZE: std::ops::Range<usize> = 124..136;
const CHECKSUM: std::ops::Range<usize> = 148..156;

fn seeds() -> Result<Vec<Parts>> {
    let mut seeds = Vec::new();
    for is_gnu in [true, false] {
        let mut tar = Builder::new(Vec::new());
        for (i, name) in FILES.iter().enumerate() {
            let mut header = if is_gnu { Header::new_gnu() } else { Header::new_ustar() };
            header.set_entry_type(EntryType::Regular);
            header.set_size(10 * i as u64);
            let long = if is_gnu { "" } else { "./" };
            tar.append_data(&mut header, format!("{long}cifar-100-binary/{name}"), &vec![b'a'; 10 * i][..])?;
        }
        let mut header = Header::new_gnu();
        header.set_size(1);
        tar.append_data(&mut header, format!("cifar-100-binary/{}", "long".repeat(40)), &b"x"[..])?;
        let tar = tar.into_inner()?;
        seeds.push(vec![vec![PACKED], gzip(&tar)?]);
        seeds.push(vec![vec![0], tar]);
    }
    Ok(seeds)
}

/// The tar with the checksums that its headers have as they are.
fn mended(tar: &[u8]) -> Vec<u8> {
    let mut tar = tar.to_vec();
    let mut at = 0;
    while let Some(header) = tar.get_mut(at..at + BLOCK) {
        if header.iter().all(|b| *b == 0) {
            // The end of the archive.
            break;
        }
        header[CHECKSUM].fill(b' ');
        let sum: u32 = header.iter().map(|b| u32::from(*b)).sum();
        header[CHECKSUM].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        let size = String::from_utf8_lossy(&header[SIZE]).trim_matches(['\0', ' ']).to_owned();
        let size = usize::from_str_radix(&size, 8).unwrap_or(0);
        at = at.saturating_add(BLOCK).saturating_add(size.div_ceil(BLOCK).saturating_mul(BLOCK)).min(tar.len());
    }
    tar
}

fn run(parts: &Parts, place: &Path) -> Result<bool> {
    let dir = fresh(place, "archive")?;
    let (archive, into) = (dir.join("archive.tar.gz"), fresh(&dir, "into")?);
    let bytes = part(parts, 1);
    write(&archive, &if choice(parts, 0, 0) == PACKED { bytes.to_vec() } else { gzip(&mended(bytes))? })?;
    let is_unpacked = fetch::unpack("cifar-100", &archive, &into).is_ok();
    let found = names_in(&into)?;
    let mut expected: Vec<OsString> = FILES.iter().filter(|_| is_unpacked).map(OsString::from).collect();
    expected.sort();
    ensure!(found == expected, "unpacked: {is_unpacked}, and there is {found:?}");
    ensure!(names_in(&dir)? == ["archive.tar.gz", "into"], "something was written beside the folder");
    Ok(is_unpacked)
}
