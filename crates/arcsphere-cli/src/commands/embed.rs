//! `arcsphere embed`: images to embeddings, in a .npy file with labels beside it.

use super::run_dir;
use crate::args::Embed;
use crate::exit::mistake;
use crate::out::say;
use crate::settings;
use anyhow::Result;
use arcsphere::checkpoint::{Checkpoint, Provenance};
use arcsphere::embed::embed;
use arcsphere_data::folder::{EXTENSIONS, read_image};
use arcsphere_data::{Dataset, OpenOptions};
use arcsphere_eval::results::write_atomic;
use ndarray::ArrayView2;
use ndarray_npy::WriteNpyExt;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// Embeds every image under the given paths, in order.
pub(crate) fn run(args: &Embed) -> Result<()> {
    let labels_path = args.out.with_extension("labels.csv");
    settings::free_to_write(&args.out, args.force)?;
    settings::free_to_write(&labels_path, args.force)?;
    let checkpoint = run_dir::read(&args.run)?;
    let known = checkpoint.provenance.clone();
    settings::set_threads(checkpoint.config.train.threads)?;
    let dim = checkpoint.config.model.dim;
    let (set, mut rows) = images(&args.paths, &known, &checkpoint)?;
    let device = settings::device("flex")?;
    let backbone = checkpoint.backbone(&device)?;
    let embeddings = embed(&backbone, &set, &known.normalization(), &device)?;

    let mut npy = Vec::new();
    ArrayView2::from_shape((set.len(), dim), &embeddings)?.write_npy(&mut npy)?;
    write_atomic(&args.out, &npy)?;
    rows.insert_str(0, "row,label,class,source\n");
    write_atomic(&labels_path, rows.as_bytes())?;
    say!("{} embeddings of {dim} dimensions: {} and {}", set.len(), args.out.display(), labels_path.display());
    Ok(())
}

/// The images as one set, and a CSV row for each.
fn images(paths: &[PathBuf], known: &Provenance, checkpoint: &Checkpoint) -> Result<(Dataset, String)> {
    let shape = known.shape();
    let (mut pixels, mut labels, mut classes, mut rows) = (Vec::new(), Vec::new(), Vec::<String>::new(), String::new());
    let mut row = 0usize;
    let mut push = |class: &str, source: &str, planes: &[u8]| {
        let label = classes.iter().position(|c| c == class).unwrap_or_else(|| {
            classes.push(class.to_owned());
            classes.len() - 1
        });
        let _ = writeln!(rows, "{row},{label},{},{}", quoted(class), quoted(source));
        row += 1;
        labels.push(label as u32);
        pixels.extend_from_slice(planes);
    };
    for path in paths {
        if path.is_file() {
            let planes = file(path, known)?;
            push(class_of(path), &path.display().to_string(), &planes);
            continue;
        }
        let files = if path.is_dir() { image_files(path) } else { Vec::new() };
        if !files.is_empty() {
            for f in files {
                let planes = file(&f, known)?;
                push(class_of(&f), &f.display().to_string(), &planes);
            }
            continue;
        }
        // No data set's name has an extension, so this was meant to be a file.
        if !path.exists() && path.extension().is_some() {
            return Err(mistake!("there is no image {}", path.display()));
        }
        let d = &checkpoint.config.data;
        let options =
            OpenOptions { root: d.root.clone(), resize: Some((shape.height, shape.width)), ..OpenOptions::default() };
        let source = arcsphere_data::open(&path.to_string_lossy(), &options)?;
        if source.test.shape() != shape {
            return Err(mistake!(
                "{} has images of {}, the run was trained on {shape}",
                path.display(),
                source.test.shape()
            ));
        }
        for i in 0..source.test.len() {
            let class = &source.test.classes()[source.test.labels()[i] as usize];
            push(class, &format!("{} test {i}", source.name), source.test.image(i));
        }
    }
    Ok((Dataset::new(shape, pixels, labels, classes)?, rows))
}

/// One image's planes in the run's shape.
fn file(path: &Path, known: &Provenance) -> Result<Vec<u8>> {
    let shape = known.shape();
    let (found, planes) = read_image(path, Some((shape.height, shape.width)))?;
    match (found.channels, shape.channels) {
        (a, b) if a == b => Ok(planes),
        // A grey photo among colored ones.
        (1, n) => Ok(planes.repeat(n)),
        (a, b) => Err(mistake!("{} has {a} channels, the run was trained on {b}", path.display())),
    }
}

/// The folder that an image lies in is its class.
fn class_of(path: &Path) -> &str {
    path.parent().and_then(Path::file_name).and_then(|n| n.to_str()).unwrap_or("")
}

/// Image files below a folder, sorted.
fn image_files(folder: &Path) -> Vec<PathBuf> {
    let mut out = Vec::new();
    let mut waiting = vec![folder.to_owned()];
    while let Some(dir) = waiting.pop() {
        for entry in std::fs::read_dir(&dir).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                waiting.push(path);
            } else if path.extension().is_some_and(|e| EXTENSIONS.iter().any(|x| e.eq_ignore_ascii_case(x))) {
                out.push(path);
            }
        }
    }
    out.sort();
    out
}

/// A CSV field, quoted where it must be.
fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
}
