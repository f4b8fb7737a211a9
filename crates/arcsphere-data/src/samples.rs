//! Where labelled images come from: a number of samples, each with a label, a name, and planes that are
//! decoded when they are asked for.

use crate::error::DataError;
use crate::shape::Shape;

/// Labelled images of one shape, one after the other, wherever they are: in memory, in a folder, in a file
/// of records, on another machine.
///
/// [`Dataset::from_samples`](crate::Dataset::from_samples) makes a [`Dataset`](crate::Dataset) of it, which
/// all else here works on. Batches call [`decode`](Self::decode) from several threads at once, once per
/// sample and epoch, so what is decoded need not be kept and memory does not grow with the set.
///
/// ```
/// use arcsphere_data::{DataError, Dataset, SampleInfo, Samples, Shape};
///
/// /// 1,000 images of one pixel, made when they are asked for: sample `i` is as bright as `i % 10` says.
/// struct Steps(Vec<String>);
///
/// impl Samples for Steps {
///     fn len(&self) -> usize {
///         1_000
///     }
///     fn shape(&self) -> Shape {
///         Shape::new(1, 1, 1)
///     }
///     fn classes(&self) -> &[String] {
///         &self.0
///     }
///     fn label(&self, i: usize) -> u32 {
///         (i % 10) as u32
///     }
///     fn info(&self, i: usize) -> SampleInfo {
///         SampleInfo::named(format!("step/{i}"))
///     }
///     fn decode(&self, i: usize, planes: &mut [u8]) -> Result<(), DataError> {
///         planes.fill(25 * (i % 10) as u8);
///         Ok(())
///     }
/// }
///
/// let set = Dataset::from_samples(Steps((0..10).map(|c| c.to_string()).collect()))?;
/// assert_eq!((set.len(), set.labels()[13], set.info(13).name.as_str()), (1_000, 3, "step/13"));
/// assert_eq!(set.image(13)?[..], [75]);
/// # Ok::<(), DataError>(())
/// ```
#[allow(clippy::len_without_is_empty)] // A set is never empty: `Dataset` refuses it.
pub trait Samples: Send + Sync {
    /// Number of samples.
    fn len(&self) -> usize;

    /// Shape of every image.
    fn shape(&self) -> Shape;

    /// Class names; a label is an index into them.
    fn classes(&self) -> &[String];

    /// Label of sample `i`, which is less than [`len`](Self::len).
    fn label(&self, i: usize) -> u32;

    /// Name of sample `i`, and whatever else is known of it.
    fn info(&self, i: usize) -> SampleInfo;

    /// Writes the planes (CHW, `shape().values()` values) of sample `i`.
    ///
    /// The same `i` gives the same values every time.
    ///
    /// # Errors
    /// Whatever keeps the image from being read; it should name the sample.
    fn decode(&self, i: usize, planes: &mut [u8]) -> Result<(), DataError>;

    /// The planes of sample `i`, where they are in memory: what spares [`decode`](Self::decode) a copy.
    fn planes(&self, _i: usize) -> Option<&[u8]> {
        None
    }

    /// A digest of what sample `i` is decoded from, where that is there without decoding: of the bytes of its
    /// JPEG, say. Either all samples of a source have one or none has.
    ///
    /// It takes the place of the pixels in [`Dataset::sha256`](crate::Dataset::sha256), so that a set need not be
    /// decoded to be known again.
    ///
    /// # Errors
    /// Whatever keeps it from being read.
    fn digest(&self, _i: usize) -> Result<Option<[u8; 32]>, DataError> {
        Ok(None)
    }

    /// The bytes that sample `i` is decoded from, as JPEG or PNG, where it is.
    ///
    /// # Errors
    /// Whatever keeps them from being read.
    fn encoded(&self, _i: usize) -> Result<Option<Vec<u8>>, DataError> {
        Ok(None)
    }
}

/// What is known of a sample beside its image and its label.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SampleInfo {
    /// Its name, which no other sample of the set has: the path of its file relative to the set's root, or
    /// the part and place in it, as `train/00012`.
    pub name: String,
    /// Whom or what it shows, where that is not its class: scores of one subject's samples depend on one
    /// another.
    pub subject: Option<String>,
    /// The group that it is counted to, where results are compared between groups.
    pub group: Option<String>,
}

impl SampleInfo {
    /// A sample of which the name is known and nothing else.
    ///
    /// ```
    /// use arcsphere_data::SampleInfo;
    ///
    /// let mut info = SampleInfo::named("faces/ada/1.jpg");
    /// info.subject = Some("ada".into());
    /// assert_eq!((info.name.as_str(), info.group), ("faces/ada/1.jpg", None));
    /// ```
    pub fn named(name: impl Into<String>) -> Self {
        Self { name: name.into(), ..Self::default() }
    }
}

/// Pixels in memory, image after image.
pub(crate) struct InMemory {
    pub(crate) shape: Shape,
    pub(crate) pixels: Vec<u8>,
    pub(crate) labels: Vec<u32>,
    pub(crate) classes: Vec<String>,
    /// What its samples are called with their places: "train", or nothing.
    pub(crate) part: &'static str,
}

impl InMemory {
    fn image(&self, i: usize) -> &[u8] {
        let n = self.shape.values();
        let start = i.saturating_mul(n);
        self.pixels.get(start..start.saturating_add(n)).unwrap_or_default()
    }
}

impl Samples for InMemory {
    fn len(&self) -> usize {
        self.labels.len()
    }

    fn shape(&self) -> Shape {
        self.shape
    }

    fn classes(&self) -> &[String] {
        &self.classes
    }

    fn label(&self, i: usize) -> u32 {
        self.labels.get(i).copied().unwrap_or_default()
    }

    fn info(&self, i: usize) -> SampleInfo {
        let slash = if self.part.is_empty() { "" } else { "/" };
        SampleInfo::named(format!("{}{slash}{i:05}", self.part))
    }

    fn decode(&self, i: usize, planes: &mut [u8]) -> Result<(), DataError> {
        for (to, from) in planes.iter_mut().zip(self.image(i)) {
            *to = *from;
        }
        Ok(())
    }

    fn planes(&self, i: usize) -> Option<&[u8]> {
        Some(self.image(i))
    }
}
