//! The losses, each a file of its own.
//!
//! [`margin`] holds the losses that are a function of a row's target angle: softmax
//! and the angular-margin family. They are served by one head (see [`crate::head`]).
//! [`fit`] says which margins and which scale C classes on a D-sphere have room for.

pub mod margin;

pub mod fit;
