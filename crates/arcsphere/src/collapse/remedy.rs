//! What is made softer after a cause, and how much.
//!
//! Margin and scale go to what C and D have room for at once, if they are beyond it
//! ([`crate::losses::fit`]). Other remedies escalate: the n-th recovery from the same cause takes
//! the n-th power of a factor, and what earlier ones took stays taken. So five recoveries lower
//! the rate by 2¹⁵, and a training that dies of its settings is brought to settings of which it
//! does not.

use super::{CauseInfo, find};
use crate::losses::fit::{default_scale, fitting_part};
use crate::losses::margin::ScaleKind;
use crate::plan::Plan;
use crate::progress::{Finding, Progress, Softening};

/// Factor of the learning rate.
const RATE: f64 = 0.5;
/// Factor of the margin's strength.
const STRENGTH: f64 = 0.75;
/// Least λ after the first recovery of an annealed margin: SphereFace's own least. It doubles.
const LAMBDA: f64 = 5.0;
/// Factor of a fixed scale that is as low as C and D need it.
const SCALE: f64 = 0.7;
/// Factor of the prototypes' rate.
const PROTOTYPES: f64 = 0.25;
/// The limit of a gradient's norm where there was none, or a longer one. It halves.
const CLIP: f64 = 5.0;
/// The part of the training that is plain softmax again.
const SOFT_START: f64 = 0.1;
/// The part of the training over which a margin grows anew, times the recovery's number …
const RAMP: f64 = 0.2;
/// … but the margin is whole from this part on.
const RAMP_END: f64 = 0.9;

/// What a remedy depends on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Circumstances {
    /// The how-manieth recovery from this cause it is, from 1.
    pub(crate) severity: u32,
    /// The step from which the training goes on.
    pub(crate) from: u64,
    /// Steps of the whole training.
    pub(crate) steps: u64,
    /// Logits are cosines in the end.
    pub(crate) angular: bool,
    /// The loss has a margin.
    pub(crate) has_margin: bool,
    /// The margin comes in by SphereFace's λ.
    pub(crate) annealed: bool,
    /// The part of the margin that C and D have room for, in [0, 1].
    pub(crate) fitting_margin: f64,
    /// The scale is fixed.
    pub(crate) fixed_scale: bool,
    /// The part of it that C and D need, in (0, 1].
    pub(crate) fitting_scale: f64,
    /// D is 2: the even gaps at which prototypes are placed are the best there are.
    pub(crate) on_circle: bool,
    /// The configuration's limit of a gradient's norm, 0 for none.
    pub(crate) clip: f64,
}

impl Circumstances {
    /// Those of a recovery that goes back to the step `from`.
    pub(crate) fn of(plan: &Plan, progress: &Progress, finding: &Finding, from: u64) -> Self {
        let dim = plan.dim();
        let before = progress.recoveries.iter().filter(|r| r.cause == finding.cause).count();
        Circumstances {
            severity: u32::try_from(before).unwrap_or(u32::MAX).saturating_add(1),
            from,
            steps: plan.steps(),
            // A tuple loss alone has no soft start to begin again with.
            angular: plan.margin_loss().is_some() && plan.scale_kind() != ScaleKind::Unnormalized,
            has_margin: plan.margin_loss().is_some_and(|loss| !loss.kind.takes.is_empty()),
            annealed: plan.config().margin_schedule.lambda.is_some(),
            fitting_margin: fitting_part(plan.margins(), plan.classes(), dim),
            fixed_scale: plan.scale_kind() == ScaleKind::Fixed,
            fitting_scale: (default_scale(plan.classes(), dim) / plan.scale()).min(1.0),
            on_circle: dim == 2,
            clip: plan.config().optim.clip,
        }
    }
}

/// The remedy for `finding`, over what is softened already.
pub(crate) fn prescribe<'a>(finding: &Finding, before: Softening, circumstances: &'a Circumstances) -> Remedy<'a> {
    let begin = circumstances.from;
    let mut list = Remedy { soft: before, spread: false, begin, circumstances, said: Vec::new() };
    match find(&finding.cause) {
        Ok(CauseInfo { cure, .. }) => cure(&mut list),
        Err(_) => list.slow_down(),
    }
    list
}

/// A remedy. In the making each method makes one thing softer, where there is such a thing.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Remedy<'a> {
    soft: Softening,
    spread: bool,
    /// The step at which a margin may begin to grow.
    begin: u64,
    circumstances: &'a Circumstances,
    said: Vec<String>,
}

