//! The tensors of a file as the state that they are.

use super::CheckpointError;
use super::names::{MEMORY, head_parts};
use crate::head::{HeadSpec, HeadState};
use crate::losses::tuple::TupleParameters;
use crate::nn::NamedTensor;
use crate::optim::Optimizer;
use crate::plan::Plan;
use crate::progress::Progress;
use crate::stability::Snapshot;
use crate::train::{head_spec, stream};
use burn::tensor::{Device, Tensor, TensorData};
use std::path::Path;

/// A file's tensors as the state that they are.
pub(super) fn sorted(
    tensors: Vec<NamedTensor>,
    memory: Vec<f64>,
    progress: Progress,
    plan: &Plan,
    device: &Device,
    path: &Path,
) -> Result<Snapshot, CheckpointError> {
    let format = |message: String| CheckpointError::Format { path: path.to_owned(), message };
    let mut backbone = Vec::new();
    let mut moments: [Vec<(usize, Vec<f32>)>; 2] = Default::default();
    let spec = head_spec(plan, &progress.softening);
    // What a tuple loss keeps has its names from the loss; its numbers come from the file.
    let tuple = match &spec.tuple {
        Some(term) => term.loss.parameters(plan.classes(), spec.dim, &mut stream(0, 0)),
        None => TupleParameters::default(),
    };
    let kept = tuple.values.len();
    let mut head = HeadState { tuple, ..HeadState::default() };
    let mut missing: Vec<String> = head.tuple.tensors().into_iter().map(|(name, _)| format!("head.{name}")).collect();
    for mut tensor in tensors {
        if let Some(rest) = tensor.path.strip_prefix("backbone.") {
            tensor.path = rest.to_owned();
            backbone.push(tensor);
        } else if let Some(rest) = tensor.path.strip_prefix("optimizer.") {
            let (which, index) = rest.split_once('.').unwrap_or((rest, ""));
            let index = index.parse().map_err(|_| format(format!("{} has no index", tensor.path)))?;
            moments[usize::from(which == "second")].push((index, tensor.values));
        } else if let Some((_, part)) = head_parts(&mut head).into_iter().find(|(name, _)| *name == tensor.path) {
            *part = tensor.values;
            missing.retain(|name| *name != tensor.path);
        } else {
            return Err(format(format!("the tensor {} has no place", tensor.path)));
        }
    }
    if let Some(name) = missing.first() {
        return Err(format(format!("it lacks {name}")));
    }
    head.memory = memory;
    check(&spec, &head, kept).map_err(format)?;
    let [first, second] = moments.map(|list| in_order(list, device));
    Ok(Snapshot { backbone, optimizer: Optimizer { first, second }, head, progress })
}

/// Refuses a head whose parts do not have as many numbers as its loss has for its classes and dimensions, of which
/// a tuple loss keeps `kept`.
fn check(spec: &HeadSpec, head: &HeadState, kept: usize) -> Result<(), String> {
    let (biases, numbers) = (spec.biases(), spec.rows() * spec.dim);
    let sized = [
        ("head.weights", head.weights.len(), numbers),
        ("head.first", head.first.len(), numbers),
        ("head.bias", head.bias.len(), biases),
        ("head.bias_first", head.bias_first.len(), biases),
        ("what the loss keeps", head.tuple.values.len(), kept),
        (MEMORY[0], head.memory.len(), spec.margin.memory().len()),
    ];
    match sized.into_iter().find(|(_, found, expected)| found != expected) {
        Some((name, found, expected)) => Err(format!("{name} has {found} numbers, expected {expected}")),
        None => Ok(()),
    }
}

/// Moments in the order of their indices.
fn in_order(mut list: Vec<(usize, Vec<f32>)>, device: &Device) -> Vec<Tensor<1>> {
    list.sort_by_key(|(index, _)| *index);
    let plain = device.clone().inner();
    let tensor = |(_, values): (usize, Vec<f32>)| {
        let n = values.len();
        Tensor::from_data(TensorData::new(values, [n]), &plain)
    };
    list.into_iter().map(tensor).collect()
}
