//! A checkpoint: read, embedded with, resumed, and trained for two steps more.

use super::{Parts, Target, choice, lines, part, squares, write};
use anyhow::{Context, Result};
use arcsphere::checkpoint::{self, Checkpoint, Provenance};
use arcsphere::config::Config;
use arcsphere::model::Model;
use arcsphere::optim::rate_schedule::RateSchedule;
use arcsphere::plan::{self, Plan, Splits};
use arcsphere::train::{Flow, Trainer, Watcher};
use serde_json::{Map, Value, json};
use std::path::Path;
use std::sync::OnceLock;

pub(super) const TARGET: Target = Target {
    name: "checkpoint",
    reads: "a checkpoint: embedding, resume and two steps",
    seeds,
    tokens: &[
        b"F32",
        b"F64",
        b"F16",
        b"I64",
        b"head.weights",
        b"head.bias",
        b"head.first",
        b"head.second",
        b"head.memory",
        b"good.",
        b"first.",
        b"backbone.",
        b"optimizer.first.0",
        b"optimizer.second.0",
        b"head.mean_sums",
        b"head.mean_counts",
        b"null",
        b"NaN",
        b"[]",
        b"{}",
        b"\"\"",
        b"dim",
        b"step",
        b"shape",
        b"mean",
        b"std",
        b"classes",
        b"moments_since",
        b" 0",
        b",",
        b"\n",
        b"\0\0\x80\x7f",
        b"\0\0\xc0\x7f",
        b"softening",
        b"rate",
        b"margin",
        b"naive = true",
        b"threads",
        b"sgd",
        b"adamw",
    ],
    run,
};

/// Whether the head of the file is there as it is.
const WHOLE: u8 = 1;
/// No tensor of a file made here is larger.
const MAX_BYTES: usize = 1 << 22;
/// Bytes of numbers that a made file repeats.
const NUMBERS: usize = 1 << 11;

/// Losses, each with another kind of state: prototypes, biases, memory, class means, several centers, pairs.
const LOSSES: [&str; 7] =
    ["arcface", "softmax", "curricularface", "adaface", "subcenter_arcface", "proxy_anchor", "triplet"];

/// Images, and how they are split.
fn splits() -> Result<&'static Splits> {
    static SPLITS: OnceLock<Splits> = OnceLock::new();
    if let Some(splits) = SPLITS.get() {
        return Ok(splits);
    }
    let mut config = Config::default();
    config.data.validation = 0.0;
    let made = plan::split(&config, &squares(8, 20, 10)?)?;
    Ok(SPLITS.get_or_init(|| made))
}

/// Stops after so many steps.
struct After(u64);

impl Watcher for After {
    fn step(&mut self, _trainer: &Trainer, _loss: f64) -> Flow {
        self.0 = self.0.saturating_sub(1);
        if self.0 == 0 { Flow::Stop } else { Flow::Continue }
    }
}

/// Choices. Then the head of a file, numbers, and how many bytes of them follow the head; or configuration, progress,
/// provenance and the last good progress, a line a tensor (name, type, dimensions), and numbers, of which a file is
/// made that is right as far as lengths go.
fn seeds() -> Result<Vec<Parts>> {
    let dir = tempfile::tempdir()?;
    let device = arcsphere::device("flex")?;
    let mut seeds = Vec::new();
    for (i, loss) in LOSSES.iter().enumerate() {
        let mut config = Config::default();
        config.loss.name = (*loss).to_owned();
        config.data.validation = 0.0;
        (config.train.epochs, config.train.batch, config.train.threads) = (4, 10, 1);
        config.optim.schedule = RateSchedule::default();
        if i % 2 == 1 {
            config.optim.kind = arcsphere::config::OptimizerKind::Adamw;
            config.optim.rate = 1e-3;
        }
        let mut trainer = Trainer::new(Plan::check(&config, splits()?)?, &device)?;
        trainer.run(splits()?, &mut After(3))?;
        let path = dir.path().join(checkpoint::FILE_NAME);
        checkpoint::save(&trainer, &Provenance::of("squares", splits()?)?, &path)?;
        seeds.push(parts_of(&std::fs::read(&path)?)?);
    }
    let whole = wrap(&seeds[0])?;
    let (length, _) = whole.split_first_chunk::<8>().context("a length")?;
    let (head, data) = whole.split_at_checked(8 + u64::from_le_bytes(*length) as usize).context("a header")?;
    let numbers = data[..data.len().min(NUMBERS)].to_vec();
    seeds.push(vec![vec![WHOLE], head.to_vec(), numbers, data.len().to_string().into_bytes()]);
    Ok(seeds)
}

