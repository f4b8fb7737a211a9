//! What the tensors of a file are called.

use crate::head::HeadState;

/// The tensors of f64: the loss's memory, and that of the last good state.
pub(super) const MEMORY: [&str; 2] = ["head.memory", "good.head.memory"];

/// The fields of [`HeadState`] that have a tensor each, and the memory.
pub(super) fn head_fields() -> [&'static str; 9] {
    ["weights", "bias", "first", "second", "bias_first", "bias_second", "mean_sums", "mean_counts", "memory"]
}

/// The parts of [`HeadState`] that are f32, by name.
pub(super) fn head_parts(s: &mut HeadState) -> Vec<(String, &mut Vec<f32>)> {
    let own = s.tuple.tensors().into_iter().map(|(name, values)| (format!("head.{name}"), values));
    let parts = [
        ("head.weights", &mut s.weights),
        ("head.bias", &mut s.bias),
        ("head.first", &mut s.first),
        ("head.second", &mut s.second),
        ("head.bias_first", &mut s.bias_first),
        ("head.bias_second", &mut s.bias_second),
        ("head.mean_sums", &mut s.mean_sums),
        ("head.mean_counts", &mut s.mean_counts),
    ];
    parts.into_iter().map(|(name, values)| (name.to_owned(), values)).chain(own).collect()
}

/// What stands before the names of the last good state's tensors.
pub(super) const GOOD: &str = "good.";

/// What stands before the names of the network's tensors at its first step, where the seed does not give them again.
pub(super) const FIRST: &str = "first.";

/// What stands before the names of the network's tensors.
pub(super) const NETWORK: &str = "backbone.";
