//! Numeric kernels of arcsphere: slices in, slices out.
//!
//! This crate knows nothing of tensors, devices, files or losses by name. It holds
//! the only `unsafe` of the workspace (and so the only place to audit): what trusts a pointer
//! (register tiles, memory that is written before it is read), and the entry into
//! code compiled for an instruction set. Operations on vectors are safe, as a token proves the
//! instructions. Every kernel has a plain f64 oracle in its tests and a stated tolerance.
//!
//! A module imports only modules listed above it.

pub mod isa;
pub mod parallel;

pub mod conv;
pub mod norm;
pub mod pool;
pub mod prelu;

mod ahead;
mod product;

pub mod gemm;
mod vecmath;

pub mod head;

/// The examples of the README are run.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
