//! Whole trainings: they learn, resume to the bit, and come back from dying. One program, so that it is linked once.

mod broken;
mod common;
mod ordinal;
mod own_network;
mod recovery;
mod resume;
mod stability;
mod tuples;
