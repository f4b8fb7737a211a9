//! Scores, rates, intervals and angles for embeddings: numbers in, numbers out.
//!
//! This crate sees slices: embeddings `[N, D]` row by row, prototypes `[C, D]`,
//! labels, scores. It knows nothing of networks, losses or training, so that a
//! number printed here depends on nothing but what was handed in. Statistics are
//! computed in `f64`, and a function that draws random numbers draws them only from a
//! seed that it is handed.
//!
//! A module imports only modules listed above it.

pub mod error;

pub mod show;

mod random;

mod near;

mod progress;

mod normal;

mod beta;

pub mod interval;

pub mod bootstrap;

pub mod holm;

pub mod paired;

pub mod pairs;

pub mod units;

pub mod rates;

pub mod verification;

pub mod folds;

pub mod evidence;

pub mod calibration;

#[cfg(any(test, feature = "fixtures"))]
pub mod simulated;

mod clusters;

pub mod identification;

pub mod reidentification;

pub mod groups;

pub mod angles;

pub mod pca;

pub mod retrieval;

pub mod regression;

pub mod measures;

pub mod protocols;

pub mod results;

pub mod sweep;

#[cfg(any(test, feature = "fixtures"))]
pub mod fixtures;

pub use error::{EvalError, Result};
pub use progress::Progress;

/// The examples of README.md, which are run as tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
