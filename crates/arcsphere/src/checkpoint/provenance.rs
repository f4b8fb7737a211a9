//! What a checkpoint knows of the images that it was trained on.

use super::Broken;
use crate::plan::Splits;
use arcsphere_data::{DataError, Normalization, Shape};
use serde::{Deserialize, Serialize};

/// What a checkpoint knows of the images that it was trained on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Provenance {
    /// The data set's name.
    pub data: String,
    /// SHA-256 of the training images.
    pub sha256: String,
    /// Class names, by label.
    pub classes: Vec<String>,
    /// What each class is worth, where they have an order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub values: Option<Vec<f32>>,
    /// Channels, height, width.
    pub shape: [usize; 3],
    /// Mean per channel, of pixels in [0, 1].
    pub mean: Vec<f32>,
    /// Standard deviation per channel.
    pub std: Vec<f32>,
}

impl Provenance {
    /// Of a set that is about to be trained on.
    ///
    /// # Errors
    ///
    /// [`DataError`] if an image cannot be read.
    pub fn of(name: &str, splits: &Splits) -> Result<Self, DataError> {
        let shape = splits.train.shape();
        Ok(Provenance {
            data: name.to_owned(),
            sha256: splits.train.sha256()?,
            classes: splits.train.classes().to_vec(),
            values: splits.train.targets().map(|targets| targets.class_values().to_vec()),
            shape: [shape.channels, shape.height, shape.width],
            mean: splits.normalization.mean.clone(),
            std: splits.normalization.std.clone(),
        })
    }

    /// The images' shape.
    pub fn shape(&self) -> Shape {
        let [channels, height, width] = self.shape;
        Shape { channels, height, width }
    }

    /// How pixels become numbers.
    pub fn normalization(&self) -> Normalization {
        Normalization { mean: self.mean.clone(), std: self.std.clone() }
    }

    /// Refuses what is no shape of an image, and numbers that are not one a channel or a class.
    pub(super) fn check(&self) -> Result<(), Broken> {
        let (shape, channels) = (self.shape(), self.shape[0]);
        if !shape.is_usable() {
            let expected = format!("channels x height x width of 1..={} values", Shape::MAX_VALUES);
            return Err(Broken::value("the images' shape", shape, expected));
        }
        for (what, list) in [("mean", &self.mean), ("std", &self.std)] {
            if list.len() != channels {
                let expected = format!("{channels}, one a channel");
                return Err(Broken::value(format!("the number of values in {what}"), list.len(), expected));
            }
        }
        if let Some(mean) = self.mean.iter().find(|v| !v.is_finite()) {
            return Err(Broken::value("a mean", mean, "a finite number"));
        }
        // A quotient by less is none of f32.
        if let Some(std) = self.std.iter().find(|v| !v.is_finite() || **v < f32::MIN_POSITIVE) {
            return Err(Broken::value("a standard deviation", std, "a finite number above 0"));
        }
        let classes = self.classes.len();
        match &self.values {
            Some(values) if values.len() != classes => {
                let expected = format!("{classes}, one a class");
                Err(Broken::value("the number of classes with a value", values.len(), expected))
            }
            _ => Ok(()),
        }
    }
}
