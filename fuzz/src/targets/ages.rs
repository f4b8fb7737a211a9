//! Faces with ages: a CSV, or the names of files.

use super::{Parts, Target, choice, fresh, part, pgm, spec, write};
use anyhow::Result;
use arcsphere_data::OpenOptions;
use arcsphere_data::check::check;
use std::path::Path;

pub(super) const TARGET: Target = Target {
    name: "ages",
    reads: "a CSV of (path, age), or images whose names begin with an age",
    seeds,
    tokens: &[
        b"\"",
        b"\"\"",
        b",",
        b"\r\n",
        b"\xef\xbb\xbf",
        b"age",
        b"path",
        b"real_age",
        b"file_name",
        b"a.pgm",
        b"_",
        b"inf",
        b"+",
        b"-",
    ],
    run,
};

/// Choices: CSV or names, the width of a class. Then the CSV, or a name a line.
fn seeds() -> Result<Vec<Parts>> {
    let with = |choices: [u8; 2], text: &str| vec![choices.to_vec(), text.as_bytes().to_vec()];
    Ok(vec![
        with([0, 1], "a.pgm,25\nb.pgm,61\nc.pgm,25\nd.pgm,61.5\n"),
        with([0, 5], "path,age\r\n\"a.pgm\",4\r\n\"b.pgm\", 4.5\r\nc.pgm,7\r\nd.pgm,9\r\n"),
        with([0, 60], "\u{feff}id,Image,Age\n1,a.pgm,0\n2,b.pgm,1\n\n3,c.pgm,120\n4,./d.pgm,119\n"),
        with([0, 0], "file_name,num_ratings,real_age\na.pgm,36,4\nb.pgm,37,4\nc.pgm,38,4\n"),
        with([1, 1], "25_0_2_2017.pgm\n25_1_2_2018.pgm\n61_0_0_1.pgm\n61_0.pgm\n"),
        with([1, 10], "1_0_3_20.pgm\n101_1_2_2017.pgm.chip.pgm\n2_x.pgm\n109_1_1_1.pgm\n"),
    ])
}

fn run(parts: &Parts, place: &Path) -> Result<bool> {
    let dir = fresh(place, "ages")?;
    let text = part(parts, 1);
    let path = if choice(parts, 0, 0) & 1 == 0 {
        for (i, name) in ["a.pgm", "b.pgm", "c.pgm", "d.pgm"].into_iter().enumerate() {
            write(&dir.join(name), &pgm(2, 2, i as u8))?;
        }
        let csv = dir.join("gt_train.csv");
        write(&csv, text)?;
        csv
    } else {
        for (i, name) in text.split(|b| *b == b'\n').take(16).enumerate() {
            // What no file can be called is not there.
            let name = String::from_utf8_lossy(name).replace(['/', '\0'], "");
            let _ = std::fs::write(dir.join(name), pgm(2, 2, i as u8));
        }
        dir
    };
    let set = match choice(parts, 0, 1) {
        0 => format!("age:{}", spec(&path)?),
        width => format!("age/{width}:{}", spec(&path)?),
    };
    Ok(check(&set, &OpenOptions { test_fraction: 0.5, ..OpenOptions::default() }).is_ok())
}
