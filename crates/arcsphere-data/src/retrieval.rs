//! Sets for retrieval and re-identification, as their authors lay them out.
//!
//! | set | what is in its folder | parts |
//! | --- | --- | --- |
//! | Stanford Online Products | `Ebay_train.txt`, `Ebay_test.txt` | training, test |
//! | In-shop Clothes | `list_eval_partition.txt`, perhaps in `Eval` | training, query, gallery |
//! | CUB-200-2011 | `images.txt`, `image_class_labels.txt`, `images` | classes 1…100 and 101…200 |
//! | Market-1501 | `bounding_box_train`, `query`, `bounding_box_test` | training, query, gallery with cameras |
//!
//! No class of the training images is one of the others: they are open sets. [`catalog::open`](crate::open) reads each
//! as a folder; what only a query and a gallery need is in [`Retrieval`].

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use crate::bad::{OnBadFile, Sieve};
use crate::dataset::Dataset;
use crate::error::DataError;
use crate::folder;
use crate::folder::Decoding;
use crate::lines::{self, fields, shown};

mod market;

/// A set of one of these layouts.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Retrieval {
    /// What reports call it.
    pub name: &'static str,
    /// Images to train on.
    pub train: Dataset,
    /// Images to test on: those of the query first, then those of the gallery, where there are such.
    pub test: Dataset,
    /// Which test images are queries and which are the gallery; without, each test image is a query to all others.
    pub query_gallery: Option<QueryGallery>,
}

/// The roles of test images.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct QueryGallery {
    /// The first so many test images are queries; the others are the gallery.
    pub queries: usize,
    /// The camera of each test image, where that is known: a gallery image of the query's person and camera is
    /// no match and no mistake.
    pub cameras: Option<Vec<u32>>,
    /// Images of the gallery that show no one (Market-1501's person −1), which are left out.
    pub junk: usize,
}

/// Reads the layout that `dir` has; nothing where it has none of these.
///
///
/// # Errors
/// [`BadRow`](DataError::BadRow), [`BadPairs`](DataError::BadPairs) for classes that are in both parts,
/// [`CountMismatch`](DataError::CountMismatch), [`Missing`](DataError::Missing), and those of
/// [`folder::read`].
pub fn read(dir: &Path, how: &Decoding) -> Option<Result<Retrieval, DataError>> {
    let in_shop = ["list_eval_partition.txt", "Eval/list_eval_partition.txt"].map(|name| dir.join(name));
    if dir.join("Ebay_train.txt").is_file() {
        Some(sop(dir, how))
    } else if let Some(list) = in_shop.iter().find(|list| list.is_file()) {
        Some(self::in_shop(dir, list, how))
    } else if dir.join("image_class_labels.txt").is_file() {
        Some(cub(dir, how))
    } else if market::is_in(dir) {
        Some(market::read(dir, how))
    } else {
        None
    }
}

/// Images with the names of their classes.
type Named = Vec<(PathBuf, String)>;

/// `image_id class_id super_class_id path`, with a header.
fn sop(dir: &Path, how: &Decoding) -> Result<Retrieval, DataError> {
    let part = |name: &str| -> Result<Named, DataError> {
        let mut images = Vec::new();
        let path = dir.join(name);
        lines::each(&path, "a list of images (Ebay_test.txt)", |line, text| {
            match (line, fields(text).as_slice()) {
                (1, &["image_id", "class_id", "super_class_id", "path"]) | (2.., []) => {}
                (2.., &[id, class, _, image]) if id.parse::<u32>().is_ok() && class.parse::<u32>().is_ok() => {
                    images.push((dir.join(image), class.to_owned()));
                }
                _ => return Err(format!("{}, expected image_id class_id super_class_id path", shown(text))),
            }
            Ok(())
        })?;
        Ok(images)
    };
    let (train, test) = (part("Ebay_train.txt")?, part("Ebay_test.txt")?);
    open(dir, dir, "Stanford Online Products", train, test, how)
}

/// A count, a header, then `image item train|query|gallery`.
fn in_shop(dir: &Path, list: &Path, how: &Decoding) -> Result<Retrieval, DataError> {
    let mut parts: [Named; 3] = Default::default();
    let (mut said, mut found) = (0, 0);
    lines::each(list, "a list of images", |line, text| {
        match (line, fields(text).as_slice()) {
            (1, &[count]) => {
                said = count.parse().map_err(|_| format!("{}, expected a number of images", shown(text)))?
            }
            (2, &["image_name", "item_id", "evaluation_status"]) | (3.., []) => {}
            (3.., &[image, item, status]) => {
                let part = ["train", "query", "gallery"].iter().position(|&known| known == status);
                let part = part.ok_or_else(|| format!("{}, expected train, query or gallery", shown(status)))?;
                parts[part].push((dir.join(image), item.to_owned()));
                found += 1;
            }
            _ => return Err(format!("{}, expected image_name item_id evaluation_status", shown(text))),
        }
        Ok(())
    })?;
    if found != said {
        let (path, because) = (list.to_owned(), "as its first line says".into());
        return Err(DataError::CountMismatch { path, what: "images", found, expected: said, because });
    }
    let [train, query, gallery] = parts;
    let queries = query.len();
    let test = query.into_iter().chain(gallery).collect();
    let parts = open(dir, list, "In-shop Clothes", train, test, how)?;
    Ok(Retrieval { query_gallery: Some(QueryGallery { queries, cameras: None, junk: 0 }), ..parts })
}

