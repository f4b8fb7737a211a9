//! A set whose samples have names, subjects and groups of the caller's.

use super::Dataset;
use crate::error::DataError;
use crate::samples::{SampleInfo, Samples};
use crate::shape::Shape;

impl Dataset {
    /// The same set with what is known of each sample, which every part of it keeps.
    ///
    /// # Errors
    /// [`ValueCount`](DataError::ValueCount) unless there is one for each image.
    ///
    /// ```
    /// use arcsphere_data::{Dataset, SampleInfo, Shape};
    ///
    /// let set = Dataset::new(Shape::new(1, 1, 1), vec![0; 2], vec![0, 0], vec!["left eye".into()])?;
    /// let info = |name: &str, subject: &str| {
    ///     let mut info = SampleInfo::named(name);
    ///     info.subject = Some(subject.into());
    ///     info
    /// };
    /// let set = set.with_info(vec![info("1.png", "ada"), info("2.png", "grace")])?;
    /// assert_eq!(set.subset(&[1])?.info(0).subject.as_deref(), Some("grace"));
    /// # Ok::<(), arcsphere_data::DataError>(())
    /// ```
    pub fn with_info(self, infos: Vec<SampleInfo>) -> Result<Self, DataError> {
        let (found, expected) = (infos.len(), self.len());
        if found != expected {
            return Err(DataError::ValueCount { of: "what is known of images", found, expected });
        }
        let targets = self.targets.clone();
        let set = Self::from_samples(Annotated { set: self, infos })?;
        Ok(Self { targets, ..set })
    }
}

struct Annotated {
    set: Dataset,
    /// One for each sample of `set`.
    infos: Vec<SampleInfo>,
}

impl Samples for Annotated {
    fn len(&self) -> usize {
        self.set.len()
    }

    fn shape(&self) -> Shape {
        self.set.shape()
    }

    fn classes(&self) -> &[String] {
        self.set.classes()
    }

    fn label(&self, i: usize) -> u32 {
        self.set.labels[i]
    }

    fn info(&self, i: usize) -> SampleInfo {
        self.infos[i].clone()
    }

    fn decode(&self, i: usize, planes: &mut [u8]) -> Result<(), DataError> {
        self.set.samples.decode(self.set.at(i)?, planes)
    }

    fn planes(&self, i: usize) -> Option<&[u8]> {
        self.set.samples.planes(self.set.at(i).ok()?)
    }

    fn digest(&self, i: usize) -> Result<Option<[u8; 32]>, DataError> {
        self.set.samples.digest(self.set.at(i)?)
    }

    fn encoded(&self, i: usize) -> Result<Option<Vec<u8>>, DataError> {
        self.set.samples.encoded(self.set.at(i)?)
    }
}
