//! Images, data sets, augmentation, sampling and batches.
//!
//! A datum goes one way: a reader ([`idx`], [`cifar`], [`folder`], [`records`], [`retrieval`], [`age`], [`embedded`]) makes a
//! [`Dataset`], a handle on [`Samples`] that decode when they are asked for; [`sampler`] orders its indices;
//! [`batch`] turns the indices into normalized `f32` planes, by way of [`Augment`]. [`catalog::open`] is the
//! front door: it takes a name or a folder. A source of one's own implements [`Samples`].
//! Where what is to be learned has an order, as ages have, a set carries [`Targets`];
//! [`rotated`] makes a stand-in for such a set from images of any kind. What verification is measured on is read by
//! [`pairs`] and [`ijb`]; [`convert`] copies images from one layout to another.
//!
//! ```
//! use arcsphere_data::{batch, catalog, sampler};
//!
//! # fn main() -> Result<(), arcsphere_data::DataError> {
//! let source = catalog::open("mnist-embedded", &catalog::OpenOptions::default())?;
//! let norm = batch::Normalization::from_dataset(&source.train)?;
//! let (mut pixels, mut labels) = (Vec::new(), Vec::new());
//! for indices in sampler::Batches::new(source.train.len(), 64, 7, 0, true).iter().take(2) {
//!     batch::fill(&source.train, indices, &norm, None, &mut pixels, &mut labels)?;
//!     assert_eq!(pixels.len(), 64 * 28 * 28);
//! }
//! # Ok(())
//! # }
//! ```
//!
//! Readers are strict: magic, sizes and counts are checked before anything is allocated, and each
//! way in which a file can be broken is one variant of [`DataError`]. Nothing here panics on any
//! input. Every random choice is a pure function of a seed.
//!
//! A module imports only modules listed above it; blank lines keep rustfmt from sorting across them.

mod rng;
mod shape;

mod error;

mod samples;
mod target;

mod dataset;
mod files;
mod memory;

mod bad;

mod at;
mod lines;

pub mod image_record;
pub mod recordio;

mod pickle;

pub mod walk;

mod found;

mod source;

#[cfg(test)]
mod golden;

mod jpeg;
mod resize;
mod split;

pub mod cifar;
pub mod folder;
pub mod idx;

mod encoded;

pub mod records;
pub mod retrieval;

pub mod age;
pub mod pairs;

pub mod ijb;

pub mod convert;

pub mod embedded;
pub mod rotated;

pub mod catalog;

#[cfg(feature = "fetch")]
pub mod fetch;

mod augment;
pub mod sampler;

pub mod batch;

pub mod check;

pub use augment::Augment;
pub use bad::{BadFile, OnBadFile};
pub use batch::Normalization;
pub use catalog::{OpenOptions, open};
pub use dataset::{Dataset, Shape};
pub use error::DataError;
pub use resize::Fit;
pub use samples::{SampleInfo, Samples};
pub use source::Source;
pub use target::{Targets, Unit};

/// The examples of the crate's README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
