//! Backbones, angular-margin losses, heads, training and checkpoints.
//!
//! A datum goes one way:
//!
//! ```text
//! dataset → sampler → augment → batch → backbone (Burn) → embedding
//!         → head (owns the prototypes) → loss, d loss/d embedding
//!         → backward through the backbone → optimizer → checkpoint
//! ```
//!
//! A whole training, small enough for a test:
//!
//! ```
//! use arcsphere::config::Config;
//! use arcsphere::evaluate::{evaluate, protocols};
//! use arcsphere::plan::{self, Plan};
//! use arcsphere::train::Trainer;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut config = Config::default();
//! config.loss.name = "cosface".into();
//! config.train.epochs = 1;
//! config.train.batch = 50;
//!
//! let digits = arcsphere_data::embedded::mnist()?;
//! let few = arcsphere_data::Source::new("digits", digits.train.take(200)?, digits.test.take(50)?, false)?;
//! let splits = plan::split(&config, &few)?;
//! let plan = Plan::check(&config, &splits)?;
//! println!("{}", plan.reason());
//!
//! let mut trainer = Trainer::new(plan, &arcsphere::device("flex")?)?;
//! trainer.run(&splits, &mut ())?;
//! let measures = protocols(&config.eval, config.data.split_seed)?;
//! let run = evaluate(&trainer, &splits, &measures, &|_, _| {})?.run;
//! assert!(!run.reason.contains("NaN"));
//! assert_eq!(run.measures["accuracy"].n, Some(50));
//! # Ok(())
//! # }
//! ```
//!
//! A module imports only modules listed above it.

// The core has the tensors and modules under the paths of `burn` itself, which its derive
// macros expect; the layers and optimizers that `burn` adds are not used here.
extern crate burn_core as burn;

pub use arcsphere_losses as losses;
pub use arcsphere_losses::{head, random, range, registry};

pub mod nn;

pub mod advise;

pub mod backbones;

pub mod optim;

pub mod config;

pub mod plan;

pub mod embed;

pub mod graph;

pub mod progress;

pub mod collapse;

pub mod train;

pub mod checkpoint;

pub mod model;

pub mod evaluate;

pub mod bench;

mod device;

pub use burn::tensor::Device;
pub use device::{DeviceError, device};

/// The examples of the crate's README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
