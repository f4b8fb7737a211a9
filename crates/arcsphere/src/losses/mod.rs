//! The losses, each a file of its own.
//!
//! [`margin`] holds softmax, the angular-margin family and its relatives. They are served by
//! one head (see [`crate::head`]).
//! [`fit`] says which margins and which scale C classes on a D-sphere have room for.

pub mod margin;

pub mod fit;
