//! Labelled images in memory: 8-bit planes, a label each, a name per class; an ordered target, where
//! there is one.

use sha2::{Digest, Sha256};

use crate::error::DataError;
pub use crate::shape::Shape;
use crate::target::{Targets, Unit};

/// Labelled images of one shape.
///
/// Pixels are `u8`, planar (CHW) per image, images one after the other; labels index
/// [`classes`](Self::classes). Every constructor validates, so a `Dataset` always holds at least
/// one image and every label names a class. A class may have no image (see
/// [`require_every_class`](Self::require_every_class)): parts of a set keep the class list of the
/// whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dataset {
    shape: Shape,
    pixels: Vec<u8>,
    labels: Vec<u32>,
    classes: Vec<String>,
    targets: Option<Targets>,
}

impl Dataset {
    /// A set from its parts.
    ///
    /// `pixels` has `labels.len() * shape.values()` values.
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
        let origin = || "data set".to_string();
        if !shape.is_usable() {
            return Err(DataError::BadShape { shape, max: Shape::MAX_VALUES });
        }
        if classes.is_empty() {
            return Err(DataError::ZeroClasses { origin: origin() });
        }
        let mut sorted: Vec<&String> = classes.iter().collect();
        sorted.sort_unstable();
        if let Some(twice) = sorted.windows(2).find(|w| w[0] == w[1]) {
            return Err(DataError::DuplicateClass { origin: origin(), class: twice[0].clone() });
        }
        if labels.is_empty() {
            return Err(DataError::EmptySet { origin: origin() });
        }
        let expected = labels.len().saturating_mul(shape.values());
        if pixels.len() != expected {
            return Err(DataError::PixelCount { found: pixels.len(), images: labels.len(), shape, expected });
        }
        let n_classes = classes.len();
        if let Some(record) = labels.iter().position(|&l| l as usize >= n_classes) {
            let label = labels[record];
            return Err(DataError::LabelOutOfRange { origin: origin(), record, label, n_classes });
        }
        Ok(Self { shape, pixels, labels, classes, targets: None })
    }

    /// The same set with an ordered target, which every part of it keeps.
    ///
    /// # Errors
    /// [`TargetCount`](DataError::TargetCount) unless there is a value for each image and for each
    /// class.
    ///
    /// ```
    /// use arcsphere_data::target::{Targets, Unit};
    /// use arcsphere_data::{Dataset, Shape};
    ///
    /// let names = vec!["20-24".to_string(), "25-29".to_string()];
    /// let faces = Dataset::new(Shape::new(1, 1, 1), vec![0; 3], vec![1, 0, 1], names)?
    ///     .with_targets(Targets::new(Unit::Years, vec![29.0, 20.0, 25.0], vec![22.0, 27.0])?)?;
    /// assert_eq!(faces.take(2)?.targets().unwrap().values(), [29.0, 20.0]);
    /// # Ok::<(), arcsphere_data::DataError>(())
    /// ```
    pub fn with_targets(mut self, targets: Targets) -> Result<Self, DataError> {
        for (of, found, expected) in [
            ("images", targets.values().len(), self.len()),
            ("classes", targets.class_values().len(), self.n_classes()),
        ] {
            if found != expected {
                return Err(DataError::TargetCount { of, found, expected });
            }
        }
        self.targets = Some(targets);
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
        self.shape
    }

    /// Class names; a label is an index into them.
    pub fn classes(&self) -> &[String] {
        &self.classes
    }

    /// Number of classes.
    pub fn n_classes(&self) -> usize {
        self.classes.len()
    }

    /// Planes of image `i`, `shape().values()` values; empty past the end.
    pub fn image(&self, i: usize) -> &[u8] {
        let n = self.shape.values();
        let start = i.saturating_mul(n);
        self.pixels.get(start..start.saturating_add(n)).unwrap_or_default()
    }

    /// Label of image `i`, or `None` past the end.
    pub fn label(&self, i: usize) -> Option<u32> {
        self.labels.get(i).copied()
    }

    /// All labels, in order.
    pub fn labels(&self) -> &[u32] {
        &self.labels
    }

    /// All pixels, image after image.
    pub fn pixels(&self) -> &[u8] {
        &self.pixels
    }

    /// Number of images of each class.
    pub fn class_counts(&self) -> Vec<usize> {
        let mut counts = vec![0; self.n_classes()];
        for &label in &self.labels {
            counts[label as usize] += 1;
        }
        counts
    }

    /// The images at `indices`, in that order, with the same class list.
    ///
    /// # Errors
    /// [`IndexOutOfRange`](DataError::IndexOutOfRange), [`EmptySet`](DataError::EmptySet).
    pub fn subset(&self, indices: &[usize]) -> Result<Self, DataError> {
        if indices.is_empty() {
            return Err(DataError::EmptySet { origin: "subset".into() });
        }
        if let Some(&index) = indices.iter().find(|&&i| i >= self.len()) {
            return Err(DataError::IndexOutOfRange { index, len: self.len() });
        }
        let mut pixels = Vec::with_capacity(indices.len().saturating_mul(self.shape.values()));
        let mut labels = Vec::with_capacity(indices.len());
        for &i in indices {
            pixels.extend_from_slice(self.image(i));
            labels.push(self.labels[i]);
        }
        let targets = self.targets.as_ref().map(|t| t.of_images(indices));
        Ok(Self { shape: self.shape, pixels, labels, classes: self.classes.clone(), targets })
    }

    /// The first `n` images, or all when there are fewer.
    ///
    /// # Errors
    /// [`EmptySet`](DataError::EmptySet) when `n` is 0.
    pub fn take(&self, n: usize) -> Result<Self, DataError> {
        let indices: Vec<usize> = (0..n.min(self.len())).collect();
        self.subset(&indices)
    }

    /// Checks that every class has an image; `origin` is named in the error.
    ///
    /// # Errors
    /// [`EmptyClass`](DataError::EmptyClass), for the first class without one.
    pub fn require_every_class(&self, origin: &str) -> Result<(), DataError> {
        match self.class_counts().iter().position(|&n| n == 0) {
            None => Ok(()),
            Some(i) => Err(DataError::EmptyClass { origin: origin.to_owned(), class: self.classes[i].clone() }),
        }
    }

    /// SHA-256 in hexadecimal over the shape (three `u64`), the number of images (`u64`), the
    /// pixels and the labels (`u32` each), all little-endian; then, where the set has an ordered target,
    /// the name of its unit and the values (`f32` each) of the images and of the classes. Class names do
    /// not enter.
    pub fn sha256(&self) -> String {
        let mut hash = Sha256::new();
        let Shape { channels, height, width } = self.shape;
        for n in [channels, height, width, self.len()] {
            hash.update((n as u64).to_le_bytes());
        }
        hash.update(&self.pixels);
        for label in &self.labels {
            hash.update(label.to_le_bytes());
        }
        if let Some(targets) = &self.targets {
            hash.update(targets.unit().name());
            for value in targets.values().iter().chain(targets.class_values()) {
                hash.update(value.to_le_bytes());
            }
        }
        hex(&hash.finalize())
    }
}

