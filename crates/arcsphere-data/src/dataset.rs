//! Labelled images: which samples of a source a set has, a label each, a name per class; an ordered target,
//! where there is one.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use crate::error::DataError;
use crate::samples::{InMemory, SampleInfo, Samples};
pub use crate::shape::Shape;
use crate::target::Targets;

mod annotated;
mod conform;
mod scan;

pub(crate) use scan::hex;

/// Labelled images of one shape.
///
/// A handle: it says which samples of its source ([`Samples`]) it has, with a label and perhaps an ordered
/// target for each. A part of a set ([`subset`](Self::subset), [`take`](Self::take), the splits) has the
/// same source, and copies no pixel; nor does a clone.
///
/// An image is `u8` planes (CHW); labels index [`classes`](Self::classes). Every constructor validates, so a
/// `Dataset` always holds at least one image and every label names a class. A class may have no image: parts of a set keep the class list of the whole.
#[derive(Clone)]
pub struct Dataset {
    samples: Arc<dyn Samples>,
    /// Which samples, in what order; all of them without.
    chosen: Option<Arc<[usize]>>,
    labels: Arc<[u32]>,
    classes: Arc<[String]>,
    targets: Option<Targets>,
    /// What passes over all images find, once they were made.
    scan: Arc<scan::Scan>,
}

impl Dataset {
    /// A set in memory, from its parts.
    ///
    /// `pixels` has `labels.len() * shape.values()` values: planes per image, images one after the other.
    /// The samples are named by their places, from `00000`.
    ///
    /// # Errors
    /// [`BadShape`](DataError::BadShape), [`ZeroClasses`](DataError::ZeroClasses),
    /// [`DuplicateClass`](DataError::DuplicateClass), [`EmptySet`](DataError::EmptySet),
    /// [`PixelCount`](DataError::PixelCount), [`LabelOutOfRange`](DataError::LabelOutOfRange).
    ///
    /// ```
    /// use arcsphere_data::{DataError, Dataset, Shape};
    ///
    /// let names = || vec!["zero".to_string(), "one".to_string()];
    /// let set = Dataset::new(Shape::new(1, 2, 2), vec![0; 12], vec![0, 1, 0], names())?;
    /// assert_eq!((set.len(), set.n_classes()), (3, 2));
    ///
    /// let broken = Dataset::new(Shape::new(1, 2, 2), vec![0; 4], vec![2], names());
    /// assert!(matches!(broken, Err(DataError::LabelOutOfRange { record: 0, label: 2, .. })));
    /// # Ok::<(), DataError>(())
    /// ```
    pub fn new(shape: Shape, pixels: Vec<u8>, labels: Vec<u32>, classes: Vec<String>) -> Result<Self, DataError> {
        Self::in_memory("", shape, pixels, labels, classes)
    }

    /// As [`new`](Self::new); the samples are named after their part, as `train/00012`.
    pub(crate) fn in_memory(
        part: &'static str,
        shape: Shape,
        pixels: Vec<u8>,
        labels: Vec<u32>,
        classes: Vec<String>,
    ) -> Result<Self, DataError> {
        let (found, images) = (pixels.len(), labels.len());
        let expected = images.saturating_mul(shape.values());
        let set = Self::from_samples(InMemory { part, shape, pixels, labels, classes })?;
        if found == expected { Ok(set) } else { Err(DataError::PixelCount { found, images, shape, expected }) }
    }

    /// A set of all samples of a source, which decodes them when they are asked for.
    ///
    /// # Errors
    /// [`BadShape`](DataError::BadShape), [`ZeroClasses`](DataError::ZeroClasses),
    /// [`DuplicateClass`](DataError::DuplicateClass), [`EmptySet`](DataError::EmptySet),
    /// [`LabelOutOfRange`](DataError::LabelOutOfRange). See [`Samples`] for an example.
    pub fn from_samples(samples: impl Samples + 'static) -> Result<Self, DataError> {
        let origin = || "data set".to_string();
        let shape = samples.shape();
        if !shape.is_usable() {
            return Err(DataError::BadShape { shape, max: Shape::MAX_VALUES });
        }
        let classes: Arc<[String]> = samples.classes().into();
        if classes.is_empty() {
            return Err(DataError::ZeroClasses { origin: origin() });
        }
        let mut sorted: Vec<&String> = classes.iter().collect();
        sorted.sort_unstable();
        if let Some(twice) = sorted.windows(2).find(|w| w[0] == w[1]) {
            return Err(DataError::DuplicateClass { origin: origin(), class: twice[0].clone() });
        }
        let labels: Arc<[u32]> = (0..samples.len()).map(|i| samples.label(i)).collect();
        if labels.is_empty() {
            return Err(DataError::EmptySet { origin: origin() });
        }
        let n_classes = classes.len();
        if let Some(record) = labels.iter().position(|&l| l as usize >= n_classes) {
            let label = labels[record];
            return Err(DataError::LabelOutOfRange { origin: origin(), record, label, n_classes });
        }
        let samples = Arc::new(samples);
        Ok(Self { samples, chosen: None, labels, classes, targets: None, scan: Arc::default() })
    }

