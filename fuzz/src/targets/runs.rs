//! The folders of runs, comparisons and sweeps, as the program's commands read them.

use super::{Parts, Target, choice, fresh, lines, part, pgm, spec, write};
use anyhow::{Context, Result, ensure};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

pub(super) const TARGET: Target = Target {
    name: "runs",
    reads: "folders of runs, comparisons and sweeps: eval, resume, plot, embed, advise",
    seeds,
    tokens: &[
        b"null",
        b"true",
        b"[]",
        b"{}",
        b"\"\"",
        b"-1",
        b"1e300",
        b"[[[[",
        b"seeds",
        b"seed",
        b"margin",
        b"losses",
        b"arcface",
        b"softmax",
        b"cosface",
        b"rates",
        b"scales",
        b"axes",
        b"angle_margin",
        b"cosine_margin",
        b"train_seconds",
        b"cells",
        b"collapsed",
        b"accuracy",
        b"@checkpoint",
        b"@data",
        b"runs/arcface-seed0/checkpoint.safetensors",
    ],
    run,
};

/// What stands in a file for the folder of the images, and for a checkpoint that the program wrote.
const DATA: &str = "@data";
const CHECKPOINT: &str = "@checkpoint";
/// A checkpoint's file.
const FILE: &str = "checkpoint.safetensors";
/// Flags of a training that is over in a moment.
const TINY: [&str; 12] = [
    "--epochs",
    "1",
    "--dim",
    "2",
    "--set",
    "train.batch=8",
    "--set",
    "data.validation=0",
    "--set",
    "eval.pairs=20",
    "--threads",
    "1",
];

/// What is done with a folder; `.` is the folder.
const COMMANDS: [&[&str]; 9] = [
    &["eval", "."],
    &["eval", ".", "--json"],
    &["train", "--resume", "."],
    &["embed", ".", DATA, "--out", "./e.npy", "--force"],
    &["plot", "features", ".", "--out", "./f.svg", "--force"],
    &["compare", "--resume", ".", "--jobs", "1"],
    &["sweep", "--resume", ".", "--jobs", "1"],
    &["advise", "--classes", "3", "--dim", "2", "--sweep", "."],
    &["advise", "--classes", "3", "--dim", "2", "--sweeps-in", ".", "--json"],
];

/// What the program wrote.
struct Made {
    seeds: Vec<Parts>,
    /// Checkpoints by their numbers, with [`DATA`] for the folder of the images.
    checkpoints: BTreeMap<usize, Vec<u8>>,
}

/// The choice of a command; the files' paths, a line each; and the files.
fn seeds() -> Result<Vec<Parts>> {
    Ok(made()?.seeds.clone())
}

fn made() -> Result<&'static Made> {
    static MADE: OnceLock<Made> = OnceLock::new();
    match MADE.get() {
        Some(made) => Ok(made),
        None => {
            let made = make()?;
            Ok(MADE.get_or_init(|| made))
        }
    }
}

