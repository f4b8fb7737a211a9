//! How far a training is, as plain data: with the tensors, all of a checkpoint.
//!
//! Everything that a step depends on and that is neither a tensor nor a function of the
//! step number is here, so a trainer that is read back goes on with the same bits.

use crate::optim::margin_schedule::MarginState;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One epoch, as it went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct EpochRecord {
    /// From 1.
    pub epoch: u64,
    /// Mean training loss.
    pub loss: f64,
    /// Training accuracy without margin, on the images as they went by.
    pub train_accuracy: f64,
    /// Accuracy on the validation images, if there are any.
    pub validation_accuracy: Option<f64>,
    /// Largest norm of the backbone's gradient before clipping.
    pub max_gradient_norm: f64,
}

/// Sums of the epoch that is under way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Running {
    /// Σ of the steps' mean losses.
    pub loss: f64,
    /// Images classified correctly.
    pub correct: u64,
    /// Images seen.
    pub seen: u64,
    /// Largest gradient norm.
    pub max_gradient_norm: f64,
}

/// How far a training is; with the tensors, all of a checkpoint.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// Steps done. A recovery sets it back.
    pub step: u64,
    /// Finished epochs.
    pub history: Vec<EpochRecord>,
    /// The unfinished one.
    pub running: Running,
    /// Why the training is dead, if it is.
    pub collapsed: Option<String>,
    /// What recoveries made of the schedules.
    #[serde(default)]
    pub softening: Softening,
    /// Every time that the training was saved from dying.
    #[serde(default)]
    pub recoveries: Vec<Recovery>,
    /// Causes of death that were seen and not acted on, each once; and the one that ended it.
    #[serde(default)]
    pub findings: Vec<Finding>,
    /// What the detectors remember.
    #[serde(default)]
    pub vitals: Vitals,
    /// The step before which the prototypes' moments were last empty: the training's first, or
    /// the one in which the prototypes were placed anew.
    #[serde(default)]
    pub moments_since: u64,
}

impl Progress {
    /// Steps computed, those included that a recovery took back.
    pub fn steps_computed(&self) -> u64 {
        self.step + self.recoveries.iter().map(|r| r.step - r.back_to).sum::<u64>()
    }

    /// Names of the causes that were seen, each once, in the order in which they were.
    pub fn causes(&self) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        // A finding that is not recovered from comes after all that were.
        for name in self.recoveries.iter().map(|r| &r.cause).chain(self.findings.iter().map(|f| &f.cause)) {
            if !names.contains(name) {
                names.push(name.clone());
            }
        }
        names
    }
}

/// A cause of death, seen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// The step in which it was seen, from 1.
    pub step: u64,
    /// Its name in [`crate::stability::CAUSES`].
    pub cause: String,
    /// The figure that shows it, as the beginning of a sentence.
    pub figure: String,
}

impl Finding {
    /// The figure and the step, as one clause.
    pub fn sentence(&self) -> String {
        format!("{} at step {}", self.figure, self.step)
    }
}

/// A training saved: back to a healthy step, and more softly on from there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recovery {
    /// The step in which the cause was seen, from 1.
    pub step: u64,
    /// Steps that were kept.
    pub back_to: u64,
    /// The cause's name in [`crate::stability::CAUSES`].
    pub cause: String,
    /// The figure that shows it.
    pub figure: String,
    /// What was made softer.
    pub remedy: String,
}

impl Recovery {
    /// Cause, step and remedy in a line.
    pub fn sentence(&self) -> String {
        let Recovery { step, back_to, figure, remedy, .. } = self;
        format!("{figure} at step {step}: back to step {back_to}, {remedy}")
    }
}

