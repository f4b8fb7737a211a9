//! Ranges of the numbers that stand alone. What depends on the loss is in [`super::loss`].

use super::{PlanError, within};
use crate::config::Config;
use crate::losses::bounds;
use crate::losses::margin::{SCALE, SMOOTHING, Unit};
use crate::optim::rate_schedule::Decay;
use crate::range::Range;
use crate::registry;

/// A key, its value if there is one, what is allowed, and why.
type Row = (&'static str, fn(&Config) -> Option<f64>, Range, &'static str);

const SHARE: Range = Range::Below(0.0, 1.0);
const OF_TRAINING: &str = "it is a part of the training";

const RANGES: &[Row] = &[
    ("model.dim", |c| Some(c.model.dim as f64), bounds::DIM.range, bounds::DIM.why),
    (
        "data.decode_memory",
        |c| Some(c.data.decode_memory as f64),
        Range::Whole(1, 1 << 20),
        "it is in MiB, and an image takes a part of one",
    ),
    (
        "train.epochs",
        |c| Some(c.train.epochs as f64),
        Range::Whole(1, 1_000_000),
        "without a pass over the images nothing is learned",
    ),
    (
        "train.batch",
        |c| Some(c.train.batch as f64),
        Range::Whole(1, 65_536),
        "a step needs an image, and memory has an end",
    ),
    ("train.threads", |c| Some(c.train.threads as f64), Range::Whole(0, 1024), "0 means all that there are"),
    (
        "train.recoveries",
        |c| Some(c.train.recoveries as f64),
        Range::Whole(0, 30),
        "each takes the training back and halves its rate; after so many nothing moves any more",
    ),
    ("optim.rate", |c| Some(c.optim.rate), Range::Over(0.0), "weights must move, downhill"),
    ("optim.prototype_rate", |c| c.optim.prototype_rate, bounds::PROTOTYPE_RATE.range, bounds::PROTOTYPE_RATE.why),
    ("optim.momentum", |c| Some(c.optim.momentum), SHARE, "at 1 a velocity never fades"),
    ("optim.beta2", |c| Some(c.optim.beta2), SHARE, "at 1 a moment never fades"),
    ("optim.epsilon", |c| Some(c.optim.epsilon), Range::Over(0.0), "it keeps a division from zero"),
    ("optim.decay", |c| Some(c.optim.decay), Range::AtLeast(0.0), "negative decay makes weights grow"),
    ("optim.clip", |c| Some(c.optim.clip), Range::AtLeast(0.0), "0 means no limit"),
    ("optim.schedule.warmup", |c| Some(c.optim.schedule.warmup), SHARE, OF_TRAINING),
    ("loss.smoothing", |c| Some(c.loss.smoothing), SMOOTHING.range, SMOOTHING.why),
];

/// What a number of a configuration may be, by its key.
///
/// ```
/// assert_eq!(arcsphere::plan::range_of("model.dim").unwrap().to_string(), "a whole number in 2..=65536");
/// assert_eq!(arcsphere::plan::range_of("loss.angle_margin").unwrap().to_string(), "in [0, π]");
/// assert!(arcsphere::plan::range_of("data.source").is_none());
/// ```
pub fn range_of(key: &str) -> Option<Range> {
    let of_loss = Unit::ALL.map(Unit::param).into_iter().chain([&SCALE]);
    let mut of_loss = of_loss.filter(|p| key.strip_prefix("loss.") == Some(p.name)).map(|p| p.range);
    RANGES.iter().find(|row| row.0 == key).map(|row| row.2).or_else(|| of_loss.next())
}

/// Refuses the first number outside its range.
pub(super) fn check(c: &Config) -> Result<(), PlanError> {
    for (key, value, range, why) in RANGES {
        if let Some(value) = value(c) {
            within(key, value, *range, why)?;
        }
    }
    if let Decay::Step { milestones, factor } = &c.optim.schedule.decay {
        within("optim.schedule.decay.factor", *factor, Range::Over(0.0), "the rate must stay above 0")?;
        for &m in milestones {
            within("optim.schedule.decay.milestones", m, SHARE, "each is a part of the training")?;
        }
    }
    for &f in &c.eval.fmr {
        within("eval.fmr", f, Range::Inside(0.0, 1.0), "it is a rate")?;
    }
    let known = arcsphere_eval::protocols::names();
    if let Some(name) = c.eval.measures.iter().find(|n| !known.contains(&n.as_str())) {
        return Err(registry::unknown("measure", name, known).into());
    }
    c.margin_schedule.check().map_err(|refused| PlanError::Setting { section: "margin_schedule", refused })
}
