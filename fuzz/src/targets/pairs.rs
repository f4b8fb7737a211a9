//! Pairs of images: insightface's `.bin`, a table, LFW's list.

use super::{Parts, Target, choice, fresh, part, pgm, write};
use anyhow::Result;
use arcsphere_data::convert::convert;
use arcsphere_data::folder::Decoding;
use arcsphere_data::pairs::{self, MissingImages, PairOptions};
use std::path::Path;

pub(super) const TARGET: Target = Target {
    name: "pairs",
    reads: "pairs of images: .bin (a pickle), .csv, LFW's pairs.txt, lists of two lines a pair",
    seeds,
    tokens: &[
        b"\x80\x02",
        b"\x80\x04\x95",
        b"]q\0(",
        b"U\x02",
        b"C\x02",
        b"\x8e",
        b"\x96",
        b"\x93",
        b"\x94",
        b"\x85R",
        b"I01\n",
        b"cnumpy.core.multiarray\n_reconstruct\n",
        b"cnumpy\ndtype\n",
        b"c_codecs\nencode\n",
        b"a,b,same\n",
        b"\t",
        b"\n",
        b"subject_a,subject_b",
        b"ada/ada_0001.jpg",
    ],
    run,
};

const NAMES: [&str; 4] = ["pairs.bin", "pairs.csv", "pairs.txt", "two.txt"];

fn images(dir: &Path) -> Result<()> {
    for (i, name) in ["ada/ada_0001.jpg", "ada/ada_0002.jpg", "bob/bob_0001.jpg"].iter().enumerate() {
        let path = dir.join(name);
        path.parent().map(std::fs::create_dir_all).transpose()?;
        write(&path, &pgm(2, 3, i as u8))?;
    }
    Ok(())
}

/// Choices: which format, and what is done where an image is missing. Then the file.
fn seeds() -> Result<Vec<Parts>> {
    let dir = tempfile::tempdir()?;
    images(dir.path())?;
    let csv = b"a,b,same,subject_a,subject_b\nada/ada_0001.jpg,ada/ada_0002.jpg,1,ada,ada\n\
                ada/ada_0001.jpg,bob/bob_0001.jpg,0,ada,bob\n";
    let (from, to) = (dir.path().join("pairs.csv"), dir.path().join("pairs.bin"));
    write(&from, csv)?;
    convert(&from, &to, &PairOptions::default())?;
    let lfw = b"1\t1\nada\t1\t2\nada\t1\tbob\t1\n";
    // As real Python writes NumPy arrays.
    let fixtures = concat!(env!("CARGO_MANIFEST_DIR"), "/../crates/arcsphere-data/src/pairs/fixtures");
    let arrays = std::fs::read(Path::new(fixtures).join("numpy2-arrays-2.bin"))?;
    let files = [(0, std::fs::read(to)?), (1, csv.to_vec()), (2, lfw.to_vec()), (0, arrays)];
    Ok(files.into_iter().map(|(format, file)| vec![vec![format, 0], file]).collect())
}

fn run(parts: &Parts, place: &Path) -> Result<bool> {
    let dir = fresh(place, "pairs")?;
    images(&dir)?;
    let path = dir.join(NAMES[usize::from(choice(parts, 0, 0)) % NAMES.len()]);
    write(&path, part(parts, 1))?;
    let missing = if choice(parts, 0, 1) & 1 == 1 { MissingImages::Reject } else { MissingImages::Fail };
    let decoding = Decoding { resize: Some((4, 4)), memory: 128 << 20, ..Decoding::default() };
    let Ok(set) = pairs::open(&path, &PairOptions { missing, decoding, ..PairOptions::default() }) else {
        return Ok(false);
    };
    for i in 0..set.images.len().min(16) {
        let _ = (set.images.image(i), set.images.info(i));
    }
    Ok(true)
}