/// What recoveries made of the schedules. The default changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Softening {
    /// Factor of the learning rate, in (0, 1].
    pub rate: f64,
    /// Factor of the normalized prototypes' rate on top of it, in [0, 1].
    pub prototype_rate: f64,
    /// Factor of a fixed scale, in (0, 1].
    pub scale: f64,
    /// Factor of the margin's strength, in (0, 1].
    pub strength: f64,
    /// Least λ of SphereFace's annealing, ≥ 0.
    pub lambda: f64,
    /// Largest norm of a gradient, if that is less than the configuration's.
    pub clip: Option<f64>,
    /// Plain softmax again, from the first of these steps to the second; then prototypes are
    /// placed anew.
    pub soft_start: Option<(u64, u64)>,
    /// The margin grows anew, linearly from the first of these steps to the second.
    pub ramp: Option<(u64, u64)>,
}

impl Default for Softening {
    fn default() -> Self {
        Softening {
            rate: 1.0,
            prototype_rate: 1.0,
            scale: 1.0,
            strength: 1.0,
            lambda: 0.0,
            clip: None,
            soft_start: None,
            ramp: None,
        }
    }
}

impl Softening {
    /// What is left of the schedule's margin at `step`.
    pub fn margin(&self, scheduled: MarginState, step: u64) -> MarginState {
        let grown = match self.ramp {
            Some((_, until)) if step >= until => 1.0,
            Some((from, until)) => step.saturating_sub(from) as f64 / (until - from) as f64,
            None => 1.0,
        };
        MarginState {
            linear: scheduled.linear || self.soft_start.is_some_and(|(from, until)| (from..until).contains(&step)),
            strength: scheduled.strength * self.strength * grown,
            lambda: scheduled.lambda.max(self.lambda),
            ..scheduled
        }
    }

    /// The steps of plain softmax that `step` is in, or after which it is: the schedule's, which
    /// end at `first_angular`, or a recovery's.
    pub fn soft_phase(&self, first_angular: u64, step: u64) -> (u64, u64) {
        match self.soft_start {
            Some((from, until)) if step >= from => (from, until.max(first_angular)),
            _ => (0, first_angular),
        }
    }

    /// The limit of a gradient's norm, 0 for none, where the configuration has `clip`.
    pub fn clip(&self, clip: f64) -> f64 {
        match self.clip {
            Some(own) if clip > 0.0 => own.min(clip),
            Some(own) => own,
            None => clip,
        }
    }
}

/// A training whose accuracy is below this part of its best is losing what it learned.
const KEPT: f64 = 0.5;

/// What the detectors of [`crate::stability`] remember from step to step.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Vitals {
    /// Running mean of log(mean ‖x‖).
    pub norm_level: Option<f64>,
    /// Running mean of log(gradient norm).
    pub gradient_level: Option<f64>,
    /// For how many steps in a row each cause has been suspected; those at 0 are absent.
    pub streaks: BTreeMap<String, u32>,
    /// The images by which the accuracy is judged next.
    pub window: Window,
    /// Whether the last of them were classified better than by guessing.
    pub above_chance: bool,
    /// Running mean of the batches' accuracy, …
    pub accuracy: f64,
    /// … and the best that it was.
    pub best_accuracy: f64,
}

impl Vitals {
    /// Counts how often in a row `name` is suspected; whether that is `patience` times.
    pub fn suspect(&mut self, name: &str, now: bool, patience: u32) -> bool {
        if !now {
            self.streaks.remove(name);
            return false;
        }
        let streak = self.streaks.entry(name.to_owned()).or_default();
        *streak += 1;
        *streak >= patience
    }

    /// Nothing is suspected, and something was learned and is not being lost: the state is
    /// worth going back to.
    pub fn are_good(&self) -> bool {
        self.streaks.is_empty() && self.above_chance && self.accuracy >= KEPT * self.best_accuracy
    }
}