    /// The same set with an ordered target, which every part of it keeps.
    ///
    /// # Errors
    /// [`ValueCount`](DataError::ValueCount) unless there is a value for each image and for each
    /// class.
    ///
    /// ```
    /// use arcsphere_data::{Dataset, Shape, Targets, Unit};
    ///
    /// let names = vec!["20-24".to_string(), "25-29".to_string()];
    /// let faces = Dataset::new(Shape::new(1, 1, 1), vec![0; 3], vec![1, 0, 1], names)?
    ///     .with_targets(Targets::new(Unit::Years, vec![29.0, 20.0, 25.0], vec![22.0, 27.0])?)?;
    /// assert_eq!(faces.take(2)?.targets().unwrap().values(), [29.0, 20.0]);
    /// # Ok::<(), arcsphere_data::DataError>(())
    /// ```
    pub fn with_targets(mut self, targets: Targets) -> Result<Self, DataError> {
        for (of, found, expected) in [
            ("an ordered target of images", targets.values().len(), self.len()),
            ("an ordered target of classes", targets.class_values().len(), self.n_classes()),
        ] {
            if found != expected {
                return Err(DataError::ValueCount { of, found, expected });
            }
        }
        self.targets = Some(targets);
        self.scan = Arc::default();
        Ok(self)
    }

    /// The ordered target of the images and the classes, if they have one.
    pub fn targets(&self) -> Option<&Targets> {
        self.targets.as_ref()
    }

    /// Number of images, at least 1.
    #[allow(clippy::len_without_is_empty)] // It is never empty.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Shape of every image.
    pub fn shape(&self) -> Shape {
        self.samples.shape()
    }

    /// Class names; a label is an index into them.
    pub fn classes(&self) -> &[String] {
        &self.classes
    }

    /// Number of classes.
    pub fn n_classes(&self) -> usize {
        self.classes.len()
    }