/// `images.txt` and `image_class_labels.txt`: a number, then a path or a class.
fn cub(dir: &Path, how: &Decoding) -> Result<Retrieval, DataError> {
    let table = |name: &str| -> Result<BTreeMap<u32, String>, DataError> {
        let mut values = BTreeMap::new();
        lines::each(&dir.join(name), "a table of numbers and values", |_, text| {
            let bad = || format!("{}, expected a number and a value", shown(text));
            match fields(text).as_slice() {
                [] => Ok(()),
                &[id, value] => {
                    let id = id.parse().map_err(|_| bad())?;
                    match values.insert(id, value.to_owned()) {
                        None => Ok(()),
                        Some(_) => Err(format!("image {id} is there already")),
                    }
                }
                _ => Err(bad()),
            }
        })?;
        Ok(values)
    };
    let (paths, classes) = (table("images.txt")?, table("image_class_labels.txt")?);
    let labels = dir.join("image_class_labels.txt");
    if !paths.keys().eq(classes.keys()) {
        let because = "one for each image of images.txt".into();
        let (found, expected) = (classes.len(), paths.len());
        return Err(DataError::CountMismatch { path: labels, what: "classes", found, expected, because });
    }
    let mut numbers = BTreeSet::new();
    let mut images: Vec<(u32, PathBuf, String)> = Vec::with_capacity(paths.len());
    for (id, path) in paths {
        let class = &classes[&id];
        let number: u32 = class.parse().map_err(|_| {
            let reason = format!("the class of image {id} is {}, expected a number", shown(class));
            DataError::BadPairs { origin: labels.display().to_string(), reason }
        })?;
        numbers.insert(number);
        // A class is called by its folder, as in `001.Black_footed_Albatross`.
        let name = path.split_once('/').map_or(class.as_str(), |(folder, _)| folder).to_owned();
        images.push((number, dir.join("images").join(path), name));
    }
    // The first half of the classes is trained on, as all papers on metric learning do.
    let middle = numbers.iter().nth(numbers.len() / 2).copied().unwrap_or_default();
    let (train, test): (Vec<_>, Vec<_>) = images.into_iter().partition(|(number, _, _)| *number < middle);
    let named = |part: Vec<(u32, PathBuf, String)>| part.into_iter().map(|(_, path, name)| (path, name)).collect();
    open(dir, &labels, "CUB-200-2011", named(train), named(test), how)
}

/// Two sets of images with no class in common.
fn open(
    dir: &Path,
    origin: &Path,
    name: &'static str,
    train: Named,
    test: Named,
    how: &Decoding,
) -> Result<Retrieval, DataError> {
    let classes = |part: &Named| part.iter().map(|(_, class)| class.clone()).collect::<BTreeSet<String>>();
    if let Some(class) = classes(&train).intersection(&classes(&test)).next() {
        let (origin, reason) =
            (origin.display().to_string(), format!("the class {class} is both in training and in test"));
        return Err(DataError::BadPairs { origin, reason });
    }
    if train.is_empty() || test.is_empty() {
        let part = if train.is_empty() { "training" } else { "test" };
        return Err(DataError::EmptySet { origin: format!("{name} in {}, {part}", origin.display()) });
    }
    // One set, so that both parts have one shape; the classes of the training images come first.
    let (first, second) = (classes(&train), classes(&test));
    let (n, names) = (first.len(), first.into_iter().chain(second).collect::<Vec<String>>());
    let labels: HashMap<&str, u32> = names.iter().map(String::as_str).zip(0..).collect();
    let label = |(path, class): (PathBuf, String)| (path, labels.get(class.as_str()).copied().unwrap_or_default());
    let labelled = train.into_iter().chain(test).map(label).collect();
    let mut sieve = Sieve::new(dir, OnBadFile::Error);
    let (all, _) = folder::read_labelled(dir, labelled, names.clone(), how, &mut sieve)?;
    let (train, test) = (all.keep_classes(|c| c < n)?, all.keep_classes(|c| c >= n)?);
    Ok(Retrieval { name, train, test, query_gallery: None })
}

#[cfg(test)]
mod tests;
