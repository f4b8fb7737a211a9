//! Numeric kernels of arcsphere: slices in, slices out.
//!
//! This crate knows nothing of tensors, devices, files or losses by name. It holds
//! the only `unsafe` of the workspace (and so the only place to audit): calls into
//! the GEMM library and instruction-set specific code. Every kernel has a plain
//! f64 oracle in its tests and a stated tolerance.
//!
//! A module imports only modules listed above it.

pub mod isa;
pub mod parallel;

pub mod conv;
pub mod norm;
pub mod pool;
pub mod prelu;

pub mod gemm;
pub mod vecmath;

pub mod head;
