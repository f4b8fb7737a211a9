//! The tensors of a file as the state that they are.

use super::names::head_parts;
use super::{Broken, CheckpointError};
use crate::collapse::Snapshot;
use crate::head::HeadState;
use crate::nn::NamedTensor;
use crate::optim::Optimizer;
use crate::plan::{Plan, PlanError};
use crate::progress::Progress;
use crate::train::head_of;
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
    let broken = |broken: Broken| CheckpointError::Broken { path: path.to_owned(), broken };
    let mut backbone = Vec::new();
    let mut moments: [Vec<(usize, Vec<f32>)>; 2] = Default::default();
    // What a tuple loss keeps has its names from the loss; its numbers come from the file.
    let tuple = head_of(plan).tuple_parameters().map_err(PlanError::from)?;
    let (step, moments_since) = (progress.step, progress.moments_since);
    let mut head = HeadState { tuple, memory, step, moments_since, ..HeadState::default() };
    let mut missing: Vec<String> = head.tuple.tensors().into_iter().map(|(name, _)| format!("head.{name}")).collect();
    for mut tensor in tensors {
        if let Some(rest) = tensor.path.strip_prefix("backbone.") {
            tensor.path = rest.to_owned();
            backbone.push(tensor);
        } else if let Some(rest) = tensor.path.strip_prefix("optimizer.") {
            let (which, index) = rest.split_once('.').unwrap_or((rest, ""));
            let Ok(index) = index.parse() else {
                return Err(broken(Broken::Unexpected { tensor: tensor.path, found: tensor.shape }));
            };
            moments[usize::from(which == "second")].push((index, tensor.values));
        } else if let Some((_, part)) = head_parts(&mut head).into_iter().find(|(name, _)| *name == tensor.path) {
            *part = tensor.values;
            missing.retain(|name| *name != tensor.path);
        } else {
            return Err(broken(Broken::Unexpected { tensor: tensor.path, found: tensor.shape }));
        }
    }
    if let Some(name) = missing.first() {
        return Err(broken(Broken::Missing { tensor: name.clone(), expected: vec![plan.classes(), plan.dim()] }));
    }
    let [first, second] = moments.map(|list| in_order(list, device));
    Ok(Snapshot { backbone, optimizer: Optimizer { first, second }, head, progress })
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
