//! A training at a healthy step, kept in memory to go back to.

use crate::backbones::Backbone;
use crate::head::HeadState;
use crate::nn::{NamedTensor, export};
use crate::optim::Optimizer;
use crate::progress::Progress;

/// Everything that a step changes.
#[derive(Clone, Debug)]
pub(crate) struct Snapshot {
    /// The backbone's parameters and running statistics. On the host, for clones of a
    /// backbone share its running statistics.
    pub(crate) backbone: Vec<NamedTensor>,
    /// The backbone's moments.
    pub(crate) optimizer: Optimizer,
    /// The head's numbers.
    pub(crate) head: HeadState,
    /// How far it was.
    pub(crate) progress: Progress,
}

impl Snapshot {
    /// A copy of a training as it is.
    pub(crate) fn take(backbone: &impl Backbone, optimizer: &Optimizer, head: HeadState, progress: &Progress) -> Self {
        Snapshot { backbone: export(backbone), optimizer: optimizer.clone(), head, progress: progress.clone() }
    }
}
