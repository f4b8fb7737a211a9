//! What a training starts from: the network and the head that a plan and its seed give, and the rule of each step.

use crate::backbones::BuiltIn;
use crate::config::OptimizerKind;
use crate::head::{Head, HeadSpec, HeadState, OrdinalTerm, TupleTerm, Update};
use crate::losses::margin::{Angular, Extension, Margin, Margins, Naive, Recipe, Unit};
use crate::nn::{Init, Rng};
use crate::plan::{LossPlan, Network, Ordinal, Plan, PlanError};
use crate::progress::Softening;
use burn::tensor::Device;
use rand::SeedableRng;

/// Independent streams of one seed.
const STREAM_BACKBONE: u64 = 1;
const STREAM_HEAD: u64 = 2;

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

pub(crate) fn new_head(plan: &Plan) -> Head {
    let (rng, soft) = (&mut stream(plan.config().train.seed, STREAM_HEAD), Softening::default());
    let head = Head::new(head_spec(plan, &soft), &update_at(plan, &soft, 0), rng);
    if !plan.config().train.naive || head.is_ordinal() {
        return head;
    }
    let state = head.state().clone();
    let weights = Init::XavierUniform.draw(state.weights.len(), plan.dim(), plan.classes(), rng);
    Head::with_state(head_spec(plan, &soft), HeadState { weights, ..state })
}

pub(crate) fn head_spec(plan: &Plan, soft: &Softening) -> HeadSpec {
    let (clip, params) = (soft.clip(plan.config().optim.clip), &plan.config().loss.params);
    let (mut tuple, mut ordinal) = (None, None);
    match plan.loss() {
        LossPlan::Margin(_) => {}
        LossPlan::Tuple(info) => {
            tuple = Some(TupleTerm { loss: info.build(&info.values_or_defaults(params)), role: info.kind.role });
        }
        LossPlan::Ordinal(Ordinal { info, levels }) => {
            let loss = info.build(&info.values_or_defaults(params));
            ordinal = Some(OrdinalTerm { loss, levels: levels.clone() });
        }
    }
    HeadSpec {
        classes: plan.classes(),
        dim: plan.dim(),
        margin: margin_of(plan, soft),
        scale_kind: plan.scale_kind(),
        scale: plan.scale() * soft.scale,
        smoothing: plan.config().loss.smoothing,
        lanes: plan.threads(),
        max_gradient_norm: if clip > 0.0 { clip } else { f64::INFINITY },
        prototype_rate: soft.prototype_rate * plan.config().optim.prototype_rate.unwrap_or(1.0),
        seed: plan.config().train.seed,
        energy: plan.energy(),
        tuple,
        ordinal,
    }
}

fn margin_of(plan: &Plan, soft: &Softening) -> Box<dyn Margin> {
    let (Some(loss), Some(recipe)) = (plan.margin_loss(), plan.recipe()) else {
        // Classes are told by cosines without a margin.
        return Box::new(Angular { margins: Margins::NONE, extension: Extension::Monotone });
    };
    let margin = loss.build(&Recipe { scale: recipe.scale * soft.scale, ..recipe });
    // Without an angle in it, public code has no arccos either.
    let of_angle = [Unit::AngleMultiplier, Unit::AngleMargin].iter().any(|unit| loss.kind.takes(*unit));
    if plan.config().train.naive && of_angle { Box::new(Naive::new(margin)) } else { margin }
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
