//! The images of a list of pairs, in files of their own.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::{MissingImages, Pair, PairOptions, PairSet, Rejected, check_folds, check_pairs};
use crate::encoded::{self, Encoded};
use crate::error::DataError;
use crate::folder;
use crate::samples::SampleInfo;

/// A pair as a list says it.
#[derive(Clone, Debug)]
pub(super) struct Listed {
    pub(super) ends: [End; 2],
    pub(super) same: bool,
    pub(super) fold: Option<u32>,
}

/// An image of a pair.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct End {
    /// Its path, relative to the folder of the images.
    pub(super) name: String,
    pub(super) subject: Option<String>,
    pub(super) group: Option<String>,
}

impl End {
    pub(super) fn of(name: String, subject: &str) -> Self {
        Self { name, subject: Some(subject.to_owned()), group: None }
    }
}

/// Missing images that are named.
const NAMED: usize = 10;

/// Finds the images of a list. Where one is not there, one with the next of the `other` extensions is taken.
pub(super) fn assemble(
    list: &Path,
    root: &Path,
    listed: Vec<Listed>,
    other: &[&str],
    options: &PairOptions,
) -> Result<PairSet, DataError> {
    let origin = list.display().to_string();
    let bad = |reason| DataError::BadPairs { origin: origin.clone(), reason };
    let (ends, pairs) = intern(&listed).map_err(bad)?;
    if pairs.is_empty() {
        return Err(bad("no pair, expected at least one".into()));
    }
    // Before any image is looked for and any pair is taken away.
    let info = |i: u32| (ends[i as usize].name.clone(), ends[i as usize].subject.clone());
    check_pairs(ends.len(), &info, &pairs).map_err(bad)?;
    let folds = check_folds(pairs.iter().map(|pair| (pair.fold, pair.same))).map_err(bad)?;
    let found: Vec<Option<PathBuf>> = ends.iter().map(|end| find(&root.join(&end.name), other)).collect();
    let missing: Vec<String> =
        ends.iter().zip(&found).filter(|(_, f)| f.is_none()).map(|(e, _)| e.name.clone()).collect();
    if !missing.is_empty() && (options.missing == MissingImages::Fail || missing.len() == ends.len()) {
        let (missing, of) = (missing.len(), ends.len());
        let names = ends.iter().zip(&found).filter(|(_, f)| f.is_none()).map(|(e, _)| e.name.as_str());
        let names: Vec<&str> = names.take(NAMED).collect();
        let (path, root) = (list.to_owned(), root.to_owned());
        return Err(DataError::MissingImages { path, root, missing, of, names: names.join(", ") });
    }
    // Places of the images that are there.
    let mut place = 0;
    let places: Vec<Option<u32>> = found
        .iter()
        .map(|f| {
            f.as_ref().map(|_| {
                place += 1;
                place - 1
            })
        })
        .collect();
    let (mut there, mut rejected) = (Vec::with_capacity(pairs.len()), Vec::new());
    for pair in pairs {
        match (places[pair.a as usize], places[pair.b as usize]) {
            (Some(a), Some(b)) => there.push(Pair { a, b, ..pair }),
            _ => {
                let name = |i: u32| ends[i as usize].name.clone();
                rejected.push(Rejected { a: name(pair.a), b: name(pair.b), same: pair.same, fold: pair.fold });
            }
        }
    }
    let kept = ends.into_iter().zip(found).filter_map(|(end, path)| path.map(|path| (end, path))).collect();
    let (images, classes) = Files::new(kept);
    let images = encoded::dataset(images, classes, &options.decoding, &origin)?;
    // Folds that lost a pair are uneven, and were even in the list.
    let in_folds = there.iter().map(|p| p.fold).collect::<Vec<_>>();
    let plain = there.iter().map(|p| Pair { fold: None, ..*p }).collect();
    let mut set = PairSet::new(crate::files::name_of(list), images, plain)?;
    set.pairs.iter_mut().zip(in_folds).for_each(|(pair, fold)| pair.fold = fold);
    (set.folds, set.rejected, set.missing) = (folds, rejected, missing);
    Ok(set)
}

/// The images of a list, each once, and the pairs by their numbers.
fn intern(listed: &[Listed]) -> Result<(Vec<End>, Vec<Pair>), String> {
    let mut known: HashMap<&str, u32> = HashMap::new();
    let mut ends: Vec<End> = Vec::new();
    let mut pairs = Vec::with_capacity(listed.len());
    for (number, pair) in (1..).zip(listed) {
        let mut places = [0; 2];
        for (end, place) in pair.ends.iter().zip(&mut places) {
            *place = *known.entry(&end.name).or_insert_with(|| {
                ends.push(end.clone());
                ends.len() as u32 - 1
            });
            let first = &ends[*place as usize];
            if first != end {
                let said = |e: &End| {
                    let [subject, group] = [&e.subject, &e.group].map(|s| s.as_deref().unwrap_or("unknown").to_owned());
                    format!("subject {subject}, group {group}")
                };
                return Err(format!(
                    "pair {number}: {} has {}, but {} in a pair before it",
                    end.name,
                    said(end),
                    said(first)
                ));
            }
        }
        let [a, b] = places;
        pairs.push(Pair { fold: pair.fold, ..Pair::new(a, b, pair.same) });
    }
    Ok((ends, pairs))
}

fn find(path: &Path, other: &[&str]) -> Option<PathBuf> {
    let others = other.iter().map(|extension| path.with_extension(extension));
    std::iter::once(path.to_owned()).chain(others).find(|path| path.is_file())
}

/// Image files with what is known of each.
struct Files {
    images: Vec<(End, PathBuf)>,
    labels: Vec<u32>,
}

impl Files {
    /// With the names of the classes: the subjects in the order of their first images, where all are known.
    fn new(images: Vec<(End, PathBuf)>) -> (Self, Vec<String>) {
        let subjects: Option<Vec<&str>> = images.iter().map(|(end, _)| end.subject.as_deref()).collect();
        let mut classes: Vec<String> = Vec::new();
        let labels = match subjects {
            Some(subjects) => {
                let mut known: HashMap<&str, u32> = HashMap::new();
                let label = |subject| {
                    *known.entry(subject).or_insert_with(|| {
                        classes.push(subject.to_owned());
                        classes.len() as u32 - 1
                    })
                };
                subjects.into_iter().map(label).collect()
            }
            None => {
                classes.push("image".into());
                vec![0; images.len()]
            }
        };
        (Self { images, labels }, classes)
    }
}

impl Encoded for Files {
    fn len(&self) -> usize {
        self.images.len()
    }

    fn info(&self, i: usize) -> SampleInfo {
        let end = &self.images[i].0;
        SampleInfo { name: end.name.clone(), subject: end.subject.clone(), group: end.group.clone() }
    }

    fn read(&self, i: usize, bytes: &mut Vec<u8>) -> Result<(), DataError> {
        *bytes = folder::file_bytes(&self.images[i].1)?;
        Ok(())
    }

    fn label(&self, i: usize) -> u32 {
        self.labels[i]
    }
}
