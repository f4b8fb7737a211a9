//! insightface's training folders: `train.rec`, `train.idx` and `property`.

use super::{Parts, Target, choice, fresh, part, pgm, spec, write};
use anyhow::Result;
use arcsphere_data::OpenOptions;
use arcsphere_data::check::check;
use arcsphere_data::records::RecordSetWriter;
use std::path::Path;

pub(super) const TARGET: Target = Target {
    name: "records",
    reads: "train.rec, train.idx and property, as insightface has them",
    seeds,
    tokens: &[&[0x0a, 0x23, 0xd7, 0xce], b"\t", b"\n", b"P5 2 3 255\n", &[0, 0, 0x80, 0x3f], &[0, 0, 0x80, 0x4b]],
    run,
};

const NAMES: [&str; 3] = ["train.rec", "train.idx", "property"];

/// Choices: which files are not there. Then the files.
fn seeds() -> Result<Vec<Parts>> {
    let dir = tempfile::tempdir()?;
    let mut writer = RecordSetWriter::create(dir.path())?;
    for i in 0..6 {
        writer.push(i % 3, &pgm(2, 3, i as u8))?;
    }
    writer.finish(3, (3, 2))?;
    let files = NAMES.iter().map(|name| std::fs::read(dir.path().join(name))).collect::<std::io::Result<Vec<_>>>()?;
    Ok([0, 0b010, 0b110].map(|gone| [&[vec![gone]], &files[..]].concat()).into())
}

fn run(parts: &Parts, place: &Path) -> Result<bool> {
    let dir = fresh(place, "records")?;
    for (i, name) in NAMES.iter().enumerate() {
        if choice(parts, 0, 0) >> i & 1 == 0 {
            write(&dir.join(name), part(parts, 1 + i))?;
        }
    }
    let options = OpenOptions { decode_memory: 128 << 20, ..OpenOptions::default() };
    Ok(check(spec(&dir)?, &options).is_ok())
}
