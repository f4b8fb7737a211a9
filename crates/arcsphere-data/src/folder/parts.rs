//! A set that is split by its folders: `train`, `test`, and perhaps `val`.

use std::path::Path;

use super::layout::Layout;
use super::{CACHE_BYTES, Files, Folder, Images, Opened, ReadOptions, alike};
use crate::bad::Sieve;
use crate::error::DataError;
use crate::files;
use crate::walk::{self, LeftOut, Reason, Walk};

/// Reads the parts that `layout` names, of which `test` is one.
pub(super) fn read(
    root: &Path,
    layout: Layout,
    test_dir: &Path,
    options: &ReadOptions,
    mut sieve: Sieve,
) -> Result<Folder, DataError> {
    let Layout { train: train_dir, validation: validation_dir, mut remarks, .. } = layout;
    let mut left_out = beside(root, &[Some(&*train_dir), Some(test_dir), validation_dir.as_deref()])?;
    let mut part = |dir: &Path, sieve: &mut Sieve| -> Result<Files, DataError> {
        let (files, more) = Files::by_class(root, dir, sieve)?;
        walk::add(&mut left_out, more);
        remarks.extend(files.deeper(dir));
        Ok(files)
    };
    let mut train = part(&train_dir, &mut sieve)?;
    let mut test = part(test_dir, &mut sieve)?;
    let mut validation = validation_dir.as_deref().map(|dir| part(dir, &mut sieve)).transpose()?;
    let open_set = have_no_class_in_common((&train, &train_dir), (&mut test, test_dir), options)?;
    if let (Some(files), Some(dir)) = (&mut validation, validation_dir)
        && have_no_class_in_common((&train, &train_dir), (files, &dir), options)?
    {
        remarks.push(format!("{} is left out: none of its classes is trained on", dir.display()));
        left_out.entry(Reason::Folder).or_default().push(dir);
        validation = None;
    }
    let how = &options.decoding;
    let mut of_train = Opened::check(&mut train, how, CACHE_BYTES, None, &mut sieve)?;
    train.require_every_class(&train_dir, &sieve)?;
    let mut like = |files: &mut Files| Opened::check(files, how, CACHE_BYTES, Some((&of_train, &train)), &mut sieve);
    let mut of_test = like(&mut test)?;
    let mut of_validation = validation.as_mut().map(&mut like).transpose()?;
    if open_set {
        test.require_every_class(test_dir, &sieve)?;
    }
    // One number of channels for all, whichever part has the color.
    let mut all: Vec<&mut Opened> = [&mut of_train, &mut of_test].into_iter().chain(of_validation.as_mut()).collect();
    if all.iter().any(|opened| opened.channels == 3) {
        all.iter_mut().for_each(|opened| opened.make_color(CACHE_BYTES));
    }
    let validation = match (validation, of_validation) {
        (Some(files), Some(opened)) => Some(Box::new(files.dataset(how, opened)?)),
        _ => None,
    };
    let (train, test) = (train.dataset(how, of_train)?, test.dataset(how, of_test)?);
    let images = Images::Split { train, test, validation, open_set };
    Ok(Folder { images, left_out, bad_files: sieve.into_bad(), remarks })
}

/// What lies beside the parts.
pub(super) fn beside(root: &Path, parts: &[Option<&Path>]) -> Result<LeftOut, DataError> {
    let Walk { images, mut left_out, .. } = Walk::below(root, 0)?;
    if let Some(folders) = left_out.get_mut(&Reason::Folder) {
        folders.retain(|path| !parts.contains(&Some(path.as_path())));
    }
    if !images.is_empty() {
        left_out.insert(Reason::NoClass, images);
    }
    left_out.retain(|_, paths| !paths.is_empty());
    Ok(left_out)
}

/// Labels `part` as `train` is where they have a class in common; then all of its classes must be there.
fn have_no_class_in_common(
    (train, train_dir): (&Files, &Path),
    (part, part_dir): (&mut Files, &Path),
    options: &ReadOptions,
) -> Result<bool, DataError> {
    let pairs = alike::pairs(&part.classes, &train.classes);
    let in_common = part.classes.iter().any(|class| train.classes.binary_search(class).is_ok());
    let root = || train.root.clone();
    let names = || (files::name_of(train_dir).into(), files::name_of(part_dir).into());
    if !in_common {
        if pairs.is_empty() || options.open_set {
            return Ok(true);
        }
        let ((train, part), pairs) = (names(), pairs.iter().map(alike::told_apart).collect());
        return Err(DataError::AlikeClasses { root: root(), train, part, pairs });
    }
    if let Some(class) = part.classes.iter().find(|class| train.classes.binary_search(class).is_err()) {
        let ((train, part), class) = (names(), class.clone());
        let alike = pairs.iter().find(|(name, _)| *name == class).map(|pair| alike::told_apart(pair).into());
        return Err(DataError::ClassMismatch { root: root(), train, part, class, alike });
    }
    part.take_classes_of(train);
    Ok(false)
}
