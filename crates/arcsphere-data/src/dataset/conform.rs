//! A set as a model that was trained on another takes it: with three planes, with the labels of its classes.

use super::Dataset;
use crate::error::DataError;
use crate::samples::{SampleInfo, Samples};
use crate::shape::Shape;
use std::sync::Arc;

impl Dataset {
    /// The same images with three planes: a gray one has three equal planes, as a gray image among colored ones.
    ///
    /// # Errors
    /// [`BadShape`](DataError::BadShape) where three planes are too large;
    /// [`ChannelMismatch`](DataError::ChannelMismatch) for images of neither 1 nor 3 channels.
    ///
    /// ```
    /// use arcsphere_data::{Dataset, Shape};
    ///
    /// let gray = Dataset::new(Shape::new(1, 1, 2), vec![7, 9], vec![0], vec!["any".into()])?;
    /// let color = gray.in_color()?;
    /// assert_eq!((color.shape(), &color.image(0)?[..]), (Shape::new(3, 1, 2), &[7, 9, 7, 9, 7, 9][..]));
    /// # Ok::<(), arcsphere_data::DataError>(())
    /// ```
    pub fn in_color(&self) -> Result<Self, DataError> {
        match self.shape().channels {
            3 => return Ok(self.clone()),
            1 => {}
            found => return Err(DataError::ChannelMismatch { what: "an image", found, expected: 1 }),
        }
        let colored = Self::from_samples(Colored(self.clone()))?;
        match self.targets() {
            Some(targets) => colored.with_targets(targets.clone()),
            None => Ok(colored),
        }
    }

    /// The same images with labels that count in `classes`, where each of this set's names is one of them; else
    /// `None`.
    ///
    /// ```
    /// use arcsphere_data::{Dataset, Shape};
    ///
    /// let one = Dataset::new(Shape::new(1, 1, 1), vec![7], vec![0], vec!["cat".into()])?;
    /// let all = ["ape".to_owned(), "cat".to_owned()];
    /// assert_eq!(one.with_classes_of(&all).map(|set| set.labels().to_vec()), Some(vec![1]));
    /// assert!(one.with_classes_of(&all[..1]).is_none());
    /// # Ok::<(), arcsphere_data::DataError>(())
    /// ```
    pub fn with_classes_of(&self, classes: &[String]) -> Option<Self> {
        let place = |name: &String| classes.iter().position(|c| c == name);
        let new: Vec<u32> = self.classes().iter().map(|name| Some(place(name)? as u32)).collect::<Option<_>>()?;
        // What classes are worth is theirs, and does not move with labels of others.
        let targets = if *classes == *self.classes() { self.targets.clone() } else { None };
        let labels = self.labels.iter().map(|&label| new[label as usize]).collect();
        Some(Self { labels, classes: Arc::from(classes), targets, scan: Arc::default(), ..self.clone() })
    }
}

/// Gray images as colored ones.
struct Colored(Dataset);

impl Samples for Colored {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn shape(&self) -> Shape {
        Shape { channels: 3, ..self.0.shape() }
    }

    fn classes(&self) -> &[String] {
        self.0.classes()
    }

    fn label(&self, i: usize) -> u32 {
        self.0.labels()[i]
    }

    fn info(&self, i: usize) -> SampleInfo {
        self.0.info(i)
    }

    fn decode(&self, i: usize, planes: &mut [u8]) -> Result<(), DataError> {
        let gray = self.0.image(i)?;
        planes.chunks_mut(gray.len().max(1)).for_each(|plane| plane.copy_from_slice(&gray[..plane.len()]));
        Ok(())
    }
}