/// A training and a test set that belong together.
#[derive(Clone, Debug)]
pub struct Source {
    /// What reports call it; says so when it is a part of something.
    pub name: String,
    /// Images to train on.
    pub train: Dataset,
    /// Images to test on.
    pub test: Dataset,
    /// True when no class of `test` is a class of `train`; their labels then have nothing in
    /// common, and only verification or identification makes sense on `test`.
    pub open_set: bool,
    /// SHA-256 in hexadecimal over the digests of `train` and `test`.
    pub sha256: String,
}

impl Source {
    /// Puts two sets together.
    ///
    /// # Errors
    /// [`ShapeMismatch`](DataError::ShapeMismatch) when their images differ in shape,
    /// [`TargetMismatch`](DataError::TargetMismatch) when their ordered targets differ in unit, or only
    /// one has any.
    pub fn new(name: impl Into<String>, train: Dataset, test: Dataset, open_set: bool) -> Result<Self, DataError> {
        let name = name.into();
        if train.shape() != test.shape() {
            let (train, test) = (train.shape(), test.shape());
            return Err(DataError::ShapeMismatch { name, train, test });
        }
        let unit = |set: &Dataset| set.targets().map(Targets::unit);
        if unit(&train) != unit(&test) {
            let said = |set| unit(set).map_or("no target", Unit::name);
            let (train, test) = (said(&train), said(&test));
            return Err(DataError::TargetMismatch { name, train, test });
        }
        let mut hash = Sha256::new();
        hash.update(train.sha256());
        hash.update(test.sha256());
        let sha256 = hex(&hash.finalize());
        Ok(Self { name, train, test, open_set, sha256 })
    }
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(n: usize) -> Vec<String> {
        (0..n).map(|i| format!("c{i}")).collect()
    }

    fn small() -> Dataset {
        let pixels = (0..16).collect();
        Dataset::new(Shape::new(1, 2, 2), pixels, vec![0, 1, 1, 2], names(3)).unwrap()
    }

