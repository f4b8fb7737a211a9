//! `arcsphere embed`: images to embeddings, in a .npy file with labels beside it.

use super::run_dir;
use crate::args::Embed;
use crate::exit::is_users;
use crate::left_out;
use crate::mistake::mistake;
use crate::npy;
use crate::out::{name, note, say};
use crate::settings;
use anyhow::Result;
use arcsphere::checkpoint::Checkpoint;
use arcsphere::embed::{EmbedError, embed_finite};
use arcsphere_data::folder::{self, Decoding};
use arcsphere_data::pairs::{self, PairOptions};
use arcsphere_data::walk::{LeftOut, Walk};
use arcsphere_data::{BadFile, Dataset, OnBadFile, OpenOptions, records};
use arcsphere_eval::results::write_atomic;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// Embeds every image under the given paths, in order.
pub(crate) fn run(args: &Embed) -> Result<()> {
    let labels_path = args.out.with_extension("labels.csv");
    settings::free_to_write(&args.out, args.force)?;
    settings::free_to_write(&labels_path, args.force)?;
    let mut checkpoint = run_dir::read(&args.run)?;
    if let Some(mebibytes) = args.decode_memory {
        checkpoint.config.data.decode_memory = mebibytes;
    }
    let normalization = checkpoint.provenance.normalization();
    settings::set_threads(checkpoint.config.train.threads)?;
    let dim = checkpoint.config.model.dim;
    let found = Found::at(&args.paths, &checkpoint, args.on_bad_file == "skip")?;
    let device = settings::device("flex")?;
    let backbone = checkpoint.backbone(&device)?;

    let (mut embeddings, mut rows) = (Vec::new(), Rows::default());
    for part in &found.parts {
        embeddings.extend(embed_finite(&backbone, &part.set, &normalization, &device).map_err(with_way_out)?);
        rows.push(part);
    }
    write_atomic(&args.out, &npy::matrix(dim, &embeddings))?;
    write_atomic(&labels_path, rows.csv().as_bytes())?;
    for line in left_out::lines(&found.left_out).chain(left_out::bad(&found.bad_files)).chain(found.shared()) {
        note!("{line}");
    }
    say!("{} embeddings of {dim} dimensions: {} and {}", rows.len, args.out.display(), labels_path.display());
    Ok(())
}

/// An error, with what can be done where it is about one image of many.
fn with_way_out(error: EmbedError) -> anyhow::Error {
    match error {
        EmbedError::Data(bad) if bad.is_of_one_file() && is_users(&bad) => {
            mistake!("{bad}; --on-bad-file skip goes on without what cannot be used")
        }
        error => error.into(),
    }
}

/// Images of one origin.
struct Part {
    /// The data set's name, where the samples' names are not paths.
    of: Option<String>,
    set: Dataset,
}

/// What paths name: the images of files and folders, which are read when they are embedded, and the test images of
/// data sets.
#[derive(Default)]
struct Found {
    /// In the order of the paths.
    parts: Vec<Part>,
    /// What lies beside them.
    left_out: LeftOut,
    /// What cannot be used.
    bad_files: Vec<BadFile>,
    /// Images that become a part, with their classes.
    images: Vec<(PathBuf, String)>,
    /// In which of the folders each class is.
    folders: BTreeMap<String, BTreeSet<PathBuf>>,
}

impl Found {
    fn at(paths: &[PathBuf], checkpoint: &Checkpoint, skip: bool) -> Result<Found> {
        let mut found = Found::default();
        // Files are told apart by where all of them are.
        let is_list = |path: &Path| pairs::is_pairs(path) || records::is_records(path);
        let files: Vec<PathBuf> = paths.iter().filter(|path| path.is_file() && !is_list(path)).cloned().collect();
        let mut classes = folder::classes_of(&files).into_iter();
        let on_bad_file = if skip { OnBadFile::Skip } else { OnBadFile::Error };
        for path in paths {
            if is_list(path) {
                found.flush(checkpoint, skip)?;
                found.parts.push(listed(path, checkpoint)?);
                continue;
            }
            if path.is_file() {
                found.images.push((path.clone(), classes.next().unwrap_or_default()));
                continue;
            }
            if path.is_dir() {
                let usable = Walk::usable(path, usize::MAX, on_bad_file);
                let (walk, bad_files) = usable.map_err(|error| with_way_out(error.into()))?;
                if !walk.images.is_empty() {
                    found.bad_files.extend(bad_files);
                    found.folder(path, walk)?;
                    continue;
                }
            }
            found.flush(checkpoint, skip)?;
            found.parts.push(known(path, checkpoint)?);
        }
        found.flush(checkpoint, skip)?;
        Ok(found)
    }

