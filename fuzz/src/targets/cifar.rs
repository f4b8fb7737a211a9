//! The batches of CIFAR-10 and CIFAR-100.

use super::{Parts, Target, choice, fresh, part, spec, write};
use anyhow::Result;
use arcsphere_data::OpenOptions;
use arcsphere_data::check::check;
use std::path::Path;

pub(super) const TARGET: Target = Target {
    name: "cifar",
    reads: "CIFAR-10's and CIFAR-100's binary files",
    seeds,
    tokens: &[b"\n", b"\r\n", b"cat"],
    run,
};

/// Bytes of an image.
const IMAGE: usize = 3 * 32 * 32;
/// More records than this would take time and show nothing else.
const RECORDS: usize = 128;

/// Choices: which of the two sets, and whether its names are written. Then the names; then a part a file with the
/// labels of its records, which are a lot smaller than the records; then what follows the records of each file.
fn seeds() -> Result<Vec<Parts>> {
    let ten = vec![
        vec![0, 0],
        b"airplane\nautomobile\nbird\ncat\ndeer\ndog\nfrog\nhorse\nship\ntruck\n".to_vec(),
        (0..10).collect(),
        vec![1],
        vec![2],
        vec![3],
        vec![4],
        vec![5, 6],
    ];
    let names: String = (0..100).map(|i| format!("thing {i}\r\n")).collect();
    let fine = (0..100).flat_map(|fine| [fine / 5, fine]).collect();
    let hundred = vec![vec![1, 0], names.into_bytes(), fine, vec![0, 7]];
    let named = |mut parts: Parts| {
        parts[0][1] = 1;
        parts
    };
    Ok(vec![ten.clone(), named(ten), hundred.clone(), named(hundred)])
}

fn run(parts: &Parts, place: &Path) -> Result<bool> {
    let dir = fresh(place, "cifar")?;
    let is_hundred = choice(parts, 0, 0) & 1 == 1;
    let (files, names, per_record): (&[&str], &str, usize) = if is_hundred {
        (&["train.bin", "test.bin"], "fine_label_names.txt", 2)
    } else {
        let ten = &[
            "data_batch_1.bin",
            "data_batch_2.bin",
            "data_batch_3.bin",
            "data_batch_4.bin",
            "data_batch_5.bin",
            "test_batch.bin",
        ];
        (ten, "batches.meta.txt", 1)
    };
    if choice(parts, 0, 1) & 1 == 1 {
        write(&dir.join(names), part(parts, 1))?;
    }
    for (i, name) in files.iter().enumerate() {
        let labels = part(parts, 2 + i);
        let mut bytes = Vec::with_capacity(labels.len() * IMAGE);
        for record in labels.chunks(per_record).take(RECORDS) {
            // A record whose labels are cut short ends the file in the middle of one.
            bytes.extend_from_slice(record);
            bytes.resize(bytes.len() + if record.len() == per_record { IMAGE } else { 7 }, record[0]);
        }
        bytes.extend_from_slice(part(parts, 2 + files.len() + i));
        write(&dir.join(name), &bytes)?;
    }
    Ok(check(spec(&dir)?, &OpenOptions::default()).is_ok())
}
