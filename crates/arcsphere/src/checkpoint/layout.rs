//! Which tensors a training has, and how long each is: the one table that a file is held against before anything of
//! it is read, and before anything is made from it.
//!
//! What a network of the caller's own has is not known here; the file's names of it are taken as they are, and held
//! against the network when there is one.

use super::Broken;
use super::names::{FIRST, GOOD, NETWORK, head_fields};
use crate::backbones;
use crate::config::{Config, OptimizerKind};
use crate::head::HeadPart;
use crate::plan::{Plan, PlanError, backbone_spec};
use crate::train::head_of;
use safetensors::tensor::{Dtype, TensorInfo};
use std::collections::BTreeMap;

use super::Provenance;

/// The tensors of a file, by name.
pub(super) type Found<'a> = BTreeMap<String, &'a TensorInfo>;

/// The tensors of one state of a training.
pub(super) struct Layout {
    /// Paths and shapes of the network's; `None` of one that is not built in.
    network: Option<Vec<(String, Vec<usize>)>>,
    /// The head's.
    head: Vec<HeadPart>,
    /// Whether the optimizer has second moments.
    has_second: bool,
}

impl Layout {
    /// Of the effective configuration of a run and what it says of its images. Only what is built in is known.
    pub(super) fn of(config: &Config, known: &Provenance) -> Result<Layout, PlanError> {
        let plan = of_head(config, known)?;
        let is_built_in = backbones::BACKBONES.iter().any(|b| b.name == config.model.backbone);
        let network = is_built_in.then(|| Ok::<_, PlanError>(backbone_spec(config, known.shape())?.outline()));
        let (network, head) = (network.transpose()?, head_of(&plan).parts()?);
        Ok(Layout { network, head, has_second: config.optim.kind == OptimizerKind::Adamw })
    }

    /// Holds a file's tensors against it; `has_good` says whether the last good state is another.
    pub(super) fn check(&self, found: &Found<'_>, has_good: bool) -> Result<(), Broken> {
        let mut left = found.clone();
        for prefix in [Some(""), has_good.then_some(GOOD)].into_iter().flatten() {
            self.take_network(prefix, &mut left)?;
            self.take_moments(prefix, &mut left)?;
            self.take_head(prefix, &mut left)?;
        }
        if left.keys().any(|name| name.starts_with(FIRST)) {
            self.take_network(FIRST, &mut left)?;
        }
        match left.into_iter().next() {
            Some((tensor, info)) => Err(Broken::Unexpected { tensor, found: info.shape.clone() }),
            None => Ok(()),
        }
    }

    fn take_network(&self, prefix: &str, left: &mut Found<'_>) -> Result<(), Broken> {
        let prefix = format!("{prefix}{NETWORK}");
        match &self.network {
            Some(network) => network.iter().try_for_each(|(path, shape)| {
                let tensor = format!("{prefix}{path}");
                let info = left.remove(&tensor);
                fits(&tensor, info, Dtype::F32, shape, false)
            }),
            None => {
                take(left, |name| name.starts_with(&prefix)).try_for_each(|(name, info)| typed(&name, info, Dtype::F32))
            }
        }
    }

    /// Moments are there for every parameter, in the network's order, or for none, before the first step.
    fn take_moments(&self, prefix: &str, left: &mut Found<'_>) -> Result<(), Broken> {
        let mut firsts = 0;
        for order in ["first", "second"] {
            let prefix = format!("{prefix}optimizer.{order}.");
            let list: Vec<_> = take(left, |name| name.starts_with(&prefix)).collect();
            let n = list.len();
            let refused = |expected: String| Err(Broken::Moments { order, found: n, expected });
            if order == "first" {
                firsts = n;
            } else if n > 0 && !self.has_second {
                return refused("none, for the optimizer is sgd".to_owned());
            } else if self.has_second && n != firsts {
                return refused(format!("{firsts}, as there are first moments"));
            }
            let lengths = self.parameters();
            if let Some(lengths) = lengths.as_ref().filter(|lengths| n > 0 && lengths.len() != n) {
                return refused(lengths.len().to_string());
            }
            let list: BTreeMap<String, &TensorInfo> = list.into_iter().collect();
            for i in 0..n {
                let tensor = format!("{prefix}{i}");
                let info = list.get(&tensor).copied();
                let length = lengths.as_ref().and_then(|lengths| lengths.get(i).copied());
                match (info, length) {
                    (Some(info), None) => typed(&tensor, info, Dtype::F32)?,
                    (info, length) => fits(&tensor, info, Dtype::F32, &[length.unwrap_or(0)], false)?,
                }
            }
        }
        Ok(())
    }

