//! Numbers to pictures and pages: figures as SVG and PNG, reports as one HTML page.
//!
//! This crate knows nothing of networks, losses, training or data sets: what it shows are the numbers of
//! `arcsphere-eval`.
//!
//! A module imports only modules listed above it.

pub mod figure;

pub mod report;

/// The examples of README.md, which are run as tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
