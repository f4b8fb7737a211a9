//! What a training starts from: the network and the head that a plan and its seed give, and the rule of each step.

use crate::backbones::BuiltIn;
use crate::collapse::all_finite;
use crate::config::OptimizerKind;
use crate::head::{Head, HeadBuilder, HeadError, Update};
use crate::losses::margin::{Naive, Unit};
use crate::nn::{Init, Rng};
use crate::plan::{LossPlan, Network, Ordinal, Plan, PlanError};
use crate::progress::Softening;
use burn::tensor::Device;
use rand::SeedableRng;

/// The backbone's stream of a seed; the second is the head's.
const STREAM_BACKBONE: u64 = 1;

pub(crate) fn stream(seed: u64, stream: u64) -> Rng {
    let mut rng = Rng::seed_from_u64(seed);
    rng.set_stream(stream);
    rng
}

/// The plan's network, if it is built in, as the seed gives it.
pub(crate) fn new_backbone(plan: &Plan, device: &Device) -> Result<BuiltIn, PlanError> {
    match plan.network() {
        Network::BuiltIn(spec) => Ok(spec.make(&mut stream(plan.config().train.seed, STREAM_BACKBONE), device)),
        Network::Own { .. } => Err(PlanError::NotBuiltIn(plan.backbone().to_owned())),
    }
}

/// The head of a plan, to be built at its first step or with the numbers of another. It takes numbers that are not
/// finite: whether they are is for the examination of each step to say, and a training that died is looked at too.
pub(crate) fn head_of(plan: &Plan) -> HeadBuilder {
    let config = plan.config();
    let mut head = Head::builder(plan.name(), plan.classes(), plan.dim())
        .settings(config.loss.settings())
        .schedule(config.margin_schedule, plan.steps())
        .seed(config.train.seed)
        .lanes(plan.threads())
        .prototype_rate(config.optim.prototype_rate.unwrap_or(1.0))
        .accepts_lost(true);
    if config.optim.clip > 0.0 {
        head = head.max_gradient_norm(config.optim.clip);
    }
    if let LossPlan::Ordinal(Ordinal { levels, .. }) = plan.loss() {
        return head.levels(levels.clone());
    }
    if config.train.naive {
        head = head.initial(Init::XavierUniform);
        // Without an angle in it, public code has no arccos either.
        let takes = |unit| plan.margin_loss().is_some_and(|loss| loss.kind.takes(unit));
        if takes(Unit::AngleMultiplier) || takes(Unit::AngleMargin) {
            head = head.wrap(|margin| Box::new(Naive::new(margin)));
        }
    }
    head
}

/// How many of `embeddings` the head tells to be of their class; those that are not finite are of none.
pub(crate) fn correct_of(head: &Head, embeddings: &[f32], labels: &[u32]) -> Result<usize, HeadError> {
    let rows = embeddings.chunks_exact(head.dim()).zip(labels);
    let (x, y): (Vec<&[f32]>, Vec<u32>) = rows.filter(|(x, _)| all_finite(x)).map(|(x, y)| (x, *y)).unzip();
    Ok(head.predict(&x.concat())?.iter().zip(y).filter(|(best, y)| best.class == *y).count())
}

/// The update rule at a step: the schedule's rate, softened, in the configured optimizer.
pub(crate) fn update_at(plan: &Plan, soft: &Softening, step: u64) -> Update {
    let o = &plan.config().optim;
    let rate = (soft.rate * o.rate * o.schedule.at(step, plan.steps())) as f32;
    let (momentum, decay) = (o.momentum as f32, o.decay as f32);
    match o.kind {
        OptimizerKind::Sgd => Update::Sgd { rate, momentum, decay },
        OptimizerKind::Adamw => Update::AdamW {
            rate,
            beta1: momentum,
            beta2: o.beta2 as f32,
            epsilon: o.epsilon as f32,
            decay,
            step: step + 1,
        },
    }
}