impl Remedy<'_> {
    /// The schedules from here on.
    pub(crate) fn softening(&self) -> Softening {
        self.soft
    }

    /// Whether the prototypes are to be spread at once, in their order.
    pub(crate) fn spreads_prototypes(&self) -> bool {
        self.spread
    }

    /// All of it in words.
    pub(crate) fn in_words(&self) -> String {
        self.said.join(", ")
    }

    /// The how-manieth recovery from this cause it is, from 1.
    pub(super) fn severity(&self) -> u32 {
        self.circumstances.severity
    }

    fn escalated(&self, factor: f64) -> f64 {
        // Beyond, a factor would round to 0 and nothing would move at all.
        factor.powi(self.severity().min(30) as i32)
    }

    /// A lower learning rate.
    pub(super) fn slow_down(&mut self) {
        let factor = self.escalated(RATE);
        self.soft.rate *= factor;
        self.said.push(format!("learning rate × {factor}"));
    }

    /// Plain softmax for a while, which sorts the classes, and prototypes placed by it, on a
    /// circle to stay. To be called before [`grow_anew`](Self::grow_anew), which then begins
    /// where it ends.
    pub(super) fn start_softly(&mut self) {
        let Circumstances { from, steps, angular, .. } = *self.circumstances;
        if angular {
            let until = from + ((SOFT_START * steps as f64) as u64).max(1);
            self.soft.soft_start = Some((from, until));
            self.begin = until;
            self.said.push(format!("plain softmax until step {until}"));
            self.hold_on_circle();
        }
    }

    /// Holds prototypes still on a circle. Returns whether they are on one.
    fn hold_on_circle(&mut self) -> bool {
        if self.circumstances.on_circle && self.soft.prototype_rate > 0.0 {
            self.soft.prototype_rate = 0.0;
            self.said.push("prototypes held still".to_owned());
        }
        self.circumstances.on_circle
    }

    /// Prototypes placed anew.
    pub(super) fn spread_prototypes(&mut self) {
        self.spread = true;
        self.said.push("prototypes spread anew".to_owned());
    }

    /// Slower prototypes; none that move on a circle.
    pub(super) fn slow_prototypes(&mut self) {
        if self.hold_on_circle() {
            return;
        }
        let factor = self.escalated(PROTOTYPES);
        self.soft.prototype_rate *= factor;
        self.said.push(format!("prototypes' rate × {factor}"));
    }

    /// A smaller limit of gradients.
    pub(super) fn clip_harder(&mut self) {
        let limit = self.soft.clip(self.circumstances.clip);
        let limit = if limit > CLIP || limit == 0.0 { CLIP } else { 0.5 * limit };
        self.soft.clip = Some(limit);
        self.said.push(format!("gradients clipped at {limit}"));
    }

    /// A weaker margin.
    pub(super) fn weaken(&mut self) {
        if !self.circumstances.has_margin {
            return;
        }
        if self.circumstances.annealed {
            self.soft.lambda = (2.0 * self.soft.lambda).max(LAMBDA);
            self.said.push(format!("λ ≥ {}", self.soft.lambda));
        } else {
            let fitting = self.circumstances.fitting_margin;
            self.soft.strength = (self.soft.strength * self.escalated(STRENGTH)).min(fitting);
            self.said.push(format!("margin at {:.0} %", 100.0 * self.soft.strength));
        }
    }

    /// A margin that grows anew, over a longer time than before.
    pub(super) fn grow_anew(&mut self) {
        let Circumstances { severity, steps, has_margin, .. } = *self.circumstances;
        if !has_margin {
            return;
        }
        let from = self.begin;
        let end = from as f64 + RAMP * f64::from(severity) * steps as f64;
        let until = (end.min(RAMP_END * steps as f64) as u64).max(from + 1);
        self.soft.ramp = Some((from, until));
        self.said.push(format!("margin grown anew until step {until}"));
    }

    /// A lower fixed scale.
    pub(super) fn lower_scale(&mut self) {
        let Circumstances { fixed_scale, fitting_scale, .. } = *self.circumstances;
        if fixed_scale {
            // Far below what C and D need no probability is reached at all: a small step then.
            let lower = if self.soft.scale > fitting_scale { fitting_scale } else { SCALE * self.soft.scale };
            self.soft.scale = lower;
            self.said.push(format!("scale at {:.0} %", 100.0 * lower));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collapse::CAUSES;

    const CIRCUMSTANCES: Circumstances = Circumstances {
        severity: 1,
        from: 200,
        steps: 1000,
        angular: true,
        has_margin: true,
        annealed: false,
        fitting_margin: 1.0,
        fixed_scale: true,
        fitting_scale: 0.5,
        on_circle: false,
        clip: 0.0,
    };

    fn finding(cause: &str) -> Finding {
        Finding { step: 300, cause: cause.to_owned(), figure: "x".to_owned() }
    }

    #[test]
    fn every_cause_has_a_remedy_whatever_the_loss() {
        for cause in CAUSES {
            for (has_margin, fixed_scale, annealed) in [(true, true, false), (false, false, false), (true, false, true)]
            {
                let c = Circumstances { has_margin, fixed_scale, annealed, ..CIRCUMSTANCES };
                let list = prescribe(&finding(cause.name), Softening::default(), &c);
                let (soft, said) = (list.softening(), list.in_words());
                if cause.name != "past_monotone" || has_margin {
                    assert!(soft != Softening::default() && !said.is_empty(), "{} {c:?}", cause.name);
                }
                assert!(fixed_scale || soft.scale == 1.0, "{}", cause.name);
                assert!(has_margin || (soft.strength == 1.0 && soft.ramp.is_none()), "{}", cause.name);
                assert!(c.angular || soft.soft_start.is_none(), "{}", cause.name);
                assert!(annealed || soft.lambda == 0.0, "{}", cause.name);
            }
        }
    }

    #[test]
    fn remedies_escalate_and_add_up() {
        let (mut soft, mut said) = (Softening::default(), String::new());
        for severity in 1..=3 {
            let c = Circumstances { severity, ..CIRCUMSTANCES };
            let list = prescribe(&finding("not_finite"), soft, &c);
            (soft, said) = (list.softening(), list.in_words());
        }
        assert_eq!((soft.rate, soft.clip, soft.ramp), (0.5_f64.powi(6), Some(1.25), Some((200, 800))));
        assert_eq!(soft.scale, 0.5, "the scale is lowered in the third only");
        let expected =
            "learning rate × 0.125, gradients clipped at 1.25, margin grown anew until step 800, scale at 50 %";
        assert_eq!(said, expected);
    }

    #[test]
    fn margin_and_scale_go_to_what_there_is_room_for_and_then_on_slowly() {
        let c = Circumstances { fitting_margin: 0.4, fitting_scale: 0.25, on_circle: true, ..CIRCUMSTANCES };
        let once = prescribe(&finding("one_direction"), Softening::default(), &c);
        let soft = once.softening();
        assert_eq!((soft.strength, soft.scale, soft.prototype_rate), (0.4, 0.25, 0.0));
        let said = "plain softmax until step 300, prototypes held still, margin at 40 %";
        assert!(once.in_words().starts_with(said), "{once:?}");
        let c = Circumstances { severity: 2, ..c };
        let soft = prescribe(&finding("one_direction"), soft, &c).softening();
        assert!((soft.strength - 0.4 * 0.5625).abs() < 1e-12 && (soft.scale - 0.175).abs() < 1e-12, "{soft:?}");
        // Above the circle prototypes go on, more slowly.
        let c = Circumstances { on_circle: false, ..c };
        let soft = prescribe(&finding("prototypes_together"), Softening::default(), &c).softening();
        assert_eq!(soft.prototype_rate, 0.0625);
    }

    #[test]
    fn an_annealed_margin_keeps_more_of_the_plain_cosine() {
        let c = Circumstances { annealed: true, ..CIRCUMSTANCES };
        let once = prescribe(&finding("origin"), Softening::default(), &c).softening();
        let twice = prescribe(&finding("origin"), once, &c);
        assert_eq!((twice.softening().lambda, twice.softening().strength), (10.0, 1.0));
        assert!(twice.in_words().contains("λ ≥ 10"), "{twice:?}");
    }

    #[test]
    fn a_ramp_ends_before_the_training_does() {
        for (from, severity) in [(0, 1), (850, 5), (899, 1), (950, 2)] {
            let c = Circumstances { from, severity, ..CIRCUMSTANCES };
            let list = prescribe(&finding("stuck_at_chance"), Softening::default(), &c);
            let ((softly, start), (grows, until)) =
                (list.softening().soft_start.unwrap(), list.softening().ramp.unwrap());
            assert_eq!((softly, start, grows), (from, from + 100, from + 100));
            assert!(until > grows && until <= grows.max(900) + 1, "{from} {severity}: {until}");
        }
    }
}