    /// Planes of image `i`, `shape().values()` values: borrowed where they are in memory, else decoded.
    ///
    /// # Errors
    /// [`IndexOutOfRange`](DataError::IndexOutOfRange), and those of [`Samples::decode`].
    ///
    /// ```
    /// let digits = arcsphere_data::embedded::mnist()?.test;
    /// assert_eq!(digits.image(0)?.len(), 28 * 28);
    /// assert!(digits.image(2_000).is_err());
    /// # Ok::<(), arcsphere_data::DataError>(())
    /// ```
    pub fn image(&self, i: usize) -> Result<Cow<'_, [u8]>, DataError> {
        let at = self.at(i)?;
        if let Some(planes) = self.samples.planes(at) {
            return Ok(Cow::Borrowed(planes));
        }
        let mut planes = vec![0; self.shape().values()];
        self.samples.decode(at, &mut planes)?;
        Ok(Cow::Owned(planes))
    }

    /// Name of sample `i`, and whatever else is known of it; nothing past the end.
    ///
    /// ```
    /// let digits = arcsphere_data::embedded::mnist()?;
    /// assert_eq!(digits.test.info(12).name, "test/00012");
    /// assert_eq!(digits.train.subset(&[7, 3])?.info(0).name, "train/00007");
    /// # Ok::<(), arcsphere_data::DataError>(())
    /// ```
    pub fn info(&self, i: usize) -> SampleInfo {
        self.at(i).map(|at| self.samples.info(at)).unwrap_or_default()
    }

    /// Label of image `i`, or `None` past the end.
    pub fn label(&self, i: usize) -> Option<u32> {
        self.labels.get(i).copied()
    }

    /// All labels, in order.
    pub fn labels(&self) -> &[u32] {
        &self.labels
    }

    /// Number of images of each class.
    ///
    /// ```
    /// let digits = arcsphere_data::embedded::mnist()?.test;
    /// assert_eq!(digits.class_counts().iter().sum::<usize>(), digits.len());
    /// # Ok::<(), arcsphere_data::DataError>(())
    /// ```
    pub fn class_counts(&self) -> Vec<usize> {
        let mut counts = vec![0; self.n_classes()];
        for &label in self.labels() {
            counts[label as usize] += 1;
        }
        counts
    }

    /// The images at `indices`, in that order, with the same class list.
    ///
    /// # Errors
    /// [`IndexOutOfRange`](DataError::IndexOutOfRange), [`EmptySet`](DataError::EmptySet).
    ///
    /// ```
    /// let digits = arcsphere_data::embedded::mnist()?.train;
    /// let zeros: Vec<usize> = (0..digits.len()).filter(|&i| digits.labels()[i] == 0).collect();
    /// let zeros = digits.subset(&zeros)?;
    /// assert_eq!((zeros.n_classes(), zeros.class_counts()[0]), (10, zeros.len()));
    /// # Ok::<(), arcsphere_data::DataError>(())
    /// ```
    pub fn subset(&self, indices: &[usize]) -> Result<Self, DataError> {
        if indices.is_empty() {
            return Err(DataError::EmptySet { origin: "subset".into() });
        }
        let chosen: Arc<[usize]> = indices.iter().map(|&i| self.at(i)).collect::<Result<_, _>>()?;
        Ok(Self {
            samples: Arc::clone(&self.samples),
            chosen: Some(chosen),
            labels: indices.iter().map(|&i| self.labels[i]).collect(),
            classes: Arc::clone(&self.classes),
            targets: self.targets.as_ref().map(|t| t.of_images(indices)),
            scan: Arc::default(),
        })
    }

    /// The first `n` images, or all when there are fewer.
    ///
    /// # Errors
    /// [`EmptySet`](DataError::EmptySet) when `n` is 0.
    pub fn take(&self, n: usize) -> Result<Self, DataError> {
        let indices: Vec<usize> = (0..n.min(self.len())).collect();
        self.subset(&indices)
    }

    /// The images of the classes for which `keep` holds, relabelled from 0.
    ///
    /// # Errors
    /// [`EmptySet`](DataError::EmptySet) where no class is kept, or none that has an image.
    pub(crate) fn keep_classes(&self, keep: impl Fn(usize) -> bool) -> Result<Self, DataError> {
        let kept: Vec<usize> = (0..self.n_classes()).filter(|&c| keep(c)).collect();
        let new_label = |old: u32| kept.binary_search(&(old as usize)).ok().map(|c| c as u32);
        let indices: Vec<usize> = (0..self.len()).filter(|&i| keep(self.labels[i] as usize)).collect();
        let part = self.subset(&indices)?;
        Ok(Self {
            labels: part.labels.iter().filter_map(|&l| new_label(l)).collect(),
            classes: kept.iter().map(|&c| self.classes[c].clone()).collect(),
            targets: part.targets.as_ref().map(|t| t.of_classes(&keep)),
            ..part
        })
    }

    /// Checks that every class has an image; `origin` is named in the error.
    ///
    /// # Errors
    /// [`EmptyClass`](DataError::EmptyClass), for the first class without one.
    pub(crate) fn require_every_class(&self, origin: &str) -> Result<(), DataError> {
        match self.class_counts().iter().position(|&n| n == 0) {
            None => Ok(()),
            Some(i) => Err(DataError::EmptyClass { origin: origin.to_owned(), class: self.classes[i].clone() }),
        }
    }

    /// The bytes that image `i` is decoded from, as JPEG or PNG, where it is.
    ///
    /// # Errors
    /// [`IndexOutOfRange`](DataError::IndexOutOfRange), and those of [`Samples::encoded`].
    pub fn encoded(&self, i: usize) -> Result<Option<Vec<u8>>, DataError> {
        self.samples.encoded(self.at(i)?)
    }

    /// A digest of what image `i` is decoded from, where its source has one.
    ///
    /// # Errors
    /// [`IndexOutOfRange`](DataError::IndexOutOfRange), and those of [`Samples::digest`].
    pub(crate) fn digest(&self, i: usize) -> Result<Option<[u8; 32]>, DataError> {
        self.samples.digest(self.at(i)?)
    }

    /// Which sample of the source image `i` is.
    fn at(&self, i: usize) -> Result<usize, DataError> {
        if i >= self.len() {
            return Err(DataError::IndexOutOfRange { index: i, len: self.len() });
        }
        Ok(self.chosen.as_ref().map_or(i, |chosen| chosen[i]))
    }
}

impl fmt::Debug for Dataset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Dataset({} images of {} in {} classes)", self.len(), self.shape(), self.n_classes())
    }
}

#[cfg(test)]
mod tests;