    fn folder(&mut self, path: &Path, walk: Walk) -> Result<()> {
        let classes = folder::classes_below(path, &walk.images)?;
        for class in &classes {
            if !self.folders.get(class).is_some_and(|folders| folders.contains(path)) {
                self.folders.entry(class.clone()).or_default().insert(path.to_owned());
            }
        }
        self.images.extend(walk.images.into_iter().zip(classes));
        for (reason, paths) in walk.left_out {
            self.left_out.entry(reason).or_default().extend(paths);
        }
        Ok(())
    }

    /// Makes a part of the image files that were gathered.
    fn flush(&mut self, checkpoint: &Checkpoint, skip: bool) -> Result<()> {
        let (mut images, how) = (std::mem::take(&mut self.images), checkpoint.config.data.decoding());
        if skip {
            let (usable, bad_files) = folder::usable(images.iter().map(|(path, _)| path.clone()).collect(), &how);
            let usable: BTreeSet<PathBuf> = usable.into_iter().collect();
            images.retain(|(path, _)| usable.contains(path));
            self.bad_files.extend(bad_files);
        }
        if !images.is_empty() {
            let set = folder::labelled(images, checkpoint.provenance.shape(), &how)?;
            self.parts.push(Part { of: None, set });
        }
        Ok(())
    }

    /// Says which classes are in several of the folders.
    fn shared(&self) -> Option<String> {
        let mut shared = self.folders.iter().filter(|(_, folders)| folders.len() > 1);
        let (class, folders) = shared.next()?;
        let folders: Vec<String> = folders.iter().map(|f| name(&f.display().to_string()).into_owned()).collect();
        let more = match shared.count() {
            0 => String::new(),
            n => format!(", and {n} more"),
        };
        Some(format!("one class, though in several folders: {} in {}{more}", name(class), folders.join(" and ")))
    }
}

/// All images of a file of records or of a list of pairs.
fn listed(path: &Path, checkpoint: &Checkpoint) -> Result<Part> {
    let shape = checkpoint.provenance.shape();
    let decoding = Decoding { resize: Some((shape.height, shape.width)), ..checkpoint.config.data.decoding() };
    let set = if records::is_records(path) {
        records::read(path, &decoding)?.set
    } else {
        pairs::open(path, &PairOptions { decoding, ..PairOptions::default() })?.images
    };
    // The names of records begin with that of their file.
    Ok(Part { of: None, set: settings::as_trained(set, shape)? })
}

/// The test images of a data set.
fn known(path: &Path, checkpoint: &Checkpoint) -> Result<Part> {
    // No data set's name has an extension, so this was meant to be a file.
    if !path.exists() && path.extension().is_some() {
        return Err(mistake!("there is no image {}", path.display()));
    }
    let shape = checkpoint.provenance.shape();
    let root = checkpoint.config.data.root.clone();
    let Decoding { fit, memory: decode_memory, .. } = checkpoint.config.data.decoding();
    let resize = Some((shape.height, shape.width));
    let options = OpenOptions { root, resize, fit, decode_memory, ..OpenOptions::default() };
    let source = arcsphere_data::open(&path.to_string_lossy(), &options)?;
    Ok(Part { of: Some(source.name), set: settings::as_trained(source.test, shape)? })
}

/// The rows of the label file.
#[derive(Default)]
struct Rows {
    len: usize,
    classes: Vec<String>,
    labels: HashMap<String, usize>,
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
    fn label(&mut self, class: &str) -> usize {
        let next = self.classes.len();
        let label = *self.labels.entry(class.to_owned()).or_insert(next);
        if label == next {
            self.classes.push(class.to_owned());
        }
        label
    }

    fn csv(&self) -> String {
        format!("row,label,class,source\n{}", self.text)
    }
}

/// A CSV field, quoted where it must be.
fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
}