    #[test]
    fn each_broken_part_has_its_error() {
        let shape = Shape::new(1, 2, 2);
        let make = |shape, pixels: usize, labels: Vec<u32>, classes| {
            Dataset::new(shape, vec![0; pixels], labels, classes).unwrap_err()
        };
        assert!(matches!(make(Shape::new(0, 2, 2), 0, vec![0], names(1)), DataError::BadShape { .. }));
        assert!(matches!(make(shape, 4, vec![0], vec![]), DataError::ZeroClasses { .. }));
        assert!(matches!(make(shape, 0, vec![], names(1)), DataError::EmptySet { .. }));
        assert!(matches!(make(shape, 5, vec![0], names(1)), DataError::PixelCount { found: 5, expected: 4, .. }));
        assert!(matches!(
            make(shape, 8, vec![0, 3], names(3)),
            DataError::LabelOutOfRange { record: 1, label: 3, n_classes: 3, .. }
        ));
        let twice = vec!["a".to_string(), "b".into(), "a".into()];
        assert!(matches!(
            make(shape, 4, vec![0], twice),
            DataError::DuplicateClass { class, .. } if class == "a"
        ));
    }

    #[test]
    fn access_and_parts() {
        let set = small();
        assert_eq!(set.image(2), [8, 9, 10, 11]);
        assert!(set.image(4).is_empty() && set.image(usize::MAX).is_empty());
        assert_eq!((set.label(3), set.label(4)), (Some(2), None));
        assert_eq!(set.class_counts(), [1, 2, 1]);
        let part = set.subset(&[3, 0]).unwrap();
        assert_eq!((part.image(0), part.labels()), (set.image(3), &[2, 0][..]));
        assert_eq!(set.take(9).unwrap(), set);
        assert!(matches!(set.take(0), Err(DataError::EmptySet { .. })));
        assert!(matches!(set.subset(&[4]), Err(DataError::IndexOutOfRange { index: 4, len: 4 })));
        let error = part.require_every_class("part").unwrap_err();
        assert!(error.to_string().contains("class `c1` has no sample"), "{error}");
    }

    #[test]
    fn the_digest_sees_every_part() {
        let set = small();
        assert_eq!(set.sha256().len(), 64);
        assert_eq!(set.sha256(), small().sha256());
        let mut other = small();
        other.labels[0] = 1;
        assert_ne!(set.sha256(), other.sha256());
        let mut other = small();
        other.pixels[3] ^= 1;
        assert_ne!(set.sha256(), other.sha256());
        let mut other = small();
        other.shape = Shape::new(1, 1, 4);
        assert_ne!(set.sha256(), other.sha256());
        let values = [7.0, 25.0, 26.0, 90.0];
        let digests = [
            set.sha256(),
            aged().sha256(),
            with(Unit::Degrees, &values, &[7.0, 25.5, 90.0]).unwrap().sha256(),
            with(Unit::Years, &values, &[7.0, 25.0, 90.0]).unwrap().sha256(),
            with(Unit::Years, &[7.0, 25.0, 26.0, 91.0], &[7.0, 25.5, 90.0]).unwrap().sha256(),
        ];
        let distinct: std::collections::BTreeSet<_> = digests.iter().collect();
        assert_eq!(distinct.len(), digests.len());
    }

    #[test]
    fn a_source_wants_one_shape_and_one_unit() {
        let flat = Dataset::new(Shape::new(1, 1, 4), vec![0; 4], vec![0], names(3)).unwrap();
        let error = Source::new("mixed", small(), flat, false).unwrap_err();
        assert!(error.to_string().contains("1x2x2"), "{error}");
        for (train, test) in [(small(), aged()), (aged(), with(Unit::Degrees, &[1.0; 4], &[2.0; 3]).unwrap())] {
            let error = Source::new("mixed", train, test, false).unwrap_err();
            assert!(matches!(error, DataError::TargetMismatch { .. }), "{error}");
        }
        assert!(Source::new("both", aged(), aged(), false).is_ok());
    }

    fn with(unit: Unit, values: &[f32], class_values: &[f32]) -> Result<Dataset, DataError> {
        small().with_targets(Targets::new(unit, values.to_vec(), class_values.to_vec())?)
    }

    fn aged() -> Dataset {
        with(Unit::Years, &[7.0, 25.0, 26.0, 90.0], &[7.0, 25.5, 90.0]).unwrap()
    }

    #[test]
    fn targets_are_of_all_images_and_classes_and_follow_them() {
        let error = with(Unit::Years, &[1.0; 5], &[1.0; 3]).unwrap_err();
        assert!(matches!(error, DataError::TargetCount { of: "images", found: 5, expected: 4 }), "{error}");
        let error = with(Unit::Years, &[1.0; 4], &[1.0; 2]).unwrap_err();
        assert!(matches!(error, DataError::TargetCount { of: "classes", found: 2, expected: 3 }), "{error}");
        let part = aged().subset(&[3, 0, 3]).unwrap();
        let targets = part.targets().unwrap();
        assert_eq!((targets.values(), targets.class_values()), (&[90.0, 7.0, 90.0][..], &[7.0, 25.5, 90.0][..]));
        assert_eq!(small().targets(), None);
    }
}
