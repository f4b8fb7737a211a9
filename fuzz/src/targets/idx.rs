//! The four files of MNIST's format, plain or gzipped.

use super::{Parts, Target, choice, fresh, gzip, part, spec, write};
use anyhow::Result;
use arcsphere_data::OpenOptions;
use arcsphere_data::check::check;
use std::path::Path;

pub(super) const TARGET: Target = Target {
    name: "idx",
    reads: "MNIST's idx files, plain or gzipped",
    seeds,
    tokens: &[b"\0\0\x08\x03", b"\x1f"],
    run,
};

const NAMES: [&str; 4] =
    ["train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"];

/// Choices: which files are gzipped here, which have the ending `.gz`, and limits. Then the files.
fn seeds() -> Result<Vec<Parts>> {
    let array = |dims: &[u32], data: &[u8]| {
        let dims: Vec<u8> = dims.iter().flat_map(|d| d.to_be_bytes()).collect();
        [&[0, 0, 8, (dims.len() / 4) as u8], &dims[..], data].concat()
    };
    let files = [
        array(&[4, 2, 3], &(0..24).collect::<Vec<u8>>()),
        array(&[4], &[3, 5, 3, 5]),
        array(&[2, 2, 3], &[9; 12]),
        array(&[2], &[5, 3]),
    ];
    let packed: Vec<Vec<u8>> = files.iter().map(|f| gzip(f)).collect::<Result<_>>()?;
    let with = |choices: [u8; 3], files: &[Vec<u8>]| [&[choices.to_vec()], files].concat();
    Ok(vec![
        with([0, 0, 0], &files),
        with([0b1111, 0b1111, 0], &files),
        // These are gzips already, so that what is changed is the gzip itself.
        with([0, 0b1111, 1], &packed),
        with([0b0101, 0b1010, 2], &files),
    ])
}

fn run(parts: &Parts, place: &Path) -> Result<bool> {
    let dir = fresh(place, "idx")?;
    for (i, name) in NAMES.iter().enumerate() {
        let bit = |at| choice(parts, 0, at) >> i & 1 == 1;
        let bytes = part(parts, 1 + i);
        let name = dir.join(if bit(1) { format!("{name}.gz") } else { (*name).to_owned() });
        write(&name, &if bit(0) { gzip(bytes)? } else { bytes.to_vec() })?;
    }
    let limit = |bit: u8| (choice(parts, 0, 2) >> bit & 1 == 1).then_some(2);
    let options = OpenOptions { limit_train: limit(0), limit_test: limit(1), ..OpenOptions::default() };
    Ok(check(spec(&dir)?, &options).is_ok())
}