    /// How many numbers each parameter has, in the order of the optimizer: all but running statistics.
    fn parameters(&self) -> Option<Vec<usize>> {
        let moved = |(path, _): &&(String, _)| !path.rsplit('.').next().unwrap_or_default().starts_with("running_");
        let length = |(_, shape): &(String, Vec<usize>)| shape.iter().copied().fold(1, usize::saturating_mul);
        self.network.as_ref().map(|network| network.iter().filter(moved).map(length).collect())
    }

    fn take_head(&self, prefix: &str, left: &mut Found<'_>) -> Result<(), Broken> {
        for part in &self.head {
            let tensor = format!("{prefix}head.{}", part.name);
            let (info, dtype) = (left.remove(&tensor), if part.name == "memory" { Dtype::F64 } else { Dtype::F32 });
            // What a tuple loss keeps has a tensor, be it an empty one, for each of its names.
            let may_be_missing = part.optional && head_fields().contains(&part.name.as_str());
            if info.is_some() || !may_be_missing {
                fits(&tensor, info, dtype, &part.shape, part.optional)?;
            }
        }
        // A part that this loss lacks is written empty.
        for field in head_fields() {
            let tensor = format!("{prefix}head.{field}");
            if left.get(&tensor).is_some_and(|info| info.shape.contains(&0)) {
                left.remove(&tensor);
            }
        }
        Ok(())
    }
}

/// The plan of a run's head. Where an older file does not say what its ordered classes are worth, they count from 0:
/// no length depends on it.
fn of_head(config: &Config, known: &Provenance) -> Result<Plan, PlanError> {
    let classes = known.classes.len();
    let counted: Vec<f32> = (0..classes).map(|c| c as f32).collect();
    Plan::of_run(config, known.shape(), classes, Some(known.values.as_deref().unwrap_or(&counted)))
}

/// Takes the tensors of some names out of a list.
fn take<'a>(left: &mut Found<'a>, which: impl Fn(&str) -> bool) -> impl Iterator<Item = (String, &'a TensorInfo)> {
    let (taken, rest) = std::mem::take(left).into_iter().partition(|(name, _)| which(name));
    *left = rest;
    let taken: Found<'a> = taken;
    taken.into_iter()
}

/// A tensor that must be there, of a type and a shape, or where it may be empty without numbers.
fn fits(
    tensor: &str,
    info: Option<&TensorInfo>,
    dtype: Dtype,
    shape: &[usize],
    may_be_empty: bool,
) -> Result<(), Broken> {
    let tensor = || tensor.to_owned();
    let Some(info) = info else {
        return Err(Broken::Missing { tensor: tensor(), expected: shape.to_owned() });
    };
    typed(&tensor(), info, dtype)?;
    if info.shape == shape || may_be_empty && info.shape.contains(&0) {
        return Ok(());
    }
    Err(Broken::Shape { tensor: tensor(), found: info.shape.clone(), expected: shape.to_owned() })
}

fn typed(tensor: &str, info: &TensorInfo, dtype: Dtype) -> Result<(), Broken> {
    if info.dtype == dtype {
        return Ok(());
    }
    let (found, expected) = (format!("{:?}", info.dtype), format!("{dtype:?}"));
    Err(Broken::Type { tensor: tensor.to_owned(), found, expected })
}