/// A file of the program's own as parts.
fn parts_of(file: &[u8]) -> Result<Parts> {
    let (length, rest) = file.split_first_chunk::<8>().context("a length")?;
    let (header, data) = rest.split_at_checked(u64::from_le_bytes(*length) as usize).context("a header")?;
    let header: Map<String, Value> = serde_json::from_slice(header)?;
    let said = |key: &str| header["__metadata__"][key].as_str().unwrap_or_default().as_bytes().to_vec();
    let mut table = String::new();
    for (name, entry) in header.iter().filter(|(name, _)| *name != "__metadata__") {
        let dims: Vec<String> = entry["shape"].as_array().into_iter().flatten().map(Value::to_string).collect();
        table += &format!("{name} {} {}\n", entry["dtype"].as_str().unwrap_or_default(), dims.join(","));
    }
    let numbers = data[..data.len().min(NUMBERS)].to_vec();
    let texts = ["config", "progress", "provenance", "good"].map(said);
    Ok([&[vec![0]], &texts[..], &[table.into_bytes(), numbers]].concat())
}

/// A file of parts: what each line says of a tensor, in their order, and numbers as many as that takes.
fn wrap(parts: &Parts) -> Result<Vec<u8>> {
    let text = |i| String::from_utf8_lossy(part(parts, i)).into_owned();
    let mut metadata =
        json!({"format": "arcsphere", "version": "1", "config": text(1), "progress": text(2), "provenance": text(3)});
    if !part(parts, 4).is_empty() {
        metadata["good"] = text(4).into();
    }
    let mut header = Map::from_iter([("__metadata__".to_owned(), metadata)]);
    let mut end = 0_usize;
    for line in lines(part(parts, 5)) {
        let line = String::from_utf8_lossy(line);
        let words: Vec<&str> = line.split(' ').collect();
        let (name, kind) = (words[0], words.get(1).copied().unwrap_or("F32"));
        let dims = words.get(2).copied().unwrap_or_default().split(',');
        let dims: Vec<u64> = dims.filter_map(|d| d.parse().ok()).collect();
        let each = if kind == "F64" { 8 } else { 4 };
        let bytes = dims.iter().try_fold(each, |n: u64, d| n.checked_mul(*d)).unwrap_or(0) as usize;
        let next = end.saturating_add(bytes).min(MAX_BYTES);
        header.insert(name.to_owned(), json!({"dtype": kind, "shape": dims, "data_offsets": [end, next]}));
        end = next;
    }
    let header = serde_json::to_vec(&header)?;
    let file = [&(header.len() as u64).to_le_bytes()[..], &header].concat();
    Ok(filled(file, part(parts, 6), end))
}

/// A file with so many bytes of numbers after its head.
fn filled(mut file: Vec<u8>, numbers: &[u8], bytes: usize) -> Vec<u8> {
    let whole = file.len() + bytes;
    while file.len() < whole && !numbers.is_empty() {
        file.extend_from_slice(&numbers[..numbers.len().min(whole - file.len())]);
    }
    file.resize(whole, 0);
    file
}

fn run(parts: &Parts, place: &Path) -> Result<bool> {
    let path = place.join(checkpoint::FILE_NAME);
    let file = if choice(parts, 0, 0) == WHOLE {
        let bytes = String::from_utf8_lossy(part(parts, 3)).parse().unwrap_or(0);
        filled(part(parts, 1).to_vec(), part(parts, 2), MAX_BYTES.min(bytes))
    } else {
        wrap(parts)?
    };
    write(&path, &file)?;
    let Ok(found) = Checkpoint::read(&path) else { return Ok(false) };
    let splits = splits()?;
    // As `embed` does, and who loads a model to embed with.
    if let Ok(model) = Model::load(&path)
        && model.shape() == splits.test.shape()
    {
        let _ = model.embed(&splits.test);
    }
    let Ok(mut trainer) = found.resume(splits, &arcsphere::device("flex")?) else { return Ok(false) };
    if trainer.run(splits, &mut After(2)).is_err() {
        return Ok(false);
    }
    let known = Provenance::of("squares", splits)?;
    Ok(checkpoint::save(&trainer, &known, &path).is_ok())
}