fn make() -> Result<Made> {
    let place = tempfile::tempdir()?;
    let data = images(place.path())?;
    let asked: [(&[&str], &[u8]); 3] = [
        (&["train", "--loss", "arcface"], &[0, 1, 2, 3, 4]),
        (&["compare", "--losses", "arcface,softmax", "--jobs", "1"], &[5]),
        (
            &["sweep", "--loss", "arcface", "--margin", "0.1,0.3", "--rate", "0.05", "--seeds", "2", "--jobs", "1"],
            &[6, 7, 8],
        ),
    ];
    let mut made = Made { seeds: Vec::new(), checkpoints: BTreeMap::new() };
    for (i, (words, commands)) in asked.into_iter().enumerate() {
        let out = place.path().join(format!("out{i}"));
        let places = ["--data", spec(&data)?, "--out", spec(&out)?];
        let words = words.iter().chain(&places).chain(&TINY);
        let code = arcsphere_cli::run(["arcsphere"].iter().chain(words).map(OsString::from));
        ensure!(code == 0, "the program made no folder (exit code {code})");
        let (mut paths, mut files) = (String::new(), Vec::new());
        let mut found = Vec::new();
        below(&out, &mut found)?;
        for path in found {
            let bytes = std::fs::read(&path)?;
            let is_checkpoint = path.ends_with(FILE);
            // Pages, tables and pictures are written, not read.
            if !is_checkpoint && !path.extension().is_some_and(|e| e == "json" || e == "toml") {
                continue;
            }
            paths += &format!("{}\n", path.strip_prefix(&out)?.display());
            files.push(if is_checkpoint {
                let number = made.checkpoints.len();
                made.checkpoints.insert(number, moved(&bytes, spec(&data)?, DATA)?);
                format!("{CHECKPOINT} {number}").into_bytes()
            } else {
                String::from_utf8(bytes)?.replace(spec(&data)?, DATA).into_bytes()
            });
        }
        for command in commands {
            made.seeds.push([&[vec![*command], paths.clone().into_bytes()], &files[..]].concat());
        }
    }
    Ok(made)
}

/// Three classes of 6 images.
fn images(place: &Path) -> Result<PathBuf> {
    let dir = fresh(place, "data")?;
    for i in 0..18_u8 {
        let class = dir.join(format!("class {}", i % 3));
        std::fs::create_dir_all(&class)?;
        write(&class.join(format!("{i}.pgm")), &pgm(8, 8, 13 * i))?;
    }
    Ok(dir)
}

/// The files below a folder, sorted.
fn below(dir: &Path, out: &mut Vec<PathBuf>) -> Result<()> {
    let mut entries = std::fs::read_dir(dir)?.map(|e| e.map(|e| e.path())).collect::<std::io::Result<Vec<_>>>()?;
    entries.sort();
    for path in entries {
        if path.is_dir() {
            below(&path, out)?;
        } else {
            out.push(path);
        }
    }
    Ok(())
}

/// A checkpoint with another folder of images in its header.
fn moved(file: &[u8], from: &str, to: &str) -> Result<Vec<u8>> {
    let (length, rest) = file.split_first_chunk::<8>().context("a length")?;
    let (header, data) = rest.split_at_checked(u64::from_le_bytes(*length) as usize).context("a header")?;
    let header = std::str::from_utf8(header)?.replace(from, to);
    Ok([&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), data].concat())
}

fn run(parts: &Parts, place: &Path) -> Result<bool> {
    let (dir, data) = (fresh(place, "run")?, place.join("data"));
    if !data.is_dir() {
        images(place)?;
    }
    let (dir, data) = (spec(&dir)?, spec(&data)?);
    for (i, path) in lines(part(parts, 1)).enumerate().take(32) {
        let path = String::from_utf8_lossy(path).replace('\0', "");
        // None leaves the folder.
        let inner: PathBuf = path.split('/').filter(|p| !p.is_empty() && *p != "." && *p != "..").collect();
        let path = Path::new(dir).join(inner);
        let text = part(parts, 2 + i);
        let number = std::str::from_utf8(text).ok().and_then(|t| t.strip_prefix(CHECKPOINT)?.trim().parse().ok());
        let bytes = match number.and_then(|n: usize| made().ok()?.checkpoints.get(&n)) {
            Some(file) => moved(file, DATA, data)?,
            None => String::from_utf8_lossy(text).replace(DATA, data).into_bytes(),
        };
        // What no file can be called is not there.
        let _ = path.parent().map(std::fs::create_dir_all);
        let _ = std::fs::write(path, bytes);
    }
    let words = COMMANDS[usize::from(choice(parts, 0, 0)) % COMMANDS.len()];
    let words = words.iter().map(|word| match word.strip_prefix('.') {
        Some(rest) => OsString::from(format!("{dir}{rest}")),
        None => OsString::from(word.replace(DATA, data)),
    });
    Ok(arcsphere_cli::run([OsString::from("arcsphere")].into_iter().chain(words)) == 0)
}