/// Sums over some batches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Window {
    /// Images.
    pub seen: u64,
    /// Those classified correctly without a margin.
    pub correct: u64,
    /// Σ of their losses.
    pub loss: f64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_softening_changes_nothing() {
        let state = MarginState { linear: true, scale_share: 0.3, strength: 0.4, lambda: 7.0, step: 0 };
        let none = Softening::default();
        assert_eq!((none.margin(state, 5), none.clip(5.0), none.clip(0.0)), (state, 5.0, 0.0));
    }

    #[test]
    fn a_softer_margin_grows_anew_and_stays_weaker() {
        let soft = Softening { strength: 0.5, ramp: Some((100, 300)), lambda: 5.0, ..Softening::default() };
        let at = |step| soft.margin(MarginState::FULL, step);
        assert_eq!([at(90), at(100), at(200), at(300), at(900)].map(|s| s.strength), [0.0, 0.0, 0.25, 0.5, 0.5]);
        assert_eq!(at(900).lambda, 5.0);
    }

    #[test]
    fn plain_softmax_comes_again() {
        let soft = Softening { soft_start: Some((200, 300)), ..Softening::default() };
        let linear = |step| soft.margin(MarginState::FULL, step).linear;
        assert_eq!([199, 200, 299, 300].map(linear), [false, true, true, false]);
        // The schedule's own phase still ends where it ended, unless the two are one.
        assert_eq!(
            [70, 199, 200, 300].map(|step| soft.soft_phase(70, step)),
            [(0, 70), (0, 70), (200, 300), (200, 300)]
        );
        assert_eq!(soft.soft_phase(350, 250), (200, 350));
    }

    #[test]
    fn a_limit_is_only_ever_lowered() {
        let soft = Softening { clip: Some(2.0), ..Softening::default() };
        assert_eq!((soft.clip(0.0), soft.clip(5.0), soft.clip(1.0)), (2.0, 2.0, 1.0));
    }

    #[test]
    fn a_suspicion_counts_only_in_a_row() {
        let mut vitals = Vitals { above_chance: true, ..Vitals::default() };
        assert!(!vitals.suspect("a", true, 2) && !vitals.are_good());
        assert!(!vitals.suspect("a", false, 2) && vitals.are_good());
        assert!(!vitals.suspect("a", true, 2) && vitals.suspect("a", true, 2));
    }

    #[test]
    fn a_state_that_loses_what_it_learned_is_not_good() {
        let vitals = Vitals { above_chance: true, best_accuracy: 0.8, ..Vitals::default() };
        assert!(Vitals { accuracy: 0.5, ..vitals.clone() }.are_good());
        assert!(!Vitals { accuracy: 0.3, ..vitals }.are_good());
    }

    #[test]
    fn steps_taken_back_were_computed_too_and_a_cause_is_named_once() {
        let recovery = |step, back_to, cause: &str| Recovery {
            step,
            back_to,
            cause: cause.into(),
            figure: "the loss is NaN".into(),
            remedy: "rate halved".into(),
        };
        let progress = Progress {
            step: 50,
            recoveries: vec![recovery(40, 30, "b"), recovery(45, 30, "a"), recovery(48, 0, "b")],
            findings: vec![Finding { step: 49, cause: "a".into(), figure: String::new() }],
            ..Progress::default()
        };
        assert_eq!((progress.steps_computed(), progress.causes()), (50 + 10 + 15 + 48, vec!["b".into(), "a".into()]));
        let said = progress.recoveries[0].sentence();
        assert_eq!(said, "the loss is NaN at step 40: back to step 30, rate halved");
    }

    /// Older ones also say how many seconds it took, which is no part of what a training is.
    #[test]
    fn the_progress_of_an_older_checkpoint_is_read() {
        let old = r#"{"step":3,"history":[],"running":{"loss":0.5,"correct":1,"seen":2,"max_gradient_norm":0.1},
            "seconds":1.0,"collapsed":null}"#;
        let read: Progress = serde_json::from_str(old).unwrap();
        assert_eq!((read.step, read.softening, read.recoveries.len()), (3, Softening::default(), 0));
        assert!(!serde_json::to_string(&read).unwrap().contains("seconds"));
    }
}
