//! `arcsphere embed`: images to embeddings, in a .npy file with labels beside it.

use super::{left_out, run_dir};
use crate::args::Embed;
use crate::mistake::mistake;
use crate::npy;
use crate::out::{note, say};
use crate::settings;
use anyhow::Result;
use arcsphere::checkpoint::Checkpoint;
use arcsphere::embed::embed;
use arcsphere_data::walk::{LeftOut, Walk};
use arcsphere_data::{Dataset, OpenOptions, folder};
use arcsphere_eval::results::write_atomic;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// Embeds every image under the given paths, in order.
pub(crate) fn run(args: &Embed) -> Result<()> {
    let labels_path = args.out.with_extension("labels.csv");
    settings::free_to_write(&args.out, args.force)?;
    settings::free_to_write(&labels_path, args.force)?;
    let checkpoint = run_dir::read(&args.run)?;
    let normalization = checkpoint.provenance.normalization();
    settings::set_threads(checkpoint.config.train.threads)?;
    let dim = checkpoint.config.model.dim;
    let (parts, left_out) = parts(&args.paths, &checkpoint)?;
    let device = settings::device("flex")?;
    let backbone = checkpoint.backbone(&device)?;

    let (mut embeddings, mut rows) = (Vec::new(), Rows::default());
    for part in &parts {
        embeddings.extend(embed(&backbone, &part.set, &normalization, &device)?);
        rows.push(part);
    }
    write_atomic(&args.out, &npy::matrix(dim, &embeddings))?;
    write_atomic(&labels_path, rows.csv().as_bytes())?;
    for line in left_out::lines(&left_out) {
        note!("{line}");
    }
    say!("{} embeddings of {dim} dimensions: {} and {}", rows.len, args.out.display(), labels_path.display());
    Ok(())
}

/// Images of one origin.
struct Part {
    /// The data set's name, where the samples' names are not paths.
    of: Option<String>,
    set: Dataset,
}

/// What the paths name, in their order, and what lies beside it: the images of files and folders, which are
/// read when they are embedded, and the test images of data sets.
fn parts(paths: &[PathBuf], checkpoint: &Checkpoint) -> Result<(Vec<Part>, LeftOut)> {
    let (mut parts, mut left_out, mut images) = (Vec::new(), LeftOut::new(), Vec::new());
    for path in paths {
        if path.is_file() {
            images.push(path.clone());
            continue;
        }
        if path.is_dir() {
            let walk = Walk::below(path, usize::MAX)?;
            if !walk.images.is_empty() {
                images.extend(walk.images);
                walk.left_out.into_iter().for_each(|(reason, paths)| left_out.entry(reason).or_default().extend(paths));
                continue;
            }
        }
        flush(&mut images, &mut parts, checkpoint)?;
        parts.push(known(path, checkpoint)?);
    }
    flush(&mut images, &mut parts, checkpoint)?;
    Ok((parts, left_out))
}

/// Makes a part of the image files that were gathered.
fn flush(images: &mut Vec<PathBuf>, parts: &mut Vec<Part>, checkpoint: &Checkpoint) -> Result<()> {
    if !images.is_empty() {
        let set = folder::files(std::mem::take(images), checkpoint.provenance.shape())?;
        parts.push(Part { of: None, set });
    }
    Ok(())
}

/// The test images of a data set.
fn known(path: &Path, checkpoint: &Checkpoint) -> Result<Part> {
    // No data set's name has an extension, so this was meant to be a file.
    if !path.exists() && path.extension().is_some() {
        return Err(mistake!("there is no image {}", path.display()));
    }
    let shape = checkpoint.provenance.shape();
    let root = checkpoint.config.data.root.clone();
    let options = OpenOptions { root, resize: Some((shape.height, shape.width)), ..OpenOptions::default() };
    let source = arcsphere_data::open(&path.to_string_lossy(), &options)?;
    if source.test.shape() != shape {
        let found = source.test.shape();
        return Err(mistake!("{} has images of {found}, the run was trained on {shape}", path.display()));
    }
    Ok(Part { of: Some(source.name), set: source.test })
}

/// The rows of the label file.
#[derive(Default)]
struct Rows {
    len: usize,
    classes: Vec<String>,
    text: String,
}

impl Rows {
    fn push(&mut self, part: &Part) {
        let labels: Vec<usize> = part.set.classes().iter().map(|class| self.label(class)).collect();
        for (i, &label) in part.set.labels().iter().enumerate() {
            let name = part.set.info(i).name;
            let source = part.of.as_ref().map_or(name.clone(), |of| format!("{of}: {name}"));
            let label = labels[label as usize];
            let _ = writeln!(self.text, "{},{label},{},{}", self.len, quoted(&self.classes[label]), quoted(&source));
            self.len += 1;
        }
    }

    /// The number of a class; classes of one name are one class, wherever they come from.
    fn label(&mut self, class: &String) -> usize {
        self.classes.iter().position(|c| c == class).unwrap_or_else(|| {
            self.classes.push(class.clone());
            self.classes.len() - 1
        })
    }

    fn csv(&self) -> String {
        format!("row,label,class,source\n{}", self.text)
    }
}

/// A CSV field, quoted where it must be.
fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
}
