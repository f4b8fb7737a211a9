//! A trained run, to embed images with.

use crate::backbones::{Backbone, BuiltIn};
use crate::checkpoint::{Checkpoint, CheckpointError, Provenance};
use crate::embed::{EmbedError, embed_finite};
use crate::head::Head;
use arcsphere_data::folder::{self, Decoding};
use arcsphere_data::{Dataset, Normalization, Shape};
use burn::tensor::Device;
use std::path::Path;

/// What a training leaves: the network, the head with its prototypes, and what they know of images and classes.
///
/// ```
/// use arcsphere::model::Model;
/// # use arcsphere::{checkpoint, config::Config, plan, train::Trainer};
/// # let mut config = Config::default();
/// # (config.train.epochs, config.train.batch) = (1, 20);
/// # let digits = arcsphere_data::embedded::mnist()?;
/// # let few = arcsphere_data::Source::new("digits", digits.train.take(60)?, digits.test.take(20)?, false)?;
/// # let splits = plan::split(&config, &few)?;
/// # let trainer = Trainer::new(plan::Plan::check(&config, &splits)?, &arcsphere::device("flex")?)?;
/// # let folder = std::env::temp_dir().join("arcsphere-doc-model");
/// # std::fs::create_dir_all(&folder)?;
/// # let provenance = checkpoint::Provenance::of("digits", &splits)?;
/// # checkpoint::save(&trainer, &provenance, &folder.join(checkpoint::FILE_NAME))?;
/// # std::fs::write(folder.join("a.pgm"), [b"P5 28 28 255\n".as_slice(), &[7; 28 * 28]].concat())?;
/// # std::env::set_current_dir(&folder)?;
///
/// let model = Model::load(".")?; // a run's folder, such as `runs/x`
/// let embedding = model.embed_file("a.pgm")?;
/// assert_eq!(embedding.len(), model.dim());
/// let best = model.head().predict(&embedding)?[0];
/// println!("looks like {}", model.classes()[best.class as usize]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Model<B: Backbone = BuiltIn> {
    backbone: B,
    head: Head,
    known: Provenance,
    decoding: Decoding,
    device: Device,
}

impl Model {
    /// The model of a run, its folder or its checkpoint, on the CPU.
    ///
    /// # Errors
    ///
    /// [`CheckpointError`] for a file that is none, or not of this program's networks and losses.
    pub fn load(run: impl AsRef<Path>) -> Result<Self, CheckpointError> {
        Self::load_on(run, &Device::flex())
    }

    /// The same on a device.
    ///
    /// # Errors
    ///
    /// As of [`load`](Self::load).
    pub fn load_on(run: impl AsRef<Path>, device: &Device) -> Result<Self, CheckpointError> {
        let checkpoint = Checkpoint::read(run.as_ref())?;
        let backbone = checkpoint.backbone(device)?;
        Self::of(checkpoint, backbone, device)
    }
}

impl<B: Backbone> Model<B> {
    /// The model of a run of a network of the caller's own: `net` is one of the same form, whose numbers do not
    /// matter.
    ///
    /// # Errors
    ///
    /// As of [`load`](Model::load), and [`CheckpointError::Params`] for a network of another form.
    pub fn load_with(run: impl AsRef<Path>, net: B, device: &Device) -> Result<Self, CheckpointError> {
        let checkpoint = Checkpoint::read(run.as_ref())?;
        let backbone = checkpoint.backbone_in(net.fork(device))?;
        Self::of(checkpoint, backbone, device)
    }

    fn of(checkpoint: Checkpoint, backbone: B, device: &Device) -> Result<Self, CheckpointError> {
        let (head, decoding) = (checkpoint.head()?, checkpoint.config.data.decoding());
        Ok(Model { backbone: backbone.valid(), head, known: checkpoint.provenance, decoding, device: device.clone() })
    }

    /// The embedding \[D\] of an image file, resized to what the network takes, by the fit that it was trained
    /// with.
    ///
    /// # Errors
    ///
    /// [`EmbedError`] for a file that is no image, or has color where the network takes none.
    pub fn embed_file(&self, path: impl AsRef<Path>) -> Result<Vec<f32>, EmbedError> {
        self.embed(&folder::files(vec![path.as_ref().to_owned()], self.shape(), &self.decoding)?)
    }

    /// The embeddings \[N, D\] of a set, in its order.
    ///
    /// # Errors
    ///
    /// [`EmbedError`] if an image cannot be read, an embedding is no number, or the device fails.
    pub fn embed(&self, set: &Dataset) -> Result<Vec<f32>, EmbedError> {
        embed_finite(&self.backbone, set, &self.normalization(), &self.device)
    }

    /// The network.
    pub fn backbone(&self) -> &B {
        &self.backbone
    }

    /// Prototypes and loss.
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// D.
    pub fn dim(&self) -> usize {
        self.backbone.dim()
    }

    /// Class names, by label.
    pub fn classes(&self) -> &[String] {
        &self.known.classes
    }

    /// The images' shape.
    pub fn shape(&self) -> Shape {
        self.known.shape()
    }

    /// How pixels become numbers.
    pub fn normalization(&self) -> Normalization {
        self.known.normalization()
    }
}
